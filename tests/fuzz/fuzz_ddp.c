/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arbitrary bytes as one ULPDU: its headers, what follows them, and the TERMINATE about it. */
#include "fuzz.h"
#include "transport/iwarp_ddp.h"

#include <stdlib.h>
#include <string.h>

/* Of the two control bytes; the rest is reserved. */
#define CONTROL_MEANT 0xc3
#define RDMAP_MEANT 0xcf

static void check(int condition)
{
	if (!condition)
		abort();
}

static void encode_again(const uint8_t *data, const struct ddp_seg *s)
{
	uint8_t p[DDP_HEAD_MAX];

	check(ddp_encode(p, s) == s->head_len);
	check(p[0] == (data[0] & CONTROL_MEANT) && p[1] == (data[1] & RDMAP_MEANT));
	check(!memcmp(p + 2, data + 2, s->head_len - 2u));
}

static const uint8_t *read_of(const struct ddp_seg *s, const uint8_t *data, size_t size)
{
	uint8_t p[RDMAP_READ_REQUEST_LEN];
	struct rdmap_read r;

	if (s->opcode != RDMAP_READ_REQUEST || size < s->head_len + sizeof(p))
		return NULL;
	rdmap_read_decode(data + s->head_len, &r);
	rdmap_read_encode(p, &r);
	check(!memcmp(p, data + s->head_len, sizeof(p)));
	return data + s->head_len;
}

static void terminate(uint16_t code, const uint8_t *data, size_t size, const uint8_t *read)
{
	uint8_t body[RDMAP_TERMINATE_MAX];
	uint32_t len = rdmap_terminate_encode(body, code, (uint16_t)size, data, read);

	check(len >= 4 && len <= sizeof(body));
	check(rdmap_terminate_decode(body, len) == code);
	check(*term_name(code));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ddp_seg s;
	const uint8_t *read;
	uint16_t code;

	check(*term_name(rdmap_terminate_decode(data, size)));
	if (!size || size < ddp_head_len(data[0]))
		return 0;
	code = ddp_decode(data, &s);
	check(s.head_len == ddp_head_len(data[0]));
	if (code == TERM_NONE)
		encode_again(data, &s);
	read = read_of(&s, data, size);
	terminate(code, data, size, read);
	terminate(TERM_RDMAP_INVALID_STAG, data, size, read);
	terminate(TERM_DDP_UNTAGGED_MSN, data, size, read);
	return 0;
}
