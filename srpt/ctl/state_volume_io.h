/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As state_volume_open(), with other system calls. For tests. */
#ifndef SRPT_CTL_STATE_VOLUME_IO_H
#define SRPT_CTL_STATE_VOLUME_IO_H

#include "ctl/state_volume.h"
#include "ctl/volume_io.h"

int state_volume_open_io(const char *path, const struct volume_io *io, struct mailbox *control,
			 struct state_store **out, uint64_t *epoch, char *err, size_t errlen);

#endif
