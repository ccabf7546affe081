/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A shell in the place of drbdsetup: what it prints, and its deaths. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/drbd.h"

#include "loop_util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static qb_loop_t *loop;
static struct drbd *drbd;
static char resources[256]; /* names of "exists resource", separated by blanks */
static unsigned ready, lost;

static void event(void *arg, const struct drbd_event *e)
{
	size_t len = strlen(resources);

	(void)arg;
	if (e->action == DRBD_READY)
		ready++;
	else
		snprintf(resources + len, sizeof(resources) - len, "%s ", e->resource);
}

static void gone(void *arg)
{
	(void)arg;
	lost++;
}

static const struct drbd_listener listener = { .event = event, .lost = gone };

static int setup(void **state)
{
	(void)state;
	loop = qb_loop_create();
	drbd = NULL;
	resources[0] = 0;
	ready = lost = 0;
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	drbd_stop(drbd);
	qb_loop_destroy(loop);
	return 0;
}

#define SHELL(script) ((const char *const[]){ "sh", "-c", (script), NULL })

static void run(const char *const *command)
{
	assert_int_equal(drbd_start(loop, command, &listener, NULL, &drbd), 0);
}

static bool is_ready(void *arg)
{
	return ready >= *(unsigned *)arg;
}

static bool is_lost(void *arg)
{
	return lost >= *(unsigned *)arg;
}

static void ready_becomes(unsigned n)
{
	assert_true(loop_until(loop, is_ready, &n));
}

static void lost_becomes(unsigned n)
{
	assert_true(loop_until(loop, is_lost, &n));
}

static void lines_arrive_in_pieces(void **state)
{
	(void)state;
	run(SHELL("printf 'exists resource name:a role:Prim'; sleep 0.1;"
		  "printf 'ary suspended:no\nexists resource name:b role:Secondary suspended:no\n"
		  "exists -\n'; exec sleep 60"));
	ready_becomes(1);
	assert_string_equal(resources, "a b ");
	assert_int_equal(lost, 0);
}

/* Some versions end when their standard input does. */
static void its_input_never_ends(void **state)
{
	unsigned times = 0;

	(void)state;
	run(SHELL("echo 'exists -'; read x; exit 1"));
	ready_becomes(1);
	for (; times < 3; times++)
		drbd_drain(drbd);
	usleep(50000);
	drbd_drain(drbd);
	assert_int_equal(lost, 0);
}

static void it_is_run_again(void **state)
{
	(void)state;
	run(SHELL("echo 'exists -'; exit 3"));
	ready_becomes(3);
	assert_true(lost >= 2);
}

static void all_that_it_printed_counts(void **state)
{
	(void)state;
	run(SHELL("i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); echo 'exists -'; done"));
	lost_becomes(1);
	assert_int_equal(ready, 1000);
}

static void a_line_that_is_not_understood(void **state)
{
	(void)state;
	run(SHELL("printf 'exists -\nexists resource role:Primary\nexists -\n'; exec sleep 60"));
	lost_becomes(1);
	assert_int_equal(ready, 1);
	assert_string_equal(resources, "");
	ready_becomes(2);
}

static void a_line_without_end(void **state)
{
	(void)state;
	run(SHELL("echo 'exists -'; head -c 100000 /dev/zero | tr '\\0' x; exec sleep 60"));
	lost_becomes(2);
	assert_int_equal(ready, 2);
}

static void events_that_were_skipped(void **state)
{
	(void)state;
	run(SHELL("printf 'exists -\n- skipped\nexists -\n'; exec sleep 60"));
	lost_becomes(1);
	assert_int_equal(ready, 1);
}

static void asked_anew(void **state)
{
	(void)state;
	run(SHELL("echo 'exists -'; exec sleep 60"));
	ready_becomes(1);
	drbd_again(drbd);
	assert_int_equal(lost, 1);
	drbd_again(drbd);
	assert_int_equal(lost, 1);
	assert_true(drbd_drain(drbd));
	ready_becomes(2);
	assert_int_equal(lost, 1);
}

static void no_program(void **state)
{
	(void)state;
	run((const char *const[]){ "/nonexistent/drbdsetup", "events2", NULL });
	lost_becomes(2);
	assert_int_equal(ready, 0);
}

/* It must not wait for more than is there. */
static void a_flood_is_taken_in_turns(void **state)
{
	(void)state;
	run(SHELL("exec yes 'exists -'"));
	ready_becomes(1000);
	drbd_drain(drbd);
	drbd_drain(drbd);
	assert_int_equal(lost, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(lines_arrive_in_pieces),
		T(its_input_never_ends),
		T(it_is_run_again),
		T(all_that_it_printed_counts),
		T(a_line_that_is_not_understood),
		T(a_line_without_end),
		T(events_that_were_skipped),
		T(asked_anew),
		T(no_program),
		T(a_flood_is_taken_in_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
