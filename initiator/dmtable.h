/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "dmsetup table" and "dmsetup status" say of multipath maps (drivers/md/dm-mpath.c). */
#ifndef SRPT_INITIATOR_DMTABLE_H
#define SRPT_INITIATOR_DMTABLE_H

#include <stdbool.h>

/* True when @table has the map; then @queues tells whether it waits while no path is left. */
bool dm_table_queues(const char *table, const char *map, bool *queues);

/* The number of failed paths of a map; 0 when @status does not have it. */
int dm_status_failed(const char *status, const char *map);

#endif
