/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and portals are counted as sysfs and the listeners have them; changes are told. */
#include "ctl/ha_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char top[256], sysfs[300];

static void make_dir(const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* @state NULL: there is no such file. */
static void make_port(const char *device, int port, const char *state)
{
	char name[600];
	FILE *f;

	snprintf(name, sizeof(name), "ib/%s/ports/%d", device, port);
	make_dir(name);
	if (!state)
		return;
	snprintf(name, sizeof(name), "%s/%s/ports/%d/state", sysfs, device, port);
	f = fopen(name, "w");
	assert_non_null(f);
	fputs(state, f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "%s/test-ha-ports-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(top))
		return -1;
	snprintf(sysfs, sizeof(sysfs), "%s/ib", top);
	make_dir("ib");
	return 0;
}

static int teardown(void **state)
{
	char command[400];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command);
}

static void assert_scan(const char *dir, unsigned up, unsigned down)
{
	struct ha_ports_count c = { 77, 77 };

	ha_ports_scan(dir, &c);
	assert_int_equal(c.up, up);
	assert_int_equal(c.down, down);
}

static void ports_are_counted_by_state(void **state)
{
	(void)state;
	assert_scan("/nonexistent/ib", 0, 0);
	assert_scan(sysfs, 0, 0);
	make_dir("ib/mlx5_0");
	assert_scan(sysfs, 0, 0);
	make_dir("ib/mlx5_0/ports");
	make_port("mlx5_0", 1, "4: ACTIVE\n");
	make_port("mlx5_0", 2, "1: DOWN\n");
	make_dir("ib/rxe0");
	make_dir("ib/rxe0/ports");
	make_port("rxe0", 1, "4: ACTIVE\n");
	make_port("rxe0", 2, "2: INIT\n");
	make_port("rxe0", 3, "");
	make_port("rxe0", 4, NULL);
	assert_scan(sysfs, 2, 4);
}

static void portals_are_counted_if_wanted(void **state)
{
	static struct transport_listener tl;
	static struct listener rows[] = {
		{ .wanted = true, .tl = &tl },
		{ .wanted = true, .optional = true, .tl = &tl },
		{ .wanted = true },
		{ .wanted = true, .optional = true },
		{ .wanted = true, .away = true },
		{ .wanted = false },
	};
	struct ha_ports_count c = { 1, 1 };
	struct listeners l;

	(void)state;
	list_init(&l.list);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		list_add_tail(&l.list, &rows[i].link);
	ha_ports_add_listeners(&l, &c);
	assert_int_equal(c.up, 3);
	assert_int_equal(c.down, 2);
}

/* ---- watched ---- */

static unsigned changes;

static void count_change(void *arg)
{
	(void)arg;
	changes++;
}

static void loop_end(void *arg)
{
	qb_loop_stop(arg);
}

static void turn(qb_loop_t *loop, struct mailbox *control)
{
	qb_loop_timer_handle timer;

	assert_int_equal(qb_loop_timer_add(loop, QB_LOOP_LOW, 10000000, loop, loop_end, &timer), 0);
	qb_loop_run(loop);
	mailbox_drain(control);
}

static void a_change_is_told(void **state)
{
	qb_loop_t *loop = qb_loop_create();
	struct mailbox control;
	struct ha_ports *p = NULL;
	struct listeners l;

	(void)state;
	changes = 0;
	list_init(&l.list);
	list_init(&l.watches);
	assert_int_equal(mailbox_init(&control), 0);
	make_dir("ib/rxe0");
	make_dir("ib/rxe0/ports");
	make_port("rxe0", 1, "4: ACTIVE\n");
	assert_int_equal(ha_ports_start(loop, &control, &l, sysfs, count_change, NULL, &p), 0);
	while (!changes)
		turn(loop, &control);
	assert_int_equal(ha_ports_get(p).up, 1);
	make_port("rxe0", 2, "1: DOWN\n");
	while (changes < 2)
		turn(loop, &control);
	assert_int_equal(ha_ports_get(p).down, 1);
	ha_ports_stop(p);
	ha_ports_stop(NULL);
	mailbox_destroy(&control);
	qb_loop_destroy(loop);
}

/* The loop does not run: no timer can have found it. */
static void an_event_is_enough(void **state)
{
	qb_loop_t *loop = qb_loop_create();
	struct mailbox control;
	struct ha_ports *p = NULL;
	struct port_watch *w;
	struct listeners l;

	(void)state;
	changes = 0;
	list_init(&l.list);
	list_init(&l.watches);
	assert_int_equal(mailbox_init(&control), 0);
	assert_int_equal(ha_ports_start(loop, &control, &l, sysfs, count_change, NULL, &p), 0);
	w = list_first(&l.watches, struct port_watch, link);
	make_dir("ib/rxe0");
	make_dir("ib/rxe0/ports");
	make_port("rxe0", 1, "4: ACTIVE\n");
	w->fn(w->arg); /* maybe during a look: another one follows */
	while (!ha_ports_get(p).up) {
		mailbox_drain(&control);
		usleep(1000);
	}
	assert_in_range(changes, 1, 2);
	ha_ports_stop(p);
	assert_true(list_empty(&l.watches));
	mailbox_destroy(&control);
	qb_loop_destroy(loop);
}

static void a_portal_without_its_device_is_down(void **state)
{
	struct transport_listener tl = { .down = true };
	struct listener row = { .wanted = true, .tl = &tl };
	struct ha_ports_count c = { 0, 0 };
	struct listeners l;

	(void)state;
	list_init(&l.list);
	list_add_tail(&l.list, &row.link);
	ha_ports_add_listeners(&l, &c);
	assert_int_equal(c.up, 0);
	assert_int_equal(c.down, 1);
}

#define tree_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tree_test(ports_are_counted_by_state),
		cmocka_unit_test(portals_are_counted_if_wanted),
		tree_test(a_change_is_told),
		tree_test(an_event_is_enough),
		cmocka_unit_test(a_portal_without_its_device_is_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
