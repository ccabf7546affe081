/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "ctl/state_file.h"

#include <errno.h>
#include <string.h>

#define KEY "60020000000000000000000000000001"
#define DATA "reservations"
#define SIZE (STATE_FILE_HEADER + sizeof(DATA))

static uint8_t file[SIZE + 1];
static uint64_t sequence;
static size_t len;

static void make(void)
{
	state_file_header(file, KEY, 0x123456789aull, DATA, sizeof(DATA));
	memcpy(file + STATE_FILE_HEADER, DATA, sizeof(DATA));
}

static int check(size_t size)
{
	return state_file_check(file, size, KEY, &sequence, &len);
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	make();
	assert_int_equal(check(SIZE), 0);
	assert_int_equal(sequence, 0x123456789aull);
	assert_int_equal(len, sizeof(DATA));
}

/* These bytes are on disks: they never change. */
static void layout(void **state)
{
	static const uint8_t head[] = {
		'S', 'R', 'P', 'T', 'l', 'u', 's', 0, 0, 0, 0, 1, 0, 0, 0, 0,
		0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0, 0, 0, 13, 0, 0, 0, 0,
	};

	(void)state;
	make();
	assert_int_equal(get_be32(file + 12), 0xf04c5016);
	memset(file + 12, 0, 4);
	assert_memory_equal(file, head, sizeof(head));
	assert_string_equal((char *)file + 32, KEY);
	assert_int_equal(STATE_FILE_HEADER, 96);
}

static void every_flipped_bit_is_found(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < SIZE * 8; bit++) {
		make();
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(check(SIZE), -EBADMSG);
	}
}

static void every_other_length_is_found(void **state)
{
	(void)state;
	make();
	for (size_t size = 0; size < SIZE; size++)
		assert_int_equal(check(size), -EBADMSG);
	assert_int_equal(check(SIZE + 1), -EBADMSG);
}

static void other_keys_are_not_ours(void **state)
{
	(void)state;
	make();
	assert_int_equal(state_file_check(file, SIZE, "6003", &sequence, &len), -EBADMSG);
	assert_int_equal(state_file_check(file, SIZE, KEY "0", &sequence, &len), -EBADMSG);
}

static void later_versions_are_told_apart(void **state)
{
	(void)state;
	make();
	file[11] = 2;
	assert_int_equal(check(SIZE), -EBADMSG);
	state_file_seal(file, SIZE);
	assert_int_equal(check(SIZE), -EPROTONOSUPPORT);
}

static void length_and_number_are_checked_behind_the_crc(void **state)
{
	(void)state;
	make();
	file[27]++;
	state_file_seal(file, SIZE);
	assert_int_equal(check(SIZE), -EBADMSG);
	make();
	memset(file + 16, 0, 8);
	state_file_seal(file, SIZE);
	assert_int_equal(check(SIZE), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(layout),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(every_other_length_is_found),
		cmocka_unit_test(other_keys_are_not_ours),
		cmocka_unit_test(later_versions_are_told_apart),
		cmocka_unit_test(length_and_number_are_checked_behind_the_crc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
