/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a DEVICE of the configuration to an LU, for apply. Control thread. */
#ifndef SRPT_CTL_DEVICE_H
#define SRPT_CTL_DEVICE_H

#include "backend/backend.h"
#include "ctl/live.h"

/*
 * As what is behind the device is to be opened now: parked where the cluster does not let it be
 * open. -EAGAIN with d->error: not now. Points to texts of d->conf.
 */
int device_params(struct device *d, struct backend_params *p);

/* Open what is behind the device: d->be. -errno with d->error. May block, unless it is parked. */
int device_backend_open(struct device *d);

/* Whether @be, opened before, is still what device_params() says. */
bool device_backend_fits(const struct device *d, const struct backend *be);

/*
 * Make the LU of d->be, with what was kept of it. Ends in @done(d, lu, status) unless it returns
 * -errno, with d->error; d->be is still open then.
 */
int device_lu_create(struct device *d, void (*done)(void *d, struct lu *lu, int status));

/* Say in d->error that the LU was refused with @status. */
void device_attach_error(struct device *d, int status);

#endif
