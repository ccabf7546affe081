/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST_SIZE 256u

/* Room for @more bytes and the NUL. */
static bool text_reserve(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : TEXT_FIRST_SIZE;
	char *data;

	if (t->failed || more > TEXT_MAX - t->len - 1) {
		t->failed = true;
		return false;
	}
	while (size < t->len + more + 1)
		size *= 2;
	if (size == t->size)
		return true;
	data = realloc(t->data, size);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->size = size;
	return true;
}

void text_add(struct text *t, const char *bytes, size_t len)
{
	if (!text_reserve(t, len))
		return;
	if (len)
		memcpy(t->data + t->len, bytes, len);
	t->len += len;
	t->data[t->len] = 0;
}

void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_putc(struct text *t, char c)
{
	text_add(t, &c, 1);
}

void text_fill(struct text *t, char c, size_t count)
{
	if (!text_reserve(t, count))
		return;
	memset(t->data + t->len, c, count);
	t->len += count;
	t->data[t->len] = 0;
}

void text_vprintf(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && text_reserve(t, (size_t)n)) {
		vsnprintf(t->data + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	} else {
		t->failed = true;
	}
	va_end(again);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(t, fmt, ap);
	va_end(ap);
}

const char *text_string(const struct text *t)
{
	return t->data ? t->data : "";
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}
