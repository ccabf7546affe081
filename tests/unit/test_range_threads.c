/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomic commands from real reactor threads: a counter in one block is advanced by
 * COMPARE AND WRITE, in another block all kinds of writes meet. The backend watches that
 * nobody writes a block while somebody has it for itself. The work is counted, not timed.
 */
#include "scsi/lu.h"
#include "scsi/nexus.h"
#include "scsi/scsi.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define REACTORS 3
#define DEPTH 8          /* commands at a time per reactor */
#define COMMANDS 6000u   /* per reactor */
#define TIMEOUT_MS 60000 /* for the whole of it: only a hang takes that long */

#define BLOCK 512
#define BLOCKS 8
#define COUNTER 0 /* only COMPARE AND WRITE and READ */
#define MIXED 2   /* anything that covers this block */

/* ---- a backend that looks at what it is asked ---- */

struct backend {
	struct backend_info info;
	struct list_node queue[REACTORS];
	_Atomic uint64_t words[BLOCKS * BLOCK / 8];
	_Atomic(struct scsi_cmd *) owner[BLOCKS]; /* has read and is going to write */
	_Atomic(struct scsi_cmd *) ordered;       /* is in the backend */
	atomic_uint closed;
	atomic_uint broken; /* rules that were */
};

static struct scsi_cmd *cmd_of(struct be_io *io)
{
	return container_of(io, struct scsi_cmd, io);
}

static void expect(struct backend *be, bool holds)
{
	if (!holds)
		atomic_fetch_add(&be->broken, 1);
}

static bool is_atomic(const struct scsi_cmd *cmd)
{
	return cmd->cdb[0] == 0x89 || cmd->cdb[0] == 0x8b;
}

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	struct scsi_cmd *cmd = cmd_of(io), *o = atomic_load(&be->ordered);
	uint64_t first = io->off / BLOCK, end = (io->off + io->len) / BLOCK;

	expect(be, !o || o == cmd || cmd->task_attr == SCSI_HEAD_OF_QUEUE);
	if (cmd->task_attr == SCSI_ORDERED)
		atomic_store(&be->ordered, cmd);
	for (uint64_t b = first; b < end; b++) {
		struct scsi_cmd *owner = atomic_load(&be->owner[b]);

		if (io->op != BE_READ || is_atomic(cmd))
			expect(be, !owner || owner == cmd);
		if (is_atomic(cmd))
			atomic_store(&be->owner[b], cmd);
	}
	io->reactor = r;
	list_add_tail(&be->queue[r->id], &io->link);
}

static void move(struct backend *be, struct be_io *io)
{
	uint64_t *data = (uint64_t *)(void *)io->buf.addr;

	for (uint64_t i = 0; i < io->len / 8; i++) {
		_Atomic uint64_t *word = &be->words[io->off / 8 + i];

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

static void finish(struct backend *be, struct be_io *io)
{
	struct scsi_cmd *cmd = cmd_of(io);

	list_del(&io->link);
	move(be, io);
	if (ends(io, cmd)) {
		for (unsigned b = 0; b < BLOCKS; b++)
			if (atomic_load(&be->owner[b]) == cmd)
				atomic_store(&be->owner[b], NULL);
		if (atomic_load(&be->ordered) == cmd)
			atomic_store(&be->ordered, NULL);
	}
	io->result = 0;
	io->done(io);
}

const struct backend_info *backend_info(const struct backend *be)
{
	return &be->info;
}

const char *backend_handler(const struct backend *be)
{
	(void)be;
	return "vdisk_nullio";
}

int backend_attach(struct backend *be, struct reactor *r)
{
	list_init(&be->queue[r->id]);
	return 0;
}

void backend_detach(struct backend *be, struct reactor *r)
{
	assert_true(list_empty(&be->queue[r->id]));
}

int backend_resync(struct backend *be)
{
	(void)be;
	return 0;
}

void backend_close(struct backend *be)
{
	atomic_fetch_add(&be->closed, 1);
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
	struct reactor_source source;
	struct reactor *r;
	struct backend *be;
	struct nexus *nexus;
	uint64_t random;
	uint64_t seen; /* value of the counter, last time */
	unsigned started, counting, successes, mismatches, unexpected;
	struct task tasks[DEPTH];
	struct countdown *idle; /* put when all is over */
};

static unsigned below(struct worker *w, unsigned n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (unsigned)(w->random % n);
}

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
	t->sc.reactor = w->r;
	t->sc.nexus = w->nexus;
	t->sc.tag = 1;
	memset(t->sc.lun, 0, sizeof(t->sc.lun));
	memcpy(t->sc.cdb, cdb, 16);
	t->sc.cdb_len = 16;
	t->sc.task_attr = SCSI_SIMPLE;
	if (!t->counts && !below(w, 12))
		t->sc.task_attr = below(w, 3) ? SCSI_ORDERED : SCSI_HEAD_OF_QUEUE;
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
	start(w, t, cdbs[w->counting ? 1 + below(w, ARRAY_SIZE(cdbs) - 1) : 0]);
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
		data[BLOCK / 8 - 1] = below(t->w, 3);
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
		w->seen = atomic_load(&w->be->words[COUNTER]);
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
	} else if (!t->counts && !below(w, 30)) {
		scsi_cmd_abort(&t->sc);
	}
}

static int worker_poll(struct reactor_source *s)
{
	struct worker *w = container_of(s, struct worker, source);
	struct countdown *idle = w->idle;
	struct list_node *q = &w->be->queue[w->r->id];
	bool busy = false;

	if (!idle)
		return 0;
	/* There may be fewer processors than threads, and each waits for the others. */
	sched_yield();
	while (!list_empty(q) && below(w, 3))
		finish(w->be, list_first(q, struct be_io, link));
	for (unsigned i = 0; i < DEPTH; i++) {
		struct task *t = &w->tasks[i];

		if (t->busy && below(w, 2))
			go_on(w, t);
		else if (!t->busy && w->started < COMMANDS)
			start_task(w, t);
		busy |= t->busy;
	}
	if (!busy && list_empty(q)) {
		w->idle = NULL;
		countdown_put(idle);
	}
	return 1;
}

/* ---- control thread ---- */

struct test {
	struct mailbox control;
	struct reactor_group group;
	struct scsi_device *device;
	struct backend be;
	struct lu *lu;
	struct nexus *nexus;
	struct worker workers[REACTORS];
	bool done;
};

static void pump_until(struct test *t)
{
	struct pollfd p = { .fd = t->control.fd, .events = POLLIN };
	uint64_t end = clock_now_ns() + TIMEOUT_MS * 1000000ull;

	for (t->done = false;;) {
		mailbox_drain(&t->control);
		if (t->done)
			return;
		assert_true(clock_now_ns() < end);
		if (mailbox_prepare_sleep(&t->control)) {
			poll(&p, 1, 1000);
			mailbox_awake(&t->control);
		}
	}
}

static void set_done(void *arg)
{
	((struct test *)arg)->done = true;
}

static void created(void *arg, struct lu *lu, int status)
{
	struct test *t = arg;

	assert_int_equal(status, 0);
	t->lu = lu;
	t->done = true;
}

static void work_begin(struct reactor *r, void *arg, struct countdown *c)
{
	struct test *t = arg;
	struct worker *w = &t->workers[r->id];

	w->idle = c;
	reactor_source_add(r, &w->source);
}

static void work_end(struct reactor *r, void *arg, struct countdown *c)
{
	struct test *t = arg;

	reactor_source_del(r, &t->workers[r->id].source);
	countdown_put(c);
}

static void open_reactors(struct test *t)
{
	const struct reactor_params rp = { .buffer_size = 16u << 20, .cpu = -1 };

	assert_int_equal(mailbox_init(&t->control), 0);
	t->group.n = REACTORS;
	t->group.control = &t->control;
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_int_equal(reactor_create(i, &rp, &t->group.r[i]), 0);
		assert_int_equal(reactor_start(t->group.r[i]), 0);
	}
}

static void test_open(struct test *t)
{
	const struct lu_params lp = { .name = "threads", .serial = "1" };
	const struct scsi_port port = { .rel_tgt_id = 1 };
	const uint8_t id[16] = { 0 };
	struct lun_entry map = { 0, false, NULL };

	t->be.info = (struct backend_info){ .size = BLOCKS * BLOCK, .block_size = BLOCK,
					    .physical_block = BLOCK, .buf_align = 1 };
	open_reactors(t);
	t->device = scsi_device_create(&t->group);
	assert_int_equal(lu_create(t->device, &lp, &t->be, created, t), 0);
	pump_until(t);
	t->nexus = nexus_create(t->device, &port, id, "threads");
	map.lu = t->lu;
	assert_int_equal(nexus_set_map(t->nexus, &map, 1, set_done, t), 0);
	pump_until(t);
	ua_take(&lun_map_find(nexus_map(t->nexus), 0)->ua, UA_ANY);
	for (unsigned i = 0; i < REACTORS; i++) {
		struct worker *w = &t->workers[i];

		w->source = (struct reactor_source){ .poll = worker_poll, .fd = -1 };
		w->r = t->group.r[i];
		w->be = &t->be;
		w->nexus = t->nexus;
		w->random = 88172645463325252ull + i;
	}
}

static void test_close(struct test *t)
{
	assert_int_equal(reactor_group_call(&t->group, work_end, set_done, t), 0);
	pump_until(t);
	nexus_destroy(t->nexus);
	lu_destroy(t->lu, set_done, t);
	pump_until(t);
	assert_int_equal(atomic_load(&t->be.closed), 1);
	for (unsigned i = 0; i < REACTORS; i++)
		reactor_stop(t->group.r[i]);
	mailbox_drain(&t->control);
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_int_equal(t->group.r[i]->bufs.used, 0);
		reactor_destroy(t->group.r[i]);
	}
	scsi_device_destroy(t->device);
	mailbox_destroy(&t->control);
}

static void test_nobody_writes_in_between(void **state)
{
	struct test *t = calloc(1, sizeof(*t));
	uint64_t successes = 0, mismatches = 0;
	struct lu_stats s;

	(void)state;
	test_open(t);
	assert_int_equal(reactor_group_call(&t->group, work_begin, set_done, t), 0);
	pump_until(t);
	lu_stats(t->lu, &s);
	assert_int_equal(s.in_flight, 0);
	assert_int_equal(s.detached, 0);
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_int_equal(t->workers[i].unexpected, 0);
		successes += t->workers[i].successes;
		mismatches += t->workers[i].mismatches;
	}
	print_message("%llu times written, %llu times not\n", (unsigned long long)successes,
		      (unsigned long long)mismatches);
	assert_int_equal(atomic_load(&t->be.words[COUNTER]), successes);
	assert_true(successes > 0);
	assert_true(mismatches > 0);
	assert_int_equal(atomic_load(&t->be.broken), 0);
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
