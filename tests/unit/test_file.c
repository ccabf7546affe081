/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend_util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#define SIZE (8u << 20)

struct fixture {
	char path[200];
	int fd; /* a second look at the file */
	struct reactor *r;
	struct backend *be;
	struct iobuf buf, other;
};

static struct backend_params params(struct fixture *f)
{
	return (struct backend_params){
		.type = BACKEND_FILEIO, .filename = f->path, .block_size = 512, .rotational = -1,
	};
}

static void fixture_open(struct fixture *f, const struct backend_params *p)
{
	char err[300] = "";

	if (backend_open(p, &f->be, err, sizeof(err)))
		fail_msg("%s", err);
	assert_int_equal(backend_attach(f->be, f->r), 0);
}

static void fixture_close(struct fixture *f)
{
	backend_detach(f->be, f->r);
	backend_close(f->be);
}

static int setup(void **state)
{
	static struct fixture f;
	struct backend_params p;

	f.fd = test_file_new(f.path, sizeof(f.path), SIZE);
	f.r = test_reactor_new(4 * IOBUF_MAX_SIZE, 0);
	assert_int_equal(be_ring_create(f.r, RING_DEPTH), 0);
	p = params(&f);
	fixture_open(&f, &p);
	assert_int_equal(iobuf_get(&f.r->bufs, IOBUF_MAX_SIZE, &f.buf), 0);
	assert_int_equal(iobuf_get(&f.r->bufs, IOBUF_MAX_SIZE, &f.other), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	test_reactor_free(f->r);
	close(f->fd);
	unlink(f->path);
	return 0;
}

static void test_written_is_read_back_and_is_in_the_file(void **state)
{
	static const uint32_t sizes[] = { 512, 4096, 65536 + 512, IOBUF_MAX_SIZE };
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t off = 512 * (i + 1);

		pattern_fill(f->buf.addr, sizes[i], i);
		assert_int_equal(test_io(f->r, f->be, BE_WRITE, off, sizes[i], &f->buf), 0);
		memset(f->other.addr, 0, sizes[i]);
		assert_int_equal(pread(f->fd, f->other.addr, sizes[i], (off_t)off), sizes[i]);
		assert_memory_equal(f->buf.addr, f->other.addr, sizes[i]);
		memset(f->other.addr, 0, sizes[i]);
		assert_int_equal(test_io(f->r, f->be, BE_READ, off, sizes[i], &f->other), 0);
		assert_memory_equal(f->buf.addr, f->other.addr, sizes[i]);
	}
}

static void test_write_touches_only_its_range(void **state)
{
	struct fixture *f = *state;
	uint8_t edge[2];

	memset(f->buf.addr, 0xee, 1024);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 4096, 1024, &f->buf), 0);
	assert_int_equal(pread(f->fd, edge, 1, 4095), 1);
	assert_int_equal(pread(f->fd, edge + 1, 1, 5120), 1);
	assert_int_equal(edge[0] | edge[1], 0);
}

static void test_fua_flush_and_modes_end_well(void **state)
{
	struct fixture *f = *state;
	struct backend_params p = params(f);
	struct test_io t;

	for (int mode = 0; mode < 3; mode++) {
		fixture_close(f);
		p.write_through = mode == 1;
		p.nv_cache = mode == 2;
		fixture_open(f, &p);
		assert_int_equal(backend_info(f->be)->write_cache, mode == 0);
		pattern_fill(f->buf.addr, 8192, (unsigned)mode);
		test_io_init(&t, BE_WRITE, 0, 8192, &f->buf);
		t.io.flags = BE_FUA;
		assert_int_equal(test_io_run(f->r, f->be, &t), 0);
		assert_int_equal(test_io(f->r, f->be, BE_FLUSH, 0, 0, NULL), 0);
		assert_int_equal(pread(f->fd, f->other.addr, 8192, 0), 8192);
		assert_memory_equal(f->buf.addr, f->other.addr, 8192);
	}
}

static void test_o_direct_bypasses_the_page_cache(void **state)
{
	struct fixture *f = *state;
	struct backend_params p = params(f);
	struct backend *be;
	char err[300];

	p.o_direct = true;
	p.block_size = 4096;
	if (backend_open(&p, &be, err, sizeof(err))) {
		assert_non_null(strstr(err, "set o_direct 0"));
		skip(); /* the temporary directory is on a file system without direct I/O */
	}
	backend_close(be);
	fixture_close(f);
	fixture_open(f, &p);
	assert_true(fcntl(f->be->fd, F_GETFL) & O_DIRECT);
	assert_true(backend_info(f->be)->buf_align > 1);
	pattern_fill(f->buf.addr, 65536, 9);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 8192, 65536, &f->buf), 0);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 8192, 65536, &f->other), 0);
	assert_memory_equal(f->buf.addr, f->other.addr, 65536);
	f->other.addr++;
	assert_int_equal(test_io(f->r, f->be, BE_READ, 8192, 4096, &f->other), -EINVAL);
	f->other.addr--;
}

static void check_zeroed(struct fixture *f, enum be_op op, uint64_t off, uint64_t len)
{
	pattern_fill(f->buf.addr, IOBUF_MAX_SIZE, op);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, IOBUF_MAX_SIZE, &f->buf), 0);
	assert_int_equal(test_io(f->r, f->be, op, off, len, NULL), 0);
	memset(f->other.addr, 0x77, IOBUF_MAX_SIZE);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, IOBUF_MAX_SIZE, &f->other), 0);
	assert_memory_equal(f->buf.addr, f->other.addr, off);
	assert_true(bytes_are(f->other.addr + off, len, 0));
	assert_memory_equal(f->buf.addr + off + len, f->other.addr + off + len,
			    IOBUF_MAX_SIZE - off - len);
}

static void test_write_zeroes(void **state)
{
	check_zeroed(*state, BE_WRITE_ZEROES, 512 * 3, 512 * 4001);
}

static void test_write_zeroes_without_help_of_the_kernel(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->be->no_zero_range, true);
	check_zeroed(f, BE_WRITE_ZEROES, 512 * 3, 512 * 4001);
}

static uint64_t blocks_used(struct fixture *f)
{
	struct stat st;

	assert_int_equal(fsync(f->fd), 0);
	assert_int_equal(fstat(f->fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void test_unmap_frees_space(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	if (!backend_info(f->be)->unmap_granularity)
		skip();
	check_zeroed(f, BE_UNMAP, 512 * 3, 512 * 8);
	before = blocks_used(f);
	assert_int_equal(test_io(f->r, f->be, BE_UNMAP, 1 << 20, 1 << 20, NULL), 0);
	assert_true(blocks_used(f) <= before - (1 << 20));
	assert_int_equal(backend_info(f->be)->size, SIZE);
}

static void test_unmap_is_offered_for_sparse_or_thin_files(void **state)
{
	struct fixture *f = *state;
	struct backend_params p = params(f);
	uint32_t sparse = backend_info(f->be)->unmap_granularity;

	if (!sparse || posix_fallocate(f->fd, 0, SIZE))
		skip();
	assert_int_equal(fsync(f->fd), 0);
	fixture_close(f);
	fixture_open(f, &p);
	assert_int_equal(backend_info(f->be)->unmap_granularity, 0);
	fixture_close(f);
	p.thin_provisioned = true;
	fixture_open(f, &p);
	assert_int_equal(backend_info(f->be)->unmap_granularity, sparse);
	fixture_close(f);
	p.read_only = true;
	fixture_open(f, &p);
	assert_int_equal(backend_info(f->be)->unmap_granularity, 0);
}

static void test_physical_blocks_can_be_hidden(void **state)
{
	struct fixture *f = *state;
	struct backend_params p = params(f);

	assert_int_equal(backend_info(f->be)->physical_block, 4096);
	fixture_close(f);
	p.hide_physical = true;
	fixture_open(f, &p);
	assert_int_equal(backend_info(f->be)->physical_block, 512);
}

static void test_open_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct backend_params p = params(f);
	struct stat before, after;

	pattern_fill(f->buf.addr, 65536, 3);
	assert_int_equal(pwrite(f->fd, f->buf.addr, 65536, SIZE - 65536), 65536);
	assert_int_equal(fsync(f->fd), 0);
	assert_int_equal(fstat(f->fd, &before), 0);
	fixture_close(f);
	p.thin_provisioned = true;
	fixture_open(f, &p);
	assert_int_equal(fstat(f->fd, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_blocks, after.st_blocks);
	assert_int_equal(pread(f->fd, f->other.addr, 65536, SIZE - 65536), 65536);
	assert_memory_equal(f->buf.addr, f->other.addr, 65536);
}

static void test_read_behind_the_end_of_a_cut_file_fails(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->fd, SIZE / 2), 0);
	assert_int_equal(test_io(f->r, f->be, BE_READ, SIZE - 4096, 4096, &f->buf), -EIO);
	assert_int_equal(test_io(f->r, f->be, BE_READ, SIZE / 2 - 4096, 8192, &f->buf), -EIO);
	assert_int_equal(test_io(f->r, f->be, BE_READ, SIZE / 2 - 4096, 4096, &f->buf), 0);
}

static void test_resync_follows_growth_only(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->fd, SIZE * 2 + 100), 0);
	assert_int_equal(backend_resync(f->be), 0);
	assert_int_equal(backend_info(f->be)->size, SIZE * 2);
	assert_int_equal(test_io(f->r, f->be, BE_READ, SIZE * 2 - 512, 512, &f->buf), 0);
	assert_int_equal(ftruncate(f->fd, SIZE), 0);
	assert_int_equal(backend_resync(f->be), -EINVAL);
	assert_int_equal(backend_info(f->be)->size, SIZE * 2);
}

static void test_more_requests_than_the_ring_holds(void **state)
{
	enum { N = RING_DEPTH * 5 };
	struct fixture *f = *state;
	struct test_io t[N];

	pattern_fill(f->buf.addr, N * 4096, 1);
	assert_int_equal(pwrite(f->fd, f->buf.addr, N * 4096, 0), N * 4096);
	for (unsigned i = 0; i < N; i++) {
		struct iobuf part = f->other;

		part.addr += i * 4096;
		test_io_init(&t[i], BE_READ, i * 4096, 4096, &part);
		backend_submit(f->r, f->be, &t[i].io);
	}
	for (unsigned i = 0; i < N; i++) {
		test_io_wait(f->r, &t[i]);
		assert_int_equal(t[i].io.result, 0);
	}
	assert_memory_equal(f->buf.addr, f->other.addr, N * 4096);
}

static void test_full_limit_of_file_size_is_no_endless_loop(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, limit;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	int rc;

	/* The first part of the write fits below the limit: a short write. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = (struct rlimit){ 65536 + 4096, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	pattern_fill(f->buf.addr, 16384, 9);
	rc = test_io(f->r, f->be, BE_WRITE, 65536, 16384, &f->buf);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, handler);
	assert_int_equal(rc, -EFBIG);
	assert_int_equal(pread(f->fd, f->other.addr, 4096, 65536), 4096);
	assert_memory_equal(f->buf.addr, f->other.addr, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_written_is_read_back_and_is_in_the_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_write_touches_only_its_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_o_direct_bypasses_the_page_cache,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_fua_flush_and_modes_end_well, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_zeroes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_zeroes_without_help_of_the_kernel, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_unmap_frees_space, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmap_is_offered_for_sparse_or_thin_files,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_physical_blocks_can_be_hidden, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_open_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_behind_the_end_of_a_cut_file_fails, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_resync_follows_growth_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_requests_than_the_ring_holds, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_full_limit_of_file_size_is_no_endless_loop,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
