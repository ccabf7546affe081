/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * srpt.conf(5) against the table of attributes: each is described in the section of its block with
 * its range and default, nothing else is, and the example of the page is accepted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ctl/conf.h"

enum { ENTRIES_MAX = 256, TEXT_MAX = 2048 };

/* One attribute as the page has it. */
static struct entry {
	int block;
	char name[64];
	bool effect;
	char text[TEXT_MAX];	/* the paragraph, for those with effect */
} entries[ENTRIES_MAX];
static size_t n_entries;
static bool block_seen[CONF_BLOCKS];
static char example[8192];

/*
 * ".SS "DEVICE name { ... }"" to CONF_DEVICE, "... in DEVICE_GROUP" to the block of the same
 * word there; -1 for any other section.
 */
static int block_of(const char *line)
{
	const char *word = line + 4 + (line[4] == '"');
	size_t len = strcspn(word, " \"\n");

	if (strstr(line, " in DEVICE_GROUP"))
		return CONF_GROUP_DEVICE;
	if (strstr(line, " in TARGET_GROUP"))
		return CONF_GROUP_TARGET;
	if (!strncmp(word, "Top level", 9))
		return CONF_TOP;
	for (int b = CONF_TOP + 1; b < CONF_BLOCKS; b++) {
		const char *name = conf_block_word((enum conf_block)b);

		if (strlen(name) == len && !strncmp(word, name, len))
			return b;
	}
	return -1;
}

/* The text without the backslash that roff wants before a minus. */
static void append(char *text, size_t size, const char *line, const char *drop)
{
	size_t len = strlen(text);

	for (; *line && len + 1 < size; line++)
		if (!strchr(drop, *line))
			text[len++] = *line;
	text[len] = '\0';
}

static struct entry *entry_new(int block, const char *name, bool effect)
{
	struct entry *e = &entries[n_entries++];

	assert_true(n_entries < ENTRIES_MAX);
	e->block = block;
	e->effect = effect;
	snprintf(e->name, sizeof(e->name), "%.*s", (int)strcspn(name, " \n"), name);
	return e;
}

struct reader {
	int block;		/* section, -1 outside those of blocks */
	bool tag;		/* the last line was .TP */
	bool example;		/* between .EX and .EE */
	struct entry *open;	/* its paragraph is being read */
};

static void read_text(struct reader *r, const char *line)
{
	if (r->example)
		append(example, sizeof(example), line, "\\");
	else if (r->open)
		append(r->open->text, TEXT_MAX, line, "\\");
}

static void read_line(struct reader *r, const char *line)
{
	bool tag = r->tag;

	r->tag = !strncmp(line, ".TP", 3);
	if (!strncmp(line, ".EX", 3) || !strncmp(line, ".EE", 3)) {
		r->example = line[2] == 'X';
	} else if (!strncmp(line, ".SH", 3) || !strncmp(line, ".SS", 3)) {
		r->block = line[2] == 'S' ? block_of(line) : -1;
		r->open = NULL;
		if (r->block >= 0)
			block_seen[r->block] = true;
	} else if (r->tag || !strncmp(line, ".PP", 3)) {
		r->open = NULL;
	} else if (tag && r->block >= 0 && !strncmp(line, ".BI ", 4)) {
		r->open = entry_new(r->block, line + 4, true);
	} else if (!tag && r->block >= 0 && !r->open && !strncmp(line, ".IR ", 4)) {
		entry_new(r->block, line + 4, false);
	} else {
		read_text(r, line);
	}
}

static int read_page(void **state)
{
	const char *top = getenv("top_srcdir");
	struct reader r = { .block = -1 };
	char path[4096], line[1024];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/srpt.conf.5", top ? top : ".");
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		read_line(&r, line);
	fclose(f);
	return 0;
}

static const struct entry *entry_find(int block, const char *name)
{
	for (size_t i = 0; i < n_entries; i++)
		if (entries[i].block == block && !strcmp(entries[i].name, name))
			return &entries[i];
	return NULL;
}

static const char *title(int block)
{
	return block == CONF_TOP ? "Top level" : conf_block_word((enum conf_block)block);
}

static void test_every_attribute_is_described(void **state)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entry_find((int)keys[i].block, keys[i].name);

		if (!e)
			fail_msg("%s of %s is missing", keys[i].name, title((int)keys[i].block));
		if (e->effect != (keys[i].type != CONF_T_NONE))
			fail_msg("%s of %s: with or without effect?", keys[i].name,
				 title((int)keys[i].block));
	}
}

static void test_nothing_else_is_described(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_entries; i++) {
		if (!conf_key_find((enum conf_block)entries[i].block, entries[i].name))
			fail_msg("%s: there is no %s", title(entries[i].block), entries[i].name);
		if (entry_find(entries[i].block, entries[i].name) != &entries[i])
			fail_msg("%s: %s is described twice", title(entries[i].block),
				 entries[i].name);
	}
}

/* 4194304 as 4M. */
static const char *bound(const struct conf_key *k, int64_t value, char *buf, size_t size)
{
	int unit = 0;

	if (k->type == CONF_T_MIB)
		value >>= 20;
	while (k->type == CONF_T_SIZE && value && !(value & 1023) && unit < 4) {
		value >>= 10;
		unit++;
	}
	snprintf(buf, size, "%lld%.*s", (long long)value, unit != 0, unit ? &" KMGT"[unit] : "");
	return buf;
}

static bool has_range(const struct conf_key *k)
{
	switch (k->type) {
	case CONF_T_UINT:
	case CONF_T_UINT0:
	case CONF_T_POW2:
	case CONF_T_INT:
	case CONF_T_SIZE:
	case CONF_T_MIB:
		return true;
	default:
		return false;
	}
}

static void check_text(const struct conf_key *k, const struct entry *e)
{
	char want[128], min[32], max[32];

	if (has_range(k)) {
		snprintf(want, sizeof(want), "Range %s..%s", bound(k, k->min, min, sizeof(min)),
			 bound(k, k->max, max, sizeof(max)));
		if (!strstr(e->text, want))
			fail_msg("%s: \"%s\" is missing", k->name, want);
	}
	if (k->fallback) {
		snprintf(want, sizeof(want), "efault %s.\n", k->fallback);
		if (!strstr(e->text, want))
			fail_msg("%s: \"d%s\" is missing", k->name, want);
	} else if (strstr(e->text, "efault ")) {
		fail_msg("%s has no default", k->name);
	}
	for (int i = 0; k->names && k->names[i]; i++)
		if (!strstr(e->text, k->names[i]))
			fail_msg("%s: \"%s\" is missing", k->name, k->names[i]);
}

static void test_ranges_and_defaults(void **state)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entry_find((int)keys[i].block, keys[i].name);

		if (e && e->effect)
			check_text(&keys[i], e);
	}
}

static void test_every_block_is_described(void **state)
{
	(void)state;
	for (int b = 0; b < CONF_BLOCKS; b++)
		if (!block_seen[b])
			fail_msg("%s is missing", title(b));
}

static void test_example_is_accepted(void **state)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf;

	(void)state;
	assert_true(strlen(example) > 100);
	conf_parse("srpt.conf.5", example, strlen(example), &conf, &diags);
	conf_diag_print(&diags, stderr);
	assert_int_equal(diags.errors + diags.warnings, 0);
	assert_int_equal(conf->targets[0].n_groups, 2);
	conf_free(conf);
	conf_diag_free(&diags);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_attribute_is_described),
		cmocka_unit_test(test_nothing_else_is_described),
		cmocka_unit_test(test_ranges_and_defaults),
		cmocka_unit_test(test_every_block_is_described),
		cmocka_unit_test(test_example_is_accepted),
	};

	return cmocka_run_group_tests(tests, read_page, NULL);
}
