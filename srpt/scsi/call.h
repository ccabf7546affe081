/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call on every reactor that cannot fail: as reactor_group_call(), but the
 * memory is had beforehand. For taking things away, which must not need memory.
 */
#ifndef SRPT_SCSI_CALL_H
#define SRPT_SCSI_CALL_H

#include "base/reactor.h"

struct scsi_call;

/* NULL: no memory. scsi_call_free() when it does not run; NULL is ignored. */
struct scsi_call *scsi_call_alloc(struct reactor_group *g);
void scsi_call_free(struct scsi_call *call);

/*
 * Run @fn(r, arg, c) on every reactor; each must countdown_put(c) once, now or
 * later; then @done(arg) on the control thread, which may run the call again or
 * free it. Control thread.
 */
void scsi_call_run(struct scsi_call *call,
		   void (*fn)(struct reactor *r, void *arg, struct countdown *c),
		   void (*done)(void *arg), void *arg);

#endif
