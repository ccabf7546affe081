/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the state of LUs is kept: what the daemon knows of a store. The device server sees no more
 * than struct lu_store of it. One there is: files in a directory (state_dir.h).
 */
#ifndef SRPT_CTL_STATE_H
#define SRPT_CTL_STATE_H

#include "scsi/scsi.h"

#include <stddef.h>

#define STATE_KEY_MAX 64 /* characters of [A-Za-z0-9._-] */

struct state_store;

struct state_ops {
	int (*load)(struct state_store *s, const char *key, void **data, size_t *len, char *err,
		    size_t errlen);
	void (*close)(struct state_store *s);
};

struct state_store {
	struct lu_store lu;
	const struct state_ops *ops;
};

/*
 * What is kept for @key, *@len bytes the caller frees; NULL: nothing. Before the first save of a
 * key, and not while one is under way. May block. -errno: it is not known what was kept, and the
 * device must not be served; @err tells which file is to blame and what to do. Control thread.
 */
static inline int state_load(struct state_store *s, const char *key, void **data, size_t *len,
			     char *err, size_t errlen)
{
	return s->ops->load(s, key, data, len, err, errlen);
}

/*
 * Finishes the saves that were begun; their done() does not run any more unless the control
 * thread's mailbox is drained before the store is closed. NULL is ignored. Control thread.
 */
static inline void state_close(struct state_store *s)
{
	if (s)
		s->ops->close(s);
}

#endif
