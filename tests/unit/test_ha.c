/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The roles of device groups beside reloads, watch and the other commands. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ha_env.h"

#include "ctl/watch.h"

#include <string.h>

#define DEVICE_MORE \
	"HANDLER vdisk_fileio { DEVICE a { filename /a\n }\n DEVICE b { filename /b\n }\n" \
	" DEVICE c { filename /a\n }\n DEVICE d { filename /d\n } }\n" \
	"TARGET_DRIVER ib_srpt { rdma_cm_port 5555\n TARGET t { rel_tgt_id 3\n enabled 1\n" \
	" LUN 0 a\n LUN 1 b\n LUN 2 c\n LUN 3 d\n } }\n"

static void refused(const char *text, const char *why)
{
	env_apply(text);
	assert_non_null(strstr(env_err, why));
	assert_string_equal(fake_events, "");
	assert_string_equal(env_state(), "promoted near=0 far=2");
}

static void what_is_promoted_does_not_change(void **state)
{
	(void)state;
	env_promote(1);
	refused(ENV_DEVICES, "device group dg is promoted and is in the configuration no more: "
		"demote it first: nothing was changed");
	refused("", "is in the configuration no more");
	refused(ENV_DEVICES ENV_GROUP("state_volume /sv"), "has another state_volume");
	refused(ENV_DEVICES "DEVICE_GROUP dg {\n drbd_resource r1\n DEVICE a\n"
		" TARGET_GROUP near { group_id 1\n TARGET t } }\n", "has another drbd_resource");
	refused(ENV_DEVICES "DEVICE_GROUP dg {\n DEVICE a\n"
		" TARGET_GROUP near { group_id 1\n TARGET t } }\n", "has another drbd_resource");
	refused(ENV_DEVICES "DEVICE_GROUP dg {\n drbd_resource r0\n DEVICE a\n"
		" TARGET_GROUP near { group_id 1\n TARGET t } }\n", "has other target groups");
	/* What has nothing to do with it does. */
	env_apply(ENV_CONFIG "DEVICE_GROUP other { DEVICE free\n"
		  " TARGET_GROUP x { group_id 1\n TARGET t } }\n");
	assert_string_equal(env_err, "");
	assert_string_equal(env_state(), "promoted near=0 far=2");
	assert_int_equal(env_ctl("demote", NULL), 0);
	env_apply(ENV_DEVICES);
	assert_string_equal(env_err, "");
}

static void nor_does_what_is_on_its_way(void **state)
{
	(void)state;
	env_ctl("promote", NULL);
	env_apply(ENV_CONFIG);
	assert_non_null(strstr(env_err, "device group dg is promoting: try again when it is not"));
	fake_sleep(3100);
	env_apply(ENV_CONFIG);
	assert_string_equal(env_err, "");
}

/* A device more is open where the group is, and parked where it is not. */
static void a_device_more(void **state)
{
	static const char more[] = DEVICE_MORE ENV_GROUP("DEVICE d");

	(void)state;
	env_promote(1);
	env_apply(more);
	env_saw("open:d lu:d");
	env_ctl("demote", NULL);
	env_saw("park:d");
	env_apply(ENV_CONFIG);
	env_apply(more);
	env_saw("park:d lu:d");
	env_saw_no("open:d");
}

static void not_while_the_gate_is_closed(void **state)
{
	static const char more[] = DEVICE_MORE ENV_GROUP("DEVICE d");

	(void)state;
	env_promote(1);
	ha_closed(&env_daemon, "dg", "no quorum");
	env_apply(more);
	assert_non_null(strstr(env_err, "device d: the write gate of its device group is closed"));
	env_saw_no("open:d");
	env_saw_no("park:d");
}

static void rights_change_without_opening(void **state)
{
	static const char read_only[] =
		"HANDLER vdisk_fileio { DEVICE a { filename /a\n read_only 1\n }\n"
		" DEVICE b { filename /b\n }\n DEVICE c { filename /a\n }\n"
		" DEVICE free { filename /free\n } }\n"
		"TARGET_DRIVER ib_srpt { rdma_cm_port 5555\n TARGET t { rel_tgt_id 3\n enabled 1\n"
		" LUN 0 a\n LUN 1 b\n LUN 2 c\n LUN 3 free\n } }\n" ENV_GROUP("");

	(void)state;
	env_apply(read_only);
	env_saw("ro:a");
	env_saw_no("open:");
	env_promote(1);
	env_apply(ENV_CONFIG);
	env_saw("open:a exchange:a");
	env_saw("rw:a");
}

static void watch_leaves_it_alone(void **state)
{
	(void)state;
	fake_events[0] = 0;
	fake_suspect = "a";
	fake_path_size = 4096;
	for (int i = 0; i < 5; i++) {
		watch_turn(env_daemon.watch);
		fake_run();
	}
	env_saw_no("open:");
	env_saw_no("exchange:");
	env_saw_no("resync:a");
	fake_suspect = "";
	assert_int_equal(env_ctl("resync", "a", NULL), 1);
	assert_non_null(strstr(env_err, "it is not open: its device group is not promoted"));
	env_saw_no("open:");
	/* Of the one that is open it takes care. */
	env_promote(1);
	fake_suspect = "b";
	watch_turn(env_daemon.watch);
	fake_run();
	env_saw("open:b");
	env_saw("exchange:b");
	fake_suspect = "";
}

/* Opened while it was promoted, and demoted before it is put in its place. */
static void what_comes_too_late(void **state)
{
	(void)state;
	env_promote(1);
	fake_suspect = "b";
	watch_turn(env_daemon.watch);
	fake_suspect = "";
	env_saw("open:b");
	assert_int_equal(env_ctl("demote", NULL), 0);
	assert_string_equal(env_state(), "standby near=2 far=2");
	/* In its place: a, b and c are parked, b once. */
	env_saw("exchange:a exchange:b exchange:c");
	assert_null(strstr(strstr(fake_events, "exchange:b") + 1, "exchange:b"));
}

static void states_are_not_set_by_hand(void **state)
{
	(void)state;
	assert_int_equal(env_ctl("set-state", "near", "active", NULL), 1);
	assert_non_null(strstr(env_err, "the access states of device group dg are the cluster's"));
	assert_string_equal(fake_events, "");
	env_apply(ENV_DEVICES "DEVICE_GROUP dg {\n DEVICE a\n"
		  " TARGET_GROUP near { group_id 1\n state nonoptimized\n TARGET t } }\n");
	assert_int_equal(env_ctl("set-state", "near", "active", NULL), 0);
}

static void the_list(void **state)
{
	(void)state;
	assert_int_equal(env_ctl("role", NULL), 0);
	assert_non_null(strstr(env_out, "standby"));
	env_promote(12);
	assert_int_equal(env_json("role", "dg", NULL), 0);
	assert_non_null(strstr(env_out, "\"role\": \"promoted\""));
	assert_non_null(strstr(env_out, "\"epoch\": 12"));
	assert_non_null(strstr(env_out, "\"gate\": \"open\", \"lease_ms\": 1000"));
	assert_non_null(strstr(env_out, "\"local_state\": \"active\""));
	assert_non_null(strstr(env_out, "\"promote_result\": 0"));
	assert_non_null(strstr(env_out, "\"demote_us\": null"));
	assert_non_null(strstr(env_out, "{\"device_group\": \"dg\", \"operation\": \"promote\", "
			       "\"step\": \"canary\", \"us\": 0}"));
	assert_int_equal(env_json("demote", "dg", NULL), 0);
	assert_non_null(strstr(env_out, "\"gate\": \"closed\", \"lease_ms\": null"));
	assert_non_null(strstr(env_out, "\"demote_result\": 0"));
	assert_int_equal(env_ctl("role", "none", NULL), 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_promoted_does_not_change),
		T(nor_does_what_is_on_its_way),
		T(a_device_more),
		T(not_while_the_gate_is_closed),
		T(rights_change_without_opening),
		T(watch_leaves_it_alone),
		T(what_comes_too_late),
		T(states_are_not_set_by_hand),
		T(the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
