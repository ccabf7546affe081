/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srp-replicatord from start to stop: the sources around the policy. Loop thread. */
#ifndef REPLICATOR_DAEMON_H
#define REPLICATOR_DAEMON_H

#include "replicator/attributes.h"
#include "replicator/cluster.h"
#include "replicator/control.h"
#include "replicator/drbd.h"
#include "replicator/hasten.h"
#include "replicator/link.h"
#include "replicator/policy.h"
#include "replicator/resources.h"

struct settings {
	const char *name;      /* of srptd's control socket */
	const char *node;      /* of this node */
	const char *state_dir; /* epochs */
	const char *fence_program; /* srp-fence-node */
	const char *run_dir;   /* what need not survive a crash of the node */
};

struct replicator {
	const struct settings *settings;
	qb_loop_t *loop;
	struct policy *policy;
	struct link *link;
	struct drbd *drbd;
	struct cluster *cluster;
	struct attributes *attributes;
	struct hasten *hasten;
	struct control *control;
	struct resources resources;
	char *resources_path;

	uint64_t grace_ns;     /* how long a lease lasts, as srptd said */
	uint64_t due_ns;       /* when the timer should wake us */
	uint64_t watchdog_ns;  /* when to tell the service manager again that we live */
	qb_loop_timer_handle timer; /* 0: none */
	bool turn_queued;
	bool scores_changed;
	bool corosync; /* we are in the process group */
};

/* Exit status. @ready(arg), if any, is called when it is there. */
int replicator_run(const struct settings *settings, void (*ready)(void *arg), void *arg);

/* The answer to `srp-replicator status`: whether all is well. */
bool status_report(const struct replicator *r, bool json, struct text *out);

#endif
