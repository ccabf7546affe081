/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Codec of the initiator's side: requests to bytes, what a target sends to
 * structs. Pure: no I/O, no allocation, any thread. Decoding reads no byte beyond
 * the received length, whatever the IU claims.
 */
#ifndef SRPT_CLIENT_CLIENT_IU_H
#define SRPT_CLIENT_CLIENT_IU_H

#include "client/client.h"
#include "srp/wire.h"

#define CLIENT_IU_IMM_OFFSET 68u /* where immediate data starts in SRP_CMD */
#define CLIENT_IU_CTL_LEN 16u    /* I_LOGOUT, CRED_RSP, AER_RSP */
#define CLIENT_IU_PIECES_MAX 255u
#define CLIENT_IU_TABLE_LEN (CLIENT_IU_PIECES_MAX * sizeof(struct srp_direct_desc))

/* ---- login ---- */

/* Private data of the connection request. */
union client_login_req {
	struct srp_login_req_rdma rdma;
	struct srp_login_req_ib ib; /* to an address of native InfiniBand */
};

/* In the layout that goes with l->addr; returns its length. */
uint8_t client_iu_login_req(union client_login_req *buf, const struct client_login *l);

/* The answer to an accepted connection into @r (status, err, credit …). 0 or -EPROTO. */
int client_iu_login_rsp(const uint8_t *pd, size_t len, struct client_login_result *r);

/* The reason in the answer to a rejected one; -EPROTO when it is no SRP_LOGIN_REJ. */
int client_iu_login_rej(const uint8_t *pd, size_t len, uint32_t *reason);

/* ---- requests ---- */

/* How the data of a command are described, and the memory exposed to the target. */
struct client_iu_data {
	enum client_desc desc;
	uint32_t pieces;       /* indirect: 1 … 255, not more than the data have bytes */
	uint64_t addr;
	uint32_t key;
	/* Indirect, when the table does not fit: where the whole of it is exposed. */
	uint64_t table_addr;
	uint32_t table_key;
};

/* How many of @pieces descriptors an IU of @size bytes holds. */
uint32_t client_iu_pieces_fit(uint32_t size, uint32_t pieces);

/* May @cmd carry its data itself, in an IU of @size bytes? */
bool client_iu_imm_fits(const struct client_cmd *cmd, uint32_t size);

/*
 * SRP_CMD with no data, a direct descriptor, an indirect table (as many pieces as
 * fit are in the IU) or immediate data, as @d says. @size ≥ SRP_MIN_IT_IU_LEN, for a
 * table ≥ 68, for immediate data what client_iu_imm_fits(). Returns the length.
 */
uint32_t client_iu_cmd(uint8_t *buf, uint32_t size, uint64_t tag, const struct client_cmd *cmd,
		       const struct client_iu_data *d);

/* The first @count descriptors of d->pieces parts of @len bytes, as even as can be. */
void client_iu_table(uint8_t *table, uint32_t count, uint32_t len,
		     const struct client_iu_data *d);

uint32_t client_iu_tsk_mgmt(uint8_t *buf, uint64_t tag, const struct client_tmf *tmf,
			    uint64_t task_tag);
/* SRP_I_LOGOUT, SRP_CRED_RSP or SRP_AER_RSP: CLIENT_IU_CTL_LEN bytes. */
uint32_t client_iu_ctl(uint8_t *buf, enum srp_opcode opcode, uint64_t tag);

/* ---- what targets send ---- */

/* Tags are opaque: the eight bytes copied. Pointers point into the IU. */
struct client_iu {
	uint8_t opcode;
	uint64_t tag;
	int32_t delta;         /* of the credit */
	uint32_t reason;       /* SRP_T_LOGOUT */
	/* SRP_RSP */
	uint8_t status;
	bool has_code;         /* response data are there */
	uint8_t code;
	uint32_t residual;     /* bytes not moved, or that did not fit */
	bool overflow;
	uint32_t sense_len;
	const uint8_t *sense;
};

/* NULL: fine; else what is wrong with it, static text. */
const char *client_iu_decode(const uint8_t *iu, uint32_t len, struct client_iu *out);

/* ---- words ---- */

/* What the standard calls a reason of SRP_LOGIN_REJ. Static text. */
const char *client_iu_rej_name(uint32_t reason);
const char *client_iu_logout_name(uint32_t reason);

#endif
