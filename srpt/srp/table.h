/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for indirect descriptor tables that have to be fetched from the
 * initiator: a few buffers per reactor, apart from the data buffers, so that
 * commands which have a table never starve those which have data. Reactor.
 */
#ifndef SRPT_SRP_TABLE_H
#define SRPT_SRP_TABLE_H

#include "base/list.h"
#include "srp/iu.h"

#include <stdint.h>

#define TABLE_BYTES (IU_TABLE_MAX * sizeof(struct srp_direct_desc))
#define TABLE_COUNT 8 /* per reactor */

struct table_pool {
	uint8_t *free[TABLE_COUNT];
	unsigned nfree;
	uint16_t region;
	struct list_node waiters; /* FIFO of table_ref */
};

/* A command's table. */
struct table_ref {
	struct xfer_seg where;  /* in the initiator's memory; len 0: there is none */
	uint8_t *mem;           /* NULL: not fetched */
	struct list_node link;  /* waiting; initialised once */
	void (*ready)(struct table_ref *t); /* memory is there: mem is set */
};

/* @mem: TABLE_COUNT * TABLE_BYTES in @region, 16-byte aligned. Before the reactor runs. */
void table_pool_init(struct table_pool *p, uint8_t *mem, uint16_t region);

/* Ask for memory; true: t->mem is set now, false: t->ready() will be called. */
bool table_get(struct table_pool *p, struct table_ref *t);

/* Give memory back, or stop waiting. Does nothing if @t has neither. */
void table_put(struct table_pool *p, struct table_ref *t);

#endif
