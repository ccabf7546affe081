/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UNMAP, SBC-3 5.28: all descriptors are checked before the first is carried out. */
#include "scsi/ops.h"

#define LIST_HEADER 8u
#define DESCRIPTOR 16u

bool prep_unmap(struct scsi_cmd *cmd)
{
	if (cmd->alloc && cmd->alloc < LIST_HEADER)
		return cmd_fail(cmd, SENSE_PARAMETER_LIST_LENGTH);
	return true;
}

static const uint8_t *descriptor(const struct scsi_cmd *cmd, uint64_t i)
{
	return cmd->buf.addr + LIST_HEADER + DESCRIPTOR * i;
}

bool unmap_touches(const struct scsi_cmd *cmd, uint64_t first, uint64_t n)
{
	uint32_t room = cmd->out_len < LIST_HEADER ? 0 : (cmd->out_len - LIST_HEADER) / DESCRIPTOR;

	for (uint32_t i = 0; i < room; i++) {
		uint64_t lba = get_be64(descriptor(cmd, i));
		uint32_t count = get_be32(descriptor(cmd, i) + 8);

		if (lba < first ? first - lba < count : lba - first < n && count)
			return true;
	}
	return false;
}

/* False: it has ended the command. arg becomes the number of descriptors. */
static bool list_check(struct scsi_cmd *cmd)
{
	uint64_t size = lu_nblocks(cmd->lu), total = 0;
	uint32_t len = get_be16(cmd->buf.addr + 2);

	if (len > cmd->out_len - LIST_HEADER)
		return cmd_fail(cmd, SENSE_PARAMETER_LIST_LENGTH);
	/* An incomplete descriptor at the end is ignored. */
	cmd->arg = len / DESCRIPTOR;
	if (cmd->arg > UNMAP_MAX_DESCRIPTORS) {
		cmd_bad_param(cmd, 2);
		return false;
	}
	for (uint32_t i = 0; i < cmd->arg; i++) {
		uint64_t lba = get_be64(descriptor(cmd, i));
		uint32_t n = get_be32(descriptor(cmd, i) + 8);

		if (lba > size || n > size - lba)
			return cmd_fail(cmd, SENSE_LBA_OUT_OF_RANGE);
		total += n;
		if (total > UNMAP_MAX_BLOCKS) {
			cmd_bad_param(cmd, LIST_HEADER + DESCRIPTOR * i + 8);
			return false;
		}
	}
	return true;
}

static void unmap_next(struct scsi_cmd *cmd);

static void unmapped(struct scsi_cmd *cmd)
{
	if (cmd->io.result)
		cmd_fail_io(cmd);
	else
		unmap_next(cmd);
}

/* progress: descriptors done. */
static void unmap_next(struct scsi_cmd *cmd)
{
	unsigned shift = cmd->lu->block_shift;

	while (cmd->progress < cmd->arg) {
		const uint8_t *d = descriptor(cmd, cmd->progress++);
		uint64_t bytes = (uint64_t)get_be32(d + 8) << shift;

		if (!bytes)
			continue;
		cmd_io(cmd, BE_UNMAP, get_be64(d) << shift, bytes, NULL, unmapped);
		return;
	}
	cmd_good(cmd);
}

void op_unmap(struct scsi_cmd *cmd)
{
	if (!cmd->out_len)
		cmd_good(cmd);
	else if (list_check(cmd))
		unmap_next(cmd);
}
