/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/job.h"

#include <stddef.h>

void job_queue_init(struct job_queue *q)
{
	list_init(&q->waiting);
	q->running = NULL;
}

static void queue_run(struct job_queue *q)
{
	if (q->running || list_empty(&q->waiting))
		return;
	q->running = list_first(&q->waiting, struct job, link);
	list_del(&q->running->link);
	q->running->start(q->running);
}

void job_submit(struct job_queue *q, struct job *j)
{
	list_add_tail(&q->waiting, &j->link);
	queue_run(q);
}

void job_submit_first(struct job_queue *q, struct job *j)
{
	list_add_head(&q->waiting, &j->link);
	queue_run(q);
}

void job_finished(struct job_queue *q)
{
	q->running = NULL;
	queue_run(q);
}
