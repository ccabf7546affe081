/* SPDX-License-Identifier: GPL-2.0-or-later */
/* READ DEFECT DATA, SBC-3 5.17: whatever lists are asked for, in any format, are empty. */
#include "scsi/ops.h"

void op_read_defect_10(struct scsi_cmd *cmd)
{
	cmd->buf.addr[1] = cmd->cdb[2] & 0x1f;
	cmd_reply(cmd, 4);
}

void op_read_defect_12(struct scsi_cmd *cmd)
{
	cmd->buf.addr[1] = cmd->cdb[1] & 0x1f;
	cmd_reply(cmd, 8);
}
