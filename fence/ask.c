/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/ask.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

bool name_is_legal(const char *name)
{
	size_t len = strnlen(name, FENCE_NAME_MAX + 1);

	if (!len || len > FENCE_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(name[i]))
			return false;
	return true;
}

static bool name_take(char to[FENCE_NAME_MAX + 1], const char *name)
{
	if (!name || !name_is_legal(name))
		return false;
	memcpy(to, name, strlen(name) + 1);
	return true;
}

/* ---- minors ---- */

static bool minor_add(struct ask *a, uint32_t minor)
{
	for (size_t i = 0; i < a->n_minors; i++)
		if (a->minors[i] == minor)
			return false;
	if (a->n_minors == FENCE_MINORS_MAX)
		return false;
	a->minors[a->n_minors++] = minor;
	return true;
}

/* One number at @s, which is left behind it. */
static bool minor_parse(const char **s, uint32_t *out)
{
	uint32_t minor = 0;
	const char *c = *s;

	for (; *c >= '0' && *c <= '9'; c++) {
		minor = minor * 10 + (uint32_t)(*c - '0');
		if (minor > FENCE_MINOR_LIMIT)
			return false;
	}
	if (c == *s || (*c && *c != ' '))
		return false;
	*s = c;
	*out = minor;
	return true;
}

static bool minors_take(struct ask *a, const char *s)
{
	uint32_t minor;

	a->n_minors = 0;
	while (s) {
		s += strspn(s, " ");
		if (!*s)
			break;
		if (!minor_parse(&s, &minor) || !minor_add(a, minor))
			return false;
	}
	return a->n_minors > 0;
}

const char *ask_parse(struct ask *a, const char *resource, const char *peer, const char *minors,
		      const char *node)
{
	if (!name_take(a->resource, resource))
		return "DRBD_RESOURCE is missing or no name";
	if (!name_take(a->peer, peer))
		return "DRBD_PEER is missing or no name";
	if (!minors_take(a, minors))
		return "DRBD_MINOR is missing or no list of minors";
	if (!name_take(a->node, node))
		return "the name of this node is none";
	if (!strcmp(a->node, a->peer))
		return "DRBD_PEER is this node";
	return NULL;
}

/* ---- what else the stock handler heeds ---- */

/* Options that say how long it waits, what it prints, and what it does when it cannot fence. */
static const struct {
	const char *name;
	bool has_value;
} harmless[] = {
	{ "--dc-timeout", true },
	{ "-d", true },
	{ "--flock-required", false },
	{ "--flock-timeout", true },
	{ "--logfacility", true },
	{ "--net-hickup", true },
	{ "--network-hickup", true },
	{ "--quiet", false },
	{ "--suicide-on-failure-if-primary", false },
	{ "--timeout", true },
	{ "-t", true },
};

/* How many arguments the option takes with its value; 0: it is another one. */
static size_t option_width(const char *arg)
{
	size_t len = strcspn(arg, "=");

	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		const char *name = harmless[i].name;

		if (strlen(name) != len || strncmp(name, arg, len))
			continue;
		if (arg[len]) /* -t=3 is no option of the handler */
			return harmless[i].has_value && arg[1] == '-' ? 1 : 0;
		return harmless[i].has_value ? 2 : 1;
	}
	return 0;
}

const char *ask_check_arguments(char *const arguments[])
{
	for (size_t i = 0; arguments[i];) {
		size_t width = option_width(arguments[i]);

		if (!width || (width == 2 && !arguments[i + 1]))
			return "it has arguments that are for itself";
		i += width;
	}
	return NULL;
}

const char *ask_check_environment(char *(*get)(const char *name))
{
	static const char *const names[] = { "master_id", "role", "OCF_RESKEY_unfence_extra_args" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (get(names[i]))
			return "its environment has settings that are for itself";
	return NULL;
}
