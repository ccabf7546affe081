/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many ways initiators have to this node: RDMA ports that are active and portals that are
 * listened on, and how many there could be more. Control thread. Events of devices in use say at
 * once that something changed; a look once a second finds the rest.
 */
#ifndef SRPT_CTL_HA_PORTS_H
#define SRPT_CTL_HA_PORTS_H

#include "ctl/listeners.h"

#include <qb/qbloop.h>
#include <stdbool.h>

#define HA_PORTS_SYSFS "/sys/class/infiniband"

struct ha_ports_count {
	unsigned up, down;
};

/* RDMA ports below @dir, which is that of sysfs. May block: a device asks its firmware. */
void ha_ports_scan(const char *dir, struct ha_ports_count *c);

/* Adds the portals that are wanted. */
void ha_ports_add_listeners(const struct listeners *l, struct ha_ports_count *c);

struct ha_ports;

/* @changed(arg) when the numbers have. 0 or -errno. */
int ha_ports_start(qb_loop_t *loop, struct mailbox *control, struct listeners *listeners,
		   const char *dir, void (*changed)(void *arg), void *arg, struct ha_ports **out);
/* Drains @control. NULL is fine. */
void ha_ports_stop(struct ha_ports *p);
struct ha_ports_count ha_ports_get(const struct ha_ports *p);

#endif
