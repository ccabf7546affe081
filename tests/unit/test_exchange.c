/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk in use gets another descriptor: of the same file, or of what came for a lost one. */
#include "backend_util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SIZE (1u << 20)
#define LEN 4096u

struct fixture {
	char path[200], other[208];
	int fd; /* a second look at the first file */
	struct reactor *r;
	struct backend *be, *fresh;
	struct iobuf buf;
	char err[300];
};

static struct backend *try_open(struct fixture *f, bool read_only)
{
	struct backend_params p = {
		.type = BACKEND_FILEIO, .filename = f->path, .block_size = 512, .rotational = -1,
		.read_only = read_only,
	};
	struct backend *be = NULL;

	backend_open(&p, &be, f->err, sizeof(f->err));
	return be;
}

static int setup_ring(void **state, bool workers)
{
	static struct fixture f;

	f.fd = test_file_new(f.path, sizeof(f.path), SIZE);
	snprintf(f.other, sizeof(f.other), "%s.other", f.path);
	f.r = test_reactor_new(4 * IOBUF_MAX_SIZE, 0);
	if (workers)
		assert_int_equal(be_ring_create_workers(f.r), 0);
	else
		assert_int_equal(be_ring_create(f.r, RING_DEPTH), 0);
	f.be = try_open(&f, false);
	assert_non_null(f.be);
	assert_int_equal(backend_attach(f.be, f.r), 0);
	assert_int_equal(iobuf_get(&f.r->bufs, IOBUF_MAX_SIZE, &f.buf), 0);
	memset(f.buf.addr, 'a', LEN);
	assert_int_equal(test_io(f.r, f.be, BE_WRITE, 0, LEN, &f.buf), 0);
	f.fresh = NULL;
	*state = &f;
	return 0;
}

static int setup(void **state)
{
	return setup_ring(state, false);
}

static int setup_workers(void **state)
{
	return setup_ring(state, true);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	backend_detach(f->be, f->r);
	backend_close(f->be);
	test_reactor_free(f->r);
	close(f->fd);
	unlink(f->path);
	unlink(f->other);
	return 0;
}

/* As lu_exchange() does, and close what was open. */
static int exchange(struct fixture *f, bool read_only)
{
	int rc;

	f->fresh = try_open(f, read_only);
	assert_non_null(f->fresh);
	rc = backend_exchange(f->be, f->fresh, f->err, sizeof(f->err));
	if (rc >= 0)
		backend_refresh(f->be, f->r);
	backend_close(f->fresh);
	return rc;
}

static void put_another_file_in_its_place(struct fixture *f, off_t size)
{
	int fd = open(f->other, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(pwrite(fd, "b", 1, 0), 1);
	close(fd);
	assert_int_equal(rename(f->other, f->path), 0);
}

static char first_byte(struct fixture *f)
{
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, LEN, &f->buf), 0);
	return (char)f->buf.addr[0];
}

static void test_the_same_file_goes_on(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 100; i++)
		assert_int_equal(exchange(f, false), 0);
	assert_int_equal(first_byte(f), 'a');
	f->buf.addr[0] = 'c';
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, LEN, &f->buf), 0);
	assert_int_equal(pread(f->fd, f->buf.addr, 1, 0), 1);
	assert_int_equal(f->buf.addr[0], 'c');
}

/* The descriptor is what writes go by, before anybody looks at read_only. */
static void test_other_rights(void **state)
{
	struct fixture *f = *state;

	backend_set_read_only(f->be, true);
	assert_int_equal(exchange(f, true), 0);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, LEN, &f->buf), -EROFS);
	assert_int_equal(first_byte(f), 'a');
	backend_set_read_only(f->be, false);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, LEN, &f->buf), -EBADF);
	assert_int_equal(exchange(f, false), 0);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, LEN, &f->buf), 0);
}

/* Read-only is no excuse for what was written before. */
static void test_what_was_written_is_flushed_when_read_only(void **state)
{
	struct fixture *f = *state;

	assert_false(f->be->unwritten);
	backend_set_read_only(f->be, true);
	assert_false(f->be->unwritten);
	assert_int_equal(test_io(f->r, f->be, BE_FLUSH, 0, 0, NULL), 0);
	f->fresh = try_open(f, true);
	assert_true(f->fresh->unwritten);
	backend_set_read_only(f->fresh, false);
	assert_false(f->fresh->unwritten);
	backend_close(f->fresh);
}

static void test_another_file_is_refused(void **state)
{
	struct fixture *f = *state;

	put_another_file_in_its_place(f, SIZE);
	assert_int_equal(exchange(f, false), -EEXIST);
	assert_non_null(strstr(f->err, "is another file now"));
	assert_int_equal(first_byte(f), 'a');
}

/* As after an unmount by force: what is open has no bytes any more. */
static void test_what_is_lost_is_replaced(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, LEN, &f->buf), -EIO);
	put_another_file_in_its_place(f, SIZE * 2);
	assert_int_equal(exchange(f, false), 1);
	assert_int_equal(first_byte(f), 'b');
	assert_int_equal(backend_info(f->be)->size, SIZE);
	assert_int_equal(backend_resync(f->be), 0);
	assert_int_equal(backend_info(f->be)->size, SIZE * 2);
}

/* Even where what is open is dead. */
static void test_another_disk_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->fd, 0), 0);
	put_another_file_in_its_place(f, SIZE);
	strcpy(f->be->identity, "naa.5000");
	assert_int_equal(exchange(f, false), -EEXIST);
	assert_non_null(strstr(f->err, "before \"naa.5000\""));
	f->be->block = true;
	assert_int_equal(exchange(f, false), -EEXIST);
	assert_non_null(strstr(f->err, "is a file now, before a block device"));
	f->be->block = false;
	f->be->identity[0] = '\0';
	assert_int_equal(exchange(f, false), 1);
}

/* ---- what a disk calls itself ---- */

static char tree[64]; /* in the place of /sys */

static void attribute_put(const char *name, const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/dev/block/%s", tree, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void attribute_drop(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/dev/block/%s", tree, name);
	assert_int_equal(remove(path), 0);
}

#define assert_identity(minor, want) do { \
		vdisk_identity(makedev(8, (minor)), text); \
		assert_string_equal(text, (want)); \
	} while (0)

static void test_identity_of_a_disk(void **state)
{
	static const char *const dirs[] = { "", "/dev", "/dev/block", "/dev/block/8:0",
					    "/dev/block/8:0/device", "/dev/block/8:0/8:1" };
	char path[200], text[BACKEND_IDENTITY];

	(void)state;
	snprintf(tree, sizeof(tree), "/tmp/srpt-test-XXXXXX");
	assert_non_null(mkdtemp(tree));
	for (size_t i = 1; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s%s", tree, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(path, sizeof(path), "%s/dev/block/8:1", tree);
	assert_int_equal(symlink("8:0/8:1", path), 0);
	vdisk_sys = tree;
	assert_identity(0, "");
	attribute_put("8:0/serial", "S1\n");
	assert_identity(0, "S1");
	attribute_put("8:0/device/wwid", "naa.5000c500\n");
	assert_identity(0, "naa.5000c500");
	attribute_put("8:0/8:1/partition", "1\n");
	assert_identity(1, "naa.5000c500-1");
	attribute_put("8:0/device/wwid", "\n");
	assert_identity(0, "S1");
	vdisk_sys = "/sys";
	attribute_drop("8:0/8:1/partition");
	attribute_drop("8:0/device/wwid");
	attribute_drop("8:0/serial");
	attribute_drop("8:1");
	for (size_t i = ARRAY_SIZE(dirs); i-- > 0;) {
		snprintf(path, sizeof(path), "%s%s", tree, dirs[i]);
		assert_int_equal(rmdir(path), 0);
	}
}

static void test_a_smaller_one_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->fd, SIZE / 2), 0);
	assert_int_equal(exchange(f, false), -EINVAL);
	assert_non_null(strstr(f->err, "taken for another disk"));
	assert_int_equal(first_byte(f), 'a');
	assert_int_equal(ftruncate(f->fd, SIZE), 0);
	assert_int_equal(exchange(f, false), 0);
}

static void test_suspicion_is_told_once(void **state)
{
	struct fixture *f = *state;

	assert_false(backend_suspect(f->be));
	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, LEN, &f->buf), -EIO);
	assert_true(backend_suspect(f->be));
	assert_false(backend_suspect(f->be));
	backend_set_read_only(f->be, true);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, LEN, &f->buf), -EROFS);
	assert_false(backend_suspect(f->be));
}

static void test_memory_cannot_be_lost(void **state)
{
	struct backend_params p = { .type = BACKEND_NULLIO, .block_size = 512 };
	struct backend *be;
	char err[100];

	(void)state;
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), 0);
	assert_false(backend_can_exchange(be));
	be->suspect = true;
	assert_false(backend_suspect(be));
	backend_close(be);
}

static void test_size_of_a_path(void **state)
{
	struct fixture *f = *state;
	uint64_t size = 1;

	assert_int_equal(backend_path_size(f->path, &size), 0);
	assert_int_equal(size, SIZE);
	assert_int_equal(backend_path_size("/nonexistent", &size), -ENOENT);
	assert_int_equal(backend_path_size("/dev/null", &size), -ENODATA);
}

int main(void)
{
#define T(name) { #name, name, setup, teardown, NULL }, \
		{ #name " with workers", name, setup_workers, teardown, NULL }
	const struct CMUnitTest tests[] = {
		T(test_the_same_file_goes_on),
		T(test_other_rights),
		T(test_what_was_written_is_flushed_when_read_only),
		T(test_another_file_is_refused),
		T(test_what_is_lost_is_replaced),
		T(test_another_disk_is_refused),
		T(test_identity_of_a_disk),
		T(test_a_smaller_one_is_refused),
		T(test_suspicion_is_told_once),
		T(test_memory_cannot_be_lost),
		T(test_size_of_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
