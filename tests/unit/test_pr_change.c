/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of each service action: state and request in, next state and whom to tell out. */
#include "pr_util.h"

/* ---- REGISTER ---- */

static void test_register(void **state)
{
	struct pr_request q = request(PR_REGISTER, D, 0, 5);

	(void)state;
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_int_equal(key_at(change.next, D, 1), 5);
	assert_int_equal(change.next->count, 4);
	assert_int_equal(change.next->generation, 11);
	assert_tells(0, 0, 0);
	done();
}

static void test_register_needs_the_key_it_has(void **state)
{
	struct pr_request q = request(PR_REGISTER, D, 1, 5);

	(void)state;
	assert_refused(0, NOBODY, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	q = request(PR_REGISTER, A, 0, 5);
	assert_refused(0, NOBODY, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	q = request(PR_REGISTER, A, KEY_B, 5);
	assert_refused(0, NOBODY, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	q = request(PR_REGISTER, A, KEY_B, 0);
	assert_refused(0, NOBODY, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
}

static void test_register_nothing(void **state)
{
	struct pr_request q = request(PR_REGISTER, D, 0, 0);

	(void)state;
	q.aptpl = true;
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_null(change.next);
	done();
	q = request(PR_REGISTER_AND_IGNORE, D, 77, 0);
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_null(change.next);
	done();
}

static void test_a_new_key_keeps_the_reservation(void **state)
{
	struct pr_request q = request(PR_REGISTER, B, KEY_B, 5);

	(void)state;
	apply_to(state_of(PR_EXCLUSIVE_ACCESS, B, KEY_C), &q);
	assert_int_equal(key_at(change.next, B, 1), 5);
	assert_int_equal(holder_of(change.next), B);
	assert_int_equal(change.next->generation, 11);
	done();
}

static void test_ignore_the_existing_key(void **state)
{
	struct pr_request q = request(PR_REGISTER_AND_IGNORE, B, 12345, 5);

	(void)state;
	apply_to(state_of(PR_EXCLUSIVE_ACCESS, B, KEY_C), &q);
	assert_int_equal(key_at(change.next, B, 1), 5);
	assert_int_equal(holder_of(change.next), B);
	done();
	q = request(PR_REGISTER_AND_IGNORE, D, 12345, 5);
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_int_equal(key_at(change.next, D, 1), 5);
	done();
	q = request(PR_REGISTER_AND_IGNORE, B, 12345, 0);
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_int_equal(key_at(change.next, B, 1), 0);
	done();
}

static void test_the_last_aptpl_counts(void **state)
{
	struct pr_request q = request(PR_REGISTER, D, 0, 5);

	(void)state;
	q.aptpl = true;
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_true(change.next->aptpl);
	done();
	q = request(PR_REGISTER, A, KEY_A, 5);
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_false(change.next->aptpl);
	done();
	/* Other service actions do not look at it. */
	q = request(PR_RESERVE, A, KEY_A, 0);
	old = state_of(0, NOBODY, KEY_C);
	old->aptpl = true;
	apply_to(old, &q);
	assert_true(change.next->aptpl);
	done();
}

static void test_aptpl_without_a_store(void **state)
{
	struct pr_request q = request(PR_REGISTER, D, 0, 5);

	(void)state;
	q.aptpl = true;
	q.can_keep = false;
	assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_LIST, 20);
	q.action = PR_REGISTER_AND_IGNORE;
	assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_LIST, 20);
}

static void test_all_target_ports(void **state)
{
	struct pr_request q = request(PR_REGISTER, D, 0, 5);

	(void)state;
	q.all_tg_pt = true;
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_int_equal(change.next->count, 6);
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
		assert_int_equal(key_at(change.next, D, ports[i]), 5);
	done();
	/* Registered at one, it changes that and adds the others; and leaves all again. */
	q = request(PR_REGISTER, A, KEY_A, 5);
	q.all_tg_pt = true;
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_int_equal(change.next->count, 5);
	assert_int_equal(key_at(change.next, A, 1), 5);
	assert_int_equal(key_at(change.next, A, 9), 5);
	pr_free(old);
	old = change.next;
	change.next = NULL;
	pr_change_free(&change);
	q.key = 5;
	q.sa_key = 0;
	apply_to(old, &q);
	assert_int_equal(change.next->count, 2);
	done();
}

static void test_others_by_transport_id(void **state)
{
	struct pr_request q = request(PR_REGISTER, D, 0, 5);

	(void)state;
	q.spec_i_pt = true;
	q.nids = 3;
	name_id(0, 40);
	name_id(1, D); /* itself, and twice the same, are no error */
	name_id(2, 40);
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_int_equal(change.next->count, 5);
	assert_int_equal(key_at(change.next, D, 1), 5);
	assert_int_equal(key_at(change.next, 40, 1), 5);
	done();
	q.all_tg_pt = true;
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_int_equal(change.next->count, 9);
	assert_int_equal(key_at(change.next, 40, 9), 5);
	done();
}

static void test_transport_ids_that_are_refused(void **state)
{
	struct pr_request q = request(PR_REGISTER, D, 0, 5);

	(void)state;
	q.spec_i_pt = true;
	q.nids = 2;
	name_id(0, 40);
	name_id(1, B);
	assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_LIST, 28 + 24);
	ids[0] = 0x06; /* SAS */
	assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_LIST, 28);
	/* From who is registered, and with another service action. */
	q = request(PR_REGISTER, A, KEY_A, 5);
	q.spec_i_pt = true;
	assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_CDB, PR_NO_FIELD);
	q.action = PR_REGISTER_AND_IGNORE;
	assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_LIST, 20);
}

static void test_flags_of_register_only(void **state)
{
	static const enum pr_action actions[] = { PR_RESERVE, PR_RELEASE, PR_CLEAR, PR_PREEMPT,
						  PR_PREEMPT_AND_ABORT };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
		struct pr_request q = request(actions[i], A, KEY_A, KEY_B);

		q.spec_i_pt = true;
		assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_LIST, 20);
		q.spec_i_pt = false;
		q.all_tg_pt = true;
		assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_LIST, 20);
	}
}

static void test_registrations_are_limited(void **state)
{
	struct pr *pr = pr_copy(&pr_none, PR_MAX);
	struct pr_request q = request(PR_REGISTER, 0, 0, 5);
	struct pr_change c;

	(void)state;
	for (uint16_t port = 1; port <= PR_MAX; port++) {
		struct pr_nexus n = nexus_at(7, port);

		assert_true(pr_set_key(pr, &n, 1));
	}
	assert_int_equal(pr_apply(&c, pr, &q), SENSE_REGISTRATION_RESOURCES);
	pr_change_free(&c);
	/* Room for one, not for all ports. */
	pr_remove(pr, 0);
	q.all_tg_pt = true;
	assert_int_equal(pr_apply(&c, pr, &q), SENSE_REGISTRATION_RESOURCES);
	pr_change_free(&c);
	q.all_tg_pt = false;
	assert_int_equal(pr_apply(&c, pr, &q), SENSE_OK);
	assert_int_equal(c.next->count, PR_MAX);
	pr_change_free(&c);
	pr_free(pr);
}

/* ---- unregistering ---- */

static void test_unregister(void **state)
{
	/* Type; of the holder B: is it still there, what A and C hear. */
	static const struct {
		uint8_t type, after, tell;
	} rows[] = {
		{ PR_NONE, PR_NONE, 0 },
		{ PR_WRITE_EXCLUSIVE, PR_NONE, 0 },
		{ PR_EXCLUSIVE_ACCESS, PR_NONE, 0 },
		{ PR_WRITE_EXCLUSIVE_RO, PR_NONE, PR_TELL_RELEASED },
		{ PR_EXCLUSIVE_ACCESS_RO, PR_NONE, PR_TELL_RELEASED },
		{ PR_WRITE_EXCLUSIVE_AR, PR_WRITE_EXCLUSIVE_AR, 0 },
		{ PR_EXCLUSIVE_ACCESS_AR, PR_EXCLUSIVE_ACCESS_AR, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pr_request q = request(PR_REGISTER, B, KEY_B, 0);

		apply_to(state_of(rows[i].type, B, KEY_C), &q);
		assert_int_equal(change.next->type, rows[i].after);
		assert_int_equal(change.next->count, 2);
		assert_int_equal(change.next->generation, 11);
		assert_tells(rows[i].tell, 0, rows[i].tell);
		done();
		/* Who does not hold it changes nothing of it. */
		q = request(PR_REGISTER, A, KEY_A, 0);
		apply_to(state_of(rows[i].type, B, KEY_C), &q);
		assert_int_equal(change.next->type, rows[i].type);
		assert_tells(0, 0, 0);
		done();
	}
}

/* ---- RESERVE and RELEASE ---- */

static void test_reserve(void **state)
{
	static const uint8_t types[] = { 1, 3, 5, 6, 7, 8 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		struct pr_request q = request(PR_RESERVE, B, KEY_B, 0);

		q.type = types[i];
		apply_to(state_of(0, NOBODY, KEY_C), &q);
		assert_int_equal(change.next->type, types[i]);
		assert_true(pr_is_holder(change.next, B));
		assert_int_equal(change.next->generation, 10);
		done();
		/* Again the same: nothing changes; another type, or another nexus: conflict. */
		apply_to(state_of(types[i], B, KEY_C), &q);
		assert_null(change.next);
		done();
		q.type = types[(i + 1) % ARRAY_SIZE(types)];
		assert_refused(types[i], B, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
		if (pr_type_is(types[i], PR_TYPES_AR))
			continue;
		q.type = types[i];
		assert_refused(types[i], A, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	}
}

static void test_scope_and_type(void **state)
{
	static const enum pr_action actions[] = { PR_RESERVE, PR_RELEASE };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
		struct pr_request q = request(actions[i], B, KEY_B, 0);

		q.scope = 1;
		assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_CDB, 2);
		q.scope = 0;
		for (q.type = 0; q.type < 16; q.type++)
			if (!pr_type_is(q.type, PR_TYPES))
				assert_refused(0, NOBODY, &q, SENSE_INVALID_FIELD_IN_CDB, 2);
	}
}

static void test_only_with_the_registered_key(void **state)
{
	static const enum pr_action actions[] = { PR_RESERVE, PR_RELEASE, PR_CLEAR, PR_PREEMPT,
						  PR_PREEMPT_AND_ABORT, PR_REGISTER_AND_MOVE };

	(void)state;
	name_id(0, C);
	for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
		struct pr_request q = request(actions[i], A, KEY_B, KEY_B);

		assert_refused(PR_WRITE_EXCLUSIVE, A, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
		q = request(actions[i], D, 0, KEY_B);
		assert_refused(PR_WRITE_EXCLUSIVE, A, &q, SENSE_RESERVATION_CONFLICT, PR_NO_FIELD);
	}
}

static void test_release(void **state)
{
	static const struct {
		uint8_t type, tell;
	} rows[] = {
		{ PR_WRITE_EXCLUSIVE, 0 },
		{ PR_EXCLUSIVE_ACCESS, 0 },
		{ PR_WRITE_EXCLUSIVE_RO, PR_TELL_RELEASED },
		{ PR_EXCLUSIVE_ACCESS_RO, PR_TELL_RELEASED },
		{ PR_WRITE_EXCLUSIVE_AR, PR_TELL_RELEASED },
		{ PR_EXCLUSIVE_ACCESS_AR, PR_TELL_RELEASED },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pr_request q = request(PR_RELEASE, B, KEY_B, 0);

		q.type = rows[i].type;
		apply_to(state_of(rows[i].type, B, KEY_C), &q);
		assert_int_equal(change.next->type, PR_NONE);
		assert_int_equal(change.next->count, 3);
		assert_int_equal(change.next->generation, 10);
		assert_tells(rows[i].tell, 0, rows[i].tell);
		done();
		q.type = rows[(i + 1) % ARRAY_SIZE(rows)].type;
		assert_refused(rows[i].type, B, &q, SENSE_INVALID_RELEASE, PR_NO_FIELD);
	}
}

static void test_release_what_one_has_not(void **state)
{
	struct pr_request q = request(PR_RELEASE, A, KEY_A, 0);

	(void)state;
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_null(change.next);
	done();
	apply_to(state_of(PR_EXCLUSIVE_ACCESS_RO, B, KEY_C), &q);
	assert_null(change.next);
	done();
}

static void test_clear(void **state)
{
	struct pr_request q = request(PR_CLEAR, B, KEY_B, 0);

	(void)state;
	q.scope = 3; /* ignored, as the type */
	q.type = 15;
	old = state_of(PR_EXCLUSIVE_ACCESS, A, KEY_C);
	old->aptpl = true;
	apply_to(old, &q);
	assert_int_equal(change.next->count, 0);
	assert_int_equal(change.next->type, PR_NONE);
	assert_int_equal(change.next->generation, 11);
	assert_true(change.next->aptpl);
	done();
}

static void test_clear_tells_the_others(void **state)
{
	struct pr_request q = request(PR_CLEAR, B, KEY_B, 0);

	(void)state;
	apply_to(state_of(0, NOBODY, KEY_C), &q);
	assert_tells(PR_TELL_PREEMPTED, 0, PR_TELL_PREEMPTED);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_register_needs_the_key_it_has),
		cmocka_unit_test(test_register_nothing),
		cmocka_unit_test(test_a_new_key_keeps_the_reservation),
		cmocka_unit_test(test_ignore_the_existing_key),
		cmocka_unit_test(test_the_last_aptpl_counts),
		cmocka_unit_test(test_aptpl_without_a_store),
		cmocka_unit_test(test_all_target_ports),
		cmocka_unit_test(test_others_by_transport_id),
		cmocka_unit_test(test_transport_ids_that_are_refused),
		cmocka_unit_test(test_flags_of_register_only),
		cmocka_unit_test(test_registrations_are_limited),
		cmocka_unit_test(test_unregister),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_scope_and_type),
		cmocka_unit_test(test_only_with_the_registered_key),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_what_one_has_not),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_clear_tells_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
