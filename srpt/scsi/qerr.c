/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QERR of the control mode page, SPC-4 7.5.7: a command that ends with CHECK CONDITION
 * takes others of the task set with it, before its initiator hears of it. Unit
 * attentions are no exception there, nor in SAM-5 5.8.
 */
#include "scsi/cmd.h"
#include "scsi/nexus.h"
#include "scsi/task.h"

/* 1: all of the task set; 3: those of the command's nexus. 2 is reserved. */
enum { QERR_ALL = 1, QERR_NEXUS = 3 };

static unsigned qerr_of(const struct scsi_cmd *cmd)
{
	return atomic_load_explicit(&cmd->lu->modes.qerr, memory_order_relaxed);
}

bool qerr_applies(const struct scsi_cmd *cmd)
{
	unsigned qerr;

	/* What fails within another command is told by that one, if at all. */
	if (!cmd->shard || cmd->status != SCSI_CHECK_CONDITION || cmd->internal)
		return false;
	qerr = qerr_of(cmd);
	return qerr == QERR_ALL || qerr == QERR_NEXUS;
}

static bool all_nexuses(const struct task_purge *p, const struct nexus *n)
{
	(void)p;
	(void)n;
	return true;
}

static bool own_nexus(const struct task_purge *p, const struct nexus *n)
{
	return n == p->but->nexus;
}

static void qerr_purged(struct task_purge *p)
{
	cmd_control_return(container_of(p, struct scsi_cmd, purge), cmd_respond_now);
}

/* What others lose, they are told; only what its own initiator lost must be still. */
static void qerr_purge(struct scsi_cmd *cmd)
{
	cmd->purge = (struct task_purge){
		.lu = cmd->lu,
		.but = cmd,
		.match = qerr_of(cmd) == QERR_NEXUS ? own_nexus : all_nexuses,
		.done = qerr_purged,
	};
	task_purge_run(&cmd->purge);
}

void qerr_run(struct scsi_cmd *cmd)
{
	cmd->state = SCSI_CMD_ENDING;
	cmd_control(cmd, qerr_purge);
}
