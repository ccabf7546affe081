/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RECEIVE COPY RESULTS, and what is remembered of copies. */
#include "xcopy_util.h"

#include <errno.h>

enum { COPY_STATUS, OPERATING_PARAMETERS = 3, FAILED_SEGMENT_DETAILS };

static struct xenv *x;

static int setup(void **state)
{
	(void)state;
	x = xenv_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	xenv_free(x);
	return 0;
}

/* Of nexus @n; the answer is in t->in. */
static void results(struct task *t, struct nexus *n, uint8_t sa, uint8_t id, uint8_t alloc)
{
	TASK_INIT(&x->e, t, 0x84, sa, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, alloc);
	t->sc.nexus = n;
	t->sc.reactor = x->e.group.r[1];
	t->sc.data_in_len = alloc;
	task_run(&x->e, t);
}

static void assert_unknown(uint8_t sa, uint8_t id)
{
	struct task t;

	results(&t, x->e.a, sa, id, 100);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 2, -1);
}

static void copy(uint8_t id, uint8_t usage, const struct xsegment *s, unsigned n)
{
	struct task t;

	xcopy_task(x, &t, id, usage, s, n);
	xcopy_task_run(x, &t);
}

static void test_operating_parameters(void **state)
{
	struct task t;

	(void)state;
	results(&t, x->e.a, OPERATING_PARAMETERS, 0, 255);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 46);
	assert_int_equal(get_be32(t.in), 42);
	assert_int_equal(t.in[4], 1);
	assert_int_equal(get_be16(t.in + 8), XCOPY_TARGETS_MAX);
	assert_int_equal(get_be16(t.in + 10), XCOPY_SEGMENTS_MAX);
	assert_int_equal(get_be32(t.in + 12), 8 * 32 + 64 * 28);
	assert_int_equal(get_be32(t.in + 16), 65535 * 4096);
	assert_int_equal(get_be32(t.in + 20), 0);
	assert_int_equal(get_be32(t.in + 24), 0);
	assert_int_equal(t.in[36], XCOPY_CONCURRENT);
	assert_int_equal(t.in[37], 9);
	assert_int_equal(t.in[43], 2);
	assert_int_equal(t.in[44], 0x02);
	assert_int_equal(t.in[45], 0xe4);
	task_free(&t);
	results(&t, x->e.a, OPERATING_PARAMETERS, 0, 4);
	assert_int_equal(t.sc.data_len, 4);
	assert_int_equal(get_be32(t.in), 42);
	task_free(&t);
}

static void test_copy_that_is_done(void **state)
{
	const struct xsegment s[2] = { { 0, 1, 0, 0, 8, false }, { 0, 1, 8, 8, 8, false } };
	struct task t;

	(void)state;
	copy(9, LIST_ID_HOLD, s, 2);
	results(&t, x->e.a, COPY_STATUS, 9, 12);
	assert_good(&t);
	assert_int_equal(get_be32(t.in), 8);
	assert_int_equal(t.in[4], 1);
	assert_int_equal(get_be16(t.in + 5), 2);
	assert_int_equal(t.in[7], 1);
	assert_int_equal(get_be32(t.in + 8), 8);
	task_free(&t);
	/* It has been told. */
	assert_unknown(COPY_STATUS, 9);
	copy(9, LIST_ID_HOLD, s, 2);
	results(&t, x->e.a, FAILED_SEGMENT_DETAILS, 9, 100);
	assert_good(&t);
	assert_int_equal(get_be32(t.in), 0);
	task_free(&t);
}

static void test_nothing_was_moved(void **state)
{
	const struct xsegment s = { 0, 6, 8, 8, 8, false };

	(void)state;
	copy(9, LIST_ID_HOLD, &s, 1);
	assert_unknown(COPY_STATUS, 9);
	assert_unknown(FAILED_SEGMENT_DETAILS, 9);
}

static void test_copy_that_failed(void **state)
{
	const struct xsegment s[2] = { { 0, 1, 0, 0, 8, false }, { 0, 6, 8, 8, 8, false } };
	struct task t;

	(void)state;
	copy(9, LIST_ID_HOLD, s, 2);
	results(&t, x->e.a, COPY_STATUS, 9, 12);
	assert_int_equal(t.in[4], 2);
	assert_int_equal(get_be16(t.in + 5), 1);
	assert_int_equal(get_be32(t.in + 8), 4);
	task_free(&t);
	results(&t, x->e.a, FAILED_SEGMENT_DETAILS, 9, 100);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 60 + 18);
	assert_int_equal(get_be32(t.in), 56 + 18);
	assert_int_equal(t.in[56], SCSI_CHECK_CONDITION);
	assert_int_equal(get_be16(t.in + 58), 18);
	assert_int_equal(t.in[60 + 2], 0x0a);
	assert_int_equal(t.in[60 + 12], 0x0d);
	assert_int_equal(t.in[60 + 13], 0x02);
	assert_int_equal(get_be32(t.in + 60 + 8), 1);
	task_free(&t);
}

/* From another reactor, while it runs; and no other copy may take its identifier. */
static void test_copy_that_runs(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 2048, false };
	struct task first, second, t;

	(void)state;
	x->be[1].hold = true;
	xcopy_task(x, &first, 9, LIST_ID_HOLD, &s, 1);
	scsi_submit(&first.sc);
	xenv_pump(x);
	fake_backend_finish(&x->be[1], 0);
	xenv_pump(x);
	results(&t, x->e.a, COPY_STATUS, 9, 12);
	assert_int_equal(t.in[4], 0);
	assert_int_equal(get_be32(t.in + 8), 512);
	task_free(&t);
	assert_unknown(FAILED_SEGMENT_DETAILS, 9);
	xcopy_task(x, &second, 9, LIST_ID_DISCARD, &s, 1);
	xcopy_task_run(x, &second);
	assert_sense(&second, SENSE_OPERATION_IN_PROGRESS);
	x->be[1].hold = false;
	xenv_pump(x);
	assert_good(&first);
	task_free(&first);
	copy(9, LIST_ID_DISCARD, &s, 1);
}

static void test_nothing_is_known(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 8, false };
	struct task t;

	(void)state;
	assert_unknown(COPY_STATUS, 9);
	assert_unknown(FAILED_SEGMENT_DETAILS, 9);
	copy(9, LIST_ID_DISCARD, &s, 1);
	copy(0, LIST_ID_NONE, &s, 1);
	assert_unknown(COPY_STATUS, 9);
	assert_unknown(COPY_STATUS, 0);
	/* Nor to another nexus. */
	copy(9, LIST_ID_HOLD, &s, 1);
	results(&t, x->e.b, COPY_STATUS, 9, 12);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
}

static void test_record_is_whole(void **state)
{
	const struct xcopy_record in = { XCOPY_FAILED, SENSE_COUNT - 1, 0xfedc, 0xfedcba98 };
	struct xcopy_record out;

	(void)state;
	xcopy_record_set(x->e.a, 255, in);
	out = xcopy_record_get(x->e.a, 255);
	assert_int_equal(out.state, in.state);
	assert_int_equal(out.sense, in.sense);
	assert_int_equal(out.segments, in.segments);
	assert_int_equal(out.kib, in.kib);
	assert_int_equal(xcopy_record_get(x->e.a, 254).state, XCOPY_UNKNOWN);
}

static void test_cdb(void **state)
{
	static const struct task_row rows[] = {
		{ "RECEIVE DATA: nothing is held", { 0x84, 1 }, 0, 100, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "LID4", { 0x83, 1 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "list identifier of OPERATING PARAMETERS", { 0x84, 3, 1 }, 0, 100,
		  SENSE_INVALID_FIELD_IN_CDB, 2 },
	};

	(void)state;
	task_rows_run(&x->e, rows, ARRAY_SIZE(rows));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_operating_parameters),
		T(test_copy_that_is_done),
		T(test_nothing_was_moved),
		T(test_copy_that_failed),
		T(test_copy_that_runs),
		T(test_nothing_is_known),
		T(test_record_is_whole),
		T(test_cdb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
