/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of SCSI pass-through share: dev_disk, dev_tape, dev_changer. */
#ifndef SRPT_BACKEND_SG_PRIV_H
#define SRPT_BACKEND_SG_PRIV_H

#include "backend/backend_priv.h"

#define SG_PATH_MAX 280
#define SG_IDENTITY 128

/* ---- sg_place.c: which device is meant, and where the kernel shows it; no state ---- */

/* The system, so that tests can have another one. */
struct sg_system {
	const char *sys; /* "/sys" */
	const char *dev; /* "/dev" */
	/* Open the node. A descriptor or -errno. */
	int (*open)(const char *path);
	/* PERIPHERAL DEVICE TYPE of what is open, or -errno. */
	int (*type)(int fd);
};

extern struct sg_system sg_system;

/* Is it H:C:I:L: four decimal numbers? */
bool sg_is_address(const char *name);

/*
 * The node of the device @name, an address or a path, into @path (SG_PATH_MAX bytes).
 * 0 or -errno and @err.
 */
int sg_node_find(const char *name, char *path, char *err, size_t errlen);

/*
 * The capacity of the disk @name in bytes, and its block size, as its driver here knows them.
 * -ENODEV: there is no such device; both 0: nobody knows.
 */
int sg_disk_size(const char *name, uint64_t *size, uint32_t *block);

/*
 * What tells the device @name from others into @text: its WWID, of those without one vendor and
 * product. "": not known.
 */
void sg_identity(const char *name, char text[SG_IDENTITY]);

/* ---- sg_queue.c: the thread of a device, and the commands in it ---- */

struct sg_queue;

/*
 * Open @name, of type @type (PERIPHERAL DEVICE TYPE), and start its thread. Control thread.
 * 0 or -errno and @err.
 */
int sg_queue_create(struct backend *be, const char *name, uint8_t type, struct sg_queue **out,
		    char *err, size_t errlen);

/* No command is in it. Control thread; waits for the thread. */
void sg_queue_destroy(struct sg_queue *q);

/* Ends in be_scsi_finish(). Any thread. */
void sg_queue_put(struct sg_queue *q, struct be_scsi_io *io);

#endif
