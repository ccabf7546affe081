/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disabling and enabling the ports of switches, which is done when it can be read back. */
#ifndef FENCE_PORT_H
#define FENCE_PORT_H

#include "fence/plan.h"

/*
 * All of them, until they are as wanted at the same time, or @until, a time of now_ms(). Each is
 * tried, whatever becomes of the others. true: all are; else @rc has for each point 0, -EAGAIN (it
 * is not, or not as long as it was tried), -ENODEV (another switch is there now, nothing was
 * changed on it), or why it is not known (as of struct fabric_io).
 */
bool ports_switch(const struct fabric_io *io, const struct plan *p, bool off, uint64_t until,
		  int rc[GUID_PLACES_MAX]);

#endif
