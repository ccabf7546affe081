/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Needs a loop device: skipped (77) where one cannot be had. */
#include "backend_util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SIZE (8u << 20)

struct loop {
	char file[200], dev[32];
	int file_fd, fd;
};

/* Attach @l->file; another process may take the free device first: try again. */
static int loop_attach(struct loop *l, uint32_t block_size, uint32_t flags)
{
	struct loop_config c = { .fd = (uint32_t)l->file_fd, .block_size = block_size };
	int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	c.info.lo_flags = flags;
	if (ctl < 0)
		return -errno;
	for (int i = 0; i < 20; i++) {
		int n = ioctl(ctl, LOOP_CTL_GET_FREE);

		snprintf(l->dev, sizeof(l->dev), "/dev/loop%d", n);
		l->fd = n < 0 ? -1 : open(l->dev, O_RDWR | O_CLOEXEC);
		if (l->fd >= 0 && !ioctl(l->fd, LOOP_CONFIGURE, &c)) {
			close(ctl);
			return 0;
		}
		if (l->fd >= 0)
			close(l->fd);
	}
	close(ctl);
	return -ENODEV;
}

static int loop_new(struct loop *l, off_t size, uint32_t block_size, uint32_t flags)
{
	int rc;

	l->file_fd = test_file_new(l->file, sizeof(l->file), size);
	rc = loop_attach(l, block_size, flags);
	if (rc) {
		close(l->file_fd);
		unlink(l->file);
	}
	return rc;
}

static void loop_free(struct loop *l)
{
	ioctl(l->fd, LOOP_CLR_FD);
	close(l->fd);
	close(l->file_fd);
	unlink(l->file);
}

static int try_open(const struct loop *l, uint32_t bs, bool read_only, struct backend **be,
		    char *err, size_t len)
{
	struct backend_params p = {
		.type = BACKEND_BLOCKIO, .filename = l->dev, .block_size = bs,
		.read_only = read_only, .rotational = -1,
	};

	err[0] = '\0';
	return backend_open(&p, be, err, len);
}

struct fixture {
	struct loop l;
	struct reactor *r;
	struct backend *be;
	struct iobuf buf, other;
};

static int setup(void **state)
{
	static struct fixture f;
	char err[300];

	assert_int_equal(loop_new(&f.l, SIZE, 512, 0), 0);
	f.r = test_reactor_new(4 * IOBUF_MAX_SIZE, 0);
	if (be_ring_create(f.r, RING_DEPTH) ||
	    try_open(&f.l, 512, false, &f.be, err, sizeof(err)) || backend_attach(f.be, f.r) ||
	    iobuf_get(&f.r->bufs, IOBUF_MAX_SIZE, &f.buf) ||
	    iobuf_get(&f.r->bufs, IOBUF_MAX_SIZE, &f.other))
		return -1;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	backend_detach(f->be, f->r);
	backend_close(f->be);
	test_reactor_free(f->r);
	loop_free(&f->l);
	return 0;
}

static void test_written_is_read_back_and_is_on_the_device(void **state)
{
	static const uint32_t sizes[] = { 512, 4096, 65536 + 512, IOBUF_MAX_SIZE };
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t off = 512 * (i + 1);

		pattern_fill(f->buf.addr, sizes[i], i);
		assert_int_equal(test_io(f->r, f->be, BE_WRITE, off, sizes[i], &f->buf), 0);
		memset(f->other.addr, 0, sizes[i]);
		assert_int_equal(test_io(f->r, f->be, BE_READ, off, sizes[i], &f->other), 0);
		assert_memory_equal(f->buf.addr, f->other.addr, sizes[i]);
		memset(f->other.addr, 0, sizes[i]);
		assert_int_equal(pread(f->l.file_fd, f->other.addr, sizes[i], (off_t)off),
				 sizes[i]);
		assert_memory_equal(f->buf.addr, f->other.addr, sizes[i]);
	}
}

static void test_fua_and_flush_end_well(void **state)
{
	struct fixture *f = *state;
	struct test_io t;

	pattern_fill(f->buf.addr, 4096, 0);
	test_io_init(&t, BE_WRITE, 0, 4096, &f->buf);
	t.io.flags = BE_FUA;
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	assert_int_equal(test_io(f->r, f->be, BE_FLUSH, 0, 0, NULL), 0);
}

static void check_zeroed(struct fixture *f, enum be_op op)
{
	uint64_t off = 512 * 3, len = 512 * 4001;

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

static void test_write_zeroes_with_and_without_the_kernel(void **state)
{
	struct fixture *f = *state;

	check_zeroed(f, BE_WRITE_ZEROES);
	atomic_store(&f->be->no_zero_range, true);
	check_zeroed(f, BE_WRITE_ZEROES);
}

static void test_unmap_reads_as_zeros(void **state)
{
	struct fixture *f = *state;

	if (!backend_info(f->be)->unmap_granularity)
		skip();
	check_zeroed(f, BE_UNMAP);
	atomic_store(&f->be->no_punch_hole, true);
	check_zeroed(f, BE_UNMAP);
}

/* A block device does not tell what it has: all is mapped. Nothing can be read ahead. */
static void test_extents_and_prefetch(void **state)
{
	struct fixture *f = *state;
	const struct be_extent *e = (const struct be_extent *)(void *)f->buf.addr;
	struct test_io t;

	test_io_init(&t, BE_EXTENTS, 4096, SIZE - 4096, &f->buf);
	t.io.buf.len = 4096;
	assert_int_equal(test_io_run(f->r, f->be, &t), 0);
	assert_int_equal(t.io.count, 1);
	assert_true(e->mapped);
	assert_int_equal(e->len, SIZE - 4096);
	assert_int_equal(test_io(f->r, f->be, BE_PREFETCH, 0, SIZE, NULL), 0);
}

static void test_info_is_the_device_s(void **state)
{
	struct fixture *f = *state;
	const struct backend_info *info = backend_info(f->be);
	unsigned physical;

	assert_int_equal(ioctl(f->l.fd, BLKPBSZGET, &physical), 0);
	assert_int_equal(info->size, SIZE);
	assert_int_equal(info->block_size, 512);
	assert_int_equal(info->physical_block, physical);
	assert_true(info->buf_align >= 1 && info->buf_align <= 4096);
	assert_false(info->read_only);
}

static void test_device_that_grows(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->l.file_fd, SIZE * 2), 0);
	assert_int_equal(ioctl(f->l.fd, LOOP_SET_CAPACITY, 0), 0);
	assert_int_equal(backend_resync(f->be), 0);
	assert_int_equal(backend_info(f->be)->size, SIZE * 2);
	assert_int_equal(test_io(f->r, f->be, BE_READ, SIZE * 2 - 512, 512, &f->buf), 0);
}

static void test_not_opened_exclusively(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->l.dev, O_RDWR | O_EXCL | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
}

static void test_failing_device_gives_its_error(void **state)
{
	struct fixture *f = *state;

	/* The file below ends early: the device cannot serve its last blocks. */
	assert_int_equal(ftruncate(f->l.file_fd, SIZE / 2), 0);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, 4096, &f->buf), 0);
	if (ioctl(f->l.fd, LOOP_SET_CAPACITY, 0))
		skip();
	assert_int_equal(test_io(f->r, f->be, BE_READ, SIZE - 4096, 4096, &f->buf), -EIO);
	assert_int_equal(backend_resync(f->be), -EINVAL);
}

static void test_smaller_blocks_than_the_device_s_are_refused(void **state)
{
	struct backend *be;
	struct loop l;
	char err[300];

	(void)state;
	assert_int_equal(loop_new(&l, SIZE, 4096, 0), 0);
	assert_int_equal(try_open(&l, 512, false, &be, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "block_size 512 is smaller than the device's 4096"));
	assert_non_null(strstr(err, "block sizes that work: 4096"));
	assert_int_equal(try_open(&l, 4096, false, &be, err, sizeof(err)), 0);
	assert_true(backend_info(be)->physical_block >= 4096);
	backend_close(be);
	loop_free(&l);
}

static void test_size_must_be_whole_blocks(void **state)
{
	struct backend *be;
	struct loop l;
	char err[300];

	(void)state;
	assert_int_equal(loop_new(&l, SIZE + 512, 512, 0), 0);
	assert_int_equal(try_open(&l, 4096, false, &be, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "block sizes that work: 512"));
	assert_null(strstr(err, "1024"));
	loop_free(&l);
}

static void test_read_only_device_needs_read_only(void **state)
{
	struct backend *be;
	struct loop l;
	char err[300];

	(void)state;
	assert_int_equal(loop_new(&l, SIZE, 512, LO_FLAGS_READ_ONLY), 0);
	assert_int_equal(try_open(&l, 512, false, &be, err, sizeof(err)), -EROFS);
	assert_non_null(strstr(err, "read-only"));
	assert_non_null(strstr(err, "set read_only 1"));
	assert_int_equal(try_open(&l, 512, true, &be, err, sizeof(err)), 0);
	assert_true(backend_info(be)->read_only);
	backend_close(be);
	loop_free(&l);
}

static void test_device_without_size_is_refused(void **state)
{
	struct backend *be;
	struct loop l;
	char err[300];

	(void)state;
	assert_int_equal(loop_new(&l, 0, 512, 0), 0);
	assert_int_equal(try_open(&l, 512, false, &be, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "no bytes"));
	loop_free(&l);
}

static void test_fileio_takes_a_block_device_through_the_page_cache(void **state)
{
	struct fixture *f = *state;
	struct backend_params p = {
		.type = BACKEND_FILEIO, .filename = f->l.dev, .block_size = 4096, .rotational = 0,
	};
	/* O_DIRECT would refuse this address, the page cache does not care. */
	struct iobuf part = { f->buf.addr + 100, 4096, f->buf.region, 0 };
	struct backend *be;
	char err[300];

	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), 0);
	assert_int_equal(backend_info(be)->size, SIZE);
	assert_int_equal(backend_info(be)->physical_block, 4096);
	assert_int_equal(backend_info(be)->buf_align, 1);
	assert_true(backend_info(be)->write_cache);
	assert_false(backend_info(be)->rotational);
	assert_int_equal(backend_attach(be, f->r), 0);
	pattern_fill(part.addr, 4096, 4);
	assert_int_equal(test_io(f->r, be, BE_WRITE, 8192, 4096, &part), 0);
	assert_int_equal(test_io(f->r, be, BE_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(pread(f->l.file_fd, f->other.addr, 4096, 8192), 4096);
	assert_memory_equal(part.addr, f->other.addr, 4096);
	backend_detach(be, f->r);
	backend_close(be);
}

/* ---- what is known of a disk, with another /sys ---- */

struct sys {
	char dir[64];
	struct loop *l;
	struct backend_params p;
};

static void sys_path(const struct sys *s, const char *name, char path[200])
{
	struct stat st;

	assert_int_equal(fstat(s->l->fd, &st), 0);
	snprintf(path, 200, "%s/dev/block/%u:%u%s", s->dir, major(st.st_rdev), minor(st.st_rdev),
		 name);
}

static void sys_put(const struct sys *s, const char *name, const char *text)
{
	char path[200];
	FILE *file;

	sys_path(s, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void sys_new(struct sys *s, struct loop *l)
{
	char command[300], path[200];

	snprintf(s->dir, sizeof(s->dir), "/tmp/srpt-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->l = l;
	s->p = (struct backend_params){ .type = BACKEND_BLOCKIO, .filename = l->dev,
					.block_size = 512, .rotational = -1 };
	sys_path(s, "/queue", path);
	snprintf(command, sizeof(command), "mkdir -p %s", path);
	assert_int_equal(system(command), 0);
	sys_put(s, "/size", "16384\n");
	sys_put(s, "/serial", "S1\n");
	sys_put(s, "/queue/rotational", "1\n");
	sys_put(s, "/queue/physical_block_size", "4096\n");
	sys_put(s, "/queue/write_cache", "write back\n");
	vdisk_sys = s->dir;
}

static void sys_free(struct sys *s)
{
	char command[300];

	vdisk_sys = "/sys";
	snprintf(command, sizeof(command), "rm -r %s", s->dir);
	assert_int_equal(system(command), 0);
}

static struct backend *sys_open(struct sys *s, const struct backend_known *known)
{
	struct backend *be;
	char err[300];

	s->p.known = *known;
	assert_int_equal(backend_open(&s->p, &be, err, sizeof(err)), 0);
	return be;
}

static void test_hints_come_right_after_a_while(void **state)
{
	struct fixture *f = *state;
	struct backend_known known, found;
	const struct backend_info *info;
	struct backend *be;
	struct sys s;

	sys_new(&s, &f->l);
	assert_int_equal(backend_look(&s.p, &known), 0);
	sys_put(&s, "/queue/rotational", "0\n");
	sys_put(&s, "/queue/physical_block_size", "8192\n");
	sys_put(&s, "/queue/optimal_io_size", "65536\n");
	sys_put(&s, "/queue/discard_max_bytes", "65536\n");
	sys_put(&s, "/queue/write_zeroes_max_bytes", "65536\n");
	sys_put(&s, "/queue/discard_granularity", "4096\n");
	be = sys_open(&s, &known);
	info = backend_info(be);
	assert_true(info->rotational && info->physical_block == 4096 && !info->optimal_io);
	assert_int_equal(info->unmap_granularity, 0);
	assert_int_equal(info->size, SIZE);
	assert_int_equal(backend_look(&s.p, &found), 0);
	backend_learn(be, &found);
	assert_true(!info->rotational && info->physical_block == 8192);
	assert_int_equal(info->optimal_io, 65536);
	assert_int_equal(info->unmap_granularity, 4096);
	assert_int_equal(info->size, SIZE);
	backend_close(be);
	sys_free(&s);
}

/* Who believed that there is none would not flush; that there is one: flushes in vain. */
static void test_only_a_volatile_cache_is_believed(void **state)
{
	struct fixture *f = *state;
	struct backend_known known;
	struct backend *be;
	struct sys s;

	sys_new(&s, &f->l);
	sys_put(&s, "/queue/write_cache", "write through\n");
	assert_int_equal(backend_look(&s.p, &known), 0);
	assert_false(known.info.write_cache);
	sys_put(&s, "/queue/write_cache", "write back\n");
	be = sys_open(&s, &known);
	assert_true(backend_unsure(be) && backend_info(be)->write_cache);
	backend_close(be);
	sys_put(&s, "/queue/write_cache", "write through\n");
	known.info.write_cache = true;
	be = sys_open(&s, &known);
	assert_true(backend_unsure(be) && backend_info(be)->write_cache);
	assert_int_equal(backend_look(&s.p, &known), 0);
	backend_learn(be, &known);
	assert_false(backend_unsure(be) || backend_info(be)->write_cache);
	backend_close(be);
	sys_free(&s);
}

/* Before it is lost, it is to be known which disk it was. */
static void test_the_identity_is_found_out_later(void **state)
{
	struct fixture *f = *state;
	struct backend_known known;
	struct backend *be, *other;
	struct sys s;
	char err[300];

	sys_new(&s, &f->l);
	assert_int_equal(backend_look(&s.p, &known), 0);
	assert_string_equal(known.identity, "S1");
	be = sys_open(&s, &known);
	assert_string_equal(be->identity, "");
	backend_learn(be, &known);
	assert_string_equal(be->identity, "S1");
	sys_put(&s, "/serial", "S2\n");
	other = sys_open(&s, &(struct backend_known){ .disk = 0 });
	assert_false(backend_unsure(other));
	assert_int_equal(backend_exchange(be, other, err, sizeof(err)), -EEXIST);
	assert_non_null(strstr(err, "is the disk \"S2\" now, before \"S1\""));
	backend_close(be);
	backend_close(other);
	sys_free(&s);
}

static bool loops_work(void)
{
	struct loop l;

	if (geteuid() || loop_new(&l, SIZE, 512, 0))
		return false;
	loop_free(&l);
	return true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_written_is_read_back_and_is_on_the_device,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_fua_and_flush_end_well, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hints_come_right_after_a_while, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_only_a_volatile_cache_is_believed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_the_identity_is_found_out_later, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_write_zeroes_with_and_without_the_kernel,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmap_reads_as_zeros, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extents_and_prefetch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info_is_the_device_s, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device_that_grows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_opened_exclusively, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failing_device_gives_its_error, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_fileio_takes_a_block_device_through_the_page_cache, setup, teardown),
		cmocka_unit_test(test_smaller_blocks_than_the_device_s_are_refused),
		cmocka_unit_test(test_size_must_be_whole_blocks),
		cmocka_unit_test(test_read_only_device_needs_read_only),
		cmocka_unit_test(test_device_without_size_is_refused),
	};

	if (!loops_work()) {
		fprintf(stderr, "skipped: no loop devices (root and /dev/loop-control needed)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
