/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wipe_util.h"

#include "scsi/wipe.h"

#include <errno.h>
#include <stdlib.h>

#define OVERWRITE 0x01
#define EXIT_FAILURE_MODE 0x1f
#define IMMED 0x80
#define AUSE 0x20

/* A store that remembers the latest, and fails when told. */
struct kept {
	struct lu_store store;
	uint8_t data[64];
	size_t len;
	unsigned saves;
	int fail;
	struct mailbox *control;
	struct msg msg; /* done() comes later */
	void (*done)(void *arg, int status);
	void *arg;
};

static struct kept kept;

static void keep_done(struct msg *m)
{
	(void)m;
	kept.done(kept.arg, kept.fail);
}

static void keep(struct lu_store *s, const char *key, const void *data, size_t len,
		 void (*done)(void *arg, int status), void *arg)
{
	(void)s;
	assert_int_equal(strlen(key), 32);
	kept.saves++;
	if (!kept.fail) {
		assert_in_range(len, 0, sizeof(kept.data));
		memcpy(kept.data, data, len);
		kept.len = len;
	}
	kept.done = done;
	kept.arg = arg;
	kept.msg.fn = keep_done;
	mailbox_post(kept.control, &kept.msg);
}

static struct env *env_new(const void *state, size_t len)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->params.store = &kept.store;
	kept.control = &e->control;
	e->params.state = state;
	e->params.state_len = len;
	env_open(e);
	return e;
}

static int setup(void **state)
{
	memset(&kept, 0, sizeof(kept));
	kept.store.save = keep;
	*state = env_new(NULL, 0);
	return 0;
}

/* SANITIZE with a list of @len bytes, submitted. */
static void sanitize(struct env *e, struct task *t, uint8_t b1, const uint8_t *list, uint16_t len)
{
	uint8_t cdb[10] = { 0x48, b1 };

	put_be16(cdb + 7, len);
	task_init(e, t, cdb, 10);
	if (len)
		task_out(t, list, len);
	scsi_submit(&t->sc);
	env_pump(e);
	task_free(t);
}

static void overwrite(struct env *e, struct task *t, uint8_t b1, uint8_t b0)
{
	const uint8_t list[7] = { b0, 0, 0, 3, 0x5a, 0xc3, 0x01 };

	sanitize(e, t, OVERWRITE | b1, list, sizeof(list));
}

static void assert_pattern(const struct backend *be, bool inverted)
{
	static const uint8_t pattern[3] = { 0x5a, 0xc3, 0x01 };

	for (unsigned i = 0; i < FAKE_WINDOW; i++)
		assert_int_equal(be->bytes[i],
				 (uint8_t)(pattern[i % 512 % 3] ^ (inverted ? 0xff : 0)));
}

static void test_every_block_has_the_pattern(void **state)
{
	struct env *e = *state;
	struct task t;

	overwrite(e, &t, 0, 1);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	assert_covered(&e->be, BE_WRITE, 1);
	assert_pattern(&e->be, false);
	ready_sense(e, e->a, SENSE_OK);
}

static void test_passes(void **state)
{
	struct env *e = *state;
	struct task t;

	overwrite(e, &t, 0, 31);
	assert_good(&t);
	assert_covered(&e->be, BE_WRITE, 31);
	assert_pattern(&e->be, false);
}

static void test_invert(void **state)
{
	struct env *e = *state;
	struct task t;

	overwrite(e, &t, 0, 0x80 | 2);
	assert_good(&t);
	assert_pattern(&e->be, true);
	overwrite(e, &t, 0, 0x80 | 3);
	assert_good(&t);
	assert_pattern(&e->be, false);
}

/* Zeros are overwritten too, not left to a backend that might not write them. */
static void test_zeros_are_written(void **state)
{
	static const uint8_t list[5] = { 1, 0, 0, 1, 0 };
	struct env *e = *state;
	struct task t;

	sanitize(e, &t, OVERWRITE, list, sizeof(list));
	assert_good(&t);
	assert_covered(&e->be, BE_WRITE, 1);
}

static void test_progress_over_all_passes(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.hold = true;
	overwrite(e, &t, IMMED, 2);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	for (unsigned i = 0; i < 5; i++)
		fake_backend_finish(&e->be, 0);
	fake_backend_finish(&e->be, 0);
	/* A pass and a quarter of two. */
	assert_in_range(ready_sense(e, e->b, SENSE_SANITIZE_IN_PROGRESS), 65536 * 5 / 8 - 1024,
			65536 * 5 / 8);
	overwrite(e, &t, IMMED, 1);
	assert_int_equal(t.sc.status, SCSI_CHECK_CONDITION);
	assert_int_equal(t.sc.sense[13], 0x1b);
	e->be.hold = false;
	env_pump(e);
	ready_sense(e, e->b, SENSE_OK);
}

static void test_failure_mode_without_exit(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	overwrite(e, &t, 0, 1);
	assert_sense(&t, SENSE_SANITIZE_FAILED);
	e->be.fail = 0;
	ready_sense(e, e->b, SENSE_SANITIZE_FAILED);
	sanitize(e, &t, EXIT_FAILURE_MODE, NULL, 0);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 1, 4);
	TASK_INIT(e, &t, 0x04);
	task_run(e, &t);
	assert_sense(&t, SENSE_SANITIZE_FAILED);
	overwrite(e, &t, 0, 1);
	assert_good(&t);
	ready_sense(e, e->b, SENSE_OK);
}

static void test_failure_mode_with_exit(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	overwrite(e, &t, AUSE, 1);
	assert_sense(&t, SENSE_SANITIZE_FAILED);
	assert_true(kept.len > 0);
	e->be.fail = 0;
	sanitize(e, &t, EXIT_FAILURE_MODE, NULL, 0);
	assert_good(&t);
	assert_int_equal(kept.len, 0);
	ready_sense(e, e->b, SENSE_OK);
	/* Nothing to leave any more. */
	sanitize(e, &t, EXIT_FAILURE_MODE, NULL, 0);
	assert_good(&t);
}

/* It is kept before the first block is written, and forgotten after the last. */
static void test_state_is_kept_meanwhile(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.hold = true;
	overwrite(e, &t, IMMED, 1);
	assert_int_equal(kept.saves, 1);
	assert_true(kept.len > 0);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(kept.saves, 2);
	assert_int_equal(kept.len, 0);
}

static void test_interrupted_is_failed(void **state)
{
	struct env *e = *state;
	uint8_t data[64];
	size_t len;
	struct task t;

	e->be.hold = true;
	overwrite(e, &t, IMMED | AUSE, 1);
	len = kept.len;
	memcpy(data, kept.data, len);
	e->be.hold = false;
	env_close(e);
	free(e);
	e = env_new(data, len);
	ready_sense(e, e->a, SENSE_SANITIZE_FAILED);
	sanitize(e, &t, EXIT_FAILURE_MODE, NULL, 0);
	assert_good(&t);
	ready_sense(e, e->a, SENSE_OK);
	*state = e;
}

static void test_cannot_be_kept(void **state)
{
	struct env *e = *state;
	struct task t;

	kept.fail = -EIO;
	overwrite(e, &t, 0, 1);
	assert_sense(&t, SENSE_INTERNAL_FAILURE);
	assert_int_equal(e->be.requests, 0);
	ready_sense(e, e->a, SENSE_OK);
	/* What failed before has failed still. */
	kept.fail = 0;
	e->be.fail = -EIO;
	overwrite(e, &t, AUSE, 1);
	kept.fail = -ENOSPC;
	overwrite(e, &t, 0, 1);
	assert_sense(&t, SENSE_INTERNAL_FAILURE);
	sanitize(e, &t, EXIT_FAILURE_MODE, NULL, 0);
	assert_sense(&t, SENSE_INTERNAL_FAILURE);
	ready_sense(e, e->a, SENSE_SANITIZE_FAILED);
	kept.fail = 0;
	e->be.fail = 0;
	sanitize(e, &t, EXIT_FAILURE_MODE, NULL, 0);
	assert_good(&t);
}

static void test_kept_state_is_checked(void **state)
{
	struct env *e = *state;

	assert_int_equal(wipe_state_decode(e->lu, (const uint8_t *)"", 0), -EINVAL);
	assert_int_equal(wipe_state_decode(e->lu, (const uint8_t[]){ 0, 0 }, 2), -EINVAL);
	assert_int_equal(wipe_state_decode(e->lu, (const uint8_t[]){ 2 }, 1), -EINVAL);
	ready_sense(e, e->a, SENSE_OK);
}

static void test_without_a_store(void **state)
{
	struct env *e = *state;
	struct task t;

	overwrite(e, &t, 0, 1);
	assert_good(&t);
}

static void test_parameter_lists(void **state)
{
	static const struct {
		uint8_t list[5];
		enum scsi_sense s;
		int bad;
	} rows[] = {
		{ { 0, 0, 0, 1 }, SENSE_INVALID_FIELD_IN_LIST, 0 },       /* no pass */
		{ { 0x21, 0, 0, 1 }, SENSE_INVALID_FIELD_IN_LIST, 0 },    /* TEST */
		{ { 1, 1, 0, 1 }, SENSE_INVALID_FIELD_IN_LIST, 1 },
		{ { 1, 0, 0, 0 }, SENSE_INVALID_FIELD_IN_LIST, 2 },       /* no pattern */
		{ { 1, 0, 2, 1 }, SENSE_INVALID_FIELD_IN_LIST, 2 },       /* more than a block */
		{ { 1, 0, 0, 2 }, SENSE_PARAMETER_LIST_LENGTH, -1 },      /* more than there is */
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		sanitize(e, &t, OVERWRITE, rows[i].list, 5);
		assert_sense(&t, rows[i].s);
		if (rows[i].bad >= 0)
			assert_field(&t, false, (unsigned)rows[i].bad, -1);
		assert_int_equal(e->be.requests, 0);
	}
}

static void test_cdb(void **state)
{
	static const struct task_row rows[] = {
		{ "no list", { 0x48, 1 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 7 },
		{ "no pattern", { 0x48, 1, 0, 0, 0, 0, 0, 0, 4 }, 4, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 7 },
		{ "more than a block", { 0x48, 1, 0, 0, 0, 0, 0, 2, 5 }, 517, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 7 },
		{ "ZNR", { 0x48, 0x41, 0, 0, 0, 0, 0, 0, 5 }, 5, 0, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "reserved byte", { 0x48, 1, 0, 0, 4, 0, 0, 0, 5 }, 5, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 4 },
		{ "BLOCK ERASE", { 0x48, 2 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "CRYPTOGRAPHIC ERASE", { 0x48, 3 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "EXIT FAILURE MODE with a list", { 0x48, 0x1f, 0, 0, 0, 0, 0, 0, 8 }, 8, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 7 },
		{ "EXIT FAILURE MODE", { 0x48, 0x1f }, 0, 0, SENSE_OK, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_block_has_the_pattern),
		T(test_passes),
		T(test_invert),
		T(test_zeros_are_written),
		T(test_progress_over_all_passes),
		T(test_failure_mode_without_exit),
		T(test_failure_mode_with_exit),
		T(test_state_is_kept_meanwhile),
		T(test_interrupted_is_failed),
		T(test_cannot_be_kept),
		T(test_kept_state_is_checked),
		cmocka_unit_test_setup_teardown(test_without_a_store, env_setup, env_teardown),
		T(test_parameter_lists),
		T(test_cdb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
