/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An RDMA device and connection manager made of arrays, in place of libibverbs
 * and librdmacm, with one verbs transport and one reactor on it. Everything is
 * driven by the test: nothing happens by itself, there are no threads.
 */
#ifndef SRPT_TESTS_FAKE_RDMA_H
#define SRPT_TESTS_FAKE_RDMA_H

#include "transport/verbs.h"
#include "transport/verbs_priv.h"

#define FAKE_CQ 4096
#define FAKE_WR 1024
#define FAKE_RECV 1024

struct fake_cq {
	struct ibv_cq cq; /* first */
	struct ibv_wc wc[FAKE_CQ];
	unsigned head, tail;
	unsigned armed; /* calls */
};

struct fake_rq {
	uint64_t wr_id[FAKE_RECV];
	uint64_t addr[FAKE_RECV];
	unsigned head, tail;
};

struct fake_srq {
	struct ibv_srq srq; /* first */
	struct fake_rq rq;
};

struct fake_qp {
	struct ibv_qp qp; /* first */
	struct ibv_send_wr wr[FAKE_WR];
	struct ibv_sge sge[FAKE_WR];
	unsigned head, tail;
	struct fake_rq rq;
	bool error;
};

/* What happened and what is to fail; all zero at the start of a test. */
struct fake_state {
	/* objects that exist */
	int ids, qps, cqs, srqs, mrs, pds, comp_channels, cm_channels, timers, watches;
	/* calls */
	int accepts, rejects, disconnects, notifies, binds, post_sends, cq_acks, modifies;
	int resolves, routes, connects;
	int last_chain; /* work requests of the last ibv_post_send */
	struct rdma_conn_param accepted, connecting;
	uint8_t private_data[256];
	uint8_t private_len;
	int afonly; /* listeners that asked for it */
	int last_access; /* of the last registration */
	/* errors to return, an errno each */
	int accept_error, qp_error, mr_error, srq_error, bind_error, channel_error;
	int resolve_error, route_error, connect_error, pkey_error;
	bool never_flushes; /* entries posted to a failed QP vanish */
	uint16_t lid, pkeys[4]; /* of the port, host order */
	/* upcalls and calls in their order: "accept live recv ..." */
	char trace[1024];
};

extern struct fake_state fake;
extern struct ibv_device fake_device;
extern struct ibv_device_attr fake_attr;
extern struct ibv_async_event fake_async; /* event_type of the next one, set has_async */
extern bool fake_has_async;

void fake_trace(const char *what);

/* ---- inside of the fakes ---- */

extern struct ibv_context fake_context;
/* Zeroed, and counted. */
void *fake_object(size_t size, int *count);
/* errno is @err: -1; 0: 0. */
int fake_fails(int err);
/* What is posted comes back. */
void fake_qp_fail(struct fake_qp *qp);

/* ---- the environment ---- */

/* The connection of one channel: what the upcalls were told. */
struct fake_chan {
	struct conn *c;
	struct rx *held[64];
	unsigned nheld;
	int sent, pulled, reset;
	int status;      /* of connected() */
	uint8_t pd[256]; /* the peer's answer */
	size_t pd_len;
};

extern struct transport *fake_t;
extern struct reactor_group fake_group;
extern struct reactor *fake_r;
extern struct conn *fake_request; /* the last one not answered */
extern struct conn_info fake_info;
extern uint8_t fake_pd[256];
extern size_t fake_pd_len;
extern struct transport_params fake_params;
extern uint8_t *fake_msg; /* memory of region fake_msg_region, 4 KiB */
extern uint16_t fake_msg_region;

/* cmocka setup and teardown; teardown asserts that no object is left. */
int fake_setup(void **state);
int fake_teardown(void **state);
/* The same without a loop: of a process that connects. */
int fake_setup_alone(void **state);
void *fake_loop(void);

/* Run both threads' work until nothing is left to do. */
void fake_settle(void);
/* Only the reactor's, only the control thread's. */
void fake_reactor(void);
void fake_control(void);
/* Both, but time does not pass. */
void fake_work(void);
/* Run the timers of the control thread once. */
void fake_tick(void);
/* A descriptor of the loop can be read. */
void fake_readable(int fd);

/* A peer asks for a connection; the upcall has run on return. */
struct conn *fake_connect(struct transport_listener *l);
/* The same between GIDs, with a P_Key; @listener: the id that listens. */
struct conn *fake_connect_ib(struct rdma_cm_id *listener, const char *to, const char *from,
			     uint16_t pkey);
struct transport_listener *fake_listen(const char *addr);
/* Accept it with @depth receives. */
int fake_accept(struct conn *c, struct fake_chan *ch, uint32_t depth);
/* Connect, accept, established. */
struct conn *fake_live(struct transport_listener *l, struct fake_chan *ch);

/* Ask for a connection; its parameters may be changed before. */
extern struct connect_params fake_cp;
int fake_open(struct fake_chan *ch, char err[256]);
/* The same, and its QP is made: the peer is asked. */
struct conn *fake_asked(struct fake_chan *ch);
/* And it says yes. */
struct conn *fake_opened(struct fake_chan *ch);

/* Disconnect, and nothing of it is left on return. */
void fake_end(struct conn *c);

/* A CM event of the connection, or of a listener's id; handled on return. */
void fake_cm_event(struct rdma_cm_id *id, enum rdma_cm_event_type type);
/* The same with the status and the private data of an answer. */
void fake_cm_answer(struct rdma_cm_id *id, enum rdma_cm_event_type type, int status,
		    const void *pd, uint8_t len);
struct rdma_cm_id *fake_id(struct conn *c);
struct rdma_cm_id *fake_listener_id(struct transport_listener *l);
/* Of the queue pair of @c, or of port 1 if that is NULL. */
void fake_async_event(enum ibv_event_type type, struct conn *c);

struct fake_qp *fake_qp(struct conn *c);
struct fake_cq *fake_cq(struct conn *c);
unsigned fake_rq_len(const struct fake_rq *rq);
/* The peer sends @len bytes; false: no receive is posted. */
bool fake_recv(struct conn *c, const void *data, uint32_t len);
/* The device completes its oldest @n send queue entries. */
void fake_complete(struct conn *c, unsigned n);
/* The oldest one fails. */
void fake_fail(struct conn *c, enum ibv_wc_status status);

/* A push of only a message, or with one segment of @len bytes; a pull. */
void fake_push(struct conn *c, struct xfer *x, uint32_t len);
void fake_pull(struct conn *c, struct xfer *x, uint32_t len);

#endif
