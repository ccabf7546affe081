/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growing arrays of the configuration. */
#include <stdlib.h>
#include <string.h>

#include "ctl/conf_priv.h"

/* The room is always the next power of two, so it need not be stored. */
void *conf_array_add(void **items, size_t *count, size_t size)
{
	char *grown = *items, *item;

	if (!(*count & (*count - 1))) {
		grown = reallocarray(*items, *count ? *count * 2 : 1, size);
		if (!grown)
			return NULL;
		*items = grown;
	}
	item = grown + *count * size;
	memset(item, 0, size);
	(*count)++;
	return item;
}
