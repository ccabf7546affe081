/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ORWRITE(16), SBC-3 5.7: blocks are read, ORed with DATA-OUT and written, piece by
 * piece in a scratch buffer, with all of them for itself (OP_ATOMIC).
 */
#include "scsi/ops.h"

#define OR_CHUNK (256u << 10)

bool prep_orwrite(struct scsi_cmd *cmd)
{
	uint64_t bytes = cmd_bytes(cmd);

	if (bytes > IOBUF_MAX_SIZE)
		return cmd_bad_field(cmd, 10, -1);
	cmd->out_len = cmd->buf_len = (uint32_t)bytes;
	cmd->aux_len = min_u32(cmd->out_len, OR_CHUNK);
	return true;
}

static void or_next(struct scsi_cmd *cmd);

static void or_written(struct scsi_cmd *cmd)
{
	if (cmd->io.result) {
		cmd_fail_io(cmd);
		return;
	}
	cmd->progress += cmd->io.len;
	or_next(cmd);
}

static void or_read(struct scsi_cmd *cmd)
{
	const uint8_t *from = cmd->buf.addr + cmd->progress;
	uint64_t len = cmd->io.len;

	if (cmd->io.result) {
		cmd_fail_io(cmd);
		return;
	}
	for (uint64_t i = 0; i < len; i++)
		cmd->aux.addr[i] |= from[i];
	cmd->io.flags = cmd->cdb[1] & CDB_FUA ? BE_FUA : 0;
	cmd_io(cmd, BE_WRITE, cmd_offset(cmd) + cmd->progress, len, &cmd->aux, or_written);
}

static void or_next(struct scsi_cmd *cmd)
{
	uint64_t left = cmd->out_len - cmd->progress;

	if (left) {
		cmd->io.flags = 0;
		cmd_io(cmd, BE_READ, cmd_offset(cmd) + cmd->progress, min_u64(left, OR_CHUNK),
		       &cmd->aux, or_read);
	} else {
		/* The first pieces may be of before WCE went. */
		if (cmd->out_len > OR_CHUNK && !(cmd->cdb[1] & CDB_FUA))
			cmd->io.flags = 0;
		cmd_write_ends(cmd, cmd->out_len);
	}
}

void op_orwrite(struct scsi_cmd *cmd)
{
	if (cmd->out_len)
		or_next(cmd);
	else
		cmd_good(cmd);
}
