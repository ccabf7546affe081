/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of persistent reservations with APTPL=1, big endian: version (1), type (1),
 * zero (2), registrants (4), index of the holder (4); of each registrant, ascending by
 * initiator and port: key (8), initiator port id (16), relative target port id (2).
 */
#include "scsi/lu_state.h"
#include "scsi/pr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

STATIC_ASSERT(PR_STATE_MAX <= LU_STATE_SECTION_MAX);

size_t pr_state_encode(const struct lu *lu, uint8_t *p, size_t room)
{
	const struct pr *pr = lu->pr_next ? lu->pr_next : lu->pr;
	size_t len = PR_STATE_HEADER + (size_t)pr->count * PR_STATE_ENTRY;

	if (!pr->aptpl || len > room)
		return 0;
	p[0] = VERSION;
	p[1] = pr->type;
	put_be16(p + 2, 0);
	put_be32(p + 4, pr->count);
	put_be32(p + 8, pr->holder);
	p += PR_STATE_HEADER;
	for (unsigned i = 0; i < pr->count; i++, p += PR_STATE_ENTRY) {
		put_be64(p, pr->r[i].key);
		memcpy(p + 8, pr->r[i].nexus.id, PR_ID_SIZE);
		put_be16(p + 24, pr->r[i].nexus.port);
	}
	return len;
}

static bool header_valid(const uint8_t *p, size_t len)
{
	uint32_t count, holder;
	bool one;

	if (len < PR_STATE_HEADER || p[0] != VERSION || get_be16(p + 2))
		return false;
	count = get_be32(p + 4);
	holder = get_be32(p + 8);
	if (count > PR_MAX || len != PR_STATE_HEADER + (size_t)count * PR_STATE_ENTRY)
		return false;
	one = p[1] && !pr_type_is(p[1], PR_TYPES_AR);
	if (p[1] && (!count || !pr_type_is(p[1], PR_TYPES)))
		return false;
	return one ? holder < count : !holder;
}

/* Ascending: each nexus once. */
static bool entry_valid(const uint8_t *p, bool first)
{
	return get_be64(p) && get_be16(p + 24) &&
	       (first || memcmp(p - PR_STATE_ENTRY + 8, p + 8, PR_ID_SIZE + 2) < 0);
}

int pr_state_decode(struct lu *lu, const uint8_t *p, size_t len)
{
	struct pr *pr;
	unsigned count;

	if (!header_valid(p, len))
		return -EINVAL;
	count = get_be32(p + 4);
	for (unsigned i = 0; i < count; i++)
		if (!entry_valid(p + PR_STATE_HEADER + i * PR_STATE_ENTRY, !i))
			return -EINVAL;
	pr = pr_copy(&pr_none, count);
	if (!pr)
		return -ENOMEM;
	pr->aptpl = true;
	pr->type = p[1];
	pr->holder = get_be32(p + 8);
	pr->count = count;
	p += PR_STATE_HEADER;
	for (unsigned i = 0; i < count; i++, p += PR_STATE_ENTRY) {
		pr->r[i].key = get_be64(p);
		memcpy(pr->r[i].nexus.id, p + 8, PR_ID_SIZE);
		pr->r[i].nexus.port = get_be16(p + 24);
	}
	pr_free(lu->pr);
	lu->pr = pr;
	return 0;
}
