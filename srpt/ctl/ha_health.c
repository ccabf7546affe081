/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a promoted group does serve: its devices are read and its reactors asked once a second,
 * and whoever monitors it hears how that went, without waiting for anything.
 */
#include "ctl/ha_priv.h"

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/reactor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANARY_LATE_NS (3 * HA_NS_PER_S)
#define PULSE_LATE_NS (2 * HA_NS_PER_S)

/* Reads of the first block of a device, one after the other. */
struct ha_canary {
	struct device *d; /* NULL: it is gone */
	bool out;
	int status;       /* of the last one that came back */
	uint64_t sent_ns, ok_ns;
};

/* ---- reactors ---- */

static void pulse_pass(struct reactor *r, void *arg, struct countdown *c)
{
	struct ha_pulse *p = arg;

	atomic_fetch_or(&p->seen, 1ull << r->id);
	countdown_put(c);
}

static void pulse_back(void *arg)
{
	struct ha_pulse *p = arg;

	p->out = false;
	p->back_ns = clock_now_ns();
}

static void pulse_send(struct ha *ha)
{
	struct ha_pulse *p = &ha->pulse;

	if (p->out)
		return;
	p->out = true;
	p->sent_ns = clock_now_ns();
	atomic_store(&p->seen, 0);
	if (reactor_group_call(&ha->d->group, pulse_pass, pulse_back, p))
		p->out = false;
}

/* ---- devices ---- */

static void canary_done(void *arg, int status)
{
	struct ha_canary *c = arg;

	c->out = false;
	if (!c->d) {
		free(c);
		return;
	}
	if (status && !c->status)
		log_err("device %s: its first block cannot be read: %s", c->d->conf->name,
			strerror(-status));
	c->status = status;
	if (!status)
		c->ok_ns = clock_now_ns();
}

static void canary_send(struct device *d)
{
	struct ha_canary *c = d->canary;

	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return;
		c->d = d;
		d->canary = c;
	}
	if (c->out)
		return;
	c->out = true;
	c->sent_ns = clock_now_ns();
	if (lu_canary(d->lu, canary_done, c))
		c->out = false;
}

void ha_forget(struct device *d)
{
	struct ha_canary *c = d->canary;

	d->canary = NULL;
	if (!c)
		return;
	c->d = NULL;
	if (!c->out)
		free(c);
}

static bool serves(const struct ha_group *g)
{
	return g->role == HA_PROMOTED && g->gate && g->local == ALUA_OPTIMIZED;
}

static void group_turn(struct ha_group *g)
{
	struct device **all;
	unsigned n;

	if (!serves(g))
		return;
	all = ha_devices_distinct(g, &n);
	for (unsigned i = 0; i < n; i++)
		canary_send(all[i]);
	free(all);
}

void ha_health_serving(struct ha_group *g)
{
	struct device *d;

	g->serving_ns = clock_now_ns();
	list_for_each(d, &g->ha->live->devices, link)
		if (ha_is_member(g, d))
			ha_forget(d);
}

static void turn(void *arg)
{
	struct ha *ha = arg;
	struct device_group *g;
	bool any = false;

	list_for_each(g, &ha->live->device_groups, link) {
		if (!g->ha || g->leaving)
			continue;
		any = true;
		group_turn(g->ha);
	}
	if (any)
		pulse_send(ha);
	ha_timer_start(&ha->turn, HA_NS_PER_S);
}

void ha_health_start(struct ha *ha)
{
	ha_timer_init(&ha->turn, ha->d->loop, turn, ha);
	ha_timer_start(&ha->turn, HA_NS_PER_S);
}

void ha_health_stop(struct ha *ha)
{
	ha_timer_stop(&ha->turn);
}

/* ---- what monitor says ---- */

__attribute__((format(printf, 3, 4)))
static bool sick(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return true;
}

static uint64_t ms_since(uint64_t then)
{
	uint64_t now = clock_now_ns();

	return now > then ? (now - then) / HA_NS_PER_MS : 0;
}

static bool reactors_sick(const struct ha *ha, char *why, size_t size)
{
	const struct ha_pulse *p = &ha->pulse;
	uint64_t seen = atomic_load(&p->seen);

	if (!p->out || clock_now_ns() - p->sent_ns <= PULSE_LATE_NS)
		return false;
	for (unsigned i = 0; i < ha->d->group.n; i++)
		if (!(seen & 1ull << i))
			return sick(why, size, "reactor %u has not answered for %" PRIu64 " ms", i,
				    ms_since(p->sent_ns));
	return false;
}

static bool canary_sick(const struct device *d, uint64_t since, char *why, size_t size)
{
	const struct ha_canary *c = d->canary;

	if (!c)
		return false;
	if (c->status)
		return sick(why, size, "device %s: its first block cannot be read: %s",
			    d->conf->name, strerror(-c->status));
	if (c->out && clock_now_ns() - c->sent_ns > CANARY_LATE_NS)
		return sick(why, size, "device %s has not answered a read for %" PRIu64 " ms",
			    d->conf->name, ms_since(c->sent_ns));
	since = c->ok_ns > since ? c->ok_ns : since;
	if (clock_now_ns() - since > 2 * CANARY_LATE_NS)
		return sick(why, size, "device %s was not read for %" PRIu64 " ms", d->conf->name,
			    ms_since(since));
	return false;
}

static bool device_sick(const struct device *d, uint64_t since, char *why, size_t size)
{
	if (d->state == DEVICE_INACTIVE)
		return false;
	if (d->state != DEVICE_READY)
		return sick(why, size, "device %s is %s%s%s", d->conf->name,
			    device_state_name(d->state), d->error[0] ? ": " : "", d->error);
	if (backend_is_parked(lu_backend(d->lu)))
		return sick(why, size, "device %s is not open", d->conf->name);
	if (d->lost)
		return sick(why, size, "device %s is lost: %s", d->conf->name, d->error);
	return canary_sick(d, since, why, size);
}

static bool promoted_sick(const struct ha_group *g, char *why, size_t size)
{
	const struct device *d;

	if (!serves(g))
		return sick(why, size, "the write gate is closed: %s", g->reason);
	if (clock_now_ns() >= g->until_ns)
		return sick(why, size, "the lease of the write gate is over");
	list_for_each(d, &g->ha->live->devices, link)
		if (ha_is_member(g, d) && device_sick(d, g->serving_ns, why, size))
			return true;
	return reactors_sick(g->ha, why, size);
}

enum ha_health ha_monitor(const struct device_group *group, char *why, size_t size)
{
	const struct ha_group *g = group->ha;

	snprintf(why, size, "%s", "");
	if (!g)
		return HA_RUNNING;
	if (!group->alua) {
		sick(why, size, "it could not be made: %s", group->error);
		return HA_SICK;
	}
	if (g->role == HA_PROMOTED)
		return promoted_sick(g, why, size) ? HA_NOT_SERVING : HA_SERVING;
	snprintf(why, size, "%s", g->reason);
	if (g->role == HA_DEMOTING && list_empty(&g->run.waiters))
		return HA_SICK;
	return reactors_sick(g->ha, why, size) ? HA_SICK : HA_RUNNING;
}
