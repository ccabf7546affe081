/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ending commands before their time, and waiting until they have left: between
 * dispatch.c, tmf.c and purge.c.
 *
 * Who waits marks the commands it finds on a reactor with the number of its wait;
 * they are on the reactor's list of marked commands in the order of these.
 */
#ifndef SRPT_SCSI_TASK_H
#define SRPT_SCSI_TASK_H

#include "scsi/scsi.h"

#include <stdbool.h>

/* Marked commands of one reactor and who waits for them; that reactor only. */
struct task_reactor {
	struct list_node waits;  /* task_wait.link */
	struct list_node marked; /* scsi_cmd.mark_link, by scsi_cmd.mark */
	uint64_t numbers;        /* the latest, from 1 */
};

/* A wait on one reactor, for the commands that @waits_for names among those marked. */
struct task_wait {
	struct list_node link;
	struct task_reactor *tr;
	uint64_t number;      /* later commands have higher marks, or none */
	struct scsi_cmd *cmd; /* the first marked one it waits for */
	/* Asked for each marked command once, then for the one it waits for when that changed. */
	bool (*waits_for)(const struct task_wait *w, const struct scsi_cmd *cmd);
	/* None is left; @w is not touched any more. May run inside task_wait_start(). */
	void (*over)(struct task_wait *w);
};

void task_reactor_init(struct task_reactor *tr);

/* Give @w its number: before the commands are marked. */
void task_wait_init(struct task_wait *w, struct task_reactor *tr);
void task_mark(struct task_reactor *tr, struct scsi_cmd *cmd);
/* For those who come later: no wait that has begun waits for it by this. */
void task_mark_later(struct task_reactor *tr, struct scsi_cmd *cmd);
/* All are marked: wait for them. */
void task_wait_start(struct task_wait *w);

/* Take @w aside and back, while commands it may wait for are aborted. */
void task_wait_pause(struct task_wait *w);

/* The next command after @n (or the head) that @w waits for; NULL: none. */
struct scsi_cmd *task_wait_next(const struct task_wait *w, struct list_node *n);

/*
 * Something changed about the marked @cmd; with @gone it leaves. Who does not wait for it any
 * more goes on.
 */
void task_changed(struct scsi_cmd *cmd, bool gone);

/* Aborted silently while it moves no data: the initiator sees nothing more of it. */
static inline bool task_is_quiet(const struct scsi_cmd *cmd)
{
	return (cmd->state == SCSI_CMD_EXECUTING || cmd->state == SCSI_CMD_ENDING) &&
	       cmd->aborted && !cmd->abort_status;
}

/*
 * Mark @cmd aborted; with @status it ends with TASK ABORTED, else silently (a
 * silent abort stays silent). True: it is on no list of waiters any more and
 * the caller must now call task_end_aborted(). False: it ends by itself when
 * the fabric or the backend is done with it (or it is too late).
 */
bool task_abort(struct scsi_cmd *cmd, bool status);

void task_end_aborted(struct scsi_cmd *cmd);

/* End all on @ended, by waiter.link: task_abort() has given them to the caller. */
void task_end_all(struct list_node *ended);

/*
 * Abort on every reactor the commands on @p->lu of the nexuses @match names (called on
 * reactors: it may look at constant data only), all but @but. Their nexuses, unless
 * it is that of @but, hear of it by TASK ABORTED (TAS=1) or 2F/00.
 * @done(p) on the control thread when no byte moves any more for those of the nexus of @but
 * and, with @backend, no write of any of them is in the backend; of the data of other nexuses
 * nothing is written that was not there by then. Never inside task_purge_run(). The owner keeps
 * @p, and the LU, until then. One after the other for each LU; needs no memory. Control thread.
 */
void task_purge_run(struct task_purge *p);

/*
 * Must others be aborted before @cmd, which has its status, is answered (qerr.c)? Then
 * qerr_run() does it, and ends it with cmd_respond_now() (dispatch.c) unless it is
 * aborted itself meanwhile.
 */
bool qerr_applies(const struct scsi_cmd *cmd);
void qerr_run(struct scsi_cmd *cmd);
void cmd_respond_now(struct scsi_cmd *cmd);

#endif
