/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the daemon does: status and counters. */
#include "config.h"
#include "ctl/ops.h"
#include "transport/verbs.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- status ---- */

static const struct column daemon_columns[] = {
	{ "version", "version", COLUMN_TEXT },
	{ "pid", "pid", COLUMN_NUMBER },
	{ "state", "state", COLUMN_TEXT },
	{ "started", NULL, COLUMN_NUMBER },
	{ "uptime", "uptime (s)", COLUMN_NUMBER },
	{ "config", "configuration", COLUMN_TEXT },
	{ "reactors", "reactors", COLUMN_NUMBER },
	{ "ioc_guid", "ioc_guid", COLUMN_TEXT },
	{ "ioc_guid_from", "ioc_guid from", COLUMN_TEXT },
	{ "rdma", "RDMA", COLUMN_TEXT },
	{ "rdma_vectors", "RDMA vectors", COLUMN_TEXT },
	{ "targets", "targets", COLUMN_NUMBER },
	{ "devices", "devices", COLUMN_NUMBER },
	{ "devices_failed", "failed devices", COLUMN_NUMBER },
	{ "device_groups", "device groups", COLUMN_NUMBER },
	{ "sessions", "sessions", COLUMN_NUMBER },
	{ "channels", "channels", COLUMN_NUMBER },
};

static const struct column rdma_columns[] = {
	{ "rdma_device", "RDMA DEVICE", COLUMN_TEXT },
	{ "ports", "PORTS", COLUMN_NUMBER },
	{ "node_guid", "NODE GUID", COLUMN_TEXT },
	{ "link_layer", "LINK LAYER", COLUMN_TEXT },
	{ "port_state", "PORT 1", COLUMN_TEXT },
	{ "vectors", "VECTORS", COLUMN_NUMBER },
};

static const struct column listener_columns[] = {
	{ "address", "LISTENER", COLUMN_TEXT },
	{ "transport", "TRANSPORT", COLUMN_TEXT },
	{ "listening", "LISTENING", COLUMN_BOOL },
	{ "error", "ERROR", COLUMN_TEXT },
};

static const struct column problem_columns[] = {
	{ "kind", "PROBLEM", COLUMN_TEXT },
	{ "name", "NAME", COLUMN_TEXT },
	{ "error", "REASON", COLUMN_TEXT },
};

struct totals {
	uint64_t sessions, channels, targets, devices, devices_failed, device_groups;
};

static void session_total(void *arg, const struct srp_session_info *i)
{
	struct totals *t = arg;

	t->sessions++;
	t->channels += i->channels;
}

static void totals_get(const struct live *live, struct totals *sum)
{
	const struct device_group *g;
	const struct target *t;
	const struct device *d;

	srp_for_each_session(live->srp, session_total, sum);
	list_for_each(t, &live->targets, link)
		sum->targets++;
	list_for_each(d, &live->devices, link) {
		sum->devices++;
		sum->devices_failed += d->state == DEVICE_FAILED;
	}
	list_for_each(g, &live->device_groups, link)
		sum->device_groups++;
}

static void rdma_count(void *arg, const struct verbs_device_info *d)
{
	unsigned *n = arg;

	(void)d;
	++*n;
}

static void rdma_cell(struct report *r, const struct listeners *l)
{
	const char *error = l->transports[LISTENER_RDMA].error;
	unsigned n = 0;

	verbs_for_each_device(rdma_count, &n);
	if (!n)
		report_text(r, "no RDMA device");
	else if (error[0])
		report_text(r, error);
	else
		report_printf(r, "%u device%s", n, n == 1 ? "" : "s");
}

struct vectors {
	struct text text;
	unsigned reactors;
};

/* How many completion vectors, and so interrupts, the reactors use of those it has. */
static void vectors_add(void *arg, const struct verbs_device_info *d)
{
	struct vectors *v = arg;
	bool shared = v->reactors > d->vectors;

	text_printf(&v->text, "%s%s %u of %u", text_string(&v->text)[0] ? ", " : "", d->name,
		    shared ? d->vectors : v->reactors, d->vectors);
	if (shared)
		text_printf(&v->text, " for %u reactors", v->reactors);
}

static void vectors_cell(struct report *r, unsigned reactors)
{
	struct vectors v = { .reactors = reactors };

	verbs_for_each_device(vectors_add, &v);
	report_text(r, text_string(&v.text)[0] ? text_string(&v.text) : NULL);
	text_free(&v.text);
}

static const char *daemon_state(const struct daemon *d)
{
	if (d->starting)
		return "starting";
	return d->live.jobs.running ? "changing" : "running";
}

static void daemon_section(struct report *r, const struct daemon *d)
{
	struct totals sum = { 0 };
	time_t now = time(NULL);

	totals_get(&d->live, &sum);
	REPORT_BEGIN(r, "daemon", REPORT_RECORD, daemon_columns);
	report_text(r, PACKAGE_VERSION);
	report_uint(r, (uint64_t)getpid());
	report_text(r, daemon_state(d));
	report_uint(r, (uint64_t)d->started);
	report_uint(r, now > d->started ? (uint64_t)(now - d->started) : 0);
	report_text(r, d->conf_path);
	report_uint(r, d->group.n);
	report_printf(r, "%016" PRIx64, d->live.conf->driver.ioc_guid ?
		      d->live.conf->driver.ioc_guid : d->live.ioc_guid);
	report_text(r, guid_source_name(d->live.conf->driver.ioc_guid ? GUID_CONFIGURED :
					d->guid_source));
	rdma_cell(r, &d->listeners);
	vectors_cell(r, d->group.n);
	report_uint(r, sum.targets);
	report_uint(r, sum.devices);
	report_uint(r, sum.devices_failed);
	report_uint(r, sum.device_groups);
	report_uint(r, sum.sessions);
	report_uint(r, sum.channels);
}

static void rdma_row(void *arg, const struct verbs_device_info *d)
{
	struct report *r = arg;

	report_text(r, d->name);
	report_uint(r, d->ports);
	report_printf(r, "%016" PRIx64, d->node_guid);
	report_text(r, d->link_layer);
	report_text(r, d->port_state);
	report_uint(r, d->vectors);
}

/* NULL: it listens. */
static const char *listener_error(const struct listeners *l, const struct listener *li)
{
	if (li->away)
		return "its target is on the node that serves";
	if (li->tl)
		return li->tl->down ? "waiting for the RDMA device" : NULL;
	return li->error[0] ? li->error : l->transports[li->kind].error;
}

static void listener_section(struct report *r, const struct listeners *l)
{
	const struct listener *li;

	REPORT_BEGIN(r, "listeners", REPORT_TABLE, listener_columns);
	list_for_each(li, &l->list, link) {
		report_text(r, li->name);
		report_text(r, listener_kind_name(li->kind));
		report_bool(r, li->tl && !li->tl->down);
		report_text(r, listener_error(l, li));
	}
}

static void problem_section(struct report *r, struct daemon *d)
{
	const struct live *live = &d->live;
	const struct device_group *g;
	const struct device *dev;
	const struct target *t;

	REPORT_BEGIN(r, "problems", REPORT_TABLE, problem_columns);
	list_for_each(dev, &live->devices, link) {
		if (!dev->error[0])
			continue;
		report_text(r, "device");
		report_text(r, dev->conf->name);
		report_text(r, dev->error);
	}
	list_for_each(t, &live->targets, link) {
		if (t->srp)
			continue;
		report_text(r, "target");
		report_text(r, t->conf->name);
		report_text(r, t->error);
	}
	list_for_each(g, &live->device_groups, link) {
		if (!g->error[0])
			continue;
		report_text(r, "device group");
		report_text(r, g->conf->name);
		report_text(r, g->error);
	}
	dm_model_problems(r, &d->dm);
}

void ops_status(struct ops *o)
{
	struct report r = { 0 };

	daemon_section(&r, o->d);
	REPORT_BEGIN(&r, "rdma_devices", REPORT_TABLE, rdma_columns);
	verbs_for_each_device(rdma_row, &r);
	listener_section(&r, &o->d->listeners);
	dm_model_report(&r, &o->d->dm);
	problem_section(&r, o->d);
	ops_finish_report(o, &r);
}
