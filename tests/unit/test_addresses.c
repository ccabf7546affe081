/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New addresses are told, in a network of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/addresses.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static qb_loop_t *loop;
static unsigned told;

static void came(void *arg)
{
	assert_ptr_equal(arg, &told);
	told++;
	qb_loop_stop(loop);
}

static void too_late(void *arg)
{
	(void)arg;
	qb_loop_stop(loop);
}

static void address_set(const char *text)
{
	struct ifreq r = { .ifr_name = "lo" };
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, text, &in.sin_addr);
	memcpy(&r.ifr_addr, &in, sizeof(in));
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &r), 0);
	close(fd);
}

/* Waits for it, for ten seconds at most. */
static void loop_run(void)
{
	qb_loop_timer_handle timer;

	assert_int_equal(qb_loop_timer_add(loop, QB_LOOP_LOW, 10000000000ull, NULL, too_late,
					   &timer), 0);
	qb_loop_run(loop);
	qb_loop_timer_del(loop, timer);
}

static void each_new_one_is_told(void **state)
{
	struct addresses *a = addresses_watch(loop, came, &told);

	(void)state;
	assert_non_null(a);
	address_set("127.0.0.1");
	loop_run();
	assert_int_equal(told, 1);
	address_set("127.0.0.2");
	loop_run();
	assert_int_equal(told, 2);
	addresses_unwatch(a);
}

static void nothing_is_told_afterwards(void **state)
{
	struct addresses *quiet = addresses_watch(loop, came, NULL), *a;

	(void)state;
	addresses_unwatch(quiet);
	told = 0;
	a = addresses_watch(loop, came, &told);
	address_set("127.0.0.3");
	loop_run();
	assert_int_equal(told, 1);
	addresses_unwatch(a);
	addresses_unwatch(NULL);
}

static int setup(void **state)
{
	(void)state;
	loop = qb_loop_create();
	told = 0;
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	qb_loop_destroy(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_new_one_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_told_afterwards, setup, teardown),
	};

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		puts("SKIP: no network of its own is possible here");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
