/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files without io_uring. The system calls of the threads come by here, where they can be
 * held, cut short or made to fail.
 */
#include "backend_util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIZE (1u << 20)

static atomic_bool held;         /* reads wait */
static atomic_uint reads_begun;
static atomic_uint most_bytes;   /* of one transfer; 0: any */
static atomic_uint failures;     /* so many transfers fail … */
static atomic_int failure;       /* … with this errno */
static atomic_uint syncs;
static atomic_int write_flags;   /* of the last write */
static atomic_bool no_fallocate;

static bool must_fail(void)
{
	if (!failures)
		return false;
	failures--;
	errno = failure;
	return true;
}

static struct iovec cut(const struct iovec *iov)
{
	size_t most = most_bytes ? most_bytes : iov->iov_len;

	return (struct iovec){ iov->iov_base, most < iov->iov_len ? most : iov->iov_len };
}

ssize_t preadv2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	struct iovec part = cut(iov);

	(void)flags;
	reads_begun++;
	while (held)
		usleep(100);
	return must_fail() ? -1 : preadv(fd, &part, n, off);
}

ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	struct iovec part = cut(iov);

	write_flags = flags;
	return must_fail() ? -1 : pwritev(fd, &part, n, off);
}

int fdatasync(int fd)
{
	syncs++;
	return must_fail() ? -1 : fsync(fd);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	if (no_fallocate) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, off, len);
}

struct fixture {
	char path[200];
	int fd;
	struct reactor *r;
	struct backend *be;
	struct iobuf buf;
};

static int setup(void **state)
{
	static struct fixture f;
	struct backend_params p = { .type = BACKEND_FILEIO, .block_size = 512, .rotational = -1,
				    .thin_provisioned = true };
	char err[300];

	held = no_fallocate = false;
	reads_begun = most_bytes = failures = syncs = 0;
	f.fd = test_file_new(f.path, sizeof(f.path), SIZE);
	f.r = test_reactor_new(IOBUF_MAX_SIZE, 0);
	p.filename = f.path;
	*state = &f;
	return be_ring_create_workers(f.r) || backend_open(&p, &f.be, err, sizeof(err)) ||
	       backend_attach(f.be, f.r) || iobuf_get(&f.r->bufs, SIZE, &f.buf);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	backend_detach(f->be, f->r);
	backend_close(f->be);
	test_reactor_free(f->r);
	close(f->fd);
	unlink(f->path);
	return 0;
}

/* @len bytes at @off of the file are the pattern @seed. */
static void file_has_pattern(struct fixture *f, off_t off, size_t len, unsigned seed)
{
	uint8_t *file = malloc(len), *expect = malloc(len);

	assert_int_equal(pread(f->fd, file, len, off), len);
	pattern_fill(expect, len, seed);
	assert_memory_equal(file, expect, len);
	free(file);
	free(expect);
}

static void test_written_is_in_the_file_and_read_back(void **state)
{
	struct fixture *f = *state;
	uint8_t *expect = malloc(SIZE);

	pattern_fill(f->buf.addr, SIZE, 3);
	pattern_fill(expect, SIZE, 3);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, SIZE, &f->buf), 0);
	file_has_pattern(f, 0, SIZE, 3);
	memset(f->buf.addr, 0, SIZE);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 512, SIZE - 512, &f->buf), 0);
	assert_memory_equal(f->buf.addr, expect + 512, SIZE - 512);
	free(expect);
}

static void test_what_must_be_stable_is(void **state)
{
	struct fixture *f = *state;
	struct test_io t;

	test_io_init(&t, BE_WRITE, 0, 512, &f->buf);
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	assert_int_equal(write_flags, 0);
	test_io_init(&t, BE_WRITE, 0, 512, &f->buf);
	t.io.flags = BE_FUA;
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	assert_int_equal(write_flags, RWF_DSYNC);
	assert_int_equal(syncs, 0);
	assert_int_equal(test_io(f->r, f->be, BE_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(syncs, 1);
}

/* By fallocate() or, the second time, by writing zeros. */
static void test_unmapped_and_zeroed_reads_as_zeros(void **state)
{
	static const enum be_op ops[] = { BE_UNMAP, BE_WRITE_ZEROES };
	struct fixture *f = *state;

	if (!backend_info(f->be)->unmap_granularity)
		skip(); /* the temporary directory is on a file system without holes */
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(ops); i++) {
		no_fallocate = i >= ARRAY_SIZE(ops);
		pattern_fill(f->buf.addr, SIZE, 1);
		assert_int_equal(pwrite(f->fd, f->buf.addr, SIZE, 0), SIZE);
		assert_int_equal(test_io(f->r, f->be, ops[i % ARRAY_SIZE(ops)], 4096, SIZE - 8192,
					 NULL), 0);
		file_has_pattern(f, 0, 4096, 1);
		assert_int_equal(pread(f->fd, f->buf.addr, SIZE, 0), SIZE);
		assert_true(bytes_are(f->buf.addr + 4096, SIZE - 8192, 0));
		assert_int_not_equal(f->buf.addr[SIZE - 4096], 0);
	}
	assert_true(f->be->no_punch_hole && f->be->no_zero_range);
}

static void test_zeroes_with_fua_are_synced(void **state)
{
	struct fixture *f = *state;
	struct test_io t;

	test_io_init(&t, BE_WRITE_ZEROES, 0, 4096, NULL);
	t.io.flags = BE_FUA;
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	assert_int_equal(syncs, 1);
}

static void test_short_transfers_are_continued(void **state)
{
	struct fixture *f = *state;

	most_bytes = 5000;
	pattern_fill(f->buf.addr, 65536, 5);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 1024, 65536, &f->buf), 0);
	file_has_pattern(f, 1024, 65536, 5);
	memset(f->buf.addr, 0, 65536);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 1024, 65536, &f->buf), 0);
	assert_int_equal(reads_begun, (65536 + 4999) / 5000);
	file_has_pattern(f, 1024, 65536, 5);
}

static void test_behind_the_end_of_a_shrunk_file_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->fd, 4096 + 512), 0);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 8192, 4096, &f->buf), -EIO);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 4096, 4096, &f->buf), -EIO);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 4096, 512, &f->buf), 0);
}

static void test_errors_are_results(void **state)
{
	struct fixture *f = *state;

	failures = 3;
	failure = ENOSPC;
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, 4096, &f->buf), -ENOSPC);
	failure = EIO;
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, 4096, &f->buf), -EIO);
	assert_int_equal(test_io(f->r, f->be, BE_FLUSH, 0, 0, NULL), -EIO);
	failures = 2;
	failure = EINTR;
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, 4096, &f->buf), 0);
}

static void within_time(bool (*is)(void *), void *arg)
{
	uint64_t limit = clock_now_ns() + HANG_NS;

	while (!is(arg)) {
		assert_true(clock_now_ns() < limit);
		usleep(100);
	}
}

static bool a_read_has_begun(void *arg)
{
	(void)arg;
	return reads_begun > 0;
}

/* @n of them, each into its own part of the buffer but the first; one has begun. */
static void reads_submit(struct fixture *f, struct test_io *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		test_io_init(&t[i], BE_READ, i * 512, 512, &f->buf);
		t[i].io.buf.addr += (i + 1) * 512;
		backend_submit(f->r, f->be, &t[i].io);
	}
	reactor_round(f->r);
	within_time(a_read_has_begun, NULL);
}

static void test_a_slow_disk_does_not_hold_the_reactor(void **state)
{
	enum { N = 20 };
	struct backend_params p = { .type = BACKEND_RAM, .block_size = 512, .size = SIZE };
	struct fixture *f = *state;
	struct reactor_source *s = &((struct be_ring *)f->r->be_ring)->source;
	struct test_io t[N];
	struct backend *ram;
	char err[300];

	assert_int_equal(backend_open(&p, &ram, err, sizeof(err)), 0);
	assert_int_equal(backend_attach(ram, f->r), 0);
	held = true;
	reads_submit(f, t, N);
	assert_int_equal(test_io(f->r, ram, BE_WRITE, 0, 512, &f->buf), 0);
	assert_int_equal(reactor_round(f->r), 0);
	assert_true(s->busy(s));
	held = false;
	for (unsigned i = 0; i < N; i++)
		test_io_wait(f->r, &t[i]);
	assert_false(s->busy(s));
	backend_detach(ram, f->r);
	backend_close(ram);
}

static void test_a_result_ends_the_sleep(void **state)
{
	struct fixture *f = *state;
	struct reactor_source *s = &((struct be_ring *)f->r->be_ring)->source;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	struct test_io t;

	assert_false(s->arm(s));
	for (int i = 0; i < 3; i++) {
		held = true;
		test_io_init(&t, BE_READ, 0, 512, &f->buf);
		backend_submit(f->r, f->be, &t.io);
		reactor_round(f->r);
		assert_false(s->arm(s));
		assert_int_equal(poll(&p, 1, 0), 0);
		held = false;
		assert_int_equal(poll(&p, 1, (int)(HANG_NS / 1000000)), 1);
		assert_true(s->arm(s));
		s->wake(s);
		assert_int_equal(poll(&p, 1, 0), 0);
		assert_int_equal(s->poll(s), 1);
		assert_int_equal(t.ends, 1);
	}
}

/* ---- with a thread of the reactor ---- */

struct stream {
	struct msg msg;
	struct fixture *f;
	struct be_io io[32];
	unsigned left;   /* to submit */
	unsigned errors;
	atomic_uint ended;
};

static struct stream stream;

static void stream_next(struct be_io *io)
{
	enum { SLOTS = SIZE / 4096 };

	if (!stream.left)
		return;
	stream.left--;
	io->op = stream.left % 3 ? BE_READ : BE_WRITE;
	io->off = stream.left % SLOTS * 4096;
	backend_submit(stream.f->r, stream.f->be, io);
}

static void stream_done(struct be_io *io)
{
	stream.errors += io->result != 0;
	stream_next(io);
	stream.ended++;
}

static void stream_begin(struct msg *m)
{
	(void)m;
	for (unsigned i = 0; i < ARRAY_SIZE(stream.io); i++)
		stream_next(&stream.io[i]);
}

static bool stream_ended(void *n)
{
	return stream.ended == *(unsigned *)n;
}

static void test_many_requests_of_a_reactor_that_sleeps(void **state)
{
	struct fixture *f = *state;
	unsigned n = 5000;

	stream = (struct stream){ .msg.fn = stream_begin, .f = f, .left = n };
	for (unsigned i = 0; i < ARRAY_SIZE(stream.io); i++) {
		stream.io[i] = (struct be_io){ .len = 4096, .buf = f->buf, .done = stream_done };
		stream.io[i].buf.addr += i * 4096;
		stream.io[i].buf.len = 4096;
	}
	assert_int_equal(reactor_start(f->r), 0);
	reactor_send(f->r, &stream.msg);
	within_time(stream_ended, &n);
	reactor_stop(f->r);
	assert_int_equal(stream.errors, 0);
	assert_int_equal(f->be->port[0].inflight, 0);
}

/* ---- the end ---- */

static void *release(void *arg)
{
	(void)arg;
	usleep(10000);
	held = false;
	return NULL;
}

/* It waits for what has begun, as that uses the buffers; after it nothing begins. */
static void test_end_while_requests_are_in_flight(void **state)
{
	enum { N = 40 };
	struct fixture *f = *state;
	struct be_ring ring, *usual = f->r->be_ring;
	struct test_io t[N];
	pthread_t thread;
	unsigned begun;

	be_ring_init(&ring, f->r, 0);
	assert_int_equal(be_workers_create(&ring), 0);
	f->r->be_ring = &ring;
	held = true;
	reads_submit(f, t, N);
	assert_int_equal(pthread_create(&thread, NULL, release, NULL), 0);
	be_workers_destroy(&ring);
	begun = reads_begun;
	pthread_join(thread, NULL);
	memset(t, 0, sizeof(t));
	assert_int_equal(reads_begun, begun);
	f->be->port[0].inflight = 0;
	f->r->be_ring = usual;
}

int main(void)
{
#define WITH_FILE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_FILE(test_written_is_in_the_file_and_read_back),
		WITH_FILE(test_what_must_be_stable_is),
		WITH_FILE(test_unmapped_and_zeroed_reads_as_zeros),
		WITH_FILE(test_zeroes_with_fua_are_synced),
		WITH_FILE(test_short_transfers_are_continued),
		WITH_FILE(test_behind_the_end_of_a_shrunk_file_is_an_error),
		WITH_FILE(test_errors_are_results),
		WITH_FILE(test_a_slow_disk_does_not_hold_the_reactor),
		WITH_FILE(test_a_result_ends_the_sleep),
		WITH_FILE(test_many_requests_of_a_reactor_that_sleeps),
		WITH_FILE(test_end_while_requests_are_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
