/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device groups of a cluster: their roles, and promote and demote. */
#include "base/bytes.h"
#include "base/reactor.h"
#include "ctl/alua_names.h"
#include "ctl/ha_link.h"
#include "ctl/ha_priv.h"
#include "ctl/ops.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 3600u

/* ---- which groups ---- */

/* NULL: all are meant. An empty name stands for none, before SECONDS. */
static const char *group_named(const struct ops *o)
{
	return o->call.argc > 1 && *o->call.argv[1] ? o->call.argv[1] : NULL;
}

/* The next of those that are meant, from @at (NULL: the first); NULL: no more. */
static struct device_group *next_group(const struct ops *o, struct list_node **at)
{
	const char *name = group_named(o);
	struct list_node *end = &o->d->live.device_groups;

	for (*at = *at ? (*at)->next : end->next; *at != end; *at = (*at)->next) {
		struct device_group *g = container_of(*at, struct device_group, link);

		if (!g->leaving && conf_group_clustered(g->conf) &&
		    (!name || g == live_device_group_find(&o->d->live, name)))
			return g;
	}
	return NULL;
}

static unsigned count_groups(const struct ops *o)
{
	struct list_node *at = NULL;
	unsigned n = 0;

	while (next_group(o, &at))
		n++;
	return n;
}

/* False: the group that is named is none of a cluster; the command has ended. */
static bool group_known(struct ops *o)
{
	const char *name = group_named(o);

	if (!name || count_groups(o))
		return true;
	o->reply.status = OPS_NO_GROUP;
	if (live_device_group_find(&o->d->live, name))
		ops_fail(o, "device group %s is no cluster's: it has no drbd_resource", name);
	else
		ops_fail(o, "there is no device group %s; srptctl role lists those of the cluster",
			 name);
	return false;
}

/* ---- role ---- */

static const struct column role_columns[] = {
	{ "device_group", "DEVICE GROUP", COLUMN_TEXT },
	{ "role", "ROLE", COLUMN_TEXT },
	{ "epoch", "EPOCH", COLUMN_NUMBER },
	{ "gate", "GATE", COLUMN_TEXT },
	{ "lease_ms", "LEASE (ms)", COLUMN_NUMBER },
	{ "local_group", "LOCAL", COLUMN_TEXT },
	{ "local_id", NULL, COLUMN_NUMBER },
	{ "local_state", "STATE", COLUMN_TEXT },
	{ "drbd_resource", "RESOURCE", COLUMN_TEXT },
	{ "state_volume", NULL, COLUMN_TEXT },
	{ "replicator", "REPLICATOR", COLUMN_BOOL },
	{ "step", NULL, COLUMN_TEXT },
	{ "promote_result", NULL, COLUMN_NUMBER },
	{ "promote_us", NULL, COLUMN_NUMBER },
	{ "demote_result", NULL, COLUMN_NUMBER },
	{ "demote_us", NULL, COLUMN_NUMBER },
	{ "reason", "REASON", COLUMN_TEXT },
};

static const struct column step_columns[] = {
	{ "device_group", "DEVICE GROUP", COLUMN_TEXT },
	{ "operation", "LAST", COLUMN_TEXT },
	{ "step", "STEP", COLUMN_TEXT },
	{ "us", "TIME (us)", COLUMN_NUMBER },
};

static void lease_cell(struct report *r, const struct ha_group *g)
{
	uint64_t now = clock_now_ns();

	if (!g->gate || g->until_ns == HA_FOR_EVER)
		report_text(r, NULL);
	else
		report_uint(r, g->until_ns > now ? (g->until_ns - now) / HA_NS_PER_MS : 0);
}

static void record_cells(struct report *r, const struct ha_record *rec)
{
	if (rec->valid) {
		report_uint(r, rec->result);
		report_uint(r, rec->total_us);
	} else {
		report_text(r, NULL);
		report_text(r, NULL);
	}
}

static void role_row(struct report *r, const struct device_group *group)
{
	const struct conf_target_group *local = conf_local_group(group->conf);
	const struct ha_group *g = group->ha;

	report_text(r, group->conf->name);
	report_text(r, ha_role_name(g->role));
	report_uint(r, g->epoch);
	report_text(r, g->gate && clock_now_ns() < g->until_ns ? "open" : "closed");
	lease_cell(r, g);
	report_text(r, local ? local->name : NULL);
	report_uint(r, local ? local->group_id : 0);
	report_text(r, local && group->alua ?
		    alua_state_name(alua_group_state(group->alua, local->group_id)) : NULL);
	report_text(r, group->conf->drbd_resource);
	report_text(r, group->conf->state_volume);
	report_bool(r, ha_link_connected(ha_link_of(g)));
	report_text(r, g->run.step ? g->run.step->name : NULL);
	record_cells(r, &g->last[HA_PROMOTE]);
	record_cells(r, &g->last[HA_DEMOTE]);
	report_text(r, g->reason[0] ? g->reason : NULL);
}

static void step_rows(struct report *r, const struct ha_group *g, enum ha_kind kind)
{
	const struct ha_step *steps = kind == HA_PROMOTE ? ha_promote_steps : ha_demote_steps;
	const struct ha_record *rec = &g->last[kind];

	for (unsigned i = 0; rec->valid && i < rec->n; i++) {
		report_text(r, ha_name(g));
		report_text(r, kind == HA_PROMOTE ? "promote" : "demote");
		report_text(r, steps[i].name);
		report_uint(r, rec->us[i]);
	}
}

static void roles_fill(const struct ops *o, struct report *r)
{
	struct device_group *g;
	struct list_node *at = NULL;

	REPORT_BEGIN(r, "groups", REPORT_TABLE, role_columns);
	while ((g = next_group(o, &at)))
		if (g->ha)
			role_row(r, g);
	REPORT_BEGIN(r, "steps", REPORT_TABLE, step_columns);
	for (at = NULL; (g = next_group(o, &at));) {
		if (!g->ha)
			continue;
		step_rows(r, g->ha, HA_PROMOTE);
		step_rows(r, g->ha, HA_DEMOTE);
	}
}

void ops_role(struct ops *o)
{
	struct report r = { 0 };

	if (!group_known(o))
		return;
	roles_fill(o, &r);
	ops_finish_report(o, &r);
}

/* ---- monitor ---- */

/* What matters more of two groups. */
static enum ha_health worse(enum ha_health a, enum ha_health b)
{
	static const int weight[] = {
		[HA_RUNNING] = 0, [HA_SERVING] = 1, [HA_SICK] = 2, [HA_NOT_SERVING] = 3,
	};

	return weight[a] >= weight[b] ? a : b;
}

void ops_monitor(struct ops *o)
{
	enum ha_health health = HA_RUNNING;
	struct device_group *g;
	struct list_node *at = NULL;

	if (!group_known(o))
		return;
	while ((g = next_group(o, &at))) {
		char why[HA_REASON_MAX];

		health = worse(health, ha_monitor(g, why, sizeof(why)));
		if (why[0])
			text_printf(&o->reply.out, "%s: %s\n", g->conf->name, why);
	}
	o->reply.status = (enum ops_status)health;
	ops_finish(o);
}

/* ---- promote and demote ---- */

struct role_call {
	struct ops *o;
	bool promote;
	unsigned pending;
	struct role_wait {
		struct ha_waiter waiter;
		struct role_call *call;
		struct device_group *g;
	} waits[];
};

/* As in the log. */
static void times_print(struct text *out, const struct ha_group *g, enum ha_kind kind)
{
	const struct ha_step *steps = kind == HA_PROMOTE ? ha_promote_steps : ha_demote_steps;
	const struct ha_record *rec = &g->last[kind];

	text_printf(out, "%s: %s, epoch %" PRIu64, ha_name(g), ha_role_name(g->role), g->epoch);
	for (unsigned i = 0; rec->valid && i < rec->n; i++)
		text_printf(out, "%s %s %" PRIu64 ".%" PRIu64 " ms", i ? "," : ":", steps[i].name,
			    rec->us[i] / 1000, rec->us[i] / 100 % 10);
	text_putc(out, '\n');
}

static void call_end(struct role_call *c)
{
	struct ops *o = c->o;
	struct report r = { 0 };

	free(c);
	if (!o->call.json) {
		ops_finish(o);
		return;
	}
	roles_fill(o, &r);
	ops_finish_report(o, &r);
}

static void call_put(struct role_call *c)
{
	if (!--c->pending)
		call_end(c);
}

static void group_over(struct ha_waiter *waiter, enum ha_result result, const char *reason)
{
	struct role_wait *w = container_of(waiter, struct role_wait, waiter);
	struct ops *o = w->call->o;

	if (result != HA_DONE) {
		text_printf(&o->reply.err, "device group %s: %s\n", w->g->conf->name, reason);
		if (o->reply.status == OPS_DONE)
			o->reply.status = (enum ops_status)result;
	} else if (!o->call.json && w->g->ha) {
		times_print(&o->reply.out, w->g->ha, w->call->promote ? HA_PROMOTE : HA_DEMOTE);
	}
	call_put(w->call);
}

/* The word @at, if there is one. False: the command has ended. */
static bool seconds_parse(struct ops *o, int at, unsigned *seconds)
{
	const char *text = o->call.argc > at ? o->call.argv[at] : NULL;
	unsigned long n;
	char *end;

	if (!text)
		return true;
	n = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && n && n <= SECONDS_MAX) {
		*seconds = (unsigned)n;
		return true;
	}
	o->reply.status = OPS_USAGE;
	ops_fail(o, "%s is no number of seconds from 1 to %u", text, SECONDS_MAX);
	return false;
}

static void role_change(struct ops *o, bool promote, unsigned seconds)
{
	struct device_group *g;
	struct list_node *at = NULL;
	struct role_call *c;
	unsigned n, drbd_wait = 0;

	if (!seconds_parse(o, 2, &seconds) || !seconds_parse(o, 3, &drbd_wait) || !group_known(o))
		return;
	n = count_groups(o);
	if (!n && promote) {
		o->reply.status = OPS_NO_GROUP;
		ops_fail(o, "no device group is a cluster's: none has a drbd_resource");
		return;
	}
	c = calloc(1, sizeof(*c) + n * sizeof(c->waits[0]));
	if (!c) {
		ops_fail(o, "no memory");
		return;
	}
	c->o = o;
	c->promote = promote;
	c->pending = n + 1;
	for (n = 0; (g = next_group(o, &at)); n++) {
		struct role_wait *w = &c->waits[n];

		*w = (struct role_wait){ .waiter = { .done = group_over }, .call = c, .g = g };
		if (promote)
			ha_promote(g, seconds, drbd_wait, &w->waiter);
		else
			ha_demote(g, seconds, &w->waiter);
	}
	call_put(c);
}

void ops_promote(struct ops *o)
{
	role_change(o, true, HA_PROMOTE_S);
}

void ops_demote(struct ops *o)
{
	role_change(o, false, HA_DEMOTE_S);
}
