/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of srptctl as the daemon carries them out, on fakes of the layers below. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "base/log.h"
#include "ctl/apply.h"
#include "ctl/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const config =
	"setup_id 1\n"
	"HANDLER vdisk_fileio {\n"
	"	DEVICE a { filename /a\n usn SERIAL-A\n naa_id 6020000123456789abcdef0123456789 }\n"
	"	DEVICE b { filename /b }\n"
	"}\n"
	"TARGET_DRIVER ib_srpt {\n"
	"	ioc_guid 0002c90300a1b2c3\n"
	"	rdma_cm_port 5555\n"
	"	TARGET t { enabled 1\n portal 192.0.2.1\n id_ext 0000000000000005\n LUN 0 a\n"
	"		GROUP g { LUN 2 b { read_only 1 }\n INITIATOR 10.0.0.1 } }\n"
	"}\n";

static struct daemon d;
static char conf_path[] = "/tmp/test_ops.XXXXXX";
static char out[16384], err[4096];
static int status = -1;

static void answered(void *arg, struct ops_reply *reply)
{
	(void)arg;
	snprintf(out, sizeof(out), "%s", text_string(&reply->out));
	snprintf(err, sizeof(err), "%s", text_string(&reply->err));
	status = (int)reply->status;
}

/* Starts a command; status stays -1 while it has not ended. */
static void start(bool json, const char *word, const char *arg)
{
	const char *const argv[] = { word, arg };
	struct ipc_request req;
	struct ipc_call call;
	int size = ipc_call_encode(&req, json, arg ? 2 : 1, argv);

	assert_int_equal(ipc_call_decode(&req, (size_t)size, &call), 0);
	status = -1;
	out[0] = err[0] = 0;
	ops_run(&d, &call, answered, NULL);
	/* It must not need the caller's copy. */
	memset(&call, 'x', sizeof(call));
	memset(&req, 'x', sizeof(req));
}

static int run(bool json, const char *word, const char *arg)
{
	start(json, word, arg);
	fake_run();
	return status;
}

static void config_write(const char *text)
{
	FILE *f = fopen(conf_path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void apply(const char *text)
{
	assert_int_equal(apply_submit(&d.live, fake_conf(text), NULL, NULL), 0);
	fake_run();
}

static int setup(void **state)
{
	int fd;

	(void)state;
	fake_reset();
	memset(&d, 0, sizeof(d));
	live_init(&d.live);
	assert_int_equal(mailbox_init(&d.mailbox), 0);
	assert_int_equal(watch_create(&d.live, NULL, &d.mailbox, &d.watch), 0);
	list_init(&d.listeners.list);
	list_init(&d.listeners.watches);
	strcpy(conf_path + strlen(conf_path) - 6, "XXXXXX");
	fd = mkstemp(conf_path);
	assert_true(fd >= 0);
	close(fd);
	d.conf_path = conf_path;
	fake_missing = "/b";
	apply(config);
	fake_missing = "";
	fake_events[0] = 0;
	fake_sessions[0] = (struct srp_session_info){
		.id = 17, .name = "10.0.0.1", .target = "t", .channels = 4, .commands = 1000,
		.login_time = 1700000000, .req_lim_sum = 512,
		.initiator_port_id = { [15] = 0xab },
	};
	fake_n_sessions = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	d.stopping = false;
	apply("");
	assert_int_equal(fake_backends, 0);
	listeners_close(&d.listeners);
	watch_destroy(d.watch);
	mailbox_destroy(&d.mailbox);
	conf_free(d.live.conf);
	free(d.live.device_of);
	fake_reset();
	return unlink(conf_path);
}

#define assert_shows(text, want) assert_non_null(strstr(text, want))

static void luns_have_what_scripts_need(void **state)
{
	(void)state;
	assert_int_equal(run(true, "luns", NULL), OPS_DONE);
	assert_shows(out, "{\"target\": \"t\", \"group\": null, \"lun\": 0, \"read_only\": false, "
		     "\"device\": \"a\", \"handler\": \"vdisk_fileio\", \"size\": 1048576, "
		     "\"block_size\": 512, \"naa\": \"6020000123456789abcdef0123456789\", "
		     "\"serial\": \"SERIAL-A\", \"state\": \"ready\", \"filename\": \"/a\", "
		     "\"error\": null}");
	assert_shows(out, "\"group\": \"g\", \"lun\": 2, \"read_only\": true, \"device\": \"b\"");
	assert_shows(out, "\"state\": \"failed\", \"filename\": \"/b\", "
		     "\"error\": \"/b: No such file\"");
}

static void devices_without_lun_are_listed(void **state)
{
	(void)state;
	apply("HANDLER vdisk_nullio { DEVICE n { size 1G } }");
	assert_int_equal(run(true, "devices", NULL), OPS_DONE);
	assert_shows(out, "\"device\": \"n\", \"read_only\": false, \"handler\": \"vdisk_nullio\", "
		     "\"size\": 1073741824");
}

static void sessions_and_channels(void **state)
{
	(void)state;
	assert_int_equal(run(true, "sessions", NULL), OPS_DONE);
	assert_shows(out, "{\"id\": 17, \"target\": \"t\", \"name\": \"10.0.0.1\", "
		     "\"initiator_port_id\": \"000000000000000000000000000000ab\"");
	assert_shows(out, "\"channels\": 4");
	assert_shows(out, "\"req_lim\": 512");
	assert_int_equal(run(true, "channels", NULL), OPS_DONE);
	assert_shows(out, "\"session\": 17, \"name\": \"10.0.0.1\", \"reactor\": 1");
	assert_int_equal(run(true, "channels", "17"), OPS_DONE);
	assert_shows(out, "\"session\": 17");
	assert_int_equal(run(true, "channels", "18"), OPS_FAILED);
	assert_string_equal(out, "");
	assert_shows(err, "there is no session 18");
}

static void targets_with_their_state(void **state)
{
	(void)state;
	assert_int_equal(run(true, "targets", NULL), OPS_DONE);
	assert_shows(out, "\"target\": \"t\", \"enabled\": true, \"rel_tgt_id\": 1, "
		     "\"id_ext\": \"0000000000000005\", \"ioc_guid\": \"0002c90300a1b2c3\", "
		     "\"luns\": 1, \"groups\": 1, \"sessions\": 1");
}

static void status_tells_problems(void **state)
{
	(void)state;
	assert_int_equal(run(false, "status", NULL), OPS_DONE);
	assert_shows(out, "RDMA:           no RDMA device\n");
	assert_shows(out, "failed devices: 1\n");
	assert_shows(out, "device   b     /b: No such file\n");
	assert_int_equal(run(true, "status", NULL), OPS_DONE);
	assert_shows(out, "\"problems\": [{\"kind\": \"device\", \"name\": \"b\"");
}

static void status_tells_how_interrupts_are_spread(void **state)
{
	(void)state;
	fake_vectors = 8;
	d.group.n = 4;
	assert_int_equal(run(false, "status", NULL), OPS_DONE);
	assert_shows(out, "RDMA vectors:   mlx5_0 4 of 8\n");
	d.group.n = 12;
	assert_int_equal(run(true, "status", NULL), OPS_DONE);
	assert_shows(out, "\"rdma_vectors\": \"mlx5_0 8 of 8 for 12 reactors\"");
	assert_shows(out, "\"vectors\": 8");
	fake_vectors = 0;
	assert_int_equal(run(true, "status", NULL), OPS_DONE);
	assert_shows(out, "\"rdma_vectors\": null");
}

static void stats_of_devices_and_sessions(void **state)
{
	(void)state;
	assert_int_equal(run(true, "stats", NULL), OPS_DONE);
	assert_shows(out, "\"device\": \"a\", \"commands\": 42");
	assert_null(strstr(out, "\"device\": \"b\""));
	assert_shows(out, "\"session\": 17");
}

static void login_info_of_portals(void **state)
{
	(void)state;
	assert_int_equal(run(false, "login-info", NULL), OPS_DONE);
	assert_shows(out, "id_ext=0000000000000005,ioc_guid=0002c90300a1b2c3,dest=192.0.2.1:5555");
}

static void disable_ends_when_sessions_are_gone(void **state)
{
	(void)state;
	start(false, "disable", "t");
	assert_string_equal(fake_events, "disable:t");
	assert_int_equal(status, -1);
	fake_run();
	assert_int_equal(status, OPS_DONE);
	assert_string_equal(err, "");
	assert_int_equal(run(false, "enable", "t"), OPS_DONE);
	assert_string_equal(fake_events, "disable:t enable:t");
}

/* A target must not be enabled while it is being taken away. */
static void enable_waits_for_its_turn(void **state)
{
	(void)state;
	assert_int_equal(apply_submit(&d.live, fake_conf(""), NULL, NULL), 0);
	start(false, "enable", "t");
	assert_int_equal(status, -1);
	fake_run();
	assert_int_equal(status, OPS_FAILED);
	assert_string_equal(err, "there is no target t\n");
}

static void unknown_things_are_refused(void **state)
{
	(void)state;
	assert_int_equal(run(false, "disable", "nonsense"), OPS_FAILED);
	assert_string_equal(err, "there is no target nonsense\n");
	assert_int_equal(run(false, "resync", "nonsense"), OPS_FAILED);
	assert_string_equal(err, "there is no device nonsense\n");
	assert_int_equal(run(false, "close-session", "18"), OPS_FAILED);
	assert_string_equal(err, "there is no session 18\n");
	assert_string_equal(out, "");
}

static void close_session_wants_a_number(void **state)
{
	static const char *const bad[] = { "x", "", "-1", " 17", "17x", "99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(run(false, "close-session", bad[i]), OPS_USAGE);
	assert_int_equal(run(false, "close-session", "17"), OPS_DONE);
}

static void usage_is_checked(void **state)
{
	(void)state;
	assert_int_equal(run(false, "frobnicate", NULL), OPS_USAGE);
	assert_int_equal(run(false, "", NULL), OPS_USAGE);
	assert_int_equal(run(false, "luns", "t"), OPS_USAGE);
	assert_int_equal(run(false, "disable", NULL), OPS_USAGE);
	assert_string_equal(fake_events, "");
}

static void resync_reads_the_size(void **state)
{
	(void)state;
	assert_int_equal(run(false, "resync", "a"), OPS_DONE);
	assert_string_equal(fake_events, "resync:a");
}

static void resync_opens_what_failed(void **state)
{
	(void)state;
	fake_missing = "/b";
	assert_int_equal(run(false, "resync", "b"), OPS_FAILED);
	assert_string_equal(err, "device b: /b: No such file\n");
	fake_missing = "";
	assert_int_equal(run(false, "resync", "b"), OPS_DONE);
	assert_string_equal(err, "");
	assert_int_equal(run(true, "devices", NULL), OPS_DONE);
	assert_null(strstr(out, "failed"));
}

static void resync_is_not_for_inactive_devices(void **state)
{
	(void)state;
	apply("HANDLER vdisk_fileio { DEVICE a { filename /a\n active 0\n } }");
	assert_int_equal(run(false, "resync", "a"), OPS_FAILED);
	assert_string_equal(err, "device a is inactive\n");
}

static void status_tells_what_is_lost(void **state)
{
	struct device *a = live_device_find(&d.live, "a");

	(void)state;
	strcpy(a->error, "/a: gone");
	assert_int_equal(run(true, "status", NULL), OPS_DONE);
	assert_shows(out, "{\"kind\": \"device\", \"name\": \"a\", \"error\": \"/a: gone\"}");
	a->error[0] = 0;
}

static void reload_with_an_error_changes_nothing(void **state)
{
	(void)state;
	config_write("setup_id x\n");
	assert_int_equal(run(false, "reload", NULL), OPS_FAILED);
	assert_shows(err, ":1:10: error: ");
	assert_shows(err, "nothing changed");
	assert_string_equal(fake_events, "");
	unlink(conf_path);
	assert_int_equal(run(false, "reload", NULL), OPS_FAILED);
	assert_shows(err, "nothing changed");
	config_write("");
}

static void reload_applies_the_difference(void **state)
{
	(void)state;
	config_write(config);
	assert_int_equal(run(false, "reload", NULL), OPS_DONE);
	assert_string_equal(fake_events, "open:b lu:b remap:t(0:a)");
}

static void reload_tells_what_failed(void **state)
{
	(void)state;
	fake_missing = "/b";
	config_write(config);
	assert_int_equal(run(false, "reload", NULL), OPS_FAILED);
	assert_shows(err, "device b: /b: No such file\n");
	assert_shows(err, "was applied");
}

static void reload_warns_of_what_needs_a_restart(void **state)
{
	(void)state;
	config_write("DAEMON { threads_num 3\nlog_level error\nstate_dir /elsewhere }\n"
		     "TARGET_DRIVER ib_srpt { rdma_cm_port 7\nsrpt_sq_size 64 }\n");
	assert_int_equal(run(false, "reload", NULL), OPS_DONE);
	assert_shows(err, "warning: threads_num takes effect after a restart\n");
	assert_shows(err, "warning: state_dir takes effect after a restart\n");
	assert_shows(err, "warning: srpt_sq_size takes effect after a restart\n");
	assert_null(strstr(err, "log_level"));
	assert_null(strstr(err, "rdma_cm_port"));
	assert_null(strstr(err, "buffer_size"));
}

static void nothing_is_done_while_it_stops(void **state)
{
	(void)state;
	d.stopping = true;
	assert_int_equal(run(false, "disable", "t"), OPS_FAILED);
	assert_string_equal(fake_events, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(luns_have_what_scripts_need),
		T(devices_without_lun_are_listed),
		T(sessions_and_channels),
		T(targets_with_their_state),
		T(status_tells_problems),
		T(stats_of_devices_and_sessions),
		T(login_info_of_portals),
		T(disable_ends_when_sessions_are_gone),
		T(enable_waits_for_its_turn),
		T(unknown_things_are_refused),
		T(close_session_wants_a_number),
		T(usage_is_checked),
		T(resync_reads_the_size),
		T(resync_opens_what_failed),
		T(resync_is_not_for_inactive_devices),
		T(status_tells_what_is_lost),
		T(status_tells_how_interrupts_are_spread),
		T(reload_with_an_error_changes_nothing),
		T(reload_applies_the_difference),
		T(reload_tells_what_failed),
		T(reload_warns_of_what_needs_a_restart),
		T(nothing_is_done_while_it_stops),
	};

	log_set_level(2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
