/* SPDX-License-Identifier: GPL-2.0-or-later */
/* REPORT SUPPORTED OPERATION CODES, SPC-4 6.35: the opcode table as data. */
#include "scsi/ops.h"
#include "scsi/optable.h"

#include <string.h>

#define RCTD 0x80           /* CDB byte 2: command timeouts descriptors wanted */
#define SUPPORT_NONE 1      /* one-command format, byte 1 */
#define SUPPORT_STANDARD 3
#define ONE_CTDP 0x80
#define ALL_CTDP 0x02       /* descriptor, byte 5 */
#define ALL_SERVACTV 0x01

/* REPORTING OPTIONS */
enum { REPORT_ALL, REPORT_OPCODE, REPORT_SERVICE_ACTION, REPORT_EITHER };

bool prep_report_opcodes(struct scsi_cmd *cmd)
{
	unsigned option = cmd->cdb[2] & 0x07;
	const struct scsi_op *op = optable_opcode(cmd->cdb[3]);
	bool has_sa = op && (op->flags & OP_SA);

	cmd->buf_len = 4 + optable_len * (8 + 12);
	if (option > REPORT_EITHER)
		return cmd_bad_field(cmd, 2, 2);
	if ((option == REPORT_OPCODE && has_sa) ||
	    (option == REPORT_SERVICE_ACTION && op && !has_sa))
		return cmd_bad_field(cmd, 2, 2);
	return true;
}

static bool op_offered(const struct scsi_cmd *cmd, const struct scsi_op *op)
{
	return cmd->lu->thin || !(op->flags & OP_THIN);
}

/*
 * Seconds: how long an initiator should wait before it asks for the progress (0: none is
 * told), and before it takes the command for lost. Commands not listed: DEFAULT_TIMEOUT.
 */
#define DEFAULT_TIMEOUT 30
static const struct {
	uint8_t opcode;
	uint32_t nominal, recommended;
} op_timeouts[] = {
	{ 0x04, 60, 86400 }, /* FORMAT UNIT: all of the medium */
	{ 0x1b, 0, 120 },    /* START STOP UNIT: flushes */
	{ 0x35, 0, 120 },    /* SYNCHRONIZE CACHE */
	{ 0x41, 0, 120 },    /* WRITE SAME: many blocks by one CDB */
	{ 0x42, 0, 120 },    /* UNMAP */
	{ 0x48, 60, 86400 }, /* SANITIZE */
	{ 0x83, 0, 120 },    /* EXTENDED COPY */
	{ 0x91, 0, 120 },
	{ 0x93, 0, 120 },
};

/* Command timeouts descriptor, SPC-4 6.35.4. */
static unsigned put_timeouts(uint8_t *p, const struct scsi_op *op)
{
	put_be16(p, 0x000a);
	put_be32(p + 8, DEFAULT_TIMEOUT);
	for (unsigned i = 0; i < ARRAY_SIZE(op_timeouts); i++) {
		if (op_timeouts[i].opcode != op->opcode)
			continue;
		put_be32(p + 4, op_timeouts[i].nominal);
		put_be32(p + 8, op_timeouts[i].recommended);
	}
	return 12;
}

static uint32_t build_all(struct scsi_cmd *cmd)
{
	bool timeouts = cmd->cdb[2] & RCTD;
	uint8_t *p = cmd->buf.addr + 4;

	for (unsigned i = 0; i < optable_len; i++) {
		const struct scsi_op *op = &optable[i];

		if (!op_offered(cmd, op))
			continue;
		p[0] = op->opcode;
		if (op->flags & OP_SA) {
			put_be16(p + 2, op->sa);
			p[5] |= ALL_SERVACTV;
		}
		put_be16(p + 6, op->cdb_len);
		if (timeouts) {
			p[5] |= ALL_CTDP;
			p += put_timeouts(p + 8, op);
		}
		p += 8;
	}
	put_be32(cmd->buf.addr, (uint32_t)(p - cmd->buf.addr) - 4);
	return (uint32_t)(p - cmd->buf.addr);
}

/* The row asked for; option 3 takes service action 0 for commands without. */
static const struct scsi_op *op_asked(const struct scsi_cmd *cmd)
{
	unsigned sa = get_be16(cmd->cdb + 4);
	const struct scsi_op *op;

	for (op = optable_opcode(cmd->cdb[3]); op; op = optable_next(op)) {
		if (!op_offered(cmd, op))
			continue;
		if (op->flags & OP_SA ? op->sa == sa :
					sa == 0 || (cmd->cdb[2] & 0x07) == REPORT_OPCODE)
			return op;
	}
	return NULL;
}

static bool is_thin(const struct lu *lu)
{
	return lu->thin;
}

static bool keeps_state(const struct lu *lu)
{
	return lu_keeps(lu);
}

/* Bits of CDB byte 1 that not every LU takes. */
static const struct {
	void (*exec)(struct scsi_cmd *cmd);
	uint8_t bit;
	bool (*offered)(const struct lu *lu);
} bits_offered[] = {
	{ op_write_same, 0x08, is_thin },      /* UNMAP */
	{ op_mode_select, 0x01, keeps_state }, /* SP */
};

static void put_usage(uint8_t *p, const struct scsi_op *op, const struct lu *lu)
{
	memcpy(p, op->usage, op->cdb_len);
	for (unsigned i = 0; i < ARRAY_SIZE(bits_offered); i++)
		if (op->exec == bits_offered[i].exec && !bits_offered[i].offered(lu))
			p[1] &= (uint8_t)~bits_offered[i].bit;
}

static uint32_t build_one(struct scsi_cmd *cmd)
{
	const struct scsi_op *op = op_asked(cmd);
	uint8_t *p = cmd->buf.addr;

	if (!op) {
		p[1] = SUPPORT_NONE;
		return 4;
	}
	p[1] = SUPPORT_STANDARD;
	put_be16(p + 2, op->cdb_len);
	put_usage(p + 4, op, cmd->lu);
	if (!(cmd->cdb[2] & RCTD))
		return 4u + op->cdb_len;
	p[1] |= ONE_CTDP;
	return 4u + op->cdb_len + put_timeouts(p + 4 + op->cdb_len, op);
}

void op_report_opcodes(struct scsi_cmd *cmd)
{
	cmd_reply(cmd, (cmd->cdb[2] & 0x07) == REPORT_ALL ? build_all(cmd) : build_one(cmd));
}
