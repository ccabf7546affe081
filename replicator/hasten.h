/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what Pacemaker is about to do, seconds before it would: changes the role of DRBD, has a node
 * fenced. Best effort: what fails is left to Pacemaker. Loop thread.
 */
#ifndef REPLICATOR_HASTEN_H
#define REPLICATOR_HASTEN_H

#include <qb/qbloop.h>
#include <stdbool.h>

struct hasten;

/* @role_program: drbdadm, @fence_program: srp-fence-node; must outlive it. NULL: no memory. */
struct hasten *hasten_start(qb_loop_t *loop, const char *role_program, const char *fence_program);
void hasten_stop(struct hasten *h); /* NULL is fine */

/* "drbdadm primary|secondary RESOURCE", unless one runs already; logged. */
void hasten_drbd(struct hasten *h, bool primary, const char *resource);
/*
 * There may be a node to be fenced some day: "srp-fence-node --wait" does what it can without
 * knowing which, as every program is slow to start when a node has just been lost.
 */
void hasten_fencing_prepare(struct hasten *h);
/* Has the @node fenced in @delay seconds, by one that waits or is started now. */
void hasten_fencing(struct hasten *h, const char *node, unsigned delay);

#endif
