/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service manager hears while reactors make rounds, and while one does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/watchdog.h"

#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HANG_MS 20000 /* only a failure waits as long */
#define USEC "80000"  /* a round of pings each 20 ms */
#define ROUNDS_MS 200 /* ten rounds: time in which nothing may come */

static int manager;
static struct reactor_group group;
static struct watchdog dog;

/* A reactor that is stopped in the middle of a round. */
static struct {
	struct msg msg;
	sem_t is_stuck, go_on;
} stuck;

static void stuck_run(struct msg *m)
{
	(void)m;
	sem_post(&stuck.is_stuck);
	sem_wait(&stuck.go_on);
}

static void manager_start(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t);
	char name[sizeof(un.sun_path) + 1];

	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(manager >= 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&un, len), 0);
	len = sizeof(un);
	assert_int_equal(getsockname(manager, (struct sockaddr *)&un, &len), 0);
	snprintf(name, sizeof(name), "@%.*s",
		 (int)(len - offsetof(struct sockaddr_un, sun_path) - 1), un.sun_path + 1);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
}

static int setup(void **state)
{
	struct reactor_params p = { .buffer_size = 1, .poll_budget_us = 0, .cpu = -1 };

	(void)state;
	manager_start();
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", USEC, 1);
	memset(&dog, 0, sizeof(dog));
	sem_init(&stuck.is_stuck, 0, 0);
	sem_init(&stuck.go_on, 0, 0);
	group.n = 2;
	for (unsigned i = 0; i < group.n; i++) {
		assert_int_equal(reactor_create(i, &p, &group.r[i]), 0);
		assert_int_equal(reactor_start(group.r[i]), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watchdog_stop(&dog);
	for (unsigned i = 0; i < group.n; i++) {
		reactor_stop(group.r[i]);
		reactor_destroy(group.r[i]);
	}
	unsetenv("NOTIFY_SOCKET");
	return close(manager);
}

/* Within @ms something was received, which can be nothing else. */
static bool heard(int ms)
{
	struct pollfd p = { .fd = manager, .events = POLLIN };
	char text[64];
	ssize_t n;

	if (poll(&p, 1, ms) != 1)
		return false;
	n = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, "WATCHDOG=1");
	return true;
}

static void reactor_stick(unsigned i)
{
	stuck.msg.fn = stuck_run;
	reactor_send(group.r[i], &stuck.msg);
	sem_wait(&stuck.is_stuck);
}

static void told_again_and_again(void **state)
{
	(void)state;
	assert_int_equal(watchdog_start(&dog, &group), 0);
	for (int i = 0; i < 5; i++)
		assert_true(heard(HANG_MS));
}

/* What was received by both before the second one was stuck is told once more. */
static void silent_while_a_reactor_is_stuck(void **state)
{
	(void)state;
	assert_int_equal(watchdog_start(&dog, &group), 0);
	assert_true(heard(HANG_MS));
	reactor_stick(1);
	while (heard(ROUNDS_MS / 2))
		;
	assert_false(heard(ROUNDS_MS));
	sem_post(&stuck.go_on);
	assert_true(heard(HANG_MS));
	assert_true(heard(HANG_MS));
}

/* Its pings are still with the reactor when the watchdog stops. */
static void stops_while_a_reactor_is_stuck(void **state)
{
	(void)state;
	reactor_stick(0);
	assert_int_equal(watchdog_start(&dog, &group), 0);
	assert_true(heard(HANG_MS));
	watchdog_stop(&dog);
	assert_false(heard(0));
	sem_post(&stuck.go_on);
}

static void not_asked_for(void **state)
{
	static const char *const values[] = { NULL, "", "0", "x", "-5", "5x",
					      "99999999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (values[i])
			setenv("WATCHDOG_USEC", values[i], 1);
		else
			unsetenv("WATCHDOG_USEC");
		assert_int_equal(watchdog_start(&dog, &group), 0);
		assert_false(dog.running);
	}
	assert_false(heard(0));
}

static void meant_for_another_process(void **state)
{
	char pid[32];

	(void)state;
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(watchdog_start(&dog, &group), 0);
	assert_false(dog.running);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(watchdog_start(&dog, &group), 0);
	assert_true(heard(HANG_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told_again_and_again, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_while_a_reactor_is_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(stops_while_a_reactor_is_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(not_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(meant_for_another_process, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
