/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/policy.h"

#include "base/bytes.h"
#include "replicator/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct policy *policy_new(const char *name)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (p)
		snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

void policy_free(struct policy *p)
{
	if (p)
		parity_free(p);
	free(p);
}

/* ---- events ---- */

static void on_now(struct policy *p, const struct policy_event *e)
{
	uint64_t due = gates_deadline(p);
	bool late = p->timed && p->grace_ns && e->ns > due && e->ns - due > p->grace_ns;

	if (e->ns > p->now)
		p->now = e->ns;
	p->timed = true;
	gates_check(p);
	if (late)
		gates_mistrust(p);
	gates_open(p);
	fencing_check(p);
	health_publish(p);
}

static void on_stored(struct policy *p, const struct policy_event *e)
{
	struct group *g = group_get(p, e->group);

	if (g && e->epoch <= EPOCH_MAX && e->epoch > g->epoch)
		g->epoch = e->epoch;
}

static void on_membership(struct policy *p, const struct policy_event *e)
{
	membership_apply(p, e->node, e->nodes, e->n_nodes);
}

static void on_delivered(struct policy *p, const struct policy_event *e)
{
	delivered(p, e->node, e->msg);
}

static void on_quorum(struct policy *p, const struct policy_event *e)
{
	if (p->quorum != e->yes)
		act_log(p, LOG_NOTICE, "the cluster has %s", e->yes ? "quorum" : "no quorum");
	p->quorum = e->yes;
	cluster_apply(p, e->nodes, e->n_nodes);
}

static void on_srptd_up(struct policy *p, const struct policy_event *e)
{
	(void)e;
	p->srptd_up = true;
	p->grace_ns = 0;
}

static void on_srptd_down(struct policy *p, const struct policy_event *e)
{
	(void)e;
	if (p->srptd_up)
		srptd_went(p);
}

static void on_srptd(struct policy *p, const struct policy_event *e)
{
	srptd_message(p, e->msg);
}

static void on_drbd(struct policy *p, const struct policy_event *e)
{
	drbd_event_apply(p, e->drbd);
	resumes_check(p);
}

static void on_drbd_down(struct policy *p, const struct policy_event *e)
{
	(void)e;
	drbd_forget(p);
}

static void (*const handlers[POLICY_EVENT_TYPES])(struct policy *, const struct policy_event *) = {
	[POLICY_NOW] = on_now,
	[POLICY_STORED] = on_stored,
	[POLICY_MEMBERSHIP] = on_membership,
	[POLICY_DELIVERED] = on_delivered,
	[POLICY_QUORUM] = on_quorum,
	[POLICY_SRPTD_UP] = on_srptd_up,
	[POLICY_SRPTD_DOWN] = on_srptd_down,
	[POLICY_SRPTD] = on_srptd,
	[POLICY_DRBD] = on_drbd,
	[POLICY_DRBD_DOWN] = on_drbd_down,
};

void policy_event(struct policy *p, const struct policy_event *e, const struct policy_sink *to)
{
	p->to = to;
	handlers[e->type](p, e);
	gates_check(p);
	vacancies_end(p);
	tables_send(p);
	fencing_prepare(p);
	p->to = NULL;
}

uint64_t policy_deadline(const struct policy *p)
{
	return gates_deadline(p);
}

/* ---- status ---- */

unsigned policy_groups(const struct policy *p)
{
	return p->n_groups;
}

void policy_group_status(struct policy *p, unsigned i, struct policy_status *s)
{
	struct group *g = &p->groups[i];

	states_format(p, g, g->states_text, sizeof(g->states_text));
	*s = (struct policy_status){
		.present = g->present,
		.group = g->name,
		.resource = g->resource,
		.srptd_role = role_name(g->role),
		.epoch = g->epoch,
		.holder = g->holder,
		.gate_open = g->lease_epoch != 0,
		.reason = g->reason,
		.health = g->health_now ? g->health_now : "unknown",
		.score = g->score,
		.states = g->states_text,
	};
}

void policy_summary(const struct policy *p, struct policy_summary *s)
{
	static const char *const views[] = { "unknown", "alone", "equal", "differs" };

	*s = (struct policy_summary){
		.srptd = p->srptd_ready,
		.drbd = p->drbd_ready,
		.quorum = p->quorum,
		.n_members = p->n_members,
		.parity = views[parity_look(p)],
		.parity_key = p->parity.key ? p->parity.key : "",
		.ports_up = (unsigned)p->ports_up,
		.ports_down = (unsigned)p->ports_down,
	};
	for (unsigned i = 0; i < p->n_members; i++)
		s->members[i] = p->members[i].node;
}
