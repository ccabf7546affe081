/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device groups from one configuration to the next. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "base/log.h"
#include "ctl/apply.h"
#include "ctl/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISKS "HANDLER vdisk_fileio { DEVICE a { filename /a\n}\n DEVICE b { filename /b\n}\n}\n"
#define DISK_A "HANDLER vdisk_fileio { DEVICE a { filename /a\n}\n}\n"
#define TARGETS(luns) \
	"TARGET_DRIVER ib_srpt { TARGET t { rel_tgt_id 3\n portal 192.0.2.1:5000\n enabled 1\n" \
	luns "}\n}\n"
#define BOTH TARGETS("LUN 0 a\nLUN 1 b\n")
#define GROUP(name, devices, state, more) \
	"DEVICE_GROUP " name " {\n" devices "TARGET_GROUP local {\n group_id 1\n" state \
	"TARGET t\n}\nTARGET_GROUP remote {\n group_id 2\n state standby\n" \
	"TARGET far {\n rel_tgt_id 9\n}\n}\n" more "}\n"

static struct live live;
static char last_errors[512];

static void done(void *arg, const struct apply_result *result)
{
	(void)arg;
	snprintf(last_errors, sizeof(last_errors), "%s", text_string(&result->errors));
}

static void apply(const char *text)
{
	fake_events[0] = 0;
	assert_int_equal(apply_submit(&live, fake_conf(text), done, NULL), 0);
	fake_run();
}

#define assert_events(want) assert_string_equal(fake_events, (want))

static int setup(void **state)
{
	(void)state;
	fake_reset();
	live_init(&live);
	live.ioc_guid = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_group_status = 0;
	apply("");
	assert_int_equal(fake_groups, 0);
	assert_int_equal(fake_lus, 0);
	assert_true(list_empty(&live.device_groups));
	conf_free(live.conf);
	free(live.device_of);
	fake_reset();
	return 0;
}

static void devices_join_before_they_are_seen(void **state)
{
	(void)state;
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "", "lu_group_id 7\ntransition_time 30\n"));
	assert_events("group:30s lu7 1=0[3] 2=2[9] open:a lu:a open:b lu:b join:b target:t "
		      "enable:t");
	assert_string_equal(last_errors, "");
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "", "lu_group_id 7\ntransition_time 30\n"));
	assert_events("");
}

static void devices_that_stay_move_without_being_closed(void **state)
{
	(void)state;
	apply(DISKS BOTH GROUP("g", "DEVICE a\n", "", ""));
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "", ""));
	assert_events("part:a join:b");
	apply(DISKS BOTH GROUP("h", "DEVICE b\n", "", ""));
	assert_events("group:60s lu0 1=0[3] 2=2[9] join:b ungroup:60s lu0 1=0[3] 2=2[9]");
	apply(DISKS BOTH);
	assert_events("part:b ungroup:60s lu0 1=0[3] 2=2[9]");
}

/* Until it is closed it is as it was: nobody gets more access for a moment. */
static void a_device_that_leaves_stays_in_its_group(void **state)
{
	(void)state;
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "state standby\n", ""));
	apply(DISK_A TARGETS("LUN 0 a\n"));
	assert_events("remap:t(0:a) gone:b ungroup:60s lu0 1=2[3] 2=2[9]");
}

static void ports_follow_the_targets(void **state)
{
	(void)state;
	apply(DISKS BOTH GROUP("g", "DEVICE a\n", "", ""));
	apply(DISKS BOTH GROUP("g", "DEVICE a\n", "preferred 1\n", "TARGET_GROUP third {\n"
	      "group_id 5\n state offline\n TARGET farther {\n rel_tgt_id 12\n}\n}\n"));
	assert_events("regroup:60s lu0 1=0p[3] 2=2[9] 5=e[12]");
}

static struct device_group *group(const char *name)
{
	struct device_group *g = live_device_group_find(&live, name);

	assert_non_null(g);
	return g;
}

/* A reload for something else does not switch nodes. */
static void a_state_set_at_run_time_stays(void **state)
{
	(void)state;
	apply(DISKS BOTH GROUP("g", "DEVICE a\n", "", ""));
	alua_group_set_state(group("G")->alua, 1, ALUA_STANDBY, false);
	alua_group_set_state(group("G")->alua, 2, ALUA_OPTIMIZED, false);
	apply(DISKS BOTH GROUP("g", "DEVICE a\nDEVICE b\n", "", "transition_time 9\n"));
	assert_events("regroup:9s lu0 1=2[3] 2=0[9] join:b");
	/* The file has another state than before: it is meant. */
	apply(DISKS BOTH GROUP("g", "DEVICE a\nDEVICE b\n", "state offline\n", ""));
	assert_events("regroup:60s lu0 1=e[3] 2=0[9]");
}

static void a_group_of_another_name_starts_as_configured(void **state)
{
	(void)state;
	apply(DISKS BOTH GROUP("g", "DEVICE a\n", "", ""));
	alua_group_set_state(group("g")->alua, 1, ALUA_STANDBY, false);
	apply(DISKS BOTH GROUP("h", "DEVICE a\n", "", ""));
	assert_events("group:60s lu0 1=0[3] 2=2[9] join:a ungroup:60s lu0 1=0[3] 2=2[9]");
}

static void a_new_device_is_not_served_without_its_group(void **state)
{
	(void)state;
	fake_group_status = -ENOMEM;
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "", ""));
	assert_events("open:a lu:a target:t enable:t");
	assert_string_equal(fake_map("t", "any"), "0:a");
	assert_string_equal(last_errors, "device group g: Cannot allocate memory\n"
			    "device b: its device group could not be made\n");
	/* It is tried again. */
	fake_group_status = 0;
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "", ""));
	assert_string_equal(last_errors, "");
	assert_string_equal(fake_map("t", "any"), "0:a 1:b");
}

static void what_cannot_be_changed_stays(void **state)
{
	(void)state;
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "", ""));
	fake_group_status = -ENOMEM;
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "state standby\n", ""));
	assert_events("");
	assert_string_equal(last_errors, "device group g: Cannot allocate memory\n");
	assert_string_equal(group("g")->error, "Cannot allocate memory");
	/* The next reload makes up for it. */
	fake_group_status = 0;
	apply(DISKS BOTH GROUP("g", "DEVICE b\n", "state standby\n", ""));
	assert_events("regroup:60s lu0 1=2[3] 2=2[9]");
	assert_string_equal(group("g")->error, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(devices_join_before_they_are_seen),
		T(devices_that_stay_move_without_being_closed),
		T(a_device_that_leaves_stays_in_its_group),
		T(ports_follow_the_targets),
		T(a_state_set_at_run_time_stays),
		T(a_group_of_another_name_starts_as_configured),
		T(a_new_device_is_not_served_without_its_group),
		T(what_cannot_be_changed_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
