/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/drain.h"

#include "scsi/access.h"
#include "scsi/call.h"
#include "scsi/cmd.h"
#include "scsi/device.h"
#include "scsi/optable.h"
#include "scsi/task.h"
#include "scsi/wipe.h"

/* ---- reactors ---- */

static bool touches_medium(const struct scsi_cmd *cmd)
{
	return cmd->op && !(cmd->op->access & ACCESS_TRANSITION);
}

/* Who waits for its own part (EXTENDED COPY) has nothing of its own in the backend. */
static bool drain_waits_for(const struct task_wait *w, const struct scsi_cmd *cmd)
{
	const struct lu_shard *sh = container_of(w, struct lu_shard, drain);

	return cmd->lu == sh->lu && cmd->state == SCSI_CMD_EXECUTING && !cmd->sub &&
	       touches_medium(cmd);
}

void drain_check(struct lu_shard *sh)
{
	struct countdown *c = sh->draining;

	if (!c || !sh->drain_left || sh->flushing || sh->probes)
		return;
	sh->draining = NULL;
	countdown_put(c);
}

static void commands_left(struct task_wait *w)
{
	struct lu_shard *sh = container_of(w, struct lu_shard, drain);

	sh->drain_left = true;
	drain_check(sh);
}

/* What waits for a buffer or for others may wait long: it is told now what it will be told. */
static bool held_is_refused(struct scsi_cmd *cmd)
{
	bool held = cmd->state == SCSI_CMD_HELD || cmd->state == SCSI_CMD_FETCHED;

	if (!held || !cmd->itl || cmd->aborted)
		return false;
	cmd->arg = access_check_again(cmd);
	return cmd->arg != SENSE_OK;
}

/* As task_end_all(): those that end may free buffers and so change the lists of others. */
static void refused_end(struct reactor *r, struct list_node *refused)
{
	while (!list_empty(refused)) {
		struct scsi_cmd *cmd = list_first(refused, struct scsi_cmd, waiter.link);

		list_del(&cmd->waiter.link);
		cmd_fail(cmd, (enum scsi_sense)cmd->arg);
	}
	iobuf_wake(&r->bufs);
}

static void drain_reactor(struct reactor *r, void *arg, struct countdown *c)
{
	struct lu *lu = arg;
	struct lu_shard *sh = lu_shard(lu, r);
	struct task_reactor *tr = &lu->device->tasks[r->id];
	struct list_node refused = LIST_INIT(refused);
	struct scsi_cmd *cmd;

	sh->draining = c;
	sh->drain_left = false;
	sh->drain.waits_for = drain_waits_for;
	sh->drain.over = commands_left;
	task_wait_init(&sh->drain, tr);
	list_for_each(cmd, &sh->live, link) {
		if (held_is_refused(cmd)) {
			list_del(&cmd->waiter.link);
			list_add_tail(&refused, &cmd->waiter.link);
		} else if (cmd->state == SCSI_CMD_EXECUTING && touches_medium(cmd)) {
			task_mark(tr, cmd);
		}
	}
	refused_end(r, &refused);
	task_wait_start(&sh->drain);
}

/* ---- control thread ---- */

static void drain_run(struct lu *lu);

static void drain_over(struct lu *lu)
{
	struct alua_group *g = lu->drain.group;

	lu->drain.running = false;
	lu->drain.group = NULL;
	if (g)
		alua_group_drained(g);
}

static void drain_called(void *arg)
{
	struct lu *lu = arg;

	if (lu->drain.again)
		drain_run(lu);
	else if (lu->wipe)
		lu->drain.wipe = true;
	else
		drain_over(lu);
}

static void drain_run(struct lu *lu)
{
	lu->drain.running = true;
	lu->drain.again = false;
	if (lu->wipe)
		wipe_stop(lu->wipe);
	scsi_call_run(lu->drain.call, drain_reactor, drain_called, lu);
}

void drain_begin(struct lu *lu, struct alua_group *g)
{
	lu->drain.group = g;
	if (lu->drain.running)
		lu->drain.again = true;
	else
		drain_run(lu);
}

void drain_wipe_over(struct lu *lu)
{
	if (!lu->drain.wipe)
		return;
	lu->drain.wipe = false;
	drain_called(lu);
}
