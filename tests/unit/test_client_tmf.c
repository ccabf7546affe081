/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Task management of a channel. */
#include "client_env.h"

#include <errno.h>
#include <string.h>

static unsigned tmf_calls;

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

static void tmf_done(struct client_tmf *tmf)
{
	(void)tmf;
	tmf_calls++;
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

static void test_last_credit_is_for_task_management(void **state)
{
	struct client_tmf tmf = { .function = SRP_TSK_LUN_RESET, .done = tmf_done };
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 3, false, 0);
	struct env_cmd x[3];

	tmf_calls = 0;
	cmds_submit(ch, x, 3);
	client_task_mgmt(ch, &tmf);
	assert_int_equal(e->conns[0].nmsgs, 3);
	assert_int_equal(opcode_of(&e->conns[0].msgs[2]), SRP_TSK_MGMT);
	env_good(e, &e->conns[0], &e->conns[0].msgs[0], 1);
	env_good(e, &e->conns[0], &e->conns[0].msgs[1], 1);
	tmf_code(e, &e->conns[0].msgs[2], 1, SRP_RSP_CODE_COMPLETE);
	assert_int_equal(tmf_calls, 1);
	env_good(e, &e->conns[0], &e->conns[0].msgs[3], 1);
	assert_int_equal(x[2].calls, 1);
	assert_int_equal(x[2].cmd.result, 0);
}

static void test_task_management_goes_before_waiting_commands(void **state)
{
	struct client_tmf tmf[2] = {
		{ .function = SRP_TSK_CLEAR_ACA, .done = tmf_done },
		{ .function = SRP_TSK_CLEAR_ACA, .done = tmf_done },
	};
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 2, false, 0);
	struct env_cmd x[2];

	tmf_calls = 0;
	cmds_submit(ch, x, 2);
	client_task_mgmt(ch, &tmf[0]);
	client_task_mgmt(ch, &tmf[1]);
	assert_int_equal(e->conns[0].nmsgs, 2);
	env_good(e, &e->conns[0], &e->conns[0].msgs[0], 1);
	assert_int_equal(e->conns[0].nmsgs, 3);
	assert_int_equal(opcode_of(&e->conns[0].msgs[2]), SRP_TSK_MGMT);
	tmf_code(e, &e->conns[0].msgs[1], 1, SRP_RSP_CODE_NOT_SUPPORTED);
	assert_int_equal(tmf[0].response, SRP_RSP_CODE_NOT_SUPPORTED);
	tmf_code(e, &e->conns[0].msgs[2], 1, SRP_RSP_CODE_FAILED);
	assert_int_equal(tmf_calls, 2);
	env_good(e, &e->conns[0], &e->conns[0].msgs[3], 1);
}

static void test_abort_names_the_task_and_ends_it(void **state)
{
	struct client_tmf tmf = { .function = SRP_TSK_ABORT_TASK, .done = tmf_done };
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	const struct env_msg *m;
	struct env_cmd x[2];

	tmf_calls = 0;
	cmds_submit(ch, x, 2);
	tmf.task = &x[1].cmd;
	client_lun_encode(tmf.lun, 3);
	client_task_mgmt(ch, &tmf);
	m = &e->conns[0].msgs[2];
	assert_int_equal(m->len, 48);
	assert_int_equal(m->data[21], 3);
	assert_int_equal(m->data[30], SRP_TSK_ABORT_TASK);
	assert_memory_equal(m->data + 32, e->conns[0].msgs[1].data + 8, 8);
	tmf_code(e, m, 2, SRP_RSP_CODE_COMPLETE);
	assert_int_equal(tmf_calls, 1);
	assert_int_equal(tmf.result, 0);
	assert_int_equal(x[1].calls, 1);
	assert_int_equal(x[1].cmd.result, -ECANCELED);
	assert_int_equal(x[0].calls, 0);
	env_good(e, &e->conns[0], &e->conns[0].msgs[0], 1);
	assert_int_equal(x[0].calls, 1);
}

static void test_failed_abort_ends_nothing(void **state)
{
	struct client_tmf tmf = { .function = SRP_TSK_ABORT_TASK, .done = tmf_done };
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	struct env_cmd x;

	cmds_submit(ch, &x, 1);
	tmf.task = &x.cmd;
	client_task_mgmt(ch, &tmf);
	tmf_code(e, &e->conns[0].msgs[1], 1, SRP_RSP_CODE_FAILED);
	assert_int_equal(x.calls, 0);
	env_good(e, &e->conns[0], &e->conns[0].msgs[0], 1);
	assert_int_equal(x.cmd.result, 0);
}

static void test_abort_of_what_waits_ends_it_here(void **state)
{
	struct client_tmf tmf = { .function = SRP_TSK_ABORT_TASK, .done = tmf_done };
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 1, 16, false, 0);
	struct env_cmd x[2];

	cmds_submit(ch, x, 2);
	tmf.task = &x[1].cmd;
	client_task_mgmt(ch, &tmf);
	env_run(e);
	assert_int_equal(x[1].calls, 1);
	assert_int_equal(x[1].cmd.result, -ECANCELED);
	assert_int_equal(get_be64(e->conns[0].msgs[1].data + 32), UINT64_MAX);
	tmf_code(e, &e->conns[0].msgs[1], 1, SRP_RSP_CODE_COMPLETE);
	env_good(e, &e->conns[0], &e->conns[0].msgs[0], 1);
	assert_int_equal(x[0].cmd.result, 0);
}

static void test_reset_ends_what_was_sent_before_on_that_lun(void **state)
{
	struct client_tmf tmf = { .function = SRP_TSK_LUN_RESET, .done = tmf_done };
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);
	struct env_cmd x[3];

	for (unsigned i = 0; i < 3; i++)
		env_cmd_init(&x[i], 0x00);
	client_lun_encode(x[1].cmd.lun, 1);
	client_submit(ch, &x[0].cmd);
	client_submit(ch, &x[1].cmd);
	client_task_mgmt(ch, &tmf);
	client_submit(ch, &x[2].cmd);
	tmf_code(e, &e->conns[0].msgs[2], 2, SRP_RSP_CODE_COMPLETE);
	assert_int_equal(x[0].cmd.result, -ECANCELED);
	assert_int_equal(x[0].calls, 1);
	assert_int_equal(x[1].calls, 0);
	assert_int_equal(x[2].calls, 0);
	env_good(e, &e->conns[0], &e->conns[0].msgs[1], 1);
	env_good(e, &e->conns[0], &e->conns[0].msgs[3], 1);
}

static void test_task_management_answered_without_a_code(void **state)
{
	struct client_tmf tmf = { .function = SRP_TSK_LUN_RESET, .done = tmf_done };
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);

	tmf_calls = 0;
	client_task_mgmt(ch, &tmf);
	env_good(e, &e->conns[0], env_take(&e->conns[0]), 1);
	assert_int_equal(tmf_calls, 1);
	assert_int_equal(tmf.result, -ECONNRESET);
	assert_string_equal(e->why, "task management was answered without a code");
}

static void test_death_ends_task_management(void **state)
{
	struct client_tmf tmf[6];
	struct env *e = *state;
	struct client_channel *ch = env_login(e, 8, 16, false, 0);

	tmf_calls = 0;
	for (unsigned i = 0; i < 6; i++) {
		tmf[i] = (struct client_tmf){ .function = SRP_TSK_LUN_RESET, .done = tmf_done };
		client_task_mgmt(ch, &tmf[i]);
	}
	assert_int_equal(e->conns[0].nmsgs, CLIENT_TMFS);
	env_break(e, &e->conns[0], "gone");
	assert_int_equal(tmf_calls, 6);
	assert_int_equal(tmf[5].result, -ECONNRESET);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_last_credit_is_for_task_management),
		TEST(test_task_management_goes_before_waiting_commands),
		TEST(test_abort_names_the_task_and_ends_it),
		TEST(test_failed_abort_ends_nothing),
		TEST(test_abort_of_what_waits_ends_it_here),
		TEST(test_reset_ends_what_was_sent_before_on_that_lun),
		TEST(test_task_management_answered_without_a_code),
		TEST(test_death_ends_task_management),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
