/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device-management agent: a thread that answers what srp_daemon asks the InfiniBand ports of
 * this host, through libibumad. It looks at the ports every second: new ones, those that come
 * back and those with another GID or other P_Keys are served as they are then. Every wait of the
 * thread is bounded.
 */
#ifndef SRPT_DM_DM_AGENT_H
#define SRPT_DM_DM_AGENT_H

#include "dm/dm_mad.h"
#include "dm/dm_table.h"

#include <stdbool.h>
#include <stdint.h>

#define DM_ERROR_MAX 160

struct dm_agent;

/* A port of ours as it was seen last. */
struct dm_port_info {
	struct dm_port port;
	unsigned lid;    /* 0: none yet */
	unsigned state;  /* 1 Down, 2 Initialize, 3 Armed, 4 Active */
	bool present;    /* false: its device is gone */
	bool wanted;     /* a target can be logged in to there */
	bool is_dm;      /* IsDeviceManagementSupported, without which srp_daemon does not look */
	bool answering;  /* false though wanted: error says why */
	char error[DM_ERROR_MAX];
	uint64_t counts[DM_RESULTS]; /* of MADs */
};

/* "Active", …; of another state "unknown". */
const char *dm_port_state_name(unsigned state);

/*
 * Start the thread, which tells what is in @table; that is the agent's when this has succeeded.
 * One agent per process; its functions are for the thread that started it. 0 or -errno.
 */
int dm_agent_start(struct dm_table *table, struct dm_agent **out);
/* What is told from now on; the table is the agent's then, which frees the one before. */
void dm_agent_publish(struct dm_agent *a, struct dm_table *table);
/* The one published last. Valid until the next. */
const struct dm_table *dm_agent_table(const struct dm_agent *a);
/*
 * The thread leaves the ports and ends; this does not wait for it, which may be reading what an
 * adapter is slow to tell. Nothing is told any more, all other functions may still be called.
 */
void dm_agent_end(struct dm_agent *a);
/* Ends the thread and waits for it. NULL is fine. */
void dm_agent_stop(struct dm_agent *a);

/* Calls @fn for every port seen so far; the agent waits meanwhile. */
void dm_agent_for_each_port(struct dm_agent *a,
			    void (*fn)(void *arg, const struct dm_port_info *port,
				       const struct dm_table *table),
			    void *arg);

#endif
