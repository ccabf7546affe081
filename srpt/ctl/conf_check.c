/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only the whole file can tell: defaults that depend on others, and contradictions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

#define NULLIO_SIZE (1ull << 40)

/* ---- devices ---- */

static bool device_given(const struct conf_device *dev, const char *key)
{
	return conf_key_given(dev->given, conf_key_find(CONF_DEVICE, key));
}

static void device_complete(struct conf_device *dev, uint32_t setup_id)
{
	if (dev->handler == CONF_VDISK_NULLIO && !device_given(dev, "size"))
		dev->size = NULLIO_SIZE;
	if (dev->write_through)
		dev->nv_cache = false;
	if (!device_given(dev, "uuid"))
		conf_uuid_derive(setup_id, dev->name, dev->uuid);
	if (!dev->t10_vend_id[0])
		memcpy(dev->t10_vend_id,
		       dev->handler == CONF_VDISK_BLOCKIO ? "SCST_BIO" : "SCST_FIO",
		       sizeof("SCST_BIO"));
	if (!dev->prod_id[0])
		memcpy(dev->prod_id, dev->name, strnlen(dev->name, sizeof(dev->prod_id) - 1));
}

static void device_check(const struct conf_device *dev, struct conf_diag_list *diags)
{
	/* vdisk_nullio has a default. */
	static const char *const needed[CONF_HANDLERS] = {
		[CONF_VDISK_BLOCKIO] = "filename", [CONF_VDISK_FILEIO] = "filename",
		[CONF_VDISK_RAM] = "size", [CONF_VDISK_FAULT] = "size",
	};
	const char *key = needed[dev->handler];

	if (key && !device_given(dev, key))
		conf_error(diags, dev->pos, "DEVICE \"%s\": %s needs a %s", dev->name,
			   conf_handler_name(dev->handler), key);
	if (dev->size % dev->blocksize)
		conf_error(diags, dev->pos, "DEVICE \"%s\": size is no multiple of blocksize %u",
			   dev->name, dev->blocksize);
}

static const void *text_value(const char *text, size_t *len)
{
	*len = text ? strlen(text) + 1 : 0;
	return text && *text ? text : NULL;
}

static const void *name_value(const struct conf_device *dev, size_t *len)
{
	return text_value(dev->name, len);
}

static const void *filename_value(const struct conf_device *dev, size_t *len)
{
	return text_value(dev->filename, len);
}

static const void *usn_value(const struct conf_device *dev, size_t *len)
{
	return text_value(dev->usn, len);
}

static const void *t10_value(const struct conf_device *dev, size_t *len)
{
	return text_value(dev->t10_dev_id, len);
}

/* All zero: not given, or given with a bad value. */
static const void *bytes_value(const uint8_t bytes[16])
{
	static const uint8_t none[16];

	return memcmp(bytes, none, sizeof(none)) ? bytes : NULL;
}

static const void *uuid_value(const struct conf_device *dev, size_t *len)
{
	*len = sizeof(dev->uuid);
	return bytes_value(dev->uuid);
}

static const void *naa_value(const struct conf_device *dev, size_t *len)
{
	*len = sizeof(dev->naa_id);
	return bytes_value(dev->naa_id);
}

/* The attributes of a device that may not be the same twice. */
static const struct distinct {
	const char *what;
	enum conf_severity severity;
	const void *(*value)(const struct conf_device *dev, size_t *len);	/* NULL = none */
} distinct[] = {
	{ "name", CONF_ERROR, name_value },
	{ "filename", CONF_WARNING, filename_value },
	{ "uuid", CONF_ERROR, uuid_value },
	{ "naa_id", CONF_ERROR, naa_value },
	{ "usn", CONF_ERROR, usn_value },
	{ "t10_dev_id", CONF_ERROR, t10_value },
};

static int devices_distinct(const struct conf *conf, const struct distinct *d,
			    struct conf_diag_list *diags)
{
	struct conf_holders h = { 0 };

	for (size_t i = 0; i < conf->n_devices; i++) {
		const struct conf_device *dev = &conf->devices[i];
		size_t len;
		const void *value = d->value(dev, &len);

		if (value)
			conf_holder_add(&h, value, len, dev->pos, dev->name);
	}
	return conf_holders_check(&h, "DEVICE", d->what, d->severity, diags);
}

static int device_order(const void *a, const void *b)
{
	const struct conf_device *da = a, *db = b;

	if (da->handler != db->handler)
		return da->handler < db->handler ? -1 : 1;
	return conf_pos_compare(da->pos, db->pos);
}

static int check_devices(struct conf *conf, struct conf_diag_list *diags)
{
	int rc = 0;

	if (conf->n_devices)
		qsort(conf->devices, conf->n_devices, sizeof(*conf->devices), device_order);
	for (size_t i = 0; i < conf->n_devices; i++) {
		device_complete(&conf->devices[i], conf->setup_id);
		device_check(&conf->devices[i], diags);
	}
	for (size_t i = 0; i < ARRAY_SIZE(distinct) && !rc; i++)
		rc = devices_distinct(conf, &distinct[i], diags);
	return rc;
}

/* ---- LUN maps ---- */

static int by_name_order(const void *a, const void *b)
{
	const struct conf_device *const *da = a, *const *db = b;

	return strcmp((*da)->name, (*db)->name);
}

static int by_name_find(const void *name, const void *item)
{
	const struct conf_device *const *dev = item;

	return strcmp(name, (*dev)->name);
}

static int skipped_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void names_sort(const struct conf_names *list)
{
	if (list->count)
		qsort(list->names, list->count, sizeof(*list->names), skipped_order);
}

bool conf_is_skipped(const struct conf_names *list, const char *name)
{
	return list->count && bsearch(name, list->names, list->count, sizeof(*list->names),
				      skipped_order);
}

static bool index_devices(struct conf_checker *c)
{
	size_t n = c->conf->n_devices;

	c->by_name = calloc(n ? n : 1, sizeof(*c->by_name));
	if (!c->by_name)
		return false;
	for (size_t i = 0; i < n; i++)
		c->by_name[i] = &c->conf->devices[i];
	qsort(c->by_name, n, sizeof(*c->by_name), by_name_order);
	names_sort(&c->skipped->devices);
	names_sort(&c->skipped->targets);
	return true;
}

const struct conf_device *conf_checker_device(const struct conf_checker *c, const char *name)
{
	const struct conf_device **found = bsearch(name, c->by_name, c->conf->n_devices,
						   sizeof(*c->by_name), by_name_find);

	return found ? *found : NULL;
}

/* Finds the device; false if the LUN is to be left out. */
static bool lun_resolve(struct conf_checker *c, struct conf_lun *lun)
{
	lun->dev = conf_checker_device(c, lun->device);
	if (lun->dev)
		return true;
	if (conf_is_skipped(&c->skipped->devices, lun->device))
		conf_warn(c->diags, lun->pos, "LUN %u is skipped, as is the HANDLER of \"%s\"",
			  lun->number, lun->device);
	else
		conf_error(c->diags, lun->pos, "LUN %u: there is no DEVICE \"%s\"", lun->number,
			   lun->device);
	return false;
}

static int lun_order(const void *a, const void *b)
{
	const struct conf_lun *la = a, *lb = b;

	if (la->number != lb->number)
		return la->number < lb->number ? -1 : 1;
	return conf_pos_compare(la->pos, lb->pos);
}

/* Sorts and resolves a map. */
static void check_map(struct conf_checker *c, struct conf_lunmap *map)
{
	size_t kept = 0;

	if (map->count)
		qsort(map->luns, map->count, sizeof(*map->luns), lun_order);
	for (size_t i = 1, first = 0; i < map->count; i++) {
		if (map->luns[i].number != map->luns[first].number)
			first = i;
		else
			conf_error(c->diags, map->luns[i].pos, "LUN %u is already used in line %u",
				   map->luns[i].number, map->luns[first].pos.line);
	}
	for (size_t i = 0; i < map->count; i++)
		if (lun_resolve(c, &map->luns[i]))
			map->luns[kept++] = map->luns[i];
	map->count = kept;
}

static bool map_lacks_lun0(const struct conf_lunmap *map)
{
	return !map->count || map->luns[0].number;
}

/* ---- targets ---- */

static int check_groups(struct conf_checker *c, struct conf_target *target)
{
	struct conf_holders names = { 0 }, patterns = { 0 };
	int rc, rc2;

	for (size_t g = 0; g < target->n_groups; g++) {
		struct conf_group *group = &target->groups[g];

		check_map(c, &group->map);
		if (map_lacks_lun0(&group->map))
			conf_warn(c->diags, group->pos,
				  "GROUP \"%s\" has no LUN 0: initiators find nothing without it",
				  group->name);
		conf_holder_add(&names, group->name, 0, group->pos, group->name);
		for (size_t i = 0; i < group->n_initiators; i++)
			conf_holder_add(&patterns, group->initiators[i].pattern, 0,
				   group->initiators[i].pos, group->initiators[i].pattern);
	}
	rc = conf_holders_check(&names, "GROUP", "name", CONF_ERROR, c->diags);
	rc2 = conf_holders_check(&patterns, "INITIATOR", "pattern", CONF_ERROR, c->diags);
	return rc ? rc : rc2;
}

static int check_portals(struct conf_checker *c, const struct conf_target *target)
{
	uint16_t port = c->conf->driver.rdma_cm_port;
	char text[CONF_PORTALS_MAX][IB_PORTAL_TEXT_MAX];
	struct conf_holders h = { 0 };

	if (target->enabled && !target->n_portals && !port && !c->conf->driver.n_iwarp_ports)
		conf_warn(c->diags, target->pos,
			  "TARGET \"%s\" has no address to log in to: set rdma_cm_port or "
			  "iwarp_port in TARGET_DRIVER, or portal here", target->name);
	for (size_t i = 0; i < target->n_portals; i++) {
		const struct conf_portal *p = &target->portals[i];

		conf_portal_format(p, port, text[i], sizeof(text[i]));
		conf_holder_add(&h, text[i], 0, p->pos, text[i]);
		if (!p->port && !port)
			conf_error(c->diags, p->pos, "portal %s has no port: add it as in "
				   "ADDRESS:PORT, or set rdma_cm_port in TARGET_DRIVER", text[i]);
	}
	return conf_holders_check(&h, "portal", "address", CONF_ERROR, c->diags);
}

/* Only one can listen on an address; at a wildcard it listens on every one of the family. */
static bool iwarp_ports_clash(const struct conf_portal *a, const struct conf_portal *b)
{
	return a->family == b->family && a->port == b->port &&
	       (conf_portal_is_any(a) || conf_portal_is_any(b) ||
		(!memcmp(a->addr, b->addr, sizeof(a->addr)) && !strcmp(a->scope, b->scope)));
}

/* True after telling that they clash. */
static bool check_iwarp_pair(const struct conf_portal *first, const struct conf_portal *second,
			     struct conf_diag_list *diags)
{
	struct conf_portal a[2], b[2];
	size_t n_a = conf_iwarp_port_expand(first, a), n_b = conf_iwarp_port_expand(second, b);
	char first_text[96], second_text[96];

	for (size_t i = 0; i < n_a * n_b; i++) {
		if (!iwarp_ports_clash(&a[i / n_b], &b[i % n_b]))
			continue;
		conf_error(diags, second->pos, "iwarp_port %s takes an address that iwarp_port %s "
			   "in line %u takes",
			   conf_portal_format(second, 0, second_text, sizeof(second_text)),
			   conf_portal_format(first, 0, first_text, sizeof(first_text)),
			   first->pos.line);
		return true;
	}
	return false;
}

static void check_iwarp_ports(const struct conf_driver *driver, struct conf_diag_list *diags)
{
	const struct conf_portal *list = driver->iwarp_ports;

	for (size_t i = 1; i < driver->n_iwarp_ports; i++)
		for (size_t j = 0; j < i; j++)
			if (check_iwarp_pair(&list[j], &list[i], diags))
				break;
}

static int check_target(struct conf_checker *c, struct conf_target *target)
{
	int rc = check_groups(c, target);

	check_map(c, &target->map);
	/* With groups alone, who is in none of them shall see nothing. */
	if (map_lacks_lun0(&target->map) && (target->map.count || !target->n_groups))
		conf_warn(c->diags, target->pos,
			  "TARGET \"%s\" has no LUN 0: initiators find nothing without it",
			  target->name);
	return rc ? rc : check_portals(c, target);
}

/* Gives the lowest free numbers, in file order, and marks them as given: they are written back. */
static int assign_rel_tgt_ids(struct conf *conf, struct conf_diag_list *diags)
{
	uint64_t bit = conf_key_bit(conf_key_find(CONF_TARGET, "rel_tgt_id"));
	bool *used = calloc(UINT16_MAX + 1u, sizeof(*used));
	unsigned int next = 1;

	if (!used)
		return -ENOMEM;
	if (conf_groups_reserve(conf, used)) {
		free(used);
		return -ENOMEM;
	}
	for (size_t i = 0; i < conf->n_targets; i++)
		used[conf->targets[i].rel_tgt_id] = true;
	for (size_t i = 0; i < conf->n_targets; i++) {
		struct conf_target *target = &conf->targets[i];

		if (target->given & bit)
			continue;
		while (next <= UINT16_MAX && used[next])
			next++;
		if (next > UINT16_MAX) {
			conf_error(diags, target->pos,
				   "too many targets: at most 65535 are allowed");
			break;
		}
		target->rel_tgt_id = (uint16_t)next++;
		target->given |= bit;
	}
	free(used);
	return 0;
}

/* A target whose id_ext is to be hashed with the daemon's ioc_guid has none to compare. */
static bool target_id_ext_known(const struct conf_target *target)
{
	return conf_target_id_ext(target, 1) == conf_target_id_ext(target, 2);
}

static int targets_distinct(const struct conf *conf, struct conf_diag_list *diags)
{
	uint64_t *ids = calloc(conf->n_targets + 1, sizeof(*ids));
	struct conf_holders names = { 0 }, rel = { 0 }, ext = { 0 };
	int rc, rc2, rc3;

	for (size_t i = 0; ids && i < conf->n_targets; i++) {
		const struct conf_target *t = &conf->targets[i];

		ids[i] = conf_target_id_ext(t, 1);
		conf_holder_add(&names, t->name, 0, t->pos, t->name);
		if (t->rel_tgt_id)
			conf_holder_add(&rel, &t->rel_tgt_id, sizeof(t->rel_tgt_id), t->pos,
					t->name);
		if (target_id_ext_known(t))
			conf_holder_add(&ext, &ids[i], sizeof(ids[i]), t->pos, t->name);
	}
	rc = conf_holders_check(&names, "TARGET", "name", CONF_ERROR, diags);
	rc2 = conf_holders_check(&rel, "TARGET", "rel_tgt_id", CONF_ERROR, diags);
	rc3 = conf_holders_check(&ext, "TARGET", "id_ext", CONF_ERROR, diags);
	if (!ids)
		return -ENOMEM;
	free(ids);
	return rc ? rc : rc2 ? rc2 : rc3;
}

int conf_check(struct conf *conf, const struct conf_skipped *skipped,
	       struct conf_diag_list *diags)
{
	struct conf_checker c = { conf, NULL, skipped, diags };
	int rc = check_devices(conf, diags);

	if (!rc && !index_devices(&c))
		rc = -ENOMEM;
	check_iwarp_ports(&conf->driver, diags);
	for (size_t i = 0; i < conf->n_targets && !rc; i++)
		rc = check_target(&c, &conf->targets[i]);
	if (!rc)
		rc = assign_rel_tgt_ids(conf, diags);
	if (!rc)
		rc = targets_distinct(conf, diags);
	if (!rc)
		rc = conf_check_groups(&c);
	free(c.by_name);
	return rc;
}
