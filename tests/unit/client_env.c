/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The transport has no pointer of the test's in it. */
static struct env *the_env;
static struct transport the_transport;

static struct env_conn *conn_of(struct conn *c)
{
	return container_of(c, struct env_conn, base);
}

/* ---- the transport ---- */

static int fake_connect(struct transport *t, struct reactor *r, const struct connect_params *p,
			struct conn **out, char *err, size_t errlen)
{
	struct env_conn *tc = &the_env->conns[the_env->nconns];

	if (the_env->fail_connect) {
		snprintf(err, errlen, "no way there");
		return the_env->fail_connect;
	}
	assert_true(the_env->nconns < ARRAY_SIZE(the_env->conns));
	the_env->nconns++;
	memset(tc, 0, sizeof(*tc));
	list_init(&tc->pushed);
	tc->base.t = t;
	tc->base.reactor = r;
	tc->base.context = p->context;
	tc->asked = *p;
	assert_int_equal(p->private_len, 56);
	memcpy(tc->login, p->private_data, p->private_len);
	*out = &tc->base;
	return 0;
}

static void fake_push(struct conn *c, struct xfer *x)
{
	struct env_conn *tc = conn_of(c);
	struct env_msg *m = &tc->msgs[tc->nmsgs];

	list_add_tail(&tc->pushed, &x->link);
	if (tc->ending)
		return;
	assert_int_equal(x->nsegs, 0);
	assert_int_equal(x->local.len, 0);
	assert_ptr_equal(x->conn, c);
	/* It lies in the region it claims. */
	assert_true(x->msg >= c->reactor->regions[x->msg_region].base);
	assert_true(x->msg + x->msg_len <= c->reactor->regions[x->msg_region].base +
					   c->reactor->regions[x->msg_region].len);
	assert_true(tc->nmsgs < ENV_MSGS);
	tc->nmsgs++;
	m->len = x->msg_len;
	m->data = malloc(x->msg_len);
	assert_non_null(m->data);
	memcpy(m->data, x->msg, x->msg_len);
}

static void fake_rx_put(struct conn *c, struct rx *rx)
{
	(void)c;
	free(rx->data);
	free(rx);
}

static void fake_disconnect(struct conn *c)
{
	conn_of(c)->ending = true;
}

static int fake_expose(struct conn *c, const struct iobuf *b, unsigned access, struct exposure *e)
{
	struct env_conn *tc = conn_of(c);
	unsigned i = 0;

	assert_true(tc->open);
	if (the_env->fail_expose)
		return the_env->fail_expose;
	while (tc->exposed[i].addr)
		i++;
	assert_true(i < ENV_EXPOSED);
	tc->exposed[i] = (struct exposed){ b->addr, b->len, access };
	tc->nexposed++;
	*e = (struct exposure){ .addr = (uintptr_t)b->addr, .key = 0x100 + i, .index = i };
	return 0;
}

static void fake_unexpose(struct conn *c, struct exposure *e)
{
	struct env_conn *tc = conn_of(c);

	assert_false(tc->over);
	assert_non_null(tc->exposed[e->index].addr);
	tc->exposed[e->index].addr = NULL;
	tc->nexposed--;
}

static const struct transport_ops fake_ops = {
	.name = "test",
	.connect = fake_connect,
	.push = fake_push,
	.rx_put = fake_rx_put,
	.disconnect = fake_disconnect,
	.expose = fake_expose,
	.unexpose = fake_unexpose,
};

int client_transport_open(const struct client_params *p, const struct transport_upcalls *up,
			  struct reactor_group *g, struct transport **out, char *err,
			  size_t errlen)
{
	(void)p;
	(void)err;
	(void)errlen;
	the_transport = (struct transport){ .ops = &fake_ops, .up = up, .group = g };
	*out = &the_transport;
	return 0;
}

void client_transport_close(enum client_transport kind, struct transport *t)
{
	(void)kind;
	assert_ptr_equal(t, &the_transport);
}

/* ---- time ---- */

static void flush(struct env_conn *tc, int status)
{
	while (!list_empty(&tc->pushed)) {
		struct xfer *x = list_first(&tc->pushed, struct xfer, link);

		list_del(&x->link);
		the_transport.up->sent(x, status);
	}
}

static void conn_end(struct env_conn *tc, const char *why)
{
	tc->over = true;
	if (!tc->open) {
		the_transport.up->connected(&tc->base, -ECANCELED, NULL, 0);
		return;
	}
	tc->over = false;
	the_transport.up->dying(&tc->base, why);
	flush(tc, -ECONNRESET);
	assert_int_equal(tc->nexposed, 0);
	tc->over = true;
	the_transport.up->closed(&tc->base, tc->base.context);
}

int env_step(struct env *e)
{
	int work = 0;

	for (unsigned n = 0; n < e->nconns; n++) {
		struct env_conn *tc = &e->conns[n];

		if (!e->hold_sent && !tc->over && !tc->ending && !list_empty(&tc->pushed)) {
			flush(tc, 0);
			work++;
		}
		if (tc->ending && !tc->over) {
			conn_end(tc, "disconnected");
			work++;
		}
	}
	return work;
}

void env_run(struct env *e)
{
	for (int i = 0; i < 10; i++) {
		env_step(e);
		client_turn(e->c, 0);
	}
}

static void env_on_login(struct client_channel *ch, const struct client_login_result *r)
{
	struct env *e = client_context(ch);

	e->logins++;
	e->result = *r;
}

static void env_on_closed(struct client_channel *ch, const char *why)
{
	struct env *e = client_context(ch);

	e->closes++;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

const struct client_events env_events = { .login = env_on_login, .closed = env_on_closed };

int env_setup(void **state)
{
	const struct client_params p = {
		.buffer_size = 8u << 20, .cpu = -1, .max_channels = 3, .mpa_revision = 2,
	};
	struct env *e = calloc(1, sizeof(*e));
	char err[128];

	if (!e || client_create(&p, &e->c, err, sizeof(err)))
		return -1;
	the_env = e;
	*state = e;
	return 0;
}

int env_teardown(void **state)
{
	struct env *e = *state;

	e->hold_sent = false;
	for (unsigned n = 0; n < e->nconns; n++)
		e->conns[n].ending = true;
	env_run(e);
	client_destroy(e->c);
	for (unsigned n = 0; n < e->nconns; n++)
		for (unsigned i = 0; i < e->conns[n].nmsgs; i++)
			free(e->conns[n].msgs[i].data);
	free(e);
	return 0;
}

/* ---- what a target does ---- */

struct client_channel *env_ask(struct env *e, uint32_t depth, bool imm, uint32_t it_iu_len)
{
	struct client_login l = {
		.addr.ss_family = AF_INET,
		.id_ext = 0x0102030405060708ull,
		.ioc_guid = 0x1112131415161718ull,
		.initiator_port_id = { [15] = 0x2a },
		.imm_data = imm,
		.it_iu_len = it_iu_len,
		.queue_depth = depth,
		.timeout_ms = 1000,
	};
	struct client_channel *ch;
	char err[128];

	assert_int_equal(client_login(e->c, &l, &env_events, e, &ch, err, sizeof(err)), 0);
	return ch;
}

void env_accept(struct env *e, struct env_conn *tc, const void *pd, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, pd, len);
	tc->open = true;
	the_transport.up->connected(&tc->base, 0, copy, len);
	free(copy);
	env_run(e);
}

void env_refuse(struct env *e, struct env_conn *tc, int err, const void *pd, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	if (len)
		memcpy(copy, pd, len);
	tc->over = true;
	the_transport.up->connected(&tc->base, err, copy, len);
	free(copy);
	env_run(e);
}

void env_login_rsp(struct srp_login_rsp *rsp, uint32_t req_lim, uint8_t flags)
{
	memset(rsp, 0, sizeof(*rsp));
	rsp->opcode = SRP_LOGIN_RSP;
	put_be32(rsp->req_lim_delta, req_lim);
	put_be32(rsp->max_it_iu_len, 8320);
	put_be32(rsp->max_ti_iu_len, 512);
	put_be16(rsp->buf_fmt, SRP_BUF_FMT_SUPPORTED);
	rsp->rsp_flags = flags;
}

struct client_channel *env_login(struct env *e, uint32_t depth, uint32_t credit, bool imm,
				 uint32_t it_iu_len)
{
	struct client_channel *ch = env_ask(e, depth, imm, it_iu_len);
	struct srp_login_rsp rsp;

	env_login_rsp(&rsp, credit, imm ? SRP_RSP_IMMED_SUPP : 0);
	env_accept(e, &e->conns[e->nconns - 1], &rsp, sizeof(rsp));
	assert_int_equal(e->result.status, CLIENT_LOGGED_IN);
	return ch;
}

const struct env_msg *env_take(struct env_conn *tc)
{
	assert_true(tc->taken < tc->nmsgs);
	return &tc->msgs[tc->taken++];
}

bool env_none(const struct env_conn *tc)
{
	return tc->taken == tc->nmsgs;
}

void env_send(struct env *e, struct env_conn *tc, const void *iu, size_t len)
{
	struct rx *rx = calloc(1, sizeof(*rx));

	assert_non_null(rx);
	rx->data = malloc(len ? len : 1);
	assert_non_null(rx->data);
	memcpy(rx->data, iu, len);
	rx->len = (uint32_t)len;
	the_transport.up->recv(&tc->base, rx);
	env_run(e);
}

struct srp_rsp_iu env_rsp(const struct env_msg *m, int32_t delta)
{
	struct srp_rsp_iu rsp = { .opcode = SRP_RSP };

	put_be32(rsp.req_lim_delta, (uint32_t)delta);
	memcpy(rsp.tag, m->data + 8, 8);
	return rsp;
}

void env_good(struct env *e, struct env_conn *tc, const struct env_msg *m, int32_t delta)
{
	struct srp_rsp_iu rsp = env_rsp(m, delta);

	env_send(e, tc, &rsp, sizeof(rsp));
}

void env_break(struct env *e, struct env_conn *tc, const char *why)
{
	conn_end(tc, why);
	tc->ending = true;
	env_run(e);
}

/* ---- commands ---- */

static void cmd_done(struct client_cmd *cmd)
{
	struct env_cmd *x = container_of(cmd, struct env_cmd, cmd);

	x->calls++;
	if (x->next)
		client_submit(x->ch, &x->next->cmd);
}

void env_cmd_init(struct env_cmd *x, uint8_t opcode)
{
	memset(x, 0, sizeof(*x));
	x->cmd.cdb[0] = opcode;
	x->cmd.done = cmd_done;
}

void env_cmd_data(struct env_cmd *x, enum client_dir dir, enum client_desc desc, void *data,
		  uint32_t len)
{
	x->cmd.dir = dir;
	x->cmd.desc = desc;
	x->cmd.data = (struct iobuf){ .addr = data, .len = len, .region = IOBUF_UNREGISTERED };
}
