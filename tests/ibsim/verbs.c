/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded, with node.so, into srp_daemon and ibsrpdm in place of libibverbs: one device with one
 * port and one datagram queue pair, whose sends and receives are MADs of ibsim. That is where the
 * SM sends its reports. An event of the port is a number in a line of the FIFO $NODE_ASYNC.
 */
#include "tests/ibsim/node.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#undef ibv_query_port
#undef ibv_reg_mr

enum {
	RECEIVES = 64, /* posted at once, at most */
	SENDS = 16,
	GRH_SIZE = 40, /* in front of a datagram */
	CQS = 4,
	SEND_CQ = 1, /* srp_daemon makes the one for receives first */
};

static struct ibv_device device = { .name = "ibsim0", .dev_name = "uverbs0",
				    .node_type = IBV_NODE_CA };
static struct ibv_context context;
static struct ibv_pd pd;
static struct ibv_mr mr;
static struct ibv_comp_channel channel;
static struct ibv_cq cqs[CQS];
static unsigned n_cqs;
static struct ibv_qp qp;
static struct ibv_ah ah;
static uint16_t ah_lid;
static int broken = -1; /* eventfd: the queue pair was set to the error state */
static int events = -1; /* of the port */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool qp_error;
static struct {
	uint64_t id;
	uint8_t *at;
} receives[RECEIVES];
static uint64_t sends[SENDS];
static unsigned recv_head, recv_tail, send_head, send_tail;

/* ---- what the context's operations are ---- */

static int recv_post(struct ibv_qp *q, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	(void)q;
	(void)bad;
	pthread_mutex_lock(&lock);
	for (; wr && recv_tail - recv_head < RECEIVES; wr = wr->next) {
		receives[recv_tail % RECEIVES].id = wr->wr_id;
		receives[recv_tail++ % RECEIVES].at = (uint8_t *)wr->sg_list->addr;
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static int send_post(struct ibv_qp *q, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	struct sim_mad m = { .dlid = htons(ah_lid), .dqp = htonl(wr->wr.ud.remote_qpn),
			     .sqp = htonl(node_qpn()), .length = htobe64(sizeof(m.mad)) };
	size_t len = wr->sg_list->length;

	(void)q;
	(void)bad;
	memcpy(m.mad, (void *)wr->sg_list->addr, len < sizeof(m.mad) ? len : sizeof(m.mad));
	if (send(node_mads(), &m, sizeof(m), 0) != sizeof(m))
		return EIO;
	pthread_mutex_lock(&lock);
	sends[send_tail++ % SENDS] = wr->wr_id;
	pthread_mutex_unlock(&lock);
	return 0;
}

static void received(const struct sim_mad *m, struct ibv_wc *wc)
{
	uint8_t *at = receives[recv_head % RECEIVES].at;

	memset(at, 0, GRH_SIZE);
	memcpy(at + GRH_SIZE, m->mad, sizeof(m->mad));
	/* ibsim keeps its client there; srp_daemon compares it with what it has sent. */
	if (m->mad[MAD_METHOD] & MAD_RESPONSE)
		memset(at + GRH_SIZE + MAD_TID, 0, 2);
	wc->wr_id = receives[recv_head++ % RECEIVES].id;
	wc->byte_len = GRH_SIZE + sizeof(m->mad);
	wc->slid = ntohs((uint16_t)m->slid);
	wc->src_qp = ntohl(m->sqp);
}

static int receive_poll(struct ibv_wc *wc)
{
	struct sim_mad m;

	if (recv_head == recv_tail)
		return 0;
	if (qp_error) {
		wc->wr_id = receives[recv_head++ % RECEIVES].id;
		wc->status = IBV_WC_WR_FLUSH_ERR;
		return 1;
	}
	while (recv(node_mads(), &m, sizeof(m), MSG_DONTWAIT) == sizeof(m)) {
		if (m.status)
			continue; /* of ours, and could not be delivered */
		received(&m, wc);
		return 1;
	}
	return 0;
}

static int cq_poll(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	int got = 0;

	(void)n;
	memset(wc, 0, sizeof(*wc));
	pthread_mutex_lock(&lock);
	if (cq != &cqs[SEND_CQ]) {
		got = receive_poll(wc);
	} else if (send_head != send_tail) {
		wc->wr_id = sends[send_head++ % SENDS];
		got = 1;
	}
	pthread_mutex_unlock(&lock);
	return got;
}

static int cq_notify(struct ibv_cq *cq, int solicited)
{
	(void)cq;
	(void)solicited;
	return 0;
}

/* ---- devices and ports ---- */

struct ibv_device **ibv_get_device_list(int *n)
{
	struct ibv_device **list = calloc(2, sizeof(*list));

	list[0] = &device;
	if (n)
		*n = 1;
	return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

const char *ibv_get_device_name(struct ibv_device *dev)
{
	return dev->name;
}

struct ibv_context *ibv_open_device(struct ibv_device *dev)
{
	const char *fifo = getenv("NODE_ASYNC");

	if (node_mads() < 0)
		return NULL;
	context.device = dev;
	context.ops.post_recv = recv_post;
	context.ops.post_send = send_post;
	context.ops.poll_cq = cq_poll;
	context.ops.req_notify_cq = cq_notify;
	n_cqs = 0;
	broken = eventfd(0, EFD_CLOEXEC);
	events = fifo ? open(fifo, O_RDWR | O_CLOEXEC) : eventfd(0, EFD_CLOEXEC);
	return &context;
}

int ibv_close_device(struct ibv_context *ctx)
{
	(void)ctx;
	return 0;
}

int ibv_query_port(struct ibv_context *ctx, uint8_t num, struct _compat_ibv_port_attr *out)
{
	struct ibv_port_attr *a = (void *)out; /* which begins as that does */
	uint8_t info[64] = { 0 };

	(void)ctx;
	(void)num;
	if (node_ask(SIM_CTL_GET_PORTINFO, info, sizeof(info)))
		return EIO;
	a->lid = (uint16_t)(info[PORT_LID] << 8 | info[PORT_LID + 1]);
	a->sm_lid = (uint16_t)(info[PORT_SM_LID] << 8 | info[PORT_SM_LID + 1]);
	a->state = info[PORT_STATE] & 0xf;
	a->pkey_tbl_len = SIM_PKEYS;
	a->gid_tbl_len = 1;
	return 0;
}

int ibv_query_pkey(struct ibv_context *ctx, uint8_t num, int index, __be16 *pkey)
{
	uint16_t pkeys[SIM_PKEYS];

	(void)ctx;
	(void)num;
	if (index < 0 || index >= SIM_PKEYS || node_pkeys(pkeys))
		return -1;
	*pkey = htons(pkeys[index]);
	return 0;
}

int ibv_get_pkey_index(struct ibv_context *ctx, uint8_t num, __be16 pkey)
{
	(void)ctx;
	(void)num;
	return node_pkey_index(ntohs(pkey));
}

/* ---- objects ---- */

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *ctx)
{
	channel.context = ctx;
	return &channel;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *ch)
{
	(void)ch;
	return 0;
}

struct ibv_pd *ibv_alloc_pd(struct ibv_context *ctx)
{
	pd.context = ctx;
	return &pd;
}

int ibv_dealloc_pd(struct ibv_pd *p)
{
	(void)p;
	return 0;
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *p, void *at, size_t len, int access)
{
	(void)access;
	mr = (struct ibv_mr){ .context = p->context, .pd = p, .addr = at, .length = len,
			      .lkey = 1 };
	return &mr;
}

int ibv_dereg_mr(struct ibv_mr *m)
{
	(void)m;
	return 0;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *ctx, int size, void *arg,
			     struct ibv_comp_channel *ch, int vector)
{
	struct ibv_cq *cq = &cqs[n_cqs++ % CQS];

	(void)size;
	(void)vector;
	cq->context = ctx;
	cq->channel = ch;
	cq->cq_context = arg;
	return cq;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	(void)cq;
	return 0;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *p, struct ibv_qp_init_attr *attr)
{
	(void)attr;
	qp.context = p->context;
	qp.qp_num = node_qpn();
	qp_error = false;
	recv_head = recv_tail = send_head = send_tail = 0;
	return &qp;
}

int ibv_destroy_qp(struct ibv_qp *q)
{
	(void)q;
	return 0;
}

int ibv_modify_qp(struct ibv_qp *q, struct ibv_qp_attr *attr, int mask)
{
	(void)q;
	if (!(mask & IBV_QP_STATE) || attr->qp_state != IBV_QPS_ERR)
		return 0;
	pthread_mutex_lock(&lock);
	qp_error = true;
	pthread_mutex_unlock(&lock);
	return eventfd_write(broken, 1);
}

struct ibv_ah *ibv_create_ah(struct ibv_pd *p, struct ibv_ah_attr *attr)
{
	ah.context = p->context;
	ah_lid = attr->dlid;
	return &ah;
}

int ibv_destroy_ah(struct ibv_ah *a)
{
	(void)a;
	return 0;
}

/* ---- events ---- */

int ibv_get_cq_event(struct ibv_comp_channel *ch, struct ibv_cq **cq, void **arg)
{
	struct pollfd fds[] = { { .fd = node_mads(), .events = POLLIN },
				{ .fd = broken, .events = POLLIN } };

	(void)ch;
	if (poll(fds, 2, -1) < 0)
		return -1;
	*cq = &cqs[0];
	*arg = NULL;
	return 0;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int n)
{
	(void)cq;
	(void)n;
}

int ibv_get_async_event(struct ibv_context *ctx, struct ibv_async_event *event)
{
	char line[16] = "";

	(void)ctx;
	if (read(events, line, sizeof(line) - 1) <= 0)
		return -1;
	event->event_type = (enum ibv_event_type)atoi(line);
	event->element.port_num = 1;
	return 0;
}

void ibv_ack_async_event(struct ibv_async_event *event)
{
	(void)event;
}
