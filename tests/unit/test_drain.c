/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting until nothing of a device group is in the backend; requests of the control thread. */
#include "gate_util.h"

#include "scsi/drain.h"

#include <errno.h>
#include <string.h>

static void begin(struct groups *t, bool *done)
{
	*done = false;
	alua_group_drain(t->g, set_true, done);
	assert_false(*done);
	env_pump(&t->e);
}

static void open_gate(struct groups *t)
{
	alua_group_gate_open(t->g, 1, FOR_EVER);
}

static void test_nothing_is_under_way(void **state)
{
	struct groups *t = *state;
	bool done;

	begin(t, &done);
	assert_true(done);
	lu_set_alua_group(t->e.lu, NULL);
	env_clear_ua(t->e.a);
	begin(t, &done);
	assert_true(done);
}

static void test_what_executes_is_waited_for(void **state)
{
	struct groups *t = *state;
	struct task task;
	bool done;

	open_gate(t);
	write_one(t, &task);
	task.manual_release = true;
	t->e.be.hold = true;
	scsi_submit(&task.sc);
	alua_group_gate_close(t->g);
	begin(t, &done);
	assert_false(done);
	t->e.be.hold = false;
	env_pump(&t->e);
	/* Not for its response, which may have far to go. */
	assert_true(done);
	assert_sense(&task, SENSE_ALUA_TRANSITION);
	scsi_cmd_release(&task.sc);
	task_free(&task);
}

static void test_what_is_held_is_refused_at_once(void **state)
{
	struct groups *t = *state;
	struct task first, held[3];
	bool done;

	open_gate(t);
	write_one(t, &first);
	t->e.be.hold = true;
	scsi_submit(&first.sc);
	for (int i = 0; i < 3; i++) {
		write_one(t, &held[i]);
		held[i].sc.task_attr = SCSI_ORDERED;
		scsi_submit(&held[i].sc);
	}
	env_pump(&t->e);
	assert_int_equal(held[0].responds, 0);
	alua_group_gate_close(t->g);
	begin(t, &done);
	assert_false(done);
	for (int i = 0; i < 3; i++) {
		assert_sense(&held[i], SENSE_ALUA_TRANSITION);
		task_free(&held[i]);
	}
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_true(done);
	task_free(&first);
}

/* A host that is dead may never send its data. */
static void test_data_on_the_way_are_not_waited_for(void **state)
{
	struct groups *t = *state;
	struct task task;
	bool done;

	open_gate(t);
	write_one(t, &task);
	task.manual_pull = true;
	scsi_submit(&task.sc);
	alua_group_gate_close(t->g);
	begin(t, &done);
	assert_true(done);
	task_fetch(&task);
	scsi_pulled(&task.sc, 0);
	env_pump(&t->e);
	assert_sense(&task, SENSE_ALUA_TRANSITION);
	assert_int_equal(t->e.be.requests, 0);
	task_free(&task);
}

static void test_an_aborted_write_is_waited_for(void **state)
{
	struct groups *t = *state;
	struct task task;
	bool done;

	open_gate(t);
	write_one(t, &task);
	t->e.be.hold = true;
	scsi_submit(&task.sc);
	scsi_cmd_abort(&task.sc);
	alua_group_gate_close(t->g);
	begin(t, &done);
	assert_false(done);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_true(done);
	assert_int_equal(task.drops, 1);
	task_free(&task);
}

static void test_a_flush_behind_its_answer_is_waited_for(void **state)
{
	struct groups *t = *state;
	struct task task;
	bool done;

	open_gate(t);
	t->e.be.hold = true;
	TASK_INIT(&t->e, &task, 0x35, 0x02, 0, 0, 0, 0, 0, 0, 0, 0);
	task_run(&t->e, &task);
	assert_good(&task);
	alua_group_gate_close(t->g);
	begin(t, &done);
	assert_false(done);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_true(done);
	task_free(&task);
}

static void test_a_format_behind_its_answer_is_stopped(void **state)
{
	struct groups *t = *state;
	struct task task;
	bool done;

	open_gate(t);
	TASK_INIT(&t->e, &task, 0x04, 0x10, 0, 0, 0, 0);
	task_out(&task, (const uint8_t[]){ 0, 0x02, 0, 0 }, 4);
	t->e.be.hold = true;
	task_run(&t->e, &task);
	assert_good(&task);
	/* With the gate open: it is the drain that stops it. */
	begin(t, &done);
	assert_false(done);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_true(done);
	assert_int_equal(t->e.be.requests, 1);
	task_free(&task);
}

static void test_cancelled_and_begun_again(void **state)
{
	struct groups *t = *state;
	struct task task;
	bool first, second;

	open_gate(t);
	write_one(t, &task);
	t->e.be.hold = true;
	scsi_submit(&task.sc);
	alua_group_gate_close(t->g);
	begin(t, &first);
	alua_group_drain_cancel(t->g);
	begin(t, &second);
	assert_false(second);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_false(first);
	assert_true(second);
	task_free(&task);
}

static void test_an_lu_that_leaves_the_group_is_not_waited_for(void **state)
{
	struct groups *t = *state;
	struct task task;
	bool done;

	open_gate(t);
	write_one(t, &task);
	t->e.be.hold = true;
	scsi_submit(&task.sc);
	begin(t, &done);
	lu_set_alua_group(t->e.lu, NULL);
	assert_true(done);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_good(&task);
	task_free(&task);
}

/* ---- requests of the control thread ---- */

struct probe {
	bool over;
	int status;
};

static void probe_over(void *arg, int status)
{
	*(struct probe *)arg = (struct probe){ true, status };
}

static void test_a_canary_reads_the_first_block(void **state)
{
	struct groups *t = *state;
	struct probe p = { false, 0 };

	assert_int_equal(lu_canary(t->e.lu, probe_over, &p), 0);
	assert_false(p.over);
	env_pump(&t->e);
	assert_true(p.over);
	assert_int_equal(p.status, 0);
	assert_int_equal(t->e.be.requests, 1);
	assert_int_equal(t->e.be.log[0].op, BE_READ);
	assert_int_equal(t->e.be.log[0].off, 0);
	assert_int_equal(t->e.be.log[0].len, 512);
	t->e.be.fail = -EIO;
	assert_int_equal(lu_canary(t->e.lu, probe_over, &p), 0);
	env_pump(&t->e);
	t->e.be.fail = 0;
	assert_int_equal(p.status, -EIO);
}

static void test_a_flush(void **state)
{
	struct groups *t = *state;
	struct probe p = { false, 1 };

	assert_int_equal(lu_flush(t->e.lu, probe_over, &p), 0);
	env_pump(&t->e);
	assert_true(p.over);
	assert_int_equal(p.status, 0);
	assert_int_equal(t->e.be.log[0].op, BE_FLUSH);
}

static void test_a_canary_that_hangs_is_drained(void **state)
{
	struct groups *t = *state;
	struct probe p = { false, 0 };
	bool done;

	t->e.be.hold = true;
	assert_int_equal(lu_canary(t->e.lu, probe_over, &p), 0);
	begin(t, &done);
	assert_false(done);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_true(done && p.over);
}

/* Ahead of those that wait, whose buffers may be with a host that is dead. */
static void test_a_canary_without_memory_waits(void **state)
{
	struct groups *t = *state;
	struct iobuf_pool *pool = &t->e.lu->home->bufs;
	struct iobuf all[ENV_SLAB / IOBUF_MAX_SIZE];
	struct probe p = { false, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		assert_int_equal(iobuf_get(pool, IOBUF_MAX_SIZE, &all[i]), 0);
	assert_int_equal(lu_canary(t->e.lu, probe_over, &p), 0);
	env_pump(&t->e);
	assert_false(p.over);
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		iobuf_put(pool, &all[i]);
	env_pump(&t->e);
	assert_true(p.over);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, gated_setup, groups_teardown)
	const struct CMUnitTest tests[] = {
		T(test_nothing_is_under_way),
		T(test_what_executes_is_waited_for),
		T(test_what_is_held_is_refused_at_once),
		T(test_data_on_the_way_are_not_waited_for),
		T(test_an_aborted_write_is_waited_for),
		T(test_a_flush_behind_its_answer_is_waited_for),
		T(test_a_format_behind_its_answer_is_stopped),
		T(test_cancelled_and_begun_again),
		T(test_an_lu_that_leaves_the_group_is_not_waited_for),
		T(test_a_canary_reads_the_first_block),
		T(test_a_flush),
		T(test_a_canary_that_hangs_is_drained),
		T(test_a_canary_without_memory_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
