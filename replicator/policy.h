/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be done about what has happened: the rules of doc/ha.md. Pure: no input, no output,
 * no clock; the same events give the same actions. The daemon around it hears and does. One
 * thread.
 *
 * A turn of the daemon: take the time, give policy_event() all that the sources have, then
 * POLICY_NOW with that time. Gates are closed in whichever event says so; leases, claims,
 * refusals, attributes and scores come in POLICY_NOW only, so a lease is never from before
 * something that was there to be heard.
 */
#ifndef REPLICATOR_POLICY_H
#define REPLICATOR_POLICY_H

#include "ctl/ha_msg.h"
#include "replicator/events2.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_GROUPS 64   /* device groups, and DRBD resources; more are refused */
#define POLICY_MEMBERS 16  /* nodes of the process group */
#define POLICY_NAME_MAX 63 /* characters of a group's name */

enum policy_event_type {
	POLICY_NOW,        /* ns: CLOCK_MONOTONIC from before the sources were read */
	POLICY_STORED,     /* group, epoch: kept on disk; all of them before any other event */
	POLICY_MEMBERSHIP, /* node: our own id; nodes, n_nodes: of the process group; without ours
			    * we are out of it. One that left and is back: first without it */
	POLICY_DELIVERED,  /* node, msg: a message of the process group, also our own */
	POLICY_QUORUM,     /* yes; not known is no. nodes, n_nodes: which the cluster has now */
	POLICY_SRPTD_UP,
	POLICY_SRPTD_DOWN,
	POLICY_SRPTD,      /* msg: from srptd */
	POLICY_DRBD,       /* drbd: a line of events2 that could be parsed (0 of events2_parse()) */
	POLICY_DRBD_DOWN,  /* events2 has ended, or will as it said what is -EINVAL */
	POLICY_EVENT_TYPES,
};

struct policy_event {
	enum policy_event_type type;
	uint64_t ns;
	const char *group; /* all pointers: of the caller, for the call */
	uint64_t epoch;
	const uint32_t *nodes; /* in any order */
	unsigned n_nodes;
	uint32_t node;
	const struct ha_msg *msg;
	bool yes;
	const struct drbd_event *drbd;
};

enum policy_action_type {
	POLICY_TO_SRPTD,  /* out */
	POLICY_MULTICAST, /* out */
	POLICY_STORE,     /* group, epoch: durably, before the actions that follow */
	POLICY_ATTRIBUTE, /* name, value: node attribute, transient; value NULL: delete it */
	POLICY_PRIMARY,   /* group, name: the DRBD resource that is to be made Primary now, */
	POLICY_SECONDARY, /* or Secondary */
	POLICY_SCORE,     /* group, score: promotion score; below 0: delete it */
	POLICY_FENCE,     /* name: the node that Pacemaker is to fence, in delay seconds */
	POLICY_FENCE_PREPARE, /* there may be one some day */
	POLICY_LOG,       /* priority (LOG_ERR …, as of syslog.h), text */
	POLICY_ACTION_TYPES,
};

struct policy_action {
	enum policy_action_type type;
	const struct ha_out *out; /* all pointers: valid in the call */
	const char *group, *name, *value, *text;
	uint64_t epoch;
	int score, priority;
	unsigned delay;
};

/* Called from policy_event(), in order; must not call policy_event(). */
struct policy_sink {
	void (*act)(void *arg, const struct policy_action *a);
	void *arg;
};

struct policy;

/* @name: of this node, uname -n. NULL: no memory. */
struct policy *policy_new(const char *name);
void policy_free(struct policy *p); /* NULL is fine */

void policy_event(struct policy *p, const struct policy_event *e, const struct policy_sink *to);

/* POLICY_NOW is due at this time at the latest, ns; UINT64_MAX: never. */
uint64_t policy_deadline(const struct policy *p);

/* ---- for `srp-replicator status` ---- */

struct policy_status {
	bool present; /* srptd has it; others are known from the disk or other nodes only */
	const char *group, *resource, *srptd_role; /* "unknown": not heard of */
	uint64_t epoch;                             /* highest known */
	uint32_t holder;                            /* node that has claimed it; 0: none */
	bool gate_open;                             /* a lease of ours runs */
	const char *reason;                         /* why not; "" if open or not wanted */
	const char *health;                         /* as the attribute srpt-GROUP will be */
	int score;                                  /* < 0: none */
	const char *states;                         /* "1:active,2:standby", as srptd is told */
};

unsigned policy_groups(const struct policy *p);
/* The @i-th; pointers valid until the next policy_event() or policy_group_status(). */
void policy_group_status(struct policy *p, unsigned i, struct policy_status *s);

struct policy_summary {
	bool srptd, drbd, quorum;
	unsigned n_members;
	uint32_t members[POLICY_MEMBERS];
	const char *parity;       /* "equal", "alone", "differs" or "unknown" */
	const char *parity_key;   /* first that differs, "" if not known */
	unsigned ports_up, ports_down;
};
void policy_summary(const struct policy *p, struct policy_summary *s);

#endif
