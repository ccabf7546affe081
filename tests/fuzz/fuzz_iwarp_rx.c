/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser of iWARP's stream against arbitrary bytes, with exposures and pulls
 * outstanding: it places nothing outside of them (a sanitizer sees it) nor where it must
 * not, delivers nothing longer than a slot, hands every xfer back and loses no slot.
 *
 * Two bytes come first: flags, and into what pieces the others are cut. Tags and offsets
 * are ours to choose, so the bytes name them: tag "RRRR" at offset 0 may be read, "WWWW"
 * written, "SSSS" is the sink of the oldest pull. With the flag a right CRC is put into
 * every FPDU.
 */
#include "fuzz.h"
#include "iwarp_fake.h"

#include "base/crc32c.h"

#include <stdlib.h>
#include <string.h>

#define EXPOSED 300u
#define PULLED 200u
#define PULLS 3u
#define INPUT_MAX (1u << 16)

enum { FLAG_CRC = 1, FLAG_FIX_CRC = 2, FLAG_PASSIVE = 4, FLAG_SOCKET = 8, FLAG_KEEP = 16 };

struct world {
	struct fake f;
	uint8_t *readable, *written, *sink[PULLS]; /* own allocations */
	struct exposure r, w;
	struct xfer x[PULLS];
};

static struct world world;
static const struct xfer_seg seg = { 0x1000, 7, PULLED };

static void check(int condition)
{
	if (!condition)
		abort();
}

static uint8_t *memory(size_t len)
{
	uint8_t *p = malloc(len);

	check(p != NULL);
	memset(p, 0x5a, len);
	return p;
}

static void expose(struct world *w, uint8_t *p, unsigned access, struct exposure *x)
{
	struct iobuf b = { .addr = p, .len = EXPOSED };

	check(!iwarp_expose(&w->f.c.base, &b, access, x));
}

static void world_open(struct world *w, uint8_t flags)
{
	fake_open(&w->f, 1460);
	w->f.c.crc = flags & FLAG_CRC;
	w->f.c.active = !(flags & FLAG_PASSIVE);
	w->f.c.rtr_send = flags & FLAG_PASSIVE;
	w->f.keep = flags & FLAG_KEEP;
	w->readable = memory(EXPOSED);
	w->written = memory(EXPOSED);
	expose(w, w->readable, EXPOSE_READ, &w->r);
	expose(w, w->written, EXPOSE_WRITE, &w->w);
	for (unsigned i = 0; i < PULLS; i++) {
		w->sink[i] = memory(PULLED);
		w->x[i] = (struct xfer){ .segs = &seg, .nsegs = 1,
					 .local = { .addr = w->sink[i], .len = PULLED } };
		iwarp_pull(&w->f.c.base, &w->x[i]);
	}
	fake_run(&w->f);
}

static void world_close(struct world *w)
{
	unsigned held = w->f.keep ? w->f.messages : 0;

	if (w->f.c.state == IWARP_LIVE)
		iwarp_conn_die(&w->f.c, "the end of the input");
	fake_run(&w->f);
	check(w->f.ended == PULLS);
	check(w->f.c.rx_held == held);
	check(w->f.terminates + w->f.deaths == 1);
	for (unsigned i = 0; i < EXPOSED; i++)
		check(w->readable[i] == 0x5a);
	fake_close(&w->f);
	free(w->readable);
	free(w->written);
	for (unsigned i = 0; i < PULLS; i++)
		free(w->sink[i]);
}

/* Put the tag that is meant, and where it begins, for the one that is named. */
static void tag_replace(struct world *w, uint8_t *stag, uint8_t *to)
{
	struct iwarp_read *read = iwarp_tx_oldest_read(&w->f.c);

	if (!memcmp(stag, "RRRR", 4)) {
		put_be32(stag, w->r.key);
		put_be64(to, w->r.addr + get_be64(to));
	} else if (!memcmp(stag, "WWWW", 4)) {
		put_be32(stag, w->w.key);
		put_be64(to, w->w.addr + get_be64(to));
	} else if (!memcmp(stag, "SSSS", 4) && read) {
		put_be32(stag, read->stag);
		put_be64(to, read->got + get_be64(to));
	}
}

/* The bytes of the next FPDU, prepared; what the input still has if that is less. */
static size_t fpdu_prepare(struct world *w, uint8_t *p, size_t len, uint8_t flags)
{
	size_t ulpdu_len = len < 2 ? 0 : get_be16(p), n = 2 + ulpdu_len + mpa_pad(ulpdu_len);
	uint32_t crc;

	if (len < n + 4)
		return len;
	if (ulpdu_len >= 14 && p[2] & 0x80)
		tag_replace(w, p + 4, p + 8);
	else if (ulpdu_len >= 46 && (p[3] & 0xf) == RDMAP_READ_REQUEST)
		tag_replace(w, p + 36, p + 40);
	if (flags & FLAG_FIX_CRC) {
		crc = crc32c(0, p, n);
		for (int i = 0; i < 4; i++)
			p[n + (size_t)i] = (uint8_t)(crc >> 8 * i);
	}
	return n + 4;
}

static void feed(struct world *w, const uint8_t *p, size_t len, size_t step, uint8_t flags)
{
	for (size_t i = 0; i < len; i += step) {
		size_t n = len - i < step ? len - i : step;

		if (flags & FLAG_SOCKET)
			fake_feed(&w->f, p + i, n);
		else
			iwarp_rx_feed(&w->f.c, p + i, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t input[INPUT_MAX], seen[65536];
	size_t n, left, step;
	uint8_t *p = input;

	if (size < 2 || size - 2 > INPUT_MAX)
		return 0;
	left = size - 2;
	step = data[1] ? data[1] : left + 1;
	memcpy(input, data + 2, left);
	world_open(&world, data[0]);
	while (left && world.f.c.state == IWARP_LIVE && world.f.messages < FAKE_MESSAGES - 1) {
		n = fpdu_prepare(&world, p, left, data[0]);
		feed(&world, p, n, step, data[0]);
		fake_run(&world.f);
		fake_peer_read(&world.f, seen, sizeof(seen));
		p += n;
		left -= n;
	}
	world_close(&world);
	return 0;
}
