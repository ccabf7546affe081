/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buddy allocator. A free block of order n starts at a multiple of its size and
 * is on free[n]; state[] knows it by its first minimum block, so that a block
 * given back finds whether its neighbour can be merged without a search.
 *
 * Blocks given back are first kept whole: most requests ask for a size that was
 * just in use, and splitting and merging costs more than the request itself. They
 * are merged when a request finds nothing else; so while somebody waits none is kept.
 */
#include "base/iobuf.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define BLOCK_FREE 0x80u

static size_t order_size(unsigned order)
{
	return (size_t)IOBUF_MIN_SIZE << order;
}

static unsigned order_for(uint32_t len)
{
	uint32_t blocks = (len - 1) / IOBUF_MIN_SIZE;

	return blocks ? 32u - (unsigned)__builtin_clz(blocks) : 0;
}

static struct list_node *block_node(struct iobuf_pool *p, size_t block)
{
	return (struct list_node *)(void *)(p->slab.base + block * IOBUF_MIN_SIZE);
}

static size_t node_block(struct iobuf_pool *p, struct list_node *n)
{
	return (size_t)((uint8_t *)n - p->slab.base) / IOBUF_MIN_SIZE;
}

static void block_push(struct iobuf_pool *p, size_t block, unsigned order)
{
	p->state[block] = (uint8_t)(BLOCK_FREE | order);
	list_add_head(&p->free[order], block_node(p, block));
}

static void block_take(struct iobuf_pool *p, size_t block)
{
	p->state[block] = 0;
	list_del(block_node(p, block));
}

static void slab_free_all(struct iobuf_pool *p)
{
	size_t blocks = p->slab.len / IOBUF_MIN_SIZE;

	/* Lowest address first: push in descending order. */
	for (size_t b = blocks; b; b -= IOBUF_MAX_SIZE / IOBUF_MIN_SIZE)
		block_push(p, b - IOBUF_MAX_SIZE / IOBUF_MIN_SIZE, IOBUF_ORDERS - 1);
}

/* Map @len bytes aligned to IOBUF_MAX_SIZE, so that huge pages fit. NULL: errno. */
static uint8_t *slab_map(size_t len)
{
	size_t all = len + IOBUF_MAX_SIZE;
	uint8_t *m = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t skip;

	if (m == MAP_FAILED)
		return NULL;
	skip = -(uintptr_t)m & (IOBUF_MAX_SIZE - 1);
	if (skip)
		munmap(m, skip);
	munmap(m + skip + len, IOBUF_MAX_SIZE - skip);
	/* A wish: without huge pages it works the same, slower. */
	madvise(m + skip, len, MADV_HUGEPAGE);
	return m + skip;
}

int iobuf_pool_init(struct iobuf_pool *p, size_t size)
{
	if (!size || size > SIZE_MAX - 2 * (size_t)IOBUF_MAX_SIZE)
		return -EINVAL;
	size = (size + IOBUF_MAX_SIZE - 1) & ~((size_t)IOBUF_MAX_SIZE - 1);
	*p = (struct iobuf_pool){ .slab.len = size };
	for (unsigned i = 0; i < IOBUF_ORDERS; i++) {
		list_init(&p->free[i]);
		list_init(&p->kept[i]);
	}
	list_init(&p->waiters);
	p->state = calloc(size / IOBUF_MIN_SIZE, 1);
	if (!p->state)
		return -ENOMEM;
	p->slab.base = slab_map(size);
	if (!p->slab.base) {
		free(p->state);
		p->state = NULL;
		return -ENOMEM;
	}
	slab_free_all(p);
	return 0;
}

void iobuf_pool_destroy(struct iobuf_pool *p)
{
	if (p->slab.base)
		munmap(p->slab.base, p->slab.len);
	free(p->state);
	p->slab.base = NULL;
	p->state = NULL;
}

/* Take a block of @order off the lists, splitting a larger one; false: none. */
static bool block_alloc(struct iobuf_pool *p, unsigned order, size_t *block)
{
	unsigned o = order;

	while (o < IOBUF_ORDERS && list_empty(&p->free[o]))
		o++;
	if (o == IOBUF_ORDERS)
		return false;
	*block = node_block(p, p->free[o].next);
	block_take(p, *block);
	while (o > order) {
		o--;
		block_push(p, *block + ((size_t)1 << o), o);
	}
	return true;
}

static void block_free(struct iobuf_pool *p, size_t block, unsigned order)
{
	for (; order < IOBUF_ORDERS - 1; order++) {
		size_t buddy = block ^ ((size_t)1 << order);

		if (p->state[buddy] != (BLOCK_FREE | order))
			break;
		block_take(p, buddy);
		block &= ~((size_t)1 << order);
	}
	block_push(p, block, order);
}

static bool kept_take(struct iobuf_pool *p, unsigned order, size_t *block)
{
	struct list_node *n = p->kept[order].next;

	if (n == &p->kept[order])
		return false;
	list_del(n);
	p->nkept[order]--;
	*block = node_block(p, n);
	return true;
}

/* Give all that is kept back to the buddies; false: there was nothing. */
static bool kept_merge(struct iobuf_pool *p)
{
	bool any = false;
	size_t block;

	for (unsigned order = 0; order < IOBUF_ORDERS; order++) {
		while (kept_take(p, order, &block)) {
			block_free(p, block, order);
			any = true;
		}
	}
	return any;
}

static void block_put(struct iobuf_pool *p, size_t block, unsigned order)
{
	if (p->nkept[order] == IOBUF_KEPT || !list_empty(&p->waiters)) {
		block_free(p, block, order);
		return;
	}
	list_add_head(&p->kept[order], block_node(p, block));
	p->nkept[order]++;
}

int iobuf_get(struct iobuf_pool *p, uint32_t len, struct iobuf *b)
{
	if (!p->granted && !list_empty(&p->waiters))
		return len && len <= IOBUF_MAX_SIZE ? -EAGAIN : -EINVAL;
	return iobuf_get_first(p, len, b);
}

int iobuf_get_first(struct iobuf_pool *p, uint32_t len, struct iobuf *b)
{
	unsigned order;
	size_t block;

	if (!len || len > IOBUF_MAX_SIZE)
		return -EINVAL;
	order = order_for(len);
	if (!kept_take(p, order, &block) && !block_alloc(p, order, &block) &&
	    !(kept_merge(p) && block_alloc(p, order, &block)))
		return -EAGAIN;
	__atomic_store_n(&p->used, p->used + order_size(order), __ATOMIC_RELAXED);
	b->addr = p->slab.base + block * IOBUF_MIN_SIZE;
	b->len = len;
	b->region = IOBUF_REGION_SLAB;
	b->order = (uint16_t)order;
	return 0;
}

/*
 * Wake waiters in order while they get what they want. One that must wait
 * again returns to the head and ends it, unless more was freed meanwhile than
 * taken (which cannot go on for ever).
 */
static void waiters_wake(struct iobuf_pool *p)
{
	struct iobuf_waiter *w;
	size_t used;

	while (!list_empty(&p->waiters)) {
		w = list_first(&p->waiters, struct iobuf_waiter, link);
		used = p->used;
		p->granted = w;
		p->rewaited = false;
		list_del(&w->link);
		w->ready(w);
		if (p->rewaited && p->used >= used)
			break;
	}
	p->granted = NULL;
}

void iobuf_wake(struct iobuf_pool *p)
{
	if (!p->granted)
		waiters_wake(p);
}

void iobuf_put(struct iobuf_pool *p, struct iobuf *b)
{
	if (!b->addr || b->region != IOBUF_REGION_SLAB)
		return;
	block_put(p, (size_t)(b->addr - p->slab.base) / IOBUF_MIN_SIZE, b->order);
	__atomic_store_n(&p->used, p->used - order_size(b->order), __ATOMIC_RELAXED);
	b->addr = NULL;
	iobuf_wake(p);
}

void iobuf_wait(struct iobuf_pool *p, struct iobuf_waiter *w)
{
	if (p->granted == w) {
		p->rewaited = true;
		list_add_head(&p->waiters, &w->link);
	} else {
		list_add_tail(&p->waiters, &w->link);
	}
}

void iobuf_wait_first(struct iobuf_pool *p, struct iobuf_waiter *w)
{
	p->rewaited |= p->granted == w;
	list_add_head(&p->waiters, &w->link);
}
