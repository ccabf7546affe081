/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data path of software iWARP: a stream of FPDUs in, a stream of FPDUs out, and
 * the table of steering tags. One connection, one reactor; knows neither
 * handshake nor life: it reports to iwarp_conn.c. No lock; no malloc but for the
 * first exposure and at a connection's end.
 */
#ifndef SRPT_TRANSPORT_IWARP_DATA_H
#define SRPT_TRANSPORT_IWARP_DATA_H

#include "transport/iwarp_ddp.h"
#include "transport/iwarp_mpa.h"
#include "transport/transport.h"

#include <sys/uio.h>

struct iwarp_conn;

#define IWARP_STAGE (256u << 10)
#define IWARP_READS_MAX 16u /* RDMA READs in flight per connection and direction */

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

/*
 * A tag is the index of its entry (upper 16 bits) and a generation (lower 16),
 * that starts at random and moves on with each use of the entry.
 */
#define IWARP_STAGS_MAX 0xffffu
#define IWARP_STAG_INDEX_SINK 0xffffu /* of the tags of READ requests: they are not in the table */

struct iwarp_stag {
	uint8_t *mem;
	uint64_t to;     /* tagged offset of the first byte; no address of ours */
	uint32_t len;
	uint32_t next;   /* while free */
	uint16_t generation;
	uint8_t access;  /* EXPOSE_*; 0: the peer may not use it (any more) */
	bool taken;
};

struct iwarp_stags {
	struct iwarp_stag *entry; /* @size of them; NULL until one is needed */
	uint32_t size;
	uint32_t free; /* first free one, a list; size: none */
};

enum iwarp_stag_error {
	IWARP_STAG_OK,
	IWARP_STAG_INVALID,
	IWARP_STAG_ACCESS,
	IWARP_STAG_TO_WRAP,
	IWARP_STAG_BOUNDS,
};

/*
 * For @size exposures at once, memory for which is allocated with the first one.
 * (READ requests need none.) Control thread or reactor, before use. 0 or -EINVAL
 * (more than IWARP_STAGS_MAX).
 */
int iwarp_stags_init(struct iwarp_stags *s, uint32_t size);
void iwarp_stags_free(struct iwarp_stags *s);

/* An unpredictable number. */
uint32_t iwarp_random(void);

/*
 * May the peer do @access (one EXPOSE_*) to @len > 0 bytes at @to of @stag? With
 * IWARP_STAG_OK *@mem is where they are.
 */
enum iwarp_stag_error iwarp_stag_check(const struct iwarp_stags *s, uint32_t stag, uint64_t to,
				       uint32_t len, unsigned access, uint8_t **mem);

/* The peer gives @stag up: it is of no use any more, but not free. False: it is none. */
bool iwarp_stag_invalidate(struct iwarp_stags *s, uint32_t stag);

int iwarp_expose(struct conn *base, const struct iobuf *b, unsigned access, struct exposure *e);
/* What is just being placed there or sent from there is the end of the connection. */
void iwarp_unexpose(struct conn *base, struct exposure *e);

/* ---- iwarp_rx.c ---- */

/*
 * Where the parser is in the stream: in the header (@have bytes of it in @head),
 * in the payload (@left bytes to come) or in pad and CRC (@have bytes in
 * @trailer) of an FPDU.
 */
struct iwarp_rx {
	uint8_t *dest;           /* where the next byte of payload goes; NULL: nowhere */
	struct iwarp_slot *slot; /* of the SEND under way */
	struct ddp_seg seg;      /* of this FPDU */
	uint32_t left;
	uint32_t crc;            /* so far */
	uint32_t msn[3];         /* expected next, by queue */
	uint32_t mo;             /* of the SEND under way: bytes received */
	uint32_t fpdus;          /* received */
	uint16_t ulpdu_len;
	uint16_t error;          /* enum term_code; of this FPDU, told once its CRC was checked */
	uint8_t state;
	uint8_t have;
	uint8_t bulk;            /* > 0: much payload came lately, more is likely */
	bool stopped;
	bool drained;            /* the last iwarp_rx_ready() read all there was */
	uint8_t head[MPA_HEAD + DDP_HEAD_MAX];
	uint8_t trailer[MPA_TRAILER_MAX];
	uint8_t body[RDMAP_TERMINATE_MAX]; /* payload of a READ request or TERMINATE */
};

void iwarp_rx_init(struct iwarp_conn *c);
/*
 * The socket may be readable: read and handle a fair amount. 0: nothing came, it
 * would block; else more may be there, unless c->rx.drained. Afterwards the
 * connection may be dying (see iwarp_conn_terminate(), iwarp_conn_die()). Only
 * while LIVE.
 */
int iwarp_rx_ready(struct iwarp_conn *c);
/* The first @len bytes of the stream, read by the handshake already. */
void iwarp_rx_feed(struct iwarp_conn *c, const uint8_t *p, size_t len);
/*
 * Place nothing any more: memory of xfers, exposures and slots is left alone. A
 * slot in use is put back. Idempotent.
 */
void iwarp_rx_stop(struct iwarp_conn *c);
/* What is being placed by @stag goes nowhere, and ends the connection. */
void iwarp_rx_forget(struct iwarp_conn *c, uint32_t stag);

/* ---- iwarp_tx.c, iwarp_batch.c ---- */

#define IWARP_BATCH 64u  /* FPDUs given to the kernel at once */
#define IWARP_INLINE 64u /* payload up to that is copied next to its header */
#define IWARP_FPDU_OVERHEAD (MPA_HEAD + DDP_HEAD_MAX + MPA_TRAILER_MAX)

/*
 * FPDUs on their way to the socket. @bytes holds headers, trailers and short
 * payload one behind the other, so that a trailer and the next header are one
 * vector. Positions count the bytes of the stream, modulo 2^32.
 */
struct iwarp_batch {
	struct iovec iov[2 * IWARP_BATCH + 1];
	uint32_t end[IWARP_BATCH]; /* position behind each FPDU */
	uint32_t start;            /* position of the first */
	uint32_t queued, sent;     /* position behind the last; of what the kernel took */
	uint16_t first, n;         /* vectors: the first not wholly sent, all */
	uint16_t fpdus;
	uint16_t used;             /* of @bytes */
	uint8_t bytes[IWARP_BATCH * (IWARP_FPDU_OVERHEAD + IWARP_INLINE)];
};

void iwarp_batch_init(struct iwarp_batch *b);
/*
 * Add an FPDU: @seg and @len bytes at @p, which must stay as they are until they
 * are sent. There is room: fpdus < IWARP_BATCH.
 */
void iwarp_batch_add(struct iwarp_batch *b, const struct ddp_seg *seg, const uint8_t *p,
		     uint32_t len, bool crc);
/* Give it to @fd, as much as it takes. 0, -EAGAIN (not all was taken) or -errno. */
int iwarp_batch_send(struct iwarp_batch *b, int fd);
/* Bytes that are missing from the FPDU that is half out; 0: none is. */
uint32_t iwarp_batch_half(const struct iwarp_batch *b);
/* Copy the next @len bytes to be sent. */
void iwarp_batch_copy(const struct iwarp_batch *b, uint8_t *p, uint32_t len);
/* Forget what was not sent. */
void iwarp_batch_drop(struct iwarp_batch *b);

static inline bool iwarp_batch_empty(const struct iwarp_batch *b)
{
	return b->sent == b->queued;
}

static inline bool iwarp_batch_is_sent(const struct iwarp_batch *b, uint32_t position)
{
	return (int32_t)(b->sent - position) >= 0;
}

/* A READ request of ours whose response is not complete. */
struct iwarp_read {
	struct xfer *x;
	uint8_t *sink;
	uint32_t len, got;
	uint32_t stag; /* tagged offsets start at 0 */
};

/* A READ request of the peer: its response is not wholly sent. */
struct iwarp_response {
	const uint8_t *source;
	uint64_t to;
	uint32_t stag, source_stag;
	uint32_t len, off;
	uint32_t end; /* position behind it, once it is wholly in the batch */
};

struct iwarp_tx {
	struct list_node pulls;   /* xfers, FIFO: not all READ requests are sent */
	struct list_node pulling; /* all are, some responses are missing */
	struct list_node pushes;  /* FIFO: not all is in the batch */
	struct list_node posted;  /* all is; done when the kernel took it (x->end) */
	struct iwarp_read reads[IWARP_READS_MAX];
	struct iwarp_response responses[IWARP_READS_MAX];
	uint8_t read_first, nreads;
	uint8_t response_first, nresponses, nqueued; /* oldest; all; wholly in the batch */
	uint8_t current;     /* the message whose first segment, but not last is in the batch */
	uint8_t mss_age;     /* batches since the MSS was asked for */
	uint16_t sink_generation;
	uint16_t broken;     /* enum term_code: why the stream must end; TERM_NONE: it need not */
	uint32_t ulpdu_max;
	uint32_t send_msn, read_msn;
	uint32_t mo;         /* of the SEND under way */
	uint64_t backlog;    /* bytes of pushes that the kernel did not take yet */
	uint32_t last_push;  /* bytes of data of the last push */
	bool rx_waits;       /* the socket is to be read again when there is less of that */
	uint8_t *tail;       /* last bytes of the stream, when all else was given up */
	uint32_t tail_len, tail_off;
	struct iwarp_batch batch;
};

void iwarp_tx_init(struct iwarp_conn *c, uint32_t mss);
/* When the socket is closed; every xfer was handed back. */
void iwarp_tx_free(struct iwarp_conn *c);
void iwarp_pull(struct conn *base, struct xfer *x);
void iwarp_push(struct conn *base, struct xfer *x);
/*
 * Send what is queued, as much as the socket takes. Reactor, STAGE_TRANSPORT. While
 * CLOSING it hands back xfers that still came; iwarp_conn_flushed() when no
 * byte waits.
 */
void iwarp_tx_run(struct iwarp_conn *c);
/*
 * Serve a READ request of the peer from @source, the memory it means (checked).
 * -ENOSPC: more than c->ird.
 */
int iwarp_tx_read_response(struct iwarp_conn *c, const struct rdmap_read *r,
			   const uint8_t *source);
/*
 * How many bytes of messages should be taken from the socket now. A peer that asks
 * for much data has to wait with the next requests until most of it was sent: then
 * what is read for it is still in the processor's cache when it is sent. 0: none;
 * the connection is made hot when that changes. Only where we are the target:
 * if both ends did not read while they send, none would ever.
 */
size_t iwarp_tx_pace(struct iwarp_conn *c);
/* Our oldest READ request that is not complete; NULL: none. */
struct iwarp_read *iwarp_tx_oldest_read(struct iwarp_conn *c);
/* The response to it is complete: pulled(). */
void iwarp_tx_read_done(struct iwarp_conn *c);
/* Another number whenever anything has come for READ requests, as long as some wait. */
uint64_t iwarp_tx_reads_progress(const struct iwarp_conn *c);
/* Bytes are waiting for the socket. */
bool iwarp_tx_pending(const struct iwarp_conn *c);
/*
 * Hand every xfer back with -ECONNRESET and forget what is queued, but for the rest
 * of an FPDU that is half out; behind it a TERMINATE with @body (@len 0: none).
 */
void iwarp_tx_abort(struct iwarp_conn *c, const uint8_t *body, uint32_t len);
/* No byte is sent any more from what @stag exposed; if one has to be, the stream ends. */
void iwarp_tx_forget(struct iwarp_conn *c, uint32_t stag);

#endif
