/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the replicator says, read and handed to ha.h; see doc/ha.md. Control thread. */
#ifndef SRPT_CTL_HA_HEARD_H
#define SRPT_CTL_HA_HEARD_H

#include "ctl/ha.h"
#include "ctl/ha_msg.h"

/*
 * @m is decoded and may still say anything. False: what it says is malformed, and nothing was made
 * of it. Verbs that are not known, or not for device groups, are passed over.
 */
bool ha_heard(struct daemon *d, const struct ha_msg *m);

#endif
