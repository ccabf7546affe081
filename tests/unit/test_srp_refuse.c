/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SRP_CMD that cannot be carried out, tags, and SRP_TSK_MGMT; the device server is a
 * fake.
 */
#include "command_util.h"
#include "scsi/sense.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- malformed commands ---- */

static void refused(void **state, const struct ini_iu *iu)
{
	struct ini *i = login(state);
	unsigned rejects = fake_scsi.rejects;
	struct ini_rsp r;
	uint64_t tag;

	memcpy(&tag, iu->buf + 8, 8);
	ini_send(i, iu);
	assert_int_equal(fake_scsi.rejects, rejects + 1);
	ini_rsp(i, tag, &r);
	assert_sense_is(&r, 0x05, 0x0e, 0x03);
	assert_int_equal(r.delta, 1);
	assert_int_equal(i->p->state, MEM_LIVE);
	assert_int_equal(i->p->pulls + (unsigned)i->p->pushed_bytes, 0);
	logout(i);
}

static void test_truncated_command(void **state)
{
	struct ini_iu iu = ini_cmd(1, cdb, 0x01);

	ini_desc(&iu, DATA, KEY, 512);
	for (iu.len = 16; iu.len < 64; iu.len += 11)
		refused(state, &iu);
}

static void test_unknown_format(void **state)
{
	struct ini_iu iu = ini_cmd(1, cdb, 0x07);

	ini_desc(&iu, DATA, KEY, 512);
	refused(state, &iu);
}

static void test_data_both_ways(void **state)
{
	struct ini_iu iu = ini_cmd(1, cdb, 0x11);

	ini_desc(&iu, DATA, KEY, 512);
	ini_desc(&iu, DATA, KEY, 512);
	refused(state, &iu);
}

static void test_total_above_the_descriptors(void **state)
{
	struct ini_iu iu = indirect(1, 0x02, 2, 2, 512);

	put_be32(iu.buf + 64, 1025);
	refused(state, &iu);
}

static void test_table_beyond_the_iu(void **state)
{
	struct ini_iu iu = indirect(1, 0x02, 8, 8, 512);

	iu.len -= 16;
	refused(state, &iu);
}

static void test_short_immediate_data(void **state)
{
	struct ini_iu iu = ini_cmd(1, cdb, 0x30);

	ini_imm(&iu, pattern, 512);
	iu.len--;
	refused(state, &iu);
}

static void test_immediate_data_without_agreement(void **state)
{
	struct ini *i = ini_login(*state, &(struct ini_login){ .initiator = 1 });
	struct ini_iu iu = ini_cmd(1, cdb, 0x30);
	struct ini_rsp r;

	assert_false(i->imm);
	ini_imm(&iu, pattern, 512);
	ini_send(i, &iu);
	ini_rsp(i, 1, &r);
	assert_sense_is(&r, 0x05, 0x0e, 0x03);
	logout(i);
}

static void test_tag_in_use(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0);
	struct ini_rsp r;

	ini_send(i, &iu);
	ini_send(i, &iu);
	assert_int_equal(fake_scsi.rejects, 1);
	ini_rsp(i, 1, &r);
	assert_sense_is(&r, 0x0b, 0x4e, 0x00);
	fake_good(fake_scsi.cmds[0]);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.status, SCSI_GOOD);
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	logout(i);
}

/* Even when we do not know yet that the answer has arrived. */
static void test_tag_is_free_once_answered(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0);
	struct ini_rsp r;

	i->p->hold_sent = true;
	for (unsigned n = 0; n < 3; n++) {
		ini_send(i, &iu);
		fake_good(last());
		srp_env_run(*state);
		ini_rsp(i, 1, &r);
	}
	assert_int_equal(fake_scsi.rejects, 0);
	logout(i);
}

/* The initiator was told that the command is aborted; the backend still has it. */
static void test_tag_of_an_aborted_command_is_free(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0);
	struct ini_rsp r;

	fake_scsi.detach = true;
	ini_send(i, &iu);
	fake_abort(last());
	ini_send(i, &iu);
	assert_int_equal(fake_scsi.rejects, 0);
	fake_good(last());
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.status, SCSI_GOOD);
	fake_finish_aborted(fake_scsi.cmds[0]);
	srp_env_run(*state);
	logout(i);
}

/* Aborted by another session: TASK ABORTED is still to be answered. */
static void test_tag_of_a_command_that_will_be_answered_is_not_free(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0);
	struct ini_rsp r;

	ini_send(i, &iu);
	fake_scsi.cmds[0]->aborted = true;
	fake_scsi.cmds[0]->abort_status = true;
	ini_send(i, &iu);
	assert_int_equal(fake_scsi.rejects, 1);
	ini_rsp(i, 1, &r);
	assert_sense_is(&r, 0x0b, 0x4e, 0x00);
	fake_check(fake_scsi.cmds[0], SENSE_TASK_ABORTED);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.status, SCSI_TASK_ABORTED);
	logout(i);
}

static void test_tags_that_share_a_bucket(void **state)
{
	struct ini *i = login(state);
	struct srp_channel *ch = srp_env_channel(*state, 0);
	struct ini_rsp r;

	ch->hash_mask = 0; /* all of them */
	for (uint64_t tag = 1; tag <= 4; tag++) {
		struct ini_iu iu = ini_cmd(tag, cdb, 0);

		ini_send(i, &iu);
	}
	fake_good(fake_scsi.cmds[1]);
	fake_good(fake_scsi.cmds[3]);
	fake_good(fake_scsi.cmds[0]);
	fake_good(fake_scsi.cmds[2]);
	srp_env_run(*state);
	assert_null(ch->hash[0]);
	for (unsigned n = 0; n < 4; n++)
		assert_true(ini_poll(i, &r));
	logout(i);
}

static void test_sense_fits_the_longest_answer(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0);
	struct ini_rsp r;

	ini_send(i, &iu);
	last()->status = SCSI_CHECK_CONDITION;
	last()->sense_len = SCSI_MAX_SENSE;
	memset(last()->sense, 0x70, SCSI_MAX_SENSE);
	fake_good(last());
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.len, 256);
	assert_int_equal(r.sense_len, 220);
	logout(i);
}

/* ---- task management ---- */

static const struct {
	uint8_t code;
	enum scsi_tmf_function function;
} functions[] = {
	{ SRP_TSK_ABORT_TASK, SCSI_ABORT_TASK },
	{ SRP_TSK_ABORT_TASK_SET, SCSI_ABORT_TASK_SET },
	{ SRP_TSK_CLEAR_TASK_SET, SCSI_CLEAR_TASK_SET },
	{ SRP_TSK_LUN_RESET, SCSI_LU_RESET },
};

static const struct {
	enum scsi_tmf_response response;
	uint8_t code;
} responses[] = {
	{ SCSI_TMF_COMPLETE, 0 },
	{ SCSI_TMF_REJECTED, 4 },
	{ SCSI_TMF_BAD_LUN, 2 },
	{ SCSI_TMF_FAILED, 5 },
};

static void test_task_management(void **state)
{
	struct ini *i = login(state);
	struct ini_rsp r;

	for (unsigned n = 0; n < ARRAY_SIZE(functions); n++) {
		struct ini_iu iu = ini_tmf(0x8000000000000000 + n, functions[n].code, 3, 0xabc);
		struct scsi_tmf *tmf;

		ini_send(i, &iu);
		assert_false(ini_poll(i, &r));
		assert_int_equal(fake_scsi.ntmfs, n + 1);
		tmf = fake_scsi.tmfs[n];
		assert_int_equal(tmf->function, functions[n].function);
		assert_int_equal(tmf->lun[1], 3);
		assert_true(tmf->task_tag == 0xabc);
		assert_ptr_equal(tmf->nexus, fake_scsi.last_nexus);
		tmf->done(tmf, responses[n].response);
		srp_env_run(*state);
		ini_rsp(i, 0x8000000000000000 + n, &r);
		assert_int_equal(r.len, 40);
		assert_int_equal(r.flags, SRP_RSP_FLAG_RSPVALID);
		assert_int_equal(r.rsp_len, 4);
		assert_int_equal(r.status, 0);
		assert_int_equal(r.code, responses[n].code);
	}
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	logout(i);
}

static void test_unknown_functions_are_not_supported(void **state)
{
	static const uint8_t unknown[] = { 0, SRP_TSK_CLEAR_ACA, 3, 0xff };
	struct ini *i = login(state);
	struct ini_rsp r;

	for (unsigned n = 0; n < sizeof(unknown); n++) {
		struct ini_iu iu = ini_tmf(n, unknown[n], 0, 0);

		ini_send(i, &iu);
		ini_rsp(i, n, &r);
		assert_int_equal(r.code, 4);
		assert_int_equal(r.len, 40);
	}
	assert_int_equal(fake_scsi.ntmfs, 0);
	logout(i);
}

static void test_truncated_task_management(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_tmf(9, SRP_TSK_LUN_RESET, 0, 0);
	struct ini_rsp r;

	iu.len = 47;
	ini_send(i, &iu);
	ini_rsp(i, 9, &r);
	assert_int_equal(r.code, 2);
	assert_int_equal(r.len, 40);
	assert_int_equal(fake_scsi.ntmfs, 0);
	logout(i);
}

static void test_abort_pays_for_both(void **state)
{
	struct ini *i = login(state);
	struct ini_iu cmd = ini_cmd(1, cdb, 0), tmf = ini_tmf(2, SRP_TSK_ABORT_TASK, 0, 1);
	struct ini_rsp r;

	ini_send(i, &cmd);
	ini_send(i, &tmf);
	fake_abort(fake_scsi.cmds[0]);
	fake_scsi.tmfs[0]->done(fake_scsi.tmfs[0], SCSI_TMF_COMPLETE);
	srp_env_run(*state);
	ini_rsp(i, 2, &r);
	assert_int_equal(r.delta, 2);
	assert_false(ini_poll(i, &r));
	logout(i);
}

/* Functions cannot be ended early: the channel waits for them. */
static void test_task_management_outlives_the_connection(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_tmf(1, SRP_TSK_LUN_RESET, 0, 0);

	ini_send(i, &iu);
	mem_hang_up(i->p);
	srp_env_run(*state);
	assert_int_equal(i->p->state, MEM_DEAD);
	assert_int_equal(srp_env_sessions(*state), 1);
	fake_scsi.tmfs[0]->done(fake_scsi.tmfs[0], SCSI_TMF_COMPLETE);
	srp_env_run(*state);
	assert_int_equal(srp_env_sessions(*state), 0);
	logout(i);
}

#define REFUSE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REFUSE_TEST(test_truncated_command),
		REFUSE_TEST(test_unknown_format),
		REFUSE_TEST(test_data_both_ways),
		REFUSE_TEST(test_total_above_the_descriptors),
		REFUSE_TEST(test_table_beyond_the_iu),
		REFUSE_TEST(test_short_immediate_data),
		REFUSE_TEST(test_immediate_data_without_agreement),
		REFUSE_TEST(test_tag_in_use),
		REFUSE_TEST(test_tag_is_free_once_answered),
		REFUSE_TEST(test_tag_of_an_aborted_command_is_free),
		REFUSE_TEST(test_tag_of_a_command_that_will_be_answered_is_not_free),
		REFUSE_TEST(test_tags_that_share_a_bucket),
		REFUSE_TEST(test_sense_fits_the_longest_answer),
		REFUSE_TEST(test_task_management),
		REFUSE_TEST(test_unknown_functions_are_not_supported),
		REFUSE_TEST(test_truncated_task_management),
		REFUSE_TEST(test_abort_pays_for_both),
		REFUSE_TEST(test_task_management_outlives_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
