/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/login_info.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
	{ "target", NULL, COLUMN_TEXT },
	{ "enabled", NULL, COLUMN_BOOL },
	{ "id_ext", NULL, COLUMN_TEXT },
	{ "ioc_guid", NULL, COLUMN_TEXT },
	{ "dest", NULL, COLUMN_TEXT },
	{ "login", "", COLUMN_TEXT },
};

struct identity {
	const struct conf_target *target;
	uint64_t id_ext, ioc_guid;
};

static void row_add(struct report *r, const struct identity *id, const struct conf_portal *p)
{
	char dest[96];

	conf_portal_format(p, 0, dest, sizeof(dest));
	report_text(r, id->target->name);
	report_bool(r, id->target->enabled);
	report_printf(r, "%016" PRIx64, id->id_ext);
	report_printf(r, "%016" PRIx64, id->ioc_guid);
	report_text(r, dest);
	report_printf(r, "id_ext=%016" PRIx64 ",ioc_guid=%016" PRIx64 ",dest=%s", id->id_ext,
		      id->ioc_guid, dest);
}

static void portal_rows(struct report *r, const struct identity *id, const struct conf_portal *p,
			uint16_t default_port, const struct rdma_addrs *addrs)
{
	static const uint8_t any[16];
	struct conf_portal at = *p;

	at.port = p->port ? p->port : default_port;
	if (!at.port)
		return;
	if (memcmp(p->addr, any, sizeof(any))) {
		row_add(r, id, &at);
		return;
	}
	for (size_t i = 0; i < addrs->count; i++) {
		if (addrs->list[i].family != p->family)
			continue;
		memcpy(at.addr, addrs->list[i].addr, sizeof(at.addr));
		row_add(r, id, &at);
	}
}

static void target_rows(struct report *r, const struct identity *id, uint16_t default_port,
			const struct rdma_addrs *addrs)
{
	static const struct conf_portal any[] = {
		{ .family = AF_INET }, { .family = AF_INET6 },
	};
	const struct conf_target *t = id->target;

	for (size_t i = 0; i < t->n_portals; i++)
		portal_rows(r, id, &t->portals[i], default_port, addrs);
	for (size_t i = 0; i < 2 && !t->n_portals; i++)
		portal_rows(r, id, &any[i], default_port, addrs);
}

size_t login_info_report(struct report *r, const struct conf *conf, uint64_t ioc_guid,
		       const struct rdma_addrs *addrs)
{
	REPORT_BEGIN(r, "logins", REPORT_TABLE, columns);
	if (conf->driver.ioc_guid)
		ioc_guid = conf->driver.ioc_guid;
	for (size_t i = 0; i < conf->n_targets; i++) {
		const struct conf_target *t = &conf->targets[i];
		struct identity id = { .target = t };

		id.ioc_guid = t->ioc_guid ? t->ioc_guid : ioc_guid;
		id.id_ext = conf_target_id_ext(t, id.ioc_guid);
		target_rows(r, &id, conf->driver.rdma_cm_port, addrs);
	}
	return report_rows(r);
}

static bool has_port(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_targets; i++)
		for (size_t p = 0; p < conf->targets[i].n_portals; p++)
			if (conf->targets[i].portals[p].port)
				return true;
	return false;
}

const char *login_info_why_empty(const struct conf *conf, const struct rdma_addrs *addrs)
{
	if (!conf->n_targets)
		return "there is no target";
	if (!conf->driver.rdma_cm_port && !has_port(conf))
		return "no target has an address and port: set rdma_cm_port or portals with a port";
	return addrs->count ? "no address of this host fits a portal" :
			      "no address of this host belongs to an RDMA device";
}
