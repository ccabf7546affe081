/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reset lets the commands of its requester end, for a bounded time. */
#include "tmf_util.h"

#include <errno.h>

/* The timer that was started last; it does not expire by itself any more. */
static struct reactor_timer *timer_take(struct reactor *r, uint64_t since)
{
	struct reactor_timer *t = list_first(&r->timers, struct reactor_timer, link);

	if (list_empty(&r->timers) || t->at_ns == UINT64_MAX)
		return NULL;
	assert_true(t->at_ns > since + 900000000);
	assert_true(t->at_ns <= clock_now_ns() + 1000000000);
	t->at_ns = UINT64_MAX;
	return t;
}

/* A reset that does not come to its end: it waits. */
static void reset_start_lun(struct env *e, struct request *q, uint8_t lun)
{
	uint64_t since = clock_now_ns();

	request_start(e, q, SCSI_LU_RESET, 0);
	q->tmf.lun[1] = lun;
	mailbox_drain(&e->control);
	for (unsigned i = 0; i < ENV_REACTORS; i++) {
		reactor_round(e->group.r[i]);
		q->timers[i] = timer_take(e->group.r[i], since);
	}
	env_pump(e);
	assert_int_equal(q->done, 0);
}

static void reset_start(struct env *e, struct request *q)
{
	reset_start_lun(e, q, 0);
}

/* Its commands had their time. */
static void reset_expire(struct env *e, struct request *q)
{
	for (unsigned i = 0; i < ENV_REACTORS; i++) {
		struct reactor_timer *t = q->timers[i];

		if (!t)
			continue;
		list_del(&t->link);
		t->at_ns = 0;
		list_add_head(&e->group.r[i]->timers, &t->link);
	}
	env_pump(e);
}

static void assert_no_timers(struct env *e)
{
	for (unsigned i = 0; i < ENV_REACTORS; i++)
		assert_true(list_empty(&e->group.r[i]->timers));
}

static void test_lu_reset(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t[4];
	struct lu_stats s;

	start_four(e, t);
	reset_start(e, &q);
	end_four(e, t, false, SCSI_TASK_ABORTED);
	assert_answered(e, &q);
	assert_no_timers(e);
	lu_stats(e->lu, &s);
	assert_int_equal(s.aborted, 2);
	assert_int_equal(pending(e->a), SENSE_UA_LU_RESET);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_UA_LU_RESET);
	assert_int_equal(pending(e->b), SENSE_OK);
}

/* A reset has its own unit attention. */
static void test_lu_reset_without_tas(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t[4];

	atomic_store(&e->lu->modes.tas, false);
	start_four(e, t);
	reset_start(e, &q);
	end_four(e, t, false, -1);
	assert_answered(e, &q);
	assert_int_equal(pending(e->b), SENSE_UA_LU_RESET);
	assert_int_equal(pending(e->b), SENSE_OK);
}

/* ---- a reset lets the requester's commands end ---- */

static void test_reset_is_answered_after_the_own_commands(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t[2];

	e->be.hold = true;
	for (unsigned i = 0; i < 2; i++) {
		start_write(e, &t[i], 5 + i, 0x11);
		t[i].sc.reactor = e->group.r[i];
		scsi_submit(&t[i].sc);
	}
	reset_start(e, &q);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_ended(&t[0], 1, 0);
	assert_int_equal(q.done, 0);
	fake_backend_finish(&e->be, 0);
	assert_ended(&t[1], 1, 0);
	assert_int_equal(q.done, 0);
	assert_answered(e, &q);
	for (unsigned i = 0; i < 2; i++) {
		assert_good(&t[i]);
		task_free(&t[i]);
	}
	assert_int_equal(detached(e), 0);
	assert_no_timers(e);
}

/* From its data to the release of its response, the command is the same one. */
static void test_reset_waits_for_a_command_to_its_end(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t;

	e->be.hold = true;
	start_write(e, &t, 5, 0x11);
	t.manual_pull = t.manual_release = true;
	scsi_submit(&t.sc);
	reset_start(e, &q);
	task_fetch(&t);
	scsi_pulled(&t.sc, 0);
	env_pump(e);
	assert_int_equal(q.done, 0);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_ended(&t, 1, 0);
	assert_good(&t);
	assert_int_equal(q.done, 0);
	scsi_cmd_release(&t.sc);
	assert_answered(e, &q);
	task_free(&t);
}

static void test_reset_lets_held_writes_go_on(void **state)
{
	struct env *e = *state;
	struct task old, new;
	struct request q;

	e->be.hold = true;
	start_write(e, &old, 5, 0x11);
	start_write(e, &new, 6, 0x22);
	scsi_submit(&old.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	scsi_submit(&new.sc);
	reset_start(e, &q);
	assert_ended(&new, 0, 0);
	e->be.hold = false;
	assert_answered(e, &q);
	assert_ended(&old, 0, 1);
	assert_ended(&new, 1, 0);
	assert_good(&new);
	task_free(&old);
	task_free(&new);
}

static void test_reset_aborts_what_is_in_the_backend_for_too_long(void **state)
{
	struct env *e = *state;
	struct task t[3];
	struct request q;
	struct reactor_timer *other;

	e->be.hold = true;
	start_read(e, &t[0], 5);
	start_write(e, &t[1], 6, 0x11);
	start_write(e, &t[2], 7, 0x22);
	t[1].sc.reactor = e->group.r[1];
	for (unsigned i = 0; i < 3; i++)
		scsi_submit(&t[i].sc);
	reset_start(e, &q);
	assert_int_equal(detached(e), 0);
	/* One reactor after the other. */
	other = q.timers[1];
	q.timers[1] = NULL;
	reset_expire(e, &q);
	assert_int_equal(q.done, 0);
	assert_int_equal(detached(e), 1);
	q.timers[0] = NULL;
	q.timers[1] = other;
	reset_expire(e, &q);
	assert_answered(e, &q);
	assert_no_timers(e);
	assert_int_equal(detached(e), 2);
	for (unsigned i = 0; i < 3; i++)
		assert_ended(&t[i], 0, 0);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(detached(e), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_ended(&t[i], 0, 1);
		task_free(&t[i]);
	}
	assert_int_equal(q.done, 1);
}

/* At the bound, what waits ends at once; what is on the wire is waited for. */
static void test_reset_bound_in_the_other_states(void **state)
{
	struct env *e = *state;
	struct task old, held, pull, resp;
	struct request q;

	start_read(e, &resp, 4);
	resp.manual_release = true;
	task_run(e, &resp);
	start_write(e, &pull, 3, 0x33);
	pull.manual_pull = true;
	scsi_submit(&pull.sc);
	e->be.hold = true;
	start_write(e, &old, 5, 0x11);
	start_write(e, &held, 6, 0x22);
	scsi_submit(&old.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	scsi_submit(&held.sc);
	reset_start(e, &q);
	assert_ended(&held, 0, 0);
	reset_expire(e, &q);
	assert_ended(&held, 0, 1);
	assert_int_equal(q.done, 0);
	scsi_cmd_release(&resp.sc);
	env_pump(e);
	assert_int_equal(q.done, 0);
	scsi_pulled(&pull.sc, 0);
	assert_ended(&pull, 0, 1);
	assert_answered(e, &q);
	/* Nothing was written but what was there before. */
	assert_int_equal(e->be.requests, 2);
	fake_backend_finish(&e->be, 0);
	assert_ended(&old, 0, 1);
	task_free(&old);
	task_free(&held);
	task_free(&pull);
	task_free(&resp);
}

static void test_reset_does_not_wait_for_later_commands(void **state)
{
	struct env *e = *state;
	struct task before, after;
	struct request q;

	for (unsigned expires = 0; expires < 2; expires++) {
		e->be.hold = true;
		start_read(e, &before, 5);
		start_read(e, &after, 6);
		scsi_submit(&before.sc);
		reset_start(e, &q);
		env_clear_ua(e->a);
		scsi_submit(&after.sc);
		if (expires)
			reset_expire(e, &q);
		else
			fake_backend_finish(&e->be, 0);
		assert_answered(e, &q);
		assert_ended(&after, 0, 0);
		e->be.hold = false;
		env_pump(e);
		assert_ended(&before, !expires, expires);
		assert_ended(&after, 1, 0);
		assert_good(&after);
		task_free(&before);
		task_free(&after);
	}
}

static void test_reset_ends_commands_of_others_at_once(void **state)
{
	struct env *e = *state;
	struct task old, own, theirs;
	struct request q;

	e->be.hold = true;
	start_write(e, &old, 4, 0x11);
	scsi_submit(&old.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 4);
	start_read(e, &own, 5);
	start_write(e, &theirs, 6, 0x22);
	theirs.sc.nexus = e->b;
	scsi_submit(&own.sc);
	scsi_submit(&theirs.sc);
	reset_start(e, &q);
	assert_ended(&theirs, 1, 0);
	assert_sense(&theirs, SENSE_TASK_ABORTED);
	e->be.hold = false;
	assert_answered(e, &q);
	assert_ended(&own, 1, 0);
	task_free(&old);
	task_free(&own);
	task_free(&theirs);
}

/* ---- what else happens while a reset waits ---- */

static void test_abort_task_while_a_reset_waits(void **state)
{
	struct env *e = *state;
	struct request reset, abort;
	struct task t[2];

	e->be.hold = true;
	for (unsigned i = 0; i < 2; i++) {
		start_write(e, &t[i], 5 + i, 0x11);
		scsi_submit(&t[i].sc);
	}
	reset_start(e, &reset);
	/* It waits for none of them; the reset waits for the other one. */
	request_run(e, &abort, SCSI_ABORT_TASK, 5);
	assert_int_equal(detached(e), 1);
	assert_int_equal(reset.done, 0);
	/* None is left to wait for. */
	request_run(e, &abort, SCSI_ABORT_TASK, 6);
	assert_int_equal(detached(e), 2);
	assert_answered(e, &reset);
	assert_no_timers(e);
	e->be.hold = false;
	env_pump(e);
	for (unsigned i = 0; i < 2; i++) {
		assert_ended(&t[i], 0, 1);
		task_free(&t[i]);
	}
}

static void test_abort_of_a_pull_while_a_reset_waits(void **state)
{
	struct env *e = *state;
	struct request reset, abort;
	struct task pull, read;

	e->be.hold = true;
	start_write(e, &pull, 5, 0x11);
	pull.manual_pull = true;
	start_read(e, &read, 6);
	scsi_submit(&read.sc);
	scsi_submit(&pull.sc);
	reset_start(e, &reset);
	request_start(e, &abort, SCSI_ABORT_TASK, 5);
	env_pump(e);
	assert_int_equal(abort.done, 0);
	scsi_pulled(&pull.sc, 0);
	assert_ended(&pull, 0, 1);
	/* Not for what only the reset waits for. */
	assert_answered(e, &abort);
	assert_int_equal(reset.done, 0);
	e->be.hold = false;
	assert_answered(e, &reset);
	assert_ended(&read, 1, 0);
	task_free(&pull);
	task_free(&read);
}

static void test_channel_death_while_a_reset_waits(void **state)
{
	struct env *e = *state;
	struct task old, read, write, held, pull;
	struct request q;

	e->be.hold = true;
	start_write(e, &write, 2, 0x11);
	start_write(e, &pull, 3, 0x22);
	pull.manual_pull = true;
	start_read(e, &read, 1);
	scsi_submit(&write.sc);
	scsi_submit(&pull.sc);
	scsi_submit(&read.sc);
	start_write(e, &old, 5, 0x33);
	scsi_submit(&old.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	start_write(e, &held, 6, 0x44);
	scsi_submit(&held.sc);
	reset_start(e, &q);
	scsi_cmd_abort(&write.sc);
	scsi_cmd_abort(&pull.sc);
	scsi_cmd_abort(&read.sc);
	scsi_cmd_abort(&held.sc);
	assert_ended(&held, 0, 1);
	env_pump(e);
	assert_int_equal(q.done, 0);
	scsi_pulled(&pull.sc, -ECONNRESET);
	assert_answered(e, &q);
	assert_no_timers(e);
	assert_int_equal(detached(e), 2);
	e->be.hold = false;
	env_pump(e);
	assert_ended(&read, 0, 1);
	assert_ended(&write, 0, 1);
	assert_ended(&pull, 0, 1);
	task_free(&old);
	task_free(&read);
	task_free(&write);
	task_free(&held);
	task_free(&pull);
}

/* The second finds one more; the end of the first takes the others from it. */
static void test_two_resets(void **state)
{
	struct env *e = *state;
	struct request q[2];
	struct task t[2];

	e->be.hold = true;
	start_write(e, &t[0], 5, 0x11);
	scsi_submit(&t[0].sc);
	reset_start(e, &q[0]);
	env_clear_ua(e->a);
	start_write(e, &t[1], 6, 0x22);
	scsi_submit(&t[1].sc);
	reset_start(e, &q[1]);
	reset_expire(e, &q[0]);
	assert_answered(e, &q[0]);
	assert_int_equal(q[1].done, 0);
	assert_int_equal(detached(e), 1);
	fake_backend_finish(&e->be, 0);
	assert_ended(&t[0], 0, 1);
	assert_ended(&t[1], 0, 0);
	fake_backend_finish(&e->be, 0);
	assert_ended(&t[1], 1, 0);
	assert_good(&t[1]);
	assert_answered(e, &q[1]);
	assert_no_timers(e);
	task_free(&t[0]);
	task_free(&t[1]);
}

static void test_two_resets_wait_for_one_command(void **state)
{
	struct env *e = *state;
	struct request q[2];
	struct task t;

	for (unsigned expires = 0; expires < 2; expires++) {
		e->be.hold = true;
		start_read(e, &t, 5);
		scsi_submit(&t.sc);
		reset_start(e, &q[0]);
		reset_start(e, &q[1]);
		if (expires)
			reset_expire(e, &q[1]);
		else
			fake_backend_finish(&e->be, 0);
		assert_answered(e, &q[0]);
		assert_answered(e, &q[1]);
		assert_no_timers(e);
		e->be.hold = false;
		env_pump(e);
		assert_ended(&t, !expires, expires);
		task_free(&t);
		env_clear_ua(e->a);
	}
}

/* The other's reset aborts it with a status, which comes before the own answer, or never. */
static void test_resets_of_two_nexuses(void **state)
{
	struct env *e = *state;
	struct request q[2];
	struct task t;

	for (unsigned expires = 0; expires < 2; expires++) {
		e->be.hold = true;
		start_write(e, &t, 5, 0x11);
		scsi_submit(&t.sc);
		reset_start(e, &q[0]);
		request_start(e, &q[1], SCSI_LU_RESET, 0);
		q[1].tmf.nexus = e->b;
		assert_answered(e, &q[1]);
		assert_int_equal(q[0].done, 0);
		if (expires) {
			reset_expire(e, &q[0]);
			assert_answered(e, &q[0]);
		}
		fake_backend_finish(&e->be, 0);
		assert_ended(&t, !expires, expires);
		if (!expires)
			assert_sense(&t, SENSE_TASK_ABORTED);
		assert_answered(e, &q[0]);
		assert_int_equal(detached(e), 0);
		task_free(&t);
		env_clear_ua(e->a);
	}
}

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

static void test_lu_goes_while_a_reset_waits(void **state)
{
	struct env *e = *state;
	struct backend be;
	struct lun_entry map[] = { { 0, false, e->lu }, { 1, false, NULL } };
	struct request q;
	struct task t;
	bool gone = false;

	fake_backend_init(&be);
	map[1].lu = env_add_lu(e, &be, &e->params);
	env_map(e, e->a, map, 2);
	env_clear_ua(e->a);
	start_read(e, &t, 5);
	t.sc.lun[1] = 1;
	scsi_submit(&t.sc);
	reset_start_lun(e, &q, 1);
	env_map(e, e->a, map, 1);
	lu_destroy(map[1].lu, set_true, &gone);
	env_pump(e);
	assert_false(gone);
	assert_int_equal(q.done, 0);
	fake_backend_finish(&be, 0);
	assert_ended(&t, 1, 0);
	assert_answered(e, &q);
	assert_true(gone);
	task_free(&t);
	fake_backend_fini(&be);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_lu_reset),
		T(test_lu_reset_without_tas),
		T(test_reset_is_answered_after_the_own_commands),
		T(test_reset_waits_for_a_command_to_its_end),
		T(test_reset_lets_held_writes_go_on),
		T(test_reset_aborts_what_is_in_the_backend_for_too_long),
		T(test_reset_bound_in_the_other_states),
		T(test_reset_does_not_wait_for_later_commands),
		T(test_reset_ends_commands_of_others_at_once),
		T(test_abort_task_while_a_reset_waits),
		T(test_abort_of_a_pull_while_a_reset_waits),
		T(test_channel_death_while_a_reset_waits),
		T(test_two_resets),
		T(test_two_resets_wait_for_one_command),
		T(test_resets_of_two_nexuses),
		T(test_lu_goes_while_a_reset_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
