/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Codec of the IUs on a channel: bytes and the received length to a struct and
 * back. Pure: no I/O, no allocation, any thread. Decoding reads no byte beyond
 * the received length, whatever the IU claims.
 */
#ifndef SRPT_SRP_IU_H
#define SRPT_SRP_IU_H

#include "srp/wire.h"
#include "transport/transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IU_CDB_MAX (16 + 252)

/*
 * Entries of an indirect table we fetch from the initiator's memory at most.
 * ib_srp's indirect_sg_entries goes up to 2048.
 */
#define IU_TABLE_MAX 4096u

/* Longest IUs we make, apart from SRP_RSP with sense. */
#define IU_TMF_RSP_LEN (sizeof(struct srp_rsp_iu) + sizeof(struct srp_rsp_data))
#define IU_CTL_LEN 16u

/* Outcome of decoding; what is to be done with each stands in channel.c. */
enum iu_result {
	IU_OK,
	IU_TOO_SHORT,     /* not even opcode and tag */
	IU_BAD_TYPE,      /* opcode no initiator may send on a channel */
	IU_BAD_FIELDS,    /* SRP_CMD or SRP_TSK_MGMT that makes no sense; tag is valid */
};

/*
 * A decoded IU. Pointers point into the IU. Tags are opaque: the eight bytes
 * copied, never swapped.
 */
struct srp_req {
	uint8_t opcode;      /* enum srp_opcode */
	uint8_t function;    /* SRP_TSK_MGMT */
	uint8_t task_attr;   /* SRP_CMD: 0, 1, 2 or 4 (SAM-5 8.9); unknown ones became 2, ORDERED */
	uint16_t cdb_len;    /* 16 … IU_CDB_MAX */
	uint64_t tag;
	uint64_t task_tag;
	const uint8_t *lun;  /* 8 bytes; NULL if the IU is too short */
	const uint8_t *cdb;  /* cdb_len bytes; NULL if the IU is too short */
	/* At most one of them is not zero. */
	uint32_t data_out_len;
	uint32_t data_in_len;
	const uint8_t *imm;  /* data_out_len bytes that came with the command, or NULL */
	const uint8_t *descs; /* ndescs data buffer descriptors */
	uint32_t ndescs;
	/* The whole table in the initiator's memory when the IU holds a part: len != 0. */
	struct xfer_seg table;
};

/*
 * @imm_offset: where immediate data starts if the login agreed on it, else 0.
 * *@req is filled as far as the IU can be believed.
 */
enum iu_result iu_decode(const uint8_t *iu, uint32_t len, uint32_t imm_offset,
			 struct srp_req *req);

/*
 * Do @n wire descriptors describe @total bytes? 0; -EINVAL when they are fewer
 * or one wraps around the end of the address space.
 */
int iu_descs_check(const uint8_t *descs, uint32_t n, uint32_t total);

/*
 * Convert @n wire descriptors to @segs, without those of no length; returns how
 * many there are. @segs may start at or before @descs in the same memory.
 */
uint32_t iu_descs_convert(const uint8_t *descs, uint32_t n, struct xfer_seg *segs);

/* What an SRP_RSP to a command says. */
struct iu_cmd_rsp {
	uint64_t tag;
	int32_t req_lim_delta;
	uint8_t flags;        /* DOOVER … DIUNDER; SNSVALID is added here */
	uint8_t status;       /* enum scsi_status */
	uint32_t data_out_res;
	uint32_t data_in_res;
	const uint8_t *sense;
	uint32_t sense_len;   /* cut to what fits */
};

/* @size ≥ 36, bytes at @buf. All encoders return the length of the IU. */
uint32_t iu_encode_cmd_rsp(uint8_t *buf, uint32_t size, const struct iu_cmd_rsp *r);

/* IU_TMF_RSP_LEN bytes; initiators take a shorter one for a failure. */
uint32_t iu_encode_tmf_rsp(uint8_t *buf, uint64_t tag, int32_t req_lim_delta,
			   enum srp_rsp_code code);

/* IU_CTL_LEN bytes each. */
uint32_t iu_encode_cred_req(uint8_t *buf, uint64_t tag, int32_t req_lim_delta);
uint32_t iu_encode_t_logout(uint8_t *buf, uint64_t tag, enum srp_t_logout_reason reason);

/* Name of an opcode for the log; "unknown" if it is not one. */
const char *iu_opcode_name(uint8_t opcode);

#endif
