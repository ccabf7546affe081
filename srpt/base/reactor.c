/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/reactor.h"

#include "base/bytes.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define WAKE_EVENTS 16
#define ROUNDS_PER_CLOCK 8u /* empty rounds between looks at the clock */

static _Thread_local struct reactor *current;

static uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_coarse_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC_COARSE);
}

struct reactor *reactor_self(void)
{
	return current;
}

/* @ptr NULL: the mailbox. */
static int epoll_watch(struct reactor *r, int fd, void *ptr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ptr };

	return epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void reactor_fields_init(struct reactor *r, unsigned id, const struct reactor_params *p)
{
	memset(r, 0, sizeof(*r));
	r->id = id;
	r->cpu = p->cpu;
	r->poll_budget_us = p->poll_budget_us;
	r->spin_ns = p->poll_budget_us > 0 ? (uint64_t)p->poll_budget_us * NS_PER_US : 0;
	r->inbox.fd = -1;
	r->epoll_fd = -1;
	list_init(&r->sources);
	list_init(&r->timers);
	for (int i = 0; i < STAGE_COUNT; i++)
		list_init(&r->deferred[i]);
	r->now_ns = clock_coarse_ns();
}

static int reactor_resources_get(struct reactor *r, size_t buffer_size)
{
	int rc = iobuf_pool_init(&r->bufs, buffer_size);

	if (rc)
		return rc;
	r->regions[IOBUF_REGION_SLAB] = r->bufs.slab;
	rc = mailbox_init(&r->inbox);
	if (rc)
		return rc;
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll_fd < 0)
		return -errno;
	return epoll_watch(r, r->inbox.fd, NULL);
}

int reactor_create(unsigned id, const struct reactor_params *p, struct reactor **out)
{
	size_t size = (sizeof(struct reactor) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	struct reactor *r = aligned_alloc(CACHE_LINE, size);
	int rc;

	if (!r)
		return -ENOMEM;
	reactor_fields_init(r, id, p);
	rc = reactor_resources_get(r, p->buffer_size);
	if (rc) {
		log_err("reactor %u with %zu bytes of buffers: %s", id, p->buffer_size,
			strerror(-rc));
		reactor_destroy(r);
		return rc;
	}
	*out = r;
	return 0;
}

void reactor_destroy(struct reactor *r)
{
	if (r->epoll_fd >= 0)
		close(r->epoll_fd);
	mailbox_destroy(&r->inbox);
	iobuf_pool_destroy(&r->bufs);
	free(r);
}

void reactor_send(struct reactor *r, struct msg *m)
{
	mailbox_post(&r->inbox, m);
}

void reactor_source_add(struct reactor *r, struct reactor_source *s)
{
	int rc;

	list_add_tail(&r->sources, &s->link);
	if (s->fd < 0)
		return;
	rc = epoll_watch(r, s->fd, s);
	if (rc)
		log_err("reactor %u cannot watch descriptor %d: %s", r->id, s->fd, strerror(-rc));
}

void reactor_source_del(struct reactor *r, struct reactor_source *s)
{
	if (r->next_source == &s->link)
		r->next_source = s->link.next;
	list_del(&s->link);
	if (s->fd >= 0)
		epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
}

void reactor_defer(struct reactor *r, struct reactor_deferred *d)
{
	if (list_empty(&d->link))
		list_add_tail(&r->deferred[d->stage], &d->link);
}

void reactor_timer_start(struct reactor *r, struct reactor_timer *t, uint64_t delay_ns)
{
	struct list_node *pos;

	list_del(&t->link);
	t->at_ns = r->now_ns + delay_ns;
	pos = r->timers.prev;
	while (pos != &r->timers && container_of(pos, struct reactor_timer, link)->at_ns > t->at_ns)
		pos = pos->prev;
	list_add_head(pos, &t->link);
}

void reactor_timer_stop(struct reactor_timer *t)
{
	list_del(&t->link);
}

static int region_set(struct reactor *r, struct iobuf_region g)
{
	for (int i = IOBUF_REGION_SLAB + 1; i < IOBUF_REGIONS; i++) {
		if (r->regions[i].base)
			continue;
		r->regions[i] = g;
		r->regions[i].serial = ++r->regions_gen;
		return i;
	}
	return -ENOSPC;
}

int reactor_region_add(struct reactor *r, uint8_t *base, size_t len)
{
	return region_set(r, (struct iobuf_region){ .base = base, .len = len });
}

int reactor_region_reserve(struct reactor *r, uint8_t *base)
{
	return region_set(r, (struct iobuf_region){ .base = base, .messages = true });
}

void reactor_region_open(struct reactor *r, int region, size_t len)
{
	r->regions[region].len = len;
	r->regions_gen++;
}

void reactor_region_del(struct reactor *r, int region)
{
	r->regions[region] = (struct iobuf_region){ .base = NULL };
	r->regions_gen++;
}

/* A source may delete itself or any other while it is polled. */
static int sources_poll(struct reactor *r)
{
	struct list_node *n;
	int work = 0;

	for (n = r->sources.next; n != &r->sources; n = r->next_source) {
		struct reactor_source *s = container_of(n, struct reactor_source, link);

		r->next_source = n->next;
		work += s->poll(s);
	}
	r->next_source = NULL;
	return work;
}

/* What is deferred to this stage meanwhile waits for the next round. */
static int stage_run(struct reactor *r, enum reactor_stage stage)
{
	struct list_node ready = LIST_INIT(ready);
	int work = 0;

	list_splice_tail(&ready, &r->deferred[stage]);
	while (!list_empty(&ready)) {
		struct reactor_deferred *d = list_first(&ready, struct reactor_deferred, link);

		list_del(&d->link);
		d->fn(d);
		work++;
	}
	return work;
}

/* What is started meanwhile waits for the next round: it may restart itself for ever. */
static int timers_run(struct reactor *r)
{
	struct list_node due = LIST_INIT(due);
	struct reactor_timer *t;
	int work = 0;

	while (!list_empty(&r->timers)) {
		t = list_first(&r->timers, struct reactor_timer, link);
		if (t->at_ns > r->now_ns)
			break;
		list_del(&t->link);
		list_add_tail(&due, &t->link);
	}
	while (!list_empty(&due)) {
		t = list_first(&due, struct reactor_timer, link);
		list_del(&t->link);
		t->fn(t);
		work++;
	}
	return work;
}

int reactor_round(struct reactor *r)
{
	struct reactor *outer = current;
	int messages, work;

	current = r;
	r->now_ns = clock_coarse_ns();
	messages = mailbox_drain(&r->inbox);
	work = messages + sources_poll(r);
	for (int i = 0; i < STAGE_COUNT; i++)
		work += stage_run(r, (enum reactor_stage)i);
	work += timers_run(r);
	counter_add(&r->stats.rounds, 1);
	if (messages)
		counter_add(&r->stats.messages, (uint64_t)messages);
	if (work) {
		counter_add(&r->stats.busy_rounds, 1);
		r->empty_rounds = 0;
	}
	current = outer;
	return work;
}

static bool sources_busy(struct reactor *r)
{
	struct reactor_source *s;

	list_for_each(s, &r->sources, link)
		if (s->busy && s->busy(s))
			return true;
	return false;
}

/* Looks at the clock in the first empty round, then now and then: it may be a system call. */
static bool spin_goes_on(struct reactor *r)
{
	uint64_t now;

	if (r->empty_rounds++ % ROUNDS_PER_CLOCK)
		return true;
	now = clock_now_ns();
	if (r->empty_rounds == 1)
		r->idle_since_ns = now;
	return now - r->idle_since_ns < r->spin_ns;
}

/* After a round without work: is it worth polling on? */
static bool keep_polling(struct reactor *r)
{
	if (r->poll_budget_us < 0)
		return true;
	for (int i = 0; i < STAGE_COUNT; i++)
		if (!list_empty(&r->deferred[i]))
			return true;
	return r->spin_ns && sources_busy(r) && spin_goes_on(r);
}

/* Milliseconds until the first timer, rounded up, but @most at most; -1: for ever. */
static int sleep_timeout_ms(struct reactor *r, int most)
{
	uint64_t limit = most < 0 ? INT_MAX : (uint64_t)most;
	struct reactor_timer *t;
	uint64_t now;

	if (list_empty(&r->timers))
		return most;
	t = list_first(&r->timers, struct reactor_timer, link);
	now = clock_coarse_ns();
	if (t->at_ns <= now)
		return 0;
	return (int)min_u64((t->at_ns - now + NS_PER_MS - 1) / NS_PER_MS, limit);
}

/* True when every source will wake us and none has events already. May poll: see sources_poll(). */
static bool sources_arm(struct reactor *r)
{
	struct list_node *n;
	bool missed = false;

	for (n = r->sources.next; n != &r->sources; n = r->next_source) {
		struct reactor_source *s = container_of(n, struct reactor_source, link);

		r->next_source = n->next;
		if (s->arm && s->arm(s))
			missed = true;
	}
	r->next_source = NULL;
	return !missed;
}

/* An earlier wake() may have deleted the source of a later event. */
static bool source_known(struct reactor *r, void *ptr)
{
	struct reactor_source *s;

	list_for_each(s, &r->sources, link)
		if (s == ptr)
			return true;
	return false;
}

static void sources_wake(struct reactor *r, struct epoll_event *ev, int n)
{
	for (int i = 0; i < n; i++) {
		struct reactor_source *s = ev[i].data.ptr;

		if (s && source_known(r, s) && s->wake)
			s->wake(s);
	}
}

/*
 * Polling pays when the wait would have been shorter than the budget: then
 * poll longer next time; when it was in vain, poll less, down to not at all.
 */
static void spin_adapt(struct reactor *r, uint64_t slept_ns)
{
	uint64_t budget = (uint64_t)r->poll_budget_us * NS_PER_US;

	if (slept_ns < budget)
		r->spin_ns = min_u64(budget, r->spin_ns ? r->spin_ns * 2 : budget / 8);
	else
		r->spin_ns /= 2;
}

static void reactor_sleep(struct reactor *r, int most_ms)
{
	struct epoll_event ev[WAKE_EVENTS];
	/* Without operations in flight the length of a sleep says nothing about polling. */
	bool adapts = r->poll_budget_us > 0 && sources_busy(r);
	uint64_t start = 0;
	int n;

	if (!mailbox_prepare_sleep(&r->inbox))
		return;
	if (!sources_arm(r)) {
		mailbox_awake(&r->inbox);
		return;
	}
	if (adapts)
		start = clock_now_ns();
	n = epoll_wait(r->epoll_fd, ev, WAKE_EVENTS, sleep_timeout_ms(r, most_ms));
	counter_add(&r->stats.sleeps, 1);
	mailbox_awake(&r->inbox);
	sources_wake(r, ev, n);
	if (adapts)
		spin_adapt(r, clock_now_ns() - start);
}

int reactor_turn(struct reactor *r, int timeout_ms)
{
	struct reactor *outer = current;
	int work;

	current = r;
	work = reactor_round(r);
	if (!work && timeout_ms && !keep_polling(r))
		reactor_sleep(r, timeout_ms);
	current = outer;
	return work;
}

static void thread_setup(struct reactor *r)
{
	char name[16];
	cpu_set_t set;
	int rc;

	snprintf(name, sizeof(name), "reactor%u", r->id);
	pthread_setname_np(pthread_self(), name);
	if (r->cpu < 0)
		return;
	CPU_ZERO(&set);
	if (r->cpu < CPU_SETSIZE)
		CPU_SET((size_t)r->cpu, &set);
	rc = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (rc)
		log_warn("reactor %u not pinned to CPU %d: %s", r->id, r->cpu, strerror(rc));
}

static void *reactor_thread(void *arg)
{
	struct reactor *r = arg;

	thread_setup(r);
	while (!r->stop)
		reactor_turn(r, -1);
	return NULL;
}

int reactor_start(struct reactor *r)
{
	int rc = thread_start(&r->thread, reactor_thread, r);

	if (rc) {
		log_err("reactor %u: no thread: %s", r->id, strerror(-rc));
		return rc;
	}
	r->running = true;
	return 0;
}

static void stop_received(struct msg *m)
{
	container_of(m, struct reactor, stop_msg)->stop = true;
}

void reactor_stop(struct reactor *r)
{
	if (!r->running)
		return;
	r->stop_msg.fn = stop_received;
	reactor_send(r, &r->stop_msg);
	pthread_join(r->thread, NULL);
	r->running = false;
	r->stop = false;
}
