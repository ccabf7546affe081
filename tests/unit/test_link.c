/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection with srptd, whose socket is the test's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/link.h"

#include "loop_util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static qb_loop_t *loop;
static struct link *l;
static char name[64], heard[1024];
static int listener = -1, conn = -1;

static void note(const char *text)
{
	size_t len = strlen(heard);

	snprintf(heard + len, sizeof(heard) - len, "%s;", text);
}

static void on_up(void *arg)
{
	(void)arg;
	note("up");
}

static void on_down(void *arg)
{
	(void)arg;
	note("down");
}

static void on_message(void *arg, const struct ha_msg *m)
{
	(void)arg;
	note(m->verb);
}

static const struct link_listener calls = {
	.up = on_up,
	.down = on_down,
	.message = on_message,
};

static void srptd_starts(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s-ha", name);

	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&un,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)),
			 0);
	assert_int_equal(listen(listener, 4), 0);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int setup(void **state)
{
	(void)state;
	snprintf(name, sizeof(name), "test_link-%d", getpid());
	heard[0] = 0;
	loop = qb_loop_create();
	l = NULL;
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	link_stop(l);
	close_fd(&conn);
	close_fd(&listener);
	qb_loop_destroy(loop);
	return 0;
}

static bool is_up(void *arg)
{
	(void)arg;
	return link_is_up(l);
}

static bool is_heard(void *arg)
{
	return !strcmp(heard, arg);
}

static void heard_becomes(const char *expect)
{
	if (!loop_until(loop, is_heard, (void *)(uintptr_t)expect))
		assert_string_equal(heard, expect);
}

static void accepted(void)
{
	assert_true(loop_until(loop, is_up, NULL));
	conn = accept(listener, NULL, NULL);
	assert_true(conn >= 0);
}

static void connected(void)
{
	srptd_starts();
	assert_int_equal(link_start(loop, name, &calls, NULL, &l), 0);
	accepted();
}

static void say(const char *text)
{
	assert_int_equal(send(conn, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void messages_go_both_ways(void **state)
{
	struct ha_out out;
	char got[256];
	ssize_t n;

	(void)state;
	connected();
	say("hello\tversion=1");
	say("ready");
	heard_becomes("up;hello;ready;");
	ha_out_begin(&out, "close");
	ha_out_add(&out, "group", "dg");
	link_send(l, &out);
	n = recv(conn, got, sizeof(got) - 1, 0);
	assert_true(n > 0);
	got[n] = 0;
	assert_string_equal(got, "close\tgroup=dg");
}

static void srptd_comes_later(void **state)
{
	(void)state;
	assert_int_equal(link_start(loop, name, &calls, NULL, &l), 0);
	assert_false(link_is_up(l));
	assert_true(link_drain(l));
	srptd_starts();
	accepted();
	assert_string_equal(heard, "up;");
}

static void srptd_is_started_again(void **state)
{
	(void)state;
	connected();
	close_fd(&listener);
	say("hello");
	close_fd(&conn);
	heard_becomes("up;hello;down;");
	srptd_starts();
	accepted();
	heard_becomes("up;hello;down;up;");
}

static void malformed_messages_end_it(void **state)
{
	(void)state;
	connected();
	say("hello\t=");
	say("never");
	heard_becomes("up;down;");
	close_fd(&conn);
	accepted();
	assert_string_equal(heard, "up;down;up;");
}

static void messages_that_are_too_long_end_it(void **state)
{
	static char big[HA_MSG_MAX + 2];

	(void)state;
	memset(big, 'x', HA_MSG_MAX + 1);
	connected();
	say(big);
	heard_becomes("up;down;");
}

/* It is told from the loop, not in the middle of what is being sent. */
static void who_does_not_read_is_left(void **state)
{
	struct ha_out out;

	(void)state;
	connected();
	ha_out_begin(&out, "lease");
	for (int i = 0; i < 100000; i++)
		link_send(l, &out);
	assert_string_equal(heard, "up;");
	heard_becomes("up;down;");
	close_fd(&conn);
	accepted();
}

static void what_does_not_fit_is_left_out(void **state)
{
	static char big[HA_MSG_MAX + 1];
	struct ha_out out;
	char got[16];

	(void)state;
	connected();
	memset(big, 'x', HA_MSG_MAX);
	ha_out_begin(&out, "close");
	ha_out_add(&out, "reason", big);
	link_send(l, &out);
	assert_int_equal(recv(conn, got, sizeof(got), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(link_is_up(l));
}

static void names_have_limits(void **state)
{
	char big[200];

	(void)state;
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	assert_int_equal(link_start(loop, big, &calls, NULL, &l), -ENAMETOOLONG);
	l = NULL;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(messages_go_both_ways),
		T(srptd_comes_later),
		T(srptd_is_started_again),
		T(malformed_messages_end_it),
		T(messages_that_are_too_long_end_it),
		T(who_does_not_read_is_left),
		T(what_does_not_fit_is_left_out),
		T(names_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
