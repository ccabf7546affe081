/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FORMAT UNIT, SBC-3 5.4: the whole LU reads as zeros afterwards, and gives its space back if
 * it is thin provisioned. There are no defects to map out, so defect lists are refused.
 */
#include "scsi/ops.h"
#include "scsi/wipe.h"

/* CDB byte 1 */
#define FMTPINFO 0xc0 /* protection information; bits SCSI-2 had the LUN in */
#define LONGLIST 0x20
#define FMTDATA 0x10

#define SHORT_HEADER 4u
#define LONG_HEADER 8u

/* Parameter list header, byte 1 */
#define FOV 0x80
#define DPRY 0x40
#define DCRT 0x20
#define STPF 0x10
#define IP 0x08
#define IMMED 0x02

bool prep_format_unit(struct scsi_cmd *cmd)
{
	uint8_t b1 = cmd->cdb[1];

	if (b1 & FMTPINFO)
		return cmd_bad_field(cmd, 1, 7);
	/* Without a list there is nothing about it to say. */
	if (!(b1 & FMTDATA) && b1)
		return cmd_bad_field(cmd, 1, 4);
	if (b1 & FMTDATA)
		cmd->out_len = cmd->buf_len = b1 & LONGLIST ? LONG_HEADER : SHORT_HEADER;
	return wipe_admit(cmd);
}

/* Byte of the parameter list that is not acceptable, or -1. */
static int list_refused(const uint8_t *p, bool longlist)
{
	if (p[0]) /* protection field usage */
		return 0;
	if (p[1] & IP)
		return 1;
	if (!(p[1] & FOV) && (p[1] & (DPRY | DCRT | STPF)))
		return 1;
	if (p[1] & ~(FOV | DPRY | DCRT | STPF | IMMED))
		return 1;
	if (!longlist)
		return get_be16(p + 2) ? 2 : -1;
	if (p[2] || p[3])
		return p[2] ? 2 : 3;
	return get_be32(p + 4) ? 4 : -1;
}

static void format_begin(struct scsi_cmd *cmd)
{
	const struct wipe_params p = {
		.busy = SENSE_FORMAT_IN_PROGRESS,
		.failed = SENSE_FORMAT_FAILED,
		.immed = cmd->arg,
		.passes = 1,
	};

	wipe_begin(cmd, &p);
}

void op_format_unit(struct scsi_cmd *cmd)
{
	int bad = -1;

	if (cmd->out_len) {
		bad = list_refused(cmd->buf.addr, cmd->cdb[1] & LONGLIST);
		cmd->arg = cmd->buf.addr[1] & IMMED;
	}
	if (bad >= 0)
		cmd_bad_param(cmd, (unsigned)bad);
	else
		cmd_control(cmd, format_begin);
}
