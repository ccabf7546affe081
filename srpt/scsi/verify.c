/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VERIFY, SBC-3 5.30, and WRITE AND VERIFY, 5.41: the blocks are read piece by piece
 * into a scratch buffer.
 */
#include "scsi/ops.h"
#include "scsi/optable.h"

#include <string.h>

#define BYTCHK_SHIFT 1 /* CDB byte 1 bits 2:1 */
#define VERIFY_CHUNK (256u << 10)

/* Only read; compare with DATA-OUT; compare each block with the one of DATA-OUT. */
enum { BYTCHK_NONE = 0, BYTCHK_COMPARE = 1, BYTCHK_SAME = 3 };

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

	cmd->aux_len = (uint32_t)min_u64(bytes, VERIFY_CHUNK);
	switch (bytchk(cmd)) {
	case BYTCHK_NONE:
		return true;
	case BYTCHK_SAME:
		bytes = min_u64(bytes, 1u << cmd->lu->block_shift);
		break;
	case BYTCHK_COMPARE:
		if (bytes > IOBUF_MAX_SIZE)
			return cmd_bad_field(cmd, length_byte(cmd), -1);
		break;
	default:
		return cmd_bad_field(cmd, 1, 2);
	}
	cmd->out_len = cmd->buf_len = (uint32_t)bytes;
	return true;
}

/* Where the piece in aux is not what it should be; @len: nowhere. */
static uint64_t verify_piece(const struct scsi_cmd *cmd, uint64_t len)
{
	uint64_t block = 1u << cmd->lu->block_shift, at = 0, same;

	if (bytchk(cmd) == BYTCHK_NONE)
		return len;
	if (bytchk(cmd) == BYTCHK_COMPARE)
		return first_difference(cmd->buf.addr + cmd->progress, cmd->aux.addr, len);
	do {
		same = first_difference(cmd->buf.addr, cmd->aux.addr + at, block);
		at += same;
	} while (same == block && at < len);
	return at;
}

static void verify_next(struct scsi_cmd *cmd);

/* INFORMATION: the first block that differs. */
static void verify_read(struct scsi_cmd *cmd)
{
	uint64_t len = cmd->io.len, at;

	if (cmd->io.result) {
		cmd_fail_io(cmd);
		return;
	}
	at = verify_piece(cmd, len);
	if (at < len) {
		cmd_fail_info(cmd, SENSE_MISCOMPARE,
			      cmd->lba + ((cmd->progress + at) >> cmd->lu->block_shift));
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

/* Of BYTCHK the usage map has the lower bit only: there is nothing else to compare with. */
bool prep_write_and_verify(struct scsi_cmd *cmd)
{
	cmd->aux_len = min_u32(cmd->out_len, VERIFY_CHUNK);
	return true;
}

static void verify_written(struct scsi_cmd *cmd)
{
	if (cmd->io.result) {
		cmd_fail_io(cmd);
		return;
	}
	cmd_count_write(cmd, cmd->out_len);
	cmd->io.flags = 0;
	verify_next(cmd);
}

/* To the medium: what a cache holds would verify nothing. */
void op_write_and_verify(struct scsi_cmd *cmd)
{
	if (!cmd->out_len) {
		cmd_good(cmd);
		return;
	}
	cmd->io.flags = BE_FUA;
	cmd_io(cmd, BE_WRITE, cmd_offset(cmd), cmd->out_len, &cmd->buf, verify_written);
}
