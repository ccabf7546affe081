/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wipe_util.h"

#include "scsi/access.h"

#include <errno.h>
#include <stdlib.h>

static int setup_thin(void **state)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->params.thin_provisioned = true;
	e->be.info.unmap_granularity = 4096;
	env_open(e);
	*state = e;
	return 0;
}

/* FORMAT UNIT with a list of @len bytes (0: without), submitted. */
static void format_submit(struct env *e, struct task *t, uint8_t b1, const uint8_t *list,
			  uint32_t len)
{
	const uint8_t cdb[6] = { 0x04, b1 };

	task_init(e, t, cdb, 6);
	if (len)
		task_out(t, list, len);
	scsi_submit(&t->sc);
	env_pump(e);
	task_free(t);
}

static void test_the_disk_is_zeros(void **state)
{
	struct env *e = *state;
	struct task t;

	memset(e->be.bytes, 0x11, FAKE_WINDOW);
	format_submit(e, &t, 0, NULL, 0);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	assert_covered(&e->be, BE_WRITE_ZEROES, 1);
	for (unsigned i = 0; i < FAKE_WINDOW; i++)
		assert_int_equal(e->be.bytes[i], 0);
	ready_sense(e, e->a, SENSE_OK);
}

static void test_thin_gives_its_space_back(void **state)
{
	struct env *e = *state;
	struct task t;

	format_submit(e, &t, 0, NULL, 0);
	assert_good(&t);
	assert_covered(&e->be, BE_UNMAP, 1);
}

static void test_zeros_are_written_where_the_backend_cannot(void **state)
{
	struct env *e = *state;
	struct task t;

	memset(e->be.bytes, 0x11, FAKE_WINDOW);
	e->be.fail = -EOPNOTSUPP;
	e->be.fail_op = BE_WRITE_ZEROES;
	format_submit(e, &t, 0, NULL, 0);
	assert_good(&t);
	for (unsigned i = 0; i < FAKE_WINDOW; i++)
		assert_int_equal(e->be.bytes[i], 0);
	assert_int_equal(e->be.log[e->be.requests - 2].op, BE_WRITE);
	assert_int_equal(e->be.log[e->be.requests - 2].off + e->be.log[1].len, DISK);
}

/* Meanwhile every nexus is told how far it is; what asks who we are is answered. */
static void test_others_see_progress(void **state)
{
	static const uint8_t list[4] = { 0, 0x02 };
	struct env *e = *state;
	struct task t, other;

	e->be.hold = true;
	e->be.fail = -EOPNOTSUPP;
	e->be.fail_op = BE_WRITE_ZEROES;
	format_submit(e, &t, 0x10, list, 4);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	assert_int_equal(ready_sense(e, e->a, SENSE_FORMAT_IN_PROGRESS), 0);
	fake_backend_finish(&e->be, -EOPNOTSUPP);
	for (unsigned mib = 1; mib <= 3; mib++) {
		fake_backend_finish(&e->be, 0);
		assert_in_range(ready_sense(e, e->b, SENSE_FORMAT_IN_PROGRESS),
				mib * 65536 / 4 - 1024, mib * 65536 / 4);
	}
	TASK_INIT(e, &other, 0x12, 0, 0, 0, 36);
	other.sc.data_in_len = 36;
	task_run(e, &other);
	assert_good(&other);
	task_free(&other);
	TASK_INIT(e, &other, 0x03, 0, 0, 0, 18);
	other.sc.data_in_len = 18;
	task_run(e, &other);
	assert_good(&other);
	assert_int_equal(other.in[12], 0x04);
	assert_int_equal(other.in[13], 0x04);
	assert_int_equal(other.in[15], 0x80);
	task_free(&other);
	TASK_INIT(e, &other, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	task_out(&other, NULL, 512);
	task_run(e, &other);
	assert_int_equal(other.sc.status, SCSI_CHECK_CONDITION);
	task_free(&other);
	e->be.hold = false;
	e->be.fail = 0;
	env_pump(e);
	ready_sense(e, e->a, SENSE_OK);
}

static void test_another_format_is_refused(void **state)
{
	static const uint8_t list[4] = { 0, 0x02 };
	struct env *e = *state;
	struct task first, second;

	e->be.hold = true;
	format_submit(e, &first, 0x10, list, 4);
	format_submit(e, &second, 0x10, list, 4);
	assert_int_equal(second.responds, 1);
	assert_int_equal(second.sc.status, SCSI_CHECK_CONDITION);
	assert_int_equal(second.sc.sense[12], 0x04);
	assert_int_equal(second.sc.sense[13], 0x04);
	e->be.hold = false;
	env_pump(e);
}

/* Two at once: the second is found on the control thread only. */
static void test_two_at_the_same_time(void **state)
{
	struct env *e = *state;
	struct task first, second;

	TASK_INIT(e, &first, 0x04);
	TASK_INIT(e, &second, 0x04);
	second.sc.reactor = e->group.r[1];
	e->be.hold = true;
	scsi_submit(&first.sc);
	scsi_submit(&second.sc);
	env_pump(e);
	assert_int_equal(first.responds + second.responds, 1);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(first.responds + second.responds, 2);
	assert_int_equal((first.sc.status == SCSI_GOOD) + (second.sc.status == SCSI_GOOD), 1);
}

/* Nothing is overwritten by a write that began before. */
static void test_earlier_writes_end_first(void **state)
{
	struct env *e = *state;
	struct task w, t;

	e->be.hold = true;
	TASK_INIT(e, &w, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	w.sc.reactor = e->group.r[1];
	task_out(&w, NULL, 512);
	w.manual_release = true;
	scsi_submit(&w.sc);
	env_pump(e);
	format_submit(e, &t, 0, NULL, 0);
	assert_int_equal(e->be.requests, 1);
	assert_int_equal(t.responds, 0);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(w.responds, 1);
	assert_good(&w);
	scsi_cmd_release(&w.sc);
	task_free(&w);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	assert_true(e->be.requests > 1);
}

/* Nor by one whose data comes late; one that waits for others is refused. */
static void test_earlier_write_without_data(void **state)
{
	struct env *e = *state;
	struct task late, ordered, t;

	TASK_INIT(e, &late, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	task_out(&late, NULL, 512);
	late.manual_pull = true;
	scsi_submit(&late.sc);
	TASK_INIT(e, &ordered, 0x2a, 0, 0, 0, 0, 8, 0, 0, 1);
	ordered.sc.task_attr = SCSI_ORDERED;
	task_out(&ordered, NULL, 512);
	scsi_submit(&ordered.sc);
	env_pump(e);
	TASK_INIT(e, &t, 0x04);
	t.sc.reactor = e->group.r[1];
	scsi_submit(&t.sc);
	env_pump(e);
	assert_int_equal(e->be.requests, 0);
	task_fetch(&late);
	scsi_pulled(&late.sc, 0);
	env_pump(e);
	assert_good(&late);
	assert_int_equal(e->be.log[0].op, BE_WRITE);
	assert_good(&t);
	assert_int_equal(ordered.responds, 1);
	assert_int_equal(ordered.sc.status, SCSI_CHECK_CONDITION);
	assert_int_equal(ordered.sc.sense[13], 0x04);
	task_free(&late);
	task_free(&ordered);
}

/* Nothing of it is written any more, whenever it comes. */
static void test_earlier_write_that_is_aborted(void **state)
{
	struct env *e = *state;
	struct task write, t;

	TASK_INIT(e, &write, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	write.sc.reactor = e->group.r[1];
	task_out(&write, NULL, 512);
	write.manual_pull = true;
	scsi_submit(&write.sc);
	format_submit(e, &t, 0, NULL, 0);
	assert_int_equal(t.responds, 0);
	scsi_cmd_abort(&write.sc);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	scsi_pulled(&write.sc, 0);
	assert_int_equal(write.drops, 1);
	assert_covered(&e->be, BE_WRITE_ZEROES, 1);
	task_free(&write);
}

static void test_failure_stays_until_a_format_succeeds(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	format_submit(e, &t, 0, NULL, 0);
	assert_sense(&t, SENSE_FORMAT_FAILED);
	ready_sense(e, e->b, SENSE_FORMAT_FAILED);
	e->be.fail = 0;
	format_submit(e, &t, 0, NULL, 0);
	assert_good(&t);
	ready_sense(e, e->b, SENSE_OK);
}

/* The command ends without an answer, the operation goes on. */
static void test_abort_ends_only_the_command(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.hold = true;
	format_submit(e, &t, 0, NULL, 0);
	scsi_cmd_abort(&t.sc);
	assert_int_equal(t.drops, 0);
	/* With the piece that is on its way, not the whole. */
	fake_backend_finish(&e->be, 0);
	assert_int_equal(t.drops, 1);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(t.responds, 0);
	assert_int_equal(t.drops, 1);
	assert_covered(&e->be, BE_WRITE_ZEROES, 1);
	ready_sense(e, e->a, SENSE_OK);
}

/* It was let in, but the control thread fenced its initiator before it came there. */
static void test_fenced_on_the_way(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x04, 0, 0, 0, 0, 0);
	scsi_submit(&t.sc);
	e->lu->reserver = e->b;
	access_publish_lu(e->lu);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_int_equal(t.sc.status, SCSI_RESERVATION_CONFLICT);
	assert_int_equal(e->be.requests, 0);
	e->lu->reserver = NULL;
	access_publish_lu(e->lu);
	ready_sense(e, e->a, SENSE_OK);
	task_free(&t);
}

static void test_its_lun_is_gone_on_the_way(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x04, 0, 0, 0, 0, 0);
	scsi_submit(&t.sc);
	env_map(e, e->a, NULL, 0);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_sense(&t, SENSE_LUN_NOT_SUPPORTED);
	assert_int_equal(e->be.requests, 0);
	task_free(&t);
}

static void gone(void *arg)
{
	++*(unsigned *)arg;
}

/* The LU may go although it is not done. */
static void test_lu_is_taken_away(void **state)
{
	static const uint8_t list[4] = { 0, 0x02 };
	struct env *e = *state;
	struct backend be;
	struct lun_entry map[2] = { { 0, false, e->lu }, { 1, false, NULL } };
	unsigned gone_count = 0;
	struct task t;

	fake_backend_init(&be);
	be.hold = true;
	map[1].lu = env_add_lu(e, &be, &e->params);
	env_map(e, e->a, map, 2);
	env_clear_ua(e->a);
	TASK_INIT(e, &t, 0x04, 0x10);
	t.sc.lun[1] = 1;
	task_out(&t, list, 4);
	scsi_submit(&t.sc);
	env_pump(e);
	assert_good(&t);
	task_free(&t);
	env_map(e, e->a, map, 1);
	env_clear_ua(e->a);
	/* The end of the request that runs is the end of it. */
	lu_destroy(map[1].lu, gone, &gone_count);
	env_pump(e);
	assert_int_equal(gone_count, 0);
	fake_backend_finish(&be, 0);
	env_pump(e);
	assert_int_equal(gone_count, 1);
	assert_int_equal(be.closed, 1);
	assert_int_equal(be.requests, 1);
	fake_backend_fini(&be);
}

static void test_parameter_lists(void **state)
{
	static const struct {
		uint8_t b1, list[8];
		uint32_t len;
		int bad;
	} rows[] = {
		{ 0x10, { 0 }, 4, -1 },
		{ 0x18, { 0, 0x80 }, 4, -1 },          /* CMPLST; FOV */
		{ 0x10, { 0, 0xf0 }, 4, -1 },          /* DPRY, DCRT, STPF */
		{ 0x30, { 0 }, 8, -1 },                /* LONGLIST */
		{ 0x16, { 0 }, 4, -1 },                /* defect list format */
		{ 0x10, { 1 }, 4, 0 },                 /* protection information */
		{ 0x10, { 0, 0x20 }, 4, 1 },           /* DCRT without FOV */
		{ 0x10, { 0, 0x88 }, 4, 1 },           /* initialization pattern */
		{ 0x10, { 0, 0x01 }, 4, 1 },
		{ 0x10, { 0, 0, 0, 8 }, 4, 2 },        /* a defect list */
		{ 0x30, { 0, 0, 0, 0x10 }, 8, 3 },
		{ 0x30, { 0, 0, 0, 0, 0, 0, 0, 8 }, 8, 4 },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		e->be.requests = 0;
		format_submit(e, &t, rows[i].b1, rows[i].list, rows[i].len);
		assert_int_equal(t.responds, 1);
		if (rows[i].bad < 0) {
			assert_good(&t);
			continue;
		}
		assert_sense(&t, SENSE_INVALID_FIELD_IN_LIST);
		assert_field(&t, false, (unsigned)rows[i].bad, -1);
		assert_int_equal(e->be.requests, 0);
	}
}

static void test_cdb(void **state)
{
	static const struct task_row rows[] = {
		{ "without a list", { 0x04 }, 0, 0, SENSE_OK, -1 },
		{ "protection", { 0x04, 0x80 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "CMPLST without a list", { 0x04, 0x08 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "LONGLIST without a list", { 0x04, 0x20 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "list too short", { 0x04, 0x10 }, 3, 0, SENSE_BAD_COMMAND_IU, -1 },
		{ "long list too short", { 0x04, 0x30 }, 7, 0, SENSE_BAD_COMMAND_IU, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_write_protected(void **state)
{
	struct env *e = *state;
	struct task t;

	env_map_lun0(e, e->a, true);
	env_clear_ua(e->a);
	format_submit(e, &t, 0, NULL, 0);
	assert_sense(&t, SENSE_WRITE_PROTECTED);
	assert_int_equal(e->be.requests, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_the_disk_is_zeros),
		cmocka_unit_test_setup_teardown(test_thin_gives_its_space_back, setup_thin,
						env_teardown),
		T(test_zeros_are_written_where_the_backend_cannot),
		T(test_others_see_progress),
		T(test_another_format_is_refused),
		T(test_two_at_the_same_time),
		T(test_earlier_writes_end_first),
		T(test_earlier_write_without_data),
		T(test_earlier_write_that_is_aborted),
		T(test_failure_stays_until_a_format_succeeds),
		T(test_abort_ends_only_the_command),
		T(test_fenced_on_the_way),
		T(test_its_lun_is_gone_on_the_way),
		T(test_lu_is_taken_away),
		T(test_parameter_lists),
		T(test_cdb),
		T(test_write_protected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
