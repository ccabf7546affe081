/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/state_file.h"

#include "base/bytes.h"
#include "base/crc32c.h"

#include <errno.h>
#include <string.h>

/* Offsets in the header. */
enum { VERSION = 8, CRC = 12, SEQUENCE = 16, LENGTH = 24, KEY = 32 };

static const char magic[8] = "SRPTlus";

/* With zeros in the place of the CRC itself. */
static uint32_t header_crc(const uint8_t header[STATE_FILE_HEADER])
{
	static const uint8_t zeros[4];
	uint32_t crc = crc32c(0, header, CRC);

	crc = crc32c(crc, zeros, sizeof(zeros));
	return crc32c(crc, header + SEQUENCE, STATE_FILE_HEADER - SEQUENCE);
}

void state_file_header(uint8_t header[STATE_FILE_HEADER], const char *key, uint64_t sequence,
		       const void *data, size_t len)
{
	memset(header, 0, STATE_FILE_HEADER);
	memcpy(header, magic, sizeof(magic));
	put_be32(header + VERSION, STATE_FILE_VERSION);
	put_be64(header + SEQUENCE, sequence);
	put_be32(header + LENGTH, (uint32_t)len);
	memcpy(header + KEY, key, strnlen(key, STATE_KEY_MAX));
	put_be32(header + CRC, crc32c(header_crc(header), data, len));
}

void state_file_seal(uint8_t *file, size_t size)
{
	put_be32(file + CRC, crc32c(header_crc(file), file + STATE_FILE_HEADER,
				    size - STATE_FILE_HEADER));
}

int state_file_check(const uint8_t *file, size_t size, const char *key, uint64_t *sequence,
		     size_t *len)
{
	size_t behind = size - STATE_FILE_HEADER;

	if (size < STATE_FILE_HEADER || memcmp(file, magic, sizeof(magic)) ||
	    get_be32(file + CRC) != crc32c(header_crc(file), file + STATE_FILE_HEADER, behind))
		return -EBADMSG;
	/* Of other versions no more is known than what is checked above. */
	if (get_be32(file + VERSION) != STATE_FILE_VERSION)
		return -EPROTONOSUPPORT;
	if (get_be32(file + LENGTH) != behind || !get_be64(file + SEQUENCE) ||
	    strncmp((const char *)file + KEY, key, STATE_KEY_MAX))
		return -EBADMSG;
	*sequence = get_be64(file + SEQUENCE);
	*len = behind;
	return 0;
}
