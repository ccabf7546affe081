/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a connection on its reactor. See verbs.c for the whole story. */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1000000ull
#define FLUSH_TIMEOUT_NS (500 * NS_PER_MS) /* for devices that do not flush late entries */
#define LINGER_STEP_NS (2 * NS_PER_MS)     /* for the last receive of a shared queue */
#define LINGER_STEPS 10

struct verbs_conn *verbs_conn_find(struct verbs_poller *p, uint32_t qpn)
{
	struct verbs_conn *c = p->qps[qpn & (VERBS_QP_BUCKETS - 1)];

	while (c && c->qpn != qpn)
		c = c->next;
	return c;
}

static void conn_insert(struct verbs_poller *p, struct verbs_conn *c)
{
	struct verbs_conn **bucket = &p->qps[c->qpn & (VERBS_QP_BUCKETS - 1)];

	c->next = *bucket;
	*bucket = c;
	p->conns++;
}

static void conn_remove(struct verbs_poller *p, struct verbs_conn *c)
{
	struct verbs_conn **at = &p->qps[c->qpn & (VERBS_QP_BUCKETS - 1)];

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

static void control_post(struct verbs_conn *c, struct msg *m, msg_fn fn)
{
	m->fn = fn;
	mailbox_post(c->base.t->group->control, m);
}

/* ---- attach ---- */

/* Are the keys of all regions known? Else ask the control thread to register them. */
static bool keys_current(struct verbs_poller *p, struct verbs_conn *c)
{
	struct reactor *r = p->reactor;

	if (p->started && p->keys_gen == r->regions_gen)
		return true;
	if (c->registered && c->regions_gen == r->regions_gen) {
		p->keys = c->keys;
		p->keys_gen = c->regions_gen;
		return true;
	}
	memcpy(c->regions, r->regions, sizeof(c->regions));
	c->regions_gen = r->regions_gen;
	control_post(c, &c->life, verbs_id_register);
	return false;
}

static void poller_start(struct verbs_poller *p)
{
	p->started = true;
	reactor_source_add(p->reactor, &p->source);
}

/* Make the arena known; the receives of a shared queue are posted at once. */
static void arena_add(struct verbs_poller *p, struct verbs_arena *a)
{
	a->region = reactor_region_add(p->reactor, a->mem, a->len);
	for (uint32_t i = 0; i < a->n; i++) {
		a->rx[i].rx.region = a->region < 0 ? IOBUF_UNREGISTERED : (uint16_t)a->region;
		if (p->srq)
			verbs_rxq_add(&p->repost, &a->rx[i]);
	}
	if (a->region >= 0) {
		p->keys.lkey[a->region] = a->mr->lkey;
		p->keys.known |= 1u << a->region;
		p->keys_gen = p->reactor->regions_gen;
	}
	if (p->srq)
		verbs_recv_post(p, NULL, &p->repost);
}

void verbs_conn_attach(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, life);
	struct verbs_poller *p = c->p;
	struct verbs_arena *a;

	if (!c->register_failed && !keys_current(p, c))
		return;
	if (!p->started)
		poller_start(p);
	for (a = atomic_exchange(&p->fresh, NULL); a; a = a->fresh)
		arena_add(p, a);
	conn_insert(p, c);
	if (c->block) {
		for (uint32_t i = 0; i < c->block->n; i++)
			verbs_rxq_add(&c->repost, &c->block->rx[i]);
		verbs_recv_post(p, c, &c->repost);
	}
	control_post(c, &c->life, verbs_id_attached);
}

/* ---- live ---- */

void verbs_conn_live(struct verbs_conn *c)
{
	c->state = CONN_LIVE;
	c->went_live = true;
	if (c->outgoing)
		verbs_connect_done(c);
	else
		c->p->up->live(&c->base);
}

void verbs_conn_established(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, live);

	if (c->state == CONN_ATTACHED)
		verbs_conn_live(c);
}

/* ---- death ---- */

static void early_drop(struct verbs_conn *c)
{
	while (!list_empty(&c->early)) {
		struct rx *rx = list_first(&c->early, struct rx, link);

		list_del(&rx->link);
		verbs_rx_put(&c->base, rx);
	}
}

static void conn_dying(struct verbs_conn *c, const char *why)
{
	c->state = CONN_DYING;
	early_drop(c);
	if (c->went_live)
		c->p->up->dying(&c->base, why);
	reactor_defer(c->base.reactor, &c->run);
}

/*
 * First sign of death on this side: the control thread fails the QP. Of a connection
 * that is being opened the CM says more: it does so by an event, or time is up.
 */
void verbs_conn_die(struct verbs_conn *c, const char *why)
{
	if (c->state >= CONN_DYING || (c->outgoing && c->state == CONN_ATTACHED))
		return;
	conn_dying(c, why);
	control_post(c, &c->disc, verbs_id_disconnect);
}

static void conn_drained(struct verbs_conn *c)
{
	if (c->state != CONN_FLUSHING)
		return;
	reactor_timer_stop(&c->timer);
	c->state = CONN_DRAINED;
	control_post(c, &c->life, verbs_id_drained);
}

static void flush_timed_out(struct reactor_timer *t)
{
	conn_drained(container_of(t, struct verbs_conn, timer));
}

/*
 * A receive of the shared queue that the QP had begun completes after the
 * marker; the device then says so (IBTA: Last WQE Reached). Soft devices never
 * do, so the wait is short.
 */
static void linger_step(struct reactor_timer *t)
{
	struct verbs_conn *c = container_of(t, struct verbs_conn, timer);

	if (atomic_load(&c->last_wqe) || ++c->linger > LINGER_STEPS)
		conn_drained(c);
	else
		reactor_timer_start(c->base.reactor, t, LINGER_STEP_NS);
}

void verbs_conn_marker_done(struct verbs_conn *c)
{
	if (!c->p->srq) {
		conn_drained(c);
		return;
	}
	c->timer.fn = linger_step;
	linger_step(&c->timer);
}

/* After its flush nothing else comes from the send queue: an empty write that never leaves. */
static int marker_post(struct verbs_conn *c)
{
	struct ibv_send_wr *bad, wr = {
		.wr_id = verbs_sq_marker(&c->sq),
		.opcode = IBV_WR_RDMA_WRITE,
		.send_flags = IBV_SEND_SIGNALED,
	};
	int rc = ibv_post_send(c->qp, &wr, &bad);

	if (rc)
		return rc;
	verbs_sq_marked(&c->sq);
	c->p->wrs_out++;
	return 0;
}

void verbs_conn_down(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, life);

	if (c->state < CONN_DYING)
		conn_dying(c, c->down_why);
	c->state = CONN_FLUSHING;
	c->timer.fn = flush_timed_out;
	reactor_timer_start(c->base.reactor, &c->timer, FLUSH_TIMEOUT_NS);
	if (marker_post(c))
		conn_drained(c);
}

/*
 * The QP is destroyed. What it left in the completion queue is there by now and
 * must be consumed while the number of the QP is still known.
 */
void verbs_conn_gone(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, life);
	struct verbs_poller *p = c->p;
	int left = p->cq->cqe, n;

	do {
		n = verbs_poll(&p->source);
		left -= n;
	} while (n > 0 && left > 0);
	p->wrs_out -= verbs_sq_used(&c->sq);
	c->sq.tail = c->sq.head;
	conn_remove(p, c);
	c->state = CONN_GONE;
	verbs_conn_wind_up(c);
}

static void poller_stopped(struct verbs_poller *p)
{
	struct verbs_device *dev = p->dev;

	if (p->started) {
		reactor_source_del(p->reactor, &p->source);
		for (struct verbs_arena *a = p->arenas; a; a = a->next)
			if (a->region >= 0)
				reactor_region_del(p->reactor, a->region);
	}
	list_del(&p->refill.link);
	if (p->stop_waited) {
		sem_post(&p->stopped);
		return;
	}
	p->msg.fn = verbs_device_poller_stopped;
	mailbox_post(dev->v->base.group->control, &p->msg);
}

void verbs_poller_stop(struct msg *m)
{
	struct verbs_poller *p = container_of(m, struct verbs_poller, msg);

	p->stopping = true;
	if (!p->conns)
		poller_stopped(p);
}

/* Nothing refers to the connection any more. */
static void conn_finish(struct verbs_conn *c)
{
	struct verbs_poller *p = c->p;

	list_del(&c->run.link);
	reactor_timer_stop(&c->timer);
	if (c->went_live)
		p->up->closed(&c->base, c->base.context);
	else if (c->outgoing)
		verbs_connect_failed(c);
	verbs_poller_release(c);
	free(c);
	if (!--p->conns && p->stopping)
		poller_stopped(p);
}

void verbs_conn_wind_up(struct verbs_conn *c)
{
	bool gone = c->state == CONN_GONE;
	struct xfer *x;

	while ((x = verbs_sq_take(&c->sq, gone)))
		verbs_xfer_end(c, x, -ECONNRESET);
	if (gone && !c->rx_held && verbs_sq_empty(&c->sq))
		conn_finish(c);
}
