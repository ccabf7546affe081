/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases of the write gate, and the access states that follow from them and from the table. */
#include "ctl/ha_link.h"
#include "ctl/ha_priv.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/reactor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REOPEN_S 5u
#define STALE_S 20u /* without a lease: transitioning until then, unavailable from then on */

/* ---- access states ---- */

static enum alua_state table_state(const struct ha_group *g, uint16_t id, enum alua_state now)
{
	for (unsigned i = 0; i < g->n_table; i++)
		if (g->table[i].id == id)
			now = g->table[i].state;
	/* Never two: what of the others is active in the table is no more, or we are not. */
	return now == ALUA_OPTIMIZED && g->local == ALUA_OPTIMIZED ? ALUA_TRANSITIONING : now;
}

static bool table_of_ours(const struct ha_group *g, enum alua_state state, bool ours)
{
	const struct conf_target_group *local = conf_local_group(g->group->conf);
	uint16_t id = local ? local->group_id : 0;

	for (unsigned i = 0; i < g->n_table; i++)
		if ((g->table[i].id == id) == ours && g->table[i].state == state)
			return true;
	return false;
}

/* The table alone knows that this node, which only stands by, may be about to serve. */
static enum alua_state local_state(const struct ha_group *g)
{
	if (g->local == ALUA_STANDBY && table_of_ours(g, ALUA_TRANSITIONING, true))
		return ALUA_VACANT;
	return g->local;
}

/* The local target group is as we say, the others as the table says. */
static int publish(struct ha_group *g)
{
	const struct conf_device_group *c = g->group->conf;
	const struct conf_target_group *local = conf_local_group(c);
	struct alua_state_of s[ALUA_GROUPS_MAX];
	int rc;

	if (!g->group->alua)
		return 0;
	for (size_t i = 0; i < c->n_groups; i++) {
		const struct conf_target_group *tg = &c->groups[i];
		enum alua_state now = alua_group_state(g->group->alua, tg->group_id);

		s[i].id = tg->group_id;
		s[i].state = tg == local ? local_state(g) : table_state(g, tg->group_id, now);
	}
	rc = alua_group_set_states(g->group->alua, s, (unsigned)c->n_groups, false);
	if (rc)
		log_err("group %s: its access states cannot be published: %s", c->name,
			strerror(-rc));
	return rc;
}

int ha_set_local(struct ha_group *g, enum alua_state state)
{
	g->local = state;
	return publish(g);
}

void ha_tell(struct ha_group *g)
{
	ha_link_announce(ha_link_of(g), ha_name(g), g->local, g->epoch);
}

uint64_t ha_above(const struct ha_group *g)
{
	return g->epoch > g->table_epoch ? g->epoch : g->table_epoch;
}

/* ---- the gate ---- */

static void lease_timer(struct ha_group *g)
{
	uint64_t now = clock_now_ns();

	if (g->until_ns != HA_FOR_EVER)
		ha_timer_start(&g->lease, g->until_ns > now ? g->until_ns - now : 1);
}

void ha_gate_open(struct ha_group *g)
{
	alua_group_gate_open(g->group->alua, g->epoch, g->until_ns);
}

void ha_gate_shut(struct ha_group *g)
{
	g->gate = false;
	ha_timer_stop(&g->lease);
	if (g->group->alua)
		alua_group_gate_close(g->group->alua);
}

/* First nothing is acknowledged any more, then everybody hears of it. */
static void promoted_lost(struct ha_group *g, const char *reason)
{
	log_err("group %s: the write gate is closed: %s", ha_name(g), reason);
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	ha_run_drop(g);
	ha_set_local(g, ALUA_TRANSITIONING);
	ha_tell(g);
	ha_timer_start(&g->stale, STALE_S * HA_NS_PER_S);
}

static void gate_lost(struct ha_group *g, const char *reason)
{
	if (!g->gate)
		return;
	ha_gate_shut(g);
	if (g->role == HA_PROMOTED)
		promoted_lost(g, reason);
	else if (g->role == HA_PROMOTING)
		ha_run_fail(g, HA_GATE_CLOSED, "%s", reason);
}

static void lease_over(void *arg)
{
	struct ha_group *g = arg;

	if (clock_now_ns() < g->until_ns)
		lease_timer(g);
	else
		gate_lost(g, ha_link_connected(ha_link_of(g)) ?
			     "srp-replicatord has not renewed the lease" :
			     "srp-replicatord is not there and the lease is over");
}

/* DRBD is promoted at the same time, maybe. */
static void promote_unleased(struct ha_group *g)
{
	uint64_t now = clock_now_ns(), most = HA_LEASE_WAIT_S * HA_NS_PER_S;
	uint64_t left = g->primary_ns > now ? g->primary_ns - now : 0;

	if (g->refused == HA_NOT_PRIMARY && left)
		ha_timer_start(&g->stale, left < most ? left : most);
	else
		ha_run_fail(g, g->refused, "%s", g->reason);
}

/* A promote has no lease yet, or what was promoted has none any more. */
static void stale(void *arg)
{
	struct ha_group *g = arg;

	if (g->role == HA_PROMOTING) {
		promote_unleased(g);
	} else if (g->run.step) {
		ha_timer_start(&g->stale, HA_NS_PER_S);
	} else if (g->role == HA_PROMOTED && g->local == ALUA_TRANSITIONING) {
		log_err("group %s is unavailable: no lease for %u s", ha_name(g), STALE_S);
		ha_targets_go(g);
		ha_set_local(g, ALUA_UNAVAILABLE);
		ha_tell(g);
	}
}

void ha_gate_init(struct ha_group *g)
{
	ha_timer_init(&g->lease, g->ha->d->loop, lease_over, g);
	ha_timer_init(&g->stale, g->ha->d->loop, stale, g);
	g->local = ALUA_STANDBY;
	g->refused = HA_GATE_CLOSED;
}

void ha_gate_stop(struct ha_group *g)
{
	ha_timer_stop(&g->lease);
	ha_timer_stop(&g->stale);
}

/* ---- what the replicator says ---- */

static struct ha_group *find(struct daemon *d, const char *name)
{
	struct device_group *g = live_device_group_find(&d->live, name);

	return g ? g->ha : NULL;
}

static void lease_take(struct ha_group *g, uint64_t epoch, uint64_t until_ns)
{
	g->epoch = epoch;
	g->until_ns = until_ns;
	g->gate = true;
	lease_timer(g);
}

static void lease_renew(struct ha_group *g, uint64_t until_ns)
{
	g->until_ns = until_ns;
	lease_timer(g);
	if (g->local == ALUA_OPTIMIZED || g->role == HA_DEMOTING)
		ha_gate_open(g);
}

static bool reopen_allowed(const struct ha_group *g, uint64_t epoch)
{
	return epoch >= ha_above(g) && !g->overtaken && clock_now_ns() >= g->reopen_ns;
}

void ha_leased(struct daemon *d, const char *group, uint64_t epoch, uint64_t until_ns)
{
	struct ha_group *g = find(d, group);

	if (!g || ha_ungated(g) || epoch < g->epoch || !epoch || clock_now_ns() >= until_ns)
		return;
	/* What was admitted under another epoch is not answered under this one: it begins anew. */
	if (epoch != g->epoch)
		gate_lost(g, "the lease has another epoch");
	if (g->gate) {
		lease_renew(g, until_ns);
	} else if (ha_step_is(g, HA_PROMOTE, "gate") && epoch > g->wanted) {
		lease_take(g, epoch, until_ns);
		ha_timer_stop(&g->stale);
		ha_step_done(g);
	} else if (g->role == HA_PROMOTED && !g->run.step && reopen_allowed(g, epoch)) {
		lease_take(g, epoch, until_ns);
		ha_run_begin(g, HA_REOPEN, REOPEN_S);
	}
}

void ha_closed(struct daemon *d, const char *group, const char *reason)
{
	struct ha_group *g = find(d, group);

	if (g && !ha_ungated(g))
		gate_lost(g, reason);
}

void ha_refused(struct daemon *d, const char *group, enum ha_result why, const char *reason)
{
	struct ha_group *g = find(d, group);

	if (!g || !ha_step_is(g, HA_PROMOTE, "gate"))
		return;
	if (g->refused == HA_NOT_PRIMARY && why != g->refused)
		ha_timer_start(&g->stale, HA_LEASE_WAIT_S * HA_NS_PER_S);
	g->refused = why;
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	if (why == HA_PARITY)
		ha_run_fail(g, why, "%s", reason);
}

static void table_keep(struct ha_group *g, uint64_t epoch, const struct ha_state *states,
		       unsigned n)
{
	g->table_epoch = epoch;
	g->n_table = n < ALUA_GROUPS_MAX ? n : ALUA_GROUPS_MAX;
	if (g->n_table)
		memcpy(g->table, states, g->n_table * sizeof(*states));
}

/* The states of all have been agreed on, ours among them: the gate first, so none is refused. */
void ha_activate(struct ha_group *g)
{
	ha_gate_open(g);
	ha_health_serving(g);
	if (ha_set_local(g, ALUA_OPTIMIZED)) {
		ha_run_fail(g, HA_FAILED, "no memory for the access states");
		return;
	}
	ha_targets_come(g);
	ha_step_done(g);
}

/* Nobody tells its end any more. */
void ha_table_lost(struct ha_group *g)
{
	g->n_table = 0;
	publish(g);
}

void ha_table(struct daemon *d, const char *group, uint64_t epoch, const struct ha_state *states,
	      unsigned n)
{
	struct ha_group *g = find(d, group);
	bool publishing, others;

	if (!g)
		return;
	table_keep(g, epoch, states, n);
	publishing = g->run.step && !strcmp(g->run.step->name, "publish") &&
		     (g->run.kind == HA_PROMOTE || g->run.kind == HA_REOPEN);
	others = table_of_ours(g, ALUA_OPTIMIZED, false);
	if (others && g->role == HA_PROMOTED && !ha_ungated(g)) {
		g->overtaken = true;
		gate_lost(g, "another node is active: demote this one");
	}
	if (publishing && !others && epoch == g->epoch && table_of_ours(g, ALUA_OPTIMIZED, true))
		ha_activate(g);
	else
		publish(g);
}
