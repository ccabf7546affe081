/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pr_env.h"

#include <errno.h>

#define APTPL 0x01
#define ALL_TG_PT 0x04
#define SPEC_I_PT 0x08

/* ---- parameter lists ---- */

static void assert_list(struct env *e, uint8_t action, const uint8_t *list, uint32_t len,
			enum scsi_sense s, int field)
{
	struct task t;

	pr_out_init(e, &t, e->a, action, PR_WRITE_EXCLUSIVE, list, len);
	task_run(e, &t);
	if (s)
		assert_sense(&t, s);
	else
		assert_good(&t);
	if (field >= 0)
		assert_field(&t, false, (unsigned)field, -1);
	task_free(&t);
}

static void test_list_of_24_bytes(void **state)
{
	struct env *e = *state;
	uint8_t list[64];

	for (uint8_t action = PR_REGISTER; action < PR_ACTIONS; action++) {
		list_fill(list, sizeof(list), 0, 0, 0);
		for (uint32_t len = 0; len < 40; len++)
			if (len != LIST)
				assert_list(e, action, list, len, SENSE_PARAMETER_LIST_LENGTH, -1);
	}
	assert_int_equal(generation(e), 0);
}

static void test_less_data_than_the_list(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x5f, 0, 0, 0, 0, 0, 0, 0, LIST);
	task_out(&t, NULL, LIST - 1);
	task_run(e, &t);
	assert_sense(&t, SENSE_BAD_COMMAND_IU);
	task_free(&t);
}

static void test_unknown_service_actions(void **state)
{
	struct env *e = *state;

	for (uint8_t action = PR_ACTIONS; action < 32; action++) {
		struct task t = pr_out(e, e->a, action, 0, 0, KEY_A, 0);

		assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
		assert_field(&t, true, 1, -1);
	}
}

static void test_lengths_of_transport_ids(void **state)
{
	struct env *e = *state;
	uint8_t list[28 + 2 * TRANSPORT_ID_SIZE];

	list_fill(list, sizeof(list), 0, KEY_A, SPEC_I_PT);
	assert_list(e, PR_REGISTER, list, 24, SENSE_PARAMETER_LIST_LENGTH, -1);
	put_be32(list + 24, 25);
	list[28] = list[52] = 4;
	assert_list(e, PR_REGISTER, list, 28 + 25, SENSE_INVALID_FIELD_IN_LIST, 24);
	put_be32(list + 24, 48);
	assert_list(e, PR_REGISTER, list, 28 + 24, SENSE_PARAMETER_LIST_LENGTH, -1);
	put_be32(list + 24, 0xffffffff);
	assert_list(e, PR_REGISTER, list, 28 + 24, SENSE_PARAMETER_LIST_LENGTH, -1);
	list[28] = 0x05;
	put_be32(list + 24, 24);
	assert_list(e, PR_REGISTER, list, 28 + 24, SENSE_INVALID_FIELD_IN_LIST, 28);
	assert_int_equal(generation(e), 0);
	/* None at all is a list, too. */
	put_be32(list + 24, 0);
	assert_list(e, PR_REGISTER, list, 28, SENSE_OK, -1);
}

static void test_lengths_of_move(void **state)
{
	struct env *e = *state;
	uint8_t list[24 + 2 * TRANSPORT_ID_SIZE];

	pr_register(e, e->a, KEY_A);
	pr_good(e, e->a, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	list_fill(list, sizeof(list), KEY_A, KEY_B, 0);
	list[24] = 4;
	list[26] = 9;
	list[19] = 8;
	put_be32(list + 20, 24);
	assert_list(e, PR_REGISTER_AND_MOVE, list, 47, SENSE_PARAMETER_LIST_LENGTH, -1);
	put_be32(list + 20, 0xfffffff0);
	assert_list(e, PR_REGISTER_AND_MOVE, list, 48, SENSE_PARAMETER_LIST_LENGTH, -1);
	put_be32(list + 20, 20);
	assert_list(e, PR_REGISTER_AND_MOVE, list, 44, SENSE_INVALID_FIELD_IN_LIST, 20);
	put_be32(list + 20, 28);
	assert_list(e, PR_REGISTER_AND_MOVE, list, 52, SENSE_INVALID_FIELD_IN_LIST, 20);
	put_be32(list + 20, 24);
	assert_list(e, PR_REGISTER_AND_MOVE, list, 48, SENSE_OK, -1);
}

static void test_bad_type_points_to_the_cdb(void **state)
{
	struct env *e = *state;
	struct task t;

	pr_register(e, e->a, KEY_A);
	t = pr_out(e, e->a, PR_RESERVE, 0x02, KEY_A, 0, 0);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 2, -1);
	t = pr_out(e, e->a, PR_RESERVE, 0x11, KEY_A, 0, 0);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
}

/* ---- what follows from it ---- */

static void test_registrations_belong_to_initiator_and_port(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;

	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	pr_register(e, pe->c, KEY_C);
	assert_int_equal(e->lu->pr->count, 3);
	/* Not with the key of another. */
	pr_conflicts(e, e->b, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	pr_good(e, e->b, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_B, 0);
	assert_int_equal(write_status(e, e->b), SCSI_GOOD);
	assert_int_equal(write_status(e, pe->c), SCSI_RESERVATION_CONFLICT);
	assert_int_equal(read_status(e, pe->c), SCSI_GOOD);
}

static void test_all_target_ports_are_those_of_the_device(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t = pr_out(e, e->a, PR_REGISTER, 0, 0, KEY_A, ALL_TG_PT);
	struct nexus *other;

	assert_good(&t);
	assert_int_equal(e->lu->pr->count, 2);
	pr_good(e, e->a, PR_RESERVE, PR_EXCLUSIVE_ACCESS_RO, KEY_A, 0);
	/* A path that is logged in to only now has it, too. */
	other = nexus_create(e->device, &pe->ports[1], e->a->initiator_port_id, "again");
	env_map_lun0(e, other, false);
	env_clear_ua(other);
	assert_int_equal(write_status(e, other), SCSI_GOOD);
	assert_int_equal(write_status(e, pe->c), SCSI_RESERVATION_CONFLICT);
	nexus_destroy(other);
	env_pump(e);
}

/* The pair of nodes is one device: what moves to the other node must be good there. */
static void test_all_target_ports_of_the_device_group(void **state)
{
	static const uint16_t near[] = { 7, 8 }, far[] = { 90, 91 };
	struct alua_target_group groups[] = {
		{ 1, false, ALUA_OPTIMIZED, near, 2 }, { 2, false, ALUA_STANDBY, far, 2 },
	};
	const struct alua_params params = { 0, 60, groups, 2, false };
	struct env *e = *state;
	struct alua_group *g;
	struct task t;

	assert_int_equal(alua_group_create(e->device, &params, &g), 0);
	lu_set_alua_group(e->lu, g);
	env_pump(e);
	env_clear_ua(e->a);
	t = pr_out(e, e->a, PR_REGISTER, 0, 0, KEY_A, ALL_TG_PT);
	assert_good(&t);
	assert_int_equal(e->lu->pr->count, 4);
	assert_int_equal(e->lu->pr->r[3].nexus.port, 91);
	t = pr_out(e, e->a, PR_REGISTER, 0, KEY_A, 0, ALL_TG_PT);
	assert_good(&t);
	assert_int_equal(e->lu->pr->count, 0);
	alua_group_destroy(g);
	env_pump(e);
}

static void test_registration_survives_the_session(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct nexus *again;
	uint8_t id[16];

	pr_register(e, pe->c, KEY_C);
	pr_good(e, pe->c, PR_RESERVE, PR_EXCLUSIVE_ACCESS, KEY_C, 0);
	memcpy(id, pe->c->initiator_port_id, 16);
	nexus_destroy(pe->c);
	env_pump(e);
	assert_int_equal(read_status(e, e->a), SCSI_RESERVATION_CONFLICT);
	/* At another port it is somebody else, at its own it holds it still. */
	again = nexus_create(e->device, &pe->ports[0], id, "host-c");
	env_map_lun0(e, again, false);
	env_clear_ua(again);
	assert_int_equal(read_status(e, again), SCSI_RESERVATION_CONFLICT);
	nexus_destroy(again);
	pe->c = nexus_create(e->device, &pe->ports[1], id, "host-c");
	env_map_lun0(e, pe->c, false);
	env_clear_ua(pe->c);
	assert_int_equal(write_status(e, pe->c), SCSI_GOOD);
	pr_good(e, pe->c, PR_RELEASE, PR_EXCLUSIVE_ACCESS, KEY_C, 0);
	assert_int_equal(read_status(e, e->a), SCSI_GOOD);
}

static void test_resets_do_not_release_it(void **state)
{
	struct env *e = *state;

	pr_register(e, e->a, KEY_A);
	pr_good(e, e->a, PR_RESERVE, PR_EXCLUSIVE_ACCESS, KEY_A, 0);
	tmf_run(e, e->b, SCSI_LU_RESET);
	tmf_run(e, e->a, SCSI_I_T_NEXUS_RESET);
	env_clear_ua(e->a);
	env_clear_ua(e->b);
	assert_int_equal(read_status(e, e->b), SCSI_RESERVATION_CONFLICT);
	assert_int_equal(write_status(e, e->a), SCSI_GOOD);
}

static void test_unit_attentions(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;

	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	pr_good(e, e->a, PR_RESERVE, PR_WRITE_EXCLUSIVE_RO, KEY_A, 0);
	pr_good(e, e->a, PR_RELEASE, PR_WRITE_EXCLUSIVE_RO, KEY_A, 0);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_UA_RELEASED);
	assert_int_equal(pending(pe->c), SENSE_OK); /* not registered */
	pr_good(e, e->a, PR_PREEMPT, PR_WRITE_EXCLUSIVE, KEY_A, KEY_B);
	assert_int_equal(pending(e->b), SENSE_UA_REGISTRATIONS_PREEMPTED);
	pr_register(e, e->b, KEY_B);
	pr_good(e, e->a, PR_CLEAR, 0, KEY_A, 0);
	assert_int_equal(pending(e->a), SENSE_OK);
	assert_int_equal(pending(e->b), SENSE_UA_PREEMPTED);
	assert_int_equal(pending(pe->c), SENSE_OK);
}

static void test_what_counts_as_a_generation(void **state)
{
	struct env *e = *state;

	pr_register(e, e->a, KEY_A);
	assert_int_equal(generation(e), 1);
	pr_good(e, e->a, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	pr_good(e, e->a, PR_RELEASE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	assert_int_equal(generation(e), 1);
	pr_conflicts(e, e->a, PR_REGISTER, 0, KEY_B, 0);
	assert_int_equal(generation(e), 1);
	pr_good(e, e->b, PR_REGISTER_AND_IGNORE, 0, 9, KEY_B);
	assert_int_equal(generation(e), 2);
	pr_good(e, e->a, PR_PREEMPT, PR_WRITE_EXCLUSIVE, KEY_A, KEY_B);
	assert_int_equal(generation(e), 3);
	pr_good(e, e->a, PR_CLEAR, 0, KEY_A, 0);
	assert_int_equal(generation(e), 4);
}

/* ---- PREEMPT AND ABORT ---- */

/* A write of each of @n on @reactor, in the backend. */
static void start_write(struct env *e, struct task *t, struct nexus *n, unsigned reactor)
{
	TASK_INIT(e, t, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	t->sc.nexus = n;
	t->sc.reactor = e->group.r[reactor];
	task_out(t, NULL, 512);
	scsi_submit(&t->sc);
}

static void test_preempt_and_abort_waits_for_the_backend(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task own, others[2], t;
	uint8_t list[LIST];

	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	env_clear_ua(e->b);
	e->be.hold = true;
	start_write(e, &own, e->a, 0);
	start_write(e, &others[0], e->b, 0);
	start_write(e, &others[1], e->b, 1);
	list_fill(list, LIST, KEY_A, KEY_B, 0);
	pr_out_init(e, &t, e->a, PR_PREEMPT_AND_ABORT, PR_WRITE_EXCLUSIVE, list, LIST);
	scsi_submit(&t.sc);
	env_pump(e);
	/* Not registered any more, but the answer waits; the next change does not. */
	assert_int_equal(t.responds, 0);
	assert_int_equal(e->lu->pr->count, 1);
	pr_good(e, e->a, PR_RESERVE, PR_EXCLUSIVE_ACCESS, KEY_A, 0);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(own.responds, 1);
	assert_int_equal(t.responds, 0);
	fake_backend_finish(&e->be, 0);
	env_pump(e);
	assert_int_equal(t.responds, 0);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(others[i].responds, 1);
		assert_int_equal(others[i].sc.status, SCSI_TASK_ABORTED);
		task_free(&others[i]);
	}
	assert_int_equal(pending(e->b), SENSE_UA_REGISTRATIONS_PREEMPTED);
	task_free(&own);
	task_free(&t);
}

/* The victim's host or its cable is dead: the data of its write never comes. */
static void test_preempt_and_abort_of_a_dead_host(void **state)
{
	struct env *e = *state;
	struct task write;

	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	TASK_INIT(e, &write, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	write.sc.nexus = e->b;
	write.sc.reactor = e->group.r[1];
	write.manual_pull = true;
	task_out(&write, NULL, 512);
	scsi_submit(&write.sc);
	pr_good(e, e->a, PR_PREEMPT_AND_ABORT, PR_WRITE_EXCLUSIVE, KEY_A, KEY_B);
	/* Whatever it sends after all is not written. */
	scsi_pulled(&write.sc, 0);
	env_pump(e);
	assert_int_equal(e->be.requests, 0);
	assert_int_equal(write.sc.status, SCSI_TASK_ABORTED);
	task_free(&write);
}

/* It has so much data on the way that others wait for memory; who fences it does not. */
static void test_it_gets_its_memory_first(void **state)
{
	struct env *e = *state;
	struct task pulls[3], waits, t;

	for (unsigned i = 0; i < ARRAY_SIZE(pulls) + 1; i++) {
		struct task *w = i < ARRAY_SIZE(pulls) ? &pulls[i] : &waits;

		TASK_INIT(e, w, 0x2a, 0, 0, 0, 0, 0, 0, 0x20, 0);
		w->sc.nexus = e->b;
		w->manual_pull = true;
		task_out(w, NULL, IOBUF_MAX_SIZE);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pulls); i++)
		scsi_submit(&pulls[i].sc);
	TASK_INIT(e, &t, 0x2a, 0, 0, 0, 0, 0, 0, 0x10, 0);
	t.sc.nexus = e->b;
	t.manual_pull = true;
	task_out(&t, NULL, IOBUF_MAX_SIZE / 2);
	scsi_submit(&t.sc);
	scsi_submit(&waits.sc);
	assert_int_equal(t.pulls, 1);
	assert_int_equal(waits.pulls, 0);
	pr_register(e, e->a, KEY_A);
	assert_int_equal(waits.pulls, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(pulls); i++) {
		scsi_pulled(&pulls[i].sc, -EIO);
		task_free(&pulls[i]);
	}
	scsi_pulled(&t.sc, -EIO);
	scsi_pulled(&waits.sc, -EIO);
	task_free(&waits);
	task_free(&t);
}

static void test_preempt_lets_commands_go_on(void **state)
{
	struct env *e = *state;
	struct task other;

	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	e->be.hold = true;
	start_write(e, &other, e->b, 1);
	pr_good(e, e->a, PR_PREEMPT, PR_WRITE_EXCLUSIVE, KEY_A, KEY_B);
	assert_int_equal(other.responds, 0);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(other.responds, 1);
	assert_int_equal(other.sc.status, SCSI_GOOD);
	task_free(&other);
}

/* It was let in, then held: what has changed meanwhile counts. */
static void test_a_command_that_was_held_is_looked_at_again(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task detached, held;

	pr_register(e, e->a, KEY_A);
	e->be.hold = true;
	start_write(e, &detached, pe->c, 0);
	scsi_cmd_abort(&detached.sc);
	start_write(e, &held, e->b, 0);
	env_pump(e);
	assert_int_equal(held.responds, 0);
	pr_good(e, e->a, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(detached.drops, 1);
	assert_int_equal(held.responds, 1);
	assert_int_equal(held.sc.status, SCSI_RESERVATION_CONFLICT);
	task_free(&detached);
	task_free(&held);
}

/* ---- APTPL ---- */

static struct task keep(struct env *e, uint64_t key, uint64_t sa_key, bool aptpl)
{
	return pr_out(e, e->a, PR_REGISTER, 0, key, sa_key, aptpl ? APTPL : 0);
}

static void test_saved_before_good(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	uint8_t list[LIST];
	struct task t, in;

	pe->store.hold = true;
	list_fill(list, LIST, 0, KEY_A, APTPL);
	pr_out_init(e, &t, e->a, PR_REGISTER, 0, list, LIST);
	scsi_submit(&t.sc);
	env_pump(e);
	assert_int_equal(pe->store.saves, 1);
	assert_int_equal(t.responds, 0);
	/* Until then nobody sees it. */
	in = pr_in(e, e->b, 0, 64);
	assert_int_equal(get_be32(in.in + 4), 0);
	task_free(&in);
	store_finish(&pe->store);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	assert_int_equal(e->lu->pr->count, 1);
	task_free(&t);
}

static void test_changes_while_one_is_saved_wait(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	uint8_t list[LIST];
	struct task one, two;

	pe->store.hold = true;
	list_fill(list, LIST, 0, KEY_A, APTPL);
	pr_out_init(e, &one, e->a, PR_REGISTER, 0, list, LIST);
	scsi_submit(&one.sc);
	list_fill(list, LIST, 0, KEY_B, APTPL);
	pr_out_init(e, &two, e->b, PR_REGISTER, 0, list, LIST);
	scsi_submit(&two.sc);
	env_pump(e);
	assert_int_equal(pe->store.saves, 1);
	store_finish(&pe->store);
	env_pump(e);
	assert_int_equal(one.responds, 1);
	assert_int_equal(two.responds, 0);
	assert_int_equal(pe->store.saves, 2);
	store_finish(&pe->store);
	env_pump(e);
	assert_good(&two);
	assert_int_equal(e->lu->pr->count, 2);
	task_free(&one);
	task_free(&two);
}

static void test_every_change_is_saved(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t = keep(e, 0, KEY_A, true);
	unsigned saves = 1;

	assert_good(&t);
	assert_int_equal(pe->store.saves, saves);
	pr_good(e, e->a, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	assert_int_equal(pe->store.saves, ++saves);
	/* Nothing new. */
	pr_good(e, e->a, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	pr_conflicts(e, e->b, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	assert_int_equal(pe->store.saves, saves);
	pr_good(e, e->a, PR_RELEASE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	assert_int_equal(pe->store.saves, ++saves);
	pr_good(e, e->a, PR_CLEAR, 0, KEY_A, 0);
	assert_int_equal(pe->store.saves, ++saves);
}

static void test_without_aptpl_it_is_forgotten(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t = keep(e, 0, KEY_A, true);

	assert_true(pe->store.kept_len > 0);
	t = keep(e, KEY_A, KEY_A, false);
	assert_good(&t);
	assert_int_equal(pe->store.saves, 2);
	assert_int_equal(pe->store.kept_len, 0);
	pr_good(e, e->a, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_A, 0);
	assert_int_equal(pe->store.saves, 2);
}

static void test_a_store_that_fails(void **state)
{
	static const struct {
		int status;
		enum scsi_sense sense;
	} rows[] = {
		{ -EIO, SENSE_INTERNAL_FAILURE },
		{ -ENOSPC, SENSE_REGISTRATION_RESOURCES },
	};
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t = keep(e, 0, KEY_A, true);
	const struct pr *before = e->lu->pr;

	pr_good(e, e->a, PR_RESERVE, PR_WRITE_EXCLUSIVE_RO, KEY_A, 0);
	before = e->lu->pr;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		pe->store.status = rows[i].status;
		t = pr_out(e, e->a, PR_CLEAR, 0, KEY_A, 0, 0);
		assert_sense(&t, rows[i].sense);
		assert_ptr_equal(e->lu->pr, before);
		assert_null(e->lu->pr_next);
		assert_int_equal(write_status(e, e->b), SCSI_RESERVATION_CONFLICT);
	}
	pe->store.status = 0;
	pr_good(e, e->a, PR_CLEAR, 0, KEY_A, 0);
	assert_int_equal(write_status(e, e->b), SCSI_GOOD);
}

static void test_back_after_a_restart(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t = keep(e, 0, KEY_A, true);
	struct backend be;
	struct lu *lu;

	pr_good(e, e->a, PR_RESERVE, PR_EXCLUSIVE_ACCESS_RO, KEY_A, 0);
	fake_backend_init(&be);
	e->params.state = pe->store.kept;
	e->params.state_len = pe->store.kept_len;
	lu = env_add_lu(e, &be, &e->params);
	env_map(e, e->b, &(struct lun_entry){ 0, false, lu }, 1);
	env_clear_ua(e->b);
	assert_int_equal(write_status(e, e->b), SCSI_RESERVATION_CONFLICT);
	t = pr_in(e, e->b, 2, 8);
	assert_int_equal(t.in[3] & 0x01, 0x01); /* PTPL_A */
	task_free(&t);
	t = pr_in(e, e->b, 1, 24);
	assert_int_equal(get_be32(t.in), 0);
	assert_int_equal(get_be64(t.in + 8), KEY_A);
	assert_int_equal(t.in[21], PR_EXCLUSIVE_ACCESS_RO);
	task_free(&t);
	env_map_lun0(e, e->b, false);
	env_destroy_lu(e, lu);
	fake_backend_fini(&be);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PR_TEST(test_list_of_24_bytes),
		PR_TEST(test_less_data_than_the_list),
		PR_TEST(test_unknown_service_actions),
		PR_TEST(test_lengths_of_transport_ids),
		PR_TEST(test_lengths_of_move),
		PR_TEST(test_bad_type_points_to_the_cdb),
		PR_TEST(test_registrations_belong_to_initiator_and_port),
		PR_TEST(test_all_target_ports_are_those_of_the_device),
		PR_TEST(test_all_target_ports_of_the_device_group),
		PR_TEST(test_registration_survives_the_session),
		PR_TEST(test_resets_do_not_release_it),
		PR_TEST(test_unit_attentions),
		PR_TEST(test_what_counts_as_a_generation),
		PR_TEST(test_preempt_and_abort_waits_for_the_backend),
		PR_TEST(test_preempt_and_abort_of_a_dead_host),
		PR_TEST(test_it_gets_its_memory_first),
		PR_TEST(test_preempt_lets_commands_go_on),
		PR_TEST(test_a_command_that_was_held_is_looked_at_again),
		PR_TEST(test_saved_before_good),
		PR_TEST(test_changes_while_one_is_saved_wait),
		PR_TEST(test_every_change_is_saved),
		PR_TEST(test_without_aptpl_it_is_forgotten),
		PR_TEST(test_a_store_that_fails),
		PR_TEST(test_back_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
