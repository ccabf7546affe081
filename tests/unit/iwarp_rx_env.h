/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What test_iwarp_rx.c and test_iwarp_refuse.c share: a connection that may be written and read. */
#ifndef SRPT_TESTS_IWARP_RX_ENV_H
#define SRPT_TESTS_IWARP_RX_ENV_H

#include "iwarp_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define EXPOSED 1000u
#define PULLED 100u

/* A connection with memory the peer may write, memory it may read, and a pull under way. */
struct env {
	struct fake f;
	struct exposure w, r, gone;
	uint8_t *written, *readable, *sink; /* own allocations */
	struct xfer x;
	struct xfer_seg seg;
	uint32_t sink_stag;
	uint8_t seen[4096]; /* by the peer */
};

static inline void env_expose(struct env *e, uint8_t *p, unsigned access, struct exposure *x)
{
	struct iobuf b = { .addr = p, .len = EXPOSED, .region = IOBUF_UNREGISTERED };

	assert_int_equal(iwarp_expose(&e->f.c.base, &b, access, x), 0);
}

static inline void env_open(struct env *e, bool crc)
{
	struct fake_fpdu out;

	fake_open(&e->f, 65483);
	e->f.c.crc = crc;
	e->written = calloc(1, EXPOSED);
	e->readable = calloc(1, EXPOSED);
	e->sink = calloc(1, PULLED);
	assert_true(e->written && e->readable && e->sink);
	fake_pattern(e->readable, EXPOSED, 1);
	env_expose(e, e->written, EXPOSE_WRITE, &e->w);
	env_expose(e, e->readable, EXPOSE_READ, &e->r);
	env_expose(e, e->readable, EXPOSE_READ | EXPOSE_WRITE, &e->gone);
	iwarp_unexpose(&e->f.c.base, &e->gone);
	e->seg = (struct xfer_seg){ 0x1000, 0x77, PULLED };
	e->x = (struct xfer){ .segs = &e->seg, .nsegs = 1,
			      .local = { .addr = e->sink, .len = PULLED } };
	iwarp_pull(&e->f.c.base, &e->x);
	fake_run(&e->f);
	assert_int_not_equal(
		fake_parse(e->seen, fake_peer_read(&e->f, e->seen, sizeof(e->seen)), &out), 0);
	assert_int_equal(out.opcode, RDMAP_READ_REQUEST);
	e->sink_stag = get_be32(out.payload);
}

static inline void env_close(struct env *e)
{
	fake_close(&e->f);
	free(e->written);
	free(e->readable);
	free(e->sink);
}

#endif
