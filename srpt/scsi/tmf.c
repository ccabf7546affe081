/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Task management: requester's reactor → control thread (finds the LU, posts
 * unit attentions) → every reactor (ends the commands) → control thread →
 * requester.
 *
 * Those of the requester's commands that are on the way are marked: the function
 * is answered when they have left. Only a reset waits for a backend, and not for long.
 *
 * A LUN that was taken away or given to another LU may have commands left behind on
 * the LU that was there. The initiator knows the LUN only, and after the answer,
 * whatever it is, it takes the memory of these for free: they end as well.
 */
#include "base/log.h"
#include "scsi/device.h"
#include "scsi/mode.h"
#include "scsi/nexus.h"
#include "scsi/reserve.h"
#include "scsi/task.h"

#include <stdlib.h>

/*
 * How long a reset lets the requester's own commands end before it aborts them.
 * An aborted command gets no response, and ib_srp never ends those that were in
 * flight when somebody asked for the reset: they are lost until the initiator's
 * command timer (30 s) finds them. It waits 5 s for the answer, so with storage that
 * answers within a second no command need be lost.
 */
#define TMF_RESET_WAIT_NS 1000000000ull

/* A reactor's share. Gone with the run as soon as its countdown is put. */
struct tmf_part {
	struct task_wait wait;
	struct reactor_timer timer; /* of a reset: its commands had their time */
	struct tmf_run *run;
	struct countdown *c;
};

/* One function on its way through the reactors; freed by the control thread. */
struct tmf_run {
	struct scsi_tmf *tmf;
	struct lu *lu; /* NULL: of the function's LUN none, or it is about the nexus */
	bool tas;      /* of lu, when the function began */
	bool flush;    /* a reset has switched the volatile cache of lu off */
	enum scsi_tmf_response response;
	struct tmf_part parts[];
};

/* ---- on every reactor ---- */

static bool tmf_matches(const struct scsi_tmf *tmf, const struct scsi_cmd *cmd)
{
	switch (tmf->function) {
	case SCSI_ABORT_TASK:
		return cmd->nexus == tmf->nexus && cmd->tag == tmf->task_tag;
	case SCSI_ABORT_TASK_SET:
	case SCSI_I_T_NEXUS_RESET:
		return cmd->nexus == tmf->nexus;
	case SCSI_CLEAR_TASK_SET:
	case SCSI_LU_RESET:
		return true;
	}
	return false;
}

/*
 * A nexus that does not hear of it otherwise gets TASK ABORTED, or with TAS=0
 * (for a task set cleared, not a reset, which has its own) a unit attention.
 */
static bool tmf_other_nexus(const struct tmf_run *run, struct scsi_cmd *cmd)
{
	if (run->tas)
		return true;
	if (run->tmf->function == SCSI_CLEAR_TASK_SET && cmd->itl && !cmd->aborted)
		ua_post(&cmd->itl->ua, UA_CLEARED_BY_OTHER);
	return false;
}

/* One that ends at once goes to @ended: to do it now might change the list it is found on. */
static void tmf_command(const struct tmf_run *run, struct scsi_cmd *cmd, struct task_reactor *tr,
			struct list_node *ended)
{
	const struct scsi_tmf *tmf = run->tmf;
	bool own = cmd->nexus == tmf->nexus;

	if (!tmf_matches(tmf, cmd))
		return;
	if (own && tmf->function == SCSI_LU_RESET)
		task_mark(tr, cmd);
	else if (task_abort(cmd, own ? false : tmf_other_nexus(run, cmd)))
		list_add_tail(ended, &cmd->waiter.link);
	else if (own)
		task_mark(tr, cmd);
}

static void tmf_shard(const struct tmf_run *run, struct lu_shard *sh, struct task_reactor *tr)
{
	struct list_node ended = LIST_INIT(ended);
	struct scsi_cmd *cmd;

	list_for_each(cmd, &sh->live, link)
		tmf_command(run, cmd, tr, &ended);
	task_end_all(&ended);
}

/* Sent to this LUN (or any, as the function says) when another LU was there. */
static bool tmf_left_behind(const struct scsi_tmf *tmf, const struct scsi_cmd *cmd)
{
	return !cmd->itl && cmd->nexus == tmf->nexus &&
	       (tmf->function == SCSI_I_T_NEXUS_RESET ||
		lun_decode(cmd->lun) == lun_decode(tmf->lun));
}

/* They are marked, by the change of the map. */
static void tmf_marked(const struct tmf_run *run, struct task_reactor *tr)
{
	struct list_node ended = LIST_INIT(ended);
	struct scsi_cmd *cmd;

	list_for_each(cmd, &tr->marked, mark_link)
		if (tmf_left_behind(run->tmf, cmd))
			tmf_command(run, cmd, tr, &ended);
	task_end_all(&ended);
}

static void tmf_nexus(const struct tmf_run *run, struct reactor *r, struct task_reactor *tr)
{
	const struct lun_map *m = nexus_map(run->tmf->nexus);

	for (unsigned i = 0; i < m->count; i++)
		tmf_shard(run, lu_shard(m->itls[i]->lu, r), tr);
}

/*
 * The requester's own commands must be out of RDMA before the answer: it may
 * reuse their memory. Those of others are told their status by themselves. What
 * was aborted silently in the backend touches nothing of the initiator's.
 */
static bool part_waits_for(const struct task_wait *w, const struct scsi_cmd *cmd)
{
	const struct tmf_run *run = container_of(w, struct tmf_part, wait)->run;
	const struct scsi_tmf *tmf = run->tmf;

	if (cmd->lu != run->lu && tmf->function != SCSI_I_T_NEXUS_RESET &&
	    !tmf_left_behind(tmf, cmd))
		return false;
	return cmd->nexus == tmf->nexus && tmf_matches(tmf, cmd) && !task_is_quiet(cmd);
}

static void part_over(struct task_wait *w)
{
	struct tmf_part *part = container_of(w, struct tmf_part, wait);

	reactor_timer_stop(&part->timer);
	countdown_put(part->c);
}

/* Aside meanwhile: it must not be over before all its commands are aborted. */
static void part_expired(struct reactor_timer *t)
{
	struct tmf_part *part = container_of(t, struct tmf_part, timer);
	struct task_wait *w = &part->wait;
	struct list_node ended = LIST_INIT(ended);
	struct scsi_cmd *cmd;

	task_wait_pause(w);
	for (cmd = w->cmd; cmd; cmd = task_wait_next(w, &cmd->mark_link))
		if (task_abort(cmd, false))
			list_add_tail(&ended, &cmd->waiter.link);
	task_end_all(&ended);
	task_wait_start(w);
}

static void tmf_reactor(struct reactor *r, void *arg, struct countdown *c)
{
	struct tmf_run *run = arg;
	struct scsi_tmf *tmf = run->tmf;
	struct task_reactor *tr = &tmf->nexus->device->tasks[r->id];
	struct tmf_part *part = &run->parts[r->id];

	part->run = run;
	part->c = c;
	part->wait.waits_for = part_waits_for;
	part->wait.over = part_over;
	task_wait_init(&part->wait, tr);
	list_init(&part->timer.link);
	if (run->lu)
		tmf_shard(run, lu_shard(run->lu, r), tr);
	else if (tmf->function == SCSI_I_T_NEXUS_RESET)
		tmf_nexus(run, r, tr);
	tmf_marked(run, tr);
	if (run->flush && r == run->lu->home)
		lu_flush_background(lu_shard(run->lu, r));
	if (tmf->function == SCSI_LU_RESET) {
		part->timer.fn = part_expired;
		reactor_timer_start(r, &part->timer, TMF_RESET_WAIT_NS);
	}
	task_wait_start(&part->wait);
}

/* ---- on the control thread ---- */

static void tmf_answer_received(struct msg *m)
{
	struct scsi_tmf *tmf = container_of(m, struct scsi_tmf, msg);

	tmf->done(tmf, tmf->response);
}

static void tmf_answer(struct scsi_tmf *tmf, enum scsi_tmf_response r)
{
	tmf->response = r;
	tmf->msg.fn = tmf_answer_received;
	reactor_send(tmf->reactor, &tmf->msg);
}

static void tmf_run_done(void *arg)
{
	struct tmf_run *run = arg;

	tmf_answer(run->tmf, run->response);
	free(run);
}

/* Functions that end the work of others leave a line in the log. */
static void tmf_log(const struct scsi_tmf *tmf, const char *what, const struct itl *itl)
{
	struct nexus *n = tmf->nexus;
	uint32_t missed;

	if (!log_allowed(&n->limit, 5, 10, &missed))
		return;
	if (missed)
		log_notice("session %s: %u task management functions not logged", n->name, missed);
	if (itl)
		log_notice("%s LUN %u (%s) by session %s", what, itl->lun, lu_name(itl->lu),
			   n->name);
	else
		log_notice("%s session %s", what, n->name);
}

static void tmf_announce(struct tmf_run *run, struct itl *itl)
{
	const struct scsi_tmf *tmf = run->tmf;
	const struct lun_map *m = nexus_map(tmf->nexus);

	switch (tmf->function) {
	case SCSI_LU_RESET:
		tmf_log(tmf, "Resetting", itl);
		run->flush = mode_reset(itl->lu);
		lu_post_ua(itl->lu, UA_LU_RESET, NULL);
		reserve_reset(itl->lu);
		break;
	case SCSI_CLEAR_TASK_SET:
		tmf_log(tmf, "Clearing the task set of", itl);
		break;
	case SCSI_I_T_NEXUS_RESET:
		tmf_log(tmf, "Resetting", NULL);
		for (unsigned i = 0; i < m->count; i++) {
			ua_post(&m->itls[i]->ua, UA_NEXUS_LOSS);
			reserve_lost(m->itls[i]);
		}
		break;
	case SCSI_ABORT_TASK:
	case SCSI_ABORT_TASK_SET:
		break;
	}
}

static void tmf_start(struct scsi_tmf *tmf, struct itl *itl, enum scsi_tmf_response response)
{
	struct reactor_group *g = tmf->nexus->device->group;
	struct tmf_run *run = calloc(1, sizeof(*run) + g->n * sizeof(run->parts[0]));

	if (!run) {
		tmf_answer(tmf, SCSI_TMF_FAILED);
		return;
	}
	run->tmf = tmf;
	run->response = response;
	run->lu = itl ? itl->lu : NULL;
	/* A reset changes it, but the commands it finds came under what was. */
	run->tas = itl && atomic_load_explicit(&itl->lu->modes.tas, memory_order_relaxed);
	if (response == SCSI_TMF_COMPLETE)
		tmf_announce(run, itl);
	if (reactor_group_call(g, tmf_reactor, tmf_run_done, run)) {
		free(run);
		tmf_answer(tmf, SCSI_TMF_FAILED);
	}
}

static void tmf_received(struct msg *msg)
{
	struct scsi_tmf *tmf = container_of(msg, struct scsi_tmf, msg);
	int lun = lun_decode(tmf->lun);
	struct itl *itl = NULL;

	if (tmf->function > SCSI_I_T_NEXUS_RESET) {
		tmf_answer(tmf, SCSI_TMF_REJECTED);
		return;
	}
	if (tmf->function != SCSI_I_T_NEXUS_RESET) {
		if (lun >= 0)
			itl = lun_map_find(nexus_map(tmf->nexus), (unsigned)lun);
		if (!itl) {
			tmf_start(tmf, NULL, SCSI_TMF_BAD_LUN);
			return;
		}
	}
	tmf_start(tmf, itl, SCSI_TMF_COMPLETE);
}

void scsi_tmf_submit(struct scsi_tmf *tmf)
{
	tmf->msg.fn = tmf_received;
	mailbox_post(tmf->nexus->device->group->control, &tmf->msg);
}
