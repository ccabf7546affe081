/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the fabric's command to the handler of its row, and back. The order in
 * which a command can be refused is the order of the functions in scsi_submit().
 */
#include "scsi/access.h"
#include "scsi/await.h"
#include "scsi/cmd.h"
#include "scsi/gate.h"
#include "scsi/nexus.h"
#include "scsi/optable.h"
#include "scsi/range.h"
#include "scsi/passthrough.h"
#include "scsi/task.h"

#include <errno.h>
#include <string.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Not the sense buffer and not io: they are written before they are read. */
static void cmd_init(struct scsi_cmd *cmd)
{
	cmd->buf.addr = NULL;
	cmd->aux.addr = NULL;
	cmd->data_len = 0;
	cmd->wanted = 0;
	cmd->moved_out = 0;
	cmd->wants_out = false;
	cmd->status = SCSI_GOOD;
	cmd->sense_len = 0;
	cmd->state = SCSI_CMD_NEW;
	cmd->aborted = false;
	cmd->abort_status = false;
	cmd->detached = false;
	cmd->in_control = false;
	cmd->ordered = false;
	cmd->ordering = false;
	cmd->awaits = false;
	cmd->internal = false;
	cmd->sub = NULL;
	cmd->mark = 0;
	cmd->epoch = 0;
	cmd->op = NULL;
	cmd->itl = NULL;
	cmd->lu = NULL;
	cmd->shard = NULL;
	cmd->range = NULL;
	cmd->alloc = 0;
	cmd->out_len = 0;
	cmd->buf_len = 0;
	cmd->aux_len = 0;
	cmd->arg = 0;
	cmd->progress = 0;
	cmd->io.flags = 0;
	list_init(&cmd->link);
	list_init(&cmd->waiter.link);
}

/* ---- the end of a command ---- */

/* Those that wait for it go on; by messages, so that it is answered before. */
static inline void cmd_send(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;

	cmd->state = SCSI_CMD_RESPONDING;
	if (unlikely(cmd->epoch))
		gate_leave(cmd);
	if (likely(sh) && unlikely(sh->barriers))
		range_left(cmd);
	cmd->fabric->respond(cmd);
}

void cmd_respond_now(struct scsi_cmd *cmd)
{
	if (cmd->shard)
		counter_add(&cmd->shard->stats.errors, 1);
	cmd_send(cmd);
}

static __attribute__((noinline)) void cmd_respond_failed(struct scsi_cmd *cmd)
{
	if (qerr_applies(cmd))
		qerr_run(cmd);
	else
		cmd_respond_now(cmd);
}

static inline void cmd_respond(struct scsi_cmd *cmd)
{
	if (unlikely(cmd->status != SCSI_GOOD))
		cmd_respond_failed(cmd);
	else
		cmd_send(cmd);
}

void cmd_good(struct scsi_cmd *cmd)
{
	cmd_respond(cmd);
}

void cmd_reply(struct scsi_cmd *cmd, uint32_t built)
{
	cmd->wanted = min_u32(built, cmd->alloc);
	cmd->data_len = min_u32(cmd->wanted, cmd->data_in_len);
	cmd_respond(cmd);
}

/* Nothing is wanted in either direction; what was fetched stays counted. */
static void cmd_set_failed(struct scsi_cmd *cmd, enum scsi_sense s)
{
	cmd->data_len = 0;
	cmd->wanted = 0;
	sense_set(cmd, s);
}

bool cmd_fail(struct scsi_cmd *cmd, enum scsi_sense s)
{
	cmd_set_failed(cmd, s);
	cmd_respond(cmd);
	return false;
}

bool cmd_bad_field(struct scsi_cmd *cmd, unsigned byte, int bit)
{
	cmd_set_failed(cmd, SENSE_INVALID_FIELD_IN_CDB);
	sense_set_field(cmd, true, byte, bit);
	cmd_respond(cmd);
	return false;
}

void cmd_bad_param_bit(struct scsi_cmd *cmd, unsigned byte, int bit)
{
	cmd_set_failed(cmd, SENSE_INVALID_FIELD_IN_LIST);
	sense_set_field(cmd, false, byte, bit);
	cmd_respond(cmd);
}

void cmd_bad_param(struct scsi_cmd *cmd, unsigned byte)
{
	cmd_bad_param_bit(cmd, byte, -1);
}

/* The initiator offers less DATA-OUT than the command needs: nothing is taken. */
static bool cmd_short_out(struct scsi_cmd *cmd)
{
	cmd_set_failed(cmd, SENSE_BAD_COMMAND_IU);
	cmd->wanted = cmd->out_len;
	cmd->wants_out = true;
	cmd_respond(cmd);
	return false;
}

static void cmd_put_buffers(struct scsi_cmd *cmd)
{
	struct iobuf_pool *p = &cmd->reactor->bufs;
	struct iobuf buf = cmd->buf, aux = cmd->aux;

	cmd->buf.addr = NULL;
	cmd->aux.addr = NULL;
	/* From here others may go on: the command is not touched any more. */
	if (buf.addr != cmd->imm.addr)
		iobuf_put(p, &buf);
	iobuf_put(p, &aux);
}

void scsi_cmd_release(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;

	if (cmd->state == SCSI_CMD_DONE)
		return;
	cmd->state = SCSI_CMD_DONE;
	if (unlikely(cmd->mark))
		task_changed(cmd, true);
	if (likely(sh)) {
		if (unlikely(sh->barriers))
			range_left(cmd);
		cmd->shard = NULL;
		list_del(&cmd->link);
		counter_add(&sh->in_flight, -1ull);
		if (unlikely(sh->drained))
			lu_shard_check_drained(sh);
	}
	cmd_put_buffers(cmd);
}

/* ---- the backend ---- */

static void cmd_io_done(struct be_io *io)
{
	struct scsi_cmd *cmd = container_of(io, struct scsi_cmd, io);

	if (unlikely(io->result))
		lu_io_failed(cmd->lu, io);
	if (unlikely(cmd->aborted))
		task_end_aborted(cmd);
	else
		cmd->step(cmd);
}

void cmd_io(struct scsi_cmd *cmd, enum be_op op, uint64_t off, uint64_t len,
	    const struct iobuf *buf, void (*step)(struct scsi_cmd *cmd))
{
	struct be_io *io = &cmd->io;

	io->op = op;
	io->off = off;
	io->len = len;
	if (unlikely(!atomic_load_explicit(&cmd->lu->modes.wce, memory_order_relaxed)) &&
	    cmd->lu->info->write_cache && (op == BE_WRITE || op == BE_WRITE_ZEROES))
		io->flags |= BE_FUA;
	if (buf) {
		io->buf = *buf;
		io->buf.len = (uint32_t)len;
	}
	io->done = cmd_io_done;
	cmd->step = step;
	backend_submit(cmd->reactor, cmd->lu->be, io);
}

void cmd_fail_info(struct scsi_cmd *cmd, enum scsi_sense s, uint64_t info)
{
	cmd_set_failed(cmd, s);
	sense_set_info(cmd, info);
	cmd_respond(cmd);
}

void cmd_fail_io(struct scsi_cmd *cmd)
{
	const struct be_io *io = &cmd->io;
	enum scsi_sense s = sense_from_errno(io->result, io->op);

	cmd_set_failed(cmd, s);
	if (s == SENSE_READ_ERROR)
		counter_add(&cmd->shard->stats.read_errors, 1);
	else if (s == SENSE_WRITE_ERROR)
		counter_add(&cmd->shard->stats.write_errors, 1);
	if ((s == SENSE_READ_ERROR || s == SENSE_WRITE_ERROR) && io->op != BE_FLUSH)
		sense_set_info(cmd, io->off >> cmd->lu->block_shift);
	cmd_respond(cmd);
}

void cmd_io_ends(struct scsi_cmd *cmd)
{
	if (unlikely(cmd->io.result))
		cmd_fail_io(cmd);
	else
		cmd_good(cmd);
}

/* ---- everything that may have to wait, in this order ---- */

static void cmd_advance(struct scsi_cmd *cmd);

static inline void cmd_execute(struct scsi_cmd *cmd)
{
	cmd->state = SCSI_CMD_EXECUTING;
	/* Never send bytes nobody wrote. */
	if (cmd->op->flags & OP_PARAM_IN)
		memset(cmd->buf.addr, 0, cmd->buf_len);
	cmd->op->exec(cmd);
}

/* It has its buffers and its data. */
static inline void cmd_enter(struct scsi_cmd *cmd)
{
	if (unlikely((cmd->shard && cmd->shard->barriers) || (cmd->op->flags & OP_ATOMIC)) &&
	    !range_enter(cmd))
		return;
	cmd_execute(cmd);
}

static void cmd_fetched(struct scsi_cmd *cmd)
{
	cmd->moved_out = cmd->out_len;
	cmd->wanted = cmd->out_len;
	cmd->wants_out = true;
	cmd_enter(cmd);
}

void scsi_pulled(struct scsi_cmd *cmd, int status)
{
	if (unlikely(status == -ECONNRESET))
		task_abort(cmd, false);
	if (unlikely(cmd->aborted))
		task_end_aborted(cmd);
	else if (unlikely(status))
		cmd_fail(cmd, SENSE_DATA_OUT_FAILED);
	else if (unlikely(cmd->epoch) && gate_lost(cmd))
		cmd_fail(cmd, SENSE_ALUA_TRANSITION);
	else
		cmd_fetched(cmd);
}

static void cmd_buffer_ready(struct iobuf_waiter *w)
{
	cmd_go_on(container_of(w, struct scsi_cmd, waiter));
}

/* Also an internal command: the one that has submitted it keeps its own buffers meanwhile. */
static bool cmd_first(const struct scsi_cmd *cmd)
{
	return cmd->internal || (cmd->op->flags & OP_FIRST);
}

/* Queued before anything is given back, or what that frees might be missed. */
static bool cmd_wait_buffers(struct scsi_cmd *cmd)
{
	struct iobuf_pool *p = &cmd->reactor->bufs;
	struct iobuf buf = cmd->buf;

	cmd->state = SCSI_CMD_HELD;
	cmd->buf.addr = NULL;
	cmd->waiter.ready = cmd_buffer_ready;
	if (cmd_first(cmd))
		iobuf_wait_first(p, &cmd->waiter);
	else
		iobuf_wait(p, &cmd->waiter);
	if (buf.addr != cmd->imm.addr)
		iobuf_put(p, &buf);
	return false;
}

/* Immediate data is used where it lies, unless the backend cannot write from there. */
static bool cmd_uses_imm(const struct scsi_cmd *cmd)
{
	if (likely(!cmd->imm.addr || !cmd->out_len))
		return false;
	return !(cmd->op->flags & OP_BLOCKS) ||
	       !((uintptr_t)cmd->imm.addr & (cmd->lu->info->buf_align - 1));
}

static inline int cmd_get_buffer(struct scsi_cmd *cmd, uint32_t len, struct iobuf *b)
{
	struct iobuf_pool *p = &cmd->reactor->bufs;

	if (likely(!iobuf_get(p, len, b)))
		return 0;
	return cmd_first(cmd) ? iobuf_get_first(p, len, b) : -EAGAIN;
}

/* All or none, so that commands cannot wait for each other in a circle. */
static bool cmd_get_buffers(struct scsi_cmd *cmd)
{
	if (cmd_uses_imm(cmd)) {
		cmd->buf = cmd->imm;
		cmd->buf.len = cmd->out_len;
	} else if (cmd->buf_len && unlikely(cmd_get_buffer(cmd, cmd->buf_len, &cmd->buf))) {
		cmd->buf.addr = NULL;
		return cmd_wait_buffers(cmd);
	}
	if (unlikely(cmd->aux_len) && cmd_get_buffer(cmd, cmd->aux_len, &cmd->aux)) {
		cmd->aux.addr = NULL;
		return cmd_wait_buffers(cmd);
	}
	return true;
}

/* Its turn among those of the task set? False: it is held, or has ended. */
static bool cmd_turn(struct scsi_cmd *cmd)
{
	/* There is no ACA condition (NACA is refused): SAM-5 8.6.5. */
	if (cmd->task_attr == SCSI_ACA)
		return cmd_fail(cmd, SENSE_INVALID_MESSAGE);
	return range_turn(cmd);
}

static void cmd_advance(struct scsi_cmd *cmd)
{
	bool alone = !cmd->shard || !(cmd->shard->barriers | cmd->task_attr);

	if (unlikely(!alone) && !cmd_turn(cmd))
		return;
	if ((cmd->op->flags & OP_WRITES) && unlikely(atomic_load(&cmd->lu->detached))) {
		cmd->state = SCSI_CMD_HELD;
		list_add_tail(&cmd->shard->held, &cmd->waiter.link);
		return;
	}
	if (!cmd_get_buffers(cmd))
		return;
	if (!cmd->out_len && likely(alone)) {
		cmd_execute(cmd);
	} else if (!cmd->out_len) {
		cmd_enter(cmd);
	} else if (cmd->imm.addr) {
		if (unlikely(cmd->buf.addr != cmd->imm.addr))
			memcpy(cmd->buf.addr, cmd->imm.addr, cmd->out_len);
		cmd_fetched(cmd);
	} else {
		cmd->state = SCSI_CMD_PULLING;
		cmd->fabric->pull(cmd);
	}
}

/* Reservations and access states may have changed meanwhile. */
void cmd_go_on(struct scsi_cmd *cmd)
{
	enum scsi_sense s = cmd->itl ? access_check_again(cmd) : SENSE_OK;

	if (unlikely(cmd->aborted))
		task_end_aborted(cmd);
	else if (unlikely(cmd->awaits) && await_goes_on(cmd, s))
		return;
	else if (unlikely(s))
		cmd_fail(cmd, s);
	else if (cmd->state == SCSI_CMD_FETCHED)
		cmd_enter(cmd);
	else
		cmd_advance(cmd);
}

void lu_shard_resume(struct lu_shard *sh)
{
	struct list_node held = LIST_INIT(held);

	range_shard_resume(sh);
	list_splice_tail(&held, &sh->held);
	while (!list_empty(&held)) {
		struct scsi_cmd *cmd = list_first(&held, struct scsi_cmd, waiter.link);

		list_del(&cmd->waiter.link);
		cmd_go_on(cmd);
	}
}

/* ---- admission ---- */

static bool cmd_route(struct scsi_cmd *cmd)
{
	int lun = lun_decode(cmd->lun);
	bool opcode_known;
	unsigned need;

	if (likely(lun >= 0))
		cmd->itl = lun_map_find(nexus_map(cmd->nexus), (unsigned)lun);
	cmd->op = optable_find(cmd->cdb, &opcode_known);
	if (likely(cmd->itl)) {
		cmd->lu = cmd->itl->lu;
		cmd->shard = lu_shard(cmd->lu, cmd->reactor);
		list_add_tail(&cmd->shard->live, &cmd->link);
		counter_add(&cmd->shard->in_flight, 1);
		counter_add(&cmd->shard->stats.commands, 1);
		cmd->number = cmd->shard->stats.commands;
		if (unlikely(cmd->lu->info->is_scsi))
			cmd->op = passthrough_op(cmd, cmd->op);
	} else {
		need = lun == LUN_REPORT_LUNS ? OP_WELL_KNOWN : OP_NO_LUN;
		if (lun != LUN_REPORT_LUNS && !(cmd->op && cmd->op->flags & need))
			return cmd_fail(cmd, SENSE_LUN_NOT_SUPPORTED);
		if (cmd->op && !(cmd->op->flags & need))
			return cmd_fail(cmd, SENSE_INVALID_OPCODE);
	}
	if (unlikely(!cmd->op))
		return opcode_known ? cmd_bad_field(cmd, 1, 4) :
				      cmd_fail(cmd, SENSE_INVALID_OPCODE);
	if (unlikely(cmd->op->flags & OP_THIN) && !cmd->lu->thin)
		return cmd_fail(cmd, SENSE_INVALID_OPCODE);
	return true;
}

/* The one place that says whether this nexus may run this command now. */
static bool cmd_admit(struct scsi_cmd *cmd)
{
	enum scsi_sense s;

	if (unlikely(!cmd->itl))
		return true;
	/* The gate first: one that has opened has left its unit attention before. */
	if (likely(!atomic_load_explicit(&cmd->itl->gate, memory_order_acquire) &&
		   !ua_pending(&cmd->itl->ua) &&
		   !atomic_load_explicit(&cmd->lu->not_ready, memory_order_relaxed)))
		return true;
	s = access_check(cmd);
	if (unlikely(s) && await_begin(cmd, s))
		return false;
	return s ? cmd_fail(cmd, s) : true;
}

static void cmd_decode(struct scsi_cmd *cmd)
{
	const uint8_t *cdb = cmd->cdb;

	switch ((enum cdb_layout)cmd->op->layout) {
	case CDB_BLOCKS_6:
		cmd->lba = get_be24(cdb + 1) & 0x1fffff;
		cmd->nblocks = cdb[4] ? cdb[4] : 256;
		break;
	case CDB_BLOCKS_10:
		cmd->lba = get_be32(cdb + 2);
		cmd->nblocks = get_be16(cdb + 7);
		break;
	case CDB_BLOCKS_12:
		cmd->lba = get_be32(cdb + 2);
		cmd->nblocks = get_be32(cdb + 6);
		break;
	case CDB_BLOCKS_16:
		cmd->lba = get_be64(cdb + 2);
		cmd->nblocks = get_be32(cdb + 10);
		break;
	case CDB_LBA_10:
		cmd->lba = get_be32(cdb + 2);
		cmd->alloc = UINT32_MAX;
		break;
	case CDB_LBA_16:
		cmd->lba = get_be64(cdb + 2);
		cmd->alloc = get_be32(cdb + 10);
		break;
	case CDB_ALLOC_1_4:
		cmd->alloc = cdb[4];
		break;
	case CDB_ALLOC_2_3:
		cmd->alloc = get_be16(cdb + 3);
		break;
	case CDB_ALLOC_2_7:
		cmd->alloc = get_be16(cdb + 7);
		break;
	case CDB_ALLOC_4_5:
		cmd->alloc = get_be32(cdb + 5);
		break;
	case CDB_ALLOC_4_6:
		cmd->alloc = get_be32(cdb + 6);
		break;
	case CDB_ALLOC_4_10:
		cmd->alloc = get_be32(cdb + 10);
		break;
	case CDB_COMPARE_16:
		cmd->lba = get_be64(cdb + 2);
		cmd->nblocks = cdb[13];
		break;
	case CDB_NO_LENGTH:
	case CDB_LAYOUTS:
		break;
	}
}

/* CDB byte of the transfer length, for the field pointer. */
static const uint8_t length_byte[CDB_LAYOUTS] = {
	[CDB_BLOCKS_6] = 4, [CDB_BLOCKS_10] = 7, [CDB_BLOCKS_12] = 6, [CDB_BLOCKS_16] = 10,
};

/* A length of 0 just behind the end is no error (SBC-3 5.8). */
static bool cmd_in_range(const struct scsi_cmd *cmd)
{
	uint64_t n = lu_nblocks(cmd->lu);

	return cmd->lba <= n && cmd->nblocks <= n - cmd->lba;
}

/* Block data: the whole of a write; of a read what the initiator has room for. */
static bool cmd_size_blocks(struct scsi_cmd *cmd)
{
	uint64_t bytes = cmd_bytes(cmd), block = 1u << cmd->lu->block_shift;

	if (unlikely(bytes > IOBUF_MAX_SIZE))
		return cmd_bad_field(cmd, length_byte[cmd->op->layout], -1);
	if (cmd->op->flags & OP_OUT)
		cmd->out_len = (uint32_t)bytes;
	else
		bytes = min_u64(bytes, (cmd->data_in_len + block - 1) & ~(block - 1));
	cmd->buf_len = (uint32_t)bytes;
	return true;
}

static bool cmd_size_params(struct scsi_cmd *cmd)
{
	if (cmd->op->flags & OP_OUT) {
		if (cmd->alloc > CMD_LIST_MAX)
			return cmd_fail(cmd, SENSE_PARAMETER_LIST_LENGTH);
		cmd->out_len = cmd->buf_len = cmd->alloc;
	} else if (cmd->op->flags & OP_PARAM_IN) {
		cmd->buf_len = CMD_PARAM_SIZE;
	}
	return true;
}

/* True: it has ended the command. */
static bool cmd_is_protected(struct scsi_cmd *cmd)
{
	if (unlikely(atomic_load_explicit(&cmd->itl->read_only, memory_order_relaxed)))
		return !cmd_fail(cmd, SENSE_WRITE_PROTECTED);
	if (unlikely(atomic_load_explicit(&cmd->lu->modes.swp, memory_order_relaxed)))
		return !cmd_fail(cmd, SENSE_SOFTWARE_PROTECTED);
	return false;
}

static bool cmd_check(struct scsi_cmd *cmd)
{
	const struct scsi_op *op = cmd->op;
	int bit, byte;

	if (unlikely(passthrough_is(op)))
		return passthrough_check(cmd);
	byte = optable_refused(op, cmd->cdb, &bit);
	if (unlikely(byte >= 0))
		return cmd_bad_field(cmd, (unsigned)byte, bit);
	cmd_decode(cmd);
	if ((op->flags & OP_RANGE) && unlikely(!cmd_in_range(cmd)))
		return cmd_fail(cmd, SENSE_LBA_OUT_OF_RANGE);
	if (!(op->flags & OP_BLOCKS ? cmd_size_blocks(cmd) : cmd_size_params(cmd)))
		return false;
	if ((op->flags & OP_WRITES) && unlikely(cmd_is_protected(cmd)))
		return false;
	if (op->prep && !op->prep(cmd))
		return false;
	if (!(op->flags & (OP_OUT | OP_WRITES)))
		return true;
	if (unlikely(cmd->out_len > cmd->data_out_len ||
		     (cmd->imm.addr && cmd->out_len > cmd->imm.len)))
		return cmd_short_out(cmd);
	return true;
}

/* One function for both, so that what it calls has one caller and is part of it. */
static void cmd_start(struct scsi_cmd *cmd, bool internal)
{
	cmd_init(cmd);
	cmd->internal = internal;
	if (cmd_route(cmd) && cmd_admit(cmd) && cmd_check(cmd))
		cmd_advance(cmd);
}

void cmd_submit_sub(struct scsi_cmd *sub)
{
	cmd_start(sub, true);
}

void scsi_submit(struct scsi_cmd *cmd)
{
	cmd_start(cmd, false);
}

void scsi_reject(struct scsi_cmd *cmd, int sense)
{
	cmd_init(cmd);
	cmd_fail(cmd, (enum scsi_sense)sense);
}
