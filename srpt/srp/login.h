/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The login exchange: both layouts of SRP_LOGIN_REQ to one struct, and the two
 * answers. Pure; who may log in is decided in session.c.
 */
#ifndef SRPT_SRP_LOGIN_H
#define SRPT_SRP_LOGIN_H

#include "srp/wire.h"
#include "transport/transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct login_req {
	uint64_t tag;           /* opaque, echoed */
	uint32_t it_iu_len;     /* largest IU the initiator will send, bytes */
	uint16_t buf_fmt;       /* enum srp_buf_fmt_bits it wants to use */
	uint8_t flags;          /* SRP_REQ_… */
	uint16_t imm_offset;    /* where it would put immediate data */
	uint8_t initiator_port_id[16];
	uint8_t target_port_id[16];
};

/*
 * Decode @len bytes of private data. 0, or the enum srp_login_rej_reason to
 * answer; @req->tag is set even then if the bytes were there.
 */
int login_decode(enum login_layout layout, const uint8_t *pd, size_t len, struct login_req *req);

/* Is its IU length one we take? 0 or a reason; @max_it_iu_len: ours, bytes. */
int login_check_length(const struct login_req *req, uint32_t max_it_iu_len);

/* Formats and multi-channel action; checked after the target and the right to log in. */
int login_check_formats(const struct login_req *req);

static inline bool login_is_multi(const struct login_req *req)
{
	return (req->flags & SRP_REQ_MULTICHAN_MASK) == SRP_REQ_MULTI;
}

/* Immediate data: only when asked for, and where our receives are aligned for it. */
bool login_grants_imm(const struct login_req *req, uint32_t imm_offset);

struct login_answer {
	uint64_t tag;
	uint32_t req_lim;       /* first credit */
	uint32_t max_it_iu_len; /* bytes, ≥ what was asked */
	uint8_t result;         /* SRP_RSP_NO_CHANNELS … SRP_RSP_CHANNELS_KEPT */
	bool imm_data;
};

/* @buf: sizeof(struct srp_login_rsp) and sizeof(struct srp_login_rej) bytes; return that length. */
uint8_t login_encode_rsp(uint8_t *buf, const struct login_answer *a);
uint8_t login_encode_rej(uint8_t *buf, uint64_t tag, enum srp_login_rej_reason reason);

/* What the standard calls @reason, for the log. */
const char *login_reason_name(enum srp_login_rej_reason reason);

#endif
