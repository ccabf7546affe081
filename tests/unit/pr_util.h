/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the rules of PERSISTENT RESERVE OUT share: initiators A, B and C
 * registered, and a request of one of them. One translation unit is one program.
 */
#ifndef TESTS_UNIT_PR_UTIL_H
#define TESTS_UNIT_PR_UTIL_H

#include "scsi/pr_change.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define KEY_A 0xaull
#define KEY_B 0xbull
#define KEY_C 0xcull
#define NOBODY (-1)

/* Initiators A, B, C, D at port 1: index and id 0, 1 … */
enum { A, B, C, D };

static const uint16_t ports[] = { 1, 2, 9 };
static uint8_t ids[4 * TRANSPORT_ID_SIZE];

static inline struct pr_nexus nexus_at(int who, uint16_t port)
{
	struct pr_nexus n = { .port = port };

	n.id[0] = (uint8_t)(who + 1);
	return n;
}

/* A, B and C are registered with their keys; C's is @key_c. */
static inline struct pr *state_of(uint8_t type, int holder, uint64_t key_c)
{
	const uint64_t keys[] = { KEY_A, KEY_B, key_c };
	struct pr *pr = pr_copy(&pr_none, 3);

	for (int i = A; i <= C; i++) {
		struct pr_nexus n = nexus_at(i, 1);

		assert_true(pr_set_key(pr, &n, keys[i]));
	}
	pr->type = type;
	pr->holder = holder < 0 || pr_type_is(type, PR_TYPES_AR) ? 0 : (unsigned)holder;
	pr->generation = 10;
	return pr;
}

static inline struct pr_request request(enum pr_action action, int who, uint64_t key,
					uint64_t sa_key)
{
	return (struct pr_request){
		.action = action, .from = nexus_at(who, 1), .key = key, .sa_key = sa_key,
		.type = PR_WRITE_EXCLUSIVE, .can_keep = true, .ids = ids,
		.ports = ports, .nports = ARRAY_SIZE(ports),
	};
}

static inline uint64_t key_at(const struct pr *pr, int who, uint16_t port)
{
	struct pr_nexus n = nexus_at(who, port);
	int i = pr_find(pr, &n);

	return i < 0 ? 0 : pr->r[i].key;
}

static inline int holder_of(const struct pr *pr)
{
	if (!pr->type || pr_type_is(pr->type, PR_TYPES_AR))
		return NOBODY;
	return pr->r[pr->holder].nexus.id[0] - 1;
}

static inline void name_id(unsigned i, int who)
{
	struct pr_nexus n = nexus_at(who, 1);

	transport_id_encode(ids + i * TRANSPORT_ID_SIZE, n.id);
}

/* Applied to the state of A, B, C; what the sense is, nothing changes. */
static inline void assert_refused(uint8_t type, int holder, const struct pr_request *q,
			   enum scsi_sense s, int field)
{
	struct pr *pr = state_of(type, holder, KEY_C);
	struct pr_change c;

	assert_int_equal(pr_apply(&c, pr, q), s);
	assert_int_equal(c.field, field);
	pr_change_free(&c);
	pr_free(pr);
}

static struct pr *old;
static struct pr_change change;

static inline void apply_to(struct pr *pr, const struct pr_request *q)
{
	old = pr;
	assert_int_equal(pr_apply(&change, old, q), SENSE_OK);
}

static inline void done(void)
{
	pr_change_free(&change);
	pr_free(old);
}

static inline void assert_tells(uint8_t a, uint8_t b, uint8_t c)
{
	assert_int_equal(change.tell[A], a);
	assert_int_equal(change.tell[B], b);
	assert_int_equal(change.tell[C], c);
}

#endif
