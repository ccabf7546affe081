/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev_disk, dev_tape, dev_changer: a SCSI device of this host, to which commands are passed
 * as they are. What it says of itself stays what it is; here is only what lists want to know.
 */
#include "backend/sg_priv.h"

#include <errno.h>

#define TYPE_DISK 0x00
#define TYPE_TAPE 0x01
#define TYPE_CHANGER 0x08

static bool block_size_listed(uint32_t block)
{
	return block >= 512 && block <= 4096 && !(block & (block - 1));
}

/* Of disks; a tape has none. */
static int size_look(struct backend *be, uint64_t *size)
{
	uint32_t block;
	int rc = sg_disk_size(be->filename, size, &block);

	if (!rc && !be->info.physical_block && block_size_listed(block))
		be->info.block_size = block;
	return rc;
}

static int sg_open(struct backend *be, const struct backend_params *p, uint8_t type, char *err,
		   size_t errlen)
{
	struct sg_queue *q;
	uint64_t size = 0;
	int rc;

	if (!p->filename || !p->filename[0])
		return be_error(err, errlen, -EINVAL, "filename is missing");
	rc = sg_queue_create(be, p->filename, type, &q, err, errlen);
	if (rc)
		return rc;
	be->priv = q;
	be->info.is_scsi = true;
	be->info.scsi_type = type;
	if (type == TYPE_DISK)
		size_look(be, &size);
	be->info.physical_block = be->info.block_size;
	be->info.size = size;
	return 0;
}

static int disk_open(struct backend *be, const struct backend_params *p, char *err, size_t errlen)
{
	return sg_open(be, p, TYPE_DISK, err, errlen);
}

static int tape_open(struct backend *be, const struct backend_params *p, char *err, size_t errlen)
{
	return sg_open(be, p, TYPE_TAPE, err, errlen);
}

static int changer_open(struct backend *be, const struct backend_params *p, char *err,
			size_t errlen)
{
	return sg_open(be, p, TYPE_CHANGER, err, errlen);
}

static void sg_close(struct backend *be)
{
	sg_queue_destroy(be->priv);
}

static int sg_attach(struct backend *be, struct reactor *r)
{
	(void)be;
	(void)r;
	return 0;
}

static void sg_detach(struct backend *be, struct reactor *r)
{
	(void)be;
	(void)r;
}

static void sg_scsi(struct backend *be, struct be_scsi_io *io)
{
	sg_queue_put(be->priv, io);
}

static int sg_resync(struct backend *be)
{
	uint64_t size;
	int rc;

	rc = size_look(be, &size);
	if (rc || be->info.scsi_type != TYPE_DISK)
		return rc;
	__atomic_store_n(&be->info.size, size, __ATOMIC_RELAXED);
	return 0;
}

#define SG_OPS(name, opener)                                                              \
	{ .handler = (name), .open = (opener), .park = park_refuse, .close = sg_close,     \
	  .attach = sg_attach, .detach = sg_detach, .scsi = sg_scsi, .resync = sg_resync }

const struct backend_ops sg_disk_ops = SG_OPS("dev_disk", disk_open);
const struct backend_ops sg_tape_ops = SG_OPS("dev_tape", tape_open);
const struct backend_ops sg_changer_ops = SG_OPS("dev_changer", changer_open);
