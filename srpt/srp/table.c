/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "srp/table.h"

void table_pool_init(struct table_pool *p, uint8_t *mem, uint16_t region)
{
	list_init(&p->waiters);
	p->region = region;
	p->nfree = TABLE_COUNT;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		p->free[i] = mem + i * TABLE_BYTES;
}

bool table_get(struct table_pool *p, struct table_ref *t)
{
	if (!p->nfree) {
		list_add_tail(&p->waiters, &t->link);
		return false;
	}
	t->mem = p->free[--p->nfree];
	return true;
}

void table_put(struct table_pool *p, struct table_ref *t)
{
	struct table_ref *next;

	list_del(&t->link);
	if (!t->mem)
		return;
	if (list_empty(&p->waiters)) {
		p->free[p->nfree++] = t->mem;
		t->mem = NULL;
		return;
	}
	next = list_first(&p->waiters, struct table_ref, link);
	list_del(&next->link);
	next->mem = t->mem;
	t->mem = NULL;
	next->ready(next);
}
