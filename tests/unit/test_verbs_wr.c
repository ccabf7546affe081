/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport/verbs_wr.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#define MAX_MSG (1u << 20)
#define INLINE 64u

static uint8_t local[1 << 20];
static uint8_t msg[256];
static struct verbs_chain chain;
static const struct verbs_keys keys = { .known = 0x5, .lkey = { [0] = 100, [2] = 102 } };

static void xfer_init(struct xfer *x, struct xfer_seg *segs, uint32_t nsegs, uint32_t len)
{
	memset(x, 0, sizeof(*x));
	x->segs = segs;
	x->nsegs = nsegs;
	x->local = (struct iobuf){ .addr = local, .len = len, .region = 0 };
	x->msg = msg;
	x->msg_len = 36;
	x->msg_region = 2;
}

/* @n segments of @len bytes, the addresses far apart. */
static void segs_init(struct xfer_seg *segs, uint32_t n, uint32_t len)
{
	for (uint32_t i = 0; i < n; i++)
		segs[i] = (struct xfer_seg){ 0x1000000ull * (i + 1), 7 + i, len };
}

static void expect_rdma(const struct ibv_send_wr *wr, enum ibv_wr_opcode op, uint32_t off,
			uint32_t len, uint64_t remote, uint32_t rkey)
{
	assert_int_equal(wr->opcode, op);
	assert_int_equal(wr->num_sge, 1);
	assert_int_equal(wr->sg_list->addr, (uintptr_t)local + off);
	assert_int_equal(wr->sg_list->length, len);
	assert_int_equal(wr->sg_list->lkey, 100);
	assert_int_equal(wr->wr.rdma.remote_addr, remote);
	assert_int_equal(wr->wr.rdma.rkey, rkey);
}

static int setup(void **state)
{
	(void)state;
	verbs_chain_init(&chain);
	return 0;
}

static int build(struct verbs_sq *sq)
{
	int n;

	verbs_chain_reset(&chain);
	n = verbs_sq_build(sq, &chain, &keys);
	if (n > 0) {
		const struct ibv_send_wr *wr = chain.wr;

		/* As the device sees it: linked, ended, the last one signalled. */
		for (int i = 1; i < n; i++, wr = wr->next)
			assert_non_null(wr->next);
		assert_null(wr->next);
		assert_true(wr->send_flags & IBV_SEND_SIGNALED);
	}
	return n;
}

static void test_push_without_data_is_one_inline_send(void **state)
{
	struct verbs_sq sq;
	struct xfer x;

	(void)state;
	verbs_sq_init(&sq, 16, 4, MAX_MSG, INLINE);
	xfer_init(&x, NULL, 0, 0);
	verbs_sq_add(&sq, &x, VERBS_PUSH);
	assert_int_equal(build(&sq), 1);
	assert_int_equal(chain.wr[0].opcode, IBV_WR_SEND);
	assert_int_equal(chain.wr[0].send_flags, IBV_SEND_SIGNALED | IBV_SEND_INLINE);
	assert_int_equal(chain.sge[0].addr, (uintptr_t)msg);
	assert_int_equal(chain.sge[0].length, 36);
	assert_int_equal(chain.sge[0].lkey, 102);
	assert_int_equal(build(&sq), 0);
}

static void test_long_message_is_not_inline(void **state)
{
	struct verbs_sq sq;
	struct xfer x;

	(void)state;
	verbs_sq_init(&sq, 16, 4, MAX_MSG, INLINE);
	xfer_init(&x, NULL, 0, 0);
	x.msg_len = INLINE + 1;
	verbs_sq_add(&sq, &x, VERBS_PUSH);
	assert_int_equal(build(&sq), 1);
	assert_int_equal(chain.wr[0].send_flags, IBV_SEND_SIGNALED);
}

static void test_push_writes_every_segment_then_sends(void **state)
{
	struct xfer_seg segs[3];
	struct verbs_sq sq;
	struct xfer x;

	(void)state;
	verbs_sq_init(&sq, 16, 4, MAX_MSG, INLINE);
	segs_init(segs, 3, 1000);
	xfer_init(&x, segs, 3, 2500);
	verbs_sq_add(&sq, &x, VERBS_PUSH);
	assert_int_equal(build(&sq), 4);
	expect_rdma(&chain.wr[0], IBV_WR_RDMA_WRITE, 0, 1000, 0x1000000, 7);
	expect_rdma(&chain.wr[1], IBV_WR_RDMA_WRITE, 1000, 1000, 0x2000000, 8);
	/* The data end before the segment does. */
	expect_rdma(&chain.wr[2], IBV_WR_RDMA_WRITE, 2000, 500, 0x3000000, 9);
	assert_int_equal(chain.wr[3].opcode, IBV_WR_SEND);
	for (int i = 0; i < 3; i++)
		assert_int_equal(chain.wr[i].send_flags, 0);
}

static void test_pushes_of_a_round_leave_in_one_chain(void **state)
{
	struct verbs_sq sq;
	struct xfer x[12];

	(void)state;
	verbs_sq_init(&sq, 64, 4, MAX_MSG, 0);
	for (int i = 0; i < 12; i++) {
		xfer_init(&x[i], NULL, 0, 0);
		x[i].msg = msg + i;
		verbs_sq_add(&sq, &x[i], VERBS_PUSH);
	}
	assert_int_equal(build(&sq), 12);
	for (int i = 0; i < 12; i++) {
		bool asks = i == VERBS_SENDS_PER_CQE - 1 || i == 11;

		assert_int_equal(chain.sge[i].addr, (uintptr_t)msg + (unsigned)i);
		assert_int_equal(chain.wr[i].send_flags, asks ? IBV_SEND_SIGNALED : 0);
	}
}

static void test_completion_ends_all_before_it_in_order(void **state)
{
	struct verbs_sq sq;
	struct xfer x[4];

	(void)state;
	verbs_sq_init(&sq, 16, 4, MAX_MSG, 0);
	for (int i = 0; i < 4; i++) {
		xfer_init(&x[i], NULL, 0, 0);
		verbs_sq_add(&sq, &x[i], VERBS_PUSH);
	}
	assert_int_equal(build(&sq), 4);
	assert_null(verbs_sq_pop(&sq));
	verbs_sq_complete(&sq, chain.wr[2].wr_id);
	assert_int_equal(verbs_sq_used(&sq), 1);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(verbs_sq_pop(&sq), &x[i]);
	assert_null(verbs_sq_pop(&sq));
	verbs_sq_complete(&sq, chain.wr[3].wr_id);
	assert_ptr_equal(verbs_sq_pop(&sq), &x[3]);
	assert_true(verbs_sq_empty(&sq));
	assert_int_equal(verbs_sq_used(&sq), 0);
}

static void test_reads_outstanding_are_limited(void **state)
{
	struct xfer_seg segs[6];
	struct verbs_sq sq;
	struct xfer x, y;
	uint64_t first;

	(void)state;
	verbs_sq_init(&sq, 64, 4, MAX_MSG, 0);
	segs_init(segs, 6, 512);
	xfer_init(&x, segs, 6, 3072);
	xfer_init(&y, segs, 1, 512);
	verbs_sq_add(&sq, &x, VERBS_PULL);
	verbs_sq_add(&sq, &y, VERBS_PULL);
	assert_int_equal(build(&sq), 4);
	first = chain.wr[0].wr_id;
	for (int i = 0; i < 4; i++) {
		expect_rdma(&chain.wr[i], IBV_WR_RDMA_READ, 512 * (uint32_t)i, 512,
			    0x1000000ull * ((unsigned)i + 1), 7 + (uint32_t)i);
		assert_int_equal(chain.wr[i].send_flags, IBV_SEND_SIGNALED);
	}
	assert_int_equal(build(&sq), 0);
	verbs_sq_complete(&sq, first);
	assert_int_equal(build(&sq), 1);
	expect_rdma(&chain.wr[0], IBV_WR_RDMA_READ, 2048, 512, 0x5000000, 11);
	assert_null(verbs_sq_pop(&sq));
	verbs_sq_complete(&sq, first + (1 << VERBS_WR_SEQ_SHIFT));
	verbs_sq_complete(&sq, first + (2 << VERBS_WR_SEQ_SHIFT));
	assert_int_equal(build(&sq), 2); /* the last of x, and y */
	expect_rdma(&chain.wr[1], IBV_WR_RDMA_READ, 0, 512, 0x1000000, 7);
	verbs_sq_complete(&sq, chain.wr[0].wr_id);
	assert_ptr_equal(verbs_sq_pop(&sq), &x);
	assert_null(verbs_sq_pop(&sq));
}

static void test_reads_do_not_hold_up_pushes(void **state)
{
	struct xfer_seg segs[8];
	struct verbs_sq sq;
	struct xfer pull, push;

	(void)state;
	verbs_sq_init(&sq, 64, 2, MAX_MSG, 0);
	segs_init(segs, 8, 512);
	xfer_init(&pull, segs, 8, 4096);
	xfer_init(&push, NULL, 0, 0);
	verbs_sq_add(&sq, &pull, VERBS_PULL);
	verbs_sq_add(&sq, &push, VERBS_PUSH);
	assert_int_equal(build(&sq), 3);
	assert_int_equal(chain.wr[2].opcode, IBV_WR_SEND);
}

static void test_peer_that_serves_no_reads_is_not_asked(void **state)
{
	struct xfer_seg seg;
	struct verbs_sq sq;
	struct xfer x;

	(void)state;
	verbs_sq_init(&sq, 64, 0, MAX_MSG, 0);
	segs_init(&seg, 1, 512);
	xfer_init(&x, &seg, 1, 512);
	verbs_sq_add(&sq, &x, VERBS_PULL);
	assert_int_equal(build(&sq), -EINVAL);
	assert_int_equal(chain.n, 0);
	assert_ptr_equal(verbs_sq_take(&sq, false), &x);
}

static void test_long_segment_is_split_by_message_size(void **state)
{
	struct xfer_seg seg;
	struct verbs_sq sq;
	struct xfer x;

	(void)state;
	verbs_sq_init(&sq, 64, 4, 1000, 0);
	segs_init(&seg, 1, 2500);
	xfer_init(&x, &seg, 1, 2500);
	verbs_sq_add(&sq, &x, VERBS_PUSH);
	assert_int_equal(build(&sq), 4);
	expect_rdma(&chain.wr[0], IBV_WR_RDMA_WRITE, 0, 1000, 0x1000000, 7);
	expect_rdma(&chain.wr[1], IBV_WR_RDMA_WRITE, 1000, 1000, 0x1000000 + 1000, 7);
	expect_rdma(&chain.wr[2], IBV_WR_RDMA_WRITE, 2000, 500, 0x1000000 + 2000, 7);
}

static void test_empty_segments_are_skipped(void **state)
{
	struct xfer_seg segs[4];
	struct verbs_sq sq;
	struct xfer x;

	(void)state;
	verbs_sq_init(&sq, 64, 4, MAX_MSG, 0);
	segs_init(segs, 4, 100);
	segs[0].len = segs[2].len = 0;
	xfer_init(&x, segs, 4, 200);
	verbs_sq_add(&sq, &x, VERBS_PULL);
	assert_int_equal(build(&sq), 2);
	expect_rdma(&chain.wr[0], IBV_WR_RDMA_READ, 0, 100, 0x2000000, 8);
	expect_rdma(&chain.wr[1], IBV_WR_RDMA_READ, 100, 100, 0x4000000, 10);
}

static void test_segments_shorter_than_data_are_refused(void **state)
{
	struct xfer_seg segs[2];
	struct verbs_sq sq;
	struct xfer x;

	(void)state;
	segs_init(segs, 2, 100);
	for (int kind = VERBS_PULL; kind <= VERBS_PUSH; kind++) {
		verbs_sq_init(&sq, 64, 4, MAX_MSG, 0);
		xfer_init(&x, segs, 2, 201);
		verbs_sq_add(&sq, &x, (enum verbs_xfer_kind)kind);
		assert_int_equal(build(&sq), -EINVAL);
		assert_ptr_equal(verbs_sq_take(&sq, true), &x);
	}
}

static void test_memory_without_key_is_refused(void **state)
{
	static const uint16_t bad[] = { 1, IOBUF_REGIONS, IOBUF_UNREGISTERED };
	struct xfer_seg seg;
	struct verbs_sq sq;
	struct xfer x;

	(void)state;
	segs_init(&seg, 1, 100);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		verbs_sq_init(&sq, 64, 4, MAX_MSG, 0);
		xfer_init(&x, &seg, 1, 100);
		x.local.region = bad[i];
		verbs_sq_add(&sq, &x, VERBS_PULL);
		assert_int_equal(build(&sq), -EINVAL);
		verbs_sq_init(&sq, 64, 4, MAX_MSG, 0);
		xfer_init(&x, &seg, 0, 0);
		x.msg_region = bad[i];
		verbs_sq_add(&sq, &x, VERBS_PUSH);
		assert_int_equal(build(&sq), -EINVAL);
	}
}

static void test_push_larger_than_the_queue_goes_in_parts(void **state)
{
	static struct xfer_seg segs[TRANSPORT_MAX_SEGS];
	struct verbs_sq sq;
	struct xfer big, next;
	uint32_t writes = 0;

	(void)state;
	verbs_sq_init(&sq, 20, 4, MAX_MSG, 0);
	segs_init(segs, TRANSPORT_MAX_SEGS, 16);
	xfer_init(&big, segs, TRANSPORT_MAX_SEGS, TRANSPORT_MAX_SEGS * 16);
	xfer_init(&next, NULL, 0, 0);
	verbs_sq_add(&sq, &big, VERBS_PUSH);
	verbs_sq_add(&sq, &next, VERBS_PUSH);
	while (writes < TRANSPORT_MAX_SEGS) {
		int n = build(&sq);

		assert_in_range(n, 1, 20);
		assert_int_equal(build(&sq), 0); /* full until something completes */
		for (int i = 0; i < n && writes < TRANSPORT_MAX_SEGS; i++, writes++)
			expect_rdma(&chain.wr[i], IBV_WR_RDMA_WRITE, writes * 16, 16,
				    0x1000000ull * (writes + 1), 7 + writes);
		if (writes < TRANSPORT_MAX_SEGS)
			assert_null(verbs_sq_pop(&sq));
		verbs_sq_complete(&sq, chain.wr[n - 1].wr_id);
	}
	if (verbs_sq_waiting(&sq))
		verbs_sq_complete(&sq, chain.wr[build(&sq) - 1].wr_id);
	assert_ptr_equal(verbs_sq_pop(&sq), &big);
	assert_ptr_equal(verbs_sq_pop(&sq), &next);
}

static void test_long_round_takes_several_chains(void **state)
{
	static struct xfer x[VERBS_CHAIN_MAX + 5];
	struct verbs_sq sq;

	(void)state;
	verbs_sq_init(&sq, 1000, 4, MAX_MSG, 0);
	for (size_t i = 0; i < ARRAY_SIZE(x); i++) {
		xfer_init(&x[i], NULL, 0, 0);
		verbs_sq_add(&sq, &x[i], VERBS_PUSH);
	}
	assert_int_equal(build(&sq), VERBS_CHAIN_MAX);
	assert_int_equal(build(&sq), 5);
	verbs_sq_complete(&sq, chain.wr[4].wr_id);
	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		assert_ptr_equal(verbs_sq_pop(&sq), &x[i]);
}

static void test_sequence_numbers_may_wrap(void **state)
{
	struct verbs_sq sq;
	struct xfer x[6];

	(void)state;
	verbs_sq_init(&sq, 16, 4, MAX_MSG, 0);
	sq.head = sq.tail = UINT32_MAX - 2;
	for (int i = 0; i < 6; i++) {
		xfer_init(&x[i], NULL, 0, 0);
		verbs_sq_add(&sq, &x[i], VERBS_PUSH);
	}
	assert_int_equal(build(&sq), 6);
	assert_int_equal(verbs_sq_used(&sq), 6);
	verbs_sq_complete(&sq, chain.wr[1].wr_id);
	assert_ptr_equal(verbs_sq_pop(&sq), &x[0]);
	assert_ptr_equal(verbs_sq_pop(&sq), &x[1]);
	assert_null(verbs_sq_pop(&sq));
	verbs_sq_complete(&sq, chain.wr[5].wr_id);
	for (int i = 2; i < 6; i++)
		assert_ptr_equal(verbs_sq_pop(&sq), &x[i]);
	assert_int_equal(verbs_sq_used(&sq), 0);
}

static void test_dead_connection_gives_every_xfer_back_once(void **state)
{
	struct xfer_seg segs[8];
	struct xfer posted, partial, waiting;
	struct verbs_sq sq;

	(void)state;
	verbs_sq_init(&sq, 64, 4, MAX_MSG, 0);
	segs_init(segs, 8, 100);
	xfer_init(&posted, NULL, 0, 0);
	xfer_init(&partial, segs, 8, 800);
	xfer_init(&waiting, segs, 1, 100);
	verbs_sq_add(&sq, &posted, VERBS_PUSH);
	verbs_sq_add(&sq, &partial, VERBS_PULL);
	assert_int_equal(build(&sq), 5);
	verbs_sq_add(&sq, &waiting, VERBS_PULL);
	/* The device may still use the memory of the others. */
	assert_ptr_equal(verbs_sq_take(&sq, false), &waiting);
	assert_null(verbs_sq_take(&sq, false));
	assert_ptr_equal(verbs_sq_take(&sq, true), &posted);
	assert_ptr_equal(verbs_sq_take(&sq, true), &partial);
	assert_null(verbs_sq_take(&sq, true));
	assert_true(verbs_sq_empty(&sq));
}

/* What siw does: the response of one command completes before the data of another come. */
static void test_send_that_overtakes_reads_ends_none_of_them(void **state)
{
	struct xfer pull, push, next;
	struct xfer_seg segs[2];
	struct verbs_sq sq;
	uint64_t reads[2];

	(void)state;
	verbs_sq_init(&sq, 8, 4, MAX_MSG, 0);
	segs_init(segs, 2, 100);
	xfer_init(&pull, segs, 2, 200);
	xfer_init(&push, NULL, 0, 0);
	xfer_init(&next, segs, 1, 100);
	verbs_sq_add(&sq, &pull, VERBS_PULL);
	verbs_sq_add(&sq, &push, VERBS_PUSH);
	assert_int_equal(build(&sq), 3);
	reads[0] = chain.wr[0].wr_id;
	reads[1] = chain.wr[1].wr_id;
	verbs_sq_complete(&sq, chain.wr[2].wr_id);
	assert_ptr_equal(verbs_sq_pop(&sq), &push);
	assert_null(verbs_sq_pop(&sq));
	/* The slots of the queue are freed in order. */
	assert_int_equal(verbs_sq_used(&sq), 3);
	verbs_sq_add(&sq, &next, VERBS_PULL);
	assert_int_equal(build(&sq), 1);
	verbs_sq_complete(&sq, reads[0]);
	assert_null(verbs_sq_pop(&sq));
	assert_int_equal(verbs_sq_used(&sq), 3);
	verbs_sq_complete(&sq, reads[1]);
	assert_ptr_equal(verbs_sq_pop(&sq), &pull);
	assert_null(verbs_sq_pop(&sq));
	verbs_sq_complete(&sq, chain.wr[0].wr_id);
	assert_ptr_equal(verbs_sq_pop(&sq), &next);
	assert_true(verbs_sq_empty(&sq));
	assert_int_equal(verbs_sq_used(&sq), 0);
}

static void test_read_ends_no_send_before_it(void **state)
{
	struct xfer_seg segs[1];
	struct xfer pull, push;
	struct verbs_sq sq;
	uint64_t send;

	(void)state;
	verbs_sq_init(&sq, 8, 4, MAX_MSG, 0);
	segs_init(segs, 1, 100);
	xfer_init(&push, NULL, 0, 0);
	xfer_init(&pull, segs, 1, 100);
	verbs_sq_add(&sq, &push, VERBS_PUSH);
	assert_int_equal(build(&sq), 1);
	send = chain.wr[0].wr_id;
	verbs_sq_add(&sq, &pull, VERBS_PULL);
	assert_int_equal(build(&sq), 1);
	verbs_sq_complete(&sq, chain.wr[0].wr_id);
	assert_ptr_equal(verbs_sq_pop(&sq), &pull);
	assert_null(verbs_sq_pop(&sq));
	assert_int_equal(verbs_sq_used(&sq), 2);
	verbs_sq_complete(&sq, send);
	assert_ptr_equal(verbs_sq_pop(&sq), &push);
	assert_int_equal(verbs_sq_used(&sq), 0);
}

static void test_long_entries_ask_for_completions(void **state)
{
	struct xfer_seg segs[3];
	struct verbs_sq sq;
	struct xfer x, y;

	(void)state;
	verbs_sq_init(&sq, 16, 4, MAX_MSG, 0);
	sq.max_silent = 99;
	segs_init(segs, 3, 100);
	xfer_init(&x, segs, 3, 299);
	xfer_init(&y, NULL, 0, 0);
	x.msg_len = 100;
	verbs_sq_add(&sq, &x, VERBS_PUSH);
	verbs_sq_add(&sq, &y, VERBS_PUSH);
	assert_int_equal(build(&sq), 5);
	for (int i = 0; i < 4; i++)
		assert_int_equal(chain.wr[i].send_flags, i == 2 ? 0 : IBV_SEND_SIGNALED);
	/* The data are sent when the message after them is. */
	verbs_sq_complete(&sq, chain.wr[0].wr_id);
	assert_null(verbs_sq_pop(&sq));
	verbs_sq_complete(&sq, chain.wr[3].wr_id);
	assert_ptr_equal(verbs_sq_pop(&sq), &x);
	assert_null(verbs_sq_pop(&sq));
}

static void test_marker_is_the_last_entry(void **state)
{
	struct xfer_seg segs[1];
	struct verbs_sq sq;
	struct xfer x;
	uint64_t marker;

	(void)state;
	verbs_sq_init(&sq, 8, 4, MAX_MSG, 0);
	segs_init(segs, 1, 100);
	xfer_init(&x, segs, 1, 100);
	verbs_sq_add(&sq, &x, VERBS_PULL);
	assert_int_equal(build(&sq), 1);
	marker = verbs_sq_marker(&sq);
	assert_true(marker & VERBS_WR_MARKER && marker & VERBS_WR_SEND);
	verbs_sq_marked(&sq);
	assert_int_equal(verbs_sq_used(&sq), 2);
	verbs_sq_complete(&sq, chain.wr[0].wr_id);
	assert_int_equal(verbs_sq_used(&sq), 1);
	verbs_sq_complete(&sq, marker);
	assert_int_equal(verbs_sq_used(&sq), 0);
}

/* ---- a device made of an array ---- */

#define LOAD 400
#define CAP 40

struct device {
	struct ibv_send_wr wr[CAP];
	uint32_t first, n; /* ring */
	uint32_t reads, moved, sends;
	bool late_reads;   /* they complete after what was posted later */
	struct ibv_send_wr late[4];
	uint32_t nlate;
};

static void device_post(struct device *d, int n)
{
	for (const struct ibv_send_wr *wr = chain.wr; wr; wr = wr->next, n--) {
		assert_true(d->n < CAP);
		d->wr[(d->first + d->n++) % CAP] = *wr;
		if (wr->opcode == IBV_WR_SEND)
			d->sends++;
		else
			d->moved += wr->sg_list->length;
		if (wr->opcode == IBV_WR_RDMA_READ)
			assert_true(++d->reads <= 4);
	}
	assert_int_equal(n, 0);
}

static bool device_read_done(struct device *d, struct verbs_sq *sq)
{
	if (!d->nlate)
		return false;
	d->reads--;
	verbs_sq_complete(sq, d->late[0].wr_id);
	memmove(d->late, d->late + 1, --d->nlate * sizeof(d->late[0]));
	return true;
}

/* Complete up to the next entry that asks for it; false: idle. */
static bool device_run(struct device *d, struct verbs_sq *sq)
{
	while (d->n) {
		struct ibv_send_wr *wr = &d->wr[d->first];

		d->first = (d->first + 1) % CAP;
		d->n--;
		if (wr->opcode == IBV_WR_RDMA_READ) {
			d->late[d->nlate++] = *wr;
			if (!d->late_reads)
				return device_read_done(d, sq);
		} else if (wr->send_flags & IBV_SEND_SIGNALED) {
			verbs_sq_complete(sq, wr->wr_id);
			return true;
		}
	}
	return device_read_done(d, sq);
}

static void random_load(struct device d)
{
	static struct xfer x[LOAD];
	static struct xfer_seg segs[64];
	uint32_t want = 0, pushes = 0, done = 0, added = 0, seed = 12345;
	struct verbs_sq sq;
	int n;

	verbs_sq_init(&sq, CAP, 4, 3000, INLINE);
	segs_init(segs, 64, 1000);
	do {
		seed = seed * 1103515245 + 12345;
		for (uint32_t k = seed >> 28; k && added < LOAD; k--, added++) {
			uint32_t nsegs = (seed >> 16) % 64 + 1;
			bool push = (seed >> 8 & 1) ^ (k & 1);

			xfer_init(&x[added], segs, nsegs, nsegs * 1000 - k);
			verbs_sq_add(&sq, &x[added], push ? VERBS_PUSH : VERBS_PULL);
			want += x[added].local.len;
			pushes += push;
		}
		while ((n = build(&sq)) > 0)
			device_post(&d, n);
		if (!device_run(&d, &sq))
			assert_true(added < LOAD);
		while (verbs_sq_pop(&sq))
			done++;
	} while (done < LOAD);
	assert_int_equal(d.moved, want);
	assert_int_equal(d.sends, pushes);
	assert_true(verbs_sq_empty(&sq));
	assert_int_equal(verbs_sq_used(&sq), 0);
	assert_int_equal(sq.reads, 0);
}

static void test_random_load_moves_every_byte_once(void **state)
{
	(void)state;
	random_load((struct device){ .late_reads = false });
}

static void test_random_load_where_reads_are_late(void **state)
{
	(void)state;
	random_load((struct device){ .late_reads = true });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_push_without_data_is_one_inline_send, setup),
		cmocka_unit_test_setup(test_long_message_is_not_inline, setup),
		cmocka_unit_test_setup(test_push_writes_every_segment_then_sends, setup),
		cmocka_unit_test_setup(test_pushes_of_a_round_leave_in_one_chain, setup),
		cmocka_unit_test_setup(test_completion_ends_all_before_it_in_order, setup),
		cmocka_unit_test_setup(test_reads_outstanding_are_limited, setup),
		cmocka_unit_test_setup(test_reads_do_not_hold_up_pushes, setup),
		cmocka_unit_test_setup(test_peer_that_serves_no_reads_is_not_asked, setup),
		cmocka_unit_test_setup(test_long_segment_is_split_by_message_size, setup),
		cmocka_unit_test_setup(test_empty_segments_are_skipped, setup),
		cmocka_unit_test_setup(test_segments_shorter_than_data_are_refused, setup),
		cmocka_unit_test_setup(test_memory_without_key_is_refused, setup),
		cmocka_unit_test_setup(test_push_larger_than_the_queue_goes_in_parts, setup),
		cmocka_unit_test_setup(test_long_round_takes_several_chains, setup),
		cmocka_unit_test_setup(test_sequence_numbers_may_wrap, setup),
		cmocka_unit_test_setup(test_dead_connection_gives_every_xfer_back_once, setup),
		cmocka_unit_test_setup(test_send_that_overtakes_reads_ends_none_of_them, setup),
		cmocka_unit_test_setup(test_read_ends_no_send_before_it, setup),
		cmocka_unit_test_setup(test_long_entries_ask_for_completions, setup),
		cmocka_unit_test_setup(test_marker_is_the_last_entry, setup),
		cmocka_unit_test(test_random_load_moves_every_byte_once),
		cmocka_unit_test(test_random_load_where_reads_are_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
