/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ib_portal.h"
#include "base/bytes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define PKEY_PARTITION 0x7fff

STATIC_ASSERT(sizeof(struct ib_portal) <= sizeof(struct sockaddr_storage));
STATIC_ASSERT(offsetof(struct ib_portal, family) == offsetof(struct sockaddr, sa_family));

uint64_t ib_portal_service_id(const struct ib_portal *p)
{
	return IB_SERVICE_ID_BASE | p->port;
}

bool ib_pkey_same(uint16_t a, uint16_t b)
{
	return (a & PKEY_PARTITION) && !((a ^ b) & PKEY_PARTITION);
}

bool ib_gid_is_any(const uint8_t gid[16])
{
	static const uint8_t any[16];

	return !memcmp(gid, any, sizeof(any));
}

bool ib_portal_takes(const struct ib_portal *p, const struct ib_arrival *a)
{
	return p->port == a->port && ib_pkey_same(p->pkey ? p->pkey : a->pkey0, a->pkey) &&
	       (ib_gid_is_any(p->gid) || !memcmp(p->gid, a->gid, sizeof(p->gid))) &&
	       (!p->device[0] || !strcmp(p->device, a->device)) &&
	       (!p->port_num || p->port_num == a->port_num);
}

const char *ib_gid_text(const uint8_t gid[16], char buf[IB_GID_TEXT_MAX])
{
	for (unsigned i = 0; i < 8; i++)
		snprintf(buf + 5 * i, IB_GID_TEXT_MAX - 5 * i, "%02x%02x%s", gid[2 * i],
			 gid[2 * i + 1], i < 7 ? ":" : "");
	return buf;
}

static void where_text(const struct ib_portal *p, char *buf, size_t size)
{
	char gid[INET6_ADDRSTRLEN] = "";
	bool brackets = p->port;

	if (!ib_gid_is_any(p->gid)) {
		inet_ntop(AF_INET6, p->gid, gid, sizeof(gid));
		snprintf(buf, size, "%s%s%s", brackets ? "[" : "", gid, brackets ? "]" : "");
	} else if (p->port_num) {
		snprintf(buf, size, "%s/%u", p->device, p->port_num);
	} else {
		snprintf(buf, size, "%s", p->device[0] ? p->device : "*");
	}
}

const char *ib_portal_text(const struct ib_portal *p, char buf[IB_PORTAL_TEXT_MAX])
{
	char where[IB_DEVICE_TEXT_MAX + 8], port[8] = "", pkey[12] = "";

	where_text(p, where, sizeof(where));
	if (p->port)
		snprintf(port, sizeof(port), ":%u", p->port);
	if (p->pkey)
		snprintf(pkey, sizeof(pkey), ",pkey=%04x", p->pkey);
	snprintf(buf, IB_PORTAL_TEXT_MAX, "ib:%s%s%s", where, port, pkey);
	return buf;
}
