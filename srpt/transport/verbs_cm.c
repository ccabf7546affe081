/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMA CM events and connections before they have and after they lost a QP. Control thread. */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <errno.h>
#include <qb/qbdefs.h>
#include <qb/qbloop.h>
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

static void tick(void *data)
{
	struct verbs *v = data;
	struct verbs_id *id, *next;
	bool more = false;

	v->ticking = false;
	list_for_each_safe(id, next, &v->ids, link)
		if (id_tick(id))
			more = true;
	if (more)
		verbs_tick_start(v);
}

void verbs_tick_start(struct verbs *v)
{
	if (v->ticking)
		return;
	v->ticking = !qb_loop_timer_add(v->base.loop, QB_LOOP_LOW, TICK_NS, v, tick, &v->tick);
}

/* ---- requests ---- */

static void conn_info_fill(struct conn_info *info, struct rdma_cm_id *cm,
			   const struct rdma_conn_param *p)
{
	info->layout = LOGIN_LAYOUT_RDMA_CM;
	verbs_addr_text(rdma_get_peer_addr(cm), false, info->peer, sizeof(info->peer));
	verbs_addr_text(rdma_get_local_addr(cm), true, info->local, sizeof(info->local));
	snprintf(info->device, sizeof(info->device), "%.48s/%u",
		 ibv_get_device_name(cm->verbs->device), cm->port_num);
	info->max_rd_atomic = p->initiator_depth;
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
	return c;
}

static struct verbs_id *request_new(struct verbs *v, struct rdma_cm_id *cm)
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
	id->cm = cm;
	id->state = ID_REQUESTED;
	cm->context = id;
	list_add_tail(&v->ids, &id->link);
	return id;
}

static void request_received(struct verbs *v, struct verbs_id *listener,
			     const struct rdma_cm_event *ev, const uint8_t *pd)
{
	struct verbs_id *id = request_new(v, ev->id);

	if (!id) {
		rdma_reject(ev->id, NULL, 0);
		rdma_destroy_id(ev->id);
		return;
	}
	conn_info_fill(&id->conn->base.info, ev->id, &ev->param.conn);
	v->base.up->request(&id->conn->base, &id->conn->base.info, pd,
			    ev->param.conn.private_data_len, listener->listener.ctx);
}

static void request_end(struct verbs_id *id)
{
	free(id->conn);
	verbs_id_free(id);
}

void verbs_reject(struct conn *base, const void *pd, uint8_t len)
{
	struct verbs_id *id = verbs_conn_of(base)->id;

	rdma_reject(id->cm, pd, len < CM_REJECT_MAX ? len : CM_REJECT_MAX);
	request_end(id);
}

/* ---- accept ---- */

static uint32_t send_queue_size(struct verbs_id *id, uint32_t max_xfers)
{
	uint64_t want = (uint64_t)max_xfers * 4 + 2 * VERBS_MAX_READS;

	want = min_u64(want, id->v->base.params.sq_size);
	want = min_u64(want, (uint32_t)id->dev->attr.max_qp_wr - 1);
	return want > VERBS_MAX_READS ? (uint32_t)want : VERBS_MAX_READS;
}

static uint32_t max_message(struct rdma_cm_id *cm)
{
	struct ibv_port_attr attr;

	if (ibv_query_port(cm->verbs, cm->port_num, &attr) || !attr.max_msg_sz)
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
	verbs_sq_init(&c->sq, sq_cap, reads, max_message(c->id->cm), attr.cap.max_inline_data);
	c->qp = c->id->cm->qp;
	c->qpn = c->qp->qp_num;
	return 0;
}

static int resources_get(struct verbs_id *id, const struct accept_params *p)
{
	struct verbs_conn *c = id->conn;
	struct verbs_poller *poller = verbs_device_poller(id->dev, p->reactor);
	uint32_t sq_cap = send_queue_size(id, p->max_xfers);
	int rc;

	if (!poller)
		return -ENOMEM;
	c->depth = p->recv_depth;
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

int verbs_accept(struct conn *base, const struct accept_params *p)
{
	struct verbs_conn *c = verbs_conn_of(base);
	struct verbs_id *id = c->id;
	int rc;

	if (id->state != ID_REQUESTED || p->private_len > CM_RESPONSE_MAX || !p->recv_depth)
		return -EINVAL;
	rc = verbs_device_get(id->v, id->cm, &id->dev);
	if (rc)
		return rc;
	rc = resources_get(id, p);
	if (rc) {
		verbs_device_put(id->dev);
		id->dev = NULL;
		return rc;
	}
	base->reactor = p->reactor;
	base->context = p->context;
	if (p->private_len)
		memcpy(c->pd, p->private_data, p->private_len);
	c->pd_len = p->private_len;
	id->state = ID_ATTACHING;
	c->life.fn = verbs_conn_attach;
	reactor_send(p->reactor, &c->life);
	return 0;
}

/* The reactor met regions this device does not know yet. */
void verbs_id_register(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, life);

	verbs_poller_register(c->p, c);
	if (c->register_failed)
		c->id->doomed = "no memory registration";
	c->life.fn = verbs_conn_attach;
	reactor_send(c->base.reactor, &c->life);
}

/* A receive that is missing for once then costs a millisecond, not 0.65 s. */
static void rnr_timer_set(struct verbs_conn *c)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTS, .min_rnr_timer = RNR_TIMER };

	if (!c->id->dev->iwarp)
		ibv_modify_qp(c->qp, &attr, IBV_QP_STATE | IBV_QP_MIN_RNR_TIMER);
}

void verbs_id_attached(struct msg *m)
{
	struct verbs_conn *c = container_of(m, struct verbs_conn, life);
	struct verbs_id *id = c->id;
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

	id->state = ID_ACCEPTED;
	if (!id->doomed && rdma_accept(id->cm, &cp)) {
		log_warn("%s: accept: %s", c->base.info.peer, strerror(errno));
		id->doomed = "accept failed";
	}
	if (id->doomed)
		verbs_id_down(id, id->doomed);
	else
		rnr_timer_set(c);
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
	if (!c->went_live)
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

/* The connection ended, or never came to be. */
static void id_ended(struct verbs_id *id, const char *why)
{
	switch (id->state) {
	case ID_REQUESTED:
		id->v->base.up->request_gone(&id->conn->base, NULL); /* no channel yet */
		request_end(id);
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

static void id_device_removed(struct verbs_id *id)
{
	if (id->state == ID_LISTENING)
		verbs_listener_lost(id);
	else if (id->dev)
		verbs_device_removed(id->dev);
	else
		id_ended(id, "RDMA device removed");
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
	} else if (ev->event == RDMA_CM_EVENT_ESTABLISHED) {
		id_established(id);
	} else if (ev->event == RDMA_CM_EVENT_DEVICE_REMOVAL) {
		id_device_removed(id);
	} else {
		why = (unsigned)ev->event < ARRAY_SIZE(end_reason) ? end_reason[ev->event] : NULL;
		if (why)
			id_ended(id, why);
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

int verbs_cm_dispatch(int fd, int revents, void *data)
{
	int n = 0;

	(void)fd;
	(void)revents;
	while (n < EVENTS_PER_WAKE && event_next(data))
		n++;
	return 0;
}
