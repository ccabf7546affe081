/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From one configuration to the next: only what differs is changed, in an order in which nothing
 * is used after it is gone or before it is there. Control thread; asynchronous.
 */
#ifndef SRPT_CTL_APPLY_H
#define SRPT_CTL_APPLY_H

#include "ctl/live.h"
#include "ctl/text.h"

struct apply_result {
	unsigned devices_opened, devices_closed, devices_failed;
	unsigned targets_added, targets_removed, targets_failed;
	unsigned targets_remapped; /* targets whose sessions got other LUNs */
	bool refused;              /* nothing was changed */
	struct text errors;        /* a line for each thing that failed */
};

/* @result is valid during the call. */
typedef void (*apply_done_fn)(void *arg, const struct apply_result *result);

/*
 * Queue the change to @next, which belongs to the live state from here on. The configuration
 * before is freed when nothing refers to it. Sessions of targets whose attributes and LUNs stay
 * notice nothing. @done runs when all is done, maybe before this returns; it may be NULL.
 * 0 or -ENOMEM (then @next is still the caller's).
 */
int apply_submit(struct live *live, struct conf *next, apply_done_fn done, void *arg);

/*
 * Queue the making of the LU of *@d, which is FAILED, on @be; @be is apply's from here on. *@d is
 * NULL when its turn comes: the device is gone. @done as above. 0 or -ENOMEM (@be is the caller's).
 */
int apply_recover(struct live *live, struct device *const *d, struct backend *be,
		  apply_done_fn done, void *arg);

#endif
