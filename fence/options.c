/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/options.h"

#include <stdio.h>
#include <stdlib.h>

int usage_error(const char *program, const char *what, const char *word)
{
	fprintf(stderr, "%s: %s%s%s\nTry '%s --help'.\n", program, what, *word ? " " : "", word,
		program);
	return EXIT_USAGE;
}

bool seconds_parse(const char *text, unsigned min, unsigned max, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < min || n > max)
		return false;
	*out = (unsigned)n;
	return true;
}
