/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs of the control thread that take time: changes of the configuration, disabling a target.
 * One runs at a time, in the order of submission, so none sees another half done.
 */
#ifndef SRPT_CTL_JOB_H
#define SRPT_CTL_JOB_H

#include "base/list.h"

/* Embedded in what the job works on. Owned by the queue from job_submit() until start() runs. */
struct job {
	struct list_node link;
	void (*start)(struct job *j); /* leads to one job_finished(), now or later */
};

struct job_queue {
	struct list_node waiting;
	struct job *running;
};

void job_queue_init(struct job_queue *q);
/* Starts @j now if nothing runs. */
void job_submit(struct job_queue *q, struct job *j);
/* As job_submit(), but before those that wait. */
void job_submit_first(struct job_queue *q, struct job *j);
/* The running job is over; its memory is its owner's. Starts the next. */
void job_finished(struct job_queue *q);

#endif
