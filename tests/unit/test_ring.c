/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend_util.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define SIZE 65536u

struct fixture {
	char path[200];
	int fd;
	struct backend *be;
};

static int setup(void **state)
{
	static struct fixture f;
	struct backend_params p = { .type = BACKEND_FILEIO, .block_size = 512, .rotational = -1 };
	uint8_t data[SIZE];
	char err[300];

	f.fd = test_file_new(f.path, sizeof(f.path), SIZE);
	pattern_fill(data, SIZE, 0);
	if (pwrite(f.fd, data, SIZE, 0) != SIZE)
		return -1;
	p.filename = f.path;
	*state = &f;
	return backend_open(&p, &f.be, err, sizeof(err));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	backend_close(f->be);
	close(f->fd);
	unlink(f->path);
	return 0;
}

static void read_and_compare(struct reactor *r, struct fixture *f, struct iobuf *buf)
{
	uint8_t expect[SIZE];

	pattern_fill(expect, SIZE, 0);
	memset(buf->addr, 0, SIZE);
	assert_int_equal(test_io(r, f->be, BE_READ, 0, SIZE, buf), 0);
	assert_memory_equal(buf->addr, expect, SIZE);
}

static void test_each_set_of_flags_works(void **state)
{
	unsigned works = 0;

	if (!test_has_uring())
		skip();
	for (int i = 0; i < RING_FLAG_SETS; i++) {
		struct reactor *r = test_reactor_new(1, 0);
		int rc = be_ring_create_flags(r, RING_DEPTH, ring_flag_sets[i]);
		struct iobuf buf;

		if (!rc) {
			struct fixture *f = *state;

			works++;
			assert_int_equal(backend_attach(f->be, r), 0);
			assert_int_equal(iobuf_get(&r->bufs, SIZE, &buf), 0);
			read_and_compare(r, f, &buf);
			assert_int_equal(test_io(r, f->be, BE_FLUSH, 0, 0, NULL), 0);
			backend_detach(f->be, r);
		} else {
			assert_int_equal(rc, -EINVAL);
			assert_null(r->be_ring);
		}
		test_reactor_free(r);
	}
	assert_true(works > 0);
}

static void test_depth_out_of_range_is_refused(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);

	(void)state;
	assert_int_equal(be_ring_create(r, 0), -EINVAL);
	assert_int_equal(be_ring_create(r, 1u << 20), -EINVAL);
	assert_null(r->be_ring);
	be_ring_destroy(r); /* none: nothing happens */
	reactor_destroy(r);
}

static struct be_ring *ring_new(struct reactor *r, struct fixture *f)
{
	assert_int_equal(be_ring_create(r, RING_DEPTH), 0);
	assert_int_equal(backend_attach(f->be, r), 0);
	return r->be_ring;
}

static void test_slab_is_registered(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);
	struct be_ring *ring = ring_new(r, *state);

	if (ring->has_buffers)
		assert_int_equal(ring->buf_slot[IOBUF_REGION_SLAB], IOBUF_REGIONS);
	backend_detach(((struct fixture *)*state)->be, r);
	test_reactor_free(r);
}

static void test_regions_come_and_go(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);
	struct be_ring *ring = ring_new(r, *state);
	struct iobuf buf = { .region = 0, .len = SIZE };
	int id;

	buf.addr = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(buf.addr, MAP_FAILED);
	for (int i = 0; i < 3; i++) {
		/* Other memory under the same number: the old registration must not serve. */
		id = reactor_region_add(r, buf.addr + (i & 1) * SIZE, SIZE);
		assert_in_range(id, 1, IOBUF_REGIONS - 1);
		buf.region = (uint16_t)id;
		buf.addr += (i & 1) * SIZE;
		read_and_compare(r, *state, &buf);
		if (ring->has_buffers)
			assert_int_equal(ring->buf_slot[id], id);
		buf.addr -= (i & 1) * SIZE;
		reactor_region_del(r, id);
	}
	buf.region = IOBUF_UNREGISTERED;
	read_and_compare(r, *state, &buf);
	assert_int_equal(ring->buf_slot[id], -1);
	munmap(buf.addr, 2 * SIZE);
	backend_detach(((struct fixture *)*state)->be, r);
	test_reactor_free(r);
}

/* The ring has pinned the pages that were there before, and sees nothing of what is between. */
static void test_memory_at_the_same_address_is_registered_anew(void **state)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct reactor *r = test_reactor_new(1, 0);
	struct iobuf buf = { .region = 1, .len = SIZE };
	void *addr = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);

	ring_new(r, *state);
	assert_ptr_not_equal(addr, MAP_FAILED);
	buf.addr = addr;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(reactor_region_add(r, buf.addr, SIZE), 1);
		read_and_compare(r, *state, &buf);
		reactor_region_del(r, 1);
		assert_ptr_equal(mmap(addr, SIZE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0),
				 addr);
	}
	munmap(addr, SIZE);
	backend_detach(((struct fixture *)*state)->be, r);
	test_reactor_free(r);
}

/* It would be pinned for nothing. */
static void test_messages_are_not_registered(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);
	struct be_ring *ring = ring_new(r, *state);
	struct iobuf buf;
	int id;

	assert_int_equal(iobuf_get(&r->bufs, SIZE, &buf), 0);
	id = reactor_region_add(r, buf.addr, SIZE);
	be_ring_regions_sync(ring);
	reactor_region_del(r, id);
	assert_int_equal(reactor_region_reserve(r, buf.addr), id);
	reactor_region_open(r, id, SIZE);
	read_and_compare(r, *state, &buf);
	assert_int_equal(ring->buf_slot[id], -1);
	iobuf_put(&r->bufs, &buf);
	backend_detach(((struct fixture *)*state)->be, r);
	test_reactor_free(r);
}

/* A region the kernel cannot register is used by plain addresses. */
static void test_unregistrable_region_still_works(void **state)
{
	struct fixture *f = *state;
	struct reactor *r = test_reactor_new(1, 0);
	struct be_ring *ring = ring_new(r, f);
	size_t huge = (1ull << 30) + 4096; /* more than one fixed buffer may have */
	struct iobuf buf = { .len = SIZE };
	int id;

	buf.addr = mmap(NULL, huge, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(buf.addr, MAP_FAILED);
	id = reactor_region_add(r, buf.addr, huge);
	buf.region = (uint16_t)id;
	read_and_compare(r, f, &buf);
	assert_int_equal(ring->buf_slot[id], -1);
	reactor_region_del(r, id);
	munmap(buf.addr, huge);
	backend_detach(f->be, r);
	test_reactor_free(r);
}

static void test_without_tables_plain_calls_work(void **state)
{
	struct fixture *f = *state;
	struct reactor *r = test_reactor_new(1, 0);
	struct be_ring *ring;
	struct iobuf buf;

	assert_int_equal(be_ring_create(r, RING_DEPTH), 0);
	ring = r->be_ring;
	ring->has_files = false;
	ring->buf_slot[0] = -1;
	assert_int_equal(backend_attach(f->be, r), 0);
	assert_int_equal(f->be->port[0].file_slot, -1);
	assert_int_equal(iobuf_get(&r->bufs, SIZE, &buf), 0);
	read_and_compare(r, f, &buf);
	backend_detach(f->be, r);
	test_reactor_free(r);
}

static void test_file_slots_are_used_again(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);
	struct fixture *f = *state;
	struct be_ring *ring = ring_new(r, f);
	int first, n = 0;

	if (!ring->has_files) {
		backend_detach(f->be, r);
		test_reactor_free(r);
		skip();
	}
	first = be_ring_file_add(ring, f->fd);
	assert_true(first >= 0);
	assert_int_not_equal(first, f->be->port[0].file_slot);
	be_ring_file_del(ring, first);
	assert_int_equal(be_ring_file_add(ring, f->fd), first);
	assert_int_equal(be_ring_file_update(ring, first, f->fd), first);
	assert_int_equal(be_ring_file_update(ring, first, 1 << 20), -1);
	assert_int_equal(be_ring_file_update(ring, -1, f->fd), -1);
	assert_int_not_equal(be_ring_file_add(ring, f->fd), first);
	while (be_ring_file_add(ring, f->fd) >= 0)
		assert_true(++n < (int)RING_FILE_SLOTS);
	assert_int_equal(be_ring_file_add(ring, f->fd), -1); /* full: descriptors instead */
	backend_detach(f->be, r);
	test_reactor_free(r);
}

/* A device must be closed when detach and close return: DRBD waits for that. */
static void test_detached_file_is_closed_although_others_are_busy(void **state)
{
	struct fixture *f = *state;
	struct reactor *r = test_reactor_new(1, 0);
	struct backend *slow = aligned_alloc(CACHE_LINE, sizeof(*slow));
	struct backend *gone = aligned_alloc(CACHE_LINE, sizeof(*gone));
	struct iobuf buf;
	struct test_io t;
	int held[2], closed[2];
	struct pollfd p = { .events = POLLIN };

	ring_new(r, f);
	assert_int_equal(pipe(held) | pipe(closed), 0);
	*slow = *gone = (struct backend){ .ops = &fileio_ops, .submit = vdisk_submit,
					    .filename = (char *)"pipe" };
	slow->info = gone->info = f->be->info;
	slow->fd = held[0];
	gone->fd = closed[1];
	assert_int_equal(backend_attach(slow, r) | backend_attach(gone, r), 0);
	assert_int_equal(iobuf_get(&r->bufs, 512, &buf), 0);
	test_io_init(&t, BE_READ, 0, 512, &buf);
	backend_submit(r, slow, &t.io);
	reactor_round(r);
	assert_int_equal(t.ends, 0);

	backend_detach(gone, r);
	close(closed[1]);
	p.fd = closed[0];
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLHUP);

	assert_int_equal(write(held[1], buf.addr, 512), 512);
	test_io_wait(r, &t);
	backend_detach(slow, r);
	backend_detach(f->be, r);
	test_reactor_free(r);
	close(held[0]);
	close(held[1]);
	close(closed[0]);
	free(slow);
	free(gone);
}

static void test_explanations(void **state)
{
	static const struct {
		int rc, disabled;
		const char *words;
	} t[] = {
		{ -ENOSYS, -1, "seccomp" },
		{ -ENOSYS, -1, "no io_uring" },
		{ -EPERM, 2, "kernel.io_uring_disabled=2" },
		{ -EPERM, 1, "kernel.io_uring_disabled=1" },
		{ -EPERM, 1, "kernel.io_uring_group" },
		{ -EPERM, 0, "seccomp" },
		{ -EPERM, -1, "seccomp" },
		{ -ENOMEM, 0, "LimitMEMLOCK" },
		{ -EMFILE, 0, "Too many open files" },
	};
	char text[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		be_ring_explain(t[i].rc, t[i].disabled, text, sizeof(text));
		assert_non_null(strstr(text, t[i].words));
		assert_true(strlen(text) < sizeof(text) - 1);
	}
}

static int io_uring_forbid(int errnum)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/*
 * In a child whose stderr is @fd; its exit status: 0 two rings gave @expected, and if that is 0
 * have workers; 77 cannot test.
 */
static int create_forbidden(int fd, int errnum, int expected)
{
	struct reactor_params p = { .buffer_size = 1, .cpu = -1 };
	struct reactor *r;
	bool right = true;

	dup2(fd, STDERR_FILENO);
	if (reactor_create(0, &p, &r) || io_uring_forbid(errnum))
		return 77;
	for (int i = 0; i < 2; i++) {
		right = right && be_ring_create(r, RING_DEPTH) == expected;
		right = right && (r->be_ring != NULL) == !expected;
		right = right && (expected || ((struct be_ring *)r->be_ring)->workers);
		be_ring_destroy(r);
	}
	reactor_destroy(r);
	return right ? 0 : 1;
}

/* What two rings say when io_uring_setup() fails with @errnum. */
static void check_forbidden(int errnum, int expected, const char *words)
{
	char text[500];
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		_exit(create_forbidden(fds[1], errnum, expected));
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, words));
	/* Threads instead are told once. */
	if (!expected)
		assert_ptr_equal(strchr(text, '\n'), text + n - 1);
}

static void test_threads_serve_where_io_uring_is_forbidden(void **state)
{
	(void)state;
	if (!test_has_uring())
		skip(); /* for a reason of its own */
	check_forbidden(EPERM, 0, "as in a container): disks are served by threads");
	check_forbidden(EACCES, 0, "Permission denied): disks are served by threads");
	check_forbidden(ENOSYS, 0, "the kernel has no io_uring");
	check_forbidden(ENOMEM, 0, "LimitMEMLOCK");
}

static void test_other_failures_are_failures(void **state)
{
	(void)state;
	if (!test_has_uring())
		skip();
	check_forbidden(EMFILE, -EMFILE, "no io_uring: Too many open files");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_set_of_flags_works, setup, teardown),
		cmocka_unit_test(test_depth_out_of_range_is_refused),
		cmocka_unit_test_setup_teardown(test_slab_is_registered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_regions_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_at_the_same_address_is_registered_anew,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages_are_not_registered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unregistrable_region_still_works, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_without_tables_plain_calls_work, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_file_slots_are_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_detached_file_is_closed_although_others_are_busy, setup, teardown),
		cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_threads_serve_where_io_uring_is_forbidden),
		cmocka_unit_test(test_other_failures_are_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
