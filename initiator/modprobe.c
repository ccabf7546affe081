/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/modprobe.h"

#include "base/bytes.h"

#include <stdio.h>
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
	char *word = strsep(&line, " \t");

	if (!line || strcmp(word, "options"))
		return false;
	line += strspn(line, " \t");
	word = strsep(&line, " \t");
	if (strcmp(word, "ib_srp"))
		return false;
	while ((word = strsep(&line, " \t")))
		option_take(word, to);
	return true;
}

static bool file_take(const struct tree *t, const char *dir, const char *name, struct timeouts *to)
{
	static char text[FILE_MAX];
	char path[512], *rest = text, *line;
	bool found = false;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (tree_read(t, path, text, sizeof(text)) < 0)
		return false;
	while ((line = strsep(&rest, "\n"))) {
		found |= line_take(line, to);
	}
	return found;
}

bool modprobe_options(const struct tree *t, struct timeouts *to)
{
	static const char *const dirs[] = { "/lib/modprobe.d", "/run/modprobe.d",
					    "/etc/modprobe.d" };
	static struct tree_name names[FILES_MAX];
	bool found = false;

	to->reconnect = DEFAULT_RECONNECT;
	to->fast_io_fail = DEFAULT_FAST_IO_FAIL;
	to->dev_loss = DEFAULT_DEV_LOSS;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int n = tree_list(t, dirs[i], "", names, FILES_MAX);

		for (int k = 0; k < n; k++) {
			size_t len = strlen(names[k].name);

			if (len > 5 && !strcmp(names[k].name + len - 5, ".conf"))
				found |= file_take(t, dirs[i], names[k].name, to);
		}
	}
	return found;
}
