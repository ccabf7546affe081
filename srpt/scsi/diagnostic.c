/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS, SPC-4 6.42 and 6.28. The self-test reads
 * a few blocks: the first, the middle and the last. That is done before anybody could ask for its
 * progress, so the background test differs only in that its result is in the log page alone. The
 * extended tests, which would read the whole medium, are not offered.
 */
#include "scsi/nexus.h"
#include "scsi/ops.h"
#include "scsi/self_test.h"

#include <string.h>
#include <time.h>

#define SELFTEST 0x04 /* CDB byte 1 */
#define PF 0x10
#define CODE_SHIFT 5
#define PCV 0x01      /* of RECEIVE DIAGNOSTIC RESULTS */

/* SELF-TEST CODE, SPC-4 table 267: those that are offered. */
enum { CODE_NONE = 0, CODE_BACKGROUND_SHORT = 1, CODE_FOREGROUND_SHORT = 5 };

#define RESULT_COMPLETED 0
#define RESULT_SEGMENT_FAILED 7
#define PLACES 3u

/* ---- SEND DIAGNOSTIC ---- */

static bool is_test(const struct scsi_cmd *cmd)
{
	return (cmd->cdb[1] & SELFTEST) || cmd->cdb[1] >> CODE_SHIFT;
}

static bool code_offered(unsigned code)
{
	return code == CODE_NONE || code == CODE_BACKGROUND_SHORT || code == CODE_FOREGROUND_SHORT;
}

bool prep_send_diagnostic(struct scsi_cmd *cmd)
{
	unsigned code = cmd->cdb[1] >> CODE_SHIFT;

	if (!code_offered(code) || (code && (cmd->cdb[1] & SELFTEST)))
		return cmd_bad_field(cmd, 1, 7);
	if (cmd->alloc && is_test(cmd))
		return cmd_bad_field(cmd, 3, -1);
	if (cmd->alloc && !(cmd->cdb[1] & PF))
		return cmd_bad_field(cmd, 1, 4);
	if (is_test(cmd))
		cmd->buf_len = 1u << cmd->lu->block_shift;
	return true;
}

/* The list: one page, 00h, which asks for what RECEIVE DIAGNOSTIC RESULTS tells anyway. */
static void take_page(struct scsi_cmd *cmd)
{
	const uint8_t *p = cmd->buf.addr;

	if (cmd->out_len < 4 || get_be16(p + 2) > cmd->out_len - 4)
		cmd_fail(cmd, SENSE_PARAMETER_LIST_LENGTH);
	else if (p[0])
		cmd_bad_param(cmd, 0);
	else if (get_be16(p + 2))
		cmd_bad_param(cmd, 2);
	else
		cmd_good(cmd);
}

static uint64_t place_lba(const struct scsi_cmd *cmd, uint64_t place)
{
	return (lu_nblocks(cmd->lu) - 1) * place / (PLACES - 1);
}

/* Since the LU was made; the field ends at FFFFh. */
static uint16_t lu_hours(const struct lu *lu)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint16_t)min_u64((uint64_t)(now.tv_sec - lu->made) / 3600, UINT16_MAX);
}

static void test_ends(struct scsi_cmd *cmd)
{
	if (cmd->io.result && cmd->cdb[1] >> CODE_SHIFT != CODE_BACKGROUND_SHORT)
		cmd_fail(cmd, SENSE_SELF_TEST_FAILED);
	else
		cmd_good(cmd);
}

/* Control thread: cmd->progress is the place that failed, or PLACES. */
static void test_record(struct scsi_cmd *cmd)
{
	struct self_test t = {
		.code = cmd->cdb[1] >> CODE_SHIFT, .hours = lu_hours(cmd->lu), .lba = UINT64_MAX,
	};
	uint8_t sense[SENSE_FIXED_LEN];

	if (cmd->io.result) {
		sense_build(sense, sense_from_errno(cmd->io.result, BE_READ), false);
		t.result = RESULT_SEGMENT_FAILED;
		t.segment = (uint8_t)(cmd->progress + 1);
		t.lba = place_lba(cmd, cmd->progress);
		t.key = sense[2];
		t.asc = sense[12];
		t.ascq = sense[13];
	}
	/* A default test that went well would look as if there were no more entries behind it. */
	if (t.code || t.result)
		self_test_add(&cmd->lu->self_tests, &t);
	cmd_control_return(cmd, test_ends);
}

static void test_read(struct scsi_cmd *cmd);

static void test_was_read(struct scsi_cmd *cmd)
{
	if (!cmd->io.result && ++cmd->progress < PLACES)
		test_read(cmd);
	else
		cmd_control(cmd, test_record);
}

static void test_read(struct scsi_cmd *cmd)
{
	cmd_io(cmd, BE_READ, place_lba(cmd, cmd->progress) << cmd->lu->block_shift, cmd->buf_len,
	       &cmd->buf, test_was_read);
}

void op_send_diagnostic(struct scsi_cmd *cmd)
{
	if (is_test(cmd))
		test_read(cmd);
	else if (cmd->out_len)
		take_page(cmd);
	else
		cmd_good(cmd);
}

/* ---- RECEIVE DIAGNOSTIC RESULTS ---- */

bool prep_receive_diagnostic(struct scsi_cmd *cmd)
{
	if ((cmd->cdb[1] & PCV) && cmd->cdb[2])
		return cmd_bad_field(cmd, 2, -1);
	return true;
}

/* The list of pages, which has itself alone. */
void op_receive_diagnostic(struct scsi_cmd *cmd)
{
	put_be16(cmd->buf.addr + 2, 1);
	cmd_reply(cmd, 5);
}
