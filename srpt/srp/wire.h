/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SRP information units (SRP r16a, SRP-2 for immediate data) as they are on the
 * wire: every field is a big-endian byte array, so that a struct may lie at any
 * address. Names are those of the standard; "table" numbers are of SRP r16a.
 * "rsv" bytes are sent as zero and ignored on receipt.
 */
#ifndef SRPT_SRP_WIRE_H
#define SRPT_SRP_WIRE_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

/* Table 8. I->T: requests of the initiator 0x, its responses 4x; T->I: 8x and Cx. */
enum srp_opcode {
	SRP_LOGIN_REQ = 0x00,
	SRP_TSK_MGMT = 0x01,
	SRP_CMD = 0x02,
	SRP_I_LOGOUT = 0x03,
	SRP_CRED_RSP = 0x41,
	SRP_AER_RSP = 0x42,
	SRP_T_LOGOUT = 0x80,
	SRP_CRED_REQ = 0x81,
	SRP_AER_REQ = 0x82,
	SRP_LOGIN_RSP = 0xc0,
	SRP_RSP = 0xc1,
	SRP_LOGIN_REJ = 0xc2,
};

/* Data buffer descriptor formats as bits of req_buf_fmt and buf_fmt, table 10. */
enum srp_buf_fmt_bits {
	SRP_BUF_FMT_DIRECT = 1 << 1,
	SRP_BUF_FMT_INDIRECT = 1 << 2,
	SRP_BUF_FMT_SUPPORTED = SRP_BUF_FMT_DIRECT | SRP_BUF_FMT_INDIRECT,
};

/* req_flags of SRP_LOGIN_REQ */
#define SRP_REQ_MULTICHAN_MASK 0x03
#define SRP_REQ_SINGLE 0x00 /* end the other channels of this I_T nexus */
#define SRP_REQ_MULTI 0x01  /* add a channel to this I_T nexus */
#define SRP_REQ_IMMED_REQUESTED 0x80

/* rsp_flags of SRP_LOGIN_RSP */
#define SRP_RSP_NO_CHANNELS 0x00         /* no other channel existed */
#define SRP_RSP_CHANNELS_TERMINATED 0x01 /* others existed and were ended */
#define SRP_RSP_CHANNELS_KEPT 0x02       /* others exist on */
#define SRP_RSP_IMMED_SUPP 0x80

/* Table 14, reason of SRP_LOGIN_REJ */
enum srp_login_rej_reason {
	SRP_REJ_UNABLE_ESTABLISH_CHANNEL = 0x00010000,
	SRP_REJ_INSUFFICIENT_RESOURCES = 0x00010001,
	SRP_REJ_REQ_IT_IU_LENGTH_TOO_LARGE = 0x00010002,
	SRP_REJ_UNABLE_ASSOCIATE_CHANNEL = 0x00010003,
	SRP_REJ_UNSUPPORTED_DESCRIPTOR_FMT = 0x00010004,
	SRP_REJ_MULTI_CHANNEL_UNSUPPORTED = 0x00010005,
	SRP_REJ_CHANNEL_LIMIT_REACHED = 0x00010006,
};

/* Reason of SRP_T_LOGOUT; above these the known initiators do not agree. */
enum srp_t_logout_reason {
	SRP_TLO_NO_REASON = 0,
	SRP_TLO_INACTIVE_CHANNEL = 1,
	SRP_TLO_INVALID_IU = 2,
	SRP_TLO_RSP_WITHOUT_REQ = 3,
	SRP_TLO_CHANNEL_ACTION = 4,
};

/* Data buffer descriptor format of one direction: a nibble of buf_fmt in SRP_CMD. */
enum srp_desc_fmt {
	SRP_DESC_NONE = 0,
	SRP_DESC_DIRECT = 1,
	SRP_DESC_INDIRECT = 2,
	SRP_DESC_IMMEDIATE = 3, /* DATA-OUT only, SRP-2 */
};

/* Table 27, task management function */
enum srp_tsk_mgmt_func {
	SRP_TSK_ABORT_TASK = 0x01,
	SRP_TSK_ABORT_TASK_SET = 0x02,
	SRP_TSK_CLEAR_TASK_SET = 0x04,
	SRP_TSK_LUN_RESET = 0x08,
	SRP_TSK_CLEAR_ACA = 0x40,
};

/* flags of SRP_RSP */
#define SRP_RSP_FLAG_RSPVALID 0x01
#define SRP_RSP_FLAG_SNSVALID 0x02
#define SRP_RSP_FLAG_DOOVER 0x04
#define SRP_RSP_FLAG_DOUNDER 0x08
#define SRP_RSP_FLAG_DIOVER 0x10
#define SRP_RSP_FLAG_DIUNDER 0x20

/* Table 33, rsp_code of the response data; for SRP_TSK_MGMT only */
enum srp_rsp_code {
	SRP_RSP_CODE_COMPLETE = 0x00,
	SRP_RSP_CODE_FIELDS_INVALID = 0x02,
	SRP_RSP_CODE_NOT_SUPPORTED = 0x04,
	SRP_RSP_CODE_FAILED = 0x05,
};

/* SRP_LOGIN_REQ as the native IB/CM carries it. */
struct srp_login_req_ib {
	uint8_t opcode;
	uint8_t rsv1[7];
	uint8_t tag[8];
	uint8_t req_it_iu_len[4];
	uint8_t rsv20[4];
	uint8_t req_buf_fmt[2];
	uint8_t req_flags;
	uint8_t rsv27;
	uint8_t imm_data_offset[2];
	uint8_t rsv30[2];
	uint8_t initiator_port_id[16];
	uint8_t target_port_id[16];
};
STATIC_ASSERT(sizeof(struct srp_login_req_ib) == 64);
STATIC_ASSERT(offsetof(struct srp_login_req_ib, req_flags) == 26);
STATIC_ASSERT(offsetof(struct srp_login_req_ib, initiator_port_id) == 32);

/* The same squeezed into what the RDMA CM leaves of the private data. */
struct srp_login_req_rdma {
	uint8_t tag[8];
	uint8_t req_buf_fmt[2];
	uint8_t req_flags;
	uint8_t opcode;
	uint8_t req_it_iu_len[4];
	uint8_t initiator_port_id[16];
	uint8_t target_port_id[16];
	uint8_t imm_data_offset[2];
	uint8_t rsv50[6];
};
STATIC_ASSERT(sizeof(struct srp_login_req_rdma) == 56);
STATIC_ASSERT(offsetof(struct srp_login_req_rdma, opcode) == 11);
STATIC_ASSERT(offsetof(struct srp_login_req_rdma, imm_data_offset) == 48);

struct srp_login_rsp {
	uint8_t opcode;
	uint8_t rsv1[3];
	uint8_t req_lim_delta[4];
	uint8_t tag[8];
	uint8_t max_it_iu_len[4];
	uint8_t max_ti_iu_len[4];
	uint8_t buf_fmt[2];
	uint8_t rsp_flags;
	uint8_t rsv27[25];
};
STATIC_ASSERT(sizeof(struct srp_login_rsp) == 52);
STATIC_ASSERT(offsetof(struct srp_login_rsp, rsp_flags) == 26);

struct srp_login_rej {
	uint8_t opcode;
	uint8_t rsv1[3];
	uint8_t reason[4];
	uint8_t tag[8];
	uint8_t rsv16[8];
	uint8_t buf_fmt[2];
	uint8_t rsv26[6];
};
STATIC_ASSERT(sizeof(struct srp_login_rej) == 32);
STATIC_ASSERT(offsetof(struct srp_login_rej, buf_fmt) == 24);

/* The head of every IU on a channel, and all of I_LOGOUT, CRED_RSP and AER_RSP. */
struct srp_iu_head {
	uint8_t opcode;
	uint8_t rsv1[7];
	uint8_t tag[8];
};
STATIC_ASSERT(sizeof(struct srp_iu_head) == 16);

struct srp_direct_desc {
	uint8_t va[8];
	uint8_t key[4];
	uint8_t len[4];
};
STATIC_ASSERT(sizeof(struct srp_direct_desc) == 16);

/* Followed by the first descriptors of the table, up to all of them. */
struct srp_indirect_desc {
	struct srp_direct_desc table;
	uint8_t len[4]; /* of the data */
};
STATIC_ASSERT(sizeof(struct srp_indirect_desc) == 20);

struct srp_imm_desc {
	uint8_t len[4];
};

struct srp_cmd_iu {
	uint8_t opcode;
	uint8_t sol_not;
	uint8_t rsv2[3];
	uint8_t buf_fmt; /* DATA-OUT format << 4 | DATA-IN format */
	uint8_t data_out_desc_cnt;
	uint8_t data_in_desc_cnt;
	uint8_t tag[8];
	uint8_t rsv16[4];
	uint8_t lun[8];
	uint8_t rsv28;
	uint8_t task_attr;
	uint8_t rsv30;
	uint8_t add_cdb_len; /* bits 7:2, in units of four bytes */
	uint8_t cdb[16];
};
STATIC_ASSERT(sizeof(struct srp_cmd_iu) == 48);
STATIC_ASSERT(offsetof(struct srp_cmd_iu, lun) == 20);
STATIC_ASSERT(offsetof(struct srp_cmd_iu, add_cdb_len) == 31);

struct srp_tsk_mgmt_iu {
	uint8_t opcode;
	uint8_t sol_not;
	uint8_t rsv2[6];
	uint8_t tag[8];
	uint8_t rsv16[4];
	uint8_t lun[8];
	uint8_t rsv28[2];
	uint8_t function;
	uint8_t rsv31;
	uint8_t task_tag[8];
	uint8_t rsv40[8];
};
STATIC_ASSERT(sizeof(struct srp_tsk_mgmt_iu) == 48);
STATIC_ASSERT(offsetof(struct srp_tsk_mgmt_iu, function) == 30);

/* Followed by the response data, then the sense data. */
struct srp_rsp_iu {
	uint8_t opcode;
	uint8_t sol_not;
	uint8_t rsv2[2];
	uint8_t req_lim_delta[4];
	uint8_t tag[8];
	uint8_t rsv16[2];
	uint8_t flags;
	uint8_t status;
	uint8_t data_out_res_cnt[4];
	uint8_t data_in_res_cnt[4];
	uint8_t sense_data_len[4];
	uint8_t resp_data_len[4];
};
STATIC_ASSERT(sizeof(struct srp_rsp_iu) == 36);
STATIC_ASSERT(offsetof(struct srp_rsp_iu, flags) == 18);

struct srp_rsp_data {
	uint8_t rsv0[3];
	uint8_t code;
};

struct srp_cred_req_iu {
	uint8_t opcode;
	uint8_t sol_not;
	uint8_t rsv2[2];
	uint8_t req_lim_delta[4];
	uint8_t tag[8];
};
STATIC_ASSERT(sizeof(struct srp_cred_req_iu) == 16);

struct srp_t_logout_iu {
	uint8_t opcode;
	uint8_t sol_not;
	uint8_t rsv2[2];
	uint8_t reason[4];
	uint8_t tag[8];
};
STATIC_ASSERT(sizeof(struct srp_t_logout_iu) == 16);

/*
 * max_ti_iu_len of every SRP_LOGIN_RSP, for ever: an initiator allocates its
 * receive buffers at its first login only, and a larger value after a restart
 * of ours would overrun them.
 */
#define SRP_MAX_TI_IU_LEN 512

/* The smallest req_it_iu_len that makes sense: an SRP_CMD with a direct descriptor. */
#define SRP_MIN_IT_IU_LEN 64

#endif
