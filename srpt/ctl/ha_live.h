/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the configuration in force and the roles of a cluster's device groups have to do with
 * each other: for apply, device, watch and the daemon. Control thread.
 */
#ifndef SRPT_CTL_HA_LIVE_H
#define SRPT_CTL_HA_LIVE_H

#include "ctl/live.h"

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct ha;

/* Once, before the first configuration is applied: d->ha and d->live.ha. 0 or -ENOMEM. */
int ha_create(struct daemon *d);
/* No group and no reactor is left. May wait for threads. NULL is fine. */
void ha_destroy(struct ha *ha);
/* Demote what is promoted; then, or after some seconds, @done(arg), maybe before it returns. */
void ha_stop(struct ha *ha, void (*done)(void *arg), void *arg);

/* @g is new and a cluster's, or about to be freed. 0 or -errno. */
int ha_group_add(struct device_group *g);
void ha_group_remove(struct device_group *g);

/* Whether the change to @next may be made now; false with @why, in a line. */
bool ha_may_apply(const struct live *live, const struct conf *next, char *why, size_t size);

/* What may be done with what is behind a device. */
enum ha_access {
	HA_ACCESS_FREE,   /* it is no cluster's */
	HA_ACCESS_PARKED, /* it must not be opened */
	HA_ACCESS_OPEN,
	HA_ACCESS_GATED,  /* promoted, but the gate is closed: nothing new is to be opened */
	HA_ACCESS_MOVING, /* its role is changing: leave it alone */
};
enum ha_access ha_access(const struct device *d);
/* Where the state of its LU is kept; NULL: nowhere. */
struct state_store *ha_store(const struct device *d);

/* False: it floats, and its device group is not served on this node. */
bool ha_target_here(const struct live *live, const struct conf_target *target);

/* @d is about to be freed. */
void ha_forget(struct device *d);

#endif
