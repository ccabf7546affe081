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
	for (unsigned i = 0; i < REACTOR_MAX; i++)
		task_reactor_init(&d->tasks[i]);
	return d;
}

void scsi_device_destroy(struct scsi_device *d)
{
	free(d);
}
