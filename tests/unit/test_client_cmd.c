/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests on a channel: what is sent, and when. */
#include "client_env.h"

#include <errno.h>
#include <string.h>

static uint8_t data[65536];

static uint32_t opcode_of(const struct env_msg *m)
{
	return m->data[0];
}

/* As many plain commands as asked for; answered or not. */
static void cmds_submit(struct client_channel *ch, struct env_cmd *x, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		env_cmd_init(&x[i], (uint8_t)(0x10 + i));
		client_submit(ch, &x[i].cmd);
	}
}

/* ---- credit and order ---- */

static void test_commands_leave_in_order(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	struct env_cmd x[3];

	cmds_submit(ch, x, 3);
	for (uint8_t i = 0; i < 3; i++) {
		const struct env_msg *m = env_take(&e->conns[0]);

		assert_int_equal(m->len, 48);
		assert_int_equal(m->data[32], 0x10 + i);
		env_good(e, &e->conns[0], m, 1);
		assert_int_equal(x[i].calls, 1);
		assert_int_equal(x[i].cmd.result, 0);
		assert_true(x[i].cmd.end_ns >= x[i].cmd.start_ns && x[i].cmd.start_ns);
	}
}

static void test_tags_of_requests_in_flight_differ(void **state)
{
	struct env *e = *state;
	struct client_channel *a = env_login(e, 1, 16, false, 0);
	struct client_channel *b = env_login(e, 1, 16, false, 0);
	const struct env_msg *first, *other, *second;
	struct env_cmd x, y;

	cmds_submit(a, &x, 1);
	cmds_submit(b, &y, 1);
	first = env_take(&e->conns[0]);
	other = env_take(&e->conns[1]);
	assert_memory_not_equal(first->data + 8, other->data + 8, 8);
	env_good(e, &e->conns[0], first, 1);
	env_good(e, &e->conns[1], other, 1);
	cmds_submit(a, &x, 1);
	second = env_take(&e->conns[0]);
	assert_memory_not_equal(first->data + 8, second->data + 8, 8);
	env_good(e, &e->conns[0], second, 1);
}

static void test_without_credit_commands_wait(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 3, false, 0);
	struct env_cmd x[4];

	cmds_submit(ch, x, 4);
	assert_int_equal(e->conns[0].nmsgs, 2);
	/* An answer without credit lets nobody go, one with two lets two. */
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 0);
	assert_int_equal(e->conns[0].nmsgs, 2);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 2);
	assert_int_equal(e->conns[0].nmsgs, 4);
	assert_int_equal(env_take(&e->conns[0])->data[32], 0x12);
	assert_int_equal(env_take(&e->conns[0])->data[32], 0x13);
	env_good(e, &e->conns[0], &e->conns[0].msgs[2], 1);
	env_good(e, &e->conns[0], &e->conns[0].msgs[3], 1);
	assert_int_equal(x[3].calls, 1);
}

static void test_single_credit_is_used(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 1, false, 0);
	struct env_cmd x[2];

	cmds_submit(ch, x, 2);
	assert_int_equal(e->conns[0].nmsgs, 1);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(x[1].calls, 1);
}

static void test_queue_depth_limits_what_is_in_flight(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 2, 64, false, 0);
	struct env_cmd x[3];

	cmds_submit(ch, x, 3);
	assert_int_equal(e->conns[0].nmsgs, 2);
	for (int i = 0; i < 3; i++)
		env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(x[2].calls, 1);
}

static void test_slot_is_kept_until_the_message_left(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 64, false, 0);
	struct env_cmd x[2];

	e->hold_sent = true;
	cmds_submit(ch, x, 2);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(x[0].calls, 1);
	assert_int_equal(e->conns[0].nmsgs, 1);
	e->hold_sent = false;
	env_run(e);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(x[1].calls, 1);
}

static void test_callback_may_submit(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 64, false, 0);
	struct env_cmd x, y;

	env_cmd_init(&x, 0x10);
	env_cmd_init(&y, 0x11);
	x.ch = ch;
	x.next = &y;
	client_submit(ch, &x.cmd);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(y.calls, 1);
	assert_int_equal(y.cmd.result, 0);
}

static void test_cred_req_is_answered_and_counts(void **state)
{
	struct srp_cred_req_iu req = { .opcode = SRP_CRED_REQ, .tag = { 9, 8, 7, 6, 5, 4, 3, 2 } };
	static const uint8_t want[16] = {
		SRP_CRED_RSP, 0, 0, 0, 0, 0, 0, 0, 9, 8, 7, 6, 5, 4, 3, 2,
	};
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 2, false, 0);
	const struct env_msg *m;
	struct env_cmd x[2];

	cmds_submit(ch, x, 2);
	assert_int_equal(e->conns[0].nmsgs, 1);
	put_be32(req.req_lim_delta, 1);
	env_send(e, &e->conns[0], &req, sizeof(req));
	assert_int_equal(e->conns[0].nmsgs, 3);
	m = &e->conns[0].msgs[1];
	assert_int_equal(m->len, sizeof(want));
	assert_memory_equal(m->data, want, sizeof(want));
	env_good(e, &e->conns[0], &e->conns[0].msgs[0], 1);
	env_good(e, &e->conns[0], &e->conns[0].msgs[2], 1);
	assert_int_equal(x[1].calls, 1);
}

static void test_event_report_is_answered(void **state)
{
	uint8_t req[36] = { SRP_AER_REQ };
	struct env *e = *state;

	env_login(e, 8, 2, false, 0);
	req[8] = 0x77;
	env_send(e, &e->conns[0], req, sizeof(req));
	assert_int_equal(opcode_of(env_take(&e->conns[0])), SRP_AER_RSP);
	assert_int_equal(e->conns[0].msgs[0].data[8], 0x77);
}

/* ---- data ---- */

static void test_direct_read_exposes_until_answered(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	const struct env_msg *m;
	struct env_cmd x;

	env_cmd_init(&x, 0x28);
	env_cmd_data(&x, CLIENT_READ, CLIENT_DIRECT, data, 4096);
	client_lun_encode(x.cmd.lun, 5);
	client_submit(ch, &x.cmd);
	m = env_take(&e->conns[0]);
	assert_int_equal(m->len, 64);
	assert_int_equal(m->data[5], SRP_DESC_DIRECT);
	assert_int_equal(m->data[21], 5);
	assert_int_equal(get_be64(m->data + 48), (uintptr_t)data);
	assert_int_equal(get_be32(m->data + 56), 0x100);
	assert_int_equal(get_be32(m->data + 60), 4096);
	assert_int_equal(e->conns[0].nexposed, 1);
	assert_int_equal(e->conns[0].exposed[0].access, EXPOSE_WRITE);
	env_good(e, &e->conns[0], m, 1);
	assert_int_equal(e->conns[0].nexposed, 0);
}

static void test_indirect_write_in_the_request(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	uint64_t at = (uintptr_t)data;
	const struct env_msg *m;
	struct env_cmd x;
	uint32_t sum = 0;

	env_cmd_init(&x, 0x2a);
	env_cmd_data(&x, CLIENT_WRITE, CLIENT_INDIRECT, data, 10000);
	x.cmd.pieces = 3;
	client_submit(ch, &x.cmd);
	m = env_take(&e->conns[0]);
	assert_int_equal(m->len, 48 + 20 + 3 * 16);
	assert_int_equal(m->data[5], SRP_DESC_INDIRECT << 4);
	assert_int_equal(m->data[6], 3);
	assert_int_equal(m->data[7], 0);
	assert_int_equal(get_be32(m->data + 60), 48);    /* length of the table */
	assert_int_equal(get_be32(m->data + 64), 10000); /* of the data */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(get_be64(m->data + 68 + 16 * i), at + sum);
		sum += get_be32(m->data + 68 + 16 * i + 12);
	}
	assert_int_equal(sum, 10000);
	assert_int_equal(e->conns[0].nexposed, 1);
	assert_int_equal(e->conns[0].exposed[0].access, EXPOSE_READ);
	env_good(e, &e->conns[0], m, 1);
}

static void test_table_that_does_not_fit_is_exposed(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 100);
	const struct env_msg *m;
	const uint8_t *table;
	struct env_cmd x;

	env_cmd_init(&x, 0x28);
	env_cmd_data(&x, CLIENT_READ, CLIENT_INDIRECT, data, 65536);
	x.cmd.pieces = 255;
	client_submit(ch, &x.cmd);
	m = env_take(&e->conns[0]);
	assert_int_equal(m->len, 48 + 20 + 2 * 16);
	assert_int_equal(m->data[7], 2);
	assert_int_equal(e->conns[0].nexposed, 2);
	assert_int_equal(e->conns[0].exposed[1].access, EXPOSE_READ);
	assert_int_equal(e->conns[0].exposed[1].len, 255 * 16);
	table = e->conns[0].exposed[1].addr;
	assert_int_equal(get_be64(m->data + 48), (uintptr_t)table);
	assert_int_equal(get_be32(m->data + 56), 0x101);
	assert_int_equal(get_be32(m->data + 60), 255 * 16);
	/* What is in the request is the beginning of the table. */
	assert_memory_equal(m->data + 68, table, 32);
	assert_int_equal(get_be64(table + 254 * 16) + get_be32(table + 254 * 16 + 12),
			 (uintptr_t)data + 65536);
	env_good(e, &e->conns[0], m, 1);
	assert_int_equal(e->conns[0].nexposed, 0);
}

static void test_more_pieces_than_bytes_are_not_made(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	const struct env_msg *m;
	struct env_cmd x;

	env_cmd_init(&x, 0x28);
	env_cmd_data(&x, CLIENT_READ, CLIENT_INDIRECT, data, 2);
	x.cmd.pieces = 9;
	client_submit(ch, &x.cmd);
	m = env_take(&e->conns[0]);
	assert_int_equal(m->data[7], 2);
	env_good(e, &e->conns[0], m, 1);
}

static void test_immediate_write_carries_its_data(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, true, 0);
	const struct env_msg *m;
	struct env_cmd x;

	memset(data, 0x5a, 512);
	env_cmd_init(&x, 0x2a);
	env_cmd_data(&x, CLIENT_WRITE, CLIENT_IMMEDIATE, data, 512);
	client_submit(ch, &x.cmd);
	m = env_take(&e->conns[0]);
	assert_int_equal(m->len, 68 + 512);
	assert_int_equal(m->data[5], SRP_DESC_IMMEDIATE << 4);
	assert_int_equal(get_be32(m->data + 48), 512);
	assert_memory_equal(m->data + 68, data, 512);
	assert_int_equal(e->conns[0].nexposed, 0);
	env_good(e, &e->conns[0], m, 1);
}

static void test_immediate_only_where_it_is_possible(void **state)
{
	static const struct {
		bool agreed;
		enum client_dir dir;
		uint32_t len;
	} rows[] = {
		{ false, CLIENT_WRITE, 512 },
		{ true, CLIENT_READ, 512 },
		{ true, CLIENT_WRITE, 8260 - 68 + 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned direct = rows[i].dir == CLIENT_WRITE ? 0x10 : 0x01;
		struct client_channel *ch;
		const struct env_msg *m;
		struct env_cmd x;
		struct env *e;

		assert_int_equal(env_setup(state), 0);
		e = *state;
		ch = env_login(e, 8, 16, rows[i].agreed, 0);
		env_cmd_init(&x, 0x2a);
		env_cmd_data(&x, rows[i].dir, CLIENT_IMMEDIATE, data, rows[i].len);
		client_submit(ch, &x.cmd);
		m = env_take(&e->conns[0]);
		assert_int_equal(m->data[5], direct);
		env_good(e, &e->conns[0], m, 1);
		env_teardown(state);
	}
}

static void test_no_data_no_descriptor(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, true, 0);
	const struct env_msg *m;
	struct env_cmd x;

	env_cmd_init(&x, 0x12);
	env_cmd_data(&x, CLIENT_READ, CLIENT_DIRECT, data, 0);
	client_submit(ch, &x.cmd);
	m = env_take(&e->conns[0]);
	assert_int_equal(m->len, 48);
	assert_int_equal(m->data[5], 0);
	env_good(e, &e->conns[0], m, 1);
}

static void test_command_that_cannot_be_exposed_fails_alone(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	struct env_cmd x, y;

	e->fail_expose = -ENOSPC;
	env_cmd_init(&x, 0x28);
	env_cmd_data(&x, CLIENT_READ, CLIENT_DIRECT, data, 512);
	client_submit(ch, &x.cmd);
	assert_int_equal(x.calls, 0);
	env_run(e);
	assert_int_equal(x.calls, 1);
	assert_int_equal(x.cmd.result, -ENOSPC);
	cmds_submit(ch, &y, 1);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(y.cmd.result, 0);
	assert_int_equal(ch->req_lim, 16);
}

/* ---- raw messages and LUNs ---- */

static void test_raw_message_leaves_as_it_is(void **state)
{
	static const uint8_t raw[5] = { 1, 2, 3, 4, 5 };
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 100);
	static uint8_t big[101];

	assert_int_equal(client_send_raw(ch, raw, sizeof(raw)), 0);
	assert_int_equal(e->conns[0].msgs[0].len, 5);
	assert_memory_equal(e->conns[0].msgs[0].data, raw, 5);
	assert_int_equal(client_send_raw(ch, big, sizeof(big)), -EMSGSIZE);
	assert_int_equal(client_send_raw(ch, big, 0), -EMSGSIZE);
	client_drop(ch);
	assert_int_equal(client_send_raw(ch, raw, sizeof(raw)), -ENOTCONN);
}

static void test_luns(void **state)
{
	static const struct {
		uint16_t number;
		uint8_t wire[8];
	} rows[] = {
		{ 0, { 0 } },
		{ 255, { 0x00, 0xff } },
		{ 256, { 0x41, 0x00 } },
		{ 16383, { 0x7f, 0xff } },
	};
	uint8_t lun[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		client_lun_encode(lun, rows[i].number);
		assert_memory_equal(lun, rows[i].wire, 8);
		assert_int_equal(client_lun_decode(lun), rows[i].number);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_commands_leave_in_order),
		TEST(test_tags_of_requests_in_flight_differ),
		TEST(test_without_credit_commands_wait),
		TEST(test_single_credit_is_used),
		TEST(test_queue_depth_limits_what_is_in_flight),
		TEST(test_slot_is_kept_until_the_message_left),
		TEST(test_callback_may_submit),
		TEST(test_cred_req_is_answered_and_counts),
		TEST(test_event_report_is_answered),
		TEST(test_direct_read_exposes_until_answered),
		TEST(test_indirect_write_in_the_request),
		TEST(test_table_that_does_not_fit_is_exposed),
		TEST(test_more_pieces_than_bytes_are_not_made),
		TEST(test_immediate_write_carries_its_data),
		cmocka_unit_test(test_immediate_only_where_it_is_possible),
		TEST(test_no_data_no_descriptor),
		TEST(test_command_that_cannot_be_exposed_fails_alone),
		TEST(test_raw_message_leaves_as_it_is),
		TEST(test_luns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
