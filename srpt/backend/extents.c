/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a file is allocated, and how much, as its file system tells it. */
#include "backend/backend_priv.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool be_extents_add(struct be_io *io, uint64_t len, bool mapped)
{
	struct be_extent *e = (struct be_extent *)(void *)io->buf.addr;

	if (io->count && e[io->count - 1].mapped == mapped) {
		e[io->count - 1].len += len;
		return true;
	}
	if ((io->count + 1) * sizeof(*e) > io->buf.len)
		return false;
	e[io->count++] = (struct be_extent){ len, mapped };
	return true;
}

/*
 * Where what begins at @at ends, @end at most. What a file system calls data may begin and end
 * within a block: the block is mapped then.
 */
static int extent_find(const struct be_io *io, uint64_t at, uint64_t end, struct be_extent *e)
{
	uint64_t mask = io->be->info.block_size - 1;
	off_t data = lseek(io->be->fd, (off_t)at, SEEK_DATA), hole;

	/* ENXIO: nothing but a hole up to the end. */
	if (data < 0 && errno != ENXIO)
		return -errno;
	if (data < 0 || (uint64_t)data >= end) {
		*e = (struct be_extent){ end - at, false };
		return 0;
	}
	if (((uint64_t)data & ~mask) > at) {
		*e = (struct be_extent){ ((uint64_t)data & ~mask) - at, false };
		return 0;
	}
	hole = lseek(io->be->fd, data, SEEK_HOLE);
	if (hole < 0)
		return -errno;
	*e = (struct be_extent){ min_u64(((uint64_t)hole + mask) & ~mask, end) - at, true };
	/* The file has changed between the two calls: what was data then. */
	if (!e->len)
		e->len = mask + 1;
	return 0;
}

static int extents_find(struct be_io *io)
{
	uint64_t at = io->off, end = io->off + io->len;
	struct be_extent e = { 0, true };
	int rc;

	while (at < end) {
		rc = extent_find(io, at, end, &e);
		/* Not for it to tell: block devices and some file systems. */
		if (rc == -EINVAL || rc == -ENXIO || rc == -EOPNOTSUPP || rc == -ESPIPE)
			e = (struct be_extent){ end - at, true };
		else if (rc)
			return rc;
		if (!be_extents_add(io, e.len, e.mapped))
			break;
		at += e.len;
	}
	return 0;
}

/* The file system's free space is for all of its files. */
static int usage_find(struct be_io *io)
{
	struct be_usage *u = (struct be_usage *)(void *)io->buf.addr;
	struct statvfs fs;
	struct stat st;

	if (fstat(io->be->fd, &st) || fstatvfs(io->be->fd, &fs))
		return -errno;
	u->used = (uint64_t)st.st_blocks * 512;
	u->available = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

int be_space_find(struct be_io *io)
{
	return io->op == BE_USAGE ? usage_find(io) : extents_find(io);
}
