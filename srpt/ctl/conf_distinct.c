/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that must differ: whoever holds one that another holds is reported. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/conf_priv.h"

void conf_holder_add(struct conf_holders *h, const void *value, size_t len, struct conf_pos pos,
		     const char *name)
{
	struct conf_holder *item = conf_array_add((void **)&h->items, &h->count, sizeof(*item));

	if (item)
		*item = (struct conf_holder){ value, len, pos, name };
	else
		h->no_memory = true;
}

static int value_compare(const struct conf_holder *a, const struct conf_holder *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order;

	if (!len)
		return strcasecmp(a->value, b->value);
	order = memcmp(a->value, b->value, len);
	return order ? order : (a->len > b->len) - (a->len < b->len);
}

int conf_pos_compare(struct conf_pos a, struct conf_pos b)
{
	if (a.line != b.line)
		return a.line < b.line ? -1 : 1;
	return (a.col > b.col) - (a.col < b.col);
}

static int holder_compare(const void *a, const void *b)
{
	const struct conf_holder *ha = a, *hb = b;
	int order = value_compare(ha, hb);

	return order ? order : conf_pos_compare(ha->pos, hb->pos);
}

int conf_holders_check(struct conf_holders *h, const char *block, const char *what,
		       enum conf_severity severity, struct conf_diag_list *diags)
{
	int rc = h->no_memory ? -ENOMEM : 0;

	if (h->count)
		qsort(h->items, h->count, sizeof(*h->items), holder_compare);
	for (size_t i = 1, first = 0; i < h->count; i++) {
		if (value_compare(&h->items[first], &h->items[i]))
			first = i;
		else
			conf_diag_add(diags, severity, h->items[i].pos,
				      "%s \"%s\": the %s is that of \"%s\" in line %u", block,
				      h->items[i].name, what, h->items[first].name,
				      h->items[first].pos.line);
	}
	free(h->items);
	*h = (struct conf_holders){ 0 };
	return rc;
}
