/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The send queue of a connection: which xfers wait, which are posted, how many
 * slots and RDMA READ credits are left, and the chain of work requests of one
 * doorbell. Pure bookkeeping: nothing here calls the device. Reactor thread.
 *
 * Every work request carries its sequence number in wr_id. RDMA READs complete in
 * order, and so does all the rest: a completion of number n says that all of its
 * kind up to n are done; only RDMA READs, some SENDs and the last of a chain ask
 * for one. Nothing is concluded about the other kind: software iWARP (siw) completes
 * WRITEs and SENDs while the data of RDMA READs before them are still to come.
 */
#ifndef SRPT_TRANSPORT_VERBS_WR_H
#define SRPT_TRANSPORT_VERBS_WR_H

#include "transport/transport.h"

#include <infiniband/verbs.h>

#define VERBS_CHAIN_MAX 128     /* work requests of one ibv_post_send() */
#define VERBS_SENDS_PER_CQE 8   /* a chain asks for a completion at least that often */

/* wr_id of a send queue entry; that of a receive is a pointer, its bits 0-2 are 0. */
#define VERBS_WR_SEND 1u   /* any send queue entry */
#define VERBS_WR_READ 2u   /* it is an RDMA READ */
#define VERBS_WR_MARKER 4u /* last entry of all, posted after the QP failed */
#define VERBS_WR_SEQ_SHIFT 3

enum verbs_xfer_kind { VERBS_PULL = 1, VERBS_PUSH };

/* Local keys of the regions of a reactor. */
struct verbs_keys {
	uint32_t known; /* bit per region */
	uint32_t lkey[IOBUF_REGIONS];
};

/* Work requests of one kind, which complete in order. Numbers between them are of the other. */
struct verbs_lane {
	struct list_node posted; /* xfers wholly posted, in order of their last work request */
	uint32_t head;           /* above all numbers posted */
	uint32_t tail;           /* all below it are complete; head: none is outstanding */
};

struct verbs_sq {
	struct list_node pulls;    /* FIFO of xfers not wholly posted; the first may be in part */
	struct list_node pushes;   /* the same for pushes */
	struct verbs_lane reading; /* RDMA READs */
	struct verbs_lane sending; /* RDMA WRITEs and SENDs */
	uint32_t head;             /* sequence number of the next work request */
	uint32_t tail;             /* all below it are complete, of either kind */
	uint32_t cap;            /* entries at most */
	uint32_t reads;          /* RDMA READs outstanding */
	uint32_t max_reads;      /* what the peer serves at once; 0: none */
	uint32_t max_msg;        /* bytes of one work request */
	uint32_t max_inline;     /* bytes a SEND may carry inside the work request */
	uint32_t max_silent;     /* bytes of a WRITE or SEND that need not ask for a completion */
};

struct verbs_chain {
	unsigned n;
	struct ibv_send_wr wr[VERBS_CHAIN_MAX];
	struct ibv_sge sge[VERBS_CHAIN_MAX];
};

void verbs_chain_init(struct verbs_chain *ch);
/* Make @ch empty again, after it was posted. */
void verbs_chain_reset(struct verbs_chain *ch);

/* @max_msg > 0; max_silent is without limit, the caller may change it. */
void verbs_sq_init(struct verbs_sq *sq, uint32_t cap, uint32_t max_reads, uint32_t max_msg,
		   uint32_t max_inline);

/* Queue @x at the end of its FIFO, nothing of it is posted. */
void verbs_sq_add(struct verbs_sq *sq, struct xfer *x, enum verbs_xfer_kind kind);

/*
 * Move as much as fits from the FIFOs to the empty chain @ch, linked and ready
 * to be posted. Returns the number of work requests; 0: nothing waits or
 * something must complete first; -EINVAL: an xfer has fewer bytes in its
 * segments than it wants to move, memory without key, or pulls from a peer that
 * serves no RDMA READ (@sq is then of no use but for verbs_sq_complete() and
 * verbs_sq_take()).
 */
int verbs_sq_build(struct verbs_sq *sq, struct verbs_chain *ch, const struct verbs_keys *keys);

/* The entry with this @wr_id is complete, and all of its kind before it. */
void verbs_sq_complete(struct verbs_sq *sq, uint64_t wr_id);

/* wr_id of the last entry of all, and: it was posted. */
uint64_t verbs_sq_marker(const struct verbs_sq *sq);
void verbs_sq_marked(struct verbs_sq *sq);

/* The next xfer whose last entry is complete, taken off; NULL: none. */
struct xfer *verbs_sq_pop(struct verbs_sq *sq);

/*
 * Of a dead connection: the next xfer that is not partly or wholly posted
 * (@all: any), taken off; NULL: none.
 */
struct xfer *verbs_sq_take(struct verbs_sq *sq, bool all);

static inline uint32_t verbs_sq_used(const struct verbs_sq *sq)
{
	return sq->head - sq->tail;
}

static inline bool verbs_sq_waiting(const struct verbs_sq *sq)
{
	return !list_empty(&sq->pulls) || !list_empty(&sq->pushes);
}

static inline bool verbs_sq_empty(const struct verbs_sq *sq)
{
	return list_empty(&sq->reading.posted) && list_empty(&sq->sending.posted) &&
	       !verbs_sq_waiting(sq);
}

#endif
