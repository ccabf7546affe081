/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reactor of the command → control thread (marks the LU not ready, keeps that) → every reactor
 * (writes that have begun end) → the first reactor (piece by piece) → control thread.
 */
#include "scsi/wipe.h"

#include "base/log.h"
#include "scsi/access.h"
#include "scsi/call.h"
#include "scsi/device.h"
#include "scsi/gate.h"
#include "scsi/lu_state.h"
#include "scsi/ops.h"
#include "scsi/optable.h"
#include "scsi/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_BYTES (1u << 20)
#define ZERO_BYTES (64ull << 20) /* nothing is moved for these */
#define BUF_ALIGN 4096u          /* the most a backend asks for */

/* The writes of one reactor that had begun. */
struct wipe_part {
	struct task_wait wait;
	struct countdown *c;
	struct lu_wipe *wipe;
};

struct lu_wipe {
	struct lu *lu;
	struct scsi_cmd *cmd; /* waits for the end; NULL: answered. With the work its reactor's */
	struct reactor *reactor;
	uint64_t epoch; /* of the command's admission */
	enum scsi_sense busy, failed;
	bool immed, invert;
	enum scsi_sense before; /* what the LU was like, for when it cannot begin */
	bool before_ause;
	unsigned pass, passes;
	enum be_op op;        /* BE_WRITE of buf, BE_WRITE_ZEROES or BE_UNMAP */
	uint64_t size, done;  /* bytes of the LU, of this pass */
	uint8_t *buf;         /* WRITE_BYTES of the pattern */
	int result;
	atomic_bool stop;
	struct be_io io;
	struct msg msg;
	struct lu_change change;
	struct scsi_call *call;
	struct wipe_part parts[];
};

static void wipe_free(struct lu_wipe *w)
{
	scsi_call_free(w->call);
	free(w->buf);
	free(w);
}

/* Each block begins with the pattern. */
static void pattern_repeat(struct lu_wipe *w, const struct wipe_params *p)
{
	uint32_t block = 1u << w->lu->block_shift;

	for (uint32_t at = 0; p->pattern_len && at < WRITE_BYTES; at++)
		w->buf[at] = p->pattern[at % block % p->pattern_len];
}

static struct lu_wipe *wipe_alloc(struct lu *lu, const struct wipe_params *p)
{
	struct lu_wipe *w = calloc(1, sizeof(*w) + lu->nshards * sizeof(w->parts[0]));

	if (!w)
		return NULL;
	w->lu = lu;
	w->busy = p->busy;
	w->failed = p->failed;
	w->immed = p->immed;
	w->invert = p->invert;
	w->passes = p->passes;
	w->op = p->pattern_len ? BE_WRITE : lu->thin ? BE_UNMAP : BE_WRITE_ZEROES;
	w->size = lu_nblocks(lu) << lu->block_shift;
	atomic_init(&w->stop, false);
	w->call = scsi_call_alloc(lu->device->group);
	w->buf = aligned_alloc(BUF_ALIGN, WRITE_BYTES);
	if (!w->call || !w->buf) {
		wipe_free(w);
		return NULL;
	}
	memset(w->buf, 0, WRITE_BYTES);
	pattern_repeat(w, p);
	return w;
}

/* ---- what others see; control thread ---- */

static enum scsi_sense lu_not_ready(const struct lu *lu)
{
	return (enum scsi_sense)atomic_load_explicit(&lu->not_ready, memory_order_relaxed);
}

static void lu_set_not_ready(struct lu *lu, enum scsi_sense s)
{
	atomic_store_explicit(&lu->progress, 0, memory_order_relaxed);
	atomic_store_explicit(&lu->not_ready, s, memory_order_relaxed);
}

static const char *wipe_name(const struct lu_wipe *w)
{
	return w->failed == SENSE_SANITIZE_FAILED ? "SANITIZE" : "FORMAT UNIT";
}

/* ---- the end; control thread ---- */

static void cmd_end(struct scsi_cmd *cmd, enum scsi_sense s)
{
	if (s)
		cmd_control_fail(cmd, s);
	else
		cmd_control_return(cmd, cmd_good);
}

static void wipe_answer(struct lu_wipe *w, enum scsi_sense s)
{
	if (w->cmd)
		cmd_end(w->cmd, s);
	w->cmd = NULL;
}

static void wipe_over(struct lu_wipe *w)
{
	struct lu *lu = w->lu;

	lu_set_not_ready(lu, w->result ? w->failed : SENSE_OK);
	if (w->result)
		log_warn("device %s: %s failed: %s", lu->name, wipe_name(w), strerror(-w->result));
	else
		log_notice("device %s: %s is complete", lu->name, wipe_name(w));
	wipe_answer(w, w->result ? w->failed : SENSE_OK);
	wipe_free(w);
	lu_wipe_over(lu);
}

/* Nothing is kept any more, or what was kept before still is: both are true enough. */
static void end_kept(void *arg, int status)
{
	struct lu_wipe *w = arg;

	if (status && status != -EOPNOTSUPP) {
		w->lu->sanitize_open = true;
		w->result = status;
	}
	lu_change_end(w->lu, &w->change);
	wipe_over(w);
}

static void end_keep(struct lu_change *c)
{
	struct lu_wipe *w = container_of(c, struct lu_wipe, change);

	w->lu->sanitize_open = false;
	lu_state_save(w->lu, end_kept, w);
}

static void wipe_ended(struct msg *m)
{
	struct lu_wipe *w = container_of(m, struct lu_wipe, msg);

	if (w->result || !w->lu->sanitize_open) {
		wipe_over(w);
		return;
	}
	w->change.start = end_keep;
	lu_change_begin(w->lu, &w->change);
}

/* ---- the work; its reactor ---- */

static void wipe_next(struct lu_wipe *w);

/* An aborted command need not wait for the end: its channel may be waiting for it. */
static void wipe_let_aborted_go(struct lu_wipe *w)
{
	struct scsi_cmd *cmd = w->cmd;

	if (!cmd || !cmd->aborted)
		return;
	w->cmd = NULL;
	cmd->in_control = false;
	task_end_aborted(cmd);
}

static void wipe_end(struct lu_wipe *w, int result)
{
	w->result = result;
	w->msg.fn = wipe_ended;
	mailbox_post(w->lu->device->group->control, &w->msg);
}

static void progress_tell(const struct lu_wipe *w)
{
	uint64_t part = w->done / (w->size / 65536 + 1);

	atomic_store_explicit(&w->lu->progress, (unsigned)((w->pass * 65536 + part) / w->passes),
			      memory_order_relaxed);
}

static void pattern_invert(struct lu_wipe *w)
{
	uint64_t *p = (uint64_t *)(void *)w->buf;

	for (size_t i = 0; i < WRITE_BYTES / sizeof(*p); i++)
		p[i] = ~p[i];
}

/* Each pass is on the medium before the next begins. */
static void pass_flushed(struct be_io *io)
{
	struct lu_wipe *w = container_of(io, struct lu_wipe, io);

	w->pass++;
	w->done = 0;
	if (io->result || w->pass == w->passes) {
		wipe_end(w, io->result);
		return;
	}
	if (w->invert)
		pattern_invert(w);
	wipe_next(w);
}

static void piece_done(struct be_io *io)
{
	struct lu_wipe *w = container_of(io, struct lu_wipe, io);

	if (io->result == -EOPNOTSUPP && w->op != BE_WRITE) {
		w->op = BE_WRITE; /* buf is zeros then */
	} else if (io->result) {
		wipe_end(w, io->result);
		return;
	} else {
		w->done += io->len;
	}
	progress_tell(w);
	wipe_next(w);
}

static void wipe_next(struct lu_wipe *w)
{
	uint64_t most = w->op == BE_WRITE ? WRITE_BYTES : ZERO_BYTES;
	struct be_io *io = &w->io;

	wipe_let_aborted_go(w);
	if (atomic_load_explicit(&w->stop, memory_order_relaxed) ||
	    gate_is_over(w->lu, w->epoch, w->reactor->now_ns)) {
		wipe_end(w, -ECANCELED);
		return;
	}
	io->flags = 0;
	io->off = w->done;
	io->len = min_u64(w->size - w->done, most);
	io->op = io->len ? w->op : BE_FLUSH;
	io->done = io->len ? piece_done : pass_flushed;
	io->buf = (struct iobuf){ w->buf, (uint32_t)io->len, IOBUF_UNREGISTERED, 0 };
	if (!io->len)
		io->off = 0;
	backend_submit(w->reactor, w->lu->be, io);
}

static void work_received(struct msg *m)
{
	wipe_next(container_of(m, struct lu_wipe, msg));
}

/* ---- what had begun before ---- */

static bool write_pending(const struct task_wait *wait, const struct scsi_cmd *cmd)
{
	const struct lu_wipe *w = container_of(wait, struct wipe_part, wait)->wipe;

	if (cmd->lu != w->lu || !cmd->op || !(cmd->op->flags & OP_WRITES) || cmd->in_control)
		return false;
	/* What is held, also for others that wait for our command, is admitted anew: refused. */
	return cmd->state == SCSI_CMD_EXECUTING ||
	       (cmd->state == SCSI_CMD_PULLING && !cmd->aborted);
}

static void writes_ended(struct task_wait *wait)
{
	countdown_put(container_of(wait, struct wipe_part, wait)->c);
}

static void writes_wait(struct reactor *r, void *arg, struct countdown *c)
{
	struct lu_wipe *w = arg;
	struct wipe_part *part = &w->parts[r->id];
	struct task_reactor *tr = &w->lu->device->tasks[r->id];
	struct scsi_cmd *cmd;

	part->wipe = w;
	part->c = c;
	part->wait.waits_for = write_pending;
	part->wait.over = writes_ended;
	task_wait_init(&part->wait, tr);
	list_for_each(cmd, &lu_shard(w->lu, r)->live, link)
		if (cmd->op && (cmd->op->flags & OP_WRITES))
			task_mark(tr, cmd);
	task_wait_start(&part->wait);
}

static void writes_over(void *arg)
{
	struct lu_wipe *w = arg;

	w->msg.fn = work_received;
	reactor_send(w->reactor, &w->msg);
}

/* ---- the beginning; control thread ---- */

static void wipe_run(struct lu_wipe *w)
{
	log_notice("device %s: %s begins", w->lu->name, wipe_name(w));
	if (w->immed)
		wipe_answer(w, SENSE_OK);
	scsi_call_run(w->call, writes_wait, writes_over, w);
}

/* Of a SANITIZE that cannot be kept nobody would learn after a crash. */
static void begin_kept(void *arg, int status)
{
	struct lu_wipe *w = arg;
	struct lu *lu = w->lu;

	lu_change_end(lu, &w->change);
	if (!status || status == -EOPNOTSUPP) {
		wipe_run(w);
		return;
	}
	lu->sanitize_open = w->before == SENSE_SANITIZE_FAILED;
	lu->sanitize_ause = w->before_ause;
	lu_set_not_ready(lu, w->before);
	wipe_answer(w, SENSE_INTERNAL_FAILURE);
	wipe_free(w);
	lu_wipe_over(lu);
}

static void begin_keep(struct lu_change *c)
{
	struct lu_wipe *w = container_of(c, struct lu_wipe, change);

	w->lu->sanitize_open = true;
	lu_state_save(w->lu, begin_kept, w);
}

static enum scsi_sense wipe_refusal(const struct lu *lu, uint8_t opcode)
{
	enum scsi_sense s = lu_not_ready(lu);

	if (sense_has_progress(s))
		return s;
	return s == SENSE_SANITIZE_FAILED && opcode == OPCODE_FORMAT_UNIT ? s : SENSE_OK;
}

bool wipe_admit(struct scsi_cmd *cmd)
{
	enum scsi_sense s = wipe_refusal(cmd->lu, cmd->cdb[0]);

	return s ? cmd_fail(cmd, s) : true;
}

/* On the control thread, where it counts. */
static enum scsi_sense begin_refusal(const struct scsi_cmd *cmd)
{
	const struct lu *lu = cmd->lu;
	enum scsi_sense s;

	if (lu->destroy_done)
		return SENSE_LU_COMMUNICATION;
	s = access_check_control(cmd);
	if (!s)
		s = wipe_refusal(lu, cmd->cdb[0]);
	/* The one that runs may be about to end. */
	return !s && lu->wipe ? SENSE_BUSY : s;
}

void wipe_begin(struct scsi_cmd *cmd, const struct wipe_params *p)
{
	enum scsi_sense s = begin_refusal(cmd);
	struct lu *lu = cmd->lu;
	struct lu_wipe *w;

	if (s) {
		cmd_control_fail(cmd, s);
		return;
	}
	w = wipe_alloc(lu, p);
	if (!w) {
		cmd_control_fail(cmd, SENSE_INTERNAL_FAILURE);
		return;
	}
	w->cmd = cmd;
	w->reactor = cmd->reactor;
	w->epoch = cmd->epoch;
	w->before = lu_not_ready(lu);
	w->before_ause = lu->sanitize_ause;
	lu->wipe = w;
	lu->sanitize_ause = p->ause;
	lu_set_not_ready(lu, w->busy);
	if (p->failed != SENSE_SANITIZE_FAILED) {
		wipe_run(w);
		return;
	}
	w->change.start = begin_keep;
	lu_change_begin(lu, &w->change);
}

void wipe_stop(struct lu_wipe *w)
{
	atomic_store(&w->stop, true);
}

/* ---- after a SANITIZE that failed ---- */

static void cmd_bad_service_action(struct scsi_cmd *cmd)
{
	cmd_bad_field(cmd, 1, 4);
}

static void exit_kept(void *arg, int status)
{
	struct scsi_cmd *cmd = arg;
	struct lu *lu = cmd->lu;
	bool over = !status || status == -EOPNOTSUPP;

	lu->sanitize_open = !over;
	if (over)
		lu_set_not_ready(lu, SENSE_OK);
	lu_change_end(lu, &cmd->change);
	cmd_end(cmd, over ? SENSE_OK : SENSE_INTERNAL_FAILURE);
}

static void exit_keep(struct lu_change *c)
{
	struct scsi_cmd *cmd = container_of(c, struct scsi_cmd, change);

	cmd->lu->sanitize_open = false;
	lu_state_save(cmd->lu, exit_kept, cmd);
}

void wipe_exit_failure(struct scsi_cmd *cmd)
{
	struct lu *lu = cmd->lu;

	enum scsi_sense s = access_check_control(cmd);

	if (!s && lu->wipe)
		s = lu_not_ready(lu);
	if (s || lu_not_ready(lu) != SENSE_SANITIZE_FAILED) {
		cmd_end(cmd, s);
		return;
	}
	if (!lu->sanitize_ause) {
		cmd_control_return(cmd, cmd_bad_service_action);
		return;
	}
	cmd->change.start = exit_keep;
	lu_change_begin(lu, &cmd->change);
}

/* ---- what is kept ---- */

#define STATE_AUSE 0x01

size_t wipe_state_encode(const struct lu *lu, uint8_t *p, size_t room)
{
	if (!lu->sanitize_open || !room)
		return 0;
	p[0] = lu->sanitize_ause ? STATE_AUSE : 0;
	return 1;
}

int wipe_state_decode(struct lu *lu, const uint8_t *p, size_t len)
{
	if (len != 1 || p[0] & ~STATE_AUSE)
		return -EINVAL;
	lu->sanitize_open = true;
	lu->sanitize_ause = p[0] & STATE_AUSE;
	lu_set_not_ready(lu, SENSE_SANITIZE_FAILED);
	log_warn("device %s: SANITIZE was interrupted: not ready until it is repeated",
		 lu->name);
	return 0;
}
