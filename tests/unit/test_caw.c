/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include "scsi/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void caw_start(struct env *e, struct task *t, uint8_t b1, uint32_t lba, uint8_t n)
{
	uint8_t cdb[16] = { 0x89, b1 };

	put_be32(cdb + 6, lba);
	cdb[13] = n;
	task_init(e, t, cdb, 16);
}

/* What must be there is @old in every byte, what is written @new. */
static void caw_run(struct env *e, struct task *t, uint8_t b1, uint32_t lba, uint8_t n, int old,
		    int new)
{
	caw_start(e, t, b1, lba, n);
	task_out(t, NULL, 2u * n * 512);
	memset(t->out, old, n * 512u);
	memset(t->out + n * 512u, new, n * 512u);
	task_run(e, t);
	task_free(t);
}

static void assert_bytes(struct env *e, uint32_t lba, uint32_t n, int value)
{
	for (uint32_t i = lba * 512; i < (lba + n) * 512; i++)
		assert_int_equal(e->be.bytes[i], value);
}

static void test_equal_is_written(void **state)
{
	struct env *e = *state;
	struct task t;
	struct lu_stats s;

	memset(e->be.bytes, 0x11, FAKE_WINDOW);
	caw_run(e, &t, 0, 5, 1, 0x11, 0x22);
	assert_good(&t);
	assert_int_equal(t.pulls, 1);
	assert_int_equal(t.sc.moved_out, 1024);
	assert_int_equal(t.sc.wanted, 1024);
	assert_true(t.sc.wants_out);
	assert_bytes(e, 4, 1, 0x11);
	assert_bytes(e, 5, 1, 0x22);
	assert_bytes(e, 6, 1, 0x11);
	assert_int_equal(e->be.requests, 2);
	assert_int_equal(e->be.log[0].op, BE_READ);
	assert_int_equal(e->be.log[1].op, BE_WRITE);
	assert_int_equal(e->be.log[1].flags, 0);
	lu_stats(e->lu, &s);
	assert_int_equal(s.write_ops, 1);
	assert_int_equal(s.write_bytes, 512);
}

static void test_fua(void **state)
{
	struct env *e = *state;
	struct task t;

	caw_run(e, &t, CDB_FUA | CDB_DPO, 0, 2, 0, 0x22);
	assert_good(&t);
	assert_int_equal(e->be.log[0].flags, 0);
	assert_int_equal(e->be.log[1].flags, BE_FUA);
}

static void test_most_blocks(void **state)
{
	struct env *e = *state;
	struct task t;

	memset(e->be.bytes, 0x11, FAKE_WINDOW);
	caw_run(e, &t, 0, 7, 255, 0x11, 0x22);
	assert_good(&t);
	assert_int_equal(t.sc.moved_out, 2 * 255 * 512);
	assert_bytes(e, 6, 1, 0x11);
	assert_bytes(e, 7, 255, 0x22);
	assert_bytes(e, 262, 1, 0x11);
}

/* Every byte that differs is found, all the sense data is there, nothing is written. */
static void test_miscompare(void **state)
{
	struct env *e = *state;
	static const uint8_t want[SENSE_FIXED_LEN] = { 0xf0, 0, 0x0e, 0, 0, 0, 0, 10, 0, 0, 0, 0,
						       0x1d };
	struct task t;

	for (uint32_t at = 0; at < 2 * 512; at++) {
		caw_start(e, &t, 0, 3, 2);
		task_out(&t, NULL, 4 * 512);
		memset(t.out + 1024, 0x22, 1024);
		/* The last byte differs as well: the first counts. */
		t.out[1023] = 1;
		t.out[at] = 0x80;
		task_run(e, &t);
		assert_sense(&t, SENSE_MISCOMPARE);
		assert_int_equal(t.sc.sense_len, sizeof(want));
		assert_int_equal(get_be32(t.sc.sense + 3), at);
		put_be32(t.sc.sense + 3, 0);
		assert_memory_equal(t.sc.sense, want, sizeof(want));
		assert_int_equal(t.sc.wanted, 0);
		assert_int_equal(t.sc.moved_out, 2048);
		task_free(&t);
	}
	for (unsigned i = 0; i < e->be.requests; i++)
		assert_int_equal(e->be.log[i].op, BE_READ);
	assert_bytes(e, 3, 2, 0);
}

/* Bit 7 of a difference in the last byte of the largest command. */
static void test_miscompare_at_the_end(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.bytes[254 * 512 + 511] = 0x80;
	caw_run(e, &t, 0, 0, 255, 0, 0x22);
	assert_sense(&t, SENSE_MISCOMPARE);
	assert_int_equal(get_be32(t.sc.sense + 3), 255 * 512 - 1);
	assert_bytes(e, 0, 254, 0);
}

static void test_refusals(void **state)
{
	static const struct task_row rows[] = {
		{ "0 blocks", { 0x89 }, 0, 0, SENSE_OK, -1 },
		{ "0 blocks behind the end", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0x20, 0 }, 0, 0,
		  SENSE_OK, -1 },
		{ "0 blocks beyond", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0x20, 1 }, 0, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "beyond", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0x1f, 0xff, 0, 0, 0, 2 }, 2048, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "2^63", { 0x89, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 1024, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "-1", { 0x89, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1 }, 1024, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "WRPROTECT", { 0x89, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 1024, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "reserved", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1 }, 1024, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 12 },
		{ "NACA", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4 }, 1024, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 15 },
		{ "one half only", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_BAD_COMMAND_IU, -1 },
		{ "no data", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 0, 0,
		  SENSE_BAD_COMMAND_IU, -1 },
		{ "more data than needed", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 1025, 0,
		  SENSE_BAD_COMMAND_IU, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_too_little_data_writes_nothing(void **state)
{
	struct env *e = *state;
	struct task t;

	caw_start(e, &t, 0, 0, 2);
	task_out(&t, NULL, 2047);
	task_run(e, &t);
	assert_sense(&t, SENSE_BAD_COMMAND_IU);
	assert_int_equal(t.pulls, 0);
	assert_int_equal(t.sc.wanted, 2048);
	assert_int_equal(t.sc.moved_out, 0);
	assert_int_equal(e->be.requests, 0);
	task_free(&t);
}

static void test_read_only(void **state)
{
	struct env *e = *state;
	struct task t;

	env_map_lun0(e, e->a, true);
	caw_run(e, &t, 0, 0, 1, 0, 1);
	assert_sense(&t, SENSE_WRITE_PROTECTED);
	assert_int_equal(e->be.requests, 0);
}

static void test_errors_of_the_backend(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	e->be.fail_op = BE_READ;
	caw_run(e, &t, 0, 9, 1, 0, 1);
	assert_sense(&t, SENSE_READ_ERROR);
	assert_int_equal(get_be32(t.sc.sense + 3), 9);
	e->be.fail_op = BE_WRITE;
	caw_run(e, &t, 0, 9, 1, 0, 1);
	assert_sense(&t, SENSE_WRITE_ERROR);
	e->be.fail = 0;
	/* The blocks are free again. */
	caw_run(e, &t, 0, 9, 1, 0, 1);
	assert_good(&t);
}

/* The data came with the command, at an address the backend could not write from. */
static void test_immediate_data(void **state)
{
	struct env *e = *state;
	static uint8_t imm[4096 + 1024] __attribute__((aligned(4096)));
	struct task t;

	memset(imm + 4 + 512, 0x33, 512);
	caw_start(e, &t, 0, 1, 1);
	t.sc.data_out_len = 1024;
	t.sc.imm = (struct iobuf){ .addr = imm + 4, .len = 1024, .region = IOBUF_UNREGISTERED };
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.pulls, 0);
	assert_bytes(e, 1, 1, 0x33);
}

static int setup_aligned(void **state)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->be.info.buf_align = 4096;
	env_open(e);
	*state = e;
	return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_equal_is_written),
		T(test_fua),
		T(test_most_blocks),
		T(test_miscompare),
		T(test_miscompare_at_the_end),
		T(test_refusals),
		T(test_too_little_data_writes_nothing),
		T(test_read_only),
		T(test_errors_of_the_backend),
		cmocka_unit_test_setup_teardown(test_immediate_data, setup_aligned, env_teardown),
		cmocka_unit_test_setup_teardown(test_equal_is_written, setup_aligned, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
