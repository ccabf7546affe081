/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <string.h>

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

static void test_attached_to_every_reactor(void **state)
{
	struct env *e = *state;

	assert_int_equal(e->be.attached, (1u << ENV_REACTORS) - 1);
	assert_string_equal(lu_name(e->lu), "disk1");
	assert_ptr_equal(lu_backend(e->lu), &e->be);
}

/* One reactor fails: the other is detached again, the backend stays the caller's. */
static void test_create_fails(void **state)
{
	struct env *e = *state;
	struct backend be;

	fake_backend_init(&be);
	be.attach_result = -EIO;
	assert_null(env_add_lu(e, &be, &e->params));
	assert_int_equal(be.attached, 0);
	assert_int_equal(be.closed, 0);
	fake_backend_fini(&be);
}

static void test_destroy_waits_for_commands(void **state)
{
	struct env *e = *state;
	struct backend be;
	struct lun_entry entry;
	struct task t;
	struct lu *lu;
	bool done = false;

	fake_backend_init(&be);
	lu = env_add_lu(e, &be, &e->params);
	entry = (struct lun_entry){ 1, false, lu };
	env_map(e, e->b, &entry, 1);
	env_clear_ua(e->b);
	TASK_INIT(e, &t, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
	t.sc.nexus = e->b;
	t.sc.lun[1] = 1;
	t.sc.reactor = e->group.r[1];
	t.sc.data_in_len = 512;
	t.manual_release = true;
	scsi_submit(&t.sc);
	env_map_lun0(e, e->b, false);
	lu_destroy(lu, set_true, &done);
	env_pump(e);
	assert_false(done);
	fake_backend_run(&be);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_false(done);
	scsi_cmd_release(&t.sc);
	env_pump(e);
	assert_true(done);
	assert_int_equal(be.closed, 1);
	assert_int_equal(be.attached, 0);
	task_free(&t);
	fake_backend_fini(&be);
}

static void test_destroy_waits_for_the_flush_behind_the_answer(void **state)
{
	struct env *e = *state;
	struct backend be;
	struct lun_entry entry;
	struct task t;
	struct lu *lu;
	bool done = false;

	fake_backend_init(&be);
	lu = env_add_lu(e, &be, &e->params);
	entry = (struct lun_entry){ 0, false, lu };
	env_map(e, e->b, &entry, 1);
	env_clear_ua(e->b);
	TASK_INIT(e, &t, 0x35, 0x02);
	t.sc.nexus = e->b;
	task_run(e, &t);
	assert_good(&t);
	env_map_lun0(e, e->b, false);
	lu_destroy(lu, set_true, &done);
	env_pump(e);
	assert_false(done);
	fake_backend_run(&be);
	env_pump(e);
	assert_true(done);
	fake_backend_fini(&be);
}

static void test_resync(void **state)
{
	struct env *e = *state;
	struct task t;

	assert_int_equal(lu_resync(e->lu), 0);
	assert_false(ua_pending(&lun_map_find(nexus_map(e->a), 0)->ua));
	e->be.new_size = 8u << 20;
	assert_int_equal(lu_resync(e->lu), 1);
	assert_int_equal(lu_resync(e->lu), 0);
	for (unsigned i = 0; i < 2; i++) {
		TASK_INIT(e, &t, 0x00);
		t.sc.nexus = i ? e->b : e->a;
		task_run(e, &t);
		assert_sense(&t, SENSE_UA_CAPACITY_CHANGED);
	}
	TASK_INIT(e, &t, 0x25);
	t.sc.data_in_len = 8;
	task_run(e, &t);
	assert_int_equal(get_be32(t.in), 16383);
	task_free(&t);
	TASK_INIT(e, &t, 0x28, 0, 0, 0, 0x3f, 0xff, 0, 0, 1);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
}

static void test_unit_attention_for_all_but_one(void **state)
{
	struct env *e = *state;

	lu_post_ua(e->lu, UA_CAPACITY_CHANGED, e->a);
	assert_false(ua_pending(&lun_map_find(nexus_map(e->a), 0)->ua));
	assert_true(ua_pending(&lun_map_find(nexus_map(e->b), 0)->ua));
}

static void write_block(struct env *e, struct task *t, bool by_b)
{
	TASK_INIT(e, t, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	t->sc.nexus = by_b ? e->b : e->a;
	task_out(t, NULL, 512);
	task_run(e, t);
	task_free(t);
}

/* Everybody is told; a LUN that is read-only by itself stays so. */
static void test_read_only_changes_while_in_use(void **state)
{
	struct env *e = *state;
	struct task t;

	env_map_lun0(e, e->b, true);
	env_clear_ua(e->b);
	lu_set_read_only(e->lu, true);
	lu_set_read_only(e->lu, true);
	for (unsigned i = 0; i < 2; i++) {
		write_block(e, &t, i);
		assert_sense(&t, SENSE_UA_MODE_CHANGED);
		write_block(e, &t, i);
		assert_sense(&t, SENSE_WRITE_PROTECTED);
	}
	lu_set_read_only(e->lu, false);
	env_clear_ua(e->a);
	env_clear_ua(e->b);
	write_block(e, &t, false);
	assert_good(&t);
	write_block(e, &t, true);
	assert_sense(&t, SENSE_WRITE_PROTECTED);
}

static void test_exchange_reaches_every_reactor(void **state)
{
	struct env *e = *state;
	struct ua_set *ua = &lun_map_find(nexus_map(e->a), 0)->ua;
	bool done = false;
	char err[64];

	env_clear_ua(e->a);
	assert_int_equal(lu_exchange(e->lu, &e->be, err, sizeof(err)), 0);
	assert_int_equal(e->be.refreshed, 0);
	lus_refresh(&e->lu, 1, set_true, &done);
	assert_false(done);
	env_pump(e);
	assert_true(done);
	assert_int_equal(e->be.refreshed, (1u << ENV_REACTORS) - 1);
	assert_false(ua_pending(ua));
	/* What was open was dead. */
	e->be.exchange_result = 1;
	assert_int_equal(lu_exchange(e->lu, &e->be, err, sizeof(err)), 0);
	lus_refresh(&e->lu, 1, set_true, &done);
	env_pump(e);
	assert_int_equal(ua_take(ua, UA_ANY), SENSE_UA_MEDIUM_CHANGED);
	assert_false(ua_pending(ua));
	e->be.exchange_result = -EEXIST;
	assert_int_equal(lu_exchange(e->lu, &e->be, err, sizeof(err)), -EEXIST);
	assert_string_equal(err, "not the same");
	env_pump(e);
	assert_int_equal(e->be.refreshed, 0);
}

static void test_many_are_refreshed_at_once(void **state)
{
	struct env *e = *state;
	struct backend other;
	struct lu_params p = e->params;
	struct lu *lus[2] = { e->lu };
	bool done = false;

	fake_backend_init(&other);
	p.name = "other";
	lus[1] = env_add_lu(e, &other, &p);
	lus_refresh(lus, 2, set_true, &done);
	assert_false(done);
	env_pump(e);
	assert_true(done);
	assert_int_equal(e->be.refreshed, (1u << ENV_REACTORS) - 1);
	assert_int_equal(other.refreshed, (1u << ENV_REACTORS) - 1);
	env_destroy_lu(e, lus[1]);
	fake_backend_fini(&other);
}

/* A backend that may not be written makes every LUN of it read-only. */
static void test_read_only_backend(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.info.read_only = true;
	env_map(e, e->a, NULL, 0);
	env_map_lun0(e, e->a, false);
	env_clear_ua(e->a);
	TASK_INIT(e, &t, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	task_out(&t, NULL, 512);
	task_run(e, &t);
	assert_sense(&t, SENSE_WRITE_PROTECTED);
	task_free(&t);
}

/* ---- turns to change an LU ---- */

#define CHANGES 5u

struct turn {
	struct lu_change change;
	struct lu *lu;
	bool at_once; /* over as soon as it starts */
};

static unsigned turns_begun, turns_inside;

static void turn_start(struct lu_change *c)
{
	struct turn *t = container_of(c, struct turn, change);

	turns_inside++;
	turns_begun++;
	assert_int_equal(turns_inside, 1);
	if (t->at_once)
		lu_change_end(t->lu, c);
	turns_inside--;
}

static void turn_begin(struct env *e, struct turn *t, bool at_once)
{
	t->change.start = turn_start;
	t->lu = e->lu;
	t->at_once = at_once;
	lu_change_begin(e->lu, &t->change);
}

static void test_changes_take_turns(void **state)
{
	struct env *e = *state;
	struct turn turns[CHANGES];

	turns_begun = 0;
	for (unsigned i = 0; i < CHANGES; i++)
		turn_begin(e, &turns[i], false);
	for (unsigned i = 0; i < CHANGES; i++) {
		assert_int_equal(turns_begun, i + 1);
		lu_change_end(e->lu, &turns[i].change);
	}
	/* The same once more. */
	turn_begin(e, &turns[0], true);
	turn_begin(e, &turns[0], true);
	assert_int_equal(turns_begun, CHANGES + 2);
}

static void test_many_changes_are_not_inside_each_other(void **state)
{
	struct env *e = *state;
	struct turn turns[CHANGES];

	turns_begun = 0;
	turn_begin(e, &turns[0], false);
	for (unsigned i = 1; i < CHANGES; i++)
		turn_begin(e, &turns[i], true);
	assert_int_equal(turns_begun, 1);
	lu_change_end(e->lu, &turns[0].change);
	assert_int_equal(turns_begun, CHANGES);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_attached_to_every_reactor),
		T(test_create_fails),
		T(test_destroy_waits_for_commands),
		T(test_destroy_waits_for_the_flush_behind_the_answer),
		T(test_resync),
		T(test_unit_attention_for_all_but_one),
		T(test_read_only_backend),
		T(test_read_only_changes_while_in_use),
		T(test_exchange_reaches_every_reactor),
		T(test_many_are_refreshed_at_once),
		T(test_changes_take_turns),
		T(test_many_changes_are_not_inside_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
