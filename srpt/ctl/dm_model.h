/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the device-management agent tells srp_daemon: the enabled targets with a portal of native
 * InfiniBand. The agent runs while there is one. Control thread.
 */
#ifndef SRPT_CTL_DM_MODEL_H
#define SRPT_CTL_DM_MODEL_H

#include "ctl/live.h"
#include "ctl/report.h"

#include <stdbool.h>
#include <stdint.h>

struct dm_agent;

/* Zero-initialise before use. */
struct dm_model {
	struct dm_agent *agent; /* NULL: there is nothing to tell */
	uint16_t send_depth;    /* commands in flight per channel, for the profile of all targets */
	bool ended;             /* nothing is told any more, whatever comes into force */
};

/* Tell what is in force now. */
void dm_model_update(struct dm_model *m, const struct live *live);
/* Tell nothing any more, now and later; does not wait. dm_model_stop() is to follow. */
void dm_model_end(struct dm_model *m);
/* Tell nothing any more; waits for the agent. */
void dm_model_stop(struct dm_model *m);

/* The section "ib_ports" of srptctl status: ports, how they are asked and what became of it. */
void dm_model_report(struct report *r, struct dm_model *m);
/*
 * Rows of its section "problems", of three texts each: ports that do not answer, and those that do
 * but that srp_daemon does not see, with the line to write to add_target instead.
 */
void dm_model_problems(struct report *r, struct dm_model *m);

#endif
