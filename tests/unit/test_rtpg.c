/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alua_util.h"

#include <string.h>

#define EXTENDED 0x20

static void rtpg_init(struct env *e, struct task *t, uint8_t format, uint32_t alloc)
{
	uint8_t cdb[16] = { 0xa3, (uint8_t)(0x0a | format) };

	put_be32(cdb + 6, alloc);
	task_init(e, t, cdb, sizeof(cdb));
	t->sc.data_in_len = alloc;
}

static void rtpg(struct groups *g, struct task *t, uint8_t format, uint32_t alloc)
{
	rtpg_init(&g->e, t, format, alloc);
	task_run(&g->e, t);
	assert_good(t);
}

/* Both groups, that of the other node as well; its ports too. */
static const uint8_t descriptors[] = {
	0x00, 0xcf, 0, LOCAL, 0, 0, 0, 1,   0, 0, 0, LOCAL_PORT,
	0x02, 0xcf, 0, REMOTE, 0, 0, 0, 2,  0, 0, 0x01, 0x2c,  0, 0, 0x01, 0x2d,
};

static void test_length_only_header(void **state)
{
	struct task t;

	rtpg(*state, &t, 0, 128);
	assert_int_equal(t.sc.data_len, 4 + sizeof(descriptors));
	assert_int_equal(get_be32(t.in), sizeof(descriptors));
	assert_memory_equal(t.in + 4, descriptors, sizeof(descriptors));
	task_free(&t);
}

static void test_extended_header(void **state)
{
	static const uint8_t header[] = { 0x10, 60, 0, 0 };
	struct task t;

	rtpg(*state, &t, EXTENDED, 128);
	assert_int_equal(t.sc.data_len, 8 + sizeof(descriptors));
	assert_int_equal(get_be32(t.in), 4 + sizeof(descriptors));
	assert_memory_equal(t.in + 4, header, 4);
	assert_memory_equal(t.in + 8, descriptors, sizeof(descriptors));
	task_free(&t);
}

static void test_cut_anywhere_the_length_stays(void **state)
{
	struct groups *g = *state;
	struct task whole, t;

	for (uint8_t format = 0; format <= EXTENDED; format += EXTENDED) {
		rtpg(g, &whole, format, 4096);
		for (uint32_t alloc = 0; alloc < whole.sc.data_len + 4; alloc++) {
			rtpg(g, &t, format, alloc);
			assert_int_equal(t.sc.data_len, min_u32(alloc, whole.sc.data_len));
			if (t.sc.data_len)
				assert_memory_equal(t.in, whole.in, t.sc.data_len);
			task_free(&t);
		}
		task_free(&whole);
	}
}

static void test_other_formats_are_refused(void **state)
{
	struct groups *g = *state;
	struct task t;

	for (unsigned format = 2; format < 8; format++) {
		rtpg_init(&g->e, &t, (uint8_t)(format << 5), 128);
		task_run(&g->e, &t);
		assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
		assert_field(&t, true, 1, 7);
		task_free(&t);
	}
}

/* Initiators learn by it that they may come back. */
static void test_it_answers_in_every_state(void **state)
{
	static const struct {
		enum alua_state state;
		uint8_t byte;
	} rows[] = {
		{ ALUA_NONOPTIMIZED, 0x01 }, { ALUA_STANDBY, 0x02 }, { ALUA_UNAVAILABLE, 0x03 },
		{ ALUA_OFFLINE, 0x0e }, { ALUA_TRANSITIONING, 0x0f }, { ALUA_VACANT, 0x0f },
		{ ALUA_OPTIMIZED, 0x00 },
	};
	struct groups *g = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		local_state(g, rows[i].state);
		env_clear_ua(g->e.a);
		rtpg(g, &t, EXTENDED, 128);
		assert_int_equal(t.in[8], rows[i].byte);
		assert_int_equal(t.in[8 + 5], 2); /* changed by the target itself */
		assert_int_equal(t.in[8 + 12], 0x02);
		assert_int_equal(t.in[8 + 12 + 5], 0);
		task_free(&t);
	}
}

/* Who serves is for the cluster to say: TPGS tells of implicit changes only. */
static void test_initiators_cannot_set_states(void **state)
{
	static const struct task_row rows[] = {
		{ "SET TARGET PORT GROUPS", { 0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 8 }, 8, 0,
		  SENSE_INVALID_OPCODE, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_preferred(void **state)
{
	struct groups *g = *state;
	struct task t;

	g->groups[1].preferred = true;
	assert_int_equal(alua_group_change(g->g, &g->params), 0);
	env_clear_ua(g->e.a);
	rtpg(g, &t, 0, 128);
	assert_int_equal(t.in[4], 0x00);
	assert_int_equal(t.in[4 + 12], 0x82);
	task_free(&t);
}

/* More than the usual room for parameter data. */
static void test_as_many_as_there_may_be(void **state)
{
	struct groups *g = *state;
	static uint16_t ports[ALUA_GROUPS_MAX][ALUA_PORTS_MAX];
	struct alua_target_group groups[ALUA_GROUPS_MAX];
	const uint32_t len = 8 + ALUA_GROUPS_MAX * (8 + 4 * ALUA_PORTS_MAX);
	const uint8_t *last;
	struct task t;

	for (unsigned i = 0; i < ALUA_GROUPS_MAX; i++) {
		for (unsigned p = 0; p < ALUA_PORTS_MAX; p++)
			ports[i][p] = (uint16_t)(1 + i * ALUA_PORTS_MAX + p);
		groups[i] = (struct alua_target_group){ (uint16_t)(0xff00 + i), false,
							ALUA_STANDBY, ports[i], ALUA_PORTS_MAX };
	}
	g->params.groups = groups;
	g->params.n_groups = ALUA_GROUPS_MAX;
	assert_int_equal(alua_group_change(g->g, &g->params), 0);
	env_clear_ua(g->e.a);
	rtpg(g, &t, EXTENDED, 65536);
	assert_int_equal(t.sc.data_len, len);
	assert_int_equal(get_be32(t.in), len - 4);
	last = t.in + len - 4 * ALUA_PORTS_MAX;
	assert_int_equal(get_be16(last - 8 + 2), 0xff00 + ALUA_GROUPS_MAX - 1);
	assert_int_equal(last[-1], ALUA_PORTS_MAX);
	assert_int_equal(get_be16(last + 4 * ALUA_PORTS_MAX - 2), ALUA_GROUPS_MAX * ALUA_PORTS_MAX);
	task_free(&t);
}

static void test_in_no_group_access_is_symmetric(void **state)
{
	static const uint8_t want[] = { 0x00, 0xcf, 0, 1, 0, 0, 0, 1, 0, 0, 0, LOCAL_PORT };
	struct groups *g = *state;
	struct task t;

	lu_set_alua_group(g->e.lu, NULL);
	env_clear_ua(g->e.a);
	rtpg(g, &t, EXTENDED, 128);
	assert_int_equal(t.sc.data_len, 8 + sizeof(want));
	assert_int_equal(t.in[5], 0);
	assert_memory_equal(t.in + 8, want, sizeof(want));
	task_free(&t);
}

static void inquiry(struct groups *g, struct task *t, uint8_t evpd, uint8_t page)
{
	TASK_INIT(&g->e, t, 0x12, evpd, page, 0, 255, 0);
	t->sc.data_in_len = 255;
	task_run(&g->e, t);
	assert_good(t);
}

/* TPGS, and the qualifier where the LU is out of reach through this port. */
static void test_inquiry_tells_of_it(void **state)
{
	static const struct {
		enum alua_state state;
		uint8_t peripheral;
	} rows[] = {
		{ ALUA_OPTIMIZED, 0x00 }, { ALUA_NONOPTIMIZED, 0x00 }, { ALUA_STANDBY, 0x00 },
		{ ALUA_TRANSITIONING, 0x00 }, { ALUA_UNAVAILABLE, 0x20 }, { ALUA_OFFLINE, 0x20 },
	};
	struct groups *g = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		local_state(g, rows[i].state);
		inquiry(g, &t, 0, 0);
		assert_int_equal(t.in[0], rows[i].peripheral);
		assert_int_equal(t.in[5] & 0x30, 0x10);
		task_free(&t);
		inquiry(g, &t, 1, 0x83);
		assert_int_equal(t.in[0], rows[i].peripheral);
		task_free(&t);
	}
	lu_set_alua_group(g->e.lu, NULL);
	inquiry(g, &t, 0, 0);
	assert_int_equal(t.in[0], 0);
	assert_int_equal(t.in[5] & 0x30, 0);
	task_free(&t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, groups_setup, groups_teardown)
	const struct CMUnitTest tests[] = {
		T(test_length_only_header),
		T(test_extended_header),
		T(test_cut_anywhere_the_length_stays),
		T(test_other_formats_are_refused),
		T(test_it_answers_in_every_state),
		T(test_initiators_cannot_set_states),
		T(test_preferred),
		T(test_as_many_as_there_may_be),
		T(test_in_no_group_access_is_symmetric),
		T(test_inquiry_tells_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
