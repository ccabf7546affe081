/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/mpconf.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char text[] =
	"# a comment {\n"
	"defaults {\n"
	"\tpolling_interval 5\n"
	"\tno_path_retry \"fail\"\n"
	"\tprio const   # and why\n"
	"\tfeatures \"1 queue # no\"\n"
	"}\n"
	"blacklist {\n"
	"\tdevice {\n"
	"\t\tvendor \".*\"\n"
	"\t\tprio \"blacklisted\"\n"
	"\t}\n"
	"}\n"
	"devices {\n"
	"\tdevice {\n"
	"\t\tvendor \"^SCST\"\n"
	"\t\tno_path_retry 10\n"
	"\t\tprio \"first\"\n"
	"\t}\n"
	"\tdevice {\n"
	"\t\tvendor \"SCST_(BIO|FIO)\"\n"
	"\t\tproduct \"disk.*\"\n"
	"\t\tprio \"second\"\r\n"
	"\t}\n"
	"\tdevice {\n"
	"\t\tvendor \"bad[\"\n"
	"\t\tprio \"bad\"\n"
	"\t}\n"
	"}\n"
	"overrides {\n"
	"\tprotocol {\n"
	"\t\ttype \"scsi:srp\"\n"
	"\t\tfailback \"protocol\"\n"
	"\t}\n"
	"\tchecker_timeout 7\n"
	"}\n"
	"multipaths {\n"
	"\tmultipath {\n"
	"\t\twwid \"3600a\"\n"
	"\t\tchecker_timeout 9\n"
	"\t}\n"
	"}\n";

/* multipath.conf(5): multipaths, overrides, the last fitting device, defaults. */
static void test_order(void **state)
{
	static const struct {
		const char *key, *wwid, *vendor, *product, *value;
	} rows[] = {
		{ "polling_interval", "x", "IBM", "", "5" },
		{ "no_path_retry", "x", "IBM", "", "fail" },
		{ "no_path_retry", "x", "SCST_BIO", "disk01", "10" },
		{ "no_path_retry", "x", "A_SCST", "disk01", "fail" },
		{ "prio", "x", "IBM", "disk01", "const" },
		{ "prio", "x", "SCST_BIO", "disk01", "second" },
		{ "prio", "x", "SCST_FIO", "tape", "first" },
		{ "features", "x", "IBM", "", "1 queue # no" },
		{ "checker_timeout", "x", "IBM", "", "7" },
		{ "checker_timeout", "3600a", "IBM", "", "9" },
		{ "failback", "x", "IBM", "", "" },
		{ "none", "3600a", "SCST_BIO", "disk01", "" },
	};
	struct mp_conf *c = mp_conf_parse(text);

	(void)state;
	assert_non_null(c);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(mp_conf_get(c, rows[i].key, rows[i].wwid, rows[i].vendor,
						rows[i].product), rows[i].value);
	mp_conf_free(c);
}

static void test_no_configuration(void **state)
{
	static const char *const bad[] = { "", "\n", "}", "} } }", "error: no access", "a b c" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(mp_conf_parse(bad[i]));
}

static void test_cut_short(void **state)
{
	char cut[sizeof(text)];

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct mp_conf *c;

		memcpy(cut, text, len);
		cut[len] = '\0';
		c = mp_conf_parse(cut);
		if (c)
			mp_conf_get(c, "prio", "3600a", "SCST_BIO", "disk01");
		mp_conf_free(c);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_no_configuration),
		cmocka_unit_test(test_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
