/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/volume_image.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "ctl/state.h"

#include <errno.h>
#include <string.h>

/* Offsets; the first four are those of the label, too. */
enum { MAGIC = 0, VERSION = 8, CRC = 12, LABEL_SLOT_SIZE = 16,
       SEQUENCE = 16, EPOCH = 24, LENGTH = 32, COUNT = 40 };

#define LABEL_VERSION 1u
#define SLOT_VERSION 1u
#define MAGIC_SIZE 8

static const char label_magic[MAGIC_SIZE] = "SRPTvol";
static const char slot_magic[MAGIC_SIZE] = "SRPTslt";

/* With zeros in the place of the CRC itself. */
static uint32_t sealed_crc(const uint8_t *p, size_t len)
{
	static const uint8_t zeros[4];
	uint32_t crc = crc32c(0, p, CRC);

	crc = crc32c(crc, zeros, sizeof(zeros));
	return crc32c(crc, p + CRC + sizeof(zeros), len - CRC - sizeof(zeros));
}

/* ---- the label ---- */

uint64_t volume_slot_size(uint64_t size)
{
	return min_u64((size - VOLUME_BLOCK) / 2 / VOLUME_BLOCK * VOLUME_BLOCK, VOLUME_SLOT_MAX);
}

void volume_label(uint8_t block[VOLUME_BLOCK], uint64_t slot_size)
{
	memset(block, 0, VOLUME_BLOCK);
	memcpy(block, label_magic, MAGIC_SIZE);
	put_be32(block + VERSION, LABEL_VERSION);
	put_be64(block + LABEL_SLOT_SIZE, slot_size);
	put_be32(block + CRC, sealed_crc(block, VOLUME_LABEL));
}

int volume_label_check(const uint8_t block[VOLUME_BLOCK], uint64_t *slot_size)
{
	uint64_t size = get_be64(block + LABEL_SLOT_SIZE);

	if (memcmp(block, label_magic, MAGIC_SIZE) ||
	    get_be32(block + CRC) != sealed_crc(block, VOLUME_LABEL))
		return -EBADMSG;
	if (get_be32(block + VERSION) != LABEL_VERSION)
		return -EPROTONOSUPPORT;
	if (!size || size % VOLUME_BLOCK || size > VOLUME_SLOT_MAX)
		return -EBADMSG;
	*slot_size = size;
	return 0;
}

/* ---- slots ---- */

void volume_slot_seal(uint8_t *slot, const struct volume_slot *s)
{
	memset(slot, 0, VOLUME_SLOT_HEADER);
	memcpy(slot, slot_magic, MAGIC_SIZE);
	put_be32(slot + VERSION, SLOT_VERSION);
	put_be64(slot + SEQUENCE, s->sequence);
	put_be64(slot + EPOCH, s->epoch);
	put_be64(slot + LENGTH, s->len);
	put_be32(slot + COUNT, s->count);
	put_be32(slot + CRC, sealed_crc(slot, VOLUME_SLOT_HEADER + s->len));
}

size_t volume_slot_bytes(const uint8_t *slot, uint64_t room)
{
	uint64_t len = get_be64(slot + LENGTH);

	if (memcmp(slot, slot_magic, MAGIC_SIZE) || room < VOLUME_SLOT_HEADER ||
	    len > room - VOLUME_SLOT_HEADER)
		return 0;
	return VOLUME_SLOT_HEADER + (size_t)len;
}

static bool entries_valid(const uint8_t *p, const uint8_t *end, uint32_t count)
{
	struct volume_entry e;
	uint32_t n = 0;

	while (p < end) {
		if (!volume_entry_get(&p, end, &e))
			return false;
		n++;
	}
	return n == count;
}

int volume_slot_check(const uint8_t *slot, size_t len, struct volume_slot *s)
{
	if (len < VOLUME_SLOT_HEADER || get_be32(slot + CRC) != sealed_crc(slot, len))
		return -EBADMSG;
	/* Of other versions no more is known than what is checked above. */
	if (get_be32(slot + VERSION) != SLOT_VERSION)
		return -EPROTONOSUPPORT;
	*s = (struct volume_slot){
		.sequence = get_be64(slot + SEQUENCE), .epoch = get_be64(slot + EPOCH),
		.len = get_be64(slot + LENGTH), .count = get_be32(slot + COUNT),
	};
	if (!s->sequence || s->len != len - VOLUME_SLOT_HEADER ||
	    !entries_valid(slot + VOLUME_SLOT_HEADER, slot + len, s->count))
		return -EBADMSG;
	return 0;
}

/* ---- entries ---- */

size_t volume_entry_bytes(const struct volume_entry *e)
{
	return VOLUME_ENTRY_HEADER + e->key_len + e->len;
}

uint8_t *volume_entry_put(uint8_t *p, const struct volume_entry *e)
{
	put_be16(p, (uint16_t)e->key_len);
	put_be16(p + 2, 0);
	put_be32(p + 4, (uint32_t)e->len);
	memcpy(p + VOLUME_ENTRY_HEADER, e->key, e->key_len);
	memcpy(p + VOLUME_ENTRY_HEADER + e->key_len, e->data, e->len);
	return p + volume_entry_bytes(e);
}

static bool key_valid(const char *key, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	for (size_t i = 0; i < len; i++)
		if (!key[i] || !strchr(allowed, key[i]))
			return false;
	return len && len <= STATE_KEY_MAX;
}

bool volume_entry_get(const uint8_t **p, const uint8_t *end, struct volume_entry *e)
{
	size_t left = (size_t)(end - *p);

	if (left < VOLUME_ENTRY_HEADER || get_be16(*p + 2))
		return false;
	e->key_len = get_be16(*p);
	e->len = get_be32(*p + 4);
	left -= VOLUME_ENTRY_HEADER;
	if (e->key_len > left || e->len > left - e->key_len || !e->len)
		return false;
	e->key = (const char *)*p + VOLUME_ENTRY_HEADER;
	e->data = *p + VOLUME_ENTRY_HEADER + e->key_len;
	*p += volume_entry_bytes(e);
	return key_valid(e->key, e->key_len);
}
