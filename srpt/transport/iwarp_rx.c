/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream that comes in. Payload is placed as it arrives, but nothing is
 * delivered before the CRC of its FPDU was checked. What is left of a payload
 * when the bytes at hand are used up is read straight to where it belongs: bulk
 * data is copied by the kernel only.
 */
#include "transport/iwarp_priv.h"

#include "base/crc32c.h"

#include <errno.h>
#include <string.h>

#define RX_BUDGET (1u << 20) /* bytes read before others have their turn */
#define RX_READS 32          /* calls of recvmsg(), likewise */
#define RX_BULK (32u << 10)  /* payload worth a call of its own rather than a copy */
#define RX_BULK_MEMORY 4u    /* smaller FPDUs after which no more of it is expected */
#define RX_PEEK 256u         /* what may be read behind such payload, or before it */

#define HEAD_BEGIN (MPA_HEAD + 1u) /* with the byte that tells how long the header is */

enum rx_state { RX_HEAD, RX_PAYLOAD, RX_TRAILER };

static struct log_limit rx_limit;

/* What a bad steering tag is called: by DDP of what is placed, by RDMAP of what is read. */
static const uint16_t stag_codes[][2] = {
	[IWARP_STAG_OK] = { TERM_NONE, TERM_NONE },
	[IWARP_STAG_INVALID] = { TERM_DDP_TAGGED_INVALID_STAG, TERM_RDMAP_INVALID_STAG },
	[IWARP_STAG_ACCESS] = { TERM_RDMAP_ACCESS, TERM_RDMAP_ACCESS },
	[IWARP_STAG_TO_WRAP] = { TERM_DDP_TAGGED_TO_WRAP, TERM_RDMAP_TO_WRAP },
	[IWARP_STAG_BOUNDS] = { TERM_DDP_TAGGED_BOUNDS, TERM_RDMAP_BOUNDS },
};

static bool rx_goes_on(const struct iwarp_conn *c)
{
	return !c->rx.stopped && c->state == IWARP_LIVE;
}

static uint32_t payload_len(const struct iwarp_rx *rx)
{
	return rx->ulpdu_len - rx->seg.head_len;
}

/* ---- messages: begin() finds the place for a payload, end() delivers it ---- */

/* Strictly the next message, the next byte of it, no more than @room. */
static uint16_t untagged_check(const struct iwarp_rx *rx, uint32_t mo, uint32_t room)
{
	if (rx->seg.msn != rx->msn[rx->seg.qn])
		return TERM_DDP_UNTAGGED_MSN;
	if (rx->seg.mo != mo)
		return TERM_DDP_UNTAGGED_MO;
	if (rx->left > room - mo)
		return TERM_DDP_UNTAGGED_TOO_LONG;
	return TERM_NONE;
}

static uint16_t write_begin(struct iwarp_conn *c)
{
	struct iwarp_rx *rx = &c->rx;

	if (!rx->left)
		return TERM_NONE;
	return stag_codes[iwarp_stag_check(&c->stags, rx->seg.stag, rx->seg.to, rx->left,
					   EXPOSE_WRITE, &rx->dest)][0];
}

static uint16_t write_end(struct iwarp_conn *c)
{
	(void)c;
	return TERM_NONE;
}

static uint16_t body_begin(struct iwarp_conn *c)
{
	struct iwarp_rx *rx = &c->rx;

	rx->dest = rx->body;
	return untagged_check(rx, 0, sizeof(rx->body));
}

static uint16_t read_request_begin(struct iwarp_conn *c)
{
	struct iwarp_rx *rx = &c->rx;
	uint16_t code = untagged_check(rx, 0, RDMAP_READ_REQUEST_LEN);

	rx->dest = rx->body;
	if (code == TERM_NONE && (rx->left != RDMAP_READ_REQUEST_LEN || !rx->seg.last))
		return TERM_RDMAP_UNSPECIFIED;
	return code;
}

static uint16_t read_request_end(struct iwarp_conn *c)
{
	struct iwarp_rx *rx = &c->rx;
	uint8_t *source = NULL;
	struct rdmap_read r;
	uint16_t code;

	rdmap_read_decode(rx->body, &r);
	if (r.len) {
		code = stag_codes[iwarp_stag_check(&c->stags, r.source_stag, r.source_to, r.len,
						   EXPOSE_READ, &source)][1];
		if (code != TERM_NONE)
			return code;
	}
	/* The queue of READ requests has as many buffers as we told the peer. */
	if (iwarp_tx_read_response(c, &r, source))
		return TERM_DDP_UNTAGGED_NO_BUFFER;
	rx->msn[RDMAP_QN_READ]++;
	return TERM_NONE;
}

/* The next bytes of our oldest READ, its last segment where it must be. */
static uint16_t read_response_begin(struct iwarp_conn *c)
{
	struct iwarp_read *r = iwarp_tx_oldest_read(c);
	struct iwarp_rx *rx = &c->rx;

	if (!r)
		return TERM_RDMAP_OPCODE;
	if (rx->left && rx->seg.stag != r->stag)
		return TERM_DDP_TAGGED_INVALID_STAG;
	if (rx->left && rx->seg.to + (rx->left - 1) < rx->seg.to)
		return TERM_DDP_TAGGED_TO_WRAP;
	if (rx->left > r->len - r->got || (rx->left && rx->seg.to != r->got) ||
	    rx->seg.last != (rx->left == r->len - r->got))
		return TERM_DDP_TAGGED_BOUNDS;
	rx->dest = r->sink + r->got;
	return TERM_NONE;
}

static uint16_t read_response_end(struct iwarp_conn *c)
{
	struct iwarp_read *r = iwarp_tx_oldest_read(c);

	/* Given up since the segment began, with the rest of the stream. */
	if (!r)
		return TERM_RDMAP_OPCODE;
	r->got += payload_len(&c->rx);
	if (c->rx.seg.last)
		iwarp_tx_read_done(c);
	return TERM_NONE;
}

static uint16_t send_begin(struct iwarp_conn *c)
{
	struct iwarp_rx *rx = &c->rx;
	uint16_t code = untagged_check(rx, rx->mo, c->base.t->params.max_recv);

	if (code != TERM_NONE)
		return code;
	if (!rx->slot)
		rx->slot = iwarp_slot_get(c);
	if (!rx->slot)
		return TERM_DDP_UNTAGGED_NO_BUFFER;
	rx->dest = rx->slot->rx.data + rx->mo;
	return TERM_NONE;
}

static uint16_t send_end(struct iwarp_conn *c)
{
	struct iwarp_rx *rx = &c->rx;
	struct rx *message = &rx->slot->rx;

	rx->mo += payload_len(rx);
	if (!rx->seg.last)
		return TERM_NONE;
	message->len = rx->mo;
	list_init(&message->link);
	rx->slot = NULL;
	rx->mo = 0;
	/* The peer's "ready to receive" (RFC 6581 9.2) is not for who is above us. */
	if (rx->msn[RDMAP_QN_SEND]++ == 1 && !message->len && c->rtr_send)
		iwarp_slot_put(c, container_of(message, struct iwarp_slot, rx));
	else
		c->base.t->up->recv(&c->base, message);
	return TERM_NONE;
}

static uint16_t send_invalidate_end(struct iwarp_conn *c)
{
	if (c->rx.seg.last && !iwarp_stag_invalidate(&c->stags, c->rx.seg.stag))
		return TERM_RDMAP_CANNOT_INVALIDATE;
	return send_end(c);
}

static uint16_t terminate_end(struct iwarp_conn *c)
{
	uint16_t code = rdmap_terminate_decode(c->rx.body, payload_len(&c->rx));

	log_warn_limited(&rx_limit, "%s: the peer terminates: %s", c->base.info.peer,
			 term_name(code));
	iwarp_conn_die(c, "terminated by the peer");
	return TERM_NONE;
}

static const struct rx_message {
	uint16_t (*begin)(struct iwarp_conn *c);
	uint16_t (*end)(struct iwarp_conn *c);
} messages[] = {
	[RDMAP_WRITE] = { write_begin, write_end },
	[RDMAP_READ_REQUEST] = { read_request_begin, read_request_end },
	[RDMAP_READ_RESPONSE] = { read_response_begin, read_response_end },
	[RDMAP_SEND] = { send_begin, send_end },
	[RDMAP_SEND_INVALIDATE] = { send_begin, send_invalidate_end },
	[RDMAP_SEND_SOLICITED] = { send_begin, send_end },
	[RDMAP_SEND_SOLICITED_INVALIDATE] = { send_begin, send_invalidate_end },
	[RDMAP_TERMINATE] = { body_begin, terminate_end },
};

/* ---- FPDUs ---- */

static void fpdu_refuse(struct iwarp_conn *c, uint16_t code)
{
	struct iwarp_rx *rx = &c->rx;
	bool read = rx->seg.opcode == RDMAP_READ_REQUEST && !rx->left && rx->dest;

	iwarp_conn_terminate(c, code, rx->ulpdu_len, rx->head + MPA_HEAD, read ? rx->body : NULL);
}

/*
 * With a CRC what is wrong is told when it was checked: the header may be what is broken.
 * And who was connected to says nothing before a whole FPDU came (RFC 5044 7.1.2).
 */
static void head_done(struct iwarp_conn *c)
{
	struct iwarp_rx *rx = &c->rx;

	rx->crc = c->crc ? crc32c(0, rx->head, rx->have) : 0;
	rx->dest = NULL;
	rx->error = ddp_decode(rx->head + MPA_HEAD, &rx->seg);
	rx->left = payload_len(rx);
	if (rx->left >= RX_BULK)
		rx->bulk = RX_BULK_MEMORY;
	else if (rx->bulk)
		rx->bulk--;
	rx->have = 0;
	rx->state = rx->left ? RX_PAYLOAD : RX_TRAILER;
	if (rx->error == TERM_NONE)
		rx->error = messages[rx->seg.opcode].begin(c);
	if (rx->error == TERM_NONE)
		return;
	rx->dest = NULL;
	if (!c->crc && (c->active || c->heard))
		fpdu_refuse(c, rx->error);
}

static size_t head_take(struct iwarp_conn *c, const uint8_t *p, size_t len)
{
	struct iwarp_rx *rx = &c->rx;
	size_t want = rx->have < HEAD_BEGIN ? HEAD_BEGIN :
					      MPA_HEAD + ddp_head_len(rx->head[MPA_HEAD]);
	size_t n = want - rx->have < len ? want - rx->have : len;

	memcpy(rx->head + rx->have, p, n);
	rx->have += (uint8_t)n;
	if (rx->have < want)
		return n;
	rx->ulpdu_len = get_be16(rx->head);
	if (want > HEAD_BEGIN)
		head_done(c);
	else if (rx->ulpdu_len < ddp_head_len(rx->head[MPA_HEAD]))
		iwarp_conn_terminate(c, TERM_MPA_FRAME, 0, NULL, NULL);
	return n;
}

/* The next @n bytes of payload, @p, are where they belong. */
static void payload_placed(struct iwarp_conn *c, const uint8_t *p, size_t n)
{
	struct iwarp_rx *rx = &c->rx;

	if (c->crc)
		rx->crc = crc32c(rx->crc, p, n);
	if (rx->dest)
		rx->dest += n;
	rx->left -= (uint32_t)n;
	if (!rx->left)
		rx->state = RX_TRAILER;
}

static size_t payload_take(struct iwarp_conn *c, const uint8_t *p, size_t len)
{
	struct iwarp_rx *rx = &c->rx;
	size_t n = rx->left < len ? rx->left : len;

	if (rx->dest)
		memcpy(rx->dest, p, n);
	payload_placed(c, p, n);
	return n;
}

static bool crc_is_right(const struct iwarp_rx *rx, uint32_t pad)
{
	const uint8_t *p = rx->trailer + pad;
	uint32_t sent = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			(uint32_t)p[3] << 24;

	return crc32c(rx->crc, rx->trailer, pad) == sent;
}

static void fpdu_done(struct iwarp_conn *c, uint32_t pad)
{
	struct iwarp_rx *rx = &c->rx;
	uint16_t code = rx->error;

	rx->state = RX_HEAD;
	rx->have = 0;
	if (c->crc && !crc_is_right(rx, pad)) {
		iwarp_conn_terminate(c, TERM_MPA_CRC, 0, NULL, NULL);
		return;
	}
	rx->fpdus++;
	if (!c->heard) {
		c->heard = true;
		reactor_defer(c->base.reactor, &c->run);
	}
	if (code == TERM_NONE)
		code = messages[rx->seg.opcode].end(c);
	if (code != TERM_NONE)
		fpdu_refuse(c, code);
}

static size_t trailer_take(struct iwarp_conn *c, const uint8_t *p, size_t len)
{
	struct iwarp_rx *rx = &c->rx;
	uint32_t pad = mpa_pad(rx->ulpdu_len);
	size_t want = pad + 4 - rx->have, n = want < len ? want : len;

	memcpy(rx->trailer + rx->have, p, n);
	rx->have += (uint8_t)n;
	if (n == want)
		fpdu_done(c, pad);
	return n;
}

void iwarp_rx_feed(struct iwarp_conn *c, const uint8_t *p, size_t len)
{
	static size_t (*const take[])(struct iwarp_conn *c, const uint8_t *p, size_t len) = {
		[RX_HEAD] = head_take,
		[RX_PAYLOAD] = payload_take,
		[RX_TRAILER] = trailer_take,
	};

	while (len && rx_goes_on(c)) {
		size_t n = take[c->rx.state](c, p, len);

		p += n;
		len -= n;
	}
}

/* ---- the socket ---- */

/*
 * Returns what recvmsg() did; *@room is what it was offered: the place of the
 * payload under way and up to @pace bytes for what follows.
 */
static ssize_t rx_read(struct iwarp_conn *c, size_t pace, size_t *room)
{
	struct iwarp_rx *rx = &c->rx;
	size_t direct = rx->state == RX_PAYLOAD && rx->dest ? rx->left : 0, placed;
	struct iovec iov[2] = { { rx->dest, direct },
				{ c->p->stage, rx->bulk && pace > RX_PEEK ? RX_PEEK : pace } };
	struct msghdr mh = { .msg_iov = direct ? iov : iov + 1, .msg_iovlen = direct ? 2 : 1 };
	ssize_t n = recvmsg(c->fd, &mh, MSG_DONTWAIT);

	*room = direct + iov[1].iov_len;
	if (n <= 0)
		return n;
	placed = (size_t)n < direct ? (size_t)n : direct;
	if (placed)
		payload_placed(c, rx->dest, placed);
	iwarp_rx_feed(c, c->p->stage, (size_t)n - placed);
	return n;
}

static void rx_ended(struct iwarp_conn *c, ssize_t n)
{
	if (!n) {
		iwarp_conn_die(c, "closed by the peer");
	} else if (errno != EAGAIN && errno != EINTR) {
		iwarp_conn_die(c, "connection lost");
	}
}

/* Of the requests of a slow pace the answers come first, so one call does. */
int iwarp_rx_ready(struct iwarp_conn *c)
{
	size_t room, total = 0, pace = iwarp_tx_pace(c);
	int reads = 0, most = pace < IWARP_STAGE ? 1 : RX_READS;
	ssize_t n;

	c->rx.drained = !pace;
	if (!pace)
		iwarp_poller_cool(c);
	while (pace && rx_goes_on(c) && total < RX_BUDGET && reads < most) {
		n = rx_read(c, pace, &room);
		if (n <= 0) {
			c->rx.drained = n < 0 && errno == EAGAIN;
			rx_ended(c, n);
			break;
		}
		reads++;
		total += (size_t)n;
		/* Less than there was room for: nothing is left. */
		c->rx.drained = (size_t)n < room;
		if (c->rx.drained)
			break;
	}
	return reads;
}

void iwarp_rx_init(struct iwarp_conn *c)
{
	c->rx = (struct iwarp_rx){ .msn = { 1, 1, 1 }, .error = TERM_NONE };
}

void iwarp_rx_stop(struct iwarp_conn *c)
{
	struct iwarp_rx *rx = &c->rx;

	rx->stopped = true;
	rx->dest = NULL;
	if (rx->slot)
		iwarp_slot_put(c, rx->slot);
	rx->slot = NULL;
}

void iwarp_rx_forget(struct iwarp_conn *c, uint32_t stag)
{
	struct iwarp_rx *rx = &c->rx;

	if (rx->state != RX_PAYLOAD || !rx->dest || rx->seg.opcode != RDMAP_WRITE ||
	    rx->seg.stag != stag)
		return;
	rx->dest = NULL;
	rx->error = TERM_DDP_TAGGED_INVALID_STAG;
}
