/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock of the stock handlers, which one of them at a time has for a resource. */
#ifndef FENCE_LOCK_H
#define FENCE_LOCK_H

#include <stdint.h>

#define LOCK_DIR "/var/lock/drbd"

/*
 * @dir is made if it is missing (not what is above it); @resource: a legal name. Waits until
 * @until, a time of now_ms(). Held until this process ends or executes another program. 0 or
 * -errno, -EAGAIN: somebody else has it.
 */
int lock_take(const char *dir, const char *resource, uint64_t until);

uint64_t now_ms(void); /* CLOCK_MONOTONIC */

#endif
