/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the device groups of a cluster use besides ctl_fake.h: the time, the gates and drains of
 * the device server, reads, the state volume and the link with the replicator.
 */
#ifndef TESTS_UNIT_HA_FAKE_H
#define TESTS_UNIT_HA_FAKE_H

#include "ctl_fake.h"

#include <stdint.h>

/* The time there is; it stands still but for this. Timers fire when they are due, in order. */
extern uint64_t fake_now_ns;
void fake_sleep(unsigned ms);

/* What reads of first blocks end with. */
extern int fake_canary_status;
/* Reads do not come back; drains do not; until they are let go. */
extern bool fake_canaries_hang, fake_drain_hangs, fake_pulse_hangs;
void fake_let_go(void);
/* What the state volume says: when it is opened, and the epoch on it. */
extern int fake_volume_status;
extern unsigned fake_volume_readonly; /* so many times -EROFS before that */
extern uint64_t fake_volume_epoch;
/* The replicator is there. */
extern bool fake_link;

void fake_ha_reset(void); /* and fake_reset() */

#endif
