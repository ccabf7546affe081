/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports of this host: which there are, what they are like, the agent's registration there. */
#include "dm/dm_priv.h"
#include "base/bytes.h"

#include <endian.h>
#include <errno.h>
#include <infiniband/umad.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAP_IS_DM (1u << 19) /* PortInfo.CapabilityMask: IBTA volume 1, 14.2.5.6 */

/* ---- open and closed ---- */

static void error_set(struct dm_agent *a, struct agent_port *p, bool answering, const char *why)
{
	pthread_mutex_lock(&a->lock);
	p->info.answering = answering;
	snprintf(p->info.error, sizeof(p->info.error), "%s", why);
	pthread_mutex_unlock(&a->lock);
}

/* The same reason is logged once. */
static void port_refuse(struct dm_agent *a, struct agent_port *p, const char *why)
{
	if (strcmp(p->info.error, why))
		log_warn("%s/%u: srp_daemon gets no answer: %s", p->info.port.device,
			 p->info.port.num, why);
	error_set(a, p, false, why);
}

void dm_port_close(struct dm_agent *a, struct agent_port *p, const char *why)
{
	if (p->fd < 0)
		return;
	umad_unregister(p->fd, p->id);
	umad_close_port(p->fd);
	p->fd = -1;
	if (why)
		port_refuse(a, p, why);
	else
		error_set(a, p, false, "");
}

/* All methods that have an answer, so that the wrong ones get it too. */
static int class_register(int fd)
{
	static const uint8_t methods[] = { DM_GET, DM_SET, DM_GET_TABLE, DM_GET_TRACE_TABLE,
					   DM_GET_MULTI, DM_DELETE };
	long mask[16 / sizeof(long)] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		mask[methods[i] / (8 * sizeof(long))] |= 1l << methods[i] % (8 * sizeof(long));
	return umad_register(fd, DM_CLASS, DM_CLASS_VERSION, 0, mask);
}

/* libibumad has one error number for all that can be wrong with opening. */
static void port_open(struct dm_agent *a, struct agent_port *p)
{
	char why[DM_ERROR_MAX];

	errno = 0;
	p->fd = umad_open_port(p->info.port.device, p->info.port.num);
	if (p->fd < 0) {
		p->fd = -1;
		snprintf(why, sizeof(why), "its umad device cannot be opened: %s",
			 errno == EACCES || errno == EPERM ? "no permission" :
			 "is the module ib_umad loaded?");
		port_refuse(a, p, why);
		return;
	}
	p->id = class_register(p->fd);
	if (p->id >= 0) {
		log_info("%s/%u: answering srp_daemon", p->info.port.device, p->info.port.num);
		error_set(a, p, true, "");
		return;
	}
	umad_close_port(p->fd);
	p->fd = -1;
	port_refuse(a, p, "device management of this port is taken, by ib_srpt or another program");
}

/* ---- what srp_daemon does not see ---- */

struct first_login {
	char text[DM_LOGIN_MAX];
	const struct dm_port *port;
	unsigned n;
};

static void login_seen(void *arg, const struct dm_target *target, const struct ib_portal *portal,
		       uint16_t pkey)
{
	struct first_login *f = arg;

	if (!f->n++)
		dm_login_text(target, portal, f->port, pkey, f->text);
}

/*
 * Whether it has anything to tell; and once in the log, that nobody will come and ask it. That is
 * said of a port that answers: what it lacks else comes first.
 */
static bool port_wanted(struct dm_agent *a, struct agent_port *p)
{
	struct first_login f = { .port = &p->info.port };
	bool is_dm = p->info.is_dm;

	pthread_mutex_lock(&a->lock);
	dm_port_for_each_login(a->table, &p->info.port, login_seen, &f);
	p->info.wanted = f.n && p->info.present;
	pthread_mutex_unlock(&a->lock);
	if (is_dm || !p->info.wanted || !p->info.answering) {
		p->told = false;
	} else if (!p->told) {
		p->told = true;
		log_warn("%s/%u: srp_daemon will not see this port: it lacks "
			 "IsDeviceManagementSupported, which the kernel module srpt_isdm sets; "
			 "without it write to add_target: %s%s", p->info.port.device,
			 p->info.port.num, f.text, f.n > 1 ? " (more: srptctl status)" : "");
	}
	return p->info.wanted;
}

/* ---- looking ---- */

/* NULL: there are too many. */
static struct agent_port *port_find(struct dm_agent *a, const char *device, int num)
{
	struct agent_port *p;

	for (unsigned i = 0; i < a->n_ports; i++) {
		p = &a->ports[i];
		if (!strcmp(p->info.port.device, device) && p->info.port.num == num)
			return p;
	}
	if (a->n_ports == DM_AGENT_PORTS_MAX)
		return NULL;
	p = &a->ports[a->n_ports];
	*p = (struct agent_port){ .fd = -1, .info.port.num = (uint8_t)num };
	snprintf(p->info.port.device, sizeof(p->info.port.device), "%.*s",
		 UMAD_CA_NAME_LEN - 1, device);
	pthread_mutex_lock(&a->lock);
	a->n_ports++;
	pthread_mutex_unlock(&a->lock);
	return p;
}

static void port_describe(const umad_port_t *u, uint64_t node_guid, struct dm_port_info *info)
{
	info->port.vendor = (uint32_t)(node_guid >> 40);
	memcpy(info->port.gid, &u->gid_prefix, 8);
	memcpy(info->port.gid + 8, &u->port_guid, 8);
	info->port.n_pkeys = 0;
	for (unsigned i = 0; i < u->pkeys_size && i < DM_PKEYS_MAX; i++)
		info->port.pkeys[info->port.n_pkeys++] = u->pkeys[i];
	info->lid = u->base_lid;
	info->state = u->state;
	info->is_dm = be32toh(u->capmask) & CAP_IS_DM;
	info->present = true;
}

static bool identity_differs(const struct dm_port *a, const struct dm_port *b)
{
	return a->n_pkeys != b->n_pkeys || memcmp(a->gid, b->gid, sizeof(a->gid)) ||
	       memcmp(a->pkeys, b->pkeys, a->n_pkeys * sizeof(a->pkeys[0]));
}

static void port_tell(const struct dm_port_info *info)
{
	char gid[IB_GID_TEXT_MAX];

	log_info("%s/%u: %s, LID %u, GID %s", info->port.device, info->port.num,
		 dm_port_state_name(info->state), info->lid, ib_gid_text(info->port.gid, gid));
}

static void port_update(struct dm_agent *a, const umad_port_t *u, const char *device,
			uint64_t node_guid)
{
	struct agent_port *p = port_find(a, device, u->portnum);
	struct dm_port_info next;
	bool changed;

	if (!p)
		return;
	next = p->info;
	port_describe(u, node_guid, &next);
	changed = identity_differs(&next.port, &p->info.port);
	next.port.changes += changed && p->info.port.n_pkeys;
	changed |= next.lid != p->info.lid || next.state != p->info.state || !p->info.present;
	pthread_mutex_lock(&a->lock);
	p->info = next;
	pthread_mutex_unlock(&a->lock);
	p->seen = true;
	if (changed)
		port_tell(&next);
}

static bool is_infiniband(const umad_port_t *u)
{
	return !strcmp(u->link_layer, "InfiniBand") || !strcmp(u->link_layer, "IB");
}

static void device_look(struct dm_agent *a, const char *device)
{
	umad_ca_t ca;

	if (umad_get_ca(device, &ca) < 0)
		return; /* it went meanwhile */
	for (int i = 0; i < UMAD_CA_MAX_PORTS; i++)
		if (ca.ports[i] && is_infiniband(ca.ports[i]))
			port_update(a, ca.ports[i], device, be64toh(ca.node_guid));
	umad_release_ca(&ca);
}

static void port_gone(struct dm_agent *a, struct agent_port *p)
{
	if (p->info.present)
		log_warn("%s/%u: the device is gone", p->info.port.device, p->info.port.num);
	dm_port_close(a, p, NULL);
	pthread_mutex_lock(&a->lock);
	p->info.present = false;
	p->info.wanted = false;
	p->info.error[0] = '\0';
	pthread_mutex_unlock(&a->lock);
}

static void port_follow(struct dm_agent *a, struct agent_port *p)
{
	if (!p->seen) {
		port_gone(a, p);
		return;
	}
	if (!port_wanted(a, p))
		dm_port_close(a, p, NULL);
	else if (p->fd < 0)
		port_open(a, p);
}

void dm_ports_look(struct dm_agent *a)
{
	char devices[UMAD_MAX_DEVICES][UMAD_CA_NAME_LEN];
	int n = umad_get_cas_names(devices, UMAD_MAX_DEVICES);

	for (unsigned i = 0; i < a->n_ports; i++)
		a->ports[i].seen = false;
	for (int i = 0; i < n; i++)
		device_look(a, devices[i]);
	for (unsigned i = 0; i < a->n_ports; i++)
		port_follow(a, &a->ports[i]);
}

void dm_ports_close(struct dm_agent *a)
{
	for (unsigned i = 0; i < a->n_ports; i++)
		dm_port_close(a, &a->ports[i], NULL);
}
