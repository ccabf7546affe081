/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "threads_util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>

#define TIMEOUT_NS (60ull * 1000 * 1000 * 1000)

void threads_done(void *arg)
{
	((struct threads *)arg)->done = true;
}

void threads_pump(struct threads *t)
{
	struct pollfd p = { .fd = t->control.fd, .events = POLLIN };
	uint64_t end = clock_now_ns() + TIMEOUT_NS;

	while (!t->done) {
		mailbox_drain(&t->control);
		assert_true(clock_now_ns() < end);
		if (!t->done && mailbox_prepare_sleep(&t->control)) {
			poll(&p, 1, 100);
			mailbox_awake(&t->control);
		}
	}
	t->done = false;
}

static void created(void *arg, struct lu *lu, int status)
{
	struct threads *t = arg;

	assert_int_equal(status, 0);
	t->lu = lu;
	t->done = true;
}

void threads_open(struct threads *t, unsigned reactors, struct backend *be)
{
	const struct reactor_params rp = { .buffer_size = 16u << 20, .cpu = -1 };
	const struct lu_params lp = { .name = "threads", .serial = "1" };

	assert_true(reactors <= THREADS_MAX);
	assert_int_equal(mailbox_init(&t->control), 0);
	t->group.control = &t->control;
	for (unsigned i = 0; i < reactors; i++) {
		assert_int_equal(reactor_create(i, &rp, &t->group.r[i]), 0);
		assert_int_equal(reactor_start(t->group.r[i]), 0);
		t->group.n++;
	}
	t->device = scsi_device_create(&t->group);
	assert_int_equal(lu_create(t->device, &lp, be, created, t), 0);
	threads_pump(t);
}

void threads_close(struct threads *t)
{
	lu_destroy(t->lu, threads_done, t);
	threads_pump(t);
	for (unsigned i = 0; i < t->group.n; i++)
		reactor_stop(t->group.r[i]);
	mailbox_drain(&t->control);
	for (unsigned i = 0; i < t->group.n; i++) {
		assert_int_equal(t->group.r[i]->bufs.used, 0);
		reactor_destroy(t->group.r[i]);
	}
	scsi_device_destroy(t->device);
	mailbox_destroy(&t->control);
}

struct nexus *threads_nexus(struct threads *t, uint16_t rel_tgt_id, uint8_t number)
{
	const struct scsi_port port = { .rel_tgt_id = rel_tgt_id };
	const uint8_t id[16] = { number };
	struct lun_entry map = { 0, false, t->lu };
	struct nexus *n = nexus_create(t->device, &port, id, "threads");

	assert_non_null(n);
	assert_int_equal(nexus_set_map(n, &map, 1, threads_done, t), 0);
	threads_pump(t);
	return n;
}

/* ---- workers ---- */

void threads_worker_add(struct threads *t, struct threads_worker *w,
			int (*poll_fn)(struct reactor_source *s))
{
	unsigned i = 0;

	while (t->workers[i])
		i++;
	assert_true(i < t->group.n);
	w->source = (struct reactor_source){ .poll = poll_fn, .fd = -1 };
	w->r = t->group.r[i];
	w->random = 88172645463325252ull + i;
	t->workers[i] = w;
}

static void begin(struct reactor *r, void *arg, struct countdown *c)
{
	struct threads_worker *w = ((struct threads *)arg)->workers[r->id];

	w->idle = c;
	reactor_source_add(r, &w->source);
}

void threads_begin(struct threads *t)
{
	assert_int_equal(reactor_group_call(&t->group, begin, threads_done, t), 0);
}

void threads_idle(struct threads_worker *w)
{
	struct countdown *idle = w->idle;

	w->idle = NULL;
	countdown_put(idle);
}

static void end(struct reactor *r, void *arg, struct countdown *c)
{
	struct threads *t = arg;

	reactor_source_del(r, &t->workers[r->id]->source);
	countdown_put(c);
}

void threads_end(struct threads *t)
{
	assert_int_equal(reactor_group_call(&t->group, end, threads_done, t), 0);
	threads_pump(t);
}

static void nothing(struct reactor *r, void *arg, struct countdown *c)
{
	(void)r;
	(void)arg;
	countdown_put(c);
}

void threads_round(struct threads *t)
{
	assert_int_equal(reactor_group_call(&t->group, nothing, threads_done, t), 0);
}

unsigned threads_below(struct threads_worker *w, unsigned n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (unsigned)(w->random % n);
}
