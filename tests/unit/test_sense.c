/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <string.h>

static void test_fixed_format(void **state)
{
	uint8_t p[32];
	static const uint8_t want[18] = { 0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24 };

	(void)state;
	memset(p, 0xff, sizeof(p));
	assert_int_equal(sense_build(p, SENSE_INVALID_FIELD_IN_CDB, false), 18);
	assert_memory_equal(p, want, 18);
	assert_int_equal(p[18], 0xff);
}

static void test_descriptor_format(void **state)
{
	uint8_t p[32];
	static const uint8_t want[8] = { 0x72, 0x06, 0x2a, 0x09 };

	(void)state;
	memset(p, 0xff, sizeof(p));
	assert_int_equal(sense_build(p, SENSE_UA_CAPACITY_CHANGED, true), 8);
	assert_memory_equal(p, want, 8);
	assert_int_equal(p[8], 0xff);
}

static void test_status_without_sense(void **state)
{
	static const struct {
		enum scsi_sense s;
		uint8_t status;
	} rows[] = {
		{ SENSE_OK, 0x00 }, { SENSE_BUSY, 0x08 }, { SENSE_TASK_SET_FULL, 0x28 },
		{ SENSE_RESERVATION_CONFLICT, 0x18 }, { SENSE_TASK_ABORTED, 0x40 },
	};
	struct scsi_cmd cmd = { .lu = NULL };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		cmd.sense_len = 9;
		sense_set(&cmd, rows[i].s);
		assert_int_equal(cmd.status, rows[i].status);
		assert_int_equal(cmd.sense_len, 0);
	}
}

/* The numbers are the interface: Linux decides by them what multipath does. */
static void test_codes(void **state)
{
	static const struct {
		enum scsi_sense s;
		uint8_t key, asc, ascq;
	} rows[] = {
		{ SENSE_LU_COMMUNICATION, 2, 0x08, 0 }, { SENSE_MEDIUM_NOT_PRESENT, 2, 0x3a, 0 },
		{ SENSE_WRITE_ERROR, 3, 0x0c, 0 }, { SENSE_READ_ERROR, 3, 0x11, 0 },
		{ SENSE_INTERNAL_FAILURE, 4, 0x44, 0 }, { SENSE_BAD_COMMAND_IU, 5, 0x0e, 3 },
		{ SENSE_PARAMETER_LIST_LENGTH, 5, 0x1a, 0 }, { SENSE_INVALID_OPCODE, 5, 0x20, 0 },
		{ SENSE_LBA_OUT_OF_RANGE, 5, 0x21, 0 }, { SENSE_INVALID_FIELD_IN_CDB, 5, 0x24, 0 },
		{ SENSE_LUN_NOT_SUPPORTED, 5, 0x25, 0 }, { SENSE_INVALID_FIELD_IN_LIST, 5, 0x26,
		  0 },
		{ SENSE_SAVING_NOT_SUPPORTED, 5, 0x39, 0 }, { SENSE_UA_MEDIUM_CHANGED, 6, 0x28, 0 },
		{ SENSE_INVALID_MESSAGE, 5, 0x49, 0 },
		{ SENSE_UA_POWER_ON, 6, 0x29, 0 },
		{ SENSE_UA_LU_RESET, 6, 0x29, 3 }, { SENSE_UA_NEXUS_LOSS, 6, 0x29, 7 },
		{ SENSE_UA_CAPACITY_CHANGED, 6, 0x2a, 9 }, { SENSE_UA_CLEARED_BY_OTHER, 6, 0x2f,
		  0 },
		{ SENSE_UA_LUNS_CHANGED, 6, 0x3f, 0x0e }, { SENSE_WRITE_PROTECTED, 7, 0x27, 0 },
		{ SENSE_SPACE_ALLOCATION_FAILED, 7, 0x27, 7 }, { SENSE_ABORTED, 0xb, 0, 0 },
		{ SENSE_DATA_OUT_FAILED, 0xb, 0x0c, 0x0d }, { SENSE_INTERNAL_RETRY, 0xb, 0x44, 0 },
		{ SENSE_OVERLAPPED_COMMANDS, 0xb, 0x4e, 0 }, { SENSE_MISCOMPARE, 0xe, 0x1d, 0 },
		{ SENSE_FORMAT_IN_PROGRESS, 0x2, 0x04, 0x04 },
		{ SENSE_ALUA_TRANSITION, 0x2, 0x04, 0x0a },
		{ SENSE_ALUA_STANDBY, 0x2, 0x04, 0x0b },
		{ SENSE_ALUA_UNAVAILABLE, 0x2, 0x04, 0x0c },
		{ SENSE_ALUA_OFFLINE, 0x2, 0x04, 0x12 },
		{ SENSE_SANITIZE_IN_PROGRESS, 0x2, 0x04, 0x1b },
		{ SENSE_FORMAT_FAILED, 0x3, 0x31, 0x01 },
		{ SENSE_SANITIZE_FAILED, 0x3, 0x31, 0x03 },
		{ SENSE_SELF_TEST_FAILED, 0x4, 0x3e, 0x03 },
		{ SENSE_SET_GROUPS_FAILED, 0x4, 0x67, 0x0a },
		{ SENSE_INVALID_LIST_VALUE, 0x5, 0x26, 0x02 },
		{ SENSE_INVALID_RELEASE, 0x5, 0x26, 0x04 },
		{ SENSE_TOO_MANY_TARGETS, 0x5, 0x26, 0x06 },
		{ SENSE_TARGET_DESCRIPTOR_TYPE, 0x5, 0x26, 0x07 },
		{ SENSE_TOO_MANY_SEGMENTS, 0x5, 0x26, 0x08 },
		{ SENSE_SEGMENT_DESCRIPTOR_TYPE, 0x5, 0x26, 0x09 },
		{ SENSE_INLINE_DATA_EXCEEDED, 0x5, 0x26, 0x0b },
		{ SENSE_COMMAND_SEQUENCE, 0x5, 0x2c, 0x00 },
		{ SENSE_REGISTRATION_RESOURCES, 0x5, 0x55, 0x04 },
		{ SENSE_UA_MODE_CHANGED, 0x6, 0x2a, 0x01 },
		{ SENSE_UA_PREEMPTED, 0x6, 0x2a, 0x03 },
		{ SENSE_UA_RELEASED, 0x6, 0x2a, 0x04 },
		{ SENSE_UA_REGISTRATIONS_PREEMPTED, 0x6, 0x2a, 0x05 },
		{ SENSE_UA_ALUA_CHANGED, 0x6, 0x2a, 0x06 },
		{ SENSE_UA_ALUA_FAILED, 0x6, 0x2a, 0x07 },
		{ SENSE_UA_INQUIRY_CHANGED, 0x6, 0x3f, 0x03 },
		{ SENSE_SOFTWARE_PROTECTED, 0x7, 0x27, 0x02 },
		{ SENSE_COPY_FAILED, 0xa, 0x0d, 0x01 },
		{ SENSE_COPY_UNREACHABLE, 0xa, 0x0d, 0x02 },
		{ SENSE_COPY_TARGET_TYPE, 0xa, 0x0d, 0x03 },
		{ SENSE_COPY_ABORTED, 0xa, 0x00, 0x00 },
		{ SENSE_COPY_INEXACT, 0xa, 0x26, 0x0a },
		{ SENSE_OPERATION_IN_PROGRESS, 0x5, 0x00, 0x16 },
	};
	uint8_t p[18];

	(void)state;
	/* All of the enum but the five without sense data. */
	assert_int_equal(ARRAY_SIZE(rows) + 5, SENSE_COUNT);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		sense_build(p, rows[i].s, false);
		assert_int_equal(sense_status(rows[i].s), SCSI_CHECK_CONDITION);
		assert_int_equal(p[2], rows[i].key);
		assert_int_equal(p[12], rows[i].asc);
		assert_int_equal(p[13], rows[i].ascq);
	}
}

static void test_information_fits_or_is_invalid(void **state)
{
	struct scsi_cmd cmd = { .lu = NULL };

	(void)state;
	sense_set(&cmd, SENSE_READ_ERROR);
	sense_set_info(&cmd, 0xfedcba98);
	assert_int_equal(cmd.sense[0], 0xf0);
	assert_int_equal(get_be32(cmd.sense + 3), 0xfedcba98);
	sense_set(&cmd, SENSE_READ_ERROR);
	sense_set_info(&cmd, 0x100000000ull);
	assert_int_equal(cmd.sense[0], 0x70);
	assert_int_equal(get_be32(cmd.sense + 3), 0);
}

static void test_field_pointer(void **state)
{
	struct scsi_cmd cmd = { .lu = NULL };

	(void)state;
	sense_set(&cmd, SENSE_INVALID_FIELD_IN_CDB);
	sense_set_field(&cmd, true, 2, 5);
	assert_int_equal(cmd.sense[15], 0xcd);
	assert_int_equal(get_be16(cmd.sense + 16), 2);
	sense_set_field(&cmd, false, 0x123, -1);
	assert_int_equal(cmd.sense[15], 0x80);
	assert_int_equal(get_be16(cmd.sense + 16), 0x123);
}

/* An LU whose control mode page asks for descriptor format. */
static struct lu d_sense_lu = { .modes = { .d_sense = true } };

static void test_d_sense_has_no_exception(void **state)
{
	static const enum scsi_sense rows[] = {
		SENSE_INVALID_OPCODE, SENSE_UA_POWER_ON, SENSE_UA_MODE_CHANGED, SENSE_READ_ERROR,
	};
	struct scsi_cmd cmd = { .lu = &d_sense_lu };
	uint8_t fixed[SENSE_FIXED_LEN];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		sense_build(fixed, rows[i], false);
		sense_set(&cmd, rows[i]);
		assert_int_equal(cmd.sense_len, SENSE_DESC_LEN);
		assert_int_equal(cmd.sense[0], 0x72);
		assert_int_equal(cmd.sense[1], fixed[2]);
		assert_int_equal(cmd.sense[2], fixed[12]);
		assert_int_equal(cmd.sense[3], fixed[13]);
		assert_int_equal(cmd.sense[7], 0);
	}
	sense_set(&cmd, SENSE_RESERVATION_CONFLICT);
	assert_int_equal(cmd.sense_len, 0);
}

static void test_information_descriptor(void **state)
{
	static const uint8_t want[20] = { 0x72, 0x03, 0x11, 0, 0, 0, 0, 12, 0x00, 0x0a, 0x80, 0,
					  0, 0, 0, 1, 2, 3, 4, 5 };
	struct scsi_cmd cmd = { .lu = &d_sense_lu };

	(void)state;
	sense_set(&cmd, SENSE_READ_ERROR);
	sense_set_info(&cmd, 0x102030405ull);
	assert_int_equal(cmd.sense_len, sizeof(want));
	assert_memory_equal(cmd.sense, want, sizeof(want));
}

static void test_field_pointer_descriptor(void **state)
{
	static const uint8_t want[16] = { 0x72, 0x05, 0x26, 0, 0, 0, 0, 8, 0x02, 0x06, 0, 0,
					  0x8b, 0x01, 0x23, 0 };
	struct scsi_cmd cmd = { .lu = &d_sense_lu };

	(void)state;
	sense_set(&cmd, SENSE_INVALID_FIELD_IN_LIST);
	sense_set_field(&cmd, false, 0x123, 3);
	assert_int_equal(cmd.sense_len, sizeof(want));
	assert_memory_equal(cmd.sense, want, sizeof(want));
	/* Both, in either order, fit what is announced. */
	sense_set_info(&cmd, 1);
	assert_int_equal(cmd.sense_len, SENSE_MAX_LEN);
	assert_int_equal(cmd.sense[7], SENSE_MAX_LEN - 8);
}

static void test_progress(void **state)
{
	static struct lu fixed_lu;
	struct scsi_cmd cmd = { .lu = &fixed_lu };

	(void)state;
	fixed_lu.progress = d_sense_lu.progress = 0x4321;
	sense_set(&cmd, SENSE_FORMAT_IN_PROGRESS);
	assert_int_equal(cmd.sense_len, 18);
	assert_int_equal(cmd.sense[15], 0x80);
	assert_int_equal(get_be16(cmd.sense + 16), 0x4321);
	cmd.lu = &d_sense_lu;
	sense_set(&cmd, SENSE_SANITIZE_IN_PROGRESS);
	assert_int_equal(cmd.sense_len, 16);
	assert_int_equal(cmd.sense[8], 0x02);
	assert_int_equal(cmd.sense[12], 0x80);
	assert_int_equal(get_be16(cmd.sense + 13), 0x4321);
	d_sense_lu.progress = 0x10000; /* all of it is as far as the field goes */
	sense_set(&cmd, SENSE_SANITIZE_IN_PROGRESS);
	assert_int_equal(get_be16(cmd.sense + 13), 0xffff);
	sense_set(&cmd, SENSE_ALUA_STANDBY);
	assert_int_equal(cmd.sense_len, 8);
}

static void test_errno(void **state)
{
	static const struct {
		int err;
		enum be_op op;
		enum scsi_sense s;
	} rows[] = {
		{ 0, BE_READ, SENSE_OK },
		{ -EIO, BE_READ, SENSE_READ_ERROR },
		{ -EIO, BE_WRITE, SENSE_WRITE_ERROR },
		{ -EIO, BE_FLUSH, SENSE_WRITE_ERROR },
		{ -EILSEQ, BE_READ, SENSE_READ_ERROR },
		{ -ENOSPC, BE_WRITE, SENSE_SPACE_ALLOCATION_FAILED },
		{ -EROFS, BE_WRITE, SENSE_WRITE_PROTECTED },
		{ -ENODEV, BE_READ, SENSE_LU_COMMUNICATION },
		{ -ESTALE, BE_WRITE, SENSE_LU_COMMUNICATION },
		{ -ENOTCONN, BE_READ, SENSE_LU_COMMUNICATION },
		{ -ENXIO, BE_WRITE, SENSE_LU_COMMUNICATION },
		{ -ENOMEM, BE_READ, SENSE_BUSY },
		{ -EAGAIN, BE_WRITE, SENSE_BUSY },
		{ -ETIMEDOUT, BE_READ, SENSE_INTERNAL_RETRY },
		{ -EINVAL, BE_WRITE, SENSE_INTERNAL_FAILURE },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(sense_from_errno(rows[i].err, rows[i].op), rows[i].s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed_format),
		cmocka_unit_test(test_descriptor_format),
		cmocka_unit_test(test_status_without_sense),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_information_fits_or_is_invalid),
		cmocka_unit_test(test_field_pointer),
		cmocka_unit_test(test_d_sense_has_no_exception),
		cmocka_unit_test(test_information_descriptor),
		cmocka_unit_test(test_field_pointer_descriptor),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
