/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What test_iwarp_tx.c and test_iwarp_abort.c share: the peer, who reads what is sent. */
#ifndef SRPT_TESTS_IWARP_TX_ENV_H
#define SRPT_TESTS_IWARP_TX_ENV_H

#include "iwarp_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LOOPBACK_MSS 65483u
#define ETHERNET_MSS 1460u
#define SEEN_MAX (4u << 20)

static struct {
	struct fake f;
	uint8_t *seen; /* by the peer, SEEN_MAX */
	size_t have, at;
} e;

static inline void env_open(uint32_t mss)
{
	e.seen = malloc(SEEN_MAX);
	assert_non_null(e.seen);
	e.have = e.at = 0;
	fake_open(&e.f, mss);
}

static inline void env_close(void)
{
	fake_close(&e.f);
	free(e.seen);
}

static inline void small_buffers(void)
{
	int one = 1;

	assert_int_equal(setsockopt(e.f.c.fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one)), 0);
}

static inline void peer_reads(size_t max)
{
	if (max > SEEN_MAX - e.have)
		max = SEEN_MAX - e.have;
	e.have += fake_peer_read(&e.f, e.seen + e.have, max);
}

static inline bool next_fpdu(struct fake_fpdu *out)
{
	size_t n = fake_parse(e.seen + e.at, e.have - e.at, out);

	e.at += n;
	return n;
}

/* The next FPDU has this opcode, and is the @last of its message. */
static inline struct fake_fpdu expect(uint8_t opcode, bool last)
{
	struct fake_fpdu out;

	if (!next_fpdu(&out))
		fail_msg("no FPDU, opcode %u was expected", opcode);
	assert_int_equal(out.opcode, opcode);
	assert_int_equal(out.control & D_MORE, last ? D_MORE : 0);
	if (e.f.c.crc)
		assert_true(out.crc_right);
	else
		assert_true(out.crc_zero);
	return out;
}

static inline void expect_nothing(void)
{
	assert_int_equal(e.at, e.have);
}

static inline void push(struct xfer *x, const struct xfer_seg *segs, uint32_t nsegs, void *data,
		 uint32_t len, const void *msg, uint32_t msg_len)
{
	*x = (struct xfer){ .segs = segs, .nsegs = nsegs, .local = { .addr = data, .len = len },
			    .msg = msg, .msg_len = msg_len };
	iwarp_push(&e.f.c.base, x);
}

static inline void pull(struct xfer *x, const struct xfer_seg *segs, uint32_t nsegs, void *sink,
		 uint32_t len)
{
	*x = (struct xfer){ .segs = segs, .nsegs = nsegs, .local = { .addr = sink, .len = len } };
	iwarp_pull(&e.f.c.base, x);
}

/* The peer answers a READ request with @len bytes. */
static inline void answer(const struct fake_fpdu *request, const void *data, uint32_t len)
{
	uint8_t bytes[2048];
	size_t n = fake_tagged(bytes, D_TAGGED, RDMAP_READ_RESPONSE, get_be32(request->payload),
			       get_be64(request->payload + 4), data, len, e.f.c.crc);

	fake_feed(&e.f, bytes, n);
}

#endif
