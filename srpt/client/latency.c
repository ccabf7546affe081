/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/latency.h"

#include <inttypes.h>
#include <string.h>

#define BAR_WIDTH 40u

void latency_init(struct latency *l)
{
	memset(l, 0, sizeof(*l));
}

/* Values below LATENCY_SUB have a bucket each; then LATENCY_SUB to a power of two. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned exp;

	if (ns < LATENCY_SUB)
		return (unsigned)ns;
	exp = 63u - (unsigned)__builtin_clzll(ns);
	if (exp >= LATENCY_MAX_BITS)
		return LATENCY_BUCKETS - 1;
	exp -= LATENCY_SUB_BITS;
	return exp * LATENCY_SUB + (unsigned)(ns >> exp);
}

/* The middle of what bucket @i counts. */
static uint64_t bucket_middle(unsigned i)
{
	unsigned exp;
	uint64_t low;

	if (i < 2 * LATENCY_SUB)
		return i;
	exp = i / LATENCY_SUB - 1;
	low = (uint64_t)(i % LATENCY_SUB + LATENCY_SUB) << exp;
	return low + (((uint64_t)1 << exp) - 1) / 2;
}

void latency_record(struct latency *l, uint64_t ns)
{
	if (!l->count || ns < l->min_ns)
		l->min_ns = ns;
	if (ns > l->max_ns)
		l->max_ns = ns;
	l->count++;
	l->sum_ns += ns;
	l->bucket[bucket_of(ns)]++;
}

void latency_merge(struct latency *to, const struct latency *from)
{
	if (!from->count)
		return;
	if (!to->count || from->min_ns < to->min_ns)
		to->min_ns = from->min_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	to->count += from->count;
	to->sum_ns += from->sum_ns;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

/* The first and the last are known exactly, and no bucket may say more. */
static uint64_t clamp(const struct latency *l, uint64_t ns)
{
	if (ns < l->min_ns)
		return l->min_ns;
	return ns > l->max_ns ? l->max_ns : ns;
}

uint64_t latency_percentile(const struct latency *l, double percent)
{
	double want = (double)l->count * percent / 100.0;
	uint64_t seen = 0;

	if (!l->count)
		return 0;
	if (percent >= 100.0)
		return l->max_ns;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		seen += l->bucket[i];
		if (l->bucket[i] && (double)seen >= want)
			return i == LATENCY_BUCKETS - 1 ? l->max_ns : clamp(l, bucket_middle(i));
	}
	return l->max_ns;
}

uint64_t latency_mean(const struct latency *l)
{
	return l->count ? l->sum_ns / l->count : 0;
}

const char *latency_text(uint64_t ns, char *buf, size_t len)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double v = (double)ns;
	unsigned unit = 0;

	while (v >= 999.5 && unit < 3) {
		v /= 1000.0;
		unit++;
	}
	if (!unit || v >= 99.95)
		snprintf(buf, len, "%.0f %s", v, units[unit]);
	else
		snprintf(buf, len, "%.*f %s", v >= 9.995 ? 1 : 2, v, units[unit]);
	return buf;
}

const char *latency_summary(const struct latency *l, char *buf, size_t len)
{
	char t[5][LATENCY_TEXT_MAX];

	snprintf(buf, len, "min %s, p50 %s, p99 %s, p99.9 %s, max %s",
		 latency_text(l->min_ns, t[0], sizeof(t[0])),
		 latency_text(latency_percentile(l, 50.0), t[1], sizeof(t[1])),
		 latency_text(latency_percentile(l, 99.0), t[2], sizeof(t[2])),
		 latency_text(latency_percentile(l, 99.9), t[3], sizeof(t[3])),
		 latency_text(l->max_ns, t[4], sizeof(t[4])));
	return buf;
}

/* How many values are ≥ 2^@exp and < 2^(@exp + 1); exp 0 has 0 and 1. */
static uint64_t octave_count(const struct latency *l, unsigned exp)
{
	unsigned first, last;
	uint64_t n = 0;

	if (exp < LATENCY_SUB_BITS) {
		first = exp ? 1u << exp : 0;
		last = 2u << exp;
	} else {
		first = (exp - LATENCY_SUB_BITS + 1) * LATENCY_SUB;
		last = first + LATENCY_SUB;
	}
	for (unsigned i = first; i < last; i++)
		n += l->bucket[i];
	return n;
}

void latency_print_histogram(const struct latency *l, FILE *out, const char *indent)
{
	char bar[BAR_WIDTH + 1], low[LATENCY_TEXT_MAX], high[LATENCY_TEXT_MAX];
	uint64_t most = 1, n;
	unsigned width;

	for (unsigned exp = 0; exp < LATENCY_MAX_BITS; exp++) {
		n = octave_count(l, exp);
		if (n > most)
			most = n;
	}
	for (unsigned exp = 0; exp < LATENCY_MAX_BITS; exp++) {
		n = octave_count(l, exp);
		if (!n)
			continue;
		width = (unsigned)((double)n / (double)most * BAR_WIDTH + 0.5);
		memset(bar, '#', width);
		bar[width] = '\0';
		fprintf(out, "%s%8s .. %-8s %10" PRIu64 " %s\n", indent,
			latency_text(exp ? (uint64_t)1 << exp : 0, low, sizeof(low)),
			latency_text((uint64_t)2 << exp, high, sizeof(high)), n, bar);
	}
}
