/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of one request against made-up answers of the kernel; no ring. */
#include "backend_util.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>

static struct reactor reactor;
static struct backend be;
static uint8_t data[4096];

static int setup(void **state)
{
	(void)state;
	memset(&be, 0, sizeof(be));
	be.ops = &fileio_ops;
	be.fd = 7;
	be.port[0].file_slot = -1;
	return 0;
}

static struct be_io io_new(enum be_op op, uint64_t off, uint64_t len, uint8_t flags)
{
	struct be_io io = { .op = op, .off = off, .len = len, .flags = flags };

	io.be = &be;
	io.reactor = &reactor;
	io.buf = (struct iobuf){ data, (uint32_t)len, IOBUF_UNREGISTERED, 0 };
	return io;
}

static struct io_uring_sqe prep(struct be_io *io, int buf_slot)
{
	struct io_uring_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	uring_io_prep(io, &sqe, buf_slot);
	return sqe;
}

static void assert_done(struct be_io *io, int res, int result)
{
	assert_int_equal(uring_io_advance(io, res), URING_DONE);
	assert_int_equal(io->result, result);
}

static void test_read_is_one_step(void **state)
{
	struct be_io io = io_new(BE_READ, 8192, 4096, 0);
	struct io_uring_sqe sqe;

	(void)state;
	assert_int_equal(uring_io_start(&io), URING_AGAIN);
	sqe = prep(&io, -1);
	assert_int_equal(sqe.opcode, IORING_OP_READ);
	assert_int_equal(sqe.fd, 7);
	assert_int_equal(sqe.flags, 0);
	assert_int_equal(sqe.off, 8192);
	assert_int_equal(sqe.len, 4096);
	assert_ptr_equal(sqe.addr, data);
	assert_ptr_equal(sqe.user_data, &io);
	assert_int_equal(sqe.rw_flags, 0);
	assert_done(&io, 4096, 0);
}

static void test_fixed_file_and_buffer(void **state)
{
	struct be_io io = io_new(BE_READ, 0, 4096, 0);
	struct io_uring_sqe sqe;

	(void)state;
	be.port[0].file_slot = 3;
	uring_io_start(&io);
	sqe = prep(&io, 5);
	assert_int_equal(sqe.opcode, IORING_OP_READ_FIXED);
	assert_int_equal(sqe.flags, IOSQE_FIXED_FILE);
	assert_int_equal(sqe.fd, 3);
	assert_int_equal(sqe.buf_index, 5);
	io.op = BE_WRITE;
	assert_int_equal(prep(&io, 5).opcode, IORING_OP_WRITE_FIXED);
}

static void test_short_transfer_goes_on_where_it_stopped(void **state)
{
	struct be_io io = io_new(BE_WRITE, 8192, 4096, 0);
	struct io_uring_sqe sqe;

	(void)state;
	uring_io_start(&io);
	assert_int_equal(uring_io_advance(&io, 1000), URING_AGAIN);
	sqe = prep(&io, -1);
	assert_int_equal(sqe.off, 9192);
	assert_int_equal(sqe.len, 3096);
	assert_ptr_equal(sqe.addr, data + 1000);
	assert_int_equal(uring_io_advance(&io, 3095), URING_AGAIN);
	assert_done(&io, 1, 0);
}

static void test_end_of_file_is_an_error(void **state)
{
	struct be_io io = io_new(BE_READ, 0, 4096, 0);

	(void)state;
	uring_io_start(&io);
	assert_int_equal(uring_io_advance(&io, 512), URING_AGAIN);
	assert_done(&io, 0, -EIO);
	io = io_new(BE_WRITE, 0, 4096, 0);
	uring_io_start(&io);
	assert_done(&io, 0, -EIO);
}

static void test_interrupted_is_tried_again_but_not_for_ever(void **state)
{
	struct be_io io = io_new(BE_READ, 0, 4096, 0);
	int n = 0;

	(void)state;
	uring_io_start(&io);
	assert_int_equal(uring_io_advance(&io, -EINTR), URING_AGAIN);
	assert_int_equal(prep(&io, -1).off, 0);
	assert_int_equal(uring_io_advance(&io, -EAGAIN), URING_AGAIN);
	/* Progress resets the count. */
	for (int i = 0; i < 90; i++)
		assert_int_equal(uring_io_advance(&io, -EAGAIN), URING_AGAIN);
	assert_int_equal(uring_io_advance(&io, 512), URING_AGAIN);
	while (uring_io_advance(&io, -EAGAIN) == URING_AGAIN)
		assert_true(++n < 1000);
	assert_true(n > 50);
	assert_int_equal(io.result, -EIO);
}

static void test_errors_pass_through(void **state)
{
	const int errors[] = { -EIO, -ENOSPC, -ENODEV, -ENXIO, -EROFS, -EREMOTEIO };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct be_io io = io_new(BE_WRITE, 0, 4096, 0);

		uring_io_start(&io);
		assert_done(&io, errors[i], errors[i]);
	}
}

static int write_flags(uint8_t io_flags, uint8_t *sqe_flags)
{
	struct be_io io = io_new(BE_WRITE, 0, 4096, io_flags);
	struct io_uring_sqe sqe;

	uring_io_start(&io);
	sqe = prep(&io, -1);
	if (sqe_flags)
		*sqe_flags = sqe.flags;
	return sqe.rw_flags;
}

static void test_which_writes_are_synchronous(void **state)
{
	uint8_t flags;

	(void)state;
	assert_int_equal(write_flags(0, &flags), 0);
	assert_int_equal(flags, 0);
	assert_int_equal(write_flags(BE_FUA, &flags), RWF_DSYNC);
	assert_int_equal(flags, IOSQE_ASYNC);
	be.direct = true;
	assert_int_equal(write_flags(BE_FUA, &flags), RWF_DSYNC);
	assert_int_equal(flags, 0);
	be.nv_cache = true;
	assert_int_equal(write_flags(BE_FUA, NULL), 0);
	be.nv_cache = false;
	be.write_through = true;
	assert_int_equal(write_flags(0, NULL), RWF_DSYNC);
}

static void test_fua_does_not_concern_reads(void **state)
{
	struct be_io io = io_new(BE_READ, 0, 4096, BE_FUA);

	(void)state;
	be.write_through = true;
	uring_io_start(&io);
	assert_int_equal(prep(&io, -1).rw_flags, 0);
}

static void test_flush_is_fdatasync(void **state)
{
	struct be_io io = io_new(BE_FLUSH, 0, 0, 0);
	struct io_uring_sqe sqe;

	(void)state;
	assert_int_equal(uring_io_start(&io), URING_AGAIN);
	sqe = prep(&io, -1);
	assert_int_equal(sqe.opcode, IORING_OP_FSYNC);
	assert_int_equal(sqe.fsync_flags, IORING_FSYNC_DATASYNC);
	assert_int_equal(sqe.off, 0);
	assert_int_equal(sqe.len, 0); /* the whole file */
	assert_done(&io, 0, 0);
	uring_io_start(&io);
	assert_done(&io, -EIO, -EIO);
}

static void test_flush_costs_nothing_with_nv_cache(void **state)
{
	struct be_io io = io_new(BE_FLUSH, 0, 0, 0);

	(void)state;
	be.nv_cache = true;
	assert_int_equal(uring_io_start(&io), URING_DONE);
	be.nv_cache = false;
	be.unwritten = true;
	assert_int_equal(uring_io_start(&io), URING_DONE);
	assert_int_equal(io.result, 0);
}

static void test_zeroing_is_fallocate(void **state)
{
	const uint64_t off = 5ull << 40, len = 6ull << 32;
	struct be_io io = io_new(BE_UNMAP, off, len, 0);
	struct io_uring_sqe sqe;

	(void)state;
	assert_int_equal(uring_io_start(&io), URING_AGAIN);
	sqe = prep(&io, -1);
	assert_int_equal(sqe.opcode, IORING_OP_FALLOCATE);
	assert_int_equal(sqe.off, off);
	assert_int_equal(sqe.addr, len);
	assert_int_equal(sqe.len, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	assert_done(&io, 0, 0);

	io.op = BE_WRITE_ZEROES;
	uring_io_start(&io);
	assert_int_equal(prep(&io, -1).len, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
	assert_done(&io, -ENOSPC, -ENOSPC);
}

static void test_zeros_are_written_where_fallocate_is_unknown(void **state)
{
	struct be_io io = io_new(BE_WRITE_ZEROES, 4096, (1u << 20) + 512, 0);
	struct io_uring_sqe sqe;

	(void)state;
	uring_io_start(&io);
	assert_int_equal(uring_io_advance(&io, -EOPNOTSUPP), URING_AGAIN);
	sqe = prep(&io, -1);
	assert_int_equal(sqe.opcode, IORING_OP_WRITE);
	assert_int_equal(sqe.off, 4096);
	assert_int_equal(sqe.len, 1u << 20);
	assert_true(bytes_are((const uint8_t *)(uintptr_t)sqe.addr, sqe.len, 0));
	assert_int_equal(uring_io_advance(&io, 1 << 20), URING_AGAIN);
	sqe = prep(&io, -1);
	assert_int_equal(sqe.off, 4096 + (1u << 20));
	assert_int_equal(sqe.len, 512);
	assert_done(&io, 512, 0);
}

static void test_refusal_is_remembered_per_operation(void **state)
{
	struct be_io io = io_new(BE_WRITE_ZEROES, 0, 4096, 0);

	(void)state;
	uring_io_start(&io);
	uring_io_advance(&io, -EOPNOTSUPP);
	assert_done(&io, 4096, 0);
	io = io_new(BE_WRITE_ZEROES, 0, 4096, 0);
	uring_io_start(&io);
	assert_int_equal(prep(&io, -1).opcode, IORING_OP_WRITE);
	io = io_new(BE_UNMAP, 0, 4096, 0);
	uring_io_start(&io);
	assert_int_equal(prep(&io, -1).opcode, IORING_OP_FALLOCATE);
	/* The answer to a fallocate that was under way is not taken for a byte count. */
	atomic_store(&be.no_punch_hole, true);
	assert_done(&io, 0, 0);
}

static void test_durable_zeroing_ends_with_fdatasync(void **state)
{
	struct be_io io = io_new(BE_WRITE_ZEROES, 0, 4096, BE_FUA);

	(void)state;
	uring_io_start(&io);
	assert_int_equal(uring_io_advance(&io, 0), URING_AGAIN);
	assert_int_equal(prep(&io, -1).opcode, IORING_OP_FSYNC);
	assert_done(&io, 0, 0);

	io = io_new(BE_WRITE_ZEROES, 0, 4096, BE_FUA);
	uring_io_start(&io);
	assert_int_equal(uring_io_advance(&io, -EOPNOTSUPP), URING_AGAIN);
	assert_int_equal(uring_io_advance(&io, 4096), URING_AGAIN);
	assert_int_equal(prep(&io, -1).opcode, IORING_OP_FSYNC);
	assert_done(&io, -EIO, -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_read_is_one_step, setup),
		cmocka_unit_test_setup(test_fixed_file_and_buffer, setup),
		cmocka_unit_test_setup(test_short_transfer_goes_on_where_it_stopped, setup),
		cmocka_unit_test_setup(test_end_of_file_is_an_error, setup),
		cmocka_unit_test_setup(test_interrupted_is_tried_again_but_not_for_ever, setup),
		cmocka_unit_test_setup(test_errors_pass_through, setup),
		cmocka_unit_test_setup(test_which_writes_are_synchronous, setup),
		cmocka_unit_test_setup(test_fua_does_not_concern_reads, setup),
		cmocka_unit_test_setup(test_flush_is_fdatasync, setup),
		cmocka_unit_test_setup(test_flush_costs_nothing_with_nv_cache, setup),
		cmocka_unit_test_setup(test_zeroing_is_fallocate, setup),
		cmocka_unit_test_setup(test_zeros_are_written_where_fallocate_is_unknown, setup),
		cmocka_unit_test_setup(test_refusal_is_remembered_per_operation, setup),
		cmocka_unit_test_setup(test_durable_zeroing_ends_with_fdatasync, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
