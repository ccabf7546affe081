/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RESERVE and RELEASE (SPC-2 5.5): one nexus has the LU to itself until it releases it, is
 * lost, or the LU is reset. Control thread.
 */
#ifndef SRPT_SCSI_RESERVE_H
#define SRPT_SCSI_RESERVE_H

struct itl;
struct lu;

/* The GATE_ bits for @itl (scsi/access.h). */
unsigned reserve_gate(const struct itl *itl);

/* @itl is lost (logout, LUN taken away, I_T nexus loss): what it had reserved is free. */
void reserve_lost(const struct itl *itl);

/* The LU was reset. */
void reserve_reset(struct lu *lu);

#endif
