/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parked: nothing is open, as DRBD wants it of the node that does not serve. What initiators of
 * that node ask about a disk is known without opening it.
 */
#include "backend/backend_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

static void park_submit(struct backend *be, struct be_io *io)
{
	(void)be;
	be_complete_later(io, -ENODEV);
}

void park_set(struct backend *be, bool parked)
{
	atomic_store_explicit(&be->parked, parked, memory_order_relaxed);
	atomic_store_explicit(&be->submit, parked ? park_submit : be->ops->submit,
			      memory_order_relaxed);
}

int park_refuse(struct backend *be, const struct backend_params *p, char *err, size_t errlen)
{
	(void)p;
	return be_error(err, errlen, -EINVAL, "%s: a SCSI device cannot move from node to node",
			be->filename);
}

/* ---- what there is ---- */

/* On this node there may be no node of the device, or no file yet; @st is zeros then. */
static int park_stat(const struct backend_params *p, bool files, struct stat *st, char *err,
		     size_t errlen)
{
	if (p->filename && p->filename[0] && stat(p->filename, st) &&
	    (errno == ENOENT || errno == ENOTDIR)) {
		memset(st, 0, sizeof(*st));
		return 0;
	}
	return vdisk_path_check(p, files, st, err, errlen);
}

static void park_block_limits(struct backend *be, uint64_t dev)
{
	struct backend_info *info = &be->info;
	uint64_t physical = vdisk_sysfs_u64(dev, "queue/physical_block_size", PAGE);
	uint64_t optimal = vdisk_sysfs_u64(dev, "queue/optimal_io_size", 0);

	if (physical > info->block_size && physical <= 1u << 20 && !(physical & (physical - 1)))
		info->physical_block = (uint32_t)physical;
	info->optimal_io = optimal <= UINT32_MAX ? (uint32_t)optimal : 0;
	vdisk_sysfs_limits(info, dev);
}

/* Whether holes can be punched is found out by doing it: who asks for it is believed. */
static void park_file_limits(struct backend *be, const struct backend_params *p,
			     const struct stat *st)
{
	uint32_t granularity = (uint32_t)st->st_blksize;

	if (granularity < p->block_size || granularity > IOBUF_MAX_SIZE)
		granularity = PAGE;
	be->info.unmap_granularity = p->thin_provisioned ? granularity : 0;
	be->info.physical_block = PAGE;
	be->info.rotational = st->st_dev &&
			      vdisk_sysfs_u64(st->st_dev, "queue/rotational", 1) != 0;
}

/* As open() would set them. */
static void park_limits(struct backend *be, const struct backend_params *p, bool files,
			const struct stat *st)
{
	be->info.physical_block = p->block_size;
	be->info.buf_align = PAGE;
	be->block = S_ISBLK(st->st_mode);
	be->disk = be->block ? st->st_rdev : st->st_dev;
	if (be->block)
		park_block_limits(be, st->st_rdev);
	else if (files)
		park_file_limits(be, p, st);
	if (p->rotational >= 0)
		be->info.rotational = p->rotational;
	be->info.write_cache = !p->nv_cache && !p->write_through &&
			       (files || !be->block || vdisk_write_cache(be->disk));
}

static uint64_t park_size(const struct backend_params *p, const struct stat *st)
{
	uint64_t size = 0;

	if (st->st_mode)
		backend_path_size(p->filename, &size);
	return size ? size : p->size;
}

static int park_look(struct backend *be, const struct backend_params *p, bool files, char *err,
		     size_t errlen)
{
	uint32_t min_block = 512;
	struct stat st;
	int rc = park_stat(p, files, &st, err, errlen);

	if (rc)
		return rc;
	be->info.size = park_size(p, &st);
	if (!be->info.size)
		return be_error(err, errlen, -ENODATA,
				"%s: its size is not known before this node serves it: set size",
				p->filename);
	park_limits(be, p, files, &st);
	if (be->block && !files)
		min_block = (uint32_t)vdisk_sysfs_u64(st.st_rdev, "queue/logical_block_size", 512);
	return vdisk_geometry(p, be->info.size, min_block, err, errlen);
}

/* What is parked goes on as what it is known to be: that cannot fail. */
static bool park_known(struct backend *be, const struct backend_known *known)
{
	bool read_only = be->info.read_only;

	if (!known->disk || known->info.block_size != be->info.block_size)
		return false;
	be->info = known->info;
	be->info.read_only = read_only;
	be->block = known->block;
	be->disk = known->disk;
	return true;
}

int park_vdisk(struct backend *be, const struct backend_params *p, bool files, char *err,
	       size_t errlen)
{
	int rc = park_known(be, &p->known) ? 0 : park_look(be, p, files, err, errlen);

	if (rc)
		return rc;
	be->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return be->fd < 0 ? be_error(err, errlen, -errno, "/dev/null: %s", strerror(errno)) : 0;
}

/* Where it cannot be found out, what was known stays. */
int park_resync(struct backend *be)
{
	uint64_t size;

	if (be->fd < 0 || backend_path_size(be->filename, &size))
		return 0;
	size -= size % be->info.block_size;
	if (size)
		__atomic_store_n(&be->info.size, size, __ATOMIC_RELAXED);
	return 0;
}

/* ---- parking and serving again ---- */

static void park_take_limits(struct backend *be, const struct backend *fresh)
{
	struct backend_info info = fresh->info;

	info.read_only = be->info.read_only;
	info.size = be->info.size;
	backend_info_put(be, &info);
	__atomic_store_n(&be->info.size, fresh->info.size, __ATOMIC_RELAXED);
}

/* Nobody wants back the /dev/null of one that was parked. */
static int park_descriptor(struct backend *be, struct backend *fresh)
{
	if (be->fd < 0)
		return 0;
	if (!backend_is_parked(be))
		return vdisk_swap(be, fresh);
	return dup3(fresh->fd, be->fd, O_CLOEXEC) < 0 ? -errno : 0;
}

int park_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen)
{
	bool parked = backend_is_parked(fresh);
	int rc = park_descriptor(be, fresh);

	if (rc)
		return be_error(err, errlen, rc, "%s: %s", be->filename, strerror(-rc));
	if (be->fd >= 0 && !parked) {
		park_take_limits(be, fresh);
		vdisk_take_disk(be, fresh);
	} else if (be->fd >= 0) {
		be->info.knows_usage = false;
	}
	park_set(fresh, backend_is_parked(be));
	park_set(be, parked);
	atomic_store_explicit(&be->suspect, false, memory_order_relaxed);
	return 0;
}
