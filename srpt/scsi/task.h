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

#endif
