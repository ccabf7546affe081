/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history-write DEVICE LOG [OPTION]...: numbered records of 4 KiB, each acknowledgement in the log.
 * history-check DEVICE LOG: is what was acknowledged there, whole, and nothing else in its place?
 * What both know of records and the log.
 *
 * The device is slots of 4 KiB. Each belongs to one job, which has one write under way at a time;
 * so of a slot the last acknowledged record must be there, or one that was submitted later. Some
 * slots, the hot ones, are overwritten again and again: there a write that came late, or twice, or
 * from the other node, shows as an older value. The others are written once, as long as there are
 * any left. Jobs read slots of all jobs in between: a read must return no older record than the
 * last that was acknowledged, or that another read returned, before it began.
 *
 * Each sector of 512 bytes of a record has the number of the record and a CRC of its own: a read at
 * the same time as a write may return sectors of both, and a torn record shows what it is made of.
 *
 * What "acknowledged" means, --ack:
 *   durable  the write has ended and the device's cache with it (RWF_DSYNC: FUA, or a flush behind)
 *   write    the write has ended; what an application may count on is less where the device has a
 *            volatile cache, but with DRBD's protocol C these must survive the loss of one node
 *   auto     durable if the kernel takes the device's cache for volatile ("write back"); default
 *
 * The log has one line for each event, CLOCK_REALTIME in ns, written before (w) and after (a, e):
 *   history 1 RUN JOBS START SLOTS     run id, first slot's block, number of slots
 *   w JOB SEQ SLOT TIME                submitted
 *   a JOB SEQ TIME                     acknowledged
 *   e JOB SEQ TIME ERRNO               failed: may be there or not
 *   x SLOT TIME TEXT                   a read returned what it must not
 *   s BEGIN LENGTH                     no acknowledgement of any job for LENGTH ns since BEGIN
 *   end TIME                           all writes have ended
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD 4096u
#define SECTOR 512u
#define SECTORS (RECORD / SECTOR)
#define MAGIC 0x3179726f74736968ull /* "history1" */
#define MAX_JOBS 64u
#define MAX_SLOTS (1u << 22)

/* A sector on the device; host byte order, as writer and checker are the same machine. */
struct sector {
	uint64_t magic;
	uint64_t run;
	uint64_t slot;
	uint64_t seq; /* of the job, from 1 */
	uint64_t time_ns;
	uint32_t job;
	uint32_t index; /* which sector of the record */
	uint32_t reserved;
	uint32_t crc; /* CRC32C of the sector, this field 0 */
	uint8_t fill[SECTOR - 56];
};

_Static_assert(sizeof(struct sector) == SECTOR, "a sector");

static uint32_t crc_table[256];

static void crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		crc_table[i] = c;
	}
}

static uint32_t crc32c(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t c = ~0u;

	while (len--)
		c = crc_table[(c ^ *p++) & 0xff] ^ c >> 8;
	return ~c;
}

static uint32_t sector_crc(const struct sector *s)
{
	struct sector copy = *s;

	copy.crc = 0;
	return crc32c(&copy, sizeof(copy));
}

/* What a sector is, seen as the one at @index of @slot. */
enum found { OURS, NOTHING, DAMAGED, FOREIGN, MISPLACED };

static enum found sector_look(const struct sector *s, uint64_t run, uint64_t slot, uint32_t index)
{
	if (s->magic != MAGIC)
		return NOTHING;
	if (s->crc != sector_crc(s))
		return DAMAGED;
	if (s->run != run)
		return FOREIGN;
	return s->slot == slot && s->index == index ? OURS : MISPLACED;
}

/* What a whole record is; the lowest and highest sequence in it where all sectors are ours. */
struct look {
	enum found found;
	uint64_t low, high;
};

static struct look record_look(const struct sector *r, uint64_t run, uint64_t slot)
{
	struct look l = { .found = OURS, .low = UINT64_MAX };

	for (uint32_t i = 0; i < SECTORS; i++) {
		enum found f = sector_look(&r[i], run, slot, i);

		if (f > l.found)
			l.found = f;
		if (f != OURS)
			continue;
		l.low = r[i].seq < l.low ? r[i].seq : l.low;
		l.high = r[i].seq > l.high ? r[i].seq : l.high;
	}
	return l;
}

/* "8×17" or "3×17 5×12": sectors and what is in them. */
static const char *record_text(const struct sector *r, uint64_t run, uint64_t slot, char *text,
			       size_t size)
{
	static const char *const names[] = { [NOTHING] = "no record",
					     [DAMAGED] = "damaged",
					     [FOREIGN] = "another run",
					     [MISPLACED] = "of slot" };
	size_t at = 0;
	uint32_t i = 0, n;

	text[0] = 0;
	while (i < SECTORS && at + 64 < size) {
		enum found f = sector_look(&r[i], run, slot, i);

		for (n = 1; i + n < SECTORS && r[i + n].seq == r[i].seq &&
			    sector_look(&r[i + n], run, slot, i + n) == f;
		     n++)
			;
		at += (size_t)sprintf(text + at, "%s%u x ", at ? ", " : "", n);
		if (f == OURS)
			at += (size_t)sprintf(text + at, "%" PRIu64, r[i].seq);
		else
			at += (size_t)sprintf(text + at, f == MISPLACED ? "%s %" PRIu64 : "%s",
					      names[f], r[i].slot);
		i += n;
	}
	return text;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("history: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static void *record_alloc(void)
{
	void *p = aligned_alloc(RECORD, RECORD);

	if (!p)
		die("no memory");
	memset(p, 0, RECORD);
	return p;
}

/* O_DIRECT; a plain file, as tests have, goes without where its file system knows no such thing. */
static int device_open(const char *path, int flags, uint64_t *blocks)
{
	int fd = open(path, flags | O_DIRECT | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == EINVAL && !stat(path, &st) && S_ISREG(st.st_mode))
		fd = open(path, flags | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die("%s: %s", path, strerror(errno));
	*blocks = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, blocks))
		die("%s: size: %s", path, strerror(errno));
	*blocks /= RECORD;
	return fd;
}

#endif
