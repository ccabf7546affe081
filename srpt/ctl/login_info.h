/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What initiators log in with: the lines to write to add_target. */
#ifndef SRPT_CTL_LOGIN_INFO_H
#define SRPT_CTL_LOGIN_INFO_H

#include "ctl/conf.h"
#include "ctl/ib_ports.h"
#include "ctl/rdma_addr.h"
#include "ctl/report.h"

#include <stdint.h>

/* The addresses a wildcard stands for. */
struct login_addrs {
	struct rdma_addrs rdma; /* of portals for RDMA/CM */
	struct rdma_addrs host; /* of iwarp_port */
	struct ib_ports ib;     /* of portals for native InfiniBand */
};

/* @sysfs: "/sys". 0 or -errno; none is no error. */
int login_addrs_get(const char *sysfs, struct login_addrs *addrs);
void login_addrs_free(struct login_addrs *addrs);

/*
 * A row per target and address; a target without portals, or with one at a wildcard address, is
 * reachable at every address of @addrs, and every target at those of iwarp_port. A portal of native
 * InfiniBand that names no GID is at every port that fits. @ioc_guid: the
 * daemon's, for targets without one. @notes gets a line when there is no row, with the reason, or
 * when something must be added to a row. A row is "awaited" when its address is not this host's and
 * its target floats: it will come with that.
 */
void login_info_report(struct report *r, const struct conf *conf, uint64_t ioc_guid,
		       const struct login_addrs *addrs, struct text *notes);

#endif
