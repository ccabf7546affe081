/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control plane does with targets; the device server is a fake. */
#include "srp_util.h"

#include <errno.h>
#include <string.h>

static int setup(void **state)
{
	return srp_setup(state, 2, SRP_ENV_IMM_OFFSET);
}

static struct ini *login(struct srp_env *e, uint8_t initiator, uint8_t flags)
{
	return ini_login(e, &(struct ini_login){ .initiator = initiator, .flags = flags });
}

static void send_tur(struct ini *i, uint64_t tag)
{
	static const uint8_t tur[16];
	struct ini_iu iu = ini_cmd(tag, tur, 0);

	ini_send(i, &iu);
}

static void told(void *arg)
{
	++*(unsigned *)arg;
}

/* ---- making ---- */

static void test_names_and_ids_are_unique(void **state)
{
	struct srp_env *e = *state;
	struct srp_target_params p = { .name = "t", .id_ext = 1, .ioc_guid = 2 };
	struct srp_target *t;

	assert_int_equal(srp_target_create(e->server, &p, &t), -EEXIST);
	p = (struct srp_target_params){ .name = "u", .id_ext = SRP_ENV_ID_EXT,
					.ioc_guid = SRP_ENV_IOC_GUID };
	assert_int_equal(srp_target_create(e->server, &p, &t), -EEXIST);
	p.id_ext = 1;
	assert_int_equal(srp_target_create(e->server, &p, &t), 0);
	assert_ptr_equal(srp_target_find(e->server, "u"), t);
	assert_ptr_equal(srp_target_find(e->server, "t"), e->target);
	assert_null(srp_target_find(e->server, "v"));
	srp_target_destroy(t);
	assert_null(srp_target_find(e->server, "u"));
}

static void test_long_names_are_refused(void **state)
{
	struct srp_env *e = *state;
	char name[SRP_TARGET_NAME_MAX + 1];
	struct srp_target_params p = { .name = name, .id_ext = 1, .ioc_guid = 2 };
	struct srp_target *t;

	memset(name, 'n', sizeof(name));
	name[SRP_TARGET_NAME_MAX] = '\0';
	assert_int_equal(srp_target_create(e->server, &p, &t), -ENAMETOOLONG);
	name[SRP_TARGET_NAME_MAX - 1] = '\0';
	assert_int_equal(srp_target_create(e->server, &p, &t), 0);
	srp_target_destroy(t);
}

static void test_a_new_target_is_disabled(void **state)
{
	struct srp_env *e = *state;
	struct srp_target_params p = { .name = "u", .id_ext = 1, .ioc_guid = SRP_ENV_IOC_GUID };
	struct srp_target *t;
	struct ini *i;

	assert_int_equal(srp_target_create(e->server, &p, &t), 0);
	assert_false(srp_target_enabled(t));
	i = ini_connect(e, &(struct ini_login){ .initiator = 1, .id_ext = 1 });
	assert_int_equal(i->reject, 0x00010001);
	ini_free(i);
	srp_target_enable(t);
	assert_true(srp_target_enabled(t));
	i = ini_login(e, &(struct ini_login){ .initiator = 1, .id_ext = 1 });
	assert_int_equal(srp_env_sessions(e), 0); /* of the other target */
	ini_free(i);
	srp_target_destroy(t);
}

static void test_bad_parameters_are_refused(void **state)
{
	struct srp_env *e = *state;
	struct srp_params p = e->params;
	struct srp_server *s;

	p.max_rsp_size = 513;
	assert_int_equal(srp_server_create(&e->group, NULL, &p, &s), -EINVAL);
	p.max_rsp_size = 39;
	assert_int_equal(srp_server_create(&e->group, NULL, &p, &s), -EINVAL);
	p = e->params;
	p.queue_depth = 0;
	assert_int_equal(srp_server_create(&e->group, NULL, &p, &s), -EINVAL);
	p = e->params;
	p.max_req_size = 63;
	assert_int_equal(srp_server_create(&e->group, NULL, &p, &s), -EINVAL);
}

/* ---- disabling ---- */

static void test_disable_without_sessions_is_told_later(void **state)
{
	struct srp_env *e = *state;
	unsigned n = 0;

	srp_target_disable(e->target, told, &n);
	assert_int_equal(n, 0);
	assert_false(srp_target_enabled(e->target));
	srp_env_run(e);
	assert_int_equal(n, 1);
}

static void test_disable_closes_every_session(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 1, 0), *b = login(e, 1, SRP_REQ_MULTI), *c = login(e, 2, 0);
	unsigned n = 0;

	fake_scsi.detach = true;
	send_tur(c, 1);
	srp_target_disable(e->target, told, &n);
	srp_env_run(e);
	assert_int_equal(a->p->state, MEM_DEAD);
	assert_int_equal(b->p->state, MEM_DEAD);
	assert_int_equal(c->p->state, MEM_DEAD);
	/* A command is still in the backend. */
	assert_int_equal(n, 0);
	fake_finish_aborted(fake_scsi.cmds[0]);
	srp_env_run(e);
	assert_int_equal(n, 1);
	ini_free(a);
	ini_free(b);
	ini_free(c);
}

static void test_disable_refuses_waiting_logins(void **state)
{
	struct srp_env *e = *state;
	struct ini *i;
	unsigned n = 0;

	fake_scsi.hold_maps = true;
	i = ini_connect(e, &(struct ini_login){ .initiator = 1 });
	srp_target_disable(e->target, told, &n);
	srp_env_run(e);
	ini_answered(i);
	assert_int_equal(i->p->state, MEM_REJECTED);
	assert_int_equal(n, 0);
	fake_map_release();
	srp_env_run(e);
	assert_int_equal(n, 1);
	ini_free(i);
}

static void test_sessions_of_a_target_enabled_again_do_not_hold_up(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 1, 0), *b;
	unsigned n = 0;

	srp_target_disable(e->target, told, &n);
	srp_target_enable(e->target);
	b = login(e, 2, 0);
	assert_int_equal(n, 1);
	assert_int_equal(b->p->state, MEM_LIVE);
	ini_free(a);
	ini_free(b);
}

/* A floating target leaves, and a reload takes it away. */
static void test_disabled_again_when_nobody_waits(void **state)
{
	struct srp_env *e = *state;
	unsigned n = 0;

	srp_target_disable(e->target, NULL, NULL);
	srp_target_disable(e->target, told, &n);
	srp_env_run(e);
	assert_int_equal(n, 1);
}

/* ---- remapping ---- */

static void test_remap_asks_for_every_session(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 1, 0), *b = login(e, 2, 0);
	unsigned n = 0, calls = e->map_calls;

	e->map_count = 2;
	assert_int_equal(srp_target_remap(e->target, told, &n), 0);
	assert_int_equal(e->map_calls, calls + 2);
	assert_int_equal(n, 0);
	srp_env_run(e);
	assert_int_equal(n, 1);
	assert_int_equal(fake_scsi.last_nexus->luns, 2);
	assert_int_equal(fake_scsi.last_nexus->maps, 2);
	ini_free(a);
	ini_free(b);
}

static void test_remap_without_sessions(void **state)
{
	struct srp_env *e = *state;
	unsigned n = 0;

	assert_int_equal(srp_target_remap(e->target, told, &n), 0);
	assert_int_equal(n, 0);
	srp_env_run(e);
	assert_int_equal(n, 1);
}

static void test_remap_closes_who_is_not_allowed_any_more(void **state)
{
	struct srp_env *e = *state;
	struct ini *a;
	unsigned n = 0;

	e->map_count = 2;
	a = login(e, 1, 0);
	assert_int_equal(fake_scsi.last_nexus->luns, 2);
	e->map_count = -EACCES;
	assert_int_equal(srp_target_remap(e->target, told, &n), 0);
	assert_int_equal(fake_scsi.last_nexus->luns, 0);
	srp_env_run(e);
	assert_int_equal(n, 1);
	assert_int_equal(a->p->state, MEM_DEAD);
	ini_free(a);
}

/* The LUs may be gone before it is. */
static void test_remap_of_a_session_that_closes(void **state)
{
	struct srp_env *e = *state;
	struct ini *a;
	unsigned n = 0;

	e->map_count = 2;
	a = login(e, 1, 0);
	assert_int_equal(fake_scsi.last_nexus->luns, 2);
	srp_target_disable(e->target, NULL, NULL);
	e->map_count = 0;
	assert_int_equal(srp_target_remap(e->target, told, &n), 0);
	assert_int_equal(fake_scsi.last_nexus->luns, 0);
	srp_env_run(e);
	assert_int_equal(n, 1);
	ini_free(a);
}

/* The map comes into use everywhere only when the session is over. */
static void test_session_ends_during_remap(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 1, 0);
	unsigned n = 0;

	fake_scsi.hold_maps = true;
	assert_int_equal(srp_target_remap(e->target, told, &n), 0);
	srp_env_run(e);
	ini_free(a);
	assert_int_equal(fake_scsi.nexuses, 1);
	fake_map_release();
	srp_env_run(e);
	assert_int_equal(n, 1);
	assert_int_equal(fake_scsi.nexuses, 0);
}

/* ---- shutting down ---- */

static void test_shutdown_drains(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 1, 0), *b = login(e, 2, 0), *c;
	struct ini_rsp r;
	unsigned n = 0;

	send_tur(a, 1);
	srp_server_shutdown(e->server, 1000, told, &n);
	srp_env_run(e);
	assert_int_equal(b->p->state, MEM_DEAD);
	assert_int_equal(a->p->state, MEM_LIVE);
	assert_true(fake_scsi.cmds[0]->nexus->leaves);
	c = ini_connect(e, &(struct ini_login){ .initiator = 3 });
	assert_int_equal(c->reject, 0x00010001);
	fake_good(fake_scsi.cmds[0]);
	srp_env_run(e);
	ini_rsp(a, 1, &r);
	assert_int_equal(a->p->state, MEM_DEAD);
	assert_int_equal(n, 1);
	ini_free(a);
	ini_free(b);
	ini_free(c);
}

static void test_shutdown_has_a_deadline(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 1, 0);
	unsigned n = 0;

	send_tur(a, 1);
	srp_server_shutdown(e->server, 1000, told, &n);
	srp_env_run(e);
	assert_int_equal(n, 0);
	assert_true(srp_env_expire(e, a->p->accepted.reactor->id));
	assert_int_equal(n, 1);
	assert_int_equal(fake_scsi.aborts, 1);
	ini_free(a);
}

static void test_shutdown_of_an_idle_server(void **state)
{
	struct srp_env *e = *state;
	unsigned n = 0;

	srp_server_shutdown(e->server, 1000, told, &n);
	assert_int_equal(n, 0);
	srp_env_run(e);
	assert_int_equal(n, 1);
}

/* ---- listings ---- */

struct seen {
	unsigned n, in_flight;
	struct srp_session_info session;
	struct srp_channel_info channel;
};

static void session_seen(void *arg, const struct srp_session_info *i)
{
	struct seen *s = arg;

	s->n++;
	s->session = *i;
}

static void channel_seen(void *arg, const struct srp_channel_info *i)
{
	struct seen *s = arg;

	s->n++;
	s->in_flight += i->in_flight;
	s->channel = *i;
}

static void test_listing_of_sessions(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 7, 0), *b = login(e, 7, SRP_REQ_MULTI);
	struct seen s = { 0 };

	send_tur(a, 1);
	send_tur(b, 1);
	srp_for_each_session(e->server, session_seen, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.session.name, SRP_ENV_PEER);
	assert_string_equal(s.session.target, "t");
	assert_ptr_equal(s.session.nexus, fake_scsi.last_nexus);
	assert_int_equal(s.session.initiator_port_id[15], 7);
	assert_true(get_be64(s.session.target_port_id + 8) == SRP_ENV_IOC_GUID);
	assert_int_equal(s.session.channels, 2);
	assert_int_equal(s.session.commands, 2);
	assert_int_equal(s.session.req_lim_sum, 2 * SRP_ENV_QUEUE - 2);
	/* What a channel did stays counted when it is gone. */
	ini_free(a);
	srp_for_each_session(e->server, session_seen, &s);
	assert_int_equal(s.session.channels, 1);
	assert_int_equal(s.session.commands, 2);
	ini_free(b);
}

static void test_listing_of_channels(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 1, 0), *b = login(e, 1, SRP_REQ_MULTI), *c = login(e, 2, 0);
	struct seen s = { 0 }, all = { 0 };

	send_tur(a, 1);
	srp_for_each_channel(e->server, 0, channel_seen, &all);
	assert_int_equal(all.n, 3);
	assert_int_equal(all.in_flight, 1);
	srp_for_each_channel(e->server, all.channel.session_id, channel_seen, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.channel.state, "live");
	assert_string_equal(s.channel.peer, SRP_ENV_PEER);
	assert_string_equal(s.channel.local, "10.0.0.2:5555");
	assert_string_equal(s.channel.device, "mem/1");
	assert_int_equal(s.channel.req_lim, SRP_ENV_QUEUE);
	assert_false(s.channel.imm_data);
	ini_free(a);
	ini_free(b);
	ini_free(c);
}

static void test_close_one_session(void **state)
{
	struct srp_env *e = *state;
	struct ini *a = login(e, 1, 0), *b = login(e, 2, 0);
	struct seen s = { 0 };

	srp_for_each_session(e->server, session_seen, &s);
	assert_int_equal(srp_session_close(e->server, s.session.id + 100), -ENOENT);
	assert_int_equal(srp_session_close(e->server, s.session.id), 0);
	srp_env_run(e);
	assert_int_equal(a->p->state, MEM_LIVE);
	assert_int_equal(b->p->state, MEM_DEAD);
	ini_free(a);
	ini_free(b);
}

#define TARGET_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TARGET_TEST(test_names_and_ids_are_unique),
		TARGET_TEST(test_long_names_are_refused),
		TARGET_TEST(test_a_new_target_is_disabled),
		TARGET_TEST(test_bad_parameters_are_refused),
		TARGET_TEST(test_disable_without_sessions_is_told_later),
		TARGET_TEST(test_disable_closes_every_session),
		TARGET_TEST(test_disable_refuses_waiting_logins),
		TARGET_TEST(test_sessions_of_a_target_enabled_again_do_not_hold_up),
		TARGET_TEST(test_disabled_again_when_nobody_waits),
		TARGET_TEST(test_remap_asks_for_every_session),
		TARGET_TEST(test_remap_without_sessions),
		TARGET_TEST(test_remap_closes_who_is_not_allowed_any_more),
		TARGET_TEST(test_remap_of_a_session_that_closes),
		TARGET_TEST(test_session_ends_during_remap),
		TARGET_TEST(test_shutdown_drains),
		TARGET_TEST(test_shutdown_has_a_deadline),
		TARGET_TEST(test_shutdown_of_an_idle_server),
		TARGET_TEST(test_listing_of_sessions),
		TARGET_TEST(test_listing_of_channels),
		TARGET_TEST(test_close_one_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
