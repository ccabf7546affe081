/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "srp_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 2000

/* ---- the target's side ---- */

void srp_env_init(struct srp_env *e, unsigned reactors)
{
	const struct reactor_params rp = { .buffer_size = SRP_ENV_SLAB, .cpu = -1 };

	memset(e, 0, sizeof(*e));
	assert_int_equal(mailbox_init(&e->control), 0);
	e->group.control = &e->control;
	e->group.n = reactors;
	for (unsigned i = 0; i < reactors; i++)
		assert_int_equal(reactor_create(i, &rp, &e->group.r[i]), 0);
	e->imm_offset = SRP_ENV_IMM_OFFSET;
	e->params = (struct srp_params){
		.max_req_size = 8260,
		.max_rsp_size = 256,
		.max_rdma_size = 1 << 20,
		.queue_depth = SRP_ENV_QUEUE,
		.max_channels = 4,
		.max_sessions = 4,
	};
}

static int env_map(void *arg, const char *session_name, struct lun_entry *map, unsigned max)
{
	struct srp_env *e = arg;

	assert_true(max >= 4);
	snprintf(e->map_asked, sizeof(e->map_asked), "%s", session_name);
	e->map_calls++;
	for (int i = 0; i < e->map_count; i++)
		map[i] = e->map[i];
	return e->map_count;
}

void srp_env_open(struct srp_env *e)
{
	const struct srp_target_params tp = { .name = "t", .id_ext = SRP_ENV_ID_EXT,
					      .ioc_guid = SRP_ENV_IOC_GUID, .rel_tgt_id = 1 };
	const struct transport_params trp = { .max_recv = e->params.max_req_size,
					      .max_send = e->params.max_rsp_size,
					      .imm_offset = e->imm_offset };

	assert_int_equal(srp_server_create(&e->group, e->device, &e->params, &e->server), 0);
	assert_int_equal(srp_target_create(e->server, &tp, &e->target), 0);
	srp_target_set_map(e->target, env_map, e);
	srp_target_enable(e->target);
	e->transport = mem_create(srp_upcalls(), &trp, &e->group);
	assert_non_null(e->transport);
}

static void told(void *arg)
{
	*(bool *)arg = true;
}

void srp_env_close(struct srp_env *e)
{
	bool done = false;

	srp_target_disable(e->target, told, &done);
	srp_env_run(e);
	assert_true(done);
	assert_int_equal(srp_env_sessions(e), 0);
	srp_target_destroy(e->target);
	mem_destroy(e->transport);
	srp_server_destroy(e->server);
}

void srp_env_fini(struct srp_env *e)
{
	for (unsigned i = 0; i < e->group.n; i++) {
		assert_int_equal(e->group.r[i]->bufs.used, 0);
		reactor_destroy(e->group.r[i]);
	}
	mailbox_destroy(&e->control);
}

void srp_env_run(struct srp_env *e)
{
	int work = 1, rounds = 0;

	while (work) {
		work = mailbox_drain(&e->control);
		for (unsigned i = 0; i < e->group.n; i++)
			work += reactor_round(e->group.r[i]);
		if (e->pump)
			work += e->pump();
		if (++rounds > ROUNDS_MAX)
			fail_msg("it goes on for ever");
	}
}

bool srp_env_expire(struct srp_env *e, unsigned i)
{
	struct reactor *r = e->group.r[i];

	if (list_empty(&r->timers))
		return false;
	list_first(&r->timers, struct reactor_timer, link)->at_ns = 0;
	srp_env_run(e);
	return true;
}

struct srp_channel *srp_env_channel(struct srp_env *e, unsigned i)
{
	struct srp_session *s;
	struct srp_channel *ch;

	list_for_each(s, &e->target->sessions, link)
		list_for_each(ch, &s->channels, link)
			if (!i--)
				return ch;
	return NULL;
}

unsigned srp_env_sessions(struct srp_env *e)
{
	struct srp_session *s;
	unsigned n = 0;

	list_for_each(s, &e->target->sessions, link)
		n++;
	return n;
}

/* ---- logging in ---- */

static size_t login_build(const struct srp_env *e, const struct ini_login *l, uint8_t pd[64])
{
	struct srp_login_req_rdma *r = (void *)pd;
	struct srp_login_req_ib *ib = (void *)pd;
	uint8_t ini[16], tgt[16];

	memset(ini, l->initiator ? 1 : 0, sizeof(ini));
	ini[15] = l->initiator;
	put_be64(tgt, l->id_ext ? l->id_ext : SRP_ENV_ID_EXT);
	put_be64(tgt + 8, SRP_ENV_IOC_GUID);
	memset(pd, 0, 64);
	put_be16(l->ib ? ib->req_buf_fmt : r->req_buf_fmt,
		 l->buf_fmt ? l->buf_fmt : SRP_BUF_FMT_SUPPORTED);
	*(l->ib ? &ib->req_flags : &r->req_flags) = l->flags;
	put_be32(l->ib ? ib->req_it_iu_len : r->req_it_iu_len,
		 l->it_iu_len ? l->it_iu_len : e->params.max_req_size);
	put_be16(l->ib ? ib->imm_data_offset : r->imm_data_offset, l->imm_offset);
	memcpy(l->ib ? ib->initiator_port_id : r->initiator_port_id, ini, 16);
	memcpy(l->ib ? ib->target_port_id : r->target_port_id, tgt, 16);
	memcpy(l->ib ? ib->tag : r->tag, "logintag", 8);
	return l->ib ? sizeof(*ib) : sizeof(*r);
}

void ini_answered(struct ini *i)
{
	const uint8_t *pd = i->p->private_data;

	if (i->p->state == MEM_REJECTED) {
		assert_int_equal(i->p->private_len, 32);
		assert_int_equal(pd[0], SRP_LOGIN_REJ);
		i->reject = get_be32(pd + 4);
	} else if (i->p->state == MEM_ACCEPTED) {
		assert_int_equal(i->p->private_len, 52);
		assert_int_equal(pd[0], SRP_LOGIN_RSP);
		assert_memory_equal(pd + 8, "logintag", 8);
		i->req_lim = i->req_lim_max = (int32_t)get_be32(pd + 4);
		i->max_ti_iu_len = get_be32(pd + 20);
		i->result = pd[26] & 3;
		i->imm = pd[26] & 0x80;
	}
}

struct ini *ini_connect(struct srp_env *e, const struct ini_login *l)
{
	struct ini *i = calloc(1, sizeof(*i));
	struct conn_info info = { .layout = l->ib ? LOGIN_LAYOUT_IB_CM : LOGIN_LAYOUT_RDMA_CM,
				  .local = "10.0.0.2:5555", .device = "mem/1",
				  .max_rd_atomic = 4 };
	uint8_t pd[64];
	size_t len = login_build(e, l, pd);

	assert_non_null(i);
	i->e = e;
	snprintf(info.peer, sizeof(info.peer), "%s", l->peer ? l->peer : SRP_ENV_PEER);
	i->p = mem_connect(e->transport, &info, pd, len, e->server);
	srp_env_run(e);
	ini_answered(i);
	return i;
}

struct ini *ini_login(struct srp_env *e, const struct ini_login *l)
{
	struct ini *i = ini_connect(e, l);

	assert_int_equal(i->p->state, MEM_ACCEPTED);
	mem_establish(i->p);
	srp_env_run(e);
	assert_int_equal(i->p->state, MEM_LIVE);
	return i;
}

void ini_free(struct ini *i)
{
	mem_hang_up(i->p);
	srp_env_run(i->e);
	mem_peer_free(i->p);
	free(i);
}

/* ---- commands ---- */

struct ini_iu ini_cmd(uint64_t tag, const uint8_t cdb[16], uint8_t buf_fmt)
{
	struct ini_iu iu = { .len = 48 };

	iu.buf[0] = SRP_CMD;
	iu.buf[5] = buf_fmt;
	memcpy(iu.buf + 8, &tag, 8);
	memcpy(iu.buf + 32, cdb, 16);
	return iu;
}

void ini_be32(struct ini_iu *iu, uint32_t v)
{
	put_be32(iu->buf + iu->len, v);
	iu->len += 4;
}

void ini_desc(struct ini_iu *iu, uint64_t addr, uint32_t key, uint32_t len)
{
	put_be64(iu->buf + iu->len, addr);
	iu->len += 8;
	ini_be32(iu, key);
	ini_be32(iu, len);
}

void ini_imm(struct ini_iu *iu, const void *data, uint32_t len)
{
	ini_be32(iu, len);
	memcpy(iu->buf + SRP_ENV_IMM_OFFSET, data, len);
	iu->len = SRP_ENV_IMM_OFFSET + len;
}

struct ini_iu ini_tmf(uint64_t tag, uint8_t function, uint8_t lun, uint64_t task_tag)
{
	struct ini_iu iu = { .len = 48 };

	iu.buf[0] = SRP_TSK_MGMT;
	memcpy(iu.buf + 8, &tag, 8);
	iu.buf[21] = lun;
	iu.buf[30] = function;
	memcpy(iu.buf + 32, &task_tag, 8);
	return iu;
}

void ini_post(struct ini *i, const void *buf, uint32_t len)
{
	mem_send(i->p, buf, len);
}

void ini_send(struct ini *i, const struct ini_iu *iu)
{
	assert_true(i->req_lim > 0);
	i->req_lim--;
	ini_post(i, iu->buf, iu->len);
	srp_env_run(i->e);
	/* As long as the credit is kept, there is a receive for everything. */
	assert_int_equal(i->p->rnr, 0);
}

static void rsp_decode(const struct mem_msg *m, struct ini_rsp *r)
{
	memset(r, 0, sizeof(*r));
	r->opcode = m->data[0];
	r->len = m->len;
	r->delta = (int32_t)get_be32(m->data + 4);
	memcpy(&r->tag, m->data + 8, 8);
	if (r->opcode != SRP_RSP)
		return;
	assert_true(m->len >= 36);
	r->flags = m->data[18];
	r->status = m->data[19];
	r->out_res = get_be32(m->data + 20);
	r->in_res = get_be32(m->data + 24);
	r->sense_len = get_be32(m->data + 28);
	r->rsp_len = get_be32(m->data + 32);
	assert_int_equal(m->len, 36 + r->rsp_len + r->sense_len);
	assert_true(r->sense_len <= sizeof(r->sense));
	memcpy(r->sense, m->data + 36 + r->rsp_len, r->sense_len);
	if (r->rsp_len == 4)
		r->code = m->data[39];
}

bool ini_poll(struct ini *i, struct ini_rsp *r)
{
	struct mem_msg *m = mem_take(i->p);

	if (!m)
		return false;
	assert_true(m->len >= 16 && m->len <= i->max_ti_iu_len);
	rsp_decode(m, r);
	mem_msg_free(m);
	if (r->opcode == SRP_T_LOGOUT)
		return true;
	i->req_lim += r->delta;
	assert_true(i->req_lim <= i->req_lim_max);
	return true;
}

void ini_rsp(struct ini *i, uint64_t tag, struct ini_rsp *r)
{
	assert_true(ini_poll(i, r));
	assert_int_equal(r->opcode, SRP_RSP);
	assert_true(r->tag == tag);
}
