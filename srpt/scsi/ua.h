/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unit attention conditions (SAM-5 5.14) of one nexus on one LU: a set of bits,
 * bit number = reporting rank, lowest first. So there is one copy of each code
 * by construction, posting is an atomic OR from any thread and the command path
 * looks with one load. Within rank 4 of the reference the order is that of the
 * bits, not of arrival: which one comes first says nothing to an initiator, and
 * a queue would need a lock and memory.
 */
#ifndef SRPT_SCSI_UA_H
#define SRPT_SCSI_UA_H

#include "scsi/sense.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum ua {
	UA_POWER_ON,         /* 29/00 */
	UA_LU_RESET,         /* 29/03 */
	UA_NEXUS_LOSS,       /* 29/07 */
	UA_MEDIUM_CHANGED,   /* 28/00 */
	UA_MODE_CHANGED,     /* 2A/01 */
	UA_PREEMPTED,        /* 2A/03: reservations */
	UA_RELEASED,         /* 2A/04: reservations */
	UA_REGISTRATIONS_PREEMPTED, /* 2A/05 */
	UA_ALUA_CHANGED,     /* 2A/06 */
	UA_ALUA_FAILED,      /* 2A/07 */
	UA_CAPACITY_CHANGED, /* 2A/09 */
	UA_CLEARED_BY_OTHER, /* 2F/00 */
	UA_INQUIRY_CHANGED,  /* 3F/03 */
	UA_LUNS_CHANGED,     /* 3F/0E */
	UA_COUNT,
};

#define UA_BIT(ua) (1u << (ua))
/* These are reported before a reservation conflict (SAM-5 5.3.3), the others after. */
#define UA_RESET_CLASS (UA_BIT(UA_POWER_ON) | UA_BIT(UA_LU_RESET) | UA_BIT(UA_NEXUS_LOSS))
#define UA_ANY (UA_BIT(UA_COUNT) - 1)

struct ua_set {
	atomic_uint bits;
};

static inline bool ua_pending(const struct ua_set *s)
{
	return atomic_load_explicit(&s->bits, memory_order_relaxed) != 0;
}

/* Any thread. A reset is not added to one of higher rank, which says as much. */
void ua_post(struct ua_set *s, enum ua ua);

/* Take the highest of @mask away; SENSE_OK: there is none. Any thread. */
enum scsi_sense ua_take(struct ua_set *s, unsigned mask);

/* Forget @ua unreported. */
void ua_clear(struct ua_set *s, enum ua ua);

#endif
