/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the device server may ask of a backend, but not in tests that bring one of their
 * own and never change it.
 */
#include "backend/backend.h"

#include <stdlib.h>

void backend_submit_scsi(struct reactor *r, struct backend *be, struct be_scsi_io *io)
{
	(void)r;
	(void)be;
	(void)io;
	abort();
}

void backend_set_read_only(struct backend *be, bool read_only)
{
	(void)be;
	(void)read_only;
	abort();
}

int backend_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen)
{
	(void)be;
	(void)fresh;
	(void)err;
	(void)errlen;
	abort();
}

void backend_refresh(struct backend *be, struct reactor *r)
{
	(void)be;
	(void)r;
	abort();
}
