/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include "scsi/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MANY 1500u /* blocks: three pieces of the scratch buffer */

static void or_run(struct env *e, struct task *t, uint8_t b1, uint32_t lba, uint32_t n,
		   const uint8_t *data)
{
	uint8_t cdb[16] = { 0x8b, b1 };

	put_be32(cdb + 6, lba);
	put_be32(cdb + 10, n);
	task_init(e, t, cdb, 16);
	task_out(t, data, n * 512);
	task_run(e, t);
	task_free(t);
}

static void test_bits_are_added(void **state)
{
	struct env *e = *state;
	static uint8_t data[MANY * 512], want[FAKE_WINDOW];
	struct lu_stats s;
	struct task t;

	for (uint32_t i = 0; i < FAKE_WINDOW; i++)
		e->be.bytes[i] = want[i] = (uint8_t)(i * 7 + i / 512);
	for (uint32_t i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)(i ^ i >> 9);
		want[3 * 512 + i] |= data[i];
	}
	or_run(e, &t, 0, 3, MANY, data);
	assert_good(&t);
	assert_int_equal(t.sc.moved_out, sizeof(data));
	assert_memory_equal(e->be.bytes, want, FAKE_WINDOW);
	for (unsigned i = 0; i < e->be.requests; i++) {
		assert_int_equal(e->be.log[i].op, i & 1 ? BE_WRITE : BE_READ);
		assert_int_equal(e->be.log[i].flags, 0);
	}
	lu_stats(e->lu, &s);
	assert_int_equal(s.write_ops, 1);
	assert_int_equal(s.write_bytes, sizeof(data));
}

static void test_fua(void **state)
{
	static const uint8_t data[512] = { 1 };
	struct env *e = *state;
	struct task t;

	or_run(e, &t, CDB_FUA | CDB_DPO, 0, 1, data);
	assert_good(&t);
	assert_int_equal(e->be.log[0].flags, 0);
	assert_int_equal(e->be.log[1].flags, BE_FUA);
}

static void test_refusals(void **state)
{
	static const struct task_row rows[] = {
		{ "0 blocks", { 0x8b }, 0, 0, SENSE_OK, -1 },
		{ "0 blocks beyond", { 0x8b, 0, 0, 0, 0, 0, 0, 0, 0x20, 1 }, 0, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "beyond", { 0x8b, 0, 0, 0, 0, 0, 0, 0, 0x1f, 0xff, 0, 0, 0, 2 }, 1024, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "protection", { 0x8b, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "too little data", { 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 }, 512, 0,
		  SENSE_BAD_COMMAND_IU, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_largest(void **state)
{
	struct env *e = malloc(sizeof(*e));
	uint8_t *data = calloc(1, 4u << 20);
	struct task t;

	(void)state;
	env_init(e);
	e->be.info.size = 64u << 20;
	env_open(e);
	or_run(e, &t, 0, 0, 8192, data);
	assert_good(&t);
	TASK_INIT(e, &t, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0x01);
	task_out(&t, NULL, 8u << 20);
	task_run(e, &t);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 10, -1);
	task_free(&t);
	env_close(e);
	free(data);
	free(e);
}

static void test_errors_of_the_backend(void **state)
{
	static const uint8_t data[512] = { 1 };
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	e->be.fail_op = BE_READ;
	or_run(e, &t, 0, 9, 1, data);
	assert_sense(&t, SENSE_READ_ERROR);
	e->be.fail_op = BE_WRITE;
	or_run(e, &t, 0, 9, 1, data);
	assert_sense(&t, SENSE_WRITE_ERROR);
	assert_int_equal(get_be32(t.sc.sense + 3), 9);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_bits_are_added),
		T(test_fua),
		T(test_refusals),
		cmocka_unit_test(test_largest),
		T(test_errors_of_the_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
