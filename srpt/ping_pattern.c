/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data that tell where they belong: every eight bytes are a function of the seed, of
 * the block they are in and of where in it. So a block that is missing, old or in
 * the wrong place is found, whatever the sizes of the commands were.
 */
#include "ping.h"

#include "base/bytes.h"

#include <string.h>

#define STEP 0x9e3779b97f4a7c15ull

/* The finaliser of splitmix64. */
static uint64_t mix(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ v >> 27) * 0x94d049bb133111ebull;
	return v ^ v >> 31;
}

static uint64_t block_seed(uint64_t seed, uint64_t lba)
{
	return mix(seed + mix(lba * STEP + 1));
}

void ping_pattern_fill(uint8_t *buf, uint64_t lba, uint32_t blocks, uint32_t block_size,
		       uint64_t seed)
{
	for (uint32_t b = 0; b < blocks; b++) {
		uint64_t base = block_seed(seed, lba + b);

		for (uint32_t off = 0; off < block_size; off += 8)
			put_be64(buf + off, mix(base + off * STEP));
		buf += block_size;
	}
}

bool ping_pattern_compare(const uint8_t *buf, uint64_t lba, uint32_t blocks,
			  uint32_t block_size, uint64_t seed, struct ping_mismatch *m)
{
	for (uint32_t b = 0; b < blocks; b++) {
		uint64_t base = block_seed(seed, lba + b);

		for (uint32_t off = 0; off < block_size; off += 8) {
			uint64_t want = mix(base + off * STEP);

			if (get_be64(buf + off) == want)
				continue;
			m->lba = lba + b;
			m->offset = off;
			put_be64(m->expected, want);
			memcpy(m->got, buf + off, 8);
			return true;
		}
		buf += block_size;
	}
	return false;
}

/*
 * Mixed: a linear congruential generator of full period over the next power of two;
 * what is not below n is left out.
 */
void ping_order_init(struct ping_order *r, uint64_t n, bool random, uint64_t seed)
{
	*r = (struct ping_order){ .n = n, .random = random };
	if (!random)
		return;
	while (r->mask + 1 < n)
		r->mask = r->mask << 1 | 1;
	r->next = mix(seed) & r->mask;
}

bool ping_order_next(struct ping_order *r, uint64_t *i)
{
	if (r->done == r->n)
		return false;
	r->done++;
	do {
		*i = r->next;
		r->next = r->random ? (r->next * 6364136223846793005ull + 1442695040888963407ull) &
					      r->mask : r->next + 1;
	} while (*i >= r->n);
	return true;
}
