/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters that one thread advances and any thread reads: no lock, no locked
 * instruction, and never half of a value.
 */
#ifndef SRPT_BASE_COUNTER_H
#define SRPT_BASE_COUNTER_H

#include <stdint.h>

/* The owner's thread only. */
static inline void counter_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

/* Any thread. */
static inline uint64_t counter_read(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

#endif
