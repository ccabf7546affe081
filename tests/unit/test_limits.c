/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of the process; each test in a child, as they cannot be taken back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/limits.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/capability.h>
#include <unistd.h>

/* What @fn writes to standard error, where the log goes without log_open(). */
static const char *said(void (*fn)(void))
{
	static char text[1024];
	size_t len = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fds[1], 2);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return text;
}

static rlim_t soft(int resource)
{
	struct rlimit l;

	return getrlimit((__rlimit_resource_t)resource, &l) ? 0 : l.rlim_cur;
}

static void set(int resource, rlim_t now, rlim_t most)
{
	const struct rlimit l = { now, most };

	if (setrlimit((__rlimit_resource_t)resource, &l))
		_exit(1);
}

static void raise_both(void)
{
	set(RLIMIT_NOFILE, 32, 64);
	set(RLIMIT_MEMLOCK, 4096, 65536);
	limits_raise();
	if (soft(RLIMIT_NOFILE) != 64 || soft(RLIMIT_MEMLOCK) != 65536)
		_exit(1);
}

static void as_far_as_one_may(void **state)
{
	(void)state;
	assert_string_equal(said(raise_both), "");
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capset, &head, none))
		_exit(1);
}

static void warn_twice(void)
{
	set(RLIMIT_MEMLOCK, 65536, 65536);
	drop_capabilities();
	limits_warn_locked();
	limits_warn_locked();
}

static void too_little_to_lock_is_told_once(void **state)
{
	const char *text = said(warn_twice), *first = strstr(text, "only 64 KiB");

	(void)state;
	assert_non_null(first);
	assert_null(strstr(first + 1, "only 64 KiB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_far_as_one_may),
		cmocka_unit_test(too_little_to_lock_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
