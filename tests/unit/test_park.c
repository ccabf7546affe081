/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk that is parked: known, closed, and served again as what is there then. */
#include "backend_util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#define SIZE (1u << 20)
#define LEN 4096u

struct fixture {
	char path[200];
	int fd;
	struct reactor *r;
	struct backend_params params;
	struct backend *be;
	struct iobuf buf;
	char err[300];
};

static struct backend *try_open(struct fixture *f, bool parked)
{
	struct backend_params p = f->params;
	struct backend *be = NULL;

	p.parked = parked;
	backend_open(&p, &be, f->err, sizeof(f->err));
	return be;
}

static int setup_type(void **state, enum backend_type type)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.fd = test_file_new(f.path, sizeof(f.path), SIZE);
	f.r = test_reactor_new(4 * IOBUF_MAX_SIZE, 0);
	assert_int_equal(be_ring_create(f.r, RING_DEPTH), 0);
	f.params = (struct backend_params){
		.type = type, .block_size = 512, .rotational = -1, .size = SIZE,
		.filename = type == BACKEND_FILEIO ? f.path : NULL,
	};
	f.be = try_open(&f, true);
	assert_non_null(f.be);
	assert_int_equal(backend_attach(f.be, f.r), 0);
	assert_int_equal(iobuf_get(&f.r->bufs, IOBUF_MAX_SIZE, &f.buf), 0);
	*state = &f;
	return 0;
}

static int setup(void **state)
{
	return setup_type(state, BACKEND_FILEIO);
}

static int setup_ram(void **state)
{
	return setup_type(state, BACKEND_RAM);
}

static int setup_null(void **state)
{
	return setup_type(state, BACKEND_NULLIO);
}

static int setup_fault(void **state)
{
	return setup_type(state, BACKEND_FAULT);
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

/* Descriptors of the file in this process, but for the test's own. */
static unsigned descriptors(struct fixture *f)
{
	DIR *d = opendir("/proc/self/fd");
	struct stat file, st;
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	assert_int_equal(fstat(f->fd, &file), 0);
	while ((e = readdir(d)))
		if (atoi(e->d_name) != f->fd && !fstatat(dirfd(d), e->d_name, &st, 0) &&
		    st.st_dev == file.st_dev && st.st_ino == file.st_ino)
			n++;
	closedir(d);
	return n;
}

/* As lu_exchange() does, and close what was open. */
static void exchange(struct fixture *f, bool parked)
{
	struct backend *fresh = try_open(f, parked);

	assert_non_null(fresh);
	assert_int_equal(backend_exchange(f->be, fresh, f->err, sizeof(f->err)), 0);
	backend_refresh(f->be, f->r);
	backend_close(fresh);
	assert_int_equal(backend_is_parked(f->be), parked);
}

static int request(struct fixture *f, enum be_op op)
{
	return test_io(f->r, f->be, op, 0, op == BE_FLUSH ? 0 : LEN,
		       op == BE_READ || op == BE_WRITE ? &f->buf : NULL);
}

static void assert_refuses(struct fixture *f)
{
	assert_int_equal(request(f, BE_READ), -ENODEV);
	assert_int_equal(request(f, BE_WRITE), -ENODEV);
	assert_int_equal(request(f, BE_FLUSH), -ENODEV);
	assert_int_equal(request(f, BE_WRITE_ZEROES), -ENODEV);
	assert_false(backend_suspect(f->be));
}

static void test_nothing_is_open_and_nothing_served(void **state)
{
	struct fixture *f = *state;

	assert_true(backend_is_parked(f->be));
	assert_int_equal(descriptors(f), 0);
	assert_int_equal(backend_info(f->be)->size, SIZE);
	assert_refuses(f);
}

static void test_served_and_parked_again_and_again(void **state)
{
	struct fixture *f = *state;
	char byte;

	for (int i = 0; i < 20; i++) {
		exchange(f, false);
		assert_int_equal(descriptors(f), 1);
		memset(f->buf.addr, 'a' + i, LEN);
		assert_int_equal(request(f, BE_WRITE), 0);
		assert_int_equal(pread(f->fd, &byte, 1, 0), 1);
		assert_int_equal(byte, 'a' + i);
		exchange(f, true);
		assert_int_equal(descriptors(f), 0);
		assert_refuses(f);
	}
}

static void test_what_is_served_is_what_is_there_then(void **state)
{
	struct fixture *f = *state;
	char other[208];
	int fd;

	/* Another file, and a smaller one: it is not compared with what was known. */
	snprintf(other, sizeof(other), "%s.other", f->path);
	fd = open(other, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, SIZE / 2), 0);
	assert_int_equal(rename(other, f->path), 0);
	close(fd);
	exchange(f, false);
	assert_int_equal(backend_info(f->be)->size, SIZE / 2);
	assert_int_equal(backend_resync(f->be), 0);
	assert_int_equal(request(f, BE_READ), 0);
	exchange(f, true);
	assert_int_equal(backend_info(f->be)->size, SIZE / 2);
}

static void test_a_parked_file_that_grows_is_seen(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->fd, 2 * SIZE), 0);
	assert_int_equal(backend_resync(f->be), 0);
	assert_int_equal(backend_info(f->be)->size, 2 * SIZE);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(backend_resync(f->be), 0);
	assert_int_equal(backend_info(f->be)->size, 2 * SIZE);
}

static void test_a_file_that_is_not_there_has_the_size_given(void **state)
{
	struct fixture *f = *state;
	struct backend *be;

	assert_int_equal(unlink(f->path), 0);
	be = try_open(f, true);
	assert_non_null(be);
	assert_int_equal(backend_info(be)->size, SIZE);
	backend_close(be);
	f->params.size = 0;
	assert_null(try_open(f, true));
	assert_non_null(strstr(f->err, "set size"));
}

static void test_read_only_stays_as_it_is(void **state)
{
	struct fixture *f = *state;

	backend_set_read_only(f->be, true);
	exchange(f, false);
	assert_true(backend_info(f->be)->read_only);
	assert_int_equal(request(f, BE_WRITE), -EROFS);
	assert_int_equal(request(f, BE_READ), 0);
}

/* ---- what is known of a disk ---- */

static struct backend *open_known(struct fixture *f, struct backend_known known)
{
	struct backend *be = NULL;

	f->params.known = known;
	be = try_open(f, false);
	assert_non_null(be);
	return be;
}

/* What the kernel says is not asked for, and found out later. */
static void test_what_is_known_is_believed_for_a_while(void **state)
{
	struct fixture *f = *state;
	struct backend_known known = backend_known(f->be), found;
	struct backend *be;
	bool truth = known.info.rotational;

	known.info.rotational = !truth;
	known.info.size = 1;
	known.info.buf_align = 1 << 20;
	known.info.write_cache = false;
	known.info.read_only = true;
	be = open_known(f, known);
	assert_true(backend_unsure(be));
	assert_int_equal(backend_info(be)->rotational, !truth);
	assert_int_equal(backend_info(be)->size, SIZE);
	assert_int_equal(backend_info(be)->buf_align, 1);
	assert_true(backend_info(be)->write_cache);
	assert_false(backend_info(be)->read_only);
	assert_int_equal(backend_look(&f->params, &found), 0);
	backend_learn(be, &found);
	assert_false(backend_unsure(be));
	assert_int_equal(backend_info(be)->rotational, truth);
	assert_int_equal(backend_info(be)->size, SIZE);
	backend_close(be);
}

static void test_what_is_known_of_another_disk_is_not_believed(void **state)
{
	struct fixture *f = *state;
	struct backend_known known = backend_known(f->be);
	struct backend *be;
	bool truth = known.info.rotational;

	known.info.rotational = !truth;
	known.disk++;
	be = open_known(f, known);
	assert_false(backend_unsure(be));
	assert_int_equal(backend_info(be)->rotational, truth);
	backend_close(be);
	known.disk--;
	be = open_known(f, known);
	known.disk++;
	known.info.rotational = truth;
	backend_learn(be, &known);
	assert_true(backend_unsure(be));
	assert_int_equal(backend_info(be)->rotational, !truth);
	backend_close(be);
}

/* Through the exchanges of a promote and a demote. */
static void test_what_is_served_is_looked_at(void **state)
{
	struct fixture *f = *state;
	struct backend_known found;

	assert_false(backend_unsure(f->be));
	f->params.known = backend_known(f->be);
	exchange(f, false);
	assert_true(backend_unsure(f->be));
	assert_int_equal(backend_look(&f->params, &found), 0);
	backend_learn(f->be, &found);
	assert_false(backend_unsure(f->be));
	exchange(f, false);
	assert_true(backend_unsure(f->be));
	exchange(f, true);
	assert_false(backend_unsure(f->be));
	backend_learn(f->be, &found);
	exchange(f, false);
	assert_true(backend_unsure(f->be));
}

/* A demote has to succeed. */
static void test_parking_what_is_known_needs_no_file(void **state)
{
	struct fixture *f = *state;

	exchange(f, false);
	f->params.known = backend_known(f->be);
	f->params.size = 0;
	assert_int_equal(unlink(f->path), 0);
	exchange(f, true);
	assert_int_equal(descriptors(f), 0);
	assert_int_equal(backend_info(f->be)->size, SIZE);
	assert_int_not_equal(backend_look(&f->params, &f->params.known), 0);
}

/* What has nothing to close keeps what is in it. */
static void test_memory_is_kept(void **state)
{
	struct fixture *f = *state;

	assert_refuses(f);
	exchange(f, false);
	memset(f->buf.addr, 'k', LEN);
	assert_int_equal(request(f, BE_WRITE), 0);
	exchange(f, true);
	assert_refuses(f);
	exchange(f, false);
	memset(f->buf.addr, 0, LEN);
	assert_int_equal(request(f, BE_READ), 0);
	assert_int_equal(f->buf.addr[LEN - 1], 'k');
}

static void test_nullio_is_parked(void **state)
{
	struct fixture *f = *state;

	assert_refuses(f);
	exchange(f, false);
	assert_int_equal(request(f, BE_WRITE), 0);
	assert_int_equal(request(f, BE_READ), 0);
}

static void test_a_scsi_device_is_not(void **state)
{
	const struct backend_params p = { .type = BACKEND_SG_DISK, .filename = "1:0:0:0",
					  .block_size = 512, .parked = true };
	struct backend *be;
	char err[200];

	(void)state;
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "cannot move"));
}

int main(void)
{
#define T(name, how) cmocka_unit_test_setup_teardown(name, how, teardown)
	const struct CMUnitTest tests[] = {
		T(test_nothing_is_open_and_nothing_served, setup),
		T(test_served_and_parked_again_and_again, setup),
		T(test_what_is_served_is_what_is_there_then, setup),
		T(test_a_parked_file_that_grows_is_seen, setup),
		T(test_a_file_that_is_not_there_has_the_size_given, setup),
		T(test_read_only_stays_as_it_is, setup),
		T(test_what_is_known_is_believed_for_a_while, setup),
		T(test_what_is_known_of_another_disk_is_not_believed, setup),
		T(test_what_is_served_is_looked_at, setup),
		T(test_parking_what_is_known_needs_no_file, setup),
		T(test_memory_is_kept, setup_ram),
		T(test_memory_is_kept, setup_fault),
		T(test_nullio_is_parked, setup_null),
		cmocka_unit_test(test_a_scsi_device_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
