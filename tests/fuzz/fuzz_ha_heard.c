/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as a message of the replicator: what reaches the device groups is within its
 * bounds, and a gate is never open for longer than a lease may last.
 */
#include "ctl/ha_heard.h"
#include "ctl/ha_msg.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEASE_MAX_NS 30000000000ull

static unsigned heard;

static void check(int condition)
{
	if (!condition)
		abort();
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void ha_leased(struct daemon *d, const char *group, uint64_t epoch, uint64_t until_ns)
{
	(void)d;
	check(group && epoch && until_ns <= now_ns() + LEASE_MAX_NS);
	heard++;
}

void ha_closed(struct daemon *d, const char *group, const char *reason)
{
	(void)d;
	check(group && reason);
	heard++;
}

void ha_refused(struct daemon *d, const char *group, enum ha_result why, const char *reason)
{
	(void)d;
	check(group && reason);
	check(why == HA_GATE_CLOSED || why == HA_NOT_PRIMARY || why == HA_PARITY);
	heard++;
}

void ha_table(struct daemon *d, const char *group, uint64_t epoch, const struct ha_state *states,
	      unsigned n)
{
	(void)d;
	(void)epoch;
	check(group && n <= ALUA_GROUPS_MAX);
	for (unsigned i = 0; i < n; i++) {
		check(states[i].id != 0);
		check(states[i].state == ALUA_OPTIMIZED || states[i].state == ALUA_STANDBY ||
		      states[i].state == ALUA_UNAVAILABLE ||
		      states[i].state == ALUA_TRANSITIONING);
		for (unsigned j = 0; j < i; j++)
			check(states[i].id != states[j].id);
	}
	heard++;
}

void ha_resume(struct daemon *d, const char *group)
{
	(void)d;
	check(!!group);
	heard++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ha_msg m;

	if (ha_msg_decode(&m, data, size))
		return 0;
	heard = 0;
	if (!ha_heard(NULL, &m))
		check(!heard);
	check(heard <= 1);
	return 0;
}
