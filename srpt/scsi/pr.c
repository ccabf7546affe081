/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/pr.h"

#include "scsi/access.h"
#include "scsi/nexus.h"

#include <stdlib.h>
#include <string.h>

#define TRANSPORT_ID_SRP 0x04 /* format code 0, protocol identifier 4 */
#define TRANSPORT_ID_PORT 8   /* byte of the initiator port identifier */

const struct pr pr_none;

/* ---- the state ---- */

struct pr *pr_copy(const struct pr *pr, unsigned room)
{
	struct pr *copy = malloc(sizeof(*copy) + room * sizeof(copy->r[0]));

	if (!copy)
		return NULL;
	*copy = *pr;
	copy->room = room;
	if (pr->count)
		memcpy(copy->r, pr->r, pr->count * sizeof(pr->r[0]));
	return copy;
}

void pr_free(const struct pr *pr)
{
	if (pr != &pr_none)
		free((void *)pr);
}

static int nexus_compare(const struct pr_nexus *a, const struct pr_nexus *b)
{
	int c = memcmp(a->id, b->id, PR_ID_SIZE);

	return c ? c : (int)a->port - (int)b->port;
}

/* Where @n is, or would be inserted. */
static unsigned position(const struct pr *pr, const struct pr_nexus *n, bool *found)
{
	unsigned low = 0, high = pr->count;

	*found = false;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		int c = nexus_compare(n, &pr->r[mid].nexus);

		if (!c)
			*found = true;
		if (c > 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int pr_find(const struct pr *pr, const struct pr_nexus *n)
{
	bool found;
	unsigned at = position(pr, n, &found);

	return found ? (int)at : -1;
}

bool pr_is_holder(const struct pr *pr, int i)
{
	if (i < 0 || !pr->type)
		return false;
	return pr_type_is(pr->type, PR_TYPES_AR) || pr->holder == (unsigned)i;
}

unsigned pr_conflict(const struct pr *pr, int i)
{
	bool registered = i >= 0 && pr_type_is(pr->type, PR_TYPES_RO | PR_TYPES_AR);

	if (!pr->type || registered || pr_is_holder(pr, i))
		return 0;
	return pr_type_is(pr->type, PR_TYPES_WE) ? GATE_WE : GATE_EA;
}

bool pr_set_key(struct pr *pr, const struct pr_nexus *n, uint64_t key)
{
	bool found;
	unsigned at = position(pr, n, &found);

	if (!found) {
		if (pr->count == pr->room)
			return false;
		memmove(&pr->r[at + 1], &pr->r[at], (pr->count - at) * sizeof(pr->r[0]));
		pr->r[at].nexus = *n;
		pr->count++;
		if (pr->type && !pr_type_is(pr->type, PR_TYPES_AR) && pr->holder >= at)
			pr->holder++;
	}
	pr->r[at].key = key;
	return true;
}

void pr_remove(struct pr *pr, unsigned i)
{
	bool one = pr->type && !pr_type_is(pr->type, PR_TYPES_AR);

	pr->count--;
	memmove(&pr->r[i], &pr->r[i + 1], (pr->count - i) * sizeof(pr->r[0]));
	if (!pr->count || (one && pr->holder == i)) {
		pr->type = PR_NONE;
		pr->holder = 0;
	} else if (one && pr->holder > i) {
		pr->holder--;
	}
}

/* ---- who somebody is ---- */

static bool id_is_zero(const uint8_t id[PR_ID_SIZE])
{
	static const uint8_t zero[PR_ID_SIZE];

	return !memcmp(id, zero, PR_ID_SIZE);
}

/* FNV-1a, 64 bits. */
static uint64_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3ull;
	return h;
}

void pr_identify(const struct nexus *n, struct pr_nexus *out)
{
	memcpy(out->id, n->initiator_port_id, PR_ID_SIZE);
	out->port = n->port.rel_tgt_id;
	if (id_is_zero(out->id))
		put_be64(out->id + 8, name_hash(n->name));
}

unsigned pr_gate(const struct itl *itl)
{
	const struct pr *pr = itl->lu->pr;
	struct pr_nexus n;

	if (!pr->type)
		return 0;
	pr_identify(itl->nexus, &n);
	return pr_conflict(pr, pr_find(pr, &n));
}

/* ---- TransportIDs ---- */

void transport_id_encode(uint8_t p[TRANSPORT_ID_SIZE], const uint8_t id[PR_ID_SIZE])
{
	memset(p, 0, TRANSPORT_ID_PORT);
	p[0] = TRANSPORT_ID_SRP;
	memcpy(p + TRANSPORT_ID_PORT, id, PR_ID_SIZE);
}

bool transport_id_decode(const uint8_t p[TRANSPORT_ID_SIZE], uint8_t id[PR_ID_SIZE])
{
	if (p[0] != TRANSPORT_ID_SRP)
		return false;
	memcpy(id, p + TRANSPORT_ID_PORT, PR_ID_SIZE);
	return true;
}
