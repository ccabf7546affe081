/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam between SRP and what moves its bytes. Message shaped: "a receive of
 * n bytes", "pull these segments", "push these segments and this response",
 * "closed". A transport knows no SRP opcode.
 *
 * Threads: a connection request and accept/reject live on the control thread;
 * after accept everything about a connection happens on its reactor.
 *
 * Life of a connection (states only move forward):
 *   REQUESTED --accept--> ACCEPTING --> LIVE --disconnect/error--> CLOSING --> closed()
 *       \--reject--> gone
 * and of one we open, which is on its reactor from the start:
 *   CONNECTING --> connected(0): LIVE, as above
 *       \--> connected(error): gone
 */
#ifndef SRPT_TRANSPORT_TRANSPORT_H
#define SRPT_TRANSPORT_TRANSPORT_H

#include "base/ib_portal.h"
#include "base/iobuf.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/reactor.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct transport;
struct conn;
struct rx;
struct xfer;

#define TRANSPORT_NAME_MAX 64
#define TRANSPORT_MAX_SEGS 256 /* descriptors of one xfer */

/* Which of the two login layouts a listener delivers (srp-protocol: 64 or 56 bytes). */
enum login_layout { LOGIN_LAYOUT_RDMA_CM, LOGIN_LAYOUT_IB_CM };

/* What is known about a peer before it logs in: from the connection, not from its claims. */
struct conn_info {
	enum login_layout layout;
	/* Session name: source address without port, or GID with colons. */
	char peer[TRANSPORT_NAME_MAX];
	char local[TRANSPORT_NAME_MAX];  /* local address:port */
	char device[TRANSPORT_NAME_MAX]; /* RDMA device and port, e.g. rxe0/1; iWARP: in software */
	uint8_t max_rd_atomic;           /* RDMA READs the peer serves at once; 0: none */
	struct ib_arrival ib;            /* of LOGIN_LAYOUT_IB_CM */
};

/* Sizes a transport needs; constant after transport_create. */
struct transport_params {
	uint32_t max_recv;   /* bytes of the largest IU we take (srp_max_req_size) */
	uint32_t max_send;   /* bytes of the largest IU we send (srp_max_rsp_size) */
	uint32_t imm_offset; /* offset in an IU that should be page aligned in memory */
	uint32_t srq_size;   /* receives the connections of a reactor share; 0: each has its own */
	uint32_t sq_size;    /* send queue entries per connection, at most */
};

/* Chosen by SRP at accept. */
struct accept_params {
	struct reactor *reactor;
	void *context;        /* SRP's channel; conn_context() */
	uint32_t recv_depth;  /* receives this connection can count on, from the start */
	uint32_t max_xfers;   /* commands in flight at most */
	const void *private_data;
	uint8_t private_len;
};

/* Of a connection we open; what is pointed to is copied or only read during the call. */
struct connect_params {
	const struct sockaddr *addr; /* the peer: AF_INET, AF_INET6 with port; struct ib_portal */
	socklen_t addr_len;
	void *context;        /* conn.context */
	uint32_t recv_depth;  /* as in accept_params */
	uint32_t max_xfers;   /* pushes in flight at most; also exposures */
	uint8_t max_rd_atomic; /* RDMA READs of the peer we serve at once, ≥ 1 */
	uint32_t timeout_ms;  /* for all of it, > 0 */
	const void *private_data;
	uint8_t private_len;  /* ≤ 56, to a struct ib_portal ≤ 92; see srp-protocol */
};

/* What the peer may do with exposed memory. */
#define EXPOSE_READ 0x1
#define EXPOSE_WRITE 0x2

/*
 * Memory of ours that the peer may access by @addr and @key until it is taken
 * back. Owned by who exposes; not touched by it meanwhile but for @addr and @key.
 */
struct exposure {
	uint64_t addr;
	uint32_t key;
	/* private to the transport */
	uint32_t index;
};

/* One received message. Valid until transport_rx_put(). */
struct rx {
	struct list_node link; /* free for the receiver while it holds the rx */
	uint8_t *data;
	uint32_t len;          /* bytes received */
	uint16_t region;       /* for iobuf: @data lies in this region */
};

/* A piece of the peer's memory. */
struct xfer_seg {
	uint64_t addr;
	uint32_t key;
	uint32_t len;
};

/*
 * One data movement: embedded in SRP's command; owned by the transport between
 * pull/push and pulled/sent. @segs must stay valid that long.
 */
struct xfer {
	struct list_node link;       /* private to the transport */
	struct conn *conn;
	const struct xfer_seg *segs;
	uint32_t nsegs;
	struct iobuf local;          /* pull: sink; push: source; local.len bytes move */
	const uint8_t *msg;          /* push: sent after the data; in memory of @msg_region */
	uint32_t msg_len;
	uint16_t msg_region;
	/* private to the transport */
	uint32_t seg, seg_off, off;  /* how far it is posted */
	uint32_t pending;            /* work requests posted */
	uint32_t end;                /* sequence number of the last work request */
	int status;
	uint8_t kind;
};

/* Upcalls, one table given at transport_create. */
struct transport_upcalls {
	/*
	 * Control thread: somebody wants to connect. @pd is valid during the call
	 * only; answer now or later with transport_accept() or transport_reject().
	 */
	void (*request)(struct conn *c, const struct conn_info *info, const uint8_t *pd,
			size_t len, void *listener_ctx);
	/*
	 * Control thread: the request is gone (peer gave up, device removed, accept
	 * failed) before the connection went live; after it the conn is invalid.
	 * Not called after transport_reject().
	 */
	void (*request_gone)(struct conn *c, void *context);
	/*
	 * Reactor: a message. May arrive before live() (verbs calls live() first
	 * then). The receiver owns @rx until transport_rx_put().
	 */
	void (*recv)(struct conn *c, struct rx *rx);
	/* Reactor: handshake complete; the connection may send. */
	void (*live)(struct conn *c);
	/* Reactor: the pull is over; 0 or -errno (-ECONNRESET: connection is dying). */
	void (*pulled)(struct xfer *x, int status);
	/* Reactor: data and message are sent, their memory is free again. */
	void (*sent)(struct xfer *x, int status);
	/*
	 * Reactor, of a connection we open; never inside connect(). @status 0: it is
	 * live (live() is not called) and @pd is the peer's answer. Else the conn is
	 * invalid afterwards: -ECONNREFUSED with @pd, the peer said no (@len 0: nobody
	 * listens, or no reason given); -ETIMEDOUT, -EPROTO, any errno of connect(2).
	 * NULL where nobody connects.
	 */
	void (*connected)(struct conn *c, int status, const uint8_t *pd, size_t len);
	/*
	 * Reactor: the connection starts to die (peer's DREQ, error, our disconnect);
	 * every xfer still comes back with -ECONNRESET. @why: one short phrase for the log.
	 */
	void (*dying)(struct conn *c, const char *why);
	/*
	 * Reactor: last upcall; nothing is in flight in the transport and all rx were
	 * put back. @c is invalid after it.
	 */
	void (*closed)(struct conn *c, void *context);
};

struct transport_listener {
	struct list_node link;
	struct transport *t;
	void *ctx;
	bool down; /* waits for its device to come back, and then listens again by itself */
};

/* Implementation table. All names below call through it. */
struct transport_ops {
	const char *name;
	int (*create)(struct transport *t);
	void (*destroy)(struct transport *t);
	int (*listen)(struct transport *t, const struct sockaddr *sa, socklen_t len, void *ctx,
		      struct transport_listener **out, char *err, size_t errlen);
	void (*unlisten)(struct transport_listener *l);
	int (*accept)(struct conn *c, const struct accept_params *p);
	void (*reject)(struct conn *c, const void *pd, uint8_t len);
	void (*rx_put)(struct conn *c, struct rx *rx);
	void (*pull)(struct conn *c, struct xfer *x);
	void (*push)(struct conn *c, struct xfer *x);
	void (*disconnect)(struct conn *c);
	/* For initiators; NULL where a transport cannot. */
	int (*connect)(struct transport *t, struct reactor *r, const struct connect_params *p,
		       struct conn **out, char *err, size_t errlen);
	int (*expose)(struct conn *c, const struct iobuf *b, unsigned access,
		      struct exposure *e);
	void (*unexpose)(struct conn *c, struct exposure *e);
};

/* Common head of every transport and connection; implementations embed it first. */
struct transport {
	const struct transport_ops *ops;
	const struct transport_upcalls *up;
	struct transport_params params;
	struct reactor_group *group;
	void *loop; /* qb_loop_t of the control thread, for descriptors; NULL: nobody listens */
	/*
	 * Set by the owner, or NULL. Control thread: a port of this host went up or down, has
	 * other addresses, or a device or listener came or went; look at what matters to you.
	 */
	void (*ports_changed)(void *arg);
	void *ports_arg;
};

struct conn {
	struct transport *t;
	struct reactor *reactor; /* set at accept */
	void *context;           /* SRP's; set to its channel at accept */
	struct conn_info info;
};

/*
 * Send-message memory: SRP's response buffers must lie in memory the transport
 * may send from. Region ids are those of the connection's reactor
 * (reactor_region_add); a transport registers every region it sees used.
 */

/* Control thread. -errno: nothing happened (the request is still open: reject it). */
static inline int transport_accept(struct conn *c, const struct accept_params *p)
{
	return c->t->ops->accept(c, p);
}

/* Control thread; @c is invalid afterwards. @pd ≤ 148 bytes. */
static inline void transport_reject(struct conn *c, const void *pd, uint8_t len)
{
	c->t->ops->reject(c, pd, len);
}

/* Give a receive back; its buffer may be filled anew at once. Reactor. */
static inline void transport_rx_put(struct conn *c, struct rx *rx)
{
	c->t->ops->rx_put(c, rx);
}

/* Read the first local.len bytes described by segs into local. Ends in pulled(). */
static inline void transport_pull(struct conn *c, struct xfer *x)
{
	c->t->ops->pull(c, x);
}

/*
 * Write local.len bytes (may be 0) to segs, then send msg, in this order, in one
 * chain. Pushes of one connection leave in call order. Ends in sent().
 */
static inline void transport_push(struct conn *c, struct xfer *x)
{
	c->t->ops->push(c, x);
}

/*
 * Open a connection that lives on @r. Reactor thread of @r. 0: *@out is
 * connecting, connected() follows; it may be disconnected meanwhile
 * (connected(-ECANCELED) then). -errno: nothing happened, @err says what is wrong.
 */
static inline int transport_connect(struct transport *t, struct reactor *r,
				    const struct connect_params *p, struct conn **out,
				    char *err, size_t errlen)
{
	return t->ops->connect(t, r, p, out, err, errlen);
}

/*
 * Let the peer access @b (all of len, memory of a region of the reactor or not)
 * until transport_unexpose(). Reactor, connection live. 0, -ENOSPC (more than
 * max_xfers at once) or -errno.
 */
static inline int transport_expose(struct conn *c, const struct iobuf *b, unsigned access,
				   struct exposure *e)
{
	return c->t->ops->expose(c, b, access, e);
}

/* The peer can touch it no more, whatever it sends. Reactor, before closed(). */
static inline void transport_unexpose(struct conn *c, struct exposure *e)
{
	c->t->ops->unexpose(c, e);
}

/* Start closing: idempotent; dying() then closed() follow. Reactor. */
static inline void transport_disconnect(struct conn *c)
{
	c->t->ops->disconnect(c);
}

#endif
