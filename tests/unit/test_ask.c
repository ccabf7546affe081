/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What DRBD's environment and the handler's arguments may be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "fence/ask.h"

static struct ask a;

static const char long_name[] =
	"a23456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
	"12345678901234567890123456789012345678";

static void test_good(void **state)
{
	(void)state;
	assert_null(ask_parse(&a, "r0", "node2.example", " 0  1 1048575 ", "node1"));
	assert_string_equal(a.resource, "r0");
	assert_string_equal(a.peer, "node2.example");
	assert_string_equal(a.node, "node1");
	assert_int_equal(a.n_minors, 3);
	assert_int_equal(a.minors[1], 1);
	assert_int_equal(a.minors[2], 1048575);
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", ".r0", "-r0", "a/b", "a b", "a\"b", "a'b", "<a>", "a&b", "a\n", "ä",
		"a;b", "$a", "a\\b", "a:b", "a*", long_name,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(name_is_legal(bad[i]));
		assert_non_null(ask_parse(&a, bad[i], "node2", "0", "node1"));
		assert_non_null(ask_parse(&a, "r0", bad[i], "0", "node1"));
		assert_non_null(ask_parse(&a, "r0", "node2", "0", bad[i]));
	}
	assert_int_equal(strlen(long_name), FENCE_NAME_MAX + 1);
	assert_true(name_is_legal(long_name + 1));
	assert_non_null(ask_parse(&a, NULL, "node2", "0", "node1"));
	assert_non_null(ask_parse(&a, "r0", NULL, "0", "node1"));
	assert_non_null(ask_parse(&a, "r0", "node2", NULL, "node1"));
	assert_non_null(ask_parse(&a, "r0", "node1", "0", "node1"));
}

static void test_minors(void **state)
{
	static const char *const bad[] = {
		"", " ", "x", "0x", "0 x", "-1", "+1", "0,1", "0\t1", "0\n", "1048576",
		"99999999999999999999", "0 0", "1 00001", "0|1", ".*",
	};
	char many[FENCE_MINORS_MAX * 8];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_non_null(ask_parse(&a, "r0", "node2", bad[i], "node1"));
	for (unsigned i = 0; i < FENCE_MINORS_MAX; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len, "%u ", i);
	assert_null(ask_parse(&a, "r0", "node2", many, "node1"));
	assert_int_equal(a.n_minors, FENCE_MINORS_MAX);
	snprintf(many + len, sizeof(many) - len, "999");
	assert_non_null(ask_parse(&a, "r0", "node2", many, "node1"));
}

static bool may(const char *first, const char *second)
{
	char *arguments[] = { (char *)first, (char *)second, NULL };

	return !ask_check_arguments(arguments);
}

static void test_arguments(void **state)
{
	static const char *const bad[] = {
		"--resource=r1", "-r", "--master-id=x", "-i", "--role=Slave", "-l", "-a",
		"--fencing-attribute=x", "--id-prefix=x", "-p", "--lock-dir=/x", "--lock-file=x",
		"--lock-file", "--CTS-mode", "--unreachable-peer-is-outdated", "x", "", "--", "-",
		"-t=3", "--quiet=1", "--tim", "--timeoutt=3", "--timeout",
	};

	(void)state;
	assert_true(may(NULL, NULL));
	assert_true(may("--quiet", NULL));
	assert_true(may("--timeout=30", "--dc-timeout=3"));
	assert_true(may("--timeout", "30"));
	assert_true(may("-t", "--id-prefix")); /* its value */
	assert_true(may("--suicide-on-failure-if-primary", "--flock-required"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(may(bad[i], NULL));
	assert_false(may("--quiet", "-r"));
	assert_false(may("--timeout=3", "x"));
}

static const char *variable;

static char *variables(const char *name)
{
	static char empty[] = "";

	return variable && !strcmp(name, variable) ? empty : NULL;
}

static void test_environment(void **state)
{
	static const char *const bad[] = { "role", "master_id", "OCF_RESKEY_unfence_extra_args" };

	(void)state;
	variable = "PATH";
	assert_null(ask_check_environment(variables));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		variable = bad[i];
		assert_non_null(ask_check_environment(variables));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_minors),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
