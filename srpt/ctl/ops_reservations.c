/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command that lists reservations and who is registered. */
#include "base/bytes.h"
#include "ctl/ops.h"

#include <inttypes.h>
#include <string.h>

static const struct column reservation_columns[] = {
	{ "device", "DEVICE", COLUMN_TEXT },
	{ "type", "RESERVATION", COLUMN_TEXT },
	{ "registrants", "REGISTRANTS", COLUMN_NUMBER },
	{ "generation", "GENERATION", COLUMN_NUMBER },
	{ "kept", "KEPT", COLUMN_BOOL },
	{ "reserved_by", "RESERVED BY", COLUMN_TEXT },
};

static const struct column registrant_columns[] = {
	{ "device", "DEVICE", COLUMN_TEXT },
	{ "initiator_port_id", "INITIATOR PORT ID", COLUMN_TEXT },
	{ "rel_tgt_id", "REL ID", COLUMN_NUMBER },
	{ "session_name", "SESSION NAME", COLUMN_TEXT },
	{ "key", "KEY", COLUMN_TEXT },
	{ "holder", "HOLDER", COLUMN_BOOL },
};

/* The LU of the device of the configuration, if it is there and asked for. */
static const struct lu *lu_asked(const struct live *live, size_t i, const char *only)
{
	const struct device *d = live->device_of[i];

	if (!d || d->state != DEVICE_READY || (only && strcmp(only, d->conf->name)))
		return NULL;
	return d->lu;
}

static void reservation_section(struct report *r, const struct live *live, const char *only)
{
	REPORT_BEGIN(r, "reservations", REPORT_TABLE, reservation_columns);
	for (size_t i = 0; i < live->conf->n_devices; i++) {
		const struct lu *lu = lu_asked(live, i, only);
		struct lu_reservation is;

		if (!lu)
			continue;
		lu_reservation(lu, &is);
		report_text(r, live->conf->devices[i].name);
		report_text(r, is.type);
		report_uint(r, is.registrants);
		report_uint(r, is.generation);
		report_bool(r, is.kept);
		report_text(r, is.reserver);
	}
}

static void registrant_row(struct report *r, const char *device, const struct lu_registrant *is)
{
	const uint8_t *id = is->initiator_port_id;

	report_text(r, device);
	report_printf(r, "%016" PRIx64 "%016" PRIx64, get_be64(id), get_be64(id + 8));
	report_uint(r, is->rel_tgt_id);
	report_text(r, is->session);
	report_printf(r, "0x%" PRIx64, is->key);
	report_bool(r, is->holder);
}

static void registrant_section(struct report *r, const struct live *live, const char *only)
{
	REPORT_BEGIN(r, "registrants", REPORT_TABLE, registrant_columns);
	for (size_t i = 0; i < live->conf->n_devices; i++) {
		const struct lu *lu = lu_asked(live, i, only);
		struct lu_reservation is;
		struct lu_registrant who;

		if (!lu)
			continue;
		lu_reservation(lu, &is);
		for (unsigned n = 0; n < is.registrants; n++) {
			lu_registrant(lu, n, &who);
			registrant_row(r, live->conf->devices[i].name, &who);
		}
	}
}

void ops_reservations(struct ops *o)
{
	const struct live *live = &o->d->live;
	const char *only = o->call.argc > 1 ? o->call.argv[1] : NULL;
	const struct device *d = only ? live_device_find(live, only) : NULL;
	struct report r = { 0 };

	if (only && !d) {
		ops_fail(o, "there is no device %s", only);
		return;
	}
	if (d && d->state != DEVICE_READY) {
		ops_fail(o, "device %s is not ready", only);
		return;
	}
	reservation_section(&r, live, only);
	registrant_section(&r, live, only);
	ops_finish_report(o, &r);
}
