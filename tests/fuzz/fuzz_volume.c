/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A state volume's label and slot from arbitrary bytes, as they are and sealed. */
#include "fuzz.h"
#include "ctl/volume_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void label(const uint8_t *data, size_t size)
{
	uint8_t block[VOLUME_BLOCK] = { 0 };
	uint64_t slot_size = 0;

	memcpy(block, data, size < sizeof(block) ? size : sizeof(block));
	if (!volume_label_check(block, &slot_size) &&
	    (!slot_size || slot_size % VOLUME_BLOCK || slot_size > VOLUME_SLOT_MAX))
		abort();
}

/* All that is said to be there is there. */
static int slot(const uint8_t *p, size_t size)
{
	size_t bytes = volume_slot_bytes(p, size);
	struct volume_slot s;
	const uint8_t *at = p + VOLUME_SLOT_HEADER, *end = p + bytes;
	struct volume_entry e;
	uint32_t n = 0;

	if (!bytes || volume_slot_check(p, bytes, &s))
		return 0;
	while (at < end && volume_entry_get(&at, end, &e))
		n++;
	if (at != end || n != s.count)
		abort();
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct volume_slot s = { .sequence = 1, .count = size ? data[0] : 0 };
	uint8_t *copy;

	label(data, size);
	if (size < VOLUME_SLOT_HEADER)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	slot(copy, size);
	s.len = size - VOLUME_SLOT_HEADER;
	volume_slot_seal(copy, &s);
	slot(copy, size);
	free(copy);
	return 0;
}
