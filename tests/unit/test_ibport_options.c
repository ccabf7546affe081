/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fence agent takes from its command line and from Pacemaker. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "fence/ibport_options.h"

static struct ibport_options o;

static bool arguments(const char *a, const char *b, const char *c)
{
	const char *argv[] = { "fence_ibport", a, b, c, NULL };
	int argc = 1;

	while (argv[argc])
		argc++;
	optind = 0;
	ibport_options_init(&o);
	return ibport_options_arguments(&o, argc, (char **)argv);
}

static bool lines(const char *text)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	bool good;

	assert_non_null(f);
	ibport_options_init(&o);
	good = ibport_options_lines(&o, f);
	fclose(f);
	return good;
}

static void test_defaults(void **state)
{
	(void)state;
	ibport_options_init(&o);
	assert_string_equal(o.action, "off");
	assert_true(!o.plug && !o.guid_map && !o.local_ports && !o.nodename);
	assert_int_equal(o.discovery_timeout, 20);
	assert_int_equal(o.power_timeout, 10);
	assert_int_equal(o.mad_timeout, 200);
	assert_int_equal(o.mad_tries, 5);
	assert_int_equal(o.delay, 0);
	assert_true(!o.m_key && !o.quiet && !o.verbose && !o.help && !o.version);
	assert_string_equal(o.separator, ",");
	assert_non_null(strstr(o.state_file, "/lib/fence_ibport/places"));
}

static void test_arguments(void **state)
{
	(void)state;
	assert_true(arguments("-onone", "--plug=node1", "-v"));
	assert_string_equal(o.action, "none");
	assert_string_equal(o.plug, "node1");
	assert_true(o.verbose);
	assert_true(arguments("--mad-timeout=10", "--m-key", "0xfFffffffffffffff"));
	assert_int_equal(o.mad_timeout, 10);
	assert_true(o.m_key == UINT64_MAX);
	assert_false(arguments("--other", NULL, NULL));
	assert_false(arguments("--port=node1", NULL, NULL));
	assert_false(arguments("-o", NULL, NULL));
	assert_false(arguments("node1", NULL, NULL));
}

static void test_lines(void **state)
{
	(void)state;
	assert_true(lines("# a comment\n\n action=status\nagent=fence_ibport\nport=node1\n"
			  "nodename=node2\ncrm_feature_set=3.16.2\nguid_map=a:1;b:2,3@4/5\n"
			  "verbose=1\nno value\npower_timeout=600"));
	assert_string_equal(o.action, "status");
	assert_string_equal(o.plug, "node1");
	assert_string_equal(o.nodename, "node2");
	assert_string_equal(o.guid_map, "a:1;b:2,3@4/5");
	assert_int_equal(o.power_timeout, 600);
	assert_true(o.verbose);
	assert_true(lines("plug=a=b\nverbose=0\nplug=last\n"));
	assert_string_equal(o.plug, "last");
	assert_false(o.verbose);
	/* As it is on the command line, and as it is in a file of variables. */
	assert_true(lines("guid-map=a:1\n  power-timeout=30 \n plug=\"node 1\"\t\nseparator=\"\n"
			  "quiet=1\nstate_file=\"\"\n"));
	assert_string_equal(o.guid_map, "a:1");
	assert_int_equal(o.power_timeout, 30);
	assert_string_equal(o.plug, "node 1");
	assert_string_equal(o.separator, "\"");
	assert_string_equal(o.state_file, "");
	assert_true(o.quiet);
	assert_true(lines("guid_map =a:1\nguidmap=a:1\n"));
	assert_null(o.guid_map);
}

static void test_bad_values(void **state)
{
	static const char *const bad[] = {
		"delay=-1", "delay=", "delay=x", "delay=1x", "delay= 1", "delay=601", "delay=+1",
		"power_timeout=0", "discovery_timeout=601", "mad_timeout=9", "mad_timeout=10001",
		"mad_tries=0", "mad_tries=101", "mad_tries=99999999999999999999", "m_key=g",
		"m_key=10000000000000000", "m_key=-1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (lines(bad[i]))
			fail_msg("'%s' is taken", bad[i]);
	assert_true(lines("m_key=0X10\n"));
	assert_true(o.m_key == 16);
}

static void test_bad_input(void **state)
{
	static char text[70000];
	FILE *f = fmemopen((void *)"a=b\0plug=c\n", 11, "r");

	(void)state;
	assert_false(ibport_options_lines(&o, f));
	fclose(f);
	memset(text, 'a', sizeof(text) - 1);
	assert_false(lines(text));
	text[65000] = '\0';
	assert_true(lines(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),   cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_lines),	   cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
