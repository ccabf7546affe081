/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs: from step to step, their times, their deadline and who waits for them. */
#include "ctl/ha_link.h"
#include "ctl/ha_priv.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/reactor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNDO_S 5u /* then those who wait for a promote hear that it has failed, in any case */

struct kind {
	const char *name; /* as in "dg promoted" */
	const struct ha_step *steps;
	enum ha_role during, after;
};

static const struct kind kinds[HA_KINDS] = {
	[HA_PROMOTE] = { "promoted", ha_promote_steps, HA_PROMOTING, HA_PROMOTED },
	[HA_DEMOTE] = { "demoted", ha_demote_steps, HA_DEMOTING, HA_STANDBY },
	[HA_UNDO] = { "standby again", ha_undo_steps, HA_DEMOTING, HA_STANDBY },
	[HA_REOPEN] = { "serves again", ha_reopen_steps, HA_PROMOTED, HA_PROMOTED },
};

/* ---- what a step waits for ---- */

struct ha_wait *ha_wait_begin(struct ha_group *g,
			      void (*done)(struct ha_group *g, int status, const char *error))
{
	struct ha_wait *w = calloc(1, sizeof(*w));

	if (!w) {
		ha_run_fail(g, HA_FAILED, "no memory");
		return NULL;
	}
	w->g = g;
	w->left = 1;
	w->done = done;
	g->run.wait = w;
	return w;
}

void ha_wait_put(struct ha_wait *w, int status, const char *fmt, ...)
{
	va_list ap;

	if (status && !w->status) {
		w->status = status;
		va_start(ap, fmt);
		vsnprintf(w->error, sizeof(w->error), fmt, ap);
		va_end(ap);
	}
	if (--w->left)
		return;
	if (w->g) {
		w->g->run.wait = NULL;
		w->done(w->g, w->status, w->error);
	}
	free(w);
}

static void wait_cancel(struct ha_group *g)
{
	if (g->run.wait)
		g->run.wait->g = NULL;
	g->run.wait = NULL;
}

/* ---- who waits ---- */

void ha_run_join(struct ha_group *g, struct ha_waiter *w, unsigned seconds)
{
	list_add_tail(&g->run.waiters, &w->link);
	if (seconds)
		ha_timer_start(&g->run.deadline, seconds * HA_NS_PER_S);
}

static void waiters_tell(struct ha_group *g, enum ha_result result, const char *reason)
{
	struct list_node all;
	struct ha_waiter *w, *tmp;

	list_init(&all);
	list_splice_tail(&all, &g->run.waiters);
	list_for_each_safe(w, tmp, &all, link) {
		list_del(&w->link);
		w->done(w, result, reason);
	}
}

/* ---- from step to step ---- */

static void role_set(struct ha_group *g, enum ha_role role)
{
	if (g->role == role)
		return;
	g->role = role;
	ha_link_role(ha_link_of(g), ha_name(g), role, g->epoch);
}

bool ha_step_is(const struct ha_group *g, enum ha_kind kind, const char *name)
{
	return g->run.step && g->run.kind == kind && !strcmp(g->run.step->name, name);
}

/* "gate 3 ms, open 12.4 ms" */
static void steps_text(const struct ha_record *r, const struct ha_step *steps, char *text,
		       size_t size)
{
	size_t len = 0;

	text[0] = 0;
	for (unsigned i = 0; i < r->n && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s %" PRIu64 ".%01" PRIu64 " ms",
					i ? ", " : "", steps[i].name, r->us[i] / 1000,
					r->us[i] / 100 % 10);
}

static void record_end(struct ha_group *g, enum ha_result result, const char *reason)
{
	struct ha_record *r = &g->run.now;

	r->valid = true;
	r->result = result;
	r->epoch = g->epoch;
	r->total_us = (clock_now_ns() - g->run.started_ns) / 1000;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	if (g->run.kind <= HA_DEMOTE)
		g->last[g->run.kind] = *r;
}

static void run_log(const struct ha_group *g)
{
	const struct ha_record *r = &g->run.now;
	char text[256];

	steps_text(r, kinds[g->run.kind].steps, text, sizeof(text));
	log_notice("group %s %s, epoch %" PRIu64 ": %s; total %" PRIu64 ".%01" PRIu64 " ms",
		   ha_name(g), kinds[g->run.kind].name, g->epoch, text, r->total_us / 1000,
		   r->total_us / 100 % 10);
}

/* Nothing of the run comes any more. */
static void run_clear(struct ha_group *g)
{
	wait_cancel(g);
	ha_batch_cancel(g);
	if (g->run.draining)
		alua_group_drain_cancel(g->group->alua);
	g->run.draining = false;
	g->run.step = NULL;
	ha_timer_stop(&g->retry);
}

void ha_run_drop(struct ha_group *g)
{
	run_clear(g);
	ha_timer_stop(&g->run.deadline);
}

static void run_end(struct ha_group *g)
{
	enum ha_kind kind = g->run.kind;
	const struct ha_record *promote = &g->last[HA_PROMOTE];

	record_end(g, HA_DONE, "");
	ha_run_drop(g);
	role_set(g, kinds[kind].after);
	run_log(g);
	if (kind == HA_UNDO) {
		waiters_tell(g, promote->result, promote->reason);
	} else {
		g->reason[0] = 0;
		waiters_tell(g, HA_DONE, "");
	}
}

static void step_start(struct ha_group *g)
{
	g->run.step_ns = clock_now_ns();
	if (g->run.step->name)
		g->run.step->start(g);
	else
		run_end(g);
}

void ha_step_done(struct ha_group *g)
{
	struct ha_record *r = &g->run.now;

	if (r->n < HA_STEPS_MAX)
		r->us[r->n++] = (clock_now_ns() - g->run.step_ns) / 1000;
	g->run.step++;
	step_start(g);
}

void ha_run_begin(struct ha_group *g, enum ha_kind kind, unsigned seconds)
{
	struct ha_run *run = &g->run;

	run->kind = kind;
	run->step = kinds[kind].steps;
	run->started_ns = clock_now_ns();
	run->now = (struct ha_record){ 0 };
	if (seconds)
		ha_timer_start(&run->deadline, seconds * HA_NS_PER_S);
	role_set(g, kinds[kind].during);
	step_start(g);
}

/* ---- what goes wrong ---- */

static void promote_failed(struct ha_group *g, enum ha_result why, const char *reason)
{
	log_err("group %s is not promoted: %s: %s", ha_name(g), g->run.step->name, reason);
	record_end(g, why, reason);
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	ha_run_drop(g);
	ha_link_unwant(ha_link_of(g), ha_name(g));
	ha_run_begin(g, HA_UNDO, UNDO_S);
}

static void reopen_failed(struct ha_group *g, const char *reason)
{
	log_err("group %s does not serve: %s: %s", ha_name(g), g->run.step->name, reason);
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	g->reopen_ns = clock_now_ns() + HA_NS_PER_S;
	ha_run_drop(g);
	ha_gate_shut(g);
}

static void retry_run(void *arg)
{
	struct ha_group *g = arg;

	g->run.step->start(g);
}

/* What has begun to go down goes down: nothing else is safe. */
static void step_again(struct ha_group *g, const char *reason)
{
	const struct ha_step *step = g->run.step;

	if (strcmp(g->reason, reason))
		log_err("group %s: %s: %s; it is tried again", ha_name(g), step->name, reason);
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	run_clear(g);
	g->run.step = step;
	ha_timer_start(&g->retry, HA_NS_PER_S);
}

void ha_run_fail(struct ha_group *g, enum ha_result why, const char *fmt, ...)
{
	char reason[HA_REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (!g->run.step)
		return;
	if (g->run.kind == HA_PROMOTE)
		promote_failed(g, why, reason);
	else if (g->run.kind == HA_REOPEN)
		reopen_failed(g, reason);
	else
		step_again(g, reason);
}

/* A demote goes on without those who waited for it; the local target group is of no use then. */
static void demote_late(struct ha_group *g)
{
	char reason[HA_REASON_MAX + 64];

	snprintf(reason, sizeof(reason),
		 "the demote has not got over \"%s\" in time%s%s; it goes on",
		 g->run.step->name, g->reason[0] ? ": " : "", g->reason);
	log_err("group %s: %s", ha_name(g), reason);
	record_end(g, HA_TIMEOUT, reason);
	if (!g->reason[0])
		snprintf(g->reason, sizeof(g->reason), "it does not get over \"%s\"",
			 g->run.step->name);
	ha_gate_shut(g);
	ha_set_local(g, ALUA_UNAVAILABLE);
	ha_tell(g);
	waiters_tell(g, HA_TIMEOUT, reason);
}

static void deadline_passed(void *arg)
{
	struct ha_group *g = arg;
	const struct ha_record *promote = &g->last[HA_PROMOTE];

	switch (g->run.kind) {
	case HA_PROMOTE:
	case HA_REOPEN:
		ha_run_fail(g, HA_TIMEOUT, "not done in time");
		break;
	case HA_UNDO:
		waiters_tell(g, promote->result, promote->reason);
		break;
	default:
		demote_late(g);
	}
}

void ha_run_init(struct ha_group *g)
{
	list_init(&g->run.waiters);
	ha_timer_init(&g->run.deadline, g->ha->d->loop, deadline_passed, g);
	ha_timer_init(&g->retry, g->ha->d->loop, retry_run, g);
}
