/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * srptd's end of the connection with srp-replicatord: doc/ha.md has the messages. It decides
 * nothing: what comes goes to ha.h, what changes is sent. Control thread.
 */
#ifndef SRPT_CTL_HA_LINK_H
#define SRPT_CTL_HA_LINK_H

#include "ctl/ha.h"

struct ha_link;

/*
 * Listen as "@NAME-ha". 0 or -errno, logged. The configuration must have been applied. There is
 * none (NULL is fine for all below) while it has no cluster's group.
 */
int ha_link_start(struct daemon *d, const char *name, struct ha_link **out);
void ha_link_stop(struct ha_link *l); /* a replicator that is connected hears of the end */
bool ha_link_connected(const struct ha_link *l);

/*
 * A configuration has been applied: d->ha_link begins with the first cluster's group and ends
 * with the last; in between all of it is told again.
 */
void ha_link_update(struct daemon *d);

/*
 * All of these are dropped without a connection, and told anew by what follows the next hello. They
 * never block and never call ha.h: a replicator that does not read is given up later, by the loop.
 */
void ha_link_role(struct ha_link *l, const char *group, enum ha_role role, uint64_t epoch);
/* @primary: DRBD may be made Primary for it. */
void ha_link_want(struct ha_link *l, const char *group, uint64_t above, bool primary);
void ha_link_unwant(struct ha_link *l, const char *group);
void ha_link_announce(struct ha_link *l, const char *group, enum alua_state state,
		      uint64_t epoch);

#endif
