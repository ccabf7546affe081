/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/login_info.h"
#include "base/bytes.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_PKEY 0xffff /* at index 0 of every port that nobody has set up (IBTA 10.9.1.2) */

int login_addrs_get(const char *sysfs, struct login_addrs *addrs)
{
	int rc;

	*addrs = (struct login_addrs){ .rdma = { NULL, 0 } };
	rc = rdma_addrs_get(sysfs, &addrs->rdma);
	if (!rc)
		rc = host_addrs_get(&addrs->host);
	if (!rc)
		rc = ib_ports_get(sysfs, &addrs->ib);
	if (rc)
		login_addrs_free(addrs);
	return rc;
}

void login_addrs_free(struct login_addrs *addrs)
{
	rdma_addrs_free(&addrs->rdma);
	rdma_addrs_free(&addrs->host);
	ib_ports_free(&addrs->ib);
}

static const struct column columns[] = {
	{ "target", NULL, COLUMN_TEXT },
	{ "enabled", NULL, COLUMN_BOOL },
	{ "awaited", NULL, COLUMN_BOOL },
	{ "transport", NULL, COLUMN_TEXT },
	{ "id_ext", NULL, COLUMN_TEXT },
	{ "ioc_guid", NULL, COLUMN_TEXT },
	{ "dest", NULL, COLUMN_TEXT },
	{ "login", "", COLUMN_TEXT },
};

struct login_list {
	struct report *r;
	const struct login_addrs *addrs;
	/* of the target at hand */
	const struct conf_target *target;
	uint64_t id_ext, ioc_guid;
	bool iwarp;        /* of the portal at hand */
	bool remote_iwarp; /* a row was for initiators on other hosts */
};

static bool is_loopback(const struct conf_portal *p)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return p->family == AF_INET ? p->addr[0] == 127 : !memcmp(p->addr, v6, sizeof(v6));
}

/* A target that floats is reached at an address that comes and goes. */
static bool is_awaited(const struct login_list *l, const struct conf_portal *p)
{
	const struct rdma_addrs *here = &l->addrs->host;

	if (!l->target->floating || !p || is_loopback(p))
		return false;
	for (size_t i = 0; i < here->count; i++)
		if (here->list[i].family == p->family &&
		    !memcmp(here->list[i].addr, p->addr, sizeof(p->addr)))
			return false;
	return true;
}

/* All but the last column. @p: NULL for native InfiniBand. */
static void row_begin(struct login_list *l, const struct conf_portal *p, const char *transport,
		      const char *dest)
{
	struct report *r = l->r;

	report_text(r, l->target->name);
	report_bool(r, l->target->enabled);
	report_bool(r, is_awaited(l, p));
	report_text(r, transport);
	report_printf(r, "%016" PRIx64, l->id_ext);
	report_printf(r, "%016" PRIx64, l->ioc_guid);
	report_text(r, dest);
}

static void row_add(struct login_list *l, const struct conf_portal *p)
{
	struct report *r = l->r;
	char dest[IB_PORTAL_TEXT_MAX];

	conf_portal_format(p, 0, dest, sizeof(dest));
	row_begin(l, p, l->iwarp ? "iWARP" : "RDMA", dest);
	report_printf(r, "id_ext=%016" PRIx64 ",ioc_guid=%016" PRIx64 ",dest=%s", l->id_ext,
		      l->ioc_guid, dest);
	l->remote_iwarp |= l->iwarp && !is_loopback(p);
}

/* As srp_daemon finds it. */
static void ib_row(struct login_list *l, const struct ib_portal *p)
{
	char dest[IB_PORTAL_TEXT_MAX];

	row_begin(l, NULL, "IB", ib_portal_text(p, dest));
	report_printf(l->r, "id_ext=%016" PRIx64 ",ioc_guid=%016" PRIx64 ",dgid=%016" PRIx64
		      "%016" PRIx64 ",pkey=%04x,service_id=%016" PRIx64, l->id_ext, l->ioc_guid,
		      get_be64(p->gid), get_be64(p->gid + 8), p->pkey, ib_portal_service_id(p));
}

/* Where @portal is on the port @at, in the partition of index 0 unless it names another. */
static bool ib_portal_at(const struct ib_portal *portal, const struct ib_arrival *at,
			 struct ib_portal *found)
{
	struct ib_arrival request = *at;

	request.port = portal->port;
	request.pkey = portal->pkey ? portal->pkey : at->pkey0;
	*found = (struct ib_portal){ .family = AF_IB, .port = portal->port, .pkey = request.pkey };
	memcpy(found->gid, at->gid, sizeof(found->gid));
	return ib_portal_takes(portal, &request);
}

static void ib_rows(struct login_list *l, uint16_t default_port)
{
	struct ib_portal portals[CONF_PORTALS_MAX], at;
	size_t n = conf_target_ib_portals(l->target, default_port, portals);

	for (size_t i = 0; i < n; i++) {
		bool any = ib_gid_is_any(portals[i].gid), here = false;

		for (size_t k = 0; k < l->addrs->ib.count; k++) {
			if (!ib_portal_at(&portals[i], &l->addrs->ib.list[k], &at))
				continue;
			ib_row(l, &at);
			here = true;
		}
		if (any || here)
			continue;
		if (!portals[i].pkey)
			portals[i].pkey = DEFAULT_PKEY;
		ib_row(l, &portals[i]);
	}
}

static void portal_rows(struct login_list *l, const struct conf_portal *p, uint16_t default_port)
{
	const struct rdma_addrs *addrs = l->iwarp ? &l->addrs->host : &l->addrs->rdma;
	struct conf_portal at = *p;

	at.port = p->port ? p->port : default_port;
	if (!at.port || p->family == AF_IB)
		return;
	if (!conf_portal_is_any(p)) {
		row_add(l, &at);
		return;
	}
	for (size_t i = 0; i < addrs->count; i++) {
		if (addrs->list[i].family != p->family)
			continue;
		memcpy(at.addr, addrs->list[i].addr, sizeof(at.addr));
		row_add(l, &at);
	}
}

static void rdma_rows(struct login_list *l, uint16_t default_port)
{
	static const struct conf_portal any[] = {
		{ .family = AF_INET }, { .family = AF_INET6 },
	};
	const struct conf_target *t = l->target;

	l->iwarp = false;
	for (size_t i = 0; i < t->n_portals; i++)
		portal_rows(l, &t->portals[i], default_port);
	for (size_t i = 0; i < 2 && !t->n_portals; i++)
		portal_rows(l, &any[i], default_port);
}

static void iwarp_rows(struct login_list *l, const struct conf_driver *driver)
{
	struct conf_portal at[2];

	l->iwarp = true;
	for (size_t i = 0; i < driver->n_iwarp_ports; i++) {
		size_t n = conf_iwarp_port_expand(&driver->iwarp_ports[i], at);

		for (size_t k = 0; k < n; k++)
			portal_rows(l, &at[k], 0);
	}
}

static bool has_port(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_targets; i++)
		for (size_t p = 0; p < conf->targets[i].n_portals; p++)
			if (conf->targets[i].portals[p].port)
				return true;
	return false;
}

static bool has_ib(const struct conf *conf)
{
	struct ib_portal portals[CONF_PORTALS_MAX];

	for (size_t i = 0; i < conf->n_targets; i++)
		if (conf_target_ib_portals(&conf->targets[i], conf->driver.rdma_cm_port, portals))
			return true;
	return false;
}

static const char *why_empty(const struct conf *conf, const struct login_addrs *addrs)
{
	if (!conf->n_targets)
		return "there is no target";
	if (conf->driver.n_iwarp_ports)
		return "no address of this host fits iwarp_port";
	if (!conf->driver.rdma_cm_port && !has_port(conf))
		return "no target has an address and port: set rdma_cm_port, iwarp_port or "
		       "portals with a port";
	if (has_ib(conf) && !addrs->ib.count)
		return "no port of this host is native InfiniBand, and no other address fits";
	return addrs->rdma.count ? "no address of this host fits a portal" :
				   "no address of this host belongs to an RDMA device";
}

void login_info_report(struct report *r, const struct conf *conf, uint64_t ioc_guid,
		       const struct login_addrs *addrs, struct text *notes)
{
	struct login_list l = { .r = r, .addrs = addrs };

	REPORT_BEGIN(r, "logins", REPORT_TABLE, columns);
	if (conf->driver.ioc_guid)
		ioc_guid = conf->driver.ioc_guid;
	for (size_t i = 0; i < conf->n_targets; i++) {
		l.target = &conf->targets[i];
		l.ioc_guid = l.target->ioc_guid ? l.target->ioc_guid : ioc_guid;
		l.id_ext = conf_target_id_ext(l.target, l.ioc_guid);
		rdma_rows(&l, conf->driver.rdma_cm_port);
		ib_rows(&l, conf->driver.rdma_cm_port);
		iwarp_rows(&l, &conf->driver);
	}
	if (!report_rows(r))
		text_printf(notes, "%s\n", why_empty(conf, addrs));
	if (l.remote_iwarp)
		text_puts(notes, "over iWARP ib_srp names no initiator port: add "
			  ",initiator_ext= and 16 hex digits that are different for each host\n");
}
