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
 * Listen as @name. 0 or -errno, logged. The configuration must have been applied. There is none
 * (NULL is fine for all below) while it has no cluster's group.
 */
int ha_link_start(struct daemon *d, const char *name, struct ha_link **out);
void ha_link_stop(struct ha_link *l);
bool ha_link_connected(const struct ha_link *l);

/* The configuration has changed: all of it is told again. */
void ha_link_refresh(struct ha_link *l);

void ha_link_role(struct ha_link *l, const char *group, enum ha_role role, uint64_t epoch);
void ha_link_want(struct ha_link *l, const char *group, uint64_t above);
void ha_link_unwant(struct ha_link *l, const char *group);
void ha_link_announce(struct ha_link *l, const char *group, enum alua_state state,
		      uint64_t epoch);

#endif
