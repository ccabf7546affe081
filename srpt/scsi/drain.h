/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting until nothing that touches the medium of an LU is in its backend: control thread → every
 * reactor (what is held is admitted anew, what executes is waited for) → back.
 */
#ifndef SRPT_SCSI_DRAIN_H
#define SRPT_SCSI_DRAIN_H

#include "scsi/lu.h"

/* Begin, or begin again, and tell @g by alua_group_drained(). Control thread. */
void drain_begin(struct lu *lu, struct alua_group *g);

/* lu.wipe is gone: it may have been all that was left. Control thread. */
void drain_wipe_over(struct lu *lu);

/* A background flush or a probe is over on @sh. Its reactor. */
void drain_check(struct lu_shard *sh);

/* An LU of @g is drained (alua.c). Control thread. */
void alua_group_drained(struct alua_group *g);

#endif
