/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PERSISTENT RESERVE IN, SPC-4 6.15: built on the control thread, where the state is. */
#include "scsi/nexus.h"
#include "scsi/ops.h"
#include "scsi/optable.h"
#include "scsi/pr.h"

#include <string.h>

enum { READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS };

#define HEADER 8u
#define RESERVATION_SIZE 16u
#define STATUS_SIZE (24u + TRANSPORT_ID_SIZE)
#define REPLY_MAX (HEADER + STATUS_SIZE * PR_MAX)

/* SPC-4 tables 211 and 212. */
#define CAP_CRH 0x10
#define CAP_SIP_C 0x08
#define CAP_ATP_C 0x04
#define CAP_PTPL_C 0x01
#define CAP_TMV 0x80
#define CAP_ALLOW 0x30 /* 3: TEST UNIT READY, and under Write Exclusive the commands that look */
#define CAP_PTPL_A 0x01
#define CAP_TYPES 0xea01

#define STATUS_HOLDER 0x01

/* Parameter data, cut at the buffer's end. */
struct reply {
	uint8_t *buf;
	uint32_t room, len;
};

static void reply_add(struct reply *r, const uint8_t *p, uint32_t len)
{
	uint32_t fits = r->len < r->room ? min_u32(len, r->room - r->len) : 0;

	memcpy(r->buf + r->len, p, fits);
	r->len += fits;
}

static void reply_header(struct reply *r, const struct pr *pr, uint32_t additional)
{
	uint8_t p[HEADER];

	put_be32(p, pr->generation);
	put_be32(p + 4, additional);
	reply_add(r, p, sizeof(p));
}

static void read_keys(struct reply *r, const struct lu *lu)
{
	const struct pr *pr = lu->pr;
	uint8_t key[8];

	reply_header(r, pr, pr->count * (uint32_t)sizeof(key));
	for (unsigned i = 0; i < pr->count; i++) {
		put_be64(key, pr->r[i].key);
		reply_add(r, key, sizeof(key));
	}
}

static void read_reservation(struct reply *r, const struct lu *lu)
{
	const struct pr *pr = lu->pr;
	uint8_t p[RESERVATION_SIZE] = { 0 };

	reply_header(r, pr, pr->type ? RESERVATION_SIZE : 0);
	if (!pr->type)
		return;
	if (!pr_type_is(pr->type, PR_TYPES_AR))
		put_be64(p, pr->r[pr->holder].key);
	p[13] = pr->type;
	reply_add(r, p, sizeof(p));
}

static void report_capabilities(struct reply *r, const struct lu *lu)
{
	uint8_t p[HEADER] = { 0, HEADER };

	p[2] = CAP_CRH | CAP_SIP_C | CAP_ATP_C | (lu_keeps(lu) ? CAP_PTPL_C : 0);
	p[3] = CAP_TMV | CAP_ALLOW | (lu->pr->aptpl ? CAP_PTPL_A : 0);
	put_be16(p + 4, CAP_TYPES);
	reply_add(r, p, sizeof(p));
}

/* Each nexus by itself: ALL_TG_PT is never reported. */
static void read_full_status(struct reply *r, const struct lu *lu)
{
	const struct pr *pr = lu->pr;

	reply_header(r, pr, pr->count * STATUS_SIZE);
	for (unsigned i = 0; i < pr->count; i++) {
		uint8_t p[STATUS_SIZE] = { 0 };

		put_be64(p, pr->r[i].key);
		if (pr_is_holder(pr, (int)i)) {
			p[12] = STATUS_HOLDER;
			p[13] = pr->type;
		}
		put_be16(p + 18, pr->r[i].nexus.port);
		put_be32(p + 20, TRANSPORT_ID_SIZE);
		transport_id_encode(p + 24, pr->r[i].nexus.id);
		reply_add(r, p, sizeof(p));
	}
}

static void (*const builds[])(struct reply *r, const struct lu *lu) = {
	[READ_KEYS] = read_keys,
	[READ_RESERVATION] = read_reservation,
	[REPORT_CAPABILITIES] = report_capabilities,
	[READ_FULL_STATUS] = read_full_status,
};

bool prep_pr_in(struct scsi_cmd *cmd)
{
	cmd->buf_len = min_u32(cmd->alloc, REPLY_MAX);
	if (cmd->buf_len < HEADER)
		cmd->buf_len = HEADER;
	return true;
}

static void pr_in_answer(struct scsi_cmd *cmd)
{
	cmd_reply(cmd, cmd->arg);
}

static void pr_in_received(struct scsi_cmd *cmd)
{
	struct reply r = { cmd->buf.addr, cmd->buf_len, 0 };

	/* While it is reserved by RESERVE nobody uses persistent reservations (SPC-2 5.5.1). */
	if (cmd->lu->reserver) {
		cmd_control_fail(cmd, SENSE_RESERVATION_CONFLICT);
		return;
	}
	builds[cmd->op->sa](&r, cmd->lu);
	cmd->arg = r.len;
	cmd_control_return(cmd, pr_in_answer);
}

void op_pr_in(struct scsi_cmd *cmd)
{
	cmd_control(cmd, pr_in_received);
}
