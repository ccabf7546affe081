/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend_util.h"

#include <errno.h>

static struct backend *null_new(struct reactor *r, struct backend_params *p)
{
	struct backend *be;
	char err[200];

	p->type = BACKEND_NULLIO;
	assert_int_equal(be_ring_create(r, RING_DEPTH), 0);
	assert_int_equal(backend_open(p, &be, err, sizeof(err)), 0);
	assert_int_equal(backend_attach(be, r), 0);
	return be;
}

static void null_free(struct reactor *r, struct backend *be)
{
	backend_detach(be, r);
	backend_close(be);
	test_reactor_free(r);
}

static void test_read_clears_the_buffer(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);
	struct backend *be = null_new(r, &(struct backend_params){ .block_size = 4096 });
	struct iobuf buf;

	(void)state;
	assert_int_equal(iobuf_get(&r->bufs, 16384, &buf), 0);
	memset(buf.addr, 0x5a, 16384);
	assert_int_equal(test_io(r, be, BE_READ, 4096, 8192, &buf), 0);
	assert_true(bytes_are(buf.addr, 8192, 0));
	assert_true(bytes_are(buf.addr + 8192, 8192, 0x5a));
	iobuf_put(&r->bufs, &buf);
	null_free(r, be);
}

static void test_write_leaves_the_buffer(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);
	struct backend *be = null_new(r, &(struct backend_params){ .block_size = 512 });
	struct iobuf buf;

	(void)state;
	assert_int_equal(iobuf_get(&r->bufs, 4096, &buf), 0);
	memset(buf.addr, 0x5a, 4096);
	assert_int_equal(test_io(r, be, BE_WRITE, 0, 4096, &buf), 0);
	assert_true(bytes_are(buf.addr, 4096, 0x5a));
	iobuf_put(&r->bufs, &buf);
	null_free(r, be);
}

static void test_nothing_is_allocated(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);
	struct backend *be = null_new(r, &(struct backend_params){ .block_size = 512 });
	struct be_extent e;
	struct test_io t;

	(void)state;
	test_io_init(&t, BE_EXTENTS, 1 << 20, 1 << 20, &(struct iobuf){ .addr = (uint8_t *)&e });
	t.io.buf.len = sizeof(e);
	assert_int_equal(test_io_run(r, be, &t), 0);
	assert_int_equal(t.io.count, 1);
	assert_int_equal(e.len, 1 << 20);
	assert_false(e.mapped);
	null_free(r, be);
}

static void test_size_default_and_beyond_32_bit_blocks(void **state)
{
	struct reactor *r = test_reactor_new(1, 0);
	struct backend *be = null_new(r, &(struct backend_params){ .block_size = 512 });
	struct backend_params big = { .type = BACKEND_NULLIO, .block_size = 512,
				      .size = 5ull << 40 };
	struct backend *other;
	struct iobuf buf;
	char err[200];

	(void)state;
	assert_int_equal(backend_info(be)->size, 1ull << 40);
	assert_int_equal(backend_open(&big, &other, err, sizeof(err)), 0);
	assert_int_equal(backend_info(other)->size, 5ull << 40);
	assert_int_equal(backend_attach(other, r), 0);
	assert_int_equal(iobuf_get(&r->bufs, 512, &buf), 0);
	assert_int_equal(test_io(r, other, BE_READ, (5ull << 40) - 512, 512, &buf), 0);
	iobuf_put(&r->bufs, &buf);
	backend_detach(other, r);
	backend_close(other);
	null_free(r, be);
}

static void test_size_must_be_whole_blocks(void **state)
{
	struct backend_params p = { .type = BACKEND_NULLIO, .block_size = 4096,
				    .size = 4096 * 10 + 512 };
	struct backend *be;
	char err[200];

	(void)state;
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "size 41472 is not a multiple of block_size 4096"));
}

static void test_info_follows_the_parameters(void **state)
{
	struct backend_params p = { .type = BACKEND_NULLIO, .block_size = 4096, .rotational = -1 };
	const struct backend_info *info;
	struct backend *be;
	char err[200];

	(void)state;
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), 0);
	info = backend_info(be);
	assert_int_equal(info->unmap_granularity, 0);
	assert_false(info->rotational);
	assert_false(info->write_cache);
	assert_int_equal(backend_resync(be), 0);
	backend_close(be);

	p.thin_provisioned = true;
	p.rotational = 1;
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), 0);
	info = backend_info(be);
	assert_int_equal(info->unmap_granularity, 4096);
	assert_true(info->rotational);
	backend_close(be);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_clears_the_buffer),
		cmocka_unit_test(test_write_leaves_the_buffer),
		cmocka_unit_test(test_nothing_is_allocated),
		cmocka_unit_test(test_size_default_and_beyond_32_bit_blocks),
		cmocka_unit_test(test_size_must_be_whole_blocks),
		cmocka_unit_test(test_info_follows_the_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
