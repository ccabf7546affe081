/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The write gates: when they may be open, who claims the next epoch, and the leases. */
#include "replicator/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Why a gate may not be open, as srptctl tells it: code of refuse. */
enum refusal { REFUSE_NOTHING, REFUSE_GATE, REFUSE_SECONDARY, REFUSE_PARITY };

static const char *const refusal_names[] = { "", "gate", "secondary", "parity" };

bool group_wanted(const struct group *g)
{
	return g->present &&
	       (g->want || g->role == ROLE_PROMOTING || g->role == ROLE_PROMOTED);
}

/* Commands in flight are answered under the epoch that was. */
static bool group_drains(const struct group *g)
{
	return g->present && g->role == ROLE_DEMOTING && g->lease_epoch;
}

/* ---- conditions ---- */

static enum refusal denied(char *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static enum refusal denied(char *text, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, REASON_MAX, format, ap);
	va_end(ap);
	return REFUSE_GATE;
}

static enum refusal cluster_deny(const struct policy *p, char *text)
{
	if (!p->srptd_up || !p->grace_ns)
		return denied(text, "srptd and srp-replicatord are of different releases");
	if (!p->joined)
		return denied(text, "this node is not in the replicators' process group");
	if (!p->quorum)
		return denied(text, "the cluster has no quorum");
	return REFUSE_NOTHING;
}

static enum refusal disk_deny(const struct drbd_resource *r, const struct drbd_disk_of *d,
			      char *text)
{
	if (d->quorum == DRBD_NO)
		return denied(text, "volume %u of DRBD resource %s has no quorum", d->volume,
			      r->name);
	if (d->disk != DRBD_UPTODATE && !drbd_peer_has(r, d->volume))
		return denied(text, "volume %u of DRBD resource %s is %s, and no connected peer is "
			      "UpToDate", d->volume, r->name, drbd_disk_name(d->disk));
	return REFUSE_NOTHING;
}

static enum refusal drbd_deny(const struct policy *p, const struct group *g, char *text)
{
	const struct drbd_resource *r = drbd_find(p, g->resource);

	if (!p->drbd_ready)
		return denied(text, "DRBD has not told of its resources");
	if (!r || !r->disks.n || r->incomplete)
		return denied(text, "DRBD resource %s %s", g->resource, !r ? "is not there" :
			      r->incomplete ? "is too large" : "has no volume");
	if (r->role != DRBD_PRIMARY) {
		denied(text, "DRBD resource %s is %s", r->name, drbd_role_name(r->role));
		return REFUSE_SECONDARY;
	}
	if (r->suspended == DRBD_YES)
		return denied(text, "I/O of DRBD resource %s is suspended", r->name);
	for (unsigned i = 0; i < r->disks.n; i++)
		if (disk_deny(r, &r->disks.of[i], text))
			return REFUSE_GATE;
	return REFUSE_NOTHING;
}

/* What must be so all the time; @text: REASON_MAX bytes, the reason if it is not. */
static enum refusal deny(const struct policy *p, const struct group *g, char *text)
{
	enum refusal r = cluster_deny(p, text);

	return r ? r : drbd_deny(p, g, text);
}

static enum refusal claim_deny_member(struct policy *p, struct group *g, char *text)
{
	const struct drbd_resource *r = drbd_find(p, g->resource);

	for_each_member(p, m)
		if (!m->greeted && !m->passed_over)
			return denied(text, "the replicator of node %u has not said hello yet",
				      m->node);
	if (g->holder && g->holder != p->self && !(r && drbd_peers_secondary(r)))
		return denied(text, "node %u (%s) holds epoch %llu", g->holder,
			      member_name(p, g->holder), (unsigned long long)g->epoch);
	if (g->epoch >= EPOCH_MAX - 1 || g->role_epoch >= EPOCH_MAX - 1)
		return denied(text, "there is no epoch above %llu", (unsigned long long)g->epoch);
	return REFUSE_NOTHING;
}

/* What else must be so for a new epoch. What is served goes on when the configurations differ. */
static enum refusal claim_deny(struct policy *p, struct group *g, char *text)
{
	if (parity_look(p) == PARITY_DIFFERS) {
		parity_reason(p, text, REASON_MAX);
		return REFUSE_PARITY;
	}
	return claim_deny_member(p, g, text);
}

/* ---- closing ---- */

static void close_send(struct policy *p, struct group *g, int priority, const char *reason)
{
	act_log(p, priority, "%s: gate closed (epoch %llu): %s", g->name,
		(unsigned long long)g->lease_epoch, reason);
	ha_out_add(out_begin(p, "close", g), "reason", reason);
	out_srptd(p);
	g->lease_epoch = 0;
}

void gate_close(struct policy *p, struct group *g, const char *reason)
{
	close_send(p, g, LOG_WARNING, reason);
}

void gate_end(struct policy *p, struct group *g)
{
	if (g->lease_epoch)
		close_send(p, g, LOG_NOTICE, "it is in standby");
}

static void gate_check(struct policy *p, struct group *g)
{
	char reason[REASON_MAX];

	if (deny(p, g, reason))
		gate_close(p, g, reason);
	else if (g->epoch != g->lease_epoch)
		gate_close(p, g, "a higher epoch has been claimed");
	else if (group_wanted(g) && g->holder != p->self)
		gate_close(p, g, "its epoch is no longer this node's");
	else if (p->now >= g->lease_until)
		gate_close(p, g, "the lease was not renewed in time");
}

void gates_check(struct policy *p)
{
	for_each_group(p, g) {
		if (!g->lease_epoch)
			continue;
		if (!group_wanted(g) && p->now >= g->lease_until)
			g->lease_epoch = 0;
		else
			gate_check(p, g);
	}
}

/* ---- opening ---- */

static void claim_send(struct policy *p, struct group *g)
{
	uint64_t above = g->epoch > g->above ? g->epoch : g->above;

	if (above < g->role_epoch)
		above = g->role_epoch;
	g->claiming = above + 1;
	g->claimed_at = p->now;
	ha_out_add_u64(out_begin(p, "claim", g), "epoch", g->claiming);
	out_multicast(p);
}

static void lease_send(struct policy *p, struct group *g)
{
	struct ha_out *o = out_begin(p, "lease", g);

	if (!g->lease_epoch)
		act_log(p, LOG_NOTICE, "%s: gate open with epoch %llu", g->name,
			(unsigned long long)g->epoch);
	g->lease_epoch = g->epoch;
	g->lease_at = p->now;
	g->lease_until = p->now + p->grace_ns;
	g->refused[0] = '\0';
	ha_out_add_u64(o, "epoch", g->lease_epoch);
	ha_out_add_u64(o, "at_ns", g->lease_at);
	ha_out_add_u64(o, "ms", p->grace_ns / NS_PER_MS);
	out_srptd(p);
}

static bool lease_is_due(const struct policy *p, const struct group *g)
{
	return !g->lease_epoch || p->now >= g->lease_at + p->grace_ns / 3;
}

static void refuse_send(struct policy *p, struct group *g, enum refusal code, const char *reason)
{
	char told[sizeof(g->refused)];
	struct ha_out *o;

	snprintf(told, sizeof(told), "%s %s", refusal_names[code], reason);
	if (!g->want || !strcmp(told, g->refused))
		return;
	memcpy(g->refused, told, sizeof(told));
	o = out_begin(p, "refuse", g);
	ha_out_add(o, "code", refusal_names[code]);
	ha_out_add(o, "reason", reason);
	out_srptd(p);
}

/* An epoch of ours that has not been used: after a gate was closed it is always the next. */
static bool epoch_is_ours(const struct policy *p, const struct group *g)
{
	return g->holder == p->self && g->epoch > g->above &&
	       (g->lease_epoch == g->epoch || g->epoch > g->used_epoch);
}

static bool disks_are_good(const struct drbd_resource *r)
{
	for (unsigned i = 0; i < r->disks.n; i++)
		if (r->disks.of[i].disk != DRBD_UPTODATE)
			return false;
	return r->disks.n && !r->incomplete;
}

/*
 * Pacemaker promotes DRBD beside us, and its agent takes its time. What that will do is done as
 * soon as it can be: in a planned move in the moment in which the other node has become Secondary,
 * which it does when it is told that this one waits; when the other node is lost at once, as
 * Pacemaker has had it fenced, which DRBD's handler makes sure of. A node that would be refused for
 * its configuration takes DRBD from nobody.
 */
static void drbd_hasten(struct policy *p, struct group *g)
{
	const struct drbd_resource *r = drbd_find(p, g->resource);

	if (!g->want || !g->hasten || parity_look(p) == PARITY_DIFFERS)
		return;
	if (!r || r->role != DRBD_SECONDARY || !disks_are_good(r))
		return;
	if (drbd_peers_secondary(r) || (!drbd_connected(r) && !p->n_members)) {
		g->hasten = false;
		act_drbd(p, g, POLICY_PRIMARY);
	} else if (drbd_connected(r) && !g->released) {
		g->released = true;
		out_begin(p, "release", g);
		out_multicast(p);
	}
}

static void gate_open(struct policy *p, struct group *g, char *reason)
{
	enum refusal r = deny(p, g, reason);

	if (!r && epoch_is_ours(p, g)) {
		reason[0] = '\0';
		if (lease_is_due(p, g))
			lease_send(p, g);
		g->used_epoch = g->epoch;
		return;
	}
	if (!r)
		r = claim_deny(p, g, reason);
	if (r == REFUSE_SECONDARY)
		drbd_hasten(p, g);
	if (r)
		refuse_send(p, g, r, reason);
	else if (!g->claiming || p->now >= g->claimed_at + CLAIM_AGAIN_NS)
		claim_send(p, g);
	if (!r)
		snprintf(reason, REASON_MAX, "epoch %llu is being claimed",
			 (unsigned long long)g->claiming);
}

static void gate_drain(struct policy *p, struct group *g)
{
	if (g->holder == p->self && g->epoch == g->lease_epoch && lease_is_due(p, g))
		lease_send(p, g);
}

static void members_pass_over(struct policy *p)
{
	for_each_member(p, m) {
		if (!m->since)
			m->since = p->now;
		if (m->greeted || m->passed_over || p->now < m->since + HELLO_WAIT_NS)
			continue;
		m->passed_over = true;
		act_log(p, LOG_WARNING, "the replicator of node %u says no hello: it is not waited "
			"for", m->node);
	}
}

/*
 * We were late by more than a lease lasts. What was agreed on before is not used: a claim made now
 * comes back only if we still are a member. And what runs beside us may have stood still as well.
 */
void gates_mistrust(struct policy *p)
{
	act_log(p, LOG_WARNING, "this process did not run for longer than a lease lasts");
	p->wait_until = p->now + STALE_WAIT_NS;
	p->leaver.node = 0;
	for_each_group(p, g) {
		g->used_epoch = g->epoch;
		g->claiming = 0;
	}
}

void gates_open(struct policy *p)
{
	if (p->now < p->wait_until)
		return;
	members_pass_over(p);
	for_each_group(p, g) {
		g->reason[0] = '\0';
		if (p->srptd_ready && group_wanted(g))
			gate_open(p, g, g->reason);
		else if (p->srptd_ready && group_drains(g))
			gate_drain(p, g);
	}
}

/* ---- time ---- */

/* What is due already waits for an event. */
static void due_at(const struct policy *p, uint64_t at, uint64_t *due)
{
	if (at > p->now && at < *due)
		*due = at;
}

uint64_t gates_deadline(const struct policy *p)
{
	uint64_t due = UINT64_MAX;

	due_at(p, p->wait_until, &due);
	for (const struct group *g = p->groups; g < p->groups + p->n_groups; g++) {
		if (g->lease_epoch)
			due_at(p, g->lease_until, &due);
		if (g->lease_epoch && (group_wanted(g) || group_drains(g)))
			due_at(p, g->lease_at + p->grace_ns / 3, &due);
		if (g->claiming)
			due_at(p, g->claimed_at + CLAIM_AGAIN_NS, &due);
		due_at(p, g->vacant_until, &due);
		if (g->health_now && g->health != g->health_now)
			due_at(p, g->health_since + HEALTH_SETTLE_NS, &due);
	}
	for (const struct member *m = p->members; m < p->members + p->n_members; m++)
		if (!m->greeted && !m->passed_over)
			due_at(p, m->since + HELLO_WAIT_NS, &due);
	return due;
}
