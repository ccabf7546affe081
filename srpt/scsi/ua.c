/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/ua.h"

#include "base/bytes.h"

#include <strings.h>

static const enum scsi_sense ua_senses[] = {
	[UA_POWER_ON] = SENSE_UA_POWER_ON,
	[UA_LU_RESET] = SENSE_UA_LU_RESET,
	[UA_NEXUS_LOSS] = SENSE_UA_NEXUS_LOSS,
	[UA_MEDIUM_CHANGED] = SENSE_UA_MEDIUM_CHANGED,
	[UA_MODE_CHANGED] = SENSE_UA_MODE_CHANGED,
	[UA_PREEMPTED] = SENSE_UA_PREEMPTED,
	[UA_RELEASED] = SENSE_UA_RELEASED,
	[UA_REGISTRATIONS_PREEMPTED] = SENSE_UA_REGISTRATIONS_PREEMPTED,
	[UA_ALUA_CHANGED] = SENSE_UA_ALUA_CHANGED,
	[UA_ALUA_FAILED] = SENSE_UA_ALUA_FAILED,
	[UA_CAPACITY_CHANGED] = SENSE_UA_CAPACITY_CHANGED,
	[UA_CLEARED_BY_OTHER] = SENSE_UA_CLEARED_BY_OTHER,
	[UA_INQUIRY_CHANGED] = SENSE_UA_INQUIRY_CHANGED,
	[UA_LUNS_CHANGED] = SENSE_UA_LUNS_CHANGED,
};
STATIC_ASSERT(ARRAY_SIZE(ua_senses) == UA_COUNT);

void ua_post(struct ua_set *s, enum ua ua)
{
	unsigned above = UA_RESET_CLASS & (UA_BIT(ua) - 1);

	if ((UA_BIT(ua) & UA_RESET_CLASS) && (atomic_load(&s->bits) & above))
		return;
	atomic_fetch_or(&s->bits, UA_BIT(ua));
}

enum scsi_sense ua_take(struct ua_set *s, unsigned mask)
{
	unsigned bits = atomic_load(&s->bits);
	int first;

	do {
		first = ffs((int)(bits & mask));
		if (!first)
			return SENSE_OK;
	} while (!atomic_compare_exchange_weak(&s->bits, &bits, bits & ~UA_BIT(first - 1)));
	return ua_senses[first - 1];
}

void ua_clear(struct ua_set *s, enum ua ua)
{
	atomic_fetch_and(&s->bits, ~UA_BIT(ua));
}
