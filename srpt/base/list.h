/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intrusive doubly linked list. A node that is on no list points to itself
 * (list_init) so list_del may be called twice. Not thread safe: a list belongs
 * to one thread, named where the list is declared.
 */
#ifndef SRPT_BASE_LIST_H
#define SRPT_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *prev, *next;
};

#define LIST_INIT(name) { &(name), &(name) }

#ifndef container_of
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#endif

static inline void list_init(struct list_node *n)
{
	n->prev = n->next = n;
}

static inline bool list_empty(const struct list_node *head)
{
	return head->next == head;
}

static inline void list_insert_before(struct list_node *pos, struct list_node *n)
{
	n->prev = pos->prev;
	n->next = pos;
	pos->prev->next = n;
	pos->prev = n;
}

/* Append @n at the tail of @head. */
static inline void list_add_tail(struct list_node *head, struct list_node *n)
{
	list_insert_before(head, n);
}

/* Insert @n first in @head. */
static inline void list_add_head(struct list_node *head, struct list_node *n)
{
	list_insert_before(head->next, n);
}

/* Take @n off its list and leave it self-linked. */
static inline void list_del(struct list_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* Move every node of @from to the tail of @to; @from is empty afterwards. */
static inline void list_splice_tail(struct list_node *to, struct list_node *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_first(head, type, member) container_of((head)->next, type, member)

#define list_for_each(pos, head, member)                                       \
	for (pos = container_of((head)->next, __typeof__(*pos), member);       \
	     &pos->member != (head);                                           \
	     pos = container_of(pos->member.next, __typeof__(*pos), member))

/* As list_for_each, but @pos may be deleted or freed in the body. */
#define list_for_each_safe(pos, tmp, head, member)                             \
	for (pos = container_of((head)->next, __typeof__(*pos), member),       \
	    tmp = container_of(pos->member.next, __typeof__(*pos), member);    \
	     &pos->member != (head);                                           \
	     pos = tmp, tmp = container_of(tmp->member.next, __typeof__(*pos), member))

#endif
