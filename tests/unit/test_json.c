/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON writer and the growable text below it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/json.h"

#include <string.h>

static struct text out;
static struct json j;

static int setup(void **state)
{
	(void)state;
	out = (struct text){ 0 };
	json_init(&j, &out);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	text_free(&out);
	return 0;
}

/* How a string value is written. */
static const char *quoted(const char *value)
{
	text_free(&out);
	json_init(&j, &out);
	json_string(&j, NULL, value);
	return text_string(&out);
}

static void empty_array_and_object(void **state)
{
	(void)state;
	json_array_begin(&j, NULL);
	json_array_end(&j);
	assert_string_equal(text_string(&out), "[]\n");
	text_free(&out);
	json_init(&j, &out);
	json_object_begin(&j, NULL);
	json_object_end(&j);
	assert_string_equal(text_string(&out), "{}\n");
}

static void commas_and_nesting(void **state)
{
	(void)state;
	json_object_begin(&j, NULL);
	json_uint(&j, "n", UINT64_MAX);
	json_array_begin(&j, "list");
	json_bool(&j, NULL, true);
	json_object_begin(&j, NULL);
	json_string(&j, "a", "x");
	json_string(&j, "b", NULL);
	json_object_end(&j);
	json_array_end(&j);
	json_raw(&j, "raw", "-7");
	json_object_end(&j);
	assert_string_equal(text_string(&out),
			    "{\n"
			    "  \"n\": 18446744073709551615,\n"
			    "  \"list\": [true, {\"a\": \"x\", \"b\": null}],\n"
			    "  \"raw\": -7\n"
			    "}\n");
}

static void special_characters_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(quoted("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	assert_string_equal(quoted("\n\t\r\x01\x1f\x7f"), "\"\\n\\t\\u000d\\u0001\\u001f\\u007f\"");
	assert_string_equal(quoted(""), "\"\"");
}

static void keys_are_escaped(void **state)
{
	(void)state;
	json_object_begin(&j, NULL);
	json_uint(&j, "a\"b", 1);
	json_object_end(&j);
	assert_string_equal(text_string(&out), "{\n  \"a\\\"b\": 1\n}\n");
}

static void utf8_passes(void **state)
{
	(void)state;
	assert_string_equal(quoted("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
			    "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

#define BAD "\xef\xbf\xbd"

/* RFC 3629: stray, cut, overlong, surrogate, above U+10FFFF. */
static void other_bytes_are_replaced(void **state)
{
	(void)state;
	assert_string_equal(quoted("\x80"), "\"" BAD "\"");
	assert_string_equal(quoted("\xff z"), "\"" BAD " z\"");
	assert_string_equal(quoted("\xc3"), "\"" BAD "\"");
	assert_string_equal(quoted("\xe2\x82"), "\"" BAD BAD "\"");
	assert_string_equal(quoted("\xc0\xaf"), "\"" BAD BAD "\"");
	assert_string_equal(quoted("\xe0\x80\x80"), "\"" BAD BAD BAD "\"");
	assert_string_equal(quoted("\xed\xa0\x80"), "\"" BAD BAD BAD "\"");
	assert_string_equal(quoted("\xf4\x90\x80\x80"), "\"" BAD BAD BAD BAD "\"");
}

static void text_grows(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		text_printf(&out, "%04d", i);
	assert_int_equal(out.len, 4000);
	assert_int_equal(strlen(out.data), 4000);
	assert_memory_equal(out.data + 3996, "0999", 4);
	text_fill(&out, ' ', 3);
	assert_string_equal(out.data + 4000, "   ");
}

static void text_has_a_limit(void **state)
{
	(void)state;
	text_puts(&out, "before");
	text_fill(&out, 'x', TEXT_MAX);
	assert_true(out.failed);
	assert_string_equal(text_string(&out), "before");
	text_puts(&out, "after");
	assert_string_equal(text_string(&out), "before");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(empty_array_and_object),
		T(commas_and_nesting),
		T(special_characters_are_escaped),
		T(keys_are_escaped),
		T(utf8_passes),
		T(other_bytes_are_replaced),
		T(text_grows),
		T(text_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
