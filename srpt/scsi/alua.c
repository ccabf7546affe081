/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/alua.h"

#include "base/log.h"
#include "scsi/access.h"
#include "scsi/device.h"
#include "scsi/drain.h"
#include "scsi/gate.h"
#include "scsi/nexus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull

/* A device group. Control thread, but for the gate. */
struct alua_group {
	struct scsi_device *device;
	struct alua_table *table; /* that of every LU in it */
	struct list_node lus;     /* alua_member.link */
	bool gated;
	struct write_gate gate;
	struct {
		unsigned left; /* LUs that are not yet drained, and the message */
		bool posted;   /* the message is on its way */
		struct msg msg;
		void (*done)(void *arg); /* NULL: nobody waits */
		void *arg;
	} drain;
};

/* ---- tables ---- */

static void table_free(struct alua_table *t)
{
	scsi_call_free(t->retire);
	free(t->dead);
	free(t);
}

static void table_left(struct reactor *r, void *arg, struct countdown *c)
{
	(void)r;
	(void)arg;
	countdown_put(c);
}

static void table_retired(void *arg)
{
	table_free(arg);
}

static void table_retire(struct alua_table *t)
{
	scsi_call_run(t->retire, table_left, table_retired, t);
}

const struct alua_entry *alua_find_port(const struct alua_table *t, uint16_t rel_tgt_id)
{
	for (unsigned i = 0; t && i < t->n_groups; i++)
		for (unsigned p = 0; p < t->groups[i].n_ports; p++)
			if (t->groups[i].ports[p] == rel_tgt_id)
				return &t->groups[i];
	return NULL;
}

static struct alua_entry *table_find(struct alua_table *t, uint16_t id)
{
	for (unsigned i = 0; i < t->n_groups; i++)
		if (t->groups[i].id == id)
			return &t->groups[i];
	return NULL;
}

static bool params_valid(const struct alua_params *p)
{
	if (p->n_groups > ALUA_GROUPS_MAX)
		return false;
	for (unsigned i = 0; i < p->n_groups; i++) {
		const struct alua_target_group *g = &p->groups[i];

		if (!g->id || !g->n_ports || g->n_ports > ALUA_PORTS_MAX)
			return false;
		for (unsigned j = 0; j < i; j++)
			if (p->groups[j].id == g->id)
				return false;
	}
	return true;
}

static void table_fill(struct alua_table *t, const struct alua_params *p, uint16_t *ports)
{
	for (unsigned i = 0; i < p->n_groups; i++) {
		const struct alua_target_group *g = &p->groups[i];

		t->groups[i] = (struct alua_entry){
			.id = g->id, .preferred = g->preferred, .state = g->state,
			.n_ports = g->n_ports, .ports = ports,
		};
		memcpy(ports, g->ports, g->n_ports * sizeof(*ports));
		ports += g->n_ports;
	}
}

/* The ports are behind the groups, in the same piece of memory. */
static struct alua_table *table_create(struct scsi_device *d, const struct alua_params *p)
{
	size_t size = sizeof(struct alua_table) + p->n_groups * sizeof(struct alua_entry);
	struct alua_table *t;
	size_t ports = 0;

	for (unsigned i = 0; i < p->n_groups; i++)
		ports += p->groups[i].n_ports;
	t = calloc(1, size + ports * sizeof(uint16_t));
	if (!t)
		return NULL;
	t->retire = scsi_call_alloc(d->group);
	if (!t->retire) {
		free(t);
		return NULL;
	}
	t->lu_group = p->lu_group;
	t->transition_time = p->transition_time;
	t->n_groups = p->n_groups;
	table_fill(t, p, (uint16_t *)(void *)((char *)t + size));
	return t;
}

/* ---- what differs ---- */

/* The group is the same for INQUIRY: its number and its ports. */
static bool entry_same_ports(const struct alua_entry *a, const struct alua_entry *b)
{
	return a->id == b->id && a->n_ports == b->n_ports &&
	       !memcmp(a->ports, b->ports, a->n_ports * sizeof(*a->ports));
}

static bool any_active(const struct alua_table *t)
{
	for (unsigned i = 0; i < t->n_groups; i++)
		if (t->groups[i].state == ALUA_OPTIMIZED || t->groups[i].state == ALUA_NONOPTIMIZED)
			return true;
	return false;
}

bool alua_is_awaited(const struct lu *lu, uint64_t now_ns)
{
	const struct alua_table *t = alua_table(lu);

	return t && t->vacant_ns && now_ns < t->vacant_ns + t->transition_time * NS_PER_S;
}

static bool in_transition(const struct alua_entry *e)
{
	return e->state == ALUA_TRANSITIONING || e->state == ALUA_VACANT;
}

/*
 * Nothing is told of the beginning of a transition: commands are refused with 02/04/0A,
 * which says as much, and its end is told. In a cluster nothing of a group that is unavailable
 * either: that is when its node is lost. Writes wait for that node then, and Linux, after a unit
 * attention, sends nothing to a disk, no path check either, before what it has sent is answered.
 */
static bool entry_same_access(const struct alua_entry *a, const struct alua_entry *b, bool gated)
{
	return a->preferred == b->preferred &&
	       (a->state == b->state || in_transition(b) ||
		(gated && b->state == ALUA_UNAVAILABLE));
}

/* The unit attentions that tell initiators what is new in @b. */
static unsigned table_news(const struct alua_table *a, const struct alua_table *b, bool gated)
{
	unsigned news = a->lu_group == b->lu_group ? 0 : UA_BIT(UA_INQUIRY_CHANGED);

	if (a->n_groups != b->n_groups)
		return UA_BIT(UA_INQUIRY_CHANGED) | UA_BIT(UA_ALUA_CHANGED);
	for (unsigned i = 0; i < a->n_groups; i++) {
		if (!entry_same_ports(&a->groups[i], &b->groups[i]))
			news |= UA_BIT(UA_INQUIRY_CHANGED) | UA_BIT(UA_ALUA_CHANGED);
		if (!entry_same_access(&a->groups[i], &b->groups[i], gated))
			news |= UA_BIT(UA_ALUA_CHANGED);
	}
	return news;
}

/* How each group of @t came to its state, and since when none is active. */
static void table_set_status(struct alua_table *t, struct alua_table *old)
{
	if (!any_active(t))
		t->vacant_ns = any_active(old) ? clock_now_ns() : old->vacant_ns;
	for (unsigned i = 0; i < t->n_groups; i++) {
		struct alua_entry *e = &t->groups[i], *before = table_find(old, e->id);

		if (before)
			e->status = before->state == e->state ? before->status :
							       ALUA_STATUS_IMPLICIT;
	}
}

/* ---- making a change known ---- */

unsigned alua_gate(const struct itl *itl)
{
	static const unsigned gates[] = {
		[ALUA_OPTIMIZED] = 0,
		[ALUA_NONOPTIMIZED] = 0,
		[ALUA_STANDBY] = GATE_STANDBY,
		[ALUA_UNAVAILABLE] = GATE_UNAVAILABLE,
		[ALUA_OFFLINE] = GATE_OFFLINE,
		[ALUA_TRANSITIONING] = GATE_TRANSITION,
		[ALUA_VACANT] = GATE_VACANT,
	};
	const struct alua_entry *e = alua_find_port(alua_table(itl->lu),
						    itl->nexus->port.rel_tgt_id);

	return e ? gates[e->state] : 0;
}

static void lu_publish(struct lu *lu, unsigned news)
{
	struct itl *itl;

	list_for_each(itl, &lu->itls, lu_link)
		access_publish_news(itl, news);
}

/* The table first, on all LUs: who was told of a change and asks must see it. */
static void group_publish(struct alua_group *g, struct alua_table *t, unsigned news)
{
	struct alua_table *old = g->table;
	struct alua_member *m;

	g->table = t;
	list_for_each(m, &g->lus, link)
		atomic_store_explicit(&m->lu->alua_table, t, memory_order_release);
	list_for_each(m, &g->lus, link) {
		lu_publish(m->lu, news);
		if (old->vacant_ns)
			lu_post_resume(m->lu);
	}
	table_retire(old);
}

/* ---- device groups ---- */

int alua_group_create(struct scsi_device *d, const struct alua_params *p, struct alua_group **out)
{
	struct alua_group *g;

	if (!params_valid(p))
		return -EINVAL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->table = table_create(d, p);
	if (!g->table) {
		free(g);
		return -ENOMEM;
	}
	g->device = d;
	g->gated = p->gated;
	list_init(&g->lus);
	*out = g;
	return 0;
}

int alua_group_change(struct alua_group *g, const struct alua_params *p)
{
	struct alua_table *t;

	if (!params_valid(p))
		return -EINVAL;
	t = table_create(g->device, p);
	if (!t)
		return -ENOMEM;
	table_set_status(t, g->table);
	group_publish(g, t, table_news(g->table, t, g->gated));
	return 0;
}

/* As the parameters it was made with; @groups has room for all. */
static struct alua_params table_params(const struct alua_table *t,
				       struct alua_target_group *groups)
{
	for (unsigned i = 0; i < t->n_groups; i++) {
		const struct alua_entry *e = &t->groups[i];

		groups[i] = (struct alua_target_group){
			e->id, e->preferred, e->state, e->ports, e->n_ports
		};
	}
	return (struct alua_params){
		.lu_group = t->lu_group, .transition_time = t->transition_time,
		.groups = groups, .n_groups = t->n_groups,
	};
}

/* All of them are there? Then @groups are as they are to be; *@same: as they were. */
static bool states_merge(struct alua_table *t, struct alua_target_group *groups,
			 const struct alua_state_of *s, unsigned n, bool *same)
{
	*same = true;
	for (unsigned i = 0; i < n; i++) {
		struct alua_entry *e = table_find(t, s[i].id);

		if (!e)
			return false;
		groups[e - t->groups].state = s[i].state;
		*same &= e->state == s[i].state;
	}
	return true;
}

int alua_group_set_states(struct alua_group *g, const struct alua_state_of *s, unsigned n,
			  bool failed)
{
	struct alua_target_group groups[ALUA_GROUPS_MAX];
	struct alua_params p = table_params(g->table, groups);
	struct alua_table *t;
	bool same;

	if (n > ALUA_GROUPS_MAX)
		return -EINVAL;
	if (!states_merge(g->table, groups, s, n, &same))
		return -ENOENT;
	if (same && !failed)
		return 0;
	t = table_create(g->device, &p);
	if (!t)
		return -ENOMEM;
	table_set_status(t, g->table);
	group_publish(g, t, failed ? UA_BIT(UA_ALUA_FAILED) :
				      table_news(g->table, t, g->gated));
	return 0;
}

int alua_group_set_state(struct alua_group *g, uint16_t id, enum alua_state state, bool failed)
{
	const struct alua_state_of one = { id, state };

	return alua_group_set_states(g, &one, 1, failed);
}

enum alua_state alua_group_state(const struct alua_group *g, uint16_t id)
{
	const struct alua_entry *e = table_find(g->table, id);

	return e ? e->state : ALUA_OFFLINE;
}

/* ---- the write gate, and what is under way behind it ---- */

void alua_group_gate_open(struct alua_group *g, uint64_t epoch, uint64_t until_ns)
{
	gate_open(&g->gate, epoch, until_ns);
}

void alua_group_gate_close(struct alua_group *g)
{
	gate_close(&g->gate);
}

void alua_group_drained(struct alua_group *g)
{
	void (*done)(void *arg) = g->drain.done;

	if (--g->drain.left || !done)
		return;
	g->drain.done = NULL;
	done(g->drain.arg);
}

static void drain_posted(struct msg *m)
{
	struct alua_group *g = container_of(m, struct alua_group, drain.msg);

	g->drain.posted = false;
	if (g->drain.left)
		alua_group_drained(g);
}

/* The message stands for one more LU: so it is never over inside, also where there is none. */
void alua_group_drain(struct alua_group *g, void (*done)(void *arg), void *arg)
{
	struct alua_member *m;

	g->drain.done = done;
	g->drain.arg = arg;
	g->drain.left = 1;
	list_for_each(m, &g->lus, link) {
		g->drain.left++;
		drain_begin(m->lu, g);
	}
	if (!g->drain.posted) {
		g->drain.msg.fn = drain_posted;
		mailbox_post(g->device->group->control, &g->drain.msg);
	}
	g->drain.posted = true;
}

/* LUs that hang go on with it, for nobody. */
void alua_group_drain_cancel(struct alua_group *g)
{
	struct alua_member *m;

	list_for_each(m, &g->lus, link)
		m->lu->drain.group = NULL;
	g->drain.left = 0;
	g->drain.done = NULL;
}

/* It is waited for no more. */
static void drain_leave(struct lu *lu)
{
	struct alua_group *g = lu->drain.group;

	lu->drain.group = NULL;
	if (g)
		alua_group_drained(g);
}

void alua_group_destroy(struct alua_group *g)
{
	struct alua_member *m, *tmp;

	alua_group_drain_cancel(g);
	list_for_each_safe(m, tmp, &g->lus, link)
		lu_set_alua_group(m->lu, NULL);
	g->table->dead = g;
	table_retire(g->table);
}

void lu_set_alua_group(struct lu *lu, struct alua_group *g)
{
	if (lu->alua.group == g)
		return;
	drain_leave(lu);
	list_del(&lu->alua.link);
	lu->alua.group = g;
	if (g)
		list_add_tail(&g->lus, &lu->alua.link);
	/* Before the bit that says to look at it. */
	atomic_store_explicit(&lu->gate, g && g->gated ? &g->gate : NULL, memory_order_release);
	atomic_store_explicit(&lu->alua_table, g ? g->table : NULL, memory_order_release);
	lu_publish(lu, UA_BIT(UA_INQUIRY_CHANGED) | UA_BIT(UA_ALUA_CHANGED));
}
