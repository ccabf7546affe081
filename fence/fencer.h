/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pacemaker's fencer (libstonithd). One thread. */
#ifndef FENCE_FENCER_H
#define FENCE_FENCER_H

/*
 * Have @node rebooted by the devices that the cluster has for it, in @delay seconds. Returns when
 * it is done, or has not been within a minute. NULL: done; else why not, static.
 */
const char *fencer_reboot(const char *node, unsigned delay);

#endif
