/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VERIFY, SBC-3 5.30: the blocks are read piece by piece into a scratch buffer. */
#include "scsi/ops.h"
#include "scsi/optable.h"

#include <string.h>

#define BYTCHK_SHIFT 1 /* CDB byte 1 bits 2:1 */
#define VERIFY_CHUNK (256u << 10)

/* 0: only read; 1: compare with DATA-OUT. */
enum { BYTCHK_NONE, BYTCHK_COMPARE };

static unsigned bytchk(const struct scsi_cmd *cmd)
{
	return cmd->cdb[1] >> BYTCHK_SHIFT & 3;
}

/* CDB byte of the verification length. */
static unsigned length_byte(const struct scsi_cmd *cmd)
{
	return cmd->op->cdb_len == 16 ? 10 : cmd->op->cdb_len == 12 ? 6 : 7;
}

bool prep_verify(struct scsi_cmd *cmd)
{
	uint64_t bytes = cmd_bytes(cmd);

	if (bytchk(cmd) > BYTCHK_COMPARE)
		return cmd_bad_field(cmd, 1, 2);
	cmd->aux_len = (uint32_t)min_u64(bytes, VERIFY_CHUNK);
	if (bytchk(cmd) == BYTCHK_NONE)
		return true;
	if (bytes > IOBUF_MAX_SIZE)
		return cmd_bad_field(cmd, length_byte(cmd), -1);
	cmd->out_len = cmd->buf_len = (uint32_t)bytes;
	return true;
}

/* INFORMATION: the first block that differs. */
static void miscompare(struct scsi_cmd *cmd)
{
	const uint8_t *want = cmd->buf.addr + cmd->progress, *is = cmd->aux.addr;
	uint64_t at = 0;

	while (want[at] == is[at])
		at++;
	sense_set(cmd, SENSE_MISCOMPARE);
	sense_set_info(cmd, cmd->lba + ((cmd->progress + at) >> cmd->lu->block_shift));
	cmd->wanted = 0;
	cmd_good(cmd);
}

static void verify_next(struct scsi_cmd *cmd);

static void verify_read(struct scsi_cmd *cmd)
{
	uint64_t len = cmd->io.len;

	if (cmd->io.result) {
		cmd_fail_io(cmd);
		return;
	}
	if (bytchk(cmd) == BYTCHK_COMPARE &&
	    memcmp(cmd->buf.addr + cmd->progress, cmd->aux.addr, len) != 0) {
		miscompare(cmd);
		return;
	}
	cmd->progress += len;
	verify_next(cmd);
}

static void verify_next(struct scsi_cmd *cmd)
{
	uint64_t left = cmd_bytes(cmd) - cmd->progress;

	if (left)
		cmd_io(cmd, BE_READ, cmd_offset(cmd) + cmd->progress, min_u64(left, VERIFY_CHUNK),
		       &cmd->aux, verify_read);
	else
		cmd_good(cmd);
}

void op_verify(struct scsi_cmd *cmd)
{
	verify_next(cmd);
}
