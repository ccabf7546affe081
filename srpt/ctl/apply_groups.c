/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/apply_groups.h"
#include "base/bytes.h"
#include "base/log.h"
#include "ctl/alua_names.h"
#include "ctl/ha_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

STATIC_ASSERT(CONF_TARGET_GROUPS_MAX == ALUA_GROUPS_MAX);
STATIC_ASSERT(CONF_GROUP_TARGETS_MAX == ALUA_PORTS_MAX);

/* Parameters of a group and what they point to. */
struct params {
	struct alua_params p;
	struct alua_target_group groups[ALUA_GROUPS_MAX];
	uint16_t ports[ALUA_GROUPS_MAX][ALUA_PORTS_MAX];
};

/*
 * What was set at run time holds on until the file says something else than before: who
 * edits another line must not switch nodes by that. A change that failed is made up for.
 * The states in a cluster's group are never the file's to say.
 */
static enum alua_state state_of(const struct device_group *g, const struct conf_target_group *tg,
				bool clustered)
{
	const struct conf_target_group *before =
		g->alua && !g->error[0] ? conf_target_group_find(g->conf, tg->name) : NULL;

	if (before && (clustered || before->state == tg->state))
		return alua_group_state(g->alua, before->group_id);
	if (clustered)
		return ALUA_STANDBY;
	return alua_state_of_conf(tg->state);
}

static void params_make(struct params *room, const struct device_group *g,
			const struct conf_device_group *next)
{
	for (size_t i = 0; i < next->n_groups; i++) {
		const struct conf_target_group *tg = &next->groups[i];

		for (size_t j = 0; j < tg->n_targets; j++)
			room->ports[i][j] = tg->targets[j].rel_tgt_id;
		room->groups[i] = (struct alua_target_group){
			tg->group_id, tg->preferred,
			state_of(g, tg, conf_group_clustered(next)), room->ports[i],
			(unsigned)tg->n_targets,
		};
	}
	room->p = (struct alua_params){
		next->lu_group_id, (uint8_t)next->transition_time, room->groups,
		(unsigned)next->n_groups, conf_group_clustered(next),
	};
}

/* Without target groups its devices are in none: then access is as symmetric as it can be. */
static void group_set(struct device_group *g, const struct conf_device_group *next,
		      struct text *errors)
{
	struct params room;
	int rc;

	params_make(&room, g, next);
	rc = g->alua ? alua_group_change(g->alua, &room.p) :
		       alua_group_create(g->live->scsi, &room.p, &g->alua);
	g->conf = next;
	g->error[0] = 0;
	if (!rc && conf_group_clustered(next) && !g->ha)
		rc = ha_group_add(g);
	if (!rc)
		return;
	snprintf(g->error, sizeof(g->error), "%s", strerror(-rc));
	log_err("device group %s: %s", next->name, g->error);
	text_printf(errors, "device group %s: %s\n", next->name, g->error);
}

static struct device_group *group_new(struct live *live, const struct conf_device_group *conf)
{
	struct device_group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->live = live;
	g->conf = conf;
	list_add_tail(&live->device_groups, &g->link);
	return g;
}

/* Of the configuration before. One that becomes another cluster's, or none's, is made anew. */
static struct device_group *group_before(const struct live *live,
					 const struct conf_device_group *next)
{
	struct device_group *g;

	list_for_each(g, &live->device_groups, link)
		if (g->leaving && !strcasecmp(g->conf->name, next->name) &&
		    !strcmp(g->conf->drbd_resource, next->drbd_resource))
			return g;
	return NULL;
}

static void groups_make(struct live *live, struct text *errors)
{
	for (size_t i = 0; i < live->conf->n_device_groups; i++) {
		const struct conf_device_group *next = &live->conf->device_groups[i];
		struct device_group *g = group_before(live, next);

		if (!g)
			g = group_new(live, next);
		if (g) {
			g->leaving = false;
			group_set(g, next, errors);
			continue;
		}
		log_err("device group %s: no memory", next->name);
		text_printf(errors, "device group %s: no memory\n", next->name);
	}
}

/* NULL: it is in none, or this could not be made. */
static struct device_group *group_of(const struct live *live, const struct conf_device *dev)
{
	struct device_group *g;

	list_for_each(g, &live->device_groups, link)
		if (dev->group && g->conf == dev->group)
			return g;
	return NULL;
}

bool groups_ready(const struct device *d)
{
	const struct device_group *g = group_of(d->live, d->conf);

	return !d->conf->group || (g && g->alua);
}

void groups_join(const struct device *d)
{
	const struct device_group *g = group_of(d->live, d->conf);

	if (groups_ready(d))
		lu_set_alua_group(d->lu, g ? g->alua : NULL);
}

void groups_switch(struct live *live, struct text *errors)
{
	struct device_group *g;
	struct device *d;

	list_for_each(g, &live->device_groups, link)
		g->leaving = true;
	groups_make(live, errors);
	list_for_each(d, &live->devices, link)
		if (d->state == DEVICE_READY)
			groups_join(d);
}

void groups_drop(struct live *live)
{
	struct device_group *g, *tmp;

	list_for_each_safe(g, tmp, &live->device_groups, link) {
		if (!g->leaving)
			continue;
		list_del(&g->link);
		ha_group_remove(g);
		if (g->alua)
			alua_group_destroy(g->alua);
		free(g);
	}
}
