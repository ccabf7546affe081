/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of persistent reservations, big endian: version (1), type (1), flags (1), zero (1),
 * registrants (4), index of the holder (4), of version 2 PRgeneration (4); of each registrant,
 * ascending by initiator and port: key (8), initiator port id (16), relative target port id (2).
 *
 * Version 1, without flags, is of an LU that keeps them with APTPL=1 alone; 2 where all is kept.
 */
#include "scsi/lu_state.h"
#include "scsi/pr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_APTPL 1
#define VERSION_ALL 2
#define FLAG_APTPL 0x01

STATIC_ASSERT(PR_STATE_MAX <= LU_STATE_SECTION_MAX);

bool pr_always_kept(const struct lu *lu)
{
	return lu->store && atomic_load_explicit(&lu->gate, memory_order_relaxed);
}

static size_t header_size(unsigned version)
{
	return version == VERSION_ALL ? PR_STATE_HEADER_ALL : PR_STATE_HEADER;
}

static void header_encode(const struct pr *pr, uint8_t *p, unsigned version)
{
	p[0] = (uint8_t)version;
	p[1] = pr->type;
	p[2] = version == VERSION_ALL && pr->aptpl ? FLAG_APTPL : 0;
	p[3] = 0;
	put_be32(p + 4, pr->count);
	put_be32(p + 8, pr->holder);
	if (version == VERSION_ALL)
		put_be32(p + 12, pr->generation);
}

size_t pr_state_encode(const struct lu *lu, uint8_t *p, size_t room)
{
	const struct pr *pr = lu->pr_next ? lu->pr_next : lu->pr;
	bool all = pr_always_kept(lu) && (pr->count || pr->generation);
	unsigned version = all ? VERSION_ALL : VERSION_APTPL;
	size_t len = header_size(version) + (size_t)pr->count * PR_STATE_ENTRY;

	if ((!pr->aptpl && !all) || len > room)
		return 0;
	header_encode(pr, p, version);
	p += header_size(version);
	for (unsigned i = 0; i < pr->count; i++, p += PR_STATE_ENTRY) {
		put_be64(p, pr->r[i].key);
		memcpy(p + 8, pr->r[i].nexus.id, PR_ID_SIZE);
		put_be16(p + 24, pr->r[i].nexus.port);
	}
	return len;
}

static bool version_valid(const uint8_t *p, size_t len)
{
	if (len < PR_STATE_HEADER || p[3])
		return false;
	if (p[0] == VERSION_ALL)
		return len >= PR_STATE_HEADER_ALL && !(p[2] & ~FLAG_APTPL);
	return p[0] == VERSION_APTPL && !p[2];
}

static bool header_valid(const uint8_t *p, size_t len)
{
	uint32_t count, holder;
	bool one;

	if (!version_valid(p, len))
		return false;
	count = get_be32(p + 4);
	holder = get_be32(p + 8);
	if (count > PR_MAX || len != header_size(p[0]) + (size_t)count * PR_STATE_ENTRY)
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
		if (!entry_valid(p + header_size(p[0]) + i * PR_STATE_ENTRY, !i))
			return -EINVAL;
	pr = pr_copy(&pr_none, count);
	if (!pr)
		return -ENOMEM;
	pr->aptpl = p[0] == VERSION_APTPL || p[2] & FLAG_APTPL;
	pr->generation = p[0] == VERSION_ALL ? get_be32(p + 12) : 0;
	pr->type = p[1];
	pr->holder = get_be32(p + 8);
	pr->count = count;
	p += header_size(p[0]);
	for (unsigned i = 0; i < count; i++, p += PR_STATE_ENTRY) {
		pr->r[i].key = get_be64(p);
		memcpy(pr->r[i].nexus.id, p + 8, PR_ID_SIZE);
		pr->r[i].nexus.port = get_be16(p + 24);
	}
	pr_free(lu->pr);
	lu->pr = pr;
	return 0;
}
