/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One io_uring per reactor. Requests of a round are prepared as they come and
 * submitted by the doorbell with one io_uring_enter(), which also reaps what
 * completed at once (page cache, RAM disks).
 *
 * Sleeping: with DEFER_TASKRUN the ring's own descriptor does not become
 * readable before somebody enters the kernel, so the reactor sleeps on an
 * eventfd. It is enabled by arm() only; while we poll a completion costs nothing.
 */
#include "backend/backend_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOORBELL_PASSES 4 /* submissions from done() that still leave in this round */

static unsigned *sq_flags(struct be_ring *ring)
{
	return ring->uring.sq.kflags;
}

/* Completions wait in the kernel for us to enter it. */
static bool ring_has_task_work(struct be_ring *ring)
{
	return __atomic_load_n(sq_flags(ring), __ATOMIC_ACQUIRE) &
	       (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* The fixed buffer that [addr, addr+len) is in; -1: none. */
static int ring_buf_slot(const struct be_ring *ring, const struct iobuf *buf)
{
	uint64_t first, last;
	int slot;

	if (buf->region >= IOBUF_REGIONS)
		return -1;
	slot = ring->buf_slot[buf->region];
	if (slot < 0)
		return -1;
	first = (uint64_t)(buf->addr - ring->region[buf->region].base);
	last = first + buf->len - 1;
	assert(last < ring->region[buf->region].len);
	first >>= RING_BUF_SHIFT;
	return first == last >> RING_BUF_SHIFT ? slot + (int)first : -1;
}

/* There is room: at most @depth are in flight and the queue has @depth entries. */
static void ring_prepare(struct be_ring *ring, struct be_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
	int slot = io->step == STEP_RW ? ring_buf_slot(ring, &io->buf) : -1;

	assert(sqe);
	uring_io_prep(io, sqe, slot);
	ring->inflight++;
}

static void ring_enqueue(struct be_ring *ring, struct be_io *io)
{
	if (io->step == STEP_SPACE && ring->helper) {
		be_helper_submit(ring->helper, io);
		return;
	}
	if (ring->inflight < ring->depth && list_empty(&ring->queued))
		ring_prepare(ring, io);
	else
		list_add_tail(&ring->queued, &io->link);
	be_ring_kick(ring);
}

static void ring_refill(struct be_ring *ring)
{
	while (ring->inflight < ring->depth && !list_empty(&ring->queued)) {
		struct be_io *io = list_first(&ring->queued, struct be_io, link);

		list_del(&io->link);
		ring_prepare(ring, io);
		be_ring_kick(ring);
	}
}

void be_ring_submit(struct be_ring *ring, struct be_io *io)
{
	if (ring->regions_gen != ring->reactor->regions_gen)
		be_ring_regions_sync(ring);
	if (uring_io_start(io) == URING_DONE)
		be_complete_later(io, io->result);
	else
		ring_enqueue(ring, io);
}

void be_ring_result(struct be_ring *ring, struct be_io *io, int res)
{
	if (uring_io_advance(io, res) == URING_DONE)
		be_finish(io, io->result);
	else
		ring_enqueue(ring, io);
}

/*
 * The slots of the completion queue are given back after the loop: done() may
 * prepare new submissions, but none enters the kernel before that.
 */
static int ring_reap(struct be_ring *ring)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_for_each_cqe(&ring->uring, head, cqe) {
		n++;
		ring->inflight--;
		be_ring_result(ring, (struct be_io *)(uintptr_t)cqe->user_data, cqe->res);
	}
	io_uring_cq_advance(&ring->uring, n);
	ring_refill(ring);
	return (int)n;
}

/* What the kernel did not take stays in the queue and goes with the next round. */
static void ring_enter(struct be_ring *ring)
{
	int rc = io_uring_submit_and_get_events(&ring->uring);

	ring->enters++;
	if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
		log_warn_limited(&ring->limit, "reactor %u: io_uring_enter: %s",
				 ring->reactor->id, strerror(-rc));
}

void be_ring_later_run(struct be_ring *ring)
{
	struct list_node finished = LIST_INIT(finished);

	list_splice_tail(&finished, &ring->later);
	while (!list_empty(&finished)) {
		struct be_io *io = list_first(&finished, struct be_io, link);

		list_del(&io->link);
		be_finish(io, io->result);
	}
}

static void doorbell_run(struct reactor_deferred *d)
{
	struct be_ring *ring = container_of(d, struct be_ring, doorbell);

	ring->in_doorbell = true;
	for (int i = 0; i < DOORBELL_PASSES; i++) {
		be_ring_later_run(ring);
		if (!io_uring_sq_ready(&ring->uring))
			break;
		ring_enter(ring);
		ring_reap(ring);
	}
	ring->in_doorbell = false;
	if (io_uring_sq_ready(&ring->uring) || !list_empty(&ring->later))
		be_ring_kick(ring);
}

void be_ring_kick(struct be_ring *ring)
{
	if (!ring->in_doorbell)
		reactor_defer(ring->reactor, &ring->doorbell);
}

static void ring_disarm(struct be_ring *ring)
{
	ring->armed = false;
	io_uring_cq_eventfd_toggle(&ring->uring, false);
}

/* Enters the kernel only when it says that there is something. */
static int ring_poll(struct reactor_source *s)
{
	struct be_ring *ring = container_of(s, struct be_ring, source);

	if (ring->armed)
		ring_disarm(ring);
	if (!ring->inflight)
		return 0;
	if (!io_uring_cq_ready(&ring->uring)) {
		if (!ring_has_task_work(ring))
			return 0;
		io_uring_get_events(&ring->uring);
		ring->enters++;
	}
	return ring_reap(ring);
}

/*
 * Enable, then look: the kernel queues the completion, then looks whether the
 * eventfd is enabled. We look inside the kernel, because the flag that shows
 * queued work is not ordered before that on every architecture.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan" /* the fence orders us and the kernel, not threads */
static bool ring_arm(struct reactor_source *s)
{
	struct be_ring *ring = container_of(s, struct be_ring, source);

	if (!ring->inflight)
		return false;
	ring->armed = true;
	io_uring_cq_eventfd_toggle(&ring->uring, true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!io_uring_cq_ready(&ring->uring))
		io_uring_get_events(&ring->uring);
	return io_uring_cq_ready(&ring->uring) > 0;
}
#pragma GCC diagnostic pop

static void ring_wake(struct reactor_source *s)
{
	uint64_t count;

	while (read(s->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

static bool ring_busy(struct reactor_source *s)
{
	return container_of(s, struct be_ring, source)->inflight > 0;
}

void be_ring_init(struct be_ring *ring, struct reactor *r, unsigned depth)
{
	memset(ring, 0, sizeof(*ring));
	ring->reactor = r;
	ring->depth = depth;
	ring->uring.ring_fd = -1;
	list_init(&ring->queued);
	list_init(&ring->later);
	list_init(&ring->doorbell.link);
	ring->doorbell.fn = doorbell_run;
	ring->doorbell.stage = STAGE_BACKEND;
	ring->source = (struct reactor_source){
		.poll = ring_poll,
		.arm = ring_arm,
		.wake = ring_wake,
		.fd = -1,
		.busy = ring_busy,
	};
	for (int i = 0; i < IOBUF_REGIONS; i++)
		ring->buf_slot[i] = -1;
}
