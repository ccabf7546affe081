/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Pacemaker's configuration and state (the CIB) say about the peer of a DRBD resource: the
 * same that the stock handler makes of it, and where there is any doubt that it is to decide.
 * Nothing is allocated; of libxml2 the structures are used only.
 *
 * Source: drbd-utils 9.22, scripts/crm-fence-peer.sh; Pacemaker 2.1, lib/pengine/unpack.c.
 */
#ifndef FENCE_VERDICT_H
#define FENCE_VERDICT_H

#include "fence/ask.h"

#include <libxml/tree.h>

enum verdict {
	VERDICT_FENCED, /* the peer is down and expected to be: what it did last is known */
	VERDICT_LOST,   /* it is gone: Pacemaker will fence it */
	VERDICT_ONLINE, /* nothing has been noticed yet, or it lives */
	VERDICT_UNSURE, /* for the stock handler */
};

struct opinion {
	enum verdict verdict;
	const char *reason; /* of all but VERDICT_FENCED; static */
	char clone[FENCE_NAME_MAX + 1]; /* id of the DRBD clone; not of VERDICT_UNSURE */
};

/* @cib: the element cib, from outside. */
void verdict_find(const xmlNode *cib, const struct ask *a, struct opinion *out);

/*
 * @state: the element node_state of the peer alone. Whether it is still VERDICT_LOST or
 * VERDICT_ONLINE: then @o, which was either, says which and why. Else all of the CIB is to be read.
 */
bool verdict_waiting(const xmlNode *state, struct opinion *o);

/* NULL: Pacemaker will reboot @node, which the cluster has lost; else why not, static. */
const char *verdict_fencing(const xmlNode *cib, const char *node);

#endif
