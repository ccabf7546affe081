/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pr_env.h"

enum { READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS };

static void test_nothing_there(void **state)
{
	static const struct {
		uint8_t action;
		uint32_t len;
	} rows[] = { { READ_KEYS, 8 }, { READ_RESERVATION, 8 }, { READ_FULL_STATUS, 8 } };
	struct env *e = *state;
	static const uint8_t zero[8];

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct task t = pr_in(e, e->a, rows[i].action, 1024);

		assert_good(&t);
		assert_int_equal(t.sc.data_len, rows[i].len);
		assert_memory_equal(t.in, zero, 8);
		task_free(&t);
	}
}

static void test_read_keys(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t;

	pr_register(e, e->a, KEY_A);
	pr_register(e, pe->c, KEY_C);
	pr_register(e, e->b, KEY_B);
	t = pr_in(e, e->b, READ_KEYS, 1024);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 8 + 3 * 8);
	assert_int_equal(get_be32(t.in), 3);
	assert_int_equal(get_be32(t.in + 4), 3 * 8);
	assert_int_equal(get_be64(t.in + 8), KEY_A);
	assert_int_equal(get_be64(t.in + 16), KEY_B);
	assert_int_equal(get_be64(t.in + 24), KEY_C);
	task_free(&t);
}

static void test_read_reservation(void **state)
{
	static const uint8_t types[] = { 1, 3, 5, 6, 7, 8 };
	struct env *e = *state;

	pr_register(e, e->a, KEY_A);
	for (unsigned i = 0; i < sizeof(types); i++) {
		struct task t;

		pr_good(e, e->a, PR_RESERVE, types[i], KEY_A, 0);
		t = pr_in(e, e->b, READ_RESERVATION, 1024);
		assert_int_equal(t.sc.data_len, 24);
		assert_int_equal(get_be32(t.in), 1);
		assert_int_equal(get_be32(t.in + 4), 16);
		assert_int_equal(get_be64(t.in + 8), types[i] < 7 ? KEY_A : 0);
		assert_int_equal(get_be32(t.in + 16), 0);
		assert_int_equal(t.in[20], 0);
		assert_int_equal(t.in[21], types[i]);
		assert_int_equal(t.in[22] | t.in[23], 0);
		task_free(&t);
		pr_good(e, e->a, PR_RELEASE, types[i], KEY_A, 0);
	}
}

static void test_report_capabilities(void **state)
{
	static const uint8_t with_store[] = { 0, 8, 0x1d, 0xb0, 0xea, 0x01, 0, 0 };
	struct env *e = *state;
	struct task t = pr_in(e, e->a, REPORT_CAPABILITIES, 1024);

	assert_int_equal(t.sc.data_len, 8);
	assert_memory_equal(t.in, with_store, 8);
	task_free(&t);
	t = pr_out(e, e->a, PR_REGISTER, 0, 0, KEY_A, 0x01);
	t = pr_in(e, e->a, REPORT_CAPABILITIES, 8);
	assert_int_equal(t.in[3], 0xb1);
	task_free(&t);
	t = pr_out(e, e->a, PR_REGISTER, 0, KEY_A, 0, 0);
	e->lu->store = NULL;
	atomic_store(&e->lu->keeps, false);
	t = pr_in(e, e->a, REPORT_CAPABILITIES, 8);
	assert_int_equal(t.in[2], 0x1c);
	assert_int_equal(t.in[3], 0xb0);
	task_free(&t);
}

static void assert_status(const uint8_t *p, uint64_t key, bool holder, uint8_t type,
			  const struct nexus *n)
{
	assert_int_equal(get_be64(p), key);
	assert_int_equal(get_be32(p + 8), 0);
	assert_int_equal(p[12], holder);
	assert_int_equal(p[13], type);
	assert_int_equal(get_be32(p + 14), 0);
	assert_int_equal(get_be16(p + 18), n->port.rel_tgt_id);
	assert_int_equal(get_be32(p + 20), 24);
	assert_int_equal(get_be64(p + 24), 0x04ull << 56);
	assert_memory_equal(p + 32, n->initiator_port_id, 16);
}

static void test_read_full_status(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct task t;

	pr_register(e, e->a, KEY_A);
	pr_register(e, pe->c, KEY_C);
	pr_good(e, pe->c, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_C, 0);
	t = pr_in(e, e->b, READ_FULL_STATUS, 1024);
	assert_int_equal(t.sc.data_len, 8 + 2 * 48);
	assert_int_equal(get_be32(t.in), 2);
	assert_int_equal(get_be32(t.in + 4), 2 * 48);
	assert_status(t.in + 8, KEY_A, false, 0, e->a);
	assert_status(t.in + 56, KEY_C, true, PR_WRITE_EXCLUSIVE, pe->c);
	task_free(&t);
}

static void test_all_registrants_hold(void **state)
{
	struct env *e = *state;
	struct task t;

	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	pr_good(e, e->b, PR_RESERVE, PR_EXCLUSIVE_ACCESS_AR, KEY_B, 0);
	t = pr_in(e, e->b, READ_FULL_STATUS, 1024);
	assert_status(t.in + 8, KEY_A, true, PR_EXCLUSIVE_ACCESS_AR, e->a);
	assert_status(t.in + 56, KEY_B, true, PR_EXCLUSIVE_ACCESS_AR, e->b);
	task_free(&t);
}

static void test_lengths_are_not_cut(void **state)
{
	static const uint32_t full[] = { 8 + 2 * 8, 24, 8, 8 + 2 * 48 };
	struct env *e = *state;

	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	pr_good(e, e->b, PR_RESERVE, PR_WRITE_EXCLUSIVE, KEY_B, 0);
	for (uint8_t action = READ_KEYS; action <= READ_FULL_STATUS; action++) {
		struct task all = pr_in(e, e->a, action, 1024);

		assert_int_equal(all.sc.data_len, full[action]);
		for (uint16_t alloc = 0; alloc <= full[action] + 3; alloc++) {
			struct task t = pr_in(e, e->a, action, alloc);

			assert_good(&t);
			assert_int_equal(t.sc.data_len, min_u32(alloc, full[action]));
			if (t.sc.data_len)
				assert_memory_equal(t.in, all.in, t.sc.data_len);
			task_free(&t);
		}
		task_free(&all);
	}
}

static void test_unknown_service_actions(void **state)
{
	struct env *e = *state;

	for (uint8_t action = READ_FULL_STATUS + 1; action < 32; action++) {
		struct task t = pr_in(e, e->a, action, 1024);

		assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
		assert_field(&t, true, 1, -1);
		task_free(&t);
	}
}

/* Registered by SPEC_I_PT, as many as there may be: longer than the ordinary buffer. */
static void test_as_many_as_there_may_be(void **state)
{
	struct env *e = *state;
	unsigned n = PR_MAX - 1;
	uint32_t len = 28 + n * TRANSPORT_ID_SIZE;
	uint8_t *list = malloc(len);
	struct task t;

	list_fill(list, len, 0, KEY_A, 0x08);
	put_be32(list + 24, len - 28);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t id[PR_ID_SIZE] = { 0xee, [14] = (uint8_t)(i >> 8), (uint8_t)i };

		transport_id_encode(list + 28 + i * TRANSPORT_ID_SIZE, id);
	}
	pr_out_init(e, &t, e->a, PR_REGISTER, 0, list, len);
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
	assert_int_equal(e->lu->pr->count, PR_MAX);
	t = pr_in(e, e->a, READ_FULL_STATUS, 65535);
	assert_int_equal(get_be32(t.in + 4), PR_MAX * 48);
	assert_int_equal(t.sc.data_len, 8 + PR_MAX * 48);
	assert_int_equal(get_be64(t.in + 8 + (PR_MAX - 1) * 48), KEY_A);
	task_free(&t);
	t = pr_in(e, e->a, READ_KEYS, 5000);
	assert_int_equal(get_be32(t.in + 4), PR_MAX * 8);
	assert_int_equal(t.sc.data_len, 5000);
	task_free(&t);
	t = pr_out(e, e->b, PR_REGISTER, 0, 0, KEY_B, 0);
	assert_sense(&t, SENSE_REGISTRATION_RESOURCES);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PR_TEST(test_nothing_there),
		PR_TEST(test_read_keys),
		PR_TEST(test_read_reservation),
		PR_TEST(test_report_capabilities),
		PR_TEST(test_read_full_status),
		PR_TEST(test_all_registrants_hold),
		PR_TEST(test_lengths_are_not_cut),
		PR_TEST(test_unknown_service_actions),
		PR_TEST(test_as_many_as_there_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
