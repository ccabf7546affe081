/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps by which a group ceases to serve, so that DRBD may become Secondary. */
#include "ctl/ha_link.h"
#include "ctl/ha_priv.h"

#include "base/bytes.h"
#include "base/log.h"
#include "ctl/state_volume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- stop: new commands are refused; those before are answered as long as the lease lasts ---- */

static void stop_start(struct ha_group *g)
{
	ha_timer_stop(&g->stale);
	ha_targets_go(g);
	ha_set_local(g, ALUA_TRANSITIONING);
	ha_tell(g);
	ha_step_done(g);
}

/* ---- drain ---- */

static void drained(void *arg)
{
	struct ha_group *g = arg;

	g->run.draining = false;
	ha_step_done(g);
}

static void drain_start(struct ha_group *g)
{
	if (!g->group->alua) {
		ha_step_done(g);
		return;
	}
	g->run.draining = true;
	alua_group_drain(g->group->alua, drained, g);
}

/* ---- flush: a device that cannot is closed all the same, and initiators were not told yet ---- */

struct flush {
	struct ha_wait *wait;
	char name[CONF_DEVICE_NAME_MAX + 1];
};

static void flush_done(void *arg, int status)
{
	struct flush *f = arg;

	if (status)
		log_err("device %s: its cache cannot be flushed: %s", f->name, strerror(-status));
	ha_wait_put(f->wait, 0, "%s", "");
	free(f);
}

static void flush_send(struct ha_wait *w, struct device *d)
{
	struct flush *f = calloc(1, sizeof(*f));

	w->left++;
	if (!f) {
		ha_wait_put(w, -ENOMEM, "no memory");
		return;
	}
	f->wait = w;
	snprintf(f->name, sizeof(f->name), "%s", d->conf->name);
	if (lu_flush(d->lu, flush_done, f))
		flush_done(f, -ENOMEM);
}

static void flushed(struct ha_group *g, int status, const char *error)
{
	if (status)
		ha_run_fail(g, HA_FAILED, "%s", error);
	else
		ha_step_done(g);
}

static void flush_start(struct ha_group *g)
{
	struct ha_wait *w = ha_wait_begin(g, flushed);
	struct device **all;
	unsigned n = 0;

	if (!w)
		return;
	all = ha_devices_distinct(g, &n);
	for (unsigned i = 0; i < n; i++)
		flush_send(w, all[i]);
	ha_wait_put(w, all ? 0 : -ENOMEM, "no memory");
	free(all);
}

/* ---- close: the state volume, then the devices ---- */

static void store_closed(struct ha_group *g, int status, const char *error)
{
	(void)status;
	(void)error;
	ha_devices_change(g, true);
}

static void volume_closed(void *arg)
{
	ha_wait_put(arg, 0, "%s", "");
}

static void close_start(struct ha_group *g)
{
	struct state_store *store = g->store;
	struct ha_wait *w;
	struct device *d;

	ha_gate_shut(g);
	list_for_each(d, &g->ha->live->devices, link)
		if (d->state == DEVICE_READY && ha_is_member(g, d))
			lu_set_store(d->lu, NULL);
	if (!store) {
		ha_devices_change(g, true);
		return;
	}
	w = ha_wait_begin(g, store_closed);
	if (!w)
		return;
	g->store = NULL;
	state_volume_close_async(store, volume_closed, w);
}

/* ---- publish ---- */

static void publish_start(struct ha_group *g)
{
	ha_set_local(g, ALUA_STANDBY);
	ha_tell(g);
	ha_step_done(g);
}

const struct ha_step ha_demote_steps[] = {
	{ "stop", stop_start },   { "drain", drain_start },     { "flush", flush_start },
	{ "close", close_start }, { "publish", publish_start }, { NULL, NULL },
};

const struct ha_step ha_undo_steps[] = {
	{ "drain", drain_start }, { "close", close_start }, { "publish", publish_start },
	{ NULL, NULL },
};
