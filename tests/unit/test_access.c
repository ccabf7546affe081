/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes first of all that may keep a command from running (SAM-5 5.3.3). */
#include "scsi/access.h"

#include "scsi/optable.h"
#include "scsi_env.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

static struct scsi_cmd cmd;

/* @cdb of nexus a, admitted by nobody yet. */
static void command(struct env *e, uint8_t opcode, uint8_t byte4)
{
	bool known;

	memset(cmd.cdb, 0, sizeof(cmd.cdb));
	cmd.cdb[0] = opcode;
	cmd.cdb[4] = byte4;
	cmd.lu = e->lu;
	cmd.nexus = e->a;
	cmd.itl = lun_map_find(nexus_map(e->a), 0);
	cmd.op = optable_find(cmd.cdb, &known);
	assert_non_null(cmd.op);
}

static void gate(unsigned bits)
{
	atomic_store(&cmd.itl->gate, bits);
}

static void attention(enum ua ua)
{
	ua_post(&cmd.itl->ua, ua);
}

static void test_nothing_in_the_way(void **state)
{
	command(*state, 0x2a, 0);
	assert_int_equal(access_check(&cmd), SENSE_OK);
	assert_int_equal(access_check_again(&cmd), SENSE_OK);
}

static void test_everything_in_its_order(void **state)
{
	struct env *e = *state;

	command(e, 0x2a, 0);
	gate(GATE_WE | GATE_STANDBY);
	atomic_store(&e->lu->not_ready, SENSE_FORMAT_IN_PROGRESS);
	attention(UA_LU_RESET);
	attention(UA_MODE_CHANGED);
	assert_int_equal(access_check(&cmd), SENSE_UA_LU_RESET);
	assert_int_equal(access_check(&cmd), SENSE_RESERVATION_CONFLICT);
	assert_int_equal(access_check(&cmd), SENSE_RESERVATION_CONFLICT);
	gate(GATE_STANDBY);
	assert_int_equal(access_check(&cmd), SENSE_UA_MODE_CHANGED);
	assert_int_equal(access_check(&cmd), SENSE_ALUA_STANDBY);
	gate(0);
	assert_int_equal(access_check(&cmd), SENSE_FORMAT_IN_PROGRESS);
	atomic_store(&e->lu->not_ready, 0);
	assert_int_equal(access_check(&cmd), SENSE_OK);
}

static void test_inquiry_passes_all_of_it(void **state)
{
	struct env *e = *state;

	command(e, 0x12, 0);
	gate(GATE_CONFLICT | GATE_TRANSITION);
	atomic_store(&e->lu->not_ready, SENSE_FORMAT_IN_PROGRESS);
	attention(UA_LU_RESET);
	assert_int_equal(access_check(&cmd), SENSE_OK);
	assert_true(ua_pending(&cmd.itl->ua));
	atomic_store(&e->lu->not_ready, 0);
}

static void test_each_gate(void **state)
{
	static const struct {
		unsigned gate;
		enum scsi_sense sense;
	} rows[] = {
		{ GATE_WE, SENSE_RESERVATION_CONFLICT },
		{ GATE_EA, SENSE_RESERVATION_CONFLICT },
		{ GATE_RESERVED, SENSE_RESERVATION_CONFLICT },
		{ GATE_STANDBY, SENSE_ALUA_STANDBY },
		{ GATE_UNAVAILABLE, SENSE_ALUA_UNAVAILABLE },
		{ GATE_TRANSITION, SENSE_ALUA_TRANSITION },
		{ GATE_OFFLINE, SENSE_ALUA_OFFLINE },
	};

	command(*state, 0x2a, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		gate(rows[i].gate);
		assert_int_equal(access_check(&cmd), rows[i].sense);
		assert_int_equal(access_check_again(&cmd), rows[i].sense);
	}
}

static void test_to_start_it_is_let_in(void **state)
{
	struct env *e = *state;

	for (unsigned byte4 = 0; byte4 < 256; byte4++) {
		bool starts = (byte4 & 1) && !(byte4 & 0xf0);

		command(e, 0x1b, (uint8_t)byte4);
		gate(GATE_CONFLICT);
		assert_int_equal(access_check(&cmd),
				 starts ? SENSE_OK : SENSE_RESERVATION_CONFLICT);
		gate(GATE_STANDBY);
		assert_int_equal(access_check(&cmd), SENSE_ALUA_STANDBY);
	}
}

static void test_again_leaves_unit_attentions(void **state)
{
	command(*state, 0x2a, 0);
	attention(UA_LU_RESET);
	assert_int_equal(access_check_again(&cmd), SENSE_OK);
	assert_true(ua_pending(&cmd.itl->ua));
}

/* ---- a change and its unit attention, looked at by another thread ---- */

#define ROUNDS 2000

static struct looker {
	struct itl *itl;
	bool opens;
	atomic_uint round; /* UINT_MAX: the last is over */
	atomic_uint seen;  /* rounds looked at to their end */
	atomic_bool wrong;
} looker;

/* Would the first command served in the new state come before what it says of that? */
static bool look(struct looker *l)
{
	unsigned gate, bits;

	if (l->opens) {
		gate = atomic_load(&l->itl->gate);
		bits = atomic_load(&l->itl->ua.bits);
		if (!gate && !bits)
			atomic_store(&l->wrong, true);
		return !gate;
	}
	bits = atomic_load(&l->itl->ua.bits);
	gate = atomic_load(&l->itl->gate);
	if (bits && !gate)
		atomic_store(&l->wrong, true);
	return bits;
}

static void *look_on(void *arg)
{
	struct looker *l = arg;
	unsigned round;

	while ((round = atomic_load(&l->round)) != UINT_MAX)
		if (round != atomic_load(&l->seen) && look(l))
			atomic_store(&l->seen, round);
	return NULL;
}

/* From a gate closed by RESERVE to an open one, or the other way. */
static void change_under_looker(struct env *e, bool opens)
{
	struct itl *itl = lun_map_find(nexus_map(e->a), 0);
	pthread_t thread;

	looker = (struct looker){ .itl = itl, .opens = opens };
	assert_int_equal(pthread_create(&thread, NULL, look_on, &looker), 0);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		e->lu->reserver = opens ? e->b : NULL;
		access_publish(itl);
		env_clear_ua(e->a);
		atomic_store(&looker.round, i);
		e->lu->reserver = opens ? NULL : e->b;
		access_publish_news(itl, UA_BIT(UA_RELEASED));
		while (atomic_load(&looker.seen) != i)
			sched_yield();
	}
	atomic_store(&looker.round, UINT_MAX);
	pthread_join(thread, NULL);
	e->lu->reserver = NULL;
	assert_false(atomic_load(&looker.wrong));
}

static void test_what_opens_is_told_before(void **state)
{
	change_under_looker(*state, true);
}

static void test_what_closes_is_told_after(void **state)
{
	change_under_looker(*state, false);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_in_the_way),
		TEST(test_everything_in_its_order),
		TEST(test_inquiry_passes_all_of_it),
		TEST(test_each_gate),
		TEST(test_to_start_it_is_let_in),
		TEST(test_again_leaves_unit_attentions),
		TEST(test_what_opens_is_told_before),
		TEST(test_what_closes_is_told_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
