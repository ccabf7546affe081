/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's SCSI device, inside scsi/: what its LUs and nexuses share. */
#ifndef SRPT_SCSI_DEVICE_H
#define SRPT_SCSI_DEVICE_H

#include "scsi/scsi.h"

/* Task management on one reactor; that reactor only. */
struct tmf_reactor {
	struct list_node parts;  /* tmf_part.link: each waits for a marked command */
	struct list_node marked; /* scsi_cmd.tmf_link, by tmf_waits */
	uint64_t functions;      /* the number of the latest, from 1 */
};

struct scsi_device {
	struct reactor_group *group;
	struct tmf_reactor tmf[REACTOR_MAX];
};

#endif
