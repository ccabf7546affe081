/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A target that floats: it is there while its device group is served here, and only then. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ha_env.h"

#include <string.h>

#define CONFIG(more) \
	"HANDLER vdisk_fileio { DEVICE a { filename /a\n } }\n" \
	"TARGET_DRIVER ib_srpt { rdma_cm_port 5555\n TARGET t { rel_tgt_id 3\n enabled 1\n" \
	" floating 1\n" more " LUN 0 a\n }\n" \
	" TARGET fixed { rel_tgt_id 4\n enabled 1\n LUN 0 n\n } }\n" \
	"HANDLER vdisk_nullio { DEVICE n }\n" \
	"DEVICE_GROUP dg {\n drbd_resource r0\n DEVICE a\n" \
	" TARGET_GROUP all { group_id 1\n TARGET t }\n}\n"

static int setup(void **state)
{
	env_setup(state);
	env_apply("");
	env_apply(CONFIG(""));
	env_saw("enable:fixed");
	env_saw_no("enable:t");
	return 0;
}

static int teardown(void **state)
{
	env_daemon.stopping = true; /* or it would listen again */
	listeners_close(&env_daemon.listeners);
	return env_teardown(state);
}

/* The table as a node with the same target group hears it. */
static void table(uint64_t epoch, enum alua_state ours, enum alua_state theirs)
{
	const struct ha_state states[] = { { 1, ours }, { 0, theirs } };

	ha_table(&env_daemon, "dg", epoch, states, 2);
	fake_run();
}

static void promote(uint64_t epoch)
{
	assert_int_equal(env_ctl("promote", "dg", NULL), -1);
	env_lease(epoch);
	env_saw_no("enable:t");
	table(epoch, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_int_equal(env_status, 0);
}

/* What follows is of what has been promoted before. */
static void promoted(uint64_t epoch)
{
	promote(epoch);
	fake_events[0] = 0;
}

/* Initiators have no other path: they must not be told that this one is in standby. */
static void it_comes_when_served_and_leaves_before_it_is_not(void **state)
{
	(void)state;
	promote(7);
	env_saw("gate:7 state:1=0 enable:t");
	assert_int_equal(env_ctl("demote", "dg", NULL), 0);
	env_saw("role:demoting disable:t state:1=f");
	assert_null(strstr(strstr(fake_events, "disable:t"), "enable:t"));
}

static void the_gate_may_be_closed_for_a_moment(void **state)
{
	(void)state;
	promoted(7);
	fake_sleep(1500);
	env_saw("state:1=f");
	env_saw_no("disable:t");
	env_lease(8);
	table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	env_saw("state:1=0");
	env_saw_no("enable:t");
}

static void not_for_long(void **state)
{
	(void)state;
	promoted(7);
	fake_sleep(25000);
	env_saw("disable:t state:1=3");
	fake_events[0] = 0;
	env_lease(8);
	table(8, ALUA_OPTIMIZED, ALUA_STANDBY);
	env_saw("enable:t");
}

static void another_node_serves(void **state)
{
	(void)state;
	promoted(7);
	table(8, ALUA_TRANSITIONING, ALUA_OPTIMIZED);
	env_saw("gate:shut");
	assert_int_equal(env_ctl("demote", "dg", NULL), 0);
	env_saw("disable:t");
}

static void a_reload_leaves_it_where_it_is(void **state)
{
	(void)state;
	env_apply(CONFIG("comment x\n"));
	env_saw_no("enable:t");
	promote(7);
	env_apply(CONFIG("comment y\n"));
	env_saw_no("able:t");
	env_apply(CONFIG("id_ext 0000000000000007\n"));
	env_saw("disable:t");
	env_saw("target:t enable:t");
}

static void nobody_enables_it_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(env_ctl("enable", "t", NULL), 1);
	env_saw_no("enable:t");
	assert_non_null(strstr(env_err, "t is floating"));
}

static void info_found(void *arg, const struct ha_group_info *i)
{
	*(bool *)arg = i->floating;
}

static void the_replicator_is_told(void **state)
{
	bool floating = false;

	(void)state;
	ha_for_each_group(&env_daemon, info_found, &floating);
	assert_true(floating);
	env_apply(ENV_CONFIG);
	ha_for_each_group(&env_daemon, info_found, &floating);
	assert_false(floating);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_comes_when_served_and_leaves_before_it_is_not),
		T(the_gate_may_be_closed_for_a_moment),
		T(not_for_long),
		T(another_node_serves),
		T(a_reload_leaves_it_where_it_is),
		T(nobody_enables_it_elsewhere),
		T(the_replicator_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
