/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages about a configuration file. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/conf_priv.h"

enum { DIAG_TEXT_MAX = 512 };

/* Length and least code point per lead byte: overlong forms are invalid (RFC 3629). */
static size_t utf8_lead(unsigned char c, uint32_t *bits, uint32_t *least)
{
	if (c >= 0xc2 && c <= 0xdf) {
		*bits = c & 0x1f;
		*least = 0x80;
		return 2;
	}
	if ((c & 0xf0) == 0xe0) {
		*bits = c & 0x0f;
		*least = 0x800;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*bits = c & 0x07;
		*least = 0x10000;
		return 4;
	}
	return 0;
}

size_t conf_utf8_len(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	uint32_t code, least;
	size_t len;

	if (!n)
		return 0;
	if (u[0] < 0x80)
		return u[0] >= 0x20 && u[0] != 0x7f;
	len = utf8_lead(u[0], &code, &least);
	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3f);
	}
	/* C1 controls, surrogates and what lies beyond Unicode */
	if (code < least || code < 0xa0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
		return 0;
	return len;
}

static void text_clean(char *text)
{
	size_t left = strlen(text), len;

	for (; left; text += len, left -= len) {
		len = conf_utf8_len(text, left);
		if (!len) {
			*text = '?';
			len = 1;
		}
	}
}

void conf_diag_add(struct conf_diag_list *list, enum conf_severity severity, struct conf_pos pos,
		   const char *fmt, ...)
{
	char text[DIAG_TEXT_MAX];
	struct conf_diag *diags;
	char *copy;
	va_list ap;

	if (severity == CONF_ERROR)
		list->errors++;
	else
		list->warnings++;
	if (list->count >= CONF_DIAGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_clean(text);
	copy = strdup(text);
	diags = realloc(list->diags, (list->count + 1) * sizeof(*diags));
	if (diags)
		list->diags = diags;
	if (!copy || !diags) {
		free(copy);
		return;
	}
	diags[list->count++] = (struct conf_diag){ severity, pos, copy };
}

static bool pos_before(struct conf_pos a, struct conf_pos b)
{
	return a.line != b.line ? a.line < b.line : a.col < b.col;
}

/* Insertion keeps equal places in order, and there are at most CONF_DIAGS_MAX. */
void conf_diag_sort(struct conf_diag_list *list)
{
	for (size_t i = 1; i < list->count; i++) {
		struct conf_diag moved = list->diags[i];
		size_t j = i;

		for (; j && pos_before(moved.pos, list->diags[j - 1].pos); j--)
			list->diags[j] = list->diags[j - 1];
		list->diags[j] = moved;
	}
}

void conf_diag_place(const struct conf_diag_list *list, size_t i, char *buf, size_t size)
{
	const struct conf_diag *d = &list->diags[i];
	const char *path = list->path ? list->path : "srpt.conf";

	if (d->pos.line)
		snprintf(buf, size, "%s:%u:%u", path, d->pos.line, d->pos.col);
	else
		snprintf(buf, size, "%s", path);
}

void conf_diag_format(const struct conf_diag_list *list, size_t i, char *buf, size_t size)
{
	const struct conf_diag *d = &list->diags[i];
	size_t len;

	conf_diag_place(list, i, buf, size);
	len = strlen(buf);
	snprintf(buf + len, size - len, ": %s: %s", d->severity == CONF_ERROR ? "error" : "warning",
		 d->text);
}

void conf_diag_print(const struct conf_diag_list *list, FILE *f)
{
	size_t all = list->errors + list->warnings;
	char buf[4096 + DIAG_TEXT_MAX + 64];

	for (size_t i = 0; i < list->count; i++) {
		conf_diag_format(list, i, buf, sizeof(buf));
		fprintf(f, "%s\n", buf);
	}
	if (all > list->count)
		fprintf(f, "%s: %zu more messages are not shown\n",
			list->path ? list->path : "srpt.conf", all - list->count);
}

void conf_diag_free(struct conf_diag_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->diags[i].text);
	free(list->diags);
	free(list->path);
	*list = (struct conf_diag_list){ 0 };
}
