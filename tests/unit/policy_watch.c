/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 80, EVENTS = 512 };

struct watched {
	char name[POLICY_NAME_MAX + 1], resource[DRBD_NAME_MAX + 1];
	uint64_t stored;      /* highest epoch that was to be stored */
	uint64_t lease;       /* epoch of the gate that is open; 0: none */
	uint64_t used;        /* highest epoch that was ever leased in this run */
	uint64_t until;
	uint64_t table_epoch;
	bool wanted, drains;
	bool hasten; /* DRBD may be made Primary for it, once */
	bool standby;
};

struct policy_watch {
	bool up, joined, quorum, drbd;
	uint64_t now, grace;
	unsigned n;
	struct watched of[NAMES];
	unsigned n_events; /* of DRBD since it was last asked */
	bool blind;        /* there were more than can be kept: no opinion */
	struct drbd_event events[EVENTS];
	bool in_now;
};

static void never(const struct policy_watch *w, const char *what, const char *of)
{
	fprintf(stderr, "at %llu ms: %s: %s\n", (unsigned long long)(w->now / 1000000), of, what);
	abort();
}

struct policy_watch *policy_watch_new(void)
{
	return calloc(1, sizeof(struct policy_watch));
}

void policy_watch_free(struct policy_watch *w)
{
	free(w);
}

static struct watched *watched(struct policy_watch *w, const char *name)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!strcmp(w->of[i].name, name))
			return &w->of[i];
	if (w->n == NAMES)
		never(w, "there are more groups than there can be", name);
	snprintf(w->of[w->n].name, sizeof(w->of[w->n].name), "%s", name);
	return &w->of[w->n++];
}

/* ---- DRBD: all its events are kept, and gone through anew for each question ---- */

static const struct drbd_event *latest(const struct policy_watch *w, const char *resource,
				       enum drbd_object object, const char *conn, uint32_t volume,
				       bool (*says)(const struct drbd_event *))
{
	const struct drbd_event *found = NULL;

	for (unsigned i = 0; i < w->n_events; i++) {
		const struct drbd_event *e = &w->events[i];

		if (strcmp(e->resource, resource) != 0)
			continue;
		if (e->action == DRBD_DESTROY &&
		    (e->object == DRBD_RESOURCE ||
		     (e->object == DRBD_CONNECTION && conn && !strcmp(conn, e->conn)) ||
		     (e->object == object && e->volume == volume &&
		      (!conn || !strcmp(conn, e->conn)))))
			found = NULL;
		else if (e->object == object && e->volume == volume &&
			 (!conn || !strcmp(conn, e->conn)) && says(e))
			found = e;
	}
	return found;
}

static bool says_role(const struct drbd_event *e) { return e->role; }
static bool says_suspended(const struct drbd_event *e) { return e->suspended; }
static bool says_disk(const struct drbd_event *e) { return e->disk; }
static bool says_quorum(const struct drbd_event *e) { return e->quorum; }
static bool says_connection(const struct drbd_event *e) { return e->connection; }

static bool peer_has(const struct policy_watch *w, const char *resource, uint32_t volume)
{
	for (unsigned i = 0; i < w->n_events; i++) {
		const struct drbd_event *e = &w->events[i], *c, *d;

		if (e->object != DRBD_PEER_DEVICE || strcmp(e->resource, resource) != 0)
			continue;
		c = latest(w, resource, DRBD_CONNECTION, e->conn, 0, says_connection);
		d = latest(w, resource, DRBD_PEER_DEVICE, e->conn, volume, says_disk);
		if (c && d && c->connection == DRBD_CONNECTED && d->disk == DRBD_UPTODATE)
			return true;
	}
	return false;
}

static bool volume_usable(const struct policy_watch *w, const char *resource, uint32_t volume)
{
	const struct drbd_event *d = latest(w, resource, DRBD_DEVICE, NULL, volume, says_disk);
	const struct drbd_event *q = latest(w, resource, DRBD_DEVICE, NULL, volume, says_quorum);

	if (!d)
		return true; /* it has gone, or never was */
	return (!q || q->quorum == DRBD_YES) &&
	       (d->disk == DRBD_UPTODATE || peer_has(w, resource, volume));
}

static bool drbd_usable(const struct policy_watch *w, const char *resource)
{
	const struct drbd_event *role = latest(w, resource, DRBD_RESOURCE, NULL, 0, says_role);
	const struct drbd_event *s = latest(w, resource, DRBD_RESOURCE, NULL, 0, says_suspended);

	if (!w->drbd || !role || role->role != DRBD_PRIMARY || (s && s->suspended == DRBD_YES))
		return false;
	for (unsigned i = 0; i < w->n_events; i++)
		if (w->events[i].object == DRBD_DEVICE &&
		    !strcmp(w->events[i].resource, resource) &&
		    !volume_usable(w, resource, w->events[i].volume))
			return false;
	return true;
}

/* ---- events ---- */

static void forget_drbd(struct policy_watch *w)
{
	w->drbd = w->blind = false;
	w->n_events = 0;
}

static void watch_drbd(struct policy_watch *w, const struct drbd_event *e)
{
	if (e->action == DRBD_READY)
		w->drbd = true;
	if (e->action == DRBD_LOST)
		forget_drbd(w);
	if (e->action == DRBD_RENAME)
		for (unsigned i = 0; i < w->n_events; i++)
			if (!strcmp(w->events[i].resource, e->resource))
				memcpy(w->events[i].resource, e->new_name, sizeof(e->new_name));
	if (e->action > DRBD_DESTROY)
		return;
	if (w->n_events < EVENTS)
		w->events[w->n_events++] = *e;
	else
		w->blind = true;
}

static void watch_srptd(struct policy_watch *w, const struct ha_msg *m)
{
	const char *name = ha_msg_get(m, "group"), *role = ha_msg_get(m, "role");
	const char *resource = ha_msg_get(m, "drbd");
	uint64_t primary = 0;
	struct watched *g;

	if (!strcmp(m->verb, "hello") && !ha_msg_get_u64(m, "grace_ms", 30000, &w->grace))
		w->grace = 0;
	if (!name || !name[0] || strlen(name) > POLICY_NAME_MAX || name[0] == '.' ||
	    strchr(name, '/'))
		return;
	if (w->n == NAMES)
		return;
	g = watched(w, name);
	if (!strcmp(m->verb, "group"))
		snprintf(g->resource, sizeof(g->resource), "%s", resource ? resource : "");
	if (!strcmp(m->verb, "want")) {
		g->wanted = true;
		g->hasten = ha_msg_get_u64(m, "primary", 1, &primary) && primary;
	}
	if (!strcmp(m->verb, "unwant") || (role && strcmp(role, "promoting") != 0))
		g->hasten = false;
	if (role)
		g->standby = !strcmp(role, "standby");
	if (role)
		g->wanted = !strcmp(role, "promoting") || !strcmp(role, "promoted");
	if (role)
		g->drains = !strcmp(role, "demoting");
	if (role && !strcmp(role, "standby"))
		g->lease = 0; /* srptd has closed its gate itself */
}

static void forget_leases(struct policy_watch *w)
{
	for (unsigned i = 0; i < w->n; i++)
		w->of[i].lease = 0;
}

void policy_watch_event(struct policy_watch *w, const struct policy_event *e)
{
	w->in_now = e->type == POLICY_NOW;
	switch (e->type) {
	case POLICY_NOW:
		if (e->ns > w->now)
			w->now = e->ns;
		break;
	case POLICY_MEMBERSHIP:
		w->joined = false;
		for (unsigned i = 0; i < e->n_nodes; i++)
			w->joined = w->joined || (e->node && e->nodes[i] == e->node);
		break;
	case POLICY_QUORUM:
		w->quorum = e->yes;
		break;
	case POLICY_SRPTD_UP:
		w->up = true;
		break;
	case POLICY_SRPTD_DOWN:
		w->up = false;
		forget_leases(w);
		break;
	case POLICY_SRPTD:
		watch_srptd(w, e->msg);
		break;
	case POLICY_DRBD:
		watch_drbd(w, e->drbd);
		break;
	case POLICY_DRBD_DOWN:
		forget_drbd(w);
		break;
	default:
		break;
	}
}

/* ---- actions ---- */

static const char *allowed(const struct policy_watch *w, const struct watched *g)
{
	if (!w->up || !w->joined || !w->quorum)
		return "without srptd, membership or quorum";
	if (!w->blind && !drbd_usable(w, g->resource))
		return "and DRBD does not allow it";
	return NULL;
}

static void watch_lease(struct policy_watch *w, const struct ha_msg *m, struct watched *g)
{
	const char *why = allowed(w, g);
	uint64_t epoch, at, ms;

	if (!ha_msg_get_u64(m, "epoch", UINT64_MAX, &epoch) || !epoch ||
	    !ha_msg_get_u64(m, "at_ns", UINT64_MAX, &at) ||
	    !ha_msg_get_u64(m, "ms", UINT64_MAX, &ms))
		never(w, "a lease without all it needs", g->name);
	if (why)
		never(w, why, "a lease");
	if (!w->in_now || at != w->now || ms != w->grace)
		never(w, "a lease of another time", g->name);
	if (!g->wanted && !(g->drains && epoch == g->lease))
		never(w, "a lease nobody wants", g->name);
	if (epoch != g->lease && epoch <= g->used)
		never(w, "a lease with an epoch that was used before", g->name);
	if (epoch == g->lease && at >= g->until)
		never(w, "a lease renewed after it was over", g->name);
	g->lease = g->used = epoch;
	g->until = at + ms * 1000000;
}

/* 0 is of other nodes, of which there can be several. */
static void watch_ids(const struct policy_watch *w, const char *states, const char *of)
{
	bool told[UINT16_MAX + 1] = { false };
	unsigned long id;
	char *end;

	for (const char *at = states; *at; at += *at == ',') {
		id = strtoul(at, &end, 10);
		if (end == at || *end != ':' || id > UINT16_MAX || (id && told[id]))
			never(w, "a table with a target group that is none, or twice", of);
		told[id] = true;
		at = end + strcspn(end, ",");
	}
}

static void watch_table(struct policy_watch *w, const struct ha_msg *m, struct watched *g)
{
	const char *states = ha_msg_get(m, "states"), *first;
	uint64_t epoch;

	if (!states || !ha_msg_get_u64(m, "epoch", UINT64_MAX, &epoch))
		never(w, "a table without all it needs", g->name);
	watch_ids(w, states, g->name);
	first = strstr(states, ":active");
	if (first && strstr(first + 1, ":active"))
		never(w, "two target groups are active", g->name);
	if (epoch < g->table_epoch)
		never(w, "the epoch of the table has fallen", g->name);
	g->table_epoch = epoch;
}

static void watch_message(struct policy_watch *w, const struct ha_out *o)
{
	static struct ha_msg m;
	const char *name;
	struct watched *g;

	if (o->overflow || ha_msg_decode(&m, o->text, o->len))
		never(w, "a message that cannot be read", o->text);
	name = ha_msg_get(&m, "group");
	g = name ? watched(w, name) : NULL;
	if (g && !strcmp(m.verb, "lease"))
		watch_lease(w, &m, g);
	if (g && !strcmp(m.verb, "table"))
		watch_table(w, &m, g);
	if (g && !strcmp(m.verb, "close"))
		g->lease = 0;
}

/* DRBD's role is changed for a promote that asked for it, and where nothing is served. */
static void watch_hastened(struct policy_watch *w, const struct policy_action *a)
{
	struct watched *g = watched(w, a->group);

	if (!w->up || !w->joined)
		never(w, "DRBD's role without srptd or membership", a->group);
	if (strcmp(a->name, g->resource) != 0)
		never(w, "the role of another DRBD resource", a->group);
	if (a->type == POLICY_PRIMARY && (!g->hasten || !w->quorum))
		never(w, "DRBD Primary, which nobody asked for", a->group);
	if (a->type == POLICY_SECONDARY && (!g->standby || (g->lease && w->now < g->until)))
		never(w, "DRBD Secondary, which is not in standby", a->group);
	g->hasten = false;
}

void policy_watch_action(struct policy_watch *w, const struct policy_action *a)
{
	struct watched *g;

	if (a->type == POLICY_TO_SRPTD) {
		if (!w->up)
			never(w, "a message to srptd, which is not there", a->out->text);
		watch_message(w, a->out);
	} else if (a->type == POLICY_STORE) {
		g = watched(w, a->group);
		if (a->epoch <= g->stored)
			never(w, "an epoch that falls is to be stored", a->group);
		g->stored = a->epoch;
	} else if (a->type == POLICY_PRIMARY || a->type == POLICY_SECONDARY) {
		watch_hastened(w, a);
	}
}

void policy_watch_settled(struct policy_watch *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		struct watched *g = &w->of[i];

		if (g->lease && g->wanted && w->now < g->until && allowed(w, g))
			never(w, "the gate is open, and may not be", g->name);
	}
}
