/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A channel's life: login, logout, the ways it ends. */
#include "client_env.h"

#include <errno.h>
#include <string.h>

/* ---- login ---- */

static void test_login_request_is_as_the_standard_says(void **state)
{
	static const uint8_t want[56] = {
		0, 0, 0, 0, 0, 0, 0, 0,                          /* tag */
		0x00, 0x06,                                      /* formats */
		0x80,                                            /* immediate data, single */
		0x00,                                            /* SRP_LOGIN_REQ */
		0x00, 0x00, 0x20, 0x44,                          /* 8260 */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x2a,
		0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,  /* id_ext */
		0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,  /* ioc_guid */
		0x00, 68,
		0, 0, 0, 0, 0, 0,
	};
	struct env *e = *state;

	env_ask(e, 4, true, 0);
	assert_memory_equal(e->conns[0].login, want, sizeof(want));
	assert_true(e->conns[0].asked.recv_depth > 4);
	assert_int_equal(e->conns[0].asked.timeout_ms, 1000);
	assert_int_equal(e->conns[0].asked.max_rd_atomic, 16);
}

static void test_accepted_login_is_told_once(void **state)
{
	struct env *e = *state;

	env_login(e, 4, 16, true, 0);
	assert_int_equal(e->logins, 1);
	assert_int_equal(e->result.req_lim, 16);
	assert_int_equal(e->result.max_it_iu_len, 8320);
	assert_int_equal(e->result.max_ti_iu_len, 512);
	assert_true(e->result.imm_data);
	assert_int_equal(e->closes, 0);
}

static void test_immediate_data_unasked_is_not_agreed_on(void **state)
{
	struct env *e = *state;
	struct srp_login_rsp rsp;

	env_ask(e, 4, false, 0);
	env_login_rsp(&rsp, 16, SRP_RSP_IMMED_SUPP | SRP_RSP_CHANNELS_KEPT);
	env_accept(e, &e->conns[0], &rsp, sizeof(rsp));
	assert_int_equal(e->result.status, CLIENT_LOGGED_IN);
	assert_int_equal(e->result.err, 0);
	assert_false(e->result.imm_data);
	assert_int_equal(e->result.multichan, SRP_RSP_CHANNELS_KEPT);
}

static void test_rejected_login_has_the_reason(void **state)
{
	struct srp_login_rej rej = { .opcode = SRP_LOGIN_REJ };
	struct env *e = *state;

	env_ask(e, 4, false, 0);
	put_be32(rej.reason, SRP_REJ_UNABLE_ASSOCIATE_CHANNEL);
	env_refuse(e, &e->conns[0], -ECONNREFUSED, &rej, sizeof(rej));
	assert_int_equal(e->logins, 1);
	assert_int_equal(e->result.status, CLIENT_REJECTED);
	assert_int_equal(e->result.reason, SRP_REJ_UNABLE_ASSOCIATE_CHANNEL);
	assert_int_equal(e->closes, 0);
}

static void test_failures_of_the_connection(void **state)
{
	static const struct {
		int err;
		enum client_login_status status;
	} rows[] = {
		{ -ECONNREFUSED, CLIENT_REFUSED },     { -ECONNRESET, CLIENT_REFUSED },
		{ -ETIMEDOUT, CLIENT_TIMED_OUT },      { -EPROTO, CLIENT_PROTOCOL },
		{ -EHOSTUNREACH, CLIENT_UNREACHABLE }, { -ENETUNREACH, CLIENT_UNREACHABLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct env *e;

		assert_int_equal(env_setup(state), 0);
		e = *state;
		env_ask(e, 1, false, 0);
		env_refuse(e, &e->conns[0], rows[i].err, NULL, 0);
		assert_int_equal(e->logins, 1);
		assert_int_equal(e->result.status, rows[i].status);
		assert_int_equal(e->result.err, rows[i].err);
		env_teardown(state);
	}
}

static void test_rejection_cut_short_is_a_refusal(void **state)
{
	struct srp_login_rej rej = { .opcode = SRP_LOGIN_REJ };
	struct env *e = *state;

	env_ask(e, 1, false, 0);
	env_refuse(e, &e->conns[0], -ECONNREFUSED, &rej, sizeof(rej) - 1);
	assert_int_equal(e->result.status, CLIENT_REFUSED);
	assert_int_equal(e->result.reason, 0);
}

/* Answers of a target that cannot be worked with. */
static void test_senseless_answers_to_a_login(void **state)
{
	struct srp_login_rsp good, rows[5];
	size_t lens[5];

	env_login_rsp(&good, 16, 0);
	for (size_t i = 0; i < 5; i++) {
		rows[i] = good;
		lens[i] = sizeof(good);
	}
	lens[0] = sizeof(good) - 1;
	rows[1].opcode = SRP_RSP;
	put_be32(rows[2].req_lim_delta, 0x80000000u);
	put_be32(rows[3].max_ti_iu_len, 55);
	put_be32(rows[4].max_it_iu_len, 63);
	for (size_t i = 0; i < 5; i++) {
		struct env *e;

		assert_int_equal(env_setup(state), 0);
		e = *state;
		env_ask(e, 1, false, 0);
		env_accept(e, &e->conns[0], &rows[i], lens[i]);
		assert_true(e->conns[0].over);
		assert_int_equal(e->logins, 1);
		assert_int_equal(e->result.status, CLIENT_PROTOCOL);
		assert_int_equal(e->closes, 0);
		env_teardown(state);
	}
}

static void test_requests_keep_to_the_length_the_target_takes(void **state)
{
	static uint8_t data[1000];
	struct env *e = *state;
	struct srp_login_rsp rsp;
	struct client_channel *ch = env_ask(e, 4, true, 8260);
	const struct env_msg *m;
	struct env_cmd x;

	env_login_rsp(&rsp, 16, SRP_RSP_IMMED_SUPP);
	put_be32(rsp.max_it_iu_len, 1000);
	env_accept(e, &e->conns[0], &rsp, sizeof(rsp));
	env_cmd_init(&x, 0x2a);
	env_cmd_data(&x, CLIENT_WRITE, CLIENT_IMMEDIATE, data, sizeof(data));
	client_submit(ch, &x.cmd);
	m = env_take(&e->conns[0]);
	assert_int_equal(m->data[5], SRP_DESC_DIRECT << 4);
	env_good(e, &e->conns[0], m, 1);
}

static void test_login_given_up_is_told(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_ask(e, 1, false, 0);

	client_drop(ch);
	assert_int_equal(e->logins, 0);
	env_run(e);
	assert_int_equal(e->logins, 1);
	assert_int_equal(e->result.status, CLIENT_UNREACHABLE);
	assert_int_equal(e->result.err, -ECANCELED);
}

static void test_acceptance_of_what_was_given_up_is_no_login(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_ask(e, 1, false, 0);
	struct srp_login_rsp rsp;

	client_drop(ch);
	env_login_rsp(&rsp, 16, 0);
	env_accept(e, &e->conns[0], &rsp, sizeof(rsp));
	assert_int_equal(e->logins, 1);
	assert_int_equal(e->result.status, CLIENT_UNREACHABLE);
}

static void test_login_that_cannot_start_leaves_nothing(void **state)
{
	struct client_login l = { .queue_depth = 1, .timeout_ms = 1 };
	struct env *e = *state;
	struct client_channel *ch;
	char err[128];

	e->fail_connect = -ENETUNREACH;
	assert_int_equal(client_login(e->c, &l, &env_events, e, &ch, err, sizeof(err)),
			 -ENETUNREACH);
	assert_string_equal(err, "no way there");
	e->fail_connect = 0;
	env_login(e, 1, 2, false, 0);
	assert_int_equal(e->logins, 1);
}

static void test_senseless_parameters_are_refused(void **state)
{
	static const struct client_login rows[] = {
		{ .queue_depth = 0, .timeout_ms = 1 },
		{ .queue_depth = 4097, .timeout_ms = 1 },
		{ .queue_depth = 1, .timeout_ms = 0 },
		{ .queue_depth = 1, .timeout_ms = 1, .it_iu_len = 63 },
		{ .queue_depth = 1, .timeout_ms = 1, .it_iu_len = 131073 },
	};
	struct env *e = *state;
	struct client_channel *ch;
	char err[128];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(client_login(e->c, &rows[i], &env_events, e, &ch, err,
					      sizeof(err)), -EINVAL);
}

static void test_channels_are_limited_and_come_back(void **state)
{
	struct client_login l = { .queue_depth = 1, .timeout_ms = 1 };
	struct env *e = *state;
	struct client_channel *ch = NULL, *other;
	char err[128];

	for (int i = 0; i < 3; i++)
		ch = env_login(e, 1, 2, false, 0);
	assert_int_equal(client_login(e->c, &l, &env_events, e, &other, err, sizeof(err)), -EMFILE);
	client_drop(ch);
	env_run(e);
	env_login(e, 1, 2, false, 0);
}

static void test_deep_queues_use_several_blocks(void **state)
{
	static struct env_cmd x[40];
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 40, 100, false, 65536);

	for (size_t i = 0; i < ARRAY_SIZE(x); i++) {
		env_cmd_init(&x[i], 0x00);
		client_submit(ch, &x[i].cmd);
	}
	assert_int_equal(e->conns[0].nmsgs, 40);
	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(x[39].calls, 1);
}

/* ---- the end ---- */

static void test_logout_says_so_and_closes(void **state)
{
	static const uint8_t head[8] = { SRP_I_LOGOUT };
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 2, false, 0);
	const struct env_msg *m;

	client_logout(ch);
	m = env_take(&e->conns[0]);
	assert_int_equal(m->len, 16);
	assert_memory_equal(m->data, head, 8);
	env_run(e);
	assert_true(e->conns[0].over);
	assert_int_equal(e->closes, 1);
	assert_string_equal(e->why, "logged out");
}

static void test_logout_that_does_not_leave_closes_in_time(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 2, false, 0);

	e->hold_sent = true;
	client_logout(ch);
	env_run(e);
	assert_int_equal(e->closes, 0);
	/* The timer runs out. */
	assert_false(list_empty(&ch->timer.link));
	reactor_timer_start(client_reactor(e->c), &ch->timer, 0);
	env_run(e);
	env_run(e);
	assert_int_equal(e->closes, 1);
}

static void test_logout_twice_is_one(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 2, false, 0);

	client_logout(ch);
	client_logout(ch);
	assert_int_equal(e->conns[0].nmsgs, 1);
	env_run(e);
	assert_int_equal(e->closes, 1);
}

static void test_drop_says_nothing(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 2, false, 0);

	client_drop(ch);
	env_run(e);
	assert_int_equal(e->conns[0].nmsgs, 0);
	assert_int_equal(e->closes, 1);
	assert_string_equal(e->why, "dropped");
}

static void test_target_logs_us_out(void **state)
{
	struct srp_t_logout_iu lo = { .opcode = SRP_T_LOGOUT };
	struct env *e = *state;

	env_login(e, 1, 2, false, 0);
	put_be32(lo.reason, SRP_TLO_CHANNEL_ACTION);
	env_send(e, &e->conns[0], &lo, sizeof(lo));
	assert_int_equal(e->closes, 1);
	assert_string_equal(e->why, "the target logged us out: replaced by a newer login");
}

static void test_first_reason_of_an_end_is_told(void **state)
{
	struct env *e = *state;

	env_login(e, 1, 2, false, 0);
	env_break(e, &e->conns[0], "connection reset");
	assert_int_equal(e->closes, 1);
	assert_string_equal(e->why, "connection reset");
}

static void test_death_ends_every_command_before_the_channel(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 2, 3, false, 0);
	static uint8_t data[4096];
	struct env_cmd x[4];

	for (size_t i = 0; i < ARRAY_SIZE(x); i++) {
		env_cmd_init(&x[i], 0x28);
		env_cmd_data(&x[i], CLIENT_READ, CLIENT_DIRECT, data, sizeof(data));
		client_submit(ch, &x[i].cmd);
	}
	assert_int_equal(e->conns[0].nmsgs, 2);
	e->hold_sent = true;
	env_break(e, &e->conns[0], "gone");
	for (size_t i = 0; i < ARRAY_SIZE(x); i++) {
		assert_int_equal(x[i].calls, 1);
		assert_int_equal(x[i].cmd.result, -ECONNRESET);
	}
	assert_int_equal(e->conns[0].nexposed, 0);
	assert_int_equal(e->closes, 1);
}

static void test_command_submitted_to_the_dead_comes_back(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 2, false, 0);
	struct env_cmd x, y;

	env_cmd_init(&x, 0x00);
	env_cmd_init(&y, 0x00);
	x.next = &y;
	x.ch = ch;
	client_submit(ch, &x.cmd);
	client_drop(ch);
	env_run(e);
	assert_int_equal(x.calls, 1);
	assert_int_equal(y.calls, 1);
	assert_int_equal(y.cmd.result, -ECONNRESET);
	assert_int_equal(e->closes, 1);
}

static void test_command_before_the_login_waits_for_it(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_ask(e, 1, false, 0);
	struct srp_login_rsp rsp;
	struct env_cmd x;

	env_cmd_init(&x, 0x00);
	client_submit(ch, &x.cmd);
	assert_true(env_none(&e->conns[0]));
	env_login_rsp(&rsp, 2, 0);
	env_accept(e, &e->conns[0], &rsp, sizeof(rsp));
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(x.calls, 1);
	assert_int_equal(x.cmd.result, 0);
}

static void test_command_before_a_failed_login_comes_back(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_ask(e, 1, false, 0);
	struct env_cmd x;

	env_cmd_init(&x, 0x00);
	client_submit(ch, &x.cmd);
	env_refuse(e, &e->conns[0], -ECONNREFUSED, NULL, 0);
	assert_int_equal(x.calls, 1);
	assert_int_equal(x.cmd.result, -ECONNRESET);
	assert_int_equal(e->logins, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_login_request_is_as_the_standard_says),
		TEST(test_accepted_login_is_told_once),
		TEST(test_immediate_data_unasked_is_not_agreed_on),
		TEST(test_rejected_login_has_the_reason),
		cmocka_unit_test(test_failures_of_the_connection),
		TEST(test_rejection_cut_short_is_a_refusal),
		cmocka_unit_test(test_senseless_answers_to_a_login),
		TEST(test_requests_keep_to_the_length_the_target_takes),
		TEST(test_login_given_up_is_told),
		TEST(test_acceptance_of_what_was_given_up_is_no_login),
		TEST(test_login_that_cannot_start_leaves_nothing),
		TEST(test_senseless_parameters_are_refused),
		TEST(test_channels_are_limited_and_come_back),
		TEST(test_deep_queues_use_several_blocks),
		TEST(test_logout_says_so_and_closes),
		TEST(test_logout_that_does_not_leave_closes_in_time),
		TEST(test_logout_twice_is_one),
		TEST(test_drop_says_nothing),
		TEST(test_target_logs_us_out),
		TEST(test_first_reason_of_an_end_is_told),
		TEST(test_death_ends_every_command_before_the_channel),
		TEST(test_command_submitted_to_the_dead_comes_back),
		TEST(test_command_before_the_login_waits_for_it),
		TEST(test_command_before_a_failed_login_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
