/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that change something. */
#include "base/log.h"
#include "ctl/ha_live.h"
#include "ctl/ops.h"
#include "ctl/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- reload ---- */

static void reloaded(void *arg, bool applied, bool clean, const struct text *messages)
{
	struct ops *o = arg;

	text_add(&o->reply.err, text_string(messages), messages->len);
	if (!applied)
		ops_fail(o, "%s was not applied: nothing changed", o->d->conf_path);
	else if (!clean)
		ops_fail(o, "%s was applied, with the failures above", o->d->conf_path);
	else
		ops_finish(o);
}

void ops_reload(struct ops *o)
{
	reload(o->d, reloaded, o);
}

/* ---- targets ---- */

/* The target named in the command, when its turn has come; NULL: the command has ended. */
static struct target *target_of(struct ops *o)
{
	struct target *t = live_target_find(&o->d->live, o->call.argv[1]);

	if (t && t->srp)
		return t;
	if (t)
		ops_fail(o, "target %s does not work: %s", t->conf->name, t->error);
	else
		ops_fail(o, "there is no target %s", o->call.argv[1]);
	return NULL;
}


static void enable_start(struct job *j)
{
	struct ops *o = container_of(j, struct ops, job);
	struct daemon *d = o->d;
	struct target *t = target_of(o);

	if (t && !ha_target_here(&d->live, t->conf)) {
		ops_fail(o, "target %s is floating: it is on the node that serves its device group",
			 t->conf->name);
	} else if (t) {
		log_notice("target %s enabled on request", t->conf->name);
		srp_target_enable(t->srp);
		dm_model_update(&d->dm, &d->live);
		ops_finish(o);
	}
	job_finished(&d->live.jobs);
}

void ops_enable(struct ops *o)
{
	o->job.start = enable_start;
	job_submit(&o->d->live.jobs, &o->job);
}

static void disabled(void *arg)
{
	struct ops *o = arg;
	struct daemon *d = o->d;

	ops_finish(o);
	job_finished(&d->live.jobs);
}

static void disable_start(struct job *j)
{
	struct ops *o = container_of(j, struct ops, job);
	struct daemon *d = o->d;
	struct target *t = target_of(o);

	if (!t) {
		job_finished(&d->live.jobs);
		return;
	}
	log_notice("target %s disabled on request", t->conf->name);
	srp_target_disable(t->srp, disabled, o);
	dm_model_update(&d->dm, &d->live);
}

void ops_disable(struct ops *o)
{
	o->job.start = disable_start;
	job_submit(&o->d->live.jobs, &o->job);
}

/* ---- sessions and devices ---- */

void ops_close_session(struct ops *o)
{
	const char *text = o->call.argv[1];
	char *end;
	uint64_t id;

	errno = 0;
	id = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9') {
		o->reply.status = OPS_USAGE;
		ops_fail(o, "%s is no session id; srptctl sessions lists them", text);
	} else if (srp_session_close(o->d->live.srp, id)) {
		ops_fail(o, "there is no session %" PRIu64, id);
	} else {
		log_notice("session %" PRIu64 " closed on request", id);
		ops_finish(o);
	}
}

static void resynced(struct watch_waiter *w, const char *error)
{
	struct ops *o = container_of(w, struct ops, waiter);

	if (error)
		ops_fail(o, "device %s: %s", o->call.argv[1], error);
	else
		ops_finish(o);
}

void ops_resync(struct ops *o)
{
	struct device *d = live_device_find(&o->d->live, o->call.argv[1]);

	if (!d) {
		ops_fail(o, "there is no device %s", o->call.argv[1]);
	} else if (d->state != DEVICE_READY && d->state != DEVICE_FAILED) {
		ops_fail(o, "device %s is %s", d->conf->name, device_state_name(d->state));
	} else {
		o->waiter.done = resynced;
		watch_device(o->d->watch, d, &o->waiter);
	}
}
