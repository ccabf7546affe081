/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long things took: a histogram of log-linear buckets, 32 to each power of
 * two, so that a percentile is right within 1.6 % from 1 ns to 18 minutes without
 * keeping the values. Not locked: one per thread, merged at the end.
 */
#ifndef SRPT_CLIENT_LATENCY_H
#define SRPT_CLIENT_LATENCY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LATENCY_SUB_BITS 5
#define LATENCY_SUB (1u << LATENCY_SUB_BITS) /* buckets to a power of two */
#define LATENCY_MAX_BITS 40                  /* longer ones count in the last bucket */
#define LATENCY_BUCKETS ((LATENCY_MAX_BITS - LATENCY_SUB_BITS + 1) * LATENCY_SUB)
#define LATENCY_TEXT_MAX 24

struct latency {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t min_ns, max_ns; /* exact; 0 when there is none */
	uint64_t bucket[LATENCY_BUCKETS];
};

void latency_init(struct latency *l);
void latency_record(struct latency *l, uint64_t ns);
/* Add what @from counted to @to. */
void latency_merge(struct latency *to, const struct latency *from);

/* Nanoseconds that @percent (0 … 100) of the values do not exceed; 0 when there is none. */
uint64_t latency_percentile(const struct latency *l, double percent);
uint64_t latency_mean(const struct latency *l);

/* @ns for people, three digits and a unit: "850 ns", "12.3 us", "4.56 ms". Into @buf; @buf. */
const char *latency_text(uint64_t ns, char *buf, size_t len);

/*
 * "min 10.1 us, p50 12.3 us, p99 20.0 us, p99.9 31.2 us, max 1.20 ms" without a
 * line end. Into @buf; @buf.
 */
const char *latency_summary(const struct latency *l, char *buf, size_t len);

/* One line to each power of two that has values, with a bar; each begins with @indent. */
void latency_print_histogram(const struct latency *l, FILE *out, const char *indent);

#endif
