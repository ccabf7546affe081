/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A RAM disk that does wrong what it is told, and only that. */
#include "backend_util.h"

#include <errno.h>

#define SIZE (1u << 20)
#define ALL 0xff
#define BIT(op) ((uint8_t)(1u << (op)))

static struct reactor *r;
static struct backend *be;
static struct iobuf buf;
static struct test_io ios[4];

static int setup(void **state)
{
	const struct backend_params p = { .type = BACKEND_FAULT, .block_size = 512, .size = SIZE };
	char err[200];

	(void)state;
	r = test_reactor_new(1, 0);
	assert_int_equal(be_ring_create(r, RING_DEPTH), 0);
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), 0);
	assert_int_equal(backend_attach(be, r), 0);
	assert_int_equal(iobuf_get(&r->bufs, 65536, &buf), 0);
	memset(buf.addr, 0x5a, 65536);
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

static void rounds(unsigned n)
{
	while (n--)
		reactor_round(r);
}

static void script(struct backend_fault f)
{
	const struct backend_params p = { .fault = f };

	backend_change(be, &p);
	rounds(2);
}

static int run(enum be_op op, uint64_t off, uint64_t len)
{
	return test_io(r, be, op, off, len, op <= BE_WRITE ? &buf : NULL);
}

static void start(unsigned i, enum be_op op, uint64_t off)
{
	test_io_init(&ios[i], op, off, op == BE_FLUSH ? 0 : 512, op <= BE_WRITE ? &buf : NULL);
	backend_submit(r, be, &ios[i].io);
}

static void works_until_told(void **state)
{
	(void)state;
	assert_int_equal(run(BE_WRITE, 0, 512), 0);
	memset(buf.addr, 0, 512);
	assert_int_equal(run(BE_READ, 0, 512), 0);
	assert_true(bytes_are(buf.addr, 512, 0x5a));
	assert_int_equal(run(BE_FLUSH, 0, 0), 0);
}

static void only_the_operations_named(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = BIT(BE_WRITE), .every = 1, .error = ENOSPC });
	assert_int_equal(run(BE_WRITE, 0, 512), -ENOSPC);
	assert_int_equal(run(BE_READ, 0, 512), 0);
	assert_int_equal(run(BE_UNMAP, 0, 4096), 0);
	script((struct backend_fault){ .ops = BIT(BE_FLUSH), .every = 1, .error = EIO });
	assert_int_equal(run(BE_WRITE, 0, 512), 0);
	assert_int_equal(run(BE_FLUSH, 0, 0), -EIO);
}

static void failed_write_writes_nothing(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = ALL, .every = 1, .error = EIO });
	assert_int_equal(run(BE_WRITE, 0, 512), -EIO);
	script((struct backend_fault){ 0 });
	assert_int_equal(run(BE_READ, 0, 512), 0);
	assert_true(bytes_are(buf.addr, 512, 0));
}

static void every_third(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = ALL, .every = 3, .error = EIO });
	for (int i = 1; i <= 9; i++)
		assert_int_equal(run(BE_READ, 0, 512), i % 3 ? 0 : -EIO);
}

static void only_the_blocks_named(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = ALL, .every = 1, .error = EIO, .off = 4096,
				       .len = 1024 });
	assert_int_equal(run(BE_READ, 0, 4096), 0);
	assert_int_equal(run(BE_READ, 0, 4096 + 512), -EIO);
	assert_int_equal(run(BE_READ, 4096 + 512, 4096), -EIO);
	assert_int_equal(run(BE_READ, 4096 + 1024, 4096), 0);
	/* The end of the range does not fit into 64 bits. */
	script((struct backend_fault){ .ops = ALL, .every = 1, .error = EIO, .off = 4096,
				       .len = UINT64_MAX });
	assert_int_equal(run(BE_READ, 0, 512), 0);
	assert_int_equal(run(BE_READ, SIZE - 512, 512), -EIO);
}

static void delayed_requests_end_in_order_and_work(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = BIT(BE_READ), .every = 1, .delay_ms = 2 });
	start(0, BE_READ, 0);
	start(1, BE_READ, 512);
	rounds(1);
	assert_int_equal(ios[0].ends + ios[1].ends, 0);
	assert_int_equal(run(BE_WRITE, 1024, 512), 0);
	test_io_wait(r, &ios[1]);
	assert_int_equal(ios[0].ends, 1);
	assert_int_equal(ios[0].io.result, 0);
}

static void delayed_requests_end_with_the_error(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = ALL, .every = 1, .delay_ms = 1, .error = EIO });
	assert_int_equal(run(BE_WRITE, 0, 512), -EIO);
}

/* A shorter delay does not wait behind a longer one. */
static void shorter_delay_overtakes(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = ALL, .every = 1, .delay_ms = 3600000 });
	start(0, BE_READ, 0);
	script((struct backend_fault){ .ops = ALL, .every = 1, .delay_ms = 1 });
	start(1, BE_READ, 0);
	test_io_wait(r, &ios[1]);
	assert_int_equal(ios[0].ends, 0);
	script((struct backend_fault){ 0 });
	test_io_wait(r, &ios[0]);
}

static void held_requests_stay_until_let_go(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = BIT(BE_WRITE), .every = 1, .hang = true });
	start(0, BE_WRITE, 0);
	assert_int_equal(run(BE_READ, 0, 512), 0);
	rounds(100);
	assert_int_equal(ios[0].ends, 0);
	script((struct backend_fault){ 0 });
	test_io_wait(r, &ios[0]);
	assert_int_equal(ios[0].io.result, 0);
}

static void held_requests_may_end_with_an_error(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = ALL, .every = 1, .hang = true });
	start(0, BE_FLUSH, 0);
	script((struct backend_fault){ .ops = ALL, .every = 1, .error = EIO });
	test_io_wait(r, &ios[0]);
	assert_int_equal(ios[0].io.result, -EIO);
}

/* So that the device can be drained and closed. */
static void release_lets_everything_go(void **state)
{
	(void)state;
	script((struct backend_fault){ .ops = ALL, .every = 1, .delay_ms = 3600000 });
	start(0, BE_READ, 0);
	script((struct backend_fault){ .ops = ALL, .every = 1, .hang = true });
	start(1, BE_READ, 0);
	start(2, BE_FLUSH, 0);
	/* Twice in a row: the message is under way already. */
	backend_release(be);
	backend_release(be);
	for (int i = 0; i < 3; i++) {
		test_io_wait(r, &ios[i]);
		assert_int_equal(ios[i].io.result, 0);
	}
	start(3, BE_READ, 0);
	test_io_wait(r, &ios[3]);
}

static void script_from_the_start(void **state)
{
	const struct backend_params p = {
		.type = BACKEND_FAULT, .block_size = 512, .size = SIZE,
		.fault = { .ops = ALL, .every = 1, .error = ENODEV },
	};
	struct backend *first = be;
	char err[200];

	(void)state;
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), 0);
	assert_int_equal(backend_attach(be, r), 0);
	assert_int_equal(run(BE_READ, 0, 512), -ENODEV);
	backend_detach(be, r);
	backend_close(be);
	be = first;
}

static void others_have_nothing_to_change(void **state)
{
	const struct backend_params p = { .type = BACKEND_NULLIO, .block_size = 512 };
	struct backend *null;
	char err[200];

	(void)state;
	assert_int_equal(backend_open(&p, &null, err, sizeof(err)), 0);
	backend_release(null);
	backend_close(null);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(works_until_told),
		T(only_the_operations_named),
		T(failed_write_writes_nothing),
		T(every_third),
		T(only_the_blocks_named),
		T(delayed_requests_end_in_order_and_work),
		T(delayed_requests_end_with_the_error),
		T(shorter_delay_overtakes),
		T(held_requests_stay_until_let_go),
		T(held_requests_may_end_with_an_error),
		T(release_lets_everything_go),
		T(script_from_the_start),
		T(others_have_nothing_to_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
