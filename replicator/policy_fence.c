/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A peer that the cluster has lost is fenced before Pacemaker has thought about it. */
#include "replicator/model.h"

#include <string.h>

void leaver_keep(struct policy *p, const struct member *m)
{
	struct leaver *l = &p->leaver;

	*l = (struct leaver){ .node = m->node, .at = p->now };
	memcpy(l->name, m->name, sizeof(l->name));
	for_each_group(p, g) {
		const struct drbd_resource *r = g->present ? drbd_find(p, g->resource) : NULL;

		l->serves_here = l->serves_here || (r && r->role == DRBD_PRIMARY);
		l->served = l->served || (g->present && tg_active_of(g, m->node));
	}
}

void cluster_apply(struct policy *p, const uint32_t *nodes, unsigned n)
{
	p->n_cluster = n < POLICY_MEMBERS ? n : POLICY_MEMBERS;
	if (p->n_cluster)
		memcpy(p->cluster, nodes, p->n_cluster * sizeof(*nodes));
}

static bool cluster_has(const struct policy *p, uint32_t node)
{
	for (unsigned i = 0; i < p->n_cluster; i++)
		if (p->cluster[i] == node)
			return true;
	return false;
}

void fencing_prepare(struct policy *p)
{
	bool some = p->fences && p->joined && p->n_members;

	if (some && !p->fence_prepared)
		act_fence_prepare(p);
	p->fence_prepared = some;
}

/*
 * Quorum and the nodes of the cluster come in one word of Corosync's, so the quorum is that without
 * the node. Whether it was shut down in order is known to Pacemaker, which is asked.
 */
void fencing_check(struct policy *p)
{
	struct leaver *l = &p->leaver;
	unsigned delay;

	if (l->node && (p->now > l->at + LOST_NS || member_find(p, l->node)))
		l->node = 0;
	if (!l->node || !p->joined || !p->quorum || !p->n_cluster || cluster_has(p, l->node))
		return;
	/* When both serve, each a group, one of them has to be first. */
	delay = l->served && (!l->serves_here || l->node < p->self) ? p->fence_delay : 0;
	if (p->fences && l->name[0] && (l->served || l->serves_here)) {
		act_log(p, LOG_WARNING, "the cluster has lost node %u, %s: Pacemaker is asked to "
			"fence it%s", l->node, l->name, delay ? ", later as it serves" : "");
		act_fence(p, l->name, delay);
	}
	l->node = 0;
}
