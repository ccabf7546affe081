/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int setup_thin(void **state)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->params.thin_provisioned = true;
	e->be.info.unmap_granularity = 4096;
	e->be.info.size = 64u << 20;
	env_open(e);
	*state = e;
	return 0;
}

static void same16(struct env *e, struct task *t, uint8_t b1, uint32_t lba, uint32_t n, int fill)
{
	uint8_t cdb[16] = { 0x93, b1 }, block[512];

	put_be32(cdb + 6, lba);
	put_be32(cdb + 10, n);
	task_init(e, t, cdb, 16);
	if (fill >= 0) {
		memset(block, fill, sizeof(block));
		block[511] ^= fill ? 0xff : 0;
		task_out(t, block, sizeof(block));
	}
	task_run(e, t);
	task_free(t);
}

/* More than one scratch buffer, so that the pieces must fit together. */
static void test_block_is_repeated(void **state)
{
	struct env *e = *state;
	const uint32_t n = 1500;
	struct task t;

	memset(e->be.bytes, 0x11, FAKE_WINDOW);
	same16(e, &t, 0, 2, n, 0x5c);
	assert_good(&t);
	assert_int_equal(t.sc.moved_out, 512);
	assert_int_equal(e->be.bytes[2 * 512 - 1], 0x11);
	for (uint32_t b = 2; b < 2 + n; b++) {
		assert_int_equal(e->be.bytes[b * 512], 0x5c);
		assert_int_equal(e->be.bytes[b * 512 + 510], 0x5c);
		assert_int_equal(e->be.bytes[b * 512 + 511], 0xa3);
	}
	assert_int_equal(e->be.bytes[(2 + n) * 512], 0x11);
	for (unsigned i = 0; i < e->be.requests; i++)
		assert_int_equal(e->be.log[i].op, BE_WRITE);
}

/* All bytes alike is not all zeros. */
static void test_block_of_equal_bytes(void **state)
{
	struct env *e = *state;
	uint8_t block[512];
	struct task t;

	memset(block, 0xff, sizeof(block));
	TASK_INIT(e, &t, 0x41, 0, 0, 0, 0, 0, 0, 0, 2);
	task_out(&t, block, sizeof(block));
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
	assert_int_equal(e->be.log[0].op, BE_WRITE);
	assert_memory_equal(e->be.bytes + 512, block, 512);
}

static void test_zeros_are_left_to_the_backend(void **state)
{
	static const struct {
		uint8_t b1;
		int fill;
		enum be_op op;
	} rows[] = {
		{ 0x00, 0, BE_WRITE_ZEROES }, { 0x01, -1, BE_WRITE_ZEROES },
		{ 0x08, 0, BE_UNMAP },        { 0x09, -1, BE_UNMAP },
		{ 0x08, 1, BE_WRITE }, /* unmapped blocks would read as zeros */
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		e->be.requests = 0;
		same16(e, &t, rows[i].b1, 8, 64, rows[i].fill);
		assert_good(&t);
		assert_int_equal(e->be.requests, 1);
		assert_int_equal(e->be.log[0].op, rows[i].op);
		assert_int_equal(e->be.log[0].off, 8 * 512);
		assert_int_equal(e->be.log[0].len, 64 * 512);
	}
}

static void test_zeros_are_written_if_the_backend_cannot(void **state)
{
	static const enum be_op ops[] = { BE_WRITE_ZEROES, BE_UNMAP };
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < 2; i++) {
		memset(e->be.bytes, 0x11, FAKE_WINDOW);
		e->be.fail = -EOPNOTSUPP;
		e->be.fail_op = ops[i];
		same16(e, &t, i ? 0x09 : 0x01, 1, 1000, -1);
		assert_good(&t);
		for (uint32_t b = 0; b < 1000 * 512; b++)
			assert_int_equal(e->be.bytes[512 + b], 0);
		assert_int_equal(e->be.bytes[511], 0x11);
		assert_int_equal(e->be.bytes[1001 * 512], 0x11);
	}
}

static void test_errors_of_the_backend(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -ENOSPC;
	same16(e, &t, 0, 0, 8, 0);
	assert_sense(&t, SENSE_SPACE_ALLOCATION_FAILED);
	same16(e, &t, 0, 0, 8, 1);
	assert_sense(&t, SENSE_SPACE_ALLOCATION_FAILED);
}

static void test_rules(void **state)
{
	static const struct task_row rows[] = {
		{ "10, last block", { 0x41, 0, 0, 1, 0xff, 0xff, 0, 0, 1 }, 512, 0, SENSE_OK, -1 },
		{ "10, beyond", { 0x41, 0, 0, 1, 0xff, 0xff, 0, 0, 2 }, 512, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "10, 0 blocks", { 0x41 }, 512, 0, SENSE_INVALID_FIELD_IN_CDB, 7 },
		{ "16, 0 blocks", { 0x93 }, 512, 0, SENSE_INVALID_FIELD_IN_CDB, 10 },
		{ "16, the most", { 0x93, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0 }, 0, 0,
		  SENSE_OK, -1 },
		{ "16, more", { 0x93, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 1 }, 0, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 10 },
		{ "ANCHOR", { 0x93, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "WRPROTECT", { 0x93, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "10, NDOB", { 0x41, 1, 0, 0, 0, 0, 0, 0, 1 }, 512, 0, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "less than a block", { 0x41, 0, 0, 0, 0, 0, 0, 0, 1 }, 511, 0,
		  SENSE_BAD_COMMAND_IU,
		  -1 },
		{ "more than a block", { 0x41, 0, 0, 0, 0, 0, 0, 0, 1 }, 1024, 0,
		  SENSE_BAD_COMMAND_IU, -1 },
		{ "no data", { 0x41, 0, 0, 0, 0, 0, 0, 0, 1 }, 0, 0, SENSE_BAD_COMMAND_IU, -1 },
		{ "data not wanted", { 0x93, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_OK,
		  -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_unmap_bit_needs_thin_provisioning(void **state)
{
	static const struct task_row rows[] = {
		{ "10", { 0x41, 8, 0, 0, 0, 0, 0, 0, 1 }, 512, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "16", { 0x93, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "without", { 0x41, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0, SENSE_OK, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_thin, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_block_is_repeated),
		T(test_block_of_equal_bytes),
		T(test_zeros_are_left_to_the_backend),
		T(test_zeros_are_written_if_the_backend_cannot),
		T(test_errors_of_the_backend),
		T(test_rules),
		cmocka_unit_test_setup_teardown(test_unmap_bit_needs_thin_provisioning, env_setup,
						env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
