/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/alua_names.h"
#include "base/bytes.h"

#include <strings.h>

static const enum alua_state states[CONF_ALUA_STATES] = {
	[CONF_ALUA_ACTIVE] = ALUA_OPTIMIZED,
	[CONF_ALUA_NONOPTIMIZED] = ALUA_NONOPTIMIZED,
	[CONF_ALUA_STANDBY] = ALUA_STANDBY,
	[CONF_ALUA_UNAVAILABLE] = ALUA_UNAVAILABLE,
	[CONF_ALUA_OFFLINE] = ALUA_OFFLINE,
	[CONF_ALUA_TRANSITIONING] = ALUA_TRANSITIONING,
};

/* Of SPC-4, Linux, LIO and sg3_utils. */
static const struct {
	const char *name;
	enum alua_state state;
} aliases[] = {
	{ "optimized", ALUA_OPTIMIZED },
	{ "active/optimized", ALUA_OPTIMIZED },
	{ "active-optimized", ALUA_OPTIMIZED },
	{ "non-optimized", ALUA_NONOPTIMIZED },
	{ "active/nonoptimized", ALUA_NONOPTIMIZED },
	{ "active/non-optimized", ALUA_NONOPTIMIZED },
	{ "active-nonoptimized", ALUA_NONOPTIMIZED },
};

enum alua_state alua_state_of_conf(enum conf_alua_state state)
{
	return states[state];
}

const char *alua_state_name(enum alua_state state)
{
	int s = 0;

	if (state == ALUA_VACANT)
		state = ALUA_TRANSITIONING;
	while (states[s] != state)
		s++;
	return conf_alua_state_name((enum conf_alua_state)s);
}

bool alua_state_parse(const char *text, enum alua_state *state)
{
	for (int s = 0; s < CONF_ALUA_STATES; s++) {
		if (!strcasecmp(text, conf_alua_state_name((enum conf_alua_state)s))) {
			*state = states[s];
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (!strcasecmp(text, aliases[i].name)) {
			*state = aliases[i].state;
			return true;
		}
	}
	return false;
}
