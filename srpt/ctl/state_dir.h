/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of LUs in files, STATE_DIR/lu/KEY. A thread of the store's own writes them: the
 * control thread never waits for fsync().
 */
#ifndef SRPT_CTL_STATE_DIR_H
#define SRPT_CTL_STATE_DIR_H

#include "base/mailbox.h"
#include "ctl/state.h"
#include "ctl/state_copies.h"

/*
 * Open the store in @state_dir, which is made if only it is missing; results go to @control.
 * 0 with *@out NULL, and a warning: the directory is missing and cannot be made, so nothing was
 * kept and nothing will be. -errno, logged: it is not known what was kept. Control thread.
 */
int state_dir_open(const char *state_dir, const struct state_io *io, struct mailbox *control,
		   struct state_store **out);

#endif
