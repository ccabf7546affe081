/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport/verbs_wr.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>

void verbs_chain_init(struct verbs_chain *ch)
{
	memset(ch, 0, sizeof(*ch));
	for (unsigned i = 0; i < VERBS_CHAIN_MAX; i++) {
		ch->wr[i].sg_list = &ch->sge[i];
		ch->wr[i].num_sge = 1;
		ch->wr[i].next = i + 1 < VERBS_CHAIN_MAX ? &ch->wr[i + 1] : NULL;
	}
}

void verbs_chain_reset(struct verbs_chain *ch)
{
	if (ch->n && ch->n < VERBS_CHAIN_MAX)
		ch->wr[ch->n - 1].next = &ch->wr[ch->n];
	ch->n = 0;
}

void verbs_sq_init(struct verbs_sq *sq, uint32_t cap, uint32_t max_reads, uint32_t max_msg,
		   uint32_t max_inline)
{
	memset(sq, 0, sizeof(*sq));
	list_init(&sq->pulls);
	list_init(&sq->pushes);
	list_init(&sq->reading.posted);
	list_init(&sq->sending.posted);
	sq->cap = cap;
	sq->max_reads = max_reads;
	sq->max_msg = max_msg;
	sq->max_inline = max_inline;
	sq->max_silent = UINT32_MAX;
}

void verbs_sq_add(struct verbs_sq *sq, struct xfer *x, enum verbs_xfer_kind kind)
{
	x->kind = (uint8_t)kind;
	x->seg = x->seg_off = x->off = 0;
	x->pending = 0;
	x->status = 0;
	list_add_tail(kind == VERBS_PULL ? &sq->pulls : &sq->pushes, &x->link);
}

static bool key_of(const struct verbs_keys *keys, uint16_t region, uint32_t *lkey)
{
	if (region >= IOBUF_REGIONS || !(keys->known & (1u << region)))
		return false;
	*lkey = keys->lkey[region];
	return true;
}

/* Append an entry; the caller completes it. @flags: VERBS_WR_READ or 0. */
static struct ibv_send_wr *chain_add(struct verbs_sq *sq, struct verbs_chain *ch, unsigned flags,
				     const uint8_t *addr, uint32_t len, uint32_t lkey)
{
	struct ibv_send_wr *wr = &ch->wr[ch->n];
	struct ibv_sge *sge = &ch->sge[ch->n++];

	sge->addr = (uintptr_t)addr;
	sge->length = len;
	sge->lkey = lkey;
	wr->wr_id = (uint64_t)sq->head++ << VERBS_WR_SEQ_SHIFT | flags | VERBS_WR_SEND;
	wr->send_flags = 0;
	return wr;
}

/* RDMA for one piece of @x: within one segment, one message of the device. */
static void add_piece(struct verbs_sq *sq, struct verbs_chain *ch, struct xfer *x, uint32_t lkey)
{
	const struct xfer_seg *seg = &x->segs[x->seg];
	uint32_t len = min_u32(seg->len - x->seg_off, x->local.len - x->off);
	bool read = x->kind == VERBS_PULL;
	struct ibv_send_wr *wr;

	len = min_u32(len, sq->max_msg);
	wr = chain_add(sq, ch, read ? VERBS_WR_READ : 0, x->local.addr + x->off, len, lkey);
	wr->opcode = read ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE;
	wr->wr.rdma.remote_addr = seg->addr + x->seg_off;
	wr->wr.rdma.rkey = seg->key;
	if (read || len > sq->max_silent)
		wr->send_flags = IBV_SEND_SIGNALED;
	x->off += len;
	x->seg_off += len;
	x->pending++;
}

/* RDMA for the rest of @x, at most @room entries. Returns how many, or -EINVAL. */
static int add_data(struct verbs_sq *sq, struct verbs_chain *ch, struct xfer *x,
		    const struct verbs_keys *keys, unsigned room)
{
	unsigned start = ch->n;
	uint32_t lkey;

	if (x->off == x->local.len)
		return 0;
	if (!key_of(keys, x->local.region, &lkey))
		return -EINVAL;
	while (x->off < x->local.len && ch->n - start < room) {
		if (x->seg == x->nsegs)
			return -EINVAL;
		if (x->seg_off == x->segs[x->seg].len) {
			x->seg++;
			x->seg_off = 0;
			continue;
		}
		add_piece(sq, ch, x, lkey);
	}
	return (int)(ch->n - start);
}

static int add_send(struct verbs_sq *sq, struct verbs_chain *ch, struct xfer *x,
		    const struct verbs_keys *keys)
{
	struct ibv_send_wr *wr;
	uint32_t lkey;

	if (!key_of(keys, x->msg_region, &lkey))
		return -EINVAL;
	wr = chain_add(sq, ch, 0, x->msg, x->msg_len, lkey);
	wr->opcode = IBV_WR_SEND;
	if (x->msg_len <= sq->max_inline)
		wr->send_flags = IBV_SEND_INLINE;
	if (x->msg_len > sq->max_silent)
		wr->send_flags |= IBV_SEND_SIGNALED;
	x->pending++;
	return 0;
}

static void xfer_posted(struct verbs_sq *sq, struct verbs_lane *lane, struct xfer *x)
{
	x->end = sq->head - 1;
	list_del(&x->link);
	list_add_tail(&lane->posted, &x->link);
}

/* The entries from number @from up to the head of the queue are of @lane. */
static void lane_add(struct verbs_lane *lane, uint32_t from, const struct verbs_sq *sq)
{
	if (from == sq->head)
		return;
	if (lane->tail == lane->head)
		lane->tail = from;
	lane->head = sq->head;
}

static int build_pulls(struct verbs_sq *sq, struct verbs_chain *ch, const struct verbs_keys *keys,
		       unsigned room)
{
	if (!sq->max_reads && !list_empty(&sq->pulls))
		return -EINVAL;
	while (!list_empty(&sq->pulls)) {
		struct xfer *x = list_first(&sq->pulls, struct xfer, link);
		int n = add_data(sq, ch, x, keys,
				 min_u32(room - ch->n, sq->max_reads - sq->reads));

		if (n < 0)
			return n;
		sq->reads += (uint32_t)n;
		if (x->off < x->local.len)
			break;
		xfer_posted(sq, &sq->reading, x);
	}
	return 0;
}

static int build_pushes(struct verbs_sq *sq, struct verbs_chain *ch, const struct verbs_keys *keys,
			unsigned room)
{
	unsigned silent = 0;

	while (!list_empty(&sq->pushes) && ch->n < room) {
		struct xfer *x = list_first(&sq->pushes, struct xfer, link);
		int rc = add_data(sq, ch, x, keys, room - ch->n);

		if (rc < 0)
			return rc;
		if (x->off < x->local.len || ch->n == room)
			break;
		rc = add_send(sq, ch, x, keys);
		if (rc < 0)
			return rc;
		if (++silent == VERBS_SENDS_PER_CQE) {
			ch->wr[ch->n - 1].send_flags |= IBV_SEND_SIGNALED;
			silent = 0;
		}
		xfer_posted(sq, &sq->sending, x);
	}
	return 0;
}

int verbs_sq_build(struct verbs_sq *sq, struct verbs_chain *ch, const struct verbs_keys *keys)
{
	unsigned room = min_u32(sq->cap - verbs_sq_used(sq), VERBS_CHAIN_MAX);
	uint32_t from = sq->head;
	int rc = build_pulls(sq, ch, keys, room);

	if (rc)
		return rc;
	lane_add(&sq->reading, from, sq);
	from = sq->head;
	rc = build_pushes(sq, ch, keys, room);
	if (rc)
		return rc;
	lane_add(&sq->sending, from, sq);
	if (!ch->n)
		return 0;
	ch->wr[ch->n - 1].send_flags |= IBV_SEND_SIGNALED;
	ch->wr[ch->n - 1].next = NULL;
	return (int)ch->n;
}

static uint32_t lane_oldest(const struct verbs_lane *lane, uint32_t oldest)
{
	if (lane->tail != lane->head && (int32_t)(lane->tail - oldest) < 0)
		return lane->tail;
	return oldest;
}

void verbs_sq_complete(struct verbs_sq *sq, uint64_t wr_id)
{
	bool read = wr_id & VERBS_WR_READ;
	struct verbs_lane *lane = read ? &sq->reading : &sq->sending;

	lane->tail = (uint32_t)(wr_id >> VERBS_WR_SEQ_SHIFT) + 1;
	if (read)
		sq->reads--;
	sq->tail = lane_oldest(&sq->reading, lane_oldest(&sq->sending, sq->head));
}

uint64_t verbs_sq_marker(const struct verbs_sq *sq)
{
	return (uint64_t)sq->head << VERBS_WR_SEQ_SHIFT | VERBS_WR_MARKER | VERBS_WR_SEND;
}

void verbs_sq_marked(struct verbs_sq *sq)
{
	uint32_t from = sq->head++;

	lane_add(&sq->sending, from, sq);
}

static struct xfer *lane_pop(struct verbs_lane *lane)
{
	struct xfer *x;

	if (list_empty(&lane->posted))
		return NULL;
	x = list_first(&lane->posted, struct xfer, link);
	if ((int32_t)(x->end - lane->tail) >= 0)
		return NULL;
	list_del(&x->link);
	return x;
}

struct xfer *verbs_sq_pop(struct verbs_sq *sq)
{
	struct xfer *x = lane_pop(&sq->reading);

	return x ? x : lane_pop(&sq->sending);
}

static struct xfer *take_first(struct list_node *from, bool all)
{
	struct xfer *x;

	list_for_each(x, from, link) {
		if (!all && x->pending)
			continue;
		list_del(&x->link);
		return x;
	}
	return NULL;
}

struct xfer *verbs_sq_take(struct verbs_sq *sq, bool all)
{
	struct xfer *x = all ? take_first(&sq->reading.posted, true) : NULL;

	if (!x && all)
		x = take_first(&sq->sending.posted, true);
	if (!x)
		x = take_first(&sq->pulls, all);
	if (!x)
		x = take_first(&sq->pushes, all);
	return x;
}
