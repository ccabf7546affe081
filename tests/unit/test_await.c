/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TEST UNIT READY of a path on which nothing is served now: it waits for what is to become active,
 * but for nothing else, and not for ever.
 */
#include "gate_util.h"

#include "scsi/await.h"

#include <string.h>

static void begin(struct groups *t, struct task *task)
{
	TASK_INIT(&t->e, task, 0x00, 0, 0, 0, 0, 0);
	scsi_submit(&task->sc);
	env_pump(&t->e);
}

static void assert_waits(const struct task *task)
{
	assert_int_equal(task->responds + task->drops, 0);
}

static void end(struct groups *t, struct task *task)
{
	task_free(task);
	env_clear_ua(t->e.a);
	env_clear_ua(t->e.b);
}

static void states(struct groups *t, enum alua_state local, enum alua_state remote)
{
	const struct alua_state_of s[] = { { LOCAL, local }, { REMOTE, remote } };

	assert_int_equal(alua_group_set_states(t->g, s, 2, false), 0);
	env_pump(&t->e);
	env_clear_ua(t->e.a);
	env_clear_ua(t->e.b);
}

/* The other node is lost that was active. */
static void other_lost(struct groups *t)
{
	states(t, ALUA_STANDBY, ALUA_OPTIMIZED);
	states(t, ALUA_STANDBY, ALUA_UNAVAILABLE);
}

static void promoted(struct groups *t)
{
	alua_group_gate_open(t->g, 2, FOR_EVER);
	states(t, ALUA_OPTIMIZED, ALUA_UNAVAILABLE);
}

/* As if the time were over that it is held at most. */
static void time_passes(struct groups *t, struct task *task)
{
	struct lu_shard *sh = lu_shard(t->e.lu, task->sc.reactor);

	task->sc.progress = 1;
	sh->patience.at_ns = 1;
	env_pump(&t->e);
}

static void told_of_the_promotion(void **state)
{
	struct groups *t = *state;
	struct task task;

	other_lost(t);
	begin(t, &task);
	assert_waits(&task);
	promoted(t);
	assert_good(&task);
	end(t, &task);
}

/* Between them there may be states that change nothing for it. */
static void waits_over_other_states(void **state)
{
	struct groups *t = *state;
	struct task task;

	states(t, ALUA_OPTIMIZED, ALUA_STANDBY);
	states(t, ALUA_VACANT, ALUA_STANDBY);
	begin(t, &task);
	assert_waits(&task);
	states(t, ALUA_STANDBY, ALUA_TRANSITIONING);
	assert_waits(&task);
	promoted(t);
	assert_good(&task);
	end(t, &task);
}

static void told_that_another_is_active(void **state)
{
	struct groups *t = *state;
	struct task task;

	states(t, ALUA_OPTIMIZED, ALUA_STANDBY);
	states(t, ALUA_VACANT, ALUA_STANDBY);
	begin(t, &task);
	assert_waits(&task);
	states(t, ALUA_STANDBY, ALUA_OPTIMIZED);
	assert_sense(&task, SENSE_ALUA_STANDBY);
	end(t, &task);
}

static void answered_when_its_time_is_over(void **state)
{
	struct groups *t = *state;
	struct task first, second;

	other_lost(t);
	begin(t, &first);
	begin(t, &second);
	time_passes(t, &first);
	assert_sense(&first, SENSE_ALUA_STANDBY);
	assert_waits(&second);
	time_passes(t, &second);
	assert_sense(&second, SENSE_ALUA_STANDBY);
	end(t, &first);
	end(t, &second);
}

static void not_while_another_is_active(void **state)
{
	struct groups *t = *state;

	states(t, ALUA_STANDBY, ALUA_OPTIMIZED);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
}

/* Its node was active, and may be turned off next: who waits for it waits in vain. */
static void not_while_its_own_port_is_in_transition(void **state)
{
	struct groups *t = *state;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	states(t, ALUA_OPTIMIZED, ALUA_STANDBY);
	states(t, ALUA_TRANSITIONING, ALUA_STANDBY);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
	alua_group_gate_close(t->g);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
}

static void answered_when_its_own_port_is_in_transition(void **state)
{
	struct groups *t = *state;
	struct task task;

	other_lost(t);
	begin(t, &task);
	assert_waits(&task);
	states(t, ALUA_TRANSITIONING, ALUA_UNAVAILABLE);
	assert_sense(&task, SENSE_ALUA_STANDBY);
	end(t, &task);
}

/* None was active since the daemon began: nobody knows whether one will be. */
static void not_where_none_was_active(void **state)
{
	struct groups *t = *state;

	lu_set_alua_group(t->e.lu, NULL);
	env_pump(&t->e);
	alua_group_destroy(t->g);
	t->groups[0].state = ALUA_STANDBY;
	assert_int_equal(alua_group_create(t->e.device, &t->params, &t->g), 0);
	lu_set_alua_group(t->e.lu, t->g);
	env_clear_ua(t->e.a);
	states(t, ALUA_STANDBY, ALUA_UNAVAILABLE);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
}

/* After the transition time of the group nobody expects one any more. */
static void not_when_it_has_been_so_for_long(void **state)
{
	struct groups *t = *state;
	const struct alua_table *table;

	other_lost(t);
	table = alua_table(t->e.lu);
	assert_true(table->vacant_ns);
	assert_true(alua_is_awaited(t->e.lu, table->vacant_ns + 59 * 1000000000ull));
	assert_false(alua_is_awaited(t->e.lu, table->vacant_ns + 60 * 1000000000ull));
}

static void bad_ones_are_refused_at_once(void **state)
{
	struct groups *t = *state;
	struct task task;

	other_lost(t);
	TASK_INIT(&t->e, &task, 0x00, 1, 0, 0, 0, 0);
	task_run(&t->e, &task);
	assert_sense(&task, SENSE_ALUA_STANDBY);
	end(t, &task);
}

static void other_commands_are_refused_at_once(void **state)
{
	struct groups *t = *state;
	struct task task;

	other_lost(t);
	write_one(t, &task);
	task_run(&t->e, &task);
	assert_sense(&task, SENSE_ALUA_STANDBY);
	end(t, &task);
}

static void aborted_while_it_waits(void **state)
{
	struct groups *t = *state;
	struct task task;

	other_lost(t);
	begin(t, &task);
	assert_waits(&task);
	scsi_cmd_abort(&task.sc);
	env_pump(&t->e);
	assert_int_equal(task.responds, 0);
	assert_int_equal(task.drops, 1);
	promoted(t);
	assert_int_equal(task.responds, 0);
	end(t, &task);
}

static void answered_when_its_initiator_leaves(void **state)
{
	struct groups *t = *state;
	struct task waits, later;

	other_lost(t);
	begin(t, &waits);
	assert_waits(&waits);
	nexus_leave(t->e.a);
	env_pump(&t->e);
	assert_sense(&waits, SENSE_ALUA_STANDBY);
	begin(t, &later);
	assert_sense(&later, SENSE_ALUA_STANDBY);
	task_free(&later);
	end(t, &waits);
}

/* Its group takes the write gate along: what waited runs as if it had come now. */
static void the_group_goes(void **state)
{
	struct groups *t = *state;
	struct task task;

	other_lost(t);
	begin(t, &task);
	assert_waits(&task);
	lu_set_alua_group(t->e.lu, NULL);
	time_passes(t, &task);
	assert_int_equal(task.responds, 1);
	end(t, &task);
}

#define test(name) cmocka_unit_test_setup_teardown(name, gated_setup, groups_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(told_of_the_promotion),
		test(waits_over_other_states),
		test(told_that_another_is_active),
		test(answered_when_its_time_is_over),
		test(not_while_another_is_active),
		test(not_while_its_own_port_is_in_transition),
		test(answered_when_its_own_port_is_in_transition),
		test(not_where_none_was_active),
		test(not_when_it_has_been_so_for_long),
		test(bad_ones_are_refused_at_once),
		test(other_commands_are_refused_at_once),
		test(aborted_while_it_waits),
		test(answered_when_its_initiator_leaves),
		test(the_group_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
