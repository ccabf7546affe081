/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/device_params.h"

#include <errno.h>

#define BIT(op) ((uint8_t)(1u << (op)))

static const enum backend_type types[CONF_HANDLERS] = {
	[CONF_VDISK_BLOCKIO] = BACKEND_BLOCKIO, [CONF_VDISK_FILEIO] = BACKEND_FILEIO,
	[CONF_VDISK_NULLIO] = BACKEND_NULLIO,   [CONF_VDISK_RAM] = BACKEND_RAM,
	[CONF_VDISK_FAULT] = BACKEND_FAULT,     [CONF_DEV_DISK] = BACKEND_SG_DISK,
	[CONF_DEV_TAPE] = BACKEND_SG_TAPE,      [CONF_DEV_CHANGER] = BACKEND_SG_CHANGER,
};

static const uint8_t fault_ops[] = {
	[CONF_FAULT_ALL] = 0xff,
	[CONF_FAULT_READ] = BIT(BE_READ),
	[CONF_FAULT_WRITE] = BIT(BE_WRITE) | BIT(BE_WRITE_ZEROES),
	[CONF_FAULT_FLUSH] = BIT(BE_FLUSH),
	[CONF_FAULT_UNMAP] = BIT(BE_UNMAP),
};

static const int fault_errnos[] = {
	[CONF_FAULT_NONE] = 0,        [CONF_FAULT_EIO] = EIO,       [CONF_FAULT_ENOSPC] = ENOSPC,
	[CONF_FAULT_EROFS] = EROFS,   [CONF_FAULT_ENODEV] = ENODEV, [CONF_FAULT_ENOMEM] = ENOMEM,
	[CONF_FAULT_ETIMEDOUT] = ETIMEDOUT,
};

/* Blocks to bytes; what does not fit is behind the end of every device. */
static uint64_t blocks_to_bytes(uint64_t blocks, uint32_t block_size)
{
	return blocks > UINT64_MAX / block_size ? UINT64_MAX : blocks * block_size;
}

static struct backend_fault fault_make(const struct conf_device *dev)
{
	struct backend_fault f = {
		.ops = fault_ops[dev->fault_ops],
		.hang = dev->fault_hang,
		.error = fault_errnos[dev->fault_errno],
		.every = dev->fault_every,
		.delay_ms = dev->fault_delay_ms,
		.off = blocks_to_bytes(dev->fault_lba, dev->blocksize),
		.len = blocks_to_bytes(dev->fault_blocks, dev->blocksize),
	};

	if (f.off && !f.len)
		f.len = UINT64_MAX;
	return f;
}

/* SCSI devices are named by their address unless a node is given. */
static const char *file_of(const struct conf_device *dev)
{
	bool scsi = dev->handler == CONF_DEV_DISK || dev->handler == CONF_DEV_TAPE ||
		    dev->handler == CONF_DEV_CHANGER;

	return scsi && !dev->filename ? dev->name : dev->filename;
}

struct backend_params backend_params_make(const struct conf_device *dev)
{
	const struct conf_key *rotational = conf_key_find(CONF_DEVICE, "rotational");

	return (struct backend_params){
		.type = types[dev->handler],
		.filename = file_of(dev),
		.block_size = dev->blocksize,
		.size = dev->size,
		.read_only = dev->read_only,
		.write_through = dev->write_through,
		.nv_cache = dev->nv_cache,
		.o_direct = dev->o_direct,
		.thin_provisioned = dev->thin_provisioned,
		.hide_physical = !dev->lb_per_pb_exp,
		.rotational = conf_key_given(dev->given, rotational) ? dev->rotational : -1,
		.fault = fault_make(dev),
	};
}
