/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The write gate of a promoted group, and the access states that follow from it and the table. */
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

static void leases_are_renewed(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		fake_sleep(900);
		env_lease(7);
	}
	assert_string_equal(env_state(), "promoted near=0 far=2");
	env_saw_no("gate:shut");
	env_saw_no("announce");
}

static void a_lease_runs_out(void **state)
{
	(void)state;
	fake_sleep(1100);
	/* First nothing is answered any more, then everybody hears of it. */
	env_saw("gate:shut state:1=f announce:f@7");
	assert_string_equal(env_state(), "promoted near=f far=2");
	assert_int_equal(env_ctl("promote", "dg", NULL), 4);
	assert_string_equal(env_err, "device group dg: it is promoted, but its write gate is "
			    "closed: srp-replicatord has not renewed the lease\n");
	fake_sleep(19800);
	assert_string_equal(env_state(), "promoted near=f far=2");
	fake_sleep(200);
	assert_string_equal(env_state(), "promoted near=3 far=2");
	env_saw("announce:3@7");
}

static void a_new_lease_opens_it_again(void **state)
{
	(void)state;
	fake_sleep(1100);
	fake_events[0] = 0;
	env_lease(8);
	assert_string_equal(fake_events, "canary:a canary:b announce:0@8");
	assert_string_equal(env_state(), "promoted near=f far=2");
	env_table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "promoted near=0 far=2");
	env_saw("gate:8 state:1=0");
	assert_int_equal(env_ctl("monitor", NULL), 8);
	assert_int_equal(env_ctl("demote", NULL), 0);
}

static void also_when_it_was_unavailable(void **state)
{
	(void)state;
	fake_sleep(22000);
	assert_string_equal(env_state(), "promoted near=3 far=2");
	env_lease(8);
	env_table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "promoted near=0 far=2");
	for (int i = 0; i < 20; i++) {
		fake_sleep(900);
		env_lease(8);
	}
	assert_string_equal(env_state(), "promoted near=0 far=2");
}

static void but_not_an_old_one(void **state)
{
	(void)state;
	ha_closed(&env_daemon, "dg", "no quorum");
	env_table(9, ALUA_TRANSITIONING, ALUA_STANDBY);
	fake_events[0] = 0;
	env_lease(6);
	env_lease(8);
	assert_string_equal(fake_events, "");
	env_lease(10);
	env_saw("announce:0@10");
}

static void a_disk_that_does_not_answer_then(void **state)
{
	(void)state;
	ha_closed(&env_daemon, "dg", "suspended");
	fake_canary_status = -EIO;
	env_lease(8);
	assert_string_equal(env_state(), "promoted near=f far=2");
	assert_int_equal(env_ctl("monitor", NULL), 9);
	assert_non_null(strstr(env_out, "device a: its first block cannot be read"));
	/* Tried again, but not with every lease. */
	fake_canary_status = 0;
	fake_events[0] = 0;
	env_lease(8);
	env_saw_no("canary");
	for (int i = 0; i < 4; i++) {
		fake_sleep(300);
		env_lease(8);
	}
	env_table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "promoted near=0 far=2");
}

/* As when the replicator counted on another node meanwhile. */
static void a_table_that_does_not_come(void **state)
{
	(void)state;
	ha_closed(&env_daemon, "dg", "suspended");
	for (int i = 0; i < 16; i++) {
		env_lease(8);
		fake_sleep(300);
	}
	env_saw_no("announce:3@8");
	assert_string_equal(env_state(), "promoted near=f far=2");
	fake_events[0] = 0;
	for (int i = 0; i < 8; i++) {
		env_lease(8);
		fake_sleep(300);
	}
	env_saw("gate:shut");
	env_saw("announce:0@8");
	env_table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "promoted near=0 far=2");
}

static void the_gate_is_closed_at_once(void **state)
{
	(void)state;
	ha_closed(&env_daemon, "dg", "r0 is Secondary");
	env_saw("gate:shut state:1=f");
	assert_int_equal(env_ctl("monitor", NULL), 9);
	assert_string_equal(env_out, "dg: the write gate is closed: r0 is Secondary\n");
	assert_int_equal(env_ctl("demote", NULL), 0);
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void while_it_opens_again_as_well(void **state)
{
	(void)state;
	ha_closed(&env_daemon, "dg", "one");
	env_lease(8);
	ha_closed(&env_daemon, "dg", "two");
	env_table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "promoted near=f far=2");
	env_lease(9);
	assert_int_equal(env_ctl("demote", NULL), 0);
	assert_string_equal(env_state(), "standby near=2 far=2");
}

/* What stands by may be promoted next, says the table; and as long as there is one. */
static void in_a_vacancy_standby_is_a_transition(void **state)
{
	(void)state;
	assert_int_equal(env_ctl("demote", NULL), 0);
	assert_string_equal(env_state(), "standby near=2 far=2");
	env_table(7, ALUA_TRANSITIONING, ALUA_TRANSITIONING);
	assert_string_equal(env_state(), "standby near=1f far=f");
	env_table(7, ALUA_STANDBY, ALUA_STANDBY);
	assert_string_equal(env_state(), "standby near=2 far=2");
	env_table(7, ALUA_TRANSITIONING, ALUA_STANDBY);
	ha_link_is_down(&env_daemon);
	assert_string_equal(env_state(), "standby near=2 far=2");
}

/* Between a demote's last word and the table that comes of it nothing is told that is not so. */
static void a_demote_ends_in_a_vacancy(void **state)
{
	(void)state;
	env_table(7, ALUA_TRANSITIONING, ALUA_TRANSITIONING);
	fake_events[0] = 0;
	assert_int_equal(env_ctl("demote", NULL), 0);
	env_saw("announce:2@7");
	env_saw_no("state:1=2");
	assert_string_equal(env_state(), "standby near=1f far=f");
	env_table(8, ALUA_STANDBY, ALUA_OPTIMIZED);
	assert_string_equal(env_state(), "standby near=2 far=0");
}

static void another_epoch_is_another_lease(void **state)
{
	(void)state;
	env_lease(8);
	env_saw("gate:shut state:1=f announce:f@7 canary:a canary:b announce:0@8");
	env_lease(8);
	env_table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "promoted near=0 far=2");
}

/* ---- the table ---- */

static void never_two(void **state)
{
	(void)state;
	env_table(8, ALUA_STANDBY, ALUA_OPTIMIZED);
	env_saw("gate:shut");
	assert_string_equal(env_state(), "promoted near=f far=0");
	assert_int_equal(env_ctl("monitor", NULL), 9);
	/* What another node has written since is not known here. */
	env_table(8, ALUA_TRANSITIONING, ALUA_STANDBY);
	fake_events[0] = 0;
	env_lease(9);
	assert_string_equal(fake_events, "");
	assert_int_equal(env_ctl("demote", NULL), 0);
	env_promote(10);
}

static void the_others_are_as_the_table_says(void **state)
{
	(void)state;
	env_table(7, ALUA_OPTIMIZED, ALUA_UNAVAILABLE);
	assert_string_equal(env_state(), "promoted near=0 far=3");
	env_table(7, ALUA_STANDBY, ALUA_TRANSITIONING);
	assert_string_equal(env_state(), "promoted near=0 far=f");
	ha_table(&env_daemon, "dg", 7, NULL, 0);
	assert_string_equal(env_state(), "promoted near=0 far=f");
	ha_table(&env_daemon, "nobody", 7, NULL, 0);
}

static void the_table_alone_makes_nobody_active(void **state)
{
	(void)state;
	env_ctl("demote", NULL);
	env_table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_string_equal(env_state(), "standby near=2 far=2");
	env_lease(8);
	assert_string_equal(env_state(), "standby near=2 far=2");
}

static void the_replicator_comes_back(void **state)
{
	(void)state;
	fake_link = false;
	ha_link_is_down(&env_daemon);
	fake_sleep(500);
	assert_string_equal(env_state(), "promoted near=0 far=2");
	fake_link = true;
	fake_events[0] = 0;
	ha_link_is_up(&env_daemon);
	assert_string_equal(fake_events, "announce:0@7");
	env_lease(7);
	fake_sleep(900);
	assert_string_equal(env_state(), "promoted near=0 far=2");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(leases_are_renewed),
		T(a_lease_runs_out),
		T(a_new_lease_opens_it_again),
		T(also_when_it_was_unavailable),
		T(but_not_an_old_one),
		T(a_disk_that_does_not_answer_then),
		T(a_table_that_does_not_come),
		T(the_gate_is_closed_at_once),
		T(while_it_opens_again_as_well),
		T(in_a_vacancy_standby_is_a_transition),
		T(a_demote_ends_in_a_vacancy),
		T(another_epoch_is_another_lease),
		T(never_two),
		T(the_others_are_as_the_table_says),
		T(the_table_alone_makes_nobody_active),
		T(the_replicator_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
