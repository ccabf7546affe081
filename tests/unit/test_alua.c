/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alua_util.h"

#include "scsi/access.h"

#include <errno.h>

static struct itl *itl_of(struct nexus *n)
{
	return lun_map_find(nexus_map(n), 0);
}

static unsigned gate(struct nexus *n)
{
	return atomic_load(&itl_of(n)->gate);
}

static unsigned pending(struct nexus *n)
{
	return atomic_load(&itl_of(n)->ua.bits);
}

static struct nexus *other_port(struct groups *t, uint16_t rel_tgt_id)
{
	const struct scsi_port port = { .rel_tgt_id = rel_tgt_id };
	const uint8_t id[16] = { 9 };
	struct nexus *n = nexus_create(t->e.device, &port, id, "other");

	env_map_lun0(&t->e, n, false);
	return n;
}

static void test_states_close_the_gate(void **state)
{
	static const struct {
		enum alua_state state;
		unsigned gate;
		enum scsi_sense sense;
	} rows[] = {
		{ ALUA_NONOPTIMIZED, 0, SENSE_OK },
		{ ALUA_STANDBY, GATE_STANDBY, SENSE_ALUA_STANDBY },
		{ ALUA_UNAVAILABLE, GATE_UNAVAILABLE, SENSE_ALUA_UNAVAILABLE },
		{ ALUA_OFFLINE, GATE_OFFLINE, SENSE_ALUA_OFFLINE },
		{ ALUA_TRANSITIONING, GATE_TRANSITION, SENSE_ALUA_TRANSITION },
		{ ALUA_OPTIMIZED, 0, SENSE_OK },
	};
	struct groups *t = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		local_state(t, rows[i].state);
		assert_int_equal(alua_group_state(t->g, LOCAL), rows[i].state);
		assert_int_equal(gate(t->e.a), rows[i].gate);
		env_clear_ua(t->e.a);
		ready(t, t->e.a, rows[i].sense);
	}
}

/* Also those that came through the ports of another group: it is the LU's state. */
static void test_every_nexus_is_told_once(void **state)
{
	struct groups *t = *state;
	struct nexus *far = other_port(t, REMOTE_PORT), *out = other_port(t, 55);

	env_clear_ua(far);
	env_clear_ua(out);
	local_state(t, ALUA_STANDBY);
	ready(t, t->e.a, SENSE_UA_ALUA_CHANGED);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
	ready(t, t->e.b, SENSE_UA_ALUA_CHANGED);
	ready(t, t->e.b, SENSE_ALUA_STANDBY);
	ready(t, far, SENSE_UA_ALUA_CHANGED);
	ready(t, far, SENSE_ALUA_STANDBY);
	ready(t, out, SENSE_UA_ALUA_CHANGED);
	ready(t, out, SENSE_OK);
	local_state(t, ALUA_OPTIMIZED);
	ready(t, t->e.a, SENSE_UA_ALUA_CHANGED);
	ready(t, t->e.a, SENSE_OK);
	nexus_destroy(far);
	nexus_destroy(out);
	env_pump(&t->e);
}

static void test_no_change_is_not_told(void **state)
{
	struct groups *t = *state;

	local_state(t, ALUA_OPTIMIZED);
	assert_int_equal(alua_group_change(t->g, &t->params), 0);
	assert_int_equal(pending(t->e.a), 0);
	assert_int_equal(alua_find_port(alua_table(t->e.lu), LOCAL_PORT)->status, 0);
}

/* 02/04/0A says it; what is told is how the transition ended. */
static void test_a_transition_is_told_at_its_end(void **state)
{
	struct groups *t = *state;

	local_state(t, ALUA_TRANSITIONING);
	assert_int_equal(pending(t->e.a), 0);
	ready(t, t->e.a, SENSE_ALUA_TRANSITION);
	local_state(t, ALUA_OPTIMIZED);
	ready(t, t->e.a, SENSE_UA_ALUA_CHANGED);
	ready(t, t->e.a, SENSE_OK);
}

/* Its beginning is not told either, from wherever; nor that a transition has become one. */
static void test_a_vacancy_is_told_at_its_end(void **state)
{
	struct groups *t = *state;

	local_state(t, ALUA_TRANSITIONING);
	local_state(t, ALUA_VACANT);
	assert_int_equal(pending(t->e.a), 0);
	assert_int_equal(gate(t->e.a), GATE_VACANT);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
	local_state(t, ALUA_STANDBY);
	ready(t, t->e.a, SENSE_UA_ALUA_CHANGED);
	local_state(t, ALUA_VACANT);
	assert_int_equal(pending(t->e.a), 0);
	local_state(t, ALUA_OPTIMIZED);
	ready(t, t->e.a, SENSE_UA_ALUA_CHANGED);
	ready(t, t->e.a, SENSE_OK);
}

static void test_a_failed_transition_is_told_as_such(void **state)
{
	struct groups *t = *state;

	local_state(t, ALUA_TRANSITIONING);
	assert_int_equal(alua_group_set_state(t->g, LOCAL, ALUA_STANDBY, true), 0);
	ready(t, t->e.a, SENSE_UA_ALUA_FAILED);
	ready(t, t->e.a, SENSE_ALUA_STANDBY);
	ready(t, t->e.b, SENSE_UA_ALUA_FAILED);
}

static void test_preference_is_told(void **state)
{
	struct groups *t = *state;

	t->groups[1].preferred = true;
	assert_int_equal(alua_group_change(t->g, &t->params), 0);
	assert_int_equal(pending(t->e.a), UA_BIT(UA_ALUA_CHANGED));
}

/* VPD 83h is another one then. */
static void test_other_ports_are_other_inquiry_data(void **state)
{
	struct groups *t = *state;

	t->groups[0].ports = remote_ports;
	t->groups[1].ports = local_ports;
	t->groups[1].n_ports = 1;
	assert_int_equal(alua_group_change(t->g, &t->params), 0);
	assert_int_equal(pending(t->e.a),
			 UA_BIT(UA_ALUA_CHANGED) | UA_BIT(UA_INQUIRY_CHANGED));
	assert_int_equal(gate(t->e.a), GATE_STANDBY);
	t->params.lu_group = 5;
	env_clear_ua(t->e.a);
	assert_int_equal(alua_group_change(t->g, &t->params), 0);
	assert_int_equal(pending(t->e.a), UA_BIT(UA_INQUIRY_CHANGED));
	t->params.n_groups = 1;
	assert_int_equal(alua_group_change(t->g, &t->params), 0);
	assert_int_equal(gate(t->e.a), 0);
}

static void test_who_logs_in_later_finds_the_gate_closed(void **state)
{
	struct groups *t = *state;
	struct nexus *n;

	local_state(t, ALUA_STANDBY);
	n = other_port(t, LOCAL_PORT);
	ready(t, n, SENSE_UA_POWER_ON);
	ready(t, n, SENSE_ALUA_STANDBY);
	nexus_destroy(n);
	env_pump(&t->e);
}

static void test_out_of_the_group_is_active(void **state)
{
	struct groups *t = *state;

	local_state(t, ALUA_OFFLINE);
	env_clear_ua(t->e.a);
	lu_set_alua_group(t->e.lu, NULL);
	assert_null(alua_table(t->e.lu));
	assert_int_equal(pending(t->e.a),
			 UA_BIT(UA_ALUA_CHANGED) | UA_BIT(UA_INQUIRY_CHANGED));
	env_clear_ua(t->e.a);
	ready(t, t->e.a, SENSE_OK);
	lu_set_alua_group(t->e.lu, t->g);
	env_clear_ua(t->e.a);
	ready(t, t->e.a, SENSE_ALUA_OFFLINE);
}

static void test_lus_of_a_group_change_together(void **state)
{
	struct groups *t = *state;
	struct lu_params p = t->e.params;
	struct backend be;
	struct lun_entry map[] = { { 0, false, t->e.lu }, { 1, false, NULL } };
	struct lu *lu;

	fake_backend_init(&be);
	p.name = "disk2";
	lu = env_add_lu(&t->e, &be, &p);
	map[1].lu = lu;
	env_map(&t->e, t->e.a, map, 2);
	lu_set_alua_group(lu, t->g);
	local_state(t, ALUA_UNAVAILABLE);
	assert_ptr_equal(alua_table(lu), alua_table(t->e.lu));
	assert_int_equal(atomic_load(&lun_map_find(nexus_map(t->e.a), 1)->gate), GATE_UNAVAILABLE);
	env_map(&t->e, t->e.a, map, 1);
	env_destroy_lu(&t->e, lu);
	local_state(t, ALUA_OPTIMIZED);
	fake_backend_fini(&be);
}

/* How a group came to its state is said of each, and stays until it changes again. */
static void test_status_is_of_the_group_that_changed(void **state)
{
	struct groups *t = *state;
	const struct alua_table *table;

	assert_int_equal(alua_group_set_state(t->g, REMOTE, ALUA_OFFLINE, false), 0);
	table = alua_table(t->e.lu);
	assert_int_equal(table->groups[0].status, ALUA_STATUS_NONE);
	assert_int_equal(table->groups[1].status, ALUA_STATUS_IMPLICIT);
	local_state(t, ALUA_NONOPTIMIZED);
	table = alua_table(t->e.lu);
	assert_int_equal(table->groups[0].status, ALUA_STATUS_IMPLICIT);
	assert_int_equal(table->groups[1].status, ALUA_STATUS_IMPLICIT);
	assert_int_equal(alua_group_set_state(t->g, 3, ALUA_OFFLINE, false), -ENOENT);
}

static void test_bad_groups_are_refused(void **state)
{
	struct groups *t = *state;
	struct alua_target_group many[ALUA_GROUPS_MAX + 1];
	struct alua_params p = t->params;
	struct alua_group *g = NULL;

	t->groups[1].id = LOCAL;
	assert_int_equal(alua_group_change(t->g, &p), -EINVAL);
	t->groups[1].id = 0;
	assert_int_equal(alua_group_change(t->g, &p), -EINVAL);
	t->groups[1].id = REMOTE;
	t->groups[1].n_ports = 0;
	assert_int_equal(alua_group_change(t->g, &p), -EINVAL);
	t->groups[1].n_ports = ALUA_PORTS_MAX + 1;
	assert_int_equal(alua_group_create(t->e.device, &p, &g), -EINVAL);
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct alua_target_group){ (uint16_t)(i + 1), false, ALUA_OPTIMIZED,
						      local_ports, 1 };
	p.groups = many;
	p.n_groups = ARRAY_SIZE(many);
	assert_int_equal(alua_group_create(t->e.device, &p, &g), -EINVAL);
	assert_null(g);
	assert_int_equal(gate(t->e.a), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, groups_setup, groups_teardown)
	const struct CMUnitTest tests[] = {
		T(test_states_close_the_gate),
		T(test_every_nexus_is_told_once),
		T(test_no_change_is_not_told),
		T(test_a_transition_is_told_at_its_end),
		T(test_a_vacancy_is_told_at_its_end),
		T(test_a_failed_transition_is_told_as_such),
		T(test_preference_is_told),
		T(test_other_ports_are_other_inquiry_data),
		T(test_who_logs_in_later_finds_the_gate_closed),
		T(test_out_of_the_group_is_active),
		T(test_lus_of_a_group_change_together),
		T(test_status_is_of_the_group_that_changed),
		T(test_bad_groups_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
