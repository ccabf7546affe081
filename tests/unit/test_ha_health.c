/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What srptctl monitor says, and whether it is true. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ha_env.h"

#include "ctl/watch.h"

#include <errno.h>
#include <string.h>

static int setup(void **state)
{
	env_setup(state);
	env_promote(7);
	return 0;
}

/* So long, with leases. */
static void serve(unsigned ms)
{
	for (unsigned at = 0; at < ms; at += 100) {
		env_lease(7);
		fake_sleep(100);
	}
	env_lease(7);
}

static void monitor(int status, const char *text)
{
	assert_int_equal(env_ctl("monitor", "dg", NULL), status);
	if (text)
		assert_non_null(strstr(env_out, text));
	else
		assert_string_equal(env_out, "");
}

static void it_serves(void **state)
{
	(void)state;
	monitor(8, NULL);
	serve(10000);
	monitor(8, NULL);
	assert_int_equal(env_ctl("monitor", NULL), 8);
	env_ctl("demote", NULL);
	monitor(0, NULL);
	env_apply(ENV_DEVICES);
	assert_int_equal(env_ctl("monitor", NULL), 0);
}

static void one_read_of_each_file_a_second(void **state)
{
	(void)state;
	fake_events[0] = 0;
	serve(3000);
	env_saw("canary:a canary:b");
	env_saw_no("canary:c");
}

static void a_disk_that_hangs(void **state)
{
	(void)state;
	serve(2000);
	fake_canaries_hang = true;
	serve(3000);
	monitor(8, NULL);
	serve(1500);
	monitor(9, "device a has not answered a read for 3");
	fake_let_go();
	serve(1000);
	monitor(8, NULL);
}

static void a_disk_that_fails(void **state)
{
	(void)state;
	fake_canary_status = -EIO;
	serve(1100);
	monitor(9, "dg: device a: its first block cannot be read: Input/output error\n");
	fake_canary_status = 0;
	serve(1100);
	monitor(8, NULL);
}

static void a_reactor_that_hangs(void **state)
{
	(void)state;
	fake_pulse_hangs = true;
	serve(2000);
	monitor(8, NULL);
	serve(1500);
	monitor(9, "reactor 0 has not answered for 2");
	env_ctl("demote", NULL);
	monitor(1, "reactor 0 has not answered for 2");
	fake_let_go();
	monitor(0, NULL);
}

static void the_lease_is_over(void **state)
{
	(void)state;
	fake_now_ns += 1000000000;
	monitor(9, "the lease of the write gate is over");
	fake_sleep(1);
	monitor(9, "the write gate is closed: srp-replicatord has not renewed the lease");
}

static void a_disk_that_is_lost(void **state)
{
	(void)state;
	fake_suspect = "b";
	fake_missing = "b";
	watch_turn(env_daemon.watch);
	fake_run();
	monitor(9, "device b is lost: /b: No such file");
	fake_suspect = fake_missing = "";
	serve(1000);
	for (int i = 0; i < 3; i++) {
		watch_turn(env_daemon.watch);
		fake_run();
	}
	monitor(8, NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(it_serves),
		T(one_read_of_each_file_a_second),
		T(a_disk_that_hangs),
		T(a_disk_that_fails),
		T(a_reactor_that_hangs),
		T(the_lease_is_over),
		T(a_disk_that_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
