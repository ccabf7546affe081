/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of a cluster's programs: what is written is read back, malformed ones are refused. */
#include "ctl/ha_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ha_msg m;
static struct ha_out o;

static int decode(const char *text)
{
	return ha_msg_decode(&m, text, strlen(text));
}

static void writes_what_the_document_says(void **state)
{
	(void)state;
	ha_out_begin(&o, "lease");
	ha_out_add(&o, "group", "dg 1");
	ha_out_add_u64(&o, "epoch", 0);
	ha_out_add_u64(&o, "at_ns", UINT64_MAX);
	assert_false(o.overflow);
	assert_string_equal(o.text, "lease\tgroup=dg 1\tepoch=0\tat_ns=18446744073709551615");
	assert_int_equal(o.len, strlen(o.text));
	ha_out_begin(&o, "ready");
	assert_string_equal(o.text, "ready");
}

static void escapes_what_would_end_a_field(void **state)
{
	static const char value[] = "a\tb\nc%41=\x7f\x01\xc3\xa9";

	(void)state;
	ha_out_begin(&o, "refuse");
	ha_out_add(&o, "reason", value);
	assert_string_equal(o.text, "refuse\treason=a%09b%0Ac%2541=%7F%01\xc3\xa9");
	assert_int_equal(ha_msg_decode(&m, o.text, o.len), 0);
	assert_string_equal(ha_msg_get(&m, "reason"), value);
}

static void reads_fields_by_name(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_int_equal(decode("table\tstates=1:active,2:standby\tseq=12\tnew=\tx=%4a%4B"), 0);
	assert_string_equal(m.verb, "table");
	assert_int_equal(m.n, 4);
	assert_string_equal(ha_msg_get(&m, "states"), "1:active,2:standby");
	assert_string_equal(ha_msg_get(&m, "new"), "");
	assert_string_equal(ha_msg_get(&m, "x"), "JK");
	assert_null(ha_msg_get(&m, "group"));
	assert_true(ha_msg_get_u64(&m, "seq", UINT64_MAX, &n));
	assert_int_equal(n, 12);
	assert_false(ha_msg_get_u64(&m, "new", UINT64_MAX, &n));
	assert_false(ha_msg_get_u64(&m, "group", UINT64_MAX, &n));
	assert_int_equal(n, 12);
}

static void numbers_have_a_range(void **state)
{
	static const struct {
		const char *text;
		uint64_t max, value;
		bool good;
	} rows[] = {
		{ "0", 0, 0, true },
		{ "00", 0, 0, true },
		{ "1", 0, 0, false },
		{ "9", 5, 0, false },
		{ "10", 9, 0, false },
		{ "10", 10, 10, true },
		{ "65535", 65535, 65535, true },
		{ "65536", 65535, 0, false },
		{ "18446744073709551615", UINT64_MAX, UINT64_MAX, true },
		{ "18446744073709551616", UINT64_MAX, 0, false },
		{ "99999999999999999999", UINT64_MAX, 0, false },
		{ "-1", UINT64_MAX, 0, false },
		{ "+1", UINT64_MAX, 0, false },
		{ " 1", UINT64_MAX, 0, false },
		{ "1 ", UINT64_MAX, 0, false },
		{ "0x1", UINT64_MAX, 0, false },
		{ "\xb1", UINT64_MAX, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 0;

		ha_out_begin(&o, "n");
		ha_out_add(&o, "n", rows[i].text);
		assert_int_equal(ha_msg_decode(&m, o.text, o.len), 0);
		if (ha_msg_get_u64(&m, "n", rows[i].max, &value) != rows[i].good)
			fail_msg("%s of at most %ju", rows[i].text, (uintmax_t)rows[i].max);
		assert_true(value == rows[i].value);
	}
}

static void malformed_is_refused(void **state)
{
	static const char *const rows[] = {
		"", "\t", "Hello", "hello\n", "hel lo", "h\xe9llo", "=v", "hello%41\ta=1",
		"hello\t", "hello\tkey", "hello\t=v", "hello\tK=v", "hello\t\ta=1",
		"hello\ta=1\ta=1", "hello\ta%41=1", "hello\tk=a\x01", "hello\tk=\x7f",
		"hello\tk=%", "hello\tk=%4", "hello\tk=%4g", "hello\tk=%g4", "hello\tk=%00",
		"hello\tk=%\t41=1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (decode(rows[i]) != -EINVAL)
			fail_msg("row %zu was not refused: %s", i, rows[i]);
	assert_int_equal(ha_msg_decode(&m, "hello\0", 6), -EINVAL);
	assert_int_equal(ha_msg_decode(&m, NULL, 0), -EINVAL);
}

static void too_many_fields_are_refused(void **state)
{
	char key[8];

	(void)state;
	ha_out_begin(&o, "v");
	for (unsigned i = 0; i <= HA_MSG_FIELDS; i++) {
		assert_int_equal(ha_msg_decode(&m, o.text, o.len), 0);
		assert_int_equal(m.n, i);
		snprintf(key, sizeof(key), "k%u", i);
		ha_out_add_u64(&o, key, i);
	}
	assert_int_equal(ha_msg_decode(&m, o.text, o.len), -EMSGSIZE);
}

static void length_has_a_limit(void **state)
{
	static char value[HA_MSG_MAX + 2];

	(void)state;
	memset(value, 'x', HA_MSG_MAX - 4);
	ha_out_begin(&o, "v");
	ha_out_add(&o, "k", value);
	assert_false(o.overflow);
	assert_int_equal(o.len, HA_MSG_MAX);
	assert_int_equal(ha_msg_decode(&m, o.text, o.len), 0);
	assert_string_equal(ha_msg_get(&m, "k"), value);

	value[HA_MSG_MAX - 4] = 'x';
	ha_out_begin(&o, "v");
	ha_out_add(&o, "k", value);
	assert_true(o.overflow);
	ha_out_add(&o, "l", "");
	assert_true(o.overflow && o.len <= HA_MSG_MAX && !o.text[o.len]);

	memset(value, 'x', HA_MSG_MAX + 1);
	assert_int_equal(ha_msg_decode(&m, value, HA_MSG_MAX), 0);
	assert_int_equal(ha_msg_decode(&m, value, HA_MSG_MAX + 1), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_the_document_says),
		cmocka_unit_test(escapes_what_would_end_a_field),
		cmocka_unit_test(reads_fields_by_name),
		cmocka_unit_test(numbers_have_a_range),
		cmocka_unit_test(malformed_is_refused),
		cmocka_unit_test(too_many_fields_are_refused),
		cmocka_unit_test(length_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
