/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a DEVICE of the configuration to an LU, for apply. Control thread. */
#ifndef SRPT_CTL_DEVICE_H
#define SRPT_CTL_DEVICE_H

#include "ctl/live.h"

/* Open what is behind the device: d->be. -errno with d->error. May block. */
int device_backend_open(struct device *d);

/*
 * Make the LU of d->be, with what was kept of it. Ends in @done(d, lu, status) unless it returns
 * -errno, with d->error; d->be is still open then.
 */
int device_lu_create(struct device *d, void (*done)(void *d, struct lu *lu, int status));

/* Say in d->error that the LU was refused with @status. */
void device_attach_error(struct device *d, int status);

#endif
