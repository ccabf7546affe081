/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to Pacemaker's CIB. There is one at most, as libcib's callbacks are told nothing
 * of who wants to know. One thread, with GLib's default main context.
 */
#ifndef FENCE_WATCH_H
#define FENCE_WATCH_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * @client: what Pacemaker's log calls us. @changes: watch_wait() will be called. 0, or -errno if
 * Pacemaker cannot be asked at once.
 */
int watch_open(const char *client, bool changes);
int watch_close(void); /* 0; else what was changed may be lost. Without one that is open: 0 */

/* All of it, the caller's to free with watch_free(). NULL: it cannot be had. */
xmlNode *watch_read(void);
/* The same of the element node_state of @node, without what is in it. */
xmlNode *watch_read_state(const char *node);
void watch_free(xmlNode *root); /* of a document, with it; NULL is fine */

/*
 * Until something has changed since the last watch_read(), at most until @until, a time of
 * now_ms(). What changes at the same time counts once. 0; -ETIMEDOUT; -ENOTCONN: the connection is
 * lost; -ENOTSUP: changes are not told.
 */
int watch_wait(uint64_t until);

/*
 * Adds an element, root of a document, to the constraints, and waits until that is done on all
 * nodes. 0 or a negative number.
 */
int watch_constrain(xmlNode *constraint);

#endif
