/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The constraint that keeps Pacemaker from promoting the peer: as scripts/crm-fence-peer.sh of
 * drbd-utils 9.22 writes it, which compares it by all its attributes; crm-unfence-peer.sh takes it
 * away by its id.
 */
#ifndef FENCE_CONSTRAINT_H
#define FENCE_CONSTRAINT_H

#include "fence/ask.h"

#include <libxml/tree.h>

#define CONSTRAINT_ID_MAX (2 * FENCE_NAME_MAX + 32) /* with the NUL */

/* @part: "", "rule-" or "expr-". */
void constraint_id(char id[CONSTRAINT_ID_MAX], const struct ask *a, const char *part,
		   const char *clone);

/* The element rsc_location, root of a document that is the caller's to free; NULL: no memory. */
xmlNode *constraint_make(const struct ask *a, const char *clone);

#endif
