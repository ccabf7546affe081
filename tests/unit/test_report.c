/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/report.h"

#include <string.h>

static const struct column columns[] = {
	{ "name", "NAME", COLUMN_TEXT },
	{ "secret", NULL, COLUMN_TEXT },
	{ "size", "SIZE", COLUMN_NUMBER },
	{ "on", "ON", COLUMN_BOOL },
};

static const struct column record_columns[] = {
	{ "version", "version", COLUMN_TEXT },
	{ "hidden", NULL, COLUMN_NUMBER },
	{ "pid", "process", COLUMN_NUMBER },
};

static const struct column list_columns[] = {
	{ "key", NULL, COLUMN_TEXT },
	{ "line", "", COLUMN_TEXT },
};

static struct report r;
static struct text out;

static int setup(void **state)
{
	(void)state;
	r = (struct report){ 0 };
	out = (struct text){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	report_free(&r);
	text_free(&out);
	return 0;
}

static const char *printed(bool json)
{
	text_free(&out);
	assert_true(report_print(&r, json, &out));
	return text_string(&out);
}

static void row(const char *name, const char *secret, uint64_t size, bool on)
{
	report_text(&r, name);
	report_text(&r, secret);
	report_uint(&r, size);
	report_bool(&r, on);
}

static void table_is_aligned(void **state)
{
	(void)state;
	REPORT_BEGIN(&r, "rows", REPORT_TABLE, columns);
	row("a", "s", 5, true);
	row("longer", "s", 123456, false);
	assert_string_equal(printed(false),
			    "NAME      SIZE  ON\n"
			    "a            5  yes\n"
			    "longer  123456  no\n");
}

static void width_counts_characters(void **state)
{
	(void)state;
	REPORT_BEGIN(&r, "rows", REPORT_TABLE, columns);
	row("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", "", 1, true);
	assert_string_equal(printed(false), "NAME  SIZE  ON\n\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"
			    "     1  yes\n");
}

static void single_table_is_an_array(void **state)
{
	(void)state;
	REPORT_BEGIN(&r, "rows", REPORT_TABLE, columns);
	assert_string_equal(printed(true), "[]\n");
	row("a", NULL, 5, true);
	row("\"", "s", 6, false);
	assert_string_equal(printed(true),
			    "[\n"
			    "  {\"name\": \"a\", \"secret\": null, \"size\": 5, \"on\": true},\n"
			    "  {\"name\": \"\\\"\", \"secret\": \"s\", "
			    "\"size\": 6, \"on\": false}\n"
			    "]\n");
}

static void missing_value_is_a_dash(void **state)
{
	(void)state;
	REPORT_BEGIN(&r, "rows", REPORT_TABLE, columns);
	report_text(&r, NULL);
	report_text(&r, NULL);
	report_text(&r, NULL);
	report_text(&r, NULL);
	assert_string_equal(printed(false), "NAME  SIZE  ON\n-        -  -\n");
	assert_non_null(strstr(printed(true), "\"size\": null, \"on\": null"));
}

static void record_and_tables(void **state)
{
	(void)state;
	REPORT_BEGIN(&r, "head", REPORT_RECORD, record_columns);
	report_text(&r, "1.0");
	report_uint(&r, 7);
	report_uint(&r, 42);
	REPORT_BEGIN(&r, "empty", REPORT_TABLE, columns);
	REPORT_BEGIN(&r, "rows", REPORT_TABLE, columns);
	row("a", "s", 5, true);
	assert_string_equal(printed(false),
			    "version: 1.0\n"
			    "process: 42\n"
			    "\n"
			    "NAME  SIZE  ON\n"
			    "a        5  yes\n");
	assert_string_equal(printed(true),
			    "{\n"
			    "  \"version\": \"1.0\",\n"
			    "  \"hidden\": 7,\n"
			    "  \"pid\": 42,\n"
			    "  \"empty\": [],\n"
			    "  \"rows\": [{\"name\": \"a\", \"secret\": \"s\", \"size\": 5, "
			    "\"on\": true}]\n"
			    "}\n");
}

static void untitled_column_is_a_list_of_lines(void **state)
{
	(void)state;
	REPORT_BEGIN(&r, "rows", REPORT_TABLE, list_columns);
	report_text(&r, "k");
	report_printf(&r, "x=%d", 5);
	assert_string_equal(printed(false), "x=5\n");
}

static void half_a_row_is_left_out(void **state)
{
	(void)state;
	REPORT_BEGIN(&r, "rows", REPORT_TABLE, columns);
	row("a", "s", 5, true);
	report_text(&r, "b");
	assert_null(strchr(printed(true), 'b'));
}

static void too_many_sections_fail(void **state)
{
	(void)state;
	for (int i = 0; i < REPORT_SECTIONS; i++)
		REPORT_BEGIN(&r, "rows", REPORT_TABLE, columns);
	assert_true(report_print(&r, true, &out));
	REPORT_BEGIN(&r, "rows", REPORT_TABLE, columns);
	assert_false(report_print(&r, true, &out));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(table_is_aligned),
		T(width_counts_characters),
		T(single_table_is_an_array),
		T(missing_value_is_a_dash),
		T(record_and_tables),
		T(untitled_column_is_a_list_of_lines),
		T(half_a_row_is_left_out),
		T(too_many_sections_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
