/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include "scsi/optable.h"

#include <string.h>

static void rsoc(struct env *e, struct task *t, uint8_t options, uint8_t opcode, uint16_t sa)
{
	uint8_t cdb[16] = { 0xa3, 0x0c, options, opcode };

	put_be16(cdb + 4, sa);
	put_be32(cdb + 6, 4096);
	task_init(e, t, cdb, 16);
	t->sc.data_in_len = 4096;
	task_run(e, t);
}

/* Commands of an LU that is not thin provisioned. */
static unsigned rows_offered(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < optable_len; i++)
		n += !(optable[i].flags & OP_THIN);
	return n;
}

/* What is listed is there, what is there is listed; UNMAP is not, on this LU. */
static void test_all_commands(void **state)
{
	struct env *e = *state;
	struct task t;
	unsigned n = 0;

	rsoc(e, &t, 0, 0, 0);
	assert_good(&t);
	assert_int_equal(get_be32(t.in) + 4, t.sc.data_len);
	for (unsigned i = 0; i < optable_len; i++) {
		const uint8_t *d = t.in + 4 + 8 * n;
		const struct scsi_op *op = &optable[i];

		if (op->flags & OP_THIN)
			continue;
		assert_int_equal(d[0], op->opcode);
		assert_int_equal(d[5], op->flags & OP_SA ? 1 : 0);
		assert_int_equal(get_be16(d + 2), op->sa);
		assert_int_equal(get_be16(d + 6), op->cdb_len);
		n++;
	}
	assert_int_equal(t.sc.data_len, 4 + 8 * n);
	assert_int_equal(n, rows_offered());
	assert_true(n < optable_len);
	task_free(&t);
}

static void test_all_with_timeouts(void **state)
{
	struct env *e = *state;
	struct task t;

	rsoc(e, &t, 0x80, 0, 0);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 4 + 20 * rows_offered());
	for (unsigned i = 0; i < rows_offered(); i++) {
		assert_int_equal(t.in[4 + 20 * i + 5] & 2, 2);
		assert_int_equal(get_be16(t.in + 4 + 20 * i + 8), 0x0a);
		assert_true(get_be32(t.in + 4 + 20 * i + 16) >= 30);
	}
	task_free(&t);
}

/* What Linux asks before it uses WRITE SAME(16). */
static void test_one_command(void **state)
{
	struct env *e = *state;
	struct task t;

	rsoc(e, &t, 1, 0x93, 0);
	assert_good(&t);
	assert_int_equal(t.in[1], 3);
	assert_int_equal(get_be16(t.in + 2), 16);
	assert_int_equal(t.sc.data_len, 20);
	assert_int_equal(t.in[4], 0x93);
	assert_int_equal(t.in[5], 0x01);
	assert_int_equal(t.in[4 + 15], 0);
	task_free(&t);

	rsoc(e, &t, 0x81, 0x28, 0);
	assert_int_equal(t.in[1], 0x83);
	assert_int_equal(t.sc.data_len, 4 + 10 + 12);
	assert_int_equal(t.in[5], 0x18);
	task_free(&t);
}

/* UNMAP is not for this LU, which is not thin, nor SP: nothing is kept. */
static void test_bits_this_lu_refuses(void **state)
{
	static const struct {
		uint8_t opcode, usage, bit;
	} rows[] = {
		{ 0x15, 0x10, 0x01 }, { 0x41, 0x00, 0x08 }, { 0x55, 0x10, 0x01 },
		{ 0x93, 0x01, 0x08 },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t cdb[16] = { rows[i].opcode, rows[i].usage | rows[i].bit };

		rsoc(e, &t, 1, rows[i].opcode, 0);
		assert_good(&t);
		assert_int_equal(t.in[5], rows[i].usage);
		task_free(&t);
		task_init(e, &t, cdb, 16);
		task_run(e, &t);
		assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
		task_free(&t);
	}
}

/* Progress can be asked for of what takes long; most commands have nothing to tell. */
static void test_timeouts(void **state)
{
	static const struct {
		uint8_t opcode;
		uint32_t recommended;
	} rows[] = { { 0x28, 30 }, { 0x35, 120 }, { 0x93, 120 } };
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		rsoc(e, &t, 0x81, rows[i].opcode, 0);
		assert_good(&t);
		assert_int_equal(t.in[1], 0x83);
		assert_int_equal(get_be32(t.in + t.sc.data_len - 8), 0);
		assert_int_equal(get_be32(t.in + t.sc.data_len - 4), rows[i].recommended);
		task_free(&t);
	}
}

static void test_support_and_refusal(void **state)
{
	static const struct {
		uint8_t option, opcode;
		uint16_t sa;
		int support; /* -1: 05/24/00 */
	} rows[] = {
		{ 1, 0x28, 0, 3 },    { 1, 0xff, 0, 1 },    { 1, 0x9e, 0, -1 },
		{ 1, 0x42, 0, 1 },    { 2, 0x9e, 0x10, 3 }, { 2, 0x9e, 0x11, 1 },
		{ 2, 0x28, 0, -1 },   { 2, 0xff, 0, 1 },    { 3, 0x28, 0, 3 },
		{ 3, 0x28, 5, 1 },    { 3, 0x9e, 0x10, 3 }, { 3, 0x9e, 0x12, 1 },
		{ 3, 0xff, 0, 1 },    { 4, 0x28, 0, -1 },   { 7, 0x28, 0, -1 },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		rsoc(e, &t, rows[i].option, rows[i].opcode, rows[i].sa);
		if (rows[i].support < 0) {
			assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
			assert_field(&t, true, 2, 2);
			continue;
		}
		assert_good(&t);
		assert_int_equal(t.in[1], rows[i].support);
		task_free(&t);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_all_commands),
		T(test_all_with_timeouts),
		T(test_one_command),
		T(test_bits_this_lu_refuses),
		T(test_timeouts),
		T(test_support_and_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
