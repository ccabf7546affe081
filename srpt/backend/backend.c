/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one crossing into the backends, and the table of their types. */
#include "backend/backend_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct backend_ops *const types[BACKEND_TYPES] = {
	[BACKEND_BLOCKIO] = &blockio_ops,
	[BACKEND_FILEIO] = &fileio_ops,
	[BACKEND_NULLIO] = &nullio_ops,
	[BACKEND_RAM] = &ram_ops,
	[BACKEND_FAULT] = &fault_ops,
	[BACKEND_SG_DISK] = &sg_disk_ops,
	[BACKEND_SG_TAPE] = &sg_tape_ops,
	[BACKEND_SG_CHANGER] = &sg_changer_ops,
};

int be_error(char *err, size_t errlen, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
	return rc;
}

static bool block_size_valid(uint32_t bs)
{
	return bs == 512 || bs == 1024 || bs == 2048 || bs == 4096;
}

static struct backend *backend_alloc(const struct backend_params *p)
{
	struct backend *be = aligned_alloc(CACHE_LINE, sizeof(*be));

	if (!be)
		return NULL;
	memset(be, 0, sizeof(*be));
	be->filename = strdup(p->filename ? p->filename : "");
	if (!be->filename) {
		free(be);
		return NULL;
	}
	be->ops = types[p->type];
	be->fd = -1;
	be->info.block_size = p->block_size;
	be->info.buf_align = 1;
	be->info.read_only = p->read_only;
	atomic_init(&be->unwritten, p->read_only);
	be->write_through = p->write_through;
	be->nv_cache = p->nv_cache && !p->write_through;
	return be;
}

static void backend_free(struct backend *be)
{
	free(be->filename);
	free(be);
}

int backend_open(const struct backend_params *p, struct backend **out, char *err, size_t errlen)
{
	int (*open)(struct backend *be, const struct backend_params *p, char *err, size_t errlen);
	struct backend *be;
	int rc;

	if (!block_size_valid(p->block_size))
		return be_error(err, errlen, -EINVAL,
				"block_size %u is not one of 512, 1024, 2048, 4096",
				p->block_size);
	be = backend_alloc(p);
	if (!be)
		return be_error(err, errlen, -ENOMEM, "out of memory");
	open = p->parked && be->ops->park ? be->ops->park : be->ops->open;
	rc = open(be, p, err, errlen);
	if (rc) {
		backend_free(be);
		return rc;
	}
	assert(be->info.is_scsi ||
	       (be->info.size && be->info.size % be->info.block_size == 0));
	assert(be->info.physical_block >= be->info.block_size);
	if (p->hide_physical)
		be->info.physical_block = be->info.block_size;
	park_set(be, p->parked);
	*out = be;
	return 0;
}

void backend_close(struct backend *be)
{
	for (unsigned i = 0; i < REACTOR_MAX; i++)
		assert(!be->port[i].attached);
	be->ops->close(be);
	backend_free(be);
}

const struct backend_info *backend_info(const struct backend *be)
{
	return &be->info;
}

const char *backend_handler(const struct backend *be)
{
	return be->ops->handler;
}

int backend_attach(struct backend *be, struct reactor *r)
{
	struct backend_port *port = &be->port[r->id];
	int rc;

	assert(!port->attached && r->be_ring);
	rc = be->ops->attach(be, r);
	port->attached = rc == 0;
	return rc;
}

void backend_detach(struct backend *be, struct reactor *r)
{
	struct backend_port *port = &be->port[r->id];

	assert(port->attached && !port->inflight);
	be->ops->detach(be, r);
	port->attached = false;
}

void backend_change(struct backend *be, const struct backend_params *p)
{
	if (be->ops->change)
		be->ops->change(be, p);
}

void backend_release(struct backend *be)
{
	const struct backend_params blameless = { .fault = { .every = 0 } };

	backend_change(be, &blameless);
}

int backend_resync(struct backend *be)
{
	return backend_is_parked(be) ? park_resync(be) : be->ops->resync(be);
}

void backend_set_read_only(struct backend *be, bool read_only)
{
	if (!read_only)
		atomic_store_explicit(&be->unwritten, false, memory_order_relaxed);
	__atomic_store_n(&be->info.read_only, read_only, __ATOMIC_RELAXED);
}

bool backend_is_parked(const struct backend *be)
{
	return atomic_load_explicit(&be->parked, memory_order_relaxed);
}

bool backend_can_exchange(const struct backend *be)
{
	return be->ops->exchange != NULL;
}

bool backend_suspect(struct backend *be)
{
	return atomic_exchange(&be->suspect, false) && backend_can_exchange(be);
}

int backend_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen)
{
	assert(be->ops == fresh->ops && be->info.block_size == fresh->info.block_size);
	if (backend_is_parked(be) || backend_is_parked(fresh))
		return park_exchange(be, fresh, err, errlen);
	return be->ops->exchange(be, fresh, err, errlen);
}

struct backend_known backend_known(const struct backend *be)
{
	return (struct backend_known){ .disk = be->disk, .block = be->block, .info = be->info };
}

bool backend_unsure(const struct backend *be)
{
	return be->unsure && !backend_is_parked(be);
}

int backend_look(const struct backend_params *p, struct backend_known *known)
{
	struct backend_params parked = *p;
	struct backend *be;
	char err[200];
	int rc;

	parked.parked = true;
	parked.known.disk = 0;
	rc = backend_open(&parked, &be, err, sizeof(err));
	if (rc)
		return rc;
	*known = backend_known(be);
	if (known->block)
		vdisk_identity(known->disk, known->identity);
	backend_close(be);
	return 0;
}

/*
 * Reactors read single fields of it, for who asks what the disk is like. Most often it is like
 * what was known, and nothing is written.
 */
void backend_info_put(struct backend *be, const struct backend_info *info)
{
	if (memcmp(info, &be->info, sizeof(*info)))
		be->info = *info;
}

void backend_learn(struct backend *be, const struct backend_known *known)
{
	struct backend_info info = be->info;

	if (!backend_unsure(be) || !vdisk_is_known(be, known))
		return;
	vdisk_hints(&info, known);
	if (be->block)
		info.write_cache = known->info.write_cache;
	backend_info_put(be, &info);
	memcpy(be->identity, known->identity, sizeof(be->identity));
	be->unsure = false;
}

void backend_refresh(struct backend *be, struct reactor *r)
{
	assert(be->port[r->id].attached);
	if (be->ops->refresh)
		be->ops->refresh(be, r);
}

/* Holds for every caller; a violation is a bug above, not bad input. */
static void request_assert(const struct backend *be, const struct be_io *io)
{
	uint64_t mask = be->info.block_size - 1, size = backend_size(be);

	assert(io->done && (unsigned)io->op < BE_OPS);
	if (io->op == BE_USAGE)
		assert(io->buf.addr && io->buf.len >= sizeof(struct be_usage));
	if (io->op == BE_FLUSH || io->op == BE_USAGE)
		return;
	assert(io->len && !((io->off | io->len) & mask));
	assert(io->off <= size && io->len <= size - io->off);
	if (io->op == BE_EXTENTS)
		assert(io->buf.addr && io->buf.len >= sizeof(struct be_extent));
	if (io->op > BE_WRITE)
		return;
	assert(io->buf.addr && io->buf.len == io->len && io->len <= IOBUF_MAX_SIZE);
}

/* What the backend refuses: an answer for the initiator, not a bug. */
static int request_refuse(const struct backend *be, const struct be_io *io)
{
	static const bool modifies[BE_OPS] = {
		[BE_WRITE] = true, [BE_UNMAP] = true, [BE_WRITE_ZEROES] = true,
	};

	if (modifies[io->op] && backend_read_only(be))
		return -EROFS;
	if (io->op == BE_USAGE)
		return be->info.knows_usage ? 0 : -EOPNOTSUPP;
	if (io->op == BE_UNMAP)
		return be->info.unmap_granularity ? 0 : -EOPNOTSUPP;
	/* An initiator has a say in where immediate data lies. */
	if (io->op <= BE_WRITE && (uintptr_t)io->buf.addr & (be->info.buf_align - 1))
		return -EINVAL;
	return 0;
}

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	int rc;

	assert(be->port[r->id].attached && (!reactor_self() || reactor_self() == r));
	request_assert(be, io);
	io->be = be;
	io->reactor = r;
	io->done_bytes = 0;
	io->retries = 0;
	io->count = 0;
	be->port[r->id].inflight++;
	rc = request_refuse(be, io);
	if (rc)
		be_complete_later(io, rc);
	else
		atomic_load_explicit(&be->submit, memory_order_relaxed)(be, io);
}

void backend_submit_scsi(struct reactor *r, struct backend *be, struct be_scsi_io *io)
{
	assert(be->port[r->id].attached && (!reactor_self() || reactor_self() == r));
	assert(be->info.is_scsi && io->done && io->cdb_len >= 6 && io->cdb_len <= 32);
	assert(io->buf.len <= IOBUF_MAX_SIZE && (io->dir == BE_SCSI_NONE) == !io->buf.len);
	io->be = be;
	io->reactor = r;
	io->result = 0;
	io->status = 0;
	io->sense_len = 0;
	io->resid = 0;
	be->port[r->id].inflight++;
	be->ops->scsi(be, io);
}

static void scsi_finished(struct msg *m)
{
	struct be_scsi_io *io = container_of(m, struct be_scsi_io, msg);
	struct backend_port *port = &io->be->port[io->reactor->id];

	assert(port->inflight && io->result <= 0);
	port->inflight--;
	io->done(io);
}

void be_scsi_finish(struct be_scsi_io *io)
{
	struct backend *be = io->be;

	if (io->result)
		log_warn_limited(&be->error_limit, "%s %s: command %02x with %u bytes: %s",
				 be->ops->handler, be->filename, io->cdb[0], io->buf.len,
				 strerror(-io->result));
	io->msg.fn = scsi_finished;
	reactor_send(io->reactor, &io->msg);
}

void be_complete_later(struct be_io *io, int result)
{
	struct be_ring *ring = io->reactor->be_ring;

	io->result = result;
	list_add_tail(&ring->later, &io->link);
	be_ring_kick(ring);
}

static void failure_log(struct be_io *io, int result)
{
	static const char *const ops[BE_OPS] = {
		"read", "write", "flush", "unmap", "write zeroes", "prefetch", "map", "usage",
	};
	struct backend *be = io->be;

	log_warn_limited(&be->error_limit, "%s%s%s: %s of %llu bytes at %llu: %s",
			 be->ops->handler, be->filename[0] ? " " : "", be->filename, ops[io->op],
			 (unsigned long long)io->len, (unsigned long long)io->off,
			 strerror(-result));
}

/* A disk that works may give EIO too: whether it is lost is found out by opening it anew. */
static bool like_lost(int result)
{
	return result == -EIO || result == -ENODEV || result == -ENXIO || result == -ESTALE ||
	       result == -ENOMEDIUM || result == -ENOTCONN || result == -EBADF;
}

/* Nothing went wrong. */
static bool refused_parked(const struct be_io *io)
{
	return io->result == -ENODEV && backend_is_parked(io->be);
}

void be_finish(struct be_io *io, int result)
{
	struct backend_port *port = &io->be->port[io->reactor->id];

	assert(port->inflight && result <= 0);
	port->inflight--;
	io->result = result;
	if (result && result != -EROFS && result != -EOPNOTSUPP && !refused_parked(io))
		failure_log(io, result);
	if (like_lost(result) && !refused_parked(io))
		atomic_store_explicit(&io->be->suspect, true, memory_order_relaxed);
	io->done(io);
}
