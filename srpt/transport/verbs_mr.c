/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device needs on a reactor: completion queue, shared receive queue,
 * receive memory, memory registrations; and the admission of connections, so
 * that neither queue can overflow nor run dry. Control thread, which may block.
 */
#include "transport/verbs.h"
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGE 4096u
#define ARENA_MIN_SLOTS 256u   /* of a shared queue; each next arena is twice as big */
#define ARENA_BLOCKS 8u        /* own receives: connections served by one arena */

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

struct ibv_mr *verbs_mr_register(struct verbs_device *dev, void *mem, size_t len, int access)
{
	struct ibv_mr *mr = ibv_reg_mr(dev->pd, mem, len, access);
	struct rlimit lim;

	if (mr)
		return mr;
	if (errno == ENOMEM && !getrlimit(RLIMIT_MEMLOCK, &lim) && lim.rlim_cur != RLIM_INFINITY)
		log_err("%s: cannot register %zu KiB of memory: the limit on locked memory is "
			"%" PRIu64 " KiB: raise it (systemd: LimitMEMLOCK=infinity, shell: "
			"ulimit -l unlimited)", dev->name, len / 1024,
			(uint64_t)lim.rlim_cur / 1024);
	else
		log_err("%s: cannot register %zu KiB of memory: %s", dev->name, len / 1024,
			strerror(errno));
	return NULL;
}

/* ---- arenas ---- */

static void arena_free(struct verbs_arena *a)
{
	if (a->mr)
		ibv_dereg_mr(a->mr);
	if (a->mem)
		munmap(a->mem, a->len);
	free(a->rx);
	free(a);
}

static int arena_map(struct verbs_arena *a, struct verbs_device *dev, size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return -ENOMEM;
	a->mem = mem;
	a->len = len;
	a->mr = verbs_mr_register(dev, mem, len, IBV_ACCESS_LOCAL_WRITE);
	return a->mr ? 0 : -ENOMEM;
}

/* The message starts so that its byte imm_offset is at a page boundary. */
static void arena_cut(struct verbs_arena *a, const struct transport_params *tp, size_t stride)
{
	uint32_t lead = (PAGE - tp->imm_offset % PAGE) % PAGE;

	for (uint32_t i = 0; i < a->n; i++) {
		a->rx[i].rx.data = a->mem + i * stride + lead;
		a->rx[i].rx.region = IOBUF_UNREGISTERED;
		a->rx[i].lkey = a->mr->lkey;
	}
}

static size_t slot_stride(const struct transport_params *tp)
{
	uint32_t lead = (PAGE - tp->imm_offset % PAGE) % PAGE;

	return round_up((uint64_t)lead + tp->max_recv, PAGE);
}

static struct verbs_arena *arena_create(struct verbs_poller *p, uint32_t slots)
{
	const struct transport_params *tp = &p->dev->v->base.params;
	struct verbs_arena *a = calloc(1, sizeof(*a));
	size_t stride = slot_stride(tp);

	if (!a)
		return NULL;
	a->region = -1;
	a->n = slots;
	a->rx = aligned_alloc(CACHE_LINE, slots * sizeof(*a->rx));
	if (!a->rx || arena_map(a, p->dev, slots * stride)) {
		arena_free(a);
		return NULL;
	}
	memset(a->rx, 0, slots * sizeof(*a->rx));
	arena_cut(a, tp, stride);
	a->next = p->arenas;
	p->arenas = a;
	p->slots += slots;
	return a;
}

/* Handed over: the reactor takes all that is fresh when it attaches the next connection. */
static struct verbs_arena *arena_add(struct verbs_poller *p, uint32_t slots)
{
	struct verbs_arena *a = arena_create(p, slots);

	if (!a)
		return NULL;
	a->fresh = atomic_load(&p->fresh);
	while (!atomic_compare_exchange_weak(&p->fresh, &a->fresh, a))
		;
	return a;
}

/* Memory for at least @need receives in a shared queue, each arena twice the last one. */
static int srq_grow(struct verbs_poller *p, uint32_t need)
{
	uint32_t slots = p->arenas ? p->arenas->n * 2 : ARENA_MIN_SLOTS;

	while (slots < need - p->slots)
		slots *= 2;
	return arena_add(p, min_u32(slots, p->srq_size - p->slots)) ? 0 : -ENOMEM;
}

/* ---- blocks ---- */

static void blocks_create(struct verbs_poller *p, uint32_t depth)
{
	struct verbs_arena *a = arena_add(p, depth * ARENA_BLOCKS);

	for (unsigned i = 0; a && i < ARENA_BLOCKS; i++) {
		struct verbs_block *b = calloc(1, sizeof(*b));

		if (!b)
			return;
		b->rx = a->rx + i * depth;
		b->n = depth;
		b->next = p->blocks;
		p->blocks = b;
	}
}

static struct verbs_block *block_find(struct verbs_poller *p, uint32_t depth)
{
	struct verbs_block *b;

	for (b = p->blocks; b; b = b->next)
		if (b->n == depth && !atomic_load(&b->busy))
			return b;
	return NULL;
}

static int block_take(struct verbs_poller *p, struct verbs_conn *c)
{
	struct verbs_block *b = block_find(p, c->depth);

	if (!b) {
		blocks_create(p, c->depth);
		b = block_find(p, c->depth);
	}
	if (!b)
		return -ENOMEM;
	atomic_store(&b->busy, true);
	c->block = b;
	return 0;
}

/* ---- admission ---- */

/* Make room for @cqe entries; grows the queue when the device can. */
static int cq_reserve(struct verbs_poller *p, uint32_t cqe)
{
	uint32_t used = atomic_load(&p->cqe_used) + p->srq_size;
	uint32_t max = (uint32_t)p->dev->attr.max_cqe;

	if (used + cqe > p->cq_size) {
		uint32_t want = min_u32(p->cq_size * 2, max);

		if (used + cqe > want || ibv_resize_cq(p->cq, (int)want))
			return -ENOMEM;
		p->cq_size = want;
	}
	atomic_fetch_add(&p->cqe_used, cqe);
	return 0;
}

int verbs_poller_admit(struct verbs_poller *p, struct verbs_conn *c, uint32_t sq_cap)
{
	uint32_t need = atomic_load(&p->depth_used) + c->depth;
	uint32_t cqe = sq_cap + 1 + (p->srq ? 0 : c->depth);
	int rc = 0;

	if (p->srq && need > p->srq_size) {
		log_warn("%s: shared receive queue of reactor %u is full: %u receives promised, "
			 "%u more wanted, srpt_srq_size %u", p->dev->name, p->reactor->id,
			 need - c->depth, c->depth, p->srq_size);
		return -ENOMEM;
	}
	if (cq_reserve(p, cqe)) {
		log_warn("%s: completion queue of reactor %u is full (%u entries)", p->dev->name,
			 p->reactor->id, p->cq_size);
		return -ENOMEM;
	}
	atomic_fetch_add(&p->depth_used, c->depth);
	c->cqe = cqe;
	c->p = p;
	if (!p->srq)
		rc = block_take(p, c);
	else if (need > p->slots)
		rc = srq_grow(p, need);
	if (rc)
		verbs_poller_release(c);
	return rc;
}

void verbs_poller_release(struct verbs_conn *c)
{
	atomic_fetch_sub(&c->p->depth_used, c->depth);
	atomic_fetch_sub(&c->p->cqe_used, c->cqe);
	if (c->block)
		atomic_store(&c->block->busy, false);
}

/* ---- registration of the reactor's regions ---- */

static struct verbs_arena *arena_at(struct verbs_poller *p, const uint8_t *base)
{
	struct verbs_arena *a = p->arenas;

	while (a && a->mem != base)
		a = a->next;
	return a;
}

/* Receive arenas are registered by their own device only. */
static bool is_arena(struct verbs *v, unsigned reactor, const uint8_t *base)
{
	struct verbs_device *dev;

	list_for_each(dev, &v->devices, link)
		if (dev->pollers[reactor] && arena_at(dev->pollers[reactor], base))
			return true;
	return false;
}

static void region_forget(struct verbs_poller *p, int i)
{
	if (p->mr[i])
		ibv_dereg_mr(p->mr[i]);
	p->mr[i] = NULL;
	p->mr_of[i] = (struct iobuf_region){ .base = NULL };
}

/* 0, or -ENOMEM. */
static int region_update(struct verbs_poller *p, int i, const struct iobuf_region *r)
{
	/* The sink of an RDMA READ is written by the peer's RNIC: iWARP asks for the right. */
	int access = IBV_ACCESS_LOCAL_WRITE | (p->dev->iwarp ? IBV_ACCESS_REMOTE_WRITE : 0);

	if (iobuf_region_same(&p->mr_of[i], r))
		return 0;
	region_forget(p, i);
	if (!r->len || is_arena(p->dev->v, p->reactor->id, r->base))
		return 0;
	p->mr[i] = verbs_mr_register(p->dev, r->base, r->len, access);
	if (!p->mr[i])
		return -ENOMEM;
	p->mr_of[i] = *r;
	return 0;
}

void verbs_poller_register(struct verbs_poller *p, struct verbs_conn *c)
{
	memset(&c->keys, 0, sizeof(c->keys));
	for (int i = 0; i < IOBUF_REGIONS; i++) {
		struct verbs_arena *a = arena_at(p, c->regions[i].base);
		struct ibv_mr *mr;

		if (region_update(p, i, &c->regions[i]))
			c->register_failed = true;
		mr = a ? a->mr : p->mr[i];
		if (!mr)
			continue;
		c->keys.known |= 1u << i;
		c->keys.lkey[i] = mr->lkey;
	}
	c->registered = true;
}

/* ---- poller ---- */

static int cq_create(struct verbs_poller *p)
{
	struct verbs_device *dev = p->dev;
	uint32_t want = min_u32(VERBS_CQ_INITIAL + p->srq_size, (uint32_t)dev->attr.max_cqe);
	int vectors = dev->ctx->num_comp_vectors;
	int vector = (int)verbs_vector(p->reactor->id, vectors > 0 ? (unsigned)vectors : 1);
	int flags;

	p->channel = ibv_create_comp_channel(dev->ctx);
	if (!p->channel)
		return -errno;
	flags = fcntl(p->channel->fd, F_GETFL);
	if (flags < 0 || fcntl(p->channel->fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	p->cq = ibv_create_cq(dev->ctx, (int)want, p, p->channel, vector);
	if (!p->cq)
		return -errno;
	p->cq_size = want;
	p->source = (struct reactor_source){
		.poll = verbs_poll, .arm = verbs_arm, .wake = verbs_wake,
		.fd = p->channel->fd, .busy = verbs_busy,
	};
	list_init(&p->source.link);
	return 0;
}

/* Without one the connections have receive queues of their own. */
static void srq_create(struct verbs_poller *p, uint32_t size)
{
	struct verbs_device *dev = p->dev;
	struct ibv_srq_init_attr attr = { .attr = { .max_sge = 1 } };

	if (!size || dev->attr.max_srq <= 0 || dev->attr.max_srq_wr <= 0)
		return;
	size = min_u32(size, (uint32_t)dev->attr.max_srq_wr);
	size = min_u32(size, (uint32_t)dev->attr.max_cqe / 2);
	attr.attr.max_wr = size;
	p->srq = ibv_create_srq(dev->pd, &attr);
	if (p->srq)
		p->srq_size = size;
	else
		log_notice("%s: no shared receive queue of %u entries (%s): each connection gets "
			   "its own receives", dev->name, size, strerror(errno));
}

static void recv_chain_init(struct verbs_poller *p)
{
	for (int i = 0; i < VERBS_POLL_BATCH; i++) {
		p->rsge[i].length = p->dev->v->base.params.max_recv;
		p->rwr[i].sg_list = &p->rsge[i];
		p->rwr[i].num_sge = 1;
	}
}

static void poller_fields_init(struct verbs_poller *p, struct verbs_device *dev, struct reactor *r)
{
	memset(p, 0, sizeof(*p));
	p->dev = dev;
	p->reactor = r;
	p->up = dev->v->base.up;
	p->refill.fn = verbs_poller_refill;
	p->refill.stage = STAGE_TRANSPORT;
	list_init(&p->refill.link);
	list_init(&p->source.link);
	verbs_chain_init(&p->chain);
	recv_chain_init(p);
}

int verbs_poller_create(struct verbs_device *dev, struct reactor *r, struct verbs_poller **out)
{
	struct verbs_poller *p = aligned_alloc(CACHE_LINE, round_up(sizeof(*p), CACHE_LINE));
	int rc;

	if (!p)
		return -ENOMEM;
	poller_fields_init(p, dev, r);
	srq_create(p, dev->v->base.params.srq_size);
	rc = cq_create(p);
	if (rc) {
		log_err("%s: no completion queue for reactor %u: %s", dev->name, r->id,
			strerror(-rc));
		verbs_poller_destroy(p);
		return rc;
	}
	*out = p;
	return 0;
}

void verbs_poller_destroy(struct verbs_poller *p)
{
	if (p->srq)
		ibv_destroy_srq(p->srq);
	if (p->cq) {
		ibv_ack_cq_events(p->cq, p->unacked);
		ibv_destroy_cq(p->cq);
	}
	if (p->channel)
		ibv_destroy_comp_channel(p->channel);
	for (int i = 0; i < IOBUF_REGIONS; i++)
		region_forget(p, i);
	verbs_exposed_forget(p);
	for (struct verbs_arena *a = p->arenas, *next; a; a = next) {
		next = a->next;
		arena_free(a);
	}
	for (struct verbs_block *b = p->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(p);
}
