/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/crc32c.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

enum { LONGEST = 40000, PIECES = 8 };

static uint8_t data[LONGEST + 16];

/* An iSCSI READ (10), RFC 3720 B.4 */
static const uint8_t iscsi_read[48] = {
	0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
	0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
};

static void fill(uint8_t *p, int first, int step)
{
	for (int i = 0; i < 32; i++)
		p[i] = (uint8_t)(first + i * step);
}

static void both_are(const void *p, size_t len, uint32_t crc)
{
	assert_int_equal(crc32c(0, p, len), crc);
	assert_int_equal(crc32c_table(0, p, len), crc);
}

/* RFC 3720 B.4 prints the bytes in the order of the wire, the first is the lowest. */
static void test_vectors_of_rfc3720_b4(void **state)
{
	static const struct {
		int first, step;
		uint32_t crc;
	} cases[] = {
		{ 0x00, 0, 0x8a9136aa },
		{ 0xff, 0, 0x62a8ab43 },
		{ 0x00, 1, 0x46dd794e },
		{ 0x1f, -1, 0x113fdb5c },
	};
	uint8_t p[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fill(p, cases[i].first, cases[i].step);
		both_are(p, sizeof(p), cases[i].crc);
	}
	both_are(iscsi_read, sizeof(iscsi_read), 0xd9963a56);
	both_are("123456789", 9, 0xe3069283);
	both_are("", 0, 0);
}

/* One bit a step, the definition itself. */
static uint32_t crc_bits(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

static void data_init(void)
{
	uint32_t x = 2463534242u;

	for (size_t i = 0; i < sizeof(data); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		data[i] = (uint8_t)x;
	}
}

/* Around each length where another way of counting begins. */
static void test_all_lengths_and_alignments(void **state)
{
	static const uint32_t around[] = { 8, 256, 768, 1536, 4096, 12288, 24576, 13056, 39168 };

	(void)state;
	data_init();
	for (size_t at = 0; at < 16; at++)
		for (size_t len = 0; len < 200; len++)
			both_are(data + at, len, crc_bits(data + at, len));
	for (size_t i = 0; i < ARRAY_SIZE(around); i++)
		for (size_t at = 0; at < 9; at++)
			for (size_t len = around[i] - 8; len <= around[i] + 8; len++)
				assert_int_equal(crc32c(0, data + at, len),
						 crc32c_table(0, data + at, len));
	both_are(data + 3, LONGEST, crc_bits(data + 3, LONGEST));
}

static void test_pieces_give_the_same_as_the_whole(void **state)
{
	static const size_t cut[] = { 0, 1, 7, 8, 767, 768, 769, 12288, 12289, LONGEST };
	uint32_t whole;

	(void)state;
	data_init();
	whole = crc32c(0, data, LONGEST);
	for (size_t i = 0; i < ARRAY_SIZE(cut); i++)
		for (size_t k = i; k < ARRAY_SIZE(cut); k++) {
			uint32_t crc = crc32c(0, data, cut[i]);

			crc = crc32c(crc, data + cut[i], cut[k] - cut[i]);
			crc = crc32c(crc, data + cut[k], LONGEST - cut[k]);
			assert_int_equal(crc, whole);
		}
}

/* What iWARP lives on: no single bit goes unnoticed. */
static void test_every_flipped_bit_is_seen(void **state)
{
	uint8_t p[64] = { 1, 2, 3 };
	uint32_t good = crc32c(0, p, sizeof(p));

	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof(p); bit++) {
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(crc32c(0, p, sizeof(p)), good);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void *first_use(void *arg)
{
	uint32_t *crc = arg;

	*crc = crc32c(0, "123456789", 9);
	return NULL;
}

/* Runs first: the tables are made by whoever comes first. */
static void test_threads_may_come_at_once(void **state)
{
	pthread_t t[PIECES];
	uint32_t crc[PIECES];

	(void)state;
	for (int i = 0; i < PIECES; i++)
		assert_int_equal(pthread_create(&t[i], NULL, first_use, &crc[i]), 0);
	for (int i = 0; i < PIECES; i++) {
		assert_int_equal(pthread_join(t[i], NULL), 0);
		assert_int_equal(crc[i], 0xe3069283);
	}
}

static void test_method_is_one_of_three(void **state)
{
	const char *m = crc32c_method();

	(void)state;
	assert_true(!strcmp(m, "sse4.2") || !strcmp(m, "armv8") || !strcmp(m, "table"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_may_come_at_once),
		cmocka_unit_test(test_vectors_of_rfc3720_b4),
		cmocka_unit_test(test_all_lengths_and_alignments),
		cmocka_unit_test(test_pieces_give_the_same_as_the_whole),
		cmocka_unit_test(test_every_flipped_bit_is_seen),
		cmocka_unit_test(test_method_is_one_of_three),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
