/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests with real reactor threads: a logical unit, a worker on each reactor that keeps it busy, and
 * the test's thread as control thread.
 */
#ifndef THREADS_UTIL_H
#define THREADS_UTIL_H

#include "scsi/lu.h"
#include "scsi/nexus.h"
#include "scsi/scsi.h"

#define THREADS_MAX 3

/* Part of the test's own worker, which it finds by container_of(s, struct worker, base.source). */
struct threads_worker {
	struct reactor_source source;
	struct reactor *r;
	struct countdown *idle; /* NULL before it begins, and when its work is over */
	uint64_t random;
};

struct threads {
	struct mailbox control;
	struct reactor_group group;
	struct scsi_device *device;
	struct lu *lu;
	struct threads_worker *workers[THREADS_MAX];
	bool done; /* what threads_pump() waits for */
};

/* So many reactors run, and there is a logical unit over @be. */
void threads_open(struct threads *t, unsigned reactors, struct backend *be);
/* Nexuses and ALUA groups must be gone. */
void threads_close(struct threads *t);

/* A worker for the next reactor. */
void threads_worker_add(struct threads *t, struct threads_worker *w,
			int (*poll)(struct reactor_source *s));

/* From now on they are polled; threads_pump() waits until each has said that it is idle. */
void threads_begin(struct threads *t);
void threads_idle(struct threads_worker *w);
/* They are no longer polled. */
void threads_end(struct threads *t);

/* A nexus of its own for each @number, on port @rel_tgt_id, that sees the logical unit as LUN 0. */
struct nexus *threads_nexus(struct threads *t, uint16_t rel_tgt_id, uint8_t number);

/* Answers everything that has struct threads as its argument. */
void threads_done(void *arg);
/* Runs the control thread until then: within a minute, only a hang takes that long. */
void threads_pump(struct threads *t);

/* Begins a message that goes round all reactors. */
void threads_round(struct threads *t);

/* A pseudo-random number below @n. */
unsigned threads_below(struct threads_worker *w, unsigned n);

#endif
