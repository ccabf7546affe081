/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what on an LU now: reservations and asymmetric access. The control
 * thread boils what it knows down to a few bits for each I_T_L nexus, its gate;
 * reactors look at these with one load and never at the state itself.
 *
 * To see a new gate no message is needed: it is published before the command that
 * changed it is answered. A command that had been admitted and then held is
 * admitted anew before it goes on.
 */
#ifndef SRPT_SCSI_ACCESS_H
#define SRPT_SCSI_ACCESS_H

#include "scsi/sense.h"

#include <stdint.h>

struct itl;
struct lu;
struct scsi_cmd;

/* Bits of itl.gate: each asks for an ACCESS_ bit of the opcode table's row. */
#define GATE_WE 0x01u          /* not privileged under a Write Exclusive type */
#define GATE_EA 0x02u          /* not privileged under an Exclusive Access type */
#define GATE_RESERVED 0x04u    /* another nexus has RESERVEd the LU */
#define GATE_STANDBY 0x08u     /* at most one of these, and GATE_VACANT: ALUA state of the port */
#define GATE_UNAVAILABLE 0x10u
#define GATE_TRANSITION 0x20u
#define GATE_OFFLINE 0x40u     /* as unavailable, told apart by the sense */
#define GATE_GUARDED 0x80u     /* the LU has a write gate (scsi/gate.h): look at that, too */
#define GATE_VACANT 0x100u     /* see ALUA_VACANT */
#define GATE_CONFLICT (GATE_WE | GATE_EA | GATE_RESERVED)

/* Compute and publish the gate of one nexus, of every nexus on @lu. Control thread. */
void access_publish(struct itl *itl);
void access_publish_lu(struct lu *lu);

/*
 * The same of one nexus that hears of the change by unit attentions, the UA_BIT()s of @news:
 * they are there before the first command that what opens lets through, and after what closes
 * has closed: who was told of the new state must not be served in the old one.
 */
void access_publish_news(struct itl *itl, unsigned news);

/*
 * May @cmd (routed, with op and itl) run now? Takes a unit attention away if that is
 * the answer. Order (SAM-5 5.3.3): unit attentions of a reset, reservation, other
 * unit attentions, asymmetric access state, write gate, LU not ready. Behind a closed gate
 * nobody asks for reservations: they may be others elsewhere. Its reactor.
 */
enum scsi_sense access_check(struct scsi_cmd *cmd);

/* May it go on, after it was held? Unit attentions are left to those that come now. */
enum scsi_sense access_check_again(struct scsi_cmd *cmd);

/*
 * May it change the LU, now that it is on the control thread, where gates are made? Who was
 * fenced since it was admitted may not. 05/25/00: its LUN is gone. Control thread.
 */
enum scsi_sense access_check_control(const struct scsi_cmd *cmd);

#endif
