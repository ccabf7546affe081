/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/apply.h"
#include "base/bytes.h"
#include "base/log.h"
#include "ctl/apply_groups.h"
#include "ctl/apply_plan.h"
#include "ctl/device.h"
#include "ctl/device_params.h"
#include "ctl/ha_live.h"
#include "ctl/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define log_at(level, ...) log_write((level), __func__, __FILE__, __LINE__, __VA_ARGS__)

/* One change of the configuration; it goes through the phases below. */
struct apply {
	struct job job;
	struct live *live;
	struct conf *next;         /* NULL once it is in force */
	struct conf *old;          /* in force before, freed at the end */
	struct device **device_of; /* for next; then it is live->device_of */
	void (*const *phase)(struct apply *a); /* the next one; ends in NULL */
	unsigned pending; /* operations of this phase that are not over, plus one while it starts */
	struct apply_result result;
	bool refused;     /* nothing was changed */
	struct device *const *recover; /* of apply_recover(): the device, and */
	struct backend *recovered;     /* what it is made on, until that is its own */
	char known[LIVE_ERROR_MAX];    /* what is wrong with it was told already */
	apply_done_fn done;
	void *arg;
};

/* Lines about single devices at info level; with thousands they would crowd out the errors. */
#define DEVICE_LINES 100u

static int line_level(unsigned before)
{
	return before < DEVICE_LINES ? LOG_INFO : LOG_DEBUG;
}

static struct apply *apply_running(struct live *live)
{
	return container_of(live->jobs.running, struct apply, job);
}

static void apply_continue(struct apply *a);

static void operation_over(void *arg)
{
	struct apply *a = arg;

	if (!--a->pending)
		apply_continue(a);
}

__attribute__((format(printf, 2, 3)))
static void apply_error(struct apply *a, const char *fmt, ...)
{
	char line[LIVE_ERROR_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_err("%s", line);
	text_printf(&a->result.errors, "%s\n", line);
}

/* ---- phase: targets that leave or are disabled lose their sessions ---- */

static void targets_disable(struct apply *a)
{
	struct target *t;

	list_for_each(t, &a->live->targets, link) {
		if (!t->srp || (t->next && t->next->enabled))
			continue;
		if (!srp_target_enabled(t->srp) && t->next)
			continue;
		a->pending++;
		srp_target_disable(t->srp, operation_over, a);
	}
}

static void targets_destroy(struct apply *a)
{
	struct target *t, *tmp;

	list_for_each_safe(t, tmp, &a->live->targets, link) {
		if (t->next)
			continue;
		if (t->srp) {
			srp_target_destroy(t->srp);
			a->result.targets_removed++;
		}
		list_del(&t->link);
		free(t);
	}
}

/* ---- phase: the next configuration comes into force, without its new devices ---- */

static void target_remap(struct apply *a, struct target *t)
{
	a->pending++;
	if (srp_target_remap(t->srp, operation_over, a)) {
		a->pending--;
		apply_error(a, "target %s: no memory for the LUNs of its sessions", t->conf->name);
		return;
	}
	a->result.targets_remapped++;
}

static void rights_exchanged(void *arg)
{
	struct device *d = arg;

	backend_close(d->be);
	d->be = NULL;
	lu_set_read_only(d->lu, d->conf->read_only);
	operation_over(apply_running(d->live));
}

/* Opened with other rights; one that only became read-only is so at once and in any case. */
static void device_reopen(struct apply *a, struct device *d)
{
	int rc = device_backend_open(d);

	if (!rc) {
		rc = lu_exchange(d->lu, d->be, d->error, sizeof(d->error));
		if (!rc) {
			a->pending++;
			lus_refresh(&d->lu, 1, rights_exchanged, d);
			return;
		}
		backend_close(d->be);
		d->be = NULL;
	}
	d->lost = true;
	if (!d->conf->read_only)
		apply_error(a, "device %s stays read-only: %s", d->conf->name, d->error);
}

static void device_change_rights(struct apply *a, struct device *d)
{
	struct backend *be = lu_backend(d->lu);
	bool read_only = d->conf->read_only;

	bool reopen = backend_can_exchange(be) && !backend_is_parked(be);

	if (backend_info(be)->read_only == read_only)
		return;
	if (read_only || !reopen)
		lu_set_read_only(d->lu, read_only);
	if (reopen)
		device_reopen(a, d);
}

/* What stays may have other values for what can change while it is in use. */
static void device_change(struct apply *a, struct device *d, const struct conf_device *next)
{
	bool same = conf_device_equal(d->conf, next);

	d->conf = next;
	if (!d->lu)
		return;
	device_change_rights(a, d);
	if (!same) {
		const struct backend_params p = backend_params_make(next);

		backend_change(lu_backend(d->lu), &p);
		log_info("device %s changed", next->name);
	}
}

static void conf_switch(struct apply *a)
{
	struct live *live = a->live;
	struct device *d;
	struct target *t;

	free(live->device_of);
	live->device_of = a->device_of;
	a->device_of = NULL;
	a->old = live->conf;
	live->conf = a->next;
	a->next = NULL;
	list_for_each(d, &live->devices, link) {
		if (d->next)
			device_change(a, d, d->next);
		else
			d->state = DEVICE_LEAVING;
		d->next = NULL;
	}
	groups_switch(live, &a->result.errors);
	list_for_each(t, &live->targets, link)
		t->conf = t->next;
	list_for_each(t, &live->targets, link)
		if (t->lost_lun)
			target_remap(a, t);
}

/* ---- phase: devices that nobody maps any more are closed ---- */

static void device_free(struct device *d)
{
	watch_forget(d);
	ha_forget(d);
	list_del(&d->link);
	free(d);
}

static void device_closed(void *arg)
{
	struct device *d = arg;
	struct apply *a = apply_running(d->live);

	log_at(line_level(a->result.devices_closed++), "device %s closed", d->conf->name);
	device_free(d);
	operation_over(a);
}

static void devices_close(struct apply *a)
{
	struct device *d, *tmp;

	list_for_each_safe(d, tmp, &a->live->devices, link) {
		if (d->state != DEVICE_LEAVING)
			continue;
		if (!d->lu) {
			device_free(d);
			continue;
		}
		a->pending++;
		lu_destroy(d->lu, device_closed, d);
	}
}

/* ---- phase: groups that are no more ---- */

static void groups_away(struct apply *a)
{
	groups_drop(a->live);
}

/* ---- phase: new devices are opened ---- */

/* With the reason in d->error. */
static void device_failed(struct apply *a, struct device *d)
{
	d->state = DEVICE_FAILED;
	a->result.devices_failed++;
	if (strcmp(d->error, a->known))
		apply_error(a, "device %s: %s", d->conf->name, d->error);
}

static void device_attached(void *arg, struct lu *lu, int status)
{
	struct device *d = arg;
	struct apply *a = apply_running(d->live);

	if (status) {
		backend_close(d->be);
		device_attach_error(d, status);
		device_failed(a, d);
	} else {
		d->lu = lu;
		d->be = NULL;
		d->state = DEVICE_READY;
		groups_join(d);
		log_at(line_level(a->result.devices_opened++), "device %s opened (%s%s%s)",
		       d->conf->name, conf_handler_name(d->conf->handler),
		       d->conf->filename ? " " : "", d->conf->filename ? d->conf->filename : "");
	}
	operation_over(a);
}

/* d->be is open. */
static void device_attach(struct apply *a, struct device *d)
{
	a->pending++;
	if (device_lu_create(d, device_attached)) {
		a->pending--;
		backend_close(d->be);
		device_failed(a, d);
	}
}

static bool device_refused(struct device *d)
{
	if (groups_ready(d))
		return false;
	snprintf(d->error, sizeof(d->error), "its device group could not be made");
	return true;
}

static void device_open(struct apply *a, struct device *d)
{
	if (!d->conf->active)
		d->state = DEVICE_INACTIVE;
	else if (device_refused(d) || device_backend_open(d))
		device_failed(a, d);
	else
		device_attach(a, d);
}

/* What was opened before the role of its group changed is not what may be used now. */
static bool role_changed(struct device *d, const struct backend *be)
{
	if (device_backend_fits(d, be))
		return false;
	snprintf(d->error, sizeof(d->error), "the role of its device group has changed");
	return true;
}

/* The one phase of apply_recover() besides those for the targets. */
static void device_recover(struct apply *a)
{
	struct device *d = *a->recover;
	struct target *t;

	list_for_each(t, &a->live->targets, link)
		t->lost_lun = t->changed = false;
	if (!d || d->state != DEVICE_FAILED) {
		backend_close(a->recovered);
		return;
	}
	snprintf(a->known, sizeof(a->known), "%s", d->error);
	if (device_refused(d) || role_changed(d, a->recovered)) {
		backend_close(a->recovered);
		device_failed(a, d);
		return;
	}
	d->error[0] = 0;
	d->be = a->recovered;
	d->state = DEVICE_OPENING;
	d->fresh = true;
	device_attach(a, d);
}

static void devices_open(struct apply *a)
{
	struct live *live = a->live;

	for (size_t i = 0; i < live->conf->n_devices; i++) {
		struct device *d;

		if (live->device_of[i])
			continue;
		d = calloc(1, sizeof(*d));
		if (!d) {
			apply_error(a, "device %s: no memory", live->conf->devices[i].name);
			a->result.devices_failed++;
			continue;
		}
		d->live = live;
		d->conf = &live->conf->devices[i];
		d->state = DEVICE_OPENING;
		d->fresh = true;
		list_add_tail(&live->devices, &d->link);
		live->device_of[i] = d;
		device_open(a, d);
	}
}

/* ---- phase: targets get their LUNs, new ones are made ---- */

static void search_fresh(void *arg, const struct conf_group *group, const struct conf_lun *lun)
{
	struct target *t = arg;
	const struct device *d = live_device(t->live, lun->dev);

	(void)group;
	if (d && d->fresh && d->state == DEVICE_READY)
		t->changed = true;
}

static void targets_remap(struct apply *a)
{
	struct target *t;

	list_for_each(t, &a->live->targets, link) {
		/* What was lost has been told already, with the next configuration in force. */
		if (t->lost_lun)
			t->changed = false;
		conf_target_for_each_lun(t->conf, search_fresh, t);
		if (t->changed)
			target_remap(a, t);
	}
}

static void target_add(struct apply *a, const struct conf_target *conf)
{
	struct live *live = a->live;
	struct target *t = calloc(1, sizeof(*t));
	struct srp_target_params p = { .name = conf->name, .rel_tgt_id = conf->rel_tgt_id };
	int rc;

	if (!t) {
		apply_error(a, "target %s: no memory", conf->name);
		a->result.targets_failed++;
		return;
	}
	t->live = live;
	t->conf = conf;
	t->ioc_guid = p.ioc_guid = live_ioc_guid(live, live->conf, conf);
	t->id_ext = p.id_ext = conf_target_id_ext(conf, p.ioc_guid);
	list_add_tail(&live->targets, &t->link);
	rc = srp_target_create(live->srp, &p, &t->srp);
	if (rc) {
		t->srp = NULL;
		snprintf(t->error, sizeof(t->error), "%s", rc == -EEXIST ?
			 "another target has the same id_ext and ioc_guid" : strerror(-rc));
		apply_error(a, "target %s: %s", conf->name, t->error);
		a->result.targets_failed++;
		return;
	}
	a->result.targets_added++;
	srp_target_set_map(t->srp, live_map, t);
	srp_target_set_reach(t->srp, live_reach, t);
}

static void targets_add(struct apply *a)
{
	const struct conf *conf = a->live->conf;

	for (size_t i = 0; i < conf->n_targets; i++)
		if (!live_target_find(a->live, conf->targets[i].name))
			target_add(a, &conf->targets[i]);
}

static void targets_enable(struct apply *a)
{
	struct target *t;

	list_for_each(t, &a->live->targets, link)
		if (t->srp && t->conf->enabled && ha_target_here(a->live, t->conf) &&
		    !srp_target_enabled(t->srp))
			srp_target_enable(t->srp);
}

/* ---- the order ---- */

typedef void (*phase_fn)(struct apply *a);

static const phase_fn phases_apply[] = {
	targets_disable, targets_destroy, conf_switch, devices_close, groups_away,
	devices_open, targets_remap, targets_add, targets_enable, NULL,
};
static const phase_fn phases_recover[] = { device_recover, targets_remap, NULL };

static void result_log(const struct apply_result *r)
{
	log_notice("configuration in force: devices %u opened, %u closed, %u failed; targets "
		   "%u added, %u removed, %u failed, %u with other LUNs", r->devices_opened,
		   r->devices_closed, r->devices_failed, r->targets_added, r->targets_removed,
		   r->targets_failed, r->targets_remapped);
}

static void apply_finish(struct apply *a)
{
	struct live *live = a->live;
	struct device *d;

	list_for_each(d, &live->devices, link)
		d->fresh = false;
	conf_free(a->old);
	if (!a->refused && !a->recover)
		result_log(&a->result);
	if (a->done)
		a->done(a->arg, &a->result);
	text_free(&a->result.errors);
	free(a);
	job_finished(&live->jobs);
}

/* Phases until one has something to wait for. */
static void apply_continue(struct apply *a)
{
	while (*a->phase) {
		a->pending = 1;
		(*a->phase++)(a);
		if (--a->pending)
			return;
	}
	apply_finish(a);
}

static void apply_refuse(struct apply *a, const char *why)
{
	apply_error(a, "%s: nothing was changed", why);
	free(a->device_of);
	a->old = a->next;
	a->refused = true;
	a->result.refused = true;
	a->phase += ARRAY_SIZE(phases_apply) - 1;
}

static void apply_start(struct job *j)
{
	struct apply *a = container_of(j, struct apply, job);
	char why[LIVE_ERROR_MAX];
	struct device *d;

	if (!ha_may_apply(a->live, a->next, why, sizeof(why)))
		apply_refuse(a, why);
	else if (plan_make(a->live, a->next, a->device_of))
		apply_refuse(a, "no memory to compare the configurations");
	/* What leaves is to be drained, and so are the sessions that use it. */
	list_for_each(d, &a->live->devices, link)
		if (!a->refused && !d->next && d->lu)
			backend_release(lu_backend(d->lu));
	apply_continue(a);
}

/* What hangs may be what the change before this one waits for, so it is let go at once. */
static void hangs_end(struct live *live, const struct conf *next)
{
	struct device *d;

	list_for_each(d, &live->devices, link) {
		const struct conf_device *nd = conf_device_find(next, d->conf->name);

		if (nd && d->state == DEVICE_READY && d->conf->fault_hang && !nd->fault_hang) {
			const struct backend_params p = backend_params_make(nd);

			backend_change(lu_backend(d->lu), &p);
		}
	}
}

int apply_submit(struct live *live, struct conf *next, apply_done_fn done, void *arg)
{
	struct apply *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->device_of = calloc(next->n_devices + 1, sizeof(struct device *));
	if (!a->device_of) {
		free(a);
		return -ENOMEM;
	}
	a->job.start = apply_start;
	a->phase = phases_apply;
	a->live = live;
	a->next = next;
	a->done = done;
	a->arg = arg;
	hangs_end(live, next);
	job_submit(&live->jobs, &a->job);
	return 0;
}

static void recover_start(struct job *j)
{
	apply_continue(container_of(j, struct apply, job));
}

int apply_recover(struct live *live, struct device *const *d, struct backend *be,
		  apply_done_fn done, void *arg)
{
	struct apply *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	*a = (struct apply){
		.job = { .start = recover_start }, .phase = phases_recover, .live = live,
		.recover = d, .recovered = be, .done = done, .arg = arg,
	};
	job_submit(&live->jobs, &a->job);
	return 0;
}
