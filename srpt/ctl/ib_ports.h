/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports of native InfiniBand on this host, for telling initiators where to log in. Read from sysfs,
 * so it needs neither verbs nor privileges.
 */
#ifndef SRPT_CTL_IB_PORTS_H
#define SRPT_CTL_IB_PORTS_H

#include "base/ib_portal.h"

#include <stddef.h>

struct ib_ports {
	struct ib_arrival *list; /* owned; gid: that of index 0, pkey and pkey0 too */
	size_t count;
};

/* @sysfs: "/sys". 0 or -errno; none is no error. */
int ib_ports_get(const char *sysfs, struct ib_ports *ports);
void ib_ports_free(struct ib_ports *ports);

#endif
