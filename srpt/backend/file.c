/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vdisk_fileio: a regular file or a block device, through the page cache unless o_direct. */
#include "backend/backend_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE 4096u /* less than this is read, changed and written by the page cache */

/* Punching behind the end changes nothing, but is refused where holes are unknown. */
static bool holes_possible(struct backend *be, uint64_t size, uint32_t granularity)
{
	uint64_t end = (size + granularity - 1) / granularity * granularity;

	return !be->info.read_only &&
	       !fallocate(be->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)end,
			  (off_t)granularity);
}

static void unmap_limits(struct backend *be, const struct backend_params *p, const struct stat *st)
{
	bool sparse = (uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size;
	uint32_t granularity = (uint32_t)st->st_blksize;

	if (granularity < p->block_size || granularity > IOBUF_MAX_SIZE)
		granularity = PAGE;
	be->info.unmap_granularity = 0;
	if (!p->thin_provisioned && !sparse)
		return;
	if (holes_possible(be, (uint64_t)st->st_size, granularity))
		be->info.unmap_granularity = granularity;
	else if (p->thin_provisioned && !p->read_only)
		log_warn("%s: thin_provisioned without effect: the file system cannot free parts "
			 "of a file", be->filename);
}

static int file_limits(struct backend *be, const struct backend_params *p)
{
	struct backend_info *info = &be->info;
	struct stat st;
	int rc = 0;

	if (be->block) {
		rc = vdisk_block_limits(be, p);
	} else if (fstat(be->fd, &st)) {
		rc = -errno;
	} else {
		if (be->unsure)
			vdisk_hints(info, &p->known);
		else
			info->rotational = vdisk_sysfs_u64(be->disk, "queue/rotational", 1) != 0;
		info->physical_block = PAGE;
		info->knows_usage = true;
		unmap_limits(be, p, &st);
	}
	if (p->rotational >= 0)
		info->rotational = p->rotational;
	info->write_cache = !p->write_through && !p->nv_cache;
	return rc;
}

static int file_open_checked(struct backend *be, const struct backend_params *p, char *err,
			     size_t errlen)
{
	uint32_t min_block = 512;
	int rc = vdisk_size(be->fd, be->block, &be->info.size);

	if (!rc)
		rc = file_limits(be, p);
	if (be->direct) {
		struct vdisk_align a = vdisk_direct_align(be, PAGE);

		be->info.buf_align = a.mem;
		min_block = a.offset > min_block ? a.offset : min_block;
	}
	if (rc)
		return be_error(err, errlen, rc, "%s: cannot read its size and limits: %s",
				p->filename, strerror(-rc));
	return vdisk_geometry(p, be->info.size, min_block, err, errlen);
}

static int file_open(struct backend *be, const struct backend_params *p, char *err, size_t errlen)
{
	int rc = vdisk_open(be, p, true, p->o_direct ? O_DIRECT : 0, err, errlen);

	if (rc)
		return rc;
	be->direct = p->o_direct;
	rc = file_open_checked(be, p, err, errlen);
	if (rc)
		vdisk_close(be);
	return rc;
}

static int file_park(struct backend *be, const struct backend_params *p, char *err, size_t errlen)
{
	be->direct = p->o_direct;
	return park_vdisk(be, p, true, err, errlen);
}

const struct backend_ops fileio_ops = {
	.handler = "vdisk_fileio",
	.open = file_open,
	.park = file_park,
	.close = vdisk_close,
	.attach = vdisk_attach,
	.detach = vdisk_detach,
	.submit = vdisk_submit,
	.resync = vdisk_resync,
	.exchange = vdisk_exchange,
	.refresh = vdisk_refresh,
};
