/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a struct conf outside the parser: loading, finding, comparing, freeing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "ctl/conf_priv.h"

/* ---- loading ---- */

static int load_failed(const char *path, struct conf_diag_list *diags, int error)
{
	if (!diags->path)
		diags->path = strdup(path);
	conf_error(diags, (struct conf_pos){ 0 }, "cannot be read: %s", strerror(error));
	return -error;
}

const char *conf_this_node(void)
{
	static struct utsname name;

	return uname(&name) ? "" : name.nodename;
}

static int parse_local(const char *path, const char *text, size_t len, const char *node,
		       struct conf **out, struct conf_diag_list *diags)
{
	int rc = conf_parse(path, text, len, out, diags);

	if (rc)
		return rc;
	rc = conf_localize(*out, node ? node : conf_this_node(), diags);
	if (rc) {
		conf_free(*out);
		*out = NULL;
	}
	return rc;
}

int conf_load(const char *path, const char *node, struct conf **out, struct conf_diag_list *diags)
{
	const size_t room = CONF_TEXT_MAX + 1;
	FILE *f = fopen(path, "re");
	int rc, error;
	char *text;
	size_t len;

	*out = NULL;
	if (!f)
		return load_failed(path, diags, errno);
	text = malloc(room);
	if (!text) {
		fclose(f);
		return -ENOMEM;
	}
	errno = 0;
	len = fread(text, 1, room, f);
	error = ferror(f) ? errno ? errno : EIO : 0;
	fclose(f);
	rc = error ? load_failed(path, diags, error) :
		     parse_local(path, text, len, node, out, diags);
	free(text);
	return rc;
}

/* ---- freeing ---- */

static void target_values_free(struct conf_target *target)
{
	for (size_t i = 0; i < target->n_groups; i++) {
		free(target->groups[i].map.luns);
		free(target->groups[i].initiators);
	}
	free(target->groups);
	free(target->map.luns);
	free(target->portals);
	conf_values_free(CONF_TARGET, target);
}

static void targets_free(struct conf_target *targets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		target_values_free(&targets[i]);
	free(targets);
}

static void device_group_free(struct conf_device_group *dg)
{
	for (size_t i = 0; i < dg->n_groups; i++)
		free(dg->groups[i].targets);
	free(dg->groups);
	free(dg->devices);
	conf_values_free(CONF_DEVICE_GROUP, dg);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->n_devices; i++)
		conf_values_free(CONF_DEVICE, &conf->devices[i]);
	free(conf->devices);
	targets_free(conf->targets, conf->n_targets);
	targets_free(conf->others, conf->n_others);
	for (size_t i = 0; i < conf->n_device_groups; i++)
		device_group_free(&conf->device_groups[i]);
	free(conf->device_groups);
	free(conf->driver.iwarp_ports);
	conf_values_free(CONF_DAEMON, &conf->daemon);
	free(conf);
}

/* ---- finding ---- */

const char *conf_handler_name(enum conf_handler handler)
{
	static const char *const names[CONF_HANDLERS] = {
		[CONF_VDISK_BLOCKIO] = "vdisk_blockio",
		[CONF_VDISK_FILEIO] = "vdisk_fileio",
		[CONF_VDISK_NULLIO] = "vdisk_nullio",
		[CONF_VDISK_RAM] = "vdisk_ram",
		[CONF_VDISK_FAULT] = "vdisk_fault",
		[CONF_DEV_DISK] = "dev_disk",
		[CONF_DEV_TAPE] = "dev_tape",
		[CONF_DEV_CHANGER] = "dev_changer",
	};

	return names[handler];
}

const struct conf_device *conf_device_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_devices; i++)
		if (!strcmp(conf->devices[i].name, name))
			return &conf->devices[i];
	return NULL;
}

static const struct conf_target *target_find(const struct conf_target *list, size_t n,
					     const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(list[i].name, name))
			return &list[i];
	return NULL;
}

const struct conf_target *conf_target_find(const struct conf *conf, const char *name)
{
	return target_find(conf->targets, conf->n_targets, name);
}

const struct conf_device_group *conf_device_group_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_device_groups; i++)
		if (!strcasecmp(conf->device_groups[i].name, name))
			return &conf->device_groups[i];
	return NULL;
}

const struct conf_target_group *conf_target_group_find(const struct conf_device_group *group,
						       const char *name)
{
	for (size_t i = 0; i < group->n_groups; i++)
		if (!strcasecmp(group->groups[i].name, name))
			return &group->groups[i];
	return NULL;
}

/* ---- comparing ---- */

bool conf_daemon_equal(const struct conf_daemon *a, const struct conf_daemon *b)
{
	return conf_values_equal(CONF_DAEMON, a, b);
}

static bool portal_equal(const struct conf_portal *a, const struct conf_portal *b)
{
	return a->family == b->family && a->port == b->port &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr)) && !strcmp(a->scope, b->scope) &&
	       !strcmp(a->device, b->device) && a->port_num == b->port_num && a->pkey == b->pkey;
}

static bool portals_equal(const struct conf_portal *a, size_t n_a, const struct conf_portal *b,
			  size_t n_b)
{
	for (size_t i = 0; n_a == n_b && i < n_a; i++)
		if (!portal_equal(&a[i], &b[i]))
			return false;
	return n_a == n_b;
}

bool conf_driver_equal(const struct conf_driver *a, const struct conf_driver *b)
{
	return portals_equal(a->iwarp_ports, a->n_iwarp_ports, b->iwarp_ports, b->n_iwarp_ports) &&
	       conf_values_equal(CONF_TARGET_DRIVER, a, b);
}

bool conf_device_equal(const struct conf_device *a, const struct conf_device *b)
{
	return !strcmp(a->name, b->name) && a->handler == b->handler &&
	       conf_values_equal(CONF_DEVICE, a, b);
}

bool conf_device_alike(const struct conf_device *a, const struct conf_device *b)
{
	return !strcmp(a->name, b->name) && a->handler == b->handler &&
	       conf_values_alike(CONF_DEVICE, a, b);
}

bool conf_lun_equal(const struct conf_lun *a, const struct conf_lun *b)
{
	return a->number == b->number && !strcmp(a->device, b->device) &&
	       conf_values_equal(CONF_LUN, a, b);
}

bool conf_lunmap_equal(const struct conf_lunmap *a, const struct conf_lunmap *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!conf_lun_equal(&a->luns[i], &b->luns[i]))
			return false;
	return true;
}

bool conf_group_equal(const struct conf_group *a, const struct conf_group *b)
{
	if (strcmp(a->name, b->name) || a->n_initiators != b->n_initiators)
		return false;
	for (size_t i = 0; i < a->n_initiators; i++)
		if (strcmp(a->initiators[i].pattern, b->initiators[i].pattern))
			return false;
	return conf_lunmap_equal(&a->map, &b->map);
}

bool conf_target_attrs_equal(const struct conf_target *a, const struct conf_target *b)
{
	return !strcmp(a->name, b->name) &&
	       portals_equal(a->portals, a->n_portals, b->portals, b->n_portals) &&
	       conf_values_equal(CONF_TARGET, a, b);
}

bool conf_target_equal(const struct conf_target *a, const struct conf_target *b)
{
	if (!conf_target_attrs_equal(a, b) || a->n_groups != b->n_groups)
		return false;
	for (size_t i = 0; i < a->n_groups; i++)
		if (!conf_group_equal(&a->groups[i], &b->groups[i]))
			return false;
	return conf_lunmap_equal(&a->map, &b->map);
}

static bool devices_equal(const struct conf *a, const struct conf *b)
{
	for (size_t i = 0; i < a->n_devices; i++) {
		const struct conf_device *other = conf_device_find(b, a->devices[i].name);

		if (!other || !conf_device_equal(&a->devices[i], other))
			return false;
	}
	return a->n_devices == b->n_devices;
}

static bool targets_equal(const struct conf_target *a, size_t n_a, const struct conf_target *b,
			  size_t n_b)
{
	for (size_t i = 0; i < n_a; i++) {
		const struct conf_target *other = target_find(b, n_b, a[i].name);

		if (!other || !conf_target_equal(&a[i], other))
			return false;
	}
	return n_a == n_b;
}

static bool target_group_equal(const struct conf_target_group *a,
			       const struct conf_target_group *b)
{
	if (strcmp(a->name, b->name) || a->n_targets != b->n_targets ||
	    !conf_values_equal(CONF_TARGET_GROUP, a, b))
		return false;
	for (size_t i = 0; i < a->n_targets; i++)
		if (strcmp(a->targets[i].name, b->targets[i].name) ||
		    !conf_values_equal(CONF_GROUP_TARGET, &a->targets[i], &b->targets[i]))
			return false;
	return true;
}

bool conf_device_group_equal(const struct conf_device_group *a, const struct conf_device_group *b)
{
	if (strcmp(a->name, b->name) || a->n_devices != b->n_devices ||
	    a->n_groups != b->n_groups || !conf_values_equal(CONF_DEVICE_GROUP, a, b))
		return false;
	for (size_t i = 0; i < a->n_devices; i++)
		if (strcmp(a->devices[i].name, b->devices[i].name))
			return false;
	for (size_t i = 0; i < a->n_groups; i++)
		if (!target_group_equal(&a->groups[i], &b->groups[i]))
			return false;
	return true;
}

static bool device_groups_equal(const struct conf *a, const struct conf *b)
{
	for (size_t i = 0; i < a->n_device_groups; i++) {
		const struct conf_device_group *other =
			conf_device_group_find(b, a->device_groups[i].name);

		if (!other || !conf_device_group_equal(&a->device_groups[i], other))
			return false;
	}
	return a->n_device_groups == b->n_device_groups;
}

bool conf_equal(const struct conf *a, const struct conf *b)
{
	return conf_values_equal(CONF_TOP, a, b) && conf_daemon_equal(&a->daemon, &b->daemon) &&
	       conf_driver_equal(&a->driver, &b->driver) && devices_equal(a, b) &&
	       targets_equal(a->targets, a->n_targets, b->targets, b->n_targets) &&
	       targets_equal(a->others, a->n_others, b->others, b->n_others) &&
	       device_groups_equal(a, b);
}
