/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <string.h>

/* The first, the middle and the last of 8192 blocks. */
static void test_self_test_reads(void **state)
{
	static const uint64_t lbas[] = { 0, 4095, 8191 };
	static const uint8_t kinds[] = { 0x04, 0x20, 0xa0, 0x07, 0x14 };
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < sizeof(kinds); i++) {
		unsigned from = e->be.requests;

		TASK_INIT(e, &t, 0x1d, kinds[i], 0, 0, 0);
		task_run(e, &t);
		assert_good(&t);
		assert_int_equal(e->be.requests, from + 3);
		for (unsigned p = 0; p < 3; p++) {
			assert_int_equal(e->be.log[from + p].op, BE_READ);
			assert_int_equal(e->be.log[from + p].off, lbas[p] * 512);
			assert_int_equal(e->be.log[from + p].len, 512);
		}
	}
}

static void test_self_test_fails(void **state)
{
	struct env *e = *state;
	const struct self_test *r;
	struct task t;

	e->be.hold = true;
	TASK_INIT(e, &t, 0x1d, 0x04, 0, 0, 0);
	scsi_submit(&t.sc);
	fake_backend_finish(&e->be, 0);
	fake_backend_finish(&e->be, 0);
	fake_backend_finish(&e->be, -EIO);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_sense(&t, SENSE_SELF_TEST_FAILED);
	r = self_test_find(&e->lu->self_tests, 0);
	assert_int_equal(r->segment, 3);
	assert_int_equal(r->lba, 8191);
	assert_null(self_test_find(&e->lu->self_tests, 1));
}

/* What started it was good all the same; the log page tells. */
static void test_background_test_fails(void **state)
{
	struct env *e = *state;
	const struct self_test *r;
	struct task t;

	e->be.fail = -EIO;
	TASK_INIT(e, &t, 0x1d, 0x20, 0, 0, 0);
	task_run(e, &t);
	assert_good(&t);
	r = self_test_find(&e->lu->self_tests, 0);
	assert_int_equal(r->code, 1);
	assert_int_equal(r->result, 7);
	assert_int_equal(r->segment, 1);
	assert_int_equal(r->lba, 0);
	assert_int_equal(r->key, 3);
	e->be.fail = 0;
}

static void test_self_test_is_aborted(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.hold = true;
	TASK_INIT(e, &t, 0x1d, 0x04, 0, 0, 0);
	scsi_submit(&t.sc);
	scsi_cmd_abort(&t.sc);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(t.drops, 1);
	assert_null(self_test_find(&e->lu->self_tests, 0));
}

static void test_what_is_not_offered(void **state)
{
	static const struct task_row rows[] = {
		{ "nothing", { 0x1d, 0, 0, 0, 0 }, 0, 0, SENSE_OK, -1 },
		{ "background extended", { 0x1d, 0x40, 0, 0, 0 }, 0, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "abort", { 0x1d, 0x80, 0, 0, 0 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "foreground extended", { 0x1d, 0xc0, 0, 0, 0 }, 0, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "default and a code", { 0x1d, 0xa4, 0, 0, 0 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "a test with a list", { 0x1d, 0x14, 0, 0, 4 }, 4, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 3 },
		{ "a list without PF", { 0x1d, 0x00, 0, 0, 4 }, 4, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void send_page(struct env *e, struct task *t, const uint8_t *page, uint8_t len)
{
	TASK_INIT(e, t, 0x1d, 0x10, 0, 0, len);
	task_out(t, page, len);
	task_run(e, t);
}

static void test_pages_sent(void **state)
{
	static const struct {
		uint8_t len, page[8];
		enum scsi_sense sense;
		unsigned byte;
	} rows[] = {
		{ 4, { 0 }, SENSE_OK, 0 },
		{ 3, { 0 }, SENSE_PARAMETER_LIST_LENGTH, 0 },
		{ 4, { 0, 0, 0, 1 }, SENSE_PARAMETER_LIST_LENGTH, 0 },
		{ 5, { 0, 0, 0, 1 }, SENSE_INVALID_FIELD_IN_LIST, 2 },
		{ 4, { 0x40 }, SENSE_INVALID_FIELD_IN_LIST, 0 },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		send_page(e, &t, rows[i].page, rows[i].len);
		if (rows[i].sense)
			assert_sense(&t, rows[i].sense);
		else
			assert_good(&t);
		if (rows[i].sense == SENSE_INVALID_FIELD_IN_LIST)
			assert_field(&t, false, rows[i].byte, -1);
		task_free(&t);
	}
}

static void test_results(void **state)
{
	static const uint8_t want[5] = { 0, 0, 0, 1, 0 };
	static const struct task_row rows[] = {
		{ "PCV and another page", { 0x1c, 1, 0x40, 0, 8 }, 0, 8,
		  SENSE_INVALID_FIELD_IN_CDB, 2 },
	};
	struct env *e = *state;
	struct task t;

	for (uint8_t pcv = 0; pcv < 2; pcv++) {
		TASK_INIT(e, &t, 0x1c, pcv, 0, 0, 64);
		t.sc.data_in_len = 64;
		task_run(e, &t);
		assert_good(&t);
		assert_int_equal(t.sc.data_len, 5);
		assert_memory_equal(t.in, want, 5);
		task_free(&t);
	}
	task_rows_run(e, rows, ARRAY_SIZE(rows));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_self_test_reads),
		T(test_self_test_fails),
		T(test_background_test_fails),
		T(test_self_test_is_aborted),
		T(test_what_is_not_offered),
		T(test_pages_sent),
		T(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
