/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a cluster's device group begins to serve, and what becomes of it when it cannot. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ha_env.h"

#include <errno.h>
#include <string.h>

static void devices_come_up_parked(void **state)
{
	(void)state;
	fake_events[0] = 0;
	env_apply(ENV_CONFIG);
	assert_string_equal(env_state(), "standby near=2 far=2");
	assert_string_equal(fake_map("t", "any"), "0:a 1:b 2:c 3:free");
	env_apply(ENV_DEVICES);
	/* Out of the cluster they are others. */
	env_saw("gone:a");
	env_saw("open:a lu:a open:b lu:b open:a lu:c");
	env_apply(ENV_CONFIG);
	env_saw("park:a lu:a park:b lu:b park:a lu:c");
	env_saw_no("open:");
}

static void every_step_in_its_order(void **state)
{
	(void)state;
	assert_int_equal(env_ctl("promote", "dg", NULL), -1);
	assert_string_equal(fake_events, "role:promoting want:0");
	fake_events[0] = 0;
	env_lease(7);
	/* One read of each file; nothing is active until the table says so. */
	assert_string_equal(fake_events, "open:a open:b open:a exchange:a exchange:b exchange:c "
			    "size:a size:b size:c new:a new:b new:c canary:a canary:b "
			    "announce:0@7");
	assert_string_equal(env_state(), "promoting near=2 far=2");
	assert_int_equal(env_status, -1);
	fake_events[0] = 0;
	env_table(7, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(fake_events, "gate:7 state:1=0 role:promoted");
	assert_int_equal(env_status, 0);
	assert_string_equal(env_state(), "promoted near=0 far=2");
	assert_non_null(strstr(env_out, "dg: promoted, epoch 7: gate 0.0 ms, open 0.0 ms, "
			       "state 0.0 ms, canary 0.0 ms, publish 0.0 ms\n"));
}

static void again_is_no_error(void **state)
{
	(void)state;
	env_promote(3);
	assert_int_equal(env_ctl("promote", NULL), 0);
	assert_string_equal(fake_events, "");
	assert_int_equal(env_ctl("demote", NULL), 0);
	assert_int_equal(env_ctl("demote", "dg", NULL), 0);
	assert_string_equal(fake_events, "");
}

static void nobody_gives_a_lease(void **state)
{
	(void)state;
	fake_link = false;
	assert_int_equal(env_ctl("promote", "dg", NULL), -1);
	fake_sleep(2900);
	assert_int_equal(env_status, -1);
	fake_sleep(200);
	assert_int_equal(env_status, 4);
	assert_string_equal(env_err, "device group dg: srp-replicatord is not running\n");
	assert_string_equal(env_state(), "standby near=2 far=2");
	env_saw("unwant:dg");
	env_saw_no("open:");
}

static void drbd_is_not_primary(void **state)
{
	(void)state;
	env_ctl("promote", "dg", NULL);
	ha_refused(&env_daemon, "dg", HA_GATE_CLOSED, "no quorum");
	ha_refused(&env_daemon, "dg", HA_NOT_PRIMARY, "r0 is Secondary");
	fake_sleep(3000);
	assert_int_equal(env_status, 5);
	assert_string_equal(env_err, "device group dg: r0 is Secondary\n");
}

static void events_may_be_on_their_way(void **state)
{
	(void)state;
	env_ctl("promote", "dg", NULL);
	ha_refused(&env_daemon, "dg", HA_NOT_PRIMARY, "r0 is Secondary");
	fake_sleep(2000);
	env_lease(1);
	env_table(1, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_int_equal(env_status, 0);
}

static void drbd_is_waited_for_as_long_as_told(void **state)
{
	(void)state;
	env_ctl("promote", "dg", "20", "7", NULL);
	env_saw("want:0+");
	ha_refused(&env_daemon, "dg", HA_NOT_PRIMARY, "r0 is Secondary");
	fake_sleep(6999);
	assert_int_equal(env_status, -1);
	fake_sleep(1);
	assert_int_equal(env_status, 5);

	env_ctl("promote", "dg", "20", "7", NULL);
	ha_refused(&env_daemon, "dg", HA_NOT_PRIMARY, "r0 is Secondary");
	fake_sleep(5000);
	env_lease(1);
	env_table(1, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_int_equal(env_status, 0);
}

static void a_gate_that_is_closed_is_not(void **state)
{
	(void)state;
	env_ctl("promote", "dg", "20", "7", NULL);
	ha_refused(&env_daemon, "dg", HA_NOT_PRIMARY, "r0 is Secondary");
	fake_sleep(5000);
	ha_refused(&env_daemon, "dg", HA_GATE_CLOSED, "no quorum");
	fake_sleep(2999);
	assert_int_equal(env_status, -1);
	fake_sleep(1);
	assert_int_equal(env_status, 4);
}

static void other_configurations_fail_at_once(void **state)
{
	(void)state;
	env_ctl("promote", "dg", NULL);
	ha_refused(&env_daemon, "dg", HA_PARITY, "device.a.uuid differs");
	fake_run();
	assert_int_equal(env_status, 6);
	assert_string_equal(env_err, "device group dg: device.a.uuid differs\n");
	assert_string_equal(env_state(), "standby near=2 far=2");
}

/* An epoch that was used, or that another node has, is none. */
static void old_leases(void **state)
{
	(void)state;
	env_table(8, ALUA_STANDBY, ALUA_OPTIMIZED);
	env_ctl("promote", "dg", NULL);
	env_saw("want:8");
	env_lease(8);
	ha_leased(&env_daemon, "dg", 9, fake_now_ns);
	ha_leased(&env_daemon, "nobody", 9, fake_now_ns + 1000000000);
	env_saw_no("open:");
	env_lease(9);
	env_saw("open:");
	env_table(9, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_int_equal(env_status, 0);
}

static void a_device_that_cannot_be_opened(void **state)
{
	(void)state;
	fake_missing = "b";
	env_ctl("promote", "dg", NULL);
	env_lease(2);
	assert_int_equal(env_status, 1);
	assert_string_equal(env_err, "device group dg: device b: /b: No such file\n");
	assert_string_equal(env_state(), "standby near=2 far=2");
	env_saw_no("exchange:");
	env_saw_no("announce:0@2");
	fake_missing = "";
	env_promote(3);
}

static void a_device_that_cannot_be_read(void **state)
{
	(void)state;
	fake_canary_status = -EIO;
	env_ctl("promote", "dg", NULL);
	env_lease(2);
	assert_int_equal(env_status, 1);
	assert_string_equal(env_err, "device group dg: device a: its first block cannot be read: "
			    "Input/output error\n");
	env_saw("park:a park:b park:a exchange:a exchange:b exchange:c");
	env_saw_no("gate:2");
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void a_read_that_hangs(void **state)
{
	(void)state;
	fake_canaries_hang = true;
	fake_drain_hangs = true;
	env_ctl("promote", "dg", "2", NULL);
	env_lease(2);
	fake_now_ns += 500000000;
	env_lease(2);
	fake_now_ns += 500000000;
	env_lease(2);
	fake_sleep(1100);
	/* It is to be undone, but the device has not let go. */
	assert_string_equal(env_state(), "demoting near=2 far=2");
	fake_sleep(5000);
	assert_int_equal(env_status, 11);
	assert_string_equal(env_err, "device group dg: not done in time\n");
	assert_int_equal(env_ctl("promote", "dg", NULL), 10);
	fake_let_go();
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void a_lease_that_runs_out_meanwhile(void **state)
{
	(void)state;
	env_ctl("promote", "dg", NULL);
	env_lease(2);
	fake_sleep(1100);
	assert_int_equal(env_status, 4);
	assert_string_equal(env_err, "device group dg: srp-replicatord has not renewed the "
			    "lease\n");
	env_table(2, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void the_link_breaks(void **state)
{
	(void)state;
	env_ctl("promote", "dg", NULL);
	env_lease(2);
	fake_link = false;
	ha_link_is_down(&env_daemon);
	fake_run();
	assert_int_equal(env_status, 4);
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void only_our_epoch_makes_it_active(void **state)
{
	(void)state;
	env_ctl("promote", "dg", NULL);
	env_lease(2);
	env_table(1, ALUA_OPTIMIZED, ALUA_STANDBY);
	env_table(2, ALUA_STANDBY, ALUA_STANDBY);
	env_table(2, ALUA_OPTIMIZED, ALUA_OPTIMIZED);
	assert_int_equal(env_status, -1);
	assert_string_equal(env_state(), "promoting near=2 far=0");
	env_table(2, ALUA_OPTIMIZED, ALUA_UNAVAILABLE);
	assert_int_equal(env_status, 0);
	assert_string_equal(env_state(), "promoted near=0 far=3");
}

static void one_at_a_time(void **state)
{
	(void)state;
	env_ctl("promote", "dg", NULL);
	assert_int_equal(env_ctl("promote", "dg", NULL), 10);
	assert_string_equal(env_err, "device group dg: it is promoting\n");
	assert_int_equal(env_ctl("demote", "dg", NULL), 10);
	fake_sleep(3000);
}

static void what_there_is_not(void **state)
{
	(void)state;
	assert_int_equal(env_ctl("promote", "other", NULL), 3);
	assert_int_equal(env_ctl("demote", "other", NULL), 3);
	assert_int_equal(env_ctl("monitor", "other", NULL), 3);
	assert_int_equal(env_ctl("promote", "dg", "0", NULL), 2);
	assert_int_equal(env_ctl("promote", "dg", "1x", NULL), 2);
	assert_int_equal(env_ctl("promote", "dg", "-1", NULL), 2);
	assert_int_equal(env_ctl("promote", "dg", "99999999999999999999", NULL), 2);
	assert_string_equal(fake_events, "");
	env_apply(ENV_DEVICES);
	assert_int_equal(env_ctl("promote", NULL), 3);
	assert_int_equal(env_ctl("demote", NULL), 0);
}

static void without_a_gate_nobody_is_asked(void **state)
{
	(void)state;
	env_daemon.no_write_gate = true;
	fake_link = false;
	assert_int_equal(env_ctl("promote", NULL), 0);
	env_saw("gate:1forever state:1=0");
	assert_string_equal(env_state(), "promoted near=0 far=2");
	ha_closed(&env_daemon, "dg", "why ever");
	fake_sleep(60000);
	assert_string_equal(env_state(), "promoted near=0 far=2");
	assert_int_equal(env_ctl("monitor", NULL), 8);
	assert_int_equal(env_ctl("demote", NULL), 0);
	assert_int_equal(env_ctl("promote", NULL), 0);
}

/* ---- the state volume ---- */

static void the_state_comes_from_its_volume(void **state)
{
	(void)state;
	env_apply(ENV_DEVICES ENV_GROUP("state_volume /sv"));
	fake_volume_epoch = 4;
	env_ctl("promote", "dg", NULL);
	env_lease(5);
	env_saw("volume:/sv state:a state:b state:c canary:a");
	env_table(5, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_int_equal(env_status, 0);
	assert_int_equal(fake_volume_epoch, 5);
	assert_int_equal(env_ctl("demote", "dg", NULL), 0);
	env_saw("flush:b gate:shut volume:closed park:a");
}

static void volumes_become_primary_one_by_one(void **state)
{
	(void)state;
	env_apply(ENV_DEVICES ENV_GROUP("state_volume /sv"));
	fake_volume_readonly = 3;
	env_ctl("promote", "dg", NULL);
	env_lease(1);
	assert_int_equal(fake_volume_readonly, 0);
	env_table(1, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_int_equal(env_status, 0);
}

static void a_volume_of_a_later_epoch(void **state)
{
	(void)state;
	env_apply(ENV_DEVICES ENV_GROUP("state_volume /sv"));
	fake_volume_epoch = 5;
	env_ctl("promote", "dg", NULL);
	env_lease(5);
	assert_int_equal(env_status, 1);
	assert_non_null(strstr(env_err, "of epoch 5, not before 5: another node has served"));
	env_saw("volume:closed park:a");
	assert_string_equal(env_state(), "standby near=2 far=2");
	fake_volume_status = -EBADMSG;
	env_ctl("promote", "dg", NULL);
	env_lease(6);
	assert_int_equal(env_status, 1);
	assert_string_equal(env_err, "device group dg: /sv: Bad message\n");
}

/* ---- what failed before ---- */

static void a_device_that_was_missing_at_start(void **state)
{
	(void)state;
	env_apply("");
	fake_missing = "b";
	env_apply(ENV_CONFIG);
	assert_string_equal(fake_map("t", "any"), "0:a 2:c 3:free");
	env_ctl("promote", "dg", NULL);
	env_lease(1);
	assert_int_equal(env_status, 1);
	assert_string_equal(env_err, "device group dg: device b: /b: No such file\n");
	fake_missing = "";
	env_promote(2);
	assert_string_equal(fake_map("t", "any"), "0:a 1:b 2:c 3:free");
}

static void it_is_resumed(void **state)
{
	(void)state;
	ha_resume(&env_daemon, "nobody");
	ha_resume(&env_daemon, "dg");
	ha_resume(&env_daemon, "dg");
	env_lease(1);
	env_table(1, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "promoted near=0 far=2");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(devices_come_up_parked),
		T(every_step_in_its_order),
		T(again_is_no_error),
		T(nobody_gives_a_lease),
		T(drbd_is_not_primary),
		T(events_may_be_on_their_way),
		T(drbd_is_waited_for_as_long_as_told),
		T(a_gate_that_is_closed_is_not),
		T(other_configurations_fail_at_once),
		T(old_leases),
		T(a_device_that_cannot_be_opened),
		T(a_device_that_cannot_be_read),
		T(a_read_that_hangs),
		T(a_lease_that_runs_out_meanwhile),
		T(the_link_breaks),
		T(only_our_epoch_makes_it_active),
		T(one_at_a_time),
		T(what_there_is_not),
		T(without_a_gate_nobody_is_asked),
		T(the_state_comes_from_its_volume),
		T(volumes_become_primary_one_by_one),
		T(a_volume_of_a_later_epoch),
		T(a_device_that_was_missing_at_start),
		T(it_is_resumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
