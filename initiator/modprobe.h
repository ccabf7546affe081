/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of ib_srp that modprobe will use the next time (modprobe.d(5)). */
#ifndef SRPT_INITIATOR_MODPROBE_H
#define SRPT_INITIATOR_MODPROBE_H

#include "initiator/settings.h"

#include <stdbool.h>

/*
 * Fills the three timeouts from all files that modprobe reads, in its order: what is not there is
 * the kernel's default, the last one wins, as for the kernel. False when no file has options of
 * the module.
 */
bool modprobe_options(const struct tree *t, struct timeouts *to);

#endif
