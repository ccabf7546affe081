/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QERR of the control mode page: one command fails, others go with it. */
#include "range_util.h"

#include <errno.h>

/* Four reads as in start_four(); the second one of nexus a fails. */
static void fail_one(struct env *e, struct task t[4], unsigned qerr)
{
	atomic_store(&e->lu->modes.qerr, qerr);
	start_four(e, t);
	fake_backend_finish(&e->be, -EIO);
	env_pump(e);
	/* Whatever becomes of the others, it is answered. */
	assert_ended(&t[0], 1, 0);
	assert_sense(&t[0], SENSE_READ_ERROR);
	assert_int_equal(get_be32(t[0].sc.sense + 3), 0);
	finish_all(e);
}

static void free_four(struct task t[4])
{
	for (unsigned i = 0; i < 4; i++)
		task_free(&t[i]);
}

static void test_0_concerns_nobody(void **state)
{
	struct env *e = *state;
	struct task t[4];

	fail_one(e, t, 0);
	for (unsigned i = 1; i < 4; i++)
		end_good(&t[i]);
	task_free(&t[0]);
}

static void test_1_aborts_all(void **state)
{
	struct env *e = *state;
	struct task t[4];

	fail_one(e, t, 1);
	assert_ended(&t[2], 0, 1);
	for (unsigned i = 1; i < 4; i += 2) {
		assert_ended(&t[i], 1, 0);
		assert_sense(&t[i], SENSE_TASK_ABORTED);
	}
	free_four(t);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_OK);
}

static void test_1_without_tas(void **state)
{
	struct env *e = *state;
	struct task t[4];

	atomic_store(&e->lu->modes.tas, false);
	fail_one(e, t, 1);
	for (unsigned i = 1; i < 4; i++)
		assert_ended(&t[i], 0, 1);
	free_four(t);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_UA_CLEARED_BY_OTHER);
	assert_int_equal(pending(e->b), SENSE_OK);
}

static void test_3_aborts_those_of_its_nexus(void **state)
{
	struct env *e = *state;
	struct task t[4];

	fail_one(e, t, 3);
	assert_ended(&t[2], 0, 1);
	end_good(&t[1]);
	end_good(&t[3]);
	free_four(t);
	assert_int_equal(pending(e->b), SENSE_OK);
}

/* Who has ended already, by whatever status, is no reason. */
static void test_other_statuses(void **state)
{
	struct env *e = *state;
	struct task t[4], full;

	atomic_store(&e->lu->modes.qerr, 1);
	start_four(e, t);
	atomic_store(&lun_map_find(nexus_map(e->a), 0)->gate, 1);
	init_write(e, &full, 0, 5, 1, 1);
	submit(e, &full);
	assert_ended(&full, 1, 0);
	assert_int_equal(full.sc.status, SCSI_RESERVATION_CONFLICT);
	finish_all(e);
	for (unsigned i = 0; i < 4; i++)
		end_good(&t[i]);
	task_free(&full);
	atomic_store(&lun_map_find(nexus_map(e->a), 0)->gate, 0);
}

/* A command that is refused, or reports a unit attention, ends with CHECK CONDITION, too. */
static void test_refused_at_once(void **state)
{
	struct env *e = *state;
	struct task t[4], bad;

	for (unsigned ua = 0; ua < 2; ua++) {
		atomic_store(&e->lu->modes.qerr, 3);
		start_four(e, t);
		if (ua)
			ua_post(&lun_map_find(nexus_map(e->a), 0)->ua, UA_CAPACITY_CHANGED);
		TASK_INIT(e, &bad, ua ? 0x00 : 0xff);
		scsi_submit(&bad.sc);
		assert_ended(&bad, 0, 0);
		env_pump(e);
		assert_sense(&bad, ua ? SENSE_UA_CAPACITY_CHANGED : SENSE_INVALID_OPCODE);
		assert_ended(&bad, 1, 0);
		finish_all(e);
		assert_ended(&t[0], 0, 1);
		assert_ended(&t[2], 0, 1);
		end_good(&t[1]);
		end_good(&t[3]);
		task_free(&t[0]);
		task_free(&t[2]);
	}
}

static void test_no_such_lun(void **state)
{
	struct env *e = *state;
	struct task t;

	atomic_store(&e->lu->modes.qerr, 1);
	TASK_INIT(e, &t, 0x00);
	t.sc.lun[1] = 9;
	submit(e, &t);
	assert_sense(&t, SENSE_LUN_NOT_SUPPORTED);
}

/* Those that wait for others or for their turn end, too. */
static void test_of_those_that_wait(void **state)
{
	struct env *e = *state;
	struct task caw[2], w, o, r;

	atomic_store(&e->lu->modes.qerr, 1);
	for (unsigned i = 0; i < 2; i++) {
		init_caw(e, &caw[i], i, 5, 9, 1);
		submit(e, &caw[i]);
	}
	init_write(e, &w, 0, 5, 1, 7);
	submit(e, &w);
	init_write(e, &o, 1, 8, 1, 7);
	o.sc.task_attr = SCSI_ORDERED;
	submit(e, &o);
	init_read(e, &r, 1, 5, 1);
	r.sc.nexus = e->b;
	submit(e, &r);
	/* The first does not compare. */
	finish_all(e);
	assert_ended(&caw[0], 1, 0);
	assert_sense(&caw[0], SENSE_MISCOMPARE);
	assert_ended(&caw[1], 0, 1);
	assert_ended(&w, 0, 1);
	assert_ended(&o, 0, 1);
	assert_sense(&r, SENSE_TASK_ABORTED);
	assert_int_equal(e->be.requests, 1);
	task_free(&caw[0]);
	task_free(&caw[1]);
	task_free(&w);
	task_free(&o);
	task_free(&r);
}

/* What its own initiator lost must be still before it hears of it; others may take long. */
static void test_waits_for_the_data_of_its_nexus_only(void **state)
{
	struct env *e = *state;
	struct task own, theirs, bad;

	atomic_store(&e->lu->modes.qerr, 1);
	init_write(e, &own, 1, 5, 1, 7);
	init_write(e, &theirs, 1, 6, 1, 7);
	own.manual_pull = theirs.manual_pull = true;
	theirs.sc.nexus = e->b;
	submit(e, &own);
	submit(e, &theirs);
	TASK_INIT(e, &bad, 0xff);
	submit(e, &bad);
	assert_ended(&bad, 0, 0);
	scsi_pulled(&own.sc, 0);
	assert_ended(&own, 0, 1);
	env_pump(e);
	assert_ended(&bad, 1, 0);
	assert_ended(&theirs, 0, 0);
	scsi_pulled(&theirs.sc, 0);
	assert_sense(&theirs, SENSE_TASK_ABORTED);
	assert_int_equal(e->be.requests, 0);
	task_free(&own);
	task_free(&theirs);
	task_free(&bad);
}

/* The first takes the second with it: of one nexus silently, of another with its status. */
static void test_two_that_fail_together(void **state)
{
	struct env *e = *state;
	struct task t[2];

	for (unsigned b = 0; b < 2; b++) {
		atomic_store(&e->lu->modes.qerr, 1);
		for (unsigned i = 0; i < 2; i++) {
			init_read(e, &t[i], 0, 5, 1);
			t[i].sc.nexus = i && b ? e->b : e->a;
			submit(e, &t[i]);
		}
		fake_backend_finish(&e->be, -EIO);
		fake_backend_finish(&e->be, -EIO);
		env_pump(e);
		assert_ended(&t[0], 1, 0);
		assert_sense(&t[0], SENSE_READ_ERROR);
		assert_ended(&t[1], b, !b);
		if (b)
			assert_sense(&t[1], SENSE_TASK_ABORTED);
		task_free(&t[0]);
		task_free(&t[1]);
	}
}

static void test_aborted_meanwhile(void **state)
{
	struct env *e = *state;
	struct request q;
	struct task bad;

	for (unsigned tmf = 0; tmf < 2; tmf++) {
		atomic_store(&e->lu->modes.qerr, 1);
		TASK_INIT(e, &bad, 0xff);
		scsi_submit(&bad.sc);
		if (tmf)
			request_run(e, &q, SCSI_ABORT_TASK_SET, 0);
		else
			scsi_cmd_abort(&bad.sc);
		env_pump(e);
		/* The function may come too late; then it waits for the answer. */
		if (!tmf)
			assert_ended(&bad, 0, 1);
		assert_int_equal(bad.responds + bad.drops, 1);
		assert_int_equal(detached(e), 0);
	}
}

int main(void)
{
#define T(name) { #name, name, setup_home_0, teardown_range, NULL }
	const struct CMUnitTest tests[] = {
		T(test_0_concerns_nobody),
		T(test_1_aborts_all),
		T(test_1_without_tas),
		T(test_3_aborts_those_of_its_nexus),
		T(test_other_statuses),
		T(test_refused_at_once),
		T(test_no_such_lun),
		T(test_of_those_that_wait),
		T(test_waits_for_the_data_of_its_nexus_only),
		T(test_two_that_fail_together),
		T(test_aborted_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
