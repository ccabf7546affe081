/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/settings.h"

#include "base/bytes.h"
#include "initiator/dmtable.h"
#include "initiator/modprobe.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYS_MODULE "/sys/module/ib_srp/parameters"
#define SYS_HOSTS "/sys/class/scsi_host"
#define SYS_PORTS "/sys/class/srp_remote_ports"
#define SYS_DISKS "/sys/class/scsi_device"
#define SYS_BLOCK "/sys/block"
#define BY_ID "/dev/disk/by-id"
#define NAMES_MAX 16384
#define OUTPUT_MAX (4 << 20) /* bytes of what a program prints */

/* What the look itself needs, beside its result. */
struct gather {
	const struct tree *t;
	struct settings *s;
	struct tree_name names[NAMES_MAX];
	char output[OUTPUT_MAX];
};

int settings_number(const char *text)
{
	char *end;
	long v;

	if (!strcmp(text, "off") || !strcmp(text, "infinity"))
		return VALUE_OFF;
	if (!isdigit((unsigned char)*text))
		return VALUE_UNKNOWN;
	v = strtol(text, &end, 10);
	return *end || v > INT_MAX ? VALUE_UNKNOWN : (int)v;
}

static int number_read(const struct tree *t, const char *dir, const char *name)
{
	char text[64];

	if (tree_attr(t, dir, name, text, sizeof(text)))
		return VALUE_UNKNOWN;
	/* As ch_count of a module without the parameter's "off": -1 is off, too. */
	return !strcmp(text, "-1") ? VALUE_OFF : settings_number(text);
}

static void timeouts_read(const struct tree *t, const char *dir, struct timeouts *to)
{
	to->fast_io_fail = number_read(t, dir, "fast_io_fail_tmo");
	to->dev_loss = number_read(t, dir, "dev_loss_tmo");
	to->reconnect = number_read(t, dir, "reconnect_delay");
}

/* "0-3,8": the number of these. */
static int list_count(const char *list)
{
	unsigned count = 0, from, to;
	int used;

	while (sscanf(list, "%5u%n", &from, &used) == 1) {
		to = from;
		list += used;
		if (*list == '-' && sscanf(list + 1, "%5u%n", &to, &used) == 1)
			list += used + 1;
		count += to - from + 1;
		if (*list != ',')
			break;
		list++;
	}
	return (int)count;
}

/* ---- logins ---- */

static void login_add(struct gather *g, const char *host)
{
	struct login *l = &g->s->logins[g->s->n_logins];
	char dir[PATH_MAX], port[TREE_NAME_MAX + 16];

	snprintf(dir, sizeof(dir), "%s/%s", SYS_HOSTS, host);
	/* A SCSI host of something else. */
	if (tree_attr(g->t, dir, "id_ext", l->id_ext, sizeof(l->id_ext)))
		return;
	snprintf(l->host, sizeof(l->host), "%.31s", host);
	tree_attr(g->t, dir, "ioc_guid", l->ioc_guid, sizeof(l->ioc_guid));
	tree_attr(g->t, dir, "local_ib_device", l->device, sizeof(l->device));
	l->tl_retry = number_read(g->t, dir, "tl_retry_count");
	l->channels = number_read(g->t, dir, "ch_count");
	snprintf(port, sizeof(port), "port-%s:1", l->host + strlen("host"));
	snprintf(dir, sizeof(dir), "%s/%s", SYS_PORTS, port);
	tree_attr(g->t, dir, "state", l->state, sizeof(l->state));
	l->timeouts.of = TIMEOUTS_LOGIN;
	snprintf(l->timeouts.name, sizeof(l->timeouts.name), "%.127s", port);
	timeouts_read(g->t, dir, &l->timeouts);
	g->s->n_logins++;
}

static void gather_logins(struct gather *g)
{
	int n = tree_list(g->t, SYS_HOSTS, "host", g->names, NAMES_MAX);

	for (int i = 0; i < n && g->s->n_logins < SETTINGS_LOGINS_MAX; i++)
		login_add(g, g->names[i].name);
}

/* ---- disks ---- */

static int login_find(const struct settings *s, int host)
{
	for (int i = 0; i < s->n_logins; i++)
		if (settings_number(s->logins[i].host + strlen("host")) == host)
			return i;
	return -1;
}

/* SPC-4 6.6.2: the peripheral device type is in byte 0, TPGS in bits 4 and 5 of byte 5. */
static bool inquiry_read(struct gather *g, const char *dir, bool *alua)
{
	char path[PATH_MAX], data[256];
	ssize_t n;

	snprintf(path, sizeof(path), "%.3000s/inquiry", dir);
	n = tree_read(g->t, path, data, sizeof(data));
	*alua = n >= 6 && ((unsigned char)data[5] & 0x30);
	return n < 6 || ((unsigned char)data[0] & 0x1f) == 0;
}

static void disk_add(struct gather *g, const char *hctl)
{
	struct disk *d = &g->s->disks[g->s->n_disks];
	char dir[PATH_MAX], path[PATH_MAX];
	struct tree_name dev;
	int host;

	if (sscanf(hctl, "%d:", &host) != 1)
		return;
	memset(d, 0, sizeof(*d));
	d->login = login_find(g->s, host);
	snprintf(dir, sizeof(dir), "%s/%s/device", SYS_DISKS, hctl);
	snprintf(path, sizeof(path), "%.3000s/block", dir);
	if (d->login < 0 || !inquiry_read(g, dir, &d->alua) ||
	    tree_list(g->t, path, "sd", &dev, 1) != 1)
		return;
	snprintf(d->dev, sizeof(d->dev), "%.31s", dev.name);
	snprintf(path, sizeof(path), "%.3000s/block/%s", dir, d->dev);
	tree_attr(g->t, path, "dev", d->number, sizeof(d->number));
	tree_attr(g->t, dir, "vendor", d->vendor, sizeof(d->vendor));
	tree_attr(g->t, dir, "model", d->model, sizeof(d->model));
	tree_attr(g->t, dir, "state", d->state, sizeof(d->state));
	tree_attr(g->t, dir, "dh_state", d->handler, sizeof(d->handler));
	d->timeout = number_read(g->t, dir, "timeout");
	d->eh_timeout = number_read(g->t, dir, "eh_timeout");
	d->map = -1;
	g->s->n_disks++;
}

static void gather_disks(struct gather *g)
{
	int n = tree_list(g->t, SYS_DISKS, "", g->names, NAMES_MAX);

	for (int i = 0; i < n && g->s->n_disks < SETTINGS_DISKS_MAX; i++)
		disk_add(g, g->names[i].name);
}

static struct disk *disk_find(struct settings *s, const char *dev)
{
	for (int i = 0; i < s->n_disks; i++)
		if (!strcmp(s->disks[i].dev, dev))
			return &s->disks[i];
	return NULL;
}

static struct map *map_find(struct settings *s, const char *dm)
{
	for (int i = 0; i < s->n_maps; i++)
		if (!strcmp(s->maps[i].dm, dm))
			return &s->maps[i];
	return NULL;
}

/* ---- multipath maps ---- */

static void map_add(struct gather *g, const char *dm)
{
	struct map *m = &g->s->maps[g->s->n_maps];
	struct tree_name slaves[64];
	char dir[PATH_MAX], uuid[TREE_NAME_MAX];
	int n;

	snprintf(dir, sizeof(dir), "%s/%s/dm", SYS_BLOCK, dm);
	if (tree_attr(g->t, dir, "uuid", uuid, sizeof(uuid)) || strncmp(uuid, "mpath-", 6))
		return;
	memset(m, 0, sizeof(*m));
	m->disk = -1;
	tree_attr(g->t, dir, "name", m->name, sizeof(m->name));
	snprintf(m->dm, sizeof(m->dm), "%.31s", dm);
	snprintf(m->wwid, sizeof(m->wwid), "%.120s", uuid + 6);
	snprintf(dir, sizeof(dir), "%s/%s/slaves", SYS_BLOCK, dm);
	n = tree_list(g->t, dir, "", slaves, (int)ARRAY_SIZE(slaves));
	for (int i = 0; i < n; i++) {
		struct disk *d = disk_find(g->s, slaves[i].name);

		m->paths++;
		if (!d)
			continue;
		d->map = g->s->n_maps;
		m->disk = (int)(d - g->s->disks);
	}
	/* Maps of other disks are somebody else's. */
	if (m->disk >= 0)
		g->s->n_maps++;
}

static void gather_maps(struct gather *g)
{
	static const char *const table[] = { "dmsetup", "table", "--target", "multipath", NULL };
	static const char *const status[] = { "dmsetup", "status", "--target", "multipath", NULL };
	int n = tree_list(g->t, SYS_BLOCK, "dm-", g->names, NAMES_MAX);

	for (int i = 0; i < n && g->s->n_maps < SETTINGS_MAPS_MAX; i++)
		map_add(g, g->names[i].name);
	if (!g->s->n_maps)
		return;
	if (tree_command(g->t, "dm-table", table, g->output, sizeof(g->output)) > 0)
		for (int i = 0; i < g->s->n_maps; i++)
			g->s->maps[i].known = dm_table_queues(g->output, g->s->maps[i].name,
							      &g->s->maps[i].queues);
	if (tree_command(g->t, "dm-status", status, g->output, sizeof(g->output)) > 0)
		for (int i = 0; i < g->s->n_maps; i++)
			g->s->maps[i].failed = dm_status_failed(g->output, g->s->maps[i].name);
}

/* What the daemon goes by, or what it would go by. */
static void gather_multipath(struct gather *g)
{
	static const char *const daemon[] = { "multipathd", "show", "config", NULL };
	static const char *const files[] = { "multipath", "-t", NULL };

	if (tree_command(g->t, "multipathd-config", daemon, g->output, sizeof(g->output)) > 0)
		g->s->multipath = mp_conf_parse(g->output);
	g->s->multipathd = g->s->multipath != NULL;
	if (!g->s->multipath &&
	    tree_command(g->t, "multipath-config", files, g->output, sizeof(g->output)) > 0)
		g->s->multipath = mp_conf_parse(g->output);
}

/* ---- mirrors ---- */

/* One disk of a mirror, by its name in sysfs. */
static void mirror_take(struct settings *s, struct mirror *r, const char *dev)
{
	struct map *m = map_find(s, dev);
	struct disk *d = m ? &s->disks[m->disk] : disk_find(s, dev);
	const struct login *l, *first;

	if (!d)
		return;
	d->in_mirror = true;
	if (m)
		m->in_mirror = true;
	for (int i = 0; m && i < s->n_disks; i++)
		s->disks[i].in_mirror |= s->disks[i].map == (int)(m - s->maps);
	l = &s->logins[d->login];
	if (!r->disks++)
		r->first_login = d->login;
	first = &s->logins[r->first_login];
	r->two_targets |= strcmp(l->ioc_guid, first->ioc_guid) || strcmp(l->id_ext, first->id_ext);
}

static void mirror_add(struct gather *g, const char *md)
{
	struct mirror *r = &g->s->mirrors[g->s->n_mirrors];
	struct tree_name slaves[64];
	char dir[PATH_MAX], text[64];
	int n;

	snprintf(dir, sizeof(dir), "%s/%s/md", SYS_BLOCK, md);
	if (tree_attr(g->t, dir, "level", text, sizeof(text)) || strcmp(text, "raid1"))
		return;
	memset(r, 0, sizeof(*r));
	snprintf(r->md, sizeof(r->md), "%.31s", md);
	r->degraded = number_read(g->t, dir, "degraded");
	r->bitmap = !tree_attr(g->t, dir, "bitmap/location", text, sizeof(text)) &&
		    strcmp(text, "none");
	snprintf(dir, sizeof(dir), "%s/%s/slaves", SYS_BLOCK, md);
	n = tree_list(g->t, dir, "", slaves, (int)ARRAY_SIZE(slaves));
	for (int i = 0; i < n; i++)
		mirror_take(g->s, r, slaves[i].name);
	if (r->disks)
		g->s->n_mirrors++;
}

static void gather_mirrors(struct gather *g)
{
	int n = tree_list(g->t, SYS_BLOCK, "md", g->names, NAMES_MAX);

	for (int i = 0; i < n && g->s->n_mirrors < SETTINGS_MIRRORS_MAX; i++)
		mirror_add(g, g->names[i].name);
}

/* ---- names ---- */

static void gather_names(struct gather *g)
{
	int n = tree_list(g->t, BY_ID, "", g->names, NAMES_MAX);

	for (int i = 0; i < n; i++) {
		char dev[TREE_NAME_MAX];
		const struct map *m;
		struct disk *d;

		if (tree_link(g->t, BY_ID, g->names[i].name, dev, sizeof(dev)))
			continue;
		d = disk_find(g->s, dev);
		m = map_find(g->s, dev);
		if (d)
			d->by_id = true;
		for (int k = 0; m && k < g->s->n_disks; k++)
			g->s->disks[k].by_id |= g->s->disks[k].map == (int)(m - g->s->maps);
	}
}

/* ---- all ---- */

static void gather_module(struct gather *g)
{
	struct settings *s = g->s;
	char text[256];

	s->module = (struct timeouts){ .of = TIMEOUTS_MODULE, .name = "ib_srp" };
	timeouts_read(g->t, SYS_MODULE, &s->module);
	tree_attr(g->t, SYS_MODULE, "never_register", text, sizeof(text));
	s->never_register = !strcmp(text, "Y");
	tree_attr(g->t, "/sys/devices/system/cpu", "online", text, sizeof(text));
	s->cpus = list_count(text);
	s->files = (struct timeouts){ .of = TIMEOUTS_FILES, .name = "ib_srp" };
	s->has_files = modprobe_options(g->t, &s->files);
}

struct settings *settings_gather(const struct tree *t)
{
	struct gather *g = calloc(1, sizeof(*g));
	struct settings *s = calloc(1, sizeof(*s));
	struct tree_name one;

	if (!g || !s || tree_list(t, SYS_MODULE, "fast_io_fail_tmo", &one, 1) != 1) {
		fprintf(stderr, "srp-doctor: %s\n", g && s ?
			"no SRP initiator here: the module ib_srp is not loaded" : "no memory");
		free(g);
		free(s);
		return NULL;
	}
	g->t = t;
	g->s = s;
	gather_module(g);
	gather_logins(g);
	gather_disks(g);
	gather_maps(g);
	gather_multipath(g);
	gather_mirrors(g);
	gather_names(g);
	free(g);
	return s;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	mp_conf_free(s->multipath);
	free(s);
}

const char *settings_multipath(const struct settings *s, const struct disk *d, const char *key)
{
	if (!s->multipath)
		return "";
	return mp_conf_get(s->multipath, key, d->map < 0 ? "" : s->maps[d->map].wwid, d->vendor,
			   d->model);
}
