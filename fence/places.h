/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where ports of adapters were seen last. A port of a switch that is disabled does not tell what is
 * behind it, so this is written down while it can be seen. A file of lines
 *
 *   GUID of the port, GUID of the switch, port of the switch       (hexadecimal, decimal)
 *
 * that may be lost or damaged: lines that are none are ignored, and a port that is not in it is not
 * known.
 */
#ifndef FENCE_PLACES_H
#define FENCE_PLACES_H

#include "fence/guid_map.h"

#define PLACES_MAX (GUID_NODES_MAX * GUID_PLACES_MAX)

struct places {
	struct guid_place place[PLACES_MAX];
	size_t n;
};

/* NULL: it is not there. */
const struct guid_place *places_find(const struct places *p, uint64_t guid);

/* NULL: nobody was seen there last. */
const struct guid_place *places_find_at(const struct places *p, uint64_t switch_guid, uint8_t port);

/*
 * In place of what was known about this port, and of who was there before: there is one cable in
 * each. When there are too many the oldest one goes.
 */
void places_put(struct places *p, const struct guid_place *place);

/* What of the file @text can be read. */
void places_parse(struct places *p, const char *text);

/* A file that does not exist is empty. 0 or -errno; *@p is set in both cases. */
int places_load(struct places *p, const char *file);

/*
 * Put @new in, and write @file if that changes anything; its directory is made if it is missing
 * (not what is above it). Other processes may do so at the same time; they are waited for until
 * @until, a time of now_ms(). *@p is what is in it then. 0 or -errno.
 */
int places_update(struct places *p, const char *file, const struct places *new, uint64_t until);

#endif
