/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the control thread waits for: descriptors and time. With a qb_loop it does;
 * without one the control thread is that of the group's first reactor, which does.
 */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <qb/qbdefs.h>
#include <qb/qbloop.h>
#include <string.h>
#include <sys/poll.h>

/* A reactor that never sleeps looks at a descriptor this often: it is a system call. */
#define LOOK_NS 10000000ull

static struct reactor *control_reactor(const struct verbs *v)
{
	return v->base.group->r[0];
}

/* ---- descriptors ---- */

static int32_t loop_ready(int32_t fd, int32_t revents, void *data)
{
	struct verbs_watch *w = data;

	(void)fd;
	(void)revents;
	w->ready(w);
	return 0;
}

/* ready() may end the watch and free it. */
static int source_poll(struct reactor_source *s)
{
	struct verbs_watch *w = container_of(s, struct verbs_watch, source);
	uint64_t now = control_reactor(w->v)->now_ns;

	if (!w->woken && now - w->looked_ns < LOOK_NS)
		return 0;
	w->woken = false;
	w->looked_ns = now;
	return w->ready(w);
}

static void source_wake(struct reactor_source *s)
{
	container_of(s, struct verbs_watch, source)->woken = true;
}

int verbs_watch_start(struct verbs *v, struct verbs_watch *w, int fd, verbs_watch_fn ready)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	*w = (struct verbs_watch){
		.source = { .poll = source_poll, .wake = source_wake, .fd = fd },
		.v = v, .ready = ready,
	};
	if (v->base.loop)
		return qb_loop_poll_add(v->base.loop, QB_LOOP_MED, fd, POLLIN, w, loop_ready);
	list_init(&w->source.link);
	reactor_source_add(control_reactor(v), &w->source);
	return 0;
}

void verbs_watch_stop(struct verbs_watch *w)
{
	if (w->v->base.loop)
		qb_loop_poll_del(w->v->base.loop, w->source.fd);
	else
		reactor_source_del(control_reactor(w->v), &w->source);
}

/* ---- time ---- */

static void timer_expired(void *data)
{
	struct verbs_timer *t = data;

	t->running = false;
	t->fn(t);
}

static void reactor_timer_expired(struct reactor_timer *rt)
{
	timer_expired(container_of(rt, struct verbs_timer, timer));
}

void verbs_timer_init(struct verbs_timer *t, struct verbs *v, void (*fn)(struct verbs_timer *t))
{
	*t = (struct verbs_timer){ .v = v, .fn = fn };
	t->timer.fn = reactor_timer_expired;
	list_init(&t->timer.link);
}

void verbs_timer_start(struct verbs_timer *t, uint64_t delay_ns)
{
	int rc = 0;

	if (t->running)
		return;
	if (t->v->base.loop)
		rc = qb_loop_timer_add(t->v->base.loop, QB_LOOP_LOW, delay_ns, t, timer_expired,
				       &t->handle);
	else
		reactor_timer_start(control_reactor(t->v), &t->timer, delay_ns);
	t->running = !rc;
	if (rc)
		log_err("no timer: %s", strerror(-rc));
}

void verbs_timer_stop(struct verbs_timer *t)
{
	if (!t->running)
		return;
	t->running = false;
	if (t->v->base.loop)
		qb_loop_timer_del(t->v->base.loop, t->handle);
	else
		reactor_timer_stop(&t->timer);
}
