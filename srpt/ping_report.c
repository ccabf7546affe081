/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ping.h"

#include <stdarg.h>
#include <stdio.h>

void ping_say(const struct ping *p, const char *fmt, ...)
{
	va_list ap;

	if (p->o.quiet || p->o.json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

const char *ping_size_text(uint64_t bytes, char *buf, size_t len)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	unsigned unit = 0;

	while (v >= 1024.0 && unit < 6) {
		v /= 1024.0;
		unit++;
	}
	snprintf(buf, len, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
	return buf;
}

void ping_json_number(struct json *j, const char *key, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.3f", value);
	json_raw(j, key, text);
}

void ping_json_latency(struct json *j, const char *key, const struct latency *l)
{
	static const struct {
		const char *key;
		double percent;
	} rows[] = { { "p50", 50.0 }, { "p99", 99.0 }, { "p99.9", 99.9 }, { "max", 100.0 } };

	json_object_begin(j, key);
	json_uint(j, "count", l->count);
	ping_json_number(j, "min", (double)l->min_ns / 1e3);
	ping_json_number(j, "mean", (double)latency_mean(l) / 1e3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ping_json_number(j, rows[i].key,
				 (double)latency_percentile(l, rows[i].percent) / 1e3);
	json_object_end(j);
}
