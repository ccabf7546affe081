/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Write and read back a disk with requests whose memory is scattered: every 4 KiB of a request lies
 * in another page, in shuffled order, so the initiator needs a descriptor per page unless it
 * registers the memory. Usage: scatter DISK PAGES-PER-REQUEST REQUESTS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES_MAX = 1024 };

static void die(const char *what)
{
	fprintf(stderr, "scatter: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint8_t *pages_alloc(void)
{
	uint8_t *mem = mmap(NULL, PAGES_MAX * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		die("mmap");
	madvise(mem, PAGES_MAX * PAGE, MADV_NOHUGEPAGE);
	memset(mem, 0, PAGES_MAX * PAGE);
	return mem;
}

/* Every second page in a shuffled order: no two of them are neighbours. */
static void scatter(struct iovec *iov, uint8_t *mem, unsigned n)
{
	unsigned i, j, order[PAGES_MAX / 2], swap;

	for (i = 0; i < PAGES_MAX / 2; i++)
		order[i] = i;
	for (i = PAGES_MAX / 2 - 1; i > 0; i--) {
		j = rand() % (i + 1);
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	for (i = 0; i < n; i++)
		iov[i] = (struct iovec){ mem + 2 * order[i] * PAGE, PAGE };
}

/* A pattern that differs in every 8 bytes of the disk. */
static void pattern(uint64_t *p, off_t off)
{
	unsigned i;

	for (i = 0; i < PAGE / 8; i++)
		p[i] = (off + i * 8) * 0x9e3779b97f4a7c15;
}

int main(int argc, char **argv)
{
	static struct iovec iov[PAGES_MAX];
	static uint64_t want[PAGE / 8];
	unsigned n, requests, r, i;
	uint8_t *mem;
	off_t len;
	int fd;

	if (argc != 4 || (n = atoi(argv[2])) < 1 || n > PAGES_MAX / 2)
		return 2;
	requests = atoi(argv[3]);
	len = n * PAGE;
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0)
		die(argv[1]);
	mem = pages_alloc();
	for (r = 0; r < requests; r++) {
		scatter(iov, mem, n);
		for (i = 0; i < n; i++)
			pattern(iov[i].iov_base, r * len + i * PAGE);
		if (pwritev(fd, iov, n, r * len) != len)
			die("pwritev");
	}
	for (r = 0; r < requests; r++) {
		memset(mem, 0, PAGES_MAX * PAGE);
		scatter(iov, mem, n);
		if (preadv(fd, iov, n, r * len) != len)
			die("preadv");
		for (i = 0; i < n; i++) {
			pattern(want, r * len + i * PAGE);
			if (memcmp(iov[i].iov_base, want, PAGE)) {
				fprintf(stderr, "scatter: request %u page %u differs\n", r, i);
				return 1;
			}
		}
	}
	printf("%u requests of %u pages verified\n", requests, n);
	return 0;
}
