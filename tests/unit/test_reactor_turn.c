/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reactor that its owner's thread turns: nothing here has a thread. */
#include "base/reactor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/eventfd.h>
#include <unistd.h>

static int setup_budget(void **state, int budget)
{
	struct reactor_params p = { .buffer_size = 1, .poll_budget_us = budget, .cpu = -1 };
	struct reactor *r;
	int rc = reactor_create(0, &p, &r);

	*state = r;
	return rc;
}

static int setup(void **state)
{
	return setup_budget(state, 0);
}

static int setup_polling(void **state)
{
	return setup_budget(state, -1);
}

static int teardown(void **state)
{
	reactor_destroy(*state);
	return 0;
}

/* What was counted, and on which reactor. */
struct counted {
	struct msg m;
	struct reactor_timer t;
	struct reactor_source s;
	struct reactor *self;
	unsigned calls;
};

static void counted_msg(struct msg *m)
{
	struct counted *c = container_of(m, struct counted, m);

	c->calls++;
	c->self = reactor_self();
}

static void counted_timer(struct reactor_timer *t)
{
	container_of(t, struct counted, t)->calls++;
}

static int counted_poll(struct reactor_source *s)
{
	(void)s;
	return 0;
}

static void counted_wake(struct reactor_source *s)
{
	struct counted *c = container_of(s, struct counted, s);
	uint64_t n;

	assert_int_equal(read(s->fd, &n, sizeof(n)), sizeof(n));
	c->calls++;
	c->self = reactor_self();
}

static void test_mail_is_work_and_prevents_sleep(void **state)
{
	struct reactor *r = *state;
	struct counted c = { .m.fn = counted_msg };

	reactor_send(r, &c.m);
	assert_int_equal(reactor_turn(r, -1), 1);
	assert_int_equal(c.calls, 1);
	assert_ptr_equal(c.self, r);
	assert_null(reactor_self());
	assert_int_equal(r->stats.sleeps, 0);
}

static void test_timeout_of_zero_does_not_sleep(void **state)
{
	struct reactor *r = *state;

	assert_int_equal(reactor_turn(r, 0), 0);
	assert_int_equal(r->stats.sleeps, 0);
}

static void test_timeout_ends_the_sleep(void **state)
{
	struct reactor *r = *state;

	assert_int_equal(reactor_turn(r, 1), 0);
	assert_int_equal(r->stats.sleeps, 1);
}

static void test_first_timer_ends_a_longer_sleep(void **state)
{
	struct reactor *r = *state;
	struct counted c = { .t.fn = counted_timer };

	list_init(&c.t.link);
	reactor_timer_start(r, &c.t, 1000000);
	for (int i = 0; i < 100 && !c.calls; i++)
		reactor_turn(r, -1);
	assert_int_equal(c.calls, 1);
}

static void test_timeout_is_kept_when_a_timer_is_later(void **state)
{
	struct reactor *r = *state;
	struct counted c = { .t.fn = counted_timer };

	list_init(&c.t.link);
	reactor_timer_start(r, &c.t, 3600ull * 1000000000ull);
	assert_int_equal(reactor_turn(r, 1), 0);
	assert_int_equal(r->stats.sleeps, 1);
	assert_int_equal(c.calls, 0);
	reactor_timer_stop(&c.t);
}

static void test_source_wakes_on_this_reactor(void **state)
{
	struct reactor *r = *state;
	struct counted c = { .s = { .poll = counted_poll, .wake = counted_wake } };
	uint64_t one = 1;

	c.s.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(c.s.fd >= 0);
	reactor_source_add(r, &c.s);
	assert_int_equal(write(c.s.fd, &one, sizeof(one)), sizeof(one));
	reactor_turn(r, -1);
	assert_int_equal(c.calls, 1);
	assert_ptr_equal(c.self, r);
	reactor_source_del(r, &c.s);
	close(c.s.fd);
}

static void test_polling_reactor_returns_at_once(void **state)
{
	struct reactor *r = *state;

	assert_int_equal(reactor_turn(r, -1), 0);
	assert_int_equal(r->stats.sleeps, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_mail_is_work_and_prevents_sleep),
		TEST(test_timeout_of_zero_does_not_sleep),
		TEST(test_timeout_ends_the_sleep),
		TEST(test_first_timer_ends_a_longer_sleep),
		TEST(test_timeout_is_kept_when_a_timer_is_later),
		TEST(test_source_wakes_on_this_reactor),
		cmocka_unit_test_setup_teardown(test_polling_reactor_returns_at_once,
						setup_polling, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
