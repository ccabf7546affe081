/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that list what there is. */
#include "ctl/login_info.h"
#include "ctl/ops.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void report_hex(struct report *r, const uint8_t *bytes, size_t len)
{
	char text[33] = "";

	for (size_t i = 0; i < len && i < 16; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	report_text(r, text);
}

static void report_time(struct report *r, uint64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[32] = "";

	if (localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	report_text(r, text);
}

/* ---- sessions ---- */

static const struct column session_columns[] = {
	{ "id", "ID", COLUMN_NUMBER },
	{ "target", "TARGET", COLUMN_TEXT },
	{ "name", "SESSION NAME", COLUMN_TEXT },
	{ "initiator_port_id", NULL, COLUMN_TEXT },
	{ "target_port_id", NULL, COLUMN_TEXT },
	{ "channels", "CHANNELS", COLUMN_NUMBER },
	{ "luns", "LUNS", COLUMN_NUMBER },
	{ "login_time", NULL, COLUMN_NUMBER },
	{ "since", "SINCE", COLUMN_TEXT },
	{ "req_lim", "CREDIT", COLUMN_NUMBER },
	{ "commands", "COMMANDS", COLUMN_NUMBER },
	{ "read_bytes", "READ BYTES", COLUMN_NUMBER },
	{ "write_bytes", "WRITTEN BYTES", COLUMN_NUMBER },
};

static void session_row(void *arg, const struct srp_session_info *i)
{
	struct report *r = arg;

	report_uint(r, i->id);
	report_text(r, i->target);
	report_text(r, i->name);
	report_hex(r, i->initiator_port_id, 16);
	report_hex(r, i->target_port_id, 16);
	report_uint(r, i->channels);
	report_uint(r, i->nexus ? nexus_lun_count(i->nexus) : 0);
	report_uint(r, i->login_time);
	report_time(r, i->login_time);
	report_printf(r, "%d", i->req_lim_sum);
	report_uint(r, i->commands);
	report_uint(r, i->read_bytes);
	report_uint(r, i->write_bytes);
}

void ops_sessions(struct ops *o)
{
	struct report r = { 0 };

	REPORT_BEGIN(&r, "sessions", REPORT_TABLE, session_columns);
	srp_for_each_session(o->d->live.srp, session_row, &r);
	ops_finish_report(o, &r);
}

/* ---- channels ---- */

static const struct column channel_columns[] = {
	{ "session", "SESSION", COLUMN_NUMBER },
	{ "name", "SESSION NAME", COLUMN_TEXT },
	{ "reactor", "REACTOR", COLUMN_NUMBER },
	{ "state", "STATE", COLUMN_TEXT },
	{ "local", "LOCAL", COLUMN_TEXT },
	{ "peer", NULL, COLUMN_TEXT },
	{ "rdma_device", "DEVICE", COLUMN_TEXT },
	{ "req_lim", "CREDIT", COLUMN_NUMBER },
	{ "in_flight", "IN FLIGHT", COLUMN_NUMBER },
	{ "commands", "COMMANDS", COLUMN_NUMBER },
	{ "immediate_data", "IMMEDIATE", COLUMN_BOOL },
};

struct channel_list {
	struct report *r;
	struct srp_server *srp;
	const char *only; /* session id, NULL: all */
	bool found;
	const char *session_name;
};

static void channel_row(void *arg, const struct srp_channel_info *i)
{
	struct channel_list *l = arg;

	report_uint(l->r, i->session_id);
	report_text(l->r, l->session_name);
	report_uint(l->r, i->reactor);
	report_text(l->r, i->state);
	report_text(l->r, i->local);
	report_text(l->r, i->peer);
	report_text(l->r, i->device);
	report_uint(l->r, i->req_lim);
	report_uint(l->r, i->in_flight);
	report_uint(l->r, i->commands);
	report_bool(l->r, i->imm_data);
}

static void session_channels(void *arg, const struct srp_session_info *i)
{
	struct channel_list *l = arg;
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, i->id);
	if (l->only && strcmp(l->only, id))
		return;
	l->found = true;
	l->session_name = i->name;
	srp_for_each_channel(l->srp, i->id, channel_row, l);
}

void ops_channels(struct ops *o)
{
	struct report r = { 0 };
	struct channel_list l = { .r = &r, .srp = o->d->live.srp };

	l.only = o->call.argc > 1 ? o->call.argv[1] : NULL;
	REPORT_BEGIN(&r, "channels", REPORT_TABLE, channel_columns);
	srp_for_each_session(l.srp, session_channels, &l);
	if (!l.only || l.found) {
		ops_finish_report(o, &r);
		return;
	}
	report_free(&r);
	ops_fail(o, "there is no session %s", l.only);
}

/* ---- LUNs and devices ---- */

static const struct backend_info *device_info(const struct device *d)
{
	return d && d->state == DEVICE_READY ? backend_info(lu_backend(d->lu)) : NULL;
}

/* Columns that describe the device behind a LUN, as in lun_columns and device_columns. */
static void device_cells(struct report *r, const struct conf_device *c, const struct device *d)
{
	const struct backend_info *info = device_info(d);
	uint8_t naa[16];
	char serial[37];

	conf_device_naa(c, naa);
	conf_device_serial(c, serial);
	report_text(r, conf_handler_name(c->handler));
	report_uint(r, info ? info->size : c->size);
	report_uint(r, info ? info->block_size : c->blocksize);
	report_hex(r, naa, sizeof(naa));
	report_text(r, serial);
	report_text(r, d ? device_state_name(d->state) : device_state_name(DEVICE_FAILED));
	report_text(r, c->filename);
	report_text(r, d && d->error[0] ? d->error : NULL);
}

#define DEVICE_COLUMNS                                 \
	{ "handler", "HANDLER", COLUMN_TEXT },         \
	{ "size", "SIZE", COLUMN_NUMBER },             \
	{ "block_size", "BLOCK", COLUMN_NUMBER },      \
	{ "naa", "NAA", COLUMN_TEXT },                 \
	{ "serial", NULL, COLUMN_TEXT },               \
	{ "state", "STATE", COLUMN_TEXT },             \
	{ "filename", "FILE", COLUMN_TEXT },           \
	{ "error", "ERROR", COLUMN_TEXT }

static const struct column lun_columns[] = {
	{ "target", "TARGET", COLUMN_TEXT },
	{ "group", "GROUP", COLUMN_TEXT },
	{ "lun", "LUN", COLUMN_NUMBER },
	{ "read_only", "RO", COLUMN_BOOL },
	{ "device", "DEVICE", COLUMN_TEXT },
	DEVICE_COLUMNS,
};

static const struct column device_columns[] = {
	{ "device", "DEVICE", COLUMN_TEXT },
	{ "read_only", "RO", COLUMN_BOOL },
	DEVICE_COLUMNS,
};

struct lun_list {
	struct report *r;
	const struct target *t;
};

static bool is_read_only(const struct conf_device *c, const struct device *d)
{
	const struct backend_info *info = device_info(d);

	return c->read_only || (info && info->read_only);
}

static void lun_row(void *arg, const struct conf_group *group, const struct conf_lun *lun)
{
	struct lun_list *l = arg;
	const struct device *d = live_device(l->t->live, lun->dev);

	report_text(l->r, l->t->conf->name);
	report_text(l->r, group ? group->name : NULL);
	report_uint(l->r, lun->number);
	report_bool(l->r, lun->read_only || is_read_only(lun->dev, d));
	report_text(l->r, lun->dev->name);
	device_cells(l->r, lun->dev, d);
}

void ops_luns(struct ops *o)
{
	struct report r = { 0 };
	struct lun_list l = { .r = &r };
	const struct target *t;

	REPORT_BEGIN(&r, "luns", REPORT_TABLE, lun_columns);
	list_for_each(t, &o->d->live.targets, link) {
		l.t = t;
		conf_target_for_each_lun(t->conf, lun_row, &l);
	}
	ops_finish_report(o, &r);
}

void ops_devices(struct ops *o)
{
	const struct live *live = &o->d->live;
	struct report r = { 0 };

	REPORT_BEGIN(&r, "devices", REPORT_TABLE, device_columns);
	for (size_t i = 0; live->conf && i < live->conf->n_devices; i++) {
		const struct conf_device *c = &live->conf->devices[i];
		const struct device *d = live->device_of[i];

		report_text(&r, c->name);
		report_bool(&r, is_read_only(c, d));
		device_cells(&r, c, d);
	}
	ops_finish_report(o, &r);
}

/* ---- targets ---- */

static const struct column target_columns[] = {
	{ "target", "TARGET", COLUMN_TEXT },
	{ "enabled", "ENABLED", COLUMN_BOOL },
	{ "rel_tgt_id", "REL ID", COLUMN_NUMBER },
	{ "id_ext", "ID_EXT", COLUMN_TEXT },
	{ "ioc_guid", "IOC_GUID", COLUMN_TEXT },
	{ "luns", "LUNS", COLUMN_NUMBER },
	{ "groups", "GROUPS", COLUMN_NUMBER },
	{ "sessions", "SESSIONS", COLUMN_NUMBER },
	{ "comment", NULL, COLUMN_TEXT },
	{ "error", "ERROR", COLUMN_TEXT },
};

struct session_count {
	const char *target;
	uint64_t n;
};

static void count_session(void *arg, const struct srp_session_info *i)
{
	struct session_count *c = arg;

	c->n += !strcmp(i->target, c->target);
}

static void target_row(struct report *r, const struct target *t)
{
	struct session_count count = { .target = t->conf->name };

	srp_for_each_session(t->live->srp, count_session, &count);
	report_text(r, t->conf->name);
	report_bool(r, t->srp && srp_target_enabled(t->srp));
	report_uint(r, t->conf->rel_tgt_id);
	report_printf(r, "%016" PRIx64, t->id_ext);
	report_printf(r, "%016" PRIx64, t->ioc_guid);
	report_uint(r, t->conf->map.count);
	report_uint(r, t->conf->n_groups);
	report_uint(r, count.n);
	report_text(r, t->conf->comment);
	report_text(r, t->error[0] ? t->error : NULL);
}

void ops_targets(struct ops *o)
{
	struct report r = { 0 };
	const struct target *t;

	REPORT_BEGIN(&r, "targets", REPORT_TABLE, target_columns);
	list_for_each(t, &o->d->live.targets, link)
		target_row(&r, t);
	ops_finish_report(o, &r);
}

/* ---- what initiators log in with ---- */

void ops_login_info(struct ops *o)
{
	const struct live *live = &o->d->live;
	struct login_addrs addrs;
	struct report r = { 0 };
	int rc = login_addrs_get("/sys", &addrs);

	if (rc) {
		ops_fail(o, "cannot list the addresses of this host: %s", strerror(-rc));
		return;
	}
	login_info_report(&r, live->conf, live->ioc_guid, &addrs, &o->reply.err);
	login_addrs_free(&addrs);
	ops_finish_report(o, &r);
}
