/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EXTENDED COPY (LID1), SPC-4 6.4: what its parameter list says, the limits RECEIVE COPY RESULTS
 * tells, and what is remembered of copies. Copies go from block device to block device, between
 * LUs of this daemon that the requesting nexus sees.
 */
#ifndef SRPT_SCSI_XCOPY_H
#define SRPT_SCSI_XCOPY_H

#include "scsi/nexus.h"
#include "scsi/sense.h"

#include <stdbool.h>
#include <stdint.h>

#define XCOPY_TARGETS_MAX 8u
#define XCOPY_SEGMENTS_MAX 64u
#define XCOPY_HEADER 16u
#define XCOPY_TARGET_LEN 32u
#define XCOPY_SEGMENT_LEN 28u
#define XCOPY_LIST_MAX \
	(XCOPY_TARGETS_MAX * XCOPY_TARGET_LEN + XCOPY_SEGMENTS_MAX * XCOPY_SEGMENT_LEN)
#define XCOPY_SEGMENT_MAX (0xffffu << 12) /* bytes: the most blocks of the largest size */
/* Copies at a time on each reactor: what they have of its buffers never keeps others waiting. */
#define XCOPY_CONCURRENT 8u

/* Descriptor type codes, SPC-4 tables 119 and 118. */
#define XCOPY_BLOCK_TO_BLOCK 0x02
#define XCOPY_IDENTIFICATION 0xe4

#define XCOPY_SELF 0xffffu /* a target descriptor index: the LU the command is sent to */

/* LIST ID USAGE: 0 and 2 have an identifier, 2 does not ask for anything to be held. */
enum { LIST_ID_HOLD, LIST_ID_DISCARD = 2, LIST_ID_NONE };

/* A parameter list that is sound; points into it. */
struct xcopy_list {
	uint8_t id, usage;
	unsigned targets, segments;
	const uint8_t *target, *segment; /* the first descriptors */
};

/* Why a list is not sound: @byte of the parameter list, -1: no field in particular. */
struct xcopy_refusal {
	enum scsi_sense sense;
	int byte;
};

/* Check the @len bytes at @p. sense SENSE_OK: @l is filled in. Any thread. */
struct xcopy_refusal xcopy_list_parse(const uint8_t *p, uint32_t len, struct xcopy_list *l);

/* A segment: @blocks of the destination's size if @dest_count, else of the source's. */
struct xcopy_segment {
	uint16_t source, dest; /* indices of target descriptors, or XCOPY_SELF */
	bool dest_count;
	uint32_t blocks;
	uint64_t source_lba, dest_lba;
};

/* Segment @i, < l->segments. */
struct xcopy_segment xcopy_segment(const struct xcopy_list *l, unsigned i);

/* One end of a copy; the LU may be taken away at any time. */
struct xcopy_target {
	enum scsi_sense sense; /* SENSE_OK, or why it cannot be used */
	uint16_t lun;          /* of the nexus */
	uint8_t naa[16];       /* the LU must be this one */
	unsigned block_shift;  /* and have blocks of this size still */
};

/* Target @i (< l->targets) as the nexus with map @m sees it. */
struct xcopy_target xcopy_target_find(const struct xcopy_list *l, unsigned i,
				      const struct lun_map *m);

/* The entry of @t now; NULL: it is there no more. */
struct itl *xcopy_target_itl(const struct xcopy_target *t, const struct lun_map *m);

/* ---- what is remembered: a word for each list identifier of a nexus; any reactor ---- */

enum xcopy_state { XCOPY_UNKNOWN, XCOPY_RUNNING, XCOPY_DONE, XCOPY_FAILED };

struct xcopy_record {
	enum xcopy_state state;
	enum scsi_sense sense; /* of XCOPY_FAILED */
	uint16_t segments;     /* done */
	uint32_t kib;          /* written */
};

/* Take the identifier for a copy that begins; false: another one has it. */
bool xcopy_record_begin(struct nexus *n, uint8_t id);
void xcopy_record_set(struct nexus *n, uint8_t id, struct xcopy_record r);
struct xcopy_record xcopy_record_get(const struct nexus *n, uint8_t id);

#endif
