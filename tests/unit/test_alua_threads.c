/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reactors that ask and are refused, and a control thread that moves the active state from
 * one target port group to the other: at no moment are both active, and who was refused
 * hears 06/2A/06 before it is served again. To be run under a thread sanitizer, too. The
 * work is counted, not timed.
 */
#include "fake_backend.h"
#include "threads_util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define REACTORS 2
#define CHANGES 2000u

struct worker {
	struct threads_worker base;
	struct scsi_cmd cmd;
	uint8_t in[64];
	atomic_bool opening; /* the control thread has begun to let it be served again */
	bool told;   /* a unit attention came since then */
	bool closed; /* the last TEST UNIT READY was refused */
	unsigned served, refused, reports;
};

struct test {
	struct threads threads;
	struct backend be;
	struct nexus *nexuses[REACTORS]; /* one for each reactor */
	struct alua_target_group groups[2];
	struct alua_params params;
	struct alua_group *g;
	struct worker workers[REACTORS];
};

static const uint16_t ports[2] = { 1, 2 };
static atomic_bool stop;

/* ---- reactors; they note what went wrong, assertions are for the test's thread ---- */

static atomic_uint both_active, served_untold, strange;

static void look_at_ready(struct worker *w)
{
	const struct scsi_cmd *cmd = &w->cmd;

	if (cmd->status == SCSI_GOOD) {
		w->served++;
		if (w->closed && !w->told)
			atomic_fetch_add(&served_untold, 1);
		w->closed = w->told = false;
		atomic_store(&w->opening, false);
	} else if ((cmd->sense[2] & 0xf) == 6 && cmd->sense[12] == 0x2a && cmd->sense[13] == 6) {
		w->told = atomic_load(&w->opening);
	} else if ((cmd->sense[2] & 0xf) == 2 && cmd->sense[12] == 4 && cmd->sense[13] == 0x0b) {
		w->refused++;
		w->closed = true;
	} else if ((cmd->sense[2] & 0xf) != 6 || cmd->sense[12] != 0x29) {
		atomic_fetch_add(&strange, 1);
	}
}

static void look_at_groups(struct worker *w)
{
	if (w->cmd.status != SCSI_GOOD) {
		look_at_ready(w); /* the unit attention */
		return;
	}
	w->reports++;
	if (w->cmd.data_len != 4 + 2 * 12)
		atomic_fetch_add(&strange, 1);
	else if (w->in[4] == 0 && w->in[16] == 0)
		atomic_fetch_add(&both_active, 1);
}

static void fabric_pull(struct scsi_cmd *cmd)
{
	(void)cmd;
	atomic_fetch_add(&strange, 1);
}

static void fabric_respond(struct scsi_cmd *cmd)
{
	struct worker *w = container_of(cmd, struct worker, cmd);

	if (cmd->data_len <= sizeof(w->in) && cmd->data_len)
		memcpy(w->in, cmd->buf.addr, cmd->data_len);
	if (cmd->cdb[0])
		look_at_groups(w);
	else
		look_at_ready(w);
	scsi_cmd_release(cmd);
}

static void fabric_dropped(struct scsi_cmd *cmd)
{
	(void)cmd;
	atomic_fetch_add(&strange, 1);
}

static const struct scsi_fabric_ops fabric = { fabric_pull, fabric_respond, fabric_dropped };

static int worker_poll(struct reactor_source *s)
{
	static const uint8_t rtpg[16] = { 0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 64 };
	struct worker *w = container_of(s, struct worker, base.source);

	if (!w->base.idle)
		return 0;
	if (atomic_load(&stop)) {
		threads_idle(&w->base);
		return 0;
	}
	memset(w->cmd.cdb, 0, sizeof(w->cmd.cdb));
	scsi_submit(&w->cmd);
	memcpy(w->cmd.cdb, rtpg, sizeof(rtpg));
	scsi_submit(&w->cmd);
	return 1;
}

/* ---- control thread ---- */

static void worker_init(struct test *t, unsigned i)
{
	struct worker *w = &t->workers[i];

	threads_worker_add(&t->threads, &w->base, worker_poll);
	t->nexuses[i] = threads_nexus(&t->threads, ports[i], (uint8_t)i);
	w->cmd.fabric = &fabric;
	w->cmd.reactor = w->base.r;
	w->cmd.nexus = t->nexuses[i];
	w->cmd.cdb_len = 16;
	w->cmd.data_in_len = sizeof(w->in);
}

static void test_open(struct test *t)
{
	fake_backend_init(&t->be);
	threads_open(&t->threads, REACTORS, &t->be);
	for (unsigned i = 0; i < 2; i++)
		t->groups[i] = (struct alua_target_group){
			(uint16_t)(i + 1), false, i ? ALUA_STANDBY : ALUA_OPTIMIZED, &ports[i], 1
		};
	t->params = (struct alua_params){ 0, 60, t->groups, 2, false };
	assert_int_equal(alua_group_create(t->threads.device, &t->params, &t->g), 0);
	lu_set_alua_group(t->threads.lu, t->g);
	for (unsigned i = 0; i < REACTORS; i++)
		worker_init(t, i);
}

static void test_close(struct test *t)
{
	threads_end(&t->threads);
	for (unsigned i = 0; i < REACTORS; i++)
		nexus_destroy(t->nexuses[i]);
	alua_group_destroy(t->g);
	threads_close(&t->threads);
	fake_backend_fini(&t->be);
}

/* Each change waits until both reactors have passed: they see every state. */
static void move(struct test *t, unsigned n)
{
	t->groups[0].state = n & 1 ? ALUA_STANDBY : ALUA_OPTIMIZED;
	t->groups[1].state = n & 1 ? ALUA_OPTIMIZED : ALUA_STANDBY;
	atomic_store(&t->workers[n & 1].opening, true);
	assert_int_equal(alua_group_change(t->g, &t->params), 0);
}

static struct test t;

static void test_moving_the_active_state(void **state)
{
	(void)state;
	test_open(&t);
	threads_begin(&t.threads);
	for (unsigned n = 0; n < CHANGES; n++) {
		move(&t, n);
		threads_round(&t.threads);
		threads_pump(&t.threads);
	}
	atomic_store(&stop, true);
	threads_pump(&t.threads);
	test_close(&t);
	assert_int_equal(atomic_load(&both_active), 0);
	assert_int_equal(atomic_load(&served_untold), 0);
	assert_int_equal(atomic_load(&strange), 0);
	for (unsigned i = 0; i < REACTORS; i++) {
		assert_true(t.workers[i].served > 0);
		assert_true(t.workers[i].refused > 0);
		assert_true(t.workers[i].reports > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moving_the_active_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
