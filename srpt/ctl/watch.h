/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks after the files and devices behind the disks, every second: one that has grown gets
 * its new size, one that was lost or could not be opened is opened again. What may block is done
 * by a thread. Control thread.
 */
#ifndef SRPT_CTL_WATCH_H
#define SRPT_CTL_WATCH_H

#include "base/mailbox.h"
#include "ctl/live.h"

#include <qb/qbloop.h>

struct watch;

/* Waits for the end of watch_device(): @error NULL, or what is wrong with the device. */
struct watch_waiter {
	struct list_node link;
	void (*done)(struct watch_waiter *w, const char *error);
};

/* Begin. @loop NULL: only when told to. 0 or -errno. */
int watch_create(struct live *live, qb_loop_t *loop, struct mailbox *control, struct watch **out);

/* Look at nothing any more unless told to. NULL is ignored, also below. */
void watch_stop(struct watch *w);

/* Waits for what is being looked at; drains the control thread's mailbox. */
void watch_destroy(struct watch *w);

/* One turn: what the timer does. */
void watch_turn(struct watch *w);

/* Look at @d, READY or FAILED, now: open it if it is FAILED or lost; take its size over. */
void watch_device(struct watch *w, struct device *d, struct watch_waiter *waiter);

/* @d is about to be freed. */
void watch_forget(struct device *d);

#endif
