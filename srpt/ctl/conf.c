/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statements to structures, driven by the table of blocks below and that of keys. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

/* A block being read: which one, and the structure its attributes go into. */
struct scope {
	enum conf_block block;
	void *base;
	int depth;
};

struct parser {
	struct conf *conf;
	struct conf_diag_list *diags;
	enum conf_handler handler;	/* of the HANDLER block being read */
	struct conf_skipped skipped;
	bool no_memory;
	struct conf_stmt stmt;		/* one at a time: parents need nothing of theirs any more */
	struct conf_lex lex;
};

/* Attributes are marked as given through the first member of whatever structure. */
STATIC_ASSERT(offsetof(struct conf, given) == 0);
STATIC_ASSERT(offsetof(struct conf_daemon, given) == 0);
STATIC_ASSERT(offsetof(struct conf_driver, given) == 0);
STATIC_ASSERT(offsetof(struct conf_device, given) == 0);
STATIC_ASSERT(offsetof(struct conf_target, given) == 0);
STATIC_ASSERT(offsetof(struct conf_lun, given) == 0);
STATIC_ASSERT(offsetof(struct conf_device_group, given) == 0);
STATIC_ASSERT(offsetof(struct conf_target_group, given) == 0);
STATIC_ASSERT(offsetof(struct conf_group_target, given) == 0);

static void *parser_add(struct parser *p, void **items, size_t *count, size_t size)
{
	void *item = conf_array_add(items, count, size);

	if (!item)
		p->no_memory = true;
	return item;
}

#define add_item(p, items, count) parser_add(p, (void **)&(items), &(count), sizeof(*(items)))

static bool values_init(struct parser *p, enum conf_block block, void *base)
{
	if (conf_values_init(block, base))
		p->no_memory = true;
	return !p->no_memory;
}

/* ---- opening blocks: each returns the structure to fill, or NULL to skip the block ---- */

/* The name in word 1, copied; false after telling what is wrong with it. */
static bool take_name(struct parser *p, char *name, size_t max)
{
	struct conf_stmt *s = &p->stmt;

	if (!conf_name_valid(s->words[1], max, true)) {
		conf_error(p->diags, s->word_pos[1],
			   "%s \"%s\": allowed are 1 to %zu printable ASCII characters without "
			   "blanks, quotes, braces, slashes and #", s->words[0], s->words[1], max);
		return false;
	}
	memcpy(name, s->words[1], strlen(s->words[1]) + 1);
	return true;
}

static void *open_daemon(struct parser *p, const struct scope *parent)
{
	(void)parent;
	return &p->conf->daemon;
}

static void handler_names(char *buf, size_t size)
{
	size_t len = 0;

	for (int h = 0; h < CONF_HANDLERS; h++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", h ? ", " : "",
					conf_handler_name((enum conf_handler)h));
}

static void *open_handler(struct parser *p, const struct scope *parent)
{
	struct conf_stmt *s = &p->stmt;
	char known[128];
	int h = 0;

	(void)parent;
	while (h < CONF_HANDLERS && strcmp(s->words[1], conf_handler_name((enum conf_handler)h)))
		h++;
	if (h == CONF_HANDLERS) {
		handler_names(known, sizeof(known));
		conf_warn(p->diags, s->word_pos[1],
			  "HANDLER \"%s\" is not served and skipped: known are %s", s->words[1],
			  known);
		return NULL;
	}
	p->handler = (enum conf_handler)h;
	return p->conf;
}

static void *open_device(struct parser *p, const struct scope *parent)
{
	char name[CONF_DEVICE_NAME_MAX + 1] = "";
	struct conf_device *dev;

	(void)parent;
	if (!take_name(p, name, CONF_DEVICE_NAME_MAX))
		return NULL;
	dev = add_item(p, p->conf->devices, p->conf->n_devices);
	if (!dev || !values_init(p, CONF_DEVICE, dev))
		return NULL;
	memcpy(dev->name, name, sizeof(name));
	dev->pos = p->stmt.pos;
	dev->handler = p->handler;
	return dev;
}

static void *open_driver(struct parser *p, const struct scope *parent)
{
	struct conf_stmt *s = &p->stmt;

	(void)parent;
	if (!strcmp(s->words[1], "ib_srpt"))
		return &p->conf->driver;
	conf_warn(p->diags, s->word_pos[1],
		  "TARGET_DRIVER \"%s\" is not served and skipped: known is ib_srpt", s->words[1]);
	return NULL;
}

static void *open_target(struct parser *p, const struct scope *parent)
{
	char name[CONF_NAME_MAX + 1] = "";
	struct conf_target *target;

	(void)parent;
	if (!take_name(p, name, CONF_NAME_MAX))
		return NULL;
	target = add_item(p, p->conf->targets, p->conf->n_targets);
	if (!target || !values_init(p, CONF_TARGET, target))
		return NULL;
	memcpy(target->name, name, sizeof(name));
	target->pos = p->stmt.pos;
	return target;
}

static void *open_group(struct parser *p, const struct scope *parent)
{
	struct conf_target *target = parent->base;
	char name[CONF_NAME_MAX + 1] = "";
	struct conf_group *group;

	if (!take_name(p, name, CONF_NAME_MAX))
		return NULL;
	group = add_item(p, target->groups, target->n_groups);
	if (!group)
		return NULL;
	memcpy(group->name, name, sizeof(name));
	group->pos = p->stmt.pos;
	return group;
}

/* Only digits, so that 010 and 0x8 raise no question. */
static bool lun_parse(const char *text, uint16_t *number)
{
	size_t len = strspn(text, "0123456789");
	unsigned long value;

	if (!len || text[len])
		return false;
	errno = 0;
	value = strtoul(text, NULL, 10);
	*number = (uint16_t)value;
	return !errno && value <= CONF_LUN_MAX;
}

static void *open_lun(struct parser *p, const struct scope *parent)
{
	struct conf_lunmap *map = parent->block == CONF_TARGET ?
		&((struct conf_target *)parent->base)->map :
		&((struct conf_group *)parent->base)->map;
	struct conf_stmt *s = &p->stmt;
	struct conf_lun *lun;
	uint16_t number;

	if (!lun_parse(s->words[1], &number)) {
		conf_error(p->diags, s->word_pos[1], "LUN \"%s\": allowed are numbers 0..%d",
			   s->words[1], CONF_LUN_MAX);
		return NULL;
	}
	if (strlen(s->words[2]) > CONF_DEVICE_NAME_MAX) {
		conf_error(p->diags, s->word_pos[2],
			   "device name \"%s\": allowed are at most %d characters", s->words[2],
			   CONF_DEVICE_NAME_MAX);
		return NULL;
	}
	lun = add_item(p, map->luns, map->count);
	if (!lun || !values_init(p, CONF_LUN, lun))
		return NULL;
	lun->number = number;
	lun->pos = s->pos;
	memcpy(lun->device, s->words[2], strlen(s->words[2]) + 1);
	return lun;
}

static bool pattern_valid(const char *pattern)
{
	const char *body = pattern + (*pattern == '!');

	return conf_name_valid(pattern, CONF_PATTERN_MAX, true) && *body && !strchr(body, '!');
}

static void *open_initiator(struct parser *p, const struct scope *parent)
{
	struct conf_group *group = parent->base;
	struct conf_stmt *s = &p->stmt;
	struct conf_initiator *ini;

	if (!pattern_valid(s->words[1])) {
		conf_error(p->diags, s->word_pos[1],
			   "INITIATOR \"%s\": allowed are 1 to %d printable ASCII characters, '*' "
			   "and '?' as wildcards, '!' in front only", s->words[1],
			   CONF_PATTERN_MAX);
		return NULL;
	}
	ini = add_item(p, group->initiators, group->n_initiators);
	if (!ini)
		return NULL;
	ini->pos = s->pos;
	memcpy(ini->pattern, s->words[1], strlen(s->words[1]) + 1);
	return ini;
}

static void *open_device_group(struct parser *p, const struct scope *parent)
{
	char name[CONF_NAME_MAX + 1] = "";
	struct conf_device_group *dg;

	(void)parent;
	if (!take_name(p, name, CONF_NAME_MAX))
		return NULL;
	dg = add_item(p, p->conf->device_groups, p->conf->n_device_groups);
	if (!dg || !values_init(p, CONF_DEVICE_GROUP, dg))
		return NULL;
	memcpy(dg->name, name, sizeof(name));
	dg->pos = p->stmt.pos;
	return dg;
}

static void *open_group_device(struct parser *p, const struct scope *parent)
{
	struct conf_device_group *dg = parent->base;
	char name[CONF_DEVICE_NAME_MAX + 1] = "";
	struct conf_group_device *d;

	if (!take_name(p, name, CONF_DEVICE_NAME_MAX))
		return NULL;
	d = add_item(p, dg->devices, dg->n_devices);
	if (!d)
		return NULL;
	memcpy(d->name, name, sizeof(name));
	d->pos = p->stmt.pos;
	return d;
}

/* Whether one more is allowed in its block. */
static bool has_room(struct parser *p, size_t count, size_t max, const char *home)
{
	if (count == max)
		conf_error(p->diags, p->stmt.pos, "too many %s lines: a %s may have %zu",
			   p->stmt.words[0], home, max);
	return count < max;
}

static void *open_target_group(struct parser *p, const struct scope *parent)
{
	struct conf_device_group *dg = parent->base;
	char name[CONF_NAME_MAX + 1] = "";
	struct conf_target_group *tg;

	if (!take_name(p, name, CONF_NAME_MAX) ||
	    !has_room(p, dg->n_groups, CONF_TARGET_GROUPS_MAX, "DEVICE_GROUP"))
		return NULL;
	tg = add_item(p, dg->groups, dg->n_groups);
	if (!tg || !values_init(p, CONF_TARGET_GROUP, tg))
		return NULL;
	memcpy(tg->name, name, sizeof(name));
	tg->pos = p->stmt.pos;
	return tg;
}

static void *open_group_target(struct parser *p, const struct scope *parent)
{
	struct conf_target_group *tg = parent->base;
	char name[CONF_PORT_NAME_MAX + 1] = "";
	struct conf_group_target *t;

	if (!take_name(p, name, CONF_PORT_NAME_MAX) ||
	    !has_room(p, tg->n_targets, CONF_GROUP_TARGETS_MAX, "TARGET_GROUP"))
		return NULL;
	t = add_item(p, tg->targets, tg->n_targets);
	if (!t || !values_init(p, CONF_GROUP_TARGET, t))
		return NULL;
	memcpy(t->name, name, sizeof(name));
	t->pos = p->stmt.pos;
	return t;
}

/* ---- blocks ---- */

static const struct block_row {
	enum conf_block block, parent;
	size_t args;		/* words behind the one that opens the block */
	const char *usage;
	void *(*open)(struct parser *p, const struct scope *parent);
} block_rows[] = {
	{ CONF_DAEMON, CONF_TOP, 0, "DAEMON { ... }", open_daemon },
	{ CONF_HANDLER, CONF_TOP, 1, "HANDLER name { ... }", open_handler },
	{ CONF_DEVICE, CONF_HANDLER, 1, "DEVICE name { ... }", open_device },
	{ CONF_TARGET_DRIVER, CONF_TOP, 1, "TARGET_DRIVER name { ... }", open_driver },
	{ CONF_TARGET, CONF_TARGET_DRIVER, 1, "TARGET name { ... }", open_target },
	{ CONF_LUN, CONF_TARGET, 2, "LUN number device", open_lun },
	{ CONF_LUN, CONF_GROUP, 2, "LUN number device", open_lun },
	{ CONF_GROUP, CONF_TARGET, 1, "GROUP name { ... }", open_group },
	{ CONF_INITIATOR, CONF_GROUP, 1, "INITIATOR pattern", open_initiator },
	{ CONF_DEVICE_GROUP, CONF_TOP, 1, "DEVICE_GROUP name { ... }", open_device_group },
	{ CONF_GROUP_DEVICE, CONF_DEVICE_GROUP, 1, "DEVICE name", open_group_device },
	{ CONF_TARGET_GROUP, CONF_DEVICE_GROUP, 1, "TARGET_GROUP name { ... }",
	  open_target_group },
	{ CONF_GROUP_TARGET, CONF_TARGET_GROUP, 1, "TARGET name { ... }", open_group_target },
};

/* The row for a word in a block; any row for it if it does not belong there. */
static const struct block_row *block_row_find(const char *word, enum conf_block parent)
{
	const struct block_row *other = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(block_rows); i++) {
		if (strcmp(word, conf_block_word(block_rows[i].block)))
			continue;
		if (block_rows[i].parent == parent)
			return &block_rows[i];
		other = &block_rows[i];
	}
	return other;
}

static const char *block_title(enum conf_block block)
{
	return block == CONF_TOP ? "the top level" : conf_block_word(block);
}

/* Where a block of that name belongs: "TARGET or GROUP". */
static void block_homes(const char *word, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(block_rows); i++)
		if (!strcmp(conf_block_word(block_rows[i].block), word))
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? " or " : "",
						block_title(block_rows[i].parent));
}

static void skipped_name(struct parser *p, const struct conf_stmt *s, const char *word,
			 struct conf_names *list)
{
	char (*name)[CONF_PORT_NAME_MAX + 1];

	if (s->count < 2 || strcmp(s->words[0], word) || strlen(s->words[1]) > CONF_PORT_NAME_MAX)
		return;
	name = add_item(p, list->names, list->count);
	if (name)
		memcpy(*name, s->words[1], strlen(s->words[1]) + 1);
}

/* Remembers what a skipped HANDLER would have defined, for those that name it. */
static void skipped_device(void *arg, const struct conf_stmt *s)
{
	struct parser *p = arg;

	skipped_name(p, s, "DEVICE", &p->skipped.devices);
}

/* The same of a skipped TARGET_DRIVER. */
static void skipped_target(void *arg, const struct conf_stmt *s)
{
	struct parser *p = arg;

	skipped_name(p, s, "TARGET", &p->skipped.targets);
}

/* @block is what would be read if it were not skipped, CONF_TOP: something unknown. */
static void skip_block(struct parser *p, const struct scope *parent, enum conf_block block)
{
	void (*seen)(void *arg, const struct conf_stmt *s) = NULL;

	if (block == CONF_HANDLER)
		seen = skipped_device;
	else if (block == CONF_TARGET_DRIVER)
		seen = skipped_target;
	if (p->stmt.block)
		conf_stmt_skip(&p->lex, &p->stmt, parent->depth + 1, seen, p);
}

static void parse_block(struct parser *p, const struct scope *scope);

static void parse_child(struct parser *p, const struct scope *parent,
			const struct block_row *row)
{
	struct scope scope = { row->block, NULL, parent->depth + 1 };
	char homes[64];

	block_homes(p->stmt.words[0], homes, sizeof(homes));
	if (row->parent != parent->block) {
		conf_error(p->diags, p->stmt.pos, "%s does not belong in %s but in %s",
			   p->stmt.words[0], block_title(parent->block), homes);
	} else if (p->stmt.count != row->args + 1) {
		conf_error(p->diags, p->stmt.pos, "%s is followed by %zu words: allowed is \"%s\"",
			   p->stmt.words[0], p->stmt.count - 1, row->usage);
	} else {
		scope.base = row->open(p, parent);
	}
	if (!scope.base)
		skip_block(p, parent, row->block);
	else if (p->stmt.block)
		parse_block(p, &scope);
}

/* ---- attributes ---- */

static void list_add(struct parser *p, const struct conf_portal *portal,
		     struct conf_portal **list, size_t *count, const char *too_many)
{
	struct conf_portal *item;

	if (*count == CONF_PORTALS_MAX) {
		conf_error(p->diags, p->stmt.pos, "%s may have %d", too_many, CONF_PORTALS_MAX);
		return;
	}
	item = add_item(p, *list, *count);
	if (!item)
		return;
	*item = *portal;
	item->pos = p->stmt.pos;
}

/* The value of a repeatable attribute of a TARGET or TARGET_DRIVER. */
static void add_portal(struct parser *p, const struct scope *scope, const struct conf_key *key)
{
	struct conf_target *target = scope->base;
	struct conf_driver *driver = scope->base;
	struct conf_stmt *s = &p->stmt;
	bool iwarp = key->type == CONF_T_IWARP_PORT;
	struct conf_portal portal;
	const char *why;

	if (!(iwarp ? conf_iwarp_port_parse : conf_portal_parse)(s->words[1], &portal, &why))
		conf_error(p->diags, s->word_pos[1], "%s \"%s\": %s", key->name, s->words[1],
			   why);
	else if (iwarp)
		list_add(p, &portal, &driver->iwarp_ports, &driver->n_iwarp_ports,
			 "too many iwarp_port lines: TARGET_DRIVER");
	else
		list_add(p, &portal, &target->portals, &target->n_portals,
			 "too many portals: a target");
}

static bool key_has_effect(struct parser *p, const struct scope *scope,
			   const struct conf_key *key)
{
	const struct conf_device *dev = scope->base;

	if (!key->handlers || key->handlers & 1u << dev->handler)
		return true;
	conf_warn(p->diags, p->stmt.pos, "%s has no effect with %s", key->name,
		  conf_handler_name(dev->handler));
	return false;
}

static void set_value(struct parser *p, const struct scope *scope, const struct conf_key *key)
{
	struct conf_stmt *s = &p->stmt;
	uint64_t *given = scope->base;
	const char *caution;
	char why[384];
	int rc;

	if (conf_key_given(*given, key)) {
		conf_error(p->diags, s->pos, "%s is given twice", key->name);
		return;
	}
	/* Also if the value is bad, so that it is not called missing as well. */
	*given |= conf_key_bit(key);
	rc = conf_value_set(key, scope->base, s->words[1], why, sizeof(why));
	if (rc == -ENOMEM)
		p->no_memory = true;
	if (rc == -EINVAL)
		conf_error(p->diags, s->word_pos[1], "%s", why);
	caution = !rc && key->caution ? key->caution(scope->base) : NULL;
	if (caution)
		conf_warn(p->diags, s->pos, "%s", caution);
}

static void parse_key(struct parser *p, const struct scope *scope, const struct conf_key *key)
{
	struct conf_stmt *s = &p->stmt;

	if (key->type == CONF_T_NONE)
		conf_warn(p->diags, s->pos, "%s has no effect: %s", key->name, key->help);
	else if (s->block)
		conf_error(p->diags, s->block_pos, "%s is an attribute and takes no block",
			   key->name);
	else if (s->count == 1)
		conf_error(p->diags, s->pos, "%s needs a value", key->name);
	else if (s->count > 2)
		conf_error(p->diags, s->word_pos[2],
			   "%s takes one value: put it in \"\" if it has blanks", key->name);
	else if (conf_key_is_list(key))
		add_portal(p, scope, key);
	else if (key_has_effect(p, scope, key))
		set_value(p, scope, key);
	skip_block(p, scope, CONF_TOP);
}

/* Where an attribute that is unknown here would be known, for the message. */
static const char *key_home(const char *name)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count; i++)
		if (keys[i].type != CONF_T_NONE && !strcmp(keys[i].name, name))
			return block_title(keys[i].block);
	return NULL;
}

static void parse_unknown(struct parser *p, const struct scope *scope)
{
	struct conf_stmt *s = &p->stmt;
	const char *home = key_home(s->words[0]);

	if (home && !strcmp(home, block_title(scope->block)))
		home = NULL;
	conf_warn(p->diags, s->pos, "unknown %s \"%s\" in %s is skipped%s%s",
		  s->block ? "block" : "attribute", s->words[0], block_title(scope->block),
		  home ? ": it belongs in " : "", home ? home : "");
	skip_block(p, scope, CONF_TOP);
}

/* ---- statements ---- */

static void parse_stmt(struct parser *p, const struct scope *scope)
{
	const char *word = p->stmt.words[0];
	const struct block_row *row = block_row_find(word, scope->block);
	const struct conf_key *key = conf_key_find(scope->block, word);

	if (row)
		parse_child(p, scope, row);
	else if (key)
		parse_key(p, scope, key);
	else
		parse_unknown(p, scope);
}

static void parse_block(struct parser *p, const struct scope *scope)
{
	struct conf_pos open = p->stmt.block_pos;

	while (!p->no_memory) {
		conf_stmt_read(&p->lex, &p->stmt);
		switch (p->stmt.kind) {
		case CONF_STMT_WORD:
			parse_stmt(p, scope);
			break;
		case CONF_STMT_BAD:
			skip_block(p, scope, CONF_TOP);
			break;
		case CONF_STMT_CLOSE:
			if (scope->block != CONF_TOP)
				return;
			conf_error(p->diags, p->stmt.pos, "'}' closes no block");
			break;
		case CONF_STMT_END:
			if (scope->block != CONF_TOP && !p->lex.aborted)
				conf_error(p->diags, open,
					   "the block opened here is not closed by '}'");
			return;
		}
	}
}

static struct conf *conf_new(void)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	if (conf_values_init(CONF_TOP, conf) || conf_values_init(CONF_DAEMON, &conf->daemon) ||
	    conf_values_init(CONF_TARGET_DRIVER, &conf->driver)) {
		conf_free(conf);
		return NULL;
	}
	return conf;
}

static void parser_run(struct parser *p, const char *text, size_t len)
{
	const struct scope top = { CONF_TOP, p->conf, 0 };

	conf_lex_init(&p->lex, text, len, p->diags);
	parse_block(p, &top);
	if (!p->no_memory && !p->lex.aborted && conf_check(p->conf, &p->skipped, p->diags))
		p->no_memory = true;
	conf_diag_sort(p->diags);
}

int conf_parse(const char *path, const char *text, size_t len, struct conf **out,
	       struct conf_diag_list *diags)
{
	struct parser *p;
	int rc;

	*out = NULL;
	if (!diags->path)
		diags->path = strdup(path);
	if (len > CONF_TEXT_MAX) {
		conf_error(diags, (struct conf_pos){ 0 },
			   "the file is too big: at most %d bytes are allowed", CONF_TEXT_MAX);
		return -EINVAL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->diags = diags;
	p->conf = conf_new();
	p->no_memory = !p->conf || !diags->path;
	if (!p->no_memory)
		parser_run(p, text, len);
	rc = p->no_memory ? -ENOMEM : diags->errors ? -EINVAL : 0;
	if (rc)
		conf_free(p->conf);
	else
		*out = p->conf;
	free(p->skipped.devices.names);
	free(p->skipped.targets.names);
	free(p);
	return rc;
}
