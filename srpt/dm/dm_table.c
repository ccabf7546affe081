/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/dm_table.h"
#include "base/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making one ---- */

static unsigned slot_of(const struct dm_table *t, const char *name)
{
	for (unsigned i = 0; t && i < t->n_slots; i++)
		if (!strcmp(t->slots[i].name, name))
			return i;
	return DM_SLOTS_MAX;
}

static unsigned slot_free(const struct dm_table *t)
{
	for (unsigned i = 0; i < DM_SLOTS_MAX; i++)
		if (!t->slots[i].name[0])
			return i;
	return DM_SLOTS_MAX;
}

static bool slot_put(struct dm_table *t, unsigned slot, const struct dm_target *target)
{
	if (slot >= DM_SLOTS_MAX)
		return false;
	t->slots[slot] = *target;
	if (t->n_slots <= slot)
		t->n_slots = slot + 1;
	return true;
}

static bool is_target(const struct dm_target *target)
{
	return target->name[0] && target->n_portals && target->n_portals <= DM_PORTALS_MAX;
}

/* Those that were there first, so that none takes the slot of another. */
static size_t slots_fill(struct dm_table *t, const struct dm_target *targets, size_t n,
			 const struct dm_table *before)
{
	size_t left_out = 0;

	for (size_t i = 0; i < n; i++)
		if (is_target(&targets[i]))
			slot_put(t, slot_of(before, targets[i].name), &targets[i]);
	for (size_t i = 0; i < n; i++)
		if (is_target(&targets[i]) && slot_of(t, targets[i].name) == DM_SLOTS_MAX)
			left_out += !slot_put(t, slot_free(t), &targets[i]);
	return left_out;
}

static bool target_same(const struct dm_target *a, const struct dm_target *b)
{
	bool same = !strcmp(a->name, b->name) && a->ioc_guid == b->ioc_guid &&
		    a->id_ext == b->id_ext && a->n_portals == b->n_portals;

	for (unsigned i = 0; same && i < a->n_portals; i++) {
		const struct ib_portal *x = &a->portals[i], *y = &b->portals[i];

		same = x->port == y->port && x->pkey == y->pkey && x->port_num == y->port_num &&
		       !memcmp(x->gid, y->gid, sizeof(x->gid)) && !strcmp(x->device, y->device);
	}
	return same;
}

bool dm_table_same(const struct dm_table *a, const struct dm_table *b)
{
	const struct dm_profile *x = &a->profile, *y = &b->profile;
	bool same = a->n_slots == b->n_slots && x->send_size == y->send_size &&
		    x->rdma_size == y->rdma_size && x->send_depth == y->send_depth &&
		    x->rdma_reads == y->rdma_reads;

	for (unsigned i = 0; same && i < a->n_slots; i++)
		same = target_same(&a->slots[i], &b->slots[i]);
	return same;
}

int dm_table_make(const struct dm_target *targets, size_t n, const struct dm_profile *profile,
		  const struct dm_table *before, uint16_t change_id, struct dm_table **out,
		  size_t *left_out)
{
	struct dm_table *t = calloc(1, sizeof(*t) + DM_SLOTS_MAX * sizeof(t->slots[0])), *cut;

	if (!t)
		return -ENOMEM;
	t->profile = *profile;
	t->change_id = before ? before->change_id : change_id;
	*left_out = slots_fill(t, targets, n, before);
	if (before && !dm_table_same(before, t))
		t->change_id++;
	cut = realloc(t, sizeof(*t) + t->n_slots * sizeof(t->slots[0]));
	*out = cut ? cut : t;
	return 0;
}

void dm_table_free(struct dm_table *t)
{
	free(t);
}

/* ---- who sees what ---- */

static bool service_listed(const struct ib_portal **list, unsigned n, uint16_t port)
{
	while (n)
		if (list[--n]->port == port)
			return true;
	return false;
}

unsigned dm_target_visible(const struct dm_target *target, const struct dm_port *port,
			   uint16_t pkey, const struct ib_portal **out)
{
	struct ib_arrival a = { .port_num = port->num, .pkey = pkey };
	unsigned n = 0;

	memcpy(a.device, port->device, sizeof(a.device));
	memcpy(a.gid, port->gid, sizeof(a.gid));
	a.pkey0 = port->n_pkeys ? port->pkeys[0] : 0;
	for (unsigned i = 0; i < target->n_portals && i < DM_PORTALS_MAX; i++) {
		a.port = target->portals[i].port; /* any will do */
		if (ib_portal_takes(&target->portals[i], &a) &&
		    !service_listed(out, n, a.port))
			out[n++] = &target->portals[i];
	}
	return n;
}

const char *dm_login_text(const struct dm_target *target, const struct ib_portal *portal,
			  const struct dm_port *port, uint16_t pkey, char buf[DM_LOGIN_MAX])
{
	snprintf(buf, DM_LOGIN_MAX,
		 "id_ext=%016" PRIx64 ",ioc_guid=%016" PRIx64 ",dgid=%016" PRIx64 "%016" PRIx64
		 ",pkey=%04x,service_id=%016" PRIx64, target->id_ext, target->ioc_guid,
		 get_be64(port->gid), get_be64(port->gid + 8), pkey,
		 ib_portal_service_id(portal));
	return buf;
}

#define PKEY_FULL 0x8000

void dm_port_for_each_login(const struct dm_table *t, const struct dm_port *port,
			    void (*fn)(void *arg, const struct dm_target *target,
				       const struct ib_portal *portal, uint16_t pkey),
			    void *arg)
{
	const struct ib_portal *list[DM_PORTALS_MAX];

	for (unsigned i = 0; t && i < t->n_slots; i++) {
		for (unsigned k = 0; k < port->n_pkeys; k++) {
			uint16_t pkey = port->pkeys[k];
			unsigned n = dm_target_visible(&t->slots[i], port, pkey, list);

			for (unsigned p = 0; p < n; p++)
				fn(arg, &t->slots[i], list[p], pkey | PKEY_FULL);
		}
	}
}
