/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/task.h"

#include "scsi/cmd.h"
#include "scsi/device.h"
#include "scsi/nexus.h"
#include "scsi/optable.h"
#include "scsi/range.h"

void task_reactor_init(struct task_reactor *tr)
{
	list_init(&tr->waits);
	list_init(&tr->marked);
	tr->numbers = 0;
}

void task_mark(struct task_reactor *tr, struct scsi_cmd *cmd)
{
	if (cmd->mark)
		return;
	cmd->mark = tr->numbers;
	list_add_tail(&tr->marked, &cmd->mark_link);
}

void task_mark_later(struct task_reactor *tr, struct scsi_cmd *cmd)
{
	tr->numbers++;
	task_mark(tr, cmd);
}

/*
 * A lower mark is of an earlier wait: the command was there before this one, which
 * would have marked it.
 */
struct scsi_cmd *task_wait_next(const struct task_wait *w, struct list_node *n)
{
	for (n = n->next; n != &w->tr->marked; n = n->next) {
		struct scsi_cmd *cmd = container_of(n, struct scsi_cmd, mark_link);

		if (cmd->mark <= w->number && w->waits_for(w, cmd))
			return cmd;
	}
	return NULL;
}

/* None is left behind @n: it is over, @w may be gone. */
static void wait_advance(struct task_wait *w, struct list_node *n)
{
	w->cmd = task_wait_next(w, n);
	if (w->cmd)
		return;
	list_del(&w->link);
	w->over(w);
}

void task_wait_init(struct task_wait *w, struct task_reactor *tr)
{
	list_init(&w->link);
	w->tr = tr;
	w->number = ++tr->numbers;
}

void task_wait_start(struct task_wait *w)
{
	list_add_tail(&w->tr->waits, &w->link);
	wait_advance(w, &w->tr->marked);
}

void task_wait_pause(struct task_wait *w)
{
	list_del(&w->link);
}

void task_changed(struct scsi_cmd *cmd, bool gone)
{
	struct task_reactor *tr = &cmd->nexus->device->tasks[cmd->reactor->id];
	struct task_wait *w, *next;

	list_for_each_safe(w, next, &tr->waits, link)
		if (w->cmd == cmd && (gone || !w->waits_for(w, cmd)))
			wait_advance(w, &cmd->mark_link);
	if (!gone)
		return;
	list_del(&cmd->mark_link);
	cmd->mark = 0;
}

/*
 * The command that submitted @sub is aborted and may be answered for: if it waits, it must not
 * begin any more, but nobody may take it off its lists now.
 */
static void sub_abort(struct scsi_cmd *sub)
{
	if (sub->state == SCSI_CMD_EXECUTING)
		task_abort(sub, false);
	else if (sub->state == SCSI_CMD_HELD || sub->state == SCSI_CMD_FETCHED)
		sub->aborted = true;
}

bool task_abort(struct scsi_cmd *cmd, bool status)
{
	bool waits = cmd->state == SCSI_CMD_HELD || cmd->state == SCSI_CMD_FETCHED;

	switch (cmd->state) {
	case SCSI_CMD_HELD:
	case SCSI_CMD_FETCHED:
		list_del(&cmd->waiter.link);
		break;
	case SCSI_CMD_PULLING:
		if (cmd->shard && cmd->shard->barriers)
			range_left(cmd);
		break;
	case SCSI_CMD_ENDING:
		break;
	case SCSI_CMD_EXECUTING:
		if ((cmd->op->flags & OP_WRITES) && !cmd->detached) {
			cmd->detached = true;
			atomic_fetch_add(&cmd->lu->detached, 1);
		}
		if (cmd->sub)
			sub_abort(cmd->sub);
		break;
	default:
		return false;
	}
	cmd->abort_status = status && (!cmd->aborted || cmd->abort_status);
	cmd->aborted = true;
	if (cmd->mark)
		task_changed(cmd, false);
	return waits;
}

void task_end_aborted(struct scsi_cmd *cmd)
{
	if (cmd->detached) {
		cmd->detached = false;
		lu_detached_put(cmd->lu);
	}
	if (cmd->shard)
		counter_add(&cmd->shard->stats.aborted, 1);
	/* Others may have waited for a buffer behind it. */
	iobuf_wake(&cmd->reactor->bufs);
	if (cmd->abort_status) {
		/* Who waits for the backend alone need not wait for the response to arrive. */
		cmd->state = SCSI_CMD_RESPONDING;
		if (cmd->mark)
			task_changed(cmd, false);
		cmd_fail(cmd, SENSE_TASK_ABORTED);
		return;
	}
	scsi_cmd_release(cmd);
	cmd->fabric->dropped(cmd);
}

void scsi_cmd_abort(struct scsi_cmd *cmd)
{
	if (task_abort(cmd, false))
		task_end_aborted(cmd);
}

/* Those that end may free buffers and so change the lists of others. */
void task_end_all(struct list_node *ended)
{
	while (!list_empty(ended)) {
		struct scsi_cmd *cmd = list_first(ended, struct scsi_cmd, waiter.link);

		list_del(&cmd->waiter.link);
		task_end_aborted(cmd);
	}
}
