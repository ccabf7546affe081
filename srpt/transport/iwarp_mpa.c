/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport/iwarp_mpa.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>

#define AT_FLAGS 16u
#define AT_REVISION 17u
#define AT_PD_LEN 18u

#define ULPDU_MIN 128u
#define ULPDU_MAX 65532u /* whole words that 16 bits can tell */

static const char keys[2][MPA_KEY_LEN + 1] = { "MPA ID Req Frame", "MPA ID Rep Frame" };

/* RFC 6581 9.1: A, B and IRD, then C, D and ORD, 16 bits each. */
static void enhanced_decode(const uint8_t *p, struct mpa_frame *f)
{
	uint16_t first = get_be16(p), second = get_be16(p + 2);

	f->ird = first & MPA_DEPTH_NONE;
	f->ord = second & MPA_DEPTH_NONE;
	f->rtr = (first & 0x8000 ? MPA_PEER_TO_PEER : 0) | (first & 0x4000 ? MPA_RTR_SEND : 0) |
		 (second & 0x8000 ? MPA_RTR_WRITE : 0) | (second & 0x4000 ? MPA_RTR_READ : 0);
}

static void enhanced_encode(uint8_t *p, const struct mpa_frame *f)
{
	put_be16(p, (uint16_t)((f->ird & MPA_DEPTH_NONE) |
			       (f->rtr & MPA_PEER_TO_PEER ? 0x8000 : 0) |
			       (f->rtr & MPA_RTR_SEND ? 0x4000 : 0)));
	put_be16(p + 2, (uint16_t)((f->ord & MPA_DEPTH_NONE) |
				   (f->rtr & MPA_RTR_WRITE ? 0x8000 : 0) |
				   (f->rtr & MPA_RTR_READ ? 0x4000 : 0)));
}

/* Bits that mean nothing in this frame are not checked (RFC 5044 7.1.1), so they are not told. */
static uint8_t flags_meant(uint8_t flags, bool reply, uint8_t revision)
{
	return flags & (MPA_MARKERS | MPA_CRC | (reply ? MPA_REJECT : 0) |
			(revision >= 2 ? MPA_ENHANCED : 0));
}

int mpa_decode(const uint8_t *buf, size_t len, bool reply, struct mpa_frame *f)
{
	uint32_t pd_len, enhanced;

	*f = (struct mpa_frame){ .reply = reply };
	if (memcmp(buf, keys[reply], len < MPA_KEY_LEN ? len : MPA_KEY_LEN))
		return -EPROTO;
	if (len <= AT_REVISION)
		return 0;
	f->revision = buf[AT_REVISION];
	if (f->revision < 1 || f->revision > 2)
		return -EPROTONOSUPPORT;
	f->flags = flags_meant(buf[AT_FLAGS], reply, f->revision);
	if (len < MPA_FRAME_HEAD)
		return 0;
	enhanced = f->flags & MPA_ENHANCED ? MPA_ENHANCED_LEN : 0;
	pd_len = get_be16(buf + AT_PD_LEN);
	if (pd_len > MPA_PD_MAX || pd_len < enhanced)
		return -EMSGSIZE;
	if (len < MPA_FRAME_HEAD + pd_len)
		return 0;
	if (enhanced)
		enhanced_decode(buf + MPA_FRAME_HEAD, f);
	f->pd = buf + MPA_FRAME_HEAD + enhanced;
	f->pd_len = (uint16_t)(pd_len - enhanced);
	return (int)(MPA_FRAME_HEAD + pd_len);
}

size_t mpa_encode(uint8_t *buf, const struct mpa_frame *f)
{
	uint8_t flags = flags_meant(f->flags, f->reply, f->revision);
	uint32_t enhanced = flags & MPA_ENHANCED ? MPA_ENHANCED_LEN : 0;

	memcpy(buf, keys[f->reply], MPA_KEY_LEN);
	buf[AT_FLAGS] = flags;
	buf[AT_REVISION] = f->revision;
	put_be16(buf + AT_PD_LEN, (uint16_t)(f->pd_len + enhanced));
	if (enhanced)
		enhanced_encode(buf + MPA_FRAME_HEAD, f);
	if (f->pd_len)
		memcpy(buf + MPA_FRAME_HEAD + enhanced, f->pd, f->pd_len);
	return MPA_FRAME_HEAD + enhanced + f->pd_len;
}

uint32_t mpa_ulpdu_max(uint32_t mss)
{
	uint32_t fpdu = mss & ~3u;

	if (fpdu < mpa_fpdu_len(ULPDU_MIN))
		return ULPDU_MIN;
	/* What is left of whole words but for the length and the CRC needs no pad. */
	return min_u32(fpdu - MPA_HEAD - 4, ULPDU_MAX);
}
