/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a target answers, and what none may. */
#include "client_env.h"

#include <errno.h>
#include <string.h>

static uint8_t data[65536];

/* As many plain commands as asked for; answered or not. */
static void cmds_submit(struct client_channel *ch, struct env_cmd *x, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		env_cmd_init(&x[i], (uint8_t)(0x10 + i));
		client_submit(ch, &x[i].cmd);
	}
}

static void tmf_code(struct env *e, const struct env_msg *m, int32_t delta, uint8_t code)
{
	struct {
		struct srp_rsp_iu rsp;
		struct srp_rsp_data data;
	} iu = { .rsp = env_rsp(m, delta), .data.code = code };

	iu.rsp.flags = SRP_RSP_FLAG_RSPVALID;
	put_be32(iu.rsp.resp_data_len, 4);
	env_send(e, &e->conns[0], &iu, sizeof(iu));
}

static void test_status_and_sense(void **state)
{
	struct {
		struct srp_rsp_iu rsp;
		uint8_t sense[18];
	} iu;
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	struct env_cmd x;

	cmds_submit(ch, &x, 1);
	iu.rsp = env_rsp(env_take(&e->conns[0]), 1);
	memset(iu.sense, 0xa5, sizeof(iu.sense));
	iu.rsp.flags = SRP_RSP_FLAG_SNSVALID;
	iu.rsp.status = 0x02;
	put_be32(iu.rsp.sense_data_len, sizeof(iu.sense));
	env_send(e, &e->conns[0], &iu, sizeof(iu));
	assert_int_equal(x.cmd.status, 0x02);
	assert_int_equal(x.cmd.sense_len, 18);
	assert_memory_equal(x.cmd.sense, iu.sense, 18);
}

static void test_residuals(void **state)
{
	static const struct {
		uint8_t flag;
		uint32_t out, in, residual;
		bool overflow;
	} rows[] = {
		{ SRP_RSP_FLAG_DIUNDER, 7, 100, 100, false },
		{ SRP_RSP_FLAG_DIOVER, 7, 4097, 4097, true },
		{ SRP_RSP_FLAG_DOUNDER, 4096, 7, 4096, false },
		{ SRP_RSP_FLAG_DOOVER, 1, 7, 1, true },
		{ 0, 1, 7, 0, false },
	};
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct srp_rsp_iu rsp;
		struct env_cmd x;

		env_cmd_init(&x, 0x28);
		env_cmd_data(&x, CLIENT_READ, CLIENT_DIRECT, data, 4096);
		client_submit(ch, &x.cmd);
		rsp = env_rsp(env_take(&e->conns[0]), 1);
		rsp.flags = rows[i].flag;
		put_be32(rsp.data_out_res_cnt, rows[i].out);
		put_be32(rsp.data_in_res_cnt, rows[i].in);
		env_send(e, &e->conns[0], &rsp, sizeof(rsp));
		assert_int_equal(x.calls, 1);
		assert_int_equal(x.cmd.residual, rows[i].residual);
		assert_int_equal(x.cmd.overflow, rows[i].overflow);
	}
}

static void test_code_instead_of_a_status_is_no_success(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	struct env_cmd x;

	cmds_submit(ch, &x, 1);
	tmf_code(e, env_take(&e->conns[0]), 1, SRP_RSP_CODE_FIELDS_INVALID);
	assert_int_equal(x.calls, 1);
	assert_int_equal(x.cmd.result, -EPROTO);
	assert_int_equal(e->closes, 0);
}

/* What no target may send: the channel ends, whoever waits is told, with the reason. */
static void hostile(void **state, const void *iu, size_t len, bool with_tag, const char *why)
{
	struct client_channel *ch;
	uint8_t bytes[128];
	struct env_cmd x;
	struct env *e;

	assert_int_equal(env_setup(state), 0);
	e = *state;
	ch = env_login(e, 8, 16, false, 0);
	env_cmd_init(&x, 0x28);
	env_cmd_data(&x, CLIENT_READ, CLIENT_DIRECT, data, 4096);
	client_submit(ch, &x.cmd);
	memcpy(bytes, iu, len);
	if (with_tag)
		memcpy(bytes + 8, env_take(&e->conns[0])->data + 8, 8);
	env_send(e, &e->conns[0], bytes, len);
	assert_int_equal(x.calls, 1);
	assert_int_equal(x.cmd.result, -ECONNRESET);
	assert_int_equal(e->closes, 1);
	assert_string_equal(e->why, why);
	env_teardown(state);
}

static void test_hostile_answers_end_the_channel(void **state)
{
	struct {
		struct srp_rsp_iu rsp;
		uint8_t more[8];
	} iu;
	const struct srp_rsp_iu rsp = { .opcode = SRP_RSP };

	iu.rsp = rsp;
	hostile(state, &iu, 15, false, "a message too short for SRP");
	hostile(state, &iu, 35, true, "SRP_RSP is too short");
	hostile(state, &iu, 36, false, "response to a request that is not there");
	iu.rsp.flags = SRP_RSP_FLAG_SNSVALID;
	put_be32(iu.rsp.sense_data_len, 9);
	hostile(state, &iu, 44, true, "sense data of SRP_RSP have a wrong length");
	put_be32(iu.rsp.sense_data_len, 0xffffffffu);
	hostile(state, &iu, 44, true, "sense data of SRP_RSP have a wrong length");
	iu.rsp.flags = SRP_RSP_FLAG_RSPVALID | SRP_RSP_FLAG_SNSVALID;
	put_be32(iu.rsp.resp_data_len, 4);
	put_be32(iu.rsp.sense_data_len, 5);
	hostile(state, &iu, 44, true, "sense data of SRP_RSP have a wrong length");
	iu.rsp.flags = SRP_RSP_FLAG_RSPVALID;
	put_be32(iu.rsp.resp_data_len, 9);
	hostile(state, &iu, 44, true, "response data of SRP_RSP have a wrong length");
	put_be32(iu.rsp.resp_data_len, 3);
	hostile(state, &iu, 44, true, "response data of SRP_RSP have a wrong length");
	iu.rsp = rsp;
	iu.rsp.flags = SRP_RSP_FLAG_DIUNDER | SRP_RSP_FLAG_DOUNDER;
	hostile(state, &iu, 36, true, "residual counts of SRP_RSP contradict each other");
	iu.rsp.flags = SRP_RSP_FLAG_DIUNDER;
	put_be32(iu.rsp.data_in_res_cnt, 4097);
	hostile(state, &iu, 36, true, "residual count beyond the data of the command");
	iu.rsp = rsp;
	put_be32(iu.rsp.req_lim_delta, 0x7fffffff);
	hostile(state, &iu, 36, true, "the target grants a credit beyond reason");
	put_be32(iu.rsp.req_lim_delta, 0x80000000u);
	hostile(state, &iu, 36, true, "the target grants a credit beyond reason");
}

static void test_hostile_messages_end_the_channel(void **state)
{
	static const uint8_t opcodes[] = {
		SRP_CMD, SRP_LOGIN_RSP, SRP_LOGIN_REJ, SRP_CRED_RSP, 0x55,
	};
	uint8_t iu[64] = { SRP_AER_REQ };

	hostile(state, iu, 35, false, "SRP_AER_REQ is too short");
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		iu[0] = opcodes[i];
		hostile(state, iu, sizeof(iu), false, "a message that no target may send");
	}
}

static void test_answer_twice_ends_the_channel(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	struct env_cmd x;

	cmds_submit(ch, &x, 1);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(e->closes, 0);
	env_good(e, &e->conns[0], &e->conns[0].msgs[0], 1);
	assert_int_equal(e->closes, 1);
	assert_string_equal(e->why, "response to a request that is not there");
	assert_int_equal(x.calls, 1);
}

static void test_old_answer_does_not_meet_a_new_request(void **state)
{
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 16, false, 0);
	struct env_cmd x, y;

	cmds_submit(ch, &x, 1);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	cmds_submit(ch, &y, 1);
	env_good(e, &e->conns[0], &e->conns[0].msgs[0], 1);
	assert_int_equal(y.cmd.result, -ECONNRESET);
	assert_int_equal(e->closes, 1);
}

static void test_flood_of_credit_requests_ends_the_channel(void **state)
{
	struct srp_cred_req_iu req = { .opcode = SRP_CRED_REQ };
	struct env *e = *state;

	env_login(e, 1, 16, false, 0);
	e->hold_sent = true;
	for (int i = 0; i < 100 && !e->closes; i++)
		env_send(e, &e->conns[0], &req, sizeof(req));
	assert_int_equal(e->closes, 1);
	assert_string_equal(e->why, "the target asks faster than it listens");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_status_and_sense),
		TEST(test_residuals),
		TEST(test_code_instead_of_a_status_is_no_success),
		cmocka_unit_test(test_hostile_answers_end_the_channel),
		cmocka_unit_test(test_hostile_messages_end_the_channel),
		TEST(test_answer_twice_ends_the_channel),
		TEST(test_old_answer_does_not_meet_a_new_request),
		TEST(test_flood_of_credit_requests_ends_the_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
