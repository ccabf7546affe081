/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The states of disks in /proc/drbd of DRBD 8.4: the kernel's DRBD must not be asked by netlink,
 * as it may be waiting for the handler itself. Source: drivers/block/drbd/drbd_proc.c of Linux,
 *    " 0: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----"
 */
#ifndef FENCE_PROC_DRBD_H
#define FENCE_PROC_DRBD_H

#include "fence/ask.h"

#define PROC_DRBD_MAX (128 * 1024) /* bytes that are read; more is an error */

struct proc_drbd {
	bool own_uptodate;  /* this node's disks of all volumes are UpToDate */
	bool peer_uptodate; /* the peer's are */
};

/* Of the volumes in @a. @text may hold anything. NULL: *@out is set; else why not, static. */
const char *proc_drbd_parse(const char *text, size_t len, const struct ask *a,
			    struct proc_drbd *out);

/* The same of a file. Not for two threads at once. */
const char *proc_drbd_read(const char *path, const struct ask *a, struct proc_drbd *out);

#endif
