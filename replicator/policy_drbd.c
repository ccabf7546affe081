/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the events of DRBD say about its resources. */
#include "replicator/model.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

/* ---- finding ---- */

static struct drbd_resource *resource_find(struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_resources; i++)
		if (!strcmp(p->resources[i].name, name))
			return &p->resources[i];
	return NULL;
}

const struct drbd_resource *drbd_find(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_resources; i++)
		if (!strcmp(p->resources[i].name, name))
			return &p->resources[i];
	return NULL;
}

static struct drbd_resource *resource_get(struct policy *p, const char *name)
{
	struct drbd_resource *r = resource_find(p, name);

	if (r)
		return r;
	if (p->n_resources == POLICY_GROUPS) {
		act_log(p, LOG_ERR, "DRBD resource %s is not followed: there are more than %d",
			name, POLICY_GROUPS);
		return NULL;
	}
	r = &p->resources[p->n_resources++];
	*r = (struct drbd_resource){ .role = DRBD_ROLE_UNKNOWN, .suspended = DRBD_NO };
	memcpy(r->name, name, sizeof(r->name));
	return r;
}

static struct drbd_peer *peer_get(struct policy *p, struct drbd_resource *r, const char *name)
{
	struct drbd_peer *c;

	for (unsigned i = 0; i < r->n_peers; i++)
		if (!strcmp(r->peers[i].name, name))
			return &r->peers[i];
	if (r->n_peers == CONNECTIONS) {
		if (!r->incomplete)
			act_log(p, LOG_ERR, "DRBD resource %s has more than %d connections: its "
				"groups are not served", r->name, CONNECTIONS);
		r->incomplete = true;
		return NULL;
	}
	c = &r->peers[r->n_peers++];
	*c = (struct drbd_peer){ .connection = DRBD_DISCONNECTED, .role = DRBD_ROLE_UNKNOWN };
	memcpy(c->name, name, sizeof(c->name));
	return c;
}

const struct drbd_disk_of *drbd_disk_find(const struct drbd_disks *d, uint32_t volume)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->of[i].volume == volume)
			return &d->of[i];
	return NULL;
}

static struct drbd_disk_of *disk_get(struct policy *p, struct drbd_resource *r,
				     struct drbd_disks *d, uint32_t volume)
{
	struct drbd_disk_of *disk;

	for (unsigned i = 0; i < d->n; i++)
		if (d->of[i].volume == volume)
			return &d->of[i];
	if (d->n == VOLUMES) {
		if (!r->incomplete)
			act_log(p, LOG_ERR, "DRBD resource %s has more than %d volumes: its groups "
				"are not served", r->name, VOLUMES);
		r->incomplete = true;
		return NULL;
	}
	disk = &d->of[d->n++];
	*disk = (struct drbd_disk_of){ volume, DRBD_DISK_UNKNOWN, DRBD_YES, DRBD_REPL_OFF };
	return disk;
}

/* ---- what has gone ---- */

static void resource_remove(struct policy *p, struct drbd_resource *r)
{
	struct drbd_resource *last = &p->resources[--p->n_resources];

	if (r != last)
		*r = *last;
}

static void peer_remove(struct drbd_resource *r, struct drbd_peer *c)
{
	struct drbd_peer *last = &r->peers[--r->n_peers];

	if (c != last)
		*c = *last;
}

static void disk_remove(struct drbd_disks *d, struct drbd_disk_of *disk)
{
	*disk = d->of[--d->n];
}

void drbd_forget(struct policy *p)
{
	p->n_resources = 0;
	p->drbd_ready = false;
}

/* ---- events ---- */

static void resource_event(struct policy *p, const struct drbd_event *e, struct drbd_resource *r)
{
	if (e->action == DRBD_DESTROY) {
		resource_remove(p, r);
		return;
	}
	if (e->action == DRBD_RENAME) {
		memcpy(r->name, e->new_name, sizeof(r->name));
		return;
	}
	if (e->role)
		r->role = e->role;
	if (e->suspended)
		r->suspended = e->suspended;
}

static void device_event(struct policy *p, const struct drbd_event *e, struct drbd_resource *r)
{
	struct drbd_disk_of *disk = disk_get(p, r, &r->disks, e->volume);

	if (!disk)
		return;
	if (e->action == DRBD_DESTROY) {
		disk_remove(&r->disks, disk);
		return;
	}
	if (e->disk)
		disk->disk = e->disk;
	if (e->quorum)
		disk->quorum = e->quorum;
}

static void connection_event(struct policy *p, const struct drbd_event *e, struct drbd_resource *r)
{
	struct drbd_peer *c = peer_get(p, r, e->conn);

	if (!c)
		return;
	if (e->action == DRBD_DESTROY) {
		peer_remove(r, c);
		return;
	}
	if (e->connection)
		c->connection = e->connection;
	if (e->role)
		c->role = e->role;
}

static void peer_device_event(struct policy *p, const struct drbd_event *e,
			      struct drbd_resource *r)
{
	struct drbd_peer *c = peer_get(p, r, e->conn);
	struct drbd_disk_of *disk = c ? disk_get(p, r, &c->disks, e->volume) : NULL;

	if (!disk)
		return;
	if (e->action == DRBD_DESTROY) {
		disk_remove(&c->disks, disk);
		return;
	}
	if (e->disk)
		disk->disk = e->disk;
	if (e->replication)
		disk->replication = e->replication;
}

static void helper_event(struct policy *p, const struct drbd_event *e)
{
	const char *of = e->resource[0] ? e->resource : "?";

	if (e->action == DRBD_CALL)
		act_log(p, LOG_INFO, "DRBD resource %s: handler %s begins", of, e->helper);
	else if (e->action == DRBD_RESPONSE)
		act_log(p, LOG_INFO, "DRBD resource %s: handler %s has ended, status %u", of,
			e->helper, e->status);
}

static void (*const handlers[DRBD_OBJECTS])(struct policy *, const struct drbd_event *,
					    struct drbd_resource *) = {
	[DRBD_RESOURCE] = resource_event,
	[DRBD_DEVICE] = device_event,
	[DRBD_CONNECTION] = connection_event,
	[DRBD_PEER_DEVICE] = peer_device_event,
};

void drbd_event_apply(struct policy *p, const struct drbd_event *e)
{
	struct drbd_resource *r;

	if (e->action == DRBD_READY) {
		p->drbd_ready = true;
		return;
	}
	if (e->action == DRBD_LOST) {
		drbd_forget(p);
		return;
	}
	if (e->object == DRBD_HELPER) {
		helper_event(p, e);
		return;
	}
	if (e->object >= DRBD_OBJECTS || !handlers[e->object])
		return;
	r = e->action == DRBD_DESTROY ? resource_find(p, e->resource) :
					resource_get(p, e->resource);
	if (r)
		handlers[e->object](p, e, r);
}

/* ---- questions ---- */

bool drbd_connected(const struct drbd_resource *r)
{
	for (unsigned i = 0; i < r->n_peers; i++)
		if (r->peers[i].connection != DRBD_CONNECTED)
			return false;
	return r->n_peers;
}

bool drbd_peers_secondary(const struct drbd_resource *r)
{
	for (unsigned i = 0; i < r->n_peers; i++)
		if (r->peers[i].role != DRBD_SECONDARY)
			return false;
	return drbd_connected(r);
}

bool drbd_peer_has(const struct drbd_resource *r, uint32_t volume)
{
	for (unsigned i = 0; i < r->n_peers; i++) {
		const struct drbd_peer *c = &r->peers[i];
		const struct drbd_disk_of *disk = drbd_disk_find(&c->disks, volume);

		if (c->connection == DRBD_CONNECTED && disk && disk->disk == DRBD_UPTODATE)
			return true;
	}
	return false;
}
