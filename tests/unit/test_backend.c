/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend_util.h"

#include <errno.h>

#define BLOCKS 64u

struct fixture {
	struct reactor *r;
	struct backend *be;
	struct iobuf buf;
};

static int setup_params(void **state, bool read_only, bool thin)
{
	static struct fixture f;
	struct backend_params p = {
		.type = BACKEND_NULLIO, .block_size = 512, .size = BLOCKS * 512,
		.read_only = read_only, .thin_provisioned = thin,
	};
	char err[200];

	f.r = test_reactor_new(1, 0);
	if (be_ring_create(f.r, RING_DEPTH) || backend_open(&p, &f.be, err, sizeof(err)) ||
	    backend_attach(f.be, f.r) || iobuf_get(&f.r->bufs, IOBUF_MAX_SIZE, &f.buf))
		return -1;
	*state = &f;
	return 0;
}

static int setup(void **state)
{
	return setup_params(state, false, false);
}

static int setup_read_only(void **state)
{
	return setup_params(state, true, true);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	backend_detach(f->be, f->r);
	backend_close(f->be);
	test_reactor_free(f->r);
	return 0;
}

static void test_open_refuses_odd_block_size(void **state)
{
	struct backend_params p = { .type = BACKEND_NULLIO };
	const uint32_t bad[] = { 0, 1, 511, 513, 520, 8192, 0x80000000u };
	struct backend *be;
	char err[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		p.block_size = bad[i];
		assert_int_equal(backend_open(&p, &be, err, sizeof(err)), -EINVAL);
		assert_non_null(strstr(err, "block_size"));
		assert_non_null(strstr(err, "512, 1024, 2048, 4096"));
	}
}

static void test_error_is_cut_to_its_buffer(void **state)
{
	struct backend_params p = { .type = BACKEND_NULLIO, .block_size = 7 };
	struct backend *be;
	char err[9] = "xxxxxxxx";

	(void)state;
	assert_int_equal(backend_open(&p, &be, err, 8), -EINVAL);
	assert_int_equal(strlen(err), 7);
	assert_int_equal(err[8], '\0');
}

static void test_handler_names(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(backend_handler(f->be), "vdisk_nullio");
	assert_string_equal(blockio_ops.handler, "vdisk_blockio");
	assert_string_equal(fileio_ops.handler, "vdisk_fileio");
}

static void test_done_runs_once_and_not_inside_submit(void **state)
{
	struct fixture *f = *state;
	struct test_io t;

	test_io_init(&t, BE_WRITE, 0, 512, &f->buf);
	backend_submit(f->r, f->be, &t.io);
	assert_int_equal(t.ends, 0);
	reactor_round(f->r);
	assert_int_equal(t.ends, 1);
	reactor_round(f->r);
	assert_int_equal(t.ends, 1);
}

struct chain {
	struct test_io t;
	struct fixture *f;
	unsigned left;
	bool submitting;
};

static void chain_done(struct be_io *io)
{
	struct chain *c = container_of(io, struct chain, t.io);

	assert_false(c->submitting);
	c->t.ends++;
	if (!--c->left)
		return;
	c->submitting = true;
	backend_submit(c->f->r, c->f->be, io);
	c->submitting = false;
}

static void test_done_may_submit_the_same_request_again(void **state)
{
	struct fixture *f = *state;
	struct chain c = { .f = f, .left = 100 };

	test_io_init(&c.t, BE_READ, 0, 512, &f->buf);
	c.t.io.done = chain_done;
	backend_submit(f->r, f->be, &c.t.io);
	for (int i = 0; i < 200 && c.left; i++)
		reactor_round(f->r);
	assert_int_equal(c.left, 0);
	assert_int_equal(c.t.ends, 100);
}

static void test_last_block_is_in_range(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(test_io(f->r, f->be, BE_READ, (BLOCKS - 1) * 512, 512, &f->buf), 0);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE_ZEROES, 0, BLOCKS * 512, NULL), 0);
}

struct bad_request {
	struct fixture *f;
	enum be_op op;
	uint64_t off, len;
	uint32_t buf_len;
};

static void bad_submit(void *arg)
{
	struct bad_request *b = arg;
	struct test_io t;

	test_io_init(&t, b->op, b->off, b->len, &b->f->buf);
	t.io.buf.len = b->buf_len;
	backend_submit(b->f->r, b->f->be, &t.io);
}

static void test_broken_contract_is_caught(void **state)
{
	struct bad_request bad[] = {
		{ *state, BE_READ, BLOCKS * 512, 512, 512 },         /* behind the end */
		{ *state, BE_READ, (BLOCKS - 1) * 512, 1024, 1024 }, /* across the end */
		{ *state, BE_WRITE, UINT64_MAX - 511, 1024, 1024 },  /* sum overflows */
		{ *state, BE_UNMAP, 512, UINT64_MAX - 511, 0 },
		{ *state, BE_READ, 256, 512, 512 }, /* unaligned */
		{ *state, BE_READ, 0, 500, 500 },
		{ *state, BE_READ, 0, 0, 0 },
		{ *state, BE_READ, 0, 1024, 512 }, /* length of the buffer differs */
		{ *state, BE_OPS, 0, 512, 512 },
	};
	struct bad_request good = { *state, BE_READ, 0, 512, 512 };

	assert_int_equal(child_signal(bad_submit, &good), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(child_signal(bad_submit, &bad[i]), SIGABRT);
}

static void detach_early(void *arg)
{
	struct fixture *f = arg;
	struct test_io t;

	test_io_init(&t, BE_READ, 0, 512, &f->buf);
	backend_submit(f->r, f->be, &t.io);
	backend_detach(f->be, f->r);
}

static void close_attached(void *arg)
{
	struct fixture *f = arg;

	backend_close(f->be);
}

static void test_detach_and_close_want_quiet(void **state)
{
	assert_int_equal(child_signal(detach_early, *state), SIGABRT);
	assert_int_equal(child_signal(close_attached, *state), SIGABRT);
}

static void test_detach_and_attach_again(void **state)
{
	struct fixture *f = *state;

	backend_detach(f->be, f->r);
	assert_int_equal(backend_attach(f->be, f->r), 0);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, 512, &f->buf), 0);
}

static void test_read_only_refuses_changes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, 512, &f->buf), -EROFS);
	assert_int_equal(test_io(f->r, f->be, BE_UNMAP, 0, 512, NULL), -EROFS);
	assert_int_equal(test_io(f->r, f->be, BE_WRITE_ZEROES, 0, 512, NULL), -EROFS);
	assert_int_equal(test_io(f->r, f->be, BE_READ, 0, 512, &f->buf), 0);
	assert_int_equal(test_io(f->r, f->be, BE_FLUSH, 0, 0, NULL), 0);
}

static void test_unmap_must_be_offered(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(test_io(f->r, f->be, BE_UNMAP, 0, 512, NULL), -EOPNOTSUPP);
}

static void test_misplaced_buffer_is_refused(void **state)
{
	struct fixture *f = *state;
	struct iobuf part = f->buf;

	f->be->info.buf_align = 512;
	part.addr += 68;
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, 512, &part), -EINVAL);
	part.addr += 512 - 68;
	assert_int_equal(test_io(f->r, f->be, BE_WRITE, 0, 512, &part), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_refuses_odd_block_size),
		cmocka_unit_test(test_error_is_cut_to_its_buffer),
		cmocka_unit_test_setup_teardown(test_handler_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_done_runs_once_and_not_inside_submit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_done_may_submit_the_same_request_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_last_block_is_in_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_contract_is_caught, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach_and_close_want_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach_and_attach_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only_refuses_changes, setup_read_only,
						teardown),
		cmocka_unit_test_setup_teardown(test_unmap_must_be_offered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misplaced_buffer_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
