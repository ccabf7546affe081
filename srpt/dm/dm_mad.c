/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/dm_mad.h"
#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the layout, by offsets: 13.4.2 and 16.3.1 ---- */

enum {
	MAD_BASE_VERSION = 0,
	MAD_CLASS = 1,
	MAD_CLASS_VERSION = 2,
	MAD_METHOD = 3,
	MAD_STATUS = 4,
	MAD_CLASS_SPECIFIC = 6,
	MAD_ATTRIBUTE = 16,
	MAD_RESERVED = 18,
	MAD_MODIFIER = 20,
	MAD_HEADER_END = 24,
	MAD_DATA = 64,
	DATA_SIZE = DM_MAD_SIZE - MAD_DATA,
};

/* ClassPortInfo, 13.4.8.1 */
enum {
	CPI_BASE_VERSION = 0,
	CPI_CLASS_VERSION = 1,
	CPI_RESPONSE_TIME = 4, /* low 5 bits of 4 bytes */
	RESPONSE_TIME = 20,    /* 4.096 µs * 2^20 = 4.3 s, as ib_srpt says */
};

/* IOUnitInfo, 16.3.3.3 */
enum {
	IOU_CHANGE_ID = 0,
	IOU_MAX_CONTROLLERS = 2,
	IOU_LIST = 4, /* 4 bits per slot, the first one high */
	IOU_LIST_SIZE = 128,
	SLOT_EMPTY = 0x0,
	SLOT_IOC = 0x1,
	SLOT_NONE = 0xf,
};

/* IOControllerProfile, 16.3.3.4 */
enum {
	IOC_GUID = 0,
	IOC_VENDOR = 8, /* 24 bits */
	IOC_CLASS = 28,
	IOC_SUBCLASS = 30,
	IOC_PROTOCOL = 32,
	IOC_PROTOCOL_VERSION = 34,
	IOC_SEND_DEPTH = 40,
	IOC_RDMA_READS = 43,
	IOC_SEND_SIZE = 44,
	IOC_RDMA_SIZE = 48,
	IOC_CAPABILITIES = 52,
	IOC_SERVICES = 54,
	IOC_ID_STRING = 64,
	IOC_ID_STRING_SIZE = 64,

	/* SRP, B.7: I/O class of revision 16a and later; 609e and 0108 are T10 and SRP. */
	SRP_IO_CLASS = 0x0100,
	SRP_IO_SUBCLASS = 0x609e,
	SRP_PROTOCOL = 0x0108,
	SRP_PROTOCOL_VERSION = 1,
	/* Sends to and from the IOC, RDMA READs and WRITEs from it; 04 and 10 are those to it. */
	SRP_CAPABILITIES = 0x01 | 0x02 | 0x08 | 0x20,
};

/* ServiceEntries, 16.3.3.5 */
enum {
	SERVICE_NAME_SIZE = 40,
	SERVICE_ID = SERVICE_NAME_SIZE,
	SERVICE_SIZE = 48,
	SERVICES_PER_MAD = 4,
};

STATIC_ASSERT(IOC_ID_STRING + IOC_ID_STRING_SIZE <= DATA_SIZE);
STATIC_ASSERT(IOU_LIST + IOU_LIST_SIZE <= DATA_SIZE);
STATIC_ASSERT(SERVICES_PER_MAD * SERVICE_SIZE == DATA_SIZE);
STATIC_ASSERT(DM_SLOTS_MAX < 2 * IOU_LIST_SIZE);
STATIC_ASSERT((int)DM_NAME_MAX <= (int)IOC_ID_STRING_SIZE);

const char *dm_result_name(enum dm_result result)
{
	static const char *const names[DM_RESULTS] = {
		[DM_ANSWERED] = "answered", [DM_REFUSED] = "refused", [DM_UNASKED] = "unasked",
		[DM_MALFORMED] = "malformed", [DM_UNSENT] = "unsent",
	};

	return names[result];
}

/* ---- attributes ---- */

/* Who asks, where. */
struct asked {
	const struct dm_table *table;
	const struct dm_port *port;
	uint16_t pkey;
	uint32_t modifier;
};

static unsigned slot_portals(const struct asked *q, unsigned slot, const struct ib_portal **list)
{
	if (!q->table || slot >= q->table->n_slots || !q->table->slots[slot].name[0])
		return 0;
	return dm_target_visible(&q->table->slots[slot], q->port, q->pkey, list);
}

static enum dm_status get_class_port_info(const struct asked *q, uint8_t *data)
{
	(void)q;
	data[CPI_BASE_VERSION] = 1;
	data[CPI_CLASS_VERSION] = DM_CLASS_VERSION;
	put_be32(data + CPI_RESPONSE_TIME, RESPONSE_TIME);
	return DM_OK;
}

static enum dm_status get_io_unit_info(const struct asked *q, uint8_t *data)
{
	const struct ib_portal *list[DM_PORTALS_MAX];
	unsigned n = q->table ? q->table->n_slots : 0;

	put_be16(data + IOU_CHANGE_ID,
		 (uint16_t)((q->table ? q->table->change_id : 0) + q->port->changes));
	data[IOU_MAX_CONTROLLERS] = (uint8_t)n;
	for (unsigned i = 0; i < 2 * IOU_LIST_SIZE; i++) {
		unsigned is = i >= n ? SLOT_NONE : slot_portals(q, i, list) ? SLOT_IOC : SLOT_EMPTY;

		data[IOU_LIST + i / 2] |= (uint8_t)(i % 2 ? is : is << 4);
	}
	return DM_OK;
}

/* Of the IOC that is asked for, into @list and @n. */
static enum dm_status ioc_find(const struct asked *q, uint32_t slot, const struct ib_portal **list,
			       unsigned *n)
{
	if (!slot || slot > DM_SLOTS_MAX)
		return DM_BAD_FIELD;
	*n = slot_portals(q, slot - 1, list);
	return *n ? DM_OK : DM_NO_IOC;
}

static enum dm_status get_ioc_profile(const struct asked *q, uint8_t *data)
{
	const struct ib_portal *list[DM_PORTALS_MAX];
	const struct dm_profile *p;
	const struct dm_target *t;
	unsigned n = 0;
	enum dm_status status = ioc_find(q, q->modifier, list, &n);

	if (status != DM_OK)
		return status;
	t = &q->table->slots[q->modifier - 1];
	p = &q->table->profile;
	put_be64(data + IOC_GUID, t->ioc_guid);
	put_be24(data + IOC_VENDOR, q->port->vendor);
	put_be16(data + IOC_CLASS, SRP_IO_CLASS);
	put_be16(data + IOC_SUBCLASS, SRP_IO_SUBCLASS);
	put_be16(data + IOC_PROTOCOL, SRP_PROTOCOL);
	put_be16(data + IOC_PROTOCOL_VERSION, SRP_PROTOCOL_VERSION);
	put_be16(data + IOC_SEND_DEPTH, p->send_depth);
	data[IOC_RDMA_READS] = p->rdma_reads;
	put_be32(data + IOC_SEND_SIZE, p->send_size);
	put_be32(data + IOC_RDMA_SIZE, p->rdma_size);
	data[IOC_CAPABILITIES] = SRP_CAPABILITIES;
	data[IOC_SERVICES] = (uint8_t)n;
	memcpy(data + IOC_ID_STRING, t->name, strnlen(t->name, DM_NAME_MAX - 1));
	return DM_OK;
}

/* Services behind the last one are left empty: srp_daemon may ask for four where there is one. */
static enum dm_status get_service_entries(const struct asked *q, uint8_t *data)
{
	const struct ib_portal *list[DM_PORTALS_MAX];
	unsigned first = q->modifier & 0xff, last = q->modifier >> 8 & 0xff, n = 0;
	uint32_t slot = q->modifier >> 16;
	enum dm_status status = ioc_find(q, slot, list, &n);

	if (status != DM_OK)
		return status;
	if (first > last || last - first >= SERVICES_PER_MAD || first >= n)
		return DM_BAD_FIELD;
	for (unsigned i = first; i <= last && i < n; i++, data += SERVICE_SIZE) {
		snprintf((char *)data, SERVICE_NAME_SIZE, "SRP.T10:%016" PRIx64,
			 q->table->slots[slot - 1].id_ext);
		put_be64(data + SERVICE_ID, ib_portal_service_id(list[i]));
	}
	return DM_OK;
}

/* ---- a MAD ---- */

/* None can be set: that would be where traps go, and there are none. */
static const struct attribute {
	enum dm_attribute id;
	enum dm_status (*get)(const struct asked *q, uint8_t *data); /* @data is all zero */
} attributes[] = {
	{ DM_CLASS_PORT_INFO, get_class_port_info },
	{ DM_IO_UNIT_INFO, get_io_unit_info },
	{ DM_IOC_PROFILE, get_ioc_profile },
	{ DM_SERVICE_ENTRIES, get_service_entries },
};

static enum dm_status attribute_get(const struct asked *q, uint16_t id, uint8_t *data)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (attributes[i].id == id)
			return attributes[i].get(q, data);
	return DM_BAD_METHOD_ATTRIBUTE;
}

/* The method of the answer; 0: there is none to this one. */
static uint8_t response_to(uint8_t method)
{
	switch (method) {
	case DM_GET:
	case DM_SET:
		return DM_GET | DM_RESPONSE;
	case DM_GET_TABLE:
	case DM_GET_TRACE_TABLE:
	case DM_GET_MULTI:
	case DM_DELETE:
		return method | DM_RESPONSE;
	default:
		return 0;
	}
}

static enum dm_status answer_make(const struct asked *q, uint8_t *mad, uint8_t class_version)
{
	uint8_t method = mad[MAD_METHOD];

	if (class_version != DM_CLASS_VERSION)
		return DM_BAD_VERSION;
	if (method == DM_GET)
		return attribute_get(q, get_be16(mad + MAD_ATTRIBUTE), mad + MAD_DATA);
	return method == DM_SET ? DM_BAD_METHOD_ATTRIBUTE : DM_BAD_METHOD;
}

enum dm_result dm_mad_answer(const struct dm_table *table, const struct dm_port *port,
			     uint16_t pkey, uint8_t mad[DM_MAD_SIZE], size_t len)
{
	struct asked q = { .table = table, .port = port, .pkey = pkey };
	enum dm_status status;
	uint8_t response;

	if (len < DM_MAD_SIZE || mad[MAD_BASE_VERSION] != 1 || mad[MAD_CLASS] != DM_CLASS)
		return DM_MALFORMED;
	response = response_to(mad[MAD_METHOD]);
	if (!response)
		return DM_UNASKED;
	q.modifier = get_be32(mad + MAD_MODIFIER);
	memset(mad + MAD_HEADER_END, 0, DM_MAD_SIZE - MAD_HEADER_END);
	status = answer_make(&q, mad, mad[MAD_CLASS_VERSION]);
	mad[MAD_CLASS_VERSION] = DM_CLASS_VERSION;
	mad[MAD_METHOD] = response;
	put_be16(mad + MAD_STATUS, status);
	put_be16(mad + MAD_CLASS_SPECIFIC, 0);
	put_be16(mad + MAD_RESERVED, 0);
	return status == DM_OK ? DM_ANSWERED : DM_REFUSED;
}
