/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>

#define LAST 8191u /* of 4 MiB */

static void test_rules(void **state)
{
	static const struct task_row rows[] = {
		{ "10", { 0x34, 0, 0, 0, 0, 1, 0, 0, 8 }, 0, 0, SENSE_OK, -1 },
		{ "10, IMMED", { 0x34, 2, 0, 0, 0, 1, 0, 0, 8 }, 0, 0, SENSE_OK, -1 },
		{ "10, last", { 0x34, 0, 0, 0, 0x1f, 0xff, 0, 0, 1 }, 0, 0, SENSE_OK, -1 },
		{ "10, group number", { 0x34, 0, 0, 0, 0, 0, 0x1f, 0, 1 }, 0, 0, SENSE_OK, -1 },
		{ "10, beyond", { 0x34, 0, 0, 0, 0x1f, 0xff, 0, 0, 2 }, 0, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "10, 0 blocks behind the end", { 0x34, 0, 0, 0, 0x20, 1 }, 0, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "10, reserved bit", { 0x34, 1, 0, 0, 0, 0, 0, 0, 1 }, 0, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "16", { 0x90, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8 }, 0, 0, SENSE_OK, -1 },
		{ "16, far beyond", { 0x90, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 0, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_range_is_the_backends(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x34, 0, 0, 0, 0, 16, 0, 0, 8);
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(e->be.requests, 1);
	assert_int_equal(e->be.log[0].op, BE_PREFETCH);
	assert_int_equal(e->be.log[0].off, 16 * 512);
	assert_int_equal(e->be.log[0].len, 8 * 512);
}

static void test_length_0_is_all_the_rest(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x34, 0, 0, 0, 0, 16);
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(e->be.log[0].len, (LAST + 1 - 16) * 512);
	/* Of which at the end there is nothing. */
	e->be.requests = 0;
	TASK_INIT(e, &t, 0x34, 0, 0, 0, 0x20, 0);
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(e->be.requests, 0);
}

static int setup_large(void **state)
{
	static struct env e;

	env_init(&e);
	e.be.info.size = 1ull << 40;
	env_open(&e);
	*state = &e;
	return 0;
}

static int teardown_large(void **state)
{
	env_close(*state);
	return 0;
}

static void test_no_more_than_is_useful(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x90);
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(e->be.log[0].len, 16u << 20);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_rules),
		T(test_range_is_the_backends),
		T(test_length_0_is_all_the_rest),
		cmocka_unit_test_setup_teardown(test_no_more_than_is_useful, setup_large,
						teardown_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
