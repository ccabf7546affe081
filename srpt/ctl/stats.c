/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters: kept per reactor by the layers below, summed when somebody asks. */
#include "ctl/ops.h"
#include "base/counter.h"

static const struct column device_columns[] = {
	{ "device", "DEVICE", COLUMN_TEXT },
	{ "commands", "COMMANDS", COLUMN_NUMBER },
	{ "read_ops", "READS", COLUMN_NUMBER },
	{ "write_ops", "WRITES", COLUMN_NUMBER },
	{ "read_bytes", "READ BYTES", COLUMN_NUMBER },
	{ "write_bytes", "WRITTEN BYTES", COLUMN_NUMBER },
	{ "errors", "ERRORS", COLUMN_NUMBER },
	{ "aborted", "ABORTED", COLUMN_NUMBER },
	{ "in_flight", "IN FLIGHT", COLUMN_NUMBER },
	{ "detached", "DETACHED", COLUMN_NUMBER },
};

static const struct column session_columns[] = {
	{ "session", "SESSION", COLUMN_NUMBER },
	{ "target", "TARGET", COLUMN_TEXT },
	{ "name", "SESSION NAME", COLUMN_TEXT },
	{ "commands", "COMMANDS", COLUMN_NUMBER },
	{ "read_bytes", "READ BYTES", COLUMN_NUMBER },
	{ "write_bytes", "WRITTEN BYTES", COLUMN_NUMBER },
};

static const struct column reactor_columns[] = {
	{ "reactor", "REACTOR", COLUMN_NUMBER },
	{ "rounds", "ROUNDS", COLUMN_NUMBER },
	{ "busy_rounds", "BUSY ROUNDS", COLUMN_NUMBER },
	{ "sleeps", "SLEEPS", COLUMN_NUMBER },
	{ "messages", "MESSAGES", COLUMN_NUMBER },
	{ "buffers_used", "BUFFERS USED", COLUMN_NUMBER },
	{ "buffers_size", "OF", COLUMN_NUMBER },
};

static void device_row(struct report *r, const struct device *d)
{
	struct lu_stats s;

	lu_stats(d->lu, &s);
	report_text(r, d->conf->name);
	report_uint(r, s.commands);
	report_uint(r, s.read_ops);
	report_uint(r, s.write_ops);
	report_uint(r, s.read_bytes);
	report_uint(r, s.write_bytes);
	report_uint(r, s.errors);
	report_uint(r, s.aborted);
	report_uint(r, s.in_flight);
	report_uint(r, s.detached);
}

static void session_row(void *arg, const struct srp_session_info *i)
{
	struct report *r = arg;

	report_uint(r, i->id);
	report_text(r, i->target);
	report_text(r, i->name);
	report_uint(r, i->commands);
	report_uint(r, i->read_bytes);
	report_uint(r, i->write_bytes);
}

/* Read while the reactor runs: each counter is right, together they may be a moment apart. */
static void reactor_row(struct report *rep, const struct reactor *r)
{
	report_uint(rep, r->id);
	report_uint(rep, counter_read(&r->stats.rounds));
	report_uint(rep, counter_read(&r->stats.busy_rounds));
	report_uint(rep, counter_read(&r->stats.sleeps));
	report_uint(rep, counter_read(&r->stats.messages));
	report_uint(rep, counter_read(&r->bufs.used));
	report_uint(rep, r->bufs.slab.len);
}

void ops_stats(struct ops *o)
{
	const struct daemon *d = o->d;
	const struct device *dev;
	struct report r = { 0 };

	REPORT_BEGIN(&r, "devices", REPORT_TABLE, device_columns);
	list_for_each(dev, &d->live.devices, link)
		if (dev->state == DEVICE_READY)
			device_row(&r, dev);
	REPORT_BEGIN(&r, "sessions", REPORT_TABLE, session_columns);
	srp_for_each_session(d->live.srp, session_row, &r);
	REPORT_BEGIN(&r, "reactors", REPORT_TABLE, reactor_columns);
	for (unsigned i = 0; i < d->group.n; i++)
		reactor_row(&r, d->group.r[i]);
	ops_finish_report(o, &r);
}
