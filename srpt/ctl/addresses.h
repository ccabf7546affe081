/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells when this host gets a new IP address (rtnetlink(7)). Control thread. */
#ifndef SRPT_CTL_ADDRESSES_H
#define SRPT_CTL_ADDRESSES_H

#include <qb/qbloop.h>

struct addresses;

/*
 * Calls @fn from @loop when there may be a new address; there need not be one. NULL: it cannot be
 * told, which is logged.
 */
struct addresses *addresses_watch(qb_loop_t *loop, void (*fn)(void *arg), void *arg);
void addresses_unwatch(struct addresses *a); /* NULL is fine */

#endif
