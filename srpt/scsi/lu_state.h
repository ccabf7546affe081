/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of an LU's state that outlives the daemon, as bytes for its lu_store:
 * sections, each of type (2 bytes), length (4 bytes) and contents. A section of a
 * type nobody knows makes all of it invalid: it would be lost with the next save.
 * The store guards against damaged bytes; what is read here is checked all the same.
 */
#ifndef SRPT_SCSI_LU_STATE_H
#define SRPT_SCSI_LU_STATE_H

#include "scsi/lu.h"

#include <stddef.h>

/* Room for the contents of a section, in bytes; what encodes one is given no more. */
#define LU_STATE_SECTION_MAX (64u << 10)

/* Take over what was kept. 0 or -EINVAL, logged, and the LU must not be served. Control thread. */
int lu_state_load(struct lu *lu, const void *data, size_t len);

/*
 * Keep what the LU's parts now want kept. @done(arg, status) on the control thread, later:
 * 0 or -errno (-EOPNOTSUPP: it has no store). Only within a change of the LU (lu_change_begin),
 * so that there is one at a time. It may fail by -ENOMEM.
 */
void lu_state_save(struct lu *lu, void (*done)(void *arg, int status), void *arg);

#endif
