/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

/* Both lists, in every format: named as asked for, and empty. */
static void test_lists_are_empty(void **state)
{
	struct env *e = *state;
	struct task t;

	for (uint8_t what = 0; what < 0x20; what++) {
		TASK_INIT(e, &t, 0x37, 0, what, 0, 0, 0, 0, 0, 64);
		t.sc.data_in_len = 64;
		task_run(e, &t);
		assert_good(&t);
		assert_int_equal(t.sc.data_len, 4);
		assert_int_equal(get_be32(t.in), (uint32_t)what << 16);
		task_free(&t);

		TASK_INIT(e, &t, 0xb7, what, 0, 0, 0, 0, 0, 0, 0, 64);
		t.sc.data_in_len = 64;
		task_run(e, &t);
		assert_good(&t);
		assert_int_equal(t.sc.data_len, 8);
		assert_int_equal(get_be64(t.in), (uint64_t)what << 48);
		task_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists_are_empty, env_setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
