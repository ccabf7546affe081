/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One value: text to field, field to text, by the type of its key. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

struct value_why {
	char *text;
	size_t size;
};

static void *field_of(const struct conf_key *key, const void *base)
{
	return (char *)(uintptr_t)base + key->offset;
}

#define refuse(why, ...) (snprintf((why)->text, (why)->size, __VA_ARGS__), -EINVAL)

bool conf_name_valid(const char *text, size_t max, bool strict)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c > 0x7e || (strict && strchr(" \"\\/{}#", c)))
			return false;
	}
	return len && len <= max;
}

/* ---- numbers ---- */

/* Decimal, or hexadecimal with 0x; no sign, no blanks, nothing behind. */
static bool number_parse(const char *text, uint64_t *value, const char **end)
{
	int base = text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
	char *stop;

	if (!isdigit((unsigned char)text[0]) ||
	    (base == 16 && !isxdigit((unsigned char)text[2])))
		return false;
	errno = 0;
	*value = strtoull(text, &stop, base);
	*end = stop;
	return !errno;
}

static void field_store(const struct conf_key *key, void *base, uint64_t value)
{
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	switch (key->width) {
	case 2:
		memcpy(field_of(key, base), &v16, 2);
		break;
	case 4:
		memcpy(field_of(key, base), &v32, 4);
		break;
	default:
		memcpy(field_of(key, base), &value, 8);
	}
}

static uint64_t field_load(const struct conf_key *key, const void *base)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (key->width) {
	case 2:
		memcpy(&v16, field_of(key, base), 2);
		return v16;
	case 4:
		memcpy(&v32, field_of(key, base), 4);
		return v32;
	default:
		memcpy(&v64, field_of(key, base), 8);
		return v64;
	}
}

static int set_bool(const struct conf_key *key, void *base, const char *text,
		    struct value_why *why)
{
	if ((text[0] != '0' && text[0] != '1') || text[1])
		return refuse(why, "%s \"%s\": allowed are 0 and 1", key->name, text);
	*(bool *)field_of(key, base) = text[0] == '1';
	return 0;
}

static bool in_range(const struct conf_key *key, uint64_t value)
{
	return value >= (uint64_t)key->min && value <= (uint64_t)key->max;
}

static int set_uint(const struct conf_key *key, void *base, const char *text,
		    struct value_why *why)
{
	const char *zero = key->type == CONF_T_UINT0 ? "0 and " : "";
	bool pow2 = key->type == CONF_T_POW2;
	const char *end;
	uint64_t value;

	if (!number_parse(text, &value, &end) || *end ||
	    !(in_range(key, value) || (!value && *zero)) || (pow2 && (value & (value - 1))))
		return refuse(why, "%s \"%s\": allowed are %s%s %s%" PRId64 "..%" PRId64, key->name,
			      text, pow2 ? "powers of two" : "whole numbers", pow2 ? "," : "",
			      zero, key->min, key->max);
	field_store(key, base, value);
	return 0;
}

static int set_int(const struct conf_key *key, void *base, const char *text,
		   struct value_why *why)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (isspace((unsigned char)text[0]) || text[0] == '+' || end == text || *end || errno ||
	    value < key->min || value > key->max)
		return refuse(why, "%s \"%s\": allowed are whole numbers %" PRId64 "..%" PRId64,
			      key->name, text, key->min, key->max);
	field_store(key, base, (uint64_t)value);
	return 0;
}

static const char units[] = "KMGT";

static void size_format(uint64_t value, char *buf, size_t size)
{
	int unit = -1;

	while (value && !(value & 1023) && unit < 3) {
		value >>= 10;
		unit++;
	}
	snprintf(buf, size, "%" PRIu64 "%.*s", value, unit >= 0, unit >= 0 ? &units[unit] : "");
}

/* The factor behind a number: a unit, or the MiB of the type. False if it is neither. */
static bool size_shift(const struct conf_key *key, const char *end, unsigned int *shift)
{
	const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;

	*shift = key->type == CONF_T_MIB ? 20 : 0;
	if (!*end)
		return true;
	if (!unit || end[1] || key->type == CONF_T_MIB)
		return false;
	*shift = 10 * (unsigned int)(unit - units + 1);
	return true;
}

static int set_size(const struct conf_key *key, void *base, const char *text,
		    struct value_why *why)
{
	char min[32], max[32];
	unsigned int shift;
	const char *end;
	uint64_t value;

	if (number_parse(text, &value, &end) && size_shift(key, end, &shift) &&
	    value <= UINT64_MAX >> shift && in_range(key, value << shift)) {
		field_store(key, base, value << shift);
		return 0;
	}
	if (key->type == CONF_T_MIB)
		return refuse(why, "%s \"%s\": allowed are whole numbers of MiB 1..%" PRId64,
			      key->name, text, key->max >> 20);
	size_format((uint64_t)key->min, min, sizeof(min));
	size_format((uint64_t)key->max, max, sizeof(max));
	return refuse(why, "%s \"%s\": allowed are bytes, or K, M, G or T of them, from %s to %s",
		      key->name, text, min, max);
}

static int set_enum(const struct conf_key *key, void *base, const char *text,
		    struct value_why *why)
{
	char allowed[128] = "";
	size_t len = 0;

	for (int i = 0; key->names[i]; i++) {
		if (!strcmp(key->names[i], text)) {
			*(int *)field_of(key, base) = i;
			return 0;
		}
		len += (size_t)snprintf(allowed + len, sizeof(allowed) - len, "%s%s",
					i ? ", " : "", key->names[i]);
	}
	return refuse(why, "%s \"%s\": allowed are %s", key->name, text, allowed);
}

/* ---- hexadecimal identifiers ---- */

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/*
 * Digits to bytes, with an optional 0x and single separators between pairs of digits. Returns the
 * number of bytes, 0 if text is anything else or longer than max bytes.
 */
static size_t hex_parse(const char *text, char separator, uint8_t *bytes, size_t max)
{
	size_t digits = 0;

	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	for (; *text; text++) {
		if (*text == separator) {
			if (!digits || digits & 1 || !isxdigit((unsigned char)text[1]))
				return 0;
			continue;
		}
		if (!isxdigit((unsigned char)*text) || digits == 2 * max)
			return 0;
		bytes[digits / 2] = (uint8_t)(digits & 1 ? bytes[digits / 2] << 4 : 0) |
				    (uint8_t)hex_digit(*text);
		digits++;
	}
	return digits & 1 ? 0 : digits / 2;
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
	while (n && !bytes[n - 1])
		n--;
	return !n;
}

static int set_hex64(const struct conf_key *key, void *base, const char *text,
		     struct value_why *why)
{
	uint8_t bytes[8];

	if (hex_parse(text, ':', bytes, 8) != 8 || all_zero(bytes, 8))
		return refuse(why, "%s \"%s\": allowed are 16 hexadecimal digits, not all 0, with "
			      "0x and colons if you like", key->name, text);
	field_store(key, base, get_be64(bytes));
	return 0;
}

static int set_uuid(const struct conf_key *key, void *base, const char *text,
		    struct value_why *why)
{
	uint8_t bytes[16];

	if (hex_parse(text, '-', bytes, 16) != 16 || all_zero(bytes, 16))
		return refuse(why, "%s \"%s\": allowed are 32 hexadecimal digits, not all 0, with "
			      "dashes if you like", key->name, text);
	memcpy(field_of(key, base), bytes, 16);
	return 0;
}

static int set_naa(const struct conf_key *key, void *base, const char *text,
		   struct value_why *why)
{
	uint8_t bytes[16];

	if (hex_parse(text, ':', bytes, 16) != 16 || bytes[0] >> 4 != 6)
		return refuse(why, "%s \"%s\": allowed are 32 hexadecimal digits that start with 6 "
			      "(NAA 6)", key->name, text);
	memcpy(field_of(key, base), bytes, 16);
	return 0;
}

/* ---- texts ---- */

static int set_id(const struct conf_key *key, void *base, const char *text,
		  struct value_why *why)
{
	bool strict = key->type == CONF_T_NAME;

	if (!conf_name_valid(text, key->width - 1u, strict))
		return refuse(why, "%s \"%s\": allowed are 1 to %d printable ASCII characters%s",
			      key->name, text, key->width - 1,
			      strict ? " without blanks, quotes, braces, slashes and #" : "");
	memset(field_of(key, base), 0, key->width);
	memcpy(field_of(key, base), text, strlen(text));
	return 0;
}

/* It becomes an argument of other programs, so no option may be made of it. */
static int set_resource(const struct conf_key *key, void *base, const char *text,
			struct value_why *why)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-";
	size_t len = strspn(text, chars);

	if (!len || text[len] || len >= key->width || text[0] == '-')
		return refuse(why, "%s \"%s\": allowed are 1 to %d letters, digits, '.', '_' and "
			      "'-', the first no '-'", key->name, text, key->width - 1);
	memset(field_of(key, base), 0, key->width);
	memcpy(field_of(key, base), text, len);
	return 0;
}

static int field_strdup(const struct conf_key *key, void *base, const char *text)
{
	char **field = field_of(key, base);
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int set_text(const struct conf_key *key, void *base, const char *text,
		    struct value_why *why)
{
	if (strlen(text) > (size_t)key->max)
		return refuse(why, "%s is %zu bytes long: allowed are at most %" PRId64, key->name,
			      strlen(text), key->max);
	return field_strdup(key, base, text);
}

static int set_path(const struct conf_key *key, void *base, const char *text,
		    struct value_why *why)
{
	if (text[0] != '/')
		return refuse(why, "%s \"%s\": allowed is an absolute path", key->name, text);
	return field_strdup(key, base, text);
}

/* ---- by type ---- */

typedef int value_setter(const struct conf_key *key, void *base, const char *text,
			 struct value_why *why);

static value_setter *const setters[] = {
	[CONF_T_BOOL] = set_bool, [CONF_T_UINT] = set_uint, [CONF_T_UINT0] = set_uint,
	[CONF_T_POW2] = set_uint, [CONF_T_INT] = set_int, [CONF_T_SIZE] = set_size,
	[CONF_T_MIB] = set_size, [CONF_T_HEX64] = set_hex64, [CONF_T_ENUM] = set_enum,
	[CONF_T_UUID] = set_uuid, [CONF_T_NAA] = set_naa, [CONF_T_ID] = set_id,
	[CONF_T_NAME] = set_id, [CONF_T_RESOURCE] = set_resource, [CONF_T_TEXT] = set_text,
	[CONF_T_PATH] = set_path,
	[CONF_T_PORTAL] = NULL, [CONF_T_IWARP_PORT] = NULL,
};

int conf_value_set(const struct conf_key *key, void *base, const char *text, char *why,
		   size_t size)
{
	struct value_why w = { why, size };

	return setters[key->type](key, base, text, &w);
}

bool conf_key_is_list(const struct conf_key *key)
{
	return key->type == CONF_T_PORTAL || key->type == CONF_T_IWARP_PORT;
}

static bool is_string(const struct conf_key *key)
{
	return key->type == CONF_T_TEXT || key->type == CONF_T_PATH;
}

static bool is_array(const struct conf_key *key)
{
	return key->type == CONF_T_ID || key->type == CONF_T_NAME || key->type == CONF_T_RESOURCE;
}

int conf_values_init(enum conf_block block, void *base)
{
	size_t count;
	const struct conf_key *keys = conf_block_keys(block, &count);
	char why[64];
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++)
		if (keys[i].fallback)
			rc = conf_value_set(&keys[i], base, keys[i].fallback, why, sizeof(why));
	return rc;
}

void conf_values_free(enum conf_block block, void *base)
{
	size_t count;
	const struct conf_key *keys = conf_block_keys(block, &count);

	for (size_t i = 0; i < count; i++)
		if (is_string(&keys[i]))
			free(*(char **)field_of(&keys[i], base));
}

static bool string_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool value_equal(const struct conf_key *key, const void *a, const void *b)
{
	const void *fa = field_of(key, a), *fb = field_of(key, b);

	if (key->type == CONF_T_NONE || conf_key_is_list(key))
		return true;
	if (is_string(key))
		return string_equal(*(char *const *)fa, *(char *const *)fb);
	if (is_array(key))
		return !strcmp(fa, fb);
	return !memcmp(fa, fb, key->width);
}

static bool values_equal(enum conf_block block, const void *a, const void *b, bool pass_live)
{
	size_t count;
	const struct conf_key *keys = conf_block_keys(block, &count);

	for (size_t i = 0; i < count; i++)
		if (!(keys[i].live && pass_live) && !value_equal(&keys[i], a, b))
			return false;
	return true;
}

bool conf_values_equal(enum conf_block block, const void *a, const void *b)
{
	return values_equal(block, a, b, false);
}

bool conf_values_alike(enum conf_block block, const void *a, const void *b)
{
	return values_equal(block, a, b, true);
}

/* ---- writing ---- */

void conf_word_print(const char *word, FILE *f)
{
	if (*word && !word[strcspn(word, " \"\\{}#")]) {
		fputs(word, f);
		return;
	}
	putc('"', f);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			putc('\\', f);
		putc(*word, f);
	}
	putc('"', f);
}

static void hex_print(const uint8_t *bytes, size_t n, const char *dashes, FILE *f)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%02x", i && strchr(dashes, (int)('a' + i)) ? "-" : "", bytes[i]);
}

static void number_print(const struct conf_key *key, const void *base, FILE *f)
{
	uint64_t value = field_load(key, base);
	char buf[32];

	switch (key->type) {
	case CONF_T_SIZE:
		size_format(value, buf, sizeof(buf));
		fputs(buf, f);
		break;
	case CONF_T_INT:
		fprintf(f, "%" PRId32, (int32_t)value);
		break;
	case CONF_T_ENUM:
		fputs(key->names[value], f);
		break;
	case CONF_T_HEX64:
		fprintf(f, "%016" PRIx64, value);
		break;
	default:
		fprintf(f, "%" PRIu64, value);
	}
}

void conf_value_print(const struct conf_key *key, const void *base, FILE *f)
{
	const uint8_t *field = field_of(key, base);

	if (is_string(key))
		conf_word_print(*(char *const *)field_of(key, base), f);
	else if (is_array(key))
		conf_word_print((const char *)field, f);
	else if (key->type == CONF_T_BOOL)
		putc(*field ? '1' : '0', f);
	else if (key->type == CONF_T_UUID)
		hex_print(field, 16, "egik", f);
	else if (key->type == CONF_T_NAA)
		hex_print(field, 16, "", f);
	else
		number_print(key, base, f);
}
