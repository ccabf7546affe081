/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may log in, and what becomes of sessions; the device server is a fake. */
#include "srp_util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REACTORS 2
#define MULTI SRP_REQ_MULTI

static int setup(void **state)
{
	return srp_setup(state, REACTORS, SRP_ENV_IMM_OFFSET);
}

static struct ini *channel(struct srp_env *e, uint8_t initiator, uint8_t flags)
{
	return ini_login(e, &(struct ini_login){ .initiator = initiator, .flags = flags });
}

static void assert_rejected(struct ini *i, uint32_t reason)
{
	assert_int_equal(i->p->state, MEM_REJECTED);
	assert_int_equal(i->reject, reason);
	ini_free(i);
}

static void send_tur(struct ini *i, uint64_t tag)
{
	static const uint8_t tur[16];
	struct ini_iu iu = ini_cmd(tag, tur, 0);

	ini_send(i, &iu);
}

/* ---- accepting ---- */

static void test_login_makes_a_nexus(void **state)
{
	struct srp_env *e = *state;
	struct ini *i;

	e->map_count = 3;
	i = channel(e, 7, 0);
	assert_int_equal(i->result, SRP_RSP_NO_CHANNELS);
	assert_int_equal(i->max_ti_iu_len, 512);
	assert_int_equal(get_be32(i->p->private_data + 16), 8260);
	assert_int_equal(fake_scsi.nexuses, 1);
	assert_string_equal(fake_scsi.last_nexus->name, SRP_ENV_PEER);
	assert_int_equal(fake_scsi.last_nexus->initiator_port_id[15], 7);
	assert_int_equal(fake_scsi.last_nexus->port.rel_tgt_id, 1);
	assert_true(get_be64(fake_scsi.last_nexus->port.id) == SRP_ENV_ID_EXT);
	assert_int_equal(fake_scsi.last_nexus->luns, 3);
	assert_string_equal(e->map_asked, SRP_ENV_PEER);
	ini_free(i);
	assert_int_equal(fake_scsi.nexuses, 0);
	assert_int_equal(srp_env_sessions(e), 0);
}

static void test_login_by_the_layout_of_the_ib_cm(void **state)
{
	struct ini *i = ini_login(*state, &(struct ini_login){
		.initiator = 1, .ib = true, .peer = "fe80:0000:0000:0000:0002:c903:00a1:b2c3" });

	assert_string_equal(fake_scsi.last_nexus->name, "fe80:0000:0000:0000:0002:c903:00a1:b2c3");
	ini_free(i);
}

static void test_immediate_data_at_our_offset_only(void **state)
{
	static const struct {
		uint8_t flags;
		uint16_t offset;
		bool granted;
	} cases[] = {
		{ SRP_REQ_IMMED_REQUESTED, 68, true },
		{ SRP_REQ_IMMED_REQUESTED, 80, false },
		{ 0, 68, false },
	};

	for (unsigned n = 0; n < ARRAY_SIZE(cases); n++) {
		struct ini *i = ini_login(*state, &(struct ini_login){
			.initiator = 1, .flags = cases[n].flags, .imm_offset = cases[n].offset });

		assert_int_equal(i->imm, cases[n].granted);
		ini_free(i);
	}
}

/* Commands may come as soon as the answer is out: the map must be in use by then. */
static void test_login_waits_for_its_lun_map(void **state)
{
	struct srp_env *e = *state;
	struct ini *i;

	fake_scsi.hold_maps = true;
	i = ini_connect(e, &(struct ini_login){ .initiator = 1 });
	assert_int_equal(i->p->state, MEM_REQUESTED);
	fake_map_release();
	srp_env_run(e);
	assert_int_equal(i->p->state, MEM_ACCEPTED);
	ini_free(i);
}

static void test_initiator_gives_up_while_waiting(void **state)
{
	struct srp_env *e = *state;
	struct ini *i;

	fake_scsi.hold_maps = true;
	i = ini_connect(e, &(struct ini_login){ .initiator = 1 });
	ini_free(i);
	assert_int_equal(fake_scsi.nexuses, 1);
	fake_map_release();
	srp_env_run(e);
	assert_int_equal(fake_scsi.nexuses, 0);
	assert_int_equal(srp_env_sessions(e), 0);
}

/* ---- refusing, in the order of the checks ---- */

static void test_malformed_login(void **state)
{
	struct srp_env *e = *state;
	const struct conn_info info = { .peer = "10.0.0.9" };
	const uint8_t pd[56] = { [11] = 0x55 };
	struct mem_peer *p;

	for (size_t len = 0; len <= sizeof(pd); len += 8) {
		p = mem_connect(e->transport, &info, pd, len, e->server);
		assert_int_equal(p->state, MEM_REJECTED);
		assert_int_equal(p->private_data[0], SRP_LOGIN_REJ);
		assert_int_equal(get_be32(p->private_data + 4), 0x00010000);
		mem_peer_free(p);
	}
	assert_int_equal(e->map_calls, 0);
}

static void test_iu_length_comes_before_the_target(void **state)
{
	assert_rejected(ini_connect(*state, &(struct ini_login){ .initiator = 1,
				    .it_iu_len = 8261, .id_ext = 1 }), 0x00010002);
	assert_rejected(ini_connect(*state, &(struct ini_login){ .initiator = 1,
				    .it_iu_len = 63 }), 0x00010002);
}

static void test_unknown_target(void **state)
{
	struct srp_env *e = *state;

	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 1, .id_ext = 1 }),
			0x00010003);
	assert_int_equal(e->map_calls, 0);
}

static void test_disabled_target(void **state)
{
	struct srp_env *e = *state;

	srp_target_disable(e->target, NULL, NULL);
	srp_env_run(e);
	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 1 }), 0x00010001);
	srp_target_enable(e->target);
	ini_free(channel(e, 1, 0));
}

static void test_refused_by_name(void **state)
{
	struct srp_env *e = *state;

	e->map_count = -EACCES;
	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 1, .buf_fmt = 0x10,
				    .peer = "10.9.9.9" }), 0x00010003);
	assert_string_equal(e->map_asked, "10.9.9.9");
	assert_int_equal(fake_scsi.nexuses_made, 0);
}

/* What @fn logs goes to @text. */
static void log_capture(void (*fn)(struct srp_env *e), struct srp_env *e, char *text, size_t size)
{
	FILE *f = tmpfile();
	int saved;

	assert_non_null(f);
	fflush(stderr);
	saved = dup(STDERR_FILENO);
	dup2(fileno(f), STDERR_FILENO);
	fn(e);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void noisy_and_quiet_host(struct srp_env *e)
{
	for (unsigned n = 0; n < 8; n++)
		ini_free(ini_connect(e, &(struct ini_login){ .initiator = 1, .id_ext = 1 }));
	ini_free(ini_connect(e, &(struct ini_login){ .peer = "10.0.0.9", .initiator = 1,
						     .id_ext = 1 }));
}

static void test_noisy_host_does_not_hide_the_rejects_of_another(void **state)
{
	char text[8192];

	log_capture(noisy_and_quiet_host, *state, text, sizeof(text));
	assert_int_equal(count(text, "session " SRP_ENV_PEER ": login rejected"), 5);
	assert_int_equal(count(text, "session 10.0.0.9: login rejected"), 1);
}

static void test_unknown_formats_and_actions(void **state)
{
	assert_rejected(ini_connect(*state, &(struct ini_login){ .initiator = 1,
				    .buf_fmt = 0x0e }), 0x00010004);
	assert_rejected(ini_connect(*state, &(struct ini_login){ .initiator = 1, .flags = 2 }),
			0x00010005);
	assert_int_equal(fake_scsi.nexuses_made, 0);
}

static void test_channel_limit(void **state)
{
	struct srp_env *e = *state;
	struct ini *i[4];

	for (unsigned n = 0; n < 4; n++)
		i[n] = channel(e, 1, n ? MULTI : 0);
	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 1, .flags = MULTI }),
			0x00010006);
	for (unsigned n = 0; n < 4; n++) {
		assert_int_equal(i[n]->p->state, MEM_LIVE);
		ini_free(i[n]);
	}
}

static void test_session_limit(void **state)
{
	struct srp_env *e = *state;
	struct ini *i[4], *again;

	for (unsigned n = 0; n < 4; n++)
		i[n] = channel(e, (uint8_t)(n + 1), 0);
	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 9 }), 0x00010001);
	/* One that replaces itself needs no room. */
	again = channel(e, 2, 0);
	for (unsigned n = 0; n < 4; n++)
		ini_free(i[n]);
	ini_free(again);
}

static void test_transport_cannot_accept(void **state)
{
	struct srp_env *e = *state;

	mem_fail_accept(e->transport, -ENOMEM);
	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 1 }), 0x00010001);
	assert_int_equal(srp_env_sessions(e), 0);
	assert_int_equal(fake_scsi.nexuses, 0);
	mem_fail_accept(e->transport, 0);
	ini_free(channel(e, 1, 0));
}

static void test_no_memory_for_a_nexus(void **state)
{
	struct srp_env *e = *state;
	struct ini *old = channel(e, 1, 0);

	fake_scsi.fail_nexus = true;
	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 1 }), 0x00010001);
	/* It did not cost the initiator what it had. */
	assert_int_equal(old->p->state, MEM_LIVE);
	ini_free(old);
}

static void test_response_memory_is_limited_and_comes_back(void **state)
{
	struct srp_env *e = *state;
	struct srp_reactor *sr = &e->server->per[0];
	uint32_t n0 = sr->nchunks, n1 = e->server->per[1].nchunks;

	sr->nchunks = e->server->per[1].nchunks = 0;
	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 1 }), 0x00010001);
	sr->nchunks = n0;
	e->server->per[1].nchunks = n1;
	for (unsigned n = 0; n < 3; n++)
		ini_free(channel(e, 1, 0));
	assert_int_equal(sr->nchunks, n0);
	assert_int_equal(e->server->per[1].nchunks, n1);
	assert_int_equal(sr->channels + e->server->per[1].channels, 0);
}

/* ---- several channels ---- */

static void test_multi_adds_to_the_nexus(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = channel(e, 1, 0), *b = channel(e, 1, MULTI);

	assert_int_equal(b->result, SRP_RSP_CHANNELS_KEPT);
	assert_int_equal(a->p->state, MEM_LIVE);
	assert_int_equal(srp_env_sessions(e), 1);
	assert_int_equal(fake_scsi.nexuses_made, 1);
	ini_free(a);
	assert_int_equal(fake_scsi.nexuses, 1);
	ini_free(b);
	assert_int_equal(fake_scsi.nexuses, 0);
}

static void test_multi_alone_is_a_first_channel(void **state)
{
	struct ini *i = channel(*state, 1, MULTI);

	assert_int_equal(i->result, SRP_RSP_NO_CHANNELS);
	ini_free(i);
}

static void test_channels_spread_over_reactors(void **state)
{
	struct srp_env *e = *state;
	struct ini *i[4], *other;
	unsigned on[REACTORS] = { 0 };

	for (unsigned n = 0; n < 4; n++) {
		i[n] = channel(e, 1, n ? MULTI : 0);
		on[i[n]->p->accepted.reactor->id]++;
	}
	assert_int_equal(on[0], 2);
	assert_int_equal(on[1], 2);
	/* Of a new session the least loaded reactor gets the first. */
	ini_free(i[1]);
	other = channel(e, 2, 0);
	assert_int_equal(other->p->accepted.reactor->id, 1);
	ini_free(other);
	ini_free(i[0]);
	ini_free(i[2]);
	ini_free(i[3]);
}

/* The channels of one session on different reactors matter more than the load. */
static void test_channels_spread_before_load_counts(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = channel(e, 1, 0), *s = channel(e, 2, 0), *c = channel(e, 3, 0), *t;

	assert_int_equal(a->p->accepted.reactor->id, 0);
	assert_int_equal(s->p->accepted.reactor->id, 1);
	assert_int_equal(c->p->accepted.reactor->id, 0);
	t = channel(e, 2, MULTI);
	assert_int_equal(t->p->accepted.reactor->id, 0);
	ini_free(a);
	ini_free(s);
	ini_free(c);
	ini_free(t);
}

/* Otherwise it would see the LUNs of another by claiming its id. */
static void test_multi_from_elsewhere_is_refused(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = channel(e, 1, 0);

	assert_rejected(ini_connect(e, &(struct ini_login){ .initiator = 1, .flags = MULTI,
				    .peer = "10.6.6.6" }), 0x00010003);
	assert_int_equal(a->p->state, MEM_LIVE);
	ini_free(a);
}

static void test_initiators_without_id_are_told_apart_by_name(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = ini_login(e, &(struct ini_login){ .peer = "10.0.0.1" });
	struct ini *b = ini_login(e, &(struct ini_login){ .peer = "10.0.0.2" });

	assert_int_equal(srp_env_sessions(e), 2);
	assert_int_equal(a->p->state, MEM_LIVE);
	ini_free(a);
	ini_free(b);
}

/* ---- SINGLE ---- */

static void test_single_replaces_every_channel(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = channel(e, 1, 0), *b = channel(e, 1, MULTI), *c;

	send_tur(a, 1);
	send_tur(b, 1);
	c = channel(e, 1, 0);
	assert_int_equal(c->result, SRP_RSP_CHANNELS_TERMINATED);
	assert_int_equal(a->p->state, MEM_DEAD);
	assert_int_equal(b->p->state, MEM_DEAD);
	assert_int_equal(fake_scsi.aborts, 2);
	assert_int_equal(fake_scsi.nexuses_made, 2);
	assert_int_equal(fake_scsi.nexuses, 1);
	ini_free(a);
	ini_free(b);
	ini_free(c);
}

static void test_single_leaves_other_initiators_alone(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = channel(e, 1, 0), *b = channel(e, 2, 0);

	assert_int_equal(b->result, SRP_RSP_NO_CHANNELS);
	assert_int_equal(a->p->state, MEM_LIVE);
	ini_free(a);
	ini_free(b);
}

/* The order of a reconnect: first channel SINGLE, the others MULTI. */
static void test_reconnect(void **state)
{
	struct srp_env *e = *state;
	struct ini *old[3], *new[3];

	for (unsigned n = 0; n < 3; n++)
		old[n] = channel(e, 1, n ? MULTI : 0);
	for (unsigned n = 0; n < 3; n++) {
		new[n] = channel(e, 1, n ? MULTI : 0);
		assert_int_equal(new[n]->result,
				 n ? SRP_RSP_CHANNELS_KEPT : SRP_RSP_CHANNELS_TERMINATED);
	}
	assert_int_equal(srp_env_sessions(e), 1);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(new[n]->p->state, MEM_LIVE);
		ini_free(old[n]);
		ini_free(new[n]);
	}
}

/* Until no byte of the old channels moves any more, a new one must not begin. */
static void test_single_waits_until_the_old_is_quiet(void **state)
{
	static uint8_t mem[512];
	struct srp_env *e = *state;
	struct ini *old = channel(e, 1, 0), *new, *second;
	struct ini_iu iu = ini_cmd(1, mem, 0x10);

	mem_map(old->p, 0x1000, 5, mem, sizeof(mem), MEM_READ);
	ini_desc(&iu, 0x1000, 5, sizeof(mem));
	ini_send(old, &iu);
	old->p->hold_pulls = old->p->hold_flush = true;
	fake_pull(fake_scsi.cmds[0], sizeof(mem));
	new = ini_connect(e, &(struct ini_login){ .initiator = 1 });
	second = ini_connect(e, &(struct ini_login){ .initiator = 1, .flags = MULTI });
	assert_int_equal(new->p->state, MEM_REQUESTED);
	assert_int_equal(second->p->state, MEM_REQUESTED);
	old->p->hold_flush = false;
	srp_env_run(e);
	assert_int_equal(new->p->state, MEM_ACCEPTED);
	assert_int_equal(second->p->state, MEM_ACCEPTED);
	ini_answered(new);
	ini_answered(second);
	assert_int_equal(new->result, SRP_RSP_CHANNELS_TERMINATED);
	assert_int_equal(second->result, SRP_RSP_CHANNELS_KEPT);
	ini_free(old);
	ini_free(new);
	ini_free(second);
}

static void test_single_does_not_wait_for_the_backend(void **state)
{
	struct srp_env *e = *state;
	struct ini *old = channel(e, 1, 0), *new;

	fake_scsi.detach = true;
	send_tur(old, 1);
	new = channel(e, 1, 0);
	assert_int_equal(fake_scsi.nexuses, 2);
	fake_finish_aborted(fake_scsi.cmds[0]);
	srp_env_run(e);
	assert_int_equal(fake_scsi.nexuses, 1);
	ini_free(old);
	ini_free(new);
}

static void test_single_does_not_wait_for_ever(void **state)
{
	static uint8_t mem[512];
	struct srp_env *e = *state;
	struct ini *old = channel(e, 1, 0), *new;
	struct ini_iu iu = ini_cmd(1, mem, 0x10);

	mem_map(old->p, 0x1000, 5, mem, sizeof(mem), MEM_READ);
	ini_desc(&iu, 0x1000, 5, sizeof(mem));
	ini_send(old, &iu);
	old->p->hold_pulls = old->p->hold_flush = true;
	fake_pull(fake_scsi.cmds[0], sizeof(mem));
	new = ini_connect(e, &(struct ini_login){ .initiator = 1 });
	assert_true(srp_env_expire(e, 0));
	ini_answered(new);
	assert_rejected(new, 0x00010001);
	assert_int_equal(fake_scsi.nexuses, 1);
	old->p->hold_flush = false;
	srp_env_run(e);
	assert_int_equal(fake_scsi.nexuses, 0);
	ini_free(old);
}

static void test_single_replaces_one_that_still_waits(void **state)
{
	struct srp_env *e = *state;
	struct ini *a, *b;

	fake_scsi.hold_maps = true;
	a = ini_connect(e, &(struct ini_login){ .initiator = 1 });
	fake_scsi.hold_maps = false;
	b = channel(e, 1, 0);
	ini_answered(a);
	assert_rejected(a, 0x00010001);
	fake_map_release();
	srp_env_run(e);
	assert_int_equal(b->p->state, MEM_LIVE);
	assert_int_equal(fake_scsi.nexuses, 1);
	ini_free(b);
}

/* ---- the end ---- */

static void test_last_channel_ends_the_nexus(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = channel(e, 1, 0), *b;

	ini_free(a);
	assert_int_equal(srp_env_sessions(e), 0);
	b = channel(e, 1, MULTI);
	assert_int_equal(b->result, SRP_RSP_NO_CHANNELS);
	assert_int_equal(fake_scsi.nexuses_made, 2);
	ini_free(b);
}

/* Even while the session cannot be freed yet. */
static void test_a_lost_nexus_is_not_joined(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = channel(e, 1, 0), *b;

	fake_scsi.hold_maps = true;
	assert_int_equal(srp_target_remap(e->target, NULL, NULL), 0);
	srp_env_run(e);
	ini_free(a);
	fake_scsi.hold_maps = false;
	b = channel(e, 1, MULTI);
	assert_int_equal(b->result, SRP_RSP_NO_CHANNELS);
	assert_int_equal(fake_scsi.nexuses_made, 2);
	fake_map_release();
	srp_env_run(e);
	assert_int_equal(fake_scsi.nexuses, 1);
	ini_free(b);
}

static void test_many_logins_and_logouts(void **state)
{
	struct srp_env *e = *state;

	for (unsigned n = 0; n < 200; n++) {
		struct ini *a = channel(e, 1, 0), *b = channel(e, 1, MULTI);

		send_tur(a, 1);
		send_tur(b, 1);
		ini_free(n % 2 ? a : b);
		ini_free(n % 2 ? b : a);
		/* The fake keeps them all. */
		fake_scsi.ncmds = 0;
	}
	assert_int_equal(srp_env_sessions(e), 0);
}

#define SESSION_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(test_login_makes_a_nexus),
		SESSION_TEST(test_login_by_the_layout_of_the_ib_cm),
		SESSION_TEST(test_immediate_data_at_our_offset_only),
		SESSION_TEST(test_login_waits_for_its_lun_map),
		SESSION_TEST(test_initiator_gives_up_while_waiting),
		SESSION_TEST(test_malformed_login),
		SESSION_TEST(test_iu_length_comes_before_the_target),
		SESSION_TEST(test_unknown_target),
		SESSION_TEST(test_disabled_target),
		SESSION_TEST(test_refused_by_name),
		SESSION_TEST(test_noisy_host_does_not_hide_the_rejects_of_another),
		SESSION_TEST(test_unknown_formats_and_actions),
		SESSION_TEST(test_channel_limit),
		SESSION_TEST(test_session_limit),
		SESSION_TEST(test_transport_cannot_accept),
		SESSION_TEST(test_no_memory_for_a_nexus),
		SESSION_TEST(test_response_memory_is_limited_and_comes_back),
		SESSION_TEST(test_multi_adds_to_the_nexus),
		SESSION_TEST(test_multi_alone_is_a_first_channel),
		SESSION_TEST(test_channels_spread_over_reactors),
		SESSION_TEST(test_channels_spread_before_load_counts),
		SESSION_TEST(test_multi_from_elsewhere_is_refused),
		SESSION_TEST(test_initiators_without_id_are_told_apart_by_name),
		SESSION_TEST(test_single_replaces_every_channel),
		SESSION_TEST(test_single_leaves_other_initiators_alone),
		SESSION_TEST(test_reconnect),
		SESSION_TEST(test_single_waits_until_the_old_is_quiet),
		SESSION_TEST(test_single_does_not_wait_for_the_backend),
		SESSION_TEST(test_single_does_not_wait_for_ever),
		SESSION_TEST(test_single_replaces_one_that_still_waits),
		SESSION_TEST(test_last_channel_ends_the_nexus),
		SESSION_TEST(test_a_lost_nexus_is_not_joined),
		SESSION_TEST(test_many_logins_and_logouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
