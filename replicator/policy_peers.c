/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the replicators say to each other. All hear it in the same order, their own words too. */
#include "replicator/model.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

struct member *member_find(struct policy *p, uint32_t node)
{
	for_each_member(p, m)
		if (m->node == node)
			return m;
	return NULL;
}

const char *member_name(struct policy *p, uint32_t node)
{
	const struct member *m = member_find(p, node);

	return m && m->name[0] ? m->name : node == p->self ? p->name : "of the other node";
}

/* ---- sending ---- */

/* What we have claimed is in use, or will be. */
static bool is_held(const struct policy *p, const struct group *g)
{
	bool drains = g->role == ROLE_DEMOTING && g->own_state == STATE_TRANSITIONING;

	return p->self && g->holder == p->self && (group_wanted(g) || drains);
}

static void group_tell(struct policy *p, const struct group *g)
{
	struct ha_out *o = out_begin(p, "group", g);

	ha_out_add_u64(o, "epoch", g->epoch);
	if (g->present) {
		ha_out_add_u64(o, "tg", g->local);
		ha_out_add(o, "state", state_name(g->own_state));
		ha_out_add_u64(o, "state_epoch", g->own_epoch);
		ha_out_add_u64(o, "held", is_held(p, g));
	}
	out_multicast(p);
}

void hello_send(struct policy *p)
{
	struct ha_out *o = out_begin(p, "hello", NULL);

	ha_out_add_u64(o, "version", HA_MSG_VERSION);
	ha_out_add(o, "node", p->name);
	if (p->hash[0] && p->srptd_ready)
		ha_out_add(o, "hash", p->hash);
	out_multicast(p);
	for_each_group(p, g)
		group_tell(p, g);
	out_begin(p, "ready", NULL);
	out_multicast(p);
}

void own_state_send(struct policy *p, struct group *g)
{
	struct ha_out *o;

	if (!p->joined) {
		tg_set(p, g, 0, g->local, g->own_state, g->own_epoch);
		return;
	}
	o = out_begin(p, "state", g);
	ha_out_add_u64(o, "tg", g->local);
	ha_out_add(o, "state", state_name(g->own_state));
	ha_out_add_u64(o, "epoch", g->own_epoch);
	ha_out_add_u64(o, "held", is_held(p, g));
	out_multicast(p);
}

/* ---- epochs ---- */

void epoch_raise(struct policy *p, struct group *g, uint64_t epoch, uint32_t holder)
{
	g->epoch = epoch;
	g->holder = holder;
	act_store(p, g);
	tgs_epoch_rose(p, g);
}

static void claim_void(struct policy *p, struct group *g, uint32_t node, uint64_t epoch)
{
	act_log(p, LOG_INFO, "%s: node %u's claim of epoch %llu is void: it is not above %llu",
		g->name, node, (unsigned long long)epoch, (unsigned long long)g->epoch);
}

static void on_claim(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	const char *name = ha_msg_get(m, "group");
	struct group *g = name ? group_get(p, name) : NULL;
	uint64_t epoch;

	if (!g || !ha_msg_get_u64(m, "epoch", EPOCH_MAX, &epoch))
		return;
	if (node == p->self && epoch == g->claiming)
		g->claiming = 0;
	if (epoch <= g->epoch) {
		claim_void(p, g, node, epoch);
		return;
	}
	epoch_raise(p, g, epoch, node);
	if (node == p->self && !group_wanted(g))
		own_state_send(p, g); /* given up while it was on its way */
}

/* ---- states ---- */

static bool state_get(const struct ha_msg *m, uint64_t *tg, enum state *state)
{
	const char *text = ha_msg_get(m, "state");

	return text && ha_msg_get_u64(m, "tg", UINT16_MAX, tg) &&
	       state_parse(text, strlen(text), state);
}

static void on_state(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	const char *name = ha_msg_get(m, "group");
	struct group *g = name ? group_get(p, name) : NULL;
	uint64_t tg, epoch, held;
	enum state state;
	bool set;

	if (!g || !state_get(m, &tg, &state) || !ha_msg_get_u64(m, "epoch", EPOCH_MAX, &epoch) ||
	    !ha_msg_get_u64(m, "held", 1, &held))
		return;
	set = tg_set(p, g, node, (uint16_t)tg, state, epoch);
	if (!held && g->holder == node)
		g->holder = 0;
	if (!set && node == p->self && state == STATE_ACTIVE && epoch == g->lease_epoch)
		gate_close(p, g, "it may not be active");
}

/* ---- hello ---- */

static void on_hello(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	const char *hash = ha_msg_get(m, "hash"), *name = ha_msg_get(m, "node");
	struct member *from = member_find(p, node);

	tgs_hello_begin(p, node);
	if (!from)
		return;
	from->greeting = true;
	if (!ha_msg_get_u64(m, "version", UINT64_MAX, &from->version))
		from->version = 0;
	snprintf(from->name, sizeof(from->name), "%s", name ? name : "");
	snprintf(from->hash, sizeof(from->hash), "%s", hash ? hash : "");
}

/* Both have served with the same epoch: in two halves of a cluster. Neither goes on with it. */
static void epoch_of_two(struct policy *p, struct group *g, uint32_t node)
{
	act_log(p, LOG_ERR, "%s: nodes %u and %u both hold epoch %llu: look for split-brain in "
		"DRBD", g->name, g->holder, node, (unsigned long long)g->epoch);
	g->holder = 0;
	g->tied = g->epoch;
	for (unsigned i = 0; i < g->n_tgs; i++) {
		if (g->tgs[i].state == STATE_ACTIVE) {
			g->tgs[i].state = STATE_TRANSITIONING;
			g->table_changed = true;
		}
	}
}

static void epoch_learn(struct policy *p, struct group *g, uint32_t node, uint64_t epoch, bool held)
{
	if (epoch > g->epoch)
		epoch_raise(p, g, epoch, held ? node : 0);
	else if (epoch == g->epoch && held && g->holder && g->holder != node)
		epoch_of_two(p, g, node);
	else if (epoch == g->epoch && held && epoch != g->tied)
		g->holder = node;
}

static void on_group(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	const char *name = ha_msg_get(m, "group");
	struct group *g = name ? group_get(p, name) : NULL;
	uint64_t epoch, tg, state_epoch, held;
	enum state state;

	if (!g || !ha_msg_get_u64(m, "epoch", EPOCH_MAX, &epoch))
		return;
	if (!ha_msg_get_u64(m, "held", 1, &held))
		held = 0;
	epoch_learn(p, g, node, epoch, held);
	if (state_get(m, &tg, &state) && ha_msg_get_u64(m, "state_epoch", EPOCH_MAX, &state_epoch))
		tg_set(p, g, node, (uint16_t)tg, state, state_epoch);
}

static void on_ready(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	struct member *from = member_find(p, node);

	(void)m;
	tgs_hello_end(p, node);
	if (!from || !from->greeting)
		return;
	from->greeting = false;
	from->greeted = true;
	from->passed_over = false;
	if (from->version != HA_MSG_VERSION)
		act_log(p, LOG_ERR, "the replicator of %s speaks version %llu, this is version %d: "
			"nothing is promoted here; install the same release on both nodes",
			member_name(p, node), (unsigned long long)from->version, HA_MSG_VERSION);
	parity_changed(p);
}

/* ---- members ---- */

static bool is_among(uint32_t node, const uint32_t *nodes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (nodes[i] == node)
			return true;
	return false;
}

static void members_leave(struct policy *p, const uint32_t *nodes, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < p->n_members; i++) {
		struct member *m = &p->members[i];

		if (is_among(m->node, nodes, n)) {
			p->members[kept++] = *m;
			continue;
		}
		act_log(p, LOG_NOTICE, "the replicator of node %u%s%s has left", m->node,
			m->name[0] ? ", " : "", m->name);
		leaver_keep(p, m);
		tgs_node_left(p, m->node);
	}
	p->n_members = kept;
}

/* Whether somebody is new. */
static bool members_join(struct policy *p, const uint32_t *nodes, unsigned n)
{
	bool fresh = false;

	for (unsigned i = 0; i < n; i++) {
		if (nodes[i] == p->self || !nodes[i] || member_find(p, nodes[i]))
			continue;
		if (p->n_members == POLICY_MEMBERS) {
			act_log(p, LOG_ERR, "node %u is left out: there are more than %d",
				nodes[i], POLICY_MEMBERS);
			continue;
		}
		p->members[p->n_members++] = (struct member){ .node = nodes[i] };
		act_log(p, LOG_NOTICE, "the replicator of node %u has joined", nodes[i]);
		fresh = true;
	}
	return fresh;
}

/* Of what was agreed on nothing is sure any more. */
static void left_alone(struct policy *p)
{
	act_log(p, LOG_WARNING, "this node is not in the replicators' process group");
	for_each_group(p, g) {
		g->claiming = 0;
		if (g->holder == p->self)
			g->holder = 0;
		tgs_left_alone(g);
	}
}

void membership_apply(struct policy *p, uint32_t self, const uint32_t *nodes, unsigned n)
{
	bool was = p->joined, fresh;

	if (self)
		p->self = self;
	p->joined = p->self && is_among(p->self, nodes, n);
	if (!p->joined)
		n = 0;
	members_leave(p, nodes, n);
	if (was && !p->joined)
		left_alone(p);
	fresh = members_join(p, nodes, n);
	if (fresh)
		parity_member_joined(p);
	if (p->joined && (fresh || !was))
		hello_send(p);
	if (p->joined && !was)
		health_again(p);
	parity_changed(p);
}

/* ---- all of it ---- */

/*
 * Another node is being promoted and waits for DRBD, Primary here for nobody: Pacemaker has
 * had this node demoted, and will have DRBD demoted, too.
 */
static void on_release(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	const char *name = ha_msg_get(m, "group");
	const struct drbd_resource *r;

	if (!name || node == p->self || !p->srptd_up || !p->srptd_ready)
		return;
	for_each_group(p, g) {
		r = drbd_find(p, g->resource);
		if (!strcmp(g->name, name) && g->present && g->role == ROLE_STANDBY && !g->want &&
		    !g->lease_epoch && r && r->role == DRBD_PRIMARY)
			act_drbd(p, g, POLICY_SECONDARY);
	}
}

static void on_parity_ask(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	(void)node;
	(void)m;
	parity_asked(p);
}

static const struct {
	const char *verb;
	void (*act)(struct policy *, uint32_t, const struct ha_msg *);
} verbs[] = {
	{ "hello", on_hello },
	{ "group", on_group },
	{ "ready", on_ready },
	{ "claim", on_claim },
	{ "state", on_state },
	{ "release", on_release },
	{ "parity-ask", on_parity_ask },
	{ "parity-begin", parity_peer },
	{ "parity-items", parity_peer },
	{ "parity-end", parity_peer },
};

void delivered(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	/* What comes from before a node left, or we did, counts no more. */
	if (!p->joined || (node != p->self && !member_find(p, node)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!strcmp(verbs[i].verb, m->verb)) {
			verbs[i].act(p, node, m);
			return;
		}
	}
}
