/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calls that wait, and the words for users. The target answers from the reactor. */
#include "client/client_sync.h"
#include "client_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Answers in each round what came since; plays a disk with LUNs 0 and 300. */
struct target {
	struct reactor_source source; /* first */
	struct env *e;
	bool reject, silent, drop, twisted;
	unsigned attentions; /* so many UNIT ATTENTIONs first */
	unsigned commands;
};

static struct target *target;

static void answer_login(struct env_conn *tc)
{
	struct srp_login_rej rej = { .opcode = SRP_LOGIN_REJ };
	struct srp_login_rsp rsp;
	uint8_t answer[sizeof(rsp)];

	if (target->reject) {
		put_be32(rej.reason, SRP_REJ_CHANNEL_LIMIT_REACHED);
		tc->over = true;
		memcpy(answer, &rej, sizeof(rej));
		tc->base.t->up->connected(&tc->base, -ECONNREFUSED, answer, sizeof(rej));
		return;
	}
	env_login_rsp(&rsp, 16, 0);
	tc->open = true;
	memcpy(answer, &rsp, sizeof(rsp));
	tc->base.t->up->connected(&tc->base, 0, answer, sizeof(answer));
}

/* DATA-IN of the command; returns its length. */
static uint32_t data_in(const uint8_t *cdb, uint8_t *data)
{
	switch (cdb[0]) {
	case 0x12:
		memcpy(data + 8, "VENDOR  A product       1.0 ", 28);
		return 36;
	case 0x9e:
		put_be64(data, target->twisted ? UINT64_MAX : 2047);
		put_be32(data + 8, 512);
		return 32;
	case 0x1a:
		data[2] = 0x80;
		return 4;
	case 0xa0:
		put_be32(data, target->twisted ? 0xfffffff8u : 16);
		data[16] = 0x41;
		data[17] = 0x2c;
		return 24;
	}
	return 0;
}

static void rsp_send(struct env_conn *tc, const uint8_t *iu, uint32_t len)
{
	struct rx *rx = calloc(1, sizeof(*rx));

	assert_non_null(rx);
	rx->data = malloc(len);
	assert_non_null(rx->data);
	memcpy(rx->data, iu, len);
	rx->len = len;
	tc->base.t->up->recv(&tc->base, rx);
}

static void answer_cmd(struct env_conn *tc, const struct env_msg *m)
{
	uint8_t iu[64] = { 0 };
	struct srp_rsp_iu rsp = env_rsp(m, 1);
	uint32_t len = sizeof(rsp), asked = m->len > 48 ? get_be32(m->data + 60) : 0, got;

	target->commands++;
	if (target->attentions) {
		target->attentions--;
		rsp.flags = SRP_RSP_FLAG_SNSVALID;
		rsp.status = 0x02;
		put_be32(rsp.sense_data_len, 18);
		iu[36] = 0x70;
		iu[38] = 0x06;
		iu[48] = 0x29;
		len += 18;
	} else if (asked) {
		uint8_t data[4096] = { 0 };

		got = data_in(m->data + 32, data);
		memcpy((void *)(uintptr_t)get_be64(m->data + 48), data,
		       min_u32(asked, sizeof(data)));
		if (got < asked)
			rsp.flags |= SRP_RSP_FLAG_DIUNDER;
		put_be32(rsp.data_in_res_cnt, got < asked ? asked - got : 0);
	} else if (m->data[0] == SRP_TSK_MGMT) {
		rsp.flags = SRP_RSP_FLAG_RSPVALID;
		put_be32(rsp.resp_data_len, 4);
		iu[39] = SRP_RSP_CODE_NOT_SUPPORTED;
		len += 4;
	}
	memcpy(iu, &rsp, sizeof(rsp));
	rsp_send(tc, iu, len);
}

static int target_poll(struct reactor_source *s)
{
	struct env *e = target->e;
	int work = 0;

	(void)s;
	for (unsigned n = 0; n < e->nconns && !target->silent; n++) {
		struct env_conn *tc = &e->conns[n];

		if (!tc->open && !tc->over && !tc->ending) {
			answer_login(tc);
			work++;
		}
		while (!tc->ending && tc->taken < tc->nmsgs) {
			const struct env_msg *m = &tc->msgs[tc->taken++];

			work++;
			if (target->drop)
				tc->ending = true;
			else if (m->data[0] != SRP_I_LOGOUT)
				answer_cmd(tc, m);
		}
	}
	return env_step(e) + work;
}

static int setup(void **state)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t || env_setup(state))
		return -1;
	target = t;
	t->e = *state;
	t->source = (struct reactor_source){ .poll = target_poll, .fd = -1 };
	reactor_source_add(client_reactor(t->e->c), &t->source);
	return 0;
}

static int teardown(void **state)
{
	int rc;

	reactor_source_del(client_reactor(target->e->c), &target->source);
	rc = env_teardown(state);
	free(target);
	return rc;
}

static struct client_channel *login(struct env *e, char *err, size_t errlen)
{
	struct client_login l = {
		.addr.ss_family = AF_INET, .queue_depth = 4, .timeout_ms = 1000,
	};
	struct client_login_result r;
	struct client_channel *ch;
	int rc = client_sync_login(e->c, &l, &ch, &r, err, errlen);

	assert_int_equal(!rc, !!ch);
	e->result = r;
	return ch;
}

static void test_login_and_logout(void **state)
{
	struct env *e = *state;
	char err[128];
	struct client_channel *ch = login(e, err, sizeof(err));

	assert_non_null(ch);
	assert_int_equal(e->result.status, CLIENT_LOGGED_IN);
	client_sync_logout(ch);
	assert_true(e->conns[0].over);
}

static void test_rejection_in_words(void **state)
{
	struct env *e = *state;
	char err[128];

	target->reject = true;
	assert_null(login(e, err, sizeof(err)));
	assert_string_equal(err, "login rejected: channel limit reached (reason 0x00010006)");
	assert_int_equal(e->result.reason, SRP_REJ_CHANNEL_LIMIT_REACHED);
}

static void test_command_is_answered(void **state)
{
	struct client_cmd cmd = { .dir = CLIENT_NONE };
	struct env *e = *state;
	char err[128];
	struct client_channel *ch = login(e, err, sizeof(err));

	assert_int_equal(client_sync_cmd(ch, &cmd, 1000), 0);
	assert_int_equal(target->commands, 1);
	client_sync_logout(ch);
}

static void test_unit_attention_is_tried_again(void **state)
{
	struct client_cmd cmd = { .dir = CLIENT_NONE };
	struct env *e = *state;
	char err[128];
	struct client_channel *ch = login(e, err, sizeof(err));

	target->attentions = 10;
	assert_int_equal(client_sync_cmd(ch, &cmd, 1000), 0);
	assert_int_equal(cmd.status, 0);
	assert_int_equal(target->commands, 11);
	target->attentions = 20;
	assert_int_equal(client_sync_cmd(ch, &cmd, 1000), 0);
	assert_int_equal(client_sense(&cmd), 0x062900);
	client_sync_logout(ch);
}

static void test_silence_drops_the_channel(void **state)
{
	struct client_cmd cmd = { .dir = CLIENT_NONE };
	const char *why = NULL;
	struct env *e = *state;
	char err[128];
	struct client_channel *ch = login(e, err, sizeof(err));

	target->silent = true;
	assert_int_equal(client_sync_cmd(ch, &cmd, 1), -ETIMEDOUT);
	assert_true(client_sync_closed(ch, &why));
	assert_string_equal(why, "dropped");
}

static void test_lost_connection_is_known_with_its_reason(void **state)
{
	struct client_cmd cmd = { .dir = CLIENT_NONE };
	const char *why = NULL;
	struct env *e = *state;
	char err[128], text[80];
	struct client_channel *ch = login(e, err, sizeof(err));

	assert_false(client_sync_closed(ch, &why));
	target->drop = true;
	assert_int_equal(client_sync_cmd(ch, &cmd, 1000), -ECONNRESET);
	assert_string_equal(client_status_text(&cmd, text, sizeof(text)),
			    "the connection was lost");
	assert_true(client_sync_closed(ch, &why));
	assert_string_equal(why, "disconnected");
}

static void test_commands_on_a_dead_channel_fail(void **state)
{
	struct client_cmd cmd = { .dir = CLIENT_NONE };
	struct client_tmf tmf = { .function = SRP_TSK_LUN_RESET };
	struct env *e = *state;
	char err[128];
	struct client_channel *ch = login(e, err, sizeof(err));

	target->drop = true;
	assert_int_equal(client_sync_cmd(ch, &cmd, 1000), -ECONNRESET);
	assert_int_equal(client_sync_cmd(ch, &cmd, 1000), -ECONNRESET);
	assert_int_equal(client_sync_tmf(ch, &tmf, 1000), -ECONNRESET);
	client_sync_logout(ch);
}

static void test_task_management_is_answered(void **state)
{
	struct client_tmf tmf = { .function = SRP_TSK_CLEAR_ACA };
	struct env *e = *state;
	char err[128];
	struct client_channel *ch = login(e, err, sizeof(err));

	assert_int_equal(client_sync_tmf(ch, &tmf, 1000), 0);
	assert_int_equal(tmf.response, SRP_RSP_CODE_NOT_SUPPORTED);
	client_sync_logout(ch);
}

static void test_disk(void **state)
{
	struct env *e = *state;
	struct client_disk d;
	char err[128];
	struct client_channel *ch = login(e, err, sizeof(err));

	assert_int_equal(client_sync_disk(ch, 0, &d, 1000, err, sizeof(err)), 0);
	assert_int_equal(d.type, 0);
	assert_string_equal(d.vendor, "VENDOR");
	assert_string_equal(d.product, "A product");
	assert_string_equal(d.revision, "1.0");
	assert_int_equal(d.blocks, 2048);
	assert_int_equal(d.block_size, 512);
	assert_true(d.read_only);
	target->twisted = true;
	assert_int_equal(client_sync_disk(ch, 0, &d, 1000, err, sizeof(err)), -EPROTO);
	assert_string_equal(err, "READ CAPACITY: the answer makes no sense");
	client_sync_logout(ch);
}

static void test_luns(void **state)
{
	uint16_t luns[4] = { 9, 9, 9, 9 };
	struct env *e = *state;
	char err[128];
	struct client_channel *ch = login(e, err, sizeof(err));

	assert_int_equal(client_sync_luns(ch, luns, 4, 1000, err, sizeof(err)), 2);
	assert_int_equal(luns[0], 0);
	assert_int_equal(luns[1], 300);
	assert_int_equal(luns[2], 9);
	/* It says there are millions, but sends two. */
	target->twisted = true;
	assert_int_equal(client_sync_luns(ch, luns, 4, 1000, err, sizeof(err)), 2);
	client_sync_logout(ch);
}

static void test_status_in_words(void **state)
{
	static const struct {
		struct client_cmd cmd;
		const char *text;
	} rows[] = {
		{ { .status = 0x00 }, "GOOD" },
		{ { .status = 0x08 }, "BUSY" },
		{ { .status = 0x77 }, "status 77" },
		{ { .status = 0x02 }, "CHECK CONDITION" },
		{ { .status = 0x02, .sense_len = 18,
		    .sense = { [0] = 0x70, [2] = 5, [12] = 0x20 } },
		  "CHECK CONDITION, 05/20/00" },
		{ { .status = 0x02, .sense_len = 8, .sense = { 0x72, 3, 0x11, 1 } },
		  "CHECK CONDITION, 03/11/01" },
		{ { .status = 0x02, .sense_len = 13, .sense = { [0] = 0x70, [2] = 5 } },
		  "CHECK CONDITION" },
		{ { .result = -ECANCELED }, "aborted" },
		{ { .result = -EPROTO }, "the target did not understand the request" },
		{ { .result = -ENOSPC }, "not sent: No space left on device" },
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(client_status_text(&rows[i].cmd, text, sizeof(text)),
				    rows[i].text);
}

static void test_login_in_words(void **state)
{
	static const struct {
		struct client_login_result r;
		const char *text;
	} rows[] = {
		{ { .status = CLIENT_UNREACHABLE, .err = -ENODEV },
		  "cannot be reached: no RDMA device leads there" },
		{ { .status = CLIENT_UNREACHABLE, .err = -ENETUNREACH },
		  "cannot be reached: Network is unreachable" },
		{ { .status = CLIENT_UNREACHABLE }, "cannot be reached: No route to host" },
		{ { .status = CLIENT_TIMED_OUT, .err = -ETIMEDOUT }, "no answer in time" },
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(client_login_text(&rows[i].r, text, sizeof(text)),
				    rows[i].text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_login_and_logout),
		TEST(test_rejection_in_words),
		TEST(test_command_is_answered),
		TEST(test_unit_attention_is_tried_again),
		TEST(test_silence_drops_the_channel),
		TEST(test_lost_connection_is_known_with_its_reason),
		TEST(test_commands_on_a_dead_channel_fail),
		TEST(test_task_management_is_answered),
		TEST(test_disk),
		TEST(test_luns),
		cmocka_unit_test(test_status_in_words),
		cmocka_unit_test(test_login_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
