/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srptctl groups and set-state as the daemon carries them out, on fakes of the layers below. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "ctl/apply.h"
#include "ctl/ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char config[] =
	"HANDLER vdisk_fileio {\n"
	"	DEVICE a { filename /a }\n"
	"	DEVICE b { filename /b }\n"
	"}\n"
	"TARGET_DRIVER ib_srpt {\n"
	"	rdma_cm_port 5555\n"
	"	TARGET t { rel_tgt_id 3\n LUN 0 a\n LUN 1 b }\n"
	"}\n"
	"DEVICE_GROUP dg0 {\n"
	"	lu_group_id 7\n"
	"	DEVICE a\n"
	"	TARGET_GROUP local { group_id 1\n preferred 1\n TARGET t }\n"
	"	TARGET_GROUP remote { group_id 2\n state standby\n TARGET far { rel_tgt_id 9 } }\n"
	"}\n"
	"DEVICE_GROUP dg1 {\n"
	"	DEVICE b\n"
	"	TARGET_GROUP local { group_id 1\n TARGET t }\n"
	"}\n";

static struct daemon d;
static char out[16384], err[4096];
static int status;

static void answered(void *arg, struct ops_reply *reply)
{
	(void)arg;
	snprintf(out, sizeof(out), "%s", text_string(&reply->out));
	snprintf(err, sizeof(err), "%s", text_string(&reply->err));
	status = (int)reply->status;
}

static int run(bool json, const char *word, const char *group, const char *state, const char *more)
{
	const char *const argv[] = { word, group, state, more };
	struct ipc_request req;
	struct ipc_call call;
	int argc = 1, size;

	while (argc < 4 && argv[argc])
		argc++;
	size = ipc_call_encode(&req, json, argc, argv);
	assert_int_equal(ipc_call_decode(&req, (size_t)size, &call), 0);
	status = -1;
	out[0] = err[0] = fake_events[0] = 0;
	ops_run(&d, &call, answered, NULL);
	return status;
}

static int set(const char *group, const char *state)
{
	return run(false, "set-state", group, state, NULL);
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(&d, 0, sizeof(d));
	live_init(&d.live);
	d.live.ioc_guid = 1;
	list_init(&d.listeners.list);
	list_init(&d.listeners.watches);
	assert_int_equal(apply_submit(&d.live, fake_conf(config), NULL, NULL), 0);
	fake_run();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_group_status = 0;
	assert_int_equal(apply_submit(&d.live, fake_conf(""), NULL, NULL), 0);
	fake_run();
	conf_free(d.live.conf);
	free(d.live.device_of);
	fake_reset();
	return 0;
}

static void a_group_is_named_with_its_device_group(void **state)
{
	(void)state;
	assert_int_equal(set("dg0/local", "standby"), OPS_DONE);
	assert_string_equal(fake_events, "state:1=2");
	assert_int_equal(set("DG0/Remote", "active"), OPS_DONE);
	assert_string_equal(fake_events, "state:2=0");
	assert_string_equal(err, "");
}

static void or_alone_where_that_is_enough(void **state)
{
	(void)state;
	assert_int_equal(set("remote", "offline"), OPS_DONE);
	assert_string_equal(fake_events, "state:2=e");
	assert_int_equal(set("local", "offline"), OPS_FAILED);
	assert_string_equal(err, "2 device groups have a target group local: name it as "
			    "dg1/local\n");
	assert_string_equal(fake_events, "");
}

static void what_there_is_not(void **state)
{
	(void)state;
	assert_int_equal(set("dg0/none", "standby"), OPS_FAILED);
	assert_string_equal(err, "there is no target group dg0/none; srptctl groups lists them\n");
	assert_int_equal(set("dg1/remote", "standby"), OPS_FAILED);
	assert_int_equal(set("dg/local", "standby"), OPS_FAILED);
	assert_int_equal(set("dg00/local", "standby"), OPS_FAILED);
	assert_int_equal(set("/local", "standby"), OPS_FAILED);
	assert_int_equal(set("", "standby"), OPS_FAILED);
	assert_string_equal(fake_events, "");
}

static void every_name_of_a_state(void **state)
{
	static const struct {
		const char *name, *event;
	} rows[] = {
		{ "active", "state:2=0" }, { "optimized", "state:2=0" },
		{ "active/optimized", "state:2=0" }, { "nonoptimized", "state:2=1" },
		{ "active/non-optimized", "state:2=1" }, { "Standby", "state:2=2" },
		{ "unavailable", "state:2=3" }, { "offline", "state:2=e" },
		{ "transitioning", "state:2=f" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(set("remote", rows[i].name), OPS_DONE);
		assert_string_equal(fake_events, rows[i].event);
	}
	assert_int_equal(set("remote", "sleeping"), OPS_USAGE);
	assert_string_equal(err, "sleeping is no state: allowed are active, nonoptimized, standby, "
			    "unavailable, offline, transitioning\n");
}

static void a_transition_that_failed(void **state)
{
	(void)state;
	assert_int_equal(run(false, "set-state", "remote", "standby", "failed"), OPS_DONE);
	assert_string_equal(fake_events, "state:2=2failed");
	assert_int_equal(run(false, "set-state", "remote", "standby", "maybe"), OPS_USAGE);
	assert_string_equal(fake_events, "");
	fake_group_status = -ENOMEM;
	assert_int_equal(set("remote", "active"), OPS_FAILED);
	assert_string_equal(err, "target group dg0/remote: Cannot allocate memory\n");
}

/* A failover does not wait for a reload that waits for a disk. */
static void it_waits_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(apply_submit(&d.live, fake_conf(""), NULL, NULL), 0);
	assert_int_equal(set("remote", "active"), OPS_DONE);
	fake_run();
	assert_int_equal(set("remote", "active"), OPS_FAILED);
}

static void the_list(void **state)
{
	(void)state;
	assert_int_equal(set("remote", "transitioning"), OPS_DONE);
	assert_int_equal(run(false, "groups", NULL, NULL, NULL), OPS_DONE);
	assert_non_null(strstr(out, "dg0           local"));
	assert_non_null(strstr(out, "transitioning"));
	assert_int_equal(run(true, "groups", NULL, NULL, NULL), OPS_DONE);
	assert_non_null(strstr(out, "\"lu_group_id\": 7"));
	assert_non_null(strstr(out, "\"lu_group_id\": null"));
	assert_non_null(strstr(out, "\"state\": \"transitioning\""));
	assert_non_null(strstr(out, "\"configured_state\": \"standby\""));
	assert_non_null(strstr(out, "\"target\": \"far\""));
	assert_non_null(strstr(out, "\"rel_tgt_id\": 9"));
	assert_non_null(strstr(out, "\"device\": \"b\""));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_group_is_named_with_its_device_group),
		T(or_alone_where_that_is_enough),
		T(what_there_is_not),
		T(every_name_of_a_state),
		T(a_transition_that_failed),
		T(it_waits_for_nothing),
		T(the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
