/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growable text. Appending never fails visibly: when memory runs out, or the limit is reached,
 * the text is marked as failed, further appends do nothing, and the reader asks once at the end.
 */
#ifndef SRPT_CTL_TEXT_H
#define SRPT_CTL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define TEXT_MAX ((size_t)256 << 20) /* bytes; more is a runaway, not a listing */

/* Zero-initialise before use. Owned by whoever declares it; one thread. */
struct text {
	char *data; /* NUL-terminated, NULL while empty */
	size_t len; /* bytes without the NUL */
	size_t size;
	bool failed;
};

void text_add(struct text *t, const char *bytes, size_t len);
void text_puts(struct text *t, const char *s);
void text_putc(struct text *t, char c);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
void text_fill(struct text *t, char c, size_t count);

/* The text, "" when empty; valid until the next append. */
const char *text_string(const struct text *t);

/* Frees the text and leaves it empty. */
void text_free(struct text *t);

#endif
