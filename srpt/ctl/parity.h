/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the configurations of a cluster's nodes must agree on, so that an initiator meets the same
 * disks behind the ports of each: a sorted list of keys and values, and a hash of it. Where files
 * are, names of targets, whether they are enabled and the order of most lines are each node's own
 * business.
 * Control thread.
 */
#ifndef SRPT_CTL_PARITY_H
#define SRPT_CTL_PARITY_H

#include "ctl/conf.h"

#include <stddef.h>
#include <stdint.h>

struct parity_item {
	const char *key, *value; /* into text */
};

struct parity {
	struct parity_item *items; /* by key, no key twice */
	size_t n;
	/*
	 * 64 bits: it is to tell mistakes, which are no attacks, and one of 10^19 goes unseen. Who
	 * means harm is asked for his list and can lie in it as well.
	 */
	uint64_t hash;
	char *text; /* keys and values, each with its NUL */
};

/* Of the device groups of a cluster in a localized @conf. 0 or -ENOMEM, then *@p is empty. */
int parity_make(const struct conf *conf, struct parity *p);
void parity_free(struct parity *p); /* leaves it empty */

#endif
