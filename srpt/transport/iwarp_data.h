/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data path of software iWARP: a stream of FPDUs in, a stream of FPDUs out, and
 * the table of steering tags. One connection, one reactor; knows neither
 * handshake nor life: it reports to iwarp_conn.c. No malloc, no lock.
 */
#ifndef SRPT_TRANSPORT_IWARP_DATA_H
#define SRPT_TRANSPORT_IWARP_DATA_H

#include "transport/iwarp_ddp.h"
#include "transport/iwarp_mpa.h"
#include "transport/transport.h"

struct iwarp_conn;

#define IWARP_STAGE (256u << 10)

/* Memory for one message. */
struct iwarp_slot {
	struct rx rx; /* first; data is page aligned at params.imm_offset */
	struct iwarp_slot *next;
};

/* Free slots of a reactor; last in, first out, so that few are ever touched. */
struct iwarp_slots {
	struct iwarp_slot *free;
};

/* ---- iwarp_stag.c: what a peer may touch ---- */

struct iwarp_stag; /* one entry; index in the upper bits of the tag, generation below */

struct iwarp_stags {
	struct iwarp_stag *entry; /* @size of them */
	uint32_t size;
	uint32_t free; /* first free one, a list; size: none */
};

/* Control thread or reactor, before use; allocates. 0 or -ENOMEM. */
int iwarp_stags_init(struct iwarp_stags *s, uint32_t size);
void iwarp_stags_free(struct iwarp_stags *s);

/* ---- iwarp_rx.c ---- */

/* Where the parser is in the stream. Defined by iwarp_rx.c's author below this line. */
struct iwarp_rx {
	uint32_t send_msn; /* expected next */
};

void iwarp_rx_init(struct iwarp_conn *c);
/*
 * The socket may be readable: read and handle a fair amount. Returns the number of
 * FPDUs handled; 0: would block. Afterwards the connection may be dying (see
 * iwarp_conn_terminate(), iwarp_conn_die()). Only while LIVE.
 */
int iwarp_rx_ready(struct iwarp_conn *c);
/* The first @len bytes of the stream, read by the handshake already. */
void iwarp_rx_feed(struct iwarp_conn *c, const uint8_t *p, size_t len);
/* Place nothing any more: memory of xfers, exposures and slots is left alone. */
void iwarp_rx_stop(struct iwarp_conn *c);

/* ---- iwarp_tx.c ---- */

struct iwarp_tx {
	struct list_node queue; /* xfers to be sent, in order */
};

void iwarp_tx_init(struct iwarp_conn *c, uint32_t mss);
void iwarp_pull(struct conn *base, struct xfer *x);
void iwarp_push(struct conn *base, struct xfer *x);
/* Send what is queued, as much as the socket takes. Reactor, STAGE_TRANSPORT. */
void iwarp_tx_run(struct iwarp_conn *c);
/* Serve a READ request of the peer; the memory was checked. -ENOSPC: more than c->ird. */
int iwarp_tx_read_response(struct iwarp_conn *c, const struct rdmap_read *r);
/* The response to our oldest READ request is complete. */
void iwarp_tx_read_done(struct iwarp_conn *c);
/* Bytes are waiting for the socket. */
bool iwarp_tx_pending(const struct iwarp_conn *c);
/*
 * Hand every xfer back with -ECONNRESET and forget what is queued, but for the rest
 * of an FPDU that is half out; behind it a TERMINATE with @body (@len 0: none).
 */
void iwarp_tx_abort(struct iwarp_conn *c, const uint8_t *body, uint32_t len);

int iwarp_expose(struct conn *base, const struct iobuf *b, unsigned access, struct exposure *e);
void iwarp_unexpose(struct conn *base, struct exposure *e);

#endif
