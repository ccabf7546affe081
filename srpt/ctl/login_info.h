/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What initiators log in with: the lines to write to add_target. */
#ifndef SRPT_CTL_LOGIN_INFO_H
#define SRPT_CTL_LOGIN_INFO_H

#include "ctl/conf.h"
#include "ctl/rdma_addr.h"
#include "ctl/report.h"

#include <stdint.h>

/*
 * A row per target and address; a target without portals, or with one at a wildcard address, is
 * reachable at every address of @addrs. @ioc_guid: the daemon's, for targets without one. The
 * number of rows; if there is none, login_info_why_empty() tells the reason in one line.
 */
size_t login_info_report(struct report *r, const struct conf *conf, uint64_t ioc_guid,
		       const struct rdma_addrs *addrs);
const char *login_info_why_empty(const struct conf *conf, const struct rdma_addrs *addrs);

#endif
