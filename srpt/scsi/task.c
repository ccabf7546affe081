/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/task.h"

#include "scsi/device.h"
#include "scsi/nexus.h"

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

/* Those that end may free buffers and so change the lists of others. */
void task_end_all(struct list_node *ended)
{
	while (!list_empty(ended)) {
		struct scsi_cmd *cmd = list_first(ended, struct scsi_cmd, waiter.link);

		list_del(&cmd->waiter.link);
		task_end_aborted(cmd);
	}
}
