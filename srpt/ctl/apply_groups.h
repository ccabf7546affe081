/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to apply: device groups. They are changed before any of their devices moves and
 * dropped when none is left that an initiator sees, so that access is never wider than
 * either configuration says. Control thread.
 */
#ifndef SRPT_CTL_APPLY_GROUPS_H
#define SRPT_CTL_APPLY_GROUPS_H

#include "ctl/live.h"
#include "ctl/text.h"

/*
 * live->conf is in force from now on: makes and changes its groups and moves the devices that
 * stay. What fails is a line in @errors; such a group and its devices stay as they were.
 */
void groups_switch(struct live *live, struct text *errors);

/* The devices that left are closed: away with the groups that are no more. */
void groups_drop(struct live *live);

/* False: the group of the device could not be made, and the device must not be served. */
bool groups_ready(const struct device *d);

/* Put the LU of @d, which nobody sees yet, in the group of its device; if that is ready. */
void groups_join(const struct device *d);

#endif
