/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PRE-FETCH, SBC-3 5.10: a hint to the backend. What comes into the cache stays there only as
 * long as there is room, so the answer is GOOD and never CONDITION MET; with IMMED it is no
 * other, as the hint does not wait for the medium either.
 */
#include "scsi/ops.h"

#define PREFETCH_MAX_BYTES (16u << 20) /* the rest of a longer one is not worth it */

void op_prefetch(struct scsi_cmd *cmd)
{
	uint64_t blocks = cmd->nblocks ? cmd->nblocks : lu_nblocks(cmd->lu) - cmd->lba;
	uint64_t most = PREFETCH_MAX_BYTES >> cmd->lu->block_shift;

	blocks = min_u64(blocks, most);
	if (blocks)
		cmd_io(cmd, BE_PREFETCH, cmd_offset(cmd), blocks << cmd->lu->block_shift, NULL,
		       cmd_io_ends);
	else
		cmd_good(cmd);
}
