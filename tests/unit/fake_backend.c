/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_backend.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fake_backend_init(struct backend *be)
{
	memset(be, 0, sizeof(*be));
	be->info.size = 4u << 20;
	be->info.block_size = 512;
	be->info.physical_block = 4096;
	be->info.buf_align = 1;
	be->info.write_cache = true;
	be->handler = "vdisk_fileio";
	be->fail_op = -1;
	be->bytes = calloc(1, FAKE_WINDOW);
	list_init(&be->queue);
	list_init(&be->scsi);
}

void fake_backend_fini(struct backend *be)
{
	assert(list_empty(&be->queue) && list_empty(&be->scsi));
	free(be->bytes);
}

/* Where @off, @len and the window overlap: pointers into both, or length 0. */
static size_t overlap(struct backend *be, uint64_t off, uint64_t len, uint8_t **kept, size_t *skip)
{
	uint64_t from = off > be->window ? off : be->window;
	uint64_t to = off + len < be->window + FAKE_WINDOW ? off + len : be->window + FAKE_WINDOW;

	if (to <= from)
		return 0;
	*kept = be->bytes + (from - be->window);
	*skip = from - off;
	return to - from;
}

static void extents_tell(struct backend *be, struct be_io *io)
{
	const struct be_extent all = { io->len, true };
	const struct be_extent *e = be->extents ? be->extents : &all;
	size_t room = io->buf.len / sizeof(*e), n = be->extents ? be->nextents : 1;

	io->count = (uint32_t)(n < room ? n : room);
	memcpy(io->buf.addr, e, io->count * sizeof(*e));
}

static void carry_out(struct backend *be, struct be_io *io)
{
	uint8_t *kept = NULL;
	size_t skip = 0, n = overlap(be, io->off, io->len, &kept, &skip);

	if (io->op == BE_READ) {
		memset(io->buf.addr, 0, io->len);
		if (n)
			memcpy(io->buf.addr + skip, kept, n);
	} else if (io->op == BE_WRITE && n) {
		memcpy(kept, io->buf.addr + skip, n);
	} else if ((io->op == BE_UNMAP || io->op == BE_WRITE_ZEROES) && n) {
		memset(kept, 0, n);
	} else if (io->op == BE_USAGE) {
		memcpy(io->buf.addr, &be->usage, sizeof(be->usage));
	} else if (io->op == BE_EXTENTS) {
		extents_tell(be, io);
	}
}

static void finish(struct backend *be, int result)
{
	struct be_io *io = list_first(&be->queue, struct be_io, link);

	list_del(&io->link);
	io->result = result;
	if (!result)
		carry_out(be, io);
	io->done(io);
}

void fake_backend_finish(struct backend *be, int result)
{
	assert(!list_empty(&be->queue));
	finish(be, result);
}

void fake_backend_answer(struct backend *be)
{
	struct be_scsi_io *io = list_first(&be->scsi, struct be_scsi_io, link);

	list_del(&io->link);
	if (be->answer)
		be->answer(be, io);
	io->done(io);
}

int fake_backend_run(struct backend *be)
{
	int n = 0;

	for (; !be->hold && !list_empty(&be->queue); n++) {
		struct be_io *io = list_first(&be->queue, struct be_io, link);

		finish(be, be->fail_op < 0 || be->fail_op == (int)io->op ? be->fail : 0);
	}
	for (; !be->hold && !list_empty(&be->scsi); n++)
		fake_backend_answer(be);
	return n;
}

/* ---- backend.h ---- */

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	assert(be->attached & 1u << r->id);
	if (io->op == BE_USAGE)
		assert(be->info.knows_usage && io->buf.len >= sizeof(struct be_usage));
	if (io->op != BE_FLUSH && io->op != BE_USAGE) {
		assert(io->len && !((io->off | io->len) % be->info.block_size));
		assert(io->off <= be->info.size && io->len <= be->info.size - io->off);
	}
	if (io->op <= BE_WRITE) {
		assert(io->buf.addr && io->buf.len == io->len && io->len <= IOBUF_MAX_SIZE);
		assert(!((uintptr_t)io->buf.addr & (be->info.buf_align - 1)));
	}
	if (io->op == BE_EXTENTS)
		assert(io->buf.addr && io->buf.len >= sizeof(struct be_extent));
	io->reactor = r;
	if (be->requests < FAKE_LOG)
		be->log[be->requests] =
			(struct fake_request){ io->op, io->flags, io->off, io->len };
	be->requests++;
	list_add_tail(&be->queue, &io->link);
}

void backend_submit_scsi(struct reactor *r, struct backend *be, struct be_scsi_io *io)
{
	assert(be->attached & 1u << r->id && be->info.is_scsi);
	assert((io->dir == BE_SCSI_NONE) == !io->buf.len && io->buf.len <= IOBUF_MAX_SIZE);
	assert(io->cdb_len >= 6 && io->cdb_len <= 32);
	io->reactor = r;
	io->result = 0;
	io->status = 0;
	io->sense_len = 0;
	io->resid = 0;
	be->requests++;
	list_add_tail(&be->scsi, &io->link);
}

const struct backend_info *backend_info(const struct backend *be)
{
	return &be->info;
}

const char *backend_handler(const struct backend *be)
{
	return be->handler;
}

int backend_attach(struct backend *be, struct reactor *r)
{
	if (be->attach_result && be->attached)
		return be->attach_result;
	be->attached |= 1u << r->id;
	return 0;
}

void backend_detach(struct backend *be, struct reactor *r)
{
	assert(be->attached & 1u << r->id);
	be->attached &= ~(1u << r->id);
}

int backend_resync(struct backend *be)
{
	if (be->new_size)
		be->info.size = be->new_size;
	return 0;
}

void backend_close(struct backend *be)
{
	assert(!be->attached);
	be->closed++;
}

void backend_set_read_only(struct backend *be, bool read_only)
{
	be->info.read_only = read_only;
}

int backend_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen)
{
	(void)fresh;
	be->refreshed = 0;
	if (be->exchange_result < 0)
		snprintf(err, errlen, "not the same");
	return be->exchange_result;
}

void backend_refresh(struct backend *be, struct reactor *r)
{
	assert(be->attached & 1u << r->id);
	be->refreshed |= 1u << r->id;
}
