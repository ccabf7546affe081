/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/gate.h"

#include "scsi/access.h"
#include "scsi/optable.h"
#include "scsi/task.h"

/* ---- the word and its lease ---- */

/*
 * Who reads looks at the lease first: who has seen the lease of a new epoch does not find the
 * epoch of before any more.
 */
void gate_open(struct write_gate *g, uint64_t epoch, uint64_t until_ns)
{
	if (atomic_load_explicit(&g->epoch, memory_order_relaxed) != epoch)
		gate_close(g);
	atomic_store_explicit(&g->until_ns, until_ns, memory_order_release);
	atomic_store_explicit(&g->epoch, epoch, memory_order_release);
}

void gate_close(struct write_gate *g)
{
	atomic_store_explicit(&g->epoch, 0, memory_order_release);
}

uint64_t gate_epoch(const struct write_gate *g, uint64_t now_ns)
{
	uint64_t until = atomic_load_explicit(&g->until_ns, memory_order_acquire);

	return now_ns < until ? atomic_load_explicit(&g->epoch, memory_order_acquire) : 0;
}

static const struct write_gate *lu_gate(const struct lu *lu)
{
	return atomic_load_explicit(&lu->gate, memory_order_acquire);
}

bool gate_is_over(const struct lu *lu, uint64_t epoch, uint64_t now_ns)
{
	const struct write_gate *g = epoch ? lu_gate(lu) : NULL;

	return g && gate_epoch(g, now_ns) != epoch;
}

/* ---- commands ---- */

/* Of the states of access standby alone lets more pass than a transition does. */
static bool passes(const struct scsi_cmd *cmd, unsigned gate)
{
	uint8_t access = cmd->op->access;

	if (access & ACCESS_TRANSITION)
		return true;
	return (gate & GATE_STANDBY) && (access & ACCESS_STANDBY) && !(access & ACCESS_CHANGES);
}

enum scsi_sense gate_admit(struct scsi_cmd *cmd, unsigned gate)
{
	const struct write_gate *g = lu_gate(cmd->lu);

	if (!g || passes(cmd, gate))
		return SENSE_OK;
	/* The state it would change is kept where the LU is active. */
	if (gate & GATE_STANDBY)
		return SENSE_ALUA_STANDBY;
	cmd->epoch = gate_epoch(g, cmd->reactor->now_ns);
	return cmd->epoch ? SENSE_OK : SENSE_ALUA_TRANSITION;
}

bool gate_lost(const struct scsi_cmd *cmd)
{
	return gate_is_over(cmd->lu, cmd->epoch, clock_coarse_ns());
}

bool gate_lost_control(const struct scsi_cmd *cmd)
{
	return gate_is_over(cmd->lu, cmd->epoch, clock_now_ns());
}

/* That it was aborted is true of it on any node. */
static void take_back(struct scsi_cmd *cmd)
{
	if (cmd->status == SCSI_TASK_ABORTED)
		return;
	if (cmd->status == SCSI_GOOD)
		counter_add(&cmd->shard->stats.errors, 1);
	cmd->data_len = 0;
	cmd->wanted = 0;
	sense_set(cmd, SENSE_ALUA_TRANSITION);
}

void gate_leave(struct scsi_cmd *cmd)
{
	if (gate_lost(cmd))
		take_back(cmd);
	if (cmd->mark)
		task_changed(cmd, false);
}
