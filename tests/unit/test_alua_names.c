/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "ctl/alua_names.h"

static void test_names_go_both_ways(void **state)
{
	enum alua_state s;

	(void)state;
	for (int i = 0; i < CONF_ALUA_STATES; i++) {
		enum alua_state want = alua_state_of_conf((enum conf_alua_state)i);

		assert_string_equal(alua_state_name(want),
				    conf_alua_state_name((enum conf_alua_state)i));
		assert_true(alua_state_parse(alua_state_name(want), &s));
		assert_int_equal(s, want);
	}
}

/* The numbers are those of SPC-4. */
static void test_other_names(void **state)
{
	static const struct {
		const char *name;
		int state;
	} rows[] = {
		{ "active", 0 }, { "ACTIVE", 0 }, { "optimized", 0 }, { "active/optimized", 0 },
		{ "active-optimized", 0 }, { "nonoptimized", 1 }, { "non-optimized", 1 },
		{ "active/nonoptimized", 1 }, { "active/non-optimized", 1 },
		{ "active-nonoptimized", 1 }, { "standby", 2 }, { "unavailable", 3 },
		{ "offline", 14 }, { "transitioning", 15 },
	};
	enum alua_state s;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(alua_state_parse(rows[i].name, &s));
		assert_int_equal(s, rows[i].state);
	}
}

static void test_what_is_no_name(void **state)
{
	static const char *const words[] = { "", "activ", "active ", "0", "lba-dependent" };
	enum alua_state s = ALUA_OFFLINE;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		assert_false(alua_state_parse(words[i], &s));
	assert_int_equal(s, ALUA_OFFLINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_go_both_ways),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_what_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
