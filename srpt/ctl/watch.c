/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/watch.h"

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/log.h"
#include "ctl/apply.h"
#include "ctl/device.h"
#include "ctl/device_params.h"
#include "ctl/ha_live.h"
#include "ctl/offload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_NS 1000000000ull
#define WAITS_MAX 31u   /* turns between attempts to open what cannot be opened */
#define TURN_DEVICES 64u /* looked at in one turn, of thousands there may be */

struct watch {
	struct live *live;
	qb_loop_t *loop;
	qb_loop_timer_handle timer;
	struct offload *offload;
	struct mailbox *control;
	size_t next; /* index in live->conf->devices */
	bool stopped;
};

/* One look at a device. */
struct probe {
	struct offload_job offload;
	struct job job;        /* its turn to change what is live */
	struct watch *watch;
	struct device *device; /* NULL: it is gone */
	struct list_node waiters;
	struct backend_params params; /* filename is the probe's own */
	bool open;             /* else only the size is looked at */
	struct backend *fresh; /* what was opened */
	uint64_t size;
	bool look;             /* and at what the disk is like, into known */
	struct backend_known known;
	int rc;
	char error[LIVE_ERROR_MAX];
};

static void probe_free(struct probe *p)
{
	free((void *)(uintptr_t)p->params.filename);
	free(p);
}

static void probe_tell(struct probe *p, const char *error)
{
	struct watch_waiter *w, *tmp;

	list_for_each_safe(w, tmp, &p->waiters, link) {
		list_del(&w->link);
		w->done(w, error);
	}
}

/* Closing may block as well. */
static void fresh_close(struct offload_job *j)
{
	struct probe *p = container_of(j, struct probe, offload);

	backend_close(p->fresh);
}

static void fresh_closed(struct offload_job *j)
{
	probe_free(container_of(j, struct probe, offload));
}

static void probe_end(struct probe *p, const char *error)
{
	if (p->device)
		p->device->probe = NULL;
	p->device = NULL;
	probe_tell(p, error);
	if (p->fresh && p->watch->stopped)
		backend_close(p->fresh);
	if (!p->fresh || p->watch->stopped) {
		probe_free(p);
		return;
	}
	p->offload = (struct offload_job){ .run = fresh_close, .done = fresh_closed };
	offload_run(p->watch->offload, &p->offload);
}

/* ---- what was found ---- */

/* Told once, shown until it is over. */
static void trouble(struct device *d, const char *error)
{
	if (strcmp(d->error, error))
		log_err("device %s: %s", d->conf->name, error);
	snprintf(d->error, sizeof(d->error), "%s", error);
}

/* NULL, or why it cannot be. */
static const char *size_take_over(struct device *d)
{
	int rc = lu_resync(d->lu);

	if (rc == -EINVAL)
		return "it has shrunk: the old size stays, I/O behind the end fails";
	return rc < 0 ? strerror(-rc) : NULL;
}

static void exchanged(void *arg)
{
	struct probe *p = arg;
	struct device *d = p->device;
	struct job_queue *jobs = &p->watch->live->jobs;

	log_notice("device %s opened again", d->conf->name);
	d->error[0] = 0;
	d->lost = false;
	lu_set_read_only(d->lu, d->conf->read_only);
	probe_end(p, size_take_over(d));
	job_finished(jobs);
}

/* Nothing else is changed meanwhile, so the device stays. */
static void exchange_start(struct job *j)
{
	struct probe *p = container_of(j, struct probe, job);
	struct device *d = p->device;
	struct job_queue *jobs = &p->watch->live->jobs;

	if (!d || d->state != DEVICE_READY) {
		probe_end(p, "it was taken away meanwhile");
	} else if (!device_backend_fits(d, p->fresh) || p->params.parked) {
		d->lost = false;
		probe_end(p, "the role of its device group has changed meanwhile");
	} else if (p->params.read_only != d->conf->read_only) {
		/* A reload came between: what was opened before it has the rights of before. */
		d->wait = 0;
		probe_end(p, "its configuration was changed meanwhile: try again");
	} else {
		if (!lu_exchange(d->lu, p->fresh, p->error, sizeof(p->error))) {
			lus_refresh(&d->lu, 1, exchanged, p);
			return;
		}
		trouble(d, p->error);
		probe_end(p, p->error);
	}
	job_finished(jobs);
}

static void recovered(void *arg, const struct apply_result *result)
{
	struct probe *p = arg;
	struct device *d = p->device;

	(void)result;
	if (!d)
		probe_end(p, "it was taken away meanwhile");
	else
		probe_end(p, d->error[0] ? d->error : NULL);
}

static void opened(struct probe *p)
{
	struct device *d = p->device;
	struct backend *be = p->fresh;

	if (d->state == DEVICE_READY) {
		p->job.start = exchange_start;
		job_submit(&p->watch->live->jobs, &p->job);
		return;
	}
	p->fresh = NULL;
	if (!apply_recover(p->watch->live, &p->device, be, recovered, p))
		return;
	p->fresh = be;
	probe_end(p, strerror(ENOMEM));
}

static void probe_run(struct offload_job *j);
static void probe_over(struct offload_job *j);

/* It has a file of its own that may grow. */
static bool may_grow(const struct device *d)
{
	enum ha_access access = ha_access(d);

	return d->conf->filename && backend_can_exchange(lu_backend(d->lu)) &&
	       (access == HA_ACCESS_FREE || access == HA_ACCESS_OPEN);
}

/* Of a path: that may lead to a file by now which does not concern us. A size is news once. */
static void size_found(struct probe *p)
{
	struct device *d = p->device;
	uint64_t before = d->seen_size ? d->seen_size : backend_info(lu_backend(d->lu))->size;

	if (p->look && may_grow(d))
		backend_learn(lu_backend(d->lu), &p->known);
	if (!p->rc && may_grow(d)) {
		d->seen_size = p->size;
		if (p->size != before)
			size_take_over(d);
	}
	if (list_empty(&p->waiters)) {
		probe_end(p, NULL);
		return;
	}
	/* Somebody found it lost meanwhile and waits for it to be opened. */
	p->open = true;
	p->error[0] = 0;
	p->offload = (struct offload_job){ .run = probe_run, .done = probe_over };
	offload_run(p->watch->offload, &p->offload);
}

static void probe_over(struct offload_job *j)
{
	struct probe *p = container_of(j, struct probe, offload);

	if (!p->device || p->watch->stopped) {
		probe_end(p, "it was taken away meanwhile");
	} else if (!p->open && p->device->state == DEVICE_READY) {
		size_found(p);
	} else if (!p->open) {
		probe_end(p, p->device->error);
	} else if (p->rc) {
		trouble(p->device, p->error);
		probe_end(p, p->error);
	} else {
		opened(p);
	}
}

/* ---- looking ---- */

static void probe_run(struct offload_job *j)
{
	struct probe *p = container_of(j, struct probe, offload);

	if (!p->open)
		p->rc = backend_path_size(p->params.filename, &p->size);
	else
		p->rc = backend_open(&p->params, &p->fresh, p->error, sizeof(p->error));
	if (p->look)
		p->look = !backend_look(&p->params, &p->known);
	if (p->rc && !p->error[0])
		snprintf(p->error, sizeof(p->error), "%s", strerror(-p->rc));
}

static struct probe *probe_start(struct watch *w, struct device *d, bool open)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->params = backend_params_make(d->conf);
	p->params.parked = ha_access(d) != HA_ACCESS_FREE && ha_access(d) != HA_ACCESS_OPEN;
	if (p->params.filename)
		p->params.filename = strdup(p->params.filename);
	if (!p->params.filename != !d->conf->filename) {
		probe_free(p);
		return NULL;
	}
	p->watch = w;
	p->device = d;
	p->open = open;
	p->look = !open && backend_unsure(lu_backend(d->lu));
	list_init(&p->waiters);
	d->probe = p;
	p->offload = (struct offload_job){ .run = probe_run, .done = probe_over };
	offload_run(w->offload, &p->offload);
	return p;
}

static bool needs_opening(struct device *d)
{
	if (d->state == DEVICE_READY && backend_is_parked(lu_backend(d->lu)))
		return false;
	if (d->state == DEVICE_READY && backend_suspect(lu_backend(d->lu)))
		d->lost = true;
	return d->state == DEVICE_FAILED || d->lost;
}

/*
 * Which node has the devices of a group is the cluster's to say: a DRBD device that is opened
 * to see whether it can be becomes Primary by that. One that is parked is opened by nobody.
 */
static bool may_open(const struct device *d)
{
	switch (ha_access(d)) {
	case HA_ACCESS_FREE:
		return d->state == DEVICE_READY || !d->conf->group;
	case HA_ACCESS_OPEN:
		return true;
	case HA_ACCESS_PARKED:
		return d->state == DEVICE_FAILED;
	default:
		return false;
	}
}

/* Attempts to open come less and less often, until there was no need for as long. */
static void device_look(struct watch *w, struct device *d)
{
	if (d->probe || (d->state != DEVICE_READY && d->state != DEVICE_FAILED))
		return;
	if (!needs_opening(d)) {
		if (d->wait)
			d->wait--;
		else
			d->waits = 0;
		if (may_grow(d))
			probe_start(w, d, false);
	} else if (d->wait) {
		d->wait--;
	} else if (may_open(d)) {
		d->waits = min_u32(2 * d->waits + 1, WAITS_MAX);
		d->wait = d->waits;
		probe_start(w, d, true);
	}
}

void watch_turn(struct watch *w)
{
	size_t n = w->live->conf ? w->live->conf->n_devices : 0;

	for (size_t i = 0; i < n && i < TURN_DEVICES; i++) {
		struct device *d;

		if (w->next >= n)
			w->next = 0;
		d = w->live->device_of[w->next++];
		if (d)
			device_look(w, d);
	}
}

void watch_device(struct watch *w, struct device *d, struct watch_waiter *waiter)
{
	d->wait = d->waits = 0;
	if (d->state == DEVICE_READY && backend_is_parked(lu_backend(d->lu)))
		waiter->done(waiter, "it is not open: its device group is not promoted");
	else if (!needs_opening(d) && !(d->probe && d->probe->open))
		waiter->done(waiter, size_take_over(d));
	else if (!d->probe && !probe_start(w, d, true))
		waiter->done(waiter, strerror(ENOMEM));
	else
		list_add_tail(&d->probe->waiters, &waiter->link);
}

void watch_forget(struct device *d)
{
	if (d->probe)
		d->probe->device = NULL;
	d->probe = NULL;
}

/* ---- beginning and end ---- */

static void timer_run(void *arg)
{
	struct watch *w = arg;

	watch_turn(w);
	if (qb_loop_timer_add(w->loop, QB_LOOP_LOW, TURN_NS, w, timer_run, &w->timer))
		w->loop = NULL;
}

int watch_create(struct live *live, qb_loop_t *loop, struct mailbox *control, struct watch **out)
{
	struct watch *w = calloc(1, sizeof(*w));
	int rc = w ? offload_create("watch", control, &w->offload) : -ENOMEM;

	if (!rc && loop)
		rc = qb_loop_timer_add(loop, QB_LOOP_LOW, TURN_NS, w, timer_run, &w->timer);
	if (rc) {
		if (w && w->offload)
			offload_destroy(w->offload);
		free(w);
		return rc;
	}
	w->live = live;
	w->loop = loop;
	w->control = control;
	*out = w;
	return 0;
}

void watch_stop(struct watch *w)
{
	if (w && w->loop)
		qb_loop_timer_del(w->loop, w->timer);
	if (w)
		w->loop = NULL;
}

void watch_destroy(struct watch *w)
{
	if (!w)
		return;
	watch_stop(w);
	w->stopped = true;
	offload_destroy(w->offload);
	mailbox_drain(w->control);
	free(w);
}
