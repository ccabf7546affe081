/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COMPARE AND WRITE, SBC-3 5.2: DATA-OUT is what must be there, then what is written
 * instead. Reads and writes with its blocks for itself (OP_ATOMIC).
 */
#include "scsi/ops.h"

#include <string.h>

bool prep_compare_and_write(struct scsi_cmd *cmd)
{
	uint64_t bytes = cmd_bytes(cmd);

	cmd->out_len = cmd->buf_len = (uint32_t)(2 * bytes);
	cmd->aux_len = (uint32_t)bytes;
	/* More than both halves: initiator and target do not mean the same blocks. */
	return cmd->data_out_len > cmd->out_len ? cmd_fail(cmd, SENSE_BAD_COMMAND_IU) : true;
}

static void caw_written(struct scsi_cmd *cmd)
{
	cmd_write_ends(cmd, cmd_bytes(cmd));
}

/* The second half of buf may lie where the backend cannot write from. */
static void caw_read(struct scsi_cmd *cmd)
{
	size_t bytes = cmd_bytes(cmd), at;

	if (cmd->io.result) {
		cmd_fail_io(cmd);
		return;
	}
	at = first_difference(cmd->buf.addr, cmd->aux.addr, bytes);
	if (at < bytes) {
		cmd_fail_info(cmd, SENSE_MISCOMPARE, at);
		return;
	}
	memcpy(cmd->aux.addr, cmd->buf.addr + bytes, bytes);
	if (cmd->cdb[1] & CDB_FUA)
		cmd->io.flags = BE_FUA;
	cmd_io(cmd, BE_WRITE, cmd_offset(cmd), bytes, &cmd->aux, caw_written);
}

void op_compare_and_write(struct scsi_cmd *cmd)
{
	if (cmd->out_len)
		cmd_io(cmd, BE_READ, cmd_offset(cmd), cmd_bytes(cmd), &cmd->aux, caw_read);
	else
		cmd_good(cmd);
}
