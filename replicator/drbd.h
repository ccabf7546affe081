/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What DRBD tells: the lines of `drbdsetup events2`, which runs beside us and is started again
 * when it ends. Loop thread.
 */
#ifndef REPLICATOR_DRBD_H
#define REPLICATOR_DRBD_H

#include "replicator/events2.h"

#include <qb/qbloop.h>

struct drbd;

struct drbd_listener {
	void (*event)(void *arg, const struct drbd_event *e);
	/* What was told may no longer be so. All of it is told again later. */
	void (*lost)(void *arg);
};

/* @command: its words, NULL at the end; all must outlive it. 0 or -errno, logged. */
int drbd_start(qb_loop_t *loop, const char *const *command, const struct drbd_listener *listener,
	       void *arg, struct drbd **out);
void drbd_stop(struct drbd *d); /* NULL is fine; nothing is called any more */

/* Handle what has come already; false: there may be more. */
bool drbd_drain(struct drbd *d);
/* Ask for all anew: lost() at once. */
void drbd_again(struct drbd *d);

#endif
