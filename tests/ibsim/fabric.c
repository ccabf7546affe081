/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into ibsim, for what it does not simulate:
 *
 * - IsDeviceManagementSupported. A client that holds issm open gets the requests to its port, but
 *   the port also becomes one with an SM. At a node whose name begins with "Target" the bit of
 *   device management is set instead, with the same trap 144.
 * - The end of a link. Disabled, a port is down; set to Polling, it trains and is up again; both
 *   are told by PortStateChange, until the SM clears it.
 *
 * ibsim has one thread.
 */
#include "tests/ibsim/sim.h"

#include <dlfcn.h>
#include <infiniband/mad.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASKERS 64
#define WAY_MAX 16
#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

/* ---- capability mask ---- */

static char nodes[SIM_CLIENTS][sizeof(((struct sim_client_info *)0)->node)];
static bool is_dm; /* the next capability mask read and written is for device management */

static bool is_ctl(const void *buf, ssize_t len, uint32_t type)
{
	const struct sim_ctl *c = buf;

	return len == sizeof(*c) && c->magic == SIM_MAGIC && c->type == type;
}

ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *size)
{
	ssize_t n = NEXT(recvfrom)(fd, buf, len, flags, from, size);
	const struct sim_ctl *c = buf;

	is_dm = is_ctl(buf, n, SIM_CTL_SET_ISSM) && c->clientid < SIM_CLIENTS &&
		!strncmp(nodes[c->clientid], "Target", 6);
	return n;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t size)
{
	struct sim_client_info info;

	if (is_ctl(buf, (ssize_t)len, SIM_CTL_CONNECT)) {
		memcpy(&info, ((const struct sim_ctl *)buf)->data, sizeof(info));
		if (info.id < SIM_CLIENTS)
			memcpy(nodes[info.id], info.node, sizeof(info.node) - 1);
	}
	return NEXT(sendto)(fd, buf, len, flags, to, size);
}

/* ---- PortStateChange of the switches ---- */

static unsigned changes; /* of all links */

/* What was told by each way that SwitchInfo is asked for: an SM has one to each switch. */
static struct asker {
	uint8_t way[WAY_MAX]; /* LID, hops and ports */
	unsigned shown, cleared; /* numbers of changes: told last, that was cleared */
} askers[ASKERS];

static struct asker *asker; /* of the MAD being served, or NULL */
static bool is_clearing;    /* that MAD is a Set that clears it; its answer tells nothing new */

/* The one of this MAD; the first one when there are too many. */
static struct asker *asker_find(const struct sim_mad *m)
{
	uint8_t way[WAY_MAX] = { 0 };
	static size_t n;
	size_t i;

	memcpy(way, &m->dlid, sizeof(m->dlid));
	if (m->mad[MAD_CLASS] == MAD_CLASS_SMP_DIRECT) {
		way[sizeof(m->dlid)] = m->mad[MAD_HOPS];
		memcpy(way + sizeof(m->dlid) + 1, m->mad + MAD_ROUTE,
		       WAY_MAX - sizeof(m->dlid) - 1);
	}
	for (i = 0; i < n && memcmp(askers[i].way, way, WAY_MAX); i++)
		;
	if (i == ASKERS)
		return askers;
	if (i == n)
		memcpy(askers[n++].way, way, WAY_MAX);
	return &askers[i];
}

uint32_t mad_get_field(void *buf, int base, enum MAD_FIELDS field)
{
	uint32_t value = NEXT(mad_get_field)(buf, base, field);

	if (is_dm && field == IB_PORT_CAPMASK_F)
		value = (value & ~(uint32_t)CAP_IS_SM) | (value & CAP_IS_DM ? CAP_IS_SM : 0);
	if (field == IB_SW_STATE_CHANGE_F && value && asker) {
		asker->cleared = asker->shown; /* a Set of the SM */
		is_clearing = true;
	}
	return value;
}

void mad_set_field(void *buf, int base, enum MAD_FIELDS field, uint32_t value)
{
	if (is_dm && field == IB_PORT_CAPMASK_F) {
		value = value & CAP_IS_SM ? value | CAP_IS_DM : value & ~(uint32_t)CAP_IS_DM;
		value &= ~(uint32_t)CAP_IS_SM;
		is_dm = false;
	}
	if (field == IB_SW_STATE_CHANGE_F && asker && changes != asker->cleared) {
		value = 1;
		/* What is told with the answer to a Set the SM does not look at. */
		if (!is_clearing)
			asker->shown = changes;
	}
	NEXT(mad_set_field)(buf, base, field, value);
}

/* ---- links ---- */

/* It is a MAD of subnet management with this attribute. */
static bool is_smp(const struct sim_mad *m, ssize_t len, uint8_t attribute)
{
	const uint8_t *mad = m->mad;

	return len == sizeof(*m) && !mad[MAD_ATTRIBUTE] && mad[MAD_ATTRIBUTE + 1] == attribute &&
	       (mad[MAD_CLASS] == MAD_CLASS_SMP || mad[MAD_CLASS] == MAD_CLASS_SMP_DIRECT);
}

/* The PortInfo in a MAD with this method; NULL: there is none. */
static uint8_t *port_info(struct sim_mad *m, ssize_t len, uint8_t method)
{
	return is_smp(m, len, MAD_PORT_INFO) && m->mad[MAD_METHOD] == method ?
		       m->mad + MAD_SMP_DATA :
		       NULL;
}

static void set_down(uint8_t *info)
{
	info[PORT_STATE] = (uint8_t)((info[PORT_STATE] & 0xf0) | STATE_DOWN);
}

ssize_t read(int fd, void *buf, size_t len)
{
	ssize_t n = NEXT(read)(fd, buf, len);
	uint8_t *info = port_info(buf, n, MAD_SET);
	unsigned physical = info ? info[PORT_PHYSICAL] >> 4 : 0;

	asker = is_smp(buf, n, MAD_SWITCH_INFO) ? asker_find(buf) : NULL;
	is_clearing = false;
	if (physical == PHYSICAL_POLLING) {
		info[PORT_PHYSICAL] &= 0xf;
		info[PORT_PHYSICAL] |= PHYSICAL_LINK_UP << 4;
		set_down(info); /* from which ibsim brings it to Initialize */
	}
	if (physical == PHYSICAL_POLLING || physical == PHYSICAL_DISABLED)
		changes++;
	return n;
}

ssize_t write(int fd, const void *buf, size_t len)
{
	struct sim_mad m;
	uint8_t *info;

	if (len != sizeof(m))
		return NEXT(write)(fd, buf, len);
	memcpy(&m, buf, sizeof(m));
	info = port_info(&m, sizeof(m), MAD_GET_RESP);
	if (info && info[PORT_PHYSICAL] >> 4 == PHYSICAL_DISABLED)
		set_down(info);
	return NEXT(write)(fd, &m, len);
}
