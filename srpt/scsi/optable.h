/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The opcode table: everything the device server knows of a command before it
 * runs. Dispatch and REPORT SUPPORTED OPERATION CODES read the same rows.
 */
#ifndef SRPT_SCSI_OPTABLE_H
#define SRPT_SCSI_OPTABLE_H

#include "scsi/scsi.h"

#include <stdbool.h>
#include <stdint.h>

/* Where LBA and transfer length, or the allocation/parameter list length, are. */
enum cdb_layout {
	CDB_NO_LENGTH,
	CDB_BLOCKS_6,   /* LBA 21 bits at 1, length 1 at 4, 0 means 256 */
	CDB_BLOCKS_10,  /* LBA 4 at 2, length 2 at 7 */
	CDB_BLOCKS_12,  /* LBA 4 at 2, length 4 at 6 */
	CDB_BLOCKS_16,  /* LBA 8 at 2, length 4 at 10 */
	CDB_LBA_10,     /* LBA 4 at 2 (READ CAPACITY) */
	CDB_LBA_16,     /* LBA 8 at 2, allocation length 4 at 10 (READ CAPACITY) */
	CDB_ALLOC_1_4,  /* 1 byte at 4 */
	CDB_ALLOC_2_3,  /* 2 bytes at 3 */
	CDB_ALLOC_2_7,  /* 2 bytes at 7 */
	CDB_ALLOC_4_5,  /* 4 bytes at 5 (PERSISTENT RESERVE OUT) */
	CDB_ALLOC_4_6,  /* 4 bytes at 6 */
	CDB_ALLOC_4_10, /* 4 bytes at 10 (EXTENDED COPY) */
	CDB_COMPARE_16, /* LBA 8 at 2, length 1 at 13 (COMPARE AND WRITE) */
	CDB_LAYOUTS,
};

#define OP_SA 0x0001u        /* the row is for one service action (CDB byte 1 bits 4:0) */
#define OP_UA_PASSES 0x0002u /* runs while a unit attention is pending */
#define OP_NO_LUN 0x0004u    /* answers for a LUN that does not exist, too */
#define OP_WELL_KNOWN 0x0008u /* accepted by the REPORT LUNS well-known LU */
#define OP_WRITES 0x0010u    /* changes the medium: write protection, detached writes */
#define OP_RANGE 0x0020u     /* LBA and length must lie on the medium */
#define OP_BLOCKS 0x0040u    /* moves its blocks as data; at most IOBUF_MAX_SIZE */
#define OP_OUT 0x0080u       /* DATA-OUT: the blocks, or a parameter list */
#define OP_PARAM_IN 0x0100u  /* DATA-IN: parameter data built in a zeroed buffer */
#define OP_THIN 0x0200u      /* exists on thin provisioned LUs only */
#define OP_ATOMIC 0x0400u    /* OP_WRITES that excludes every other write to its blocks */
#define OP_FIRST 0x0800u     /* gets its buffers ahead of those that wait for theirs */

/*
 * When a nexus may run a command that something restricts (scsi/access.h looks at it).
 * SPC-4 tables 66 (persistent reservations), SBC-3 table 13; SPC-4 5.15.2 (ALUA); SPC-2 5.5.
 */
#define ACCESS_WE 0x01          /* without a registration under Write Exclusive types */
#define ACCESS_EA 0x02          /* without a registration under Exclusive Access types */
#define ACCESS_RESERVED 0x04    /* while another nexus has it by RESERVE (SPC-2) */
#define ACCESS_STANDBY 0x08     /* ALUA state of the nexus' target port group */
#define ACCESS_UNAVAILABLE 0x10
#define ACCESS_TRANSITION 0x20
#define ACCESS_NOT_READY 0x40   /* while the LU formats or sanitizes */
#define ACCESS_CHANGES 0x80     /* not in standby behind a write gate: it changes what is kept */

struct scsi_op {
	uint8_t opcode;
	uint8_t sa;
	uint8_t cdb_len;
	uint8_t layout; /* enum cdb_layout */
	uint16_t flags;
	uint8_t access; /* ACCESS_ bits */
	const char *name;
	/*
	 * Further checks before any data moves; may set out_len, buf_len, aux_len.
	 * False: it has ended the command. NULL: none.
	 */
	bool (*prep)(struct scsi_cmd *cmd);
	/* Runs with buffers (and DATA-OUT in buf); ends the command or starts I/O. */
	void (*exec)(struct scsi_cmd *cmd);
	/*
	 * CDB usage data (SPC-4 6.35.3): the bits that are looked at. Others must
	 * be zero, with the exceptions of optable_refused().
	 */
	uint8_t usage[16];
};

extern const struct scsi_op optable[];
extern const unsigned optable_len;

/* Build the index. Before the first command; may be called again. */
void optable_init(void);

/* Rows of an opcode are adjacent: the first, NULL: none. */
const struct scsi_op *optable_opcode(uint8_t opcode);

/* The row for @cdb; NULL and *@known tells whether only the service action is unknown. */
const struct scsi_op *optable_find(const uint8_t *cdb, bool *opcode_known);

/* Byte of the first bit set in @cdb that must be zero, or -1; *@bit: where its field begins. */
int optable_refused(const struct scsi_op *op, const uint8_t *cdb, int *bit);

/* The next row with the same opcode, or NULL. */
const struct scsi_op *optable_next(const struct scsi_op *op);

#endif
