/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service manager would receive. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager;
static char got[256];

/* A socket in the abstract namespace whose name the kernel chooses. */
static int setup(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t);
	char name[sizeof(un.sun_path) + 1];

	(void)state;
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(manager >= 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&un, len), 0);
	len = sizeof(un);
	assert_int_equal(getsockname(manager, (struct sockaddr *)&un, &len), 0);
	snprintf(name, sizeof(name), "@%.*s",
		 (int)(len - offsetof(struct sockaddr_un, sun_path) - 1), un.sun_path + 1);
	return setenv("NOTIFY_SOCKET", name, 1);
}

static int teardown(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	return close(manager);
}

static const char *received(void)
{
	ssize_t n = recv(manager, got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = 0;
	return got;
}

static void state_arrives(void **state)
{
	(void)state;
	assert_int_equal(notify_send("READY=1"), 1);
	assert_string_equal(received(), "READY=1");
}

static void reloading_has_its_time(void **state)
{
	unsigned long long usec = 0;

	(void)state;
	assert_int_equal(notify_reloading(), 1);
	assert_int_equal(sscanf(received(), "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
	assert_true(usec > 0);
}

static void nobody_wants_to_know(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_send("READY=1"), 0);
	assert_string_equal(received(), "");
}

static void wrong_names_are_refused(void **state)
{
	char big[200];

	(void)state;
	memset(big, 'x', sizeof(big));
	big[0] = '/';
	big[sizeof(big) - 1] = 0;
	setenv("NOTIFY_SOCKET", big, 1);
	assert_int_equal(notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "@", 1);
	assert_int_equal(notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	assert_int_equal(notify_send("READY=1"), -ENOENT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(state_arrives),
		T(reloading_has_its_time),
		T(nobody_wants_to_know),
		T(wrong_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
