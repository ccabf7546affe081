/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending commands before their time: between dispatch.c and tmf.c. */
#ifndef SRPT_SCSI_TASK_H
#define SRPT_SCSI_TASK_H

#include "scsi/scsi.h"

#include <stdbool.h>

/*
 * Mark @cmd aborted; with @status it ends with TASK ABORTED, else silently (a
 * silent abort stays silent). True: it is on no list of waiters any more and
 * the caller must now call task_end_aborted(). False: it ends by itself when
 * the fabric or the backend is done with it (or it is too late).
 */
bool task_abort(struct scsi_cmd *cmd, bool status);

void task_end_aborted(struct scsi_cmd *cmd);

/*
 * @cmd has tmf_waits, and the initiator sees nothing more of it: whoever waits for
 * it in task management goes on.
 */
void tmf_cmd_left(struct scsi_cmd *cmd);

/*
 * Abort on every reactor the commands on @lu of the nexuses @match names (called on
 * reactors: it may look at constant data only), all but @but. Their nexuses, unless
 * it is that of @but, hear of it by TASK ABORTED (TAS=1) or 2F/00.
 * @done(p) on the control thread when no byte moves any more for them and, with
 * @backend, no write of theirs is in the backend either. The owner keeps @p until then.
 * Control thread.
 */
struct task_purge {
	struct lu *lu;
	const struct scsi_cmd *but;
	bool (*match)(const struct task_purge *p, const struct nexus *n);
	bool backend;
	void (*done)(struct task_purge *p);
};
void task_purge_run(struct task_purge *p);

#endif
