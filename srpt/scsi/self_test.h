/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results of self-tests of an LU, as log page 10h tells them (SPC-4 7.3.20). Control thread. */
#ifndef SRPT_SCSI_SELF_TEST_H
#define SRPT_SCSI_SELF_TEST_H

#include <stddef.h>
#include <stdint.h>

#define SELF_TESTS 20u /* results that are kept: the page has no more */

struct self_test {
	uint8_t code;    /* SELF-TEST CODE of SEND DIAGNOSTIC */
	uint8_t result;  /* SPC-4 table 391: 0 completed, 7 a segment failed */
	uint8_t segment; /* the one that failed, from 1; 0: none */
	uint16_t hours;  /* since the LU was made */
	uint64_t lba;    /* first failure; all ones: none */
	uint8_t key, asc, ascq;
};

/* A ring; all zeros: no test yet. */
struct self_test_log {
	unsigned count; /* of all tests ever */
	struct self_test tests[SELF_TESTS];
};

static inline void self_test_add(struct self_test_log *l, const struct self_test *t)
{
	l->tests[l->count++ % SELF_TESTS] = *t;
}

/* The latest is @i 0; NULL: there were not as many. */
static inline const struct self_test *self_test_find(const struct self_test_log *l, unsigned i)
{
	if (i >= l->count || i >= SELF_TESTS)
		return NULL;
	return &l->tests[(l->count - 1 - i) % SELF_TESTS];
}

#endif
