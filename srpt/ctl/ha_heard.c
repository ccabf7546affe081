/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ha_heard.h"
#include "base/bytes.h"
#include "ctl/alua_names.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000ull
#define LEASE_MS_MAX 30000u /* what write_gate_grace allows */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A lease cannot be of the future, nor longer than one may be: a gate never stays open by it. */
static bool on_lease(struct daemon *d, const struct ha_msg *m, const char *group)
{
	uint64_t epoch, at, ms;

	if (!ha_msg_get_u64(m, "epoch", UINT64_MAX, &epoch) || !epoch ||
	    !ha_msg_get_u64(m, "at_ns", now_ns(), &at) ||
	    !ha_msg_get_u64(m, "ms", LEASE_MS_MAX, &ms))
		return false;
	ha_leased(d, group, epoch, at + ms * NS_PER_MS);
	return true;
}

static const char *reason(const struct ha_msg *m)
{
	const char *text = ha_msg_get(m, "reason");

	return text ? text : "";
}

static bool on_close(struct daemon *d, const struct ha_msg *m, const char *group)
{
	ha_closed(d, group, reason(m));
	return true;
}

static bool on_refuse(struct daemon *d, const struct ha_msg *m, const char *group)
{
	static const struct {
		const char *name;
		enum ha_result why;
	} codes[] = {
		{ "gate", HA_GATE_CLOSED }, { "secondary", HA_NOT_PRIMARY },
		{ "parity", HA_PARITY },
	};
	const char *code = ha_msg_get(m, "code");

	for (size_t i = 0; code && i < ARRAY_SIZE(codes); i++) {
		if (strcmp(code, codes[i].name))
			continue;
		ha_refused(d, group, codes[i].why, reason(m));
		return true;
	}
	return false;
}

static bool on_resume(struct daemon *d, const struct ha_msg *m, const char *group)
{
	(void)m;
	ha_resume(d, group);
	return true;
}

/* Only these are told. */
static bool state_read(const char *text, size_t len, enum alua_state *state)
{
	static const enum alua_state states[] = {
		ALUA_OPTIMIZED, ALUA_STANDBY, ALUA_TRANSITIONING, ALUA_UNAVAILABLE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		const char *name = alua_state_name(states[i]);

		if (strlen(name) != len || memcmp(text, name, len))
			continue;
		*state = states[i];
		return true;
	}
	return false;
}

static bool id_known(const struct ha_state *states, unsigned n, uint16_t id)
{
	for (unsigned i = 0; i < n; i++)
		if (states[i].id == id)
			return true;
	return false;
}

/* "1:active,2:standby"; of several other nodes 0 is told several times. */
static bool states_read(const char *text, struct ha_state *states, unsigned *n)
{
	for (*n = 0; *text; (*n)++) {
		size_t digits = strspn(text, "0123456789"), len;
		unsigned long id = digits && digits <= 5 ? strtoul(text, NULL, 10) : 0;

		if (!digits || digits > 5 || id > UINT16_MAX || text[digits] != ':' ||
		    *n == ALUA_GROUPS_MAX || (id && id_known(states, *n, (uint16_t)id)))
			return false;
		text += digits + 1;
		len = strcspn(text, ",");
		states[*n].id = (uint16_t)id;
		if (!state_read(text, len, &states[*n].state))
			return false;
		text += len;
		if (*text == ',' && !*++text)
			return false;
	}
	return true;
}

static bool on_table(struct daemon *d, const struct ha_msg *m, const char *group)
{
	const char *text = ha_msg_get(m, "states");
	struct ha_state states[ALUA_GROUPS_MAX];
	uint64_t epoch, seq;
	unsigned n;

	if (!text || !ha_msg_get_u64(m, "epoch", UINT64_MAX, &epoch) ||
	    !ha_msg_get_u64(m, "seq", UINT64_MAX, &seq) || !states_read(text, states, &n))
		return false;
	ha_table(d, group, epoch, states, n);
	return true;
}

static const struct verb {
	const char *name;
	bool (*act)(struct daemon *d, const struct ha_msg *m, const char *group);
} verbs[] = {
	{ "lease", on_lease },
	{ "close", on_close },
	{ "refuse", on_refuse },
	{ "table", on_table },
	{ "resume", on_resume },
};

bool ha_heard(struct daemon *d, const struct ha_msg *m)
{
	const char *group = ha_msg_get(m, "group");

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(m->verb, verbs[i].name))
			return group && verbs[i].act(d, m, group);
	return true;
}
