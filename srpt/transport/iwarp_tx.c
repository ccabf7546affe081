/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream that goes out. Messages are cut into FPDUs only when there is room
 * for them in the batch: one message after the other, READ requests first, then
 * pushes, then what the peer reads.
 */
#include "transport/iwarp_priv.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define TX_BATCH_BYTES (512u << 10) /* of one batch, about */
#define TX_BATCHES 8                /* sent before others have their turn */
#define TX_BACKLOG (2u << 20)     /* bytes to be sent with which no request is taken */
#define TX_MUCH (128u << 10)      /* data of a push that makes its bytes count, not its number */
#define TX_FEW_REQUESTS 256       /* bytes of the socket that hold few requests */
#define TX_MSS_AGE 255              /* batches until TCP is asked for its MSS again */

enum tx_kind { TX_PULL = 1, TX_PUSH };

/* Whose message is half in the batch: no other may come in between. */
enum tx_current { TX_NONE, TX_WRITE, TX_SEND, TX_RESPONSE };

static const uint8_t nothing[1];

void iwarp_tx_init(struct iwarp_conn *c, uint32_t mss)
{
	struct iwarp_tx *tx = &c->tx;

	list_init(&tx->pulls);
	list_init(&tx->pulling);
	list_init(&tx->pushes);
	list_init(&tx->posted);
	tx->sink_generation = (uint16_t)iwarp_random();
	tx->broken = TERM_NONE;
	tx->ulpdu_max = mpa_ulpdu_max(mss);
	tx->send_msn = tx->read_msn = 1;
	iwarp_batch_init(&tx->batch);
}

void iwarp_tx_free(struct iwarp_conn *c)
{
	free(c->tx.tail);
	c->tx.tail = NULL;
	c->tx.tail_len = c->tx.tail_off = 0;
}

/* ---- what is to be sent ---- */

static void xfer_start(struct conn *base, struct xfer *x, enum tx_kind kind)
{
	x->conn = base;
	x->kind = (uint8_t)kind;
	x->seg = x->seg_off = x->off = x->pending = 0;
	x->status = 0;
	reactor_defer(base->reactor, &iwarp_conn_of(base)->run);
}

void iwarp_pull(struct conn *base, struct xfer *x)
{
	struct iwarp_tx *tx = &iwarp_conn_of(base)->tx;

	xfer_start(base, x, TX_PULL);
	x->end = tx->batch.queued;
	list_add_tail(x->local.len ? &tx->pulls : &tx->posted, &x->link);
}

void iwarp_push(struct conn *base, struct xfer *x)
{
	struct iwarp_tx *tx = &iwarp_conn_of(base)->tx;

	xfer_start(base, x, TX_PUSH);
	tx->backlog += x->local.len;
	tx->last_push = x->local.len;
	list_add_tail(&tx->pushes, &x->link);
}

static void xfer_end(struct xfer *x, int status)
{
	const struct transport_upcalls *up = x->conn->t->up;

	list_del(&x->link);
	x->status = status;
	if (x->kind == TX_PULL) {
		up->pulled(x, status);
		return;
	}
	iwarp_conn_of(x->conn)->tx.backlog -= x->local.len;
	up->sent(x, status);
}

size_t iwarp_tx_pace(struct iwarp_conn *c)
{
	struct iwarp_tx *tx = &c->tx;

	if (c->active || tx->nreads || tx->last_push < TX_MUCH)
		return IWARP_STAGE;
	if (tx->backlog < TX_BACKLOG)
		return TX_FEW_REQUESTS;
	tx->rx_waits = true;
	return 0;
}

/* How much of the segment at hand moves in all; false: the xfer has no segments left. */
static bool seg_extent(struct xfer *x, uint32_t *len)
{
	while (x->seg < x->nsegs && !x->segs[x->seg].len)
		x->seg++;
	if (x->seg == x->nsegs)
		return false;
	*len = min_u32(x->segs[x->seg].len - x->seg_off, x->local.len - x->off);
	return true;
}

static void tx_break(struct iwarp_conn *c, uint16_t code)
{
	if (c->tx.broken == TERM_NONE)
		c->tx.broken = code;
	reactor_defer(c->base.reactor, &c->run);
}

/* ---- FPDUs ---- */

static bool request_next(struct iwarp_conn *c)
{
	struct iwarp_tx *tx = &c->tx;
	struct xfer *x = list_first(&tx->pulls, struct xfer, link);
	struct ddp_seg seg = { .last = true, .opcode = RDMAP_READ_REQUEST,
			       .qn = RDMAP_QN_READ, .msn = tx->read_msn };
	uint8_t body[RDMAP_READ_REQUEST_LEN];
	struct iwarp_read *r;
	uint32_t len;

	if (!c->ord || !seg_extent(x, &len)) {
		tx_break(c, TERM_RDMAP_LOCAL);
		return false;
	}
	r = &tx->reads[(tx->read_first + tx->nreads++) % IWARP_READS_MAX];
	*r = (struct iwarp_read){ .x = x, .sink = x->local.addr + x->off, .len = len };
	r->stag = IWARP_STAG_INDEX_SINK << 16 | tx->sink_generation++;
	rdmap_read_encode(body, &(struct rdmap_read){ .sink_stag = r->stag, .len = len,
						      .source_stag = x->segs[x->seg].key,
						      .source_to = x->segs[x->seg].addr });
	iwarp_batch_add(&tx->batch, &seg, body, sizeof(body), c->crc);
	tx->read_msn++;
	iwarp_conn_watch(c);
	x->pending++;
	x->seg++;
	x->off += len;
	if (x->off == x->local.len) {
		list_del(&x->link);
		list_add_tail(&tx->pulling, &x->link);
	}
	return true;
}

static bool write_next(struct iwarp_conn *c, struct xfer *x)
{
	uint32_t left, len, room = c->tx.ulpdu_max - DDP_TAGGED_HEAD;
	const struct xfer_seg *to;
	struct ddp_seg seg;

	if (!seg_extent(x, &left)) {
		tx_break(c, TERM_RDMAP_LOCAL);
		return false;
	}
	len = min_u32(left, room);
	to = &x->segs[x->seg];
	seg = (struct ddp_seg){ .tagged = true, .last = len == left, .opcode = RDMAP_WRITE,
				.stag = to->key, .to = to->addr + x->seg_off };
	iwarp_batch_add(&c->tx.batch, &seg, x->local.addr + x->off, len, c->crc);
	c->tx.current = seg.last ? TX_NONE : TX_WRITE;
	x->off += len;
	x->seg_off += len;
	if (seg.last) {
		x->seg++;
		x->seg_off = 0;
	}
	return true;
}

static bool send_next(struct iwarp_conn *c, struct xfer *x)
{
	struct iwarp_tx *tx = &c->tx;
	uint32_t left = x->msg_len - tx->mo, len = min_u32(left, tx->ulpdu_max - DDP_UNTAGGED_HEAD);
	struct ddp_seg seg = { .last = len == left, .opcode = RDMAP_SEND, .qn = RDMAP_QN_SEND,
			       .msn = tx->send_msn, .mo = tx->mo };

	iwarp_batch_add(&tx->batch, &seg, len ? x->msg + tx->mo : nothing, len, c->crc);
	tx->current = seg.last ? TX_NONE : TX_SEND;
	tx->mo += len;
	if (!seg.last)
		return true;
	tx->mo = 0;
	tx->send_msn++;
	x->end = tx->batch.queued;
	list_del(&x->link);
	list_add_tail(&tx->posted, &x->link);
	return true;
}

static bool push_next(struct iwarp_conn *c)
{
	struct xfer *x = list_first(&c->tx.pushes, struct xfer, link);

	return x->off < x->local.len ? write_next(c, x) : send_next(c, x);
}

static struct iwarp_response *response_at(struct iwarp_tx *tx, unsigned i)
{
	return &tx->responses[(tx->response_first + i) % IWARP_READS_MAX];
}

static bool response_next(struct iwarp_conn *c)
{
	struct iwarp_tx *tx = &c->tx;
	struct iwarp_response *r = response_at(tx, tx->nqueued);
	uint32_t left = r->len - r->off, len = min_u32(left, tx->ulpdu_max - DDP_TAGGED_HEAD);
	struct ddp_seg seg = { .tagged = true, .last = len == left,
			       .opcode = RDMAP_READ_RESPONSE, .stag = r->stag,
			       .to = r->to + r->off };

	iwarp_batch_add(&tx->batch, &seg, len ? r->source + r->off : nothing, len, c->crc);
	tx->current = seg.last ? TX_NONE : TX_RESPONSE;
	r->off += len;
	if (seg.last) {
		r->end = tx->batch.queued;
		tx->nqueued++;
	}
	return true;
}

static bool requests_wait(const struct iwarp_conn *c)
{
	return !list_empty(&c->tx.pulls) &&
	       (!c->ord || c->tx.nreads < min_u32(c->ord, IWARP_READS_MAX));
}

/* Add one FPDU to the batch; false: nothing waits, or it must not be sent yet. */
static bool fpdu_next(struct iwarp_conn *c)
{
	struct iwarp_tx *tx = &c->tx;

	if (tx->current == TX_NONE && requests_wait(c))
		return request_next(c);
	if (tx->current != TX_RESPONSE && !list_empty(&tx->pushes))
		return push_next(c);
	return tx->nresponses > tx->nqueued && response_next(c);
}

static void batch_fill(struct iwarp_conn *c)
{
	struct iwarp_batch *b = &c->tx.batch;

	while (b->fpdus < IWARP_BATCH && b->queued - b->start < TX_BATCH_BYTES)
		if (!fpdu_next(c))
			break;
}

/* ---- the socket ---- */

/* Whatever the kernel took is done with. */
static void sent_complete(struct iwarp_conn *c)
{
	struct iwarp_tx *tx = &c->tx;

	while (tx->nqueued && iwarp_batch_is_sent(&tx->batch, response_at(tx, 0)->end)) {
		tx->response_first = (tx->response_first + 1) % IWARP_READS_MAX;
		tx->nresponses--;
		tx->nqueued--;
	}
	while (!list_empty(&tx->posted)) {
		struct xfer *x = list_first(&tx->posted, struct xfer, link);

		if (!iwarp_batch_is_sent(&tx->batch, x->end))
			break;
		xfer_end(x, 0);
	}
	if (tx->rx_waits && tx->backlog < TX_BACKLOG && c->state == IWARP_LIVE) {
		tx->rx_waits = false;
		iwarp_poller_heat(c);
	}
}

/* A path changes its MSS rarely. */
static void mss_refresh(struct iwarp_conn *c)
{
	socklen_t len = sizeof(int);
	int mss;

	if (c->tx.mss_age++ == TX_MSS_AGE &&
	    !getsockopt(c->fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &len) && mss > 0)
		c->tx.ulpdu_max = mpa_ulpdu_max((uint32_t)mss);
}

/* Send a batch. 0: done; 1: nothing waits; -EAGAIN: the socket is full; -errno. */
static int batch_run(struct iwarp_conn *c)
{
	struct iwarp_batch *b = &c->tx.batch;
	int rc;

	if (iwarp_batch_empty(b)) {
		mss_refresh(c);
		batch_fill(c);
	}
	if (iwarp_batch_empty(b))
		rc = 1;
	else
		rc = iwarp_batch_send(b, c->fd);
	sent_complete(c);
	return rc;
}

static void live_run(struct iwarp_conn *c)
{
	int rc = 0;

	/* RFC 5044 7.1.2: only an FPDU of the peer proves that it has our reply. */
	if (!c->active && !c->heard)
		return;
	for (int i = 0; !rc && i < TX_BATCHES && c->tx.broken == TERM_NONE; i++) {
		rc = batch_run(c);
		if (c->state != IWARP_LIVE)
			return;
	}
	if (c->tx.broken != TERM_NONE) {
		iwarp_conn_terminate(c, c->tx.broken, 0, NULL, NULL);
		return;
	}
	if (rc < 0 && rc != -EAGAIN) {
		/* The peer may have said why before it reset the connection. */
		iwarp_rx_ready(c);
		if (c->state == IWARP_LIVE)
			iwarp_conn_die(c, "connection lost");
		return;
	}
	iwarp_poller_want_write(c, rc == -EAGAIN);
	if (!rc)
		reactor_defer(c->base.reactor, &c->run);
}

/* ---- the end ---- */

/*
 * Replace all that is queued by the rest of an FPDU that is half out, and the
 * TERMINATE. Without memory the stream just ends.
 */
static void tail_make(struct iwarp_conn *c, const uint8_t *body, uint32_t len)
{
	struct ddp_seg seg = { .last = true, .opcode = RDMAP_TERMINATE,
			       .qn = RDMAP_QN_TERMINATE, .msn = 1 };
	struct iwarp_tx *tx = &c->tx;
	struct iwarp_batch *b = &tx->batch;
	uint32_t old = tx->tail_len - tx->tail_off, half = iwarp_batch_half(b);
	uint32_t term = len ? mpa_fpdu_len(DDP_UNTAGGED_HEAD + len) : 0;
	uint8_t *tail = old + half + term ? malloc(old + half + term) : NULL;

	if (tail && old)
		memcpy(tail, tx->tail + tx->tail_off, old);
	if (tail)
		iwarp_batch_copy(b, tail + old, half);
	iwarp_batch_drop(b);
	if (tail && term) {
		iwarp_batch_add(b, &seg, body, len, c->crc);
		iwarp_batch_copy(b, tail + old + half, term);
		b->queued = b->sent;
		iwarp_batch_drop(b);
	}
	iwarp_tx_free(c);
	tx->tail = tail;
	tx->tail_len = tail ? old + half + term : 0;
}

static void xfers_reset(struct iwarp_tx *tx)
{
	struct list_node *const lists[] = { &tx->pulls, &tx->pulling, &tx->posted, &tx->pushes };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		while (!list_empty(lists[i]))
			xfer_end(list_first(lists[i], struct xfer, link), -ECONNRESET);
}

/* What is queued is forgotten, but for xfers. */
static void queues_drop(struct iwarp_tx *tx)
{
	tx->nreads = tx->nresponses = tx->nqueued = 0;
	tx->current = TX_NONE;
	tx->mo = 0;
}

void iwarp_tx_abort(struct iwarp_conn *c, const uint8_t *body, uint32_t len)
{
	tail_make(c, body, c->active || c->heard ? len : 0);
	queues_drop(&c->tx);
	xfers_reset(&c->tx);
}

static int tail_send(struct iwarp_conn *c)
{
	struct iwarp_tx *tx = &c->tx;
	ssize_t n;

	while (tx->tail_off < tx->tail_len) {
		n = send(c->fd, tx->tail + tx->tail_off, tx->tail_len - tx->tail_off,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			tx->tail_off += (uint32_t)n;
	}
	return 0;
}

/* What the socket refuses for good need not be sent. */
static void closing_run(struct iwarp_conn *c)
{
	xfers_reset(&c->tx);
	if (c->state == IWARP_CLOSING && tail_send(c) == -EAGAIN) {
		iwarp_poller_want_write(c, true);
		return;
	}
	iwarp_tx_free(c);
	if (c->state == IWARP_CLOSING)
		iwarp_conn_flushed(c);
}

void iwarp_tx_run(struct iwarp_conn *c)
{
	if (c->state == IWARP_LIVE)
		live_run(c);
	else if (c->state >= IWARP_CLOSING)
		closing_run(c);
}

bool iwarp_tx_pending(const struct iwarp_conn *c)
{
	return !iwarp_batch_empty(&c->tx.batch) || c->tx.tail_off < c->tx.tail_len;
}

/* ---- READs ---- */

int iwarp_tx_read_response(struct iwarp_conn *c, const struct rdmap_read *r, const uint8_t *source)
{
	struct iwarp_tx *tx = &c->tx;

	if (tx->nresponses >= min_u32(c->ird, IWARP_READS_MAX))
		return -ENOSPC;
	*response_at(tx, tx->nresponses) = (struct iwarp_response){
		.source = source,
		.to = r->sink_to,
		.stag = r->sink_stag,
		.source_stag = r->source_stag,
		.len = r->len,
	};
	tx->nresponses++;
	reactor_defer(c->base.reactor, &c->run);
	return 0;
}

struct iwarp_read *iwarp_tx_oldest_read(struct iwarp_conn *c)
{
	return c->tx.nreads ? &c->tx.reads[c->tx.read_first] : NULL;
}

void iwarp_tx_read_done(struct iwarp_conn *c)
{
	struct iwarp_tx *tx = &c->tx;
	struct xfer *x = tx->reads[tx->read_first].x;

	tx->read_first = (tx->read_first + 1) % IWARP_READS_MAX;
	tx->nreads--;
	if (!list_empty(&tx->pulls))
		reactor_defer(c->base.reactor, &c->run);
	if (!--x->pending && x->off == x->local.len)
		xfer_end(x, 0);
}

uint64_t iwarp_tx_reads_progress(const struct iwarp_conn *c)
{
	const struct iwarp_tx *tx = &c->tx;

	return (uint64_t)(tx->read_msn - tx->nreads) << 32 | tx->reads[tx->read_first].got;
}

/*
 * Bytes that follow in an FPDU that is half out are copied while they may be; the
 * rest of a response can never be sent, so the stream ends with the next run.
 */
void iwarp_tx_forget(struct iwarp_conn *c, uint32_t stag)
{
	struct iwarp_tx *tx = &c->tx;
	bool found = false;

	for (unsigned i = 0; i < tx->nresponses; i++)
		found |= response_at(tx, i)->len && response_at(tx, i)->source_stag == stag;
	if (!found)
		return;
	tail_make(c, NULL, 0);
	queues_drop(tx);
	tx_break(c, TERM_RDMAP_INVALID_STAG);
}
