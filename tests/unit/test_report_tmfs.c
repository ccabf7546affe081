/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

static void report(struct env *e, struct task *t, uint8_t repd, uint8_t alloc)
{
	TASK_INIT(e, t, 0xa3, 0x0d, repd, 0, 0, 0, 0, 0, 0, alloc);
	t->sc.data_in_len = alloc;
	task_run(e, t);
}

static void test_functions(void **state)
{
	static const uint8_t want[4] = { 0xd8, 0, 0, 0 };
	struct env *e = *state;
	struct task t;

	report(e, &t, 0, 64);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 4);
	assert_memory_equal(t.in, want, 4);
	task_free(&t);
}

static void test_timeouts(void **state)
{
	static const uint8_t want[16] = { 0xd8, 0, 0, 12, 1, 0, 0xd0, 0, 0, 0, 0, 50, 0, 0, 0, 20 };
	struct env *e = *state;
	struct task t;

	report(e, &t, 0x80, 64);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 16);
	assert_memory_equal(t.in, want, 16);
	task_free(&t);
	report(e, &t, 0x80, 4);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 4);
	assert_int_equal(t.in[3], 12);
	task_free(&t);
}

static void test_three_bytes_are_too_few(void **state)
{
	struct env *e = *state;
	struct task t;

	report(e, &t, 0, 3);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 6, -1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_functions),
		T(test_timeouts),
		T(test_three_bytes_are_too_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
