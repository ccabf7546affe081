/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parameter list of EXTENDED COPY (LID1), SPC-4 6.4.1: header, targets, segments. */
#include "scsi/xcopy.h"

#include <string.h>

/* Offsets in the header. */
enum { USAGE_BYTE = 1, TARGETS_LEN = 2, SEGMENTS_LEN = 8, INLINE_LEN = 12 };

/* In a target descriptor, byte 1; the LU ID TYPE above is ignored for this type (SPC-4 6.4.5.2). */
#define NUL 0x20
#define DEVICE_TYPE 0x1f

/* In a segment descriptor, byte 1. */
#define DC 0x02
#define FCO 0x04

#define CODE_SET_BINARY 1
#define CODE_SET_ASCII 2
#define TYPE_T10 1
#define TYPE_NAA 3
#define DESIGNATOR_MAX 20

static struct xcopy_refusal refuse(enum scsi_sense s, int byte)
{
	return (struct xcopy_refusal){ s, byte };
}

static struct xcopy_refusal usage_check(const uint8_t *p)
{
	unsigned usage = p[USAGE_BYTE] >> 3 & 3;

	if (usage == 1)
		return refuse(SENSE_INVALID_FIELD_IN_LIST, USAGE_BYTE);
	if (usage == LIST_ID_NONE && p[0])
		return refuse(SENSE_INVALID_FIELD_IN_LIST, 0);
	return refuse(SENSE_OK, -1);
}

static struct xcopy_refusal targets_check(const uint8_t *p, const struct xcopy_list *l)
{
	for (unsigned i = 0; i < l->targets; i++) {
		const uint8_t *t = l->target + i * XCOPY_TARGET_LEN;

		if (t[0] != XCOPY_IDENTIFICATION)
			return refuse(SENSE_TARGET_DESCRIPTOR_TYPE, -1);
		if (t[7] > DESIGNATOR_MAX)
			return refuse(SENSE_INVALID_FIELD_IN_LIST, (int)(t + 7 - p));
	}
	return refuse(SENSE_OK, -1);
}

/* All have the same length, or they are not of the one type there is. */
static struct xcopy_refusal segments_check(const uint8_t *p, struct xcopy_list *l, uint32_t len)
{
	for (uint32_t at = 0; at < len; at += XCOPY_SEGMENT_LEN) {
		const uint8_t *s = l->segment + at;

		if (++l->segments > XCOPY_SEGMENTS_MAX)
			return refuse(SENSE_TOO_MANY_SEGMENTS, -1);
		if (s[0] != XCOPY_BLOCK_TO_BLOCK)
			return refuse(SENSE_SEGMENT_DESCRIPTOR_TYPE, -1);
		if (len - at < XCOPY_SEGMENT_LEN)
			return refuse(SENSE_INVALID_FIELD_IN_LIST, SEGMENTS_LEN);
		if (s[1] & FCO)
			return refuse(SENSE_INVALID_FIELD_IN_LIST, (int)(s + 1 - p));
		if (get_be16(s + 2) != XCOPY_SEGMENT_LEN - 4)
			return refuse(SENSE_INVALID_FIELD_IN_LIST, (int)(s + 2 - p));
	}
	return refuse(SENSE_OK, -1);
}

struct xcopy_refusal xcopy_list_parse(const uint8_t *p, uint32_t len, struct xcopy_list *l)
{
	struct xcopy_refusal r;
	uint64_t targets, segments;

	if (len < XCOPY_HEADER)
		return refuse(SENSE_PARAMETER_LIST_LENGTH, -1);
	targets = get_be16(p + TARGETS_LEN);
	segments = get_be32(p + SEGMENTS_LEN);
	if (get_be32(p + INLINE_LEN))
		return refuse(SENSE_INLINE_DATA_EXCEEDED, -1);
	if (targets + segments > XCOPY_LIST_MAX || targets + segments > len - XCOPY_HEADER)
		return refuse(SENSE_PARAMETER_LIST_LENGTH, -1);
	if (targets % XCOPY_TARGET_LEN)
		return refuse(SENSE_INVALID_FIELD_IN_LIST, TARGETS_LEN);
	if (targets / XCOPY_TARGET_LEN > XCOPY_TARGETS_MAX)
		return refuse(SENSE_TOO_MANY_TARGETS, -1);
	*l = (struct xcopy_list){
		.id = p[0],
		.usage = p[USAGE_BYTE] >> 3 & 3,
		.targets = (unsigned)targets / XCOPY_TARGET_LEN,
		.target = p + XCOPY_HEADER,
		.segment = p + XCOPY_HEADER + targets,
	};
	r = usage_check(p);
	if (!r.sense)
		r = targets_check(p, l);
	return r.sense ? r : segments_check(p, l, (uint32_t)segments);
}

struct xcopy_segment xcopy_segment(const struct xcopy_list *l, unsigned i)
{
	const uint8_t *s = l->segment + i * XCOPY_SEGMENT_LEN;

	return (struct xcopy_segment){
		.source = get_be16(s + 4),
		.dest = get_be16(s + 6),
		.dest_count = s[1] & DC,
		.blocks = get_be16(s + 10),
		.source_lba = get_be64(s + 12),
		.dest_lba = get_be64(s + 20),
	};
}

/* ---- targets ---- */

/* As VPD page 83h says it: vendor in 8 bytes, then the rest. */
static bool t10_matches(const struct lu *lu, const uint8_t *id, size_t len)
{
	size_t vendor = strlen(lu->vendor), rest = strlen(lu->t10_id);

	return len == 8 + rest && !memcmp(id, lu->vendor, vendor) &&
	       !memcmp(id + vendor, "        ", 8 - vendor) && !memcmp(id + 8, lu->t10_id, rest);
}

static bool target_matches(const uint8_t *t, const struct lu *lu)
{
	unsigned code_set = t[4] & 0x0f, type = t[5] & 0x3f; /* association 0: the LU */

	if (code_set == CODE_SET_BINARY && type == TYPE_NAA)
		return t[7] == sizeof(lu->naa) && !memcmp(t + 8, lu->naa, sizeof(lu->naa));
	if (code_set == CODE_SET_ASCII && type == TYPE_T10)
		return t10_matches(lu, t + 8, t[7]);
	return false;
}

static enum scsi_sense target_check(const uint8_t *t, const struct lu *lu)
{
	uint32_t block = get_be24(t + 29);

	if ((t[1] & DEVICE_TYPE) || lu->info->is_scsi)
		return SENSE_COPY_TARGET_TYPE;
	return block && block != 1u << lu->block_shift ? SENSE_COPY_TARGET_TYPE : SENSE_OK;
}

struct xcopy_target xcopy_target_find(const struct xcopy_list *l, unsigned i,
				      const struct lun_map *m)
{
	const uint8_t *d = l->target + i * XCOPY_TARGET_LEN;
	struct xcopy_target t = { .sense = SENSE_COPY_UNREACHABLE };

	for (unsigned n = 0; !(d[1] & NUL) && n < m->count; n++) {
		const struct lu *lu = m->itls[n]->lu;

		if (!target_matches(d, lu))
			continue;
		t.sense = target_check(d, lu);
		t.lun = m->itls[n]->lun;
		memcpy(t.naa, lu->naa, sizeof(t.naa));
		t.block_shift = lu->block_shift;
		break;
	}
	return t;
}

struct itl *xcopy_target_itl(const struct xcopy_target *t, const struct lun_map *m)
{
	struct itl *itl = lun_map_find(m, t->lun);

	if (!itl || itl->lu->block_shift != t->block_shift)
		return NULL;
	return memcmp(itl->lu->naa, t->naa, sizeof(t->naa)) ? NULL : itl;
}
