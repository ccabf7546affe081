/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/dmtable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char table[] =
	"map: 0 99 linear 8:16 0\n"
	"mapAB: 0 131072 multipath 0 1 alua 1 1 service-time 0 1 2 8:64 1 1\n"
	"mapA: 0 131072 multipath 2 queue_if_no_path retain_attached_hw_handler 1 alua 1 1 "
	"service-time 0 1 2 8:16 1 1";

static void test_queues(void **state)
{
	bool queues;

	(void)state;
	assert_true(dm_table_queues(table, "mapA", &queues));
	assert_true(queues);
	assert_true(dm_table_queues(table, "mapAB", &queues));
	assert_false(queues);
	/* Another kind of map, and none. */
	assert_false(dm_table_queues(table, "map", &queues));
	assert_false(queues);
	assert_false(dm_table_queues("", "mapA", &queues));
}

static void test_failed_paths(void **state)
{
	static const char status[] =
		"mapB: 0 9 multipath 2 0 0 0 1 1 A 0 2 2 8:16 F 4 0 1 8:32 F 1 0 1\n"
		"mapA: 0 9 multipath 2 0 0 0 2 1 A 0 1 2 8:16 A 0 0 1 E 0 1 2 259:3 F 1 0 1\n"
		"mapC: 0 9 multipath 2 0 0 0 1 1 A 0 1 2 8:48 A 0 0 1\n";

	(void)state;
	assert_int_equal(dm_status_failed(status, "mapA"), 1);
	assert_int_equal(dm_status_failed(status, "mapB"), 2);
	assert_int_equal(dm_status_failed(status, "mapC"), 0);
	assert_int_equal(dm_status_failed(status, "mapD"), 0);
	/* What is behind the end of a line belongs to the next map. */
	assert_int_equal(dm_status_failed("a: 0 9 multipath 8:16\n8:16 F", "a"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_failed_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
