/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device-management MADs: a request becomes its answer. Pure; any thread.
 *
 * IBTA volume 1: 13.4 (headers, status), 16.3 (device management); SRP (T10), annex B.7. What the
 * standards leave open is as ib_srpt of Linux has it, which srp_daemon knows.
 */
#ifndef SRPT_DM_DM_MAD_H
#define SRPT_DM_DM_MAD_H

#include "dm/dm_table.h"

#include <stddef.h>
#include <stdint.h>

enum {
	DM_MAD_SIZE = 256,
	DM_CLASS = 0x06, /* management class */
	DM_CLASS_VERSION = 1,
};

/* Methods, 13.4.5. */
enum dm_method {
	DM_GET = 0x01,
	DM_SET = 0x02,
	DM_GET_TABLE = 0x12,
	DM_GET_TRACE_TABLE = 0x13,
	DM_GET_MULTI = 0x14,
	DM_DELETE = 0x15,
	DM_RESPONSE = 0x80, /* this bit */
};

/* Attributes, 16.3.3. */
enum dm_attribute {
	DM_CLASS_PORT_INFO = 0x0001,
	DM_IO_UNIT_INFO = 0x0010,
	DM_IOC_PROFILE = 0x0011, /* modifier: slot, from 1 */
	DM_SERVICE_ENTRIES = 0x0012, /* modifier: slot << 16 | last << 8 | first, these from 0 */
};

/* Status of an answer, 13.4.7 and 16.3.2. */
enum dm_status {
	DM_OK = 0,
	DM_BAD_VERSION = 0x0004,
	DM_BAD_METHOD = 0x0008,
	DM_BAD_METHOD_ATTRIBUTE = 0x000c,
	DM_BAD_FIELD = 0x001c,
	DM_NO_IOC = 0x0100, /* there is none in this slot */
};

/* What became of a MAD; also the index of its counter. */
enum dm_result {
	DM_ANSWERED,
	DM_REFUSED,   /* answered with a status that is not DM_OK */
	DM_UNASKED,   /* dropped: a response, or a method that has none */
	DM_MALFORMED, /* dropped: too short, or of another class or version of the header */
	DM_UNSENT,    /* counted by whoever sends: an answer that did not leave */
	DM_RESULTS,
};

/* "answered", "refused", …: for people and for JSON. */
const char *dm_result_name(enum dm_result result);

/*
 * @mad, of which @len bytes came in at @port in the partition @pkey (0: it is not known), becomes
 * the answer, all DM_MAD_SIZE bytes of it, unless the result is DM_UNASKED or DM_MALFORMED. What
 * the bytes say is trusted in nothing. @table NULL: there is no IOC.
 */
enum dm_result dm_mad_answer(const struct dm_table *table, const struct dm_port *port,
			     uint16_t pkey, uint8_t mad[DM_MAD_SIZE], size_t len);

#endif
