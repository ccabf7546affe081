/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An LU that a cluster moves: its reservations and mode pages come from where it was. */
#include "pr_env.h"

#include "scsi/mode.h"

#include <errno.h>

#define EXCLUSIVE PR_WRITE_EXCLUSIVE_RO

struct moving {
	struct alua_group *g;
	uint8_t *kept; /* what the other node has */
	size_t len;
};

static struct moving m;

static int setup(void **state)
{
	const struct alua_params p = { .gated = true };
	struct env *e;

	pr_env_setup(state);
	e = *state;
	memset(&m, 0, sizeof(m));
	assert_int_equal(alua_group_create(e->device, &p, &m.g), 0);
	lu_set_alua_group(e->lu, m.g);
	env_clear_ua(e->a);
	env_clear_ua(e->b);
	env_clear_ua(((struct pr_env *)*state)->c);
	alua_group_gate_open(m.g, 1, UINT64_MAX);
	return 0;
}

static int teardown(void **state)
{
	alua_group_destroy(m.g);
	free(m.kept);
	return pr_env_teardown(state);
}

/* What the store has now is what another node will find. */
static void keep(struct pr_env *pe)
{
	m.len = pe->store.kept_len;
	m.kept = malloc(m.len ? m.len : 1);
	memcpy(m.kept, pe->store.kept, m.len);
}

static unsigned news(struct env *e, struct nexus *n)
{
	struct itl *itl = lun_map_find(nexus_map(n), 0);
	unsigned bits = atomic_load(&itl->ua.bits);

	(void)e;
	env_clear_ua(n);
	return bits;
}

/* a and b are registered, b holds the reservation; without APTPL. */
static void reserve_both(struct env *e)
{
	struct task t;

	t = pr_out(e, e->a, PR_REGISTER, 0, 0, KEY_A, 0);
	assert_good(&t);
	t = pr_out(e, e->b, PR_REGISTER, 0, 0, KEY_B, 0);
	assert_good(&t);
	t = pr_out(e, e->b, PR_RESERVE, EXCLUSIVE, KEY_B, 0, 0);
	assert_good(&t);
}

static void test_all_is_kept_also_without_aptpl(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	const struct pr *pr;

	reserve_both(e);
	assert_int_equal(pe->store.saves, 3);
	keep(pe);
	assert_int_equal(lu_state_replace(e->lu, NULL, 0), 0);
	assert_int_equal(e->lu->pr->count, 0);
	env_clear_ua(e->a);
	env_clear_ua(e->b);
	assert_int_equal(lu_state_replace(e->lu, m.kept, m.len), 0);
	pr = e->lu->pr;
	assert_int_equal(pr->count, 2);
	assert_int_equal(pr->type, EXCLUSIVE);
	assert_int_equal(pr->r[pr->holder].key, KEY_B);
	assert_int_equal(pr->generation, 2);
	assert_false(pr->aptpl);
	/* Nobody had lost anything here. */
	assert_int_equal(news(e, e->a), 0);
	assert_int_equal(news(e, e->b), 0);
}

static void test_who_lost_something_hears_of_it(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t;

	reserve_both(e);
	keep(pe);
	/* Here it goes on: the reservation is released, and b unregisters. */
	t = pr_out(e, e->b, PR_RELEASE, EXCLUSIVE, KEY_B, 0, 0);
	assert_good(&t);
	env_clear_ua(e->a);
	assert_int_equal(lu_state_replace(e->lu, m.kept, m.len), 0);
	assert_int_equal(news(e, e->a), 0);
	assert_int_equal(lu_state_replace(e->lu, m.kept, m.len), 0);
	assert_int_equal(news(e, e->a), 0);
	assert_int_equal(news(e, e->b), 0);
	assert_int_equal(lu_state_replace(e->lu, NULL, 0), 0);
	assert_int_equal(news(e, e->a), UA_BIT(UA_REGISTRATIONS_PREEMPTED));
	assert_int_equal(news(e, e->b), UA_BIT(UA_REGISTRATIONS_PREEMPTED));
	assert_int_equal(news(e, pe->c), 0);
}

static void test_a_reservation_that_is_gone(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t;

	t = pr_out(e, e->a, PR_REGISTER, 0, 0, KEY_A, 0);
	t = pr_out(e, e->b, PR_REGISTER, 0, 0, KEY_B, 0);
	assert_good(&t);
	keep(pe);
	t = pr_out(e, e->b, PR_RESERVE, EXCLUSIVE, KEY_B, 0, 0);
	assert_good(&t);
	assert_int_equal(lu_state_replace(e->lu, m.kept, m.len), 0);
	assert_int_equal(news(e, e->a), UA_BIT(UA_RELEASED));
	assert_int_equal(news(e, e->b), UA_BIT(UA_RELEASED));
	assert_int_equal(news(e, pe->c), 0);
}

static void test_the_gates_are_those_of_the_new_state(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t;

	reserve_both(e);
	keep(pe);
	assert_int_equal(lu_state_replace(e->lu, NULL, 0), 0);
	for (int i = 0; i < 2; i++) {
		env_clear_ua(e->a);
		env_clear_ua(e->b);
		env_clear_ua(pe->c);
		TASK_INIT(e, &t, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0);
		t.sc.nexus = pe->c;
		task_out(&t, NULL, 512);
		task_run(e, &t);
		assert_int_equal(t.sc.status, i ? SCSI_RESERVATION_CONFLICT : SCSI_GOOD);
		task_free(&t);
		assert_int_equal(lu_state_replace(e->lu, m.kept, m.len), 0);
	}
}

static void test_mode_pages(void **state)
{
	/* The section of the queue algorithm's QERR, saved as 1. */
	static const uint8_t qerr_saved[] = { 0, 2, 0, 0, 0, 2, MODE_QERR, 1 };
	struct env *e = *state;

	assert_int_equal(lu_state_replace(e->lu, qerr_saved, sizeof(qerr_saved)), 0);
	assert_int_equal(atomic_load(&e->lu->modes.qerr), 1);
	assert_int_equal(mode_saved(e->lu), mode_current(e->lu));
	assert_int_equal(news(e, e->a), UA_BIT(UA_MODE_CHANGED));
	assert_int_equal(lu_state_replace(e->lu, qerr_saved, sizeof(qerr_saved)), 0);
	assert_int_equal(news(e, e->a), 0);
	assert_int_equal(lu_state_replace(e->lu, NULL, 0), 0);
	assert_int_equal(mode_current(e->lu), mode_default(e->lu));
	assert_int_equal(news(e, e->a), UA_BIT(UA_MODE_CHANGED));
}

static void test_what_is_not_understood_changes_nothing(void **state)
{
	static const uint8_t bad[] = { 0, 2, 0, 0, 0, 2, MODE_QERR, 1, 0, 99, 0, 0, 0, 1, 0 };
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	const struct pr *pr;

	reserve_both(e);
	pr = e->lu->pr;
	assert_int_equal(lu_state_replace(e->lu, bad, sizeof(bad)), -EINVAL);
	assert_ptr_equal(e->lu->pr, pr);
	assert_int_equal(mode_current(e->lu), mode_default(e->lu));
	assert_int_equal(news(e, e->a), 0);
}

/* It was written while the gate was open; what the initiator hears is that it must ask again. */
static void test_the_gate_closes_while_it_is_saved(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	uint8_t list[LIST];
	struct task t;

	list_fill(list, LIST, 0, KEY_A, 0);
	pr_out_init(e, &t, e->a, PR_REGISTER, 0, list, LIST);
	pe->store.hold = true;
	scsi_submit(&t.sc);
	env_pump(e);
	assert_int_equal(t.responds, 0);
	assert_int_equal(lu_state_replace(e->lu, NULL, 0), -EBUSY);
	alua_group_gate_close(m.g);
	store_finish(&pe->store);
	env_pump(e);
	assert_sense(&t, SENSE_ALUA_TRANSITION);
	assert_int_equal(e->lu->pr->count, 1);
	task_free(&t);
}

static void test_without_a_store_saves_fail(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t;

	lu_set_store(e->lu, NULL);
	t = pr_out(e, e->a, PR_REGISTER, 0, 0, KEY_A, 1);
	assert_sense(&t, SENSE_INTERNAL_FAILURE);
	lu_set_store(e->lu, &pe->store.store);
	t = pr_out(e, e->a, PR_REGISTER, 0, 0, KEY_A, 1);
	assert_good(&t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_all_is_kept_also_without_aptpl),
		T(test_who_lost_something_hears_of_it),
		T(test_a_reservation_that_is_gone),
		T(test_the_gates_are_those_of_the_new_state),
		T(test_mode_pages),
		T(test_what_is_not_understood_changes_nothing),
		T(test_the_gate_closes_while_it_is_saved),
		T(test_without_a_store_saves_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
