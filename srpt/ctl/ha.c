/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ha.h"

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/reactor.h"
#include "ctl/ha_link.h"
#include "ctl/ha_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_S 5u /* for the demotes of a daemon that stops */

/* ---- timers ---- */

void ha_timer_init(struct ha_timer *t, qb_loop_t *loop, void (*fn)(void *arg), void *arg)
{
	*t = (struct ha_timer){ .loop = loop, .fn = fn, .arg = arg };
}

static void timer_fired(void *arg)
{
	struct ha_timer *t = arg;

	t->armed = false;
	t->fn(t->arg);
}

void ha_timer_stop(struct ha_timer *t)
{
	if (t->armed)
		qb_loop_timer_del(t->loop, t->handle);
	t->armed = false;
}

void ha_timer_start(struct ha_timer *t, uint64_t delay_ns)
{
	int rc;

	ha_timer_stop(t);
	rc = qb_loop_timer_add(t->loop, QB_LOOP_HIGH, delay_ns, t, timer_fired, &t->handle);
	t->armed = !rc;
	if (rc)
		log_err("a timer cannot be started: %s", strerror(-rc));
}

/* ---- small things ---- */

const char *ha_role_name(enum ha_role role)
{
	static const char *const names[HA_ROLES] = {
		[HA_STANDBY] = "standby", [HA_PROMOTING] = "promoting",
		[HA_PROMOTED] = "promoted", [HA_DEMOTING] = "demoting",
	};

	return names[role];
}

const char *ha_name(const struct ha_group *g)
{
	return g->group->conf->name;
}

bool ha_ungated(const struct ha_group *g)
{
	return g->ha->d->no_write_gate;
}

struct ha_link *ha_link_of(const struct ha_group *g)
{
	return g->ha->d->ha_link;
}

/* ---- groups ---- */

int ha_group_add(struct device_group *group)
{
	struct ha *ha = group->live->ha;
	struct ha_group *g = ha ? calloc(1, sizeof(*g)) : NULL;

	if (!g)
		return -ENOMEM;
	g->ha = ha;
	g->group = group;
	g->threads = ha_threads_start(ha->d);
	if (!g->threads) {
		free(g);
		return -EAGAIN;
	}
	ha_run_init(g);
	ha_gate_init(g);
	group->ha = g;
	return 0;
}

static void stop_waits(struct ha_group *g)
{
	struct ha_waiter *w, *tmp;

	list_for_each_safe(w, tmp, &g->run.waiters, link) {
		list_del(&w->link);
		w->done(w, HA_FAILED, "the group is no more");
	}
}

void ha_group_remove(struct device_group *group)
{
	struct ha_group *g = group->ha;

	if (!g)
		return;
	group->ha = NULL;
	ha_run_drop(g);
	ha_gate_stop(g);
	stop_waits(g);
	ha_threads_retire(g->ha, g->threads);
	state_close(g->store);
	free(g);
}

/* ---- promote and demote ---- */

static void refuse(struct ha_waiter *w, enum ha_result why, const char *reason)
{
	w->done(w, why, reason);
}

static void start(struct ha_group *g, enum ha_kind kind, struct ha_waiter *w, unsigned seconds)
{
	if (w)
		list_add_tail(&g->run.waiters, &w->link);
	ha_run_begin(g, kind, seconds);
}

static void promote(struct ha_group *g, unsigned seconds, unsigned drbd_wait, struct ha_waiter *w)
{
	char text[HA_REASON_MAX + 64];

	if (g->role == HA_PROMOTING || g->role == HA_DEMOTING) {
		snprintf(text, sizeof(text), "it is %s", ha_role_name(g->role));
		refuse(w, HA_BUSY, text);
	} else if (g->role == HA_PROMOTED && g->local == ALUA_OPTIMIZED) {
		refuse(w, HA_DONE, "");
	} else if (g->role == HA_PROMOTED) {
		snprintf(text, sizeof(text), "it is promoted, but its write gate is closed: %s",
			 g->reason);
		refuse(w, HA_GATE_CLOSED, text);
	} else if (!g->group->alua || !conf_local_group(g->group->conf)) {
		snprintf(text, sizeof(text), "it could not be made: %s", g->group->error);
		refuse(w, HA_FAILED, text);
	} else {
		g->primary_ns = clock_now_ns() + drbd_wait * HA_NS_PER_S;
		start(g, HA_PROMOTE, w, seconds);
	}
}

static void demote(struct ha_group *g, unsigned seconds, struct ha_waiter *w)
{
	if (g->role == HA_STANDBY) {
		refuse(w, HA_DONE, "");
	} else if (g->role == HA_PROMOTED) {
		ha_run_drop(g);
		start(g, HA_DEMOTE, w, seconds);
	} else if (g->role == HA_DEMOTING && list_empty(&g->run.waiters)) {
		ha_run_join(g, w, seconds);
	} else {
		refuse(w, HA_BUSY, g->role == HA_PROMOTING ? "it is promoting" :
		       "another demote is under way");
	}
}

void ha_promote(struct device_group *group, unsigned seconds, unsigned drbd_wait,
		struct ha_waiter *w)
{
	if (group->ha && group->ha->ha->stopping)
		refuse(w, HA_FAILED, "srptd is stopping");
	else if (group->ha)
		promote(group->ha, seconds, drbd_wait, w);
	else
		refuse(w, HA_FAILED, "it could not be made");
}

void ha_demote(struct device_group *group, unsigned seconds, struct ha_waiter *w)
{
	if (group->ha)
		demote(group->ha, seconds, w);
	else
		refuse(w, HA_DONE, "");
}

void ha_resume(struct daemon *d, const char *group)
{
	struct device_group *g = live_device_group_find(&d->live, group);

	if (!g || !g->ha || g->ha->role != HA_STANDBY || !g->alua || d->ha->stopping)
		return;
	log_notice("group %s was promoted before srptd went away: it is again", g->conf->name);
	g->ha->primary_ns = 0;
	start(g->ha, HA_PROMOTE, NULL, HA_PROMOTE_S);
}

/* ---- the link comes and goes ---- */

void ha_link_is_up(struct daemon *d)
{
	struct device_group *group;

	ha_for_each(group, d->ha) {
		struct ha_group *g = group->ha;

		if (!g || group->leaving || ha_ungated(g))
			continue;
		/* What a promote wants was told with the group. */
		if (ha_step_is(g, HA_PROMOTE, "gate"))
			snprintf(g->reason, sizeof(g->reason), "srp-replicatord gives no lease");
		else if (g->role == HA_PROMOTED && !g->run.step)
			ha_tell(g);
	}
}

void ha_link_is_down(struct daemon *d)
{
	struct device_group *group;

	ha_for_each(group, d->ha) {
		struct ha_group *g = group->ha;

		if (!g || ha_ungated(g))
			continue;
		if (ha_step_is(g, HA_PROMOTE, "publish") || ha_step_is(g, HA_REOPEN, "publish"))
			ha_run_fail(g, HA_GATE_CLOSED, "the connection with srp-replicatord broke");
		ha_table_lost(g);
	}
}

/* ---- what others ask ---- */

static void info_fill(const struct ha_group *g, struct ha_group_info *i)
{
	const struct conf_device_group *c = g->group->conf;
	const struct conf_target_group *local = conf_local_group(c);

	*i = (struct ha_group_info){
		.name = c->name, .resource = c->drbd_resource, .role = g->role,
		.epoch = g->epoch, .wants = g->wanted,
		.waiting = ha_step_is(g, HA_PROMOTE, "gate"),
		.local = local ? local->group_id : 0, .own = g->local,
		.floating = local && conf_group_floats(local),
		.transition_time = (unsigned)c->transition_time,
	};
	if (!g->group->alua)
		return;
	i->n = (unsigned)c->n_groups;
	for (size_t n = 0; n < c->n_groups; n++) {
		uint16_t id = c->groups[n].group_id;

		i->states[n] = (struct ha_state){ id, alua_group_state(g->group->alua, id) };
	}
}

void ha_for_each_group(const struct daemon *d,
		       void (*fn)(void *arg, const struct ha_group_info *i), void *arg)
{
	const struct device_group *g;
	struct ha_group_info i;

	list_for_each(g, &d->live.device_groups, link) {
		if (!g->ha || g->leaving)
			continue;
		info_fill(g->ha, &i);
		fn(arg, &i);
	}
}

/* By name: while a configuration comes into force the group may still have the one before. */
static const struct ha_group *group_of(const struct device *d)
{
	const struct device_group *g;

	list_for_each(g, &d->live->device_groups, link)
		if (!g->leaving && !strcmp(g->conf->name, d->conf->group->name) &&
		    !strcmp(g->conf->drbd_resource, d->conf->group->drbd_resource))
			return g->ha;
	return NULL;
}

enum ha_access ha_access(const struct device *d)
{
	const struct ha_group *g;

	if (!d->conf->group || !conf_group_clustered(d->conf->group))
		return HA_ACCESS_FREE;
	g = group_of(d);
	if (!g || g->role == HA_STANDBY)
		return HA_ACCESS_PARKED;
	if (g->role != HA_PROMOTED)
		return HA_ACCESS_MOVING;
	return g->gate ? HA_ACCESS_OPEN : HA_ACCESS_GATED;
}

struct state_store *ha_store(const struct device *d)
{
	const struct ha_group *g;

	if (!d->conf->group || !conf_group_clustered(d->conf->group))
		return d->live->store;
	g = group_of(d);
	return g && g->role == HA_PROMOTED ? g->store : NULL;
}

/* ---- changes of the configuration ---- */

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool same_groups(const struct conf_device_group *a, const struct conf_device_group *b)
{
	if (a->n_groups != b->n_groups || conf_local_group(a)->group_id !=
	    conf_local_group(b)->group_id)
		return false;
	for (size_t i = 0; i < a->n_groups; i++) {
		const struct conf_target_group *tg =
			conf_target_group_find(b, a->groups[i].name);

		if (!tg || tg->group_id != a->groups[i].group_id)
			return false;
	}
	return true;
}

/* What may not change while it is promoted; NULL: it has not. */
static const char *changed(const struct conf_device_group *now,
			   const struct conf_device_group *next)
{
	if (!next)
		return "is in the configuration no more";
	if (strcmp(now->drbd_resource, next->drbd_resource))
		return "has another drbd_resource";
	if (!same_text(now->state_volume, next->state_volume))
		return "has another state_volume";
	if (!conf_local_group(next) || !same_groups(now, next))
		return "has other target groups";
	return NULL;
}

static bool group_allows(const struct ha_group *g, const struct conf *next, char *why, size_t size)
{
	const char *what;

	if (g->role == HA_STANDBY)
		return true;
	if (g->role != HA_PROMOTED) {
		snprintf(why, size, "device group %s is %s: try again when it is not", ha_name(g),
			 ha_role_name(g->role));
		return false;
	}
	what = changed(g->group->conf, conf_device_group_find(next, ha_name(g)));
	if (what)
		snprintf(why, size, "device group %s is promoted and %s: demote it first",
			 ha_name(g), what);
	return !what;
}

bool ha_may_apply(const struct live *live, const struct conf *next, char *why, size_t size)
{
	const struct device_group *g;

	if (live->ha && live->ha->stopping)
		return true;
	list_for_each(g, &live->device_groups, link)
		if (g->ha && !group_allows(g->ha, next, why, size))
			return false;
	return true;
}

/* ---- beginning and end ---- */

int ha_create(struct daemon *d)
{
	struct ha *ha = calloc(1, sizeof(*ha));

	if (!ha)
		return -ENOMEM;
	ha->d = d;
	ha->live = &d->live;
	list_init(&ha->retired);
	d->ha = ha;
	d->live.ha = ha;
	ha_health_start(ha);
	return 0;
}

void ha_destroy(struct ha *ha)
{
	if (!ha)
		return;
	ha_health_stop(ha);
	ha_threads_join(ha);
	ha->d->ha = NULL;
	ha->live->ha = NULL;
	free(ha);
}

static void stop_put(struct ha *ha)
{
	if (!--ha->stops)
		ha->stopped(ha->stopped_arg);
}

static void stop_demoted(struct ha_waiter *w, enum ha_result result, const char *reason)
{
	struct ha *ha = w->arg;

	(void)result;
	(void)reason;
	free(w);
	stop_put(ha);
}

static void group_stop(struct ha_group *g)
{
	struct ha_waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return;
	w->done = stop_demoted;
	w->arg = g->ha;
	g->ha->stops++;
	if (g->role == HA_PROMOTING)
		ha_run_fail(g, HA_FAILED, "srptd is stopping");
	if (g->role == HA_DEMOTING)
		ha_run_join(g, w, STOP_S);
	else
		demote(g, STOP_S, w);
}

void ha_stop(struct ha *ha, void (*done)(void *arg), void *arg)
{
	struct device_group *g;

	ha_health_stop(ha);
	ha->stopping = true;
	ha->stopped = done;
	ha->stopped_arg = arg;
	ha->stops = 1;
	ha_for_each(g, ha)
		if (g->ha && g->ha->role != HA_STANDBY)
			group_stop(g->ha);
	stop_put(ha);
}
