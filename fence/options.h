/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command lines of the programs here have in common. */
#ifndef FENCE_OPTIONS_H
#define FENCE_OPTIONS_H

#include <stdbool.h>

enum { EXIT_USAGE = 2 };

/* Says on standard error @what is wrong, with which @word ("": none). EXIT_USAGE. */
int usage_error(const char *program, const char *what, const char *word);

/* @text: a decimal number from @min to @max, and nothing else; else false. */
bool seconds_parse(const char *text, unsigned min, unsigned max, unsigned *out);

#endif
