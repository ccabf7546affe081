/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ports of InfiniBand adapters are whose, as the administrator writes it:
 *
 *   MAP   = NODE:PLACE[,PLACE]…[;NODE:…]…
 *   PLACE = GUID[@GUID/PORT]     a port, and the switch and its port that it hangs on
 *
 * GUIDs are of 1 to 16 hexadecimal digits, with or without 0x. No memory is allocated.
 */
#ifndef FENCE_GUID_MAP_H
#define FENCE_GUID_MAP_H

#include "fence/ask.h"

#define GUID_NODES_MAX 64
#define GUID_PLACES_MAX 16 /* of a node */
#define GUID_TEXT_MAX 17   /* with its end */

struct guid_place {
	uint64_t guid; /* of a port, not 0 */
	uint64_t switch_guid; /* 0: not said */
	uint8_t port; /* of the switch, 1 … 254 */
};

struct guid_node {
	char name[FENCE_NAME_MAX + 1];
	struct guid_place place[GUID_PLACES_MAX];
	size_t n; /* at least one */
};

struct guid_map {
	struct guid_node node[GUID_NODES_MAX];
	size_t n;
};

/* NULL: *@m is complete, no node and no port twice; else why not, static. */
const char *guid_map_parse(struct guid_map *m, const char *text);

/*
 * @text: the places of one node, as in a map behind the colon; it is @n's name, too. NULL or why
 * not, static.
 */
const char *guid_node_parse(struct guid_node *n, const char *text);

const struct guid_node *guid_map_find(const struct guid_map *m, const char *name);

#endif
