/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mailbox: many senders, one receiver, no lock. Messages are intrusive and run
 * in the receiver's thread in the order in which each sender posted them.
 * The control thread and every reactor own one.
 */
#ifndef SRPT_BASE_MAILBOX_H
#define SRPT_BASE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

struct msg;
typedef void (*msg_fn)(struct msg *m);

/*
 * A message. Owned by the sender until posted, by the receiver's @fn afterwards
 * (which may free it or post it again). Must not be posted twice at once.
 */
struct msg {
	struct msg *next;
	msg_fn fn;
};

struct mailbox {
	_Atomic(struct msg *) head;
	atomic_bool sleeping; /* receiver waits on @fd: senders must write it */
	unsigned owed;        /* receiver: writes to @fd not yet read back */
	int fd;               /* eventfd, non-blocking; -1 before init */
};

int mailbox_init(struct mailbox *mb);
void mailbox_destroy(struct mailbox *mb);

/* Post @m; any thread. Wakes the receiver only if it sleeps. */
void mailbox_post(struct mailbox *mb, struct msg *m);

/* Run everything posted so far; receiver's thread. Returns how many ran. */
int mailbox_drain(struct mailbox *mb);

/*
 * Receiver: announce that it is about to sleep on @fd. Returns false when mail
 * is waiting already (do not sleep). mailbox_awake() after the sleep.
 */
bool mailbox_prepare_sleep(struct mailbox *mb);
void mailbox_awake(struct mailbox *mb);

/*
 * Countdown: @done is posted to @to when @left reaches zero. Used to learn that
 * every reactor has done something. countdown_put() from any thread.
 */
struct countdown {
	atomic_uint left;
	struct mailbox *to;
	struct msg done;
};

void countdown_init(struct countdown *c, unsigned left, struct mailbox *to, msg_fn done);
void countdown_put(struct countdown *c);

#endif
