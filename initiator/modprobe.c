/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/modprobe.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536 /* bytes; what is behind is not looked at */
#define FILES_MAX 256

/* drivers/infiniband/ulp/srp/ib_srp.c */
#define DEFAULT_RECONNECT 10
#define DEFAULT_FAST_IO_FAIL 15
#define DEFAULT_DEV_LOSS 600

static void option_take(char *option, struct timeouts *to)
{
	const struct {
		const char *name;
		int *value;
	} rows[] = {
		{ "fast_io_fail_tmo", &to->fast_io_fail },
		{ "dev_loss_tmo", &to->dev_loss },
		{ "reconnect_delay", &to->reconnect },
	};
	char *value = strchr(option, '=');

	if (!value)
		return;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(option, rows[i].name))
			*rows[i].value = !strcmp(value, "-1") ? VALUE_OFF : settings_number(value);
}

static bool line_take(char *line, struct timeouts *to)
{
	char *word;

	line += strspn(line, " \t");
	word = strsep(&line, " \t");
	if (!line || strcmp(word, "options"))
		return false;
	line += strspn(line, " \t");
	word = strsep(&line, " \t");
	/* modprobe takes both for the same. */
	if (strcmp(word, "ib_srp") && strcmp(word, "ib-srp"))
		return false;
	while ((word = strsep(&line, " \t")))
		option_take(word, to);
	return true;
}

/* A line goes on behind a backslash at its end. */
static void lines_join(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (at[0] == '\\' && at[1] == '\n')
			at++;
		else
			*to++ = *at;
	}
	*to = '\0';
}

/* A file, and which of the directories it is in. */
struct file {
	char name[TREE_NAME_MAX];
	const char *dir;
};

static bool file_take(const struct tree *t, const struct file *f, struct timeouts *to)
{
	static char text[FILE_MAX];
	char path[512], *rest = text, *line;
	bool found = false;

	snprintf(path, sizeof(path), "%s/%s", f->dir, f->name);
	if (tree_read(t, path, text, sizeof(text)) < 0)
		return false;
	lines_join(text);
	while ((line = strsep(&rest, "\n")))
		found |= line_take(line, to);
	return found;
}

static bool is_new(const struct file *files, int n, const char *name)
{
	size_t len = strlen(name);

	if (len <= 5 || strcmp(name + len - 5, ".conf"))
		return false;
	for (int i = 0; i < n; i++)
		if (!strcmp(files[i].name, name))
			return false;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* Of files with one name that of the first directory counts; then they are read by name. */
static int files_find(const struct tree *t, struct file *files)
{
	static const char *const dirs[] = { "/etc/modprobe.d", "/run/modprobe.d",
					    "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
					    "/lib/modprobe.d" };
	static struct tree_name names[FILES_MAX];
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int in_dir = tree_list(t, dirs[i], "", names, FILES_MAX);

		for (int k = 0; k < in_dir && n < FILES_MAX; k++) {
			if (!is_new(files, n, names[k].name))
				continue;
			strcpy(files[n].name, names[k].name);
			files[n++].dir = dirs[i];
		}
	}
	qsort(files, (size_t)n, sizeof(*files), by_name);
	return n;
}

bool modprobe_options(const struct tree *t, struct timeouts *to)
{
	static struct file files[FILES_MAX];
	int n = files_find(t, files);
	bool found = false;

	to->reconnect = DEFAULT_RECONNECT;
	to->fast_io_fail = DEFAULT_FAST_IO_FAIL;
	to->dev_loss = DEFAULT_DEV_LOSS;
	for (int i = 0; i < n; i++)
		found |= file_take(t, &files[i], to);
	return found;
}
