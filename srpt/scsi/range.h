/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which commands of an LU must not run at the same time.
 *
 * - A range is what an OP_ATOMIC command (COMPARE AND WRITE …) takes before it runs:
 *   no other write to its blocks, of any nexus on any reactor, runs meanwhile.
 * - An ORDERED command (SAM-5 8.6) runs after all that its reactor admitted before
 *   it, and what comes later waits; for the other reactors it takes a range that
 *   keeps all commands out, reads too. HEAD OF QUEUE passes.
 *
 * A range goes from the command's reactor to the LU's home, which grants those that
 * do not exclude each other in the order they came. Then each reactor takes it on
 * its shard, lets no such command begin any more, and answers when none is in
 * execution. Nobody else writes a byte of shared memory: an ordinary command looks
 * at one word of its own shard (lu_shard.barriers).
 *
 * No circle of waiting: who has or wants a range has its buffers and its data, and
 * waits for commands in execution only, which have theirs; not for an EXTENDED COPY
 * of another reactor, whose writes may wait for this or another range, but for the
 * READ or WRITE it has in execution. Who waits for its data
 * or for a buffer is nobody's reason to wait, but of ORDERED commands that came
 * later to the same reactor, which have no buffer yet.
 */
#ifndef SRPT_SCSI_RANGE_H
#define SRPT_SCSI_RANGE_H

#include "base/list.h"
#include "base/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

struct lu;
struct lu_shard;
struct scsi_cmd;

/* Ranges that commands of one LU on one reactor may have or want at a time. */
#define RANGE_SLOTS 4

/* Memory of an LU's ranges. Control thread. 0 or -ENOMEM. */
int range_lu_init(struct lu *lu);
void range_lu_fini(struct lu *lu);

/*
 * Its turn to get buffers? False: it is held, and goes on with cmd_go_on(). Asked for
 * a command on an LU that is ORDERED, or when its shard has barriers.
 */
bool range_turn(struct scsi_cmd *cmd);

/* As above, to execute, with buffers and data; also asked for OP_ATOMIC. */
bool range_enter(struct scsi_cmd *cmd);

/*
 * @cmd is RESPONDING or about to leave, or is aborted while its data is fetched: who waits for
 * it, or for its range, goes on. Not inside, but in a later round.
 */
void range_left(struct scsi_cmd *cmd);

/* The ORDERED command whose turn it is goes on. */
void range_shard_resume(struct lu_shard *sh);

/* Go on with a command that was held (dispatch.c). Not inside the functions above. */
void cmd_go_on(struct scsi_cmd *cmd);

#endif
