/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's end of the control socket. Control thread. */
#ifndef SRPT_CTL_IPC_H
#define SRPT_CTL_IPC_H

#include "ctl/daemon.h"

#include <stdbool.h>
#include <sys/types.h>

#define IPC_GROUP "srpt" /* members may use srptctl, besides root and the daemon's own user */

/*
 * Answer srptctl under @name. 0 or -errno, logged; -EADDRINUSE: another instance has the name,
 * which holds as long as that process lives.
 */
int ipc_server_start(struct daemon *d, const char *name);
/* Ends all connections; answers still owed are dropped. NULL is fine. */
void ipc_server_stop(struct ipc_server *s);

/* Whether this peer may give commands; @group: the gid of IPC_GROUP, -1: there is none. */
bool ipc_peer_allowed(uid_t uid, gid_t gid, uid_t own_uid, gid_t group, bool is_member);

/* The same of a connected peer, whose groups are looked up. */
bool ipc_peer_check(uid_t uid, gid_t gid, gid_t group);

#endif
