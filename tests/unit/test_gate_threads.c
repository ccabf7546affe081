/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real reactor threads that write without a pause, and a control thread that moves the write gate
 * from epoch to epoch: nothing is acknowledged by who could know that its epoch was over, and while
 * the group is drained nothing is in the backend. To be run under a thread sanitizer, too. The
 * work is counted, not timed.
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
#include <stdlib.h>
#include <string.h>

#define REACTORS 2
#define DEPTH 8          /* writes of each reactor */
#define EPOCHS 1500u
#define PAUSE 3u         /* messages round all reactors between the steps */
#define TIMEOUT_MS 60000 /* for the whole of it: only a hang takes that long */

/* What went wrong; assertions are for the test's thread. */
static atomic_uint left_behind, let_in, too_late, strange;
static atomic_bool drained;   /* nothing may be in the backend */
static atomic_int writing;    /* what is */
static _Atomic uint64_t over; /* this epoch and all before it are */

/* ---- a backend that finishes some requests of each round ---- */

struct backend {
	struct backend_info info;
	struct list_node queue[REACTORS];
};

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
	atomic_fetch_add(&writing, 1);
	if (atomic_load(&drained))
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
	unsigned rounds, good, refused;
	struct task tasks[DEPTH];
	struct countdown *idle;
};

static struct nexus *nexus;
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
	struct list_node *q = &w->be->queue[w->r->id];

	while (!list_empty(q) && w->rounds++ % 3) {
		struct be_io *io = list_first(q, struct be_io, link);

		list_del(&io->link);
		finish(io);
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
	for (unsigned i = 0; i < DEPTH; i++) {
		struct task *t = &w->tasks[i];

		if (t->busy && t->answered)
			write_ended(w, t);
		else if (!t->busy && !atomic_load(&stop))
			task_start(t, w->r, nexus, cdb, 512);
		busy |= t->busy;
	}
	if (atomic_load(&stop) && !busy) {
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
	struct alua_group *g;
	uint64_t epoch;
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
	struct nexus *n = nexus_create(t->device, &port, id, "threads");

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
	const struct alua_params groups = { .gated = true };
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
	assert_int_equal(alua_group_create(t->device, &groups, &t->g), 0);
	lu_set_alua_group(t->lu, t->g);
	nexus = nexus_new(t, 1);
}

static void test_close(struct test *t)
{
	assert_int_equal(reactor_group_call(&t->group, work_end, set_done, t), 0);
	pump(t);
	nexus_destroy(nexus);
	alua_group_destroy(t->g);
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

static void nothing(struct reactor *r, void *arg, struct countdown *c)
{
	(void)r;
	(void)arg;
	countdown_put(c);
}

static void go_round(struct test *t)
{
	for (unsigned i = 0; i < PAUSE; i++) {
		assert_int_equal(reactor_group_call(&t->group, nothing, set_done, t), 0);
		pump(t);
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
	alua_group_drain(t->g, set_done, t);
	pump(t);
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
	assert_int_equal(reactor_group_call(&t.group, work_begin, set_done, &t), 0);
	for (t.epoch = 1; t.epoch <= EPOCHS; t.epoch++) {
		alua_group_gate_open(t.g, t.epoch, UINT64_MAX);
		go_round(&t);
		ends[t.epoch % ARRAY_SIZE(ends)](&t);
		go_round(&t);
	}
	atomic_store(&stop, true);
	pump(&t);
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
