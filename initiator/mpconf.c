/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/mpconf.h"

#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum section {
	SECTION_OTHER,
	SECTION_DEFAULTS,
	SECTION_DEVICE,
	SECTION_OVERRIDES,
	SECTION_MULTIPATH,
};

/* Of an entry the strings are in the copy of the text. */
struct mp_entry {
	enum section section;
	unsigned block; /* number of its device or multipath section */
	const char *key, *value;
};

struct mp_conf {
	char *text;
	struct mp_entry *entries;
	size_t n;
};

/* Where the parser is: the names of the sections around, of which two matter. */
struct mp_parser {
	enum section section;
	unsigned depth, block;
	char outer[16];
};

static char *skip_blank(char *s)
{
	return s + strspn(s, " \t");
}

/* Of a line: its key, and a value without quotes and comment. */
static void line_split(char *line, char **key, char **value)
{
	char *at = skip_blank(line);
	size_t len = strcspn(at, " \t");

	*key = at;
	*value = at + len;
	if (!at[len])
		return;
	at[len] = '\0';
	at = skip_blank(at + len + 1);
	if (*at == '"') {
		*value = at + 1;
		at[1 + strcspn(at + 1, "\"")] = '\0';
		return;
	}
	*value = at;
	len = strcspn(at, "#!");
	while (len && strchr(" \t", at[len - 1]))
		len--;
	at[len] = '\0';
}

static enum section section_of(const char *outer, const char *name)
{
	static const struct {
		const char *outer, *name;
		enum section section;
	} rows[] = {
		{ "", "defaults", SECTION_DEFAULTS },
		{ "", "overrides", SECTION_OVERRIDES },
		{ "devices", "device", SECTION_DEVICE },
		{ "multipaths", "multipath", SECTION_MULTIPATH },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].outer, outer) && !strcmp(rows[i].name, name))
			return rows[i].section;
	return SECTION_OTHER;
}

static void section_open(struct mp_parser *p, const char *name)
{
	if (p->depth++ == 0) {
		p->outer[0] = '\0';
		p->section = section_of("", name);
		strncat(p->outer, name, sizeof(p->outer) - 1);
	} else {
		p->section = p->depth == 2 ? section_of(p->outer, name) : SECTION_OTHER;
	}
	p->block++;
}

static void section_close(struct mp_parser *p)
{
	if (p->depth)
		p->depth--;
	p->section = p->depth == 1 ? section_of("", p->outer) : SECTION_OTHER;
}

static int entry_add(struct mp_conf *c, size_t *size, const struct mp_parser *p, char *line)
{
	char *key, *value;

	line_split(line, &key, &value);
	if (!*key || *key == '#' || *key == '!')
		return 0;
	if (c->n == *size) {
		size_t more = *size ? *size * 2 : 256;
		struct mp_entry *e = reallocarray(c->entries, more, sizeof(*e));

		if (!e)
			return -1;
		c->entries = e;
		*size = more;
	}
	c->entries[c->n++] = (struct mp_entry){ p->section, p->block, key, value };
	return 0;
}

/* "NAME {" opens, "}" closes, anything else is a key and its value. */
static int line_take(struct mp_conf *c, size_t *size, struct mp_parser *p, char *line)
{
	size_t len = strcspn(line, "\r");
	char *name = skip_blank(line);

	while (len && strchr(" \t", line[len - 1]))
		len--;
	line[len] = '\0';
	if (*name == '}') {
		section_close(p);
	} else if (len && line[len - 1] == '{' && *name != '#') {
		name[strcspn(name, " \t{")] = '\0';
		section_open(p, name);
	} else if (p->section != SECTION_OTHER) {
		return entry_add(c, size, p, line);
	}
	return 0;
}

struct mp_conf *mp_conf_parse(const char *text)
{
	struct mp_conf *c = calloc(1, sizeof(*c));
	struct mp_parser p = { 0 };
	char *line, *rest;
	size_t size = 0;
	int rc = 0;

	if (!c)
		return NULL;
	c->text = rest = strdup(text);
	while (rest && !rc && (line = strsep(&rest, "\n")))
		rc = line_take(c, &size, &p, line);
	if (rc || !c->text || !p.block) {
		mp_conf_free(c);
		return NULL;
	}
	return c;
}

void mp_conf_free(struct mp_conf *c)
{
	if (!c)
		return;
	free(c->entries);
	free(c->text);
	free(c);
}

static const char *block_get(const struct mp_conf *c, unsigned block, const char *key)
{
	const char *found = "";

	for (size_t i = 0; i < c->n; i++)
		if (c->entries[i].block == block && !strcmp(c->entries[i].key, key))
			found = c->entries[i].value;
	return found;
}

/* As multipath-tools: an extended regular expression; "" fits everything. */
static bool fits(const char *pattern, const char *text)
{
	regex_t re;
	bool ok;

	if (!*pattern)
		return true;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	ok = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return ok;
}

static bool entry_applies(const struct mp_conf *c, const struct mp_entry *e, const char *wwid,
			  const char *vendor, const char *product)
{
	switch (e->section) {
	case SECTION_DEVICE:
		return fits(block_get(c, e->block, "vendor"), vendor) &&
		       fits(block_get(c, e->block, "product"), product);
	case SECTION_MULTIPATH:
		return !strcmp(block_get(c, e->block, "wwid"), wwid);
	default:
		return true;
	}
}

const char *mp_conf_get(const struct mp_conf *c, const char *key, const char *wwid,
			const char *vendor, const char *product)
{
	static const enum section order[] = { SECTION_MULTIPATH, SECTION_OVERRIDES, SECTION_DEVICE,
					      SECTION_DEFAULTS };

	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++)
		for (size_t i = c->n; i-- > 0;)
			if (c->entries[i].section == order[o] && !strcmp(c->entries[i].key, key) &&
			    entry_applies(c, &c->entries[i], wwid, vendor, product))
				return c->entries[i].value;
	return "";
}
