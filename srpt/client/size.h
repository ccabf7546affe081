/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of bytes as people write them on a command line. */
#ifndef SRPT_CLIENT_SIZE_H
#define SRPT_CLIENT_SIZE_H

#include <stdint.h>

/* Decimal, with K, M, G or T (powers of 1024, either case) behind it or not. 0 or -EINVAL. */
int size_parse(const char *s, uint64_t *out);

#endif
