/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An LU overwritten from end to end, behind FORMAT UNIT and SANITIZE: piece by piece on the
 * reactor of the command, which may have been answered long before. Meanwhile the LU is not
 * ready (lu.not_ready, lu.progress).
 *
 * It ends by itself, or when the LU is taken away or its write gate does not hold any more. Task
 * management ends the command at most, with the piece that is on its way.
 * A SANITIZE that has not ended well is part of the state that outlives the daemon (lu_state.h):
 * the LU comes back as one whose sanitize operation failed.
 */
#ifndef SRPT_SCSI_WIPE_H
#define SRPT_SCSI_WIPE_H

#include "scsi/cmd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lu_wipe;

/* What to do. */
struct wipe_params {
	enum scsi_sense busy;   /* what others are told meanwhile */
	enum scsi_sense failed; /* and after it failed; kept when it is SENSE_SANITIZE_FAILED */
	bool immed;             /* answer when it has begun */
	bool ause;              /* EXIT FAILURE MODE may end the failure */
	/* Blocks are filled with @pattern, repeated; @pattern_len 0: they become zeros or holes. */
	const uint8_t *pattern;
	uint32_t pattern_len;   /* bytes, ≤ the block size */
	unsigned passes;        /* 1 … */
	bool invert;            /* the pattern of every second pass has all bits inverted */
};

/*
 * Refuse @cmd (FORMAT UNIT, SANITIZE) while another runs, and FORMAT UNIT after a SANITIZE that
 * failed. False: it has ended the command. For prep functions.
 */
bool wipe_admit(struct scsi_cmd *cmd);

/*
 * Do @p, of which nothing is needed afterwards; ends the command. Writes that have begun are
 * waited for. Control thread, between cmd_control() and cmd_control_return().
 */
void wipe_begin(struct scsi_cmd *cmd, const struct wipe_params *p);

/* The LU is taken away, or drained: end @w soon, then lu_wipe_over() of lu.h. Control thread. */
void wipe_stop(struct lu_wipe *w);

/* End the failure of a SANITIZE with AUSE=1; ends the command. Control thread, as above. */
void wipe_exit_failure(struct scsi_cmd *cmd);

/* What is kept of it, for lu_state.c. */
size_t wipe_state_encode(const struct lu *lu, uint8_t *p, size_t room);
int wipe_state_decode(struct lu *lu, const uint8_t *p, size_t len);

#endif
