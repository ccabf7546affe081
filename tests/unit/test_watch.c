/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What watch does in its turns, on fakes of the layers below; its thread runs at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "ctl/apply.h"
#include "ctl/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG \
	"HANDLER vdisk_fileio { DEVICE a { filename /a\n }\n DEVICE b { filename /b\n } }\n" \
	"TARGET_DRIVER ib_srpt { ioc_guid 0002c90300a1b2c3\n TARGET t { enabled 1\n" \
	" LUN 0 a\n LUN 1 b\n } }\n"

static struct live live;
static struct mailbox control;
static struct watch *watch;

static void apply(const char *text)
{
	assert_int_equal(apply_submit(&live, fake_conf(text), NULL, NULL), 0);
	fake_run();
	fake_events[0] = 0;
}

static void turn(void)
{
	fake_events[0] = 0;
	watch_turn(watch);
	fake_run();
}

#define assert_events(want) assert_string_equal(fake_events, (want))

static int setup(void **state)
{
	(void)state;
	fake_reset();
	live_init(&live);
	live.ioc_guid = 1;
	assert_int_equal(mailbox_init(&control), 0);
	return watch_create(&live, NULL, &control, &watch);
}

static int teardown(void **state)
{
	(void)state;
	fake_missing = "";
	fake_suspect = "";
	apply("");
	watch_destroy(watch);
	mailbox_destroy(&control);
	assert_int_equal(fake_backends, 0);
	assert_int_equal(fake_lus, 0);
	conf_free(live.conf);
	free(live.device_of);
	fake_reset();
	return 0;
}

/* Somebody asks. */
struct request {
	struct watch_waiter w;
	int n;
	char error[LIVE_ERROR_MAX];
};

static void answered(struct watch_waiter *w, const char *error)
{
	struct request *r = container_of(w, struct request, w);

	r->n++;
	snprintf(r->error, sizeof(r->error), "%s", error ? error : "");
}

static void ask(struct request *r, const char *name)
{
	*r = (struct request){ .w.done = answered };
	watch_device(watch, live_device_find(&live, name), &r->w);
}

static void nothing_happens_to_what_is_well(void **state)
{
	(void)state;
	turn();
	apply(CONFIG);
	for (int i = 0; i < 20; i++) {
		turn();
		assert_events("");
	}
}

static void a_new_size_is_taken_over_once(void **state)
{
	(void)state;
	apply(CONFIG);
	turn();
	fake_path_size = 2 << 20;
	turn();
	assert_events("resync:a resync:b");
	turn();
	assert_events("");
	/* It is no matter of ours that the path leads nowhere. */
	fake_path_size = 0;
	turn();
	assert_events("");
	fake_path_size = 1 << 20;
	turn();
	assert_events("resync:a resync:b");
}

/* Opened in haste: what its disk is like is found out by a look, and by no more than it takes. */
static void what_is_known_is_looked_at_once(void **state)
{
	(void)state;
	apply(CONFIG);
	fake_unsure = "a";
	fake_missing = "/a";
	turn();
	assert_events("look:a");
	fake_missing = "";
	turn();
	assert_events("look:a learn:a");
	turn();
	assert_events("");
}

/* Opening finds it out as well. */
static void what_is_lost_is_not_looked_at(void **state)
{
	(void)state;
	apply(CONFIG);
	fake_unsure = fake_suspect = "a";
	turn();
	fake_unsure = "";
	assert_events("open:a exchange:a resync:a");
}

/* It grew before the first look. */
static void a_size_that_differs_at_first(void **state)
{
	(void)state;
	apply(CONFIG);
	fake_path_size = 2 << 20;
	turn();
	assert_events("resync:a resync:b");
}

static void what_failed_is_tried_less_and_less_often(void **state)
{
	unsigned tries = 0;

	(void)state;
	fake_missing = "/b";
	apply(CONFIG);
	for (int i = 0; i < 31 + 10 * 32; i++) {
		turn();
		tries += strstr(fake_events, "open:b") != NULL;
	}
	/* At turns 0, 2, 6, 14, 30, then each 32nd. */
	assert_int_equal(tries, 5 + 10);
}

static void what_failed_comes_into_service(void **state)
{
	(void)state;
	fake_missing = "/b";
	apply(CONFIG);
	turn();
	assert_events("open:b");
	fake_missing = "";
	turn();
	turn();
	assert_events("open:b lu:b remap:t(0:a 1:b)");
	turn();
	assert_events("");
}

/* Opening it might take it away from another node. */
static void what_failed_in_a_group_is_left_to_the_cluster(void **state)
{
	struct request r;

	(void)state;
	fake_missing = "/b";
	apply(CONFIG "DEVICE_GROUP g { DEVICE b\n TARGET_GROUP tg { group_id 1\n TARGET t\n } }\n");
	turn();
	assert_events("");
	fake_missing = "";
	turn();
	assert_events("");
	ask(&r, "b");
	fake_run();
	assert_string_equal(r.error, "");
}

static void what_is_lost_is_opened_again(void **state)
{
	(void)state;
	apply(CONFIG);
	fake_suspect = "a";
	fake_missing = "/a";
	turn();
	assert_events("open:a");
	assert_non_null(strstr(live_device_find(&live, "a")->error, "No such file"));
	fake_suspect = "";
	fake_missing = "";
	turn();
	turn();
	assert_events("open:a exchange:a resync:a");
	assert_string_equal(live_device_find(&live, "a")->error, "");
	assert_int_equal(fake_backends, 2);
	turn();
	assert_events("");
}

static void another_file_is_not_taken(void **state)
{
	(void)state;
	apply(CONFIG);
	fake_suspect = "a";
	fake_exchange_status = -EEXIST;
	turn();
	assert_events("open:a exchange:a");
	assert_string_equal(live_device_find(&live, "a")->error, "another file");
	assert_int_equal(fake_backends, 2);
}

/* A bad block: the disk is there, but each read of it fails. */
static void a_disk_with_errors_is_not_opened_all_the_time(void **state)
{
	unsigned tries = 0;

	(void)state;
	apply(CONFIG);
	fake_suspect = "a";
	for (int i = 0; i < 31 + 10 * 32; i++) {
		turn();
		tries += strstr(fake_events, "open:a") != NULL;
	}
	assert_int_equal(tries, 5 + 10);
}

static void a_device_may_leave_meanwhile(void **state)
{
	(void)state;
	fake_missing = "/b";
	apply(CONFIG);
	fake_missing = "";
	fake_suspect = "a";
	watch_turn(watch);
	assert_int_equal(apply_submit(&live, fake_conf(""), NULL, NULL), 0);
	fake_run();
	assert_int_equal(fake_backends, 0);
}

/* What was opened before cannot be written to. */
static void rights_may_change_meanwhile(void **state)
{
	(void)state;
	apply("HANDLER vdisk_fileio { DEVICE a { filename /a\n read_only 1\n } }\n");
	fake_suspect = "a";
	watch_turn(watch);
	fake_suspect = "";
	assert_int_equal(apply_submit(&live, fake_conf("HANDLER vdisk_fileio { DEVICE a { filename "
						       "/a\n } }\n"), NULL, NULL), 0);
	fake_run();
	assert_events("open:a open:a exchange:a change:255,0,1,0+0,0,0 rw:a");
	assert_int_equal(fake_backends, 1);
	turn();
	assert_events("open:a exchange:a resync:a");
}

/* ---- on request ---- */

static void request_looks_at_the_size(void **state)
{
	struct request r;

	(void)state;
	apply(CONFIG);
	ask(&r, "a");
	assert_int_equal(r.n, 1);
	assert_string_equal(r.error, "");
	assert_events("resync:a");
}

static void request_does_not_wait_for_a_look(void **state)
{
	struct request r;

	(void)state;
	apply(CONFIG);
	watch_turn(watch);
	ask(&r, "a");
	assert_int_equal(r.n, 1);
	assert_events("resync:a");
	fake_run();
}

static void request_opens_what_is_lost_during_a_look(void **state)
{
	struct request r;

	(void)state;
	apply(CONFIG);
	watch_turn(watch);
	fake_suspect = "a";
	fake_path_size = 0;
	ask(&r, "a");
	assert_int_equal(r.n, 0);
	fake_run();
	assert_int_equal(r.n, 1);
	assert_string_equal(r.error, "");
	assert_events("open:a exchange:a resync:a");
}

static void request_opens_what_failed(void **state)
{
	struct request r, again;

	(void)state;
	fake_missing = "/b";
	apply(CONFIG);
	ask(&r, "b");
	ask(&again, "b");
	assert_int_equal(r.n, 0);
	fake_run();
	assert_string_equal(r.error, "/b: No such file");
	assert_int_equal(again.n, 1);
	fake_missing = "";
	ask(&r, "b");
	fake_run();
	assert_int_equal(r.n, 1);
	assert_string_equal(r.error, "");
	assert_string_equal(fake_map("t", "any"), "0:a 1:b");
}

static void request_opens_what_is_lost(void **state)
{
	struct request r;

	(void)state;
	apply(CONFIG);
	fake_suspect = "a";
	ask(&r, "a");
	fake_run();
	assert_string_equal(r.error, "");
	assert_events("open:a exchange:a resync:a");
}

static void request_is_answered_when_the_device_leaves(void **state)
{
	struct request r;

	(void)state;
	apply(CONFIG);
	fake_suspect = "a";
	ask(&r, "a");
	apply("");
	assert_int_equal(r.n, 1);
	assert_string_equal(r.error, "it was taken away meanwhile");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(nothing_happens_to_what_is_well),
		T(a_new_size_is_taken_over_once),
		T(what_is_known_is_looked_at_once),
		T(what_is_lost_is_not_looked_at),
		T(a_size_that_differs_at_first),
		T(what_failed_is_tried_less_and_less_often),
		T(what_failed_comes_into_service),
		T(what_failed_in_a_group_is_left_to_the_cluster),
		T(what_is_lost_is_opened_again),
		T(another_file_is_not_taken),
		T(a_disk_with_errors_is_not_opened_all_the_time),
		T(a_device_may_leave_meanwhile),
		T(rights_may_change_meanwhile),
		T(request_looks_at_the_size),
		T(request_does_not_wait_for_a_look),
		T(request_opens_what_is_lost_during_a_look),
		T(request_opens_what_failed),
		T(request_opens_what_is_lost),
		T(request_is_answered_when_the_device_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
