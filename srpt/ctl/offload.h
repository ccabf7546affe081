/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread for calls that may block: the control thread hands it jobs and hears when they end. */
#ifndef SRPT_CTL_OFFLOAD_H
#define SRPT_CTL_OFFLOAD_H

#include "base/mailbox.h"

struct offload;

/*
 * Embedded in what the job works on. From offload_run() on it is the thread's, from @done on its
 * owner's, who may free it or run it again there.
 */
struct offload_job {
	void (*run)(struct offload_job *j);  /* on the thread; in the order of offload_run() */
	void (*done)(struct offload_job *j); /* on the control thread */
	/* private */
	struct msg msg;
	struct offload *offload;
};

/* @name: of the thread, ≤ 15 characters. 0 or -errno. Control thread, as all here. */
int offload_create(const char *name, struct mailbox *control, struct offload **out);

/* Waits for what was handed over. What is in the control thread's mailbox then stays there. */
void offload_destroy(struct offload *o);

void offload_run(struct offload *o, struct offload_job *j);

#endif
