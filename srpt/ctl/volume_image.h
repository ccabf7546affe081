/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on a state volume, as bytes; big endian. No I/O.
 *
 * Label, in the first block: magic (8), version (4), CRC32C of the label with zeros here (4),
 * bytes of a slot (8). Behind it two slots: magic (8), version (4), CRC32C of header and entries
 * with zeros here (4), sequence number (8), epoch (8), bytes of the entries (8), entries (4),
 * zeros. An entry: length of the key (2), zeros (2), length of the data (4), key, data.
 */
#ifndef SRPT_CTL_VOLUME_IMAGE_H
#define SRPT_CTL_VOLUME_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOLUME_BLOCK 4096u             /* all reads and writes are of whole ones */
#define VOLUME_SLOT_MAX (16ull << 20)  /* bytes */
#define VOLUME_SLOT_HEADER 64u
#define VOLUME_LABEL 24u
#define VOLUME_ENTRY_HEADER 8u

/* Bytes of a slot on a new volume of @size bytes, at least 3 blocks. */
uint64_t volume_slot_size(uint64_t size);

/* Where slot @i, 0 or 1, begins. */
static inline uint64_t volume_slot_at(uint64_t slot_size, unsigned i)
{
	return VOLUME_BLOCK + i * slot_size;
}

/* Fill a block with the label. */
void volume_label(uint8_t block[VOLUME_BLOCK], uint64_t slot_size);

/* 0 and the size of a slot; -EBADMSG: no label; -EPROTONOSUPPORT: one of another version. */
int volume_label_check(const uint8_t block[VOLUME_BLOCK], uint64_t *slot_size);

struct volume_slot {
	uint64_t sequence; /* from 1 */
	uint64_t epoch;
	uint64_t len;      /* bytes of the entries */
	uint32_t count;
};

/* Put the header of @s before the entries that are there, s->len bytes, and seal both. */
void volume_slot_seal(uint8_t *slot, const struct volume_slot *s);

/* From its first block alone: bytes of header and entries, at most @room; 0: it is no slot. */
size_t volume_slot_bytes(const uint8_t *slot, uint64_t room);

/*
 * Whether the @len bytes that volume_slot_bytes() told are undamaged: 0 and *@s, -EBADMSG, or
 * -EPROTONOSUPPORT: undamaged, of a version that is not known here.
 */
int volume_slot_check(const uint8_t *slot, size_t len, struct volume_slot *s);

struct volume_entry {
	const char *key; /* key_len characters of [A-Za-z0-9._-], 1 … STATE_KEY_MAX */
	size_t key_len;
	const uint8_t *data;
	size_t len;
};

/* Bytes of @e in a slot. */
size_t volume_entry_bytes(const struct volume_entry *e);

/* Write @e; where the next begins. */
uint8_t *volume_entry_put(uint8_t *p, const struct volume_entry *e);

/* The entry at *@p, before @end; *@p moves behind it. False: there is none that is valid. */
bool volume_entry_get(const uint8_t **p, const uint8_t *end, struct volume_entry *e);

#endif
