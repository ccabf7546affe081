/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fabric for tests whose reactors are threads that write: data is there at once, answers are
 * noted. One translation unit is one program.
 */
#ifndef WRITER_UTIL_H
#define WRITER_UTIL_H

#include "scsi/scsi.h"

#include <stdatomic.h>
#include <string.h>

static atomic_uint strange; /* what must not happen; assertions are for the test's thread */

struct task {
	struct scsi_cmd sc;
	bool busy, answered;
	uint8_t out[512];
};

static inline struct task *task_of(struct scsi_cmd *cmd)
{
	return container_of(cmd, struct task, sc);
}

static inline void fabric_pull(struct scsi_cmd *cmd)
{
	memcpy(cmd->buf.addr, task_of(cmd)->out, cmd->buf.len);
	scsi_pulled(cmd, 0);
}

static inline void fabric_respond(struct scsi_cmd *cmd)
{
	task_of(cmd)->answered = true;
}

static inline void fabric_dropped(struct scsi_cmd *cmd)
{
	(void)cmd;
	atomic_fetch_add(&strange, 1);
}

static const struct scsi_fabric_ops fabric = { fabric_pull, fabric_respond, fabric_dropped };

static inline void task_start(struct task *t, struct reactor *r, struct nexus *n,
			      const uint8_t cdb[16], uint32_t out_len)
{
	t->busy = true;
	t->answered = false;
	t->sc.fabric = &fabric;
	t->sc.reactor = r;
	t->sc.nexus = n;
	memcpy(t->sc.cdb, cdb, 16);
	t->sc.cdb_len = 16;
	t->sc.data_out_len = out_len;
	scsi_submit(&t->sc);
}

#endif
