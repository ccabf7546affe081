/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client_iu.h"

#include <errno.h>
#include <string.h>

#define SRP_AER_REQ_LEN 36u

/* ---- login ---- */

static uint8_t login_flags(const struct client_login *l)
{
	return (uint8_t)((l->multi ? SRP_REQ_MULTI : SRP_REQ_SINGLE) |
			 (l->imm_data ? SRP_REQ_IMMED_REQUESTED : 0));
}

static void target_port_id(uint8_t id[16], const struct client_login *l)
{
	put_be64(id, l->id_ext);
	put_be64(id + 8, l->ioc_guid);
}

static uint8_t login_req_ib(struct srp_login_req_ib *req, const struct client_login *l)
{
	req->opcode = SRP_LOGIN_REQ;
	put_be32(req->req_it_iu_len, l->it_iu_len);
	put_be16(req->req_buf_fmt, SRP_BUF_FMT_SUPPORTED);
	req->req_flags = login_flags(l);
	put_be16(req->imm_data_offset, l->imm_data ? CLIENT_IU_IMM_OFFSET : 0);
	memcpy(req->initiator_port_id, l->initiator_port_id, sizeof(req->initiator_port_id));
	target_port_id(req->target_port_id, l);
	return sizeof(*req);
}

static uint8_t login_req_rdma(struct srp_login_req_rdma *req, const struct client_login *l)
{
	req->opcode = SRP_LOGIN_REQ;
	put_be32(req->req_it_iu_len, l->it_iu_len);
	put_be16(req->req_buf_fmt, SRP_BUF_FMT_SUPPORTED);
	req->req_flags = login_flags(l);
	put_be16(req->imm_data_offset, l->imm_data ? CLIENT_IU_IMM_OFFSET : 0);
	memcpy(req->initiator_port_id, l->initiator_port_id, sizeof(req->initiator_port_id));
	target_port_id(req->target_port_id, l);
	return sizeof(*req);
}

uint8_t client_iu_login_req(union client_login_req *buf, const struct client_login *l)
{
	memset(buf, 0, sizeof(*buf));
	return l->addr.ss_family == AF_IB ? login_req_ib(&buf->ib, l) :
					    login_req_rdma(&buf->rdma, l);
}

int client_iu_login_rsp(const uint8_t *pd, size_t len, struct client_login_result *r)
{
	const struct srp_login_rsp *rsp = (const void *)pd;

	if (len < sizeof(*rsp) || rsp->opcode != SRP_LOGIN_RSP)
		return -EPROTO;
	r->req_lim = get_be32(rsp->req_lim_delta);
	r->max_it_iu_len = get_be32(rsp->max_it_iu_len);
	r->max_ti_iu_len = get_be32(rsp->max_ti_iu_len);
	r->multichan = rsp->rsp_flags & SRP_REQ_MULTICHAN_MASK;
	r->imm_data = rsp->rsp_flags & SRP_RSP_IMMED_SUPP;
	return 0;
}

int client_iu_login_rej(const uint8_t *pd, size_t len, uint32_t *reason)
{
	const struct srp_login_rej *rej = (const void *)pd;

	if (len < sizeof(*rej) || rej->opcode != SRP_LOGIN_REJ)
		return -EPROTO;
	*reason = get_be32(rej->reason);
	return 0;
}

/* ---- requests ---- */

uint32_t client_iu_pieces_fit(uint32_t size, uint32_t pieces)
{
	uint32_t head = sizeof(struct srp_cmd_iu) + sizeof(struct srp_indirect_desc);

	if (size < head)
		return 0;
	return min_u32(pieces, (size - head) / sizeof(struct srp_direct_desc));
}

bool client_iu_imm_fits(const struct client_cmd *cmd, uint32_t size)
{
	return cmd->dir == CLIENT_WRITE && size > CLIENT_IU_IMM_OFFSET &&
	       cmd->data.len <= size - CLIENT_IU_IMM_OFFSET;
}

static void desc_put(uint8_t *p, uint64_t addr, uint32_t key, uint32_t len)
{
	struct srp_direct_desc *d = (void *)p;

	put_be64(d->va, addr);
	put_be32(d->key, key);
	put_be32(d->len, len);
}

void client_iu_table(uint8_t *table, uint32_t count, uint32_t len,
		     const struct client_iu_data *d)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t from = (uint32_t)((uint64_t)len * i / d->pieces);
		uint32_t to = (uint32_t)((uint64_t)len * (i + 1) / d->pieces);

		desc_put(table, d->addr + from, d->key, to - from);
		table += sizeof(struct srp_direct_desc);
	}
}

static uint32_t indirect_put(uint8_t *buf, uint32_t size, const struct client_cmd *cmd,
			     const struct client_iu_data *d)
{
	struct srp_cmd_iu *iu = (void *)buf;
	struct srp_indirect_desc *ind = (void *)(buf + sizeof(*iu));
	uint32_t fit = client_iu_pieces_fit(size, d->pieces);

	desc_put(buf + sizeof(*iu), d->table_addr, d->table_key,
		 d->pieces * (uint32_t)sizeof(struct srp_direct_desc));
	put_be32(ind->len, cmd->data.len);
	client_iu_table(buf + sizeof(*iu) + sizeof(*ind), fit, cmd->data.len, d);
	if (cmd->dir == CLIENT_WRITE)
		iu->data_out_desc_cnt = (uint8_t)fit;
	else
		iu->data_in_desc_cnt = (uint8_t)fit;
	return (uint32_t)(sizeof(*iu) + sizeof(*ind) + fit * sizeof(struct srp_direct_desc));
}

static uint32_t direct_put(uint8_t *buf, uint32_t size, const struct client_cmd *cmd,
			   const struct client_iu_data *d)
{
	(void)size;
	desc_put(buf + sizeof(struct srp_cmd_iu), d->addr, d->key, cmd->data.len);
	return sizeof(struct srp_cmd_iu) + sizeof(struct srp_direct_desc);
}

static uint32_t immediate_put(uint8_t *buf, uint32_t size, const struct client_cmd *cmd,
			      const struct client_iu_data *d)
{
	(void)size;
	(void)d;
	memset(buf + sizeof(struct srp_cmd_iu), 0,
	       CLIENT_IU_IMM_OFFSET - sizeof(struct srp_cmd_iu));
	put_be32(buf + sizeof(struct srp_cmd_iu), cmd->data.len);
	memcpy(buf + CLIENT_IU_IMM_OFFSET, cmd->data.addr, cmd->data.len);
	return CLIENT_IU_IMM_OFFSET + cmd->data.len;
}

static const struct {
	enum srp_desc_fmt fmt;
	uint32_t (*put)(uint8_t *buf, uint32_t size, const struct client_cmd *cmd,
			const struct client_iu_data *d);
} formats[] = {
	[CLIENT_DIRECT] = { SRP_DESC_DIRECT, direct_put },
	[CLIENT_INDIRECT] = { SRP_DESC_INDIRECT, indirect_put },
	[CLIENT_IMMEDIATE] = { SRP_DESC_IMMEDIATE, immediate_put },
};

uint32_t client_iu_cmd(uint8_t *buf, uint32_t size, uint64_t tag, const struct client_cmd *cmd,
		       const struct client_iu_data *d)
{
	struct srp_cmd_iu *iu = (void *)buf;
	unsigned fmt;

	memset(iu, 0, sizeof(*iu));
	iu->opcode = SRP_CMD;
	memcpy(iu->tag, &tag, sizeof(iu->tag));
	memcpy(iu->lun, cmd->lun, sizeof(iu->lun));
	memcpy(iu->cdb, cmd->cdb, sizeof(iu->cdb));
	if (cmd->dir == CLIENT_NONE || !cmd->data.len)
		return sizeof(*iu);
	fmt = formats[d->desc].fmt;
	iu->buf_fmt = (uint8_t)(cmd->dir == CLIENT_WRITE ? fmt << 4 : fmt);
	return formats[d->desc].put(buf, size, cmd, d);
}

uint32_t client_iu_tsk_mgmt(uint8_t *buf, uint64_t tag, const struct client_tmf *tmf,
			    uint64_t task_tag)
{
	struct srp_tsk_mgmt_iu *iu = (void *)buf;

	memset(iu, 0, sizeof(*iu));
	iu->opcode = SRP_TSK_MGMT;
	memcpy(iu->tag, &tag, sizeof(iu->tag));
	memcpy(iu->lun, tmf->lun, sizeof(iu->lun));
	iu->function = tmf->function;
	memcpy(iu->task_tag, &task_tag, sizeof(iu->task_tag));
	return sizeof(*iu);
}

uint32_t client_iu_ctl(uint8_t *buf, enum srp_opcode opcode, uint64_t tag)
{
	struct srp_iu_head *iu = (void *)buf;

	memset(iu, 0, sizeof(*iu));
	iu->opcode = (uint8_t)opcode;
	memcpy(iu->tag, &tag, sizeof(iu->tag));
	return sizeof(*iu);
}

/* ---- what targets send ---- */

/* Residual counts of both directions: at most one says something. False: they contradict. */
static bool residual_decode(const struct srp_rsp_iu *rsp, struct client_iu *out)
{
	const struct {
		uint8_t flag;
		bool overflow;
		const uint8_t *count;
	} rows[] = {
		{ SRP_RSP_FLAG_DOOVER, true, rsp->data_out_res_cnt },
		{ SRP_RSP_FLAG_DOUNDER, false, rsp->data_out_res_cnt },
		{ SRP_RSP_FLAG_DIOVER, true, rsp->data_in_res_cnt },
		{ SRP_RSP_FLAG_DIUNDER, false, rsp->data_in_res_cnt },
	};
	unsigned found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(rsp->flags & rows[i].flag))
			continue;
		out->residual = get_be32(rows[i].count);
		out->overflow = rows[i].overflow;
		found++;
	}
	return found <= 1;
}

/* Response data come first, then sense data; a length counts only with its flag. */
static const char *rsp_decode(const uint8_t *iu, uint32_t len, struct client_iu *out)
{
	const struct srp_rsp_iu *rsp = (const void *)iu;
	uint32_t resp_len = 0, left;

	if (len < sizeof(*rsp))
		return "SRP_RSP is too short";
	left = len - (uint32_t)sizeof(*rsp);
	out->delta = (int32_t)get_be32(rsp->req_lim_delta);
	out->status = rsp->status;
	if (!residual_decode(rsp, out))
		return "residual counts of SRP_RSP contradict each other";
	if (rsp->flags & SRP_RSP_FLAG_RSPVALID) {
		const struct srp_rsp_data *data = (const void *)(iu + sizeof(*rsp));

		resp_len = get_be32(rsp->resp_data_len);
		if (resp_len < sizeof(*data) || resp_len > left)
			return "response data of SRP_RSP have a wrong length";
		out->has_code = true;
		out->code = data->code;
	}
	if (rsp->flags & SRP_RSP_FLAG_SNSVALID) {
		out->sense_len = get_be32(rsp->sense_data_len);
		if (out->sense_len > left - resp_len)
			return "sense data of SRP_RSP have a wrong length";
		out->sense = iu + sizeof(*rsp) + resp_len;
	}
	return NULL;
}

static const char *cred_req_decode(const uint8_t *iu, uint32_t len, struct client_iu *out)
{
	const struct srp_cred_req_iu *req = (const void *)iu;

	(void)len; /* it is but the head */
	out->delta = (int32_t)get_be32(req->req_lim_delta);
	return NULL;
}

static const char *aer_req_decode(const uint8_t *iu, uint32_t len, struct client_iu *out)
{
	if (len < SRP_AER_REQ_LEN)
		return "SRP_AER_REQ is too short";
	return cred_req_decode(iu, len, out);
}

static const char *t_logout_decode(const uint8_t *iu, uint32_t len, struct client_iu *out)
{
	const struct srp_t_logout_iu *lo = (const void *)iu;

	(void)len;
	out->reason = get_be32(lo->reason);
	return NULL;
}

const char *client_iu_decode(const uint8_t *iu, uint32_t len, struct client_iu *out)
{
	static const struct {
		uint8_t opcode;
		const char *(*decode)(const uint8_t *iu, uint32_t len, struct client_iu *out);
	} rows[] = {
		{ SRP_RSP, rsp_decode },
		{ SRP_CRED_REQ, cred_req_decode },
		{ SRP_AER_REQ, aer_req_decode },
		{ SRP_T_LOGOUT, t_logout_decode },
	};
	const struct srp_iu_head *head = (const void *)iu;

	memset(out, 0, sizeof(*out));
	if (len < sizeof(*head))
		return "a message too short for SRP";
	out->opcode = head->opcode;
	memcpy(&out->tag, head->tag, sizeof(out->tag));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].opcode == head->opcode)
			return rows[i].decode(iu, len, out);
	return "a message that no target may send";
}

/* ---- words ---- */

const char *client_iu_rej_name(uint32_t reason)
{
	static const char *const names[] = {
		"unable to establish a channel",
		"insufficient resources",
		"requests would be too long for it",
		"the channel cannot be associated: unknown target id, or not allowed",
		"descriptor format not supported",
		"multiple channels not supported",
		"channel limit reached",
	};
	uint32_t i = reason - SRP_REJ_UNABLE_ESTABLISH_CHANNEL;

	return i < ARRAY_SIZE(names) ? names[i] : "unknown reason";
}

const char *client_iu_logout_name(uint32_t reason)
{
	static const char *const names[] = {
		"the target logged us out",
		"the target logged us out: inactive channel",
		"the target logged us out: invalid request",
		"the target logged us out: response without a request",
		"the target logged us out: replaced by a newer login",
	};

	return reason < ARRAY_SIZE(names) ? names[reason] : names[0];
}
