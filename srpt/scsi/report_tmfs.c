/* SPDX-License-Identifier: GPL-2.0-or-later */
/* REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS, SPC-4 6.36. */
#include "scsi/ops.h"

#define REPD 0x80         /* CDB byte 2: extended parameter data */
#define TMFS_MIN_ALLOC 4u
#define TMFS_LEN 4u
#define TMFS_EXTENDED_LEN 16u
/* ABORT TASK, ABORT TASK SET, CLEAR TASK SET, LOGICAL UNIT RESET: what SRP can carry. */
#define TMFS (0x80 | 0x40 | 0x10 | 0x08)
#define TMFS_SHORT (0x80 | 0x40 | 0x10)
/* In tenths of a second; a reset may first let the requester's commands end. */
#define TMF_LONG_TIMEOUT 50
#define TMF_SHORT_TIMEOUT 20

bool prep_report_tmfs(struct scsi_cmd *cmd)
{
	return cmd->alloc < TMFS_MIN_ALLOC ? cmd_bad_field(cmd, 6, -1) : true;
}

void op_report_tmfs(struct scsi_cmd *cmd)
{
	uint8_t *p = cmd->buf.addr;

	p[0] = TMFS;
	if (!(cmd->cdb[2] & REPD)) {
		cmd_reply(cmd, TMFS_LEN);
		return;
	}
	p[3] = TMFS_EXTENDED_LEN - TMFS_LEN;
	p[4] = 0x01; /* TMFTMOV: the timeouts are valid */
	p[6] = TMFS_SHORT;
	put_be32(p + 8, TMF_LONG_TIMEOUT);
	put_be32(p + 12, TMF_SHORT_TIMEOUT);
	cmd_reply(cmd, TMFS_EXTENDED_LEN);
}
