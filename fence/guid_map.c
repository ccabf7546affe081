/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/guid_map.h"

#include "fence/smp.h"

#include <string.h>

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* One at @s, which is left behind it. */
static bool guid_parse(const char **s, uint64_t *out)
{
	const char *c = *s;
	uint64_t guid = 0;
	int n = 0;

	if (c[0] == '0' && (c[1] == 'x' || c[1] == 'X'))
		c += 2;
	for (; digit(*c) >= 0; c++, n++) {
		if (n == GUID_TEXT_MAX - 1)
			return false;
		guid = guid << 4 | (unsigned)digit(*c);
	}
	*s = c;
	*out = guid;
	return guid != 0;
}

static bool port_parse(const char **s, uint8_t *out)
{
	const char *c = *s;
	unsigned port = 0;

	for (; *c >= '0' && *c <= '9'; c++) {
		port = port * 10 + (unsigned)(*c - '0');
		if (port > SMP_PORTS_MAX)
			return false;
	}
	*s = c;
	*out = (uint8_t)port;
	return port != 0;
}

static const char *place_parse(const char **s, struct guid_place *p)
{
	*p = (struct guid_place){ 0 };
	if (!guid_parse(s, &p->guid))
		return "no GUID of a port where one should be";
	if (**s != '@')
		return NULL;
	(*s)++;
	if (!guid_parse(s, &p->switch_guid))
		return "no GUID of a switch behind @";
	if (*(*s)++ != '/' || !port_parse(s, &p->port))
		return "no port of a switch, 1 to 254, behind its GUID and /";
	return NULL;
}

static bool node_has(const struct guid_node *n, uint64_t guid)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->place[i].guid == guid)
			return true;
	return false;
}

/* Up to the end or a semicolon, which @s is left at. */
static const char *places_parse(const char **s, struct guid_node *n)
{
	const char *why;
	struct guid_place p;

	n->n = 0;
	for (;;) {
		why = place_parse(s, &p);
		if (why)
			return why;
		if (node_has(n, p.guid))
			return "a GUID is there twice";
		if (n->n == GUID_PLACES_MAX)
			return "a node has more than 16 ports";
		n->place[n->n++] = p;
		if (**s != ',')
			return NULL;
		(*s)++;
	}
}

static const char *name_parse(const char **s, struct guid_node *n)
{
	size_t len = strcspn(*s, ":;");

	if ((*s)[len] != ':')
		return "a node without a colon";
	if (len > FENCE_NAME_MAX)
		return "the name of a node is too long";
	memcpy(n->name, *s, len);
	n->name[len] = '\0';
	*s += len + 1;
	return name_is_legal(n->name) ? NULL : "this is no name of a node";
}

static bool map_has(const struct guid_map *m, const struct guid_node *n)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!strcmp(m->node[i].name, n->name))
			return true;
		for (size_t k = 0; k < n->n; k++)
			if (node_has(&m->node[i], n->place[k].guid))
				return true;
	}
	return false;
}

const char *guid_map_parse(struct guid_map *m, const char *text)
{
	const char *s = text, *why;

	m->n = 0;
	for (;;) {
		struct guid_node *n = &m->node[m->n];

		if (m->n == GUID_NODES_MAX)
			return "more than 64 nodes";
		why = name_parse(&s, n);
		if (!why)
			why = places_parse(&s, n);
		if (why)
			return why;
		if (*s && *s != ';')
			return "neither comma nor semicolon behind a port";
		if (map_has(m, n))
			return "a node or a GUID is there twice";
		m->n++;
		if (!*s || !s[1])
			return NULL;
		s++;
	}
}

const char *guid_node_parse(struct guid_node *n, const char *text)
{
	const char *s = text, *why;

	if (strlen(text) > FENCE_NAME_MAX)
		return "it is too long";
	why = places_parse(&s, n);
	if (!why && *s)
		why = "no comma behind a port";
	strcpy(n->name, text);
	return why;
}

const struct guid_node *guid_map_find(const struct guid_map *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->node[i].name, name))
			return &m->node[i];
	return NULL;
}
