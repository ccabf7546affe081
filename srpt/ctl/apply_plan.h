/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to apply: what differs between what is live and the next configuration. */
#ifndef SRPT_CTL_APPLY_PLAN_H
#define SRPT_CTL_APPLY_PLAN_H

#include "ctl/live.h"

/*
 * Sets next of every live device and target (NULL: it leaves), lost_lun and changed of the
 * targets, and fills @device_of (next->n_devices entries) with the devices that stay; changes
 * nothing else. 0 or -ENOMEM.
 */
int plan_make(struct live *live, const struct conf *next, struct device **device_of);

#endif
