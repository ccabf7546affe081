/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lists of keys and values that two nodes must agree on, and where they differ first. They
 * come from other programs in pieces; what does not fit is not kept, and said. One thread.
 */
#ifndef REPLICATOR_PARITY_LIST_H
#define REPLICATOR_PARITY_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARITY_BYTES_MAX (4u << 20)
#define PARITY_ITEMS_MAX 65536u

struct parity_list {
	char *text; /* KEY 0 VALUE 0 … */
	size_t len, room;
	unsigned n;
	bool open, complete, overflow;
};

struct parity {
	struct parity_list own, peer;
	uint32_t from;      /* node whose list peer is; 0: none */
	bool asked;         /* the members have been asked for their lists, when these were */
	char own_hash[17], peer_hash[17];
	bool joined;        /* a member has come since our list began */
	bool again;         /* and asks for it */
	char *key;          /* first that differs; NULL: not known. Ours to free, as the next two */
	char *here, *there; /* values; NULL: it is not there */
};

void parity_list_begin(struct parity_list *l);
void parity_list_add(struct parity_list *l, const char *key, const char *value);
void parity_list_end(struct parity_list *l);
void parity_list_free(struct parity_list *l);

/*
 * The first key, in the order of strcmp(), that is not in both lists with the same value; in @key,
 * and its values in @here and @there (NULL: the list has no such key). NULL: there is none, or
 * no memory. Pointers into the lists.
 */
const char *parity_first_difference(const struct parity_list *own, const struct parity_list *peer,
				    const char **here, const char **there);

#endif
