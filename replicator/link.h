/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection with srptd, which listens as the abstract socket "@NAME-ha": doc/ha.md has the
 * messages. It is tried again every 100 ms while there is none. Loop thread.
 */
#ifndef REPLICATOR_LINK_H
#define REPLICATOR_LINK_H

#include "ctl/ha_msg.h"

#include <qb/qbloop.h>
#include <stdbool.h>

struct link;

struct link_listener {
	void (*up)(void *arg);
	void (*down)(void *arg); /* after up */
	void (*message)(void *arg, const struct ha_msg *m);
};

/* @name: of srptd's control socket. 0 or -errno, logged. */
int link_start(qb_loop_t *loop, const char *name, const struct link_listener *events, void *arg,
	       struct link **out);
void link_stop(struct link *l); /* NULL is fine; nothing is called any more */

/*
 * Dropped when there is no connection, or it did not fit into a message. A srptd that does not
 * read loses the connection: it hears all anew after the next hello.
 */
void link_send(struct link *l, const struct ha_out *out);
bool link_is_up(const struct link *l);
/* Handle what has come already; false: there may be more. */
bool link_drain(struct link *l);

#endif
