/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receives, credit and the end of a channel; the device server is a fake. */
#include "srp_util.h"

#include <errno.h>
#include <string.h>

static const uint8_t tur[16];

static int setup(void **state)
{
	return srp_setup(state, 1, SRP_ENV_IMM_OFFSET);
}

static struct ini *login(void **state)
{
	return ini_login(*state, &(struct ini_login){ .initiator = 1 });
}

static void send_tur(struct ini *i, uint64_t tag)
{
	struct ini_iu iu = ini_cmd(tag, tur, 0);

	ini_send(i, &iu);
}

static void post_tur(struct ini *i, uint64_t tag)
{
	struct ini_iu iu = ini_cmd(tag, tur, 0);

	ini_post(i, iu.buf, iu.len);
}

static void post_head(struct ini *i, uint8_t opcode, uint32_t len)
{
	uint8_t iu[16] = { opcode };

	ini_post(i, iu, len);
	srp_env_run(i->e);
}

static void assert_credit(struct ini *i)
{
	struct srp_channel *ch = srp_env_channel(i->e, 0);

	assert_int_equal(ch->req_lim - (int)ch->nwait, i->req_lim);
	assert_int_equal(ch->req_lim + (int)ch->owed + (int)ch->unanswered, i->req_lim_max);
	assert_true((int)(ch->recv_depth - ch->rx_held) >= ch->req_lim + CHANNEL_RX_RESERVE);
}

/* The channel says T_LOGOUT with this reason and disconnects. */
static void assert_logged_out(struct ini *i, uint32_t reason)
{
	struct ini_rsp r;

	assert_true(ini_poll(i, &r));
	assert_int_equal(r.opcode, SRP_T_LOGOUT);
	assert_int_equal(r.delta, reason); /* at the same place */
	assert_false(ini_poll(i, &r));
	assert_int_equal(i->p->state, MEM_DEAD);
}

/* ---- credit ---- */

static void test_first_credit_is_the_queue_depth(void **state)
{
	struct ini *i = login(state);

	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	assert_true(i->p->accepted.recv_depth >= SRP_ENV_QUEUE + 2);
	ini_free(i);
}

static void test_every_answer_returns_its_credit(void **state)
{
	struct ini *i = login(state);
	struct ini_rsp r;

	for (uint64_t tag = 1; tag <= SRP_ENV_QUEUE; tag++)
		send_tur(i, tag);
	assert_int_equal(i->req_lim, 0);
	assert_int_equal(fake_scsi.ncmds, SRP_ENV_QUEUE);
	for (uint64_t tag = SRP_ENV_QUEUE; tag; tag--) {
		fake_good(fake_scsi.cmds[tag - 1]);
		srp_env_run(*state);
		ini_rsp(i, tag, &r);
		assert_int_equal(r.delta, 1);
		assert_credit(i);
	}
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	ini_free(i);
}

static void test_credit_of_a_silent_command_rides_on_the_next_answer(void **state)
{
	struct ini *i = login(state);
	struct ini_rsp r;

	send_tur(i, 1);
	send_tur(i, 2);
	fake_abort(fake_scsi.cmds[0]);
	srp_env_run(*state);
	assert_false(ini_poll(i, &r));
	fake_good(fake_scsi.cmds[1]);
	srp_env_run(*state);
	ini_rsp(i, 2, &r);
	assert_int_equal(r.delta, 2);
	assert_credit(i);
	ini_free(i);
}

static void test_credit_of_the_only_command_comes_by_request(void **state)
{
	struct ini *i = login(state);
	struct ini_rsp r;

	send_tur(i, 1);
	fake_abort(fake_scsi.cmds[0]);
	srp_env_run(*state);
	assert_true(ini_poll(i, &r));
	assert_int_equal(r.opcode, SRP_CRED_REQ);
	assert_int_equal(r.len, 16);
	assert_int_equal(r.delta, 1);
	assert_credit(i);
	post_head(i, SRP_CRED_RSP, 16);
	assert_int_equal(i->p->state, MEM_LIVE);
	ini_free(i);
}

/* What gathers while a credit request has no answer follows it. */
static void test_one_credit_request_at_a_time(void **state)
{
	struct ini *i = login(state);
	struct ini_rsp r;

	send_tur(i, 1);
	fake_abort(fake_scsi.cmds[0]);
	srp_env_run(*state);
	assert_true(ini_poll(i, &r));
	assert_int_equal(r.opcode, SRP_CRED_REQ);
	send_tur(i, 2);
	fake_abort(fake_scsi.cmds[1]);
	srp_env_run(*state);
	assert_false(ini_poll(i, &r));
	post_head(i, SRP_CRED_RSP, 16);
	assert_true(ini_poll(i, &r));
	assert_int_equal(r.opcode, SRP_CRED_REQ);
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	post_head(i, SRP_CRED_RSP, 16);
	ini_free(i);
}

/* The initiator may send on as soon as it has the answer, before we know it has. */
static void test_commands_beyond_the_pool_wait_for_sent(void **state)
{
	struct ini *i = login(state);
	unsigned pool = SRP_ENV_QUEUE + CHANNEL_CMD_SPARE;
	struct ini_rsp r;

	i->p->hold_sent = true;
	for (uint64_t tag = 1; tag <= pool; tag++) {
		send_tur(i, tag);
		fake_good(fake_scsi.cmds[fake_scsi.ncmds - 1]);
		srp_env_run(*state);
		ini_rsp(i, tag, &r);
	}
	send_tur(i, 100);
	send_tur(i, 101);
	assert_int_equal(fake_scsi.ncmds, pool);
	assert_credit(i);
	i->p->hold_sent = false;
	srp_env_run(*state);
	assert_int_equal(fake_scsi.ncmds, pool + 2);
	assert_int_equal(fake_scsi.cmds[pool]->tag, 100);
	assert_int_equal(i->p->state, MEM_LIVE);
	ini_free(i);
}

static void test_a_few_requests_too_many_are_served(void **state)
{
	struct ini *i = login(state);
	struct ini_rsp r;

	for (uint64_t tag = 1; tag <= SRP_ENV_QUEUE + 2; tag++)
		post_tur(i, tag);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.ncmds, SRP_ENV_QUEUE + 2);
	assert_int_equal(i->p->state, MEM_LIVE);
	i->req_lim -= SRP_ENV_QUEUE + 2;
	for (unsigned n = 0; n < SRP_ENV_QUEUE + 2; n++) {
		fake_good(fake_scsi.cmds[n]);
		srp_env_run(*state);
		ini_rsp(i, n + 1, &r);
	}
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	ini_free(i);
}

static void test_a_flood_of_requests_ends_the_channel(void **state)
{
	struct ini *i = login(state);

	for (uint64_t tag = 1; tag <= 200; tag++)
		post_tur(i, tag);
	srp_env_run(*state);
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_int_equal(fake_scsi.ncmds, SRP_ENV_QUEUE + CHANNEL_CMD_SPARE);
	assert_int_equal(fake_scsi.aborts, SRP_ENV_QUEUE + CHANNEL_CMD_SPARE);
	ini_free(i);
}

/* ---- before live ---- */

static void test_requests_before_live_wait(void **state)
{
	struct ini *i = ini_connect(*state, &(struct ini_login){ .initiator = 1 });
	struct ini_rsp r;

	send_tur(i, 1);
	send_tur(i, 2);
	assert_int_equal(fake_scsi.ncmds, 0);
	mem_establish(i->p);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.ncmds, 2);
	assert_int_equal(fake_scsi.cmds[0]->tag, 1);
	fake_good(fake_scsi.cmds[0]);
	fake_good(fake_scsi.cmds[1]);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	ini_rsp(i, 2, &r);
	assert_credit(i);
	ini_free(i);
}

/* All the credit, and what needs none. */
static void test_as_many_requests_before_live_as_there_may_be(void **state)
{
	struct ini *i = ini_connect(*state, &(struct ini_login){ .initiator = 1 });
	const uint8_t cred_rsp[16] = { SRP_CRED_RSP };

	for (uint64_t tag = 1; tag <= SRP_ENV_QUEUE; tag++)
		send_tur(i, tag);
	for (unsigned n = 0; n < CHANNEL_RX_RESERVE; n++)
		ini_post(i, cred_rsp, sizeof(cred_rsp));
	srp_env_run(*state);
	assert_int_equal(i->p->state, MEM_ACCEPTED);
	ini_free(i);
}

static void test_a_flood_before_live_ends_the_channel(void **state)
{
	struct ini *i = ini_connect(*state, &(struct ini_login){ .initiator = 1 });

	for (uint64_t tag = 1; tag <= 200; tag++)
		post_tur(i, tag);
	srp_env_run(*state);
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_int_equal(fake_scsi.ncmds, 0);
	ini_free(i);
}

static void test_connection_lost_before_live(void **state)
{
	struct ini *i = ini_connect(*state, &(struct ini_login){ .initiator = 1 });

	assert_int_equal(i->p->state, MEM_ACCEPTED);
	mem_hang_up(i->p);
	srp_env_run(*state);
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_int_equal(srp_env_sessions(*state), 0);
	assert_int_equal(fake_scsi.nexuses, 0);
	ini_free(i);
}

/* ---- what is not a request: srp-protocol 2.6 ---- */

static void test_short_message_ends_the_channel(void **state)
{
	struct ini *i = login(state);

	post_head(i, SRP_CMD, 15);
	assert_logged_out(i, SRP_TLO_NO_REASON);
	ini_free(i);
}

static void test_empty_message_ends_the_channel(void **state)
{
	struct ini *i = login(state);

	post_head(i, SRP_CMD, 0);
	assert_logged_out(i, SRP_TLO_NO_REASON);
	ini_free(i);
}

static void test_unknown_types_end_the_channel(void **state)
{
	static const uint8_t bad[] = { SRP_LOGIN_REQ, SRP_RSP, SRP_CRED_REQ, SRP_T_LOGOUT, 0x77 };

	for (size_t n = 0; n < sizeof(bad); n++) {
		struct ini *i = login(state);

		post_head(i, bad[n], 16);
		assert_logged_out(i, SRP_TLO_INVALID_IU);
		ini_free(i);
	}
}

static void test_unasked_responses_end_the_channel(void **state)
{
	static const uint8_t bad[] = { SRP_CRED_RSP, SRP_AER_RSP };

	for (size_t n = 0; n < sizeof(bad); n++) {
		struct ini *i = login(state);

		post_head(i, bad[n], 16);
		assert_logged_out(i, SRP_TLO_RSP_WITHOUT_REQ);
		ini_free(i);
	}
}

static void test_initiator_logout_aborts_and_disconnects(void **state)
{
	struct ini *i = login(state);
	struct ini_rsp r;

	send_tur(i, 1);
	post_head(i, SRP_I_LOGOUT, 16);
	assert_false(ini_poll(i, &r));
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_int_equal(fake_scsi.aborts, 1);
	ini_free(i);
}

static void test_nothing_is_answered_after_a_logout(void **state)
{
	struct ini *i = login(state);
	struct ini_rsp r;

	send_tur(i, 1);
	i->p->hold_pushes = true;
	post_head(i, 0x77, 16);
	assert_int_equal(i->p->state, MEM_LIVE);
	fake_good(fake_scsi.cmds[0]);
	post_tur(i, 2);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.ncmds, 1);
	i->p->hold_pushes = false;
	srp_env_run(*state);
	assert_true(ini_poll(i, &r));
	assert_int_equal(r.opcode, SRP_T_LOGOUT);
	assert_false(ini_poll(i, &r));
	assert_int_equal(i->p->state, MEM_DEAD);
	ini_free(i);
}

/* A peer that takes no message must not keep the channel for ever. */
static void test_logout_that_does_not_leave_is_given_up(void **state)
{
	struct ini *i = login(state);

	i->p->hold_pushes = true;
	post_head(i, 0x77, 16);
	assert_int_equal(i->p->state, MEM_LIVE);
	assert_true(srp_env_expire(*state, 0));
	assert_int_equal(i->p->state, MEM_DEAD);
	ini_free(i);
}

/* ---- the end ---- */

static void test_dying_aborts_every_command(void **state)
{
	struct ini *i = login(state);

	send_tur(i, 1);
	send_tur(i, 2);
	mem_hang_up(i->p);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.aborts, 2);
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_int_equal(srp_env_sessions(*state), 0);
	ini_free(i);
}

static struct srp_env *abort_env;

static void abort_seen(void)
{
	assert_false(srp_env_channel(abort_env, 0)->quiet);
}

/* Otherwise a new session could begin while the old one still starts writes. */
static void test_not_quiet_before_every_command_is_aborted(void **state)
{
	struct ini *i = login(state);

	abort_env = *state;
	fake_scsi.on_abort = abort_seen;
	send_tur(i, 1);
	send_tur(i, 2);
	mem_hang_up(i->p);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.aborts, 2);
	ini_free(i);
}

static void test_commands_in_the_backend_keep_the_session(void **state)
{
	struct ini *i = login(state);

	fake_scsi.detach = true;
	send_tur(i, 1);
	mem_hang_up(i->p);
	srp_env_run(*state);
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_true(srp_env_channel(*state, 0)->told_quiet);
	assert_int_equal(srp_env_sessions(*state), 1);
	assert_int_equal(fake_scsi.nexuses, 1);
	fake_finish_aborted(fake_scsi.cmds[0]);
	srp_env_run(*state);
	assert_int_equal(srp_env_sessions(*state), 0);
	ini_free(i);
}

static void test_not_quiet_while_data_may_move(void **state)
{
	const uint8_t data[512] = { 1 };
	uint8_t mem[512];
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, tur, 0x01);

	mem_map(i->p, 0x1000, 5, mem, sizeof(mem), MEM_WRITE);
	ini_desc(&iu, 0x1000, 5, sizeof(mem));
	ini_send(i, &iu);
	i->p->hold_pushes = true;
	i->p->hold_flush = true;
	fake_reply(fake_scsi.cmds[0], data, sizeof(data));
	mem_hang_up(i->p);
	srp_env_run(*state);
	assert_int_equal(srp_env_channel(*state, 0)->state, CHANNEL_DYING);
	assert_false(srp_env_channel(*state, 0)->told_quiet);
	i->p->hold_flush = false;
	srp_env_run(*state);
	assert_int_equal(srp_env_sessions(*state), 0);
	ini_free(i);
}

/* A READ of the peer's memory that ends well after the death must not start a write. */
static void test_late_pull_does_not_execute(void **state)
{
	static uint8_t mem[512];
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, tur, 0x10);

	mem_map(i->p, 0x1000, 5, mem, sizeof(mem), MEM_READ);
	ini_desc(&iu, 0x1000, 5, sizeof(mem));
	ini_send(i, &iu);
	i->p->hold_pulls = true;
	i->p->hold_flush = true;
	fake_pull(fake_scsi.cmds[0], sizeof(mem));
	mem_hang_up(i->p);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.pulled, 1);
	channel_pulled(&container_of(fake_scsi.cmds[0], struct srp_cmd, scsi)->io.x, 0);
	assert_int_equal(fake_scsi.pulled, -ECONNRESET);
	/* The transport would have taken it off its list itself. */
	list_del(&container_of(fake_scsi.cmds[0], struct srp_cmd, scsi)->io.x.link);
	i->p->hold_flush = false;
	srp_env_run(*state);
	assert_int_equal(srp_env_sessions(*state), 0);
	ini_free(i);
}

static void test_data_wanted_from_a_dead_connection(void **state)
{
	static uint8_t mem[512];
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, tur, 0x10);

	fake_scsi.detach = true;
	mem_map(i->p, 0x1000, 5, mem, sizeof(mem), MEM_READ);
	ini_desc(&iu, 0x1000, 5, sizeof(mem));
	ini_send(i, &iu);
	mem_hang_up(i->p);
	srp_env_run(*state);
	fake_scsi.cmds[0]->aborted = false; /* as if it was on its way just then */
	fake_pull(fake_scsi.cmds[0], sizeof(mem));
	assert_int_equal(fake_scsi.pulled, 1);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.pulled, -ECONNRESET);
	assert_int_equal(srp_env_sessions(*state), 0);
	ini_free(i);
}

/* ---- asked to end ---- */

static void test_drain_lets_commands_end(void **state)
{
	struct srp_env *e = *state;
	struct ini *i = login(state);
	struct ini_rsp r;

	send_tur(i, 1);
	channel_stop(srp_env_channel(e, 0), STOP_DRAIN, 1000000000);
	srp_env_run(e);
	assert_int_equal(i->p->state, MEM_LIVE);
	send_tur(i, 2); /* not taken any more */
	assert_int_equal(fake_scsi.ncmds, 1);
	fake_good(fake_scsi.cmds[0]);
	srp_env_run(e);
	ini_rsp(i, 1, &r);
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_int_equal(fake_scsi.aborts, 0);
	ini_free(i);
}

static void test_drain_waits_until_the_answers_have_left(void **state)
{
	struct srp_env *e = *state;
	struct ini *i = login(state);
	struct ini_rsp r;

	send_tur(i, 1);
	i->p->hold_pushes = true;
	channel_stop(srp_env_channel(e, 0), STOP_DRAIN, 1000000000);
	fake_good(fake_scsi.cmds[0]);
	srp_env_run(e);
	assert_int_equal(i->p->state, MEM_LIVE);
	i->p->hold_pushes = false;
	srp_env_run(e);
	ini_rsp(i, 1, &r);
	assert_int_equal(i->p->state, MEM_DEAD);
	ini_free(i);
}

static void test_drain_ends_at_its_deadline(void **state)
{
	struct srp_env *e = *state;
	struct ini *i = login(state);

	send_tur(i, 1);
	channel_stop(srp_env_channel(e, 0), STOP_DRAIN, 1000000000);
	srp_env_run(e);
	assert_true(srp_env_expire(e, 0));
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_int_equal(fake_scsi.aborts, 1);
	ini_free(i);
}

static void test_stop_now_overrides_drain(void **state)
{
	struct srp_env *e = *state;
	struct ini *i = login(state);

	send_tur(i, 1);
	channel_stop(srp_env_channel(e, 0), STOP_DRAIN, 1000000000);
	channel_stop(srp_env_channel(e, 0), STOP_NOW, 0);
	srp_env_run(e);
	assert_int_equal(i->p->state, MEM_DEAD);
	ini_free(i);
}

/* The message to the reactor meets a channel that is gone already: it keeps its memory. */
static void test_stop_crosses_the_end(void **state)
{
	struct srp_env *e = *state;
	struct ini *i = login(state);
	struct reactor *r = e->group.r[0];

	mem_hang_up(i->p);
	reactor_round(r);
	reactor_round(r);
	/* gone is in the control mailbox, the stop goes to the reactor. */
	channel_stop(srp_env_channel(e, 0), STOP_NOW, 0);
	mailbox_drain(&e->control);
	assert_int_equal(srp_env_sessions(e), 1);
	srp_env_run(e);
	assert_int_equal(srp_env_sessions(e), 0);
	ini_free(i);
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(channel_state_name(CHANNEL_LIVE), "live");
	assert_string_equal(channel_state_name(CHANNEL_GONE), "gone");
}

#define CHANNEL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHANNEL_TEST(test_first_credit_is_the_queue_depth),
		CHANNEL_TEST(test_every_answer_returns_its_credit),
		CHANNEL_TEST(test_credit_of_a_silent_command_rides_on_the_next_answer),
		CHANNEL_TEST(test_credit_of_the_only_command_comes_by_request),
		CHANNEL_TEST(test_one_credit_request_at_a_time),
		CHANNEL_TEST(test_commands_beyond_the_pool_wait_for_sent),
		CHANNEL_TEST(test_a_few_requests_too_many_are_served),
		CHANNEL_TEST(test_a_flood_of_requests_ends_the_channel),
		CHANNEL_TEST(test_requests_before_live_wait),
		CHANNEL_TEST(test_as_many_requests_before_live_as_there_may_be),
		CHANNEL_TEST(test_a_flood_before_live_ends_the_channel),
		CHANNEL_TEST(test_connection_lost_before_live),
		CHANNEL_TEST(test_short_message_ends_the_channel),
		CHANNEL_TEST(test_empty_message_ends_the_channel),
		CHANNEL_TEST(test_unknown_types_end_the_channel),
		CHANNEL_TEST(test_unasked_responses_end_the_channel),
		CHANNEL_TEST(test_initiator_logout_aborts_and_disconnects),
		CHANNEL_TEST(test_nothing_is_answered_after_a_logout),
		CHANNEL_TEST(test_logout_that_does_not_leave_is_given_up),
		CHANNEL_TEST(test_dying_aborts_every_command),
		CHANNEL_TEST(test_not_quiet_before_every_command_is_aborted),
		CHANNEL_TEST(test_commands_in_the_backend_keep_the_session),
		CHANNEL_TEST(test_not_quiet_while_data_may_move),
		CHANNEL_TEST(test_late_pull_does_not_execute),
		CHANNEL_TEST(test_data_wanted_from_a_dead_connection),
		CHANNEL_TEST(test_drain_lets_commands_end),
		CHANNEL_TEST(test_drain_waits_until_the_answers_have_left),
		CHANNEL_TEST(test_drain_ends_at_its_deadline),
		CHANNEL_TEST(test_stop_now_overrides_drain),
		CHANNEL_TEST(test_stop_crosses_the_end),
		CHANNEL_TEST(test_state_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
