/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of FORMAT UNIT and SANITIZE share. */
#ifndef TESTS_UNIT_WIPE_UTIL_H
#define TESTS_UNIT_WIPE_UTIL_H

#include "scsi_env.h"

#include <string.h>

#define DISK (4u << 20)

/* TEST UNIT READY of nexus @n ends with @s; its progress indication, or 0. */
static inline unsigned ready_sense(struct env *e, struct nexus *n, enum scsi_sense s)
{
	struct task t;

	TASK_INIT(e, &t, 0x00);
	t.sc.nexus = n;
	t.sc.reactor = e->group.r[n == e->b];
	task_run(e, &t);
	if (!s) {
		assert_good(&t);
		return 0;
	}
	assert_sense(&t, s);
	return t.sc.sense[15] & 0x80 ? get_be16(t.sc.sense + 16) : 0;
}

/* All requests so far: only of @op and flushes, adjacent, over the whole disk @passes times. */
static inline void assert_covered(const struct backend *be, enum be_op op, unsigned passes)
{
	uint64_t at = 0;
	unsigned ends = 0;

	for (unsigned i = 0; i < be->requests; i++) {
		const struct fake_request *q = &be->log[i];

		if (q->op == BE_FLUSH) {
			assert_int_equal(at, DISK);
			at = 0;
			ends++;
			continue;
		}
		assert_int_equal(q->op, op);
		assert_int_equal(q->off, at);
		at += q->len;
	}
	assert_int_equal(ends, passes);
}

#endif
