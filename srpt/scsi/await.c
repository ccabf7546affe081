/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/await.h"

#include "scsi/access.h"
#include "scsi/alua.h"
#include "scsi/cmd.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"
#include "scsi/optable.h"

static void patience_over(struct reactor_timer *t)
{
	lu_shard_resume(container_of(t, struct lu_shard, patience));
}

void await_init(struct lu_shard *sh)
{
	list_init(&sh->patience.link);
	sh->patience.fn = patience_over;
}

/* Those that wait longest are first on the list, so the timer is always for the next of them. */
static void hold(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;
	uint64_t now = cmd->reactor->now_ns;

	cmd->state = SCSI_CMD_HELD;
	cmd->awaits = true;
	list_add_tail(&sh->held, &cmd->waiter.link);
	if (list_empty(&sh->patience.link))
		reactor_timer_start(cmd->reactor, &sh->patience, cmd->progress - now);
}

/*
 * Not on a port that was active itself: while it is in transition its node may be turned off any
 * moment, as it was lost or cannot demote. Linux sends nothing else to a disk that has refused a
 * write with 02/04/0A until what it has sent is answered; the check of its own ALUA handler, in the
 * hands of a node without power, would keep that write for a minute.
 */
static bool is_worth_it(const struct scsi_cmd *cmd, enum scsi_sense s)
{
	unsigned gate;

	if (s != SENSE_ALUA_STANDBY || cmd->op->exec != op_test_unit_ready || cmd->internal ||
	    atomic_load_explicit(&cmd->itl->nexus->leaves, memory_order_relaxed))
		return false;
	gate = atomic_load_explicit(&cmd->itl->gate, memory_order_relaxed);
	return (gate & (GATE_GUARDED | GATE_TRANSITION)) == GATE_GUARDED &&
	       alua_is_awaited(cmd->lu, cmd->reactor->now_ns);
}

/* Its CDB is looked at here: what is held goes on behind that. */
bool await_begin(struct scsi_cmd *cmd, enum scsi_sense s)
{
	int bit;

	if (!is_worth_it(cmd, s) || optable_refused(cmd->op, cmd->cdb, &bit) >= 0)
		return false;
	cmd->progress = cmd->reactor->now_ns + AWAIT_NS;
	hold(cmd);
	return true;
}

bool await_goes_on(struct scsi_cmd *cmd, enum scsi_sense s)
{
	if (cmd->reactor->now_ns < cmd->progress && is_worth_it(cmd, s)) {
		hold(cmd);
		return true;
	}
	cmd->awaits = false;
	cmd->progress = 0;
	return false;
}
