/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of SRP_CMD share: one initiator, logged in over the transport in
 * memory, with a buffer of its own; the device server is a fake. One translation
 * unit is one program.
 */
#ifndef SRPT_UNIT_COMMAND_UTIL_H
#define SRPT_UNIT_COMMAND_UTIL_H

#include "scsi/sense.h"
#include "srp_util.h"

#include <stdlib.h>
#include <string.h>

#define DATA 0x10000u /* address of the initiator's buffer */
#define TABLE 0x900000u
#define KEY 5u

static const uint8_t cdb[16] = { 0x28, 0, 1, 2, 3, 4 };
static uint8_t memory[16384], pattern[16384];

static inline int setup_imm(void **state, uint32_t imm_offset)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 31 + i / 256);
	memset(memory, 0, sizeof(memory));
	return srp_setup(state, 1, imm_offset);
}

static inline int setup(void **state)
{
	return setup_imm(state, SRP_ENV_IMM_OFFSET);
}

/* The initiator's buffer is mapped in both directions. */
static inline struct ini *login(void **state)
{
	struct ini *i = ini_login(*state, &(struct ini_login){
		.initiator = 1, .flags = SRP_REQ_IMMED_REQUESTED,
		.imm_offset = SRP_ENV_IMM_OFFSET });

	mem_map(i->p, DATA, KEY, memory, sizeof(memory), MEM_READ | MEM_WRITE);
	return i;
}

static inline void logout(struct ini *i)
{
	assert_int_equal(i->p->violations, 0);
	ini_free(i);
}

static inline struct scsi_cmd *last(void)
{
	assert_true(fake_scsi.ncmds > 0);
	return fake_scsi.cmds[fake_scsi.ncmds - 1];
}

/* Table of descriptors of @len bytes each, in the IU or apart. */
static inline struct ini_iu indirect(uint64_t tag, uint8_t fmt, uint32_t entries,
				     uint8_t here, uint32_t len)
{
	struct ini_iu iu = ini_cmd(tag, cdb, fmt);

	iu.buf[fmt & 0x0f ? 7 : 6] = here;
	ini_desc(&iu, TABLE, KEY + 1, entries * 16);
	ini_be32(&iu, entries * len);
	for (uint32_t n = 0; n < here; n++)
		ini_desc(&iu, DATA + n * len, KEY, len);
	return iu;
}

static inline void assert_sense_is(const struct ini_rsp *r, uint8_t key, uint8_t asc, uint8_t ascq)
{
	assert_int_equal(r->status, SCSI_CHECK_CONDITION);
	assert_true(r->flags & SRP_RSP_FLAG_SNSVALID);
	assert_false(r->flags & SRP_RSP_FLAG_RSPVALID);
	assert_int_equal(r->sense[2], key);
	assert_int_equal(r->sense[12], asc);
	assert_int_equal(r->sense[13], ascq);
}

#endif
