/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ha_msg.h"

#include <errno.h>
#include <string.h>

static bool must_escape(unsigned char c)
{
	return c < 0x20 || c == 0x7f || c == '%';
}

/* ---- writing ---- */

static void out_bytes(struct ha_out *o, const char *bytes, size_t len)
{
	if (o->overflow || len > HA_MSG_MAX - o->len) {
		o->overflow = true;
		return;
	}
	memcpy(o->text + o->len, bytes, len);
	o->len += len;
	o->text[o->len] = 0;
}

static void out_value(struct ha_out *o, const char *value)
{
	static const char digits[] = "0123456789ABCDEF";

	for (const char *p = value; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (must_escape(c))
			out_bytes(o, (const char[]){ '%', digits[c >> 4], digits[c & 15] }, 3);
		else
			out_bytes(o, p, 1);
	}
}

void ha_out_begin(struct ha_out *o, const char *verb)
{
	o->len = 0;
	o->overflow = false;
	out_bytes(o, verb, strlen(verb));
}

void ha_out_add(struct ha_out *o, const char *key, const char *value)
{
	out_bytes(o, "\t", 1);
	out_bytes(o, key, strlen(key));
	out_bytes(o, "=", 1);
	out_value(o, value);
}

void ha_out_add_u64(struct ha_out *o, const char *key, uint64_t value)
{
	char digits[21], *p = digits + sizeof(digits) - 1;

	*p = 0;
	do
		*--p = (char)('0' + value % 10);
	while (value /= 10);
	ha_out_add(o, key, p);
}

/* ---- reading ---- */

/* Verbs and keys need no escapes: what they may be is what the two programs agreed on. */
static bool is_word(const char *s)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

	return *s && !s[strspn(s, chars)];
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* %XX to bytes, in place. %00 would hide what follows it. */
static bool unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		if (*s != '%') {
			*to = *s;
			continue;
		}
		int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);

		if (low < 0 || !(high | low))
			return false;
		*to = (char)(high << 4 | low);
		s += 2;
	}
	*to = 0;
	return true;
}

static int decode_field(struct ha_msg *m, char *text)
{
	char *value = strchr(text, '=');

	if (m->n == HA_MSG_FIELDS)
		return -EMSGSIZE;
	if (!value)
		return -EINVAL;
	*value++ = 0;
	if (!is_word(text) || ha_msg_get(m, text) || !unescape(value))
		return -EINVAL;
	m->fields[m->n++] = (struct ha_msg_field){ text, value };
	return 0;
}

static bool clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != '\t' && text[i] != '%' && must_escape((unsigned char)text[i]))
			return false;
	return true;
}

int ha_msg_decode(struct ha_msg *m, const void *data, size_t len)
{
	char *next, *text;

	m->n = 0;
	m->verb = "";
	if (len > HA_MSG_MAX)
		return -EMSGSIZE;
	if (!len || !clean(data, len))
		return -EINVAL;
	memcpy(m->buf, data, len);
	m->buf[len] = 0;
	next = m->buf;
	m->verb = strsep(&next, "\t");
	if (!is_word(m->verb))
		return -EINVAL;
	while ((text = strsep(&next, "\t"))) {
		int rc = decode_field(m, text);

		if (rc)
			return rc;
	}
	return 0;
}

const char *ha_msg_get(const struct ha_msg *m, const char *key)
{
	for (unsigned i = 0; i < m->n; i++)
		if (!strcmp(m->fields[i].key, key))
			return m->fields[i].value;
	return NULL;
}

bool ha_msg_get_u64(const struct ha_msg *m, const char *key, uint64_t max, uint64_t *value)
{
	const char *s = ha_msg_get(m, key);
	uint64_t n = 0;

	if (!s || !*s)
		return false;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (digit > 9 || n > (max - digit) / 10 || digit > max)
			return false;
		n = n * 10 + digit;
	}
	*value = n;
	return true;
}
