/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/parity_list.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

void parity_list_begin(struct parity_list *l)
{
	l->len = 0;
	l->n = 0;
	l->open = true;
	l->complete = l->overflow = false;
}

static bool list_reserve(struct parity_list *l, size_t more)
{
	size_t room = l->room ? l->room : 4096;
	char *text;

	if (more > PARITY_BYTES_MAX || l->len + more > PARITY_BYTES_MAX ||
	    l->n == PARITY_ITEMS_MAX)
		return false;
	while (room < l->len + more)
		room *= 2;
	if (room == l->room)
		return true;
	text = realloc(l->text, room);
	if (!text)
		return false;
	l->text = text;
	l->room = room;
	return true;
}

void parity_list_add(struct parity_list *l, const char *key, const char *value)
{
	size_t key_size = strlen(key) + 1, value_size = strlen(value) + 1;

	if (!l->open || l->overflow)
		return;
	if (!list_reserve(l, key_size + value_size)) {
		l->overflow = true;
		return;
	}
	memcpy(l->text + l->len, key, key_size);
	memcpy(l->text + l->len + key_size, value, value_size);
	l->len += key_size + value_size;
	l->n++;
}

void parity_list_end(struct parity_list *l)
{
	l->complete = l->open;
	l->open = false;
}

void parity_list_free(struct parity_list *l)
{
	free(l->text);
	*l = (struct parity_list){ .text = NULL };
}

/* ---- comparing ---- */

static const char *value_of(const char *key)
{
	return key + strlen(key) + 1;
}

static int by_key(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int order = strcmp(x, y);

	return order ? order : strcmp(value_of(x), value_of(y));
}

/* The keys in order; the caller frees them. */
static const char **list_sort(const struct parity_list *l)
{
	const char **keys = calloc(l->n + 1, sizeof(*keys)), *at = l->text;

	if (!keys)
		return NULL;
	for (unsigned i = 0; i < l->n; i++) {
		keys[i] = at;
		at = value_of(at);
		at += strlen(at) + 1;
	}
	if (l->n)
		qsort(keys, l->n, sizeof(*keys), by_key);
	return keys;
}

/* Both end with NULL, which is behind all keys. */
static const char *walk(const char **own, const char **peer, const char **here, const char **there)
{
	for (; *own || *peer; own++, peer++) {
		int order = !*own ? 1 : !*peer ? -1 : strcmp(*own, *peer);

		if (!order && !strcmp(value_of(*own), value_of(*peer)))
			continue;
		*here = order > 0 ? NULL : value_of(*own);
		*there = order < 0 ? NULL : value_of(*peer);
		return order > 0 ? *peer : *own;
	}
	return NULL;
}

const char *parity_first_difference(const struct parity_list *own, const struct parity_list *peer,
				    const char **here, const char **there)
{
	const char **a = list_sort(own), **b = list_sort(peer), *key = NULL;

	if (a && b)
		key = walk(a, b, here, there);
	free(a);
	free(b);
	return key;
}
