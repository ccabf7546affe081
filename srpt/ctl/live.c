/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/live.h"
#include "backend/backend.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

void live_init(struct live *live)
{
	memset(live, 0, sizeof(*live));
	list_init(&live->devices);
	list_init(&live->targets);
	list_init(&live->device_groups);
	job_queue_init(&live->jobs);
}

struct device *live_device(const struct live *live, const struct conf_device *dev)
{
	return live->device_of[dev - live->conf->devices];
}

struct device *live_device_find(const struct live *live, const char *name)
{
	struct device *d;

	list_for_each(d, &live->devices, link)
		if (!strcmp(d->conf->name, name) && d->state != DEVICE_LEAVING)
			return d;
	return NULL;
}

struct target *live_target_find(const struct live *live, const char *name)
{
	struct target *t;

	list_for_each(t, &live->targets, link)
		if (!strcasecmp(t->conf->name, name))
			return t;
	return NULL;
}

struct device_group *live_device_group_find(const struct live *live, const char *name)
{
	struct device_group *g;

	list_for_each(g, &live->device_groups, link)
		if (!g->leaving && !strcasecmp(g->conf->name, name))
			return g;
	return NULL;
}

void live_release(struct live *live)
{
	struct device *d;

	/* One that is being closed was let go before, and its reactors may have left it. */
	list_for_each(d, &live->devices, link)
		if (d->lu && d->state != DEVICE_LEAVING)
			backend_release(lu_backend(d->lu));
}

const char *device_state_name(enum device_state state)
{
	static const char *const names[] = {
		[DEVICE_OPENING] = "opening", [DEVICE_READY] = "ready",
		[DEVICE_FAILED] = "failed", [DEVICE_INACTIVE] = "inactive",
		[DEVICE_LEAVING] = "closing",
	};

	return names[state];
}

uint64_t live_ioc_guid(const struct live *live, const struct conf *conf,
		       const struct conf_target *target)
{
	if (target->ioc_guid)
		return target->ioc_guid;
	return conf->driver.ioc_guid ? conf->driver.ioc_guid : live->ioc_guid;
}

int live_map(void *arg, const char *session_name, struct lun_entry *map, unsigned max)
{
	const struct target *t = arg;
	const struct conf_lunmap *luns = conf_target_map(t->conf, session_name);
	unsigned n = 0;

	if (!luns->count)
		return -EACCES;
	for (size_t i = 0; i < luns->count && n < max; i++) {
		const struct conf_lun *l = &luns->luns[i];
		const struct device *d = live_device(t->live, l->dev);

		if (d && d->state == DEVICE_READY)
			map[n++] = (struct lun_entry){ l->number, l->read_only, d->lu };
	}
	return (int)n;
}

/* Of IP addresses the network has decided already; of InfiniBand the kernel leaves it to us. */
bool live_reach(void *arg, const struct conn_info *info)
{
	const struct target *t = arg;
	struct ib_portal portals[CONF_PORTALS_MAX];
	size_t n;

	if (info->layout != LOGIN_LAYOUT_IB_CM)
		return true;
	n = conf_target_ib_portals(t->conf, t->live->conf->driver.rdma_cm_port, portals);
	for (size_t i = 0; i < n; i++)
		if (ib_portal_takes(&portals[i], &info->ib))
			return true;
	return false;
}

void conf_target_for_each_lun(const struct conf_target *target,
			      void (*fn)(void *arg, const struct conf_group *group,
					 const struct conf_lun *lun),
			      void *arg)
{
	for (size_t i = 0; i < target->map.count; i++)
		fn(arg, NULL, &target->map.luns[i]);
	for (size_t g = 0; g < target->n_groups; g++) {
		const struct conf_group *group = &target->groups[g];

		for (size_t i = 0; i < group->map.count; i++)
			fn(arg, group, &group->map.luns[i]);
	}
}
