/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk in memory for a state volume, whose power goes at any write. What was not synchronised
 * is then there as far as the test says: a prefix, or some of its sectors in any order.
 */
#ifndef TESTS_UNIT_VOLUME_POWER_H
#define TESTS_UNIT_VOLUME_POWER_H

#include "ctl/state_volume_io.h"

#include <stdbool.h>

#define POWER_DISK (2u << 20)
#define POWER_SECTOR 512u

struct power_disk {
	uint64_t size;          /* bytes, ≤ POWER_DISK */
	uint8_t bytes[POWER_DISK];
	unsigned writes, syncs; /* since the test set them to 0 */
	unsigned cut;           /* the power goes at this write, from 1; 0: not */
	size_t prefix;          /* bytes of it that are there */
	uint64_t sectors;       /* if not 0: the seed of which sectors of it are there instead */
	int fail_write, fail_sync; /* -errno of all from now on; nothing is written */
	int fail_read;
	bool dead;              /* without power: every call fails and changes nothing */
	int open_error;
	unsigned opened;
};
extern struct power_disk power_disk;
extern const struct volume_io power_io;

#endif
