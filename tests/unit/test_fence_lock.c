/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock of the handlers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fence/lock.h"

static char top[] = "/tmp/srpt-test.XXXXXX";
static char dir[64], file[96];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	snprintf(dir, sizeof(dir), "%s/drbd", top);
	snprintf(file, sizeof(file), "%s/fence.r0", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	rmdir(dir);
	return rmdir(top);
}

static bool is_locked(void)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	bool locked;

	assert_true(fd >= 0);
	locked = flock(fd, LOCK_EX | LOCK_NB);
	close(fd);
	return locked;
}

static void test_refused(void **state)
{
	char below[96];

	(void)state;
	snprintf(below, sizeof(below), "%s/none/drbd", top);
	assert_int_equal(lock_take(below, "r0", now_ms()), -ENOENT);
}

static void test_link(void **state)
{
	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(symlink("/dev/null", file), 0);
	assert_int_equal(lock_take(dir, "r0", now_ms()), -ELOOP);
	unlink(file);
	rmdir(dir);
}

static void test_busy(void **state)
{
	uint64_t start = now_ms();
	int fd;

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(lock_take(dir, "r0", start + 120), -EWOULDBLOCK);
	assert_true(now_ms() >= start + 120);
	close(fd);
	unlink(file);
	rmdir(dir);
}

static void test_taken(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(lock_take(dir, "r0", now_ms()), 0);
	assert_true(is_locked());
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
