/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to ha*.c. A role changes by runs (promote, demote, undo, reopen), each a table of steps
 * that only go forward; one at a time in a group. What a step waits for is forgotten when its
 * run ends before it: it then frees itself. Control thread, but for what ha_devices.c says.
 *
 * ha.c groups and upcalls, ha_run.c runs, ha_promote.c and ha_demote.c their steps, ha_gate.c
 * leases and access states, ha_devices.c opening and closing, ha_targets.c targets that float,
 * ha_health.c whether it serves.
 */
#ifndef SRPT_CTL_HA_PRIV_H
#define SRPT_CTL_HA_PRIV_H

#include "base/list.h"
#include "ctl/daemon.h"
#include "ctl/ha.h"
#include "ctl/ha_live.h"
#include "ctl/offload.h"

#include <qb/qbloop.h>
#include <stdbool.h>
#include <stdint.h>

#define HA_STEPS_MAX 5
#define HA_REASON_MAX 320
#define HA_THREADS 4 /* of a group: open its devices */
#define HA_NS_PER_MS 1000000ull
#define HA_NS_PER_S 1000000000ull
#define HA_FOR_EVER UINT64_MAX

struct ha_group;

/* ---- a timer of the event loop that may be moved and stopped at any time ---- */

struct ha_timer {
	qb_loop_t *loop;
	qb_loop_timer_handle handle;
	bool armed;
	void (*fn)(void *arg);
	void *arg;
};

void ha_timer_init(struct ha_timer *t, qb_loop_t *loop, void (*fn)(void *arg), void *arg);
void ha_timer_start(struct ha_timer *t, uint64_t delay_ns); /* anew if it runs */
void ha_timer_stop(struct ha_timer *t);

/* ---- runs ---- */

enum ha_kind { HA_PROMOTE, HA_DEMOTE, HA_UNDO, HA_REOPEN, HA_KINDS };

struct ha_step {
	const char *name;
	void (*start)(struct ha_group *g); /* leads to ha_step_done() or ha_run_fail() */
};

extern const struct ha_step ha_promote_steps[], ha_demote_steps[], ha_undo_steps[],
	ha_reopen_steps[]; /* each ends in { NULL } */

/* How a run went, as it is shown. */
struct ha_record {
	bool valid;
	enum ha_result result;
	uint64_t epoch;
	uint64_t total_us;
	unsigned n;                 /* steps that were done */
	uint64_t us[HA_STEPS_MAX];
	char reason[HA_REASON_MAX]; /* of a result other than HA_DONE */
};

/* Operations that a step waits for. */
struct ha_wait {
	struct ha_group *g; /* NULL: nobody waits any more */
	unsigned left;
	int status;         /* the first that is not 0 */
	char error[HA_REASON_MAX];
	void (*done)(struct ha_group *g, int status, const char *error);
};

struct ha_run {
	const struct ha_step *step; /* NULL: none is under way */
	enum ha_kind kind;
	uint64_t started_ns, step_ns;
	struct ha_record now;
	struct ha_wait *wait;
	struct list_node waiters;
	struct ha_timer deadline;
	bool draining; /* alua_group_drain() is under way */
};

struct ha_batch;

/* Those of a group; they outlive it when one of them is stuck in a call. */
struct ha_threads {
	struct list_node link; /* ha.retired */
	struct offload *t[HA_THREADS];
	unsigned n;
	unsigned out; /* jobs that have not come back */
};

struct ha_group {
	struct ha *ha;
	struct device_group *group;
	enum ha_role role;
	struct ha_run run;
	struct ha_record last[2];  /* HA_PROMOTE, HA_DEMOTE */
	struct ha_batch *batch;    /* of the run */
	struct ha_threads *threads;
	struct ha_timer retry;     /* of a step that has to succeed */
	struct state_store *store; /* the state volume while promoted; NULL: none */

	/* ha_gate.c */
	uint64_t epoch;            /* of the lease in force, or of the last one */
	uint64_t until_ns;
	uint64_t wanted;           /* of a promote: the lease has a later epoch */
	uint64_t primary_ns;       /* of a promote: until then DRBD may be Secondary */
	bool gate;                 /* leased; the device server's gate is open when promoted */
	bool overtaken;            /* another node has served since: only a demote helps */
	uint64_t reopen_ns;        /* not before */
	struct ha_timer lease;     /* its end */
	struct ha_timer stale;     /* promoted for long without one; or a promote without any */
	enum ha_result refused;    /* why there is none, and */
	char reason[HA_REASON_MAX]; /* in words; "": nothing is wrong */

	bool here;                 /* ha_targets.c: targets that float with it are here */

	/* access states */
	enum alua_state local;     /* of the local target group */
	uint64_t table_epoch;
	unsigned n_table;
	struct ha_state table[ALUA_GROUPS_MAX]; /* what the replicator said last */

	/* ha_health.c */
	uint64_t serving_ns;       /* promoted since */
};

/* A message to every reactor and back, again and again. */
struct ha_pulse {
	bool out;
	uint64_t sent_ns, back_ns;
	_Atomic uint64_t seen; /* reactors that have answered */
};

struct ha {
	struct daemon *d;
	struct live *live;
	struct ha_timer turn;
	struct ha_pulse pulse;
	bool stopping;
	unsigned stops;           /* groups that are not demoted yet */
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct list_node retired; /* struct ha_threads of groups that are gone */
	struct job arrival;       /* of targets that float */
	bool arriving;            /* it is submitted, and has not begun */
};

#define ha_for_each(g, ha) list_for_each((g), &(ha)->live->device_groups, link)

#define HA_LEASE_WAIT_S 3u /* events may be on their way to the replicator */

const char *ha_name(const struct ha_group *g);
bool ha_ungated(const struct ha_group *g); /* --no-write-gate */
struct ha_link *ha_link_of(const struct ha_group *g);

/* ---- ha_run.c ---- */

void ha_run_init(struct ha_group *g);
/* @seconds for all of it; 0: for ever. */
void ha_run_begin(struct ha_group *g, enum ha_kind kind, unsigned seconds);
void ha_step_done(struct ha_group *g);
/* A promote is undone, a reopen left; what has to succeed is tried again. */
void ha_run_fail(struct ha_group *g, enum ha_result why, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ha_run_drop(struct ha_group *g); /* as if it had never begun; waiters stay */
bool ha_step_is(const struct ha_group *g, enum ha_kind kind, const char *name);
/* @w is told when the run ends, or @seconds are over. */
void ha_run_join(struct ha_group *g, struct ha_waiter *w, unsigned seconds);

/* NULL: no memory, the run has failed. One put is the caller's. */
struct ha_wait *ha_wait_begin(struct ha_group *g,
			      void (*done)(struct ha_group *g, int status, const char *error));
void ha_wait_put(struct ha_wait *w, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- ha_gate.c ---- */

void ha_gate_init(struct ha_group *g);
void ha_gate_stop(struct ha_group *g); /* its timers */
void ha_gate_open(struct ha_group *g); /* the device server's, as long as the lease says */
void ha_gate_shut(struct ha_group *g);
uint64_t ha_above(const struct ha_group *g);
/* The local target group has this state from now on; told to the others by ha_tell(). */
int ha_set_local(struct ha_group *g, enum alua_state state);
void ha_table_lost(struct ha_group *g); /* the replicator is not there */
void ha_tell(struct ha_group *g);
/* The step "publish" of a group that is to serve is over. */
void ha_activate(struct ha_group *g);

/* ---- ha_devices.c ---- */

/* Open all devices of the group, or park them: one step of the run. */
void ha_devices_change(struct ha_group *g, bool parked);
void ha_batch_cancel(struct ha_group *g);
/*
 * True, a moment later: @rc of an open is that of a DRBD device that is not Primary yet: a DRBD
 * resource is it with the first of its volumes, the others follow. @tries, HA_OPEN_TRIES before
 * the first open, bounds it. For threads that may block.
 */
#define HA_OPEN_TRIES 150u
bool ha_open_again(int rc, unsigned *tries);
struct ha_threads *ha_threads_start(struct daemon *d); /* NULL: not possible */
void ha_threads_retire(struct ha *ha, struct ha_threads *t);
void ha_threads_join(struct ha *ha);
/* What was FAILED is looked at again; then @done. */
void ha_devices_revive(struct ha_group *g,
		       void (*done)(struct ha_group *g, int status, const char *error));
/*
 * One of each file or volume: READY devices, in an array the caller frees; *@n of them. NULL: no
 * memory.
 */
struct device **ha_devices_distinct(const struct ha_group *g, unsigned *n);
bool ha_is_member(const struct ha_group *g, const struct device *d);

/* ---- ha_targets.c: both may be called again ---- */

/* The group is served: initiators may log in to targets that float with it. */
void ha_targets_come(struct ha_group *g);
/* It is not any more: their sessions end. What is under way in them is drained as ever. */
void ha_targets_go(struct ha_group *g);

/* ---- ha_health.c ---- */

void ha_health_start(struct ha *ha);
void ha_health_stop(struct ha *ha);
/* Canaries begin anew. */
void ha_health_serving(struct ha_group *g);

#endif
