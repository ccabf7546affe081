/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MPA (RFC 5044; enhanced connection set-up RFC 6581): start-up frames and the
 * arithmetic of FPDUs. Pure: bytes in, struct out.
 */
#ifndef SRPT_TRANSPORT_IWARP_MPA_H
#define SRPT_TRANSPORT_IWARP_MPA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MPA_KEY_LEN 16u
#define MPA_FRAME_HEAD 20u /* key, flags, revision, length of private data */
#define MPA_PD_MAX 512u    /* private data, bytes, with the enhanced part */
#define MPA_ENHANCED_LEN 4u
#define MPA_FRAME_MAX (MPA_FRAME_HEAD + MPA_PD_MAX)

/* Flags of a start-up frame, RFC 5044 7.1.1 and RFC 6581 6 */
enum mpa_flag {
	MPA_MARKERS = 0x80,  /* the sender of the frame wants to receive markers */
	MPA_CRC = 0x40,      /* and CRCs (both then use them) */
	MPA_REJECT = 0x20,   /* of a reply */
	MPA_ENHANCED = 0x10, /* private data begins with IRD and ORD; revision 2 */
};

/* Bits of the enhanced part, RFC 6581 9.1: which "ready to receive" messages can be used. */
enum mpa_rtr {
	MPA_PEER_TO_PEER = 0x1, /* A */
	MPA_RTR_SEND = 0x2,     /* B: zero-length SEND */
	MPA_RTR_WRITE = 0x4,    /* C: zero-length RDMA WRITE */
	MPA_RTR_READ = 0x8,     /* D: zero-length RDMA READ */
};

#define MPA_DEPTH_MAX 0x3ffeu  /* of IRD and ORD */
#define MPA_DEPTH_NONE 0x3fffu /* "no automatic negotiation" */

struct mpa_frame {
	bool reply;
	uint8_t flags;      /* enum mpa_flag */
	uint8_t revision;   /* 1 or 2 */
	uint16_t ird, ord;  /* only with MPA_ENHANCED */
	uint8_t rtr;        /* enum mpa_rtr, only with MPA_ENHANCED */
	const uint8_t *pd;  /* private data of the user, without the enhanced part */
	uint16_t pd_len;
};

/*
 * Decode a request (@reply false) or a reply from the first @len bytes of the
 * stream. > 0: that many bytes are the frame, @f->pd points into @buf.
 * 0: more bytes are needed, nothing is wrong so far. < 0: -EPROTO (key, kind),
 * -EPROTONOSUPPORT (revision), -EMSGSIZE (private data too long or, with
 * MPA_ENHANCED, too short); found with as few bytes as possible.
 */
int mpa_decode(const uint8_t *buf, size_t len, bool reply, struct mpa_frame *f);

/* Encode into @buf (MPA_FRAME_MAX bytes); the length. Private data must fit. */
size_t mpa_encode(uint8_t *buf, const struct mpa_frame *f);

/* An FPDU: length (2), ULPDU, pad to four bytes, CRC (4). */
#define MPA_HEAD 2u
#define MPA_TRAILER_MAX 7u /* pad and CRC */

static inline uint32_t mpa_pad(uint32_t ulpdu_len)
{
	return -(ulpdu_len + MPA_HEAD) & 3u;
}

static inline uint32_t mpa_fpdu_len(uint32_t ulpdu_len)
{
	return MPA_HEAD + ulpdu_len + mpa_pad(ulpdu_len) + 4;
}

/*
 * The longest ULPDU so that an FPDU fits one TCP segment of @mss bytes (RFC 5044
 * 5.1), no markers; between 128 and 65532 whatever @mss is.
 */
uint32_t mpa_ulpdu_max(uint32_t mss);

#endif
