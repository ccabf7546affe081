/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of places: written whole or not at all, and believed only where it can be read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "fence/lock.h"
#include "fence/places.h"

static char top[] = "/tmp/srpt-test.XXXXXX";
static char file[64], lock[96];
static struct places p, new;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	snprintf(file, sizeof(file), "%s/dir/places", top);
	snprintf(lock, sizeof(lock), "%s.lock", file);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void file_put(const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void file_is(const char *want)
{
	char text[1024] = "";
	FILE *f = fopen(file, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	assert_string_equal(text, want);
}

static int put(uint64_t guid, uint64_t switch_guid, uint8_t port)
{
	new.n = 0;
	places_put(&new, &(struct guid_place){ guid, switch_guid, port });
	return places_update(&p, file, &new, now_ms() + 50);
}

static void test_missing(void **state)
{
	(void)state;
	p.n = 1;
	assert_int_equal(places_load(&p, file), 0);
	assert_int_equal(p.n, 0);
	assert_null(places_find(&p, 1));
	/* Nothing new, nothing written. */
	new.n = 0;
	assert_int_equal(places_update(&p, file, &new, now_ms()), 0);
	assert_int_equal(access(file, F_OK), -1);
}

static void test_update(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(put(0x0002c90300a1b2c1, 0x500, 254), 0);
	file_is("0002c90300a1b2c1 0000000000000500 254\n");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(put(1, 0x500, 2), 0);
	assert_int_equal(put(0x0002c90300a1b2c1, 0x600, 3), 0);
	file_is("0002c90300a1b2c1 0000000000000600 3\n0000000000000001 0000000000000500 2\n");
	assert_int_equal(places_load(&p, file), 0);
	assert_int_equal(p.n, 2);
	assert_true(places_find(&p, 0x0002c90300a1b2c1)->switch_guid == 0x600);
	assert_int_equal(places_find(&p, 1)->port, 2);
}

/* There is one cable in each: who was there before is elsewhere now. */
static void test_superseded(void **state)
{
	(void)state;
	file_put("1 500 2\n2 500 3\n3 500 4\n");
	assert_int_equal(put(3, 0x500, 2), 0);
	file_is("0000000000000002 0000000000000500 3\n0000000000000003 0000000000000500 2\n");
	assert_null(places_find(&p, 1));
	assert_int_equal(places_find_at(&p, 0x500, 2)->guid, 3);
	assert_null(places_find_at(&p, 0x500, 4));
	assert_null(places_find_at(&p, 0x600, 2));
	/* Two that were swapped. */
	new.n = 0;
	places_put(&new, &(struct guid_place){ 2, 0x500, 2 });
	places_put(&new, &(struct guid_place){ 3, 0x500, 3 });
	assert_int_equal(places_update(&p, file, &new, now_ms() + 50), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(places_find(&p, 2)->port, 2);
	assert_int_equal(places_find(&p, 3)->port, 3);
}

static void test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"", "\n\n", "x", "1", "1 2", "1 2 3 4", "1 2 3x", "0 2 3", "1 0 3", "1 2 0",
		"1 2 255", "1 2 999", "1 2 1000", "11111111111111111 2 3", "1 2 3\r", "1,2,3",
		"1                                                   2 3",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "%s\naa bb 7\n%s", bad[i], bad[i]);
		places_parse(&p, text);
		if (p.n != 1)
			fail_msg("'%s' is taken", bad[i]);
		assert_true(p.place[0].guid == 0xaa && p.place[0].switch_guid == 0xbb);
		assert_int_equal(p.place[0].port, 7);
	}
}

/* The oldest one goes, and what is written can be read. */
static void test_full(void **state)
{
	(void)state;
	new.n = 0;
	for (uint64_t i = 1; i <= PLACES_MAX + 1; i++)
		places_put(&new, &(struct guid_place){ i | UINT64_C(1) << 63, UINT64_MAX - i / 254,
						       (uint8_t)(i % 254 + 1) });
	assert_int_equal(new.n, PLACES_MAX);
	file_put("");
	assert_int_equal(places_update(&p, file, &new, now_ms() + 5000), 0);
	assert_int_equal(places_load(&p, file), 0);
	assert_int_equal(p.n, PLACES_MAX);
	assert_null(places_find(&p, 1 | UINT64_C(1) << 63));
	assert_non_null(places_find(&p, (PLACES_MAX + 1) | UINT64_C(1) << 63));
}

/* Another process has it: that is waited for, not for ever; what it writes is not lost. */
static void test_busy(void **state)
{
	uint64_t start = now_ms();
	int fd = open(lock, O_RDWR);

	(void)state;
	assert_true(fd >= 0);
	file_put("1 500 2\n");
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(put(3, 0x500, 4), -EWOULDBLOCK);
	assert_true(now_ms() >= start + 50);
	file_is("1 500 2\n");
	close(fd);
	assert_int_equal(put(3, 0x500, 4), 0);
	assert_int_equal(p.n, 2);
}

static void test_link(void **state)
{
	(void)state;
	unlink(file);
	assert_int_equal(symlink("/dev/null", file), 0);
	assert_int_equal(places_load(&p, file), -ELOOP);
	assert_int_equal(put(3, 0x500, 4), -ELOOP);
	unlink(file);
}

static void test_no_directory(void **state)
{
	(void)state;
	snprintf(file, sizeof(file), "%s/none/none/places", top);
	assert_int_equal(put(3, 0x500, 4), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),	  cmocka_unit_test(test_update),
		cmocka_unit_test(test_superseded),
		cmocka_unit_test(test_bad_lines), cmocka_unit_test(test_full),
		cmocka_unit_test(test_busy),	  cmocka_unit_test(test_link),
		cmocka_unit_test(test_no_directory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
