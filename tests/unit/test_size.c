/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/size.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
		int rc;
	} rows[] = {
		{ "512", 512, 0 },          { "4K", 4096, 0 },        { "4k", 4096, 0 },
		{ "3M", 3u << 20, 0 },      { "2G", 2ull << 30, 0 },  { "1T", 1ull << 40, 0 },
		{ "", 0, -EINVAL },         { "K", 0, -EINVAL },      { "4KB", 0, -EINVAL },
		{ "-1", 0, -EINVAL },       { "4P", 0, -EINVAL },     { "1 K", 0, -EINVAL },
		{ "18446744073709551616", 0, -EINVAL },
		{ "16777216T", 0, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v;

		assert_int_equal(size_parse(rows[i].text, &v), rows[i].rc);
		if (!rows[i].rc)
			assert_int_equal(v, rows[i].bytes);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_sizes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
