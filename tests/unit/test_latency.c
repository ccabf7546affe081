/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/latency.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void test_nothing_recorded_is_zero(void **state)
{
	struct latency l;

	(void)state;
	latency_init(&l);
	assert_int_equal(latency_percentile(&l, 50), 0);
	assert_int_equal(latency_percentile(&l, 100), 0);
	assert_int_equal(latency_mean(&l), 0);
}

static void test_small_values_are_exact(void **state)
{
	struct latency l;

	(void)state;
	latency_init(&l);
	for (uint64_t v = 1; v <= 60; v++)
		latency_record(&l, v);
	assert_int_equal(latency_percentile(&l, 50), 30);
	assert_int_equal(latency_percentile(&l, 90), 54);
	assert_int_equal(l.min_ns, 1);
	assert_int_equal(l.max_ns, 60);
	assert_int_equal(latency_mean(&l), 30);
}

/* Every power of two and its neighbours: the median of one value is that value within 1.6 %. */
static void test_every_value_is_near(void **state)
{
	(void)state;
	for (unsigned exp = 6; exp < LATENCY_MAX_BITS; exp++) {
		for (int d = -1; d <= 1; d++) {
			uint64_t v = ((uint64_t)1 << exp) + (uint64_t)d, got;
			struct latency l;

			latency_init(&l);
			latency_record(&l, v);
			latency_record(&l, 0);
			latency_record(&l, UINT64_MAX / 4);
			got = latency_percentile(&l, 50);
			assert_true((double)got >= (double)v * 0.984);
			assert_true((double)got <= (double)v * 1.016);
		}
	}
}

static void test_percentiles_of_a_ramp(void **state)
{
	struct latency l;

	(void)state;
	latency_init(&l);
	for (uint64_t i = 1; i <= 10000; i++)
		latency_record(&l, i * 1000);
	assert_in_range(latency_percentile(&l, 50), 4920000, 5080000);
	assert_in_range(latency_percentile(&l, 99), 9741000, 10000000);
	assert_in_range(latency_percentile(&l, 99.9), 9831000, 10000000);
	assert_int_equal(latency_percentile(&l, 100), 10000000);
	assert_int_equal(latency_percentile(&l, 0), 1000);
}

static void test_too_long_counts_in_the_last(void **state)
{
	struct latency l;

	(void)state;
	latency_init(&l);
	latency_record(&l, (uint64_t)1 << 50);
	latency_record(&l, UINT64_MAX / 4);
	assert_int_equal(l.bucket[LATENCY_BUCKETS - 1], 2);
	assert_int_equal(latency_percentile(&l, 50), UINT64_MAX / 4);
}

static void test_merge_is_as_recorded_together(void **state)
{
	struct latency a, b, both;

	(void)state;
	latency_init(&a);
	latency_init(&b);
	latency_init(&both);
	latency_merge(&a, &b);
	assert_int_equal(a.count, 0);
	for (uint64_t i = 0; i < 1000; i++) {
		latency_record(i % 3 ? &a : &b, i * i + 7);
		latency_record(&both, i * i + 7);
	}
	latency_merge(&a, &b);
	assert_memory_equal(&a, &both, sizeof(a));
}

static void test_merge_into_nothing_takes_the_least(void **state)
{
	struct latency a, b;

	(void)state;
	latency_init(&a);
	latency_init(&b);
	latency_record(&b, 500);
	latency_merge(&a, &b);
	assert_int_equal(a.min_ns, 500);
}

static void test_text(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 1000, "1.00 us" },
		{ 9994, "9.99 us" },
		{ 9996, "10.0 us" },
		{ 99940, "99.9 us" },
		{ 99960, "100 us" },
		{ 999400, "999 us" },
		{ 999600, "1.00 ms" },
		{ 12345678, "12.3 ms" },
		{ 1500000000ull, "1.50 s" },
		{ 3600000000000ull, "3600 s" },
	};
	char buf[LATENCY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(latency_text(rows[i].ns, buf, sizeof(buf)), rows[i].text);
}

static void test_summary(void **state)
{
	struct latency l;
	char buf[160];

	(void)state;
	latency_init(&l);
	latency_record(&l, 1000);
	latency_record(&l, 1000);
	latency_record(&l, 2000000);
	assert_string_equal(latency_summary(&l, buf, sizeof(buf)),
			    "min 1.00 us, p50 1.00 us, p99 2.00 ms, p99.9 2.00 ms, max 2.00 ms");
}

static void test_histogram(void **state)
{
	struct latency l;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	latency_init(&l);
	latency_record(&l, 0);
	latency_record(&l, 1);
	latency_record(&l, 5);
	for (int i = 0; i < 4; i++)
		latency_record(&l, 33000);
	latency_print_histogram(&l, f, "> ");
	fclose(f);
	assert_string_equal(text,
			    ">     0 ns .. 2 ns              2 ####################\n"
			    ">     4 ns .. 8 ns              1 ##########\n"
			    ">  32.8 us .. 65.5 us           4 "
			    "########################################\n");
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_recorded_is_zero),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_every_value_is_near),
		cmocka_unit_test(test_percentiles_of_a_ramp),
		cmocka_unit_test(test_too_long_counts_in_the_last),
		cmocka_unit_test(test_merge_is_as_recorded_together),
		cmocka_unit_test(test_merge_into_nothing_takes_the_least),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
