/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/json.h"

#include <inttypes.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD in UTF-8 */

void json_init(struct json *j, struct text *out)
{
	*j = (struct json){ .out = out };
}

/*
 * Bytes of the UTF-8 sequence at @s, 0 if it is none (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF).
 */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
		   s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
		return 0;
	if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void quoted_char(struct text *out, unsigned char c)
{
	switch (c) {
	case '"':
		text_puts(out, "\\\"");
		break;
	case '\\':
		text_puts(out, "\\\\");
		break;
	case '\n':
		text_puts(out, "\\n");
		break;
	case '\t':
		text_puts(out, "\\t");
		break;
	default:
		if (c < 0x20 || c == 0x7f)
			text_printf(out, "\\u%04x", c);
		else
			text_putc(out, (char)c);
	}
}

static void quoted(struct text *out, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	text_putc(out, '"');
	while (*s) {
		size_t n = utf8_len(s);

		if (n == 1)
			quoted_char(out, *s);
		else if (n)
			text_add(out, (const char *)s, n);
		else
			text_puts(out, replacement);
		s += n ? n : 1;
	}
	text_putc(out, '"');
}

/* Everything before a value: comma, line, key. Objects in the outermost array have a line each. */
static void begin_value(struct json *j, const char *key)
{
	if (j->comma)
		text_putc(j->out, ',');
	if (j->depth == 1)
		text_puts(j->out, "\n  ");
	else if (j->comma)
		text_putc(j->out, ' ');
	if (key) {
		quoted(j->out, key);
		text_puts(j->out, ": ");
	}
	j->comma = true;
}

static void open_value(struct json *j, const char *key, char bracket)
{
	begin_value(j, key);
	text_putc(j->out, bracket);
	j->depth++;
	j->comma = false;
}

static void close_value(struct json *j, char bracket)
{
	j->depth--;
	if (!j->depth && j->comma)
		text_putc(j->out, '\n');
	text_putc(j->out, bracket);
	if (!j->depth)
		text_putc(j->out, '\n');
	j->comma = true;
}

void json_object_begin(struct json *j, const char *key)
{
	open_value(j, key, '{');
}

void json_object_end(struct json *j)
{
	close_value(j, '}');
}

void json_array_begin(struct json *j, const char *key)
{
	open_value(j, key, '[');
}

void json_array_end(struct json *j)
{
	close_value(j, ']');
}

void json_string(struct json *j, const char *key, const char *value)
{
	begin_value(j, key);
	if (value)
		quoted(j->out, value);
	else
		text_puts(j->out, "null");
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	begin_value(j, key);
	text_printf(j->out, "%" PRIu64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	json_raw(j, key, value ? "true" : "false");
}

void json_raw(struct json *j, const char *key, const char *value)
{
	begin_value(j, key);
	text_puts(j->out, value);
}
