/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/passthrough.h"

#include "base/counter.h"
#include "base/log.h"
#include "scsi/cmd.h"
#include "scsi/nexus.h"
#include "scsi/task.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define TYPE_DISK 0x00
#define TYPE_TAPE 0x01
#define TYPE_CHANGER 0x08

#define ROWS_MAX 255u

static void op_passthrough(struct scsi_cmd *cmd);

/* ---- which row ---- */

/* Of the opcode table, with what the device does in the place of what we do. */
static struct scsi_op rows[ROWS_MAX];

/* Nothing is known of it: it may change the medium. */
static const struct scsi_op row_unknown = {
	.flags = OP_WRITES, .name = "unknown", .exec = op_passthrough,
};

#define READ_ONLY_ROW(code, may, text) \
	{ .opcode = (code), .access = (may), .name = (text), .exec = op_passthrough }
#define SHARED (ACCESS_WE | ACCESS_EA)
#define LOOKS ACCESS_WE

/*
 * Commands that leave the medium as it is, where the opcode table does not have them or has
 * others of the same code. SSC-4 tables 15 and 16, SMC-3 table 11, SBC-3 table 13.
 */
static const struct scsi_op disk_rows[] = {
	READ_ONLY_ROW(0x1e, 0, "PREVENT ALLOW MEDIUM REMOVAL"),
	READ_ONLY_ROW(0x37, SHARED, "READ DEFECT DATA(10)"),
	READ_ONLY_ROW(0x3c, LOOKS, "READ BUFFER(10)"),
	READ_ONLY_ROW(0x3e, LOOKS, "READ LONG(10)"),
	READ_ONLY_ROW(0xb7, SHARED, "READ DEFECT DATA(12)"),
};

static const struct scsi_op tape_rows[] = {
	READ_ONLY_ROW(0x01, 0, "REWIND"),
	READ_ONLY_ROW(0x05, SHARED, "READ BLOCK LIMITS"),
	READ_ONLY_ROW(0x08, LOOKS, "READ(6)"),
	READ_ONLY_ROW(0x0f, LOOKS, "READ REVERSE(6)"),
	READ_ONLY_ROW(0x11, 0, "SPACE(6)"),
	READ_ONLY_ROW(0x13, 0, "VERIFY(6)"),
	READ_ONLY_ROW(0x14, 0, "RECOVER BUFFERED DATA"),
	READ_ONLY_ROW(0x1b, 0, "LOAD UNLOAD"),
	READ_ONLY_ROW(0x1e, 0, "PREVENT ALLOW MEDIUM REMOVAL"),
	READ_ONLY_ROW(0x2b, 0, "LOCATE(10)"),
	READ_ONLY_ROW(0x34, SHARED, "READ POSITION"),
	READ_ONLY_ROW(0x3c, LOOKS, "READ BUFFER(10)"),
	READ_ONLY_ROW(0x44, SHARED, "REPORT DENSITY SUPPORT"),
	READ_ONLY_ROW(0x81, LOOKS, "READ REVERSE(16)"),
	READ_ONLY_ROW(0x88, LOOKS, "READ(16)"),
	READ_ONLY_ROW(0x8c, 0, "READ ATTRIBUTE"),
	READ_ONLY_ROW(0x8f, 0, "VERIFY(16)"),
	READ_ONLY_ROW(0x91, 0, "SPACE(16)"),
	READ_ONLY_ROW(0x92, 0, "LOCATE(16)"),
};

static const struct scsi_op changer_rows[] = {
	READ_ONLY_ROW(0x07, 0, "INITIALIZE ELEMENT STATUS"),
	READ_ONLY_ROW(0x1e, 0, "PREVENT ALLOW MEDIUM REMOVAL"),
	READ_ONLY_ROW(0x2b, 0, "POSITION TO ELEMENT"),
	READ_ONLY_ROW(0x37, 0, "INITIALIZE ELEMENT STATUS WITH RANGE"),
	READ_ONLY_ROW(0x3c, LOOKS, "READ BUFFER(10)"),
	READ_ONLY_ROW(0x8c, 0, "READ ATTRIBUTE"),
	READ_ONLY_ROW(0xb8, LOOKS, "READ ELEMENT STATUS"),
};

/* Opcodes that mean the same for every type of device (SPC-4 table 168). */
static bool is_primary(uint8_t opcode)
{
	static const uint8_t primary[] = {
		0x00, 0x03, 0x12, 0x15, 0x1a, 0x1c, 0x1d, 0x3b, 0x4c, 0x4d, 0x55, 0x5a, 0x83,
		0x84, 0xa2, 0xa3, 0xa4, 0xb5,
	};

	return memchr(primary, opcode, sizeof(primary));
}

/* What belongs to a nexus: answered here. */
static bool is_ours(uint8_t opcode)
{
	static const uint8_t ours[] = { 0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f, 0xa0 };

	return memchr(ours, opcode, sizeof(ours));
}

static const struct scsi_op *row_find(const struct scsi_op *list, size_t n, uint8_t opcode)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].opcode == opcode)
			return &list[i];
	return NULL;
}

static const struct scsi_op *type_row(uint8_t type, uint8_t opcode)
{
	switch (type) {
	case TYPE_DISK:
		return row_find(disk_rows, ARRAY_SIZE(disk_rows), opcode);
	case TYPE_TAPE:
		return row_find(tape_rows, ARRAY_SIZE(tape_rows), opcode);
	case TYPE_CHANGER:
		return row_find(changer_rows, ARRAY_SIZE(changer_rows), opcode);
	default:
		return NULL;
	}
}

void passthrough_init(void)
{
	assert(optable_len <= ROWS_MAX);
	for (unsigned i = 0; i < optable_len; i++) {
		rows[i] = optable[i];
		rows[i].flags &= OP_WRITES | OP_UA_PASSES;
		rows[i].prep = NULL;
		rows[i].exec = op_passthrough;
	}
}

bool passthrough_is(const struct scsi_op *op)
{
	return op->exec == op_passthrough;
}

const struct scsi_op *passthrough_op(const struct scsi_cmd *cmd, const struct scsi_op *op)
{
	uint8_t type = cmd->lu->info->scsi_type, opcode = cmd->cdb[0];
	const struct scsi_op *row;

	/* Of the unit attentions that REQUEST SENSE tells, ours come first. */
	if (is_ours(opcode) || (opcode == 0x03 && ua_pending(&cmd->itl->ua)))
		return op;
	row = type_row(type, opcode);
	if (row)
		return row;
	if (op && (type == TYPE_DISK || is_primary(opcode)))
		return &rows[op - optable];
	return &row_unknown;
}

/* ---- the CDB ---- */

/* SPC-4 4.3.1; 0: the command has fewer bytes than its CDB. Vendor's have all there are. */
static uint8_t cdb_length(const struct scsi_cmd *cmd)
{
	static const uint8_t group[8] = { 6, 10, 10, 0, 16, 12, 16, 16 };
	unsigned len = group[cmd->cdb[0] >> 5];

	if (cmd->cdb[0] == 0x7f)
		len = 8u + cmd->cdb[7];
	else if (!len)
		len = 16;
	return len <= cmd->cdb_len ? (uint8_t)len : 0;
}

/*
 * The bit of the control byte that asks for an ACA condition (SAM-5 5.2): the device would keep
 * all initiators out for the sake of one. Where the control byte of a vendor's command is, nobody
 * knows.
 */
static bool asks_for_aca(const struct scsi_cmd *cmd, unsigned len)
{
	unsigned control = cmd->cdb[0] == 0x7f ? 1 : len - 1;

	return cmd->cdb[0] < 0xc0 && (cmd->cdb[control] & 0x04);
}

#define MINUTE 60000u /* ms */
#define HOUR (60 * MINUTE)

/*
 * After this the kernel takes the command back from the device. Initiators lose patience
 * before: a minute for a disk, a quarter of an hour for a tape, hours for what winds,
 * formats or erases.
 */
static uint32_t command_timeout(uint8_t type, uint8_t opcode)
{
	static const uint8_t slow_disk[] = { 0x04, 0x1d, 0x48 };
	static const uint8_t slow_tape[] = { 0x01, 0x04, 0x11, 0x13, 0x19, 0x1b, 0x1d, 0x2b,
					     0x82, 0x8f, 0x91, 0x92, 0x93 };
	static const uint8_t slow_changer[] = { 0x07, 0x1d, 0x37, 0xe7 };

	switch (type) {
	case TYPE_DISK:
		return memchr(slow_disk, opcode, sizeof(slow_disk)) ? 24 * HOUR : MINUTE;
	case TYPE_TAPE:
		return memchr(slow_tape, opcode, sizeof(slow_tape)) ? 4 * HOUR : 15 * MINUTE;
	default:
		return memchr(slow_changer, opcode, sizeof(slow_changer)) ? 4 * HOUR :
									     15 * MINUTE;
	}
}

bool passthrough_check(struct scsi_cmd *cmd)
{
	uint32_t len = cmd->data_out_len ? cmd->data_out_len : cmd->data_in_len;
	unsigned cdb_len = cdb_length(cmd);

	if (cmd->data_out_len && cmd->data_in_len)
		return cmd_fail(cmd, SENSE_BAD_COMMAND_IU);
	if (len > IOBUF_MAX_SIZE || !cdb_len || asks_for_aca(cmd, cdb_len))
		return cmd_fail(cmd, SENSE_INVALID_FIELD_IN_CDB);
	if ((cmd->op->flags & OP_WRITES) &&
	    atomic_load_explicit(&cmd->itl->read_only, memory_order_relaxed))
		return cmd_fail(cmd, SENSE_WRITE_PROTECTED);
	cmd->out_len = cmd->data_out_len;
	cmd->buf_len = len;
	return true;
}

/* ---- the answer ---- */

/* What the device reported to one nexus, and is of interest to all of them. */
static const struct {
	uint8_t asc, ascq;
	enum ua ua;
} attentions[] = {
	{ 0x28, 0x00, UA_MEDIUM_CHANGED },
	{ 0x29, 0x00, UA_POWER_ON },       { 0x29, 0x01, UA_POWER_ON },
	{ 0x29, 0x02, UA_LU_RESET },       { 0x29, 0x03, UA_LU_RESET },
	{ 0x29, 0x04, UA_LU_RESET },       { 0x29, 0x07, UA_LU_RESET },
	{ 0x2a, 0x01, UA_MODE_CHANGED },   { 0x2a, 0x09, UA_CAPACITY_CHANGED },
	{ 0x3f, 0x03, UA_INQUIRY_CHANGED }, { 0x3f, 0x0e, UA_LUNS_CHANGED },
};

/* The unit attention in sense data of the device; -1: none that others should hear of. */
static int sense_attention(const uint8_t *s, unsigned len)
{
	bool descriptor = len && (s[0] & 0x7f) == 0x72;
	uint8_t asc, ascq;

	if (len < (descriptor ? 8 : 14) || (!descriptor && (s[0] & 0x7f) != 0x70))
		return -1;
	if ((s[descriptor ? 1 : 2] & 0x0f) != 0x06)
		return -1;
	asc = s[descriptor ? 2 : 12];
	ascq = s[descriptor ? 3 : 13];
	for (unsigned i = 0; i < ARRAY_SIZE(attentions); i++)
		if (attentions[i].asc == asc && attentions[i].ascq == ascq)
			return (int)attentions[i].ua;
	return -1;
}

/* What the other nexuses must hear of after @cmd; -1: nothing. */
static int attention_of(const struct scsi_cmd *cmd)
{
	uint8_t opcode = cmd->cdb[0];

	if (cmd->status == SCSI_CHECK_CONDITION)
		return sense_attention(cmd->sense, cmd->sense_len);
	/* To the device they are one nexus: it has nobody to tell. */
	if (cmd->status == SCSI_GOOD && (opcode == 0x15 || opcode == 0x55))
		return UA_MODE_CHANGED;
	return -1;
}

static void attention_post(struct scsi_cmd *cmd)
{
	lu_post_ua(cmd->lu, (enum ua)cmd->arg, cmd->nexus);
	cmd_control_return(cmd, cmd_good);
}

/* READ of a disk or tape. */
static bool is_read(uint8_t opcode)
{
	return opcode == 0x08 || opcode == 0x28 || opcode == 0xa8 || opcode == 0x88;
}

static void moved_count(const struct scsi_cmd *cmd, uint32_t moved)
{
	struct lu_stats *s = &cmd->shard->stats;

	if (cmd->out_len && (cmd->op->flags & OP_WRITES)) {
		counter_add(&s->write_ops, 1);
		counter_add(&s->write_bytes, moved);
	} else if (!cmd->out_len && is_read(cmd->cdb[0])) {
		counter_add(&s->read_ops, 1);
		counter_add(&s->read_bytes, moved);
	}
}

/*
 * Status, sense and residual as the device gave them; with CHECK CONDITION, too, there may be
 * data (a tape block of another length).
 */
static void passthrough_answered(struct scsi_cmd *cmd)
{
	const struct be_scsi_io *io = &cmd->scsi;
	uint32_t moved = io->buf.len - io->resid;
	int attention;

	cmd->status = io->status;
	if (io->status == SCSI_CHECK_CONDITION && io->sense_len)
		cmd->sense_len = io->sense_len;
	else if (io->status == SCSI_CHECK_CONDITION)
		sense_set(cmd, SENSE_ABORTED); /* the host adapter has lost it: try again */
	cmd->wanted = moved;
	if (cmd->out_len)
		cmd->moved_out = moved;
	else
		cmd->data_len = moved;
	moved_count(cmd, moved);
	attention = attention_of(cmd);
	if (attention < 0) {
		cmd_good(cmd);
		return;
	}
	cmd->arg = (uint32_t)attention;
	cmd_control(cmd, attention_post);
}

/* The device did not answer. */
static enum scsi_sense failure_sense(int result)
{
	switch (-result) {
	case EINVAL:
	case EMSGSIZE:
		return SENSE_INVALID_FIELD_IN_CDB; /* more than the host adapter moves at once */
	case EPERM:
	case EACCES:
		return SENSE_INTERNAL_FAILURE;
	default:
		return sense_from_errno(result, BE_FLUSH);
	}
}

static void passthrough_done(struct be_scsi_io *io)
{
	struct scsi_cmd *cmd = container_of(io, struct scsi_cmd, scsi);

	if (cmd->aborted)
		task_end_aborted(cmd);
	else if (io->result)
		cmd_fail(cmd, failure_sense(io->result));
	else
		passthrough_answered(cmd);
}

static enum be_scsi_dir direction(const struct scsi_cmd *cmd)
{
	if (!cmd->buf_len)
		return BE_SCSI_NONE;
	return cmd->out_len ? BE_SCSI_OUT : BE_SCSI_IN;
}

static void op_passthrough(struct scsi_cmd *cmd)
{
	struct be_scsi_io *io = &cmd->scsi;

	io->cdb = cmd->cdb;
	io->cdb_len = cdb_length(cmd);
	io->sense = cmd->sense;
	io->sense_room = SCSI_MAX_SENSE;
	io->dir = direction(cmd);
	io->timeout_ms = command_timeout(cmd->lu->info->scsi_type, cmd->cdb[0]);
	io->buf = cmd->buf;
	io->buf.len = cmd->buf_len;
	io->done = passthrough_done;
	backend_submit_scsi(cmd->reactor, cmd->lu->be, io);
}
