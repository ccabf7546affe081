/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BE_EXTENTS, BE_USAGE, BE_PREFETCH of files, by the helper beside io_uring and the workers. */
#include "backend_util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#define SIZE (8u << 20)
#define STEP 65536u /* what every file system keeps apart */

struct fixture {
	char path[200];
	int fd;
	struct reactor *r;
	struct backend *be;
	struct iobuf buf;
};

static struct fixture *fixture_new(bool workers)
{
	static struct fixture f;
	struct backend_params p = { .type = BACKEND_FILEIO, .filename = f.path, .block_size = 512,
				    .rotational = -1 };
	char err[300] = "";

	f.fd = test_file_new(f.path, sizeof(f.path), SIZE);
	f.r = test_reactor_new(4 * IOBUF_MAX_SIZE, 0);
	assert_int_equal(workers ? be_ring_create_workers(f.r) : be_ring_create(f.r, RING_DEPTH),
			 0);
	if (backend_open(&p, &f.be, err, sizeof(err)))
		fail_msg("%s", err);
	assert_int_equal(backend_attach(f.be, f.r), 0);
	assert_int_equal(iobuf_get(&f.r->bufs, 4096, &f.buf), 0);
	f.buf.len = 4096;
	return &f;
}

static int setup_uring(void **state)
{
	*state = fixture_new(false);
	return 0;
}

static int setup_workers(void **state)
{
	*state = fixture_new(true);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	iobuf_put(&f->r->bufs, &f->buf);
	backend_detach(f->be, f->r);
	backend_close(f->be);
	test_reactor_free(f->r);
	close(f->fd);
	unlink(f->path);
	return 0;
}

static void data_at(struct fixture *f, off_t off, size_t len)
{
	static uint8_t bytes[SIZE];

	memset(bytes, 0x5a, len);
	assert_int_equal(pwrite(f->fd, bytes, len, off), (ssize_t)len);
}

/* What is found of [off, off+len) in room for @room extents. */
static const struct be_extent *find(struct fixture *f, uint64_t off, uint64_t len, unsigned room,
				    unsigned *count)
{
	struct test_io t;

	test_io_init(&t, BE_EXTENTS, off, len, &f->buf);
	t.io.buf.len = room * (unsigned)sizeof(struct be_extent);
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	*count = t.io.count;
	assert_in_range(*count, 1, room);
	return (const struct be_extent *)(void *)f->buf.addr;
}

static bool has_holes(struct fixture *f)
{
	return lseek(f->fd, 0, SEEK_DATA) < 0;
}

static void holes_and_data_in_turn(void **state)
{
	struct fixture *f = *state;
	const struct be_extent *e;
	unsigned n;

	if (!has_holes(f))
		return;
	data_at(f, 2 * STEP, STEP);
	data_at(f, 8 * STEP, 2 * STEP);
	e = find(f, 0, SIZE, 100, &n);
	assert_int_equal(n, 5);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(e[i].mapped, i & 1);
	assert_int_equal(e[0].len, 2 * STEP);
	assert_int_equal(e[1].len, STEP);
	assert_int_equal(e[2].len, 5 * STEP);
	assert_int_equal(e[3].len, 2 * STEP);
	assert_int_equal(e[4].len, SIZE - 10 * STEP);
}

static void from_the_middle_to_the_end_of_what_is_asked(void **state)
{
	struct fixture *f = *state;
	const struct be_extent *e;
	unsigned n;

	if (!has_holes(f))
		return;
	data_at(f, 2 * STEP, STEP);
	e = find(f, 512, 2 * STEP, 100, &n);
	assert_int_equal(n, 2);
	assert_int_equal(e[0].len, 2 * STEP - 512);
	assert_int_equal(e[1].len, 512);
	e = find(f, 2 * STEP + 512, 512, 100, &n);
	assert_int_equal(n, 1);
	assert_true(e[0].mapped);
	assert_int_equal(e[0].len, 512);
}

static void as_many_as_there_is_room_for(void **state)
{
	struct fixture *f = *state;
	const struct be_extent *e;
	unsigned n;

	if (!has_holes(f))
		return;
	for (unsigned i = 0; i < 20; i++)
		data_at(f, (off_t)(2 * i + 1) * STEP, STEP);
	e = find(f, 0, SIZE, 3, &n);
	assert_int_equal(n, 3);
	assert_int_equal(e[2].len, STEP);
	e = find(f, 0, SIZE, 1, &n);
	assert_false(e[0].mapped);
}

static void a_full_file_is_one(void **state)
{
	struct fixture *f = *state;
	const struct be_extent *e;
	unsigned n;

	data_at(f, 0, SIZE);
	e = find(f, 0, SIZE, 100, &n);
	assert_int_equal(n, 1);
	assert_true(e[0].mapped);
	assert_int_equal(e[0].len, SIZE);
}

static void what_is_unmapped_is_not_mapped(void **state)
{
	struct fixture *f = *state;
	const struct be_extent *e;
	unsigned n;

	data_at(f, 0, SIZE);
	if (!has_holes(f) && fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, STEP))
		return;
	f->be->info.unmap_granularity = 4096;
	assert_int_equal(test_io(f->r, f->be, BE_UNMAP, STEP, STEP, NULL), 0);
	e = find(f, STEP, SIZE - STEP, 100, &n);
	assert_int_equal(n, 2);
	assert_false(e[0].mapped);
	assert_int_equal(e[0].len, STEP);
}

static void space_that_is_used(void **state)
{
	struct fixture *f = *state;
	const struct be_usage *u = (const struct be_usage *)(void *)f->buf.addr;
	uint64_t before;
	struct test_io t;

	assert_true(f->be->info.knows_usage);
	test_io_init(&t, BE_USAGE, 0, 0, &f->buf);
	t.io.buf.len = sizeof(*u);
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	before = u->used;
	assert_true(u->available > 0);
	data_at(f, 0, SIZE);
	assert_int_equal(fsync(f->fd), 0);
	test_io_init(&t, BE_USAGE, 0, 0, &f->buf);
	t.io.buf.len = sizeof(*u);
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	assert_true(u->used >= before && u->used > 0);
}

static void space_is_not_always_known(void **state)
{
	struct fixture *f = *state;
	struct test_io t;

	f->be->info.knows_usage = false;
	test_io_init(&t, BE_USAGE, 0, 0, &f->buf);
	t.io.buf.len = sizeof(struct be_usage);
	assert_int_equal(test_io_run(f->r, f->be, &t), -EOPNOTSUPP);
}

static void the_file_is_gone(void **state)
{
	struct fixture *f = *state;
	struct test_io t;
	int fd = f->be->fd;

	test_io_init(&t, BE_EXTENTS, 0, SIZE, &f->buf);
	t.io.buf.len = 4096;
	f->be->fd = 1000;
	assert_int_equal(test_io_run(f->r, f->be, &t), -EBADF);
	f->be->fd = fd;
}

static void prefetch_is_a_hint(void **state)
{
	struct fixture *f = *state;
	struct test_io t;

	test_io_init(&t, BE_PREFETCH, 0, SIZE, NULL);
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	test_io_init(&t, BE_PREFETCH, 4096, 512, NULL);
	f->be->direct = true;
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
}

int main(void)
{
#define T(name)                                                           \
	cmocka_unit_test_setup_teardown(name, setup_uring, teardown),     \
		cmocka_unit_test_setup_teardown(name, setup_workers, teardown)
	const struct CMUnitTest tests[] = {
		T(holes_and_data_in_turn),
		T(from_the_middle_to_the_end_of_what_is_asked),
		T(as_many_as_there_is_room_for),
		T(a_full_file_is_one),
		T(what_is_unmapped_is_not_mapped),
		T(space_that_is_used),
		T(space_is_not_always_known),
		T(the_file_is_gone),
		T(prefetch_is_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
