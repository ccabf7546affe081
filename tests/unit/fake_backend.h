/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend for tests of the layer above: implements backend.h. Bytes inside a
 * window of 1 MiB are kept, elsewhere reads give zeros. Requests are finished
 * by fake_backend_run() in order, or one by one by fake_backend_finish().
 */
#ifndef TESTS_FAKE_BACKEND_H
#define TESTS_FAKE_BACKEND_H

#include "backend/backend.h"

#include <stdatomic.h>

#define FAKE_WINDOW (1u << 20)
#define FAKE_LOG 1024

struct fake_request {
	enum be_op op;
	uint8_t flags;
	uint64_t off, len;
};

struct backend {
	struct backend_info info;
	const char *handler;
	uint64_t window; /* offset of the bytes that are kept */
	uint8_t *bytes;
	struct list_node queue; /* be_io.link, submitted */
	struct list_node scsi;  /* be_scsi_io.link, submitted */
	/* Answers a SCSI command when fake_backend_run() finishes it; NULL: GOOD, all moved. */
	void (*answer)(struct backend *be, struct be_scsi_io *io);
	bool hold;              /* fake_backend_run() finishes nothing */
	int fail;               /* result of every request from now on, if not 0 */
	int fail_op;            /* … of this operation only, if ≥ 0 */
	struct fake_request log[FAKE_LOG];
	unsigned requests;      /* submitted; the log keeps the first FAKE_LOG */
	const struct be_extent *extents; /* what BE_EXTENTS finds; NULL: all is mapped */
	unsigned nextents;
	int attach_result;      /* of the last reactor that attaches */
	struct be_usage usage;  /* what BE_USAGE finds */
	uint64_t new_size;      /* what backend_resync() finds */
	atomic_uint attached;   /* bits by reactor */
	unsigned refreshed;     /* bits by reactor, since the last exchange */
	int exchange_result;
	unsigned closed;        /* counts */
};

/* 4 MiB of 512-byte blocks. */
void fake_backend_init(struct backend *be);
void fake_backend_fini(struct backend *be);

/* Finish what is queued; returns how many. */
int fake_backend_run(struct backend *be);

/* Answer the oldest SCSI command. */
void fake_backend_answer(struct backend *be);

/* Finish the oldest request with @result. */
void fake_backend_finish(struct backend *be, int result);

#endif
