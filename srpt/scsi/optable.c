/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/optable.h"

#include "base/bytes.h"
#include "scsi/ops.h"

#include <string.h>

/* CDB usage data of the common layouts; b1: what byte 1 may hold. */
#define USAGE_6(op) { op, 0x1f, 0xff, 0xff, 0xff, 0 }
#define USAGE_10(op, b1) { op, b1, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0 }
#define USAGE_12(op, b1) { op, b1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0 }
#define USAGE_16(op, b1)                                                                   \
	{ op, b1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, \
	  0x1f, 0 }

#define DPO_FUA (CDB_DPO | CDB_FUA)
#define READS (OP_RANGE | OP_BLOCKS)
#define WRITES (OP_RANGE | OP_BLOCKS | OP_OUT | OP_WRITES)
#define VERIFIES (OP_RANGE | OP_OUT)
#define ALWAYS (OP_UA_PASSES | OP_NO_LUN | OP_WELL_KNOWN)

/* Of the access column. */
#define FREE                                                                                \
	(ACCESS_WE | ACCESS_EA | ACCESS_RESERVED | ACCESS_STANDBY | ACCESS_UNAVAILABLE | \
	 ACCESS_TRANSITION | ACCESS_NOT_READY)
#define SHARED (ACCESS_WE | ACCESS_EA) /* no reservation conflict */
#define UNRESERVED (SHARED | ACCESS_RESERVED)
#define LOOKS ACCESS_WE                /* reads what only Exclusive Access keeps to itself */
#define ALTERS (ACCESS_STANDBY | ACCESS_CHANGES)
#define PASSIVE (ACCESS_STANDBY | ACCESS_UNAVAILABLE | ACCESS_TRANSITION)

/* PERSISTENT RESERVE IN and OUT. The handler of OUT looks itself at who may do what. */
/* OP_FIRST: to fence a host must not wait for that host's data. */
#define PR_IN_ROW(sa, name)                                                             \
	{ 0x5e, sa, 10, CDB_ALLOC_2_7, OP_SA | OP_PARAM_IN | OP_FIRST,                   \
	  SHARED | ACCESS_STANDBY, "PERSISTENT RESERVE IN, " name, prep_pr_in, op_pr_in, \
	  { 0x5e, sa, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } }
#define PR_OUT_ROW(sa, name)                                                            \
	{ 0x5f, sa, 10, CDB_ALLOC_4_5, OP_SA | OP_OUT | OP_FIRST,                        \
	  SHARED | ALTERS, "PERSISTENT RESERVE OUT, " name, prep_pr_out,                 \
	  op_pr_out,                                                                     \
	  { 0x5f, sa, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0 } }

/*
 * Ascending by opcode, then service action. RDPROTECT and WRPROTECT are in no
 * usage map: without protection information they must be zero. So must ANCHOR.
 * The group number may be anything and is ignored.
 */
const struct scsi_op optable[] = {
	{ 0x00, 0, 6, CDB_NO_LENGTH, OP_WELL_KNOWN, SHARED, "TEST UNIT READY",
	  NULL, op_test_unit_ready, { 0x00 } },
	{ 0x03, 0, 6, CDB_ALLOC_1_4, ALWAYS | OP_PARAM_IN, FREE, "REQUEST SENSE",
	  NULL, op_request_sense, { 0x03, 0x01, 0, 0, 0xff, 0 } },
	{ 0x04, 0, 6, CDB_NO_LENGTH, OP_WRITES, ACCESS_NOT_READY, "FORMAT UNIT",
	  prep_format_unit, op_format_unit, { 0x04, 0x3f, 0, 0, 0, 0 } },
	{ 0x08, 0, 6, CDB_BLOCKS_6, READS, LOOKS, "READ(6)", NULL, op_read, USAGE_6(0x08) },
	{ 0x0a, 0, 6, CDB_BLOCKS_6, WRITES, 0, "WRITE(6)", NULL, op_write, USAGE_6(0x0a) },
	{ 0x12, 0, 6, CDB_ALLOC_2_3, ALWAYS | OP_PARAM_IN, FREE, "INQUIRY",
	  NULL, op_inquiry, { 0x12, 0x01, 0xff, 0xff, 0xff, 0 } },
	{ 0x15, 0, 6, CDB_ALLOC_1_4, OP_OUT, ALTERS, "MODE SELECT(6)",
	  prep_mode_select, op_mode_select, { 0x15, 0x11, 0, 0, 0xff, 0 } },
	{ 0x16, 0, 6, CDB_NO_LENGTH, 0, SHARED | ALTERS, "RESERVE(6)",
	  NULL, op_reserve, { 0x16, 0, 0xff, 0, 0, 0 } },
	{ 0x17, 0, 6, CDB_NO_LENGTH, 0, UNRESERVED | ALTERS, "RELEASE(6)",
	  NULL, op_reserve, { 0x17, 0, 0xff, 0, 0, 0 } },
	{ 0x1a, 0, 6, CDB_ALLOC_1_4, OP_PARAM_IN, LOOKS | ACCESS_STANDBY, "MODE SENSE(6)",
	  prep_mode_sense, op_mode_sense_6, { 0x1a, 0x08, 0xff, 0xff, 0xff, 0 } },
	{ 0x1b, 0, 6, CDB_NO_LENGTH, 0, 0, "START STOP UNIT",
	  prep_start_stop, op_start_stop, { 0x1b, 0x01, 0, 0x0f, 0xf7, 0 } },
	{ 0x1c, 0, 6, CDB_ALLOC_2_3, OP_PARAM_IN, LOOKS | ACCESS_STANDBY,
	  "RECEIVE DIAGNOSTIC RESULTS",
	  prep_receive_diagnostic, op_receive_diagnostic, { 0x1c, 0x01, 0xff, 0xff, 0xff, 0 } },
	{ 0x1d, 0, 6, CDB_ALLOC_2_3, OP_OUT, ALTERS, "SEND DIAGNOSTIC",
	  prep_send_diagnostic, op_send_diagnostic, { 0x1d, 0xf7, 0, 0xff, 0xff, 0 } },
	{ 0x25, 0, 10, CDB_LBA_10, OP_PARAM_IN, UNRESERVED | PASSIVE, "READ CAPACITY(10)",
	  prep_read_capacity, op_read_capacity_10,
	  { 0x25, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0 } },
	{ 0x28, 0, 10, CDB_BLOCKS_10, READS, LOOKS, "READ(10)",
	  NULL, op_read, USAGE_10(0x28, DPO_FUA) },
	{ 0x2a, 0, 10, CDB_BLOCKS_10, WRITES, 0, "WRITE(10)",
	  NULL, op_write, USAGE_10(0x2a, DPO_FUA) },
	{ 0x2e, 0, 10, CDB_BLOCKS_10, WRITES | OP_ATOMIC, 0, "WRITE AND VERIFY(10)",
	  prep_write_and_verify, op_write_and_verify, USAGE_10(0x2e, 0x12) },
	{ 0x2f, 0, 10, CDB_BLOCKS_10, VERIFIES, LOOKS, "VERIFY(10)",
	  prep_verify, op_verify, USAGE_10(0x2f, 0x16) },
	{ 0x34, 0, 10, CDB_BLOCKS_10, OP_RANGE, LOOKS, "PRE-FETCH(10)",
	  NULL, op_prefetch, USAGE_10(0x34, 0x02) },
	{ 0x35, 0, 10, CDB_BLOCKS_10, OP_RANGE, 0, "SYNCHRONIZE CACHE(10)",
	  NULL, op_synchronize_cache, USAGE_10(0x35, 0x02) },
	{ 0x37, 0, 10, CDB_ALLOC_2_7, OP_PARAM_IN, LOOKS, "READ DEFECT DATA(10)",
	  NULL, op_read_defect_10, { 0x37, 0, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0 } },
	{ 0x41, 0, 10, CDB_BLOCKS_10, OP_RANGE | OP_OUT | OP_WRITES, 0, "WRITE SAME(10)",
	  prep_write_same, op_write_same, USAGE_10(0x41, 0x08) },
	{ 0x42, 0, 10, CDB_ALLOC_2_7, OP_OUT | OP_WRITES | OP_THIN, 0, "UNMAP",
	  prep_unmap, op_unmap, { 0x42, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0 } },
	{ 0x48, 0x01, 10, CDB_ALLOC_2_7, OP_SA | OP_OUT | OP_WRITES, ACCESS_NOT_READY,
	  "SANITIZE: OVERWRITE", prep_sanitize_overwrite, op_sanitize_overwrite,
	  { 0x48, 0xa1, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } },
	{ 0x48, 0x1f, 10, CDB_ALLOC_2_7, OP_SA | OP_OUT | OP_WRITES, ACCESS_NOT_READY,
	  "SANITIZE: EXIT FAILURE MODE", prep_sanitize_exit, op_sanitize_exit,
	  { 0x48, 0x1f, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } },
	{ 0x4d, 0, 10, CDB_ALLOC_2_7, OP_PARAM_IN, UNRESERVED | ACCESS_STANDBY, "LOG SENSE",
	  prep_log_sense, op_log_sense, { 0x4d, 0, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0 } },
	{ 0x55, 0, 10, CDB_ALLOC_2_7, OP_OUT, ALTERS, "MODE SELECT(10)",
	  prep_mode_select, op_mode_select, { 0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0 } },
	{ 0x56, 0, 10, CDB_NO_LENGTH, 0, SHARED | ALTERS, "RESERVE(10)",
	  NULL, op_reserve, { 0x56, 0, 0xff, 0 } },
	{ 0x57, 0, 10, CDB_NO_LENGTH, 0, UNRESERVED | ALTERS, "RELEASE(10)",
	  NULL, op_reserve, { 0x57, 0, 0xff, 0 } },
	{ 0x5a, 0, 10, CDB_ALLOC_2_7, OP_PARAM_IN, LOOKS | ACCESS_STANDBY, "MODE SENSE(10)",
	  prep_mode_sense, op_mode_sense_10, { 0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0 } },
	PR_IN_ROW(0, "READ KEYS"),
	PR_IN_ROW(1, "READ RESERVATION"),
	PR_IN_ROW(2, "REPORT CAPABILITIES"),
	PR_IN_ROW(3, "READ FULL STATUS"),
	PR_OUT_ROW(0, "REGISTER"),
	PR_OUT_ROW(1, "RESERVE"),
	PR_OUT_ROW(2, "RELEASE"),
	PR_OUT_ROW(3, "CLEAR"),
	PR_OUT_ROW(4, "PREEMPT"),
	PR_OUT_ROW(5, "PREEMPT AND ABORT"),
	PR_OUT_ROW(6, "REGISTER AND IGNORE EXISTING KEY"),
	PR_OUT_ROW(7, "REGISTER AND MOVE"),
	{ 0x83, 0x00, 16, CDB_ALLOC_4_10, OP_SA | OP_OUT, 0, "EXTENDED COPY(LID1)",
	  prep_extended_copy, op_extended_copy,
	  { 0x83, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	{ 0x84, 0x00, 16, CDB_ALLOC_4_10, OP_SA | OP_PARAM_IN, LOOKS,
	  "RECEIVE COPY RESULTS: COPY STATUS", NULL, op_copy_status,
	  { 0x84, 0x00, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	{ 0x84, 0x03, 16, CDB_ALLOC_4_10, OP_SA | OP_PARAM_IN, LOOKS,
	  "RECEIVE COPY RESULTS: OPERATING PARAMETERS", NULL, op_copy_parameters,
	  { 0x84, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	{ 0x84, 0x04, 16, CDB_ALLOC_4_10, OP_SA | OP_PARAM_IN, LOOKS,
	  "RECEIVE COPY RESULTS: FAILED SEGMENT DETAILS", NULL, op_copy_failed_segment,
	  { 0x84, 0x04, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	{ 0x88, 0, 16, CDB_BLOCKS_16, READS, LOOKS, "READ(16)",
	  NULL, op_read, USAGE_16(0x88, DPO_FUA) },
	{ 0x89, 0, 16, CDB_COMPARE_16, OP_RANGE | OP_OUT | OP_WRITES | OP_ATOMIC, 0,
	  "COMPARE AND WRITE", prep_compare_and_write, op_compare_and_write,
	  { 0x89, DPO_FUA, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff,
	    0x1f, 0 } },
	{ 0x8a, 0, 16, CDB_BLOCKS_16, WRITES, 0, "WRITE(16)",
	  NULL, op_write, USAGE_16(0x8a, DPO_FUA) },
	{ 0x8b, 0, 16, CDB_BLOCKS_16, OP_RANGE | OP_OUT | OP_WRITES | OP_ATOMIC, 0,
	  "ORWRITE(16)", prep_orwrite, op_orwrite, USAGE_16(0x8b, DPO_FUA) },
	{ 0x8e, 0, 16, CDB_BLOCKS_16, WRITES | OP_ATOMIC, 0, "WRITE AND VERIFY(16)",
	  prep_write_and_verify, op_write_and_verify, USAGE_16(0x8e, 0x12) },
	{ 0x8f, 0, 16, CDB_BLOCKS_16, VERIFIES, LOOKS, "VERIFY(16)",
	  prep_verify, op_verify, USAGE_16(0x8f, 0x16) },
	{ 0x90, 0, 16, CDB_BLOCKS_16, OP_RANGE, LOOKS, "PRE-FETCH(16)",
	  NULL, op_prefetch, USAGE_16(0x90, 0x02) },
	{ 0x91, 0, 16, CDB_BLOCKS_16, OP_RANGE, 0, "SYNCHRONIZE CACHE(16)",
	  NULL, op_synchronize_cache, USAGE_16(0x91, 0x02) },
	{ 0x93, 0, 16, CDB_BLOCKS_16, OP_RANGE | OP_OUT | OP_WRITES, 0, "WRITE SAME(16)",
	  prep_write_same, op_write_same, USAGE_16(0x93, 0x09) },
	{ 0x9e, 0x10, 16, CDB_LBA_16, OP_SA | OP_PARAM_IN, UNRESERVED | PASSIVE,
	  "READ CAPACITY(16)",
	  prep_read_capacity, op_read_capacity_16,
	  { 0x9e, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0x01, 0 } },
	{ 0x9e, 0x12, 16, CDB_LBA_16, OP_SA | OP_PARAM_IN | OP_THIN, LOOKS, "GET LBA STATUS",
	  prep_lba_status, op_lba_status,
	  { 0x9e, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0, 0 } },
	{ 0xa0, 0, 12, CDB_ALLOC_4_6, ALWAYS | OP_PARAM_IN, FREE, "REPORT LUNS",
	  prep_report_luns, op_report_luns,
	  { 0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	{ 0xa3, 0x0a, 12, CDB_ALLOC_4_6, OP_SA | OP_PARAM_IN, FREE, "REPORT TARGET PORT GROUPS",
	  prep_report_target_port_groups, op_report_target_port_groups,
	  { 0xa3, 0xea, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	{ 0xa3, 0x0c, 12, CDB_ALLOC_4_6, OP_SA | OP_PARAM_IN, LOOKS,
	  "REPORT SUPPORTED OPERATION CODES", prep_report_opcodes, op_report_opcodes,
	  { 0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	{ 0xa3, 0x0d, 12, CDB_ALLOC_4_6, OP_SA | OP_PARAM_IN, LOOKS,
	  "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", prep_report_tmfs, op_report_tmfs,
	  { 0xa3, 0x0d, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
	{ 0xa8, 0, 12, CDB_BLOCKS_12, READS, LOOKS, "READ(12)",
	  NULL, op_read, USAGE_12(0xa8, DPO_FUA) },
	{ 0xaa, 0, 12, CDB_BLOCKS_12, WRITES, 0, "WRITE(12)",
	  NULL, op_write, USAGE_12(0xaa, DPO_FUA) },
	{ 0xae, 0, 12, CDB_BLOCKS_12, WRITES | OP_ATOMIC, 0, "WRITE AND VERIFY(12)",
	  prep_write_and_verify, op_write_and_verify, USAGE_12(0xae, 0x12) },
	{ 0xaf, 0, 12, CDB_BLOCKS_12, VERIFIES, LOOKS, "VERIFY(12)",
	  prep_verify, op_verify, USAGE_12(0xaf, 0x16) },
	{ 0xb7, 0, 12, CDB_ALLOC_4_6, OP_PARAM_IN, LOOKS, "READ DEFECT DATA(12)",
	  NULL, op_read_defect_12,
	  { 0xb7, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0 } },
};
const unsigned optable_len = ARRAY_SIZE(optable);

/*
 * Bits that may be set though the usage map has them not, by CDB length: the
 * opcode, what follows the CDB, and in the control byte the vendor specific and
 * the obsolete bits (NACA is refused). In 6-byte CDBs bits 7:5 of byte 1 were
 * the LUN in SCSI-2; initiators fill them in before they know our version.
 */
static const struct {
	uint8_t len, bits[16];
} tolerated[] = {
	{ 6, { 0xff, 0xe0, 0, 0, 0, 0xc3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	       0xff } },
	{ 10, { 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ 12, { 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0xff, 0xff, 0xff, 0xff } },
	{ 16, { 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3 } },
};

/* Per row: what must be zero; and the first row of each opcode, plus 1. */
static uint64_t refused[ARRAY_SIZE(optable)][2];
static uint8_t first_row[256];

static void row_set_refused(unsigned row)
{
	uint8_t bits[16];

	for (unsigned l = 0; l < ARRAY_SIZE(tolerated); l++)
		if (tolerated[l].len == optable[row].cdb_len)
			for (int i = 0; i < 16; i++)
				bits[i] = (uint8_t)~(optable[row].usage[i] | tolerated[l].bits[i]);
	memcpy(refused[row], bits, sizeof(bits));
}

void optable_init(void)
{
	for (unsigned row = 0; row < optable_len; row++) {
		if (!first_row[optable[row].opcode])
			first_row[optable[row].opcode] = (uint8_t)(row + 1);
		row_set_refused(row);
	}
}

const struct scsi_op *optable_opcode(uint8_t opcode)
{
	unsigned row = first_row[opcode];

	return row ? &optable[row - 1] : NULL;
}

const struct scsi_op *optable_next(const struct scsi_op *op)
{
	return op + 1 < optable + optable_len && op[1].opcode == op->opcode ? op + 1 : NULL;
}

const struct scsi_op *optable_find(const uint8_t *cdb, bool *opcode_known)
{
	const struct scsi_op *op = optable_opcode(cdb[0]);

	*opcode_known = op;
	while (op && (op->flags & OP_SA) && (cdb[1] & 0x1f) != op->sa)
		op = optable_next(op);
	return op;
}

/* RDPROTECT and its like: a field of three bits is pointed at by its first (SPC-4 4.5.2.4.2). */
#define PROTECT_BIT 7
static bool in_protect(const struct scsi_op *op, int byte, int bit)
{
	return (op->flags & OP_RANGE) && op->cdb_len > 6 && byte == 1 && bit >= PROTECT_BIT - 2;
}

int optable_refused(const struct scsi_op *op, const uint8_t *cdb, int *bit)
{
	const uint64_t *mask = refused[op - optable];
	uint64_t w[2];
	uint8_t bad[16];
	int byte = 0;

	memcpy(w, cdb, sizeof(w));
	w[0] &= mask[0];
	w[1] &= mask[1];
	if (!(w[0] | w[1]))
		return -1;
	memcpy(bad, w, sizeof(bad));
	while (!bad[byte])
		byte++;
	*bit = 31 - __builtin_clz(bad[byte]);
	if (in_protect(op, byte, *bit))
		*bit = PROTECT_BIT;
	return byte;
}
