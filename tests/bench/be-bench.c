/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Speed of the backends alone: random reads or writes at a fixed depth through
 * a reactor, on this thread. Prints I/Os per second, io_uring_enter calls and,
 * where the kernel lets us count them, instructions per I/O (user and kernel).
 * Under callgrind: valgrind --tool=callgrind be-bench -n 20000
 */
#include "backend/backend_priv.h"

#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX 1024u

struct options {
	struct backend_params p;
	unsigned depth;
	uint32_t bytes;
	uint64_t ios;
	bool write;
};

struct job {
	struct be_io io;
	struct bench *b;
};

struct bench {
	struct options opt;
	struct reactor *r;
	struct backend *be;
	uint64_t started, ended, failed, blocks;
	uint64_t random;
	struct job jobs[DEPTH_MAX];
};

static const char usage[] =
	"usage: be-bench [-t null|file|block] [-f PATH] [-q DEPTH] [-b BYTES] [-n IOS] [-w]\n"
	"  -w writes: destroys what PATH holds\n";

/* xorshift64: cheap, and the same sequence in every run. */
static uint64_t random_next(struct bench *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random;
}

static void job_start(struct job *j)
{
	struct bench *b = j->b;

	b->started++;
	j->io.off = random_next(b) % b->blocks * b->opt.bytes;
	backend_submit(b->r, b->be, &j->io);
}

static void job_done(struct be_io *io)
{
	struct job *j = container_of(io, struct job, io);
	struct bench *b = j->b;

	b->ended++;
	if (io->result)
		b->failed++;
	if (b->started < b->opt.ios)
		job_start(j);
}

static int jobs_prepare(struct bench *b)
{
	for (unsigned i = 0; i < b->opt.depth; i++) {
		struct job *j = &b->jobs[i];

		j->b = b;
		j->io.op = b->opt.write ? BE_WRITE : BE_READ;
		j->io.len = b->opt.bytes;
		j->io.done = job_done;
		if (iobuf_get(&b->r->bufs, b->opt.bytes, &j->io.buf))
			return -1;
	}
	return 0;
}

/* Counts this thread's instructions; -1: not allowed here. */
static int counter_open(bool with_kernel)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(a),
		.config = PERF_COUNT_HW_INSTRUCTIONS, .exclude_kernel = !with_kernel,
	};

	return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static uint64_t perf_read(int fd)
{
	uint64_t v = 0;

	return fd >= 0 && read(fd, &v, sizeof(v)) == sizeof(v) ? v : 0;
}

static void run(struct bench *b)
{
	int all = counter_open(true), user = counter_open(false);
	struct be_ring *ring = b->r->be_ring;
	uint64_t start = clock_now_ns(), enters = ring->enters, n;
	uint64_t all0 = perf_read(all), user0 = perf_read(user);

	for (unsigned i = 0; i < b->opt.depth && b->started < b->opt.ios; i++)
		job_start(&b->jobs[i]);
	while (b->ended < b->started)
		reactor_round(b->r);
	n = b->ended;
	printf("%s %s %u bytes, depth %u: %.0f IOPS, %.3f enters per I/O",
	       backend_handler(b->be), b->opt.write ? "writes" : "reads", b->opt.bytes,
	       b->opt.depth, (double)n * 1e9 / (double)(clock_now_ns() - start),
	       (double)(ring->enters - enters) / (double)n);
	if (user >= 0)
		printf(", instructions per I/O: %" PRIu64 " user, %" PRIu64 " with kernel",
		       (perf_read(user) - user0) / n, (perf_read(all) - all0) / n);
	printf("%s\n", b->failed ? ", WITH ERRORS" : "");
}

static int options_parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "t:f:q:b:n:w")) != -1) {
		if (c == 't')
			o->p.type = !strcmp(optarg, "null") ? BACKEND_NULLIO :
				    !strcmp(optarg, "file") ? BACKEND_FILEIO : BACKEND_BLOCKIO;
		else if (c == 'f')
			o->p.filename = optarg;
		else if (c == 'q')
			o->depth = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 'b')
			o->bytes = (uint32_t)strtoul(optarg, NULL, 0);
		else if (c == 'n')
			o->ios = strtoull(optarg, NULL, 0);
		else if (c == 'w')
			o->write = true;
		else
			return -1;
	}
	o->p.read_only = !o->write;
	return o->depth && o->depth <= DEPTH_MAX && o->bytes && o->bytes % 512 == 0 &&
	       o->bytes <= IOBUF_MAX_SIZE && o->ios ? 0 : -1;
}

static int bench_open(struct bench *b)
{
	struct reactor_params rp = { .poll_budget_us = -1, .cpu = -1 };
	char err[300];

	rp.buffer_size = (size_t)b->opt.depth * b->opt.bytes * 2 + IOBUF_MAX_SIZE;
	if (reactor_create(0, &rp, &b->r) || be_ring_create(b->r, b->opt.depth))
		return -1;
	if (backend_open(&b->opt.p, &b->be, err, sizeof(err))) {
		fprintf(stderr, "be-bench: %s\n", err);
		return -1;
	}
	b->blocks = backend_info(b->be)->size / b->opt.bytes;
	b->random = 88172645463325252ull;
	if (!b->blocks) {
		fprintf(stderr, "be-bench: the device is smaller than one request\n");
		return -1;
	}
	return backend_attach(b->be, b->r) || jobs_prepare(b) ? -1 : 0;
}

int main(int argc, char **argv)
{
	static struct bench b = {
		.opt = {
			.p = { .type = BACKEND_NULLIO, .block_size = 512, .rotational = -1 },
			.depth = 32, .bytes = 4096, .ios = 1000000,
		},
	};

	if (options_parse(&b.opt, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	if (bench_open(&b))
		return 1;
	run(&b);
	backend_detach(b.be, b.r);
	backend_close(b.be);
	be_ring_destroy(b.r);
	reactor_destroy(b.r);
	return b.failed ? 1 : 0;
}
