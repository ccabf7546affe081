/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lu_store in memory for one LU; the test says when a save ends, and how. */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include "scsi/scsi.h"

#include <stddef.h>
#include <stdint.h>

struct fake_store {
	struct lu_store store; /* first */
	uint8_t kept[1024];
	size_t kept_len;
	unsigned saves;
	/* the one under way */
	const void *data;
	size_t len;
	void (*done)(void *arg, int status);
	void *arg;
};

void fake_store_init(struct fake_store *f);

/* End the save under way; with 0 it is kept. */
void fake_store_finish(struct fake_store *f, int status);

#endif
