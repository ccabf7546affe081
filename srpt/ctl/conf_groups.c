/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DEVICE_GROUP blocks: names to devices and ports, and what contradicts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/conf_priv.h"

/* While one configuration is checked. */
struct groups {
	struct conf_checker *c;
	const struct conf_target **targets;	/* n_targets of them, sorted by name */
	/* By rel_tgt_id: who has it, and in which device group it was seen last. */
	struct port {
		const char *name;
		struct conf_pos pos;		/* in the device group seen last */
		const struct conf_device_group *seen;
	} *ports;
};

/* ---- devices ---- */

/* It answers INQUIRY and REPORT TARGET PORT GROUPS itself, so we have no say in them. */
static bool is_passed_through(const struct conf_device *dev)
{
	return dev->handler == CONF_DEV_DISK || dev->handler == CONF_DEV_TAPE ||
	       dev->handler == CONF_DEV_CHANGER;
}

/* False if it is to be left out. */
static bool device_resolve(struct groups *g, struct conf_device_group *dg,
			   struct conf_group_device *d)
{
	struct conf_device *dev;

	d->dev = conf_checker_device(g->c, d->name);
	if (!d->dev && conf_is_skipped(&g->c->skipped->devices, d->name)) {
		conf_warn(g->c->diags, d->pos, "DEVICE \"%s\" is skipped, as is its HANDLER",
			  d->name);
		return false;
	}
	if (!d->dev) {
		conf_error(g->c->diags, d->pos, "there is no DEVICE \"%s\"", d->name);
		return false;
	}
	if (is_passed_through(d->dev) && conf_group_clustered(dg)) {
		conf_error(g->c->diags, d->pos, "DEVICE \"%s\": a cluster cannot move a %s",
			   d->name, conf_handler_name(d->dev->handler));
		return false;
	}
	if (is_passed_through(d->dev)) {
		conf_warn(g->c->diags, d->pos, "DEVICE \"%s\" is left out: to a %s, access is the "
			  "same through all ports", d->name, conf_handler_name(d->dev->handler));
		return false;
	}
	dev = &g->c->conf->devices[d->dev - g->c->conf->devices];
	if (dev->group) {
		conf_error(g->c->diags, d->pos, "DEVICE \"%s\" is in DEVICE_GROUP \"%s\" already",
			   d->name, dev->group->name);
		return false;
	}
	dev->group = dg;
	return true;
}

static void check_devices(struct groups *g, struct conf_device_group *dg)
{
	size_t kept = 0;

	for (size_t i = 0; i < dg->n_devices; i++)
		if (device_resolve(g, dg, &dg->devices[i]))
			dg->devices[kept++] = dg->devices[i];
	dg->n_devices = kept;
}

/* ---- ports ---- */

static int target_order(const void *a, const void *b)
{
	const struct conf_target *const *ta = a, *const *tb = b;

	return strcasecmp((*ta)->name, (*tb)->name);
}

static int target_find(const void *name, const void *item)
{
	const struct conf_target *const *t = item;

	return strcasecmp(name, (*t)->name);
}

static const struct conf_target *target_named(const struct conf_target **sorted, size_t n,
					      const char *name)
{
	const struct conf_target **found = bsearch(name, sorted, n, sizeof(*sorted), target_find);

	return found ? *found : NULL;
}

static const struct conf_target **targets_sort(const struct conf *conf)
{
	const struct conf_target **sorted = calloc(conf->n_targets + 1, sizeof(*sorted));

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < conf->n_targets; i++)
		sorted[i] = &conf->targets[i];
	qsort(sorted, conf->n_targets, sizeof(*sorted), target_order);
	return sorted;
}

static bool port_complete(struct groups *g, struct conf_group_target *t)
{
	struct conf_diag_list *diags = g->c->diags;

	t->target = target_named(g->targets, g->c->conf->n_targets, t->name);
	if (!t->target && conf_is_skipped(&g->c->skipped->targets, t->name)) {
		conf_warn(diags, t->pos, "TARGET \"%s\" is skipped, as is its TARGET_DRIVER",
			  t->name);
		return false;
	}
	if (!t->target && !t->rel_tgt_id) {
		/* Also when it was given and bad, which has been told. */
		if (!t->given)
			conf_error(diags, t->pos, "TARGET \"%s\" is not one of this "
				   "configuration: a target of another node needs a rel_tgt_id",
				   t->name);
		return false;
	}
	if (t->target && t->rel_tgt_id && t->rel_tgt_id != t->target->rel_tgt_id) {
		conf_error(diags, t->pos, "TARGET \"%s\" has rel_tgt_id %u in line %u", t->name,
			   t->target->rel_tgt_id, t->target->pos.line);
		return false;
	}
	if (t->target)
		t->rel_tgt_id = t->target->rel_tgt_id;
	return true;
}

/* Initiators tell ports apart by this number, those of all nodes. */
static bool port_claim(struct groups *g, const struct conf_device_group *dg,
		       struct conf_group_target *t)
{
	struct port *p = &g->ports[t->rel_tgt_id];

	if (p->name && strcasecmp(p->name, t->name)) {
		conf_error(g->c->diags, t->pos, "TARGET \"%s\": rel_tgt_id %u is that of TARGET "
			   "\"%s\"", t->name, t->rel_tgt_id, p->name);
		return false;
	}
	if (p->seen == dg) {
		conf_error(g->c->diags, t->pos, "TARGET \"%s\" is in this DEVICE_GROUP already, "
			   "in line %u", t->name, p->pos.line);
		return false;
	}
	*p = (struct port){ t->name, t->pos, dg };
	return true;
}

static void check_ports(struct groups *g, const struct conf_device_group *dg,
			struct conf_target_group *tg)
{
	size_t kept = 0, errors = g->c->diags->errors;
	bool any = tg->n_targets;

	for (size_t i = 0; i < tg->n_targets; i++)
		if (port_complete(g, &tg->targets[i]) && port_claim(g, dg, &tg->targets[i]))
			tg->targets[kept++] = tg->targets[i];
	tg->n_targets = kept;
	if (!any)
		conf_error(g->c->diags, tg->pos, "TARGET_GROUP \"%s\" has no TARGET", tg->name);
	else if (!kept && g->c->diags->errors == errors)
		conf_warn(g->c->diags, tg->pos, "TARGET_GROUP \"%s\" is skipped, as is every "
			  "TARGET in it", tg->name);
}

static void target_group_free(struct conf_target_group *tg)
{
	free(tg->targets);
	tg->targets = NULL;
}

static int check_target_groups(struct groups *g, struct conf_device_group *dg)
{
	const struct conf_key *id = conf_key_find(CONF_TARGET_GROUP, "group_id");
	struct conf_holders names = { 0 }, ids = { 0 };
	size_t kept = 0;
	int rc, rc2;

	for (size_t i = 0; i < dg->n_groups; i++) {
		struct conf_target_group *tg = &dg->groups[i];

		conf_holder_add(&names, tg->name, 0, tg->pos, tg->name);
		if (!conf_key_given(tg->given, id))
			conf_error(g->c->diags, tg->pos, "TARGET_GROUP \"%s\" needs a group_id",
				   tg->name);
		else if (tg->group_id)
			conf_holder_add(&ids, &tg->group_id, sizeof(tg->group_id), tg->pos,
					tg->name);
	}
	rc = conf_holders_check(&names, "TARGET_GROUP", "name", CONF_ERROR, g->c->diags);
	rc2 = conf_holders_check(&ids, "TARGET_GROUP", "group_id", CONF_ERROR, g->c->diags);
	for (size_t i = 0; i < dg->n_groups; i++) {
		check_ports(g, dg, &dg->groups[i]);
		if (dg->groups[i].n_targets)
			dg->groups[kept++] = dg->groups[i];
		else
			target_group_free(&dg->groups[i]);
	}
	if (!dg->n_groups && !conf_group_clustered(dg))
		conf_warn(g->c->diags, dg->pos, "DEVICE_GROUP \"%s\" has no TARGET_GROUP: access "
			  "to its devices is always active", dg->name);
	dg->n_groups = kept;
	return rc ? rc : rc2;
}

/* ---- targets that show a device of a group and are not in it ---- */

static bool group_has_target(const struct conf_device_group *dg, const struct conf_target *t)
{
	for (size_t i = 0; i < dg->n_groups; i++)
		for (size_t j = 0; j < dg->groups[i].n_targets; j++)
			if (dg->groups[i].targets[j].target == t)
				return true;
	return !dg->n_groups;
}

/* Told once for each target. */
static bool check_map(const struct groups *g, const struct conf_target *t,
		      const struct conf_lunmap *map)
{
	const struct conf_device_group *fine = NULL;

	for (size_t i = 0; i < map->count; i++) {
		const struct conf_device *dev = map->luns[i].dev;
		const struct conf_device_group *dg = dev->group;

		if (!dg || dg == fine)
			continue;
		fine = dg;
		if (group_has_target(dg, t))
			continue;
		/* A path that is active on both nodes at once would be fatal. */
		conf_diag_add(g->c->diags, conf_group_clustered(dg) ? CONF_ERROR : CONF_WARNING,
			      map->luns[i].pos, "TARGET \"%s\" shows DEVICE \"%s\" and is in no "
			      "TARGET_GROUP of DEVICE_GROUP \"%s\": access through it is always "
			      "active", t->name, dev->name, dg->name);
		return false;
	}
	return true;
}

static void check_maps(const struct groups *g, const struct conf_target *t)
{
	bool fine = check_map(g, t, &t->map);

	for (size_t i = 0; i < t->n_groups && fine; i++)
		fine = check_map(g, t, &t->groups[i].map);
}

/* ---- all of it ---- */

static int groups_distinct(const struct conf *conf, struct conf_diag_list *diags)
{
	struct conf_holders names = { 0 }, ids = { 0 };
	int rc, rc2;

	for (size_t i = 0; i < conf->n_device_groups; i++) {
		const struct conf_device_group *dg = &conf->device_groups[i];

		conf_holder_add(&names, dg->name, 0, dg->pos, dg->name);
		if (dg->lu_group_id)
			conf_holder_add(&ids, &dg->lu_group_id, sizeof(dg->lu_group_id), dg->pos,
					dg->name);
	}
	rc = conf_holders_check(&names, "DEVICE_GROUP", "name", CONF_ERROR, diags);
	rc2 = conf_holders_check(&ids, "DEVICE_GROUP", "lu_group_id", CONF_ERROR, diags);
	return rc ? rc : rc2;
}

static bool groups_init(struct groups *g)
{
	const struct conf *conf = g->c->conf;

	g->targets = targets_sort(conf);
	g->ports = calloc(UINT16_MAX + 1u, sizeof(*g->ports));
	if (!g->targets || !g->ports)
		return false;
	for (size_t i = 0; i < conf->n_targets; i++)
		g->ports[conf->targets[i].rel_tgt_id].name = conf->targets[i].name;
	return true;
}

static int groups_check(struct groups *g)
{
	struct conf *conf = g->c->conf;
	int rc = groups_distinct(conf, g->c->diags);

	for (size_t i = 0; i < conf->n_device_groups && !rc; i++) {
		check_devices(g, &conf->device_groups[i]);
		rc = check_target_groups(g, &conf->device_groups[i]);
	}
	for (size_t i = 0; i < conf->n_targets && !rc; i++)
		check_maps(g, &conf->targets[i]);
	return rc ? rc : conf_check_cluster(conf, g->c->diags);
}

int conf_check_groups(struct conf_checker *c)
{
	struct groups g = { .c = c };
	int rc;

	if (!c->conf->n_device_groups)
		return 0;
	rc = groups_init(&g) ? groups_check(&g) : -ENOMEM;
	free(g.targets);
	free(g.ports);
	return rc;
}

static void targets_reserve(const struct conf_target_group *tg,
			    const struct conf_target **sorted, size_t n, bool *used)
{
	for (size_t i = 0; i < tg->n_targets; i++)
		if (!target_named(sorted, n, tg->targets[i].name))
			used[tg->targets[i].rel_tgt_id] = true;
}

int conf_groups_reserve(const struct conf *conf, bool *used)
{
	const struct conf_target **sorted = targets_sort(conf);

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_device_groups; i++)
		for (size_t j = 0; j < conf->device_groups[i].n_groups; j++)
			targets_reserve(&conf->device_groups[i].groups[j], sorted,
					conf->n_targets, used);
	free(sorted);
	return 0;
}
