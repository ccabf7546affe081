/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of some nexuses on an LU are aborted: control thread → every reactor → back. */
#include "scsi/device.h"
#include "scsi/nexus.h"
#include "scsi/optable.h"
#include "scsi/task.h"

static bool purge_matches(const struct task_purge *p, const struct scsi_cmd *cmd)
{
	return cmd != p->but && p->match(p, cmd->nexus);
}

/* A nexus that does not end its commands itself is told. */
static bool purge_status(const struct task_purge *p, struct scsi_cmd *cmd)
{
	if (p->but && cmd->nexus == p->but->nexus)
		return false;
	if (atomic_load_explicit(&cmd->lu->modes.tas, memory_order_relaxed))
		return true;
	if (cmd->itl && !cmd->aborted)
		ua_post(&cmd->itl->ua, UA_CLEARED_BY_OTHER);
	return false;
}

/*
 * What is aborted in the backend moves no byte of the initiator's, but may still write its own.
 * Who caused it may use its memory again once it is answered; the data and the responses of
 * others are not waited for: their network may be what is dead, and nothing of theirs that is
 * still fetched is written any more.
 */
static bool purge_waits_for(const struct task_wait *w, const struct scsi_cmd *cmd)
{
	const struct task_purge *p = container_of(w, struct lu_shard, purge)->purging;

	if (cmd->lu != p->lu || !purge_matches(p, cmd) || cmd->state == SCSI_CMD_ENDING)
		return false;
	if (cmd->state == SCSI_CMD_EXECUTING)
		return p->backend && (cmd->op->flags & OP_WRITES) && !cmd->in_control;
	return p->but && cmd->nexus == p->but->nexus;
}

static void purge_left(struct task_wait *w)
{
	countdown_put(container_of(w, struct lu_shard, purge)->purged);
}

/* Too late for what is responding; it is waited for. */
static void purge_reactor(struct reactor *r, void *arg, struct countdown *c)
{
	struct task_purge *p = arg;
	struct lu_shard *sh = lu_shard(p->lu, r);
	struct task_reactor *tr = &p->lu->device->tasks[r->id];
	struct list_node ended = LIST_INIT(ended);
	struct scsi_cmd *cmd;

	sh->purging = p;
	sh->purged = c;
	sh->purge.waits_for = purge_waits_for;
	sh->purge.over = purge_left;
	task_wait_init(&sh->purge, tr);
	list_for_each(cmd, &sh->live, link) {
		if (!purge_matches(p, cmd))
			continue;
		if (cmd->state != SCSI_CMD_RESPONDING && task_abort(cmd, purge_status(p, cmd)))
			list_add_tail(&ended, &cmd->waiter.link);
		else
			task_mark(tr, cmd);
	}
	task_end_all(&ended);
	task_wait_start(&sh->purge);
}

static void purge_begin(struct task_purge *p);

/*
 * The next not before this one is done: who failed and aborted others is on its way to
 * be answered before one of these, which had failed as well, comes to abort it.
 */
static void purge_done(void *arg)
{
	struct task_purge *p = arg;
	struct lu *lu = p->lu;
	bool more;

	list_del(&p->link);
	more = !list_empty(&lu->purges);
	p->done(p);
	if (more)
		purge_begin(list_first(&lu->purges, struct task_purge, link));
}

static void purge_begin(struct task_purge *p)
{
	scsi_call_run(p->lu->purge_call, purge_reactor, purge_done, p);
}

void task_purge_run(struct task_purge *p)
{
	bool first = list_empty(&p->lu->purges);

	list_add_tail(&p->lu->purges, &p->link);
	if (first)
		purge_begin(p);
}
