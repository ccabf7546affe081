/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vdisk_blockio: a block device with O_DIRECT. Not opened exclusively: DRBD and
 * multipath devices are shared with their own tools.
 */
#include "backend/backend_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/*
 * That the device had a volatile cache is believed: at worst it is flushed in vain. sysfs, where it
 * says so, is slow, and many are opened while nothing is served.
 */
static bool cache_is_volatile(const struct backend *be, const struct backend_params *p)
{
	return (be->unsure && p->known.info.write_cache) || vdisk_write_cache(be->disk);
}

static int blockio_limits(struct backend *be, const struct backend_params *p, char *err,
			  size_t errlen)
{
	int logical = 0, rc = vdisk_size(be->fd, true, &be->info.size);

	if (!rc && ioctl(be->fd, BLKSSZGET, &logical))
		rc = -errno;
	if (!rc)
		rc = vdisk_block_limits(be, p);
	if (rc)
		return be_error(err, errlen, rc, "%s: cannot read the limits of the device: %s",
				p->filename, strerror(-rc));
	be->info.buf_align = vdisk_direct_align(be, (uint32_t)logical).mem;
	if (p->rotational >= 0)
		be->info.rotational = p->rotational;
	be->info.write_cache = !p->nv_cache && !p->write_through && cache_is_volatile(be, p);
	return vdisk_geometry(p, be->info.size, (uint32_t)logical, err, errlen);
}

static int blockio_open(struct backend *be, const struct backend_params *p, char *err,
			size_t errlen)
{
	int rc = vdisk_open(be, p, false, O_DIRECT, err, errlen);

	if (rc)
		return rc;
	be->direct = true;
	rc = blockio_limits(be, p, err, errlen);
	if (rc)
		vdisk_close(be);
	return rc;
}

static int blockio_park(struct backend *be, const struct backend_params *p, char *err,
			size_t errlen)
{
	be->direct = true;
	return park_vdisk(be, p, false, err, errlen);
}

const struct backend_ops blockio_ops = {
	.handler = "vdisk_blockio",
	.open = blockio_open,
	.park = blockio_park,
	.close = vdisk_close,
	.attach = vdisk_attach,
	.detach = vdisk_detach,
	.submit = vdisk_submit,
	.resync = vdisk_resync,
	.exchange = vdisk_exchange,
	.refresh = vdisk_refresh,
};
