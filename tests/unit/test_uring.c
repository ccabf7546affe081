/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring: batching, the bounded queue, and completions that must wake a
 * reactor that sleeps. Pipes stand for slow devices: they answer when told to.
 */
#include "backend_util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#define BLOCK 512u
#define FILE_SIZE (1u << 20)

/* A backend on any descriptor, without the checks of open. */
static struct backend *backend_on(int fd)
{
	struct backend *be = aligned_alloc(CACHE_LINE, sizeof(*be));

	assert_non_null(be);
	*be = (struct backend){ .ops = &fileio_ops, .submit = vdisk_submit,
				.filename = (char *)"test", .fd = fd };
	be->info.size = FILE_SIZE;
	be->info.block_size = BLOCK;
	be->info.buf_align = 1;
	return be;
}

struct fixture {
	char path[200];
	int fd;
	struct reactor *r;
	struct be_ring *ring;
	struct backend *be;
	struct iobuf buf;
};

static int setup(void **state)
{
	static struct fixture f;

	f.fd = test_file_new(f.path, sizeof(f.path), FILE_SIZE);
	f.r = test_reactor_new(IOBUF_MAX_SIZE, 0);
	if (be_ring_create(f.r, RING_DEPTH))
		return -1;
	f.ring = f.r->be_ring;
	f.be = backend_on(f.fd);
	*state = &f;
	return backend_attach(f.be, f.r) || iobuf_get(&f.r->bufs, FILE_SIZE, &f.buf);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	backend_detach(f->be, f->r);
	free(f->be);
	test_reactor_free(f->r);
	close(f->fd);
	unlink(f->path);
	return 0;
}

/* ---- on this thread ---- */

static void test_a_round_enters_the_kernel_once(void **state)
{
	struct fixture *f = *state;
	struct test_io t[RING_DEPTH];
	uint64_t before = f->ring->enters;

	/* Into the page cache, so that all complete within the call. */
	assert_int_equal(pwrite(f->fd, f->buf.addr, FILE_SIZE, 0), FILE_SIZE);
	for (unsigned i = 0; i < RING_DEPTH; i++) {
		test_io_init(&t[i], BE_READ, i * BLOCK, BLOCK, &f->buf);
		backend_submit(f->r, f->be, &t[i].io);
	}
	assert_int_equal(f->ring->enters, before);
	reactor_round(f->r);
	assert_int_equal(f->ring->enters, before + 1);
	for (unsigned i = 0; i < RING_DEPTH; i++)
		assert_int_equal(t[i].ends, 1);
}

static void test_an_idle_round_does_not_enter_the_kernel(void **state)
{
	struct fixture *f = *state;
	struct backend *be;
	struct test_io t;
	uint64_t before;
	int p[2];

	assert_int_equal(pipe(p), 0);
	be = backend_on(p[0]);
	assert_int_equal(backend_attach(be, f->r), 0);
	test_io_init(&t, BE_READ, 0, BLOCK, &f->buf);
	backend_submit(f->r, be, &t.io);
	reactor_round(f->r);
	before = f->ring->enters;
	for (int i = 0; i < 10; i++)
		assert_int_equal(reactor_round(f->r), 0);
	assert_int_equal(f->ring->enters, before);
	assert_true(f->ring->source.busy(&f->ring->source));
	assert_int_equal(write(p[1], f->buf.addr, BLOCK), BLOCK);
	test_io_wait(f->r, &t);
	assert_false(f->ring->source.busy(&f->ring->source));
	backend_detach(be, f->r);
	free(be);
	close(p[0]);
	close(p[1]);
}

/* More than the ring holds, on a device that answers one at a time, in any order. */
static void test_full_ring_queues_in_order(void **state)
{
	enum { N = RING_DEPTH * 2 + 3 };
	struct fixture *f = *state;
	struct test_io t[N];
	struct backend *be;
	int p[2];

	assert_int_equal(pipe(p), 0);
	be = backend_on(p[0]);
	assert_int_equal(backend_attach(be, f->r), 0);
	for (unsigned i = 0; i < N; i++) {
		test_io_init(&t[i], BE_READ, 0, BLOCK, &f->buf);
		backend_submit(f->r, be, &t[i].io);
	}
	reactor_round(f->r);
	assert_int_equal(f->ring->inflight, RING_DEPTH);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(write(p[1], f->buf.addr, BLOCK), BLOCK);
	for (unsigned i = 0; i < N; i++) {
		test_io_wait(f->r, &t[i]);
		assert_int_equal(t[i].io.result, 0);
		assert_true(f->ring->inflight <= RING_DEPTH);
	}
	assert_int_equal(be->port[0].inflight, 0);
	backend_detach(be, f->r);
	free(be);
	close(p[0]);
	close(p[1]);
}

/* A pipe hands out what it has: short reads that must be put together. */
static void test_short_reads_are_put_together(void **state)
{
	struct fixture *f = *state;
	uint8_t data[4 * BLOCK];
	struct backend *be;
	struct test_io t;
	int p[2];

	assert_int_equal(pipe(p), 0);
	be = backend_on(p[0]);
	assert_int_equal(backend_attach(be, f->r), 0);
	pattern_fill(data, sizeof(data), 5);
	memset(f->buf.addr, 0, sizeof(data));
	test_io_init(&t, BE_READ, 0, sizeof(data), &f->buf);
	backend_submit(f->r, be, &t.io);
	for (unsigned at = 0; at < sizeof(data); at += 256) {
		assert_int_equal(t.ends, 0);
		assert_int_equal(write(p[1], data + at, 256), 256);
		for (int i = 0; i < 4; i++)
			reactor_round(f->r);
	}
	test_io_wait(f->r, &t);
	assert_int_equal(t.io.result, 0);
	assert_memory_equal(f->buf.addr, data, sizeof(data));
	backend_detach(be, f->r);
	free(be);
	close(p[0]);
	close(p[1]);
}

static void test_an_error_of_the_device_is_the_result(void **state)
{
	struct fixture *f = *state;
	struct backend *be;
	int p[2];

	assert_int_equal(pipe(p), 0);
	be = backend_on(p[1]);
	assert_int_equal(backend_attach(be, f->r), 0);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(test_io(f->r, be, BE_WRITE, 0, BLOCK, &f->buf), -EPIPE);
	assert_int_equal(test_io(f->r, be, BE_FLUSH, 0, 0, NULL), -EINVAL);
	backend_detach(be, f->r);
	free(be);
	close(p[1]);
}

struct resubmit {
	struct test_io t;
	struct fixture *f;
	unsigned left;
};

static void resubmit_done(struct be_io *io)
{
	struct resubmit *s = container_of(io, struct resubmit, t.io);

	assert_int_equal(io->result, 0);
	if (--s->left)
		backend_submit(s->f->r, s->f->be, io);
}

static void test_done_that_submits_does_not_hold_the_round(void **state)
{
	struct fixture *f = *state;
	struct resubmit s = { .f = f, .left = 1000 };
	unsigned rounds = 0;

	assert_int_equal(pwrite(f->fd, f->buf.addr, BLOCK, 0), BLOCK);
	test_io_init(&s.t, BE_READ, 0, BLOCK, &f->buf);
	s.t.io.done = resubmit_done;
	backend_submit(f->r, f->be, &s.t.io);
	for (; s.left && rounds < 10000; rounds++)
		reactor_round(f->r);
	assert_int_equal(s.left, 0);
	assert_true(rounds > 100);
}

/* ---- on the reactor's thread, which sleeps as soon as it has nothing to do ---- */

/* Run @fn(@arg) on the reactor and wait for it. */
struct call {
	struct msg m;
	void (*fn)(void *arg);
	void *arg;
	int fd;
};

static void ended(int fd)
{
	assert_int_equal(write(fd, &(uint64_t){ 1 }, sizeof(uint64_t)), sizeof(uint64_t));
}

static void wait_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t v;

	assert_int_equal(poll(&p, 1, (int)(HANG_NS / 1000000)), 1);
	assert_int_equal(read(fd, &v, sizeof(v)), sizeof(v));
}

static void call_run(struct msg *m)
{
	struct call *c = container_of(m, struct call, m);

	c->fn(c->arg);
	ended(c->fd);
}

static void on_reactor(struct reactor *r, void (*fn)(void *), void *arg)
{
	struct call c = { .m.fn = call_run, .fn = fn, .arg = arg, .fd = eventfd(0, EFD_CLOEXEC) };

	reactor_send(r, &c.m);
	wait_ended(c.fd);
	close(c.fd);
}

static void wait_asleep(struct reactor *r)
{
	uint64_t limit = clock_now_ns() + HANG_NS;

	while (!atomic_load(&r->inbox.sleeping)) {
		assert_true(clock_now_ns() < limit);
		sched_yield();
	}
}

struct sleeper {
	struct test_io t;
	struct reactor *r;
	struct backend *be;
	struct iobuf buf;
	enum be_op op;
	uint64_t len;
	int pipe[2];
	int done_fd;
};

static void sleeper_done(struct be_io *io)
{
	struct sleeper *s = container_of(io, struct sleeper, t.io);

	s->t.ends++;
	ended(s->done_fd);
}

static void sleeper_attach(void *arg)
{
	struct sleeper *s = arg;

	assert_int_equal(backend_attach(s->be, s->r), 0);
	assert_int_equal(iobuf_get(&s->r->bufs, 65536, &s->buf), 0);
}

static void sleeper_submit(void *arg)
{
	struct sleeper *s = arg;

	test_io_init(&s->t, s->op, 0, s->len, &s->buf);
	s->t.io.done = sleeper_done;
	backend_submit(s->r, s->be, &s->t.io);
}

static void sleeper_detach(void *arg)
{
	struct sleeper *s = arg;

	iobuf_put(&s->r->bufs, &s->buf);
	backend_detach(s->be, s->r);
}

/* @budget µs of polling before a sleep; @fd -1: a pipe of its own. */
static void sleeper_start(struct sleeper *s, int budget, unsigned flags, int fd)
{
	*s = (struct sleeper){ .op = BE_READ, .len = BLOCK, .pipe = { -1, -1 } };
	s->done_fd = eventfd(0, EFD_CLOEXEC);
	if (fd < 0)
		assert_int_equal(pipe(s->pipe), 0);
	s->be = backend_on(fd < 0 ? s->pipe[0] : fd);
	s->r = test_reactor_new(1, budget);
	if (be_ring_create_flags(s->r, RING_DEPTH, flags))
		assert_int_equal(be_ring_create(s->r, RING_DEPTH), 0);
	assert_int_equal(reactor_start(s->r), 0);
	on_reactor(s->r, sleeper_attach, s);
}

static void sleeper_stop(struct sleeper *s)
{
	on_reactor(s->r, sleeper_detach, s);
	test_reactor_free(s->r);
	free(s->be);
	close(s->done_fd);
	if (s->pipe[0] >= 0)
		close(s->pipe[0]);
	if (s->pipe[1] >= 0)
		close(s->pipe[1]);
}

static void sleeper_answer(struct sleeper *s)
{
	static const uint8_t data[BLOCK];

	assert_int_equal(write(s->pipe[1], data, BLOCK), BLOCK);
	wait_ended(s->done_fd);
	assert_int_equal(s->t.io.result, 0);
	assert_int_equal(s->t.ends, 1);
}

static void test_completion_wakes_a_sleeping_reactor(void **state)
{
	struct sleeper s;

	(void)state;
	for (int set = 0; set < RING_FLAG_SETS; set++) {
		sleeper_start(&s, 0, ring_flag_sets[set], -1);
		for (unsigned i = 0; i < 20; i++) {
			on_reactor(s.r, sleeper_submit, &s);
			wait_asleep(s.r);
			sleeper_answer(&s);
		}
		sleeper_stop(&s);
	}
}

/* No waiting for sleep: the completion comes before, while and after it falls asleep. */
static void test_completion_while_falling_asleep_is_not_lost(void **state)
{
	static const int budgets[] = { 0, 20 };
	struct sleeper s;

	(void)state;
	for (unsigned b = 0; b < ARRAY_SIZE(budgets); b++) {
		sleeper_start(&s, budgets[b], ring_flag_sets[0], -1);
		for (unsigned i = 0; i < 2000; i++) {
			on_reactor(s.r, sleeper_submit, &s);
			for (volatile unsigned spin = 0; spin < i % 997 * 4; spin++)
				;
			sleeper_answer(&s);
		}
		sleeper_stop(&s);
	}
}

static void run_on_sleeper(struct sleeper *s, enum be_op op, uint64_t len, unsigned times)
{
	s->op = op;
	s->len = len;
	for (unsigned i = 0; i < times; i++) {
		on_reactor(s->r, sleeper_submit, s);
		wait_ended(s->done_fd);
		assert_int_equal(s->t.io.result, 0);
	}
}

/* What worker threads of the kernel do (sync, allocation) and what a disk interrupts for. */
static void test_slow_file_operations_wake_the_reactor(void **state)
{
	struct fixture *f = *state;
	struct sleeper s;
	int fd = open(f->path, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		fd = open(f->path, O_RDWR | O_CLOEXEC); /* tmpfs */
	assert_true(fd >= 0);
	for (int set = 0; set < RING_FLAG_SETS; set++) {
		sleeper_start(&s, 0, ring_flag_sets[set], fd);
		s.be->direct = true;
		run_on_sleeper(&s, BE_WRITE, 65536, 10);
		run_on_sleeper(&s, BE_FLUSH, 0, 3);
		run_on_sleeper(&s, BE_WRITE_ZEROES, 32768, 3);
		run_on_sleeper(&s, BE_READ, 65536, 10);
		sleeper_stop(&s);
	}
	close(fd);
}

static void test_a_sleeping_reactor_uses_no_cpu_time(void **state)
{
	struct sleeper s;
	uint64_t rounds;

	(void)state;
	sleeper_start(&s, 0, ring_flag_sets[0], -1);
	on_reactor(s.r, sleeper_submit, &s);
	wait_asleep(s.r);
	rounds = __atomic_load_n(&s.r->stats.rounds, __ATOMIC_RELAXED);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	assert_true(__atomic_load_n(&s.r->stats.rounds, __ATOMIC_RELAXED) - rounds <= 2);
	sleeper_answer(&s);
	sleeper_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_round_enters_the_kernel_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_idle_round_does_not_enter_the_kernel, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_full_ring_queues_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_reads_are_put_together, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_error_of_the_device_is_the_result, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_done_that_submits_does_not_hold_the_round,
						setup, teardown),
		cmocka_unit_test(test_completion_wakes_a_sleeping_reactor),
		cmocka_unit_test(test_completion_while_falling_asleep_is_not_lost),
		cmocka_unit_test_setup_teardown(test_slow_file_operations_wake_the_reactor, setup,
						teardown),
		cmocka_unit_test(test_a_sleeping_reactor_uses_no_cpu_time),
	};

	if (!test_has_uring())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
