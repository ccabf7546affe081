/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a peer may touch: the table of steering tags. */
#include "transport/iwarp_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define PAGE_MASK 0xfffu

uint32_t iwarp_random(void)
{
	uint32_t v;

	/* Only a kernel that has no entropy yet gives less. */
	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v))
		v = (uint32_t)(clock_now_ns() * 2654435761u);
	return v;
}

int iwarp_stags_init(struct iwarp_stags *s, uint32_t size)
{
	*s = (struct iwarp_stags){ .size = size };
	return size > IWARP_STAGS_MAX ? -EINVAL : 0;
}

/* Most connections, all of a target, expose nothing. */
static int stags_make(struct iwarp_stags *s)
{
	uint32_t r = iwarp_random();

	s->entry = calloc(s->size, sizeof(*s->entry));
	if (!s->entry)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->size; i++) {
		r = r * 1664525 + 1013904223;
		s->entry[i].next = i + 1;
		s->entry[i].generation = (uint16_t)(r >> 16);
	}
	return 0;
}

void iwarp_stags_free(struct iwarp_stags *s)
{
	free(s->entry);
	*s = (struct iwarp_stags){ .entry = NULL };
}

static uint32_t stag_of(const struct iwarp_stags *s, const struct iwarp_stag *e)
{
	return (uint32_t)(e - s->entry) << 16 | e->generation;
}

static struct iwarp_stag *stag_find(const struct iwarp_stags *s, uint32_t stag)
{
	uint32_t index = stag >> 16;
	struct iwarp_stag *e;

	if (!s->entry || index >= s->size)
		return NULL;
	e = &s->entry[index];
	return e->access && e->generation == (stag & 0xffff) ? e : NULL;
}

enum iwarp_stag_error iwarp_stag_check(const struct iwarp_stags *s, uint32_t stag, uint64_t to,
				       uint32_t len, unsigned access, uint8_t **mem)
{
	const struct iwarp_stag *e = stag_find(s, stag);

	if (!e)
		return IWARP_STAG_INVALID;
	if (!(e->access & access))
		return IWARP_STAG_ACCESS;
	if (to + (len - 1) < to)
		return IWARP_STAG_TO_WRAP;
	if (to < e->to || to - e->to > e->len || len > e->len - (to - e->to))
		return IWARP_STAG_BOUNDS;
	*mem = e->mem + (to - e->to);
	return IWARP_STAG_OK;
}

bool iwarp_stag_invalidate(struct iwarp_stags *s, uint32_t stag)
{
	struct iwarp_stag *e = stag_find(s, stag);

	if (!e)
		return false;
	e->access = 0;
	return true;
}

int iwarp_expose(struct conn *base, const struct iobuf *b, unsigned access, struct exposure *x)
{
	struct iwarp_stags *s = &iwarp_conn_of(base)->stags;
	struct iwarp_stag *e;

	if (s->free == s->size)
		return -ENOSPC;
	if (!access)
		return -EINVAL;
	if (!s->entry && stags_make(s))
		return -ENOMEM;
	x->index = s->free;
	e = &s->entry[x->index];
	s->free = e->next;
	/* 0 is a tag that others give a meaning of its own. */
	if (!++e->generation)
		e->generation = 1;
	e->mem = b->addr;
	e->len = b->len;
	e->access = (uint8_t)access;
	e->taken = true;
	x->key = stag_of(s, e);
	/* Far from all other exposures; where it lies in its page may matter to the peer. */
	e->to = (uint64_t)x->key << 16 | ((uintptr_t)b->addr & PAGE_MASK);
	x->addr = e->to;
	return 0;
}

void iwarp_unexpose(struct conn *base, struct exposure *x)
{
	struct iwarp_conn *c = iwarp_conn_of(base);
	struct iwarp_stags *s = &c->stags;
	struct iwarp_stag *e;

	if (!s->entry || x->index >= s->size)
		return;
	e = &s->entry[x->index];
	if (!e->taken || stag_of(s, e) != x->key)
		return;
	e->taken = false;
	e->access = 0;
	e->mem = NULL;
	e->next = s->free;
	s->free = x->index;
	iwarp_rx_forget(c, x->key);
	iwarp_tx_forget(c, x->key);
}
