/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LUs behind which a SCSI device of this host answers (backend_info.is_scsi). All
 * initiators share the one nexus this host has to the device, so what belongs to a nexus
 * is ours: REPORT LUNS, reservations, task management, unit attentions. The rest,
 * INQUIRY included, is the device's.
 */
#ifndef SRPT_SCSI_PASSTHROUGH_H
#define SRPT_SCSI_PASSTHROUGH_H

#include "scsi/optable.h"

/* Build the rows. After optable_init(); may be called again. */
void passthrough_init(void);

/*
 * The row by which @cmd, to such an LU, is treated. @op: that of the opcode table, NULL: none.
 * NULL: a command of ours that there is not. Reactor.
 */
const struct scsi_op *passthrough_op(const struct scsi_cmd *cmd, const struct scsi_op *op);

/* Is @op a row of a command for the device, and not one of the opcode table? */
bool passthrough_is(const struct scsi_op *op);

/* In the place of the checks of the opcode table. False: it has ended @cmd. */
bool passthrough_check(struct scsi_cmd *cmd);

#endif
