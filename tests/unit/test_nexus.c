/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <string.h>

static void test_lun_decode(void **state)
{
	static const struct {
		uint8_t lun[8];
		int want;
	} rows[] = {
		{ { 0 }, 0 },
		{ { 0, 1 }, 1 },
		{ { 0, 255 }, 255 },
		{ { 0x01, 0x00 }, 256 },   /* peripheral, 14 bits */
		{ { 0x3f, 0xff }, 16383 },
		{ { 0x40, 0x00 }, 0 },     /* flat space */
		{ { 0x40, 0x05 }, 5 },
		{ { 0x41, 0x00 }, 256 },
		{ { 0x7f, 0xff }, 16383 },
		{ { 0x80, 0x01 }, LUN_INVALID },
		{ { 0xbf, 0xff }, LUN_INVALID },
		{ { 0xc0, 0x01 }, LUN_INVALID },
		{ { 0xc1, 0x01 }, LUN_REPORT_LUNS },
		{ { 0xc1, 0x02 }, LUN_INVALID },
		{ { 0, 1, 1 }, LUN_INVALID },
		{ { 0, 1, 0, 0, 0, 0, 0, 1 }, LUN_INVALID },
		{ { 0xc1, 0x01, 0, 0, 0, 0, 0, 1 }, LUN_INVALID },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, LUN_INVALID },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(lun_decode(rows[i].lun), rows[i].want);
}

/* Linux shows flat addressing as LUN 16384 + n, so small ones must not use it. */
static void test_lun_encode(void **state)
{
	uint8_t lun[8];

	(void)state;
	lun_encode(lun, 255);
	assert_memory_equal(lun, ((uint8_t[8]){ 0, 255 }), 8);
	lun_encode(lun, 256);
	assert_memory_equal(lun, ((uint8_t[8]){ 0x41, 0 }), 8);
	for (unsigned n = 0; n <= SCSI_MAX_LUN; n++) {
		lun_encode(lun, n);
		assert_int_equal(lun_decode(lun), n);
	}
}

static enum scsi_sense pending(struct nexus *n, unsigned lun)
{
	return ua_take(&lun_map_find(nexus_map(n), lun)->ua, UA_ANY);
}

static void test_find_direct_and_searched(void **state)
{
	struct env *e = *state;
	static const uint16_t luns[] = { 0, 7, 255, 256, 300, 1000, 16383 };
	struct lun_entry map[ARRAY_SIZE(luns)];
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(luns); i++)
		map[i] = (struct lun_entry){ luns[i], false, e->lu };
	env_map(e, e->a, map, ARRAY_SIZE(luns));
	for (unsigned lun = 0; lun <= SCSI_MAX_LUN; lun++) {
		struct itl *itl = lun_map_find(nexus_map(e->a), lun);

		if (n < ARRAY_SIZE(luns) && luns[n] == lun) {
			assert_non_null(itl);
			assert_int_equal(itl->lun, lun);
			n++;
		} else {
			assert_null(itl);
		}
	}
	assert_int_equal(n, ARRAY_SIZE(luns));
	assert_int_equal(nexus_lun_count(e->a), n);
	assert_int_equal(nexus_lun(e->a, 4)->lun, 300);
	assert_null(nexus_lun(e->a, n));
}

static void test_bad_maps_are_refused(void **state)
{
	struct env *e = *state;
	struct lun_entry twice[] = { { 1, false, e->lu }, { 1, false, e->lu } };
	struct lun_entry down[] = { { 2, false, e->lu }, { 1, false, e->lu } };
	struct lun_entry high[] = { { SCSI_MAX_LUN + 1, false, e->lu } };
	struct lun_entry none[] = { { 1, false, NULL } };

	assert_int_equal(nexus_set_map(e->a, twice, 2, NULL, NULL), -EINVAL);
	assert_int_equal(nexus_set_map(e->a, down, 2, NULL, NULL), -EINVAL);
	assert_int_equal(nexus_set_map(e->a, high, 1, NULL, NULL), -EINVAL);
	assert_int_equal(nexus_set_map(e->a, none, 1, NULL, NULL), -EINVAL);
	assert_int_equal(nexus_lun_count(e->a), 1);
}

static void test_first_map_raises_power_on_only(void **state)
{
	struct env *e = *state;
	const struct scsi_port port = { .rel_tgt_id = 1 };
	const uint8_t id[16] = { 0 };
	struct nexus *n = nexus_create(e->device, &port, id, "new");

	assert_int_equal(nexus_lun_count(n), 0);
	env_map_lun0(e, n, false);
	assert_int_equal(pending(n, 0), SENSE_UA_POWER_ON);
	assert_int_equal(pending(n, 0), SENSE_OK);
	nexus_destroy(n);
	env_pump(e);
}

static void test_added_lun_is_told_on_the_old_ones(void **state)
{
	struct env *e = *state;
	struct lun_entry map[] = { { 0, false, e->lu }, { 5, false, e->lu } };

	env_map(e, e->a, map, 2);
	assert_int_equal(pending(e->a, 0), SENSE_UA_LUNS_CHANGED);
	assert_int_equal(pending(e->a, 5), SENSE_UA_POWER_ON);
	assert_false(ua_pending(&lun_map_find(nexus_map(e->b), 0)->ua));
}

static void test_removed_lun_is_told_on_the_others(void **state)
{
	struct env *e = *state;
	struct lun_entry map[] = { { 0, false, e->lu }, { 5, false, e->lu } };

	env_map(e, e->a, map, 2);
	env_clear_ua(e->a);
	env_map(e, e->a, map, 1);
	assert_int_equal(pending(e->a, 0), SENSE_UA_LUNS_CHANGED);
	assert_null(lun_map_find(nexus_map(e->a), 5));
}

static void test_kept_lun_keeps_its_unit_attentions(void **state)
{
	struct env *e = *state;
	struct itl *before = lun_map_find(nexus_map(e->a), 0);

	ua_post(&before->ua, UA_CAPACITY_CHANGED);
	env_map_lun0(e, e->a, true);
	assert_ptr_equal(lun_map_find(nexus_map(e->a), 0), before);
	assert_true(atomic_load(&before->read_only));
	assert_int_equal(pending(e->a, 0), SENSE_UA_CAPACITY_CHANGED);
	/* Nothing was added or removed. */
	assert_int_equal(pending(e->a, 0), SENSE_OK);
}

static void test_another_lu_under_the_same_lun_is_new(void **state)
{
	struct env *e = *state;
	struct backend be;
	struct lu *lu;
	struct lun_entry entry;

	fake_backend_init(&be);
	lu = env_add_lu(e, &be, &e->params);
	entry = (struct lun_entry){ 0, false, lu };
	env_map(e, e->a, &entry, 1);
	assert_int_equal(pending(e->a, 0), SENSE_UA_POWER_ON);
	assert_int_equal(pending(e->a, 0), SENSE_UA_INQUIRY_CHANGED);
	assert_int_equal(pending(e->a, 0), SENSE_UA_LUNS_CHANGED);
	assert_int_equal(pending(e->a, 0), SENSE_OK);
	env_map_lun0(e, e->a, false);
	env_destroy_lu(e, lu);
	fake_backend_fini(&be);
}

/* Also when the LUN was empty for a while, as in a reload. */
static void test_a_lun_that_comes_back_may_be_another_lu(void **state)
{
	struct env *e = *state;

	env_map(e, e->a, NULL, 0);
	env_map_lun0(e, e->a, false);
	assert_int_equal(pending(e->a, 0), SENSE_UA_POWER_ON);
	assert_int_equal(pending(e->a, 0), SENSE_UA_INQUIRY_CHANGED);
	/* Who never saw it is not told. */
	env_map(e, e->b, &(struct lun_entry){ 7, false, e->lu }, 1);
	assert_int_equal(pending(e->b, 7), SENSE_UA_POWER_ON);
	assert_int_equal(pending(e->b, 7), SENSE_UA_LUNS_CHANGED);
	env_map_lun0(e, e->b, false);
}

static void map_rights(struct env *e, bool read_only)
{
	env_map(e, e->a, &(struct lun_entry){ 0, read_only, e->lu }, 1);
}

static void test_a_lun_that_stays_may_become_read_only(void **state)
{
	struct env *e = *state;

	map_rights(e, true);
	assert_true(lun_map_find(nexus_map(e->a), 0)->read_only);
	assert_int_equal(pending(e->a, 0), SENSE_UA_MODE_CHANGED);
	assert_int_equal(pending(e->b, 0), SENSE_OK);
	map_rights(e, true);
	assert_int_equal(pending(e->a, 0), SENSE_OK);
	map_rights(e, false);
	assert_int_equal(pending(e->a, 0), SENSE_UA_MODE_CHANGED);
}

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

/* The old map and its entries are freed only when no reactor can use them. */
static void test_done_waits_for_every_reactor(void **state)
{
	struct env *e = *state;
	bool done = false;

	assert_int_equal(nexus_set_map(e->a, NULL, 0, set_true, &done), 0);
	assert_int_equal(nexus_lun_count(e->a), 0);
	reactor_round(e->group.r[0]);
	mailbox_drain(&e->control);
	assert_false(done);
	reactor_round(e->group.r[1]);
	assert_false(done);
	mailbox_drain(&e->control);
	assert_true(done);
	env_map_lun0(e, e->a, false);
}

/* A command that runs while its LUN is unmapped ends well, but without the itl. */
static void test_unmap_under_a_running_command(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
	t.sc.data_in_len = 512;
	e->be.hold = true;
	scsi_submit(&t.sc);
	assert_non_null(t.sc.itl);
	env_map(e, e->a, NULL, 0);
	assert_null(t.sc.itl);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	task_free(&t);
	env_map_lun0(e, e->a, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lun_decode),
		cmocka_unit_test(test_lun_encode),
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
		T(test_find_direct_and_searched),
		T(test_bad_maps_are_refused),
		T(test_first_map_raises_power_on_only),
		T(test_added_lun_is_told_on_the_old_ones),
		T(test_removed_lun_is_told_on_the_others),
		T(test_kept_lun_keeps_its_unit_attentions),
		T(test_another_lu_under_the_same_lun_is_new),
		T(test_a_lun_that_comes_back_may_be_another_lu),
		T(test_a_lun_that_stays_may_become_read_only),
		T(test_done_waits_for_every_reactor),
		T(test_unmap_under_a_running_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
