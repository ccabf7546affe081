/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fencing with real reactor threads: from the moment a PREEMPT AND ABORT is answered no write of
 * the host that lost its registration is in the backend, and none comes there any more. Again and
 * again, while that host writes from all reactors. To be run under a thread sanitizer, too. The
 * work is counted, not timed.
 */
#include "queue_backend.h"
#include "scsi/pr_change.h"
#include "threads_util.h"
#include "writer_util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define REACTORS 2
#define DEPTH 8     /* writes of the victim on each reactor */
#define FENCINGS 500u
#define PAUSE 20u   /* rounds between the steps */
#define KEY_VICTIM 7
#define KEY_FENCER 9
#define ACCESS PR_EXCLUSIVE_ACCESS_RO

/* What went wrong; assertions are for the test's thread. */
static atomic_uint left_behind, let_in;
static atomic_bool fenced; /* the victim must not be in the backend */
static atomic_int writing; /* its writes that are */

/* ---- a backend that finishes some requests of each round; only the victim writes ---- */

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	atomic_fetch_add(&writing, 1);
	if (atomic_load(&fenced))
		atomic_fetch_add(&let_in, 1);
	queue_backend_put(r, be, io);
}

/* ---- the workers ---- */

struct worker {
	struct threads_worker base;
	struct backend *be;
	unsigned rounds, good, aborted, conflicts;
	struct task tasks[DEPTH];
};

/* Who fences: on reactor 0, one PERSISTENT RESERVE OUT after the other. */
struct fencer {
	struct task task;
	struct nexus *victim, *own;
	unsigned step, pause, fencings;
};

static struct nexus *victim;
static struct fencer fencer;
static struct worker workers[REACTORS];
static atomic_bool stop;

/* ---- who fences ---- */

static const struct {
	enum pr_action action;
	bool by_victim;
	uint64_t key, sa_key;
} steps[] = {
	{ PR_REGISTER_AND_IGNORE, true, 0, KEY_VICTIM },
	{ PR_REGISTER_AND_IGNORE, false, 0, KEY_FENCER },
	{ PR_RESERVE, false, KEY_FENCER, 0 },
	{ PR_PREEMPT_AND_ABORT, false, KEY_FENCER, KEY_VICTIM },
};

static void step_start(struct worker *w, struct fencer *f)
{
	const uint8_t cdb[16] = { 0x5f, (uint8_t)steps[f->step].action, ACCESS, 0, 0, 0, 0, 0, 24 };

	if (!f->step)
		atomic_store(&fenced, false);
	put_be64(f->task.out, steps[f->step].key);
	put_be64(f->task.out + 8, steps[f->step].sa_key);
	task_start(&f->task, w->base.r, steps[f->step].by_victim ? f->victim : f->own, cdb, 24);
}

static void step_ended(struct fencer *f)
{
	const struct scsi_cmd *cmd = &f->task.sc;
	bool attention = cmd->status == SCSI_CHECK_CONDITION && (cmd->sense[2] & 0xf) == 6;

	f->task.busy = false;
	if (attention)
		return; /* once more */
	if (cmd->status != SCSI_GOOD)
		atomic_fetch_add(&strange, 1);
	if (steps[f->step].action == PR_PREEMPT_AND_ABORT) {
		atomic_store(&fenced, true);
		if (atomic_load(&writing))
			atomic_fetch_add(&left_behind, 1);
		if (++f->fencings == FENCINGS)
			atomic_store(&stop, true);
	}
	f->step = (f->step + 1) % ARRAY_SIZE(steps);
	f->pause = PAUSE;
}

static void fencer_poll(struct worker *w, struct fencer *f)
{
	if (f->task.busy && f->task.answered) {
		step_ended(f);
		scsi_cmd_release(&f->task.sc);
	} else if (!f->task.busy && f->pause) {
		f->pause--;
	} else if (!f->task.busy && !atomic_load(&stop)) {
		step_start(w, f);
	}
}

/* ---- the victim ---- */

static void write_ended(struct worker *w, struct task *t)
{
	w->good += t->sc.status == SCSI_GOOD;
	w->aborted += t->sc.status == SCSI_TASK_ABORTED;
	w->conflicts += t->sc.status == SCSI_RESERVATION_CONFLICT;
	t->busy = false;
	scsi_cmd_release(&t->sc);
}

static void finish_some(struct worker *w)
{
	while (!queue_backend_empty(w->base.r, w->be) && w->rounds++ % 3) {
		struct be_io *io = queue_backend_take(w->base.r, w->be);

		io->result = 0;
		atomic_fetch_sub(&writing, 1);
		io->done(io);
	}
}

static int worker_poll(struct reactor_source *s)
{
	static const uint8_t cdb[16] = { 0x2a, 0, 0, 0, 0, 0, 0, 0, 1 };
	struct worker *w = container_of(s, struct worker, base.source);
	bool busy = false;

	if (!w->base.idle)
		return 0;
	finish_some(w);
	if (!w->base.r->id)
		fencer_poll(w, &fencer);
	for (unsigned i = 0; i < DEPTH; i++) {
		struct task *t = &w->tasks[i];

		if (t->busy && t->answered)
			write_ended(w, t);
		else if (!t->busy && !atomic_load(&stop))
			task_start(t, w->base.r, victim, cdb, 512);
		busy |= t->busy;
	}
	if (atomic_load(&stop) && !busy && !(w->base.r->id == 0 && fencer.task.busy))
		threads_idle(&w->base);
	return 1;
}

/* ---- control thread ---- */

struct test {
	struct threads threads;
	struct backend be;
};

static void test_open(struct test *t)
{
	queue_backend_init(&t->be, 2048);
	threads_open(&t->threads, REACTORS, &t->be);
	fencer.victim = victim = threads_nexus(&t->threads, 1, 1);
	fencer.own = threads_nexus(&t->threads, 1, 2);
	for (unsigned i = 0; i < REACTORS; i++) {
		workers[i].be = &t->be;
		threads_worker_add(&t->threads, &workers[i].base, worker_poll);
	}
}

static void test_close(struct test *t)
{
	threads_end(&t->threads);
	nexus_destroy(victim);
	nexus_destroy(fencer.own);
	threads_close(&t->threads);
}

static struct test t;

static void test_who_is_fenced_writes_no_more(void **state)
{
	(void)state;
	test_open(&t);
	threads_begin(&t.threads);
	threads_pump(&t.threads);
	test_close(&t);
	assert_int_equal(atomic_load(&left_behind), 0);
	assert_int_equal(atomic_load(&let_in), 0);
	assert_int_equal(atomic_load(&strange), 0);
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_true(workers[i].good > 0);
		assert_true(workers[i].aborted > 0);
		assert_true(workers[i].conflicts > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_fenced_writes_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
