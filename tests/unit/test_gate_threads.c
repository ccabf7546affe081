/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real reactor threads that write without a pause, and a control thread that moves the write gate
 * from epoch to epoch: nothing is acknowledged by who could know that its epoch was over, and while
 * the group is drained nothing is in the backend. To be run under a thread sanitizer, too. The
 * work is counted, not timed.
 */
#include "queue_backend.h"
#include "threads_util.h"
#include "writer_util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define REACTORS 2
#define DEPTH 8  /* writes of each reactor */
#define EPOCHS 1500u
#define PAUSE 3u /* messages round all reactors between the steps */

/* What went wrong; assertions are for the test's thread. */
static atomic_uint left_behind, let_in, too_late;
static atomic_bool drained;   /* nothing may be in the backend */
static atomic_int writing;    /* what is */
static _Atomic uint64_t over; /* this epoch and all before it are */

/* ---- a backend that finishes some requests of each round ---- */

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	atomic_fetch_add(&writing, 1);
	if (atomic_load(&drained))
		atomic_fetch_add(&let_in, 1);
	queue_backend_put(r, be, io);
}

/* ---- the workers ---- */

struct worker {
	struct threads_worker base;
	struct backend *be;
	unsigned rounds, good, refused;
	struct task tasks[DEPTH];
};

static struct nexus *nexus;
static struct worker workers[REACTORS];
static atomic_bool stop;

/* ---- who writes ---- */

static bool refused(const struct scsi_cmd *cmd)
{
	return cmd->status == SCSI_CHECK_CONDITION && (cmd->sense[2] & 0xf) == 2 &&
	       cmd->sense[12] == 0x04 && cmd->sense[13] == 0x0a;
}

static bool attention(const struct scsi_cmd *cmd)
{
	return cmd->status == SCSI_CHECK_CONDITION && (cmd->sense[2] & 0xf) == 6;
}

static void write_ended(struct worker *w, struct task *t)
{
	w->good += t->sc.status == SCSI_GOOD;
	w->refused += refused(&t->sc);
	if (t->sc.status != SCSI_GOOD && !refused(&t->sc) && !attention(&t->sc))
		atomic_fetch_add(&strange, 1);
	t->busy = false;
	scsi_cmd_release(&t->sc);
}

/* It is answered inside. */
static void finish(struct be_io *io)
{
	struct scsi_cmd *cmd = container_of(io, struct scsi_cmd, io);
	bool late = cmd->epoch <= atomic_load(&over);

	io->result = 0;
	atomic_fetch_sub(&writing, 1);
	io->done(io);
	if (late && cmd->status == SCSI_GOOD)
		atomic_fetch_add(&too_late, 1);
}

static void finish_some(struct worker *w)
{
	while (!queue_backend_empty(w->base.r, w->be) && w->rounds++ % 3)
		finish(queue_backend_take(w->base.r, w->be));
}

static int worker_poll(struct reactor_source *s)
{
	static const uint8_t cdb[16] = { 0x2a, 0, 0, 0, 0, 0, 0, 0, 1 };
	struct worker *w = container_of(s, struct worker, base.source);
	bool busy = false;

	if (!w->base.idle)
		return 0;
	finish_some(w);
	for (unsigned i = 0; i < DEPTH; i++) {
		struct task *t = &w->tasks[i];

		if (t->busy && t->answered)
			write_ended(w, t);
		else if (!t->busy && !atomic_load(&stop))
			task_start(t, w->base.r, nexus, cdb, 512);
		busy |= t->busy;
	}
	if (atomic_load(&stop) && !busy)
		threads_idle(&w->base);
	return 1;
}

/* ---- control thread ---- */

struct test {
	struct threads threads;
	struct backend be;
	struct alua_group *g;
	uint64_t epoch;
};

static void test_open(struct test *t)
{
	const struct alua_params groups = { .gated = true };

	queue_backend_init(&t->be, 2048);
	threads_open(&t->threads, REACTORS, &t->be);
	assert_int_equal(alua_group_create(t->threads.device, &groups, &t->g), 0);
	lu_set_alua_group(t->threads.lu, t->g);
	nexus = threads_nexus(&t->threads, 1, 1);
	for (unsigned i = 0; i < REACTORS; i++) {
		workers[i].be = &t->be;
		threads_worker_add(&t->threads, &workers[i].base, worker_poll);
	}
}

static void test_close(struct test *t)
{
	threads_end(&t->threads);
	nexus_destroy(nexus);
	alua_group_destroy(t->g);
	threads_close(&t->threads);
}

static void go_round(struct test *t)
{
	for (unsigned i = 0; i < PAUSE; i++) {
		threads_round(&t->threads);
		threads_pump(&t->threads);
	}
}

static void epoch_over(struct test *t)
{
	atomic_store(&over, t->epoch);
}

static void closes(struct test *t)
{
	alua_group_gate_close(t->g);
	epoch_over(t);
	alua_group_drain(t->g, threads_done, &t->threads);
	threads_pump(&t->threads);
	atomic_store(&drained, true);
	if (atomic_load(&writing))
		atomic_fetch_add(&left_behind, 1);
	go_round(t);
	atomic_store(&drained, false);
}

static void runs_out(struct test *t)
{
	alua_group_gate_open(t->g, t->epoch, 1);
	epoch_over(t);
}

static void is_followed(struct test *t)
{
	alua_group_gate_open(t->g, t->epoch + 1, UINT64_MAX);
	epoch_over(t);
}

static struct test t;

static void test_no_write_is_acknowledged_after_its_epoch(void **state)
{
	static void (*const ends[])(struct test *t) = { closes, runs_out, is_followed };

	(void)state;
	test_open(&t);
	threads_begin(&t.threads);
	for (t.epoch = 1; t.epoch <= EPOCHS; t.epoch++) {
		alua_group_gate_open(t.g, t.epoch, UINT64_MAX);
		go_round(&t);
		ends[t.epoch % ARRAY_SIZE(ends)](&t);
		go_round(&t);
	}
	atomic_store(&stop, true);
	threads_pump(&t.threads);
	test_close(&t);
	assert_int_equal(atomic_load(&left_behind), 0);
	assert_int_equal(atomic_load(&let_in), 0);
	assert_int_equal(atomic_load(&too_late), 0);
	assert_int_equal(atomic_load(&strange), 0);
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_true(workers[i].good > 0);
		assert_true(workers[i].refused > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_write_is_acknowledged_after_its_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
