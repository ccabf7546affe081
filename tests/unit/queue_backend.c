/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "queue_backend.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

void queue_backend_init(struct backend *be, uint64_t blocks)
{
	be->info = (struct backend_info){ .size = blocks * 512, .block_size = 512, .buf_align = 1,
					  .physical_block = 512 };
}

void queue_backend_put(struct reactor *r, struct backend *be, struct be_io *io)
{
	io->reactor = r;
	list_add_tail(&be->queue[r->id], &io->link);
}

bool queue_backend_empty(struct reactor *r, const struct backend *be)
{
	return list_empty(&be->queue[r->id]);
}

struct be_io *queue_backend_take(struct reactor *r, struct backend *be)
{
	struct be_io *io = list_first(&be->queue[r->id], struct be_io, link);

	list_del(&io->link);
	return io;
}

const struct backend_info *backend_info(const struct backend *be)
{
	return &be->info;
}

const char *backend_handler(const struct backend *be)
{
	(void)be;
	return "vdisk_nullio";
}

int backend_attach(struct backend *be, struct reactor *r)
{
	list_init(&be->queue[r->id]);
	return 0;
}

void backend_detach(struct backend *be, struct reactor *r)
{
	assert_true(queue_backend_empty(r, be));
}

/* A block more each time. */
int backend_resync(struct backend *be)
{
	be->info.size += 512;
	return 0;
}

void backend_close(struct backend *be)
{
	atomic_fetch_add(&be->closed, 1);
}

/* ---- what is not asked of it ---- */

void backend_submit_scsi(struct reactor *r, struct backend *be, struct be_scsi_io *io)
{
	(void)r;
	(void)be;
	(void)io;
	abort();
}

void backend_set_read_only(struct backend *be, bool read_only)
{
	(void)be;
	(void)read_only;
	abort();
}

int backend_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen)
{
	(void)be;
	(void)fresh;
	(void)err;
	(void)errlen;
	abort();
}

void backend_refresh(struct backend *be, struct reactor *r)
{
	(void)be;
	(void)r;
	abort();
}
