/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_without_compare_reads_all(void **state)
{
	struct env *e = *state;
	uint64_t off = 0;
	struct task t;

	TASK_INIT(e, &t, 0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0); /* the whole disk */
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.pulls, 0);
	for (unsigned i = 0; i < e->be.requests; i++) {
		assert_int_equal(e->be.log[i].op, BE_READ);
		assert_int_equal(e->be.log[i].off, off);
		off += e->be.log[i].len;
	}
	assert_int_equal(off, 4u << 20);
}

static void test_lengths_and_ranges(void **state)
{
	static const struct task_row rows[] = {
		{ "0 blocks", { 0x2f }, 0, 0, SENSE_OK, -1 },
		{ "0 blocks, compare", { 0x2f, 2 }, 0, 0, SENSE_OK, -1 },
		{ "0 blocks beyond", { 0x2f, 0, 0, 0, 0x20, 1 }, 0, 0, SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "beyond", { 0x2f, 0, 0, 0, 0x1f, 0xff, 0, 0, 2 }, 0, 0, SENSE_LBA_OUT_OF_RANGE,
		  -1 },
		{ "12", { 0xaf, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 0, 0, SENSE_OK, -1 },
		{ "BYTCHK 2", { 0x2f, 4, 0, 0, 0, 0, 0, 0, 1 }, 512, 0, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "BYTCHK 3", { 0x2f, 6, 0, 0, 0, 0, 0, 0, 9 }, 512, 0, SENSE_OK, -1 },
		{ "BYTCHK 3, 0 blocks", { 0x2f, 6 }, 0, 0, SENSE_OK, -1 },
		{ "BYTCHK 3, no data", { 0x2f, 6, 0, 0, 0, 0, 0, 0, 9 }, 0, 0,
		  SENSE_BAD_COMMAND_IU, -1 },
		{ "VRPROTECT", { 0x2f, 0x20, 0, 0, 0, 0, 0, 0, 1 }, 0, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "DPO", { 0x2f, 0x10, 0, 0, 0, 0, 0, 0, 1 }, 0, 0, SENSE_OK, -1 },
		{ "too little data", { 0x2f, 2, 0, 0, 0, 0, 0, 0, 2 }, 512, 0, SENSE_BAD_COMMAND_IU,
		  -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_compare_limit(void **state)
{
	struct env *e = malloc(sizeof(*e));
	struct task t;

	(void)state;
	env_init(e);
	e->be.info.size = 64u << 20;
	env_open(e);
	TASK_INIT(e, &t, 0x2f, 2, 0, 0, 0, 0, 0, 0x20, 0x00); /* 8192 blocks, 4 MiB */
	task_out(&t, NULL, 4u << 20);
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.sc.moved_out, 4u << 20);
	task_free(&t);
	TASK_INIT(e, &t, 0x2f, 2, 0, 0, 0, 0, 0, 0x20, 0x01);
	task_out(&t, NULL, 8u << 20);
	task_run(e, &t);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 7, -1);
	task_free(&t);
	/* Without comparing there is no limit. */
	TASK_INIT(e, &t, 0x2f, 0, 0, 0, 0, 0, 0, 0xff, 0xff);
	task_run(e, &t);
	assert_good(&t);
	env_close(e);
	free(e);
}

#define BLOCKS 1024u /* two pieces of the scratch buffer */

static void compare(struct env *e, struct task *t, const uint8_t *data)
{
	TASK_INIT(e, t, 0x2f, 2, 0, 0, 0, 3, 0, BLOCKS >> 8, BLOCKS & 0xff);
	task_out(t, data, BLOCKS * 512);
	task_run(e, t);
}

static void test_compare(void **state)
{
	struct env *e = *state;
	static uint8_t data[BLOCKS * 512];
	static const uint32_t differ[] = { 0, 511, 512, 256u << 10, BLOCKS * 512 - 1 };
	struct task t;

	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i ^ i >> 9);
	memcpy(e->be.bytes + 3 * 512, data, sizeof(data));
	compare(e, &t, data);
	assert_good(&t);
	assert_int_equal(t.sc.moved_out, sizeof(data));
	task_free(&t);
	for (unsigned i = 0; i < ARRAY_SIZE(differ); i++) {
		data[differ[i]] ^= 0x10;
		compare(e, &t, data);
		assert_sense(&t, SENSE_MISCOMPARE);
		assert_int_equal(t.sc.sense[0], 0xf0);
		assert_int_equal(get_be32(t.sc.sense + 3), 3 + differ[i] / 512);
		assert_int_equal(t.sc.wanted, 0);
		task_free(&t);
		data[differ[i]] ^= 0x10;
	}
}

/* One block for all of them. */
static void test_compare_same(void **state)
{
	struct env *e = *state;
	static const uint32_t differ[] = { 0, 511, 512, 256u << 10, BLOCKS * 512 - 1 };
	uint8_t block[512];
	struct task t;

	for (uint32_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 3);
	for (uint32_t i = 0; i < BLOCKS; i++)
		memcpy(e->be.bytes + (3 + i) * 512, block, sizeof(block));
	for (unsigned i = 0; i <= ARRAY_SIZE(differ); i++) {
		bool same = i == ARRAY_SIZE(differ);

		if (!same)
			e->be.bytes[3 * 512 + differ[i]] ^= 0x10;
		TASK_INIT(e, &t, 0x2f, 6, 0, 0, 0, 3, 0, BLOCKS >> 8, BLOCKS & 0xff);
		task_out(&t, block, sizeof(block));
		task_run(e, &t);
		assert_int_equal(t.sc.moved_out, sizeof(block));
		task_free(&t);
		if (same) {
			assert_good(&t);
			continue;
		}
		assert_sense(&t, SENSE_MISCOMPARE);
		assert_int_equal(get_be32(t.sc.sense + 3), 3 + differ[i] / 512);
		e->be.bytes[3 * 512 + differ[i]] ^= 0x10;
	}
}

static void test_read_error(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	TASK_INIT(e, &t, 0x2f, 0, 0, 0, 0, 9, 0, 0, 1);
	task_run(e, &t);
	assert_sense(&t, SENSE_READ_ERROR);
	assert_int_equal(get_be32(t.sc.sense + 3), 9);
}

static void test_read_only_lun_may_be_verified(void **state)
{
	struct env *e = *state;
	struct task t;

	env_map_lun0(e, e->a, true);
	TASK_INIT(e, &t, 0x2f, 2, 0, 0, 0, 0, 0, 0, 1);
	task_out(&t, NULL, 512);
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_without_compare_reads_all),
		T(test_lengths_and_ranges),
		cmocka_unit_test(test_compare_limit),
		T(test_compare),
		T(test_compare_same),
		T(test_read_error),
		T(test_read_only_lun_may_be_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
