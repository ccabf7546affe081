/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/nexus.h"
#include "scsi/ops.h"

#include <string.h>

#define REPORT_LUNS_HEADER 8u
#define REPORT_LUNS_MIN_ALLOC 16u

/* SPC-4 table 267: SELECT REPORT. */
enum { SELECT_ADDRESSED, SELECT_WELL_KNOWN, SELECT_ALL };

void op_test_unit_ready(struct scsi_cmd *cmd)
{
	cmd_good(cmd);
}

/*
 * What REQUEST SENSE tells: a pending unit attention, which is then gone, or why the LU
 * is not ready.
 */
static enum scsi_sense pending_sense(struct scsi_cmd *cmd)
{
	enum scsi_sense s;

	if (!cmd->itl)
		return lun_decode(cmd->lun) == LUN_REPORT_LUNS ? SENSE_OK :
								SENSE_LUN_NOT_SUPPORTED;
	s = ua_take(&cmd->itl->ua, UA_ANY);
	if (!s)
		s = (enum scsi_sense)atomic_load_explicit(&cmd->lu->not_ready,
							  memory_order_relaxed);
	return s;
}

/* DESC alone decides on the format, SPC-4 6.39. */
void op_request_sense(struct scsi_cmd *cmd)
{
	enum scsi_sense s = pending_sense(cmd);
	uint8_t *p = cmd->buf.addr;
	unsigned len = sense_build(p, s, cmd->cdb[1] & 0x01);

	if (sense_has_progress(s))
		len = sense_add_progress(p, len, lu_progress(cmd->lu));
	cmd_reply(cmd, len);
}

bool prep_report_luns(struct scsi_cmd *cmd)
{
	unsigned count = nexus_map(cmd->nexus)->count + 1;

	if (cmd->cdb[2] > SELECT_ALL)
		return cmd_bad_field(cmd, 2, -1);
	if (cmd->alloc < REPORT_LUNS_MIN_ALLOC)
		return cmd_bad_field(cmd, 6, -1);
	if (REPORT_LUNS_HEADER + 8 * count > cmd->buf_len)
		cmd->buf_len = REPORT_LUNS_HEADER + 8 * count;
	return true;
}

void op_report_luns(struct scsi_cmd *cmd)
{
	const struct lun_map *m = nexus_map(cmd->nexus);
	uint8_t *p = cmd->buf.addr + REPORT_LUNS_HEADER;
	unsigned room = (cmd->buf_len - REPORT_LUNS_HEADER) / 8 - 1, n = 0;

	/* The map may have grown while the command waited for its buffer. */
	if (cmd->cdb[2] != SELECT_WELL_KNOWN)
		for (; n < m->count && n < room; n++)
			lun_encode(p + 8 * n, m->itls[n]->lun);
	if (cmd->cdb[2] != SELECT_ADDRESSED)
		put_be16(p + 8 * n++, 0xc101);
	put_be32(cmd->buf.addr, 8 * n);
	for (unsigned i = 0; i < m->count; i++)
		ua_clear(&m->itls[i]->ua, UA_LUNS_CHANGED);
	cmd_reply(cmd, REPORT_LUNS_HEADER + 8 * n);
}
