/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Task attributes, SAM-5 8.6: what may pass what. */
#include "range_util.h"

static unsigned other(const struct env *e)
{
	return e->lu->nshards - 1;
}

static void submit_attr(struct env *e, struct task *t, enum scsi_task_attr attr)
{
	t->sc.task_attr = (uint8_t)attr;
	submit(e, t);
}

/* Not begun: it has not even got a buffer. */
static void assert_waits(const struct task *t)
{
	assert_ended(t, 0, 0);
	assert_int_equal(t->sc.state, SCSI_CMD_HELD);
	assert_null(t->sc.buf.addr);
}

static void test_ordered_alone(void **state)
{
	struct env *e = *state;
	struct task t[3];

	init_write(e, &t[0], other(e), 5, 1, 0x11);
	init_read(e, &t[1], 0, 5, 1);
	TASK_INIT(e, &t[2], 0x00);
	for (unsigned i = 0; i < 3; i++) {
		submit_attr(e, &t[i], SCSI_ORDERED);
		finish_all(e);
		end_good(&t[i]);
	}
}

static void test_ordered_waits_for_what_came_before(void **state)
{
	struct env *e = *state;
	struct task r[2], o;

	for (unsigned i = 0; i < 2; i++) {
		init_read(e, &r[i], i ? other(e) : 0, 5, 1);
		submit(e, &r[i]);
	}
	init_write(e, &o, 0, 5, 1, 0x11);
	submit_attr(e, &o, SCSI_ORDERED);
	finish(e);
	end_good(&r[0]);
	assert_ended(&o, 0, 0);
	assert_int_equal(e->be.requests, 2);
	finish(e);
	end_good(&r[1]);
	assert_int_equal(e->be.requests, 3);
	finish(e);
	end_good(&o);
}

static void test_what_comes_later_waits_for_ordered(void **state)
{
	struct env *e = *state;
	struct task o, r[2];

	init_write(e, &o, 0, 5, 1, 0x11);
	submit_attr(e, &o, SCSI_ORDERED);
	assert_int_equal(e->be.requests, 1);
	for (unsigned i = 0; i < 2; i++) {
		init_read(e, &r[i], i ? other(e) : 0, 9, 1);
		r[i].sc.nexus = i ? e->b : e->a;
		submit(e, &r[i]);
		assert_waits(&r[i]);
	}
	finish(e);
	end_good(&o);
	assert_int_equal(e->be.requests, 3);
	finish_all(e);
	end_good(&r[0]);
	end_good(&r[1]);
}

/* It waits for those before it, and keeps back those behind it meanwhile. */
static void test_in_the_middle(void **state)
{
	struct env *e = *state;
	struct task before, o, after;

	init_read(e, &before, 0, 5, 1);
	submit(e, &before);
	init_read(e, &o, 0, 6, 1);
	submit_attr(e, &o, SCSI_ORDERED);
	assert_waits(&o);
	init_read(e, &after, 0, 7, 1);
	submit(e, &after);
	assert_waits(&after);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(e->be.requests, i);
		finish(e);
	}
	end_good(&before);
	end_good(&o);
	end_good(&after);
	assert_int_equal(e->be.log[1].off, 6 * 512);
	assert_int_equal(e->be.log[2].off, 7 * 512);
}

/* In the order they came, and what is between them is run between them. */
static void test_several_ordered(void **state)
{
	struct env *e = *state;
	struct task t[9];

	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		init_write(e, &t[i], 0, i, 1, 1);
		submit_attr(e, &t[i], i % 3 ? SCSI_SIMPLE : SCSI_ORDERED);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(t); i += 3) {
		assert_int_equal(e->be.requests, i + 1);
		finish(e);
		assert_int_equal(e->be.requests, i + 3);
		finish(e);
		finish(e);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		end_good(&t[i]);
		assert_int_equal(e->be.log[i].off, i * 512);
	}
}

static void test_ordered_of_two_reactors(void **state)
{
	struct env *e = *state;
	struct task t[6];

	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		init_write(e, &t[i], i & other(e), i, 1, 1);
		submit_attr(e, &t[i], SCSI_ORDERED);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(e->be.requests, i + 1);
		finish(e);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		end_good(&t[i]);
}

static void test_head_of_queue_passes(void **state)
{
	struct env *e = *state;
	struct task before, o, head[2], caw;

	init_read(e, &before, 0, 5, 1);
	submit(e, &before);
	init_write(e, &o, 0, 6, 1, 0x11);
	submit_attr(e, &o, SCSI_ORDERED);
	for (unsigned i = 0; i < 2; i++) {
		init_write(e, &head[i], i ? other(e) : 0, 6, 1, 0x22);
		submit_attr(e, &head[i], SCSI_HEAD_OF_QUEUE);
		assert_int_equal(e->be.requests, 2 + i);
	}
	/* An atomic one, too. */
	init_caw(e, &caw, other(e), 9, 0, 1);
	submit_attr(e, &caw, SCSI_HEAD_OF_QUEUE);
	assert_int_equal(e->be.requests, 4);
	finish(e);
	end_good(&before);
	assert_ended(&o, 0, 0);
	finish_all(e);
	end_good(&o);
	end_good(&head[0]);
	end_good(&head[1]);
	end_good(&caw);
	assert_int_equal(e->be.bytes[6 * 512], 0x11);
}

static void test_head_of_queue_while_ordered_runs(void **state)
{
	struct env *e = *state;
	struct task o, head, caw;

	init_write(e, &o, 0, 6, 1, 0x11);
	submit_attr(e, &o, SCSI_ORDERED);
	init_write(e, &head, other(e), 6, 1, 0x22);
	submit_attr(e, &head, SCSI_HEAD_OF_QUEUE);
	assert_int_equal(e->be.requests, 2);
	/* But not into the blocks that are being written. */
	init_caw(e, &caw, other(e), 6, 0x22, 1);
	submit_attr(e, &caw, SCSI_HEAD_OF_QUEUE);
	assert_int_equal(e->be.requests, 2);
	finish_all(e);
	end_good(&o);
	end_good(&head);
	end_good(&caw);
}

/* Of another reactor: one that has its turn, but waits for what is in execution here. */
static void test_head_of_queue_while_ordered_waits(void **state)
{
	struct env *e = *state;
	struct task r, o, caw;

	init_read(e, &r, other(e), 5, 1);
	submit(e, &r);
	init_write(e, &o, 0, 6, 1, 0x11);
	submit_attr(e, &o, SCSI_ORDERED);
	init_caw(e, &caw, other(e), 9, 0, 1);
	submit_attr(e, &caw, SCSI_HEAD_OF_QUEUE);
	assert_int_equal(e->be.requests, 2);
	finish_all(e);
	end_good(&r);
	end_good(&o);
	end_good(&caw);
}

/* It passes one that has not begun, which then must not run into it. */
static void test_head_of_queue_passes_for_the_same_block(void **state)
{
	struct env *e = *state;
	struct task o[2], caw;

	for (unsigned i = 0; i < 2; i++) {
		init_write(e, &o[i], i ? other(e) : 0, 5 + i, 1, 0x11);
		submit_attr(e, &o[i], SCSI_ORDERED);
	}
	init_caw(e, &caw, 0, 6, 0, 0x22);
	submit_attr(e, &caw, SCSI_HEAD_OF_QUEUE);
	assert_int_equal(e->be.requests, 2);
	finish(e);
	end_good(&o[0]);
	assert_int_equal(e->be.requests, 2);
	finish(e);
	assert_int_equal(e->be.requests, 3);
	finish_all(e);
	end_good(&caw);
	end_good(&o[1]);
	assert_int_equal(e->be.bytes[6 * 512], 0x11);
}

static void test_ordered_waits_for_head_of_queue(void **state)
{
	struct env *e = *state;
	struct task before, o, head;

	init_read(e, &before, 0, 5, 1);
	submit(e, &before);
	init_read(e, &o, 0, 6, 1);
	submit_attr(e, &o, SCSI_ORDERED);
	init_read(e, &head, 0, 7, 1);
	submit_attr(e, &head, SCSI_HEAD_OF_QUEUE);
	finish(e);
	end_good(&before);
	assert_waits(&o);
	finish(e);
	end_good(&head);
	assert_int_equal(e->be.requests, 3);
	finish_all(e);
	end_good(&o);
}

static void test_ordered_atomic(void **state)
{
	struct env *e = *state;
	struct task caw, head, r, w;

	init_caw(e, &caw, other(e), 5, 0, 1);
	submit_attr(e, &caw, SCSI_ORDERED);
	init_read(e, &r, 0, 9, 1);
	submit(e, &r);
	if (e->lu->nshards > 1)
		assert_waits(&r);
	init_write(e, &head, 0, 5, 1, 9);
	submit_attr(e, &head, SCSI_HEAD_OF_QUEUE);
	init_write(e, &w, 0, 6, 1, 9);
	submit_attr(e, &w, SCSI_HEAD_OF_QUEUE);
	/* The COMPARE AND WRITE reads; only the write of another block joins it. */
	assert_int_equal(e->be.requests, 2);
	finish_all(e);
	end_good(&caw);
	end_good(&head);
	end_good(&r);
	end_good(&w);
	assert_int_equal(e->be.bytes[5 * 512], 9);
}

static void test_inquiry_and_its_like_pass(void **state)
{
	static const uint8_t cdbs[][12] = {
		{ 0x12, 0, 0, 0, 96 }, { 0x03, 0, 0, 0, 18 }, { 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64 },
	};
	struct env *e = *state;
	struct task o, t;

	init_write(e, &o, 0, 6, 1, 0x11);
	submit_attr(e, &o, SCSI_ORDERED);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(cdbs); i++) {
		task_init(e, &t, cdbs[i / 2], 12);
		t.sc.data_in_len = 256;
		t.sc.reactor = e->group.r[other(e)];
		submit_attr(e, &t, i & 1 ? SCSI_ORDERED : SCSI_SIMPLE);
		end_good(&t);
	}
	TASK_INIT(e, &t, 0x00);
	submit(e, &t);
	assert_waits(&t);
	finish_all(e);
	end_good(&o);
	end_good(&t);
}

/* The data of what came before is on its way, for as long as it takes. */
static void test_ordered_waits_for_fetching_on_its_reactor(void **state)
{
	struct env *e = *state;
	struct task w, o;

	init_write(e, &w, 0, 5, 1, 1);
	w.manual_pull = true;
	submit(e, &w);
	init_write(e, &o, 0, 5, 1, 2);
	submit_attr(e, &o, SCSI_ORDERED);
	assert_waits(&o);
	task_fetch(&w);
	scsi_pulled(&w.sc, 0);
	finish_all(e);
	end_good(&w);
	end_good(&o);
	assert_int_equal(e->be.bytes[5 * 512], 2);
}

/* Data that comes while an ORDERED command of another reactor runs is kept. */
/* It was aborted, and its host may be dead: nobody waits for its data. */
static void test_aborted_while_it_is_fetched(void **state)
{
	struct env *e = *state;
	struct task first, o, r;

	init_write(e, &first, 0, 5, 1, 0x11);
	init_write(e, &o, 0, 6, 1, 0x11);
	first.manual_pull = o.manual_pull = true;
	submit(e, &first);
	submit_attr(e, &o, SCSI_ORDERED);
	init_read(e, &r, 0, 9, 1);
	submit(e, &r);
	scsi_cmd_abort(&first.sc);
	env_pump(e);
	assert_int_equal(o.pulls, 1);
	assert_waits(&r);
	scsi_cmd_abort(&o.sc);
	env_pump(e);
	assert_int_equal(e->be.requests, 1);
	finish(e);
	end_good(&r);
	scsi_pulled(&first.sc, 0);
	scsi_pulled(&o.sc, 0);
	env_pump(e);
	assert_ended(&first, 0, 1);
	assert_ended(&o, 0, 1);
	assert_int_equal(e->be.requests, 1);
	task_free(&first);
	task_free(&o);
}

static void test_fetched_meanwhile(void **state)
{
	struct env *e = *state;
	struct task w, o;

	if (e->lu->nshards == 1)
		return;
	init_write(e, &w, 1, 5, 1, 1);
	w.manual_pull = true;
	submit(e, &w);
	init_write(e, &o, 0, 9, 1, 2);
	submit_attr(e, &o, SCSI_ORDERED);
	assert_int_equal(e->be.requests, 1);
	task_fetch(&w);
	scsi_pulled(&w.sc, 0);
	env_pump(e);
	assert_int_equal(e->be.requests, 1);
	assert_int_equal(w.sc.state, SCSI_CMD_FETCHED);
	finish(e);
	end_good(&o);
	assert_int_equal(e->be.requests, 2);
	finish_all(e);
	end_good(&w);
}

/* A response that its initiator does not take keeps nobody. */
static void test_what_is_responding_has_ended(void **state)
{
	struct env *e = *state;
	struct task r, o;

	init_read(e, &r, 0, 5, 1);
	r.manual_release = true;
	submit(e, &r);
	init_read(e, &o, other(e), 5, 1);
	submit_attr(e, &o, SCSI_ORDERED);
	finish(e);
	assert_ended(&r, 1, 0);
	assert_int_equal(e->be.requests, 2);
	finish_all(e);
	end_good(&o);
	scsi_cmd_release(&r.sc);
	task_free(&r);
}

/* ---- the end of those that wait or are waited for ---- */

static void test_aborts(void **state)
{
	struct env *e = *state;
	struct task before, o[2], after;

	init_write(e, &before, 0, 5, 1, 1);
	submit(e, &before);
	for (unsigned i = 0; i < 2; i++) {
		init_write(e, &o[i], 0, 5, 1, (uint8_t)(2 + i));
		submit_attr(e, &o[i], SCSI_ORDERED);
	}
	init_read(e, &after, 0, 9, 1);
	submit(e, &after);
	/* The first is on nobody's list, the second lets go what is behind it. */
	scsi_cmd_abort(&o[0].sc);
	assert_ended(&o[0], 0, 1);
	env_pump(e);
	assert_waits(&after);
	scsi_cmd_abort(&o[1].sc);
	env_pump(e);
	assert_ended(&o[1], 0, 1);
	assert_int_equal(e->be.requests, 2);
	finish_all(e);
	end_good(&before);
	end_good(&after);
	task_free(&o[0]);
	task_free(&o[1]);
}

static void test_abort_of_a_running_one(void **state)
{
	struct env *e = *state;
	struct task o, after[2];

	init_write(e, &o, 0, 5, 1, 1);
	submit_attr(e, &o, SCSI_ORDERED);
	for (unsigned i = 0; i < 2; i++) {
		init_write(e, &after[i], i & other(e), 5, 1, 2);
		submit(e, &after[i]);
	}
	scsi_cmd_abort(&o.sc);
	env_pump(e);
	assert_int_equal(e->be.requests, 1);
	finish_all(e);
	assert_ended(&o, 0, 1);
	task_free(&o);
	end_good(&after[0]);
	end_good(&after[1]);
}

static void test_one_that_fails(void **state)
{
	struct env *e = *state;
	struct task o, after;

	init_write(e, &o, 0, 5, 1, 1);
	submit_attr(e, &o, SCSI_ORDERED);
	init_read(e, &after, other(e), 9, 1);
	submit(e, &after);
	fake_backend_finish(&e->be, -5);
	finish_all(e);
	assert_sense(&o, SENSE_WRITE_ERROR);
	task_free(&o);
	end_good(&after);
}

/* A reset lets its requester's commands end, in their order. */
static void test_reset_while_they_wait(void **state)
{
	struct env *e = *state;
	struct task before, o, after;
	struct request q;

	init_write(e, &before, 0, 5, 1, 1);
	submit(e, &before);
	init_write(e, &o, other(e), 5, 1, 2);
	submit_attr(e, &o, SCSI_ORDERED);
	init_read(e, &after, other(e), 5, 1);
	submit(e, &after);
	request_start(e, &q, SCSI_LU_RESET, 0);
	env_pump(e);
	assert_int_equal(q.done, 0);
	finish_all(e);
	assert_answered(e, &q);
	end_good(&before);
	end_good(&o);
	end_good(&after);
	env_clear_ua(e->a);
}

static void test_aca_is_refused(void **state)
{
	struct env *e = *state;
	struct task t;

	init_read(e, &t, 0, 5, 1);
	submit_attr(e, &t, SCSI_ACA);
	assert_ended(&t, 1, 0);
	assert_sense(&t, SENSE_INVALID_MESSAGE);
	assert_int_equal(t.sc.sense[12], 0x49);
	assert_int_equal(e->be.requests, 0);
	task_free(&t);
}

int main(void)
{
#define S(name, setup) { #name, name, setup, teardown_range, NULL }
#define T(name) S(name, setup_home_0), S(name, setup_home_1), S(name, setup_one)
	const struct CMUnitTest tests[] = {
		T(test_ordered_alone),
		T(test_ordered_waits_for_what_came_before),
		T(test_what_comes_later_waits_for_ordered),
		T(test_in_the_middle),
		T(test_several_ordered),
		T(test_ordered_of_two_reactors),
		T(test_head_of_queue_passes),
		T(test_head_of_queue_while_ordered_runs),
		T(test_head_of_queue_while_ordered_waits),
		T(test_head_of_queue_passes_for_the_same_block),
		T(test_ordered_waits_for_head_of_queue),
		T(test_ordered_atomic),
		T(test_inquiry_and_its_like_pass),
		T(test_ordered_waits_for_fetching_on_its_reactor),
		T(test_aborted_while_it_is_fetched),
		T(test_fetched_meanwhile),
		T(test_what_is_responding_has_ended),
		T(test_aborts),
		T(test_abort_of_a_running_one),
		T(test_one_that_fails),
		T(test_reset_while_they_wait),
		T(test_aca_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
