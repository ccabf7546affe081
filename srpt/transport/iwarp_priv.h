/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of software iWARP. Who may touch what:
 *
 *   iwarp, iwarp_listener, iwarp_request   control thread
 *   iwarp_poller                           its reactor, but for what is marked
 *   iwarp_conn                             control thread until it is sent to its
 *                                          reactor, the reactor's afterwards
 *
 * Files: iwarp.c (creation, table of operations), iwarp_listen.c (sockets that
 * listen, MPA requests; control thread), iwarp_connect.c (connections we open),
 * iwarp_conn.c (a connection's life on its reactor), iwarp_poller.c (sockets and
 * receive slots of a reactor); below them the data path, which knows neither
 * handshake nor life: iwarp_rx.c, iwarp_tx.c, iwarp_stag.c with iwarp_data.h.
 */
#ifndef SRPT_TRANSPORT_IWARP_PRIV_H
#define SRPT_TRANSPORT_IWARP_PRIV_H

#include "base/bytes.h"
#include "base/log.h"
#include "transport/iwarp.h"
#include "transport/iwarp_data.h"
#include "transport/iwarp_ddp.h"
#include "transport/iwarp_mpa.h"

#include <stdatomic.h>

#define IWARP_REQUEST_NS 10000000000ull /* for an MPA request to arrive and be answered */
#define IWARP_LINGER_NS 1000000000ull /* for the peer to close after us */
#define IWARP_REQUESTS_MAX 256u       /* handshakes under way; more wait in the backlog */

struct iwarp_chunk;
struct iwarp_poller;
struct iwarp_request;

struct iwarp {
	struct transport base; /* first */
	atomic_int crc;        /* enum iwarp_crc */
	uint8_t revision;      /* of connections we open */
	_Atomic(struct iwarp_poller *) pollers[REACTOR_MAX]; /* made when needed, any thread */

	/* control thread */
	struct list_node listeners;
	struct list_node requests; /* oldest first */
	unsigned nrequests;
	bool ticking;
	uint64_t tick; /* qb_loop timer handle */
};

/* Control thread. */
struct iwarp_listener {
	struct transport_listener listener; /* first */
	struct list_node link;              /* iwarp.listeners */
	struct iwarp *t;
	int fd;
	bool paused;  /* too many requests or descriptors: looks again with the tick */
	bool starved; /* the log knows that there is no descriptor or memory */
};

/* Only moves forward. Reactor. */
enum iwarp_state {
	IWARP_OPENING, /* active: TCP and MPA; passive: until the reactor has sent the reply */
	IWARP_LIVE,
	/*
	 * dying() was called, every xfer came back. What is still to be sent (the rest
	 * of an FPDU that is half out, a TERMINATE) is; what comes in is thrown away.
	 */
	IWARP_CLOSING,
	IWARP_CLOSED,  /* no socket any more; waits for slots SRP still holds */
};

struct iwarp_conn {
	struct conn base; /* first */
	struct list_node link;      /* of the poller */
	struct list_node hot;       /* of the poller: may be readable */
	struct iwarp_poller *p;
	int fd;                     /* -1: none */
	uint8_t state;              /* enum iwarp_state */
	bool crc;                   /* both directions use it */
	bool active;                /* we opened it */
	bool heard;                 /* an FPDU came: a passive side may send (RFC 5044 7.1.2) */
	bool rtr_send;              /* the peer's first message, if empty, is not for SRP */
	bool fin_sent, fin_seen;
	bool want_write;            /* the data path waits for room in the socket */
	bool want_close;            /* transport_disconnect() was called */
	uint8_t idle;               /* reads in a row that found nothing */
	uint32_t rx_held;           /* slots it has: SRP's, and one that is being filled */
	uint32_t rx_depth;          /* that it may have at most */
	uint8_t ord;                /* READ requests we may have outstanding */
	uint8_t ird;                /* READ requests of the peer we take at once */
	struct iwarp_rx rx;         /* iwarp_rx.c */
	struct iwarp_tx tx;         /* iwarp_tx.c */
	struct iwarp_stags stags;   /* iwarp_stag.c */
	struct reactor_deferred run; /* STAGE_TRANSPORT: iwarp_conn_run() */
	struct reactor_timer timer; /* opening; READ requests that wait; lingering */
	uint64_t watched;           /* what had come for them when it ran last, and how often */
	uint8_t looks;              /* it has found no more */

	/* cold */
	struct iwarp_request *req;  /* control thread, until it is accepted */
	struct msg msg;             /* control → reactor: attach; reactor → control: gone */
	uint8_t frame[MPA_FRAME_MAX]; /* start-up frame under way */
	uint16_t frame_len, frame_off;
	bool asked;                 /* active: the request is out, @frame takes the reply */
	uint8_t revision;           /* of the frames */
	int status;                 /* of connected(), when it fails */
	uint16_t pd_off, pd_len;    /* in @frame: what connected() tells of a reject */
};

/* The sockets of one reactor, in an epoll instance of their own. */
struct iwarp_poller {
	struct reactor_source source;
	struct reactor *reactor;
	struct iwarp *t;
	int epoll_fd;
	struct list_node conns;
	struct list_node hot; /* may be readable, or lately were: read without asking epoll */
	uint32_t nhot;
	uint32_t unasked;     /* rounds since epoll was asked */
	struct iwarp_slots slots;
	uint8_t *stage;  /* IWARP_STAGE bytes that recvmsg() fills, shared by all connections */
	bool started;
	bool seen;       /* data came since the last sleep */

	/* any thread */
	_Atomic(struct iwarp_chunk *) chunks; /* memory of slots, all there is */
	atomic_uint slots_all;                /* in chunks */
	atomic_uint slots_promised;           /* to connections */
};

/* ---- iwarp.c ---- */

/* The poller of @r, made if there is none. NULL: no memory or descriptor. Any thread. */
struct iwarp_poller *iwarp_poller_get(struct iwarp *t, struct reactor *r);

/* ---- iwarp_poller.c ---- */

struct iwarp_poller *iwarp_poller_new(struct iwarp *t, struct reactor *r);
/* Its connections are freed without an upcall. The reactor does not run. */
void iwarp_poller_free(struct iwarp_poller *p);
/* Promise @c receives of its rx_depth, mapping memory as needed. Any thread. 0 or -ENOMEM. */
int iwarp_slots_promise(struct iwarp_poller *p, struct iwarp_conn *c);
void iwarp_slots_release(struct iwarp_conn *c);
/* Take a slot for a message of @c; NULL: it has rx_depth of them already. Reactor. */
struct iwarp_slot *iwarp_slot_get(struct iwarp_conn *c);
void iwarp_slot_put(struct iwarp_conn *c, struct iwarp_slot *s);
/* Watch its socket. Reactor. 0 or -errno. */
int iwarp_poller_add(struct iwarp_conn *c);
/* Close its socket, which nobody watches then. Reactor. */
void iwarp_poller_close(struct iwarp_conn *c);
/* It may be readable: will be read in the next round. Reactor. */
void iwarp_poller_heat(struct iwarp_conn *c);
/* It is not to be read by the data path any more. Reactor. */
void iwarp_poller_cool(struct iwarp_conn *c);
/* Ask to be run (iwarp_tx_run()) when the socket takes more, or no longer. */
void iwarp_poller_want_write(struct iwarp_conn *c, bool want);

/* ---- iwarp_listen.c: control thread ---- */

int iwarp_listen(struct transport *t, const struct sockaddr *sa, socklen_t len, void *ctx,
		 struct transport_listener **out, char *err, size_t errlen);
void iwarp_unlisten(struct transport_listener *l);
int iwarp_accept(struct conn *base, const struct accept_params *p);
void iwarp_reject(struct conn *base, const void *pd, uint8_t len);
/* All listeners and requests, without an upcall. */
void iwarp_listen_end(struct iwarp *t);
/*
 * @buf: "10.0.0.1:5555", "[fd00::1]:5555"; without port when @port is false. A
 * mapped IPv4 address is shown as what it is. Any thread.
 */
void iwarp_addr_text(const struct sockaddr *sa, bool port, char *buf, size_t len);
/* Do both ends have the same address? */
bool iwarp_addr_same_host(const struct sockaddr *a, const struct sockaddr *b);

/* ---- iwarp_connect.c: reactor ---- */

int iwarp_connect(struct transport *t, struct reactor *r, const struct connect_params *p,
		  struct conn **out, char *err, size_t errlen);
/* Go on with the handshake of a connection we open. */
void iwarp_connect_step(struct iwarp_conn *c);

/* ---- iwarp_conn.c ---- */

struct iwarp_conn *iwarp_conn_new(struct iwarp *t);
/* What it needs on @r for @depth receives and @max_xfers. Any thread. 0 or -errno. */
int iwarp_conn_equip(struct iwarp_conn *c, struct reactor *r, uint32_t depth,
		     uint32_t max_xfers);
/* Closes the socket too. */
void iwarp_conn_free(struct iwarp_conn *c);
/* Options of a connection's socket; what fails is left as it is. */
void iwarp_socket_tune(int fd);
/* Start polling it on its reactor, with @timeout_ns for the handshake. 0 or -errno. */
int iwarp_conn_start(struct iwarp_conn *c, uint64_t timeout_ns);
/* Control thread's message: it is accepted, the reply is in frame. */
void iwarp_conn_attach(struct msg *m);
/* Send what is left of frame: > 0 all is out, 0 the socket is full, -errno. */
int iwarp_conn_frame_send(struct iwarp_conn *c);
/* A READ request is sent: its answer must come in time. */
void iwarp_conn_watch(struct iwarp_conn *c);
/* Something happened to the socket while OPENING. */
void iwarp_conn_opening(struct iwarp_conn *c);
/* The handshake is over. The caller tells SRP. */
void iwarp_conn_enter_live(struct iwarp_conn *c);
/* It ends before it was live; SRP hears of it later, from iwarp_conn_run(). */
void iwarp_conn_abandon(struct iwarp_conn *c, int status);
void iwarp_conn_run(struct reactor_deferred *d);
void iwarp_rx_put(struct conn *base, struct rx *rx);
void iwarp_disconnect(struct conn *base);

/*
 * What the data path reports. It must not touch the stream any more when one of
 * these two returns.
 *
 * The stream cannot go on: dying(), xfers come back, TERMINATE with @code about
 * the segment with @head (or NULL) is sent, then the connection closes.
 */
void iwarp_conn_terminate(struct iwarp_conn *c, uint16_t code, uint16_t ulpdu_len,
			  const uint8_t *head, const uint8_t *read);
/* It ends without a TERMINATE: end of stream, reset, peer's TERMINATE. @why: static text. */
void iwarp_conn_die(struct iwarp_conn *c, const char *why);
/* Everything queued was given to the kernel, while closing. */
void iwarp_conn_flushed(struct iwarp_conn *c);

static inline struct iwarp *iwarp_of(struct transport *t)
{
	return container_of(t, struct iwarp, base);
}

static inline struct iwarp_conn *iwarp_conn_of(struct conn *base)
{
	return container_of(base, struct iwarp_conn, base);
}

#endif
