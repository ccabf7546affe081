/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDP (RFC 5041) and RDMAP (RFC 5040) headers of one segment, the bodies of RDMA
 * READ requests and of TERMINATE messages. Pure: bytes in, struct out; what is
 * wrong is told as the code a TERMINATE carries.
 */
#ifndef SRPT_TRANSPORT_IWARP_DDP_H
#define SRPT_TRANSPORT_IWARP_DDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DDP_TAGGED_HEAD 14u   /* control, RDMAP control, STag, TO */
#define DDP_UNTAGGED_HEAD 18u /* control, RDMAP control, invalidate STag, QN, MSN, MO */
#define DDP_HEAD_MAX DDP_UNTAGGED_HEAD

/* RFC 5040 4.1; 8 to 11 (RFC 7306) are not supported */
enum rdmap_opcode {
	RDMAP_WRITE = 0,
	RDMAP_READ_REQUEST = 1,
	RDMAP_READ_RESPONSE = 2,
	RDMAP_SEND = 3,
	RDMAP_SEND_INVALIDATE = 4,
	RDMAP_SEND_SOLICITED = 5,
	RDMAP_SEND_SOLICITED_INVALIDATE = 6,
	RDMAP_TERMINATE = 7,
};

/* Untagged queues, RFC 5040 5.1 */
enum rdmap_queue { RDMAP_QN_SEND = 0, RDMAP_QN_READ = 1, RDMAP_QN_TERMINATE = 2 };

/*
 * What a TERMINATE tells: layer << 12 | error type << 8 | error code. RFC 5040
 * 4.8, RFC 5041 8.2, RFC 5044 8, RFC 6581 8.
 */
enum term_code {
	TERM_NONE = 0xffff, /* no error; never sent */

	TERM_RDMAP_LOCAL = 0x0000,
	TERM_RDMAP_INVALID_STAG = 0x0100,
	TERM_RDMAP_BOUNDS = 0x0101,
	TERM_RDMAP_ACCESS = 0x0102,
	TERM_RDMAP_STREAM = 0x0103,
	TERM_RDMAP_TO_WRAP = 0x0104,
	TERM_RDMAP_CANNOT_INVALIDATE = 0x0109,
	TERM_RDMAP_PROTECTION = 0x01ff,
	TERM_RDMAP_VERSION = 0x0205,
	TERM_RDMAP_OPCODE = 0x0206,
	TERM_RDMAP_CATASTROPHIC = 0x0207,
	TERM_RDMAP_CATASTROPHIC_GLOBAL = 0x0208,
	TERM_RDMAP_INVALIDATE = 0x0209,
	TERM_RDMAP_UNSPECIFIED = 0x02ff,

	TERM_DDP_LOCAL = 0x1000,
	TERM_DDP_TAGGED_INVALID_STAG = 0x1100,
	TERM_DDP_TAGGED_BOUNDS = 0x1101,
	TERM_DDP_TAGGED_STREAM = 0x1102,
	TERM_DDP_TAGGED_TO_WRAP = 0x1103,
	TERM_DDP_TAGGED_VERSION = 0x1104,
	TERM_DDP_UNTAGGED_QN = 0x1201,
	TERM_DDP_UNTAGGED_NO_BUFFER = 0x1202,
	TERM_DDP_UNTAGGED_MSN = 0x1203,
	TERM_DDP_UNTAGGED_MO = 0x1204,
	TERM_DDP_UNTAGGED_TOO_LONG = 0x1205,
	TERM_DDP_UNTAGGED_VERSION = 0x1206,

	TERM_MPA_CLOSED = 0x2001,
	TERM_MPA_CRC = 0x2002,
	TERM_MPA_MARKER = 0x2003,
	TERM_MPA_FRAME = 0x2004,
	TERM_MPA_LOCAL = 0x2005,
	TERM_MPA_IRD = 0x2006,
	TERM_MPA_RTR = 0x2007,
};

/* What the standards call @code, for the log; "unknown error" if they do not. */
const char *term_name(uint16_t code);

struct ddp_seg {
	bool tagged;
	bool last;
	uint8_t opcode;   /* enum rdmap_opcode */
	uint8_t head_len; /* bytes; what follows in the ULPDU is payload */
	uint32_t stag;    /* tagged; untagged: the STag to invalidate */
	uint64_t to;      /* tagged */
	uint32_t qn, msn, mo; /* untagged */
};

/*
 * How many bytes of a ULPDU hold its headers, from its first byte; the ULPDU must
 * be that long: shorter is TERM_MPA_FRAME's business (no room for a header).
 */
static inline uint32_t ddp_head_len(uint8_t control)
{
	return control & 0x80 ? DDP_TAGGED_HEAD : DDP_UNTAGGED_HEAD;
}

/*
 * Decode the headers in @p (ddp_head_len() bytes). TERM_NONE, or what is wrong:
 * versions, opcode that does not go with tagged/untagged or with the queue, queue
 * number. @s is filled in as far as it can be even then, to be quoted.
 */
uint16_t ddp_decode(const uint8_t *p, struct ddp_seg *s);

/* Encode the headers into @p (DDP_HEAD_MAX bytes); the length. */
uint32_t ddp_encode(uint8_t *p, const struct ddp_seg *s);

/* RFC 5040 4.4 */
#define RDMAP_READ_REQUEST_LEN 28u
struct rdmap_read {
	uint32_t sink_stag;
	uint64_t sink_to;
	uint32_t len;
	uint32_t source_stag;
	uint64_t source_to;
};
void rdmap_read_decode(const uint8_t *p, struct rdmap_read *r);
void rdmap_read_encode(uint8_t *p, const struct rdmap_read *r);

/*
 * Body of a TERMINATE for @code about the segment whose ULPDU has @ulpdu_len bytes
 * and whose headers are in @head (NULL: about no segment): control, and where the
 * standard wants them the segment length, the DDP header and the READ request
 * (@read, NULL: none). Into @p (RDMAP_TERMINATE_MAX bytes); the length.
 */
#define RDMAP_TERMINATE_MAX (4u + 2u + DDP_HEAD_MAX + RDMAP_READ_REQUEST_LEN)
uint32_t rdmap_terminate_encode(uint8_t *p, uint16_t code, uint16_t ulpdu_len,
				const uint8_t *head, const uint8_t *read);
/* The code in a TERMINATE body of @len bytes; TERM_NONE: too short. */
uint16_t rdmap_terminate_decode(const uint8_t *p, size_t len);

#endif
