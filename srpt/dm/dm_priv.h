/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of dm_agent.c and dm_ports.c. */
#ifndef SRPT_DM_DM_PRIV_H
#define SRPT_DM_DM_PRIV_H

#include "base/log.h"
#include "dm/dm_agent.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	DM_AGENT_PORTS_MAX = 64,
	DM_RECEIVE_SIZE = 2048, /* a larger MAD than any of ours stays in the kernel for ever */
};

struct agent_port {
	struct dm_port_info info; /* lock; written by the thread */
	bool seen;                /* thread: by this look at the ports */
	bool told;                /* thread: that srp_daemon does not see it */
	int fd;                   /* thread: of libibumad, -1: not open */
	int id;                   /* thread: of the registration */
	struct log_limit limit;
};

struct dm_agent {
	pthread_t thread;
	atomic_bool stop;
	atomic_bool look; /* at the ports, now: there is another table */
	int wake;         /* eventfd: one of these was set */
	pthread_mutex_t lock; /* of what the thread and the owner share */
	struct dm_table *table; /* lock; written by the owner */
	struct agent_port ports[DM_AGENT_PORTS_MAX];
	unsigned n_ports; /* lock; only grows, written by the thread */
	void *umad; /* thread: a MAD with its address */
};

/* ---- dm_ports.c; thread ---- */

/* Look which ports there are, and open and close as it has to be. */
void dm_ports_look(struct dm_agent *a);
/* It does not work any more; the next look may open it again. */
void dm_port_close(struct dm_agent *a, struct agent_port *p, const char *why);
void dm_ports_close(struct dm_agent *a);

#endif
