/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RECEIVE COPY RESULTS, SPC-4 6.36. What is remembered of a copy is one word, so that it is always
 * whole: a nexus' copies run on all of its reactors, and any of them may ask.
 */
#include "scsi/ops.h"
#include "scsi/xcopy.h"

#define LIST_ID_BYTE 2
#define COUNT_IN_KIB 0x01

/* Offsets in the parameter data of OPERATING PARAMETERS. */
#define SNLID 0x01
#define PARAMETERS_LEN 46u
#define STATUS_LEN 12u
#define DETAILS_SENSE 60u

/* ---- the word ---- */

#define STATE_SHIFT 0
#define SENSE_SHIFT 2
#define SEGMENTS_SHIFT 10
#define KIB_SHIFT 26
STATIC_ASSERT(SENSE_COUNT <= 256);

bool xcopy_record_begin(struct nexus *n, uint8_t id)
{
	uint64_t old = atomic_load(&n->copies[id]);

	do {
		if ((old & 3) == XCOPY_RUNNING)
			return false;
	} while (!atomic_compare_exchange_weak(&n->copies[id], &old, XCOPY_RUNNING));
	return true;
}

static uint64_t record_word(struct xcopy_record r)
{
	return (uint64_t)r.state << STATE_SHIFT | (uint64_t)r.sense << SENSE_SHIFT |
	       (uint64_t)r.segments << SEGMENTS_SHIFT | (uint64_t)r.kib << KIB_SHIFT;
}

void xcopy_record_set(struct nexus *n, uint8_t id, struct xcopy_record r)
{
	atomic_store(&n->copies[id], record_word(r));
}

/* Unless another copy has taken its place. */
static void xcopy_record_forget(struct nexus *n, uint8_t id, struct xcopy_record r)
{
	uint64_t old = record_word(r);

	atomic_compare_exchange_strong(&n->copies[id], &old, XCOPY_UNKNOWN);
}

struct xcopy_record xcopy_record_get(const struct nexus *n, uint8_t id)
{
	uint64_t w = atomic_load(&n->copies[id]);

	return (struct xcopy_record){
		.state = (enum xcopy_state)(w >> STATE_SHIFT & 3),
		.sense = (enum scsi_sense)(w >> SENSE_SHIFT & 0xff),
		.segments = (uint16_t)(w >> SEGMENTS_SHIFT),
		.kib = (uint32_t)(w >> KIB_SHIFT),
	};
}

/* ---- the service actions ---- */

void op_copy_status(struct scsi_cmd *cmd)
{
	static const uint8_t status[] = {
		[XCOPY_RUNNING] = 0x00, [XCOPY_DONE] = 0x01, [XCOPY_FAILED] = 0x02,
	};
	struct xcopy_record r = xcopy_record_get(cmd->nexus, cmd->cdb[LIST_ID_BYTE]);
	uint8_t *p = cmd->buf.addr;

	if (r.state == XCOPY_UNKNOWN) {
		cmd_bad_field(cmd, LIST_ID_BYTE, -1);
		return;
	}
	put_be32(p, STATUS_LEN - 4);
	p[4] = status[r.state];
	put_be16(p + 5, r.segments);
	p[7] = COUNT_IN_KIB;
	put_be32(p + 8, r.kib);
	/* Told once is enough; of one that failed the details may be asked for next. */
	if (r.state == XCOPY_DONE)
		xcopy_record_forget(cmd->nexus, cmd->cdb[LIST_ID_BYTE], r);
	cmd_reply(cmd, STATUS_LEN);
}

/* Maximum stream transfer size, inline and held data are zero: there is none of these. */
void op_copy_parameters(struct scsi_cmd *cmd)
{
	uint8_t *p = cmd->buf.addr;

	put_be32(p, PARAMETERS_LEN - 4);
	p[4] = SNLID;
	put_be16(p + 8, XCOPY_TARGETS_MAX);
	put_be16(p + 10, XCOPY_SEGMENTS_MAX);
	put_be32(p + 12, XCOPY_LIST_MAX);
	put_be32(p + 16, XCOPY_SEGMENT_MAX);
	put_be16(p + 34, XCOPY_CONCURRENT);
	p[36] = XCOPY_CONCURRENT;
	p[37] = (uint8_t)cmd->lu->block_shift;
	p[43] = 2; /* descriptor type codes, ascending */
	p[44] = XCOPY_BLOCK_TO_BLOCK;
	p[45] = XCOPY_IDENTIFICATION;
	cmd_reply(cmd, PARAMETERS_LEN);
}

/* A copy that did not fail has none. */
void op_copy_failed_segment(struct scsi_cmd *cmd)
{
	struct xcopy_record r = xcopy_record_get(cmd->nexus, cmd->cdb[LIST_ID_BYTE]);
	uint8_t *p = cmd->buf.addr;
	unsigned len;

	if (r.state == XCOPY_UNKNOWN || r.state == XCOPY_RUNNING) {
		cmd_bad_field(cmd, LIST_ID_BYTE, -1);
		return;
	}
	if (r.state == XCOPY_DONE) {
		cmd_reply(cmd, 4);
		return;
	}
	p[56] = sense_status(r.sense);
	len = p[56] == SCSI_CHECK_CONDITION ? sense_build(p + DETAILS_SENSE, r.sense, false) : 0;
	if (len)
		put_be32(p + DETAILS_SENSE + 8, r.segments);
	put_be16(p + 58, (uint16_t)len);
	put_be32(p, DETAILS_SENSE + len - 4);
	cmd_reply(cmd, DETAILS_SENSE + len);
}
