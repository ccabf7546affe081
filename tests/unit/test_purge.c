/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of some nexuses on one LU are aborted. */
#include "tmf_util.h"

#include "scsi/task.h"

#include <errno.h>
#include <stdlib.h>

struct purge {
	struct task_purge p; /* first */
	const struct nexus *victim; /* NULL: all */
	unsigned done;
};

static bool purge_victim(const struct task_purge *p, const struct nexus *n)
{
	const struct purge *u = container_of(p, struct purge, p);

	return !u->victim || u->victim == n;
}

static void purge_done(struct task_purge *p)
{
	assert_null(reactor_self());
	container_of(p, struct purge, p)->done++;
}

static void purge_start(struct env *e, struct purge *u, const struct nexus *victim,
			const struct scsi_cmd *but, bool backend)
{
	*u = (struct purge){
		.p = { .lu = e->lu, .but = but, .match = purge_victim, .backend = backend,
		       .done = purge_done },
		.victim = victim,
	};
	task_purge_run(&u->p);
	assert_int_equal(u->done, 0);
}

/* It is over although the backend does nothing. */
static void purge_run(struct env *e, struct purge *u, const struct nexus *victim,
		      const struct scsi_cmd *but)
{
	purge_start(e, u, victim, but, false);
	env_pump(e);
	assert_int_equal(u->done, 1);
}

static void free_all(struct task *t, unsigned n)
{
	while (n--)
		task_free(&t[n]);
}

static void test_nothing_to_abort(void **state)
{
	struct env *e = *state;
	struct purge u;

	purge_start(e, &u, NULL, NULL, true);
	env_pump(e);
	assert_int_equal(u.done, 1);
}

static void test_only_the_nexuses_that_match(void **state)
{
	struct env *e = *state;
	struct purge u;
	struct task t[4];

	start_four(e, t);
	purge_run(e, &u, e->b, NULL);
	e->be.hold = false;
	env_pump(e);
	for (unsigned i = 0; i < 4; i++) {
		assert_ended(&t[i], 1, 0);
		assert_int_equal(t[i].sc.status, i & 1 ? SCSI_TASK_ABORTED : SCSI_GOOD);
	}
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_OK);
	free_all(t, 4);
}

/* Those of the nexus that caused it end silently, its own command goes on. */
static void test_the_command_that_caused_it(void **state)
{
	struct env *e = *state;
	struct purge u;
	struct task t[4];

	start_four(e, t);
	purge_run(e, &u, NULL, &t[0].sc);
	e->be.hold = false;
	env_pump(e);
	assert_ended(&t[0], 1, 0);
	assert_good(&t[0]);
	assert_ended(&t[2], 0, 1);
	for (unsigned i = 1; i < 4; i += 2) {
		assert_ended(&t[i], 1, 0);
		assert_int_equal(t[i].sc.status, SCSI_TASK_ABORTED);
	}
	free_all(t, 4);
}

static void test_without_tas(void **state)
{
	struct env *e = *state;
	struct purge u;
	struct task t[4];

	atomic_store(&e->lu->modes.tas, false);
	start_four(e, t);
	purge_run(e, &u, NULL, &t[0].sc);
	e->be.hold = false;
	env_pump(e);
	assert_ended(&t[0], 1, 0);
	for (unsigned i = 1; i < 4; i++)
		assert_ended(&t[i], 0, 1);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_UA_CLEARED_BY_OTHER);
	assert_int_equal(pending(e->b), SENSE_OK);
	free_all(t, 4);
}

/* Who was silent already is not told of it a second time. */
static void test_commands_aborted_before(void **state)
{
	struct env *e = *state;
	struct purge u;
	struct task t;

	atomic_store(&e->lu->modes.tas, false);
	e->be.hold = true;
	start_write(e, &t, 5, 0x11);
	scsi_submit(&t.sc);
	scsi_cmd_abort(&t.sc);
	purge_start(e, &u, NULL, NULL, true);
	env_pump(e);
	assert_int_equal(u.done, 0);
	assert_int_equal(detached(e), 1);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(u.done, 1);
	assert_ended(&t, 0, 1);
	assert_int_equal(pending(e->a), SENSE_OK);
	task_free(&t);
}

/* ---- what it waits for ---- */

/* Of the nexus that caused it: it may use the memory again. */
static void test_waits_for_own_data_on_the_way(void **state)
{
	struct env *e = *state;
	struct task own, pull, resp;
	struct purge u;

	start_read(e, &own, 3);

	start_read(e, &resp, 4);
	resp.manual_release = true;
	task_run(e, &resp);
	start_write(e, &pull, 5, 0x11);
	pull.manual_pull = true;
	pull.sc.reactor = e->group.r[1];
	scsi_submit(&pull.sc);
	purge_start(e, &u, NULL, &own.sc, false);
	env_pump(e);
	assert_int_equal(u.done, 0);
	scsi_pulled(&pull.sc, 0);
	assert_ended(&pull, 0, 1);
	env_pump(e);
	assert_int_equal(u.done, 0);
	scsi_cmd_release(&resp.sc);
	env_pump(e);
	assert_int_equal(u.done, 1);
	assert_ended(&resp, 1, 0);
	assert_int_equal(e->be.requests, 1);
	task_free(&own);
	task_free(&pull);
	task_free(&resp);
}

/* Its network may be dead for as long as it likes: nothing it sends is written any more. */
static void test_data_of_others_is_not_waited_for(void **state)
{
	struct env *e = *state;
	struct task pull, resp;
	struct purge u;

	start_read(e, &resp, 4);
	resp.manual_release = true;
	resp.sc.nexus = e->b;
	task_run(e, &resp);
	start_write(e, &pull, 5, 0x11);
	pull.manual_pull = true;
	pull.sc.reactor = e->group.r[1];
	pull.sc.nexus = e->b;
	scsi_submit(&pull.sc);
	purge_start(e, &u, e->b, NULL, true);
	env_pump(e);
	assert_int_equal(u.done, 1);
	scsi_pulled(&pull.sc, 0);
	assert_ended(&pull, 1, 0);
	assert_sense(&pull, SENSE_TASK_ABORTED);
	assert_int_equal(e->be.requests, 1);
	scsi_cmd_release(&resp.sc);
	task_free(&pull);
	task_free(&resp);
}

/* The backend is done with the write, its initiator does not take the status. */
static void test_responses_of_others_are_not_waited_for(void **state)
{
	struct env *e = *state;
	struct task write;
	struct purge u;

	e->be.hold = true;
	start_write(e, &write, 5, 0x11);
	write.manual_release = true;
	write.sc.nexus = e->b;
	scsi_submit(&write.sc);
	purge_start(e, &u, e->b, NULL, true);
	env_pump(e);
	assert_int_equal(u.done, 0);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(u.done, 1);
	assert_sense(&write, SENSE_TASK_ABORTED);
	scsi_cmd_release(&write.sc);
	task_free(&write);
}

static void test_waits_for_writes_in_the_backend_if_asked(void **state)
{
	struct env *e = *state;
	struct purge fast, slow;
	struct task read, write;

	e->be.hold = true;
	start_write(e, &write, 5, 0x11);
	start_read(e, &read, 6);
	write.sc.nexus = read.sc.nexus = e->b;
	scsi_submit(&write.sc);
	scsi_submit(&read.sc);
	purge_run(e, &fast, e->b, NULL);
	purge_start(e, &slow, e->b, NULL, true);
	env_pump(e);
	assert_int_equal(slow.done, 0);
	/* The write is out; the read disturbs nobody. */
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(slow.done, 1);
	assert_ended(&write, 1, 0);
	assert_sense(&write, SENSE_TASK_ABORTED);
	assert_ended(&read, 0, 0);
	fake_backend_finish(&e->be, 0);
	assert_ended(&read, 1, 0);
	task_free(&read);
	task_free(&write);
}

static void test_does_not_wait_for_later_commands(void **state)
{
	struct env *e = *state;
	struct task before, after;
	struct purge u;

	e->be.hold = true;
	start_write(e, &before, 5, 0x11);
	scsi_submit(&before.sc);
	purge_start(e, &u, NULL, NULL, true);
	env_pump(e);
	start_read(e, &after, 6);
	scsi_submit(&after.sc);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(u.done, 1);
	assert_ended(&before, 1, 0);
	assert_ended(&after, 0, 0);
	fake_backend_finish(&e->be, 0);
	assert_good(&after);
	task_free(&before);
	task_free(&after);
}

/* What waits, ends at once: for a buffer, or for an aborted write. */
static void test_held_commands(void **state)
{
	struct env *e = *state;
	struct task old, held;
	struct purge u;

	e->be.hold = true;
	start_write(e, &old, 5, 0x11);
	scsi_submit(&old.sc);
	scsi_cmd_abort(&old.sc);
	start_write(e, &held, 6, 0x22);
	scsi_submit(&held.sc);
	purge_run(e, &u, NULL, NULL);
	assert_ended(&held, 1, 0);
	assert_sense(&held, SENSE_TASK_ABORTED);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(e->be.requests, 1);
	task_free(&old);
	task_free(&held);
}

/* A write of @blocks of nexus b whose data does not come. */
static void start_stuck(struct env *e, struct task *t, uint16_t blocks)
{
	TASK_INIT(e, t, 0x2a, 0, 0, 0, 0, 0, 0, (uint8_t)(blocks >> 8), (uint8_t)blocks);
	t->sc.nexus = e->b;
	t->manual_pull = true;
	task_out(t, NULL, blocks * 512u);
	scsi_submit(&t->sc);
}

/* There is memory, but not as much as the first that waits wants. */
static void test_who_waited_behind_a_held_command(void **state)
{
	static const uint16_t blocks[] = { 8192, 8192, 8192, 4096, 8192 };
	struct env *e = *state;
	struct task t[5], read;

	for (unsigned i = 0; i < 5; i++)
		start_stuck(e, &t[i], blocks[i]);
	start_read(e, &read, 6);
	scsi_submit(&read.sc);
	env_pump(e);
	assert_int_equal(t[3].pulls, 1);
	assert_int_equal(t[4].pulls, 0);
	assert_ended(&read, 0, 0);
	scsi_cmd_abort(&t[4].sc);
	env_pump(e);
	assert_ended(&t[4], 0, 1);
	assert_ended(&read, 1, 0);
	assert_good(&read);
	for (unsigned i = 0; i < 4; i++)
		scsi_pulled(&t[i].sc, -ECONNRESET);
	free_all(t, 5);
	task_free(&read);
}

/* ---- together with others ---- */

static void test_one_after_the_other(void **state)
{
	struct env *e = *state;
	struct purge first, second;
	struct task t[2];

	e->be.hold = true;
	for (unsigned i = 0; i < 2; i++) {
		start_write(e, &t[i], 5 + i, 0x11);
		t[i].sc.nexus = i ? e->b : e->a;
		scsi_submit(&t[i].sc);
	}
	purge_start(e, &first, e->a, NULL, true);
	purge_start(e, &second, e->b, NULL, false);
	env_pump(e);
	assert_int_equal(first.done + second.done, 0);
	assert_int_equal(detached(e), 1);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(first.done, 1);
	assert_int_equal(second.done, 1);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	for (unsigned i = 0; i < 2; i++)
		assert_sense(&t[i], SENSE_TASK_ABORTED);
	free_all(t, 2);
}

/* The function is answered, the purge waits on: it asked for more. */
static void test_abort_task_set_of_what_it_waits_for(void **state)
{
	struct env *e = *state;
	struct request q;
	struct purge u;
	struct task t;

	e->be.hold = true;
	start_write(e, &t, 5, 0x11);
	scsi_submit(&t.sc);
	purge_start(e, &u, e->a, NULL, true);
	env_pump(e);
	/* It was told TASK ABORTED; asked for by itself it hears nothing. */
	request_start(e, &q, SCSI_ABORT_TASK_SET, 0);
	env_pump(e);
	assert_int_equal(q.done, 1);
	assert_int_equal(u.done, 0);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(u.done, 1);
	assert_ended(&t, 0, 1);
	task_free(&t);
}

static void test_commands_of_other_units_are_left_alone(void **state)
{
	struct env *e = *state;
	struct lun_entry map[] = { { 0, false, e->lu }, { 1, false, NULL } };
	struct backend be;
	struct purge u;
	struct task t;

	fake_backend_init(&be);
	map[1].lu = env_add_lu(e, &be, &e->params);
	env_map(e, e->a, map, 2);
	env_clear_ua(e->a);
	start_read(e, &t, 5);
	t.sc.lun[1] = 1;
	scsi_submit(&t.sc);
	purge_run(e, &u, NULL, NULL);
	fake_backend_finish(&be, 0);
	assert_ended(&t, 1, 0);
	assert_good(&t);
	task_free(&t);
	env_map(e, e->a, map, 1);
	env_destroy_lu(e, map[1].lu);
	fake_backend_fini(&be);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_nothing_to_abort),
		T(test_only_the_nexuses_that_match),
		T(test_the_command_that_caused_it),
		T(test_without_tas),
		T(test_commands_aborted_before),
		T(test_waits_for_own_data_on_the_way),
		T(test_data_of_others_is_not_waited_for),
		T(test_responses_of_others_are_not_waited_for),
		T(test_waits_for_writes_in_the_backend_if_asked),
		T(test_does_not_wait_for_later_commands),
		T(test_held_commands),
		T(test_who_waited_behind_a_held_command),
		T(test_one_after_the_other),
		T(test_abort_task_set_of_what_it_waits_for),
		T(test_commands_of_other_units_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
