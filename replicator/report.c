/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `srp-replicator status`. */
#include "replicator/daemon.h"
#include "base/bytes.h"
#include "ctl/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct column summary_columns[] = {
	{ "node", "node", COLUMN_TEXT },
	{ "srptd", "srptd", COLUMN_TEXT },
	{ "drbd", "DRBD", COLUMN_TEXT },
	{ "quorum", "quorum", COLUMN_BOOL },
	{ "members", "nodes", COLUMN_TEXT },
	{ "parity", "configurations", COLUMN_TEXT },
	{ "parity_key", "first difference", COLUMN_TEXT },
	{ "ports_up", "RDMA ports up", COLUMN_NUMBER },
	{ "ports_down", "RDMA ports down", COLUMN_NUMBER },
	{ "well", NULL, COLUMN_BOOL },
};

static const struct column group_columns[] = {
	{ "group", "GROUP", COLUMN_TEXT },
	{ "resource", "DRBD RESOURCE", COLUMN_TEXT },
	{ "role", "ROLE", COLUMN_TEXT },
	{ "gate", "GATE", COLUMN_TEXT },
	{ "epoch", "EPOCH", COLUMN_NUMBER },
	{ "holder", "NODE", COLUMN_NUMBER },
	{ "states", "STATES", COLUMN_TEXT },
	{ "health", "HEALTH", COLUMN_TEXT },
	{ "score", "SCORE", COLUMN_NUMBER },
	{ "reason", "REASON", COLUMN_TEXT },
};

static const struct column attribute_columns[] = {
	{ "attribute", "ATTRIBUTE", COLUMN_TEXT },
	{ "value", "VALUE", COLUMN_TEXT },
	{ "published", "PUBLISHED", COLUMN_BOOL },
};

static const struct column resource_columns[] = {
	{ "resource", "RESOURCE", COLUMN_TEXT },
	{ "group", "GROUP", COLUMN_TEXT },
};

static void members_text(const struct policy_summary *s, char *text, size_t size)
{
	size_t len = 0;

	text[0] = 0;
	for (unsigned i = 0; i < s->n_members && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%" PRIu32, i ? "," : "",
					s->members[i]);
}

static void text_or_none(struct report *r, const char *text)
{
	report_text(r, text && *text ? text : NULL);
}

static bool summary_well(const struct policy_summary *s)
{
	return s->srptd && s->drbd && s->quorum && !strcmp(s->parity, "equal");
}

static bool group_well(const struct policy_status *s)
{
	return !*s->reason && s->health && !strcmp(s->health, "ok");
}

static bool all_well(const struct replicator *r, const struct policy_summary *sum)
{
	bool well = summary_well(sum);

	for (unsigned i = 0; i < policy_groups(r->policy); i++) {
		struct policy_status s;

		policy_group_status(r->policy, i, &s);
		well = well && group_well(&s);
	}
	return well;
}

static void summary_add(struct report *out, const struct replicator *r,
			const struct policy_summary *s, bool well)
{
	char members[POLICY_MEMBERS * 12];

	members_text(s, members, sizeof(members));
	REPORT_BEGIN(out, "replicator", REPORT_RECORD, summary_columns);
	report_text(out, r->settings->node);
	report_text(out, s->srptd ? "connected" : "not connected");
	report_text(out, s->drbd ? "known" : "not known");
	report_bool(out, s->quorum);
	text_or_none(out, members);
	report_text(out, s->parity);
	text_or_none(out, s->parity_key);
	report_uint(out, s->ports_up);
	report_uint(out, s->ports_down);
	report_bool(out, well);
}

static void group_add(struct report *out, const struct policy_status *s)
{
	report_text(out, s->group);
	text_or_none(out, s->resource);
	report_text(out, s->srptd_role);
	report_text(out, s->gate_open ? "open" : "closed");
	report_uint(out, s->epoch);
	if (s->holder)
		report_uint(out, s->holder);
	else
		report_text(out, NULL);
	text_or_none(out, s->states);
	text_or_none(out, s->health);
	if (s->score >= 0)
		report_uint(out, (uint64_t)s->score);
	else
		report_text(out, NULL);
	text_or_none(out, s->reason);
}

static void attribute_add(void *arg, const char *name, const char *value, bool sent)
{
	report_text(arg, name);
	report_text(arg, value);
	report_bool(arg, sent);
}

bool status_report(const struct replicator *r, bool json, struct text *out)
{
	struct report rep = { 0 };
	struct policy_summary sum;
	struct policy_status s;
	bool well;

	policy_summary(r->policy, &sum);
	well = all_well(r, &sum);
	summary_add(&rep, r, &sum, well);
	REPORT_BEGIN(&rep, "groups", REPORT_TABLE, group_columns);
	for (unsigned i = 0; i < policy_groups(r->policy); i++) {
		policy_group_status(r->policy, i, &s);
		group_add(&rep, &s);
	}
	REPORT_BEGIN(&rep, "resources", REPORT_TABLE, resource_columns);
	for (unsigned i = 0; i < r->resources.n; i++) {
		report_text(&rep, r->resources.all[i].name);
		text_or_none(&rep, r->resources.all[i].group);
	}
	REPORT_BEGIN(&rep, "attributes", REPORT_TABLE, attribute_columns);
	attributes_list(r->attributes, attribute_add, &rep);
	if (!report_print(&rep, json, out))
		out->failed = true;
	report_free(&rep);
	return well;
}
