/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for the peers of connections we opened. Registering is far too slow to be
 * done for every command, so a whole region of the reactor is registered for remote
 * access when a part of it is exposed first, and stays so: a peer that does what it
 * must not can reach all of the region, until the transport ends. Who connects to
 * somebody it does not trust that far gives it a process of its own. What is only
 * accepted never comes here, its memory has no remote access.
 */
#include "transport/verbs_priv.h"

#include <errno.h>

#define EXPOSE_ACCESS (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE)

static bool within(const struct iobuf_region *r, const struct iobuf *b)
{
	uintptr_t off = (uintptr_t)b->addr - (uintptr_t)r->base;

	return r->len && b->addr >= r->base && off <= r->len && b->len <= r->len - off;
}

static void region_forget(struct verbs_poller *p, unsigned i)
{
	if (p->exposed[i])
		ibv_dereg_mr(p->exposed[i]);
	p->exposed[i] = NULL;
}

/* The region may be another one than last time, under the same number. */
static struct ibv_mr *region_expose(struct verbs_poller *p, unsigned i)
{
	const struct iobuf_region *r = &p->reactor->regions[i], *of = &p->exposed_of[i];

	if (p->exposed[i] && iobuf_region_same(of, r))
		return p->exposed[i];
	region_forget(p, i);
	p->exposed[i] = verbs_mr_register(p->dev, r->base, r->len, EXPOSE_ACCESS);
	p->exposed_of[i] = *r;
	return p->exposed[i];
}

int verbs_expose(struct conn *base, const struct iobuf *b, unsigned access, struct exposure *e)
{
	struct verbs_conn *c = verbs_conn_of(base);
	struct ibv_mr *mr;

	(void)access;
	if (!c->outgoing || b->region >= IOBUF_REGIONS ||
	    !within(&base->reactor->regions[b->region], b))
		return -EINVAL;
	mr = region_expose(c->p, b->region);
	if (!mr)
		return -ENOMEM;
	e->addr = (uintptr_t)b->addr;
	e->key = mr->rkey;
	e->index = b->region;
	return 0;
}

/* The region stays registered. */
void verbs_unexpose(struct conn *base, struct exposure *e)
{
	(void)base;
	e->key = 0;
}

void verbs_exposed_forget(struct verbs_poller *p)
{
	for (unsigned i = 0; i < IOBUF_REGIONS; i++)
		region_forget(p, i);
}
