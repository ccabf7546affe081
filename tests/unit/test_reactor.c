/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/reactor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HANG_MS 20000 /* only a failure waits as long */
#define NS_PER_S 1000000000ull

static char trace[64];

static void trace_add(char c)
{
	size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
	trace[n + 1] = '\0';
}

static int setup_budget(void **state, int budget)
{
	struct reactor_params p = { .buffer_size = 1, .poll_budget_us = budget, .cpu = -1 };
	struct reactor *r;
	int rc = reactor_create(0, &p, &r);

	memset(trace, 0, sizeof(trace));
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
	reactor_stop(*state);
	reactor_destroy(*state);
	return 0;
}

/* ---- one round, on this thread ---- */

struct traced {
	struct msg m;
	struct reactor_source s;
	struct reactor_deferred d;
	struct reactor_timer t;
	struct reactor *r;
	char name;
	struct traced *other;
};

static int traced_poll(struct reactor_source *s)
{
	trace_add(container_of(s, struct traced, s)->name);
	return 0;
}

static void traced_deferred(struct reactor_deferred *d)
{
	trace_add(container_of(d, struct traced, d)->name);
}

static void traced_timer(struct reactor_timer *t)
{
	trace_add(container_of(t, struct traced, t)->name);
}

static void traced_msg(struct msg *m)
{
	trace_add(container_of(m, struct traced, m)->name);
}

static void traced_init(struct traced *x, struct reactor *r, char name)
{
	*x = (struct traced){ .r = r, .name = name };
	x->m.fn = traced_msg;
	x->s = (struct reactor_source){ .poll = traced_poll, .fd = -1 };
	x->d.fn = traced_deferred;
	x->t.fn = traced_timer;
	list_init(&x->d.link);
	list_init(&x->t.link);
}

static void test_round_runs_mail_sources_stages_timers(void **state)
{
	struct reactor *r = *state;
	struct traced m, s, b, t, timer;

	traced_init(&timer, r, 'z');
	traced_init(&t, r, 't');
	traced_init(&b, r, 'b');
	traced_init(&s, r, 's');
	traced_init(&m, r, 'm');
	t.d.stage = STAGE_TRANSPORT;
	b.d.stage = STAGE_BACKEND;
	reactor_timer_start(r, &timer.t, 0);
	reactor_defer(r, &t.d);
	reactor_defer(r, &b.d);
	reactor_source_add(r, &s.s);
	reactor_send(r, &m.m);
	assert_int_equal(reactor_round(r), 4);
	assert_string_equal(trace, "msbtz");
	assert_int_equal(reactor_round(r), 0);
	assert_int_equal(r->stats.rounds, 2);
	assert_int_equal(r->stats.busy_rounds, 1);
	assert_int_equal(r->stats.messages, 1);
	reactor_source_del(r, &s.s);
}

static void note_self(struct msg *m)
{
	struct traced *x = container_of(m, struct traced, m);

	if (reactor_self() == x->r)
		trace_add(x->name);
}

static void test_self_is_set_within_a_round_only(void **state)
{
	struct traced x;

	traced_init(&x, *state, 'x');
	x.m.fn = note_self;
	reactor_send(*state, &x.m);
	reactor_round(*state);
	assert_string_equal(trace, "x");
	assert_null(reactor_self());
}

static void test_deferred_twice_runs_once(void **state)
{
	struct reactor *r = *state;
	struct traced x;

	traced_init(&x, r, 'x');
	reactor_defer(r, &x.d);
	reactor_defer(r, &x.d);
	reactor_round(r);
	reactor_round(r);
	assert_string_equal(trace, "x");
}

static void defer_again(struct reactor_deferred *d)
{
	struct traced *x = container_of(d, struct traced, d);

	trace_add(x->name);
	reactor_defer(x->r, d);
	if (x->other)
		reactor_defer(x->r, &x->other->d);
}

static void test_deferred_by_a_stage_waits_for_its_next_turn(void **state)
{
	struct reactor *r = *state;
	struct traced b, t;

	traced_init(&t, r, 't');
	t.d.stage = STAGE_TRANSPORT;
	traced_init(&b, r, 'b');
	b.d.fn = defer_again;
	b.other = &t;
	reactor_defer(r, &b.d);
	reactor_round(r);
	/* The same stage next round, a later stage in this one. */
	assert_string_equal(trace, "bt");
	reactor_round(r);
	assert_string_equal(trace, "btbt");
	list_del(&b.d.link);
}

static void test_timers_run_in_order_of_time(void **state)
{
	struct reactor *r = *state;
	struct traced a, b, c, late;

	traced_init(&a, r, 'a');
	traced_init(&b, r, 'b');
	traced_init(&c, r, 'c');
	traced_init(&late, r, 'l');
	r->now_ns = 0;
	reactor_timer_start(r, &c.t, 30);
	reactor_timer_start(r, &a.t, 10);
	reactor_timer_start(r, &b.t, 20);
	reactor_timer_start(r, &late.t, UINT64_MAX / 2);
	reactor_round(r);
	assert_string_equal(trace, "abc");
	assert_false(list_empty(&late.t.link));
	reactor_timer_stop(&late.t);
	reactor_timer_stop(&late.t);
	assert_true(list_empty(&r->timers));
}

static void test_timer_started_again_moves(void **state)
{
	struct reactor *r = *state;
	struct traced a, b;

	traced_init(&a, r, 'a');
	traced_init(&b, r, 'b');
	r->now_ns = 0;
	reactor_timer_start(r, &a.t, 10);
	reactor_timer_start(r, &b.t, 20);
	reactor_timer_start(r, &a.t, 30);
	reactor_round(r);
	assert_string_equal(trace, "ba");
}

static void restart_timer(struct reactor_timer *t)
{
	struct traced *x = container_of(t, struct traced, t);

	trace_add(x->name);
	reactor_timer_start(x->r, t, 0);
}

static void test_timer_restarting_itself_runs_once_a_round(void **state)
{
	struct traced x;

	traced_init(&x, *state, 'x');
	x.t.fn = restart_timer;
	reactor_timer_start(*state, &x.t, 0);
	reactor_round(*state);
	assert_string_equal(trace, "x");
	reactor_timer_stop(&x.t);
}

static int poll_deleting_other(struct reactor_source *s)
{
	struct traced *x = container_of(s, struct traced, s);

	trace_add(x->name);
	reactor_source_del(x->r, &x->other->s);
	return 0;
}

static void test_source_may_delete_itself_and_the_next(void **state)
{
	struct reactor *r = *state;
	struct traced a, b, c, d;

	traced_init(&a, r, 'a');
	traced_init(&b, r, 'b');
	traced_init(&c, r, 'c');
	traced_init(&d, r, 'd');
	a.s.poll = poll_deleting_other;
	a.other = &b;
	c.s.poll = poll_deleting_other;
	c.other = &c;
	reactor_source_add(r, &a.s);
	reactor_source_add(r, &b.s);
	reactor_source_add(r, &c.s);
	reactor_source_add(r, &d.s);
	reactor_round(r);
	assert_string_equal(trace, "acd");
	reactor_round(r);
	assert_string_equal(trace, "acdad");
}

/* ---- with its thread ---- */

static int poll_nothing(struct reactor_source *s)
{
	(void)s;
	return 0;
}

/* A message that the test waits for. */
struct signal {
	struct msg m;
	struct reactor_timer t;
	struct reactor *r;
	int fd;
	bool self_ok, blocked;
};

static void signal_send(struct signal *x)
{
	assert_int_equal(write(x->fd, &(uint64_t){ 1 }, 8), 8);
}

static void signal_run(struct msg *m)
{
	struct signal *x = container_of(m, struct signal, m);
	sigset_t set;

	x->self_ok = reactor_self() == x->r;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	x->blocked = sigismember(&set, SIGTERM) == 1;
	signal_send(x);
}

static void signal_timer(struct reactor_timer *t)
{
	signal_send(container_of(t, struct signal, t));
}

static void signal_start_timer(struct msg *m)
{
	struct signal *x = container_of(m, struct signal, m);

	reactor_timer_start(x->r, &x->t, 1000000);
}

static void signal_init(struct signal *x, struct reactor *r, msg_fn fn)
{
	*x = (struct signal){ .m.fn = fn, .r = r, .t.fn = signal_timer };
	list_init(&x->t.link);
	x->fd = eventfd(0, EFD_CLOEXEC);
	assert_true(x->fd >= 0);
}

static void assert_signalled(struct signal *x)
{
	struct pollfd p = { .fd = x->fd, .events = POLLIN };
	uint64_t n;

	assert_int_equal(poll(&p, 1, HANG_MS), 1);
	assert_int_equal(read(x->fd, &n, 8), 8);
}

static void test_message_wakes_the_thread(void **state)
{
	struct reactor *r = *state;
	struct signal x;

	signal_init(&x, r, signal_run);
	assert_int_equal(reactor_start(r), 0);
	for (int i = 0; i < 100; i++) {
		reactor_send(r, &x.m);
		assert_signalled(&x);
	}
	assert_true(x.self_ok);
	assert_true(x.blocked);
	close(x.fd);
}

static void test_mail_before_start_and_before_stop_is_run(void **state)
{
	struct reactor *r = *state;
	struct signal first, last;

	signal_init(&first, r, signal_run);
	signal_init(&last, r, signal_run);
	reactor_send(r, &first.m);
	assert_int_equal(reactor_start(r), 0);
	reactor_send(r, &last.m);
	reactor_stop(r);
	assert_signalled(&first);
	assert_signalled(&last);
	close(first.fd);
	close(last.fd);
}

static void test_timer_ends_a_sleep(void **state)
{
	struct reactor *r = *state;
	struct signal x;

	signal_init(&x, r, signal_start_timer);
	assert_int_equal(reactor_start(r), 0);
	reactor_send(r, &x.m);
	assert_signalled(&x);
	reactor_stop(r);
	close(x.fd);
}

/* A source like a completion queue: events count in one place, wake-ups in another. */
struct queue {
	struct reactor_source s;
	struct signal seen;
	atomic_int events;
	atomic_bool armed;
	int wakes;
	bool always_busy;
};

static int queue_poll(struct reactor_source *s)
{
	struct queue *q = container_of(s, struct queue, s);
	int n = atomic_exchange(&q->events, 0);

	if (n)
		signal_send(&q->seen);
	return n;
}

static bool queue_arm(struct reactor_source *s)
{
	struct queue *q = container_of(s, struct queue, s);

	atomic_store(&q->armed, true);
	return atomic_load(&q->events) != 0;
}

static void queue_wake(struct reactor_source *s)
{
	struct queue *q = container_of(s, struct queue, s);
	uint64_t n;

	q->wakes++;
	assert_int_equal(read(s->fd, &n, 8), 8);
}

static bool queue_busy(struct reactor_source *s)
{
	return container_of(s, struct queue, s)->always_busy;
}

static void queue_event(struct queue *q)
{
	atomic_fetch_add(&q->events, 1);
	if (atomic_exchange(&q->armed, false))
		assert_int_equal(write(q->s.fd, &(uint64_t){ 1 }, 8), 8);
}

static void queue_init(struct queue *q, struct reactor *r)
{
	memset(q, 0, sizeof(*q));
	q->s = (struct reactor_source){
		.poll = queue_poll, .arm = queue_arm, .wake = queue_wake, .busy = queue_busy,
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	assert_true(q->s.fd >= 0);
	signal_init(&q->seen, r, signal_run);
	reactor_source_add(r, &q->s);
}

static void queue_end(struct queue *q, struct reactor *r)
{
	reactor_stop(r);
	reactor_source_del(r, &q->s);
	close(q->s.fd);
	close(q->seen.fd);
}

static void test_armed_source_wakes_the_thread(void **state)
{
	struct reactor *r = *state;
	struct queue q;

	queue_init(&q, r);
	assert_int_equal(reactor_start(r), 0);
	for (int i = 0; i < 1000; i++) {
		queue_event(&q);
		assert_signalled(&q.seen);
	}
	queue_end(&q, r);
	assert_true(r->stats.sleeps > 0);
}

/* Counts rounds by letting a message travel round: nothing else would run. */
static void test_idle_thread_sleeps_until_mail(void **state)
{
	struct reactor *r = *state;
	struct signal x;
	struct queue q;

	queue_init(&q, r);
	signal_init(&x, r, signal_run);
	assert_int_equal(reactor_start(r), 0);
	for (int i = 0; i < 50; i++) {
		reactor_send(r, &x.m);
		assert_signalled(&x);
	}
	queue_end(&q, r);
	/* Per message: the round that runs it, then an empty one before the sleep. */
	assert_in_range(r->stats.rounds, 50, 2 * 51 + 2);
	close(x.fd);
}

static bool arm_deleting_itself(struct reactor_source *s)
{
	struct traced *x = container_of(s, struct traced, s);

	trace_add(x->name);
	reactor_source_del(x->r, s);
	return true;
}

static void test_source_may_delete_itself_while_armed(void **state)
{
	struct reactor *r = *state;
	struct traced a, b;
	struct signal x;

	traced_init(&a, r, 'a');
	traced_init(&b, r, 'b');
	a.s.poll = b.s.poll = poll_nothing;
	a.s.arm = b.s.arm = arm_deleting_itself;
	reactor_source_add(r, &a.s);
	reactor_source_add(r, &b.s);
	signal_init(&x, r, signal_start_timer);
	assert_int_equal(reactor_start(r), 0);
	reactor_send(r, &x.m);
	assert_signalled(&x);
	reactor_stop(r);
	assert_string_equal(trace, "ab");
	assert_true(list_empty(&r->sources));
	close(x.fd);
}

static void test_budget_of_minus_one_never_sleeps(void **state)
{
	struct reactor *r = *state;
	struct signal x;
	struct queue q;

	queue_init(&q, r);
	signal_init(&x, r, signal_start_timer);
	assert_int_equal(reactor_start(r), 0);
	reactor_send(r, &x.m);
	assert_signalled(&x);
	queue_event(&q);
	assert_signalled(&q.seen);
	queue_end(&q, r);
	assert_int_equal(r->stats.sleeps, 0);
	assert_true(r->stats.rounds > r->stats.busy_rounds);
	close(x.fd);
}

static int setup_long_budget(void **state)
{
	return setup_budget(state, 1000000000);
}

static void test_busy_source_is_polled_within_the_budget(void **state)
{
	struct reactor *r = *state;
	struct queue q;

	queue_init(&q, r);
	q.always_busy = true;
	assert_int_equal(reactor_start(r), 0);
	for (int i = 0; i < 10; i++) {
		queue_event(&q);
		assert_signalled(&q.seen);
	}
	queue_end(&q, r);
	assert_int_equal(r->stats.sleeps, 0);
	assert_int_equal(q.wakes, 0);
}

static void test_source_without_work_in_flight_is_not_polled(void **state)
{
	struct reactor *r = *state;
	struct signal x;
	struct queue q;

	queue_init(&q, r);
	signal_init(&x, r, signal_run);
	assert_int_equal(reactor_start(r), 0);
	for (int i = 0; i < 10; i++) {
		reactor_send(r, &x.m);
		assert_signalled(&x);
	}
	queue_end(&q, r);
	assert_in_range(r->stats.rounds, 10, 2 * 11 + 2);
	close(x.fd);
}

/* ---- all reactors ---- */

#define GROUP 3

struct group_test {
	struct reactor_group g;
	struct mailbox control;
	atomic_int calls;
	atomic_bool wrong_thread;
	int done;
};

static void group_fn(struct reactor *r, void *arg, struct countdown *c)
{
	struct group_test *t = arg;

	if (reactor_self() != r)
		atomic_store(&t->wrong_thread, true);
	atomic_fetch_add(&t->calls, 1);
	countdown_put(c);
}

static void group_done(void *arg)
{
	struct group_test *t = arg;

	assert_null(reactor_self());
	t->done++;
}

static void group_test_wait(struct group_test *t)
{
	struct pollfd p = { .fd = t->control.fd, .events = POLLIN };

	while (!mailbox_drain(&t->control)) {
		if (!mailbox_prepare_sleep(&t->control))
			continue;
		assert_int_equal(poll(&p, 1, HANG_MS), 1);
		mailbox_awake(&t->control);
	}
}

static void test_group_call_reaches_all_then_is_done(void **state)
{
	struct reactor_params p = { .buffer_size = 1, .cpu = -1 };
	struct group_test t = { .g.n = GROUP };

	(void)state;
	assert_int_equal(mailbox_init(&t.control), 0);
	t.g.control = &t.control;
	for (unsigned i = 0; i < GROUP; i++) {
		assert_int_equal(reactor_create(i, &p, &t.g.r[i]), 0);
		assert_int_equal(reactor_start(t.g.r[i]), 0);
	}
	assert_int_equal(reactor_group_call(&t.g, group_fn, group_done, &t), 0);
	group_test_wait(&t);
	assert_int_equal(t.done, 1);
	assert_int_equal(atomic_load(&t.calls), GROUP);
	assert_false(atomic_load(&t.wrong_thread));
	for (unsigned i = 0; i < GROUP; i++) {
		reactor_stop(t.g.r[i]);
		reactor_destroy(t.g.r[i]);
	}
	mailbox_destroy(&t.control);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_runs_mail_sources_stages_timers),
		TEST(test_self_is_set_within_a_round_only),
		TEST(test_deferred_twice_runs_once),
		TEST(test_deferred_by_a_stage_waits_for_its_next_turn),
		TEST(test_timers_run_in_order_of_time),
		TEST(test_timer_started_again_moves),
		TEST(test_timer_restarting_itself_runs_once_a_round),
		TEST(test_source_may_delete_itself_and_the_next),
		TEST(test_message_wakes_the_thread),
		TEST(test_mail_before_start_and_before_stop_is_run),
		TEST(test_timer_ends_a_sleep),
		TEST(test_armed_source_wakes_the_thread),
		TEST(test_idle_thread_sleeps_until_mail),
		TEST(test_source_may_delete_itself_while_armed),
		cmocka_unit_test_setup_teardown(test_budget_of_minus_one_never_sleeps,
						setup_polling, teardown),
		cmocka_unit_test_setup_teardown(test_busy_source_is_polled_within_the_budget,
						setup_long_budget, teardown),
		cmocka_unit_test_setup_teardown(test_source_without_work_in_flight_is_not_polled,
						setup_long_budget, teardown),
		cmocka_unit_test(test_group_call_reaches_all_then_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
