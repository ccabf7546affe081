/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fencing with real reactor threads: from the moment a PREEMPT AND ABORT is answered no write of
 * the host that lost its registration is in the backend, and none comes there any more. Again and
 * again, while that host writes from all reactors. To be run under a thread sanitizer, too. The
 * work is counted, not timed.
 */
#include "scsi/lu.h"
#include "scsi/nexus.h"
#include "scsi/pr_change.h"
#include "scsi/scsi.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define REACTORS 2
#define DEPTH 8          /* writes of the victim on each reactor */
#define FENCINGS 500u
#define PAUSE 20u        /* rounds between the steps */
#define TIMEOUT_MS 60000 /* for the whole of it: only a hang takes that long */
#define KEY_VICTIM 7
#define KEY_FENCER 9
#define ACCESS PR_EXCLUSIVE_ACCESS_RO

/* What went wrong; assertions are for the test's thread. */
static atomic_uint left_behind, let_in, strange;
static atomic_bool fenced; /* the victim must not be in the backend */
static atomic_int writing; /* its writes that are */

/* ---- a backend that finishes some requests of each round; only the victim writes ---- */

struct backend {
	struct backend_info info;
	struct list_node queue[REACTORS];
};

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	atomic_fetch_add(&writing, 1);
	if (atomic_load(&fenced))
		atomic_fetch_add(&let_in, 1);
	io->reactor = r;
	list_add_tail(&be->queue[r->id], &io->link);
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
	(void)be;
}

/* ---- the fabric ---- */

struct task {
	struct scsi_cmd sc;
	bool busy, answered;
	uint8_t out[512];
};

struct worker {
	struct reactor_source source;
	struct reactor *r;
	struct backend *be;
	unsigned rounds, good, aborted, conflicts;
	struct task tasks[DEPTH];
	struct countdown *idle;
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

static struct task *task_of(struct scsi_cmd *cmd)
{
	return container_of(cmd, struct task, sc);
}

static void fabric_pull(struct scsi_cmd *cmd)
{
	memcpy(cmd->buf.addr, task_of(cmd)->out, cmd->buf.len);
	scsi_pulled(cmd, 0);
}

static void fabric_respond(struct scsi_cmd *cmd)
{
	task_of(cmd)->answered = true;
}

static void fabric_dropped(struct scsi_cmd *cmd)
{
	(void)cmd;
	atomic_fetch_add(&strange, 1);
}

static const struct scsi_fabric_ops fabric = { fabric_pull, fabric_respond, fabric_dropped };

static void task_start(struct task *t, struct reactor *r, struct nexus *n, const uint8_t cdb[16],
		       uint32_t out_len)
{
	t->busy = true;
	t->answered = false;
	t->sc.fabric = &fabric;
	t->sc.reactor = r;
	t->sc.nexus = n;
	memcpy(t->sc.cdb, cdb, 16);
	t->sc.cdb_len = 16;
	t->sc.data_out_len = out_len;
	scsi_submit(&t->sc);
}

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
	task_start(&f->task, w->r, steps[f->step].by_victim ? f->victim : f->own, cdb, 24);
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
	struct list_node *q = &w->be->queue[w->r->id];

	while (!list_empty(q) && w->rounds++ % 3) {
		struct be_io *io = list_first(q, struct be_io, link);

		list_del(&io->link);
		io->result = 0;
		atomic_fetch_sub(&writing, 1);
		io->done(io);
	}
}

static int worker_poll(struct reactor_source *s)
{
	static const uint8_t cdb[16] = { 0x2a, 0, 0, 0, 0, 0, 0, 0, 1 };
	struct worker *w = container_of(s, struct worker, source);
	struct countdown *idle = w->idle;
	bool busy = false;

	if (!idle)
		return 0;
	finish_some(w);
	if (!w->r->id)
		fencer_poll(w, &fencer);
	for (unsigned i = 0; i < DEPTH; i++) {
		struct task *t = &w->tasks[i];

		if (t->busy && t->answered)
			write_ended(w, t);
		else if (!t->busy && !atomic_load(&stop))
			task_start(t, w->r, victim, cdb, 512);
		busy |= t->busy;
	}
	if (atomic_load(&stop) && !busy && !(w->r->id == 0 && fencer.task.busy)) {
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
	bool done;
};

static void set_done(void *arg)
{
	((struct test *)arg)->done = true;
}

static void pump(struct test *t)
{
	struct pollfd p = { .fd = t->control.fd, .events = POLLIN };
	uint64_t end = clock_now_ns() + TIMEOUT_MS * 1000000ull;

	while (!t->done) {
		mailbox_drain(&t->control);
		assert_true(clock_now_ns() < end);
		if (!t->done && mailbox_prepare_sleep(&t->control)) {
			poll(&p, 1, 100);
			mailbox_awake(&t->control);
		}
	}
	t->done = false;
}

static void created(void *arg, struct lu *lu, int status)
{
	struct test *t = arg;

	assert_int_equal(status, 0);
	t->lu = lu;
	t->done = true;
}

static struct nexus *nexus_new(struct test *t, uint8_t number)
{
	const struct scsi_port port = { .rel_tgt_id = 1 };
	const uint8_t id[16] = { number };
	struct lun_entry map = { 0, false, t->lu };
	struct nexus *n = nexus_create(t->device, &port, id, number == 1 ? "victim" : "fencer");

	assert_non_null(n);
	assert_int_equal(nexus_set_map(n, &map, 1, set_done, t), 0);
	pump(t);
	return n;
}

static void work_begin(struct reactor *r, void *arg, struct countdown *c)
{
	struct worker *w = &workers[r->id];

	(void)arg;
	w->idle = c;
	reactor_source_add(r, &w->source);
}

static void work_end(struct reactor *r, void *arg, struct countdown *c)
{
	(void)arg;
	reactor_source_del(r, &workers[r->id].source);
	countdown_put(c);
}

static void test_open(struct test *t)
{
	const struct reactor_params rp = { .buffer_size = 4u << 20, .cpu = -1 };
	const struct lu_params lp = { .name = "threads", .serial = "1" };

	t->be.info = (struct backend_info){ .size = 1u << 20, .block_size = 512, .buf_align = 1,
					    .physical_block = 512 };
	assert_int_equal(mailbox_init(&t->control), 0);
	t->group.n = REACTORS;
	t->group.control = &t->control;
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_int_equal(reactor_create(i, &rp, &t->group.r[i]), 0);
		assert_int_equal(reactor_start(t->group.r[i]), 0);
		workers[i].source = (struct reactor_source){ .poll = worker_poll, .fd = -1 };
		workers[i].r = t->group.r[i];
		workers[i].be = &t->be;
	}
	t->device = scsi_device_create(&t->group);
	assert_int_equal(lu_create(t->device, &lp, &t->be, created, t), 0);
	pump(t);
	fencer.victim = victim = nexus_new(t, 1);
	fencer.own = nexus_new(t, 2);
}

static void test_close(struct test *t)
{
	assert_int_equal(reactor_group_call(&t->group, work_end, set_done, t), 0);
	pump(t);
	nexus_destroy(victim);
	nexus_destroy(fencer.own);
	lu_destroy(t->lu, set_done, t);
	pump(t);
	for (unsigned i = 0; i < REACTORS; i++)
		reactor_stop(t->group.r[i]);
	mailbox_drain(&t->control);
	for (unsigned i = 0; i < REACTORS; i++)
		reactor_destroy(t->group.r[i]);
	scsi_device_destroy(t->device);
	mailbox_destroy(&t->control);
}

static struct test t;

static void test_who_is_fenced_writes_no_more(void **state)
{
	(void)state;
	test_open(&t);
	assert_int_equal(reactor_group_call(&t.group, work_begin, set_done, &t), 0);
	pump(&t);
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
