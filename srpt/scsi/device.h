/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's SCSI device, inside scsi/: what its LUs and nexuses share. */
#ifndef SRPT_SCSI_DEVICE_H
#define SRPT_SCSI_DEVICE_H

#include "scsi/scsi.h"
#include "scsi/task.h"

struct scsi_device {
	struct reactor_group *group;
	unsigned homes; /* given to LUs; control thread */
	struct list_node ports; /* scsi_port.link; control thread */
	struct task_reactor tasks[REACTOR_MAX];
	unsigned copies[REACTOR_MAX]; /* EXTENDED COPY that run; of each reactor */
};

#endif
