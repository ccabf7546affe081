/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which LUNs a session sees, by its name and the INITIATOR patterns of a target. */
#include <ctype.h>
#include <string.h>

#include "ctl/conf_priv.h"

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/*
 * Wildcards in linear space and O(pattern * text) time: after a mismatch only the last '*' takes
 * in one more character, since an earlier one could not do better.
 */
static bool wildcard_match(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern && (*pattern == '?' || same_letter(*pattern, *text))) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool same_address(const char *a, const char *b)
{
	uint8_t addr_a[16], addr_b[16];

	return conf_addr_parse(a, addr_a) && conf_addr_parse(b, addr_b) &&
	       !memcmp(addr_a, addr_b, 16);
}

bool conf_pattern_match(const char *pattern, const char *session_name)
{
	bool invert = *pattern == '!';

	pattern += invert;
	return invert ^ (wildcard_match(pattern, session_name) ||
			 same_address(pattern, session_name));
}

const struct conf_group *conf_target_group(const struct conf_target *target,
					   const char *session_name)
{
	for (size_t g = 0; g < target->n_groups; g++) {
		const struct conf_group *group = &target->groups[g];

		for (size_t i = 0; i < group->n_initiators; i++)
			if (conf_pattern_match(group->initiators[i].pattern, session_name))
				return group;
	}
	return NULL;
}

const struct conf_lunmap *conf_target_map(const struct conf_target *target,
					  const char *session_name)
{
	const struct conf_group *group = conf_target_group(target, session_name);

	return group ? &group->map : &target->map;
}
