/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data buffers of one reactor: one slab, mapped once, split by powers of two
 * (4 KiB … 4 MiB) so that every buffer is contiguous and page aligned. The slab
 * is registered once with each RDMA device and as a fixed buffer with io_uring,
 * so payload is never copied. Reactor thread only, except where noted.
 */
#ifndef SRPT_BASE_IOBUF_H
#define SRPT_BASE_IOBUF_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IOBUF_MIN_SIZE 4096u
#define IOBUF_MAX_SIZE (4u << 20)
#define IOBUF_ORDERS 11 /* 4 KiB << 10 = 4 MiB */
#define IOBUF_KEPT 64   /* blocks of an order kept whole for the next request of that size */

/*
 * Regions: memory known by number to a reactor's backends and transports.
 * 0 is the slab; a transport may add its receive buffers (immediate data is
 * written to disk straight from them). IOBUF_UNREGISTERED: plain memory.
 */
#define IOBUF_REGION_SLAB 0
#define IOBUF_REGIONS 16
#define IOBUF_UNREGISTERED 0xffff

/* A buffer, or a part of one. @len is what is used, bytes. */
struct iobuf {
	uint8_t *addr;
	uint32_t len;
	uint16_t region;
	uint16_t order; /* of the allocation; private to the pool */
};

struct iobuf_region {
	uint8_t *base; /* NULL: the number is free */
	size_t len;    /* 0: nobody uses it yet */
	bool messages; /* holds messages only: no backend reads or writes it */
	/*
	 * Differs for all memory that was ever known under a number: what was unmapped and mapped
	 * anew at the same address is other memory to whoever has pinned it.
	 */
	unsigned serial;
};

/* Whether what was registered for one still is right for the other. */
static inline bool iobuf_region_same(const struct iobuf_region *a, const struct iobuf_region *b)
{
	return a->base == b->base && a->len == b->len && a->serial == b->serial;
}

/* Called when a buffer big enough is free again; try iobuf_get() anew then. */
struct iobuf_waiter {
	struct list_node link;
	void (*ready)(struct iobuf_waiter *w);
};

struct iobuf_pool {
	struct iobuf_region slab;
	struct list_node free[IOBUF_ORDERS]; /* nodes live in the free blocks */
	struct list_node kept[IOBUF_ORDERS]; /* free too, but not split or merged; last in first */
	unsigned nkept[IOBUF_ORDERS];
	uint8_t *state;                      /* per minimum block: order and free flag */
	struct list_node waiters;            /* FIFO */
	size_t used;                         /* bytes; others may load it, relaxed */
	struct iobuf_waiter *granted;        /* private: its ready() runs */
	bool rewaited;                       /* private: and it had to wait again */
};

/* Map @size bytes (rounded up to IOBUF_MAX_SIZE). 0 or -errno. Before the reactor runs. */
int iobuf_pool_init(struct iobuf_pool *p, size_t size);
void iobuf_pool_destroy(struct iobuf_pool *p);

/*
 * Take a buffer of at least @len bytes (1 … IOBUF_MAX_SIZE) into @b.
 * 0, -EINVAL (length) or -EAGAIN (none free, or others wait: use iobuf_wait()).
 * The contents are undefined: never send bytes you did not write.
 */
int iobuf_get(struct iobuf_pool *p, uint32_t len, struct iobuf *b);

/*
 * The same for who has buffers already and keeps them until it has this one, too: past those
 * that wait, for it may be in their way. -EAGAIN: iobuf_wait_first().
 */
int iobuf_get_first(struct iobuf_pool *p, uint32_t len, struct iobuf *b);

/*
 * Give it back and set @b->addr to NULL; a NULL addr or a foreign region is
 * ignored. Calls the waiters' ready(), in order, as long as they succeed. @b
 * must be as iobuf_get() made it in addr, region and order; len may differ.
 */
void iobuf_put(struct iobuf_pool *p, struct iobuf *b);

/*
 * Queue @w (not queued, link initialised once by list_init()). It is dequeued
 * before ready() runs; queued again from there it keeps its place, the first.
 * Who no longer wants to wait takes it off by list_del(), then calls iobuf_wake().
 */
void iobuf_wait(struct iobuf_pool *p, struct iobuf_waiter *w);
void iobuf_wait_first(struct iobuf_pool *p, struct iobuf_waiter *w); /* ahead of all */

/* One that waited has left: those behind it may want less, and go on as with iobuf_put(). */
void iobuf_wake(struct iobuf_pool *p);

#endif
