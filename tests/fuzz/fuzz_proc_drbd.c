/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/drbd of the volumes 0 and 1. */
#include "fuzz.h"

#include "fence/proc_drbd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ask ask = { .minors = { 0, 1 }, .n_minors = 2 };
	struct proc_drbd disks;

	proc_drbd_parse((const char *)data, size, &ask, &disks);
	return 0;
}
