/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_store.h"
#include "scsi_env.h"
#include "tmf_util.h"

#include "scsi/access.h"
#include "scsi/mode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kept_env {
	struct env e; /* first */
	struct fake_store store;
};

/* An LU whose state is kept. */
static int kept_setup(void **state)
{
	struct kept_env *k = malloc(sizeof(*k));

	fake_store_init(&k->store);
	env_init(&k->e);
	k->e.params.store = &k->store.store;
	env_open(&k->e);
	*state = k;
	return 0;
}

/* Control page with bytes 2 to 5 as given. */
static void select_init(struct env *e, struct task *t, uint8_t b1, const uint8_t b[4])
{
	uint8_t list[16] = { 0, 0, 0, 0, 0x0a, 10, b[0], b[1], b[2], b[3], 0, 0, 0xff, 0xff };

	TASK_INIT(e, t, 0x15, b1, 0, 0, sizeof(list));
	task_out(t, list, sizeof(list));
}

#define CONTROL(b2, b3, b4, b5) ((const uint8_t[4]){ b2, b3, b4, b5 })
#define DEFAULTS CONTROL(0x02, 0x10, 0, 0x40)
#define D_SENSE CONTROL(0x06, 0x10, 0, 0x40)
#define SWP CONTROL(0x02, 0x10, 0x08, 0x40)

static void select_control(struct env *e, const uint8_t b[4])
{
	struct task t;

	select_init(e, &t, 0x10, b);
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
}

static void select_wce(struct env *e, bool on)
{
	uint8_t list[24] = { 0, 0, 0, 0, 0x08, 18, on ? 0x04 : 0 };
	struct task t;

	TASK_INIT(e, &t, 0x15, 0x10, 0, 0, sizeof(list));
	task_out(&t, list, sizeof(list));
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
}

static unsigned told(struct env *e, uint8_t pc, unsigned byte)
{
	struct task t;
	unsigned v;

	TASK_INIT(e, &t, 0x1a, 0x08, (uint8_t)(pc << 6 | 0x0a), 0, 255);
	t.sc.data_in_len = 255;
	task_run(e, &t);
	assert_good(&t);
	v = t.in[4 + byte];
	task_free(&t);
	return v;
}

static enum scsi_sense write_one(struct env *e, uint8_t fua)
{
	struct task t;
	enum scsi_sense s;

	TASK_INIT(e, &t, 0x2a, fua, 0, 0, 0, 0, 0, 0, 1);
	task_out(&t, NULL, 512);
	task_run(e, &t);
	s = t.sc.status == SCSI_GOOD ? SENSE_OK : t.sc.sense[13] == 2 ? SENSE_SOFTWARE_PROTECTED :
									 SENSE_WRITE_PROTECTED;
	task_free(&t);
	return s;
}

static void test_what_the_cdb_may_ask(void **state)
{
	static const struct task_row rows[] = {
		{ "nothing", { 0x15, 0x10, 0, 0, 0 }, 0, 0, SENSE_OK, -1 },
		{ "nothing, 10", { 0x55, 0x10 }, 0, 0, SENSE_OK, -1 },
		{ "PF=0", { 0x15, 0, 0, 0, 4 }, 4, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "PF=0, 10", { 0x55, 0, 0, 0, 0, 0, 0, 0, 8 }, 8, 0, SENSE_INVALID_FIELD_IN_CDB,
		  1 },
		{ "SP, nothing is kept", { 0x15, 0x11, 0, 0, 4 }, 4, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "header", { 0x15, 0x10, 0, 0, 4 }, 4, 0, SENSE_OK, -1 },
		{ "header, 10", { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 8 }, 8, 0, SENSE_OK, -1 },
		{ "half a header", { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 4 }, 4, 0,
		  SENSE_PARAMETER_LIST_LENGTH, -1 },
		{ "less DATA-OUT than said", { 0x15, 0x10, 0, 0, 4 }, 3, 0, SENSE_BAD_COMMAND_IU,
		  -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_field_pointer(void **state)
{
	struct env *e = *state;
	struct task t;

	select_init(e, &t, 0x10, CONTROL(0x06, 0x14, 0, 0x40)); /* D_SENSE, and QERR 2 */
	task_run(e, &t);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_LIST);
	assert_field(&t, false, 7, 2);
	assert_int_equal(t.sc.moved_out, 16);
	task_free(&t);
	/* Nothing of it was taken. */
	assert_int_equal(told(e, 0, 2), 0x02);
	assert_int_equal(ua_take(&lun_map_find(nexus_map(e->b), 0)->ua, UA_ANY), SENSE_OK);
}

static void test_others_hear_of_a_change(void **state)
{
	struct env *e = *state;
	struct ua_set *a = &lun_map_find(nexus_map(e->a), 0)->ua;
	struct ua_set *b = &lun_map_find(nexus_map(e->b), 0)->ua;

	select_control(e, DEFAULTS);
	assert_false(ua_pending(b));
	select_control(e, CONTROL(0x02, 0x12, 0, 0));
	assert_int_equal(told(e, 0, 3), 0x12);
	assert_int_equal(told(e, 0, 5), 0);
	assert_int_equal(told(e, 2, 3), 0x10);
	assert_int_equal(atomic_load(&e->lu->modes.qerr), 1);
	assert_false(atomic_load(&e->lu->modes.tas));
	assert_false(ua_pending(a));
	assert_int_equal(ua_take(b, UA_ANY), SENSE_UA_MODE_CHANGED);
}

static void test_swp(void **state)
{
	struct env *e = *state;
	struct task t;

	assert_int_equal(write_one(e, 0), SENSE_OK);
	select_control(e, SWP);
	assert_int_equal(write_one(e, 0), SENSE_SOFTWARE_PROTECTED);
	TASK_INIT(e, &t, 0x1a, 0x08, 0x3f, 0, 4);
	t.sc.data_in_len = 4;
	task_run(e, &t);
	assert_int_equal(t.in[2], 0x90);
	task_free(&t);
	/* A LUN that may not be written at all says so. */
	env_map_lun0(e, e->a, true);
	assert_int_equal(write_one(e, 0), SENSE_WRITE_PROTECTED);
	env_map_lun0(e, e->a, false);
	select_control(e, DEFAULTS);
	assert_int_equal(write_one(e, 0), SENSE_OK);
}

static void test_d_sense(void **state)
{
	struct env *e = *state;
	struct task t;

	select_control(e, D_SENSE);
	TASK_INIT(e, &t, 0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_int_equal(t.sc.status, SCSI_CHECK_CONDITION);
	assert_int_equal(t.sc.sense[0], 0x72);
	assert_int_equal(t.sc.sense[1], 5);
	assert_int_equal(t.sc.sense[2], 0x21);
	select_control(e, DEFAULTS);
	t.responds = 0;
	task_run(e, &t);
	assert_sense(&t, SENSE_LBA_OUT_OF_RANGE);
}

/* Without the cache a write is on stable storage before it is answered. */
static void test_wce(void **state)
{
	struct env *e = *state;
	struct task t;

	assert_int_equal(write_one(e, 0), SENSE_OK);
	assert_int_equal(e->be.log[e->be.requests - 1].flags, 0);
	select_wce(e, false);
	/* What was in the cache went first. */
	assert_int_equal(e->be.log[e->be.requests - 1].op, BE_FLUSH);
	assert_int_equal(write_one(e, 0), SENSE_OK);
	assert_int_equal(e->be.log[e->be.requests - 1].flags, BE_FUA);
	TASK_INIT(e, &t, 0x41, 0, 0, 0, 0, 0, 0, 0, 8); /* zeros */
	task_out(&t, NULL, 512);
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
	assert_int_equal(e->be.log[e->be.requests - 1].op, BE_WRITE_ZEROES);
	assert_int_equal(e->be.log[e->be.requests - 1].flags, BE_FUA);
	select_wce(e, true);
	assert_int_equal(write_one(e, 0), SENSE_OK);
	assert_int_equal(e->be.log[e->be.requests - 1].flags, 0);
	assert_int_equal(write_one(e, 0x08), SENSE_OK);
	assert_int_equal(e->be.log[e->be.requests - 1].flags, BE_FUA);
}

static enum be_op last_op(struct env *e)
{
	return e->be.log[e->be.requests - 1].op;
}

/* It was submitted for the cache, and ends behind the flush that was to empty it. */
static void write_while_wce_goes(struct env *e, struct task *t)
{
	struct task select;
	uint8_t list[24] = { 0, 0, 0, 0, 0x08, 18, 0 };

	select_wce(e, true);
	e->be.hold = true;
	scsi_submit(&t->sc);
	TASK_INIT(e, &select, 0x15, 0x10, 0, 0, sizeof(list));
	select.sc.reactor = e->group.r[1];
	task_out(&select, list, sizeof(list));
	scsi_submit(&select.sc);
	env_pump(e);
	fake_backend_finish(&e->be, 0);
	assert_int_equal(t->responds, 0);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(t->responds, 1);
	assert_good(t);
	assert_good(&select);
	task_free(t);
	task_free(&select);
}

static void test_writes_while_wce_goes(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	task_out(&t, NULL, 512);
	write_while_wce_goes(e, &t);
	assert_int_equal(e->be.requests, 3); /* both flush */
	assert_int_equal(last_op(e), BE_FLUSH);
	TASK_INIT(e, &t, 0x41, 0, 0, 0, 0, 0, 0, 0, 8); /* zeros */
	task_out(&t, NULL, 512);
	write_while_wce_goes(e, &t);
	assert_int_equal(e->be.requests, 6);
}

/* Its second piece goes by the cache, its first one did not. */
static void test_pieces_while_wce_goes(void **state)
{
	struct env *e = *state;
	uint8_t block[512] = { 1 };
	struct task t;

	TASK_INIT(e, &t, 0x41, 0, 0, 0, 0, 0, 0, 0x04, 0);
	task_out(&t, block, sizeof(block));
	write_while_wce_goes(e, &t);
	assert_int_equal(e->be.log[0].flags, 0);
	assert_int_equal(e->be.log[2].flags, BE_FUA);
	assert_int_equal(e->be.requests, 4);
	assert_int_equal(last_op(e), BE_FLUSH);
}

/* It was let in, but the control thread fenced its initiator before it came there. */
static void test_fenced_on_the_way(void **state)
{
	struct env *e = *state;
	struct task t;

	select_init(e, &t, 0x10, SWP);
	scsi_submit(&t.sc);
	e->lu->reserver = e->b;
	access_publish_lu(e->lu);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_int_equal(t.sc.status, SCSI_RESERVATION_CONFLICT);
	e->lu->reserver = NULL;
	access_publish_lu(e->lu);
	assert_int_equal(write_one(e, 0), SENSE_OK);
	task_free(&t);
}

static void test_lun_reset(void **state)
{
	struct env *e = *state;
	struct request q;

	select_control(e, SWP);
	assert_int_equal(write_one(e, 0), SENSE_SOFTWARE_PROTECTED);
	request_run(e, &q, SCSI_LU_RESET, 0);
	env_clear_ua(e->a);
	assert_int_equal(told(e, 0, 4), 0);
	assert_int_equal(write_one(e, 0), SENSE_OK);
}

/* What the reset takes back is the cache: that goes to the medium. */
static void test_lun_reset_switches_the_cache_off(void **state)
{
	struct env *e = *state;
	struct request q;

	e->lu->modes.keep = mode_set(mode_saved(e->lu), MODE_WCE, 0);
	atomic_store(&e->lu->modes.saved, e->lu->modes.keep);
	assert_int_equal(write_one(e, 0), SENSE_OK);
	request_run(e, &q, SCSI_LU_RESET, 0);
	assert_int_equal(e->be.requests, 2);
	assert_int_equal(last_op(e), BE_FLUSH);
	request_run(e, &q, SCSI_LU_RESET, 0);
	assert_int_equal(e->be.requests, 2);
}

/* ---- SP ---- */

static void test_saved_before_the_answer(void **state)
{
	struct kept_env *k = *state;
	struct env *e = &k->e;
	struct request q;
	struct task t;

	assert_int_equal(told(e, 3, 0), 0x8a); /* PS */
	select_init(e, &t, 0x11, SWP);
	scsi_submit(&t.sc);
	env_pump(e);
	assert_int_equal(t.responds, 0);
	assert_int_equal(told(e, 0, 4), 0);
	assert_int_equal(told(e, 3, 4), 0);
	fake_store_finish(&k->store, 0);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	task_free(&t);
	assert_int_equal(told(e, 0, 4), 0x08);
	assert_int_equal(told(e, 3, 4), 0x08);
	assert_int_equal(told(e, 2, 4), 0);
	/* What is saved outlives a reset, what is not does not. */
	select_control(e, CONTROL(0x06, 0x10, 0, 0x40));
	assert_int_equal(k->store.saves, 1);
	request_run(e, &q, SCSI_LU_RESET, 0);
	env_clear_ua(e->a);
	assert_int_equal(told(e, 0, 4), 0x08);
	assert_int_equal(told(e, 0, 2), 0x02);
}

static void test_what_was_kept_is_back(void **state)
{
	struct kept_env *k = *state;
	struct lu_params p = k->e.params;
	struct backend be;
	struct task t;
	struct lu *lu;

	select_init(&k->e, &t, 0x11, CONTROL(0x02, 0x16, 0x08, 0x40));
	scsi_submit(&t.sc);
	env_pump(&k->e);
	fake_store_finish(&k->store, 0);
	env_pump(&k->e);
	assert_good(&t);
	task_free(&t);
	fake_backend_init(&be);
	p.state = k->store.kept;
	p.state_len = k->store.kept_len;
	lu = env_add_lu(&k->e, &be, &p);
	assert_true(atomic_load(&lu->modes.swp));
	assert_int_equal(atomic_load(&lu->modes.qerr), 3);
	assert_int_equal(mode_saved(lu), mode_current(lu));
	env_destroy_lu(&k->e, lu);
	fake_backend_fini(&be);
}

static void test_save_fails(void **state)
{
	struct kept_env *k = *state;
	struct env *e = &k->e;
	struct task t;

	select_init(e, &t, 0x11, SWP);
	scsi_submit(&t.sc);
	env_pump(e);
	fake_store_finish(&k->store, -EIO);
	env_pump(e);
	assert_sense(&t, SENSE_INTERNAL_FAILURE);
	task_free(&t);
	assert_int_equal(told(e, 0, 4), 0);
	assert_int_equal(told(e, 3, 4), 0);
	assert_int_equal(write_one(e, 0), SENSE_OK);
	assert_int_equal(ua_take(&lun_map_find(nexus_map(e->b), 0)->ua, UA_ANY), SENSE_OK);
}

/* Changes wait for each other; the later one builds on the earlier. */
static void test_two_at_once(void **state)
{
	struct kept_env *k = *state;
	struct env *e = &k->e;
	struct task first, second;

	select_init(e, &first, 0x11, SWP);
	select_init(e, &second, 0x11, CONTROL(0x06, 0x10, 0x08, 0x40));
	scsi_submit(&first.sc);
	scsi_submit(&second.sc);
	env_pump(e);
	assert_int_equal(k->store.saves, 1);
	fake_store_finish(&k->store, 0);
	env_pump(e);
	assert_int_equal(first.responds, 1);
	assert_int_equal(second.responds, 0);
	fake_store_finish(&k->store, 0);
	env_pump(e);
	assert_good(&second);
	assert_int_equal(told(e, 3, 2), 0x06);
	assert_int_equal(told(e, 3, 4), 0x08);
	task_free(&first);
	task_free(&second);
}

/* The initiator went away; the change is made all the same. */
static void test_aborted_while_it_is_saved(void **state)
{
	struct kept_env *k = *state;
	struct env *e = &k->e;
	struct task t;

	select_init(e, &t, 0x11, SWP);
	scsi_submit(&t.sc);
	env_pump(e);
	scsi_cmd_abort(&t.sc);
	env_pump(e);
	assert_int_equal(t.drops, 0);
	fake_store_finish(&k->store, 0);
	env_pump(e);
	assert_int_equal(t.drops, 1);
	assert_int_equal(t.responds, 0);
	task_free(&t);
	assert_int_equal(told(e, 3, 4), 0x08);
}

/* By another initiator: what the list did not change is as the reset left it. */
static void test_reset_while_it_is_saved(void **state)
{
	struct kept_env *k = *state;
	struct env *e = &k->e;
	struct request q;
	struct task t;

	select_control(e, D_SENSE);
	select_init(e, &t, 0x11, CONTROL(0x06, 0x10, 0x08, 0x40)); /* SWP as well */
	scsi_submit(&t.sc);
	env_pump(e);
	request_start(e, &q, SCSI_LU_RESET, 0);
	q.tmf.nexus = e->b;
	assert_answered(e, &q);
	assert_int_equal(t.responds, 0);
	fake_store_finish(&k->store, 0);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_int_equal(t.sc.status, SCSI_TASK_ABORTED);
	task_free(&t);
	env_clear_ua(e->a);
	assert_int_equal(told(e, 0, 2), 0x02);
	assert_int_equal(told(e, 0, 4), 0x08);
	assert_int_equal(told(e, 3, 4), 0x08);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
#define K(name) cmocka_unit_test_setup_teardown(name, kept_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_what_the_cdb_may_ask),
		T(test_field_pointer),
		T(test_others_hear_of_a_change),
		T(test_swp),
		T(test_d_sense),
		T(test_wce),
		T(test_writes_while_wce_goes),
		T(test_pieces_while_wce_goes),
		T(test_fenced_on_the_way),
		T(test_lun_reset),
		T(test_lun_reset_switches_the_cache_off),
		K(test_saved_before_the_answer),
		K(test_what_was_kept_is_back),
		K(test_save_fails),
		K(test_two_at_once),
		K(test_aborted_while_it_is_saved),
		K(test_reset_while_it_is_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
