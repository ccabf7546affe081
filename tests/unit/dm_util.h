/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets and a port for tests of device management. */
#ifndef TESTS_UNIT_DM_UTIL_H
#define TESTS_UNIT_DM_UTIL_H

#include "base/bytes.h"
#include "dm/dm_table.h"

#include <stdio.h>

static const struct dm_profile dm_test_profile = {
	.send_size = 8260, .rdma_size = 1 << 20, .send_depth = 128, .rdma_reads = 4,
};

/* A port with the default partition, which is at index 0, and 0x8001. */
static inline struct dm_port dm_test_port(void)
{
	struct dm_port p = { .device = "mlx5_0", .num = 1, .vendor = 0x0002c9,
			     .pkeys = { 0xffff, 0x8001 }, .n_pkeys = 2 };

	put_be64(p.gid, 0xfe80000000000000);
	put_be64(p.gid + 8, 0x0002c90300a1b2c4);
	return p;
}

/* At all ports, in the partition at index 0. */
static inline struct dm_target dm_test_target(const char *name, uint64_t id_ext, uint16_t service)
{
	struct dm_target t = { .ioc_guid = 0x0002c90300a1b2c3, .id_ext = id_ext, .n_portals = 1 };

	snprintf(t.name, sizeof(t.name), "%s", name);
	t.portals[0] = (struct ib_portal){ .family = AF_IB, .port = service };
	return t;
}

#endif
