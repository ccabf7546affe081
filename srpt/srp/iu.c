/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "srp/iu.h"

#include <errno.h>
#include <string.h>

#define TASK_ATTR_MASK 0x07
#define TASK_ATTR_ORDERED 2
#define ADD_CDB_LEN_MASK 0xfc

static void seg_get(const uint8_t *p, struct xfer_seg *seg)
{
	const struct srp_direct_desc *d = (const void *)p;

	*seg = (struct xfer_seg){ get_be64(d->va), get_be32(d->key), get_be32(d->len) };
}

static bool seg_wraps(const struct xfer_seg *seg)
{
	return seg->len && seg->addr + (seg->len - 1) < seg->addr;
}

int iu_descs_check(const uint8_t *descs, uint32_t n, uint32_t total)
{
	uint64_t sum = 0;
	struct xfer_seg seg;

	for (uint32_t i = 0; i < n; i++) {
		seg_get(descs + i * sizeof(struct srp_direct_desc), &seg);
		if (seg_wraps(&seg))
			return -EINVAL;
		sum += seg.len;
	}
	return sum < total ? -EINVAL : 0;
}

uint32_t iu_descs_convert(const uint8_t *descs, uint32_t n, struct xfer_seg *segs)
{
	uint32_t used = 0;
	struct xfer_seg seg;

	/* Entry i is read before slot i is written, and used ≤ i: in place is safe. */
	for (uint32_t i = 0; i < n; i++) {
		seg_get(descs + i * sizeof(struct srp_direct_desc), &seg);
		if (seg.len)
			segs[used++] = seg;
	}
	return used;
}

/* What the descriptor decoders see: the IU and where the descriptor starts. */
struct desc_ctx {
	const uint8_t *iu;
	uint32_t len;
	uint32_t off;
	uint32_t imm_offset;
	uint8_t count; /* desc_cnt of this direction */
	bool out;
};

/* Each sets descs and so on in @req and *@total; false: malformed. */
typedef bool (*desc_fn)(const struct desc_ctx *c, struct srp_req *req, uint32_t *total);

static bool desc_none(const struct desc_ctx *c, struct srp_req *req, uint32_t *total)
{
	(void)c;
	(void)req;
	*total = 0;
	return true;
}

static bool desc_direct(const struct desc_ctx *c, struct srp_req *req, uint32_t *total)
{
	const struct srp_direct_desc *d = (const void *)(c->iu + c->off);

	if (c->len - c->off < sizeof(*d))
		return false;
	*total = get_be32(d->len);
	req->descs = c->iu + c->off;
	req->ndescs = 1;
	return !iu_descs_check(req->descs, 1, *total);
}

static bool desc_indirect(const struct desc_ctx *c, struct srp_req *req, uint32_t *total)
{
	const struct srp_indirect_desc *d = (const void *)(c->iu + c->off);
	struct xfer_seg table;
	uint32_t entries;

	if (c->len - c->off < sizeof(*d))
		return false;
	seg_get(c->iu + c->off, &table);
	entries = table.len / sizeof(struct srp_direct_desc);
	if (table.len % sizeof(struct srp_direct_desc) || c->count > entries ||
	    entries > IU_TABLE_MAX)
		return false;
	if (c->len - c->off - sizeof(*d) < c->count * sizeof(struct srp_direct_desc))
		return false;
	*total = get_be32(d->len);
	req->descs = c->iu + c->off + sizeof(*d);
	req->ndescs = c->count;
	if (c->count < entries) {
		/* The sum can be checked only when the whole table is here. */
		req->table = table;
		return !seg_wraps(&table);
	}
	return !iu_descs_check(req->descs, entries, *total);
}

static bool desc_immediate(const struct desc_ctx *c, struct srp_req *req, uint32_t *total)
{
	const struct srp_imm_desc *d = (const void *)(c->iu + c->off);

	if (!c->out || !c->imm_offset)
		return false;
	if (c->len - c->off < sizeof(*d) || c->off + sizeof(*d) > c->imm_offset)
		return false;
	*total = get_be32(d->len);
	if (c->len < c->imm_offset || *total > c->len - c->imm_offset)
		return false;
	if (*total)
		req->imm = c->iu + c->imm_offset;
	return true;
}

static const desc_fn desc_decoders[] = {
	[SRP_DESC_NONE] = desc_none,
	[SRP_DESC_DIRECT] = desc_direct,
	[SRP_DESC_INDIRECT] = desc_indirect,
	[SRP_DESC_IMMEDIATE] = desc_immediate,
};

/* The descriptors start at @off ≤ @len. */
static bool cmd_decode_descs(const uint8_t *iu, uint32_t len, uint32_t off, uint32_t imm_offset,
			     struct srp_req *req)
{
	const struct srp_cmd_iu *cmd = (const void *)iu;
	unsigned out_fmt = cmd->buf_fmt >> 4, in_fmt = cmd->buf_fmt & 0x0f;
	struct desc_ctx c = { .iu = iu, .len = len, .off = off, .imm_offset = imm_offset,
			      .out = out_fmt != SRP_DESC_NONE };
	unsigned fmt = c.out ? out_fmt : in_fmt;
	uint32_t total;

	/* No command of ours moves data both ways. */
	if ((out_fmt && in_fmt) || fmt >= ARRAY_SIZE(desc_decoders))
		return false;
	c.count = c.out ? cmd->data_out_desc_cnt : cmd->data_in_desc_cnt;
	if (!desc_decoders[fmt](&c, req, &total))
		return false;
	if (c.out)
		req->data_out_len = total;
	else
		req->data_in_len = total;
	return true;
}

static uint8_t task_attr_decode(uint8_t attr)
{
	attr &= TASK_ATTR_MASK;
	return attr == 3 || attr > 4 ? TASK_ATTR_ORDERED : attr;
}

static enum iu_result cmd_decode(const uint8_t *iu, uint32_t len, uint32_t imm_offset,
				 struct srp_req *req)
{
	const struct srp_cmd_iu *cmd = (const void *)iu;
	uint32_t add;

	if (len < sizeof(*cmd))
		return IU_BAD_FIELDS;
	req->lun = cmd->lun;
	req->task_attr = task_attr_decode(cmd->task_attr);
	add = cmd->add_cdb_len & ADD_CDB_LEN_MASK;
	if (len - sizeof(*cmd) < add)
		return IU_BAD_FIELDS;
	req->cdb = cmd->cdb;
	req->cdb_len = (uint16_t)(sizeof(cmd->cdb) + add);
	if (cmd_decode_descs(iu, len, sizeof(*cmd) + add, imm_offset, req))
		return IU_OK;
	req->descs = NULL;
	req->ndescs = 0;
	return IU_BAD_FIELDS;
}

static enum iu_result tsk_mgmt_decode(const uint8_t *iu, uint32_t len, uint32_t imm_offset,
				      struct srp_req *req)
{
	const struct srp_tsk_mgmt_iu *tmf = (const void *)iu;

	(void)imm_offset;
	if (len < sizeof(*tmf))
		return IU_BAD_FIELDS;
	req->lun = tmf->lun;
	req->function = tmf->function;
	memcpy(&req->task_tag, tmf->task_tag, sizeof(req->task_tag));
	return IU_OK;
}

static enum iu_result head_decode(const uint8_t *iu, uint32_t len, uint32_t imm_offset,
				  struct srp_req *req)
{
	(void)iu;
	(void)len;
	(void)imm_offset;
	(void)req;
	return IU_OK;
}

/* What there is; decode NULL: not from an initiator on a channel. */
static const struct iu_row {
	uint8_t opcode;
	const char *name;
	enum iu_result (*decode)(const uint8_t *iu, uint32_t len, uint32_t imm_offset,
				 struct srp_req *req);
} iu_table[] = {
	{ SRP_CMD, "SRP_CMD", cmd_decode },
	{ SRP_TSK_MGMT, "SRP_TSK_MGMT", tsk_mgmt_decode },
	{ SRP_CRED_RSP, "SRP_CRED_RSP", head_decode },
	{ SRP_AER_RSP, "SRP_AER_RSP", head_decode },
	{ SRP_I_LOGOUT, "SRP_I_LOGOUT", head_decode },
	{ SRP_LOGIN_REQ, "SRP_LOGIN_REQ", NULL },
	{ SRP_T_LOGOUT, "SRP_T_LOGOUT", NULL },
	{ SRP_CRED_REQ, "SRP_CRED_REQ", NULL },
	{ SRP_AER_REQ, "SRP_AER_REQ", NULL },
	{ SRP_LOGIN_RSP, "SRP_LOGIN_RSP", NULL },
	{ SRP_RSP, "SRP_RSP", NULL },
	{ SRP_LOGIN_REJ, "SRP_LOGIN_REJ", NULL },
};

static const struct iu_row *iu_row_find(uint8_t opcode)
{
	for (size_t i = 0; i < ARRAY_SIZE(iu_table); i++)
		if (iu_table[i].opcode == opcode)
			return &iu_table[i];
	return NULL;
}

const char *iu_opcode_name(uint8_t opcode)
{
	const struct iu_row *row = iu_row_find(opcode);

	return row ? row->name : "unknown";
}

enum iu_result iu_decode(const uint8_t *iu, uint32_t len, uint32_t imm_offset,
			 struct srp_req *req)
{
	const struct srp_iu_head *head = (const void *)iu;
	const struct iu_row *row;

	memset(req, 0, sizeof(*req));
	if (len < sizeof(*head))
		return IU_TOO_SHORT;
	req->opcode = head->opcode;
	memcpy(&req->tag, head->tag, sizeof(req->tag));
	row = iu_row_find(head->opcode);
	if (!row || !row->decode)
		return IU_BAD_TYPE;
	return row->decode(iu, len, imm_offset, req);
}

uint32_t iu_encode_cmd_rsp(uint8_t *buf, uint32_t size, const struct iu_cmd_rsp *r)
{
	struct srp_rsp_iu *rsp = (void *)buf;
	uint32_t sense_len = min_u32(r->sense_len, size - sizeof(*rsp));

	memset(rsp, 0, sizeof(*rsp));
	rsp->opcode = SRP_RSP;
	put_be32(rsp->req_lim_delta, (uint32_t)r->req_lim_delta);
	memcpy(rsp->tag, &r->tag, sizeof(rsp->tag));
	rsp->flags = r->flags;
	rsp->status = r->status;
	put_be32(rsp->data_out_res_cnt, r->data_out_res);
	put_be32(rsp->data_in_res_cnt, r->data_in_res);
	if (sense_len) {
		rsp->flags |= SRP_RSP_FLAG_SNSVALID;
		put_be32(rsp->sense_data_len, sense_len);
		memcpy(buf + sizeof(*rsp), r->sense, sense_len);
	}
	return (uint32_t)sizeof(*rsp) + sense_len;
}

uint32_t iu_encode_tmf_rsp(uint8_t *buf, uint64_t tag, int32_t req_lim_delta,
			   enum srp_rsp_code code)
{
	struct srp_rsp_iu *rsp = (void *)buf;
	struct srp_rsp_data *data = (void *)(buf + sizeof(*rsp));

	memset(buf, 0, IU_TMF_RSP_LEN);
	rsp->opcode = SRP_RSP;
	put_be32(rsp->req_lim_delta, (uint32_t)req_lim_delta);
	memcpy(rsp->tag, &tag, sizeof(rsp->tag));
	rsp->flags = SRP_RSP_FLAG_RSPVALID;
	put_be32(rsp->resp_data_len, sizeof(*data));
	data->code = (uint8_t)code;
	return IU_TMF_RSP_LEN;
}

uint32_t iu_encode_cred_req(uint8_t *buf, uint64_t tag, int32_t req_lim_delta)
{
	struct srp_cred_req_iu *iu = (void *)buf;

	memset(iu, 0, sizeof(*iu));
	iu->opcode = SRP_CRED_REQ;
	put_be32(iu->req_lim_delta, (uint32_t)req_lim_delta);
	memcpy(iu->tag, &tag, sizeof(iu->tag));
	return sizeof(*iu);
}

uint32_t iu_encode_t_logout(uint8_t *buf, uint64_t tag, enum srp_t_logout_reason reason)
{
	struct srp_t_logout_iu *iu = (void *)buf;

	memset(iu, 0, sizeof(*iu));
	iu->opcode = SRP_T_LOGOUT;
	put_be32(iu->reason, reason);
	memcpy(iu->tag, &tag, sizeof(iu->tag));
	return sizeof(*iu);
}
