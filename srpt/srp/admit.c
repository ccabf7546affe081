/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may log in: the checks of a login request in their order, the logins that
 * wait, and the answers. Control thread; nothing here blocks it.
 */
#include "srp/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull

/* How long a login waits for the old channels of its nexus; initiators wait longer. */
#define LOGIN_WAIT_NS (4 * NS_PER_S)

/* Outcome of a check. reason 0: passed. */
struct verdict {
	int reason; /* enum srp_login_rej_reason */
	const char *why;
};

#define PASSED ((struct verdict){ 0, NULL })
#define REFUSED(r, w) ((struct verdict){ (r), (w) })

/* Hosts are limited each by itself: a noisy one must not hide why another is refused. */
static struct log_limit *reject_limit(struct srp_server *s, const char *peer)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *peer; peer++)
		hash = (hash ^ (uint8_t)*peer) * 16777619u;
	return &s->reject_limits[(hash ^ hash >> 16) % SRP_REJECT_LIMITS];
}

static void login_refuse(struct srp_server *s, struct conn *c, const struct conn_info *info,
			 const struct login_req *req, struct verdict v)
{
	uint8_t rej[sizeof(struct srp_login_rej)];
	const uint8_t *ini = req->initiator_port_id, *tgt = req->target_port_id;

	log_warn_limited(reject_limit(s, info->peer),
			 "session %s: login rejected: %s (0x%08x, %s); to %s, initiator port "
			 "0x%016llx%016llx, target port id_ext=%016llx,ioc_guid=%016llx",
			 info->peer, v.why, (unsigned)v.reason,
			 login_reason_name((enum srp_login_rej_reason)v.reason), info->local,
			 (unsigned long long)get_be64(ini), (unsigned long long)get_be64(ini + 8),
			 (unsigned long long)get_be64(tgt), (unsigned long long)get_be64(tgt + 8));
	transport_reject(c, rej,
			 login_encode_rej(rej, req->tag, (enum srp_login_rej_reason)v.reason));
}

/* ---- accepting ---- */

static int login_accept(struct srp_login *l, struct srp_channel *ch)
{
	struct srp_server *srv = ch->session->target->server;
	uint8_t rsp[sizeof(struct srp_login_rsp)];
	struct login_answer a = {
		.tag = l->req.tag,
		.req_lim = srv->params.queue_depth,
		.max_it_iu_len = l->conn->t->params.max_recv,
		.result = l->result,
		.imm_data = ch->imm_offset != 0,
	};
	struct accept_params p = {
		.reactor = ch->reactor,
		.context = ch,
		.recv_depth = channel_recv_depth(srv->params.queue_depth),
		.max_xfers = channel_max_xfers(srv->params.queue_depth),
		.private_data = rsp,
		.private_len = login_encode_rsp(rsp, &a),
	};

	ch->conn = l->conn;
	return transport_accept(l->conn, &p);
}

/* The channel may be used by its reactor as soon as it is accepted. */
static void login_finish(struct srp_session *s, struct srp_login *l)
{
	struct srp_channel *ch = session_add_channel(s, l->conn, &l->req);
	struct conn_info info = l->conn->info;
	unsigned number = ch ? ch->number : 0, reactor = ch ? ch->reactor->id : 0;
	bool imm = ch && ch->imm_offset;

	if (!ch || login_accept(l, ch)) {
		login_refuse(s->target->server, l->conn, &info, &l->req,
			     REFUSED(SRP_REJ_INSUFFICIENT_RESOURCES,
				     ch ? "the transport cannot take the connection" :
					  "no memory for another channel"));
		if (ch)
			session_del_channel(s, ch);
		return;
	}
	log_info("target %s: session %s: login, channel %u to %s on reactor %u%s", s->target->name,
		 s->name, number, info.local, reactor, imm ? ", immediate data" : "");
}

void admit_waiting(struct srp_session *s)
{
	if (s->closing || s->maps || !s->nlogins || session_key_busy(s))
		return;
	while (!list_empty(&s->logins)) {
		struct srp_login *l = list_first(&s->logins, struct srp_login, link);

		list_del(&l->link);
		login_finish(s, l);
		s->nlogins--;
		free(l);
	}
	if (!s->nchannels)
		s->closing = true;
	session_check_end(s);
}

void admit_refuse_waiting(struct srp_session *s, enum srp_login_rej_reason reason,
			  const char *why)
{
	while (!list_empty(&s->logins)) {
		struct srp_login *l = list_first(&s->logins, struct srp_login, link);
		struct conn_info info = l->conn->info;

		list_del(&l->link);
		s->nlogins--;
		login_refuse(s->target->server, l->conn, &info, &l->req, REFUSED(reason, why));
		free(l);
	}
}

/* The old channels of the nexus did not end in time. */
static void login_waited(struct srp_server *srv, uint64_t id)
{
	struct srp_session *s = server_session_find(srv, id);

	if (!s || !s->nlogins)
		return;
	if (!s->nchannels)
		s->closing = true;
	admit_refuse_waiting(s, SRP_REJ_INSUFFICIENT_RESOURCES,
			     "earlier channels of this nexus are not gone yet");
	session_check_end(s);
}

/* ---- checking ---- */

static struct verdict check_iu(const struct conn *c, const struct srp_server *srv,
			       const struct login_req *req)
{
	uint32_t max = min_u32(srv->params.max_req_size, c->t->params.max_recv);
	int reason = login_check_length(req, max);

	return reason ? REFUSED(reason, "its IU length is not one we take") : PASSED;
}

static struct verdict check_target(struct srp_server *srv, const struct conn_info *info,
				   const struct login_req *req, struct srp_target **t)
{
	if (srv->stopping)
		return REFUSED(SRP_REJ_INSUFFICIENT_RESOURCES, "shutting down");
	*t = server_target_by_id(srv, req->target_port_id);
	if (!*t)
		return REFUSED(SRP_REJ_UNABLE_ASSOCIATE_CHANNEL,
			       "no target has this id_ext and ioc_guid");
	if (!(*t)->enabled)
		return REFUSED(SRP_REJ_INSUFFICIENT_RESOURCES, "the target is disabled");
	if ((*t)->reach && !(*t)->reach((*t)->reach_arg, info))
		return REFUSED(SRP_REJ_UNABLE_ASSOCIATE_CHANNEL,
			       "no portal of the target is for this port and partition");
	return PASSED;
}

/* @count: entries of the server's map this name may see. */
static struct verdict check_access(struct srp_target *t, const char *name, unsigned *count)
{
	int n = t->map ? t->map(t->map_arg, name, t->server->map, SCSI_MAX_LUN + 1) : 0;

	if (n < 0)
		return REFUSED(SRP_REJ_UNABLE_ASSOCIATE_CHANNEL,
			       "this initiator is not allowed to log in");
	*count = (unsigned)n;
	return PASSED;
}

static struct verdict check_formats(const struct login_req *req)
{
	int reason = login_check_formats(req);

	return reason ? REFUSED(reason, "it asks for something we do not know") : PASSED;
}

static unsigned target_sessions(const struct srp_target *t)
{
	struct srp_session *s;
	unsigned n = 0;

	list_for_each(s, &t->sessions, link)
		n += !s->closing;
	return n;
}

/* @old: the session the login would join or replace, or NULL. */
static struct verdict check_limits(const struct srp_target *t, const struct srp_session *old,
				   const struct login_req *req, const char *name)
{
	const struct srp_params *p = &t->server->params;

	if (!old)
		return target_sessions(t) < p->max_sessions ? PASSED :
		       REFUSED(SRP_REJ_INSUFFICIENT_RESOURCES, "too many sessions");
	if (!login_is_multi(req))
		return PASSED;
	/* What a session may see goes by its name, so all channels must have the same. */
	if (strcmp(old->name, name))
		return REFUSED(SRP_REJ_UNABLE_ASSOCIATE_CHANNEL,
			       "the nexus belongs to a session from elsewhere");
	if (old->nchannels + old->nlogins >= p->max_channels)
		return REFUSED(SRP_REJ_CHANNEL_LIMIT_REACHED, "too many channels");
	return PASSED;
}

static struct verdict login_check(struct srp_server *srv, const struct conn *c,
				  const struct conn_info *info, const struct login_req *req,
				  struct srp_target **t, struct srp_session **old,
				  unsigned *count)
{
	struct verdict v = check_iu(c, srv, req);

	if (!v.reason)
		v = check_target(srv, info, req, t);
	if (!v.reason)
		v = check_access(*t, info->peer, count);
	if (!v.reason)
		v = check_formats(req);
	if (v.reason)
		return v;
	*old = session_find(*t, req->initiator_port_id, info->peer);
	return check_limits(*t, *old, req, info->peer);
}

/* ---- joining ---- */

/* The session the login goes to, a new one if need be; SINGLE ends the old one. */
static struct srp_session *login_session(struct srp_target *t, struct srp_session *old,
					 const struct login_req *req, const char *name,
					 unsigned count, uint8_t *result)
{
	struct srp_session *s;

	*result = SRP_RSP_NO_CHANNELS;
	if (old && login_is_multi(req)) {
		if (old->nchannels || old->nlogins)
			*result = SRP_RSP_CHANNELS_KEPT;
		return old;
	}
	s = session_create(t, req->initiator_port_id, name, count);
	if (s && old) {
		if (old->nchannels)
			*result = SRP_RSP_CHANNELS_TERMINATED;
		log_info("target %s: session %s: a new login of the same initiator port "
			 "replaces it", t->name, old->name);
		session_close(old, STOP_NOW, 0);
	}
	return s;
}

/* @l is complete but for its result. */
static void login_join(struct srp_target *t, struct srp_session *old, unsigned count,
		       struct srp_login *l, const struct conn_info *info)
{
	struct srp_session *s = login_session(t, old, &l->req, info->peer, count, &l->result);

	if (!s) {
		login_refuse(t->server, l->conn, info, &l->req,
			     REFUSED(SRP_REJ_INSUFFICIENT_RESOURCES, "no memory"));
		free(l);
		return;
	}
	l->session = s;
	list_add_tail(&s->logins, &l->link);
	s->nlogins++;
	/* Without a deadline it might wait for ever; failing that, it does not wait. */
	if (session_key_busy(s) &&
	    server_deadline(t->server, LOGIN_WAIT_NS, login_waited, s->id))
		login_waited(t->server, s->id);
	else
		admit_waiting(s);
}

void admit_request(struct conn *c, const struct conn_info *info, const uint8_t *pd, size_t len,
		   void *listener_ctx)
{
	struct srp_server *srv = listener_ctx;
	struct srp_target *t = NULL;
	struct srp_session *old = NULL;
	struct login_req req;
	struct srp_login *l;
	unsigned count = 0;
	struct verdict v = PASSED;

	v.reason = login_decode(info->layout, pd, len, &req);
	if (v.reason)
		v.why = "malformed SRP_LOGIN_REQ";
	else
		v = login_check(srv, c, info, &req, &t, &old, &count);
	l = v.reason ? NULL : malloc(sizeof(*l));
	if (!v.reason && !l)
		v = REFUSED(SRP_REJ_INSUFFICIENT_RESOURCES, "no memory");
	if (v.reason) {
		login_refuse(srv, c, info, &req, v);
		return;
	}
	*l = (struct srp_login){ .conn = c, .req = req };
	c->context = l;
	login_join(t, old, count, l, info);
}

/* ---- giving up ---- */

static void login_forget(struct srp_login *l)
{
	struct srp_session *s = l->session;

	log_info("target %s: session %s: the initiator gave up its login", s->target->name,
		 s->name);
	list_del(&l->link);
	free(l);
	s->nlogins--;
	if (!s->nchannels && !s->nlogins)
		s->closing = true;
	session_check_end(s);
}

void admit_request_gone(struct conn *c, void *context)
{
	if (context)
		channel_forget(context);
	else if (c->context)
		login_forget(c->context);
}
