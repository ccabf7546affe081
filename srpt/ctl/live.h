/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in force: the applied configuration and the devices and targets made from it.
 * Everything here is the control thread's.
 */
#ifndef SRPT_CTL_LIVE_H
#define SRPT_CTL_LIVE_H

#include "base/list.h"
#include "ctl/conf.h"
#include "ctl/job.h"
#include "ctl/state.h"
#include "scsi/scsi.h"
#include "srp/target.h"

#include <stdbool.h>
#include <stdint.h>

#define LIVE_ERROR_MAX 256

struct ha;
struct ha_canary;
struct ha_group;

enum device_state {
	DEVICE_OPENING,  /* the backend is open, the LU is being attached */
	DEVICE_READY,
	DEVICE_FAILED,   /* error says why; tried again at each reload and by watch */
	DEVICE_INACTIVE, /* "active 0" */
	DEVICE_LEAVING,  /* no longer mapped, about to be closed */
};

/* A DEVICE of the configuration. */
struct device {
	struct list_node link; /* live.devices */
	struct live *live;
	const struct conf_device *conf; /* in live.conf; while LEAVING in the one before */
	const struct conf_device *next; /* during an apply: what it becomes, NULL: it leaves */
	enum device_state state;
	bool fresh;    /* during an apply: made by it */
	struct backend *be; /* OPENING: ours until the LU is attached */
	struct lu *lu;      /* READY, LEAVING; else NULL */
	struct probe *probe; /* of watch, under way; NULL: none */
	struct ha_canary *canary; /* of ha_health.c; NULL: none */
	uint64_t seen_size;  /* watch: bytes its path led to, 0: not looked yet */
	unsigned wait, waits; /* watch: turns before it may be opened again; the last time */
	bool lost;           /* READY: to be opened again by watch */
	char error[LIVE_ERROR_MAX]; /* FAILED, or READY and lost */
};

/* A TARGET of the configuration. */
struct target {
	struct list_node link; /* live.targets */
	struct live *live;
	const struct conf_target *conf; /* in live.conf; while it leaves in the one before */
	const struct conf_target *next; /* during an apply: what it becomes, NULL: it leaves */
	struct srp_target *srp;         /* NULL: it could not be made, error says why */
	uint64_t id_ext, ioc_guid;      /* host order */
	bool lost_lun;                  /* during an apply: a mapped device leaves */
	bool changed;                   /* during an apply: its LUNs or groups differ */
	char error[LIVE_ERROR_MAX];
};

/* A DEVICE_GROUP of the configuration. */
struct device_group {
	struct list_node link; /* live.device_groups */
	struct live *live;
	const struct conf_device_group *conf; /* in live.conf; while it leaves in the one before */
	bool leaving;                         /* during an apply */
	struct alua_group *alua;              /* NULL: it could not be made, error says why */
	struct ha_group *ha;                  /* its role; NULL: it is no cluster's */
	char error[LIVE_ERROR_MAX];
};

struct live {
	struct conf *conf;         /* NULL: nothing was applied yet */
	struct device **device_of; /* by index in conf->devices; NULL: none */
	struct list_node devices;  /* struct device */
	struct list_node targets;  /* struct target, in no order */
	struct list_node device_groups; /* struct device_group */
	struct job_queue jobs;     /* what changes any of this */
	uint64_t ioc_guid;         /* for targets whose configuration names none */

	/* of the layers below, set by the owner before the first apply */
	struct scsi_device *scsi;
	struct srp_server *srp;
	struct state_store *store; /* NULL: nothing is kept */
	struct ha *ha;             /* NULL: what is a cluster's stays parked */
};

void live_init(struct live *live);

/* The device made from @dev, an element of live->conf->devices; NULL while there is none. */
struct device *live_device(const struct live *live, const struct conf_device *dev);
/* NULL if there is none of that name; of targets and groups it compares without case. */
struct device *live_device_find(const struct live *live, const char *name);
struct target *live_target_find(const struct live *live, const char *name);
struct device_group *live_device_group_find(const struct live *live, const char *name);
/* No device holds requests back on purpose any more: all of them are about to leave. */
void live_release(struct live *live);
const char *device_state_name(enum device_state state);

/* The GUID a target of @conf has: its own, the driver's or the daemon's. */
uint64_t live_ioc_guid(const struct live *live, const struct conf *conf,
		       const struct conf_target *target);

/*
 * The srp_map_fn of every target; @arg is its struct target. LUNs whose device is not READY are
 * left out. -EACCES when the configuration shows this session nothing at all.
 */
int live_map(void *arg, const char *session_name, struct lun_entry *map, unsigned max);
/*
 * The srp_reach_fn of every target; @arg is its struct target. A login over native InfiniBand must
 * have come to the port and partition of one of the target's portals.
 */
bool live_reach(void *arg, const struct conn_info *info);

/* Calls @fn for each LUN of the target itself (group NULL) and of its groups. */
void conf_target_for_each_lun(const struct conf_target *target,
			      void (*fn)(void *arg, const struct conf_group *group,
					 const struct conf_lun *lun),
			      void *arg);

#endif
