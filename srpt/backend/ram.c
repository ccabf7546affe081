/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vdisk_ram: a disk in memory, lost when it is closed. Memory is taken when it is first written
 * and given back by zeroing whole pages. Reactors that write the same bytes at once leave one or
 * the other, byte by byte, as a disk may.
 */
#include "backend/backend_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

static int ram_open(struct backend *be, const struct backend_params *p, char *err, size_t errlen)
{
	size_t size = (size_t)p->size;
	void *mem;

	if (!p->size || p->size % p->block_size)
		return be_error(err, errlen, -EINVAL,
				"size %llu is not a multiple of block_size %u",
				(unsigned long long)p->size, p->block_size);
	mem = size == p->size ? mmap(NULL, size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) :
				MAP_FAILED;
	if (mem == MAP_FAILED)
		return be_error(err, errlen, -ENOMEM, "no address space for %llu bytes of memory",
				(unsigned long long)p->size);
	madvise(mem, size, MADV_DONTDUMP);
	be->mem = mem;
	be->info.size = size;
	be->info.physical_block = p->block_size;
	be->info.unmap_granularity = p->block_size > PAGE ? p->block_size : PAGE;
	be->info.rotational = p->rotational == 1;
	return 0;
}

static void ram_close(struct backend *be)
{
	munmap(be->mem, be->info.size);
}

static int ram_attach(struct backend *be, struct reactor *r)
{
	(void)be;
	(void)r;
	return 0;
}

static void ram_detach(struct backend *be, struct reactor *r)
{
	(void)be;
	(void)r;
}

/* Whole pages go back to the system and read as zeros; what is left of others is cleared. */
static void ram_zero(uint8_t *p, size_t len)
{
	uintptr_t mask = PAGE - 1;
	size_t head = min_u64(-(uintptr_t)p & mask, len);
	size_t pages = (len - head) & ~mask;

	memset(p, 0, head);
	if (pages && madvise(p + head, pages, MADV_DONTNEED))
		memset(p + head, 0, pages);
	memset(p + head + pages, 0, len - head - pages);
}

void ram_do(struct backend *be, struct be_io *io)
{
	uint8_t *at = be->mem + io->off;

	switch (io->op) {
	case BE_READ:
		memcpy(io->buf.addr, at, io->len);
		break;
	case BE_WRITE:
		memcpy(at, io->buf.addr, io->len);
		break;
	case BE_FLUSH:
		break;
	case BE_UNMAP:
	case BE_WRITE_ZEROES:
		ram_zero(at, io->len);
		break;
	}
}

static void ram_submit(struct backend *be, struct be_io *io)
{
	ram_do(be, io);
	be_complete_later(io, 0);
}

static int ram_resync(struct backend *be)
{
	(void)be;
	return 0;
}

const struct backend_ops ram_ops = {
	.handler = "vdisk_ram",
	.open = ram_open,
	.close = ram_close,
	.attach = ram_attach,
	.detach = ram_detach,
	.submit = ram_submit,
	.resync = ram_resync,
};
