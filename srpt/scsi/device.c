/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/device.h"

#include "scsi/optable.h"
#include "scsi/passthrough.h"

#include <stdlib.h>

struct scsi_device *scsi_device_create(struct reactor_group *g)
{
	struct scsi_device *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	optable_init();
	passthrough_init();
	d->group = g;
	list_init(&d->ports);
	for (unsigned i = 0; i < REACTOR_MAX; i++)
		task_reactor_init(&d->tasks[i]);
	return d;
}

void scsi_port_add(struct scsi_device *d, struct scsi_port *p)
{
	list_add_tail(&d->ports, &p->link);
}

void scsi_port_remove(struct scsi_port *p)
{
	list_del(&p->link);
}

void scsi_device_destroy(struct scsi_device *d)
{
	free(d);
}
