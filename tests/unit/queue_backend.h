/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend for tests whose reactors are threads: what is submitted waits in the queue of its
 * reactor until the test takes it there. The test brings backend_submit().
 */
#ifndef TESTS_QUEUE_BACKEND_H
#define TESTS_QUEUE_BACKEND_H

#include "backend/backend.h"

#include <stdatomic.h>

#define QUEUE_REACTORS 3

struct backend {
	struct backend_info info;
	struct list_node queue[QUEUE_REACTORS];
	atomic_uint closed;
};

/* Of so many blocks of 512 bytes. */
void queue_backend_init(struct backend *be, uint64_t blocks);

/* For backend_submit(). */
void queue_backend_put(struct reactor *r, struct backend *be, struct be_io *io);

bool queue_backend_empty(struct reactor *r, const struct backend *be);

/* The oldest, which must be there. */
struct be_io *queue_backend_take(struct reactor *r, struct backend *be);

#endif
