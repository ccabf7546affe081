/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/dmtable.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A line is "NAME: START LENGTH multipath …". What is behind that word, or NULL. */
static const char *line_of(const char *text, const char *map, size_t *len)
{
	static const char word[] = " multipath ";
	size_t name = strlen(map);

	while (*text) {
		const char *end = strchrnul(text, '\n');

		if (!strncmp(text, map, name) && text[name] == ':') {
			const char *at = memmem(text, (size_t)(end - text), word, sizeof(word) - 1);

			if (at) {
				at += sizeof(word) - 1;
				*len = (size_t)(end - at);
				return at;
			}
		}
		text = *end ? end + 1 : end;
	}
	return NULL;
}

/* The features are the first words: a number, and so many. */
bool dm_table_queues(const char *table, const char *map, bool *queues)
{
	static const char feature[] = "queue_if_no_path";
	size_t len;
	const char *line = line_of(table, map, &len);

	*queues = line && memmem(line, len, feature, sizeof(feature) - 1);
	return line != NULL;
}

/* Of each path there are "MAJOR:MINOR STATE FAILURES"; STATE is A or F. */
int dm_status_failed(const char *status, const char *map)
{
	size_t len;
	const char *at = line_of(status, map, &len);
	const char *end = at ? at + len : NULL;
	int failed = 0;

	while (at && at < end) {
		unsigned major, minor;
		char state;
		int used;

		if (sscanf(at, "%u:%u %c%n", &major, &minor, &state, &used) == 3 &&
		    used <= end - at)
			failed += state == 'F';
		at = memchr(at, ' ', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return failed;
}
