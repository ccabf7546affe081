/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters that one thread advances and any thread reads: no lock, no locked
 * instruction, and never half of a value. For any integer that the machine
 * stores whole.
 */
#ifndef SRPT_BASE_COUNTER_H
#define SRPT_BASE_COUNTER_H

/* The owner's thread only; @n may be negative. */
#define counter_add(c, n) __atomic_store_n((c), *(c) + (n), __ATOMIC_RELAXED)

/* Any thread. */
#define counter_read(c) __atomic_load_n((c), __ATOMIC_RELAXED)

#endif
