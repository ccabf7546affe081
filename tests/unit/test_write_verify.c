/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include "scsi/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 1024u /* two pieces of the scratch buffer */

static void run(struct env *e, struct task *t, uint8_t b1, uint32_t lba, uint32_t n, uint8_t fill)
{
	uint8_t cdb[16] = { 0x8e, b1 };

	put_be32(cdb + 6, lba);
	put_be32(cdb + 10, n);
	task_init(e, t, cdb, 16);
	task_out(t, NULL, n * 512);
	memset(t->out, fill, n * 512);
	task_run(e, t);
	task_free(t);
}

static void test_written_and_read_back(void **state)
{
	struct env *e = *state;
	struct lu_stats s;
	struct task t;

	for (uint8_t bytchk = 0; bytchk < 2; bytchk++) {
		e->be.requests = 0;
		run(e, &t, (uint8_t)(CDB_DPO | bytchk << 1), 3, BLOCKS, (uint8_t)(0x21 + bytchk));
		assert_good(&t);
		assert_int_equal(t.sc.moved_out, BLOCKS * 512);
		for (uint32_t i = 3 * 512; i < (3 + BLOCKS) * 512; i++)
			assert_int_equal(e->be.bytes[i], 0x21 + bytchk);
		assert_int_equal(e->be.bytes[3 * 512 - 1] | e->be.bytes[(3 + BLOCKS) * 512], 0);
		assert_int_equal(e->be.requests, 3);
		assert_int_equal(e->be.log[0].op, BE_WRITE);
		assert_int_equal(e->be.log[0].flags, BE_FUA);
		assert_int_equal(e->be.log[1].op, BE_READ);
		assert_int_equal(e->be.log[1].flags, 0);
		assert_int_equal(e->be.log[2].off, 3 * 512 + (256u << 10));
	}
	lu_stats(e->lu, &s);
	assert_int_equal(s.write_ops, 2);
}

/* A medium that keeps something else: outside of the fake's window all is zeros. */
static void test_miscompare(void **state)
{
	struct env *e = *state;
	struct task t;

	run(e, &t, 2, FAKE_WINDOW / 512 - 1, 2, 0x55);
	assert_sense(&t, SENSE_MISCOMPARE);
	assert_int_equal(t.sc.sense[0], 0xf0);
	assert_int_equal(get_be32(t.sc.sense + 3), FAKE_WINDOW / 512);
	run(e, &t, 0, FAKE_WINDOW / 512 - 1, 2, 0x55);
	assert_good(&t);
}

static void test_refusals(void **state)
{
	static const struct task_row rows[] = {
		{ "10", { 0x2e, 2, 0, 0, 0, 1, 0, 0, 2 }, 1024, 0, SENSE_OK, -1 },
		{ "12", { 0xae, 2, 0, 0, 0, 1, 0, 0, 0, 2 }, 1024, 0, SENSE_OK, -1 },
		{ "0 blocks", { 0x2e }, 0, 0, SENSE_OK, -1 },
		{ "0 blocks beyond", { 0x2e, 0, 0, 0, 0x20, 1 }, 0, 0, SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "beyond", { 0x2e, 0, 0, 0, 0x1f, 0xff, 0, 0, 2 }, 1024, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "BYTCHK 2", { 0x2e, 4, 0, 0, 0, 0, 0, 0, 1 }, 512, 0, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "BYTCHK 3", { 0x2e, 6, 0, 0, 0, 0, 0, 0, 1 }, 512, 0, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "WRPROTECT", { 0x2e, 0x20, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "too little data", { 0x2e, 0, 0, 0, 0, 0, 0, 0, 2 }, 512, 0,
		  SENSE_BAD_COMMAND_IU, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_errors_of_the_backend(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	e->be.fail_op = BE_READ;
	run(e, &t, 0, 9, 1, 1);
	assert_sense(&t, SENSE_READ_ERROR);
	e->be.fail_op = BE_WRITE;
	run(e, &t, 0, 9, 1, 1);
	assert_sense(&t, SENSE_WRITE_ERROR);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_written_and_read_back),
		T(test_miscompare),
		T(test_refusals),
		T(test_errors_of_the_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
