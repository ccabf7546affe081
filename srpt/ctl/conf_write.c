/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration as text, in the one form conf_parse() reads back to an equal one. */
#include <errno.h>

#include "ctl/conf_priv.h"

static void indent(FILE *f, int level)
{
	for (int i = 0; i < level; i++)
		putc('\t', f);
}

static void write_keys(enum conf_block block, uint64_t given, const void *base, int level, FILE *f)
{
	size_t count;
	const struct conf_key *keys = conf_block_keys(block, &count);

	for (size_t i = 0; i < count; i++) {
		/* Of two names for one field the first is written. */
		if (!conf_key_given(given, &keys[i]) || conf_key_bit(&keys[i]) != 1ull << i)
			continue;
		indent(f, level);
		fprintf(f, "%s ", keys[i].name);
		conf_value_print(&keys[i], base, f);
		putc('\n', f);
	}
}

static void write_portals(const char *name, const struct conf_portal *list, size_t count, int level,
			  FILE *f)
{
	char buf[IB_PORTAL_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		indent(f, level);
		fprintf(f, "%s %s\n", name, conf_portal_format(&list[i], 0, buf, sizeof(buf)));
	}
}

static void write_map(const struct conf_lunmap *map, int level, FILE *f)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct conf_lun *lun = &map->luns[i];

		indent(f, level);
		fprintf(f, "LUN %u ", lun->number);
		conf_word_print(lun->device, f);
		if (lun->given) {
			fputs(" {\n", f);
			write_keys(CONF_LUN, lun->given, lun, level + 1, f);
			indent(f, level);
			putc('}', f);
		}
		putc('\n', f);
	}
}

static void write_group(const struct conf_group *group, FILE *f)
{
	fputs("\n\t\tGROUP ", f);
	conf_word_print(group->name, f);
	fputs(" {\n", f);
	write_map(&group->map, 3, f);
	for (size_t i = 0; i < group->n_initiators; i++) {
		fputs("\t\t\tINITIATOR ", f);
		conf_word_print(group->initiators[i].pattern, f);
		putc('\n', f);
	}
	fputs("\t\t}\n", f);
}

static void write_target(const struct conf_target *target, FILE *f)
{
	fputs("\tTARGET ", f);
	conf_word_print(target->name, f);
	fputs(" {\n", f);
	write_keys(CONF_TARGET, target->given, target, 2, f);
	write_portals("portal", target->portals, target->n_portals, 2, f);
	write_map(&target->map, 2, f);
	for (size_t i = 0; i < target->n_groups; i++)
		write_group(&target->groups[i], f);
	fputs("\t}\n", f);
}

static void write_device(const struct conf_device *dev, FILE *f)
{
	fputs("\tDEVICE ", f);
	conf_word_print(dev->name, f);
	if (dev->given) {
		fputs(" {\n", f);
		write_keys(CONF_DEVICE, dev->given, dev, 2, f);
		fputs("\t}", f);
	}
	putc('\n', f);
}

static void write_devices(const struct conf *conf, FILE *f)
{
	for (size_t i = 0; i < conf->n_devices; i++) {
		const struct conf_device *dev = &conf->devices[i];

		if (!i || dev[-1].handler != dev->handler)
			fprintf(f, "\nHANDLER %s {\n", conf_handler_name(dev->handler));
		write_device(dev, f);
		if (i + 1 == conf->n_devices || dev[1].handler != dev->handler)
			fputs("}\n", f);
	}
}

/* @blank: something stands before. */
static void write_targets(const struct conf_target *list, size_t count, bool blank, FILE *f)
{
	for (size_t i = 0; i < count; i++) {
		if (i || blank)
			putc('\n', f);
		write_target(&list[i], f);
	}
}

static void write_driver(const struct conf *conf, FILE *f)
{
	const struct conf_driver *driver = &conf->driver;

	fputs("\nTARGET_DRIVER ib_srpt {\n", f);
	write_keys(CONF_TARGET_DRIVER, driver->given, driver, 1, f);
	write_portals("iwarp_port", driver->iwarp_ports, driver->n_iwarp_ports, 1, f);
	write_targets(conf->targets, conf->n_targets, driver->given || driver->n_iwarp_ports, f);
	write_targets(conf->others, conf->n_others, true, f);
	fputs("}\n", f);
}

static void write_target_group(const struct conf_target_group *tg, FILE *f)
{
	fputs("\n\tTARGET_GROUP ", f);
	conf_word_print(tg->name, f);
	fputs(" {\n", f);
	write_keys(CONF_TARGET_GROUP, tg->given, tg, 2, f);
	for (size_t i = 0; i < tg->n_targets; i++) {
		const struct conf_group_target *t = &tg->targets[i];

		fputs("\t\tTARGET ", f);
		conf_word_print(t->name, f);
		if (t->given) {
			fputs(" {\n", f);
			write_keys(CONF_GROUP_TARGET, t->given, t, 3, f);
			fputs("\t\t}", f);
		}
		putc('\n', f);
	}
	fputs("\t}\n", f);
}

static void write_device_group(const struct conf_device_group *dg, FILE *f)
{
	fputs("\nDEVICE_GROUP ", f);
	conf_word_print(dg->name, f);
	fputs(" {\n", f);
	write_keys(CONF_DEVICE_GROUP, dg->given, dg, 1, f);
	for (size_t i = 0; i < dg->n_devices; i++) {
		fputs("\tDEVICE ", f);
		conf_word_print(dg->devices[i].name, f);
		putc('\n', f);
	}
	for (size_t i = 0; i < dg->n_groups; i++)
		write_target_group(&dg->groups[i], f);
	fputs("}\n", f);
}

int conf_write(const struct conf *conf, FILE *f)
{
	fputs("# Configuration of srptd, see srpt.conf(5).\n", f);
	write_keys(CONF_TOP, conf->given, conf, 0, f);
	if (conf->daemon.given) {
		fputs("\nDAEMON {\n", f);
		write_keys(CONF_DAEMON, conf->daemon.given, &conf->daemon, 1, f);
		fputs("}\n", f);
	}
	write_devices(conf, f);
	if (conf->driver.given || conf->driver.n_iwarp_ports || conf->n_targets ||
	    conf->n_others)
		write_driver(conf, f);
	for (size_t i = 0; i < conf->n_device_groups; i++)
		write_device_group(&conf->device_groups[i], f);
	return fflush(f) || ferror(f) ? -EIO : 0;
}
