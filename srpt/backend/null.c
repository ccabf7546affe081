/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vdisk_nullio: takes writes and forgets them, reads zeros. Reads are cleared
 * although it costs time: the buffer may hold what another initiator wrote.
 */
#include "backend/backend_priv.h"

#include <errno.h>
#include <string.h>

#define NULL_DEFAULT_SIZE (1ull << 40)

static int null_open(struct backend *be, const struct backend_params *p, char *err, size_t errlen)
{
	uint64_t size = p->size ? p->size : NULL_DEFAULT_SIZE;

	if (size % p->block_size)
		return be_error(err, errlen, -EINVAL,
				"size %llu is not a multiple of block_size %u",
				(unsigned long long)size, p->block_size);
	be->info.size = size;
	be->info.physical_block = p->block_size;
	be->info.unmap_granularity = p->thin_provisioned ? p->block_size : 0;
	be->info.rotational = p->rotational == 1;
	return 0;
}

static void null_close(struct backend *be)
{
	(void)be;
}

static int null_attach(struct backend *be, struct reactor *r)
{
	(void)be;
	(void)r;
	return 0;
}

static void null_detach(struct backend *be, struct reactor *r)
{
	(void)be;
	(void)r;
}

static void null_submit(struct backend *be, struct be_io *io)
{
	(void)be;
	if (io->op == BE_READ)
		memset(io->buf.addr, 0, io->buf.len);
	else if (io->op == BE_EXTENTS)
		be_extents_add(io, io->len, false);
	be_complete_later(io, 0);
}

static int null_resync(struct backend *be)
{
	(void)be;
	return 0;
}

const struct backend_ops nullio_ops = {
	.handler = "vdisk_nullio",
	.open = null_open,
	.close = null_close,
	.attach = null_attach,
	.detach = null_detach,
	.submit = null_submit,
	.resync = null_resync,
};
