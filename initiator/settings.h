/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an initiator of SRP targets has set: its logins, the disks behind them, the multipath maps
 * and mirrors of these. Only looked at, never changed. One thread.
 */
#ifndef SRPT_INITIATOR_SETTINGS_H
#define SRPT_INITIATOR_SETTINGS_H

#include "initiator/mpconf.h"
#include "initiator/tree.h"

#include <stdbool.h>

#define SETTINGS_LOGINS_MAX 256
#define SETTINGS_DISKS_MAX 4096
#define SETTINGS_MAPS_MAX 2048
#define SETTINGS_MIRRORS_MAX 64

#define VALUE_OFF (-1)	   /* "off" in sysfs */
#define VALUE_UNKNOWN (-2) /* no such file, or no number in it */

/* Where three timeouts that belong together are set. */
enum timeouts_of { TIMEOUTS_LOGIN, TIMEOUTS_MODULE, TIMEOUTS_FILES };

struct timeouts {
	enum timeouts_of of;
	char name[TREE_NAME_MAX]; /* of a login that of its remote port */
	int fast_io_fail, dev_loss, reconnect; /* s, or VALUE_… */
};

struct login {
	char host[32];
	char id_ext[32], ioc_guid[32];
	char device[64]; /* the local RDMA device */
	char state[32];  /* of the remote port */
	int tl_retry, channels;
	struct timeouts timeouts;
};

struct disk {
	char dev[32];	 /* sdX */
	char number[32]; /* MAJOR:MINOR */
	char vendor[16], model[32], state[32], handler[32];
	int timeout, eh_timeout; /* s */
	bool alua;		 /* says that its ports have access states (TPGS of INQUIRY) */
	bool by_id;		 /* a link in /dev/disk/by-id leads to it, or to its map */
	int login;		 /* index */
	int map;		 /* index, -1: in none */
	bool in_mirror;		 /* itself, or its map */
};

struct map {
	char dm[32], name[TREE_NAME_MAX], wwid[TREE_NAME_MAX];
	int disk; /* one of its disks, an index */
	int paths, failed;
	bool in_mirror;
	bool known; /* the table could be read */
	bool queues;
};

struct mirror {
	char md[32];
	char number[32];
	int degraded;
	bool bitmap;
	int disks;	  /* that come over SRP */
	int first_login; /* index; of its disks the first one's */
	bool two_targets;
};

struct settings {
	int cpus;
	int budget; /* s that a failover may take */
	bool multipathd;
	bool never_register;
	struct timeouts module, files;
	bool has_files;
	struct login logins[SETTINGS_LOGINS_MAX];
	struct disk disks[SETTINGS_DISKS_MAX];
	struct map maps[SETTINGS_MAPS_MAX];
	struct mirror mirrors[SETTINGS_MIRRORS_MAX];
	int n_logins, n_disks, n_maps, n_mirrors;
	struct mp_conf *multipath; /* NULL when there is none */
};

/*
 * Looks at everything. NULL, with one line on standard error, when there is no SRP initiator
 * (the module ib_srp is not loaded) or no memory. The caller frees it with settings_free.
 */
struct settings *settings_gather(const struct tree *t);
void settings_free(struct settings *s);

/* What multipath does with a disk; "" when unknown. */
const char *settings_multipath(const struct settings *s, const struct disk *d, const char *key);

/* Numbers as sysfs and multipath have them: "off" and "infinity" are VALUE_OFF. */
int settings_number(const char *text);

#endif
