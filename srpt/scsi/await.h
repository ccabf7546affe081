/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TEST UNIT READY while no target port group is active, but one is about to be: it is answered when
 * that is so, or after some seconds as if it had not waited. Initiators find the path that works by
 * this command (multipathd's checker "tur"), each second or two; one that waits tells at once. Not
 * on a port in transition: that one was active, and if it is to be so again it tells by taking
 * writes.
 */
#ifndef SRPT_SCSI_AWAIT_H
#define SRPT_SCSI_AWAIT_H

#include "scsi/sense.h"

#include <stdbool.h>

struct lu_shard;
struct scsi_cmd;

/*
 * Shorter than a path checker waits (multipath-tools: checker_timeout, 5 s in the recipe, by
 * default the disk's timeout of 30).
 */
#define AWAIT_NS 4000000000ull

/* The shard is being made; its timer is stopped on its reactor before it goes. Control thread. */
void await_init(struct lu_shard *sh);

/*
 * @cmd is not let in, because of @s: is it to wait? Then it is on its shard's held list, and no
 * more is done with it now. Its reactor.
 */
bool await_begin(struct scsi_cmd *cmd, enum scsi_sense s);

/* The same for one that waits already and is taken off that list: false, it waits no more. */
bool await_goes_on(struct scsi_cmd *cmd, enum scsi_sense s);

#endif
