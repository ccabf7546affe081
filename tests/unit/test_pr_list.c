/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pr_env.h"

static void test_nothing_there(void **state)
{
	struct env *e = *state;
	struct lu_reservation r;

	lu_reservation(e->lu, &r);
	assert_int_equal(r.registrants, 0);
	assert_int_equal(r.generation, 0);
	assert_false(r.kept);
	assert_null(r.type);
	assert_null(r.reserver);
}

static void test_reserved_by_a_session(void **state)
{
	struct env *e = *state;
	struct lu_reservation r;

	status_of(e, e->b, (const uint8_t[16]){ 0x16 });
	lu_reservation(e->lu, &r);
	assert_string_equal(r.reserver, "host-b");
}

static void test_every_type_has_a_name(void **state)
{
	static const struct {
		uint8_t type;
		const char *name;
	} rows[] = {
		{ 1, "Write Exclusive" },
		{ 3, "Exclusive Access" },
		{ 5, "Write Exclusive, registrants only" },
		{ 6, "Exclusive Access, registrants only" },
		{ 7, "Write Exclusive, all registrants" },
		{ 8, "Exclusive Access, all registrants" },
	};
	struct env *e = *state;
	struct lu_reservation r;

	pr_register(e, e->a, KEY_A);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		pr_good(e, e->a, PR_RESERVE, rows[i].type, KEY_A, 0);
		lu_reservation(e->lu, &r);
		assert_string_equal(r.type, rows[i].name);
		pr_good(e, e->a, PR_RELEASE, rows[i].type, KEY_A, 0);
	}
}

static void test_registrants_and_their_sessions(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct lu_reservation r;
	struct lu_registrant who;
	uint8_t id[16];

	pr_register(e, e->a, KEY_A);
	pr_out(e, pe->c, PR_REGISTER, 0, 0, KEY_C, 0x01);
	pr_good(e, pe->c, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_C, 0);
	lu_reservation(e->lu, &r);
	assert_int_equal(r.registrants, 2);
	assert_int_equal(r.generation, 2);
	assert_true(r.kept);
	lu_registrant(e->lu, 0, &who);
	assert_memory_equal(who.initiator_port_id, e->a->initiator_port_id, 16);
	assert_int_equal(who.rel_tgt_id, 7);
	assert_true(who.key == KEY_A && !who.holder);
	assert_string_equal(who.session, "host-a");
	lu_registrant(e->lu, 1, &who);
	assert_int_equal(who.rel_tgt_id, 8);
	assert_true(who.key == KEY_C && who.holder);
	assert_string_equal(who.session, "host-c");
	/* Who is gone is registered still. */
	memcpy(id, pe->c->initiator_port_id, 16);
	nexus_destroy(pe->c);
	env_pump(e);
	lu_registrant(e->lu, 1, &who);
	assert_true(who.key == KEY_C && !who.session);
	pe->c = nexus_create(e->device, &pe->ports[1], id, "host-c");
	env_map_lun0(e, pe->c, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PR_TEST(test_nothing_there),
		PR_TEST(test_reserved_by_a_session),
		PR_TEST(test_every_type_has_a_name),
		PR_TEST(test_registrants_and_their_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
