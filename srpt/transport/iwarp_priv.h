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

#define IWARP_READS_MAX 16u           /* RDMA READs in flight per connection and direction */
#define IWARP_REQUEST_NS 10000000000ull /* for an MPA request to arrive and be answered */
#define IWARP_LINGER_NS 1000000000ull /* for the peer to close after us */
#define IWARP_REQUESTS_MAX 256u       /* handshakes under way; more wait in the backlog */

struct iwarp_poller;

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
	bool fin_sent, fin_seen;
	bool want_write;            /* EPOLLOUT is asked for */
	uint32_t rx_held;           /* messages SRP has not put back */
	uint32_t rx_depth;          /* that it may have at most */
	uint8_t ord;                /* READ requests we may have outstanding */
	uint8_t ird;                /* READ requests of the peer we take at once */
	struct iwarp_rx rx;         /* iwarp_rx.c */
	struct iwarp_tx tx;         /* iwarp_tx.c */
	struct iwarp_stags stags;   /* iwarp_stag.c */
	struct reactor_deferred run; /* STAGE_TRANSPORT: send */
	struct reactor_timer timer; /* opening, lingering */

	/* cold */
	struct msg msg;             /* control → reactor: attach; reactor → control: gone */
	const char *why;            /* first reason of its end, static text */
	uint8_t frame[MPA_FRAME_MAX]; /* start-up frame under way */
	uint16_t frame_len, frame_off;
	uint32_t slots_reserved;
};

/* The sockets of one reactor, in an epoll instance of their own. */
struct iwarp_poller {
	struct reactor_source source;
	struct reactor *reactor;
	struct iwarp *t;
	int epoll_fd;
	struct list_node conns;
	struct list_node hot;
	struct iwarp_slots slots;
	uint8_t *stage;  /* IWARP_STAGE bytes that recvmsg() fills, shared by all connections */
	bool started;
};

/* ---- iwarp_poller.c ---- */

/* Take a slot for a message of @c; NULL: it has rx_depth of them already. */
struct iwarp_slot *iwarp_slot_get(struct iwarp_conn *c);
void iwarp_slot_put(struct iwarp_conn *c, struct iwarp_slot *s);
/* Ask for EPOLLOUT too, or no longer. */
void iwarp_poller_want_write(struct iwarp_conn *c, bool want);

/* ---- iwarp_conn.c: what the data path reports; reactor ---- */

/*
 * The stream cannot go on: dying(), xfers come back, TERMINATE with @code about
 * the segment with @head (or NULL) is sent, then the connection closes.
 */
void iwarp_conn_terminate(struct iwarp_conn *c, uint16_t code, uint16_t ulpdu_len,
			  const uint8_t *head, const uint8_t *read);
/* It ends without a TERMINATE: end of stream, reset, peer's TERMINATE. @why: static text. */
void iwarp_conn_die(struct iwarp_conn *c, const char *why);
/* Everything queued was given to the kernel, while closing. */
void iwarp_conn_flushed(struct iwarp_conn *c);

static inline struct iwarp_conn *iwarp_conn_of(struct conn *base)
{
	return container_of(base, struct iwarp_conn, base);
}

#endif
