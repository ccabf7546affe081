/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data and order of an I/O run. */
#include "ping.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define BLOCK 512u
#define BLOCKS 8u

static uint8_t buf[BLOCK * BLOCKS], other[BLOCK * BLOCKS];

static void test_what_was_filled_compares(void **state)
{
	struct ping_mismatch m;

	(void)state;
	ping_pattern_fill(buf, 100, BLOCKS, BLOCK, 7);
	assert_false(ping_pattern_compare(buf, 100, BLOCKS, BLOCK, 7, &m));
}

static void test_sizes_of_commands_do_not_matter(void **state)
{
	(void)state;
	ping_pattern_fill(buf, 100, BLOCKS, BLOCK, 7);
	for (uint32_t i = 0; i < BLOCKS; i++)
		ping_pattern_fill(other + i * BLOCK, 100 + i, 1, BLOCK, 7);
	assert_memory_equal(buf, other, sizeof(buf));
}

static void test_another_seed_or_place_differs_at_once(void **state)
{
	struct ping_mismatch m;

	(void)state;
	ping_pattern_fill(buf, 100, BLOCKS, BLOCK, 7);
	assert_true(ping_pattern_compare(buf, 100, BLOCKS, BLOCK, 8, &m));
	assert_int_equal(m.lba, 100);
	assert_int_equal(m.offset, 0);
	assert_true(ping_pattern_compare(buf, 101, BLOCKS, BLOCK, 7, &m));
	assert_int_equal(m.lba, 101);
}

static void test_every_changed_bit_is_found_where_it_is(void **state)
{
	struct ping_mismatch m;

	(void)state;
	ping_pattern_fill(buf, 5, BLOCKS, BLOCK, 1);
	for (uint32_t at = 0; at < sizeof(buf); at += 61) {
		uint8_t want[8];

		memcpy(want, buf + at / 8 * 8, 8);
		buf[at] ^= 0x10;
		assert_true(ping_pattern_compare(buf, 5, BLOCKS, BLOCK, 1, &m));
		assert_int_equal(m.lba, 5 + at / BLOCK);
		assert_int_equal(m.offset, at % BLOCK / 8 * 8);
		assert_memory_equal(m.expected, want, 8);
		assert_memory_equal(m.got, buf + at / 8 * 8, 8);
		buf[at] ^= 0x10;
	}
}

static void test_blocks_exchanged_are_found(void **state)
{
	struct ping_mismatch m;

	(void)state;
	ping_pattern_fill(buf, 0, BLOCKS, BLOCK, 1);
	memcpy(other, buf, BLOCK);
	memcpy(buf, buf + BLOCK, BLOCK);
	memcpy(buf + BLOCK, other, BLOCK);
	assert_true(ping_pattern_compare(buf, 0, BLOCKS, BLOCK, 1, &m));
	assert_int_equal(m.lba, 0);
}

static void test_order_gives_each_once(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 2, 3, 5, 16, 17, 1000 };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (int random = 0; random <= 1; random++) {
			uint8_t seen[1000] = { 0 };
			struct ping_order r;
			uint64_t i, n = 0;

			ping_order_init(&r, sizes[s], random, 3);
			for (; ping_order_next(&r, &i); n++) {
				assert_true(i < sizes[s] && !seen[i]);
				assert_true(random || i == n);
				seen[i] = 1;
			}
			assert_int_equal(n, sizes[s]);
		}
	}
}

static void test_mixed_order_depends_on_the_seed(void **state)
{
	struct ping_order a, b;
	uint64_t i, k;
	unsigned same = 0, ascending = 0;

	(void)state;
	ping_order_init(&a, 1000, true, 1);
	ping_order_init(&b, 1000, true, 2);
	for (unsigned n = 0; n < 1000; n++) {
		assert_true(ping_order_next(&a, &i) && ping_order_next(&b, &k));
		same += i == k;
		ascending += i == n;
	}
	assert_true(same < 100);
	assert_true(ascending < 100);
}

static void test_size_text(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(ping_size_text(0, text, sizeof(text)), "0 B");
	assert_string_equal(ping_size_text(1023, text, sizeof(text)), "1023 B");
	assert_string_equal(ping_size_text(1536, text, sizeof(text)), "1.5 KiB");
	assert_string_equal(ping_size_text(64u << 20, text, sizeof(text)), "64.0 MiB");
	assert_string_equal(ping_size_text(UINT64_MAX, text, sizeof(text)), "16.0 EiB");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_filled_compares),
		cmocka_unit_test(test_sizes_of_commands_do_not_matter),
		cmocka_unit_test(test_another_seed_or_place_differs_at_once),
		cmocka_unit_test(test_every_changed_bit_is_found_where_it_is),
		cmocka_unit_test(test_blocks_exchanged_are_found),
		cmocka_unit_test(test_order_gives_each_once),
		cmocka_unit_test(test_mixed_order_depends_on_the_seed),
		cmocka_unit_test(test_size_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
