/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections we open. There is one thread (see verbs_priv.h), so both halves of
 * the connection may be touched here. It begins with steps of its own, then lives
 * like one that was accepted, but that connected() stands for live() and, when it
 * fails, for closed():
 *
 *   RESOLVING   address, then route; the QP is made when both are known
 *   ATTACHING   as for accept()
 *   ACCEPTED    rdma_connect(); ESTABLISHED: live. Until then every failure goes
 *               through verbs_connect_fail(), and the QP down the same road as others.
 */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS 1000000ull
#define REQUEST_MAX 56u        /* private data: what the CM leaves of a request */
#define REQUEST_MAX_IB 92u     /* IBTA 12.6.5: nothing is taken from it */
#define REJ_BY_CONSUMER 28     /* IBTA 12.6.7.2: the reason is in the private data */
/*
 * The kernel looks for the neighbour when it is asked and when the time is up; what
 * it learns in between it may miss. So it gets little time, again and again.
 */
#define ADDRESS_MS 1000u

/* ---- end of the attempt ---- */

void verbs_connect_failed(struct verbs_conn *c)
{
	int status = c->failure ? c->failure : -ECONNRESET;

	c->base.t->up->connected(&c->base, status, c->pd, c->reply_len);
}

void verbs_connect_fail(struct verbs_conn *c, int status, const char *why)
{
	struct verbs_id *id = c->id;

	if (c->failure)
		return;
	c->failure = status;
	id->said_goodbye = true; /* of a connection that never was nobody says one */
	if (id->state == ID_RESOLVING) {
		verbs_connect_failed(c);
		verbs_id_drop(id);
	} else {
		reactor_timer_stop(&c->timer);
		verbs_id_down(id, why);
	}
}

void verbs_connect_done(struct verbs_conn *c)
{
	const struct transport_upcalls *up = c->base.t->up;

	reactor_timer_stop(&c->timer);
	c->run.fn = verbs_conn_run;
	up->connected(&c->base, 0, c->pd, c->reply_len);
	while (!list_empty(&c->early)) {
		struct rx *rx = list_first(&c->early, struct rx, link);

		list_del(&rx->link);
		up->recv(&c->base, rx);
	}
}

static void connect_timed_out(struct reactor_timer *t)
{
	verbs_connect_fail(container_of(t, struct verbs_conn, timer), -ETIMEDOUT,
			   "handshake timed out");
}

/* Stands for verbs_conn_run() until it is live: there may be no QP and no poller. */
static void connect_run(struct reactor_deferred *d)
{
	struct verbs_conn *c = container_of(d, struct verbs_conn, run);

	if (c->state > CONN_LIVE)
		verbs_conn_wind_up(c);
	else if (c->want_close)
		verbs_connect_fail(c, -ECANCELED, "cancelled");
}

/* ---- events ---- */

static void reply_keep(struct verbs_conn *c, const struct rdma_cm_event *ev, const uint8_t *pd)
{
	c->reply_len = ev->param.conn.private_data_len;
	memcpy(c->pd, pd, c->reply_len);
}

static int address_ask(struct verbs_conn *c, const struct sockaddr_storage *to)
{
	struct sockaddr_storage sa = *to;

	return rdma_resolve_addr(c->id->cm, NULL, (struct sockaddr *)&sa,
				 (int)min_u32(c->timeout_ms, ADDRESS_MS)) ? -errno : 0;
}

/* connect_timed_out() ends it when all of the time is up. */
static void address_missing(struct verbs_conn *c, const struct rdma_cm_event *ev,
			    const uint8_t *pd)
{
	int rc = ev->status < 0 ? ev->status : -EHOSTUNREACH;

	(void)pd;
	if (rc == -ETIMEDOUT)
		rc = address_ask(c, &c->id->cm->route.addr.dst_storage);
	if (rc)
		verbs_connect_fail(c, rc, "address is not reachable");
}

static void address_resolved(struct verbs_conn *c, const struct rdma_cm_event *ev,
			     const uint8_t *pd)
{
	(void)ev;
	(void)pd;
	if (rdma_resolve_route(c->id->cm, (int)c->timeout_ms))
		verbs_connect_fail(c, -errno, "no route");
}

static void route_resolved(struct verbs_conn *c, const struct rdma_cm_event *ev,
			   const uint8_t *pd)
{
	int rc;

	(void)ev;
	(void)pd;
	if (c->id->state != ID_RESOLVING)
		return;
	verbs_id_describe(c->id);
	rc = verbs_id_equip(c->id, c->base.reactor);
	if (rc)
		verbs_connect_fail(c, rc, "no resources");
	else
		verbs_id_attach(c->id);
}

static void established(struct verbs_conn *c, const struct rdma_cm_event *ev, const uint8_t *pd)
{
	if (c->id->state != ID_ACCEPTED || c->failure || c->want_close)
		return;
	reply_keep(c, ev, pd);
	verbs_rnr_timer_set(c);
	verbs_conn_live(c);
}

/*
 * The field has a fixed length on InfiniBand: without a word of the peer it is all
 * zero. The CM rejects on its own when nobody listens; iWARP has errnos only.
 */
static void rejected(struct verbs_conn *c, const struct rdma_cm_event *ev, const uint8_t *pd)
{
	static const uint8_t silence[VERBS_PD_MAX];

	if (c->failure)
		return;
	log_debug("%s: rejected, reason %d of the connection manager", c->base.info.peer,
		  ev->status);
	if ((ev->status == REJ_BY_CONSUMER || ev->status < 0) &&
	    memcmp(pd, silence, ev->param.conn.private_data_len))
		reply_keep(c, ev, pd);
	verbs_connect_fail(c, -ECONNREFUSED, "rejected");
}

static const struct {
	void (*fn)(struct verbs_conn *c, const struct rdma_cm_event *ev, const uint8_t *pd);
	int status; /* without fn: if the event has none */
	const char *why;
} event_table[] = {
	[RDMA_CM_EVENT_ADDR_RESOLVED] = { address_resolved, 0, NULL },
	[RDMA_CM_EVENT_ADDR_ERROR] = { address_missing, 0, NULL },
	[RDMA_CM_EVENT_ROUTE_RESOLVED] = { route_resolved, 0, NULL },
	[RDMA_CM_EVENT_ROUTE_ERROR] = { NULL, -EHOSTUNREACH, "no route" },
	[RDMA_CM_EVENT_CONNECT_ERROR] = { NULL, -EPROTO, "connection handshake failed" },
	[RDMA_CM_EVENT_UNREACHABLE] = { NULL, -EHOSTUNREACH, "peer does not answer" },
	[RDMA_CM_EVENT_REJECTED] = { rejected, 0, NULL },
	[RDMA_CM_EVENT_ESTABLISHED] = { established, 0, NULL },
	[RDMA_CM_EVENT_DISCONNECTED] = { NULL, -ECONNRESET, "peer disconnected" },
};

void verbs_connect_event(struct verbs_conn *c, const struct rdma_cm_event *ev, const uint8_t *pd)
{
	unsigned e = (unsigned)ev->event;

	if (e >= ARRAY_SIZE(event_table))
		return;
	if (event_table[e].fn)
		event_table[e].fn(c, ev, pd);
	else if (event_table[e].why)
		verbs_connect_fail(c, ev->status < 0 ? ev->status : event_table[e].status,
				   event_table[e].why);
}

/* ---- begin ---- */

/*
 * The peer reads our memory, so it is told how many reads we serve at once; we
 * never read its memory.
 */
int verbs_connect_start(struct verbs_conn *c)
{
	uint32_t max = (uint32_t)c->id->dev->attr.max_qp_rd_atom;
	struct rdma_conn_param cp = {
		.private_data = c->pd,
		.private_data_len = c->pd_len,
		.responder_resources = (uint8_t)min_u32(c->serves, max),
		.initiator_depth = 0,
		.flow_control = 1,
		.retry_count = 7,
		.rnr_retry_count = 7,
		.srq = c->p->srq != NULL,
	};
	int rc = rdma_connect(c->id->cm, &cp) ? -errno : 0;

	if (rc)
		c->failure = rc;
	return rc;
}

static int params_check(struct transport *t, struct reactor *r, const struct connect_params *p)
{
	int family = p->addr->sa_family;
	uint8_t max = family == AF_IB ? REQUEST_MAX_IB : REQUEST_MAX;

	if (t->loop || r != t->group->r[0])
		return -EOPNOTSUPP;
	if (family != AF_INET && family != AF_INET6 && family != AF_IB)
		return -EAFNOSUPPORT;
	if (p->addr_len > sizeof(struct sockaddr_storage) || p->private_len > max ||
	    !p->recv_depth || !p->timeout_ms || !p->max_rd_atomic)
		return -EINVAL;
	return 0;
}

static void conn_fill(struct verbs_conn *c, struct reactor *r, const struct connect_params *p)
{
	c->base.reactor = r;
	c->base.context = p->context;
	c->outgoing = true;
	c->run.fn = connect_run;
	c->timer.fn = connect_timed_out;
	c->depth = p->recv_depth;
	c->max_xfers = p->max_xfers;
	c->serves = p->max_rd_atomic;
	c->timeout_ms = p->timeout_ms < INT32_MAX ? p->timeout_ms : INT32_MAX;
	if (p->private_len)
		memcpy(c->pd, p->private_data, p->private_len);
	c->pd_len = p->private_len;
	verbs_addr_text(p->addr, false, c->base.info.peer, sizeof(c->base.info.peer));
}

/* The first step; on failure everything is as before. */
static int resolve(struct verbs_id *id, const struct connect_params *p)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	bool ib = p->addr->sa_family == AF_IB;
	int rc;

	if (ib)
		verbs_ib_peer((const struct ib_portal *)(const void *)p->addr, &sa);
	else
		memcpy(&sa, p->addr, p->addr_len);
	if (rdma_create_id(id->v->ec, &id->cm, id, ib ? RDMA_PS_IB : RDMA_PS_TCP)) {
		rc = -errno;
		id->cm = NULL;
		return rc;
	}
	return address_ask(id->conn, &sa);
}

static int connect_begin(struct verbs *v, struct reactor *r, const struct connect_params *p,
			 struct conn **out)
{
	struct verbs_id *id = verbs_id_new(v, ID_RESOLVING);
	int rc;

	if (!id)
		return -ENOMEM;
	conn_fill(id->conn, r, p);
	rc = resolve(id, p);
	if (rc) {
		verbs_id_drop(id);
		return rc;
	}
	/* The clock of the reactor may stand since its last round. */
	reactor_timer_start(r, &id->conn->timer, id->conn->timeout_ms * NS_PER_MS +
			    (clock_now_ns() - r->now_ns));
	*out = &id->conn->base;
	return 0;
}

int verbs_connect(struct transport *t, struct reactor *r, const struct connect_params *p,
		  struct conn **out, char *err, size_t errlen)
{
	int rc = params_check(t, r, p);

	if (!rc) {
		rc = verbs_channel_open(verbs_of(t));
		if (rc) {
			verbs_channel_explain(rc, err, errlen);
			return rc;
		}
		rc = connect_begin(verbs_of(t), r, p, out);
	}
	if (!rc)
		return 0;
	snprintf(err, errlen, "%s", rc == -ENODEV ? "no RDMA device leads there" : strerror(-rc));
	return rc;
}
