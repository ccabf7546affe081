/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request as a sequence of io_uring operations. Most take one step; short
 * transfers are continued, zeroing falls back to writing zeros where the kernel
 * cannot do better, and is made durable by a last fdatasync where asked.
 */
#include "backend/backend_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#define ZERO_CHUNK (1u << 20)
#define RETRIES_MAX 100 /* -EINTR/-EAGAIN in a row; then it is an error */

/* Never written: all its pages are the kernel's one zero page. */
static uint8_t zeros[ZERO_CHUNK] __attribute__((aligned(4096)));

static bool must_sync(const struct be_io *io)
{
	const struct backend *be = io->be;

	return be->write_through || ((io->flags & BE_FUA) && !be->nv_cache);
}

static atomic_bool *refusal(const struct be_io *io)
{
	return io->op == BE_UNMAP ? &io->be->no_punch_hole : &io->be->no_zero_range;
}

static enum uring_next start_flush(struct be_io *io)
{
	if (io->be->nv_cache || atomic_load_explicit(&io->be->unwritten, memory_order_relaxed))
		return URING_DONE;
	io->step = STEP_SYNC;
	return URING_AGAIN;
}

static enum uring_next start_zero(struct be_io *io)
{
	bool refused = atomic_load_explicit(refusal(io), memory_order_relaxed);

	io->step = refused ? STEP_ZERO_WRITE : STEP_FALLOCATE;
	return URING_AGAIN;
}

/* Past the page cache there is nowhere to put what is read early. */
static enum uring_next start_advise(struct be_io *io)
{
	io->step = STEP_ADVISE;
	return io->be->direct ? URING_DONE : URING_AGAIN;
}

enum uring_next uring_io_start(struct be_io *io)
{
	io->result = 0;
	switch (io->op) {
	case BE_FLUSH:
		return start_flush(io);
	case BE_UNMAP:
	case BE_WRITE_ZEROES:
		return start_zero(io);
	case BE_PREFETCH:
		return start_advise(io);
	case BE_EXTENTS:
	case BE_USAGE:
		io->step = STEP_SPACE;
		break;
	default:
		io->step = STEP_RW;
	}
	return URING_AGAIN;
}

static void prep_rw(const struct be_io *io, struct io_uring_sqe *sqe, int buf_slot)
{
	bool write = io->op == BE_WRITE;

	if (buf_slot >= 0) {
		sqe->opcode = write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
		sqe->buf_index = (uint16_t)buf_slot;
	} else {
		sqe->opcode = write ? IORING_OP_WRITE : IORING_OP_READ;
	}
	sqe->off = io->off + io->done_bytes;
	sqe->addr = (uintptr_t)io->buf.addr + io->done_bytes;
	sqe->len = (uint32_t)(io->len - io->done_bytes);
	if (!write || !must_sync(io))
		return;
	sqe->rw_flags = RWF_DSYNC;
	/* Through the page cache some file systems would sync within the submission. */
	if (!io->be->direct)
		sqe->flags |= IOSQE_ASYNC;
}

static void prep_fallocate(const struct be_io *io, struct io_uring_sqe *sqe)
{
	int mode = io->op == BE_UNMAP ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	sqe->opcode = IORING_OP_FALLOCATE;
	sqe->off = io->off;
	sqe->addr = io->len;
	sqe->len = (uint32_t)(mode | FALLOC_FL_KEEP_SIZE);
}

static void prep_advise(const struct be_io *io, struct io_uring_sqe *sqe)
{
	sqe->opcode = IORING_OP_FADVISE;
	sqe->off = io->off;
	sqe->len = (uint32_t)min_u64(io->len, 1u << 30);
	sqe->fadvise_advice = POSIX_FADV_WILLNEED;
}

static void prep_zero_write(const struct be_io *io, struct io_uring_sqe *sqe)
{
	sqe->opcode = IORING_OP_WRITE;
	sqe->off = io->off + io->done_bytes;
	sqe->addr = (uintptr_t)zeros;
	sqe->len = (uint32_t)min_u64(io->len - io->done_bytes, ZERO_CHUNK);
}

void uring_io_prep(const struct be_io *io, struct io_uring_sqe *sqe, int buf_slot)
{
	const struct backend *be = io->be;
	int slot = be->port[io->reactor->id].file_slot;

	*sqe = (struct io_uring_sqe){
		.flags = slot >= 0 ? IOSQE_FIXED_FILE : 0,
		.fd = slot >= 0 ? slot : be->fd,
		.user_data = (uintptr_t)io,
	};
	switch ((enum uring_step)io->step) {
	case STEP_RW:
		prep_rw(io, sqe, buf_slot);
		break;
	case STEP_FALLOCATE:
		prep_fallocate(io, sqe);
		break;
	case STEP_ZERO_WRITE:
		prep_zero_write(io, sqe);
		break;
	case STEP_SYNC:
		sqe->opcode = IORING_OP_FSYNC;
		sqe->fsync_flags = IORING_FSYNC_DATASYNC;
		break;
	case STEP_ADVISE:
		prep_advise(io, sqe);
		break;
	case STEP_SPACE:
		break;
	}
}

static enum uring_next finish(struct be_io *io, int result)
{
	io->result = result;
	return URING_DONE;
}

/* The range reads as zeros now. */
static enum uring_next zeroed(struct be_io *io)
{
	if (!must_sync(io))
		return finish(io, 0);
	io->step = STEP_SYNC;
	return URING_AGAIN;
}

/* A transfer of no bytes is past the end of what shrank or vanished. */
static enum uring_next advance_bytes(struct be_io *io, int res)
{
	if (res == 0)
		return finish(io, -EIO);
	io->retries = 0;
	io->done_bytes += (uint64_t)res;
	if (io->done_bytes < io->len)
		return URING_AGAIN;
	return io->step == STEP_ZERO_WRITE ? zeroed(io) : finish(io, 0);
}

static enum uring_next advance_error(struct be_io *io, int res)
{
	if ((res == -EINTR || res == -EAGAIN) && ++io->retries < RETRIES_MAX)
		return URING_AGAIN;
	if (res == -EOPNOTSUPP && io->step == STEP_FALLOCATE) {
		atomic_store_explicit(refusal(io), true, memory_order_relaxed);
		io->step = STEP_ZERO_WRITE;
		return URING_AGAIN;
	}
	/* Kept apart: at the crossing this one means "not offered". */
	return finish(io, res == -EOPNOTSUPP || res == -EAGAIN || res == -EINTR ? -EIO : res);
}

enum uring_next uring_io_advance(struct be_io *io, int res)
{
	if (io->step == STEP_ADVISE)
		return finish(io, 0);
	if (res < 0)
		return advance_error(io, res);
	switch ((enum uring_step)io->step) {
	case STEP_RW:
	case STEP_ZERO_WRITE:
		return advance_bytes(io, res);
	case STEP_FALLOCATE:
		return zeroed(io);
	default:
		return finish(io, 0);
	}
}
