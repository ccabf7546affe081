/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/sense.h"

#include "base/bytes.h"
#include "scsi/lu.h"
#include "scsi/scsi.h"

#include <errno.h>
#include <string.h>

#define SENSE_FORMAT_FIXED 0x70
#define SENSE_FORMAT_DESCRIPTOR 0x72
#define SENSE_VALID 0x80 /* fixed format, byte 0; information descriptor, byte 2 */
#define SKSV 0x80        /* the sense-key specific bytes are valid */
#define SKSV_CDB 0x40
#define SKSV_BPV 0x08
#define DESC_INFORMATION 0x00 /* SPC-4 4.5.2.2 */
#define DESC_INFORMATION_LEN 12u
#define DESC_COMMAND 0x01 /* SPC-4 4.5.2.3 */
#define DESC_COMMAND_LEN 12u
#define DESC_SPECIFIC 0x02 /* SPC-4 4.5.2.4 */
#define DESC_SPECIFIC_LEN 8u

static const struct {
	uint8_t status, key, asc, ascq;
} senses[] = {
	[SENSE_OK] = { SCSI_GOOD, 0x0, 0x00, 0x00 },
	[SENSE_BUSY] = { SCSI_BUSY, 0, 0, 0 },
	[SENSE_TASK_SET_FULL] = { SCSI_TASK_SET_FULL, 0, 0, 0 },
	[SENSE_RESERVATION_CONFLICT] = { SCSI_RESERVATION_CONFLICT, 0, 0, 0 },
	[SENSE_TASK_ABORTED] = { SCSI_TASK_ABORTED, 0, 0, 0 },
	[SENSE_FORMAT_IN_PROGRESS] = { SCSI_CHECK_CONDITION, 0x2, 0x04, 0x04 },
	[SENSE_ALUA_TRANSITION] = { SCSI_CHECK_CONDITION, 0x2, 0x04, 0x0a },
	[SENSE_ALUA_STANDBY] = { SCSI_CHECK_CONDITION, 0x2, 0x04, 0x0b },
	[SENSE_ALUA_UNAVAILABLE] = { SCSI_CHECK_CONDITION, 0x2, 0x04, 0x0c },
	[SENSE_ALUA_OFFLINE] = { SCSI_CHECK_CONDITION, 0x2, 0x04, 0x12 },
	[SENSE_SANITIZE_IN_PROGRESS] = { SCSI_CHECK_CONDITION, 0x2, 0x04, 0x1b },
	[SENSE_LU_COMMUNICATION] = { SCSI_CHECK_CONDITION, 0x2, 0x08, 0x00 },
	[SENSE_MEDIUM_NOT_PRESENT] = { SCSI_CHECK_CONDITION, 0x2, 0x3a, 0x00 },
	[SENSE_WRITE_ERROR] = { SCSI_CHECK_CONDITION, 0x3, 0x0c, 0x00 },
	[SENSE_READ_ERROR] = { SCSI_CHECK_CONDITION, 0x3, 0x11, 0x00 },
	[SENSE_FORMAT_FAILED] = { SCSI_CHECK_CONDITION, 0x3, 0x31, 0x01 },
	[SENSE_SANITIZE_FAILED] = { SCSI_CHECK_CONDITION, 0x3, 0x31, 0x03 },
	[SENSE_SELF_TEST_FAILED] = { SCSI_CHECK_CONDITION, 0x4, 0x3e, 0x03 },
	[SENSE_INTERNAL_FAILURE] = { SCSI_CHECK_CONDITION, 0x4, 0x44, 0x00 },
	[SENSE_SET_GROUPS_FAILED] = { SCSI_CHECK_CONDITION, 0x4, 0x67, 0x0a },
	[SENSE_BAD_COMMAND_IU] = { SCSI_CHECK_CONDITION, 0x5, 0x0e, 0x03 },
	[SENSE_PARAMETER_LIST_LENGTH] = { SCSI_CHECK_CONDITION, 0x5, 0x1a, 0x00 },
	[SENSE_INVALID_OPCODE] = { SCSI_CHECK_CONDITION, 0x5, 0x20, 0x00 },
	[SENSE_LBA_OUT_OF_RANGE] = { SCSI_CHECK_CONDITION, 0x5, 0x21, 0x00 },
	[SENSE_INVALID_FIELD_IN_CDB] = { SCSI_CHECK_CONDITION, 0x5, 0x24, 0x00 },
	[SENSE_LUN_NOT_SUPPORTED] = { SCSI_CHECK_CONDITION, 0x5, 0x25, 0x00 },
	[SENSE_INVALID_FIELD_IN_LIST] = { SCSI_CHECK_CONDITION, 0x5, 0x26, 0x00 },
	[SENSE_INVALID_LIST_VALUE] = { SCSI_CHECK_CONDITION, 0x5, 0x26, 0x02 },
	[SENSE_INVALID_RELEASE] = { SCSI_CHECK_CONDITION, 0x5, 0x26, 0x04 },
	[SENSE_TOO_MANY_TARGETS] = { SCSI_CHECK_CONDITION, 0x5, 0x26, 0x06 },
	[SENSE_TARGET_DESCRIPTOR_TYPE] = { SCSI_CHECK_CONDITION, 0x5, 0x26, 0x07 },
	[SENSE_TOO_MANY_SEGMENTS] = { SCSI_CHECK_CONDITION, 0x5, 0x26, 0x08 },
	[SENSE_SEGMENT_DESCRIPTOR_TYPE] = { SCSI_CHECK_CONDITION, 0x5, 0x26, 0x09 },
	[SENSE_INLINE_DATA_EXCEEDED] = { SCSI_CHECK_CONDITION, 0x5, 0x26, 0x0b },
	[SENSE_OPERATION_IN_PROGRESS] = { SCSI_CHECK_CONDITION, 0x5, 0x00, 0x16 },
	[SENSE_COMMAND_SEQUENCE] = { SCSI_CHECK_CONDITION, 0x5, 0x2c, 0x00 },
	[SENSE_SAVING_NOT_SUPPORTED] = { SCSI_CHECK_CONDITION, 0x5, 0x39, 0x00 },
	[SENSE_INVALID_MESSAGE] = { SCSI_CHECK_CONDITION, 0x5, 0x49, 0x00 },
	[SENSE_REGISTRATION_RESOURCES] = { SCSI_CHECK_CONDITION, 0x5, 0x55, 0x04 },
	[SENSE_UA_MEDIUM_CHANGED] = { SCSI_CHECK_CONDITION, 0x6, 0x28, 0x00 },
	[SENSE_UA_POWER_ON] = { SCSI_CHECK_CONDITION, 0x6, 0x29, 0x00 },
	[SENSE_UA_LU_RESET] = { SCSI_CHECK_CONDITION, 0x6, 0x29, 0x03 },
	[SENSE_UA_NEXUS_LOSS] = { SCSI_CHECK_CONDITION, 0x6, 0x29, 0x07 },
	[SENSE_UA_MODE_CHANGED] = { SCSI_CHECK_CONDITION, 0x6, 0x2a, 0x01 },
	[SENSE_UA_PREEMPTED] = { SCSI_CHECK_CONDITION, 0x6, 0x2a, 0x03 },
	[SENSE_UA_RELEASED] = { SCSI_CHECK_CONDITION, 0x6, 0x2a, 0x04 },
	[SENSE_UA_REGISTRATIONS_PREEMPTED] = { SCSI_CHECK_CONDITION, 0x6, 0x2a, 0x05 },
	[SENSE_UA_ALUA_CHANGED] = { SCSI_CHECK_CONDITION, 0x6, 0x2a, 0x06 },
	[SENSE_UA_ALUA_FAILED] = { SCSI_CHECK_CONDITION, 0x6, 0x2a, 0x07 },
	[SENSE_UA_CAPACITY_CHANGED] = { SCSI_CHECK_CONDITION, 0x6, 0x2a, 0x09 },
	[SENSE_UA_CLEARED_BY_OTHER] = { SCSI_CHECK_CONDITION, 0x6, 0x2f, 0x00 },
	[SENSE_UA_INQUIRY_CHANGED] = { SCSI_CHECK_CONDITION, 0x6, 0x3f, 0x03 },
	[SENSE_UA_LUNS_CHANGED] = { SCSI_CHECK_CONDITION, 0x6, 0x3f, 0x0e },
	[SENSE_WRITE_PROTECTED] = { SCSI_CHECK_CONDITION, 0x7, 0x27, 0x00 },
	[SENSE_SOFTWARE_PROTECTED] = { SCSI_CHECK_CONDITION, 0x7, 0x27, 0x02 },
	[SENSE_SPACE_ALLOCATION_FAILED] = { SCSI_CHECK_CONDITION, 0x7, 0x27, 0x07 },
	[SENSE_COPY_ABORTED] = { SCSI_CHECK_CONDITION, 0xa, 0x00, 0x00 },
	[SENSE_COPY_FAILED] = { SCSI_CHECK_CONDITION, 0xa, 0x0d, 0x01 },
	[SENSE_COPY_UNREACHABLE] = { SCSI_CHECK_CONDITION, 0xa, 0x0d, 0x02 },
	[SENSE_COPY_TARGET_TYPE] = { SCSI_CHECK_CONDITION, 0xa, 0x0d, 0x03 },
	[SENSE_COPY_INEXACT] = { SCSI_CHECK_CONDITION, 0xa, 0x26, 0x0a },
	[SENSE_ABORTED] = { SCSI_CHECK_CONDITION, 0xb, 0x00, 0x00 },
	[SENSE_DATA_OUT_FAILED] = { SCSI_CHECK_CONDITION, 0xb, 0x0c, 0x0d },
	[SENSE_INTERNAL_RETRY] = { SCSI_CHECK_CONDITION, 0xb, 0x44, 0x00 },
	[SENSE_OVERLAPPED_COMMANDS] = { SCSI_CHECK_CONDITION, 0xb, 0x4e, 0x00 },
	[SENSE_MISCOMPARE] = { SCSI_CHECK_CONDITION, 0xe, 0x1d, 0x00 },
};
STATIC_ASSERT(ARRAY_SIZE(senses) == SENSE_COUNT);

uint8_t sense_status(enum scsi_sense s)
{
	return senses[s].status;
}

unsigned sense_build(uint8_t *p, enum scsi_sense s, bool descriptor)
{
	if (descriptor) {
		memset(p, 0, SENSE_DESC_LEN);
		p[0] = SENSE_FORMAT_DESCRIPTOR;
		p[1] = senses[s].key;
		p[2] = senses[s].asc;
		p[3] = senses[s].ascq;
		return SENSE_DESC_LEN;
	}
	memset(p, 0, SENSE_FIXED_LEN);
	p[0] = SENSE_FORMAT_FIXED;
	p[2] = senses[s].key;
	p[7] = SENSE_FIXED_LEN - 8;
	p[12] = senses[s].asc;
	p[13] = senses[s].ascq;
	return SENSE_FIXED_LEN;
}

static bool is_descriptor(const uint8_t *p)
{
	return (p[0] & 0x7f) == SENSE_FORMAT_DESCRIPTOR;
}

/* Room for a descriptor of @len bytes behind the @used ones. */
static uint8_t *descriptor_add(uint8_t *p, unsigned used, uint8_t type, unsigned len)
{
	uint8_t *d = p + used;

	memset(d, 0, len);
	d[0] = type;
	d[1] = (uint8_t)(len - 2);
	p[7] = (uint8_t)(used + len - SENSE_DESC_LEN);
	return d;
}

static unsigned sense_add_specific(uint8_t *p, unsigned len, uint8_t first, uint16_t rest)
{
	uint8_t *sks = p + 15;

	if (is_descriptor(p)) {
		sks = descriptor_add(p, len, DESC_SPECIFIC, DESC_SPECIFIC_LEN) + 4;
		len += DESC_SPECIFIC_LEN;
	}
	sks[0] = SKSV | first;
	put_be16(sks + 1, rest);
	return len;
}

unsigned sense_add_progress(uint8_t *p, unsigned len, uint16_t progress)
{
	return sense_add_specific(p, len, 0, progress);
}

bool sense_has_progress(enum scsi_sense s)
{
	return s == SENSE_FORMAT_IN_PROGRESS || s == SENSE_SANITIZE_IN_PROGRESS;
}

static unsigned lu_sense(const struct lu *lu, uint8_t *p, enum scsi_sense s)
{
	bool descriptor = lu && atomic_load_explicit(&lu->modes.d_sense, memory_order_relaxed);
	unsigned len = sense_build(p, s, descriptor);

	if (lu && sense_has_progress(s))
		len = sense_add_progress(p, len, lu_progress(lu));
	return len;
}

void sense_set(struct scsi_cmd *cmd, enum scsi_sense s)
{
	cmd->status = senses[s].status;
	cmd->sense_len = 0;
	if (cmd->status == SCSI_CHECK_CONDITION)
		cmd->sense_len = (uint8_t)lu_sense(cmd->lu, cmd->sense, s);
}

void sense_set_info(struct scsi_cmd *cmd, uint64_t info)
{
	uint8_t *p = cmd->sense, *d;

	if (is_descriptor(p)) {
		d = descriptor_add(p, cmd->sense_len, DESC_INFORMATION, DESC_INFORMATION_LEN);
		cmd->sense_len += DESC_INFORMATION_LEN;
		d[2] = SENSE_VALID;
		put_be64(d + 4, info);
	} else if (info <= UINT32_MAX) {
		p[0] |= SENSE_VALID;
		put_be32(p + 3, (uint32_t)info);
	}
}

void sense_set_command(struct scsi_cmd *cmd, uint32_t info)
{
	uint8_t *p = cmd->sense;

	if (is_descriptor(p)) {
		p = descriptor_add(p, cmd->sense_len, DESC_COMMAND, DESC_COMMAND_LEN) + 4;
		cmd->sense_len += DESC_COMMAND_LEN;
		put_be32(p + 4, info);
	} else {
		put_be32(p + 8, info);
	}
}

bool sense_is(const struct scsi_cmd *cmd, enum scsi_sense s)
{
	const uint8_t *p = cmd->sense;
	unsigned asc = is_descriptor(p) ? 2 : 12, key = is_descriptor(p) ? p[1] : p[2] & 0x0f;

	if (cmd->status != senses[s].status)
		return false;
	return cmd->status != SCSI_CHECK_CONDITION ||
	       (key == senses[s].key && p[asc] == senses[s].asc && p[asc + 1] == senses[s].ascq);
}

void sense_set_field(struct scsi_cmd *cmd, bool in_cdb, unsigned byte, int bit)
{
	uint8_t first = in_cdb ? SKSV_CDB : 0;

	if (bit >= 0)
		first |= (uint8_t)(SKSV_BPV | bit);
	cmd->sense_len = (uint8_t)sense_add_specific(cmd->sense, cmd->sense_len, first,
						     (uint16_t)byte);
}

enum scsi_sense sense_from_errno(int err, enum be_op op)
{
	static const bool reads[BE_OPS] = {
		[BE_READ] = true, [BE_EXTENTS] = true, [BE_USAGE] = true,
	};

	switch (-err) {
	case 0:
		return SENSE_OK;
	case ENOSPC:
	case EDQUOT:
		return SENSE_SPACE_ALLOCATION_FAILED;
	case EROFS:
	case EPERM:
	case EACCES:
	case EBADF:
		return SENSE_WRITE_PROTECTED;
	case ENODEV:
	case ENXIO:
	case ENOMEDIUM:
	case ESTALE: /* of network file systems */
	case ENOTCONN:
		return SENSE_LU_COMMUNICATION;
	case ENOMEM:
	case EAGAIN:
	case EBUSY:
		return SENSE_BUSY;
	case ETIMEDOUT:
	case EINTR:
	case ECANCELED:
		return SENSE_INTERNAL_RETRY;
	case EINVAL:
	case EFAULT:
	case EOPNOTSUPP:
		return SENSE_INTERNAL_FAILURE;
	default:
		return reads[op] ? SENSE_READ_ERROR : SENSE_WRITE_ERROR;
	}
}
