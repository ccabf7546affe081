/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I_T nexuses and their LUN maps, inside scsi/. A map is constant once it is
 * published; the control thread swaps the pointer and frees the old map when
 * every reactor has passed a message (it looks a LUN up and is done with the map
 * before it takes the next message).
 */
#ifndef SRPT_SCSI_NEXUS_H
#define SRPT_SCSI_NEXUS_H

#include "base/log.h"
#include "scsi/call.h"
#include "scsi/lu.h"
#include "scsi/scsi.h"
#include "scsi/ua.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LUN_DIRECT 256 /* LUNs below are found without a search */

/* One nexus on one LU. Outlives remaps as long as LUN and LU stay the same. */
struct itl {
	struct ua_set ua;
	atomic_uint gate; /* GATE_ bits of scsi/access.h; control thread writes */
	atomic_bool read_only; /* the LUN or the LU: writes are refused */
	atomic_uint losses;    /* of lu.losses those it has heard of, or that were before it */
	bool lun_read_only;    /* control thread */
	uint16_t lun;
	struct lu *lu;
	struct nexus *nexus;
	bool dead;                /* control thread: of no map any more, freed with the last */
	struct list_node lu_link; /* on lu.itls; control thread */
};

struct lun_map {
	struct scsi_call *retire; /* to wait out its readers */
	struct nexus *nexus;
	void (*done)(void *arg);  /* of the nexus_set_map() that replaces it */
	void *done_arg;
	struct itl *direct[LUN_DIRECT];
	unsigned count;
	struct lun_entry *entries; /* ascending by LUN, as the itls */
	struct itl *itls[];
};

struct nexus {
	struct scsi_device *device;
	_Atomic(struct lun_map *) map; /* never NULL */
	struct scsi_port port;
	uint8_t initiator_port_id[16];
	char name[SCSI_NAME_MAX];
	bool mapped_once; /* control thread */
	atomic_bool leaves; /* what scsi/await.h holds is not worth it any more */
	_Atomic uint64_t copies[256]; /* by list identifier, scsi/xcopy.h */
	uint8_t lun_known[(SCSI_MAX_LUN + 1) / 8]; /* bits: was mapped once. Control thread */
	struct log_limit limit; /* of the lines its task management makes; control thread */
};

/* Reactor: only until it returns to its loop. Control thread: until the next change. */
static inline const struct lun_map *nexus_map(const struct nexus *n)
{
	return atomic_load_explicit(&n->map, memory_order_acquire);
}

/* The LU's backend refuses writes, or no longer. Control thread. */
void itl_publish_read_only(struct lu *lu);

/* The entry of LUN @lun (0 … SCSI_MAX_LUN); NULL: not mapped. */
struct itl *lun_map_find(const struct lun_map *m, unsigned lun);

/* The kinds of an 8-byte LUN, SAM-5 4.7. */
#define LUN_INVALID (-1)
#define LUN_REPORT_LUNS (-2) /* the well-known logical unit, extended addressing C1 01 */

/*
 * LUN number of @lun: peripheral device addressing (00) and flat space (01),
 * both of 14 bits; everything below the first level must be zero.
 */
int lun_decode(const uint8_t lun[8]);

/* The other way: peripheral below 256, flat space above. */
void lun_encode(uint8_t lun[8], unsigned n);

#endif
