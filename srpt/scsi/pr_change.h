/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The service actions of PERSISTENT RESERVE OUT as rules on the state: from the state there
 * is and what is asked, to the next state and whom to tell. No I/O; control thread.
 */
#ifndef SRPT_SCSI_PR_CHANGE_H
#define SRPT_SCSI_PR_CHANGE_H

#include "scsi/pr.h"
#include "scsi/sense.h"

#include <stdbool.h>
#include <stdint.h>

/* SPC-4 table 215. */
enum pr_action {
	PR_REGISTER,
	PR_RESERVE,
	PR_RELEASE,
	PR_CLEAR,
	PR_PREEMPT,
	PR_PREEMPT_AND_ABORT,
	PR_REGISTER_AND_IGNORE,
	PR_REGISTER_AND_MOVE,
	PR_ACTIONS,
};

struct pr_request {
	enum pr_action action;
	struct pr_nexus from;
	uint64_t key, sa_key;
	uint8_t scope, type;
	bool spec_i_pt, all_tg_pt, aptpl, unreg;
	bool can_keep;         /* there is a store: APTPL may be asked for */
	const uint8_t *ids;    /* TransportIDs: nids with SPEC_I_PT, one of REGISTER AND MOVE */
	unsigned nids;
	uint16_t move_port;    /* of REGISTER AND MOVE */
	const uint16_t *ports; /* every target port of the device: from.port is one of them */
	unsigned nports;
};

/* What the nexus of an old registrant hears of it. */
#define PR_TELL_PREEMPTED 0x01u     /* 2A/03 */
#define PR_TELL_RELEASED 0x02u      /* 2A/04 */
#define PR_TELL_REGISTRATIONS 0x04u /* 2A/05 */
#define PR_ABORT 0x08u              /* its commands are aborted */

#define PR_NO_FIELD (-1)

struct pr_change {
	const struct pr *old; /* the caller's; lives as long as the change */
	struct pr *next;      /* NULL: nothing changes. Whoever makes it the state takes it */
	uint8_t *tell;        /* by index of old; with next */
	int field;            /* byte of the list or CDB in error, or PR_NO_FIELD */
};

/*
 * SENSE_OK: @c says what becomes of it. Else nothing does (SENSE_BUSY: no memory). Either
 * way pr_change_free() afterwards.
 */
enum scsi_sense pr_apply(struct pr_change *c, const struct pr *old, const struct pr_request *q);

/* What is left of it; next too, unless it was taken. */
void pr_change_free(struct pr_change *c);

#endif
