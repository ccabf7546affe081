/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/apply_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int device_compare(const void *a, const void *b)
{
	const struct device *const *x = a, *const *y = b;

	return strcmp((*x)->conf->name, (*y)->conf->name);
}

static int name_compare(const void *name, const void *b)
{
	const struct device *const *d = b;

	return strcmp(name, (*d)->conf->name);
}

/* Whoever decides whether it may be open is the same. */
static bool same_cluster(const struct conf_device *a, const struct conf_device *b)
{
	const char *x = a->group ? a->group->drbd_resource : "";
	const char *y = b->group ? b->group->drbd_resource : "";

	return !strcmp(x, y);
}

/* One that failed or is half gone is made anew, also when its configuration did not change. */
static bool device_stays(const struct device *d, const struct conf_device *next)
{
	return (d->state == DEVICE_READY || d->state == DEVICE_INACTIVE) &&
	       conf_device_alike(d->conf, next) && same_cluster(d->conf, next);
}

/* Sorted, as there may be thousands: 16384 LUNs compared pairwise would take seconds. */
static int plan_devices(struct live *live, const struct conf *next, struct device **device_of)
{
	struct device *d, **sorted;
	size_t n = 0;

	list_for_each(d, &live->devices, link)
		n++;
	sorted = calloc(n + 1, sizeof(struct device *));
	if (!sorted)
		return -ENOMEM;
	n = 0;
	list_for_each(d, &live->devices, link) {
		d->next = NULL;
		sorted[n++] = d;
	}
	qsort(sorted, n, sizeof(struct device *), device_compare);
	for (size_t i = 0; i < next->n_devices; i++) {
		struct device **found = bsearch(next->devices[i].name, sorted, n,
						sizeof(struct device *), name_compare);

		device_of[i] = NULL;
		if (found && device_stays(*found, &next->devices[i])) {
			device_of[i] = *found;
			(*found)->next = &next->devices[i];
		}
	}
	free(sorted);
	return 0;
}

/* A target whose port identifiers change is another one for initiators. */
static bool target_stays(const struct target *t, const struct conf *next,
			 const struct conf_target *nt)
{
	uint64_t ioc_guid = live_ioc_guid(t->live, next, nt);

	return t->srp && t->conf->rel_tgt_id == nt->rel_tgt_id && t->ioc_guid == ioc_guid &&
	       t->id_ext == conf_target_id_ext(nt, ioc_guid);
}

static bool maps_differ(const struct conf_target *a, const struct conf_target *b)
{
	if (!conf_lunmap_equal(&a->map, &b->map) || a->n_groups != b->n_groups)
		return true;
	for (size_t i = 0; i < a->n_groups; i++)
		if (!conf_group_equal(&a->groups[i], &b->groups[i]))
			return true;
	return false;
}

static void search_leaving(void *arg, const struct conf_group *group, const struct conf_lun *lun)
{
	struct target *t = arg;
	const struct device *d = live_device(t->live, lun->dev);

	(void)group;
	if (d && d->state == DEVICE_READY && !d->next)
		t->lost_lun = true;
}

static void plan_targets(struct live *live, const struct conf *next)
{
	struct target *t;

	list_for_each(t, &live->targets, link) {
		const struct conf_target *nt = conf_target_find(next, t->conf->name);

		t->next = nt && target_stays(t, next, nt) ? nt : NULL;
		t->lost_lun = false;
		t->changed = t->next && maps_differ(t->conf, nt);
		if (t->next)
			conf_target_for_each_lun(t->conf, search_leaving, t);
	}
}

int plan_make(struct live *live, const struct conf *next, struct device **device_of)
{
	int rc = plan_devices(live, next, device_of);

	if (!rc)
		plan_targets(live, next);
	return rc;
}
