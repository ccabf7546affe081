/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ops.h"
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

struct op {
	const char *name;
	int min_args, max_args; /* besides the name */
	void (*fn)(struct ops *o);
};

static const struct op ops[] = {
	{ "channels", 0, 1, ops_channels },
	{ "close-session", 1, 1, ops_close_session },
	{ "demote", 0, 2, ops_demote },
	{ "devices", 0, 0, ops_devices },
	{ "disable", 1, 1, ops_disable },
	{ "enable", 1, 1, ops_enable },
	{ "groups", 0, 0, ops_groups },
	{ "login-info", 0, 0, ops_login_info },
	{ "luns", 0, 0, ops_luns },
	{ "monitor", 0, 1, ops_monitor },
	{ "parity", 0, 0, ops_parity },
	{ "promote", 0, 3, ops_promote },
	{ "reload", 0, 0, ops_reload },
	{ "reservations", 0, 1, ops_reservations },
	{ "resync", 1, 1, ops_resync },
	{ "role", 0, 1, ops_role },
	{ "sessions", 0, 0, ops_sessions },
	{ "set-state", 2, 3, ops_set_state },
	{ "stats", 0, 0, ops_stats },
	{ "status", 0, 0, ops_status },
	{ "targets", 0, 0, ops_targets },
};

void ops_finish(struct ops *o)
{
	if (o->reply.out.failed || o->reply.err.failed) {
		text_free(&o->reply.out);
		text_free(&o->reply.err);
		text_puts(&o->reply.err, "srptd has no memory for the answer\n");
		o->reply.status = OPS_FAILED;
	}
	o->done(o->arg, &o->reply);
	text_free(&o->reply.out);
	text_free(&o->reply.err);
	free(o);
}

void ops_fail(struct ops *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&o->reply.err, fmt, ap);
	va_end(ap);
	text_putc(&o->reply.err, '\n');
	if (o->reply.status == OPS_DONE)
		o->reply.status = OPS_FAILED;
	ops_finish(o);
}

void ops_finish_report(struct ops *o, struct report *r)
{
	if (!report_print(r, o->call.json, &o->reply.out))
		o->reply.out.failed = true;
	report_free(r);
	ops_finish(o);
}

static const struct op *op_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	return NULL;
}

/* The words of @call lie in it: the copy gets its own. */
static void call_copy(struct ipc_call *to, const struct ipc_call *from)
{
	*to = *from;
	for (int i = 0; i < from->argc; i++)
		to->argv[i] = to->args + (from->argv[i] - from->args);
}

void ops_run(struct daemon *d, const struct ipc_call *call, ops_done_fn done, void *arg)
{
	const struct op *op = op_find(call->argv[0]);
	struct ops *o = calloc(1, sizeof(*o));

	if (!o) {
		done(arg, &(struct ops_reply){ .status = OPS_FAILED });
		return;
	}
	o->d = d;
	o->done = done;
	o->arg = arg;
	call_copy(&o->call, call);
	if (!op || call->argc - 1 < op->min_args || call->argc - 1 > op->max_args) {
		o->reply.status = OPS_USAGE;
		ops_fail(o, op ? "wrong number of arguments for %s" : "unknown command %s",
			 o->call.argv[0]);
		return;
	}
	if (d->stopping)
		ops_fail(o, "srptd is shutting down");
	else if (!d->live.conf)
		ops_fail(o, "srptd is starting");
	else
		op->fn(o);
}
