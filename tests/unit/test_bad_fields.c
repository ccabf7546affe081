/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row for each (opcode, bad field): which sense, and where it points. Every row of the
 * opcode table has one here at least.
 */
#include "fake_store.h"
#include "scsi_env.h"

#include "scsi/optable.h"

#include <stdlib.h>
#include <string.h>

/* LUN 0: thin, its state is kept. LUN 1: thick, nothing is kept. Both of 2^21 blocks. */
enum { THIN, THICK };

enum where { NOWHERE, IN_CDB, IN_LIST };

struct row {
	const char *what;
	uint8_t cdb[16];
	enum scsi_sense sense;
	enum where where;
	uint16_t byte;
	int bit; /* -1: the whole byte */
	uint16_t out_len;
	uint8_t out[48];
	unsigned lun;
};

#define CDB(byte, bit) SENSE_INVALID_FIELD_IN_CDB, IN_CDB, byte, bit, 0, { 0 }, THIN
#define CDB_OF_THICK(byte, bit) SENSE_INVALID_FIELD_IN_CDB, IN_CDB, byte, bit, 0, { 0 }, THICK
#define PLAIN(sense) sense, NOWHERE, 0, -1, 0, { 0 }, THIN
#define RANGE PLAIN(SENSE_LBA_OUT_OF_RANGE)
/* With a parameter list: its length, then its bytes. */
#define LIST(byte, bit, len, ...)                                                          \
	SENSE_INVALID_FIELD_IN_LIST, IN_LIST, byte, bit, len, { __VA_ARGS__ }, THIN
#define LIST_PLAIN(sense, len, ...) sense, NOWHERE, 0, -1, len, { __VA_ARGS__ }, THIN

/* Of commands with an LBA and a length: the protection field, NACA, the end of the medium. */
#define BLOCKS_10(op, name)                                                                \
	{ name ": protection", { op, 0x20, 0, 0, 0, 0, 0, 0, 1 }, CDB(1, 7) },             \
	{ name ": NACA", { op, 0, 0, 0, 0, 0, 0, 0, 1, 0x04 }, CDB(9, 2) },                \
	{ name ": past the end", { op, 0, 0, 0x20, 0, 0, 0, 0, 1 }, RANGE },               \
	{ name ": over the end", { op, 0, 0, 0x1f, 0xff, 0xff, 0, 0, 2 }, RANGE }
#define BLOCKS_12(op, name)                                                                \
	{ name ": protection", { op, 0x80, 0, 0, 0, 0, 0, 0, 0, 1 }, CDB(1, 7) },          \
	{ name ": NACA", { op, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x04 }, CDB(11, 2) },         \
	{ name ": past the end", { op, 0, 0, 0x20, 0, 0, 0, 0, 0, 1 }, RANGE },            \
	{ name ": over the end", { op, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff }, RANGE }
#define BLOCKS_16(op, name)                                                                \
	{ name ": protection", { op, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, CDB(1, 7) },\
	{ name ": NACA", { op, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4 }, CDB(15, 2) }, \
	{ name ": past the end", { op, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 1 }, RANGE },  \
	{ name ": far past the end",                                                       \
	  { op, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1 }, RANGE }
/* And of those that move the blocks as data: more than 4 MiB. */
#define LONG_10(op, b1, name) { name ": too long", { op, b1, 0, 0, 0, 0, 0, 0x20, 1 }, CDB(7, -1) }
#define LONG_12(op, b1, name)                                                              \
	{ name ": too long", { op, b1, 0, 0, 0, 0, 0, 0, 0x20, 1 }, CDB(6, -1) }
#define LONG_16(op, b1, name)                                                              \
	{ name ": too long", { op, b1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 1 }, CDB(10, -1) }

static const struct row rows[] = {
	{ "no such command", { 0xc5 }, PLAIN(SENSE_INVALID_OPCODE) },
	{ "LOG SELECT does not exist", { 0x4c }, PLAIN(SENSE_INVALID_OPCODE) },
	{ "TEST UNIT READY: byte 2", { 0x00, 0, 0x10 }, CDB(2, 4) },
	{ "TEST UNIT READY: NACA", { 0x00, 0, 0, 0, 0, 0x04 }, CDB(5, 2) },
	{ "REQUEST SENSE: byte 1", { 0x03, 0x02, 0, 0, 18 }, CDB(1, 1) },
	{ "FORMAT UNIT: FMTPINFO", { 0x04, 0x40 }, CDB(1, 7) },
	{ "FORMAT UNIT: CMPLST without FMTDATA", { 0x04, 0x08 }, CDB(1, 4) },
	{ "FORMAT UNIT: byte 2", { 0x04, 0, 0x01 }, CDB(2, 0) },
	{ "FORMAT UNIT: protection usage", { 0x04, 0x10 }, LIST(0, -1, 4, 1) },
	{ "FORMAT UNIT: initialization pattern", { 0x04, 0x10 }, LIST(1, -1, 4, 0, 0x88) },
	{ "FORMAT UNIT: DCRT without FOV", { 0x04, 0x10 }, LIST(1, -1, 4, 0, 0x20) },
	{ "FORMAT UNIT: a defect", { 0x04, 0x10 }, LIST(2, -1, 4, 0, 0, 0, 8) },
	{ "FORMAT UNIT: a defect, long list", { 0x04, 0x30 },
	  LIST(4, -1, 8, 0, 0, 0, 0, 0, 0, 0, 8) },
	{ "READ(6): over the end", { 0x08, 0x1f, 0xff, 0xff, 2 }, RANGE },
	{ "READ(6): NACA", { 0x08, 0, 0, 0, 1, 0x04 }, CDB(5, 2) },
	{ "WRITE(6): over the end", { 0x0a, 0x1f, 0xff, 0xff, 2 }, RANGE },
	{ "INQUIRY: CMDDT", { 0x12, 0x02, 0, 0, 96 }, CDB(1, 1) },
	{ "INQUIRY: a page without EVPD", { 0x12, 0, 0x83, 0, 96 }, CDB(2, -1) },
	{ "INQUIRY: no such page", { 0x12, 1, 0xb6, 0, 96 }, CDB(2, -1) },
	{ "MODE SELECT(6): PF=0", { 0x15, 0, 0, 0, 4 }, CDB(1, 4) },
	{ "MODE SELECT(6): SP where nothing is kept", { 0x15, 0x11, 0, 0, 4 },
	  CDB_OF_THICK(1, 0) },
	{ "MODE SELECT(6): RTD", { 0x15, 0x12, 0, 0, 4 }, CDB(1, 1) },
	{ "MODE SELECT(6): half a header", { 0x15, 0x10, 0, 0, 3 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 3, 0) },
	{ "MODE SELECT(6): medium type", { 0x15, 0x10, 0, 0, 4 }, LIST(1, -1, 4, 0, 1) },
	{ "MODE SELECT(6): another block length", { 0x15, 0x10, 0, 0, 12 },
	  LIST(9, -1, 12, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 16, 0) },
	{ "MODE SELECT(6): QERR 2", { 0x15, 0x10, 0, 0, 16 },
	  LIST(7, 2, 16, 0, 0, 0, 0, 0x0a, 10, 2, 0x14, 0, 0x40, 0, 0, 0xff, 0xff) },
	{ "MODE SELECT(6): page 1Ch, EWASC", { 0x15, 0x10, 0, 0, 16 },
	  LIST(6, 4, 16, 0, 0, 0, 0, 0x1c, 10, 0x18) },
	{ "MODE SELECT(6): no such page", { 0x15, 0x10, 0, 0, 16 },
	  LIST(4, 5, 16, 0, 0, 0, 0, 0x19, 10) },
	{ "RESERVE(6): EXTENT", { 0x16, 0x01 }, CDB(1, 0) },
	{ "RESERVE(6): third party", { 0x16, 0x10 }, CDB(1, 4) },
	{ "RELEASE(6): EXTENT", { 0x17, 0x01 }, CDB(1, 0) },
	{ "MODE SENSE(6): LLBAA", { 0x1a, 0x10, 0x3f, 0, 255 }, CDB(1, 4) },
	{ "MODE SENSE(6): no such page", { 0x1a, 0, 0x19, 0, 255 }, CDB(2, 5) },
	{ "MODE SENSE(6): no such subpage", { 0x1a, 0, 0x08, 0x01, 255 }, CDB(3, -1) },
	{ "MODE SENSE(6): saved where nothing is kept", { 0x1a, 0, 0xff, 0, 255 },
	  SENSE_SAVING_NOT_SUPPORTED, NOWHERE, 0, -1, 0, { 0 }, THICK },
	{ "START STOP UNIT: LOEJ", { 0x1b, 0, 0, 0, 0x02 }, CDB(4, 1) },
	{ "START STOP UNIT: byte 2", { 0x1b, 0, 0x80 }, CDB(2, 7) },
	{ "RECEIVE DIAGNOSTIC RESULTS: no such page", { 0x1c, 1, 0x01, 0, 8 }, CDB(2, -1) },
	{ "SEND DIAGNOSTIC: extended test", { 0x1d, 0x40 }, CDB(1, 7) },
	{ "SEND DIAGNOSTIC: a list without PF", { 0x1d, 0, 0, 0, 4 }, CDB(1, 4) },
	{ "SEND DIAGNOSTIC: a test with a list", { 0x1d, 0x14, 0, 0, 4 }, CDB(3, -1) },
	{ "SEND DIAGNOSTIC: no such page", { 0x1d, 0x10, 0, 0, 4 }, LIST(0, -1, 4, 0x40) },
	{ "READ CAPACITY(10): LBA without PMI", { 0x25, 0, 0, 0, 0, 1 }, CDB(2, -1) },
	{ "READ CAPACITY(10): RELADR", { 0x25, 0x01 }, CDB(1, 0) },
	BLOCKS_10(0x28, "READ(10)"), LONG_10(0x28, 0, "READ(10)"),
	BLOCKS_10(0x2a, "WRITE(10)"), LONG_10(0x2a, 0, "WRITE(10)"),
	BLOCKS_10(0x2e, "WRITE AND VERIFY(10)"), LONG_10(0x2e, 0, "WRITE AND VERIFY(10)"),
	{ "WRITE AND VERIFY(10): BYTCHK 2", { 0x2e, 0x04, 0, 0, 0, 0, 0, 0, 1 }, CDB(1, 2) },
	BLOCKS_10(0x2f, "VERIFY(10)"), LONG_10(0x2f, 0x02, "VERIFY(10)"),
	{ "VERIFY(10): BYTCHK 2", { 0x2f, 0x04, 0, 0, 0, 0, 0, 0, 1 }, CDB(1, 2) },
	BLOCKS_10(0x34, "PRE-FETCH(10)"),
	BLOCKS_10(0x35, "SYNCHRONIZE CACHE(10)"),
	{ "SYNCHRONIZE CACHE(10): SYNC_NV", { 0x35, 0x04 }, CDB(1, 2) },
	{ "READ DEFECT DATA(10): byte 2", { 0x37, 0, 0x20, 0, 0, 0, 0, 0, 8 }, CDB(2, 5) },
	BLOCKS_10(0x41, "WRITE SAME(10)"),
	{ "WRITE SAME(10): ANCHOR", { 0x41, 0x10, 0, 0, 0, 0, 0, 0, 1 }, CDB(1, 4) },
	{ "WRITE SAME(10): UNMAP of a thick LU", { 0x41, 0x08, 0, 0, 0, 0, 0, 0, 1 },
	  CDB_OF_THICK(1, 3) },
	{ "WRITE SAME(10): 0 blocks", { 0x41, 0, 0, 0, 0, 0, 0, 0, 0 }, CDB(7, -1) },
	{ "WRITE SAME(10): too long", { 0x41, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, CDB(7, -1) },
	{ "WRITE SAME(10): two blocks of data", { 0x41, 0, 0, 0, 0, 0, 0, 0, 2 },
	  LIST_PLAIN(SENSE_BAD_COMMAND_IU, 1024, 0) },
	{ "UNMAP: ANCHOR", { 0x42, 0x01, 0, 0, 0, 0, 0, 0, 24 }, CDB(1, 0) },
	{ "UNMAP: half a header", { 0x42, 0, 0, 0, 0, 0, 0, 0, 7 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 7, 0) },
	{ "UNMAP: list cut off", { 0x42, 0, 0, 0, 0, 0, 0, 0, 8 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 8, 0, 22, 0, 16) },
	{ "UNMAP: over the end", { 0x42, 0, 0, 0, 0, 0, 0, 0, 24 },
	  LIST_PLAIN(SENSE_LBA_OUT_OF_RANGE, 24, 0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1f,
		     0xff, 0xff, 0, 0, 0, 2) },
	{ "UNMAP: too many blocks", { 0x42, 0, 0, 0, 0, 0, 0, 0, 24 },
	  LIST(16, -1, 24, 0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0, 1) },
	{ "UNMAP of a thick LU", { 0x42 }, SENSE_INVALID_OPCODE, NOWHERE, 0, -1, 0, { 0 },
	  THICK },
	{ "SANITIZE: BLOCK ERASE", { 0x48, 0x02 }, CDB(1, 4) },
	{ "SANITIZE OVERWRITE: ZNR", { 0x48, 0x41, 0, 0, 0, 0, 0, 0, 8 }, CDB(1, 6) },
	{ "SANITIZE OVERWRITE: no list", { 0x48, 0x01 }, CDB(7, -1) },
	{ "SANITIZE OVERWRITE: TEST", { 0x48, 0x01, 0, 0, 0, 0, 0, 0, 8 },
	  LIST(0, -1, 8, 0x21, 0, 0, 4) },
	{ "SANITIZE OVERWRITE: count 0", { 0x48, 0x01, 0, 0, 0, 0, 0, 0, 8 },
	  LIST(0, -1, 8, 0, 0, 0, 4) },
	{ "SANITIZE OVERWRITE: byte 1", { 0x48, 0x01, 0, 0, 0, 0, 0, 0, 8 },
	  LIST(1, -1, 8, 1, 1, 0, 4) },
	{ "SANITIZE OVERWRITE: no pattern", { 0x48, 0x01, 0, 0, 0, 0, 0, 0, 8 },
	  LIST(2, -1, 8, 1, 0, 0, 0) },
	{ "SANITIZE OVERWRITE: pattern cut off", { 0x48, 0x01, 0, 0, 0, 0, 0, 0, 8 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 8, 1, 0, 0, 5) },
	{ "SANITIZE EXIT: a list", { 0x48, 0x1f, 0, 0, 0, 0, 0, 0, 8 }, CDB(7, -1) },
	{ "LOG SENSE: SP", { 0x4d, 0x01, 0x40, 0, 0, 0, 0, 0, 8 }, CDB(1, 0) },
	{ "LOG SENSE: threshold values", { 0x4d, 0, 0x03, 0, 0, 0, 0, 0, 8 }, CDB(2, 7) },
	{ "LOG SENSE: no such page", { 0x4d, 0, 0x55, 0, 0, 0, 0, 0, 8 }, CDB(2, 5) },
	{ "LOG SENSE: no such subpage", { 0x4d, 0, 0x43, 1, 0, 0, 0, 0, 8 }, CDB(3, -1) },
	{ "LOG SENSE: no such parameter", { 0x4d, 0, 0x43, 0, 0, 0, 7, 0, 8 }, CDB(5, -1) },
	{ "MODE SELECT(10): PF=0", { 0x55, 0, 0, 0, 0, 0, 0, 0, 8 }, CDB(1, 4) },
	{ "MODE SELECT(10): descriptor length", { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 16 },
	  LIST(6, -1, 16, 0, 0, 0, 0, 1, 0, 0, 8) },
	{ "MODE SELECT(10): WCE where it is, and RCD", { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 28 },
	  LIST(10, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 18, 0x05) },
	{ "MODE SELECT(10): page cut off", { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 27 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 27, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 18, 0x04) },
	{ "RESERVE(10): LONGID", { 0x56, 0x02 }, CDB(1, 1) },
	{ "RESERVE(10): list length", { 0x56, 0, 0, 0, 0, 0, 0, 0, 8 }, CDB(8, 3) },
	{ "RELEASE(10): third party", { 0x57, 0x10 }, CDB(1, 4) },
	{ "MODE SENSE(10): byte 4", { 0x5a, 0, 0x3f, 0, 1, 0, 0, 0, 255 }, CDB(4, 0) },
	{ "MODE SENSE(10): no such page", { 0x5a, 0, 0x07, 0, 0, 0, 0, 0, 255 }, CDB(2, 5) },
	{ "PERSISTENT RESERVE IN: no such action", { 0x5e, 0x04, 0, 0, 0, 0, 0, 0, 8 },
	  CDB(1, 4) },
	{ "READ KEYS: byte 1", { 0x5e, 0x20, 0, 0, 0, 0, 0, 0, 8 }, CDB(1, 5) },
	{ "READ RESERVATION: byte 2", { 0x5e, 0x01, 1, 0, 0, 0, 0, 0, 8 }, CDB(2, 0) },
	{ "REPORT CAPABILITIES: byte 6", { 0x5e, 0x02, 0, 0, 0, 0, 1, 0, 8 }, CDB(6, 0) },
	{ "READ FULL STATUS: NACA", { 0x5e, 0x03, 0, 0, 0, 0, 0, 0, 8, 4 }, CDB(9, 2) },
	{ "PERSISTENT RESERVE OUT: no such action", { 0x5f, 0x08, 0, 0, 0, 0, 0, 0, 24 },
	  CDB(1, 4) },
	{ "REGISTER: short list", { 0x5f, 0, 0, 0, 0, 0, 0, 0, 23 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 23, 0) },
	{ "RESERVE: short list", { 0x5f, 0x01, 0x01, 0, 0, 0, 0, 0, 23 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 23, 0) },
	{ "RELEASE: long list", { 0x5f, 0x02, 0x01, 0, 0, 0, 0, 0, 25 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 25, 0) },
	{ "CLEAR: byte 1", { 0x5f, 0x23, 0, 0, 0, 0, 0, 0, 24 }, CDB(1, 5) },
	{ "PREEMPT: byte 3", { 0x5f, 0x04, 0x01, 1, 0, 0, 0, 0, 24 }, CDB(3, 0) },
	{ "PREEMPT AND ABORT: byte 4", { 0x5f, 0x05, 0x01, 0, 2, 0, 0, 0, 24 }, CDB(4, 1) },
	{ "REGISTER AND IGNORE: SPEC_I_PT", { 0x5f, 0x06, 0, 0, 0, 0, 0, 0, 24 },
	  LIST(20, -1, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x08) },
	{ "REGISTER AND MOVE: short list", { 0x5f, 0x07, 0, 0, 0, 0, 0, 0, 23 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 23, 0) },
	{ "EXTENDED COPY: LID4", { 0x83, 0x01 }, CDB(1, 4) },
	{ "EXTENDED COPY: byte 2", { 0x83, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16 }, CDB(2, 0) },
	{ "EXTENDED COPY: half a header", { 0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 15, 0) },
	{ "EXTENDED COPY: list identifier usage", { 0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16 },
	  LIST(1, -1, 16, 0, 0x08) },
	{ "EXTENDED COPY: inline data", { 0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17 },
	  LIST_PLAIN(SENSE_INLINE_DATA_EXCEEDED, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		     1) },
	{ "EXTENDED COPY: targets cut off", { 0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 47 },
	  LIST_PLAIN(SENSE_PARAMETER_LIST_LENGTH, 47, 0, 0, 0, 32) },
	{ "EXTENDED COPY: length of targets", { 0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 47 },
	  LIST(2, -1, 47, 0, 0, 0, 31) },
	{ "EXTENDED COPY: target type", { 0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48 },
	  LIST_PLAIN(SENSE_TARGET_DESCRIPTOR_TYPE, 48, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		     0, 0, 0xe0) },
	{ "EXTENDED COPY: segment type", { 0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 44 },
	  LIST_PLAIN(SENSE_SEGMENT_DESCRIPTOR_TYPE, 44, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0,
		     0, 0, 0x0f) },
	{ "RECEIVE COPY RESULTS: no such action", { 0x84, 0x02 }, CDB(1, 4) },
	{ "COPY STATUS: no such list", { 0x84, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64 },
	  CDB(2, -1) },
	{ "OPERATING PARAMETERS: byte 2", { 0x84, 0x03, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64 },
	  CDB(2, 0) },
	{ "FAILED SEGMENT DETAILS: no such list",
	  { 0x84, 0x04, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64 }, CDB(2, -1) },
	BLOCKS_16(0x88, "READ(16)"), LONG_16(0x88, 0, "READ(16)"),
	{ "COMPARE AND WRITE: protection", { 0x89, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	  CDB(1, 7) },
	{ "COMPARE AND WRITE: three halves", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	  LIST_PLAIN(SENSE_BAD_COMMAND_IU, 1536, 0) },
	{ "COMPARE AND WRITE: byte 12", { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 },
	  CDB(12, 0) },
	{ "COMPARE AND WRITE: past the end",
	  { 0x89, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 1 }, RANGE },
	BLOCKS_16(0x8a, "WRITE(16)"), LONG_16(0x8a, 0, "WRITE(16)"),
	BLOCKS_16(0x8b, "ORWRITE(16)"), LONG_16(0x8b, 0, "ORWRITE(16)"),
	BLOCKS_16(0x8e, "WRITE AND VERIFY(16)"), LONG_16(0x8e, 0, "WRITE AND VERIFY(16)"),
	{ "WRITE AND VERIFY(16): BYTCHK 3",
	  { 0x8e, 0x06, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, CDB(1, 2) },
	BLOCKS_16(0x8f, "VERIFY(16)"), LONG_16(0x8f, 0x02, "VERIFY(16)"),
	{ "VERIFY(16): BYTCHK 2", { 0x8f, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	  CDB(1, 2) },
	BLOCKS_16(0x90, "PRE-FETCH(16)"),
	BLOCKS_16(0x91, "SYNCHRONIZE CACHE(16)"),
	BLOCKS_16(0x93, "WRITE SAME(16)"),
	{ "WRITE SAME(16): ANCHOR", { 0x93, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	  CDB(1, 4) },
	{ "WRITE SAME(16): UNMAP of a thick LU",
	  { 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, CDB_OF_THICK(1, 3) },
	{ "WRITE SAME(16): 0 blocks", { 0x93 }, CDB(10, -1) },
	{ "WRITE SAME(16): too long", { 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0 },
	  CDB(10, -1) },
	{ "READ CAPACITY(16): LBA without PMI", { 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 32 },
	  CDB(2, -1) },
	{ "READ CAPACITY(16): byte 14",
	  { 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0x02 }, CDB(14, 1) },
	{ "GET LBA STATUS: past the end",
	  { 0x9e, 0x12, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 32 }, RANGE },
	{ "SERVICE ACTION IN(16): no such action", { 0x9e, 0x13 }, CDB(1, 4) },
	{ "REPORT LUNS: SELECT REPORT", { 0xa0, 0, 0x03, 0, 0, 0, 0, 0, 0, 16 }, CDB(2, -1) },
	{ "REPORT LUNS: too short", { 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 15 }, CDB(6, -1) },
	{ "REPORT TARGET PORT GROUPS: format", { 0xa3, 0x4a, 0, 0, 0, 0, 0, 0, 0, 64 },
	  CDB(1, 7) },
	{ "REPORT SUPPORTED OPERATION CODES: option", { 0xa3, 0x0c, 4, 0, 0, 0, 0, 0, 0, 64 },
	  CDB(2, 2) },
	{ "REPORT SUPPORTED OPERATION CODES: no service action",
	  { 0xa3, 0x0c, 1, 0x9e, 0, 0, 0, 0, 0, 64 }, CDB(2, 2) },
	{ "REPORT SUPPORTED OPERATION CODES: service action of READ(10)",
	  { 0xa3, 0x0c, 2, 0x28, 0, 0, 0, 0, 0, 64 }, CDB(2, 2) },
	{ "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS: too short",
	  { 0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 3 }, CDB(6, -1) },
	{ "MAINTENANCE IN: no such action", { 0xa3, 0x1f }, CDB(1, 4) },
	BLOCKS_12(0xa8, "READ(12)"), LONG_12(0xa8, 0, "READ(12)"),
	BLOCKS_12(0xaa, "WRITE(12)"), LONG_12(0xaa, 0, "WRITE(12)"),
	BLOCKS_12(0xae, "WRITE AND VERIFY(12)"), LONG_12(0xae, 0, "WRITE AND VERIFY(12)"),
	BLOCKS_12(0xaf, "VERIFY(12)"), LONG_12(0xaf, 0x02, "VERIFY(12)"),
	{ "VERIFY(12): BYTCHK 2", { 0xaf, 0x04, 0, 0, 0, 0, 0, 0, 0, 1 }, CDB(1, 2) },
	{ "READ DEFECT DATA(12): byte 1", { 0xb7, 0x20, 0, 0, 0, 0, 0, 0, 0, 8 }, CDB(1, 5) },
};

/* ---- the two LUs ---- */

struct two {
	struct env e; /* first */
	struct fake_store store;
	struct backend thick_be;
	struct lu *thick;
};

static int two_setup(void **state)
{
	struct two *w = malloc(sizeof(*w));
	struct lu_params p;
	struct lun_entry map[2];

	env_init(&w->e);
	fake_store_init(&w->store);
	p = w->e.params;
	w->e.params.store = &w->store.store;
	w->e.params.thin_provisioned = true;
	w->e.be.info.unmap_granularity = 4096;
	w->e.be.info.size = 1u << 30;
	env_open(&w->e);
	fake_backend_init(&w->thick_be);
	w->thick_be.info.size = 1u << 30;
	w->thick = env_add_lu(&w->e, &w->thick_be, &p);
	map[THIN] = (struct lun_entry){ THIN, false, w->e.lu };
	map[THICK] = (struct lun_entry){ THICK, false, w->thick };
	env_map(&w->e, w->e.a, map, 2);
	env_clear_ua(w->e.a);
	*state = w;
	return 0;
}

static int two_teardown(void **state)
{
	struct two *w = *state;

	env_map_lun0(&w->e, w->e.a, false);
	env_destroy_lu(&w->e, w->thick);
	fake_backend_fini(&w->thick_be);
	return env_teardown(state);
}

static void row_run(struct two *w, const struct row *r, bool d_sense)
{
	const struct backend *be = r->lun == THICK ? &w->thick_be : &w->e.be;
	unsigned requests = be->requests;
	struct task t;

	task_init(&w->e, &t, r->cdb, sizeof(r->cdb));
	t.sc.lun[1] = (uint8_t)r->lun;
	t.sc.data_in_len = 4096;
	task_out(&t, NULL, r->out_len);
	memcpy(t.out, r->out, r->out_len < sizeof(r->out) ? r->out_len : sizeof(r->out));
	task_run(&w->e, &t);
	assert_int_equal(be->requests, requests);
	assert_int_equal(t.sc.data_len, 0);
	if (!d_sense) {
		assert_sense(&t, r->sense);
		assert_int_equal(!!(t.sc.sense[15] & 0x80), r->where != NOWHERE);
		if (r->where != NOWHERE)
			assert_field(&t, r->where == IN_CDB, r->byte, r->bit);
		if (r->where != NOWHERE && r->bit < 0)
			assert_int_equal(t.sc.sense[15] & 0x08, 0);
	} else {
		assert_int_equal(t.sc.sense[0], 0x72);
		assert_int_equal(t.sc.sense_len, r->where != NOWHERE ? 16 : 8);
		if (r->where != NOWHERE)
			assert_int_equal(get_be16(t.sc.sense + 13), r->byte);
	}
	task_free(&t);
}

static void test_every_field(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("           %s\n", rows[i].what);
		row_run(*state, &rows[i], false);
	}
}

static void test_every_field_in_descriptor_format(void **state)
{
	struct two *w = *state;

	atomic_store(&w->e.lu->modes.d_sense, true);
	atomic_store(&w->thick->modes.d_sense, true);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("           %s\n", rows[i].what);
		row_run(w, &rows[i], true);
	}
}

/* A command without a row here has not been thought about. */
static void test_no_command_is_missing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < optable_len; i++) {
		unsigned found = 0;
		bool known;

		for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
			found += optable_find(rows[n].cdb, &known) == &optable[i];
		if (!found)
			print_message("no row of %s\n", optable[i].name);
		assert_true(found);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, two_setup, two_teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_field),
		T(test_every_field_in_descriptor_format),
		T(test_no_command_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
