/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INITIATOR patterns and the choice of a group. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "ctl/conf.h"

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} rows[] = {
		{ "host1", "host1", true },
		{ "host1", "host", false },
		{ "host1", "host12", false },
		{ "HOST1", "host1", true },
		{ "", "", true },
		{ "", "x", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "**", "x", true },
		{ "?", "", false },
		{ "?", "x", true },
		{ "h?st*", "host", true },
		{ "h?st*", "hst", false },
		{ "*1", "host1", true },
		{ "*1", "host12", false },
		{ "*ab*c", "abxabyc", true },
		{ "*aab", "aaaab", true },
		{ "a*b*c", "axbxxc", true },
		{ "a*b*c", "axcxxb", false },
		{ "fe80:*:00b?", "fe80:0000:0000:0000:0002:c903:0005:00b1", true },
		{ "fe80:*:00b?", "fe80:0000:0000:0000:0002:c903:0005:00c1", false },
		{ "!host1", "host1", false },
		{ "!host1", "host2", true },
		{ "!192.168.*", "192.168.7.1", false },
		{ "!192.168.*", "10.0.0.1", true },
		{ "!", "", false },
		/* addresses in other spellings */
		{ "fd00::1", "fd00:0:0:0::1", true },
		{ "FD00:0000:0000:0000:0000:0000:0000:0001", "fd00::1", true },
		{ "fe80:0000:0000:0000:0002:c903:0005:00b1", "fe80::2:c903:5:b1", true },
		{ "::ffff:10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "0000:0000:0000:0000:0000:ffff:0a00:0001", true },
		{ "10.0.0.1", "10.0.0.10", false },
		{ "fd00::1", "fd00::2", false },
		{ "!fd00::1", "fd00:0::1", false },
		{ "fd00::*", "fd00:0::1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (conf_pattern_match(rows[i].pattern, rows[i].name) != rows[i].match)
			fail_msg("\"%s\" against \"%s\"", rows[i].pattern, rows[i].name);
}

/* Exponential matching would not come back from this. */
static void test_pattern_time_is_bounded(void **state)
{
	char pattern[CONF_PATTERN_MAX + 1], name[4000];

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "*a", 3);
	pattern[CONF_PATTERN_MAX - 1] = 'b';
	pattern[CONF_PATTERN_MAX] = '\0';
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_false(conf_pattern_match(pattern, name));
}

static void test_group(void **state)
{
	static const char text[] =
		"HANDLER vdisk_nullio {\n DEVICE a\n DEVICE b\n DEVICE c\n}\n"
		"TARGET_DRIVER ib_srpt {\n TARGET t {\n"
		"  LUN 0 a\n"
		"  GROUP g1 {\n LUN 0 b\n INITIATOR x1\n INITIATOR 10.0.0.*\n }\n"
		"  GROUP none {\n }\n"
		"  GROUP g2 {\n LUN 0 c\n INITIATOR x*\n }\n"
		" }\n}\n";
	struct conf_diag_list diags = { 0 };
	const struct conf_target *t;
	struct conf *conf;

	(void)state;
	assert_int_equal(conf_parse("t", text, sizeof(text) - 1, &conf, &diags), 0);
	t = &conf->targets[0];
	assert_string_equal(conf_target_group(t, "x1")->name, "g1");	/* first match wins */
	assert_string_equal(conf_target_group(t, "10.0.0.9")->name, "g1");
	assert_string_equal(conf_target_group(t, "x2")->name, "g2");
	assert_null(conf_target_group(t, "y"));
	assert_string_equal(conf_target_map(t, "x2")->luns[0].device, "c");
	assert_string_equal(conf_target_map(t, "y")->luns[0].device, "a");
	conf_free(conf);
	conf_diag_free(&diags);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_pattern_time_is_bounded),
		cmocka_unit_test(test_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
