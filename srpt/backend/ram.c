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
#define ZERO_BYTES (16ull << 20)     /* given back at once: some milliseconds */
#define EXTENTS_BYTES (64ull << 30) /* looked at at once: as long */

static size_t bitmap_bytes(uint64_t size)
{
	return (size_t)((size / PAGE + 64) / 64 * sizeof(uint64_t));
}

/* Memory is taken as pages are marked. */
static _Atomic uint64_t *bitmap_map(uint64_t size)
{
	void *p = mmap(NULL, bitmap_bytes(size), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

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
	be->written = bitmap_map(size);
	if (!be->written) {
		munmap(mem, size);
		return be_error(err, errlen, -ENOMEM, "no address space to keep account of it");
	}
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
	munmap((void *)be->written, bitmap_bytes(be->info.size));
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

/* ---- which pages hold data ---- */

/* Bits of the word of page @first that are in [first, end); *@word is its number. */
static uint64_t page_bits(uint64_t first, uint64_t end, uint64_t *word)
{
	uint64_t low = first % 64, n = min_u64(end - first, 64 - low);

	*word = first / 64;
	return (n == 64 ? UINT64_MAX : (1ull << n) - 1) << low;
}

/* After the bytes were written: who clears the bit gives back the page later than that. */
static void pages_mark(struct backend *be, uint64_t off, uint64_t len)
{
	uint64_t page = off / PAGE, end = (off + len + PAGE - 1) / PAGE, word, bits;

	for (; page < end; page = (word + 1) * 64) {
		bits = page_bits(page, end, &word);
		if (~atomic_load_explicit(&be->written[word], memory_order_relaxed) & bits)
			atomic_fetch_or(&be->written[word], bits);
	}
}

static bool page_marked(const struct backend *be, uint64_t page)
{
	return atomic_load_explicit(&be->written[page / 64], memory_order_relaxed) >> page % 64 & 1;
}

/* How many pages from @page on, @end at most, are as the first one. */
static uint64_t pages_alike(const struct backend *be, uint64_t page, uint64_t end, bool marked)
{
	uint64_t at = page, word, bits, other;

	while (at < end) {
		bits = page_bits(at, end, &word);
		other = atomic_load_explicit(&be->written[word], memory_order_relaxed);
		other = (marked ? ~other : other) & bits;
		if (other)
			return word * 64 + (uint64_t)__builtin_ctzll(other) - page;
		at = min_u64((word + 1) * 64, end);
	}
	return end - page;
}

static void ram_extents(const struct backend *be, struct be_io *io)
{
	uint64_t at = io->off, end = io->off + min_u64(io->len, EXTENTS_BYTES), len;

	while (at < end) {
		bool marked = page_marked(be, at / PAGE);

		len = pages_alike(be, at / PAGE, (end + PAGE - 1) / PAGE, marked) * PAGE;
		len = min_u64(len - at % PAGE, end - at);
		if (!be_extents_add(io, len, marked))
			return;
		at += len;
	}
}

/* ---- zeroing ---- */

/* A part of one page. It is not taken only to be cleared. */
static void part_zero(struct backend *be, uint64_t off, uint64_t len)
{
	if (len && page_marked(be, off / PAGE))
		memset(be->mem + off, 0, len);
}

/* Whole pages go back to the system and read as zeros. */
static void pages_zero(struct backend *be, uint64_t off, uint64_t len)
{
	uint64_t page = off / PAGE, end = (off + len) / PAGE, word, bits;

	for (; page < end; page = (word + 1) * 64) {
		bits = page_bits(page, end, &word);
		if (atomic_load_explicit(&be->written[word], memory_order_relaxed) & bits)
			atomic_fetch_and(&be->written[word], ~bits);
	}
	if (len && madvise(be->mem + off, len, MADV_DONTNEED))
		memset(be->mem + off, 0, len);
}

static void ram_zero(struct backend *be, uint64_t off, uint64_t len)
{
	uint64_t head = min_u64(-off & (PAGE - 1), len), pages = (len - head) & ~(PAGE - 1ull);

	part_zero(be, off, head);
	pages_zero(be, off + head, pages);
	part_zero(be, off + head + pages, len - head - pages);
}

static void zero_received(struct msg *m);

/* A round's share; the rest comes with the next round. */
static void zero_next(struct be_io *io)
{
	uint64_t n = min_u64(io->len - io->done_bytes, ZERO_BYTES);

	ram_zero(io->be, io->off + io->done_bytes, n);
	io->done_bytes += n;
	if (io->done_bytes == io->len) {
		be_complete_later(io, 0);
		return;
	}
	io->msg.fn = zero_received;
	reactor_send(io->reactor, &io->msg);
}

static void zero_received(struct msg *m)
{
	zero_next(container_of(m, struct be_io, msg));
}

/* ---- requests ---- */

void ram_submit(struct backend *be, struct be_io *io)
{
	uint8_t *at = be->mem + io->off;

	io->done_bytes = 0;
	switch (io->op) {
	case BE_UNMAP:
	case BE_WRITE_ZEROES:
		zero_next(io);
		return;
	case BE_READ:
		memcpy(io->buf.addr, at, io->len);
		break;
	case BE_WRITE:
		memcpy(at, io->buf.addr, io->len);
		pages_mark(be, io->off, io->len);
		break;
	case BE_EXTENTS:
		ram_extents(be, io);
		break;
	default:
		break;
	}
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
