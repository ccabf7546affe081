/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tmf_util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- one command, in every state ---- */

static void test_abort_of_an_unknown_tag(void **state)
{
	struct env *e = *state;
	struct request q;

	request_run(e, &q, SCSI_ABORT_TASK, 99);
}

static void test_abort_of_a_read_in_the_backend(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t;

	e->be.hold = true;
	start_read(e, &t, 5);
	scsi_submit(&t.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	/* The kernel still writes into its buffer. */
	assert_ended(&t, 0, 0);
	assert_int_equal(detached(e), 0);
	assert_int_not_equal(e->group.r[0]->bufs.used, 0);
	fake_backend_finish(&e->be, 0);
	assert_ended(&t, 0, 1);
	assert_int_equal(e->group.r[0]->bufs.used, 0);
	task_free(&t);
}

static void test_abort_of_a_write_in_the_backend_holds_later_writes(void **state)
{
	struct env *e = *state;
	struct task old, new[2], read;
	struct request q;

	e->be.hold = true;
	start_write(e, &old, 5, 0x11);
	scsi_submit(&old.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	assert_ended(&old, 0, 0);
	assert_int_equal(detached(e), 1);
	/* On the same and on another reactor; the tag may be used again. */
	for (unsigned i = 0; i < 2; i++) {
		start_write(e, &new[i], 5, (uint8_t)(0x22 + i));
		new[i].sc.reactor = e->group.r[i];
		scsi_submit(&new[i].sc);
	}
	start_read(e, &read, 6);
	scsi_submit(&read.sc);
	env_pump(e);
	/* The old write and the read; nothing was fetched for the new ones. */
	assert_int_equal(e->be.requests, 2);
	assert_int_equal(new[0].pulls + new[1].pulls, 0);
	fake_backend_finish(&e->be, 0);
	assert_ended(&old, 0, 1);
	assert_int_equal(detached(e), 0);
	e->be.hold = false;
	env_pump(e);
	assert_ended(&read, 1, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_ended(&new[i], 1, 0);
		assert_good(&new[i]);
		task_free(&new[i]);
	}
	assert_int_not_equal(e->be.bytes[0], 0x11);
	task_free(&old);
	task_free(&read);
}

static void test_held_writes_wait_for_the_last_detached_one(void **state)
{
	struct env *e = *state;
	struct task old[2], new;
	struct request q;

	e->be.hold = true;
	for (unsigned i = 0; i < 2; i++) {
		start_write(e, &old[i], 5 + i, 0x11);
		scsi_submit(&old[i].sc);
	}
	request_run(e, &q, SCSI_ABORT_TASK_SET, 0);
	assert_int_equal(detached(e), 2);
	start_write(e, &new, 7, 0x22);
	scsi_submit(&new.sc);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(new.pulls, 0);
	fake_backend_finish(&e->be, -EIO);
	e->be.hold = false;
	env_pump(e);
	assert_ended(&new, 1, 0);
	assert_good(&new);
	task_free(&new);
	for (unsigned i = 0; i < 2; i++) {
		assert_ended(&old[i], 0, 1);
		task_free(&old[i]);
	}
}

static void test_writes_can_be_held_again_and_again(void **state)
{
	struct env *e = *state;
	struct task old, new;
	struct request q;

	for (unsigned i = 0; i < 3; i++) {
		e->be.hold = true;
		start_write(e, &old, 5, 0x11);
		scsi_submit(&old.sc);
		request_run(e, &q, SCSI_ABORT_TASK, 5);
		start_write(e, &new, 6, 0x22);
		scsi_submit(&new.sc);
		assert_int_equal(new.pulls, 0);
		e->be.hold = false;
		env_pump(e);
		assert_ended(&old, 0, 1);
		assert_ended(&new, 1, 0);
		task_free(&old);
		task_free(&new);
	}
}

static void test_abort_of_a_held_write(void **state)
{
	struct env *e = *state;
	struct task old, new;
	struct request q;

	e->be.hold = true;
	start_write(e, &old, 5, 0x11);
	scsi_submit(&old.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	start_write(e, &new, 6, 0x22);
	scsi_submit(&new.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 6);
	assert_ended(&new, 0, 1);
	assert_int_equal(detached(e), 1);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(e->be.requests, 1);
	task_free(&old);
	task_free(&new);
}

static void test_abort_while_data_is_fetched_waits_for_it(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t;

	start_write(e, &t, 5, 0x11);
	t.manual_pull = true;
	scsi_submit(&t.sc);
	request_start(e, &q, SCSI_ABORT_TASK, 5);
	env_pump(e);
	assert_int_equal(q.done, 0);
	assert_ended(&t, 0, 0);
	scsi_pulled(&t.sc, 0);
	assert_ended(&t, 0, 1);
	env_pump(e);
	assert_int_equal(q.done, 1);
	assert_int_equal(e->be.requests, 0);
	assert_int_equal(detached(e), 0);
	task_free(&t);
}

static void test_abort_while_responding_is_too_late(void **state)
{
	struct env *e = *state;
	struct request q[2];
	struct task t;

	start_read(e, &t, 5);
	t.manual_release = true;
	task_run(e, &t);
	/* Two may wait for the same command. */
	request_start(e, &q[0], SCSI_ABORT_TASK, 5);
	request_start(e, &q[1], SCSI_LU_RESET, 0);
	env_pump(e);
	assert_int_equal(q[0].done + q[1].done, 0);
	scsi_cmd_release(&t.sc);
	env_pump(e);
	assert_int_equal(q[0].done, 1);
	assert_int_equal(q[1].done, 1);
	assert_ended(&t, 1, 0);
	task_free(&t);
}

static void test_abort_of_a_command_that_waits_for_a_buffer(void **state)
{
	struct env *e = *state;
	struct iobuf bufs[ENV_SLAB / IOBUF_MAX_SIZE];
	struct request q;
	struct task t;

	for (unsigned i = 0; i < ENV_SLAB / IOBUF_MAX_SIZE; i++)
		iobuf_get(&e->group.r[0]->bufs, IOBUF_MAX_SIZE, &bufs[i]);
	start_read(e, &t, 5);
	scsi_submit(&t.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	assert_ended(&t, 0, 1);
	for (unsigned i = 0; i < ENV_SLAB / IOBUF_MAX_SIZE; i++)
		iobuf_put(&e->group.r[0]->bufs, &bufs[i]);
	env_pump(e);
	assert_int_equal(e->be.requests, 0);
	task_free(&t);
}

static void test_abort_stops_a_command_of_many_requests(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t;

	e->be.hold = true;
	TASK_INIT(e, &t, 0x41, 0, 0, 0, 0, 0, 0, 0x08, 0x00);
	t.sc.tag = 5;
	task_out(&t, NULL, 512);
	t.out[3] = 1;
	scsi_submit(&t.sc);
	assert_int_equal(e->be.requests, 1);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	assert_int_equal(detached(e), 1);
	fake_backend_finish(&e->be, 0);
	assert_ended(&t, 0, 1);
	assert_int_equal(e->be.requests, 1);
	assert_int_equal(detached(e), 0);
	task_free(&t);
}

static void test_abort_task_is_for_the_own_tag_only(void **state)
{
	struct env *e = *state;
	struct task mine, other, theirs;
	struct request q;

	e->be.hold = true;
	start_read(e, &mine, 5);
	start_read(e, &other, 6);
	start_read(e, &theirs, 5);
	theirs.sc.nexus = e->b;
	scsi_submit(&mine.sc);
	scsi_submit(&other.sc);
	scsi_submit(&theirs.sc);
	request_run(e, &q, SCSI_ABORT_TASK, 5);
	e->be.hold = false;
	env_pump(e);
	assert_ended(&mine, 0, 1);
	assert_ended(&other, 1, 0);
	assert_ended(&theirs, 1, 0);
	assert_good(&theirs);
	task_free(&other);
	task_free(&theirs);
}

/* ---- task sets and resets ---- */

static void test_abort_task_set(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t[4];

	start_four(e, t);
	request_run(e, &q, SCSI_ABORT_TASK_SET, 0);
	end_four(e, t, true, SCSI_GOOD);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_OK);
}

static void test_clear_task_set(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t[4];

	start_four(e, t);
	request_run(e, &q, SCSI_CLEAR_TASK_SET, 0);
	end_four(e, t, true, SCSI_TASK_ABORTED);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_OK);
}

static void test_clear_task_set_without_tas(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t[4];

	atomic_store(&e->lu->modes.tas, false);
	start_four(e, t);
	request_run(e, &q, SCSI_CLEAR_TASK_SET, 0);
	end_four(e, t, true, -1);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_UA_CLEARED_BY_OTHER);
	/* Who lost nothing hears nothing. */
	request_run(e, &q, SCSI_CLEAR_TASK_SET, 0);
	assert_int_equal(pending(e->b), SENSE_OK);
}

static void test_reset_does_not_wait_for_the_rdma_of_others(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t;

	start_write(e, &t, 5, 0x11);
	t.sc.nexus = e->b;
	t.manual_pull = true;
	scsi_submit(&t.sc);
	request_run(e, &q, SCSI_LU_RESET, 0);
	assert_ended(&t, 0, 0);
	scsi_pulled(&t.sc, 0);
	assert_ended(&t, 1, 0);
	assert_sense(&t, SENSE_TASK_ABORTED);
	assert_int_equal(e->be.requests, 0);
	task_free(&t);
}

static void test_nexus_reset(void **state)
{
	struct env *e = *state;
	struct lun_entry map[] = { { 0, false, e->lu }, { 300, false, e->lu } };
	struct request q;
	struct task t[4];

	env_map(e, e->a, map, 2);
	env_clear_ua(e->a);
	start_four(e, t);
	request_run(e, &q, SCSI_I_T_NEXUS_RESET, 0);
	end_four(e, t, true, SCSI_GOOD);
	assert_int_equal(pending(e->a), SENSE_UA_NEXUS_LOSS);
	assert_int_equal(ua_take(&lun_map_find(nexus_map(e->a), 300)->ua, UA_ANY),
			 SENSE_UA_NEXUS_LOSS);
	assert_int_equal(pending(e->b), SENSE_OK);
}

static void test_refusals(void **state)
{
	struct env *e = *state;
	struct request q;

	request_start(e, &q, SCSI_LU_RESET, 0);
	q.tmf.lun[1] = 9;
	env_pump(e);
	assert_int_equal(q.done, 1);
	assert_int_equal(q.response, SCSI_TMF_BAD_LUN);
	request_start(e, &q, SCSI_ABORT_TASK, 0);
	memset(q.tmf.lun, 0xff, 8);
	env_pump(e);
	assert_int_equal(q.response, SCSI_TMF_BAD_LUN);
	request_start(e, &q, (enum scsi_tmf_function)99, 0);
	env_pump(e);
	assert_int_equal(q.response, SCSI_TMF_REJECTED);
	assert_int_equal(pending(e->a), SENSE_OK);
}

/* ---- what a LUN left behind ---- */

/* A write that is being fetched when its LUN is given to @lu, or (NULL) taken away. */
static void start_left_behind(struct env *e, struct task *t, struct lu *lu)
{
	struct lun_entry entry = { 0, false, lu };

	start_write(e, t, 5, 0x11);
	t->manual_pull = true;
	scsi_submit(&t->sc);
	env_map(e, e->a, &entry, lu ? 1 : 0);
}

/* Its memory is the initiator's again with the answer, and not before. */
static void check_left_behind(struct env *e, struct lu *lu, enum scsi_tmf_function f,
			      enum scsi_tmf_response response)
{
	struct request q;
	struct task t;

	start_left_behind(e, &t, lu);
	request_start(e, &q, f, 5);
	env_pump(e);
	assert_int_equal(q.done, 0);
	scsi_pulled(&t.sc, 0);
	assert_ended(&t, 0, 1);
	env_pump(e);
	assert_int_equal(q.done, 1);
	assert_int_equal(q.response, response);
	assert_int_equal(e->be.requests, 0);
	task_free(&t);
	env_map_lun0(e, e->a, false);
	env_clear_ua(e->a);
}

static void test_commands_of_a_lun_that_was_replaced_are_found(void **state)
{
	struct env *e = *state;
	struct backend be;
	struct lu *lu;

	fake_backend_init(&be);
	lu = env_add_lu(e, &be, &e->params);
	check_left_behind(e, lu, SCSI_ABORT_TASK, SCSI_TMF_COMPLETE);
	check_left_behind(e, lu, SCSI_ABORT_TASK_SET, SCSI_TMF_COMPLETE);
	check_left_behind(e, lu, SCSI_CLEAR_TASK_SET, SCSI_TMF_COMPLETE);
	check_left_behind(e, lu, SCSI_I_T_NEXUS_RESET, SCSI_TMF_COMPLETE);
	env_destroy_lu(e, lu);
	fake_backend_fini(&be);
}

static void test_commands_of_a_lun_that_is_gone_are_found(void **state)
{
	struct env *e = *state;

	check_left_behind(e, NULL, SCSI_ABORT_TASK, SCSI_TMF_BAD_LUN);
	check_left_behind(e, NULL, SCSI_I_T_NEXUS_RESET, SCSI_TMF_COMPLETE);
}

static void test_what_another_lun_left_behind_goes_on(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t;

	start_left_behind(e, &t, NULL);
	request_start(e, &q, SCSI_ABORT_TASK_SET, 0);
	q.tmf.lun[1] = 1;
	env_pump(e);
	assert_int_equal(q.done, 1);
	task_fetch(&t);
	scsi_pulled(&t.sc, 0);
	env_pump(e);
	assert_ended(&t, 1, 0);
	assert_good(&t);
	task_free(&t);
}

/* ---- the channel dies ---- */

static void test_channel_death(void **state)
{
	struct env *e = *state;
	struct task read, write, pull, resp;

	start_read(e, &resp, 4);
	resp.manual_release = true;
	task_run(e, &resp);
	e->be.hold = true;
	start_read(e, &read, 1);
	start_write(e, &write, 2, 0x11);
	start_write(e, &pull, 3, 0x22);
	pull.manual_pull = true;
	scsi_submit(&read.sc);
	scsi_submit(&write.sc);
	scsi_submit(&pull.sc);
	scsi_cmd_abort(&read.sc);
	scsi_cmd_abort(&write.sc);
	scsi_cmd_abort(&pull.sc);
	scsi_cmd_abort(&resp.sc);
	assert_ended(&read, 0, 0);
	assert_ended(&write, 0, 0);
	assert_int_equal(detached(e), 1);
	scsi_pulled(&pull.sc, -ECONNRESET);
	assert_ended(&pull, 0, 1);
	scsi_cmd_release(&resp.sc);
	assert_ended(&resp, 1, 0);
	e->be.hold = false;
	env_pump(e);
	assert_ended(&read, 0, 1);
	assert_ended(&write, 0, 1);
	assert_int_equal(detached(e), 0);
	assert_int_equal(e->be.requests, 3);
	task_free(&read);
	task_free(&write);
	task_free(&pull);
	task_free(&resp);
}

static void test_channel_death_of_a_held_write(void **state)
{
	struct env *e = *state;
	struct task old, new;

	e->be.hold = true;
	start_write(e, &old, 1, 0x11);
	start_write(e, &new, 2, 0x22);
	scsi_submit(&old.sc);
	scsi_cmd_abort(&old.sc);
	scsi_submit(&new.sc);
	assert_ended(&new, 0, 0);
	scsi_cmd_abort(&new.sc);
	assert_ended(&new, 0, 1);
	e->be.hold = false;
	env_pump(e);
	assert_ended(&old, 0, 1);
	assert_int_equal(e->be.requests, 1);
	task_free(&old);
	task_free(&new);
}

/* Nothing can be sent any more, whatever a reset would have wanted to tell. */
static void test_silence_wins(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task t[2];

	e->be.hold = true;
	for (unsigned i = 0; i < 2; i++) {
		start_write(e, &t[i], 5 + i, 0x11);
		t[i].sc.nexus = e->b;
		scsi_submit(&t[i].sc);
	}
	scsi_cmd_abort(&t[0].sc);
	request_run(e, &q, SCSI_LU_RESET, 0);
	scsi_cmd_abort(&t[1].sc);
	assert_int_equal(detached(e), 2);
	e->be.hold = false;
	env_pump(e);
	for (unsigned i = 0; i < 2; i++) {
		assert_ended(&t[i], 0, 1);
		task_free(&t[i]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_abort_of_an_unknown_tag),
		T(test_abort_of_a_read_in_the_backend),
		T(test_abort_of_a_write_in_the_backend_holds_later_writes),
		T(test_held_writes_wait_for_the_last_detached_one),
		T(test_writes_can_be_held_again_and_again),
		T(test_abort_of_a_held_write),
		T(test_abort_while_data_is_fetched_waits_for_it),
		T(test_abort_while_responding_is_too_late),
		T(test_abort_of_a_command_that_waits_for_a_buffer),
		T(test_abort_stops_a_command_of_many_requests),
		T(test_abort_task_is_for_the_own_tag_only),
		T(test_abort_task_set),
		T(test_clear_task_set),
		T(test_clear_task_set_without_tas),
		T(test_reset_does_not_wait_for_the_rdma_of_others),
		T(test_nexus_reset),
		T(test_refusals),
		T(test_commands_of_a_lun_that_was_replaced_are_found),
		T(test_commands_of_a_lun_that_is_gone_are_found),
		T(test_what_another_lun_left_behind_goes_on),
		T(test_channel_death),
		T(test_channel_death_of_a_held_write),
		T(test_silence_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
