/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Portals of native InfiniBand: "ib:WHERE", "ib:WHERE:SERVICE", each with ",pkey=PKEY" behind it
 * or not. WHERE: *, DEVICE, DEVICE/PORT, GID or, before a SERVICE, [GID].
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

#define HEX "0123456789abcdefABCDEF"
#define PKEY_PARTITION 0x7fff

/* Up to @max hex digits, with 0x or not, and nothing else. */
static bool hex_parse(const char *text, size_t max, uint64_t *value)
{
	size_t len;

	if (!strncmp(text, "0x", 2))
		text += 2;
	len = strspn(text, HEX);
	if (!len || len > max || text[len])
		return false;
	*value = strtoull(text, NULL, 16);
	return true;
}

/* Cuts ",pkey=" off. */
static bool pkey_parse(char *text, struct conf_portal *p, const char **why)
{
	char *comma = strchr(text, ',');
	uint64_t pkey;

	if (!comma)
		return true;
	*comma++ = '\0';
	*why = "allowed behind a comma is pkey= and up to four hexadecimal digits, not 0 or 8000";
	if (strncmp(comma, "pkey=", 5) || !hex_parse(comma + 5, 4, &pkey) ||
	    !(pkey & PKEY_PARTITION))
		return false;
	p->pkey = (uint16_t)pkey;
	return true;
}

/* A service id in full has 0x in front, or 16 digits. */
static bool service_parse(const char *text, uint16_t *port, const char **why)
{
	uint64_t sid;

	if (strncmp(text, "0x", 2) && strlen(text) != 16) {
		*why = "allowed are ports 1..65535, or a service id with 0x";
		return conf_port_parse(text, port);
	}
	*why = "the RDMA connection manager serves service ids 0x00000000013f0001 to "
	       "0x00000000013fffff only: take one of these, or a port 1..65535 for its last 16 "
	       "bits, and tell initiators (srptctl login-info)";
	if (!hex_parse(text, 16, &sid) || sid >> 16 != IB_SERVICE_ID_BASE >> 16)
		return false;
	*port = (uint16_t)sid;
	return *port != 0;
}

static bool device_parse(char *text, struct conf_portal *p, const char **why)
{
	char *slash = strchr(text, '/');
	uint16_t port;

	if (slash) {
		*slash++ = '\0';
		*why = "allowed behind the name of a device are its ports, 1..255";
		if (!conf_port_parse(slash, &port) || port > UINT8_MAX)
			return false;
		p->port_num = (uint8_t)port;
	}
	*why = "allowed behind ib: are *, DEVICE, DEVICE/PORT and the GID of a port, then :PORT";
	if (!conf_name_valid(text, sizeof(p->device) - 1, true) || strpbrk(text, "*[]:,"))
		return false;
	memcpy(p->device, text, strlen(text) + 1);
	return true;
}

static bool where_parse(char *text, struct conf_portal *p, const char **why)
{
	static const uint8_t any[sizeof(p->addr)];

	if (!strcmp(text, "*"))
		return true;
	if (!strchr(text, ':'))
		return device_parse(text, p, why);
	*why = "this is not the GID of a port; before a port it needs brackets";
	return inet_pton(AF_INET6, text, p->addr) == 1 && memcmp(p->addr, any, sizeof(any));
}

bool conf_portal_ib_parse(char *text, struct conf_portal *p, const char **why)
{
	char *service;

	p->family = AF_IB;
	if (!pkey_parse(text, p, why))
		return false;
	service = conf_port_split(&text);
	return (!service || service_parse(service, &p->port, why)) && where_parse(text, p, why);
}

bool conf_portal_ib(const struct conf_portal *p, uint16_t default_port, struct ib_portal *out)
{
	*out = (struct ib_portal){ .family = AF_IB, .port = p->port ? p->port : default_port,
				   .pkey = p->pkey, .port_num = p->port_num };
	memcpy(out->gid, p->addr, sizeof(out->gid));
	memcpy(out->device, p->device, sizeof(out->device));
	return p->family == AF_IB && out->port;
}

size_t conf_target_ib_portals(const struct conf_target *target, uint16_t default_port,
			      struct ib_portal *out)
{
	size_t n = 0;

	for (size_t i = 0; i < target->n_portals; i++)
		if (conf_portal_ib(&target->portals[i], default_port, &out[n]))
			n++;
	return n;
}
