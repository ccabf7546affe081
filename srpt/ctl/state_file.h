/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One copy of the state of an LU as the bytes of a file: a header that proves what is behind it.
 * Big endian: magic (8 bytes), version (4), CRC32C of the whole file with zeros here (4),
 * sequence number from 1 (8), bytes behind the header (4), zeros (4), key (64, padded with zeros).
 */
#ifndef SRPT_CTL_STATE_FILE_H
#define SRPT_CTL_STATE_FILE_H

#include "ctl/state.h"

#include <stddef.h>
#include <stdint.h>

#define STATE_FILE_HEADER (32u + STATE_KEY_MAX)
#define STATE_FILE_VERSION 1u
#define STATE_FILE_MAX (16u << 20) /* bytes behind the header */

/* The header of @len bytes at @data, at most STATE_FILE_MAX. */
void state_file_header(uint8_t header[STATE_FILE_HEADER], const char *key, uint64_t sequence,
		       const void *data, size_t len);

/* Put the CRC of the @size bytes of @file in its place. */
void state_file_seal(uint8_t *file, size_t size);

/*
 * Whether the @size bytes of @file are an undamaged copy of the state of @key: 0, its number and
 * the bytes behind the header; -EBADMSG: no; -EPROTONOSUPPORT: undamaged, of a version that is
 * not known here.
 */
int state_file_check(const uint8_t *file, size_t size, const char *key, uint64_t *sequence,
		     size_t *len);

#endif
