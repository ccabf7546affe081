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

/* What is found of [off, off+len), one after the other. */
static unsigned extents(uint64_t off, uint64_t len, struct be_extent *e, unsigned room)
{
	struct test_io t;

	test_io_init(&t, BE_EXTENTS, off, len, &buf);
	t.io.buf.len = room * (unsigned)sizeof(*e);
	assert_int_equal(test_io_run(r, be, &t), 0);
	memcpy(e, buf.addr, t.io.count * sizeof(*e));
	return t.io.count;
}

static void pages_that_were_written_are_mapped(void **state)
{
	struct be_extent e[8];

	(void)state;
	assert_int_equal(extents(0, SIZE, e, 8), 1);
	assert_false(e[0].mapped);
	assert_int_equal(e[0].len, SIZE);
	run(BE_WRITE, 4096 + 512, 512);
	run(BE_WRITE, 65 * 4096, 64 * 4096);
	assert_int_equal(extents(0, SIZE, e, 8), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(e[i].mapped, i & 1);
	assert_int_equal(e[0].len, 4096);
	assert_int_equal(e[1].len, 4096);
	assert_int_equal(e[2].len, 63 * 4096);
	assert_int_equal(e[3].len, 64 * 4096);
	assert_int_equal(extents(4096 + 1024, 8192, e, 8), 2);
	assert_int_equal(e[0].len, 4096 - 1024);
	assert_int_equal(e[1].len, 8192 - (4096 - 1024));
	assert_int_equal(extents(0, SIZE, e, 2), 2);
}

static void only_whole_pages_are_given_back(void **state)
{
	struct be_extent e[8];

	(void)state;
	disk_fill();
	run(BE_UNMAP, 4096 + 512, 2 * 4096);
	assert_int_equal(extents(0, SIZE, e, 8), 3);
	assert_int_equal(e[0].len, 2 * 4096);
	assert_false(e[1].mapped);
	assert_int_equal(e[1].len, 4096);
	run(BE_WRITE_ZEROES, 0, SIZE);
	assert_int_equal(extents(0, SIZE, e, 8), 1);
	assert_false(e[0].mapped);
}

/* More than a round may give back: others have their turn meanwhile. */
static void much_zeroing_takes_rounds(void **state)
{
	struct backend_params p = { .type = BACKEND_RAM, .block_size = 512, .size = 1u << 30 };
	struct backend *big;
	struct test_io zero, read;
	char err[200];

	(void)state;
	assert_int_equal(backend_open(&p, &big, err, sizeof(err)), 0);
	assert_int_equal(backend_attach(big, r), 0);
	buf.addr[0] = 7;
	assert_int_equal(test_io(r, big, BE_WRITE, p.size - 512, 512, &buf), 0);
	test_io_init(&zero, BE_UNMAP, 0, p.size, NULL);
	test_io_init(&read, BE_READ, 0, 512, &buf);
	backend_submit(r, big, &zero.io);
	backend_submit(r, big, &read.io);
	test_io_wait(r, &read);
	assert_int_equal(zero.ends, 0);
	test_io_wait(r, &zero);
	assert_int_equal(test_io(r, big, BE_READ, p.size - 512, 512, &buf), 0);
	assert_true(bytes_are(buf.addr, 512, 0));
	backend_detach(big, r);
	backend_close(big);
}

static void prefetch_has_nothing_to_do(void **state)
{
	(void)state;
	run(BE_PREFETCH, 0, SIZE);
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
		T(pages_that_were_written_are_mapped),
		T(only_whole_pages_are_given_back),
		T(much_zeroing_takes_rounds),
		T(prefetch_has_nothing_to_do),
		T(flush_has_nothing_to_do),
		cmocka_unit_test(size_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
