/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pacemaker's fencer (libstonithd). There is one connection at most. One thread. */
#ifndef FENCE_FENCER_H
#define FENCE_FENCER_H

/*
 * @client: what the fencer's log calls us; must stay. @tries: to connect, one each 2 s. NULL: it is
 * open, or was; else why not, static.
 */
const char *fencer_open(const char *client, int tries);
void fencer_close(void);

/*
 * Have @node rebooted by the devices that the cluster has for it, in @delay seconds, by a fencer
 * that is open; it may have been started anew since. Returns when it is done, or has not been
 * within a minute. NULL: done; else why not, static.
 */
const char *fencer_reboot(const char *node, unsigned delay);

#endif
