/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A transport without a network, for tests and fuzzing: both ends are in one
 * process and one thread. The test is the initiator (struct mem_peer); things
 * happen when it calls reactor_round() of the connection's reactor and drains
 * the control mailbox.
 *
 * It is as strict as a device: a transfer that touches a byte of the initiator's
 * memory which was not mapped, or memory of ours outside the region it claims,
 * is counted in mem_peer.violations and kills the connection.
 */
#ifndef SRPT_TRANSPORT_MEM_H
#define SRPT_TRANSPORT_MEM_H

#include "transport/transport.h"

#define MEM_RANGES_MAX 300 /* mapped pieces of initiator memory */

enum mem_peer_state {
	MEM_REQUESTED,
	MEM_ACCEPTED, /* private_data: the answer */
	MEM_REJECTED, /* private_data: the answer */
	MEM_LIVE,
	MEM_DEAD,     /* the connection is gone */
};

/* A message the initiator received; freed by mem_msg_free(). */
struct mem_msg {
	struct list_node link;
	uint32_t len;
	uint8_t data[];
};

/* Access the target has to a piece of initiator memory. */
#define MEM_READ 0x1
#define MEM_WRITE 0x2

struct mem_range {
	uint64_t addr;
	uint32_t key, len;
	unsigned access;
	uint8_t *mem;
};

/* The initiator's end. Read by tests at any time; hold_* may be set at any time. */
struct mem_peer {
	enum mem_peer_state state;
	uint8_t private_data[256];
	uint8_t private_len;
	struct accept_params accepted;
	struct list_node inbox;  /* struct mem_msg, oldest first */
	struct list_node outbox; /* sent, not yet received */
	struct mem_range ranges[MEM_RANGES_MAX];
	unsigned nranges;

	/* the script */
	bool hold_pulls;   /* pulls do not complete */
	bool hold_pushes;  /* pushes are neither delivered nor completed */
	bool hold_sent;    /* pushes are delivered, but not completed */
	bool hold_flush;   /* transfers of a dead connection do not come back yet */
	int fail_pull;     /* next pull ends with this status, and with it the connection */

	/* what happened */
	unsigned violations; /* must be 0 in every test of a well-meaning initiator */
	unsigned rnr;        /* messages that found no receive */
	unsigned pulls, pushes;
	uint64_t pulled_bytes, pushed_bytes;

	struct mem_conn *conn; /* private; NULL when dead */
};

/* NULL: no memory. */
struct transport *mem_create(const struct transport_upcalls *up,
			     const struct transport_params *p, struct reactor_group *g);
/* No connection may be left. */
void mem_destroy(struct transport *t);

/* The next transport_accept() fails with @err (-errno); 0: as usual. */
void mem_fail_accept(struct transport *t, int err);

/* Connect: request() is called at once; @info and @pd are copied. */
struct mem_peer *mem_connect(struct transport *t, const struct conn_info *info, const void *pd,
			     size_t len, void *listener_ctx);
/* Frees what is left in inbox and outbox too. The connection must be dead or rejected. */
void mem_peer_free(struct mem_peer *p);

/* Complete the handshake of an accepted connection; live() comes in the next round. */
void mem_establish(struct mem_peer *p);

/* Send a message; received in the next round, or when there is a receive. */
void mem_send(struct mem_peer *p, const void *msg, uint32_t len);

/* The oldest message received, taken off the inbox; NULL: none. */
struct mem_msg *mem_take(struct mem_peer *p);
void mem_msg_free(struct mem_msg *m);

/* Give up: request_gone() before the connection is live, else it dies in the next round. */
void mem_hang_up(struct mem_peer *p);

/* Let the target access @len bytes at @mem as @addr with @key. */
void mem_map(struct mem_peer *p, uint64_t addr, uint32_t key, void *mem, uint32_t len,
	     unsigned access);
void mem_unmap(struct mem_peer *p, uint32_t key);

#endif
