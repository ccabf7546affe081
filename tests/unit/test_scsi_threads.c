/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real reactor threads, and a control thread that resets, remaps and resizes
 * under their feet. Everything must end, once; to be run under a thread
 * sanitizer, too. The work is counted, not timed.
 */
#include "queue_backend.h"
#include "threads_util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define REACTORS 2
#define DEPTH 16        /* commands and functions at a time per reactor */
#define COMMANDS 20000u /* per reactor */

/* ---- a backend that finishes some requests of each round ---- */

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	queue_backend_put(r, be, io);
}

/* ---- a fabric on each reactor ---- */

struct worker;

struct task {
	struct scsi_cmd sc;
	struct worker *w;
	bool busy, pulling, responding;
};

struct function {
	struct scsi_tmf tmf;
	struct worker *w;
	bool busy;
};

struct worker {
	struct threads_worker base;
	struct backend *be;
	struct nexus *nexuses[2];
	unsigned started, ended, dropped;
	struct task tasks[DEPTH];
	struct function functions[DEPTH];
};

static struct task *task_of(struct scsi_cmd *cmd)
{
	return container_of(cmd, struct task, sc);
}

static void task_ended(struct task *t)
{
	assert_true(t->busy);
	t->busy = false;
	t->w->ended++;
}

static void fabric_pull(struct scsi_cmd *cmd)
{
	task_of(cmd)->pulling = true;
}

static void fabric_respond(struct scsi_cmd *cmd)
{
	task_of(cmd)->responding = true;
}

static void fabric_dropped(struct scsi_cmd *cmd)
{
	task_of(cmd)->w->dropped++;
	task_ended(task_of(cmd));
}

static const struct scsi_fabric_ops fabric = { fabric_pull, fabric_respond, fabric_dropped };

static void function_done(struct scsi_tmf *tmf, enum scsi_tmf_response r)
{
	struct function *f = container_of(tmf, struct function, tmf);

	assert_true(r == SCSI_TMF_COMPLETE || r == SCSI_TMF_BAD_LUN);
	assert_true(f->busy);
	f->busy = false;
}

static void start_task(struct worker *w, struct task *t)
{
	static const uint8_t cdbs[][16] = {
		{ 0x28, 0, 0, 0, 0, 0, 0, 0, 8 },    { 0x2a, 0, 0, 0, 0, 0, 0, 0, 8 },
		{ 0x2a, 8, 0, 0, 0, 9, 0, 0, 1 },    { 0x35, 2 },
		{ 0x41, 0, 0, 0, 0, 0, 0, 4, 0 },    { 0x2f, 2, 0, 0, 0, 0, 0, 0, 8 },
		{ 0xa0, 0, 0, 0, 0, 0, 0, 0, 16 },   { 0x00 },
		{ 0x1a, 0, 0x3f, 0, 255 },           { 0x03, 0, 0, 0, 18 },
		{ 0x15, 0x10, 0, 0, 16 },            { 0x4d, 0, 0x50, 0, 0, 0, 0, 1, 0 },
		{ 0x1d, 4 },                         { 0x89, 0, [9] = 1, [13] = 2 },
		{ 0x89, 0, [9] = 3, [13] = 4 },      { 0x2e, 0, 0, 0, 0, 2, 0, 0, 4 },
	};
	static const uint8_t attrs[] = {
		[0 ... 12] = SCSI_SIMPLE, SCSI_ORDERED, SCSI_ORDERED, SCSI_HEAD_OF_QUEUE,
	};

	t->w = w;
	t->busy = true;
	t->pulling = t->responding = false;
	t->sc.fabric = &fabric;
	t->sc.reactor = w->base.r;
	t->sc.nexus = w->nexuses[threads_below(&w->base, 2)];
	t->sc.tag = w->started++;
	memset(t->sc.lun, 0, sizeof(t->sc.lun));
	t->sc.lun[1] = (uint8_t)threads_below(&w->base, 3);
	memcpy(t->sc.cdb, cdbs[threads_below(&w->base, ARRAY_SIZE(cdbs))], 16);
	t->sc.cdb_len = 16;
	t->sc.task_attr = attrs[threads_below(&w->base, sizeof(attrs))];
	t->sc.data_out_len = t->sc.data_in_len = 4096;
	t->sc.imm.addr = NULL;
	scsi_submit(&t->sc);
}

/* MODE SELECT: the control page, with D_SENSE, QERR, SWP and TAS as it comes. */
static void fill_modes(struct worker *w, uint8_t *p)
{
	static const uint8_t page[] = { 0x0a, 10, 0x02, 0x10, 0, 0, 0, 0, 0xff, 0xff };
	static const uint8_t qerr[] = { 0x00, 0x02, 0x06 };

	memcpy(p + 4, page, sizeof(page));
	p[6] |= (uint8_t)(threads_below(&w->base, 2) << 2);
	p[7] |= qerr[threads_below(&w->base, sizeof(qerr))];
	p[8] |= (uint8_t)(threads_below(&w->base, 2) << 3);
	p[9] |= (uint8_t)(threads_below(&w->base, 2) << 6);
}

static void go_on(struct worker *w, struct task *t)
{
	if (t->pulling) {
		t->pulling = false;
		memset(t->sc.buf.addr, 0, t->sc.buf.len);
		if (t->sc.cdb[0] == 0x15)
			fill_modes(w, t->sc.buf.addr);
		scsi_pulled(&t->sc, 0);
	} else if (t->responding) {
		t->responding = false;
		scsi_cmd_release(&t->sc);
		task_ended(t);
	} else if (!threads_below(&w->base, 20)) {
		scsi_cmd_abort(&t->sc);
	}
}

static void start_function(struct worker *w, struct function *f)
{
	f->w = w;
	f->busy = true;
	f->tmf.function = (enum scsi_tmf_function)threads_below(&w->base, SCSI_I_T_NEXUS_RESET + 1);
	f->tmf.reactor = w->base.r;
	f->tmf.nexus = w->nexuses[threads_below(&w->base, 2)];
	memset(f->tmf.lun, 0, 8);
	f->tmf.lun[1] = (uint8_t)threads_below(&w->base, 3);
	f->tmf.task_tag = w->started - threads_below(&w->base, DEPTH);
	f->tmf.done = function_done;
	scsi_tmf_submit(&f->tmf);
}

static void finish_some(struct worker *w)
{
	while (!queue_backend_empty(w->base.r, w->be) && threads_below(&w->base, 3)) {
		struct be_io *io = queue_backend_take(w->base.r, w->be);

		io->result = 0;
		if (io->op == BE_READ)
			memset(io->buf.addr, 0, io->len);
		io->done(io);
	}
}

static int worker_poll(struct reactor_source *s)
{
	struct worker *w = container_of(s, struct worker, base.source);
	bool busy = false;

	if (!w->base.idle)
		return 0;
	finish_some(w);
	for (unsigned i = 0; i < DEPTH; i++) {
		if (w->tasks[i].busy && threads_below(&w->base, 2))
			go_on(w, &w->tasks[i]);
		else if (!w->tasks[i].busy && w->started < COMMANDS)
			start_task(w, &w->tasks[i]);
		if (!w->functions[i].busy && w->started < COMMANDS && !threads_below(&w->base, 200))
			start_function(w, &w->functions[i]);
		busy |= w->tasks[i].busy || w->functions[i].busy;
	}
	if (!busy && queue_backend_empty(w->base.r, w->be))
		threads_idle(&w->base);
	return 1;
}

/* ---- control thread ---- */

struct test {
	struct threads threads;
	struct backend be;
	struct nexus *nexuses[2];
	struct worker workers[REACTORS];
	unsigned remaps, pending;
	bool over; /* no more remaps */
};

static void remap(void *arg);

/* The next change begins when the last has reached everybody. */
static void remap(void *arg)
{
	struct test *t = arg;
	struct lu *lu = t->threads.lu;
	struct lun_entry map[] = {
		{ 0, false, lu }, { 1, t->remaps & 1, lu }, { 2, false, lu },
	};

	if (t->over) {
		t->pending--;
		return;
	}
	t->remaps++;
	atomic_store(&lu->modes.qerr, (t->remaps >> 4) % 3 * 3 / 2);
	if (t->remaps % 7 == 0)
		lu_resync(lu);
	assert_int_equal(nexus_set_map(t->nexuses[t->remaps & 1], map, 1 + t->remaps % 3, remap, t),
			 0);
}

static void test_open(struct test *t)
{
	const struct scsi_port port = { .rel_tgt_id = 1 };
	const uint8_t id[16] = { 0 };

	queue_backend_init(&t->be, 1u << 21);
	threads_open(&t->threads, REACTORS, &t->be);
	for (unsigned i = 0; i < 2; i++)
		t->nexuses[i] = nexus_create(t->threads.device, &port, id, "threads");
	for (unsigned i = 0; i < REACTORS; i++) {
		struct worker *w = &t->workers[i];

		threads_worker_add(&t->threads, &w->base, worker_poll);
		w->be = &t->be;
		memcpy(w->nexuses, t->nexuses, sizeof(w->nexuses));
	}
}

static void test_close(struct test *t)
{
	threads_end(&t->threads);
	nexus_destroy(t->nexuses[0]);
	nexus_destroy(t->nexuses[1]);
	threads_close(&t->threads);
	assert_int_equal(atomic_load(&t->be.closed), 1);
}

static void test_everything_ends_once(void **state)
{
	struct test *t = calloc(1, sizeof(*t));
	struct lu_stats s;

	(void)state;
	test_open(t);
	t->pending = 1;
	remap(t);
	threads_begin(&t->threads);
	threads_pump(&t->threads);
	t->over = true;
	while (t->pending) {
		mailbox_drain(&t->threads.control);
		sched_yield();
	}
	lu_stats(t->threads.lu, &s);
	assert_int_equal(s.in_flight, 0);
	assert_int_equal(s.detached, 0);
	assert_true(s.aborted > 0);
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_int_equal(t->workers[i].started, COMMANDS);
		assert_int_equal(t->workers[i].ended, COMMANDS);
		assert_true(t->workers[i].dropped > 0);
	}
	test_close(t);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_ends_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
