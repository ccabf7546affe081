/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands for libibverbs, as far as the verbs transport uses it. */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <infiniband/ib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#undef ibv_reg_mr
#undef ibv_query_port

struct fake_state fake;
struct ibv_device fake_device = { .name = "fake0", .transport_type = IBV_TRANSPORT_IB };
struct ibv_device_attr fake_attr;
struct ibv_async_event fake_async;
bool fake_has_async;

struct ibv_context fake_context;

void fake_trace(const char *what)
{
	if (strlen(fake.trace) + strlen(what) + 2 > sizeof(fake.trace))
		return;
	if (fake.trace[0])
		strcat(fake.trace, " ");
	strcat(fake.trace, what);
}

int fake_fails(int err)
{
	errno = err;
	return err ? -1 : 0;
}

void *fake_object(size_t size, int *count)
{
	void *p = calloc(1, size);

	assert_non_null(p);
	++*count;
	return p;
}

/* ---- completions ---- */

static void cq_add(struct ibv_cq *ibcq, const struct ibv_wc *wc)
{
	struct fake_cq *cq = (struct fake_cq *)ibcq;

	assert_true(cq->head - cq->tail < FAKE_CQ);
	cq->wc[cq->head++ % FAKE_CQ] = *wc;
}

static void qp_wc(struct fake_qp *qp, uint64_t wr_id, enum ibv_wc_status status,
		  enum ibv_wc_opcode op, uint32_t len)
{
	struct ibv_wc wc = { .wr_id = wr_id, .status = status, .opcode = op, .byte_len = len,
			     .qp_num = qp->qp.qp_num };

	cq_add(qp->qp.send_cq, &wc);
}

static enum ibv_wc_opcode wc_opcode(enum ibv_wr_opcode op)
{
	return op == IBV_WR_RDMA_READ ? IBV_WC_RDMA_READ :
	       op == IBV_WR_SEND ? IBV_WC_SEND : IBV_WC_RDMA_WRITE;
}

void fake_qp_fail(struct fake_qp *qp)
{
	if (qp->error)
		return;
	qp->error = true;
	for (; qp->tail != qp->head; qp->tail++)
		qp_wc(qp, qp->wr[qp->tail % FAKE_WR].wr_id, IBV_WC_WR_FLUSH_ERR, 0, 0);
	for (; qp->rq.tail != qp->rq.head; qp->rq.tail++)
		qp_wc(qp, qp->rq.wr_id[qp->rq.tail % FAKE_RECV], IBV_WC_WR_FLUSH_ERR, 0, 0);
}

void fake_complete(struct conn *c, unsigned n)
{
	struct fake_qp *qp = fake_qp(c);

	while (n--) {
		struct ibv_send_wr *wr = &qp->wr[qp->tail++ % FAKE_WR];

		assert_true((int)(qp->head - qp->tail) >= 0);
		if (wr->send_flags & IBV_SEND_SIGNALED)
			qp_wc(qp, wr->wr_id, IBV_WC_SUCCESS, wc_opcode(wr->opcode), 0);
	}
}

void fake_fail(struct conn *c, enum ibv_wc_status status)
{
	struct fake_qp *qp = fake_qp(c);

	qp_wc(qp, qp->wr[qp->tail++ % FAKE_WR].wr_id, status, 0, 0);
	fake_qp_fail(qp);
}

bool fake_recv(struct conn *c, const void *data, uint32_t len)
{
	struct fake_qp *qp = fake_qp(c);
	struct fake_rq *rq = qp->qp.srq ? &((struct fake_srq *)qp->qp.srq)->rq : &qp->rq;
	unsigned at = rq->tail % FAKE_RECV;

	if (rq->tail == rq->head)
		return false;
	rq->tail++;
	memcpy((void *)(uintptr_t)rq->addr[at], data, len);
	qp_wc(qp, rq->wr_id[at], IBV_WC_SUCCESS, IBV_WC_RECV, len);
	return true;
}

unsigned fake_rq_len(const struct fake_rq *rq)
{
	return rq->head - rq->tail;
}

/* ---- what a provider does ---- */

static int post_send(struct ibv_qp *ibqp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	struct fake_qp *qp = (struct fake_qp *)ibqp;

	(void)bad;
	fake.post_sends++;
	fake.last_chain = 0;
	for (; wr; wr = wr->next) {
		unsigned at = qp->head % FAKE_WR;

		fake.last_chain++;
		if (qp->error) {
			if (!fake.never_flushes)
				qp_wc(qp, wr->wr_id, IBV_WC_WR_FLUSH_ERR, 0, 0);
			continue;
		}
		qp->wr[at] = *wr;
		qp->sge[at] = *wr->sg_list;
		qp->wr[at].sg_list = &qp->sge[at];
		qp->head++;
	}
	fake_trace("post");
	return 0;
}

static void rq_add(struct fake_rq *rq, const struct ibv_recv_wr *wr)
{
	for (; wr; wr = wr->next) {
		unsigned at = rq->head++ % FAKE_RECV;

		assert_true(fake_rq_len(rq) <= FAKE_RECV);
		rq->wr_id[at] = wr->wr_id;
		rq->addr[at] = wr->sg_list->addr;
	}
	fake_trace("refill");
}

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	(void)bad;
	rq_add(&((struct fake_qp *)qp)->rq, wr);
	return 0;
}

static int post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	(void)bad;
	rq_add(&((struct fake_srq *)srq)->rq, wr);
	return 0;
}

static int poll_cq(struct ibv_cq *ibcq, int n, struct ibv_wc *wc)
{
	struct fake_cq *cq = (struct fake_cq *)ibcq;
	int i;

	for (i = 0; i < n && cq->tail != cq->head; i++)
		wc[i] = cq->wc[cq->tail++ % FAKE_CQ];
	return i;
}

static int req_notify_cq(struct ibv_cq *cq, int solicited)
{
	(void)solicited;
	((struct fake_cq *)cq)->armed++;
	return 0;
}

/* ---- libibverbs ---- */

const char *ibv_get_device_name(struct ibv_device *device)
{
	return device->name;
}

struct ibv_device **ibv_get_device_list(int *n)
{
	(void)n;
	return calloc(1, sizeof(struct ibv_device *));
}

void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	(void)device;
	return NULL;
}

int ibv_close_device(struct ibv_context *ctx)
{
	(void)ctx;
	return 0;
}

int ibv_query_device(struct ibv_context *ctx, struct ibv_device_attr *attr)
{
	(void)ctx;
	*attr = fake_attr;
	return 0;
}

int ibv_query_port(struct ibv_context *ctx, uint8_t port, struct _compat_ibv_port_attr *attr)
{
	(void)ctx;
	(void)port;
	((struct ibv_port_attr *)(void *)attr)->max_msg_sz = 1u << 30;
	((struct ibv_port_attr *)(void *)attr)->lid = fake.lid;
	((struct ibv_port_attr *)(void *)attr)->pkey_tbl_len = ARRAY_SIZE(fake.pkeys);
	return 0;
}

int ibv_query_gid(struct ibv_context *ctx, uint8_t port, int index, union ibv_gid *gid)
{
	(void)ctx;
	(void)port;
	(void)index;
	(void)gid;
	return -1;
}

int ibv_query_pkey(struct ibv_context *ctx, uint8_t port, int index, __be16 *pkey)
{
	(void)ctx;
	assert_int_equal(port, 1);
	assert_in_range(index, 0, ARRAY_SIZE(fake.pkeys) - 1);
	*pkey = htobe16(fake.pkeys[index]);
	return fake_fails(fake.pkey_error);
}

struct ibv_pd *ibv_alloc_pd(struct ibv_context *ctx)
{
	struct ibv_pd *pd = fake_object(sizeof(*pd), &fake.pds);

	pd->context = ctx;
	return pd;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
	free(pd);
	fake.pds--;
	return 0;
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t len, uint64_t iova,
				unsigned int access)
{
	struct ibv_mr *mr;

	(void)iova;
	fake.last_access = (int)access;
	if (fake_fails(fake.mr_error))
		return NULL;
	mr = fake_object(sizeof(*mr), &fake.mrs);
	*mr = (struct ibv_mr){ .pd = pd, .addr = addr, .length = len,
			       .lkey = 1000 + (uint32_t)fake.mrs,
			       .rkey = 2000 + (uint32_t)fake.mrs };
	return mr;
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t len, int access)
{
	return ibv_reg_mr_iova2(pd, addr, len, (uintptr_t)addr, (unsigned)access);
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	free(mr);
	fake.mrs--;
	return 0;
}

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *ctx)
{
	struct ibv_comp_channel *ch = fake_object(sizeof(*ch), &fake.comp_channels);

	ch->context = ctx;
	ch->fd = eventfd(0, EFD_NONBLOCK);
	return ch;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *ch)
{
	close(ch->fd);
	free(ch);
	fake.comp_channels--;
	return 0;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *ctx, int cqe, void *cq_context,
			     struct ibv_comp_channel *channel, int vector)
{
	struct fake_cq *cq = fake_object(sizeof(*cq), &fake.cqs);

	(void)vector;
	cq->cq.context = ctx;
	cq->cq.cq_context = cq_context;
	cq->cq.channel = channel;
	cq->cq.cqe = cqe;
	return &cq->cq;
}

int ibv_resize_cq(struct ibv_cq *cq, int cqe)
{
	cq->cqe = cqe;
	return 0;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	free(cq);
	fake.cqs--;
	return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **cq_context)
{
	uint64_t n;

	(void)cq;
	(void)cq_context;
	return read(channel->fd, &n, sizeof(n)) == sizeof(n) ? 0 : -1;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int n)
{
	(void)cq;
	fake.cq_acks += (int)n;
}

struct ibv_srq *ibv_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr)
{
	struct fake_srq *srq;

	(void)attr;
	if (fake_fails(fake.srq_error))
		return NULL;
	srq = fake_object(sizeof(*srq), &fake.srqs);
	srq->srq.context = pd->context;
	return &srq->srq;
}

int ibv_destroy_srq(struct ibv_srq *srq)
{
	free(srq);
	fake.srqs--;
	return 0;
}

int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	fake.modifies++;
	if (mask & IBV_QP_STATE && attr->qp_state == IBV_QPS_ERR)
		fake_qp_fail((struct fake_qp *)qp);
	return 0;
}

int ibv_get_async_event(struct ibv_context *ctx, struct ibv_async_event *ev)
{
	(void)ctx;
	if (!fake_has_async)
		return -1;
	fake_has_async = false;
	*ev = fake_async;
	return 0;
}

void ibv_ack_async_event(struct ibv_async_event *ev)
{
	(void)ev;
}

const char *ibv_event_type_str(enum ibv_event_type type)
{
	return type == IBV_EVENT_QP_FATAL ? "QP fatal" : "event";
}

const char *ibv_port_state_str(enum ibv_port_state state)
{
	return state == IBV_PORT_ACTIVE ? "ACTIVE" : "DOWN";
}

const char *ibv_wc_status_str(enum ibv_wc_status status)
{
	return status == IBV_WC_SUCCESS ? "success" : "failure";
}

/* A fresh context for every test. */
void fake_context_init(void);
void fake_context_init(void)
{
	memset(&fake_context, 0, sizeof(fake_context));
	fake_context.device = &fake_device;
	fake_context.num_comp_vectors = 2;
	fake_context.async_fd = eventfd(0, EFD_NONBLOCK);
	fake_context.cmd_fd = eventfd(0, EFD_NONBLOCK);
	fake_context.ops.poll_cq = poll_cq;
	fake_context.ops.req_notify_cq = req_notify_cq;
	fake_context.ops.post_srq_recv = post_srq_recv;
	fake_context.ops.post_send = post_send;
	fake_context.ops.post_recv = post_recv;
}

void fake_context_end(void);
void fake_context_end(void)
{
	close(fake_context.async_fd);
	close(fake_context.cmd_fd);
}
