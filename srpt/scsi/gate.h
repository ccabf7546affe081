/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The write gate of a device group that a cluster moves: nothing that touches the medium is
 * answered by a node that might not be the one any more.
 *
 * A command notes the gate's epoch when it is admitted; that must hold when its data are there,
 * when it goes on after it was held, on the control thread, and when its answer leaves. Where it
 * does not, the answer is 02/04/0A without data: the initiator asks the other node. A write that
 * is done by then is done all the same, but not acknowledged.
 *
 * The parts of a command are commands themselves (EXTENDED COPY), or end before it does and count
 * for nothing until its answer (COMPARE AND WRITE). What runs behind an answer promises nothing
 * by it (flushes with IMMED) or stops by itself (FORMAT UNIT and SANITIZE, scsi/wipe.h).
 *
 * At admission the lease is compared with the time of the reactor's round, afterwards with a clock
 * of its own, which is old by a tick at most: a process that was stopped in the middle of a round
 * ends that round by its old time, and must not acknowledge what came meanwhile. Who gives leases
 * adds the tick. A machine that is stopped as a whole has its clock stopped, too: no lease helps
 * there, and it is fenced before another node begins.
 */
#ifndef SRPT_SCSI_GATE_H
#define SRPT_SCSI_GATE_H

#include "scsi/lu.h"
#include "scsi/scsi.h"
#include "scsi/sense.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Written by the control thread. */
struct write_gate {
	_Atomic uint64_t epoch;    /* 0: closed */
	_Atomic uint64_t until_ns; /* CLOCK_MONOTONIC: the end of the lease */
};

void gate_open(struct write_gate *g, uint64_t epoch, uint64_t until_ns);
void gate_close(struct write_gate *g);

/* Is @g open, at @now_ns? Then with this epoch, never 0. Any thread. */
uint64_t gate_epoch(const struct write_gate *g, uint64_t now_ns);

/* Does what began on @lu with @epoch count no more? 0: it began without a gate. Any thread. */
bool gate_is_over(const struct lu *lu, uint64_t epoch, uint64_t now_ns);

/*
 * @cmd wants to be admitted on a LU with a gate; @gate: the bits of its nexus (scsi/access.h).
 * SENSE_OK: it has noted the epoch, unless it passes without. Its reactor.
 */
enum scsi_sense gate_admit(struct scsi_cmd *cmd, unsigned gate);

/* Whether the admission does not hold any more. Its reactor; on the control thread. */
bool gate_lost(const struct scsi_cmd *cmd);
bool gate_lost_control(const struct scsi_cmd *cmd);

/*
 * The answer of a command with an epoch is about to leave: what it says is replaced if it must
 * be, and who waits until it is out of the backend goes on.
 */
void gate_leave(struct scsi_cmd *cmd);

#endif
