/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Corosync tells: quorum, and who else is in our closed process group. Tried again every
 * 200 ms while Corosync does not run. Loop thread.
 */
#ifndef REPLICATOR_CLUSTER_H
#define REPLICATOR_CLUSTER_H

#include "ctl/ha_msg.h"

#include <qb/qbloop.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cluster;

/* A process in the group. */
struct cluster_address {
	uint32_t node, pid;
};

/* All nodes hear messages and changes of the members in the same order. */
struct cluster_listener {
	/* @nodes: all that are in the cluster, with a replicator or without. */
	void (*quorum)(void *arg, bool quorate, const uint32_t *nodes, size_t n);
	/* @members: all, our own among them. @left: those that are no longer. */
	void (*members)(void *arg, const struct cluster_address *members, size_t n_members,
			const struct cluster_address *left, size_t n_left);
	/* One's own messages, too. @m is never malformed. */
	void (*message)(void *arg, struct cluster_address from, const struct ha_msg *m);
	/* Corosync has gone: no quorum, no members, what was sent may be lost. */
	void (*lost)(void *arg);
};

/* 0 or -errno, logged. */
int cluster_start(qb_loop_t *loop, const struct cluster_listener *listener, void *arg,
		  struct cluster **out);
void cluster_stop(struct cluster *c); /* NULL is fine; nothing is called any more */

/* In the order of the calls. Dropped while we are no member, or when it did not fit. */
void cluster_send(struct cluster *c, const struct ha_out *out);
/* Handle what has come already; false: there may be more. */
bool cluster_drain(struct cluster *c);
/* Our own address, as in members(). Zeros before the first of these. */
struct cluster_address cluster_self(const struct cluster *c);
bool cluster_is_up(const struct cluster *c);

#endif
