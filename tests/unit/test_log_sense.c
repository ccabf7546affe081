/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void log_sense(struct env *e, struct task *t, uint8_t page, uint8_t subpage, uint16_t from)
{
	TASK_INIT(e, t, 0x4d, 0, 0x40 | page, subpage, 0, (uint8_t)(from >> 8), (uint8_t)from, 2,
		  0);
	t->sc.data_in_len = 512;
	task_run(e, t);
}

/* The page, with its header checked. */
static void log_page(struct env *e, struct task *t, uint8_t page, uint8_t subpage)
{
	log_sense(e, t, page, subpage, 0);
	assert_good(t);
	assert_int_equal(t->in[0], page | (subpage ? 0x40 : 0));
	assert_int_equal(t->in[1], subpage);
	assert_int_equal(get_be16(t->in + 2) + 4, t->sc.data_len);
}

static void test_lists_are_true(void **state)
{
	static const uint8_t want[] = { 0x00, 0x02, 0x03, 0x0d, 0x10, 0x2f };
	struct env *e = *state;
	struct task t, p;

	log_page(e, &t, 0, 0);
	assert_int_equal(t.sc.data_len, 4 + sizeof(want));
	assert_memory_equal(t.in + 4, want, sizeof(want));
	task_free(&t);
	log_page(e, &t, 0, 0xff);
	assert_int_equal(t.sc.data_len, 4 + 2 * (sizeof(want) + 1));
	for (unsigned at = 4; at < t.sc.data_len; at += 2) {
		assert_true(at == 4 || get_be16(t.in + at) > get_be16(t.in + at - 2));
		log_page(e, &p, t.in[at], t.in[at + 1]);
		task_free(&p);
	}
	task_free(&t);
}

/* Parameters follow each other to the end of the page, by ascending code. */
static void test_parameters_fill_the_page(void **state)
{
	static const uint8_t codes[] = { 0x02, 0x03, 0x0d, 0x10, 0x2f };
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < sizeof(codes); i++) {
		int last = -1;

		log_page(e, &t, codes[i], 0);
		for (unsigned at = 4; at < t.sc.data_len; at += 4u + t.in[at + 3]) {
			assert_true(at + 4u + t.in[at + 3] <= t.sc.data_len);
			assert_true(get_be16(t.in + at) > last);
			last = get_be16(t.in + at);
		}
		task_free(&t);
	}
}

static void run_io(struct env *e, uint8_t opcode)
{
	struct task t;

	TASK_INIT(e, &t, opcode, 0, 0, 0, 0, 0, 0, 0, 4);
	if (opcode == 0x2a)
		task_out(&t, NULL, 2048);
	else
		t.sc.data_in_len = 2048;
	task_run(e, &t);
	task_free(&t);
}

static void assert_counters(struct env *e, uint8_t page, uint64_t bytes, uint64_t errors)
{
	static const uint8_t heads[2][4] = { { 0, 5, 0x22, 8 }, { 0, 6, 0x22, 8 } };
	struct task t;

	log_page(e, &t, page, 0);
	assert_int_equal(t.sc.data_len, 4 + 24);
	assert_memory_equal(t.in + 4, heads[0], 4);
	assert_int_equal(get_be64(t.in + 8), bytes);
	assert_memory_equal(t.in + 16, heads[1], 4);
	assert_int_equal(get_be64(t.in + 20), errors);
	task_free(&t);
}

static void test_error_counters(void **state)
{
	struct env *e = *state;

	run_io(e, 0x28);
	run_io(e, 0x28);
	run_io(e, 0x2a);
	assert_counters(e, 0x03, 4096, 0);
	assert_counters(e, 0x02, 2048, 0);
	e->be.fail = -EIO;
	run_io(e, 0x28);
	run_io(e, 0x2a);
	run_io(e, 0x2a);
	e->be.fail = -ENOSPC; /* no error of the medium */
	run_io(e, 0x2a);
	e->be.fail = 0;
	assert_counters(e, 0x03, 4096, 1);
	assert_counters(e, 0x02, 2048, 2);
}

static struct env *open_thin(void)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->params.thin_provisioned = true;
	e->be.info.unmap_granularity = 4096;
	e->be.info.knows_usage = true;
	env_open(e);
	return e;
}

/* In blocks of 512 bytes; more than the field can tell is all ones. */
static void test_provisioning(void **state)
{
	static const uint8_t heads[2][4] = { { 0, 1, 0x23, 8 }, { 0, 2, 0x23, 8 } };
	struct env *e = open_thin();
	struct task t;

	(void)state;
	e->be.usage = (struct be_usage){ 3u << 20, 1ull << 50 };
	log_page(e, &t, 0x0c, 0);
	assert_int_equal(t.sc.data_len, 4 + 24);
	assert_memory_equal(t.in + 4, heads[0], 4);
	assert_int_equal(get_be32(t.in + 8), UINT32_MAX);
	assert_int_equal(t.in[12], 2); /* others may take it */
	assert_memory_equal(t.in + 16, heads[1], 4);
	assert_int_equal(get_be32(t.in + 20), 3u << 11);
	assert_int_equal(t.in[24], 1);
	task_free(&t);
	log_page(e, &t, 0, 0);
	assert_int_equal(t.in[4 + 3], 0x0c);
	task_free(&t);
	e->be.fail = -EIO;
	log_sense(e, &t, 0x0c, 0, 0);
	assert_sense(&t, SENSE_READ_ERROR);
	env_close(e);
	free(e);
}

static void test_provisioning_is_not_always_known(void **state)
{
	struct env *e = *state;
	struct task t;

	log_sense(e, &t, 0x0c, 0, 0);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 2, 5);
	e->be.info.knows_usage = true; /* but the LU is thick */
	log_sense(e, &t, 0x0c, 0, 0);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
}

static void test_nothing_is_known_of_the_temperature(void **state)
{
	static const uint8_t want[] = { 0, 0, 0x23, 2, 0, 0xff, 0, 1, 0x23, 2, 0, 0xff };
	struct env *e = *state;
	struct task t;

	log_page(e, &t, 0x0d, 0);
	assert_int_equal(t.sc.data_len, 4 + sizeof(want));
	assert_memory_equal(t.in + 4, want, sizeof(want));
	task_free(&t);
}

static void test_informational_exceptions(void **state)
{
	static const uint8_t want[] = { 0, 0, 0x23, 4, 0, 0, 0xff, 0xff };
	struct env *e = *state;
	struct task t;

	log_page(e, &t, 0x2f, 0);
	assert_int_equal(t.sc.data_len, 4 + sizeof(want));
	assert_memory_equal(t.in + 4, want, sizeof(want));
	task_free(&t);
}

static void self_test(struct env *e, uint8_t b1)
{
	struct task t;

	TASK_INIT(e, &t, 0x1d, b1, 0, 0, 0);
	task_run(e, &t);
}

/* The latest first, and no more than the page has room for. */
static void test_self_tests(void **state)
{
	struct env *e = *state;
	struct task t;

	log_page(e, &t, 0x10, 0);
	assert_int_equal(t.sc.data_len, 4 + 20 * 20);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(get_be64(t.in + 4 + 20 * i + 4), 0);
	task_free(&t);
	self_test(e, 0xa0);
	self_test(e, 0x04); /* the default one: told only when it fails */
	e->be.fail = -EIO;
	self_test(e, 0x04);
	e->be.fail = 0;
	log_page(e, &t, 0x10, 0);
	assert_int_equal(get_be32(t.in + 4), 0x00012310);
	assert_int_equal(t.in[8], 0x07); /* the default one; a segment failed */
	assert_int_equal(t.in[9], 1);
	assert_int_equal(get_be64(t.in + 12), 0); /* at block 0 */
	assert_int_equal(t.in[20], 3);
	assert_int_equal(get_be16(t.in + 21), 0x1100);
	assert_int_equal(get_be32(t.in + 24), 0x00022310);
	assert_int_equal(t.in[28], 0xa0); /* short, in the foreground; completed */
	assert_int_equal(get_be64(t.in + 32), UINT64_MAX);
	assert_int_equal(t.in[48], 0);
	task_free(&t);
	for (unsigned i = 0; i < 25; i++)
		self_test(e, 0xa0);
	log_page(e, &t, 0x10, 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(t.in[4 + 20 * i + 4], 0xa0);
	task_free(&t);
}

static void test_parameter_pointer(void **state)
{
	struct env *e = *state;
	struct task t;

	log_sense(e, &t, 0x03, 0, 6);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 4 + 12);
	assert_int_equal(get_be16(t.in + 4), 6);
	task_free(&t);
	log_sense(e, &t, 0x10, 0, 20);
	assert_int_equal(t.sc.data_len, 4 + 20);
	task_free(&t);
	log_sense(e, &t, 0x10, 0, 21);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 5, -1);
	log_sense(e, &t, 0x00, 0, 1);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
}

static void test_short_allocation(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x4d, 0, 0x50, 0, 0, 0, 0, 0, 6);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 6);
	assert_int_equal(get_be16(t.in + 2), 400);
	task_free(&t);
}

static void test_bad_fields(void **state)
{
	static const struct task_row rows[] = {
		{ "threshold", { 0x4d, 0, 0x00, 0, 0, 0, 0, 0, 8 }, 0, 8,
		  SENSE_INVALID_FIELD_IN_CDB, 2 },
		{ "default cumulative", { 0x4d, 0, 0xc3, 0, 0, 0, 0, 0, 8 }, 0, 8,
		  SENSE_INVALID_FIELD_IN_CDB, 2 },
		{ "SP", { 0x4d, 1, 0x40, 0, 0, 0, 0, 0, 8 }, 0, 8, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "PPC", { 0x4d, 2, 0x40, 0, 0, 0, 0, 0, 8 }, 0, 8, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "unknown page", { 0x4d, 0, 0x7e, 0, 0, 0, 0, 0, 8 }, 0, 8,
		  SENSE_INVALID_FIELD_IN_CDB, 2 },
		{ "unknown subpage", { 0x4d, 0, 0x4d, 1, 0, 0, 0, 0, 8 }, 0, 8,
		  SENSE_INVALID_FIELD_IN_CDB, 3 },
		{ "nothing", { 0x4d, 0, 0x40, 0, 0, 0, 0, 0, 0 }, 0, 0, SENSE_OK, -1 },
		{ "LOG SELECT", { 0x4c, 0x02, 0x40 }, 0, 0, SENSE_INVALID_OPCODE, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_lists_are_true),
		T(test_parameters_fill_the_page),
		T(test_error_counters),
		cmocka_unit_test(test_provisioning),
		T(test_provisioning_is_not_always_known),
		T(test_nothing_is_known_of_the_temperature),
		T(test_informational_exceptions),
		T(test_self_tests),
		T(test_parameter_pointer),
		T(test_short_allocation),
		T(test_bad_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
