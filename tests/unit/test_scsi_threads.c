/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real reactor threads, and a control thread that resets, remaps and resizes
 * under their feet. Everything must end, once; to be run under a thread
 * sanitizer, too. The work is counted, not timed.
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

#define REACTORS 2
#define DEPTH 16         /* commands and functions at a time per reactor */
#define COMMANDS 20000u  /* per reactor */
#define TIMEOUT_MS 60000 /* for the whole of it: only a hang takes that long */

/* ---- a backend that finishes some requests of each round ---- */

struct backend {
	struct backend_info info;
	struct list_node queue[REACTORS];
	atomic_uint closed;
};

void backend_submit(struct reactor *r, struct backend *be, struct be_io *io)
{
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
	be->info.size += 512;
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
};

struct function {
	struct scsi_tmf tmf;
	struct worker *w;
	bool busy;
};

struct worker {
	struct reactor_source source;
	struct reactor *r;
	struct backend *be;
	struct nexus *nexuses[2];
	uint64_t random;
	unsigned started, ended, dropped;
	struct task tasks[DEPTH];
	struct function functions[DEPTH];
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
	t->sc.reactor = w->r;
	t->sc.nexus = w->nexuses[below(w, 2)];
	t->sc.tag = w->started++;
	memset(t->sc.lun, 0, sizeof(t->sc.lun));
	t->sc.lun[1] = (uint8_t)below(w, 3);
	memcpy(t->sc.cdb, cdbs[below(w, ARRAY_SIZE(cdbs))], 16);
	t->sc.cdb_len = 16;
	t->sc.task_attr = attrs[below(w, sizeof(attrs))];
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
	p[6] |= (uint8_t)(below(w, 2) << 2);
	p[7] |= qerr[below(w, sizeof(qerr))];
	p[8] |= (uint8_t)(below(w, 2) << 3);
	p[9] |= (uint8_t)(below(w, 2) << 6);
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
	} else if (!below(w, 20)) {
		scsi_cmd_abort(&t->sc);
	}
}

static void start_function(struct worker *w, struct function *f)
{
	f->w = w;
	f->busy = true;
	f->tmf.function = (enum scsi_tmf_function)below(w, SCSI_I_T_NEXUS_RESET + 1);
	f->tmf.reactor = w->r;
	f->tmf.nexus = w->nexuses[below(w, 2)];
	memset(f->tmf.lun, 0, 8);
	f->tmf.lun[1] = (uint8_t)below(w, 3);
	f->tmf.task_tag = w->started - below(w, DEPTH);
	f->tmf.done = function_done;
	scsi_tmf_submit(&f->tmf);
}

static void finish_some(struct worker *w)
{
	struct list_node *q = &w->be->queue[w->r->id];

	while (!list_empty(q) && below(w, 3)) {
		struct be_io *io = list_first(q, struct be_io, link);

		list_del(&io->link);
		io->result = 0;
		if (io->op == BE_READ)
			memset(io->buf.addr, 0, io->len);
		io->done(io);
	}
}

static int worker_poll(struct reactor_source *s)
{
	struct worker *w = container_of(s, struct worker, source);
	struct countdown *idle = w->idle;
	bool busy = false;

	if (!idle)
		return 0;
	finish_some(w);
	for (unsigned i = 0; i < DEPTH; i++) {
		if (w->tasks[i].busy && below(w, 2))
			go_on(w, &w->tasks[i]);
		else if (!w->tasks[i].busy && w->started < COMMANDS)
			start_task(w, &w->tasks[i]);
		if (!w->functions[i].busy && w->started < COMMANDS && !below(w, 200))
			start_function(w, &w->functions[i]);
		busy |= w->tasks[i].busy || w->functions[i].busy;
	}
	if (!busy && list_empty(&w->be->queue[w->r->id])) {
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
	struct nexus *nexuses[2];
	struct worker workers[REACTORS];
	unsigned remaps, pending;
	bool done;
};

static void pump_until(struct test *t, bool *flag)
{
	struct pollfd p = { .fd = t->control.fd, .events = POLLIN };
	uint64_t end = clock_now_ns() + TIMEOUT_MS * 1000000ull;

	*flag = false;
	for (;;) {
		mailbox_drain(&t->control);
		if (*flag)
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
	*(bool *)arg = true;
}

static void created(void *arg, struct lu *lu, int status)
{
	struct test *t = arg;

	assert_int_equal(status, 0);
	t->lu = lu;
	t->done = true;
}

static void remap(void *arg);

/* The next change begins when the last has reached everybody. */
static void remap(void *arg)
{
	struct test *t = arg;
	struct lun_entry map[] = {
		{ 0, false, t->lu }, { 1, t->remaps & 1, t->lu }, { 2, false, t->lu },
	};

	if (t->done) {
		t->pending--;
		return;
	}
	t->remaps++;
	atomic_store(&t->lu->modes.qerr, (t->remaps >> 4) % 3 * 3 / 2);
	if (t->remaps % 7 == 0)
		lu_resync(t->lu);
	assert_int_equal(nexus_set_map(t->nexuses[t->remaps & 1], map, 1 + t->remaps % 3, remap, t),
			 0);
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

static void work_over(void *arg)
{
	((struct test *)arg)->done = true;
}

static void test_open(struct test *t)
{
	const struct reactor_params rp = { .buffer_size = 16u << 20, .cpu = -1 };
	const struct lu_params lp = { .name = "threads", .serial = "1" };
	const struct scsi_port port = { .rel_tgt_id = 1 };
	const uint8_t id[16] = { 0 };

	t->be.info = (struct backend_info){ .size = 1u << 30, .block_size = 512,
					    .physical_block = 512, .buf_align = 1 };
	assert_int_equal(mailbox_init(&t->control), 0);
	t->group.n = REACTORS;
	t->group.control = &t->control;
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_int_equal(reactor_create(i, &rp, &t->group.r[i]), 0);
		assert_int_equal(reactor_start(t->group.r[i]), 0);
	}
	t->device = scsi_device_create(&t->group);
	assert_int_equal(lu_create(t->device, &lp, &t->be, created, t), 0);
	pump_until(t, &t->done);
	for (unsigned i = 0; i < 2; i++)
		t->nexuses[i] = nexus_create(t->device, &port, id, "threads");
	for (unsigned i = 0; i < REACTORS; i++) {
		struct worker *w = &t->workers[i];

		w->source = (struct reactor_source){ .poll = worker_poll, .fd = -1 };
		w->r = t->group.r[i];
		w->be = &t->be;
		w->random = 88172645463325252ull + i;
		memcpy(w->nexuses, t->nexuses, sizeof(w->nexuses));
	}
}

static void test_close(struct test *t)
{
	bool gone;

	assert_int_equal(reactor_group_call(&t->group, work_end, work_over, t), 0);
	pump_until(t, &t->done);
	nexus_destroy(t->nexuses[0]);
	nexus_destroy(t->nexuses[1]);
	lu_destroy(t->lu, set_done, &gone);
	pump_until(t, &gone);
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

static void test_everything_ends_once(void **state)
{
	struct test *t = calloc(1, sizeof(*t));
	struct lu_stats s;

	(void)state;
	test_open(t);
	t->done = false;
	t->pending = 1;
	remap(t);
	assert_int_equal(reactor_group_call(&t->group, work_begin, work_over, t), 0);
	pump_until(t, &t->done);
	while (t->pending) {
		mailbox_drain(&t->control);
		sched_yield();
	}
	lu_stats(t->lu, &s);
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
