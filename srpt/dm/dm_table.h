/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the device-management agent tells: the I/O controllers (IOCs) of this I/O unit, one per
 * target, and where each is to be logged in to. A table is built by one thread, is immutable once
 * dm_table_make() has returned it, and may then be read by any thread. Pure.
 *
 * IBTA volume 1, chapter 16.3; SRP (T10), annex B.7.
 */
#ifndef SRPT_DM_DM_TABLE_H
#define SRPT_DM_DM_TABLE_H

#include "base/ib_portal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DM_SLOTS_MAX = 255,  /* MaxControllers of IOUnitInfo is one byte */
	DM_PORTALS_MAX = 16, /* of one target */
	DM_NAME_MAX = 64,    /* of a target, with the terminator; IDString is as long */
	DM_PKEYS_MAX = 128,  /* of a port that are looked at */
	DM_LOGIN_MAX = 192,  /* of a line for add_target, with the terminator */
};

/* A target; all fields that are not used are 0. Integers in host order. */
struct dm_target {
	char name[DM_NAME_MAX]; /* "": the slot is empty */
	uint64_t ioc_guid;
	uint64_t id_ext;
	struct ib_portal portals[DM_PORTALS_MAX];
	unsigned n_portals;
};

/* What all IOCs have in common. */
struct dm_profile {
	uint32_t send_size;    /* largest IU an initiator may send, bytes */
	uint32_t rdma_size;    /* largest transfer, bytes */
	uint16_t send_depth;   /* commands in flight per channel */
	uint8_t rdma_reads;    /* RDMA READs at once per channel */
};

struct dm_table {
	uint16_t change_id; /* of IOUnitInfo: another one whenever a table differs from the last */
	struct dm_profile profile;
	unsigned n_slots; /* those behind the last target are left out */
	struct dm_target slots[];
};

/* A port of ours, as requests find it. Integers in host order. */
struct dm_port {
	char device[IB_DEVICE_TEXT_MAX]; /* RDMA device, such as mlx5_0 */
	uint8_t num;
	uint8_t gid[16];
	uint32_t vendor; /* 24 bits: who made the device (OUI) */
	uint16_t pkeys[DM_PKEYS_MAX];
	unsigned n_pkeys;
	uint16_t changes; /* of the GID and the P_Keys so far; adds to change_id */
};

/*
 * A table of these targets: each keeps the slot it had in @before, by its name; @before may be
 * NULL. Targets that find no slot are left out; their number is in *@left_out. @change_id: of a
 * table without one before; else it is the number before, or one more when anything differs.
 * 0: *@out is to be freed by dm_table_free(). -ENOMEM.
 */
int dm_table_make(const struct dm_target *targets, size_t n, const struct dm_profile *profile,
		  const struct dm_table *before, uint16_t change_id, struct dm_table **out,
		  size_t *left_out);
void dm_table_free(struct dm_table *t); /* NULL is fine */

/* Whether they tell the same; of change_id nothing is asked. */
bool dm_table_same(const struct dm_table *a, const struct dm_table *b);

/*
 * The portals of @target that somebody sees who asks @port in the partition @pkey, each service id
 * once. @out: room for DM_PORTALS_MAX; returns their number, 0: the target is not there for him.
 */
unsigned dm_target_visible(const struct dm_target *target, const struct dm_port *port,
			   uint16_t pkey, const struct ib_portal **out);

/*
 * The line for add_target of ib_srp, as srp_daemon makes it: @portal of @target at @port, in the
 * partition @pkey. Returns @buf.
 */
const char *dm_login_text(const struct dm_target *target, const struct ib_portal *portal,
			  const struct dm_port *port, uint16_t pkey, char buf[DM_LOGIN_MAX]);

/*
 * Calls @fn for everything that can be logged in to at @port, with the P_Key a full member of the
 * partition has. @t NULL: nothing.
 */
void dm_port_for_each_login(const struct dm_table *t, const struct dm_port *port,
			    void (*fn)(void *arg, const struct dm_target *target,
				       const struct ib_portal *portal, uint16_t pkey),
			    void *arg);

#endif
