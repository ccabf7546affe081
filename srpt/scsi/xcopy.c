/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EXTENDED COPY: on the reactor of the command, a piece at a time, as a READ of the source and a
 * WRITE of the destination that this file submits in the name of the nexus, like a fabric. So
 * whatever guards an LU (reservations, access states, write protection, ranges, FORMAT UNIT,
 * aborts, the LU being taken away) guards it here, at each piece; only unit attentions are left
 * for the initiator's own commands. They are HEAD OF QUEUE: an ORDERED command that waits for the
 * copy must not keep it waiting.
 *
 * The WRITE takes its data where the READ has put them. Where source and destination overlap,
 * what is copied is what is there when its turn comes.
 */
#include "scsi/xcopy.h"

#include "scsi/device.h"
#include "scsi/ops.h"
#include "scsi/task.h"

#include <string.h>

#define PIECE (512u << 10)
#define READ_16 0x88
#define WRITE_16 0x8a

/* In cmd->aux. The list stays in cmd->buf. */
struct xcopy {
	struct scsi_cmd *cmd;
	struct xcopy_list list;
	struct xcopy_target targets[XCOPY_TARGETS_MAX], self;
	struct xcopy_segment seg;
	unsigned number;      /* of seg */
	uint64_t bytes, done; /* of seg */
	uint32_t piece;       /* bytes on their way */
	uint64_t total;       /* bytes written */
	struct iobuf data;    /* of the piece, between READ and WRITE */
	struct scsi_cmd read, write;
};

static void copy_next(struct xcopy *x);

/* ---- the end ---- */

static void copy_record(const struct xcopy *x, enum xcopy_state state, enum scsi_sense s)
{
	struct xcopy_record r = { state, s, (uint16_t)x->number, (uint32_t)(x->total >> 10) };

	if (x->list.usage == LIST_ID_NONE)
		return;
	if (x->list.usage == LIST_ID_DISCARD && state != XCOPY_RUNNING)
		r.state = XCOPY_UNKNOWN;
	xcopy_record_set(x->cmd->nexus, x->list.id, r);
}

/* The memory of @x goes with the command. */
static void copy_over(struct xcopy *x, enum scsi_sense s)
{
	struct scsi_cmd *cmd = x->cmd;

	/* Of one that moved nothing its own sense data says it all. */
	copy_record(x, !s ? XCOPY_DONE : x->total ? XCOPY_FAILED : XCOPY_UNKNOWN, s);
	cmd->nexus->device->copies[cmd->reactor->id]--;
	cmd->sub = NULL;
	if (cmd->aborted) {
		task_end_aborted(cmd);
		return;
	}
	if (s) {
		sense_set(cmd, s);
		cmd->wanted = 0;
		/* The third and fourth byte are the segment, SPC-4 6.4.3.3. */
		if (sense_status(s) == SCSI_CHECK_CONDITION)
			sense_set_command(cmd, x->number);
	}
	cmd_good(cmd);
}

/* What ended our @sub, for the initiator: what passes by itself may be tried again. */
static enum scsi_sense sub_sense(const struct scsi_cmd *sub)
{
	if (sub->status == SCSI_BUSY || sub->status == SCSI_TASK_SET_FULL)
		return SENSE_BUSY;
	for (enum scsi_sense s = SENSE_ALUA_TRANSITION; s <= SENSE_ALUA_OFFLINE; s++)
		if (sense_is(sub, s))
			return s;
	if (sense_is(sub, SENSE_LBA_OUT_OF_RANGE))
		return SENSE_COPY_ABORTED;
	return SENSE_COPY_FAILED;
}

/* ---- its READ and WRITE ---- */

static void sub_pull(struct scsi_cmd *sub)
{
	/* A WRITE has its data with it. */
	scsi_pulled(sub, 0);
}

static void read_ended(struct scsi_cmd *sub);
static void write_ended(struct scsi_cmd *sub);
static void read_dropped(struct scsi_cmd *sub);
static void write_dropped(struct scsi_cmd *sub);

static const struct scsi_fabric_ops read_fabric = { sub_pull, read_ended, read_dropped };
static const struct scsi_fabric_ops write_fabric = { sub_pull, write_ended, write_dropped };

static void sub_submit(struct xcopy *x, struct scsi_cmd *sub, const struct scsi_fabric_ops *fabric,
		       uint8_t opcode, uint64_t off, const struct itl *itl)
{
	unsigned shift = itl->lu->block_shift;

	sub->fabric = fabric;
	sub->reactor = x->cmd->reactor;
	sub->nexus = x->cmd->nexus;
	sub->tag = (uintptr_t)sub;
	lun_encode(sub->lun, itl->lun);
	memset(sub->cdb, 0, sizeof(sub->cdb));
	sub->cdb[0] = opcode;
	put_be64(sub->cdb + 2, off >> shift);
	put_be32(sub->cdb + 10, x->piece >> shift);
	sub->cdb_len = 16;
	sub->task_attr = SCSI_HEAD_OF_QUEUE;
	sub->data_in_len = opcode == READ_16 ? x->piece : 0;
	sub->data_out_len = opcode == READ_16 ? 0 : x->piece;
	x->cmd->sub = sub;
	cmd_submit_sub(sub);
}

static struct xcopy_target *target(struct xcopy *x, uint16_t index)
{
	if (index == XCOPY_SELF)
		return &x->self;
	return index < x->list.targets ? &x->targets[index] : NULL;
}

/* Where a target is now; NULL: *@s says why not. */
static struct itl *target_itl(struct xcopy *x, uint16_t index, enum scsi_sense *s)
{
	struct xcopy_target *t = target(x, index);
	struct itl *itl = NULL;

	*s = t ? t->sense : SENSE_COPY_UNREACHABLE;
	if (!*s)
		itl = xcopy_target_itl(t, nexus_map(x->cmd->nexus));
	if (!*s && !itl)
		*s = SENSE_COPY_UNREACHABLE;
	return itl;
}

static uint64_t offset(const struct itl *itl, uint64_t lba)
{
	return lba << itl->lu->block_shift;
}

static void read_ended(struct scsi_cmd *sub)
{
	struct xcopy *x = container_of(sub, struct xcopy, read);
	enum scsi_sense s = SENSE_OK;
	struct itl *itl = NULL;

	if (sub->status != SCSI_GOOD)
		s = sub_sense(sub);
	else if (!x->cmd->aborted)
		itl = target_itl(x, x->seg.dest, &s);
	if (!itl) {
		scsi_cmd_release(sub);
		copy_over(x, s ? s : SENSE_COPY_FAILED);
		return;
	}
	/* The READ must not wait for the WRITE: whoever resets its LU would wait for it. */
	x->data = sub->buf;
	sub->buf.addr = NULL;
	scsi_cmd_release(sub);
	x->write.imm = x->data;
	x->write.imm.len = x->piece;
	sub_submit(x, &x->write, &write_fabric, WRITE_16, offset(itl, x->seg.dest_lba) + x->done,
		   itl);
}

static void data_put(struct xcopy *x)
{
	struct iobuf data = x->data;

	x->data.addr = NULL;
	iobuf_put(&x->cmd->reactor->bufs, &data);
}

static void write_ended(struct scsi_cmd *sub)
{
	struct xcopy *x = container_of(sub, struct xcopy, write);
	enum scsi_sense s = sub->status == SCSI_GOOD ? SENSE_OK : sub_sense(sub);

	scsi_cmd_release(sub);
	data_put(x);
	if (s || x->cmd->aborted) {
		copy_over(x, s ? s : SENSE_COPY_FAILED);
		return;
	}
	x->done += x->piece;
	x->total += x->piece;
	copy_record(x, XCOPY_RUNNING, SENSE_OK);
	copy_next(x);
}

static void read_dropped(struct scsi_cmd *sub)
{
	copy_over(container_of(sub, struct xcopy, read), SENSE_COPY_FAILED);
}

static void write_dropped(struct scsi_cmd *sub)
{
	struct xcopy *x = container_of(sub, struct xcopy, write);

	data_put(x);
	copy_over(x, SENSE_COPY_FAILED);
}

/* ---- segments ---- */

static bool in_range(const struct itl *itl, uint64_t lba, uint64_t bytes)
{
	uint64_t size = lu_nblocks(itl->lu);

	return lba <= size && bytes >> itl->lu->block_shift <= size - lba;
}

/* Blocks of different sizes must meet at the end: nothing is padded or kept for the next. */
static enum scsi_sense segment_begin(struct xcopy *x, const struct itl *from, const struct itl *to)
{
	unsigned shift = (x->seg.dest_count ? to : from)->lu->block_shift;
	uint64_t one = 1ull << from->lu->block_shift | 1ull << to->lu->block_shift;

	x->done = 0;
	x->bytes = (uint64_t)x->seg.blocks << shift;
	if (x->bytes & ((1ull << (63 - __builtin_clzll(one))) - 1))
		return SENSE_COPY_INEXACT;
	if (!in_range(from, x->seg.source_lba, x->bytes) ||
	    !in_range(to, x->seg.dest_lba, x->bytes))
		return SENSE_COPY_ABORTED;
	return SENSE_OK;
}

/* One piece of the segment that is copied, or the first of the next. */
static void copy_piece(struct xcopy *x)
{
	enum scsi_sense s;
	struct itl *from = target_itl(x, x->seg.source, &s), *to = NULL;

	if (from)
		to = target_itl(x, x->seg.dest, &s);
	if (to && !x->done)
		s = segment_begin(x, from, to);
	if (s) {
		copy_over(x, s);
		return;
	}
	if (x->done == x->bytes) {
		x->number++;
		x->done = 0;
		copy_next(x);
		return;
	}
	x->piece = (uint32_t)min_u64(x->bytes - x->done, PIECE);
	x->read.imm.addr = NULL;
	sub_submit(x, &x->read, &read_fabric, READ_16, offset(from, x->seg.source_lba) + x->done,
		   from);
}

/* The copy's own LU is no longer the nexus': it must not be kept from going away. */
static void copy_next(struct xcopy *x)
{
	if (!x->cmd->itl) {
		copy_over(x, SENSE_COPY_UNREACHABLE);
		return;
	}
	if (x->number == x->list.segments) {
		copy_over(x, SENSE_OK);
		return;
	}
	x->seg = xcopy_segment(&x->list, x->number);
	copy_piece(x);
}

/* ---- the command ---- */

bool prep_extended_copy(struct scsi_cmd *cmd)
{
	cmd->aux_len = sizeof(struct xcopy);
	return true;
}

static void targets_find(struct xcopy *x)
{
	const struct itl *itl = x->cmd->itl;
	const struct lun_map *m = nexus_map(x->cmd->nexus);

	for (unsigned i = 0; i < x->list.targets; i++)
		x->targets[i] = xcopy_target_find(&x->list, i, m);
	x->self.sense = itl ? SENSE_OK : SENSE_COPY_UNREACHABLE;
	if (itl)
		x->self.lun = itl->lun;
	memcpy(x->self.naa, x->cmd->lu->naa, sizeof(x->self.naa));
	x->self.block_shift = x->cmd->lu->block_shift;
}

static void copy_begin(struct xcopy *x)
{
	struct scsi_cmd *cmd = x->cmd;
	unsigned *copies = &cmd->nexus->device->copies[cmd->reactor->id];

	if (*copies == XCOPY_CONCURRENT) {
		cmd_fail(cmd, SENSE_BUSY);
		return;
	}
	if (x->list.usage != LIST_ID_NONE && !xcopy_record_begin(cmd->nexus, x->list.id)) {
		cmd_fail(cmd, SENSE_OPERATION_IN_PROGRESS);
		return;
	}
	++*copies;
	targets_find(x);
	copy_next(x);
}

void op_extended_copy(struct scsi_cmd *cmd)
{
	struct xcopy *x = (struct xcopy *)(void *)cmd->aux.addr;
	struct xcopy_refusal r;

	if (!cmd->out_len) {
		cmd_good(cmd);
		return;
	}
	memset(x, 0, sizeof(*x));
	x->cmd = cmd;
	r = xcopy_list_parse(cmd->buf.addr, cmd->out_len, &x->list);
	if (r.sense && r.byte >= 0)
		cmd_bad_param(cmd, (unsigned)r.byte);
	else if (r.sense)
		cmd_fail(cmd, r.sense);
	else
		copy_begin(x);
}
