/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets that float: they are where their device group is served. */
#include "ctl/ha_priv.h"

#include "base/bytes.h"
#include "base/log.h"
#include "ctl/dm_model.h"
#include "ctl/listeners.h"

#include <strings.h>

static bool floats_with(const struct conf_target *target, const struct conf_device_group *dg)
{
	const struct conf_target_group *tg = conf_local_group(dg);

	for (size_t i = 0; tg && i < tg->n_targets; i++)
		if (!strcasecmp(tg->targets[i].name, target->name))
			return target->floating && conf_group_clustered(dg);
	return false;
}

bool ha_target_here(const struct live *live, const struct conf_target *target)
{
	const struct device_group *g;

	if (!target->floating)
		return true;
	list_for_each(g, &live->device_groups, link)
		if (!g->leaving && g->ha && floats_with(target, g->conf))
			return g->ha->here;
	return false;
}

/* Where it is to be found has changed. Who stops listens nowhere any more. */
static void tell(struct daemon *d)
{
	if (d->stopping)
		return;
	listeners_update(&d->listeners, d->live.conf, ha_target_here, &d->live);
	dm_model_update(&d->dm, &d->live);
}

static void arrive(struct job *j)
{
	struct ha *ha = container_of(j, struct ha, arrival);
	const struct target *t;
	bool any = false;

	ha->arriving = false;
	list_for_each(t, &ha->live->targets, link) {
		if (!t->srp || !t->conf->floating || !t->conf->enabled ||
		    srp_target_enabled(t->srp) || !ha_target_here(ha->live, t->conf))
			continue;
		log_info("target %s is here", t->conf->name);
		srp_target_enable(t->srp);
		any = true;
	}
	if (any)
		tell(ha->d);
	job_finished(&ha->live->jobs);
}

/* Between changes of the configuration: one that is under way may be taking the target away. */
void ha_targets_come(struct ha_group *g)
{
	struct ha *ha = g->ha;

	if (g->here)
		return;
	g->here = true;
	if (ha->arriving)
		return;
	ha->arriving = true;
	ha->arrival.start = arrive;
	job_submit(&ha->live->jobs, &ha->arrival);
}

void ha_targets_go(struct ha_group *g)
{
	const struct target *t;
	bool any = false;

	g->here = false;
	list_for_each(t, &g->ha->live->targets, link) {
		if (!t->srp || !srp_target_enabled(t->srp) || !floats_with(t->conf, g->group->conf))
			continue;
		log_info("target %s leaves", t->conf->name);
		srp_target_disable(t->srp, NULL, NULL);
		any = true;
	}
	if (any)
		tell(g->ha->d);
}
