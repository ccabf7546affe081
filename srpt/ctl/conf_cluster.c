/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device groups that a cluster moves, and what of a file for all its nodes is for this one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/conf_priv.h"

bool conf_group_clustered(const struct conf_device_group *group)
{
	return group->drbd_resource[0];
}

/* ---- on all nodes ---- */

static void state_ignore(struct conf_target_group *tg, struct conf_diag_list *diags)
{
	if (conf_key_given(tg->given, conf_key_find(CONF_TARGET_GROUP, "state")))
		conf_warn(diags, tg->pos, "TARGET_GROUP \"%s\": state has no effect with a "
			  "drbd_resource: the cluster sets it", tg->name);
	tg->state = CONF_ALUA_STANDBY;
}

static const char *node_of(const struct conf_group_target *t)
{
	return t->target ? t->target->node : "";
}

/* Those of a TARGET are known to be of a node, or of every one. */
static void check_one_node(const struct conf_target_group *tg, struct conf_diag_list *diags)
{
	const struct conf_group_target *first = NULL, *t;

	for (t = tg->targets; t < tg->targets + tg->n_targets; t++) {
		if (!t->target)
			continue;
		if (!first)
			first = t;
		else if (strcasecmp(node_of(t), node_of(first)))
			conf_error(diags, t->pos, "TARGET \"%s\" is not of the same node as TARGET "
				   "\"%s\": a TARGET_GROUP has those of one", t->name, first->name);
	}
}

/* ---- targets that are where the group is served ---- */

static bool floats(const struct conf_group_target *t)
{
	return t->target && t->target->floating;
}

bool conf_group_floats(const struct conf_target_group *group)
{
	return group->n_targets && floats(&group->targets[0]);
}

/* They are told as one, and the other node has the same: there is no further one to tell of. */
static void check_floating(const struct conf_device_group *dg, struct conf_diag_list *diags)
{
	for (size_t i = 0; i < dg->n_groups; i++) {
		const struct conf_target_group *tg = &dg->groups[i];

		for (size_t j = 1; j < tg->n_targets; j++)
			if (floats(&tg->targets[j]) != conf_group_floats(tg))
				conf_error(diags, tg->targets[j].pos, "TARGET \"%s\" is%s floating "
					   "and TARGET \"%s\" is%s: all of a TARGET_GROUP are, or "
					   "none", tg->targets[j].name,
					   conf_group_floats(tg) ? " not" : "", tg->targets[0].name,
					   conf_group_floats(tg) ? "" : " not");
		if (conf_group_floats(tg) && dg->n_groups > 1)
			conf_error(diags, tg->pos, "TARGET_GROUP \"%s\" has a floating TARGET: it "
				   "is of all nodes, and the only one of DEVICE_GROUP \"%s\"",
				   tg->name, dg->name);
	}
}

static unsigned count_clustered(const struct conf *conf, const struct conf_target *target)
{
	unsigned count = 0;

	for (size_t i = 0; i < conf->n_device_groups; i++) {
		const struct conf_device_group *dg = &conf->device_groups[i];

		for (size_t j = 0; j < dg->n_groups; j++)
			for (size_t k = 0; k < dg->groups[j].n_targets; k++)
				count += conf_group_clustered(dg) &&
					 dg->groups[j].targets[k].target == target;
	}
	return count;
}

static void check_floating_target(const struct conf *conf, const struct conf_target *t,
				  struct conf_diag_list *diags)
{
	unsigned count;

	if (!t->floating)
		return;
	if (t->node[0])
		conf_error(diags, t->pos, "TARGET \"%s\" is floating, and of node \"%s\" only",
			   t->name, t->node);
	count = count_clustered(conf, t);
	if (count != 1)
		conf_error(diags, t->pos, "TARGET \"%s\" is floating and in %u device groups with "
			   "a drbd_resource: it is there where one of these is served", t->name,
			   count);
}

static void check_group(struct conf_device_group *dg, struct conf_diag_list *diags)
{
	if (!conf_group_clustered(dg)) {
		/* One that was given and bad has been told. */
		if (dg->state_volume &&
		    !conf_key_given(dg->given, conf_key_find(CONF_DEVICE_GROUP, "drbd_resource")))
			conf_error(diags, dg->pos, "DEVICE_GROUP \"%s\": state_volume needs a "
				   "drbd_resource", dg->name);
		return;
	}
	if (!dg->n_groups)
		conf_error(diags, dg->pos, "DEVICE_GROUP \"%s\" has no TARGET_GROUP: with a "
			   "drbd_resource it needs one for each node", dg->name);
	else if (dg->n_groups == 1 && !conf_group_floats(&dg->groups[0]))
		conf_warn(diags, dg->pos, "DEVICE_GROUP \"%s\" has one TARGET_GROUP: initiators "
			  "are told of no other node", dg->name);
	for (size_t i = 0; i < dg->n_groups; i++) {
		state_ignore(&dg->groups[i], diags);
		check_one_node(&dg->groups[i], diags);
	}
	check_floating(dg, diags);
}

static void check_volume(const struct conf *conf, const struct conf_device_group *dg,
			 struct conf_diag_list *diags)
{
	for (size_t i = 0; i < conf->n_devices; i++) {
		const struct conf_device *dev = &conf->devices[i];

		if (dev->filename && !strcmp(dg->state_volume, dev->filename))
			conf_error(diags, dg->pos, "DEVICE_GROUP \"%s\": state_volume is the "
				   "filename of DEVICE \"%s\"", dg->name, dev->name);
	}
}

/* What would write over each other. */
static int check_distinct(const struct conf *conf, struct conf_diag_list *diags)
{
	struct conf_holders resources = { 0 }, volumes = { 0 };
	int rc, rc2;

	for (size_t i = 0; i < conf->n_device_groups; i++) {
		const struct conf_device_group *dg = &conf->device_groups[i];

		if (!conf_group_clustered(dg))
			continue;
		conf_holder_add(&resources, dg->drbd_resource, strlen(dg->drbd_resource), dg->pos,
				dg->name);
		if (!dg->state_volume)
			continue;
		check_volume(conf, dg, diags);
		conf_holder_add(&volumes, dg->state_volume, strlen(dg->state_volume), dg->pos,
				dg->name);
	}
	rc = conf_holders_check(&resources, "DEVICE_GROUP", "drbd_resource", CONF_ERROR, diags);
	rc2 = conf_holders_check(&volumes, "DEVICE_GROUP", "state_volume", CONF_ERROR, diags);
	return rc ? rc : rc2;
}

int conf_check_cluster(struct conf *conf, struct conf_diag_list *diags)
{
	for (size_t i = 0; i < conf->n_device_groups; i++)
		check_group(&conf->device_groups[i], diags);
	for (size_t i = 0; i < conf->n_targets; i++)
		check_floating_target(conf, &conf->targets[i], diags);
	return check_distinct(conf, diags);
}

/* ---- on one ---- */

static bool is_local(const struct conf_target *t, const char *node)
{
	return !t->node[0] || !strcasecmp(t->node, node);
}

/* Targets move to other places: those that point to them follow, or lose them. */
static void follow(struct conf *conf, const struct conf_target *from,
		   const struct conf_target *const *moved)
{
	for (size_t i = 0; i < conf->n_device_groups; i++) {
		const struct conf_device_group *dg = &conf->device_groups[i];

		for (size_t j = 0; j < dg->n_groups; j++)
			for (size_t k = 0; k < dg->groups[j].n_targets; k++) {
				struct conf_group_target *t = &dg->groups[j].targets[k];

				if (t->target)
					t->target = moved[t->target - from];
			}
	}
}

static int split_targets(struct conf *conf, const char *node)
{
	size_t n = conf->n_targets, n_here = 0, n_others = 0;
	struct conf_target *here = calloc(n, sizeof(*here)), *others = calloc(n, sizeof(*others));
	const struct conf_target **moved = calloc(n, sizeof(*moved));

	if (!here || !others || !moved) {
		free(here);
		free(others);
		free(moved);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		if (is_local(&conf->targets[i], node)) {
			moved[i] = &here[n_here];
			here[n_here++] = conf->targets[i];
		} else {
			others[n_others++] = conf->targets[i];
		}
	}
	follow(conf, conf->targets, moved);
	free(moved);
	free(conf->targets);
	conf->targets = here;
	conf->n_targets = n_here;
	conf->others = others;
	conf->n_others = n_others;
	return 0;
}

/* The ports of this node in it. */
static size_t count_local(const struct conf_target_group *tg)
{
	size_t count = 0;

	for (size_t i = 0; i < tg->n_targets; i++)
		count += tg->targets[i].target != NULL;
	return count;
}

const struct conf_target_group *conf_local_group(const struct conf_device_group *group)
{
	for (size_t i = 0; i < group->n_groups; i++)
		if (count_local(&group->groups[i]))
			return &group->groups[i];
	return NULL;
}

static void check_local(const struct conf_device_group *dg, const char *node,
			struct conf_diag_list *diags)
{
	const struct conf_target_group *local = conf_local_group(dg);

	if (!local) {
		conf_error(diags, dg->pos, "DEVICE_GROUP \"%s\" has no TARGET of this node, \"%s\"",
			   dg->name, node);
		return;
	}
	for (size_t i = 0; i < dg->n_groups; i++) {
		const struct conf_target_group *tg = &dg->groups[i];
		size_t count = count_local(tg);

		if (count && tg != local)
			conf_error(diags, tg->pos, "TARGET_GROUP \"%s\" has a TARGET of this node, "
				   "\"%s\", as has \"%s\" in line %u: one of them is of another "
				   "node", tg->name, node, local->name, local->pos.line);
		else if (count && count < tg->n_targets)
			conf_error(diags, tg->pos, "TARGET_GROUP \"%s\" has a TARGET of this node, "
				   "\"%s\", and one of another", tg->name, node);
	}
}

int conf_localize(struct conf *conf, const char *node, struct conf_diag_list *diags)
{
	size_t errors = diags->errors;

	if (conf->n_targets && split_targets(conf, node))
		return -ENOMEM;
	if (conf->n_others && !conf->n_targets)
		conf_warn(diags, conf->others[0].pos, "no TARGET is of this node, \"%s\"", node);
	for (size_t i = 0; i < conf->n_device_groups; i++)
		if (conf_group_clustered(&conf->device_groups[i]) &&
		    conf->device_groups[i].n_groups)
			check_local(&conf->device_groups[i], node, diags);
	conf_diag_sort(diags);
	return diags->errors == errors ? 0 : -EINVAL;
}
