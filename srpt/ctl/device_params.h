/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A DEVICE of the configuration as the backends want it. */
#ifndef SRPT_CTL_DEVICE_PARAMS_H
#define SRPT_CTL_DEVICE_PARAMS_H

#include "backend/backend.h"
#include "ctl/conf.h"

/* Points to texts of @dev. */
struct backend_params backend_params_make(const struct conf_device *dev);

#endif
