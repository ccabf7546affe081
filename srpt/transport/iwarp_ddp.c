/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport/iwarp_ddp.h"

#include "base/bytes.h"

#include <string.h>

/* First byte, RFC 5041 4.1 */
#define DDP_TAGGED 0x80
#define DDP_LAST 0x40
#define DDP_VERSION_MASK 0x03
#define DDP_VERSION 0x01
/* Second byte, RFC 5040 4.1 */
#define RDMAP_VERSION_MASK 0xc0
#define RDMAP_VERSION 0x40
#define RDMAP_OPCODE_MASK 0x0f

/* Header control bits of a TERMINATE, in its third byte; RFC 5040 4.8 */
#define TERM_M 0x80 /* the segment length is valid */
#define TERM_D 0x40 /* the DDP header follows */
#define TERM_R 0x20 /* the RDMAP header, of a READ request, follows */

#define QN_TAGGED 0xff

/* Where each message travels, by opcode; RFC 5040 figure 4 */
static const uint8_t opcode_queue[] = {
	[RDMAP_WRITE] = QN_TAGGED,
	[RDMAP_READ_REQUEST] = RDMAP_QN_READ,
	[RDMAP_READ_RESPONSE] = QN_TAGGED,
	[RDMAP_SEND] = RDMAP_QN_SEND,
	[RDMAP_SEND_INVALIDATE] = RDMAP_QN_SEND,
	[RDMAP_SEND_SOLICITED] = RDMAP_QN_SEND,
	[RDMAP_SEND_SOLICITED_INVALIDATE] = RDMAP_QN_SEND,
	[RDMAP_TERMINATE] = RDMAP_QN_TERMINATE,
};

struct term_row {
	uint16_t code;
	uint8_t quote; /* TERM_M and so on; TERM_R only if the segment is a READ request */
	const char *name;
};

#define QUOTE_NONE 0
#define QUOTE_DDP (TERM_M | TERM_D)
#define QUOTE_ALL (TERM_M | TERM_D | TERM_R)

/* Of a version or an opcode that is not known the layout is not known either: nothing is quoted. */
static const struct term_row term_rows[] = {
	{ TERM_RDMAP_LOCAL, QUOTE_NONE, "RDMAP: local catastrophic error" },
	{ TERM_RDMAP_INVALID_STAG, QUOTE_ALL, "RDMAP: invalid STag" },
	{ TERM_RDMAP_BOUNDS, QUOTE_ALL, "RDMAP: base or bounds violation" },
	{ TERM_RDMAP_ACCESS, QUOTE_ALL, "RDMAP: access rights violation" },
	{ TERM_RDMAP_STREAM, QUOTE_ALL, "RDMAP: STag not associated with the stream" },
	{ TERM_RDMAP_TO_WRAP, QUOTE_ALL, "RDMAP: tagged offset wraps" },
	{ TERM_RDMAP_CANNOT_INVALIDATE, QUOTE_ALL, "RDMAP: STag cannot be invalidated" },
	{ TERM_RDMAP_PROTECTION, QUOTE_ALL, "RDMAP: remote protection error" },
	{ TERM_RDMAP_VERSION, QUOTE_NONE, "RDMAP: invalid version" },
	{ TERM_RDMAP_OPCODE, QUOTE_NONE, "RDMAP: unexpected opcode" },
	{ TERM_RDMAP_CATASTROPHIC, QUOTE_DDP, "RDMAP: catastrophic error of the stream" },
	{ TERM_RDMAP_CATASTROPHIC_GLOBAL, QUOTE_DDP, "RDMAP: catastrophic error, global" },
	{ TERM_RDMAP_INVALIDATE, QUOTE_DDP, "RDMAP: STag cannot be invalidated" },
	{ TERM_RDMAP_UNSPECIFIED, QUOTE_DDP, "RDMAP: remote operation error" },
	{ TERM_DDP_LOCAL, QUOTE_NONE, "DDP: local catastrophic error" },
	{ TERM_DDP_TAGGED_INVALID_STAG, QUOTE_DDP, "DDP: invalid STag" },
	{ TERM_DDP_TAGGED_BOUNDS, QUOTE_DDP, "DDP: base or bounds violation" },
	{ TERM_DDP_TAGGED_STREAM, QUOTE_DDP, "DDP: STag not associated with the stream" },
	{ TERM_DDP_TAGGED_TO_WRAP, QUOTE_DDP, "DDP: tagged offset wraps" },
	{ TERM_DDP_TAGGED_VERSION, QUOTE_NONE, "DDP: invalid version, tagged" },
	{ TERM_DDP_UNTAGGED_QN, QUOTE_DDP, "DDP: invalid queue number" },
	{ TERM_DDP_UNTAGGED_NO_BUFFER, QUOTE_DDP, "DDP: no buffer for the message" },
	{ TERM_DDP_UNTAGGED_MSN, QUOTE_DDP, "DDP: message number out of range" },
	{ TERM_DDP_UNTAGGED_MO, QUOTE_DDP, "DDP: invalid message offset" },
	{ TERM_DDP_UNTAGGED_TOO_LONG, QUOTE_DDP, "DDP: message longer than the buffer" },
	{ TERM_DDP_UNTAGGED_VERSION, QUOTE_NONE, "DDP: invalid version, untagged" },
	{ TERM_MPA_CLOSED, QUOTE_NONE, "MPA: TCP connection closed or lost" },
	{ TERM_MPA_CRC, QUOTE_NONE, "MPA: CRC error" },
	{ TERM_MPA_MARKER, QUOTE_NONE, "MPA: marker and length do not match" },
	{ TERM_MPA_FRAME, QUOTE_NONE, "MPA: invalid frame" },
	{ TERM_MPA_LOCAL, QUOTE_NONE, "MPA: local catastrophic error" },
	{ TERM_MPA_IRD, QUOTE_NONE, "MPA: insufficient IRD" },
	{ TERM_MPA_RTR, QUOTE_NONE, "MPA: no matching ready-to-receive message" },
};

static const struct term_row *term_find(uint16_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(term_rows); i++)
		if (term_rows[i].code == code)
			return &term_rows[i];
	return NULL;
}

const char *term_name(uint16_t code)
{
	const struct term_row *row = term_find(code);

	return row ? row->name : "unknown error";
}

static void tagged_decode(const uint8_t *p, struct ddp_seg *s)
{
	s->stag = get_be32(p + 2);
	s->to = get_be64(p + 6);
}

static void untagged_decode(const uint8_t *p, struct ddp_seg *s)
{
	s->stag = get_be32(p + 2);
	s->qn = get_be32(p + 6);
	s->msn = get_be32(p + 10);
	s->mo = get_be32(p + 14);
}

/* DDP finds its errors before RDMAP sees the segment. */
uint16_t ddp_decode(const uint8_t *p, struct ddp_seg *s)
{
	*s = (struct ddp_seg){
		.tagged = p[0] & DDP_TAGGED,
		.last = p[0] & DDP_LAST,
		.opcode = p[1] & RDMAP_OPCODE_MASK,
		.head_len = (uint8_t)ddp_head_len(p[0]),
	};
	(s->tagged ? tagged_decode : untagged_decode)(p, s);
	if ((p[0] & DDP_VERSION_MASK) != DDP_VERSION)
		return s->tagged ? TERM_DDP_TAGGED_VERSION : TERM_DDP_UNTAGGED_VERSION;
	if (!s->tagged && s->qn > RDMAP_QN_TERMINATE)
		return TERM_DDP_UNTAGGED_QN;
	if ((p[1] & RDMAP_VERSION_MASK) != RDMAP_VERSION)
		return TERM_RDMAP_VERSION;
	if (s->opcode >= ARRAY_SIZE(opcode_queue) ||
	    opcode_queue[s->opcode] != (s->tagged ? QN_TAGGED : s->qn))
		return TERM_RDMAP_OPCODE;
	return TERM_NONE;
}

uint32_t ddp_encode(uint8_t *p, const struct ddp_seg *s)
{
	p[0] = (uint8_t)((s->tagged ? DDP_TAGGED : 0) | (s->last ? DDP_LAST : 0) | DDP_VERSION);
	p[1] = (uint8_t)(RDMAP_VERSION | s->opcode);
	put_be32(p + 2, s->stag);
	if (s->tagged) {
		put_be64(p + 6, s->to);
		return DDP_TAGGED_HEAD;
	}
	put_be32(p + 6, s->qn);
	put_be32(p + 10, s->msn);
	put_be32(p + 14, s->mo);
	return DDP_UNTAGGED_HEAD;
}

void rdmap_read_decode(const uint8_t *p, struct rdmap_read *r)
{
	r->sink_stag = get_be32(p);
	r->sink_to = get_be64(p + 4);
	r->len = get_be32(p + 12);
	r->source_stag = get_be32(p + 16);
	r->source_to = get_be64(p + 20);
}

void rdmap_read_encode(uint8_t *p, const struct rdmap_read *r)
{
	put_be32(p, r->sink_stag);
	put_be64(p + 4, r->sink_to);
	put_be32(p + 12, r->len);
	put_be32(p + 16, r->source_stag);
	put_be64(p + 20, r->source_to);
}

uint32_t rdmap_terminate_encode(uint8_t *p, uint16_t code, uint16_t ulpdu_len,
				const uint8_t *head, const uint8_t *read)
{
	const struct term_row *row = term_find(code);
	uint8_t quote = row && head ? row->quote : QUOTE_NONE;
	uint32_t len = 4;

	if (!read)
		quote &= QUOTE_DDP;
	put_be16(p, code);
	p[2] = quote;
	p[3] = 0;
	if (quote & TERM_D) {
		uint32_t head_len = ddp_head_len(head[0]);

		put_be16(p + len, ulpdu_len);
		memcpy(p + len + 2, head, head_len);
		len += 2 + head_len;
	}
	if (quote & TERM_R) {
		memcpy(p + len, read, RDMAP_READ_REQUEST_LEN);
		len += RDMAP_READ_REQUEST_LEN;
	}
	return len;
}

uint16_t rdmap_terminate_decode(const uint8_t *p, size_t len)
{
	return len < 4 ? TERM_NONE : get_be16(p);
}
