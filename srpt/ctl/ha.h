/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device groups of a cluster: their role on this node, and promote and demote. What the
 * replicator says comes in by ha_link.h. See doc/ha.md. Control thread.
 */
#ifndef SRPT_CTL_HA_H
#define SRPT_CTL_HA_H

#include "base/list.h"
#include "ctl/live.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct ha_link;

enum ha_role { HA_STANDBY, HA_PROMOTING, HA_PROMOTED, HA_DEMOTING, HA_ROLES };

/* Why promote or demote did not do it; also the exit statuses of srptctl. */
enum ha_result {
	HA_DONE = 0,
	HA_FAILED = 1,
	HA_UNKNOWN_GROUP = 3,
	HA_GATE_CLOSED = 4,
	HA_NOT_PRIMARY = 5,
	HA_PARITY = 6,
	HA_BUSY = 10,
	HA_TIMEOUT = 11,
};

#define HA_PROMOTE_S 20u /* seconds a promote may take unless told otherwise */
#define HA_DEMOTE_S 10u

/* Who waits for the end of a promote or demote; @done once, maybe before the call returns. */
struct ha_waiter {
	struct list_node link;
	void (*done)(struct ha_waiter *w, enum ha_result result, const char *reason);
	void *arg; /* the caller's */
};

/* Within @seconds; for @drbd_wait of these DRBD may be Secondary still. */
void ha_promote(struct device_group *g, unsigned seconds, unsigned drbd_wait, struct ha_waiter *w);
void ha_demote(struct device_group *g, unsigned seconds, struct ha_waiter *w);

/* How a group does; also the exit statuses of srptctl monitor, as of an OCF agent. */
enum ha_health {
	HA_RUNNING = 0, /* standby, or no cluster's */
	HA_SICK = 1,
	HA_SERVING = 8,
	HA_NOT_SERVING = 9, /* promoted */
};
/* @why: a line, "" when nothing is wrong. Waits for nothing. */
enum ha_health ha_monitor(const struct device_group *g, char *why, size_t size);

/* ---- what the link tells; @group: a name from the peer, maybe of none ---- */

void ha_link_is_up(struct daemon *d);
void ha_link_is_down(struct daemon *d);
/* The gate may be open with @epoch (> 0) until @until_ns, CLOCK_MONOTONIC. */
void ha_leased(struct daemon *d, const char *group, uint64_t epoch, uint64_t until_ns);
void ha_closed(struct daemon *d, const char *group, const char *reason);
/* A promote that waits is told why: HA_GATE_CLOSED, HA_NOT_PRIMARY or HA_PARITY. */
void ha_refused(struct daemon *d, const char *group, enum ha_result why, const char *reason);
/*
 * The agreed states of the group's target groups. Those it does not name stay as they are; 0: that
 * of another node where the local one floats.
 */
struct ha_state {
	uint16_t id;
	enum alua_state state;
};
void ha_table(struct daemon *d, const char *group, uint64_t epoch, const struct ha_state *states,
	      unsigned n);
void ha_resume(struct daemon *d, const char *group);

/* ---- what the link tells the replicator of ---- */

struct ha_group_info {
	const char *name, *resource; /* of the DEVICE_GROUP; its drbd_resource */
	enum ha_role role;
	uint64_t epoch;  /* of the lease it is promoted with, else of the last; 0: there was none */
	uint64_t wants;  /* a promote waits for a lease above this epoch; see waiting */
	bool waiting;
	uint16_t local;  /* id of its local target group; 0: it has none */
	bool floating;   /* the other node has the same one */
	enum alua_state own; /* this node's word on it; in states: what initiators are told */
	unsigned transition_time; /* s */
	unsigned n;
	struct ha_state states[ALUA_GROUPS_MAX];
};

/* Calls @fn for each cluster's group; @i is valid during the call. */
void ha_for_each_group(const struct daemon *d,
		       void (*fn)(void *arg, const struct ha_group_info *i), void *arg);

const char *ha_role_name(enum ha_role role); /* "standby", "promoting", ... */

#endif
