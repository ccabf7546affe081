/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the backends share: a reactor, requests and their end. */
#ifndef TESTS_UNIT_BACKEND_UTIL_H
#define TESTS_UNIT_BACKEND_UTIL_H

#include "backend/backend_priv.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG_NS 20000000000ull /* only a failure waits as long */
#define RING_DEPTH 8u

static inline struct reactor *test_reactor_new(size_t slab, int budget)
{
	struct reactor_params p = { .buffer_size = slab, .poll_budget_us = budget, .cpu = -1 };
	struct reactor *r;

	assert_int_equal(reactor_create(0, &p, &r), 0);
	return r;
}

static inline void test_reactor_free(struct reactor *r)
{
	reactor_stop(r);
	be_ring_destroy(r);
	reactor_destroy(r);
}

/* It may be refused, as in a container; then workers serve, which have a test of their own. */
static inline bool test_has_uring(void)
{
	struct io_uring ring;

	if (io_uring_queue_init(1, &ring, 0))
		return false;
	io_uring_queue_exit(&ring);
	return true;
}

/* A request that counts its ends. */
struct test_io {
	struct be_io io;
	unsigned ends;
};

static inline void test_io_done(struct be_io *io)
{
	container_of(io, struct test_io, io)->ends++;
}

static inline void test_io_init(struct test_io *t, enum be_op op, uint64_t off, uint64_t len,
				struct iobuf *buf)
{
	*t = (struct test_io){ .io = { .op = op, .off = off, .len = len, .done = test_io_done } };
	if (buf) {
		t->io.buf = *buf;
		t->io.buf.len = (uint32_t)len;
	}
}

/* Rounds until @t ended; fails instead of hanging. */
static inline void test_io_wait(struct reactor *r, struct test_io *t)
{
	uint64_t limit = clock_now_ns() + HANG_NS;

	while (!t->ends) {
		assert_true(clock_now_ns() < limit);
		if (!reactor_round(r))
			sched_yield();
	}
	assert_int_equal(t->ends, 1);
}

static inline int test_io_run(struct reactor *r, struct backend *be, struct test_io *t)
{
	backend_submit(r, be, &t->io);
	assert_int_equal(t->ends, 0);
	test_io_wait(r, t);
	return t->io.result;
}

/* One request from start to end; its result. */
static inline int test_io(struct reactor *r, struct backend *be, enum be_op op, uint64_t off,
			  uint64_t len, struct iobuf *buf)
{
	struct test_io t;

	test_io_init(&t, op, off, len, buf);
	return test_io_run(r, be, &t);
}

/* A pattern that differs from byte to byte, block to block and seed to seed. */
static inline void pattern_fill(uint8_t *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(1 + (i * 7 + i / 512 * 13 + seed * 31) % 255);
}

static inline bool bytes_are(const uint8_t *p, size_t len, uint8_t v)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != v)
			return false;
	return true;
}

/* Run @fn(@arg) in a child; the signal that ended it, or 0. Nothing on stderr, no core. */
static inline int child_signal(void (*fn)(void *), void *arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A new file in $TMPDIR or /var/tmp (a disk, if possible); removed by the caller. */
static inline int test_file_new(char *path, size_t len, off_t size)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(path, len, "%s/srpt-test-XXXXXX", dir && dir[0] ? dir : "/var/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

#endif
