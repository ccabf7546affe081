/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pr_env.h"

#define RESERVE_6 0x16
#define RELEASE_6 0x17
#define RESERVE_10 0x56
#define RELEASE_10 0x57

static uint8_t run(struct env *e, struct nexus *n, uint8_t opcode)
{
	return status_of(e, n, (const uint8_t[16]){ opcode });
}

static const uint8_t forms[2][2] = { { RESERVE_6, RELEASE_6 }, { RESERVE_10, RELEASE_10 } };

static void test_the_others_conflict(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;

	for (unsigned f = 0; f < 2; f++) {
		assert_int_equal(run(e, e->a, forms[f][0]), SCSI_GOOD);
		assert_int_equal(run(e, e->a, forms[f][0]), SCSI_GOOD); /* again */
		assert_int_equal(write_status(e, e->a), SCSI_GOOD);
		assert_int_equal(read_status(e, e->b), SCSI_RESERVATION_CONFLICT);
		assert_int_equal(run(e, e->b, forms[!f][0]), SCSI_RESERVATION_CONFLICT);
		assert_int_equal(run(e, pe->c, 0x00), SCSI_RESERVATION_CONFLICT);
		assert_int_equal(run(e, e->a, forms[!f][1]), SCSI_GOOD);
		assert_int_equal(read_status(e, e->b), SCSI_GOOD);
	}
}

static void test_release_by_another_does_nothing(void **state)
{
	struct env *e = *state;

	assert_int_equal(run(e, e->b, RELEASE_6), SCSI_GOOD);
	run(e, e->a, RESERVE_6);
	for (unsigned f = 0; f < 2; f++)
		assert_int_equal(run(e, e->b, forms[f][1]), SCSI_GOOD);
	assert_int_equal(read_status(e, e->b), SCSI_RESERVATION_CONFLICT);
	assert_int_equal(read_status(e, e->a), SCSI_GOOD);
}

static void test_who_looks_is_let_in(void **state)
{
	struct env *e = *state;

	run(e, e->a, RESERVE_6);
	assert_int_equal(status_of(e, e->b, (const uint8_t[16]){ 0x12, [4] = 36 }), SCSI_GOOD);
	assert_int_equal(status_of(e, e->b, (const uint8_t[16]){ 0x03, [4] = 18 }), SCSI_GOOD);
	assert_int_equal(status_of(e, e->b, (const uint8_t[16]){ 0xa0, [9] = 64 }), SCSI_GOOD);
}

static void test_logout_releases(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	uint8_t id[16];

	memcpy(id, pe->c->initiator_port_id, 16);
	run(e, pe->c, RESERVE_6);
	assert_int_equal(read_status(e, e->a), SCSI_RESERVATION_CONFLICT);
	nexus_destroy(pe->c);
	env_pump(e);
	assert_int_equal(read_status(e, e->a), SCSI_GOOD);
	pe->c = nexus_create(e->device, &pe->ports[1], id, "host-c");
	env_map_lun0(e, pe->c, false);
}

static void test_a_lun_taken_away_releases(void **state)
{
	struct env *e = *state;

	run(e, e->a, RESERVE_6);
	env_map(e, e->a, NULL, 0);
	assert_int_equal(read_status(e, e->b), SCSI_GOOD);
	env_map_lun0(e, e->a, false);
	env_clear_ua(e->a);
	assert_int_equal(read_status(e, e->a), SCSI_GOOD);
}

static void test_who_comes_later_conflicts(void **state)
{
	struct env *e = *state;

	env_map(e, e->b, NULL, 0);
	run(e, e->a, RESERVE_6);
	env_map_lun0(e, e->b, false);
	env_clear_ua(e->b);
	assert_int_equal(read_status(e, e->b), SCSI_RESERVATION_CONFLICT);
}

static void test_resets_release(void **state)
{
	struct env *e = *state;

	run(e, e->a, RESERVE_6);
	tmf_run(e, e->b, SCSI_LU_RESET);
	env_clear_ua(e->b);
	assert_int_equal(read_status(e, e->b), SCSI_GOOD);
	env_clear_ua(e->a);
	run(e, e->a, RESERVE_6);
	/* The nexus loss of another says nothing. */
	tmf_run(e, e->b, SCSI_I_T_NEXUS_RESET);
	env_clear_ua(e->b);
	assert_int_equal(read_status(e, e->b), SCSI_RESERVATION_CONFLICT);
	tmf_run(e, e->a, SCSI_I_T_NEXUS_RESET);
	assert_int_equal(read_status(e, e->b), SCSI_GOOD);
}

static void change_started(struct lu_change *c)
{
	(void)c;
}

/* While something else is being kept, say. */
static void test_a_reset_finds_who_waits_to_reserve(void **state)
{
	struct env *e = *state;
	struct lu_change other = { .start = change_started };
	struct task t;

	lu_change_begin(e->lu, &other);
	TASK_INIT(e, &t, RESERVE_6);
	scsi_submit(&t.sc);
	env_pump(e);
	tmf_run(e, e->b, SCSI_LU_RESET);
	lu_change_end(e->lu, &other);
	env_pump(e);
	assert_int_equal(t.sc.status, SCSI_TASK_ABORTED);
	assert_null(e->lu->reserver);
	env_clear_ua(e->b);
	assert_int_equal(read_status(e, e->b), SCSI_GOOD);
	task_free(&t);
}

static void test_reset_is_told_before_the_conflict(void **state)
{
	struct env *e = *state;
	struct task t;

	run(e, e->a, RESERVE_6);
	ua_post(&lun_map_find(nexus_map(e->b), 0)->ua, UA_LU_RESET);
	ua_post(&lun_map_find(nexus_map(e->b), 0)->ua, UA_MODE_CHANGED);
	TASK_INIT(e, &t, 0x00);
	t.sc.nexus = e->b;
	task_run(e, &t);
	assert_sense(&t, SENSE_UA_LU_RESET);
	assert_int_equal(run(e, e->b, 0x00), SCSI_RESERVATION_CONFLICT);
	assert_int_equal(pending(e->b), SENSE_UA_MODE_CHANGED);
}

static void test_third_parties_and_extents_are_refused(void **state)
{
	static const struct task_row rows[] = {
		{ "RESERVE(6) 3RDPTY", { RESERVE_6, 0x10 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "RESERVE(6) EXTENT", { RESERVE_6, 0x01 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "RELEASE(6) 3RDPTY", { RELEASE_6, 0x10 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "RELEASE(6) EXTENT", { RELEASE_6, 0x01 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "RESERVE(10) 3RD", { RESERVE_10, 0x10 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "RESERVE(10) LONGID", { RESERVE_10, 0x02 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "RESERVE(10) EXTENT", { RESERVE_10, 0x01 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "RELEASE(10) 3RD", { RELEASE_10, 0x10 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "RELEASE(10) EXTENT", { RELEASE_10, 0x01 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "with a list", { RESERVE_6, 0, 0, 0, 8 }, 8, 0, SENSE_INVALID_FIELD_IN_CDB, 4 },
	};
	struct env *e = *state;

	task_rows_run(e, rows, ARRAY_SIZE(rows));
	assert_int_equal(read_status(e, e->b), SCSI_GOOD);
}

/* ---- with persistent reservations: SPC-4 5.13.3, SPC-2 5.5.1 ---- */

static void test_reserved_nobody_uses_persistent_reservations(void **state)
{
	struct env *e = *state;
	struct task t;

	run(e, e->a, RESERVE_6);
	for (uint8_t action = PR_REGISTER; action < PR_REGISTER_AND_MOVE; action++) {
		pr_conflicts(e, e->a, action, PR_WRITE_EXCLUSIVE, 0, KEY_A);
		pr_conflicts(e, e->b, action, PR_WRITE_EXCLUSIVE, 0, KEY_A);
	}
	for (uint8_t action = 0; action < 4; action++) {
		t = pr_in(e, e->a, action, 64);
		assert_int_equal(t.sc.status, SCSI_RESERVATION_CONFLICT);
		t = pr_in(e, e->b, action, 64);
		assert_int_equal(t.sc.status, SCSI_RESERVATION_CONFLICT);
	}
	run(e, e->a, RELEASE_6);
	pr_register(e, e->a, KEY_A);
}

static void test_registered_keys_conflict(void **state)
{
	struct env *e = *state;

	pr_register(e, e->a, KEY_A);
	for (unsigned f = 0; f < 2; f++)
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(run(e, e->a, forms[f][i]), SCSI_RESERVATION_CONFLICT);
			assert_int_equal(run(e, e->b, forms[f][i]), SCSI_RESERVATION_CONFLICT);
		}
}

static void test_compatible_reservation_handling(void **state)
{
	/* Is it good to the holder a, the registrant b, and c? */
	static const struct {
		uint8_t type;
		bool good[3];
	} rows[] = {
		{ PR_WRITE_EXCLUSIVE, { true, false, false } },
		{ PR_EXCLUSIVE_ACCESS, { true, false, false } },
		{ PR_WRITE_EXCLUSIVE_RO, { true, true, false } },
		{ PR_EXCLUSIVE_ACCESS_RO, { true, true, false } },
		{ PR_WRITE_EXCLUSIVE_AR, { true, true, false } },
		{ PR_EXCLUSIVE_ACCESS_AR, { true, true, false } },
	};
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct nexus *n[] = { e->a, e->b, pe->c };

	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		pr_good(e, e->a, PR_RESERVE, rows[i].type, KEY_A, 0);
		for (unsigned who = 0; who < 3; who++) {
			int want = rows[i].good[who] ? SCSI_GOOD : SCSI_RESERVATION_CONFLICT;

			for (unsigned f = 0; f < 4; f++)
				assert_int_equal(run(e, n[who], forms[f / 2][f % 2]), want);
		}
		assert_null(e->lu->reserver);
		assert_int_equal(e->lu->pr->type, rows[i].type);
		pr_good(e, e->a, PR_RELEASE, rows[i].type, KEY_A, 0);
		env_clear_ua(e->b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PR_TEST(test_the_others_conflict),
		PR_TEST(test_release_by_another_does_nothing),
		PR_TEST(test_who_looks_is_let_in),
		PR_TEST(test_logout_releases),
		PR_TEST(test_a_lun_taken_away_releases),
		PR_TEST(test_who_comes_later_conflicts),
		PR_TEST(test_resets_release),
		PR_TEST(test_a_reset_finds_who_waits_to_reserve),
		PR_TEST(test_reset_is_told_before_the_conflict),
		PR_TEST(test_third_parties_and_extents_are_refused),
		PR_TEST(test_reserved_nobody_uses_persistent_reservations),
		PR_TEST(test_registered_keys_conflict),
		PR_TEST(test_compatible_reservation_handling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
