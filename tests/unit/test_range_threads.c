/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomic commands from real reactor threads: a counter in one block is advanced by
 * COMPARE AND WRITE, in another block all kinds of writes meet. The backend watches that
 * nobody writes a block while somebody has it for itself. The work is counted, not timed.
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

#define REACTORS 3
#define DEPTH 8        /* commands at a time per reactor */
#define COMMANDS 6000u /* per reactor */

#define BLOCK 512
#define BLOCKS 8
#define COUNTER 0 /* only COMPARE AND WRITE and READ */
#define MIXED 2   /* anything that covers this block */

/* ---- a backend that looks at what it is asked ---- */

static _Atomic uint64_t words[BLOCKS * BLOCK / 8];
static _Atomic(struct scsi_cmd *) owners[BLOCKS]; /* has read and is going to write */
static _Atomic(struct scsi_cmd *) ordered;        /* is in the backend */
static atomic_uint broken;                        /* rules that were */

static struct scsi_cmd *cmd_of(struct be_io *io)
{
	return container_of(io, struct scsi_cmd, io);
}

static void expect(bool holds)
{
	if (!holds)
		atomic_fetch_add(&broken, 1);
}

static bool is_atomic(const struct scsi_cmd *cmd)
{
	return cmd->cdb[0] == 0x89 || cmd->cdb[0] == 0x8b;
}

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	struct scsi_cmd *cmd = cmd_of(io), *o = atomic_load(&ordered);
	uint64_t first = io->off / BLOCK, end = (io->off + io->len) / BLOCK;

	expect(!o || o == cmd || cmd->task_attr == SCSI_HEAD_OF_QUEUE);
	if (cmd->task_attr == SCSI_ORDERED)
		atomic_store(&ordered, cmd);
	for (uint64_t b = first; b < end; b++) {
		struct scsi_cmd *owner = atomic_load(&owners[b]);

		if (io->op != BE_READ || is_atomic(cmd))
			expect(!owner || owner == cmd);
		if (is_atomic(cmd))
			atomic_store(&owners[b], cmd);
	}
	queue_backend_put(r, be, io);
}

static void move(struct be_io *io)
{
	uint64_t *data = (uint64_t *)(void *)io->buf.addr;

	for (uint64_t i = 0; i < io->len / 8; i++) {
		_Atomic uint64_t *word = &words[io->off / 8 + i];

		if (io->op == BE_READ)
			data[i] = atomic_load_explicit(word, memory_order_relaxed);
		else
			atomic_store_explicit(word, io->op == BE_WRITE ? data[i] : 0,
					      memory_order_relaxed);
	}
}

/* The command is over with this request: from now on others may have its blocks. */
static bool ends(const struct be_io *io, const struct scsi_cmd *cmd)
{
	if (io->op != BE_READ || !is_atomic(cmd) || cmd->aborted)
		return true;
	return cmd->cdb[0] == 0x89 && memcmp(cmd->buf.addr, io->buf.addr, io->len) != 0;
}

static void finish(struct be_io *io)
{
	struct scsi_cmd *cmd = cmd_of(io);

	move(io);
	if (ends(io, cmd)) {
		for (unsigned b = 0; b < BLOCKS; b++)
			if (atomic_load(&owners[b]) == cmd)
				atomic_store(&owners[b], NULL);
		if (atomic_load(&ordered) == cmd)
			atomic_store(&ordered, NULL);
	}
	io->result = 0;
	io->done(io);
}

/* ---- a fabric on each reactor ---- */

struct worker;

struct task {
	struct scsi_cmd sc;
	struct worker *w;
	bool busy, pulling, responding;
	bool counts;    /* COMPARE AND WRITE of the counter */
	uint64_t value; /* it compares with */
};

struct worker {
	struct threads_worker base;
	struct backend *be;
	struct nexus *nexus;
	uint64_t seen; /* value of the counter, last time */
	unsigned started, counting, successes, mismatches, unexpected;
	struct task tasks[DEPTH];
};

static struct task *task_of(struct scsi_cmd *cmd)
{
	return container_of(cmd, struct task, sc);
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
	task_of(cmd)->busy = false;
}

static const struct scsi_fabric_ops fabric = { fabric_pull, fabric_respond, fabric_dropped };

static void start(struct worker *w, struct task *t, const uint8_t cdb[16])
{
	t->w = w;
	t->busy = true;
	t->pulling = t->responding = false;
	t->counts = cdb[0] == 0x89 && cdb[9] == COUNTER;
	w->counting += t->counts;
	w->started++;
	t->sc.fabric = &fabric;
	t->sc.reactor = w->base.r;
	t->sc.nexus = w->nexus;
	t->sc.tag = 1;
	memset(t->sc.lun, 0, sizeof(t->sc.lun));
	memcpy(t->sc.cdb, cdb, 16);
	t->sc.cdb_len = 16;
	t->sc.task_attr = SCSI_SIMPLE;
	if (!t->counts && !threads_below(&w->base, 12))
		t->sc.task_attr = threads_below(&w->base, 3) ? SCSI_ORDERED : SCSI_HEAD_OF_QUEUE;
	t->sc.data_in_len = 4 * BLOCK;
	/* WRITE SAME takes one block, with NDOB none; COMPARE AND WRITE two for each. */
	if (cdb[0] == 0x93)
		t->sc.data_out_len = cdb[1] ? 0 : BLOCK;
	else
		t->sc.data_out_len = cdb[0] == 0x89 ? 2 * BLOCK : 4 * BLOCK;
	t->sc.imm.addr = NULL;
	scsi_submit(&t->sc);
}

static void start_task(struct worker *w, struct task *t)
{
	static const uint8_t cdbs[][16] = {
		{ 0x89, 0, [9] = COUNTER, [13] = 1 },      { 0x89, 0, [9] = MIXED, [13] = 1 },
		{ 0x8b, 0, [9] = MIXED - 1, [13] = 2 },    { 0x2a, 0, [5] = MIXED, [8] = 1 },
		{ 0x2a, 0, [5] = MIXED - 1, [8] = 3 },     { 0x93, 0, [9] = MIXED, [13] = 4 },
		{ 0x93, 1, [9] = MIXED, [13] = 2 },        { 0x28, 0, [5] = MIXED - 1, [8] = 4 },
	};

	/* One at a time of the counter: a second would never find what it expects. */
	start(w, t, cdbs[w->counting ? 1 + threads_below(&w->base, ARRAY_SIZE(cdbs) - 1) : 0]);
}

static void fetch(struct task *t)
{
	uint64_t *data = (uint64_t *)(void *)t->sc.buf.addr;

	memset(data, 0, t->sc.buf.len);
	if (t->counts) {
		t->value = t->w->seen;
		data[0] = t->value;
		data[BLOCK / 8] = t->value + 1;
	} else if (t->sc.cdb[0] != 0x89) {
		data[BLOCK / 8 - 1] = threads_below(&t->w->base, 3);
	}
	scsi_pulled(&t->sc, 0);
}

static void ended(struct task *t)
{
	struct worker *w = t->w;
	bool mismatch = t->sc.status == SCSI_CHECK_CONDITION && t->sc.sense[2] == 0x0e;

	if (t->sc.status != SCSI_GOOD && !mismatch)
		w->unexpected++;
	if (t->counts) {
		w->successes += !mismatch;
		w->mismatches += mismatch;
		w->counting--;
		w->seen = atomic_load(&words[COUNTER]);
	}
	scsi_cmd_release(&t->sc);
	t->busy = false;
}

static void go_on(struct worker *w, struct task *t)
{
	if (t->pulling) {
		t->pulling = false;
		fetch(t);
	} else if (t->responding) {
		t->responding = false;
		ended(t);
	} else if (!t->counts && !threads_below(&w->base, 30)) {
		scsi_cmd_abort(&t->sc);
	}
}

static int worker_poll(struct reactor_source *s)
{
	struct worker *w = container_of(s, struct worker, base.source);
	bool busy = false;

	if (!w->base.idle)
		return 0;
	/* There may be fewer processors than threads, and each waits for the others. */
	sched_yield();
	while (!queue_backend_empty(w->base.r, w->be) && threads_below(&w->base, 3))
		finish(queue_backend_take(w->base.r, w->be));
	for (unsigned i = 0; i < DEPTH; i++) {
		struct task *t = &w->tasks[i];

		if (t->busy && threads_below(&w->base, 2))
			go_on(w, t);
		else if (!t->busy && w->started < COMMANDS)
			start_task(w, t);
		busy |= t->busy;
	}
	if (!busy && queue_backend_empty(w->base.r, w->be))
		threads_idle(&w->base);
	return 1;
}

/* ---- control thread ---- */

struct test {
	struct threads threads;
	struct backend be;
	struct nexus *nexus;
	struct worker workers[REACTORS];
};

static void test_open(struct test *t)
{
	queue_backend_init(&t->be, BLOCKS);
	threads_open(&t->threads, REACTORS, &t->be);
	t->nexus = threads_nexus(&t->threads, 1, 0);
	ua_take(&lun_map_find(nexus_map(t->nexus), 0)->ua, UA_ANY);
	for (unsigned i = 0; i < REACTORS; i++) {
		struct worker *w = &t->workers[i];

		threads_worker_add(&t->threads, &w->base, worker_poll);
		w->be = &t->be;
		w->nexus = t->nexus;
	}
}

static void test_close(struct test *t)
{
	threads_end(&t->threads);
	nexus_destroy(t->nexus);
	threads_close(&t->threads);
	assert_int_equal(atomic_load(&t->be.closed), 1);
}

static void test_nobody_writes_in_between(void **state)
{
	struct test *t = calloc(1, sizeof(*t));
	uint64_t successes = 0, mismatches = 0;
	struct lu_stats s;

	(void)state;
	test_open(t);
	threads_begin(&t->threads);
	threads_pump(&t->threads);
	lu_stats(t->threads.lu, &s);
	assert_int_equal(s.in_flight, 0);
	assert_int_equal(s.detached, 0);
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_int_equal(t->workers[i].unexpected, 0);
		successes += t->workers[i].successes;
		mismatches += t->workers[i].mismatches;
	}
	print_message("%llu times written, %llu times not\n", (unsigned long long)successes,
		      (unsigned long long)mismatches);
	assert_int_equal(atomic_load(&words[COUNTER]), successes);
	assert_true(successes > 0);
	assert_true(mismatches > 0);
	assert_int_equal(atomic_load(&broken), 0);
	test_close(t);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_writes_in_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
