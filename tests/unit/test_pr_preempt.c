/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of PREEMPT, PREEMPT AND ABORT, and REGISTER AND MOVE. */
#include "pr_util.h"

#define ALL_TYPES { 1, 3, 5, 6, 7, 8 }
static const uint8_t types[] = ALL_TYPES;

/* What was lost, and with ABORT its commands too. */
#define LOST PR_TELL_REGISTRATIONS
#define LOST_ABORT (PR_TELL_REGISTRATIONS | PR_ABORT)

/* ---- registrations only ---- */

static void test_without_a_reservation_registrations_go(void **state)
{
	struct pr_request q = request(PR_PREEMPT, A, KEY_A, KEY_B);

	(void)state;
	q.type = 15; /* ignored, as the scope */
	q.scope = 1;
	apply_to(state_of(0, NOBODY, KEY_B), &q);
	assert_int_equal(change.next->count, 1);
	assert_int_equal(change.next->type, PR_NONE);
	assert_int_equal(change.next->generation, 11);
	assert_tells(0, LOST, LOST);
	done();
}

static void test_with_a_reservation_of_another(void **state)
{
	static const uint8_t one[] = { 1, 3, 5, 6 };

	(void)state;
	for (unsigned i = 0; i < sizeof(one); i++) {
		struct pr_request q = request(PR_PREEMPT, A, KEY_A, KEY_C);

		q.type = PR_EXCLUSIVE_ACCESS_AR;
		apply_to(state_of(one[i], B, KEY_C), &q);
		assert_int_equal(change.next->type, one[i]);
		assert_int_equal(holder_of(change.next), B);
		assert_int_equal(change.next->count, 2);
		assert_tells(0, 0, LOST);
		done();
	}
}

static void test_one_of_all_registrants(void **state)
{
	struct pr_request q = request(PR_PREEMPT, A, KEY_A, KEY_C);

	(void)state;
	apply_to(state_of(PR_EXCLUSIVE_ACCESS_AR, NOBODY, KEY_C), &q);
	assert_int_equal(change.next->type, PR_EXCLUSIVE_ACCESS_AR);
	assert_int_equal(change.next->count, 2);
	assert_tells(0, 0, LOST);
	done();
}

static void test_a_key_of_nobody(void **state)
{
	struct pr_request q = request(PR_PREEMPT, A, KEY_A, 99);

	(void)state;
	assert_refused(0, NOBODY, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	for (unsigned i = 0; i < sizeof(types); i++)
		assert_refused(types[i], B, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
}

static void test_key_zero_is_for_all_registrants(void **state)
{
	static const uint8_t one[] = { 1, 3, 5, 6 };
	struct pr_request q = request(PR_PREEMPT, A, KEY_A, 0);

	(void)state;
	for (unsigned i = 0; i < sizeof(one); i++)
		assert_refused(one[i], B, &q, SENSE_INVALID_FIELD_IN_LIST, 8);
	assert_refused(0, NOBODY, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
}

/* Its own key, and not the holder: its registration goes, it is not told. */
static void test_its_own_registration(void **state)
{
	struct pr_request q = request(PR_PREEMPT_AND_ABORT, A, KEY_A, KEY_A);

	(void)state;
	apply_to(state_of(PR_WRITE_EXCLUSIVE, B, KEY_A), &q);
	assert_int_equal(change.next->count, 1);
	assert_int_equal(holder_of(change.next), B);
	assert_tells(PR_ABORT, 0, LOST_ABORT);
	done();
}

/* ---- the reservation ---- */

static void test_the_reservation_is_taken(void **state)
{
	static const uint8_t one[] = { 1, 3, 5, 6 };

	(void)state;
	for (unsigned from = 0; from < sizeof(one); from++) {
		for (unsigned to = 0; to < sizeof(types); to++) {
			struct pr_request q = request(PR_PREEMPT, A, KEY_A, KEY_B);
			bool same = one[from] == types[to];

			q.type = types[to];
			apply_to(state_of(one[from], B, KEY_C), &q);
			assert_int_equal(change.next->type, types[to]);
			assert_true(pr_is_holder(change.next, A));
			assert_int_equal(change.next->count, 2);
			assert_int_equal(change.next->generation, 11);
			assert_tells(0, LOST, same ? 0 : PR_TELL_RELEASED);
			done();
		}
	}
}

static void test_everybody_with_the_holders_key_goes(void **state)
{
	struct pr_request q = request(PR_PREEMPT_AND_ABORT, A, KEY_A, KEY_B);

	(void)state;
	apply_to(state_of(PR_WRITE_EXCLUSIVE, B, KEY_B), &q);
	assert_int_equal(change.next->count, 1);
	assert_int_equal(holder_of(change.next), A);
	assert_tells(0, LOST_ABORT, LOST_ABORT);
	done();
}

static void test_all_registrants_but_one(void **state)
{
	struct pr_request q = request(PR_PREEMPT_AND_ABORT, B, KEY_B, 0);

	(void)state;
	q.type = PR_EXCLUSIVE_ACCESS;
	apply_to(state_of(PR_WRITE_EXCLUSIVE_AR, NOBODY, KEY_C), &q);
	assert_int_equal(change.next->count, 1);
	assert_int_equal(change.next->type, PR_EXCLUSIVE_ACCESS);
	assert_int_equal(holder_of(change.next), B);
	assert_tells(LOST_ABORT, 0, LOST_ABORT);
	done();
}

/* To change the type without letting go of it (SPC-4 5.13.11.4.3). */
static void test_the_holder_preempts_itself(void **state)
{
	struct pr_request q = request(PR_PREEMPT_AND_ABORT, B, KEY_B, KEY_B);

	(void)state;
	q.type = PR_EXCLUSIVE_ACCESS_RO;
	apply_to(state_of(PR_WRITE_EXCLUSIVE, B, KEY_C), &q);
	assert_int_equal(change.next->count, 3);
	assert_int_equal(change.next->type, PR_EXCLUSIVE_ACCESS_RO);
	assert_int_equal(holder_of(change.next), B);
	assert_tells(PR_TELL_RELEASED, 0, PR_TELL_RELEASED);
	done();
}

static void test_scope_and_type_of_what_it_takes(void **state)
{
	struct pr_request q = request(PR_PREEMPT, A, KEY_A, KEY_B);

	(void)state;
	q.type = 2;
	assert_refused(PR_WRITE_EXCLUSIVE, B, &q, SENSE_INVALID_FIELD_IN_CDB, 2);
	q.type = 1;
	q.scope = 1;
	assert_refused(PR_WRITE_EXCLUSIVE, B, &q, SENSE_INVALID_FIELD_IN_CDB, 2);
}

/* ---- REGISTER AND MOVE ---- */

static struct pr_request move(int from, uint64_t key, int to, uint16_t port)
{
	struct pr_request q = request(PR_REGISTER_AND_MOVE, from, key, 5);

	name_id(0, to);
	q.nids = 1;
	q.move_port = port;
	return q;
}

static void test_move_to_one_not_registered(void **state)
{
	static const uint8_t one[] = { 1, 3, 5, 6 };

	(void)state;
	for (unsigned i = 0; i < sizeof(one); i++) {
		struct pr_request q = move(B, KEY_B, D, 9);

		q.type = 15; /* ignored, as the scope */
		apply_to(state_of(one[i], B, KEY_C), &q);
		assert_int_equal(change.next->type, one[i]);
		assert_int_equal(holder_of(change.next), D);
		assert_int_equal(key_at(change.next, D, 9), 5);
		assert_int_equal(key_at(change.next, B, 1), KEY_B);
		assert_int_equal(change.next->generation, 11);
		assert_tells(0, 0, 0);
		done();
	}
}

static void test_move_to_a_registrant_and_leave(void **state)
{
	struct pr_request q = move(B, KEY_B, C, 1);

	(void)state;
	q.unreg = true;
	q.aptpl = true;
	apply_to(state_of(PR_WRITE_EXCLUSIVE_RO, B, KEY_C), &q);
	assert_int_equal(change.next->count, 2);
	assert_int_equal(holder_of(change.next), C);
	assert_int_equal(key_at(change.next, C, 1), 5);
	assert_int_equal(change.next->type, PR_WRITE_EXCLUSIVE_RO);
	assert_true(change.next->aptpl);
	done();
}

static void test_move_is_the_holders(void **state)
{
	struct pr_request q = move(A, KEY_A, D, 9);

	(void)state;
	assert_refused(PR_WRITE_EXCLUSIVE, B, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	assert_refused(PR_WRITE_EXCLUSIVE_AR, B, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	assert_refused(PR_EXCLUSIVE_ACCESS_AR, B, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	assert_refused(PR_NONE, NOBODY, &q, SENSE_INVALID_FIELD_IN_CDB, PR_NO_FIELD);
}

static void test_move_that_is_refused(void **state)
{
	struct pr_request q = move(B, KEY_B, D, 9);

	(void)state;
	q.sa_key = 0;
	assert_refused(PR_WRITE_EXCLUSIVE, B, &q, SENSE_INVALID_FIELD_IN_LIST, 8);
	q.sa_key = 5;
	q.aptpl = true;
	q.can_keep = false;
	assert_refused(PR_WRITE_EXCLUSIVE, B, &q, SENSE_INVALID_FIELD_IN_LIST, 17);
	q = move(B, KEY_B, D, 3); /* no such port */
	assert_refused(PR_WRITE_EXCLUSIVE, B, &q, SENSE_INVALID_FIELD_IN_LIST, 18);
	q = move(B, KEY_B, B, 9); /* the initiator itself */
	assert_refused(PR_WRITE_EXCLUSIVE, B, &q, SENSE_INVALID_FIELD_IN_LIST, 24);
	q = move(B, KEY_B, D, 9);
	ids[0] = 0x05;
	assert_refused(PR_WRITE_EXCLUSIVE, B, &q, SENSE_INVALID_FIELD_IN_LIST, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_reservation_registrations_go),
		cmocka_unit_test(test_with_a_reservation_of_another),
		cmocka_unit_test(test_one_of_all_registrants),
		cmocka_unit_test(test_a_key_of_nobody),
		cmocka_unit_test(test_key_zero_is_for_all_registrants),
		cmocka_unit_test(test_its_own_registration),
		cmocka_unit_test(test_the_reservation_is_taken),
		cmocka_unit_test(test_everybody_with_the_holders_key_goes),
		cmocka_unit_test(test_all_registrants_but_one),
		cmocka_unit_test(test_the_holder_preempts_itself),
		cmocka_unit_test(test_scope_and_type_of_what_it_takes),
		cmocka_unit_test(test_move_to_one_not_registered),
		cmocka_unit_test(test_move_to_a_registrant_and_leave),
		cmocka_unit_test(test_move_is_the_holders),
		cmocka_unit_test(test_move_that_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
