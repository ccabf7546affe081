/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/lu_state.h"

#include "base/log.h"
#include "scsi/device.h"
#include "scsi/mode.h"
#include "scsi/pr.h"
#include "scsi/wipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SECTION_HEADER 6u /* type, length */

/* @encode: bytes written, 0: nothing to keep. @decode: 0, or -EINVAL and nothing taken over. */
struct section {
	uint16_t type;
	size_t (*encode)(const struct lu *lu, uint8_t *p, size_t room);
	int (*decode)(struct lu *lu, const uint8_t *p, size_t len);
};

/* The types are on disk: they are never used for anything else. */
static const struct section sections[] = {
	{ 1, pr_state_encode, pr_state_decode },
	{ 2, mode_state_encode, mode_state_decode },
	{ 3, wipe_state_encode, wipe_state_decode },
	{ 0, NULL, NULL },
};

void lu_state_key(const uint8_t naa[16], char key[LU_STATE_KEY_SIZE])
{
	for (int i = 0; i < 16; i++)
		snprintf(key + 2 * i, 3, "%02x", naa[i]);
}

/* ---- taking over ---- */

static const struct section *section_find(uint16_t type)
{
	for (const struct section *s = sections; s->type; s++)
		if (s->type == type)
			return s;
	return NULL;
}

static int section_load(struct lu *lu, const struct section *s, const uint8_t *p, size_t len,
			uint32_t *seen)
{
	uint32_t bit = s ? 1u << (s - sections) : 0;

	if (!s || *seen & bit)
		return -EINVAL;
	*seen |= bit;
	return s->decode(lu, p, len);
}

int lu_state_load(struct lu *lu, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t seen = 0;

	while (len) {
		uint16_t type = len >= SECTION_HEADER ? get_be16(p) : 0;
		size_t body = len >= SECTION_HEADER ? get_be32(p + 2) : 0;

		if (!body || body > len - SECTION_HEADER ||
		    section_load(lu, section_find(type), p + SECTION_HEADER, body, &seen)) {
			log_err("device %s: section %u of its kept state, %zu bytes, is not "
				"understood", lu->name, type, body);
			return -EINVAL;
		}
		p += SECTION_HEADER + body;
		len -= SECTION_HEADER + body;
	}
	return 0;
}

/* ---- keeping ---- */

static size_t sections_encode(const struct lu *lu, uint8_t *p)
{
	uint8_t *start = p;

	for (const struct section *s = sections; s->type; s++) {
		size_t len = s->encode(lu, p + SECTION_HEADER, LU_STATE_SECTION_MAX);

		if (!len)
			continue;
		put_be16(p, s->type);
		put_be32(p + 2, (uint32_t)len);
		p += SECTION_HEADER + len;
	}
	return (size_t)(p - start);
}

static void save_over(struct lu *lu, int status)
{
	void (*done)(void *arg, int status) = lu->save.done;

	free(lu->save.data);
	lu->save.data = NULL;
	lu->save.done = NULL;
	done(lu->save.arg, status);
}

static void store_done(void *arg, int status)
{
	save_over(arg, status);
}

static void refused(struct msg *m)
{
	struct lu *lu = container_of(m, struct lu, save.msg);

	save_over(lu, lu->save.status);
}

/* Never inside lu_state_save(). */
static void save_refuse(struct lu *lu, int status)
{
	lu->save.status = status;
	lu->save.msg.fn = refused;
	mailbox_post(lu->device->group->control, &lu->save.msg);
}

void lu_state_save(struct lu *lu, void (*done)(void *arg, int status), void *arg)
{
	char key[LU_STATE_KEY_SIZE];
	size_t len;

	lu->save.done = done;
	lu->save.arg = arg;
	if (!lu->store) {
		save_refuse(lu, -EOPNOTSUPP);
		return;
	}
	lu->save.data = malloc(ARRAY_SIZE(sections) * (SECTION_HEADER + LU_STATE_SECTION_MAX));
	if (!lu->save.data) {
		save_refuse(lu, -ENOMEM);
		return;
	}
	lu_state_key(lu->naa, key);
	len = sections_encode(lu, lu->save.data);
	lu->store->save(lu->store, key, lu->save.data, len, store_done, lu);
}
