/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC32C (Castagnoli, RFC 3720 B.4): of MPA frames, and of anything else that must be proved. */
#ifndef SRPT_BASE_CRC32C_H
#define SRPT_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * The CRC of what @crc stands for followed by @len bytes at @p; 0 to begin with.
 * crc32c(0, "123456789", 9) is 0xe3069283. On the wire of MPA it is little endian.
 * Any thread; uses the instruction of the machine where there is one.
 */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);

/* The same without the instruction: what crc32c() uses where there is none. */
uint32_t crc32c_table(uint32_t crc, const void *p, size_t len);

/* What crc32c() uses: "sse4.2", "armv8", "table". */
const char *crc32c_method(void);

#endif
