/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What srptd says. */
#include "replicator/model.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

static const char *const role_names[ROLES] = {
	"unknown", "standby", "promoting", "promoted", "demoting",
};

const char *role_name(enum role role)
{
	return role_names[role];
}

static enum role role_parse(const char *text)
{
	for (unsigned i = 1; text && i < ROLES; i++)
		if (!strcmp(role_names[i], text))
			return (enum role)i;
	return ROLE_UNKNOWN;
}

static void text_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static uint64_t number_of(const struct ha_msg *m, const char *key, uint64_t max)
{
	uint64_t v;

	return ha_msg_get_u64(m, key, max, &v) ? v : 0;
}

static struct group *group_of(struct policy *p, const struct ha_msg *m)
{
	const char *name = ha_msg_get(m, "group");

	for_each_group(p, g)
		if (name && g->present && !strcmp(g->name, name))
			return g;
	act_log(p, LOG_WARNING, "srptd says %s of device group \"%.80s\", of which it has not told",
		m->verb, name ? name : "");
	return NULL;
}

/* ---- hello ---- */

static void on_hello(struct policy *p, const struct ha_msg *m)
{
	uint64_t version = number_of(m, "version", UINT64_MAX);
	uint64_t grace = number_of(m, "grace_ms", GRACE_MAX_MS), delay;

	p->srptd_ready = false;
	p->hash[0] = '\0';
	p->grace_ns = grace * NS_PER_MS;
	p->fences = ha_msg_get_u64(m, "fence_delay_s", FENCE_DELAY_MAX, &delay);
	p->fence_delay = p->fences ? (unsigned)delay : 0;
	parity_own_gone(p);
	for_each_group(p, g)
		g->told = false;
	if (version == HA_MSG_VERSION && grace)
		return;
	act_log(p, LOG_ERR, "srptd speaks version %llu with a grace of %llu ms, this is version "
		"%d: its gates stay closed; install the same release of both",
		(unsigned long long)version, (unsigned long long)grace, HA_MSG_VERSION);
	p->grace_ns = 0;
}

static void group_role(struct policy *p, struct group *g, enum role role, uint64_t epoch)
{
	g->role = role;
	g->role_epoch = epoch;
	if (role != ROLE_PROMOTING)
		g->want = false;
	if (role == ROLE_STANDBY)
		gate_end(p, g);
	if (role == ROLE_PROMOTED)
		g->resume = false;
}

static void on_group(struct policy *p, const struct ha_msg *m)
{
	const char *name = ha_msg_get(m, "group"), *states = ha_msg_get(m, "states");
	enum role role = role_parse(ha_msg_get(m, "role"));
	struct group *g = name ? group_get(p, name) : NULL;
	bool want = g && g->want;

	if (!g)
		return;
	g->local = (uint16_t)number_of(m, "local", UINT16_MAX);
	g->floating = number_of(m, "floating", 1);
	if (!states || role == ROLE_UNKNOWN || !tgs_configure(p, g, states)) {
		act_log(p, LOG_ERR, "%s: srptd tells no role or no states of target groups: it is "
			"left out", g->name);
		return; /* as if it had not been told */
	}
	text_copy(g->resource, sizeof(g->resource), ha_msg_get(m, "drbd"));
	group_role(p, g, role, number_of(m, "epoch", EPOCH_MAX));
	g->want = want && role == ROLE_PROMOTING;
	g->own_epoch = g->role_epoch;
	g->transition_ns = number_of(m, "transition_s", TRANSITION_MAX_S) * 1000 * NS_PER_MS;
	g->present = g->told = true;
	g->lease_at = 0; /* it hears of a lease that runs at once */
}

static void group_gone(struct policy *p, struct group *g)
{
	g->present = g->want = g->resume = false;
	if (g->lease_epoch)
		gate_close(p, g, "srptd no longer has the group");
	g->claiming = 0;
	g->role = ROLE_UNKNOWN;
	g->own_state = STATE_UNAVAILABLE;
	g->refused[0] = g->reason[0] = '\0';
	if (g->holder == p->self)
		g->holder = 0;
	health_forget(p, g);
	act_log(p, LOG_NOTICE, "%s is no longer in srptd's configuration", g->name);
}

/* What was promoted before srptd went away, if DRBD has stayed Primary. */
static void group_resume(struct policy *p, struct group *g)
{
	const struct drbd_resource *r = drbd_find(p, g->resource);

	if (!g->resume || g->role != ROLE_STANDBY)
		return;
	g->resume = false;
	if (!r || r->role != DRBD_PRIMARY)
		return;
	act_log(p, LOG_NOTICE, "%s: was promoted when srptd ended, and is again", g->name);
	out_begin(p, "resume", g);
	out_srptd(p);
}

/* It was demoted meanwhile. */
void resumes_check(struct policy *p)
{
	for_each_group(p, g) {
		const struct drbd_resource *r = g->resume ? drbd_find(p, g->resource) : NULL;

		if (r && r->role == DRBD_SECONDARY)
			g->resume = false;
	}
}

static void on_ready(struct policy *p, const struct ha_msg *m)
{
	(void)m;
	p->srptd_ready = true;
	for_each_group(p, g) {
		if (g->present && !g->told)
			group_gone(p, g);
		if (!g->present)
			continue;
		g->table_changed = true;
		group_resume(p, g);
	}
	hello_send(p);
	parity_changed(p);
}

static void on_parity(struct policy *p, const struct ha_msg *m)
{
	const char *hash = ha_msg_get(m, "hash");
	bool other = hash && strcmp(hash, p->hash) != 0;

	if (!hash || !hash[0] || strlen(hash) > HASH_MAX) {
		act_log(p, LOG_ERR, "srptd tells no hash of its configuration");
		return;
	}
	memcpy(p->hash, hash, strlen(hash) + 1);
	if (p->srptd_ready && other) {
		hello_send(p);
		parity_changed(p);
	}
}

/* ---- promote and demote ---- */

static void on_role(struct policy *p, const struct ha_msg *m)
{
	struct group *g = group_of(p, m);

	if (!g)
		return;
	group_role(p, g, role_parse(ha_msg_get(m, "role")), number_of(m, "epoch", EPOCH_MAX));
	if (g->role == ROLE_STANDBY && p->self && g->holder == p->self)
		own_state_send(p, g); /* gives up what was claimed */
}

static void on_want(struct policy *p, const struct ha_msg *m)
{
	struct group *g = group_of(p, m);
	uint64_t primary = 0;

	if (!g)
		return;
	g->want = true;
	g->hasten = ha_msg_get_u64(m, "primary", 1, &primary) && primary;
	g->released = false;
	g->above = number_of(m, "above", EPOCH_MAX - 1);
	g->refused[0] = '\0';
	g->lease_at = 0;
	if (g->lease_epoch && g->lease_epoch <= g->above)
		gate_close(p, g, "srptd asks for a higher epoch");
}

static void on_unwant(struct policy *p, const struct ha_msg *m)
{
	struct group *g = group_of(p, m);

	if (g)
		g->want = false;
}

static void on_announce(struct policy *p, const struct ha_msg *m)
{
	const char *state = ha_msg_get(m, "state");
	struct group *g = group_of(p, m);

	if (!g)
		return;
	if (!state || !state_parse(state, strlen(state), &g->own_state)) {
		act_log(p, LOG_ERR, "%s: srptd announces no state", g->name);
		return;
	}
	g->own_epoch = number_of(m, "epoch", EPOCH_MAX);
	if (g->own_state != STATE_ACTIVE)
		g->lease_at = 0; /* if its gate closed by itself: it hears of the lease at once */
	own_state_send(p, g);
}

static void on_ports(struct policy *p, const struct ha_msg *m)
{
	p->ports_known = ha_msg_get_u64(m, "up", UINT32_MAX, &p->ports_up) &&
			 ha_msg_get_u64(m, "down", UINT32_MAX, &p->ports_down);
}

static const struct {
	const char *verb;
	void (*act)(struct policy *, const struct ha_msg *);
} verbs[] = {
	{ "hello", on_hello },
	{ "group", on_group },
	{ "parity", on_parity },
	{ "ready", on_ready },
	{ "role", on_role },
	{ "want", on_want },
	{ "unwant", on_unwant },
	{ "announce", on_announce },
	{ "parity-items", parity_own },
	{ "parity-end", parity_own },
	{ "ports", on_ports },
};

void srptd_message(struct policy *p, const struct ha_msg *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!strcmp(verbs[i].verb, m->verb)) {
			verbs[i].act(p, m);
			return;
		}
	}
}

/* Its gates have gone with it. */
void srptd_went(struct policy *p)
{
	p->srptd_up = p->srptd_ready = p->ports_known = false;
	p->hash[0] = '\0';
	parity_own_gone(p);
	for_each_group(p, g) {
		if (!g->present)
			continue;
		g->resume = g->resume || g->role == ROLE_PROMOTED;
		g->role = ROLE_UNKNOWN;
		g->want = false;
		g->lease_epoch = 0;
		g->own_state = STATE_UNAVAILABLE;
		own_state_send(p, g);
	}
	hello_send(p);
}
