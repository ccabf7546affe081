/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands and the write gate: what it does to each of them, whatever happens to it when. What
 * touches the medium is never answered GOOD after its epoch.
 */
#include "gate_util.h"

#include "scsi/optable.h"

#include <errno.h>
#include <string.h>

#define UNMAP_LIST 24u
#define LONG_AGO 1u /* ns */

/* Where a command is when the gate changes behind its back. */
enum where {
	ANSWERED, /* at once: it was under the gate it began with */
	UNDER_WAY,
};

static const struct command {
	const char *what;
	uint8_t cdb[16];
	uint32_t out, in;
	enum where where;
	bool passes; /* it does not touch the medium */
} commands[] = {
	{ "READ", { 0x28, [8] = 1 }, 0, 512, UNDER_WAY, false },
	{ "READ with FUA", { 0x28, 0x08, [8] = 1 }, 0, 512, UNDER_WAY, false },
	{ "WRITE", { 0x2a, [8] = 1 }, 512, 0, UNDER_WAY, false },
	{ "WRITE with FUA", { 0x8a, 0x08, [13] = 1 }, 512, 0, UNDER_WAY, false },
	{ "WRITE AND VERIFY", { 0x2e, [8] = 1 }, 512, 0, UNDER_WAY, false },
	{ "VERIFY", { 0x2f, [8] = 1 }, 0, 0, UNDER_WAY, false },
	{ "WRITE SAME", { 0x41, [8] = 1 }, 512, 0, UNDER_WAY, false },
	{ "UNMAP", { 0x42, [8] = UNMAP_LIST }, UNMAP_LIST, 0, UNDER_WAY, false },
	{ "SYNCHRONIZE CACHE", { 0x35 }, 0, 0, UNDER_WAY, false },
	{ "START STOP UNIT", { 0x1b }, 0, 0, UNDER_WAY, false },
	{ "PRE-FETCH", { 0x34, [8] = 1 }, 0, 0, UNDER_WAY, false },
	{ "COMPARE AND WRITE", { 0x89, [13] = 1 }, 1024, 0, UNDER_WAY, false },
	{ "ORWRITE", { 0x8b, [13] = 1 }, 512, 0, UNDER_WAY, false },
	{ "GET LBA STATUS", { 0x9e, 0x12, [13] = 32 }, 0, 32, UNDER_WAY, false },
	{ "SEND DIAGNOSTIC", { 0x1d, 0x04 }, 0, 0, UNDER_WAY, false },
	{ "PERSISTENT RESERVE OUT", { 0x5f, 0x06, [8] = 24 }, 24, 0, UNDER_WAY, false },
	{ "PERSISTENT RESERVE IN", { 0x5e, 0x00, [8] = 64 }, 0, 64, UNDER_WAY, false },
	{ "RESERVE", { 0x16 }, 0, 0, UNDER_WAY, false },
	{ "RELEASE", { 0x17 }, 0, 0, UNDER_WAY, false },
	{ "MODE SELECT", { 0x15, 0x10, 0, 0, 4 }, 4, 0, UNDER_WAY, false },
	{ "MODE SENSE", { 0x1a, 0, 0x3f, 0, 64 }, 0, 64, ANSWERED, false },
	{ "TEST UNIT READY", { 0x00 }, 0, 0, ANSWERED, false },
	{ "INQUIRY", { 0x12, 0, 0, 0, 64 }, 0, 64, ANSWERED, true },
	{ "REQUEST SENSE", { 0x03, 0, 0, 0, 64 }, 0, 64, ANSWERED, true },
	{ "READ CAPACITY(10)", { 0x25 }, 0, 8, ANSWERED, true },
	{ "READ CAPACITY(16)", { 0x9e, 0x10, [13] = 32 }, 0, 32, ANSWERED, true },
	{ "REPORT LUNS", { 0xa0, [9] = 64 }, 0, 64, ANSWERED, true },
	{ "REPORT TARGET PORT GROUPS", { 0xa3, 0x0a, [9] = 64 }, 0, 64, ANSWERED, true },
};

static void command_init(struct groups *t, const struct command *c, struct task *task)
{
	uint8_t out[1024] = { 0 };

	if (c->cdb[0] == 0x42) {
		out[1] = UNMAP_LIST - 2;
		out[3] = UNMAP_LIST - 8;
		out[19] = 1;
	}
	if (c->cdb[0] == 0x5f)
		out[15] = 1;
	task_init(&t->e, task, c->cdb, sizeof(c->cdb));
	if (c->out)
		task_out(task, out, c->out);
	task->sc.data_in_len = c->in;
	print_message("           %s\n", c->what);
}

static void command_end(struct groups *t, struct task *task)
{
	task_free(task);
	env_pump(&t->e);
	/* What it has registered or reserved. */
	assert_int_equal(lu_state_replace(t->e.lu, NULL, 0), 0);
	env_clear_ua(t->e.a);
	env_clear_ua(t->e.b);
}

static void assert_refused(const struct task *task)
{
	assert_sense(task, SENSE_ALUA_TRANSITION);
	assert_int_equal(task->sc.wanted, 0);
}

/* With the gate as it is. */
static void run_all(struct groups *t, bool open)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		unsigned before = t->e.be.requests;
		struct task task;

		command_init(t, &commands[i], &task);
		task_run(&t->e, &task);
		if (open || commands[i].passes) {
			assert_good(&task);
		} else {
			assert_refused(&task);
			assert_int_equal(t->e.be.requests, before);
		}
		command_end(t, &task);
	}
}

static void test_an_open_gate(void **state)
{
	struct groups *t = *state;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	run_all(t, true);
}

static void test_closed_at_first(void **state)
{
	run_all(*state, false);
}

static void test_closed(void **state)
{
	struct groups *t = *state;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	alua_group_gate_close(t->g);
	run_all(t, false);
}

static void test_a_lease_that_is_over(void **state)
{
	struct groups *t = *state;

	alua_group_gate_open(t->g, 1, LONG_AGO);
	run_all(t, false);
}

/* ---- it changes under a command ---- */

static void nothing(struct groups *t)
{
	(void)t;
}

static void closes(struct groups *t)
{
	alua_group_gate_close(t->g);
}

static void next_epoch(struct groups *t)
{
	alua_group_gate_open(t->g, 2, FOR_EVER);
}

static void closes_then_next_epoch(struct groups *t)
{
	alua_group_gate_close(t->g);
	alua_group_gate_open(t->g, 2, FOR_EVER);
}

static void runs_out(struct groups *t)
{
	alua_group_gate_open(t->g, 1, LONG_AGO);
}

static void renewed(struct groups *t)
{
	alua_group_gate_open(t->g, 1, FOR_EVER - 1);
}

/* Nobody else had it meanwhile: the epoch would be another. */
static void closes_and_opens(struct groups *t)
{
	alua_group_gate_close(t->g);
	alua_group_gate_open(t->g, 1, FOR_EVER);
}

static const struct event {
	const char *what;
	void (*happens)(struct groups *t);
	bool holds;
} events[] = {
	{ "nothing happens", nothing, true },
	{ "it closes", closes, false },
	{ "the epoch changes", next_epoch, false },
	{ "it closes, then the epoch changes", closes_then_next_epoch, false },
	{ "the lease runs out", runs_out, false },
	{ "the lease is renewed", renewed, true },
	{ "it closes and opens again", closes_and_opens, true },
};

static void run_under(struct groups *t, const struct event *ev, int result)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		struct task task;

		alua_group_gate_open(t->g, 1, FOR_EVER);
		command_init(t, c, &task);
		t->e.be.hold = true;
		scsi_submit(&task.sc);
		assert_int_equal(task.responds, c->where == ANSWERED);
		reactor_round(t->e.group.r[0]);
		ev->happens(t);
		t->e.be.hold = false;
		t->e.be.fail = result;
		env_pump(&t->e);
		t->e.be.fail = 0;
		assert_int_equal(task.responds, 1);
		if (c->where == ANSWERED || (ev->holds && !result))
			assert_good(&task);
		else if (!ev->holds)
			assert_refused(&task);
		command_end(t, &task);
	}
}

static void test_changes_under_commands(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(events); i++) {
		print_message("         - %s\n", events[i].what);
		run_under(*state, &events[i], 0);
	}
}

/* The disk is the one that was taken away: what it says is not what initiators are told. */
static void test_changes_under_commands_that_fail(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(events); i++) {
		print_message("         - %s\n", events[i].what);
		run_under(*state, &events[i], -EIO);
	}
}

/* ---- between the steps of one ---- */

static void test_closes_while_data_are_fetched(void **state)
{
	struct groups *t = *state;
	struct task task;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	write_one(t, &task);
	task.manual_pull = true;
	scsi_submit(&task.sc);
	assert_int_equal(task.pulls, 1);
	alua_group_gate_close(t->g);
	task_fetch(&task);
	scsi_pulled(&task.sc, 0);
	env_pump(&t->e);
	assert_refused(&task);
	assert_int_equal(t->e.be.requests, 0);
	task_free(&task);
}

static void test_a_command_held_goes_on_only_under_its_epoch(void **state)
{
	struct groups *t = *state;
	struct task first, second;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	write_one(t, &first);
	write_one(t, &second);
	second.sc.task_attr = SCSI_ORDERED;
	t->e.be.hold = true;
	scsi_submit(&first.sc);
	scsi_submit(&second.sc);
	reactor_round(t->e.group.r[0]);
	assert_int_equal(t->e.be.requests, 1);
	alua_group_gate_open(t->g, 2, FOR_EVER);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_refused(&first);
	assert_refused(&second);
	assert_int_equal(t->e.be.requests, 1);
	task_free(&first);
	task_free(&second);
}

static void test_an_aborted_command_says_so(void **state)
{
	struct groups *t = *state;
	struct task task;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	write_one(t, &task);
	t->e.be.hold = true;
	scsi_submit(&task.sc);
	assert_false(task_abort(&task.sc, true));
	alua_group_gate_close(t->g);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_int_equal(task.responds, 1);
	assert_int_equal(task.sc.status, SCSI_TASK_ABORTED);
	task_free(&task);
}

/* EXTENDED COPY and FORMAT are tried with their own tests' means: here what stops behind them. */
static void test_a_format_behind_its_answer_stops(void **state)
{
	struct groups *t = *state;
	struct task task;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	TASK_INIT(&t->e, &task, 0x04, 0x10, 0, 0, 0, 0);
	task_out(&task, (const uint8_t[]){ 0, 0x02, 0, 0 }, 4);
	t->e.be.hold = true;
	scsi_submit(&task.sc);
	env_pump(&t->e);
	assert_good(&task);
	assert_int_equal(t->e.be.requests, 1);
	alua_group_gate_close(t->g);
	t->e.be.hold = false;
	env_pump(&t->e);
	assert_int_equal(t->e.be.requests, 1);
	assert_null(t->e.lu->wipe);
	task_free(&task);
}

/* ---- together with access states ---- */

static bool only_looks(const struct command *c)
{
	return c->cdb[0] == 0x5e || c->cdb[0] == 0x1a;
}

/* What only looks is served, what would change what is kept where the LU is active is not. */
/* So that nobody is waited for to become so (scsi/await.h). */
static void remote_active(struct groups *t)
{
	assert_int_equal(alua_group_set_state(t->g, REMOTE, ALUA_OPTIMIZED, false), 0);
	env_clear_ua(t->e.a);
}

static void test_standby(void **state)
{
	struct groups *t = *state;

	local_state(t, ALUA_STANDBY);
	remote_active(t);
	for (int open = 0; open < 2; open++) {
		for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
			struct task task;

			command_init(t, &commands[i], &task);
			task_run(&t->e, &task);
			if (commands[i].passes || only_looks(&commands[i]))
				assert_good(&task);
			else
				assert_sense(&task, SENSE_ALUA_STANDBY);
			command_end(t, &task);
		}
		alua_group_gate_open(t->g, 1, FOR_EVER);
	}
	assert_int_equal(t->e.be.requests, 0);
}

static void test_the_access_state_is_told_before_the_gate(void **state)
{
	struct groups *t = *state;

	local_state(t, ALUA_UNAVAILABLE);
	env_clear_ua(t->e.a);
	ready(t, t->e.a, SENSE_ALUA_UNAVAILABLE);
	local_state(t, ALUA_STANDBY);
	remote_active(t);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
}

/* It comes when writes wait for the node that is lost, and would hold up all else. */
static void test_the_loss_of_a_node_is_not_told(void **state)
{
	struct groups *t = *state;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	env_clear_ua(t->e.a);
	assert_int_equal(alua_group_set_state(t->g, REMOTE, ALUA_UNAVAILABLE, false), 0);
	ready(t, t->e.a, SENSE_OK);
	assert_int_equal(alua_group_set_state(t->g, REMOTE, ALUA_STANDBY, false), 0);
	ready(t, t->e.a, SENSE_UA_ALUA_CHANGED);
	ready(t, t->e.a, SENSE_OK);
}

/* Of a path that it takes for broken a path checker makes no use when the transition is over. */
static void test_in_transition_it_is_as_ready_as_in_standby(void **state)
{
	struct groups *t = *state;

	local_state(t, ALUA_TRANSITIONING);
	remote_active(t);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
	alua_group_gate_open(t->g, 1, FOR_EVER);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
}

static void test_a_unit_attention_is_told_before_the_gate(void **state)
{
	struct groups *t = *state;

	lu_post_ua(t->e.lu, UA_ALUA_CHANGED, NULL);
	ready(t, t->e.a, SENSE_UA_ALUA_CHANGED);
	ready(t, t->e.a, SENSE_ALUA_TRANSITION);
}

/* Reservations may be others where the LU is active. */
static void test_reservations_are_not_told_behind_a_closed_gate(void **state)
{
	struct groups *t = *state;
	struct task task;

	alua_group_gate_open(t->g, 1, FOR_EVER);
	TASK_INIT(&t->e, &task, 0x16, 0, 0, 0, 0, 0);
	task_run(&t->e, &task);
	assert_good(&task);
	task_free(&task);
	ready(t, t->e.b, SENSE_RESERVATION_CONFLICT);
	alua_group_gate_close(t->g);
	ready(t, t->e.b, SENSE_ALUA_TRANSITION);
}

static void test_a_group_without_a_gate(void **state)
{
	struct groups *t = *state;

	lu_set_alua_group(t->e.lu, NULL);
	env_clear_ua(t->e.a);
	ready(t, t->e.a, SENSE_OK);
	lu_set_alua_group(t->e.lu, t->g);
	env_clear_ua(t->e.a);
	ready(t, t->e.a, SENSE_ALUA_TRANSITION);
}

/* Several states in one table, or none. */
static void test_states_change_together(void **state)
{
	const struct alua_state_of both[] = { { LOCAL, ALUA_STANDBY }, { REMOTE, ALUA_OPTIMIZED } };
	const struct alua_state_of wrong[] = { { LOCAL, ALUA_OFFLINE }, { 77, ALUA_OPTIMIZED } };
	struct groups *t = *state;

	assert_int_equal(alua_group_set_states(t->g, both, 2, false), 0);
	assert_int_equal(alua_group_state(t->g, LOCAL), ALUA_STANDBY);
	assert_int_equal(alua_group_state(t->g, REMOTE), ALUA_OPTIMIZED);
	ready(t, t->e.a, SENSE_UA_ALUA_CHANGED);
	assert_int_equal(alua_group_set_states(t->g, both, 2, false), 0);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
	assert_int_equal(alua_group_set_states(t->g, wrong, 2, false), -ENOENT);
	assert_int_equal(alua_group_state(t->g, LOCAL), ALUA_STANDBY);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, gated_setup, groups_teardown)
	const struct CMUnitTest tests[] = {
		T(test_an_open_gate),
		T(test_closed_at_first),
		T(test_closed),
		T(test_a_lease_that_is_over),
		T(test_changes_under_commands),
		T(test_changes_under_commands_that_fail),
		T(test_closes_while_data_are_fetched),
		T(test_a_command_held_goes_on_only_under_its_epoch),
		T(test_an_aborted_command_says_so),
		T(test_a_format_behind_its_answer_stops),
		T(test_standby),
		T(test_the_access_state_is_told_before_the_gate),
		T(test_the_loss_of_a_node_is_not_told),
		T(test_in_transition_it_is_as_ready_as_in_standby),
		T(test_a_unit_attention_is_told_before_the_gate),
		T(test_reservations_are_not_told_behind_a_closed_gate),
		T(test_a_group_without_a_gate),
		T(test_states_change_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
