/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The states of target groups, as all nodes agree on them. Never two of a group are active. */
#include "replicator/model.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[STATES] = {
	"active", "standby", "transitioning", "unavailable",
};

const char *state_name(enum state s)
{
	return state_names[s];
}

bool state_parse(const char *text, size_t len, enum state *to)
{
	for (unsigned i = 0; i < STATES; i++) {
		if (strlen(state_names[i]) == len && !memcmp(state_names[i], text, len)) {
			*to = (enum state)i;
			return true;
		}
	}
	return false;
}

/* ---- groups ---- */

/* It becomes the name of a file and of an attribute. */
static bool is_group_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= POLICY_NAME_MAX && name[0] != '.' && !strchr(name, '/');
}

struct group *group_get(struct policy *p, const char *name)
{
	struct group *fresh;

	for_each_group(p, g)
		if (!strcmp(g->name, name))
			return g;
	if (!is_group_name(name) || p->n_groups == POLICY_GROUPS) {
		act_log(p, LOG_ERR, "device group \"%.80s\" is left out: %s", name,
			is_group_name(name) ? "there are too many" : "no such name can be");
		return NULL;
	}
	fresh = &p->groups[p->n_groups++];
	*fresh = (struct group){ .own_state = STATE_UNAVAILABLE, .score = -1 };
	memcpy(fresh->name, name, strlen(name));
	return fresh;
}

/* ---- target groups ---- */

/* Of the first who spoke of it, if anybody has. */
static const struct target_group *tg_first(const struct group *g, uint16_t id)
{
	for (unsigned i = 0; i < g->n_tgs; i++)
		if (g->tgs[i].id == id)
			return &g->tgs[i];
	return NULL;
}

static struct target_group *tg_of(struct group *g, uint16_t id, uint32_t owner)
{
	for (unsigned i = 0; i < g->n_tgs; i++)
		if (g->tgs[i].id == id && g->tgs[i].owner == owner)
			return &g->tgs[i];
	return NULL;
}

static bool tg_is_alone(const struct group *g, const struct target_group *t)
{
	for (unsigned i = 0; i < g->n_tgs; i++)
		if (g->tgs[i].id == t->id && &g->tgs[i] != t)
			return false;
	return true;
}

static bool id_is_local(const struct group *g, uint16_t id)
{
	return g->present && id == g->local;
}

/* Before the nodes have heard it from us, and while we are no member, it has no owner. */
static bool tg_is_own(const struct policy *p, const struct group *g, const struct target_group *t)
{
	return id_is_local(g, t->id) && (!t->owner || t->owner == p->self);
}

/* @first: of its id, our own comes before those of others, whoever spoke first. */
static struct target_group *tg_add(struct group *g, uint16_t id, bool first)
{
	const struct target_group *other = tg_first(g, id);
	size_t at = first && other ? (size_t)(other - g->tgs) : g->n_tgs;
	struct target_group fresh = { .id = id, .state = STATE_UNAVAILABLE };

	fresh.configured = other && other->configured;
	memmove(&g->tgs[at + 1], &g->tgs[at], (g->n_tgs++ - at) * sizeof(fresh));
	g->tgs[at] = fresh;
	return &g->tgs[at];
}

static void tg_remove(struct group *g, struct target_group *t)
{
	size_t behind = (size_t)(g->tgs + g->n_tgs - (t + 1));

	memmove(t, t + 1, behind * sizeof(*t));
	g->n_tgs--;
}

/* What nobody has spoken of becomes @node's, but for our own. */
static struct target_group *tg_get(struct policy *p, struct group *g, uint32_t node, uint16_t id)
{
	struct target_group *t = tg_of(g, id, node);

	if (!t && (node == p->self || !id_is_local(g, id)))
		t = tg_of(g, id, 0);
	if (t)
		return t;
	if (g->n_tgs == TARGET_GROUPS) {
		act_log(p, LOG_ERR, "%s: target group %u is left out: there are more than %d",
			g->name, id, TARGET_GROUPS);
		return NULL;
	}
	return tg_add(g, id, node == p->self && id == g->local);
}

/* "ID:STATE"; what is behind it in *@rest. */
static bool entry_parse(const char **rest, uint16_t *id, enum state *state)
{
	const char *at = *rest, *colon = strchr(at, ':'), *end = at + strcspn(at, ",");
	unsigned long value = 0;

	if (!colon || colon > end || colon == at || colon - at > 5)
		return false;
	for (; at < colon; at++) {
		if (*at < '0' || *at > '9')
			return false;
		value = value * 10 + (unsigned long)(*at - '0');
	}
	*id = (uint16_t)value;
	*rest = *end ? end + 1 : end;
	return value <= UINT16_MAX && state_parse(colon + 1, (size_t)(end - colon - 1), state);
}

/* One that srptd no longer has, and nobody has told of, need not be kept; nor what was our own. */
static void tgs_drop_unused(struct group *g)
{
	for (unsigned i = g->n_tgs; i-- > 0;) {
		struct target_group *t = &g->tgs[i];
		bool used = t->configured && (t->id == g->local || tg_is_alone(g, t));

		if (!used && !t->owner)
			tg_remove(g, t);
	}
}

/* What is active is so by what all have agreed on only. */
static void own_configure(struct group *g, struct target_group *t, enum state state)
{
	g->own_state = state;
	if (t->state != STATE_ACTIVE)
		t->state = state == STATE_ACTIVE ? STATE_TRANSITIONING : state;
}

/* It is there, of whichever nodes. false: there are too many. */
static bool tg_configure(struct policy *p, struct group *g, uint16_t id, enum state state)
{
	bool own = id == g->local;

	if (own || !tg_first(g, id)) {
		struct target_group *t = tg_get(p, g, p->self, id);

		if (!t)
			return false;
		if (own)
			own_configure(g, t, state);
	}
	for (unsigned i = 0; i < g->n_tgs; i++)
		if (g->tgs[i].id == id)
			g->tgs[i].configured = true;
	return true;
}

bool tgs_configure(struct policy *p, struct group *g, const char *states)
{
	const char *rest = states;
	enum state state;
	uint16_t id;

	for (unsigned i = 0; i < g->n_tgs; i++)
		g->tgs[i].configured = false;
	while (*rest) {
		if (!entry_parse(&rest, &id, &state))
			return false;
		if (!tg_configure(p, g, id, state))
			break;
	}
	tgs_drop_unused(g);
	g->table_changed = true;
	return true;
}

static bool tg_other_active(const struct group *g, const struct target_group *t)
{
	for (unsigned i = 0; i < g->n_tgs; i++)
		if (&g->tgs[i] != t && g->tgs[i].state == STATE_ACTIVE)
			return true;
	return false;
}

bool tg_active_of(const struct group *g, uint32_t node)
{
	for (unsigned i = 0; i < g->n_tgs; i++)
		if (g->tgs[i].owner == node && g->tgs[i].state == STATE_ACTIVE)
			return true;
	return false;
}

/* ---- vacancies ---- */

/*
 * What was active is demoted, and another is to be promoted. Initiators that were told "standby" by
 * all would give up all paths and look for one that is active every few seconds; for the end of a
 * transition they wait, on the path they use. So it is told of the group that was active. Not of
 * the others: who turns to one of these in a transition asks again every two seconds (Linux, and
 * multipathd waits for it), later at once.
 */
static void vacancy_begin(const struct policy *p, struct group *g, struct target_group *t)
{
	if (tg_other_active(g, t))
		return;
	g->vacant_until = p->now + g->transition_ns;
	for (unsigned i = 0; i < g->n_tgs; i++)
		g->tgs[i].vacated = &g->tgs[i] == t;
	g->table_changed = true;
}

static void vacancy_end(struct group *g)
{
	g->vacant_until = 0;
	g->table_changed = true;
}

void vacancies_end(struct policy *p)
{
	for_each_group(p, g)
		if (g->vacant_until && p->now >= g->vacant_until)
			vacancy_end(g);
}

/*
 * Whether what its node says of it is told. Else it is kept nevertheless: it does so from the
 * moment in which srptd says that the target floats, or the other node has left.
 */
static bool tg_counts(const struct policy *p, const struct group *g,
		      const struct target_group *t)
{
	if (id_is_local(g, t->id))
		return g->floating || tg_is_own(p, g, t);
	return tg_first(g, t->id) == t;
}

static void tg_become(const struct policy *p, struct group *g, struct target_group *t,
		      enum state state)
{
	if (t->state != state && tg_counts(p, g, t))
		g->table_changed = true;
	if (state == STATE_ACTIVE && g->vacant_until)
		vacancy_end(g);
	if (state == STATE_TRANSITIONING && t->state == STATE_ACTIVE)
		vacancy_begin(p, g, t);
	t->state = state;
}

bool tg_set(struct policy *p, struct group *g, uint32_t node, uint16_t id, enum state state,
	    uint64_t epoch)
{
	struct target_group *t = tg_get(p, g, node, id);

	if (!t)
		return false;
	t->owner = node;
	t->told = true;
	if (!tg_counts(p, g, t))
		act_log(p, LOG_ERR, "%s: target group %u is of two nodes: what node %u says of it "
			"is void; look for \"node\" and \"floating\" of its targets in both "
			"configurations", g->name, id, node);
	if (state == STATE_ACTIVE &&
	    (!node || epoch != g->epoch || g->holder != node || tg_other_active(g, t))) {
		act_log(p, LOG_WARNING, "%s: target group %u cannot be active with epoch %llu: "
			"epoch %llu is of node %u", g->name, id, (unsigned long long)epoch,
			(unsigned long long)g->epoch, g->holder);
		if (t->state == STATE_ACTIVE && t->epoch == g->epoch)
			return false; /* an old word of what is active by now */
		tg_become(p, g, t, STATE_TRANSITIONING);
		return false;
	}
	t->epoch = epoch;
	tg_become(p, g, t, state);
	return tg_counts(p, g, t);
}

void tgs_epoch_rose(const struct policy *p, struct group *g)
{
	for (unsigned i = 0; i < g->n_tgs; i++)
		if (g->tgs[i].state == STATE_ACTIVE && g->tgs[i].epoch < g->epoch)
			tg_become(p, g, &g->tgs[i], STATE_TRANSITIONING);
}

static void tg_left(const struct policy *p, struct group *g, struct target_group *t)
{
	if (tg_is_own(p, g, t) || tg_is_alone(g, t)) {
		t->owner = 0;
		tg_become(p, g, t, STATE_UNAVAILABLE);
		return;
	}
	g->table_changed = g->table_changed || tg_counts(p, g, t);
	tg_remove(g, t);
}

void tgs_node_left(struct policy *p, uint32_t node)
{
	for_each_group(p, g) {
		for (unsigned i = g->n_tgs; i-- > 0;)
			if (g->tgs[i].owner == node)
				tg_left(p, g, &g->tgs[i]);
		if (g->holder == node)
			g->holder = 0;
	}
}

void tgs_left_alone(struct group *g)
{
	for (unsigned i = 0; i < g->n_tgs; i++) {
		struct target_group *t = &g->tgs[i];

		t->owner = 0;
		if (t->state == STATE_ACTIVE) {
			t->state = STATE_TRANSITIONING;
			g->table_changed = true;
		}
	}
}

void tgs_hello_begin(struct policy *p, uint32_t node)
{
	for_each_group(p, g)
		for (unsigned i = 0; i < g->n_tgs; i++)
			if (g->tgs[i].owner == node)
				g->tgs[i].told = false;
}

void tgs_hello_end(struct policy *p, uint32_t node)
{
	for_each_group(p, g)
		for (unsigned i = g->n_tgs; i-- > 0;)
			if (g->tgs[i].owner == node && !g->tgs[i].told)
				tg_left(p, g, &g->tgs[i]);
}

/* ---- the table ---- */

static enum state state_shown(const struct group *g, const struct target_group *t)
{
	bool waits = g->vacant_until && t->vacated && t->state == STATE_STANDBY;

	return waits ? STATE_TRANSITIONING : t->state;
}

/* Of a target that floats the other nodes' have id 0, which no target group has. */
static unsigned id_shown(const struct policy *p, const struct group *g,
			 const struct target_group *t)
{
	return id_is_local(g, t->id) && !tg_is_own(p, g, t) ? 0 : t->id;
}

void states_format(const struct policy *p, const struct group *g, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < g->n_tgs; i++) {
		const struct target_group *t = &g->tgs[i];

		if (t->configured && tg_counts(p, g, t) && len < size)
			len += (size_t)snprintf(text + len, size - len, "%s%u:%s", len ? "," : "",
						id_shown(p, g, t), state_names[state_shown(g, t)]);
	}
}

static void table_send(struct policy *p, struct group *g)
{
	char states[TARGET_GROUPS * 20];
	struct ha_out *o = out_begin(p, "table", g);

	states_format(p, g, states, sizeof(states));
	ha_out_add_u64(o, "seq", ++g->table_seq);
	ha_out_add_u64(o, "epoch", g->epoch);
	ha_out_add(o, "states", states);
	out_srptd(p);
}

void tables_send(struct policy *p)
{
	if (!p->srptd_ready)
		return;
	for_each_group(p, g) {
		if (g->table_changed && g->present)
			table_send(p, g);
		g->table_changed = false;
	}
}
