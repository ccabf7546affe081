/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/nexus.h"

#include "scsi/access.h"
#include "scsi/device.h"
#include "scsi/reserve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SAM-5 4.7.7: the address method is in the top two bits. */
#define LUN_METHOD_FLAT 0x40
#define LUN_METHOD_EXTENDED 0xc0
#define LUN_WELL_KNOWN 0xc101ull

int lun_decode(const uint8_t lun[8])
{
	uint64_t v = get_be64(lun);

	if (v & 0x0000ffffffffffffull)
		return LUN_INVALID;
	v >>= 48;
	if (v < 0x8000)
		return (int)(v & SCSI_MAX_LUN);
	return v == LUN_WELL_KNOWN ? LUN_REPORT_LUNS : LUN_INVALID;
}

void lun_encode(uint8_t lun[8], unsigned n)
{
	memset(lun, 0, 8);
	put_be16(lun, (uint16_t)n);
	if (n >= LUN_DIRECT)
		lun[0] |= LUN_METHOD_FLAT;
}

struct itl *lun_map_find(const struct lun_map *m, unsigned lun)
{
	unsigned low = 0, high = m->count;

	if (lun < LUN_DIRECT)
		return m->direct[lun];
	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (m->itls[mid]->lun == lun)
			return m->itls[mid];
		if (m->itls[mid]->lun < lun)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* ---- maps; control thread ---- */

static void map_free(struct lun_map *m)
{
	scsi_call_free(m->retire);
	free(m->entries);
	free(m);
}

static struct lun_map *map_alloc(struct nexus *n, unsigned count)
{
	struct lun_map *m = calloc(1, sizeof(*m) + count * sizeof(m->itls[0]));

	if (!m)
		return NULL;
	m->nexus = n;
	m->count = count;
	m->entries = calloc(count ? count : 1, sizeof(m->entries[0]));
	m->retire = scsi_call_alloc(n->device->group);
	if (m->entries && m->retire)
		return m;
	map_free(m);
	return NULL;
}

static bool map_valid(const struct lun_entry *map, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (map[i].lun > SCSI_MAX_LUN || !map[i].lu || (i && map[i].lun <= map[i - 1].lun))
			return false;
	return true;
}

static void itl_set_read_only(struct itl *itl, bool read_only)
{
	itl->lun_read_only = read_only;
	atomic_store(&itl->read_only, read_only || itl->lu->info->read_only);
}

void itl_publish_read_only(struct lu *lu)
{
	struct itl *itl;

	list_for_each(itl, &lu->itls, lu_link)
		itl_set_read_only(itl, itl->lun_read_only);
}

static struct itl *itl_create(struct nexus *n, const struct lun_entry *e)
{
	struct itl *itl = calloc(1, sizeof(*itl));

	if (!itl)
		return NULL;
	itl->lun = e->lun;
	itl->lu = e->lu;
	itl->nexus = n;
	list_init(&itl->lu_link);
	itl_set_read_only(itl, e->read_only);
	atomic_init(&itl->ua.bits, UA_BIT(UA_POWER_ON));
	atomic_init(&itl->losses, atomic_load(&e->lu->losses));
	return itl;
}

/* The itl of @old that @e goes on with; NULL: there is none. */
static struct itl *itl_kept(const struct lun_map *old, const struct lun_entry *e)
{
	struct itl *itl = lun_map_find(old, e->lun);

	return itl && itl->lu == e->lu ? itl : NULL;
}

/* New itls are on no LU's list yet, so that it can be undone. */
static int map_fill(struct lun_map *m, const struct lun_map *old, const struct lun_entry *map)
{
	for (unsigned i = 0; i < m->count; i++) {
		struct itl *itl = itl_kept(old, &map[i]);

		if (!itl)
			itl = itl_create(m->nexus, &map[i]);
		if (!itl)
			return -ENOMEM;
		m->itls[i] = itl;
		m->entries[i] = map[i];
		if (itl->lun < LUN_DIRECT)
			m->direct[itl->lun] = itl;
	}
	return 0;
}

static void map_unfill(struct lun_map *m, const struct lun_map *old)
{
	for (unsigned i = 0; i < m->count && m->itls[i]; i++)
		if (!itl_kept(old, &m->entries[i]))
			free(m->itls[i]);
}

/* Initiators keep what INQUIRY told of a LUN, also of one that was gone for a while. */
static void itl_tell_replaced(struct itl *itl)
{
	uint8_t *known = &itl->nexus->lun_known[itl->lun / 8], bit = (uint8_t)(1 << itl->lun % 8);

	if (*known & bit)
		ua_post(&itl->ua, UA_INQUIRY_CHANGED);
	*known |= bit;
}

/* Of a LUN that stays; one that is new has no unit attention to hear of it by. */
static void itl_map_read_only(struct itl *itl, bool read_only)
{
	if (itl->lun_read_only == read_only)
		return;
	itl_set_read_only(itl, read_only);
	ua_post(&itl->ua, UA_MODE_CHANGED);
}

/* Join what is new to its LU, part what is not in @m any more. True: anything changed. */
static bool map_link(struct lun_map *m, struct lun_map *old)
{
	bool changed = false;

	for (unsigned i = 0; i < m->count; i++) {
		struct itl *itl = m->itls[i];

		itl_map_read_only(itl, m->entries[i].read_only);
		if (list_empty(&itl->lu_link)) {
			itl_tell_replaced(itl);
			list_add_tail(&itl->lu->itls, &itl->lu_link);
			access_publish(itl);
			changed = true;
		}
	}
	for (unsigned i = 0; i < old->count; i++) {
		struct itl *itl = old->itls[i];

		if (lun_map_find(m, itl->lun) == itl)
			continue;
		list_del(&itl->lu_link);
		reserve_lost(itl);
		itl->dead = true;
		changed = true;
	}
	return changed;
}

/* ---- away with an old map ---- */

/*
 * Commands still running keep their LU, but must not look at the itl again. They are
 * marked so that task management finds them, to which the LUN leads no longer.
 */
static void itl_forget(struct itl *itl, struct reactor *r)
{
	struct task_reactor *tr = &itl->lu->device->tasks[r->id];
	struct scsi_cmd *cmd;

	list_for_each(cmd, &lu_shard(itl->lu, r)->live, link) {
		if (cmd->itl != itl)
			continue;
		cmd->itl = NULL;
		task_mark_later(tr, cmd);
	}
}

/* Reactor: nothing that ran before this message uses the map any more. */
static void map_left(struct reactor *r, void *arg, struct countdown *c)
{
	struct lun_map *old = arg;

	for (unsigned i = 0; i < old->count; i++)
		if (old->itls[i]->dead)
			itl_forget(old->itls[i], r);
	countdown_put(c);
}

static void map_retired(void *arg)
{
	struct lun_map *old = arg;
	void (*done)(void *arg) = old->done;
	void *done_arg = old->done_arg;

	for (unsigned i = 0; i < old->count; i++)
		if (old->itls[i]->dead)
			free(old->itls[i]);
	map_free(old);
	if (done)
		done(done_arg);
}

static void map_retire(struct lun_map *old, void (*done)(void *arg), void *arg)
{
	old->done = done;
	old->done_arg = arg;
	scsi_call_run(old->retire, map_left, map_retired, old);
}

static void post_luns_changed(struct lun_map *m)
{
	for (unsigned i = 0; i < m->count; i++)
		ua_post(&m->itls[i]->ua, UA_LUNS_CHANGED);
}

int nexus_set_map(struct nexus *n, const struct lun_entry *map, unsigned count,
		  void (*done)(void *arg), void *arg)
{
	struct lun_map *old = atomic_load(&n->map), *m;

	if (!map_valid(map, count))
		return -EINVAL;
	m = map_alloc(n, count);
	if (!m)
		return -ENOMEM;
	if (map_fill(m, old, map)) {
		map_unfill(m, old);
		map_free(m);
		return -ENOMEM;
	}
	/* A kept itl is marked before the new map can be seen, a new one has 29/00. */
	if (map_link(m, old) && n->mapped_once)
		post_luns_changed(m);
	n->mapped_once = true;
	atomic_store_explicit(&n->map, m, memory_order_release);
	map_retire(old, done, arg);
	return 0;
}

/* ---- nexuses ---- */

struct nexus *nexus_create(struct scsi_device *d, const struct scsi_port *port,
			   const uint8_t initiator_port_id[16], const char *name)
{
	struct nexus *n = calloc(1, sizeof(*n));
	struct lun_map *m;

	if (!n)
		return NULL;
	n->device = d;
	n->port = *port;
	memcpy(n->initiator_port_id, initiator_port_id, sizeof(n->initiator_port_id));
	snprintf(n->name, sizeof(n->name), "%s", name);
	m = map_alloc(n, 0);
	if (!m) {
		free(n);
		return NULL;
	}
	atomic_init(&n->map, m);
	return n;
}

static void nexus_retired(void *arg)
{
	free(arg);
}

void nexus_destroy(struct nexus *n)
{
	struct lun_map *m = atomic_load(&n->map);

	for (unsigned i = 0; i < m->count; i++) {
		list_del(&m->itls[i]->lu_link);
		reserve_lost(m->itls[i]);
		m->itls[i]->dead = true;
	}
	map_retire(m, nexus_retired, n);
}

void nexus_leave(struct nexus *n)
{
	const struct lun_map *m = nexus_map(n);

	atomic_store(&n->leaves, true);
	for (unsigned i = 0; i < m->count; i++)
		lu_post_resume(m->itls[i]->lu);
}

unsigned nexus_lun_count(const struct nexus *n)
{
	return nexus_map(n)->count;
}

const struct lun_entry *nexus_lun(const struct nexus *n, unsigned i)
{
	const struct lun_map *m = nexus_map(n);

	return i < m->count ? &m->entries[i] : NULL;
}
