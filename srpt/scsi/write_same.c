/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WRITE SAME, SBC-3 5.50. A block of zeros is left to the backend; any other is
 * repeated in a scratch buffer which is then written over the range.
 */
#include "scsi/ops.h"
#include "scsi/optable.h"

#include <errno.h>
#include <string.h>

#define UNMAP_BIT 0x08 /* CDB byte 1 */
#define NDOB 0x01      /* no DATA-OUT: the block is zeros; 16-byte form only */
#define FILL_CHUNK (256u << 10)

static bool has_data(const struct scsi_cmd *cmd)
{
	return !(cmd->cdb[1] & NDOB);
}

bool prep_write_same(struct scsi_cmd *cmd)
{
	uint64_t bytes = cmd_bytes(cmd);
	unsigned length = cmd->op->cdb_len == 16 ? 10 : 7;

	if ((cmd->cdb[1] & UNMAP_BIT) && !cmd->lu->thin)
		return cmd_bad_field(cmd, 1, 3);
	/* WSNZ: 0 does not mean all the rest. */
	if (!cmd->nblocks || bytes > WRITE_SAME_MAX_BYTES)
		return cmd_bad_field(cmd, length, -1);
	if (has_data(cmd)) {
		cmd->out_len = cmd->buf_len = 1u << cmd->lu->block_shift;
		/* More than the one block: initiator and target do not mean the same. */
		if (cmd->data_out_len > cmd->out_len)
			return cmd_fail(cmd, SENSE_BAD_COMMAND_IU);
	}
	cmd->aux_len = (uint32_t)min_u64(bytes, FILL_CHUNK);
	return true;
}

static void fill_next(struct scsi_cmd *cmd);

static void fill_written(struct scsi_cmd *cmd)
{
	if (cmd->io.result) {
		cmd_fail_io(cmd);
		return;
	}
	cmd->progress += cmd->io.len;
	fill_next(cmd);
}

static void fill_next(struct scsi_cmd *cmd)
{
	uint64_t left = cmd_bytes(cmd) - cmd->progress;

	if (left) {
		cmd_io(cmd, BE_WRITE, cmd_offset(cmd) + cmd->progress, min_u64(left, cmd->aux_len),
		       &cmd->aux, fill_written);
		return;
	}
	/* The first pieces may be of before WCE went. */
	if (cmd->progress > cmd->aux_len)
		cmd->io.flags = 0;
	cmd_write_good(cmd);
}

static void fill(struct scsi_cmd *cmd)
{
	uint32_t block = 1u << cmd->lu->block_shift;

	if (!has_data(cmd))
		memset(cmd->aux.addr, 0, cmd->aux_len);
	else
		for (uint32_t at = 0; at < cmd->aux_len; at += block)
			memcpy(cmd->aux.addr + at, cmd->buf.addr, block);
	fill_next(cmd);
}

static void zeroes_written(struct scsi_cmd *cmd)
{
	if (cmd->io.result == -EOPNOTSUPP)
		fill(cmd);
	else if (cmd->io.result || cmd->io.op == BE_UNMAP)
		cmd_io_ends(cmd);
	else
		cmd_write_good(cmd);
}

static bool block_is_zero(const struct scsi_cmd *cmd)
{
	const uint8_t *p = cmd->buf.addr;
	uint32_t block = 1u << cmd->lu->block_shift;

	return !has_data(cmd) || (!p[0] && !memcmp(p, p + 1, block - 1));
}

/* Unmapped blocks read as zeros: no other block may be written by unmapping. */
void op_write_same(struct scsi_cmd *cmd)
{
	enum be_op op = cmd->cdb[1] & UNMAP_BIT ? BE_UNMAP : BE_WRITE_ZEROES;

	if (block_is_zero(cmd))
		cmd_io(cmd, op, cmd_offset(cmd), cmd_bytes(cmd), NULL, zeroes_written);
	else
		fill(cmd);
}
