/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MS 1000000ull

static int looks, expiries, fd;
static struct verbs_watch w;
static struct verbs_timer timer;

static int on_ready(struct verbs_watch *watch)
{
	assert_ptr_equal(watch, &w);
	looks++;
	return 3;
}

static void on_time(struct verbs_timer *t)
{
	assert_ptr_equal(t, &timer);
	expiries++;
}

static void watch_begin(void)
{
	looks = expiries = 0;
	fd = eventfd(0, 0);
	assert_int_equal(verbs_watch_start(verbs_of(fake_t), &w, fd, on_ready), 0);
}

static void watch_end(void)
{
	verbs_watch_stop(&w);
	close(fd);
}

static void test_loop_calls_when_it_can_be_read(void **state)
{
	(void)state;
	watch_begin();
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(looks, 0);
	fake_readable(fd);
	assert_int_equal(looks, 1);
	assert_true(list_empty(&fake_r->sources));
	watch_end();
}

static void test_reactor_calls_after_a_wake_up(void **state)
{
	(void)state;
	watch_begin();
	w.looked_ns = fake_r->now_ns;
	assert_int_equal(w.source.fd, fd);
	assert_int_equal(w.source.poll(&w.source), 0);
	w.source.wake(&w.source);
	assert_int_equal(w.source.poll(&w.source), 3);
	assert_int_equal(looks, 1);
	assert_int_equal(w.source.poll(&w.source), 0);
	assert_int_equal(fake.watches, 0);
	watch_end();
	assert_true(list_empty(&fake_r->sources));
}

/* A reactor with much to do never sleeps, so nothing wakes it. */
static void test_busy_reactor_looks_now_and_then(void **state)
{
	(void)state;
	watch_begin();
	w.looked_ns = fake_r->now_ns;
	fake_r->now_ns += 9 * MS;
	assert_int_equal(w.source.poll(&w.source), 0);
	fake_r->now_ns += MS;
	assert_int_equal(w.source.poll(&w.source), 3);
	fake_r->now_ns += 9 * MS;
	assert_int_equal(w.source.poll(&w.source), 0);
	assert_int_equal(looks, 1);
	watch_end();
}

static void test_bad_descriptor_is_told(void **state)
{
	int watches = fake.watches;

	(void)state;
	assert_int_equal(verbs_watch_start(verbs_of(fake_t), &w, -1, on_ready), -EBADF);
	assert_int_equal(fake.watches, watches);
}

static void test_timer_runs_once(void **state)
{
	(void)state;
	expiries = 0;
	verbs_timer_init(&timer, verbs_of(fake_t), on_time);
	verbs_timer_start(&timer, MS);
	verbs_timer_start(&timer, MS);
	assert_int_equal(fake.timers, fake_loop() ? 1 : 0);
	fake_tick();
	fake_settle();
	assert_int_equal(expiries, 1);
	fake_tick();
	fake_settle();
	assert_int_equal(expiries, 1);
	verbs_timer_start(&timer, MS);
	fake_tick();
	fake_settle();
	assert_int_equal(expiries, 2);
}

static void test_stopped_timer_does_not_run(void **state)
{
	(void)state;
	expiries = 0;
	verbs_timer_init(&timer, verbs_of(fake_t), on_time);
	verbs_timer_start(&timer, MS);
	verbs_timer_stop(&timer);
	verbs_timer_stop(&timer);
	fake_tick();
	fake_settle();
	assert_int_equal(expiries, 0);
	assert_int_equal(fake.timers, 0);
}

#define loop(t) cmocka_unit_test_setup_teardown(t, fake_setup, fake_teardown)
#define alone(t) cmocka_unit_test_setup_teardown(t, fake_setup_alone, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		loop(test_loop_calls_when_it_can_be_read),
		alone(test_reactor_calls_after_a_wake_up),
		alone(test_busy_reactor_looks_now_and_then),
		loop(test_bad_descriptor_is_told),
		alone(test_bad_descriptor_is_told),
		loop(test_timer_runs_once),
		alone(test_timer_runs_once),
		loop(test_stopped_timer_does_not_run),
		alone(test_stopped_timer_does_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
