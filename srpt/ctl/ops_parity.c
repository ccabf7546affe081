/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command that lists what the nodes of a cluster must agree on. */
#include "ctl/ops.h"
#include "ctl/parity.h"

#include <inttypes.h>

static const struct column summary_columns[] = {
	{ "hash", "HASH", COLUMN_TEXT },
	{ "keys", "KEYS", COLUMN_NUMBER },
};

static const struct column item_columns[] = {
	{ "key", "KEY", COLUMN_TEXT },
	{ "value", "VALUE", COLUMN_TEXT },
};

void ops_parity(struct ops *o)
{
	struct report r = { 0 };
	struct parity p;

	if (parity_make(o->d->live.conf, &p)) {
		ops_fail(o, "srptd has no memory for the list");
		return;
	}
	REPORT_BEGIN(&r, "summary", REPORT_RECORD, summary_columns);
	report_printf(&r, "%016" PRIx64, p.hash);
	report_uint(&r, p.n);
	REPORT_BEGIN(&r, "items", REPORT_TABLE, item_columns);
	for (size_t i = 0; i < p.n; i++) {
		report_text(&r, p.items[i].key);
		report_text(&r, p.items[i].value);
	}
	parity_free(&p);
	ops_finish_report(o, &r);
}
