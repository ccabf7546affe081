/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/parity.h"
#include "base/bytes.h"
#include "ctl/conf_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The list while it is made: "key NUL value NUL" one after the other. */
struct maker {
	FILE *f;
	size_t n;
	char place[4 * (CONF_NAME_MAX + 1) + 64]; /* what the keys begin with */
};

__attribute__((format(printf, 2, 3)))
static void key(struct maker *m, const char *fmt, ...)
{
	va_list ap;

	fputs(m->place, m->f);
	va_start(ap, fmt);
	vfprintf(m->f, fmt, ap);
	va_end(ap);
	putc(0, m->f);
}

static void value_end(struct maker *m)
{
	putc(0, m->f);
	m->n++;
}

/* Adds to the place, returns what it was for place_leave(). */
__attribute__((format(printf, 2, 3)))
static size_t place_enter(struct maker *m, const char *fmt, ...)
{
	size_t len = strlen(m->place);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->place + len, sizeof(m->place) - len, fmt, ap);
	va_end(ap);
	return len;
}

static void place_leave(struct maker *m, size_t len)
{
	m->place[len] = 0;
}

/* ---- devices ---- */

static void put_bool(struct maker *m, bool yes)
{
	putc(yes ? '1' : '0', m->f);
}

static void put_naa(struct maker *m, const struct conf_device *dev)
{
	uint8_t naa[16];

	conf_device_naa(dev, naa);
	for (unsigned i = 0; i < sizeof(naa); i++)
		fprintf(m->f, "%02x", naa[i]);
}

static void put_serial(struct maker *m, const struct conf_device *dev)
{
	char serial[37];

	conf_device_serial(dev, serial);
	fputs(serial, m->f);
}

static void put_handler(struct maker *m, const struct conf_device *dev)
{
	fputs(conf_handler_name(dev->handler), m->f);
}

/* Attributes of a device as an initiator or the state of its LU knows them. */
static const struct device_row {
	const char *key;
	void (*put)(struct maker *m, const struct conf_device *dev); /* NULL: the attribute */
	bool if_given; /* without it, it is what the backend says */
} device_rows[] = {
	{ "handler", put_handler, false },
	{ "active", NULL, false },
	{ "blocksize", NULL, false },
	{ "lb_per_pb_exp", NULL, false },
	{ "naa_id", put_naa, false },
	{ "nv_cache", NULL, false },
	{ "prod_id", NULL, false },
	{ "prod_rev_lvl", NULL, false },
	{ "read_only", NULL, false },
	{ "rotational", NULL, true },
	{ "size", NULL, true },
	{ "t10_dev_id", NULL, false },
	{ "t10_vend_id", NULL, false },
	{ "thin_provisioned", NULL, false },
	{ "usn", put_serial, false },
	{ "uuid", NULL, false },
	{ "write_through", NULL, false },
};

static void put_device(struct maker *m, const struct conf_device *dev)
{
	for (size_t i = 0; i < ARRAY_SIZE(device_rows); i++) {
		const struct device_row *row = &device_rows[i];
		const struct conf_key *k = row->put ? NULL : conf_key_find(CONF_DEVICE, row->key);

		if (row->if_given && !conf_key_given(dev->given, k))
			continue;
		key(m, "%s", row->key);
		if (row->put)
			row->put(m, dev);
		else
			conf_value_print(k, dev, m->f);
		value_end(m);
	}
}

static void put_devices(struct maker *m, const struct conf_device_group *dg)
{
	for (size_t i = 0; i < dg->n_devices; i++) {
		size_t len = place_enter(m, "DEVICE %s/", dg->devices[i].name);

		put_device(m, dg->devices[i].dev);
		place_leave(m, len);
	}
}

/* ---- ports of all nodes ---- */

static int u16_order(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - *(const uint16_t *)b;
}

static void put_ports(struct maker *m, const struct conf_target_group *tg)
{
	uint16_t ids[CONF_GROUP_TARGETS_MAX];

	for (size_t i = 0; i < tg->n_targets; i++)
		ids[i] = tg->targets[i].rel_tgt_id;
	qsort(ids, tg->n_targets, sizeof(*ids), u16_order);
	for (size_t i = 0; i < tg->n_targets; i++)
		fprintf(m->f, "%s%u", i ? "," : "", ids[i]);
}

static void put_target_group(struct maker *m, const struct conf_target_group *tg)
{
	size_t len = place_enter(m, "TARGET_GROUP %u/", tg->group_id);

	key(m, "preferred");
	put_bool(m, tg->preferred);
	value_end(m);
	key(m, "rel_tgt_ids");
	put_ports(m, tg);
	value_end(m);
	key(m, "floating");
	put_bool(m, conf_group_floats(tg));
	value_end(m);
	place_leave(m, len);
}

/* ---- what initiators see through the ports of this node ---- */

static void put_map(struct maker *m, const struct conf_lunmap *map,
		    const struct conf_device_group *dg)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct conf_lun *lun = &map->luns[i];

		if (lun->dev->group != dg)
			continue;
		key(m, "LUN %u", lun->number);
		fprintf(m->f, "%s%s", lun->device, lun->read_only ? " read_only" : "");
		value_end(m);
	}
}

/* The first match wins, so groups are counted; within one the order does not matter. */
static void put_groups(struct maker *m, const struct conf_target *t,
		       const struct conf_device_group *dg)
{
	for (size_t i = 0; i < t->n_groups; i++) {
		const struct conf_group *g = &t->groups[i];
		size_t len = place_enter(m, "GROUP %s/", g->name);

		key(m, "position");
		fprintf(m->f, "%zu", i + 1);
		value_end(m);
		for (size_t j = 0; j < g->n_initiators; j++) {
			key(m, "INITIATOR %s", g->initiators[j].pattern);
			putc('1', m->f);
			value_end(m);
		}
		put_map(m, &g->map, dg);
		place_leave(m, len);
	}
}

static int port_order(const void *a, const void *b)
{
	const struct conf_target *const *ta = a, *const *tb = b;

	return (int)(*ta)->rel_tgt_id - (*tb)->rel_tgt_id;
}

/* The nodes' targets have different names and numbers: the first here is like the first there. */
static void put_targets(struct maker *m, const struct conf_device_group *dg)
{
	const struct conf_target_group *local = conf_local_group(dg);
	const struct conf_target *targets[CONF_GROUP_TARGETS_MAX];
	size_t n = 0;

	for (size_t i = 0; local && i < local->n_targets; i++)
		if (local->targets[i].target)
			targets[n++] = local->targets[i].target;
	qsort(targets, n, sizeof(*targets), port_order);
	for (size_t i = 0; i < n; i++) {
		size_t len = place_enter(m, "target %zu/", i + 1);

		put_map(m, &targets[i]->map, dg);
		put_groups(m, targets[i], dg);
		place_leave(m, len);
	}
}

/* ---- all of it ---- */

static void put_key(struct maker *m, enum conf_block block, const char *name, const void *base)
{
	key(m, "%s", name);
	conf_value_print(conf_key_find(block, name), base, m->f);
	value_end(m);
}

static void put_device_group(struct maker *m, const struct conf_device_group *dg)
{
	size_t len = place_enter(m, "DEVICE_GROUP %s/", dg->name);

	put_key(m, CONF_DEVICE_GROUP, "drbd_resource", dg);
	put_key(m, CONF_DEVICE_GROUP, "lu_group_id", dg);
	put_key(m, CONF_DEVICE_GROUP, "transition_time", dg);
	key(m, "state_volume"); /* where it is may differ */
	put_bool(m, dg->state_volume);
	value_end(m);
	put_devices(m, dg);
	for (size_t i = 0; i < dg->n_groups; i++)
		put_target_group(m, &dg->groups[i]);
	put_targets(m, dg);
	place_leave(m, len);
}

static void put_conf(struct maker *m, const struct conf *conf)
{
	/* What a login answers. */
	static const char *const driver[] = {
		"srp_max_rdma_size", "srp_max_req_size", "srp_max_rsp_size",
	};
	bool any = false;

	for (size_t i = 0; i < conf->n_device_groups; i++) {
		if (!conf_group_clustered(&conf->device_groups[i]))
			continue;
		put_device_group(m, &conf->device_groups[i]);
		any = true;
	}
	for (size_t i = 0; any && i < ARRAY_SIZE(driver); i++)
		put_key(m, CONF_TARGET_DRIVER, driver[i], &conf->driver);
}

static int item_order(const void *a, const void *b)
{
	const struct parity_item *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static uint64_t hash_items(const struct parity *p)
{
	uint64_t hash = conf_hash_begin();

	for (size_t i = 0; i < p->n; i++) {
		hash = conf_hash_add(hash, p->items[i].key, strlen(p->items[i].key) + 1);
		hash = conf_hash_add(hash, p->items[i].value, strlen(p->items[i].value) + 1);
	}
	return conf_hash_end(hash);
}

static bool items_find(struct parity *p, size_t n)
{
	const char *next = p->text;

	p->items = calloc(n + 1, sizeof(*p->items));
	if (!p->items)
		return false;
	for (p->n = 0; p->n < n; p->n++) {
		struct parity_item *item = &p->items[p->n];

		item->key = next;
		item->value = next + strlen(next) + 1;
		next = item->value + strlen(item->value) + 1;
	}
	qsort(p->items, n, sizeof(*p->items), item_order);
	return true;
}

int parity_make(const struct conf *conf, struct parity *p)
{
	struct maker m = { 0 };
	size_t len;
	bool failed;

	*p = (struct parity){ 0 };
	m.f = open_memstream(&p->text, &len);
	if (!m.f)
		return -ENOMEM;
	put_conf(&m, conf);
	failed = ferror(m.f);
	failed |= fclose(m.f) != 0;
	if (failed || !items_find(p, m.n)) {
		parity_free(p);
		return -ENOMEM;
	}
	p->hash = hash_items(p);
	return 0;
}

void parity_free(struct parity *p)
{
	free(p->items);
	free(p->text);
	*p = (struct parity){ 0 };
}
