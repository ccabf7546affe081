/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes the role of DRBD that Pacemaker is about to change: its agent would do the same, seconds
 * later. Best effort: what fails is left to that. Loop thread.
 */
#ifndef REPLICATOR_HASTEN_H
#define REPLICATOR_HASTEN_H

#include <qb/qbloop.h>
#include <stdbool.h>

struct hasten;

/* @program: drbdadm; must outlive it. NULL: no memory. */
struct hasten *hasten_start(qb_loop_t *loop, const char *program);
void hasten_stop(struct hasten *h); /* NULL is fine */

/* "PROGRAM primary|secondary RESOURCE", unless one runs already; logged. */
void hasten_drbd(struct hasten *h, bool primary, const char *resource);

#endif
