/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET LBA STATUS, SBC-3 5.6: which blocks have space in the backend, as it tells. */
#include "scsi/ops.h"

#define HEADER 8u
#define DESCRIPTOR 16u
#define DESCRIPTORS_MAX 64u /* of one command */

/* PROVISIONING STATUS, SBC-3 table 44. */
enum { LBA_MAPPED, LBA_DEALLOCATED };

static uint32_t descriptors_wanted(const struct scsi_cmd *cmd)
{
	uint32_t n = cmd->alloc > HEADER ? (cmd->alloc - HEADER) / DESCRIPTOR : 0;

	return n ? min_u32(n, DESCRIPTORS_MAX) : 1;
}

bool prep_lba_status(struct scsi_cmd *cmd)
{
	if (cmd->lba >= lu_nblocks(cmd->lu))
		return cmd_fail(cmd, SENSE_LBA_OUT_OF_RANGE);
	cmd->aux_len = DESCRIPTORS_MAX * sizeof(struct be_extent);
	return true;
}

/* Puts descriptors of @n blocks; returns how many, @max at most. */
static uint32_t put_blocks(uint8_t *p, uint64_t lba, uint64_t n, uint8_t status, uint32_t max)
{
	uint32_t count = 0, part;

	for (; n && count < max; n -= part, lba += part) {
		part = (uint32_t)min_u64(n, UINT32_MAX);
		put_be64(p + DESCRIPTOR * count, lba);
		put_be32(p + DESCRIPTOR * count + 8, part);
		p[DESCRIPTOR * count + 12] = status;
		count++;
	}
	return count;
}

static void extents_found(struct scsi_cmd *cmd)
{
	const struct be_extent *e = (const struct be_extent *)(const void *)cmd->aux.addr;
	uint32_t max = descriptors_wanted(cmd), count = 0;
	unsigned shift = cmd->lu->block_shift;
	uint64_t lba = cmd->lba;

	if (cmd->io.result) {
		cmd_fail_io(cmd);
		return;
	}
	for (uint32_t i = 0; i < cmd->io.count && count < max; i++) {
		uint64_t n = e[i].len >> shift;

		count += put_blocks(cmd->buf.addr + HEADER + DESCRIPTOR * count, lba, n,
				    e[i].mapped ? LBA_MAPPED : LBA_DEALLOCATED, max - count);
		lba += n;
	}
	put_be32(cmd->buf.addr, HEADER - 4 + DESCRIPTOR * count);
	cmd_reply(cmd, HEADER + DESCRIPTOR * count);
}

void op_lba_status(struct scsi_cmd *cmd)
{
	uint64_t left = lu_nblocks(cmd->lu) - cmd->lba;

	cmd->io.buf = cmd->aux;
	cmd->io.buf.len = descriptors_wanted(cmd) * (uint32_t)sizeof(struct be_extent);
	cmd_io(cmd, BE_EXTENTS, cmd_offset(cmd), left << cmd->lu->block_shift, NULL, extents_found);
}
