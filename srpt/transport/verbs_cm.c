/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMA CM events and connections before they have and after they lost a QP. Control thread. */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_PER_WAKE 64
#define TICK_NS 1000000000ull
#define LINGER_TICKS 2u       /* for the peer's answer to our goodbye */
#define CM_RESPONSE_MAX 196u  /* private data of a reply */
#define CM_REJECT_MAX 148u
#define RNR_TIMER 12u         /* IBTA 9.7.5.2.8: 0.64 ms; the CM leaves it at 655 ms */

static struct log_limit cm_limit;

void verbs_id_free(struct verbs_id *id)
{
	list_del(&id->link);
	if (id->cm)
		rdma_destroy_id(id->cm);
	free(id);
}

/* ---- time ---- */

static bool id_tick(struct verbs_id *id)
{
	if (id->state == ID_LISTENER_DOWN)
		verbs_listener_retry(id);
	if (id->state == ID_LINGERING && !id->dev->dead && ++id->ticks > LINGER_TICKS) {
		verbs_id_free(id);
		return false;
	}
	return id->state == ID_LISTENER_DOWN || id->state == ID_LINGERING;
}

void verbs_tick(struct verbs_timer *t)
{
	struct verbs *v = t->v;
	struct verbs_id *id, *next;
	bool more = false;

	list_for_each_safe(id, next, &v->ids, link)
		if (id_tick(id))
			more = true;
	if (more)
		verbs_tick_start(v);
}

void verbs_tick_start(struct verbs *v)
{
	verbs_timer_start(&v->tick, TICK_NS);
}

/* ---- both halves ---- */

void verbs_id_describe(struct verbs_id *id)
{
	struct conn_info *info = &id->conn->base.info;
	struct rdma_cm_id *cm = id->cm;

	snprintf(info->device, sizeof(info->device), "%.48s/%u",
		 ibv_get_device_name(cm->verbs->device), cm->port_num);
	if (rdma_get_local_addr(cm)->sa_family == AF_IB) {
		verbs_ib_describe(id);
		return;
	}
	info->layout = LOGIN_LAYOUT_RDMA_CM;
	verbs_addr_text(rdma_get_peer_addr(cm), false, info->peer, sizeof(info->peer));
	verbs_addr_text(rdma_get_local_addr(cm), true, info->local, sizeof(info->local));
}

static struct verbs_conn *conn_new(struct verbs *v, struct verbs_id *id)
{
	size_t size = (sizeof(struct verbs_conn) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	struct verbs_conn *c = aligned_alloc(CACHE_LINE, size);

	if (!c)
		return NULL;
	memset(c, 0, size);
	c->base.t = &v->base;
	c->id = id;
	c->run.fn = verbs_conn_run;
	c->run.stage = STAGE_TRANSPORT;
	list_init(&c->run.link);
	list_init(&c->timer.link);
	list_init(&c->early);
	return c;
}

struct verbs_id *verbs_id_new(struct verbs *v, enum verbs_id_state state)
{
	struct verbs_id *id = calloc(1, sizeof(*id));

	if (!id)
		return NULL;
	id->conn = conn_new(v, id);
	if (!id->conn) {
		free(id);
		return NULL;
	}
	id->v = v;
	id->state = state;
	list_add_tail(&v->ids, &id->link);
	return id;
}

void verbs_id_drop(struct verbs_id *id)
{
	list_del(&id->conn->run.link);
	reactor_timer_stop(&id->conn->timer);
	free(id->conn);
	verbs_id_free(id);
}

/* ---- requests ---- */

static void request_received(struct verbs *v, struct verbs_id *listener,
			     const struct rdma_cm_event *ev, const uint8_t *pd)
{
	struct verbs_id *id = verbs_id_new(v, ID_REQUESTED);

	if (!id) {
		rdma_reject(ev->id, NULL, 0);
		rdma_destroy_id(ev->id);
		return;
	}
	id->cm = ev->id;
	id->cm->context = id;
	verbs_device_see(v, id->cm); /* also if nobody is let in */
	verbs_id_describe(id);
	id->conn->base.info.max_rd_atomic = ev->param.conn.initiator_depth;
	v->base.up->request(&id->conn->base, &id->conn->base.info, pd,
			    ev->param.conn.private_data_len, listener->listener.ctx);
}

void verbs_reject(struct conn *base, const void *pd, uint8_t len)
{
	struct verbs_id *id = verbs_conn_of(base)->id;

	rdma_reject(id->cm, pd, len < CM_REJECT_MAX ? len : CM_REJECT_MAX);
	verbs_id_drop(id);
}

/* ---- accept ---- */

static uint32_t send_queue_size(struct verbs_id *id, uint32_t max_xfers)
{
	uint64_t want = (uint64_t)max_xfers * 4 + 2 * VERBS_MAX_READS;

	want = min_u64(want, id->v->base.params.sq_size);
	want = min_u64(want, (uint32_t)id->dev->attr.max_qp_wr - 1);
	return want > VERBS_MAX_READS ? (uint32_t)want : VERBS_MAX_READS;
}

/* Also remembers the LID that goes with the connection. */
static uint32_t max_message(struct verbs_id *id)
{
	struct ibv_port_attr attr;

	if (ibv_query_port(id->cm->verbs, id->cm->port_num, &attr))
		return 1u << 20;
	id->lid = attr.lid;
	if (!attr.max_msg_sz)
		return 1u << 20;
	return attr.max_msg_sz < 1u << 31 ? attr.max_msg_sz : 1u << 31;
}

/* @inl: bytes carried in a work request; what came out is in attr.cap. */
static int qp_create_inline(struct verbs_conn *c, uint32_t sq_cap, struct ibv_qp_init_attr *attr,
			    uint32_t inl)
{
	*attr = (struct ibv_qp_init_attr){
		.qp_context = c,
		.send_cq = c->p->cq,
		.recv_cq = c->p->cq,
		.srq = c->p->srq,
		.cap = {
			.max_send_wr = sq_cap + 1, /* and the marker */
			.max_recv_wr = c->p->srq ? 0 : c->depth,
			.max_send_sge = 1,
			.max_recv_sge = c->p->srq ? 0 : 1,
			.max_inline_data = inl,
		},
		.qp_type = IBV_QPT_RC,
	};
	return rdma_create_qp(c->id->cm, c->id->dev->pd, attr) ? -errno : 0;
}

static int qp_create(struct verbs_conn *c, uint32_t sq_cap)
{
	uint32_t reads = min_u32(c->base.info.max_rd_atomic, VERBS_MAX_READS);
	struct ibv_qp_init_attr attr;
	int rc = qp_create_inline(c, sq_cap, &attr, VERBS_INLINE);

	if (rc == -EINVAL)
		rc = qp_create_inline(c, sq_cap, &attr, 0);
	if (rc)
		return rc;
	reads = min_u32(reads, (uint32_t)c->id->dev->attr.max_qp_init_rd_atom);
	verbs_sq_init(&c->sq, sq_cap, reads, max_message(c->id), attr.cap.max_inline_data);
	c->sq.max_silent = c->id->dev->max_silent;
	c->qp = c->id->cm->qp;
	c->qpn = c->qp->qp_num;
	return 0;
}

static int resources_get(struct verbs_id *id, struct reactor *r)
{
	struct verbs_conn *c = id->conn;
	struct verbs_poller *poller = verbs_device_poller(id->dev, r);
	uint32_t sq_cap = send_queue_size(id, c->max_xfers);
	int rc;

	if (!poller)
		return -ENOMEM;
	rc = verbs_poller_admit(poller, c, sq_cap);
	if (rc)
		return rc;
	rc = qp_create(c, sq_cap);
	if (rc) {
		log_warn("%s: no queue pair of %u entries for %s: %s", id->dev->name, sq_cap,
			 c->base.info.peer, strerror(-rc));
		verbs_poller_release(c);
	}
	return rc;
}

int verbs_id_equip(struct verbs_id *id, struct reactor *r)
{
	int rc = verbs_device_get(id->v, id->cm, &id->dev);

	if (rc)
		return rc;
	rc = resources_get(id, r);
	if (!rc)
		return 0;
	verbs_device_put(id->dev);
	id->dev = NULL;
	return rc;
}

void verbs_id_attach(struct verbs_id *id)
{
	id->state = ID_ATTACHING;
	id->conn->life.fn = verbs_conn_attach;
	reactor_send(id->conn->base.reactor, &id->conn->life);
}

int verbs_accept(struct conn *base, const struct accept_params *p)
{
	struct verbs_conn *c = verbs_conn_of(base);
	struct verbs_id *id = c->id;
	int rc;

	if (id->state != ID_REQUESTED || p->private_len > CM_RESPONSE_MAX || !p->recv_depth)
		return -EINVAL;
	c->depth = p->recv_depth;
	c->max_xfers = p->max_xfers;
	rc = verbs_id_equip(id, p->reactor);
	if (rc)
		return rc;
	base->reactor = p->reactor;
	base->context = p->context;
	if (p->private_len)
		memcpy(c->pd, p->private_data, p->private_len);
	c->pd_len = p->private_len;
	verbs_id_attach(id);
	return 0;
}

/* The reactor met regions this device does not know yet. */
void verbs_id_register(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, life);

	verbs_poller_register(c->p, c);
	if (c->register_failed) {
		c->failure = -ENOMEM;
		c->id->doomed = "no memory registration";
	}
	c->life.fn = verbs_conn_attach;
	reactor_send(c->base.reactor, &c->life);
}

void verbs_rnr_timer_set(struct verbs_conn *c)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTS, .min_rnr_timer = RNR_TIMER };

	if (!c->id->dev->iwarp)
		ibv_modify_qp(c->qp, &attr, IBV_QP_STATE | IBV_QP_MIN_RNR_TIMER);
}

static int accept_start(struct verbs_conn *c)
{
	/*
	 * The peer takes initiator_depth as the number of RDMA READs it must serve;
	 * with 0 it serves none. We serve none.
	 */
	struct rdma_conn_param cp = {
		.private_data = c->pd,
		.private_data_len = c->pd_len,
		.responder_resources = 0,
		.initiator_depth = (uint8_t)c->sq.max_reads,
		.flow_control = 1,
		.rnr_retry_count = 7,
		.srq = c->p->srq != NULL,
	};

	if (rdma_accept(c->id->cm, &cp))
		return -errno;
	verbs_rnr_timer_set(c);
	return 0;
}

void verbs_id_attached(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, life);
	struct verbs_id *id = c->id;
	int rc = 0;

	id->state = ID_ACCEPTED;
	if (!id->doomed)
		rc = c->outgoing ? verbs_connect_start(c) : accept_start(c);
	if (rc) {
		log_warn("%s: %s: %s", c->base.info.peer, c->outgoing ? "connect" : "accept",
			 strerror(-rc));
		id->doomed = "handshake not begun";
	}
	if (id->doomed)
		verbs_id_down(id, id->doomed);
}

/* ---- end ---- */

/* rdma_disconnect() does it on InfiniBand and RoCE, if the CM is in the right state. */
static void qp_to_error(struct verbs_id *id)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	int rc = rdma_disconnect(id->cm);

	if (rc || id->dev->iwarp)
		ibv_modify_qp(id->conn->qp, &attr, IBV_QP_STATE);
}

void verbs_id_down(struct verbs_id *id, const char *why)
{
	if (id->state == ID_ATTACHING && !id->doomed)
		id->doomed = why;
	if (id->state != ID_ACCEPTED)
		return;
	id->state = ID_DOWN;
	qp_to_error(id);
	id->conn->down_why = why;
	id->conn->life.fn = verbs_conn_down;
	reactor_send(id->conn->base.reactor, &id->conn->life);
}

void verbs_id_disconnect(struct msg *m)
{
	verbs_id_down(container_of(m, struct verbs_conn, disc)->id, "closed");
}

/* The peer's answer to our goodbye lets the id go; without one the tick does. */
static void id_linger(struct verbs_id *id)
{
	struct verbs_device *dev = id->dev;

	id->state = ID_LINGERING;
	if (!dev->dead && id->said_goodbye)
		verbs_id_free(id);
	else
		verbs_tick_start(id->v);
	verbs_device_put(dev);
}

/*
 * Nothing is left in the queues. A connection SRP never saw live ends here for
 * SRP, before the reactor is told: no message about it can follow.
 */
void verbs_id_drained(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, life);
	struct verbs_id *id = c->id;

	rdma_destroy_qp(id->cm);
	if (!c->went_live && !c->outgoing)
		id->v->base.up->request_gone(&c->base, c->base.context);
	id->conn = NULL;
	c->id = NULL;
	c->life.fn = verbs_conn_gone;
	reactor_send(c->base.reactor, &c->life);
	id_linger(id);
}

/* ---- events ---- */

static void id_established(struct verbs_id *id)
{
	if (id->state != ID_ACCEPTED || id->conn->live.fn)
		return;
	id->conn->live.fn = verbs_conn_established;
	reactor_send(id->conn->base.reactor, &id->conn->live);
}

void verbs_id_ended(struct verbs_id *id, const char *why)
{
	switch (id->state) {
	case ID_REQUESTED:
		id->v->base.up->request_gone(&id->conn->base, NULL); /* no channel yet */
		verbs_id_drop(id);
		break;
	case ID_LINGERING:
		if (!id->dev->dead)
			verbs_id_free(id);
		break;
	default:
		id->said_goodbye = true;
		verbs_id_down(id, why);
	}
}

/* By us, and not there yet. */
static bool id_connecting(const struct verbs_id *id)
{
	return id->conn && id->conn->outgoing && !id->conn->went_live;
}

static const char *const end_reason[] = {
	[RDMA_CM_EVENT_CONNECT_ERROR] = "connection handshake failed",
	[RDMA_CM_EVENT_UNREACHABLE] = "peer does not answer",
	[RDMA_CM_EVENT_REJECTED] = "peer gave up",
	[RDMA_CM_EVENT_DISCONNECTED] = "peer disconnected",
	[RDMA_CM_EVENT_TIMEWAIT_EXIT] = "connection timed out",
};

/* @ev is acknowledged: its private data are at @pd, its ids are valid. */
static void event_handle(struct verbs *v, const struct rdma_cm_event *ev, const uint8_t *pd)
{
	struct verbs_id *id = ev->id->context;
	const char *why;

	if (ev->event == RDMA_CM_EVENT_CONNECT_REQUEST) {
		request_received(v, ev->listen_id->context, ev, pd);
	} else if (verbs_cm_device_event(id, ev->event)) {
		return;
	} else if (id_connecting(id)) {
		verbs_connect_event(id->conn, ev, pd);
	} else if (ev->event == RDMA_CM_EVENT_ESTABLISHED) {
		id_established(id);
	} else {
		why = (unsigned)ev->event < ARRAY_SIZE(end_reason) ? end_reason[ev->event] : NULL;
		if (why)
			verbs_id_ended(id, why);
		else
			log_info("%s (status %d)", rdma_event_str(ev->event), ev->status);
	}
}

/*
 * One event; false: none left. It is acknowledged before it is handled, because
 * rdma_destroy_id() waits for the acknowledgement of all events of the id.
 */
static bool event_next(struct verbs *v)
{
	struct rdma_cm_event *ev, copy;
	uint8_t pd[VERBS_PD_MAX];

	if (rdma_get_cm_event(v->ec, &ev)) {
		if (errno != EAGAIN && errno != EINTR)
			log_warn_limited(&cm_limit, "RDMA CM: %s", strerror(errno));
		return false;
	}
	copy = *ev;
	if (copy.param.conn.private_data)
		memcpy(pd, copy.param.conn.private_data, copy.param.conn.private_data_len);
	else
		copy.param.conn.private_data_len = 0;
	rdma_ack_cm_event(ev);
	event_handle(v, &copy, pd);
	return true;
}

int verbs_cm_ready(struct verbs_watch *w)
{
	int n = 0;

	while (n < EVENTS_PER_WAKE && event_next(w->v))
		n++;
	return n;
}
