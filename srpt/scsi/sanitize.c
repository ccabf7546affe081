/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SANITIZE, SBC-3 5.32: OVERWRITE, which writes through whatever is below; what a file system
 * or a device there keeps of old blocks is not reached. Nothing here can erase better, so
 * BLOCK ERASE and CRYPTOGRAPHIC ERASE do not exist.
 */
#include "scsi/ops.h"
#include "scsi/wipe.h"

/* CDB byte 1 */
#define IMMED 0x80
#define AUSE 0x20

#define LIST_HEADER 4u
#define INVERT 0x80 /* parameter list, byte 0 */
#define TEST 0x60
#define OVERWRITE_COUNT 0x1f

#define LENGTH_BYTE 7 /* of the CDB */

bool prep_sanitize_overwrite(struct scsi_cmd *cmd)
{
	uint32_t block = 1u << cmd->lu->block_shift;

	if (cmd->alloc <= LIST_HEADER || cmd->alloc > LIST_HEADER + block)
		return cmd_bad_field(cmd, LENGTH_BYTE, -1);
	return wipe_admit(cmd);
}

static void sanitize_begin(struct scsi_cmd *cmd)
{
	const uint8_t *list = cmd->buf.addr;
	const struct wipe_params p = {
		.busy = SENSE_SANITIZE_IN_PROGRESS,
		.failed = SENSE_SANITIZE_FAILED,
		.immed = cmd->cdb[1] & IMMED,
		.ause = cmd->cdb[1] & AUSE,
		.pattern = list + LIST_HEADER,
		.pattern_len = get_be16(list + 2),
		.passes = list[0] & OVERWRITE_COUNT,
		.invert = list[0] & INVERT,
	};

	wipe_begin(cmd, &p);
}

void op_sanitize_overwrite(struct scsi_cmd *cmd)
{
	const uint8_t *list = cmd->buf.addr;
	uint32_t pattern = get_be16(list + 2);

	if ((list[0] & TEST) || !(list[0] & OVERWRITE_COUNT))
		cmd_bad_param(cmd, 0);
	else if (list[1])
		cmd_bad_param(cmd, 1);
	else if (!pattern || pattern > 1u << cmd->lu->block_shift)
		cmd_bad_param(cmd, 2);
	else if (pattern > cmd->out_len - LIST_HEADER)
		cmd_fail(cmd, SENSE_PARAMETER_LIST_LENGTH);
	else
		cmd_control(cmd, sanitize_begin);
}

bool prep_sanitize_exit(struct scsi_cmd *cmd)
{
	return cmd->alloc ? cmd_bad_field(cmd, LENGTH_BYTE, -1) : true;
}

void op_sanitize_exit(struct scsi_cmd *cmd)
{
	cmd_control(cmd, wipe_exit_failure);
}
