/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "srp/login.h"

#include <string.h>

/*
 * The length a listener reports is the room the CM has, not what the peer
 * wrote: it can only be too small. Which layout it is, the listener knows.
 */
static int rdma_decode(const uint8_t *pd, size_t len, struct login_req *req)
{
	const struct srp_login_req_rdma *l = (const void *)pd;

	if (len < sizeof(*l))
		return SRP_REJ_UNABLE_ESTABLISH_CHANNEL;
	memcpy(&req->tag, l->tag, sizeof(req->tag));
	req->it_iu_len = get_be32(l->req_it_iu_len);
	req->buf_fmt = get_be16(l->req_buf_fmt);
	req->flags = l->req_flags;
	req->imm_offset = get_be16(l->imm_data_offset);
	memcpy(req->initiator_port_id, l->initiator_port_id, 16);
	memcpy(req->target_port_id, l->target_port_id, 16);
	return l->opcode == SRP_LOGIN_REQ ? 0 : SRP_REJ_UNABLE_ESTABLISH_CHANNEL;
}

static int ib_decode(const uint8_t *pd, size_t len, struct login_req *req)
{
	const struct srp_login_req_ib *l = (const void *)pd;

	if (len < sizeof(*l))
		return SRP_REJ_UNABLE_ESTABLISH_CHANNEL;
	memcpy(&req->tag, l->tag, sizeof(req->tag));
	req->it_iu_len = get_be32(l->req_it_iu_len);
	req->buf_fmt = get_be16(l->req_buf_fmt);
	req->flags = l->req_flags;
	req->imm_offset = get_be16(l->imm_data_offset);
	memcpy(req->initiator_port_id, l->initiator_port_id, 16);
	memcpy(req->target_port_id, l->target_port_id, 16);
	return l->opcode == SRP_LOGIN_REQ ? 0 : SRP_REJ_UNABLE_ESTABLISH_CHANNEL;
}

int login_decode(enum login_layout layout, const uint8_t *pd, size_t len, struct login_req *req)
{
	memset(req, 0, sizeof(*req));
	return layout == LOGIN_LAYOUT_IB_CM ? ib_decode(pd, len, req) : rdma_decode(pd, len, req);
}

int login_check_length(const struct login_req *req, uint32_t max_it_iu_len)
{
	if (req->it_iu_len < SRP_MIN_IT_IU_LEN || req->it_iu_len > max_it_iu_len)
		return SRP_REJ_REQ_IT_IU_LENGTH_TOO_LARGE;
	return 0;
}

int login_check_formats(const struct login_req *req)
{
	if (req->buf_fmt & ~SRP_BUF_FMT_SUPPORTED)
		return SRP_REJ_UNSUPPORTED_DESCRIPTOR_FMT;
	if ((req->flags & SRP_REQ_MULTICHAN_MASK) > SRP_REQ_MULTI)
		return SRP_REJ_MULTI_CHANNEL_UNSUPPORTED;
	return 0;
}

bool login_grants_imm(const struct login_req *req, uint32_t imm_offset)
{
	return imm_offset && (req->flags & SRP_REQ_IMMED_REQUESTED) &&
	       req->imm_offset == imm_offset;
}

uint8_t login_encode_rsp(uint8_t *buf, const struct login_answer *a)
{
	struct srp_login_rsp *rsp = (void *)buf;

	memset(rsp, 0, sizeof(*rsp));
	rsp->opcode = SRP_LOGIN_RSP;
	put_be32(rsp->req_lim_delta, a->req_lim);
	memcpy(rsp->tag, &a->tag, sizeof(rsp->tag));
	put_be32(rsp->max_it_iu_len, a->max_it_iu_len);
	put_be32(rsp->max_ti_iu_len, SRP_MAX_TI_IU_LEN);
	put_be16(rsp->buf_fmt, SRP_BUF_FMT_SUPPORTED);
	rsp->rsp_flags = a->result | (a->imm_data ? SRP_RSP_IMMED_SUPP : 0);
	return sizeof(*rsp);
}

uint8_t login_encode_rej(uint8_t *buf, uint64_t tag, enum srp_login_rej_reason reason)
{
	struct srp_login_rej *rej = (void *)buf;

	memset(rej, 0, sizeof(*rej));
	rej->opcode = SRP_LOGIN_REJ;
	put_be32(rej->reason, reason);
	memcpy(rej->tag, &tag, sizeof(rej->tag));
	put_be16(rej->buf_fmt, SRP_BUF_FMT_SUPPORTED);
	return sizeof(*rej);
}

static const char *const reason_names[] = {
	"unable to establish RDMA channel",
	"insufficient RDMA channel resources",
	"requested IU length too large",
	"unable to associate RDMA channel with I_T nexus",
	"unsupported data buffer descriptor format",
	"multiple RDMA channels per I_T nexus not supported",
	"RDMA channel limit reached",
};

const char *login_reason_name(enum srp_login_rej_reason reason)
{
	unsigned i = (unsigned)reason - SRP_REJ_UNABLE_ESTABLISH_CHANNEL;

	return i < ARRAY_SIZE(reason_names) ? reason_names[i] : "unknown reason";
}
