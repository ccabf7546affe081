/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a cluster's device group ceases to serve, also when a disk does not let go. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ha_env.h"

#include <errno.h>
#include <string.h>

static int setup(void **state)
{
	env_setup(state);
	env_promote(7);
	return 0;
}

static void stopped(void *arg)
{
	++*(int *)arg;
}

static void every_step_in_its_order(void **state)
{
	(void)state;
	assert_int_equal(env_ctl("demote", "dg", NULL), 0);
	assert_string_equal(fake_events, "role:demoting state:1=f announce:f@7 drain: flush:a "
			    "flush:b gate:shut park:a park:b park:a exchange:a exchange:b "
			    "exchange:c state:1=2 announce:2@7 role:standby");
	assert_string_equal(env_state(), "standby near=2 far=2");
	assert_non_null(strstr(env_out, "dg: standby, epoch 7: stop 0.0 ms, drain 0.0 ms, "
			       "flush 0.0 ms, close 0.0 ms, publish 0.0 ms\n"));
	env_promote(8);
}

/* What was admitted before is answered as long as the lease goes on. */
static void leases_go_on_meanwhile(void **state)
{
	(void)state;
	fake_drain_hangs = true;
	assert_int_equal(env_ctl("demote", "dg", NULL), -1);
	fake_events[0] = 0;
	fake_sleep(500);
	env_lease(7);
	assert_string_equal(fake_events, "gate:7");
	fake_sleep(1000);
	assert_string_equal(fake_events, "gate:7 gate:shut");
	env_lease(8);
	fake_let_go();
	assert_int_equal(env_status, 0);
	env_saw_no("gate:8");
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void a_disk_that_hangs(void **state)
{
	(void)state;
	fake_drain_hangs = true;
	assert_int_equal(env_ctl("demote", "dg", "2", NULL), -1);
	assert_string_equal(env_state(), "demoting near=f far=2");
	assert_int_equal(env_ctl("demote", "dg", NULL), 10);
	assert_int_equal(env_ctl("promote", "dg", NULL), 10);
	fake_sleep(2100);
	assert_int_equal(env_status, 11);
	assert_string_equal(env_err, "device group dg: the demote has not got over \"drain\" in "
			    "time; it goes on\n");
	assert_string_equal(env_state(), "demoting near=3 far=2");
	env_saw("gate:shut state:1=3 announce:3@7");
	assert_int_equal(env_ctl("monitor", "dg", NULL), 1);
	/* A later one goes on waiting. */
	assert_int_equal(env_ctl("demote", "dg", "3", NULL), -1);
	env_saw_no("drain");
	fake_sleep(3100);
	assert_int_equal(env_status, 11);
	assert_int_equal(env_ctl("demote", "dg", "3", NULL), -1);
	fake_let_go();
	assert_int_equal(env_status, 0);
	assert_string_equal(env_state(), "standby near=2 far=2");
	assert_int_equal(env_ctl("monitor", "dg", NULL), 0);
}

static void a_disk_that_lets_go_when_nobody_waits(void **state)
{
	(void)state;
	fake_drain_hangs = true;
	env_ctl("demote", "dg", "1", NULL);
	fake_sleep(1100);
	assert_int_equal(env_status, 11);
	fake_let_go();
	assert_string_equal(env_state(), "standby near=2 far=2");
	env_promote(9);
}

/* It must be closed, whatever that takes. */
static void what_cannot_be_parked_is_tried_again(void **state)
{
	(void)state;
	fake_exchange_status = -ENOMEM;
	assert_int_equal(env_ctl("demote", "dg", NULL), -1);
	assert_string_equal(env_state(), "demoting near=f far=2");
	fake_sleep(1100);
	assert_int_equal(env_status, -1);
	fake_exchange_status = 0;
	fake_sleep(1100);
	assert_int_equal(env_status, 0);
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void what_is_not_promoted_is_demoted(void **state)
{
	(void)state;
	assert_int_equal(env_ctl("demote", NULL), 0);
	assert_int_equal(env_ctl("demote", NULL), 0);
	assert_string_equal(fake_events, "");
}

static void a_daemon_that_stops_demotes_first(void **state)
{
	int over = 0;

	(void)state;
	ha_stop(env_daemon.ha, stopped, &over);
	assert_int_equal(over, 0);
	assert_string_equal(env_state(), "demoting near=f far=2");
	fake_run();
	assert_int_equal(over, 1);
	assert_string_equal(env_state(), "standby near=2 far=2");
	assert_int_equal(env_ctl("promote", "dg", NULL), 1);
	ha_resume(&env_daemon, "dg");
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void or_gives_it_up(void **state)
{
	int over = 0;

	(void)state;
	fake_drain_hangs = true;
	ha_stop(env_daemon.ha, stopped, &over);
	fake_sleep(4900);
	assert_int_equal(over, 0);
	fake_sleep(200);
	assert_int_equal(over, 1);
	assert_string_equal(env_state(), "demoting near=3 far=2");
}

static void also_in_the_middle_of_a_promote(void **state)
{
	int over = 0;

	(void)state;
	env_ctl("demote", NULL);
	env_ctl("promote", NULL);
	env_lease(8);
	ha_stop(env_daemon.ha, stopped, &over);
	fake_run();
	assert_int_equal(env_status, 1);
	assert_string_equal(env_err, "device group dg: srptd is stopping\n");
	assert_int_equal(over, 1);
	assert_string_equal(env_state(), "standby near=2 far=2");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(every_step_in_its_order),
		T(leases_go_on_meanwhile),
		T(a_disk_that_hangs),
		T(a_disk_that_lets_go_when_nobody_waits),
		T(what_cannot_be_parked_is_tried_again),
		T(what_is_not_promoted_is_demoted),
		T(a_daemon_that_stops_demotes_first),
		T(or_gives_it_up),
		T(also_in_the_middle_of_a_promote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
