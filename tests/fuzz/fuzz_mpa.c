/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A start-up frame of MPA from arbitrary bytes; what was understood encodes to the same meaning. */
#include "fuzz.h"
#include "transport/iwarp_mpa.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void check(int condition)
{
	if (!condition)
		abort();
}

static void again(const struct mpa_frame *f, const uint8_t *data, size_t len)
{
	uint8_t buf[MPA_FRAME_MAX];
	struct mpa_frame back;

	check(mpa_encode(buf, f) == len);
	check(!memcmp(buf, data, 16) && !memcmp(buf + 17, data + 17, len - 17));
	check(mpa_decode(buf, len, f->reply, &back) == (int)len);
	check(back.flags == f->flags && back.ird == f->ird && back.ord == f->ord);
	check(back.rtr == f->rtr && back.pd_len == f->pd_len);
}

/* What is found with fewer bytes must not change when more come. */
static void decode(const uint8_t *data, size_t size, bool reply)
{
	struct mpa_frame f;
	int rc = mpa_decode(data, size, reply, &f), before;

	check(rc <= (int)size);
	check(rc >= 0 || rc == -EPROTO || rc == -EPROTONOSUPPORT || rc == -EMSGSIZE);
	for (size_t len = 0; len < size && len < MPA_FRAME_MAX; len++) {
		struct mpa_frame part;

		before = mpa_decode(data, len, reply, &part);
		check(!before || before == rc);
	}
	if (rc <= 0)
		return;
	check(f.pd + f.pd_len == data + rc && f.reply == reply);
	again(&f, data, (size_t)rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode(data, size, false);
	decode(data, size, true);
	return 0;
}
