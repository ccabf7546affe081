/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device groups: listing them, and setting the state of a target group. */
#include "base/bytes.h"
#include "base/log.h"
#include "ctl/alua_names.h"
#include "ctl/ops.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- listing ---- */

static const struct column group_columns[] = {
	{ "device_group", "DEVICE GROUP", COLUMN_TEXT },
	{ "lu_group_id", "LU GROUP", COLUMN_NUMBER },
	{ "transition_time", "TRANSITION (s)", COLUMN_NUMBER },
	{ "devices", "DEVICES", COLUMN_NUMBER },
	{ "target_groups", "TARGET GROUPS", COLUMN_NUMBER },
	{ "error", "ERROR", COLUMN_TEXT },
};

static const struct column target_group_columns[] = {
	{ "device_group", "DEVICE GROUP", COLUMN_TEXT },
	{ "target_group", "TARGET GROUP", COLUMN_TEXT },
	{ "group_id", "ID", COLUMN_NUMBER },
	{ "state", "STATE", COLUMN_TEXT },
	{ "configured_state", "CONFIGURED", COLUMN_TEXT },
	{ "preferred", "PREFERRED", COLUMN_BOOL },
};

static const struct column port_columns[] = {
	{ "device_group", "DEVICE GROUP", COLUMN_TEXT },
	{ "target_group", "TARGET GROUP", COLUMN_TEXT },
	{ "target", "TARGET", COLUMN_TEXT },
	{ "rel_tgt_id", "REL ID", COLUMN_NUMBER },
	{ "local", "LOCAL", COLUMN_BOOL },
};

static const struct column member_columns[] = {
	{ "device_group", "DEVICE GROUP", COLUMN_TEXT },
	{ "device", "DEVICE", COLUMN_TEXT },
	{ "state", "STATE", COLUMN_TEXT },
};

static const char *current_state(const struct device_group *g, const struct conf_target_group *tg)
{
	return g->alua ? alua_state_name(alua_group_state(g->alua, tg->group_id)) : NULL;
}

static void group_section(struct report *r, const struct live *live)
{
	const struct device_group *g;

	REPORT_BEGIN(r, "device_groups", REPORT_TABLE, group_columns);
	list_for_each(g, &live->device_groups, link) {
		report_text(r, g->conf->name);
		if (g->conf->lu_group_id)
			report_uint(r, g->conf->lu_group_id);
		else
			report_text(r, NULL);
		report_uint(r, g->conf->transition_time);
		report_uint(r, g->conf->n_devices);
		report_uint(r, g->conf->n_groups);
		report_text(r, g->error[0] ? g->error : NULL);
	}
}

static void target_group_section(struct report *r, const struct live *live)
{
	const struct device_group *g;

	REPORT_BEGIN(r, "target_groups", REPORT_TABLE, target_group_columns);
	list_for_each(g, &live->device_groups, link) {
		for (size_t i = 0; i < g->conf->n_groups; i++) {
			const struct conf_target_group *tg = &g->conf->groups[i];

			report_text(r, g->conf->name);
			report_text(r, tg->name);
			report_uint(r, tg->group_id);
			report_text(r, current_state(g, tg));
			report_text(r, conf_alua_state_name(tg->state));
			report_bool(r, tg->preferred);
		}
	}
}

static void port_rows(struct report *r, const struct conf_device_group *dg,
		      const struct conf_target_group *tg)
{
	for (size_t i = 0; i < tg->n_targets; i++) {
		report_text(r, dg->name);
		report_text(r, tg->name);
		report_text(r, tg->targets[i].name);
		report_uint(r, tg->targets[i].rel_tgt_id);
		report_bool(r, tg->targets[i].target != NULL);
	}
}

static void port_section(struct report *r, const struct live *live)
{
	const struct device_group *g;

	REPORT_BEGIN(r, "ports", REPORT_TABLE, port_columns);
	list_for_each(g, &live->device_groups, link)
		for (size_t i = 0; i < g->conf->n_groups; i++)
			port_rows(r, g->conf, &g->conf->groups[i]);
}

static void member_section(struct report *r, const struct live *live)
{
	const struct device_group *g;

	REPORT_BEGIN(r, "devices", REPORT_TABLE, member_columns);
	list_for_each(g, &live->device_groups, link) {
		for (size_t i = 0; i < g->conf->n_devices; i++) {
			const struct device *d = live_device(live, g->conf->devices[i].dev);

			report_text(r, g->conf->name);
			report_text(r, g->conf->devices[i].name);
			report_text(r, device_state_name(d ? d->state : DEVICE_FAILED));
		}
	}
}

void ops_groups(struct ops *o)
{
	const struct live *live = &o->d->live;
	struct report r = { 0 };

	group_section(&r, live);
	target_group_section(&r, live);
	port_section(&r, live);
	member_section(&r, live);
	ops_finish_report(o, &r);
}

/* ---- setting a state ---- */

/* What the command names; the group by itself, or in its device group as "DEVICE_GROUP/GROUP". */
struct choice {
	struct device_group *g;
	const struct conf_target_group *tg;
	unsigned found;
};

static bool name_is(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && !strncasecmp(name, text, len);
}

static struct choice choose(const struct live *live, const char *text)
{
	const char *slash = strchr(text, '/'), *last = slash ? slash + 1 : text;
	struct choice c = { 0 };
	struct device_group *g;

	list_for_each(g, &live->device_groups, link) {
		const struct conf_target_group *tg = conf_target_group_find(g->conf, last);

		if (!tg || g->leaving)
			continue;
		if (slash && !name_is(g->conf->name, text, (size_t)(slash - text)))
			continue;
		c = (struct choice){ g, tg, c.found + 1 };
	}
	return c;
}

static void state_names(char *buf, size_t size)
{
	size_t len = 0;

	for (int s = 0; s < CONF_ALUA_STATES; s++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", s ? ", " : "",
					conf_alua_state_name((enum conf_alua_state)s));
}

static void bad_state(struct ops *o)
{
	char names[128];

	state_names(names, sizeof(names));
	o->reply.status = OPS_USAGE;
	ops_fail(o, "%s is no state: allowed are %s", o->call.argv[2], names);
}

static void set_state(struct ops *o, const struct choice *c, enum alua_state state, bool failed)
{
	const char *before = current_state(c->g, c->tg);
	int rc = c->g->alua ? alua_group_set_state(c->g->alua, c->tg->group_id, state, failed) :
			      -ENODEV;

	if (rc) {
		ops_fail(o, "target group %s/%s: %s", c->g->conf->name, c->tg->name,
			 c->g->error[0] ? c->g->error : strerror(-rc));
		return;
	}
	log_notice("target group %s/%s is %s on request, was %s%s", c->g->conf->name, c->tg->name,
		   alua_state_name(state), before, failed ? ": a transition failed" : "");
	ops_finish(o);
}

/* Not in turn with reloads: a failover must not wait for a disk that hangs. */
void ops_set_state(struct ops *o)
{
	const char *group = o->call.argv[1];
	const struct choice c = choose(&o->d->live, group);
	bool failed = o->call.argc > 3;
	enum alua_state state;

	if (!alua_state_parse(o->call.argv[2], &state)) {
		bad_state(o);
	} else if (failed && strcmp(o->call.argv[3], "failed")) {
		o->reply.status = OPS_USAGE;
		ops_fail(o, "%s is not understood: only \"failed\" may follow the state",
			 o->call.argv[3]);
	} else if (!c.found) {
		ops_fail(o, "there is no target group %s; srptctl groups lists them", group);
	} else if (c.found > 1) {
		ops_fail(o, "%u device groups have a target group %s: name it as %s/%s", c.found,
			 group, c.g->conf->name, c.tg->name);
	} else if (conf_group_clustered(c.g->conf)) {
		ops_fail(o, "the access states of device group %s are the cluster's to set (it has "
			 "a drbd_resource): srptctl promote and demote change them",
			 c.g->conf->name);
	} else {
		set_state(o, &c, state, failed);
	}
}
