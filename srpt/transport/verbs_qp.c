/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hot path: completions in, chains of work requests out. Reactor thread. */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

#define EVENTS_PER_ACK 64u /* acknowledging takes a mutex */

static struct log_limit qp_limit;

/* ---- receives ---- */

static int recv_chain_post(struct verbs_poller *p, struct verbs_conn *c)
{
	struct ibv_recv_wr *bad;

	return p->srq ? ibv_post_srq_recv(p->srq, p->rwr, &bad) :
			ibv_post_recv(c->qp, p->rwr, &bad);
}

/* Move up to a batch of @q into the chain of the poller. */
static void recv_chain_build(struct verbs_poller *p, struct verbs_rxq *q)
{
	unsigned n = 0;

	while (q->first && n < VERBS_POLL_BATCH) {
		struct verbs_rx *rx = q->first;

		q->first = rx->next;
		p->rsge[n].addr = (uintptr_t)rx->rx.data;
		p->rsge[n].lkey = rx->lkey;
		p->rwr[n].wr_id = (uintptr_t)rx;
		p->rwr[n].next = &p->rwr[n + 1];
		n++;
	}
	p->rwr[n - 1].next = NULL;
}

int verbs_recv_post(struct verbs_poller *p, struct verbs_conn *c, struct verbs_rxq *q)
{
	int rc;

	while (q->first) {
		recv_chain_build(p, q);
		rc = recv_chain_post(p, c);
		if (rc) {
			log_warn_limited(&qp_limit, "%s: posting receives: %s", p->dev->name,
					 strerror(rc));
			return -rc;
		}
	}
	return 0;
}

void verbs_poller_refill(struct reactor_deferred *d)
{
	struct verbs_poller *p = container_of(d, struct verbs_poller, refill);

	if (p->srq && p->repost.first)
		verbs_recv_post(p, NULL, &p->repost);
}

static void srq_return(struct verbs_poller *p, struct verbs_rx *rx)
{
	verbs_rxq_add(&p->repost, rx);
	reactor_defer(p->reactor, &p->refill);
}

void verbs_rx_put(struct conn *base, struct rx *r)
{
	struct verbs_conn *c = verbs_conn_of(base);
	struct verbs_rx *rx = container_of(r, struct verbs_rx, rx);

	c->rx_held--;
	if (c->p->srq)
		srq_return(c->p, rx);
	else if (c->state <= CONN_LIVE)
		verbs_rxq_add(&c->repost, rx);
	else
		rx->next = NULL;
	if (!c->p->srq || c->state == CONN_GONE)
		reactor_defer(base->reactor, &c->run);
}

static void recv_failed(struct verbs_poller *p, struct verbs_conn *c, struct verbs_rx *rx,
			const struct ibv_wc *wc)
{
	if (p->srq)
		srq_return(p, rx);
	if (c && wc->status != IBV_WC_SUCCESS && wc->status != IBV_WC_WR_FLUSH_ERR)
		log_warn_limited(&qp_limit, "%s: receive: %s", c->base.info.peer,
				 ibv_wc_status_str(wc->status));
	if (c && wc->status != IBV_WC_SUCCESS)
		verbs_conn_die(c, "receive failed");
}

/*
 * Before the handshake is known to be over. A message proves that the peer has our
 * reply: ESTABLISHED may come later. What we wait for to learn the peer's reply is
 * ESTABLISHED: then the message has to wait, and true is returned.
 */
static __attribute__((noinline)) bool recv_early(struct verbs_conn *c, struct verbs_rx *rx,
						 uint32_t len)
{
	if (!c->outgoing) {
		verbs_conn_live(c);
		return false;
	}
	rx->rx.len = len;
	c->rx_held++;
	list_add_tail(&c->early, &rx->rx.link);
	return true;
}

static void recv_done(struct verbs_poller *p, const struct ibv_wc *wc)
{
	struct verbs_rx *rx = (struct verbs_rx *)(uintptr_t)wc->wr_id;
	struct verbs_conn *c = verbs_conn_find(p, wc->qp_num);

	if (wc->status != IBV_WC_SUCCESS || !c || c->state > CONN_LIVE) {
		recv_failed(p, c, rx, wc);
		return;
	}
	if (c->state == CONN_ATTACHED && recv_early(c, rx, wc->byte_len))
		return;
	rx->rx.len = wc->byte_len;
	c->rx_held++;
	p->up->recv(&c->base, &rx->rx);
}

/* ---- send queue ---- */

void verbs_xfer_end(struct verbs_conn *c, struct xfer *x, int status)
{
	const struct transport_upcalls *up = c->p->up;

	x->status = status;
	if (x->kind == VERBS_PULL)
		up->pulled(x, status);
	else
		up->sent(x, status);
}

static void send_failed(struct verbs_conn *c, const struct ibv_wc *wc)
{
	if (c->state <= CONN_LIVE && wc->status != IBV_WC_WR_FLUSH_ERR)
		log_warn_limited(&qp_limit, "%s: %s: %s", c->base.info.peer,
				 wc->wr_id & VERBS_WR_READ ? "RDMA READ" : "RDMA WRITE or SEND",
				 ibv_wc_status_str(wc->status));
	verbs_conn_die(c, "send failed");
}

static void send_done(struct verbs_poller *p, const struct ibv_wc *wc)
{
	struct verbs_conn *c = verbs_conn_find(p, wc->qp_num);
	struct xfer *x;
	uint32_t used;
	int status = 0;

	if (!c)
		return;
	if (wc->status != IBV_WC_SUCCESS) {
		status = -ECONNRESET;
		send_failed(c, wc);
	}
	used = verbs_sq_used(&c->sq);
	verbs_sq_complete(&c->sq, wc->wr_id);
	p->wrs_out -= used - verbs_sq_used(&c->sq);
	while ((x = verbs_sq_pop(&c->sq)))
		verbs_xfer_end(c, x, status);
	if (wc->wr_id & VERBS_WR_MARKER)
		verbs_conn_marker_done(c);
	else if (verbs_sq_waiting(&c->sq))
		reactor_defer(c->base.reactor, &c->run);
}

static void conn_post(struct verbs_conn *c)
{
	struct verbs_poller *p = c->p;
	struct ibv_send_wr *bad;
	int n, rc;

	do {
		n = verbs_sq_build(&c->sq, &p->chain, &p->keys);
		p->wrs_out += p->chain.n;
		if (n > 0) {
			rc = ibv_post_send(c->qp, p->chain.wr, &bad);
			n = rc ? -rc : n;
		}
		verbs_chain_reset(&p->chain);
	} while (n == VERBS_CHAIN_MAX);
	if (n < 0) {
		log_warn_limited(&qp_limit, "%s: posting work requests: %s", c->base.info.peer,
				 strerror(-n));
		verbs_conn_die(c, "send queue failed");
	}
}

/*
 * End of a round. Receives go first: a response gives the peer the credit to
 * send what will land in them.
 */
void verbs_conn_run(struct reactor_deferred *d)
{
	struct verbs_conn *c = container_of(d, struct verbs_conn, run);
	struct verbs_poller *p = c->p;

	if (c->want_close)
		verbs_conn_die(c, c->outgoing ? "closed by us" : "closed by the target");
	if (c->state > CONN_LIVE) {
		verbs_conn_wind_up(c);
		return;
	}
	if (p->srq)
		verbs_poller_refill(&p->refill);
	else if (verbs_recv_post(p, c, &c->repost))
		verbs_conn_die(c, "no receives");
	if (c->state <= CONN_LIVE && verbs_sq_waiting(&c->sq))
		conn_post(c);
}

void verbs_pull(struct conn *base, struct xfer *x)
{
	struct verbs_conn *c = verbs_conn_of(base);

	x->conn = base;
	verbs_sq_add(&c->sq, x, VERBS_PULL);
	reactor_defer(base->reactor, &c->run);
}

void verbs_push(struct conn *base, struct xfer *x)
{
	struct verbs_conn *c = verbs_conn_of(base);

	x->conn = base;
	verbs_sq_add(&c->sq, x, VERBS_PUSH);
	reactor_defer(base->reactor, &c->run);
}

void verbs_disconnect(struct conn *base)
{
	struct verbs_conn *c = verbs_conn_of(base);

	c->want_close = true;
	reactor_defer(base->reactor, &c->run);
}

/* ---- completion queue ---- */

int verbs_poll(struct reactor_source *s)
{
	struct verbs_poller *p = container_of(s, struct verbs_poller, source);
	struct ibv_wc wc[VERBS_POLL_BATCH];
	int n = ibv_poll_cq(p->cq, VERBS_POLL_BATCH, wc);

	if (n < 0) {
		log_warn_limited(&qp_limit, "%s: polling the completion queue failed",
				 p->dev->name);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		if (i + 1 < n && !(wc[i + 1].wr_id & VERBS_WR_SEND))
			__builtin_prefetch((void *)(uintptr_t)wc[i + 1].wr_id);
		if (wc[i].wr_id & VERBS_WR_SEND)
			send_done(p, &wc[i]);
		else
			recv_done(p, &wc[i]);
	}
	return n;
}

/*
 * Once armed, the queue stays so until its event is read: arming is a system
 * call on soft devices. What completed before arming raises no event.
 */
bool verbs_arm(struct reactor_source *s)
{
	struct verbs_poller *p = container_of(s, struct verbs_poller, source);

	if (p->armed)
		return false;
	p->armed = true;
	/* A device that went away: its connections end by the RDMA CM's event. */
	if (ibv_req_notify_cq(p->cq, 0))
		return false;
	return verbs_poll(s) > 0;
}

/* An arming raises at most one event; another would wake us again. */
void verbs_wake(struct reactor_source *s)
{
	struct verbs_poller *p = container_of(s, struct verbs_poller, source);
	struct ibv_cq *cq;
	void *ctx;

	if (ibv_get_cq_event(p->channel, &cq, &ctx))
		return;
	p->armed = false;
	if (++p->unacked == EVENTS_PER_ACK) {
		ibv_ack_cq_events(p->cq, p->unacked);
		p->unacked = 0;
	}
}

bool verbs_busy(struct reactor_source *s)
{
	return container_of(s, struct verbs_poller, source)->wrs_out > 0;
}
