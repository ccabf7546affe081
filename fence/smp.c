/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/smp.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>

/* Offsets in a MAD. */
enum { METHOD = 3, STATUS = 4, HOPS = 7, ID = 12, ATTRIBUTE = 16, MODIFIER = 20, M_KEY = 24,
       SLID = 32, DLID = 34, DATA = 64, ROUTE = 128 };
/* In NodeInfo. */
enum { TYPE = 2, N_PORTS = 3, NODE_GUID = 12, PORT_GUID = 20, LOCAL_PORT = 36 };
/* In PortInfo. */
enum { LID = 16, SM_LID = 18, WIDTH_ENABLED = 29, LOGICAL = 32, PHYSICAL = 33, SPEED = 35,
       SPEED_EXT = 63 };

#define PERMISSIVE_LID 0xffff
#define STATUS_BITS 0x7fff /* the other one is the direction */
#define SOME_LID 0x1234

void smp_encode(const struct smp *s, uint8_t mad[SMP_SIZE])
{
	memset(mad, 0, SMP_SIZE);
	mad[0] = 1; /* versions */
	mad[1] = SMP_CLASS;
	mad[2] = 1;
	mad[METHOD] = (uint8_t)s->method;
	mad[HOPS] = s->route.hops;
	put_be32(mad + ID, s->id);
	put_be16(mad + ATTRIBUTE, (uint16_t)s->attribute);
	put_be32(mad + MODIFIER, s->modifier);
	put_be64(mad + M_KEY, s->m_key);
	put_be16(mad + SLID, PERMISSIVE_LID);
	put_be16(mad + DLID, PERMISSIVE_LID);
	memcpy(mad + DATA, s->data, SMP_DATA);
	memcpy(mad + ROUTE + 1, s->route.port + 1, s->route.hops);
}

bool smp_is_about(const struct smp *s, const uint8_t *mad, size_t len)
{
	/* The other half of the number is the kernel's. */
	return len >= ATTRIBUTE && get_be32(mad + ID) == s->id;
}

int smp_decode(struct smp *s, const uint8_t *mad, size_t len)
{
	if (len < DATA + SMP_DATA || !smp_is_about(s, mad, len) || mad[1] != SMP_CLASS ||
	    mad[METHOD] != SMP_GET_RESP || get_be16(mad + ATTRIBUTE) != s->attribute ||
	    get_be32(mad + MODIFIER) != s->modifier)
		return -EAGAIN;
	if (get_be16(mad + STATUS) & STATUS_BITS)
		return -EIO;
	memcpy(s->data, mad + DATA, SMP_DATA);
	return 0;
}

bool smp_route_add(struct smp_route *route, uint8_t port)
{
	if (route->hops >= SMP_HOPS_MAX)
		return false;
	route->port[++route->hops] = port;
	return true;
}

bool node_info_decode(struct node_info *n, const uint8_t data[SMP_DATA])
{
	if (data[TYPE] < NODE_CA || data[TYPE] > NODE_ROUTER)
		return false;
	n->type = (enum node_type)data[TYPE];
	n->n_ports = data[N_PORTS];
	n->port = data[LOCAL_PORT];
	n->node_guid = get_be64(data + NODE_GUID);
	n->port_guid = get_be64(data + PORT_GUID);
	return n->node_guid && n->port_guid && n->n_ports && n->n_ports <= SMP_PORTS_MAX &&
	       n->port <= n->n_ports && (n->port || n->type == NODE_SWITCH);
}

static unsigned logical(const uint8_t *data)
{
	return data[LOGICAL] & 0xf;
}

static unsigned physical(const uint8_t *data)
{
	return data[PHYSICAL] >> 4;
}

bool port_info_is_down(const uint8_t data[SMP_DATA])
{
	return physical(data) == PHYSICAL_DISABLED ||
	       (logical(data) == PORT_DOWN && physical(data) && physical(data) != PHYSICAL_UP &&
		physical(data) != PHYSICAL_RECOVERY);
}

bool port_info_is_off(const uint8_t data[SMP_DATA])
{
	return physical(data) == PHYSICAL_DISABLED && logical(data) == PORT_DOWN;
}

bool port_info_is_disabled(const uint8_t data[SMP_DATA])
{
	return physical(data) == PHYSICAL_DISABLED;
}

/* Only port 0 of a switch has LIDs, but there are switches that refuse a bad one for any. */
static void lid_mend(uint8_t *lid)
{
	if (!get_be16(lid) || get_be16(lid) == PERMISSIVE_LID)
		put_be16(lid, SOME_LID);
}

void port_info_to_set(uint8_t data[SMP_DATA], enum port_physical state)
{
	lid_mend(data + LID);
	lid_mend(data + SM_LID);
	/* 0 is "no change", what was read need not be legal to write. */
	data[WIDTH_ENABLED] = 0;
	data[LOGICAL] &= 0xf0;
	data[PHYSICAL] = (uint8_t)(state << 4);
	data[SPEED] &= 0xf0;
	data[SPEED_EXT] &= 0xe0;
}
