/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's end of the socket of srp-replicator(8), the abstract SOCK_SEQPACKET socket
 * "@NAME-replicator". A question is one message as doc/ha.md has them; the answer is a message
 * "answer" with status and bytes, then so many bytes of text. Loop thread.
 */
#ifndef REPLICATOR_CONTROL_H
#define REPLICATOR_CONTROL_H

#include "ctl/ha_msg.h"
#include "ctl/text.h"

#include <qb/qbloop.h>

#define CONTROL_SUFFIX "-replicator"
#define CONTROL_GROUP "srpt" /* members may ask, besides root and the daemon's own user */

/* What srp-replicator exits with. */
enum control_status {
	CONTROL_WELL = 0,
	CONTROL_WRONG = 1,
	CONTROL_USAGE = 2,
	CONTROL_NOT_RUNNING = 7,
};

struct control;

/* The status; @out: what is printed. */
typedef unsigned (*control_answer)(void *arg, const struct ha_msg *question, struct text *out);

/* 0 or -errno, logged; -EADDRINUSE: another instance has the name. */
int control_start(qb_loop_t *loop, const char *name, control_answer answer, void *arg,
		  struct control **out);
void control_stop(struct control *c); /* NULL is fine */

#endif
