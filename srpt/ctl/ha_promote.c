/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps by which a group begins to serve. */
#include "ctl/ha_link.h"
#include "ctl/ha_priv.h"

#include "base/bytes.h"
#include "base/log.h"
#include "ctl/state_volume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- gate: until there is a lease ---- */

static void gate_start(struct ha_group *g)
{
	bool connected = ha_link_connected(ha_link_of(g));

	g->overtaken = false;
	if (ha_ungated(g)) {
		g->epoch = 1;
		g->until_ns = HA_FOR_EVER;
		g->gate = true;
		ha_step_done(g);
		return;
	}
	g->refused = HA_GATE_CLOSED;
	snprintf(g->reason, sizeof(g->reason), "%s", connected ?
		 "srp-replicatord gives no lease" : "srp-replicatord is not running");
	ha_timer_start(&g->stale, HA_LEASE_WAIT_S * HA_NS_PER_S);
	/* A table may come with the epoch of the lease before the lease does. */
	g->wanted = ha_above(g);
	ha_link_want(ha_link_of(g), ha_name(g), g->wanted, g->primary_ns > clock_now_ns());
}

/* ---- open ---- */

static void revived(struct ha_group *g, int status, const char *error)
{
	if (status)
		ha_run_fail(g, HA_FAILED, "%s", error);
	else
		ha_devices_change(g, false);
}

static void open_start(struct ha_group *g)
{
	ha_devices_revive(g, revived);
}

/* ---- state: reservations and mode pages as the node before left them ---- */

struct volume_job {
	struct offload_job job;
	struct ha_wait *wait;
	struct ha_threads *threads;
	struct mailbox *control;
	struct state_store *store;
	uint64_t epoch;
	int rc;
	char error[256];
	char path[];
};

static void state_over(struct ha_group *g, int status, const char *error)
{
	if (status)
		ha_run_fail(g, HA_FAILED, "%s", error);
	else
		ha_step_done(g);
}

static int device_state(struct device *d, struct state_store *store, char *err, size_t size)
{
	char key[LU_STATE_KEY_SIZE];
	uint8_t naa[16];
	void *data = NULL;
	size_t len = 0;
	int rc = 0;

	conf_device_naa(d->conf, naa);
	lu_state_key(naa, key);
	if (store)
		rc = state_load(store, key, &data, &len, err, size);
	if (!rc) {
		rc = lu_state_replace(d->lu, data, len);
		if (rc)
			snprintf(err, size, "device %s: what is kept of it: %s", d->conf->name,
				 strerror(-rc));
	}
	if (!rc)
		lu_set_store(d->lu, store ? &store->lu : NULL);
	free(data);
	return rc;
}

static int states_take(struct ha_group *g, char *err, size_t size)
{
	struct device *d;
	int rc = 0;

	list_for_each(d, &g->ha->live->devices, link)
		if (!rc && d->state == DEVICE_READY && ha_is_member(g, d))
			rc = device_state(d, g->store, err, size);
	return rc;
}

static void epoch_stored(void *arg, int status)
{
	ha_wait_put(arg, status, "the epoch cannot be stored on the state volume: %s",
		    strerror(-status));
}

static int epoch_check(const struct ha_group *g, uint64_t stored, char *err, size_t size)
{
	if (ha_ungated(g) || stored < g->epoch)
		return 0;
	snprintf(err, size, "the state volume is of epoch %" PRIu64 ", not before %" PRIu64
		 ": another node has served since", stored, g->epoch);
	return -1;
}

/* The volume is the group's. */
static void volume_read(struct ha_group *g, struct volume_job *v)
{
	char err[256] = "";
	int rc = epoch_check(g, v->epoch, err, sizeof(err));

	g->store = v->store;
	if (!rc)
		rc = states_take(g, err, sizeof(err));
	if (rc || ha_ungated(g))
		ha_wait_put(v->wait, rc, "%s", err);
	else
		state_volume_set_epoch(g->store, g->epoch, epoch_stored, v->wait);
}

static void volume_closed(void *arg)
{
	(void)arg;
}

static void volume_opened(struct offload_job *j)
{
	struct volume_job *v = container_of(j, struct volume_job, job);
	struct ha_group *g = v->wait->g;

	v->threads->out--;
	if (!v->rc && g) {
		volume_read(g, v);
	} else {
		if (!v->rc)
			state_volume_close_async(v->store, volume_closed, NULL);
		ha_wait_put(v->wait, v->rc, "%s", v->error);
	}
	free(v);
}

static void volume_open(struct offload_job *j)
{
	struct volume_job *v = container_of(j, struct volume_job, job);
	unsigned tries = HA_OPEN_TRIES;

	do
		v->rc = state_volume_open(v->path, v->control, &v->store, &v->epoch, v->error,
					  sizeof(v->error));
	while (ha_open_again(v->rc, &tries));
}

static void state_start(struct ha_group *g)
{
	const char *path = g->group->conf->state_volume;
	struct ha_wait *w = ha_wait_begin(g, state_over);
	struct volume_job *v;
	char err[256] = "";
	int rc;

	if (!w)
		return;
	if (!path) {
		rc = states_take(g, err, sizeof(err));
		ha_wait_put(w, rc, "%s", err);
		return;
	}
	v = calloc(1, sizeof(*v) + strlen(path) + 1);
	if (!v) {
		ha_wait_put(w, -1, "no memory");
		return;
	}
	strcpy(v->path, path);
	v->wait = w;
	v->threads = g->threads;
	v->control = &g->ha->d->mailbox;
	v->job = (struct offload_job){ .run = volume_open, .done = volume_opened };
	v->threads->out++;
	offload_run(v->threads->t[0], &v->job);
}

/* What has served before goes on with the next lease. */
static void stamp_start(struct ha_group *g)
{
	struct ha_wait *w;

	if (!g->store || ha_ungated(g)) {
		ha_step_done(g);
		return;
	}
	w = ha_wait_begin(g, state_over);
	if (w)
		state_volume_set_epoch(g->store, g->epoch, epoch_stored, w);
}

/* ---- canary: every device answers ---- */

struct canary_read {
	struct ha_wait *wait;
	char name[CONF_DEVICE_NAME_MAX + 1];
};

static void canary_done(void *arg, int status)
{
	struct canary_read *c = arg;

	ha_wait_put(c->wait, status, "device %s: its first block cannot be read: %s", c->name,
		    strerror(-status));
	free(c);
}

static void canary_send(struct ha_wait *w, struct device *d)
{
	struct canary_read *c = calloc(1, sizeof(*c));

	w->left++;
	if (!c) {
		ha_wait_put(w, -1, "no memory");
		return;
	}
	c->wait = w;
	snprintf(c->name, sizeof(c->name), "%s", d->conf->name);
	if (lu_canary(d->lu, canary_done, c))
		canary_done(c, -ENOMEM);
}

static void canary_start(struct ha_group *g)
{
	struct ha_wait *w = ha_wait_begin(g, state_over);
	struct device **all;
	unsigned n;

	if (!w)
		return;
	all = ha_devices_distinct(g, &n);
	if (!all) {
		ha_wait_put(w, -1, "no memory");
		return;
	}
	for (unsigned i = 0; i < n; i++)
		canary_send(w, all[i]);
	free(all);
	ha_wait_put(w, 0, "%s", "");
}

/* ---- publish: the nodes agree that this one is active ---- */

static void publish_start(struct ha_group *g)
{
	if (ha_ungated(g)) {
		ha_activate(g);
		ha_tell(g);
	} else if (!ha_link_connected(ha_link_of(g))) {
		ha_run_fail(g, HA_GATE_CLOSED, "srp-replicatord is not connected");
	} else {
		ha_link_announce(ha_link_of(g), ha_name(g), ALUA_OPTIMIZED, g->epoch);
	}
}

const struct ha_step ha_promote_steps[] = {
	{ "gate", gate_start },       { "open", open_start },       { "state", state_start },
	{ "canary", canary_start },   { "publish", publish_start }, { NULL, NULL },
};

const struct ha_step ha_reopen_steps[] = {
	{ "canary", canary_start }, { "state", stamp_start }, { "publish", publish_start },
	{ NULL, NULL },
};
