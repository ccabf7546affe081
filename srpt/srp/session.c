/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions (I_T nexuses) and the channels they consist of. Control thread. */
#include "srp/server.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- finding ---- */

/* Initiators without a port of their own (software iWARP) have no id either. */
static bool id_is_zero(const uint8_t id[16])
{
	static const uint8_t zero[16];

	return !memcmp(id, zero, sizeof(zero));
}

static bool key_matches(const struct srp_session *s, const uint8_t id[16], const char *name)
{
	return !memcmp(s->initiator_port_id, id, 16) &&
	       (!id_is_zero(id) || !strcmp(s->name, name));
}

struct srp_session *session_find(struct srp_target *t, const uint8_t initiator_port_id[16],
				 const char *name)
{
	struct srp_session *s;

	list_for_each(s, &t->sessions, link)
		if (!s->closing && key_matches(s, initiator_port_id, name))
			return s;
	return NULL;
}

static bool session_is_quiet(const struct srp_session *s)
{
	struct srp_channel *ch;

	list_for_each(ch, &s->channels, link)
		if (!ch->told_quiet)
			return false;
	return true;
}

bool session_key_busy(const struct srp_session *s)
{
	struct srp_session *old;

	list_for_each(old, &s->target->sessions, link)
		if (old != s && key_matches(old, s->initiator_port_id, s->name) &&
		    !session_is_quiet(old))
			return true;
	return false;
}

/* Those of the same key may have waited for it. */
static void session_wake_successors(struct srp_session *old)
{
	struct srp_session *s, *tmp;

	list_for_each_safe(s, tmp, &old->target->sessions, link)
		if (s != old && key_matches(old, s->initiator_port_id, s->name))
			admit_waiting(s);
}

/* ---- LUN maps ---- */

struct map_call {
	struct srp_session *session;
	void (*done)(void *arg);
	void *arg;
};

static void map_in_use(void *arg)
{
	struct map_call *call = arg;
	struct srp_session *s = call->session;

	s->maps--;
	if (call->done)
		call->done(call->arg);
	free(call);
	if (s->nlogins)
		admit_waiting(s);
	else
		session_check_end(s);
}

int session_set_map(struct srp_session *s, unsigned count, void (*done)(void *arg), void *arg)
{
	struct map_call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct map_call){ s, done, arg };
	s->maps++;
	rc = nexus_set_map(s->nexus, s->target->server->map, count, map_in_use, call);
	if (rc) {
		s->maps--;
		free(call);
	}
	return rc;
}

/* ---- life ---- */

struct srp_session *session_create(struct srp_target *t, const uint8_t initiator_port_id[16],
				   const char *name, unsigned count)
{
	struct srp_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->target = t;
	snprintf(s->name, sizeof(s->name), "%s", name);
	memcpy(s->initiator_port_id, initiator_port_id, 16);
	list_init(&s->channels);
	list_init(&s->logins);
	s->nexus = nexus_create(t->server->device, &t->port, initiator_port_id, name);
	if (!s->nexus) {
		free(s);
		return NULL;
	}
	if (session_set_map(s, count, NULL, NULL)) {
		nexus_destroy(s->nexus);
		free(s);
		return NULL;
	}
	s->id = ++t->server->next_session_id;
	s->login_time = (uint64_t)time(NULL);
	list_add_tail(&t->sessions, &s->link);
	return s;
}

void session_check_end(struct srp_session *s)
{
	struct srp_target *t = s->target;

	if (s->nchannels || s->nlogins || s->maps)
		return;
	log_info("target %s: session %s: logged out", t->name, s->name);
	list_del(&s->link);
	nexus_destroy(s->nexus);
	free(s);
	target_check_disabled(t);
	server_check_stopped(t->server);
}

void session_close(struct srp_session *s, enum channel_stop how, uint64_t deadline_ns)
{
	struct srp_channel *ch;

	s->closing = true;
	nexus_leave(s->nexus);
	list_for_each(ch, &s->channels, link)
		channel_stop(ch, how, deadline_ns);
	admit_refuse_waiting(s, SRP_REJ_INSUFFICIENT_RESOURCES, "the session was closed");
	session_check_end(s);
}

/* ---- channels ---- */

/* The reactor with the fewest channels of this session, of these the least loaded. */
static struct reactor *session_place(const struct srp_session *s)
{
	struct srp_server *srv = s->target->server;
	unsigned own[REACTOR_MAX] = { 0 }, best = 0;
	struct srp_channel *ch;

	list_for_each(ch, &s->channels, link)
		own[ch->reactor->id]++;
	for (unsigned i = 1; i < srv->group->n; i++) {
		if (own[i] > own[best])
			continue;
		if (own[i] < own[best] || srv->per[i].channels < srv->per[best].channels)
			best = i;
	}
	return srv->group->r[best];
}

static struct srp_channel *channel_make(struct srp_session *s, struct srp_reactor *sr,
					const struct conn *c, const struct login_req *req)
{
	const struct srp_params *p = &s->target->server->params;
	uint32_t chunk = sr->chunks[sr->nchunks - 1];
	bool imm = login_grants_imm(req, c->t->params.imm_offset);
	struct channel_params cp = {
		.session = s,
		.nexus = s->nexus,
		.target_name = s->target->name,
		.reactor = sr->r,
		.tables = &sr->tables,
		.control = s->target->server->group->control,
		.info = &c->info,
		.queue_depth = p->queue_depth,
		.rsp_size = p->max_rsp_size,
		.imm_offset = imm ? c->t->params.imm_offset : 0,
		.rsp_mem = sr->mem + TABLE_COUNT * TABLE_BYTES +
			   chunk * channel_rsp_bytes(p->queue_depth, p->max_rsp_size),
		.rsp_region = server_chunk_region(sr, chunk),
		.chunk = chunk,
	};

	return channel_create(&cp);
}

struct srp_channel *session_add_channel(struct srp_session *s, const struct conn *c,
					const struct login_req *req)
{
	struct srp_reactor *sr = server_reactor(s->target->server, session_place(s));
	struct srp_channel *ch;

	if (!sr->nchunks)
		return NULL;
	ch = channel_make(s, sr, c, req);
	if (!ch)
		return NULL;
	sr->nchunks--;
	sr->channels++;
	ch->number = s->next_channel++;
	s->nchannels++;
	list_add_tail(&s->channels, &ch->link);
	return ch;
}

void session_del_channel(struct srp_session *s, struct srp_channel *ch)
{
	struct srp_reactor *sr = server_reactor(s->target->server, ch->reactor);

	sr->chunks[sr->nchunks++] = ch->chunk;
	sr->channels--;
	s->nchannels--;
	s->commands += ch->commands;
	s->read_bytes += ch->read_bytes;
	s->write_bytes += ch->write_bytes;
	list_del(&ch->link);
	channel_free(ch);
}

void session_channel_quiet(struct srp_channel *ch)
{
	session_wake_successors(ch->session);
}

void session_channel_gone(struct srp_channel *ch)
{
	struct srp_session *s = ch->session;

	session_del_channel(s, ch);
	/* The I_T nexus is lost with its last channel: the next login begins anew. */
	if (!s->nchannels && !s->nlogins)
		s->closing = true;
	session_check_end(s);
}
