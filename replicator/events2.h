/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines that `drbdsetup events2` prints, of DRBD 9 and of the 8.4 in the kernel (whose
 * drbdsetup-84 it starts by itself). A line about a change names only what has changed. Source:
 * drbd-utils 9.22, user/v9/drbdsetup_events2.c and user/v84/drbdsetup.c. No memory is allocated.
 * Any thread.
 *
 * How to run it: `drbdsetup events2`, standard input a pipe that stays open, as its end makes some
 * versions end. All resources come first as "exists", then "exists -".
 */
#ifndef REPLICATOR_EVENTS2_H
#define REPLICATOR_EVENTS2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRBD_NAME_MAX 127   /* characters of the name of a resource, connection or helper */
#define DRBD_LINE_MAX 4096  /* bytes of a line that is looked at */
#define DRBD_VOLUME_MAX 65535

enum drbd_action {
	DRBD_EXISTS,
	DRBD_CREATE,
	DRBD_CHANGE,
	DRBD_DESTROY,
	DRBD_RENAME,
	DRBD_CALL,     /* of a helper */
	DRBD_RESPONSE, /* of a helper */
	DRBD_READY,    /* "exists -": all that there is has been told */
	DRBD_LOST,     /* "- skipped": events are missing, only a new start tells the truth */
	DRBD_ACTIONS,
};

enum drbd_object {
	DRBD_RESOURCE,
	DRBD_DEVICE,
	DRBD_CONNECTION,
	DRBD_PEER_DEVICE,
	DRBD_PATH,
	DRBD_HELPER,
	DRBD_OBJECTS,
};

/*
 * In each of the following 0 says that the line does not name it. A word that is not known counts
 * as the one that promises least.
 */
enum drbd_role { DRBD_ROLE_SAME, DRBD_ROLE_UNKNOWN, DRBD_PRIMARY, DRBD_SECONDARY, DRBD_ROLES };

enum drbd_disk {
	DRBD_DISK_SAME,
	DRBD_DISKLESS,
	DRBD_ATTACHING,
	DRBD_DETACHING,
	DRBD_FAILED,
	DRBD_NEGOTIATING,
	DRBD_INCONSISTENT,
	DRBD_OUTDATED,
	DRBD_DISK_UNKNOWN, /* DUnknown */
	DRBD_CONSISTENT,
	DRBD_UPTODATE,
	DRBD_DISKS,
};

enum drbd_conn {
	DRBD_CONN_SAME,
	DRBD_CONNECTED,
	DRBD_DISCONNECTED, /* all other words: StandAlone, Connecting, NetworkFailure, Timeout, … */
	DRBD_CONNS,
};

enum drbd_repl {
	DRBD_REPL_SAME,
	DRBD_REPL_OFF,
	DRBD_ESTABLISHED,
	DRBD_SYNC_SOURCE, /* all in which the peer is behind */
	DRBD_SYNC_TARGET, /* all in which this node is behind */
	DRBD_REPL_OTHER,
	DRBD_REPLS,
};

enum drbd_flag { DRBD_FLAG_SAME, DRBD_NO, DRBD_YES, DRBD_FLAGS };

struct drbd_event {
	enum drbd_action action;
	enum drbd_object object;         /* of all but DRBD_READY and DRBD_LOST */
	char resource[DRBD_NAME_MAX + 1];
	char conn[DRBD_NAME_MAX + 1];    /* of connection and peer-device */
	char new_name[DRBD_NAME_MAX + 1]; /* of DRBD_RENAME */
	char helper[DRBD_NAME_MAX + 1];  /* of DRBD_CALL and DRBD_RESPONSE */
	uint32_t status;                 /* exit status, of DRBD_RESPONSE */
	uint32_t volume;                 /* of device, peer-device */
	enum drbd_role role;             /* of a resource; of a connection: the peer's */
	enum drbd_flag suspended;        /* I/O, for whatever reason */
	enum drbd_flag quorum;           /* of a device; 8.4 does not name it */
	enum drbd_disk disk;             /* of a device; of a peer-device: the peer's */
	enum drbd_conn connection;
	enum drbd_repl replication;
};

/*
 * @len bytes of @line, without the newline: from another program, may hold anything. 0; -EINVAL:
 * malformed, or without what names its object, so that what is known of DRBD may be wrong now;
 * -ENOMSG: nothing that matters (an unknown kind of action or object, an empty line). *@e is
 * complete in case of 0 only.
 */
int events2_parse(const char *line, size_t len, struct drbd_event *e);

const char *drbd_disk_name(enum drbd_disk disk);
const char *drbd_role_name(enum drbd_role role);

#endif
