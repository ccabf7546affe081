/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend_util.h"

#include <errno.h>
#include <sys/mman.h>

#define SIZE (1u << 20)

static struct reactor *r;
static struct backend *be;
static struct iobuf buf;

static int setup(void **state)
{
	const struct backend_params p = { .type = BACKEND_RAM, .block_size = 512, .size = SIZE };
	char err[200];

	(void)state;
	r = test_reactor_new(1, 0);
	assert_int_equal(be_ring_create(r, RING_DEPTH), 0);
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), 0);
	assert_int_equal(backend_attach(be, r), 0);
	assert_int_equal(iobuf_get(&r->bufs, SIZE, &buf), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	iobuf_put(&r->bufs, &buf);
	backend_detach(be, r);
	backend_close(be);
	test_reactor_free(r);
	return 0;
}

static void run(enum be_op op, uint64_t off, uint64_t len)
{
	assert_int_equal(test_io(r, be, op, off, len, op <= BE_WRITE ? &buf : NULL), 0);
}

/* The whole disk is written with a pattern that is returned. */
static const uint8_t *disk_fill(void)
{
	static uint8_t pattern[SIZE];

	pattern_fill(pattern, SIZE, 3);
	memcpy(buf.addr, pattern, SIZE);
	run(BE_WRITE, 0, SIZE);
	memset(buf.addr, 0x5a, SIZE);
	return pattern;
}

static void fresh_disk_is_zeros(void **state)
{
	(void)state;
	memset(buf.addr, 0x5a, SIZE);
	run(BE_READ, 0, SIZE);
	assert_true(bytes_are(buf.addr, SIZE, 0));
}

static void what_was_written_is_read(void **state)
{
	const uint8_t *pattern = disk_fill();

	(void)state;
	run(BE_READ, 512, SIZE - 512);
	assert_memory_equal(buf.addr, pattern + 512, SIZE - 512);
}

/* Unaligned to pages on purpose: the blocks beside must stay. */
static void zeroed(enum be_op op)
{
	const uint8_t *pattern = disk_fill();
	const size_t from = 4096 + 512, to = 5 * 4096 + 1024;

	run(op, from, to - from);
	run(BE_READ, 0, SIZE);
	assert_memory_equal(buf.addr, pattern, from);
	assert_true(bytes_are(buf.addr + from, to - from, 0));
	assert_memory_equal(buf.addr + to, pattern + to, SIZE - to);
}

static void unmapped_blocks_are_zeros(void **state)
{
	(void)state;
	zeroed(BE_UNMAP);
}

static void zeroed_blocks_are_zeros(void **state)
{
	(void)state;
	zeroed(BE_WRITE_ZEROES);
}

static void zeroing_less_than_a_page(void **state)
{
	const uint8_t *pattern = disk_fill();

	(void)state;
	run(BE_UNMAP, 1024, 512);
	run(BE_READ, 0, 4096);
	assert_memory_equal(buf.addr, pattern, 1024);
	assert_true(bytes_are(buf.addr + 1024, 512, 0));
	assert_memory_equal(buf.addr + 1536, pattern + 1536, 4096 - 1536);
}

static size_t pages_resident(void)
{
	unsigned char in[SIZE / 4096];
	size_t n = 0;

	assert_int_equal(mincore(be->mem, SIZE, in), 0);
	for (size_t i = 0; i < sizeof(in); i++)
		n += in[i] & 1;
	return n;
}

static void memory_is_taken_when_written_and_given_back(void **state)
{
	(void)state;
	assert_int_equal(pages_resident(), 0);
	pattern_fill(buf.addr, 8192, 1);
	run(BE_WRITE, 65536, 8192);
	assert_true(pages_resident() >= 2);
	run(BE_UNMAP, 0, SIZE);
	assert_int_equal(pages_resident(), 0);
}

static void flush_has_nothing_to_do(void **state)
{
	(void)state;
	run(BE_FLUSH, 0, 0);
	assert_false(backend_info(be)->write_cache);
}

static void size_is_needed(void **state)
{
	struct backend_params p = { .type = BACKEND_RAM, .block_size = 4096 };
	struct backend *other;
	char err[200];

	(void)state;
	assert_int_equal(backend_open(&p, &other, err, sizeof(err)), -EINVAL);
	p.size = 4096 + 512;
	assert_int_equal(backend_open(&p, &other, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "size 4608 is not a multiple of block_size 4096"));
	p.size = 1ull << 60;
	assert_int_equal(backend_open(&p, &other, err, sizeof(err)), -ENOMEM);
	assert_non_null(strstr(err, "address space"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fresh_disk_is_zeros),
		T(what_was_written_is_read),
		T(unmapped_blocks_are_zeros),
		T(zeroed_blocks_are_zeros),
		T(zeroing_less_than_a_page),
		T(memory_is_taken_when_written_and_given_back),
		T(flush_has_nothing_to_do),
		cmocka_unit_test(size_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
