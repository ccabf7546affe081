/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands for a SCSI device: what is passed on, what comes back, what is answered here. */
#include "scsi_env.h"

#include "base/bytes.h"
#include "scsi/access.h"
#include "scsi/passthrough.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the device got last, and what it says. */
static struct {
	unsigned commands;
	uint8_t cdb[32], cdb_len;
	enum be_scsi_dir dir;
	uint32_t len, timeout_ms;
	uint8_t data[64];
} got;
static struct {
	int result;
	uint8_t status, sense[32], sense_len;
	uint32_t resid;
	uint8_t fill;
} say;

static void device_answer(struct backend *be, struct be_scsi_io *io)
{
	(void)be;
	got.commands++;
	memcpy(got.cdb, io->cdb, io->cdb_len);
	got.cdb_len = io->cdb_len;
	got.dir = io->dir;
	got.len = io->buf.len;
	got.timeout_ms = io->timeout_ms;
	if (io->dir == BE_SCSI_OUT)
		memcpy(got.data, io->buf.addr, min_u32(io->buf.len, sizeof(got.data)));
	else if (say.fill)
		memset(io->buf.addr, say.fill, io->buf.len - say.resid);
	io->result = say.result;
	io->status = say.status;
	io->resid = say.resid;
	memcpy(io->sense, say.sense, say.sense_len);
	io->sense_len = say.sense_len;
}

static int setup_type(void **state, uint8_t type)
{
	struct env *e = calloc(1, sizeof(*e));

	env_init(e);
	e->be.info.is_scsi = true;
	e->be.info.scsi_type = type;
	e->be.info.size = 0;
	e->be.answer = device_answer;
	env_open(e);
	memset(&got, 0, sizeof(got));
	memset(&say, 0, sizeof(say));
	*state = e;
	return 0;
}

static int setup_disk(void **state)
{
	return setup_type(state, 0);
}

static int setup_tape(void **state)
{
	return setup_type(state, 1);
}

static int setup_changer(void **state)
{
	return setup_type(state, 8);
}

static struct itl *itl_of(struct nexus *n)
{
	return lun_map_find(nexus_map(n), 0);
}

static void say_sense(uint8_t key, uint8_t asc, uint8_t ascq)
{
	say.status = SCSI_CHECK_CONDITION;
	say.sense_len = 18;
	memset(say.sense, 0, sizeof(say.sense));
	say.sense[0] = 0x70;
	say.sense[2] = key;
	say.sense[7] = 10;
	say.sense[12] = asc;
	say.sense[13] = ascq;
}

/* ---- there and back ---- */

static void test_data_in(void **state)
{
	struct env *e = *state;
	struct task t;

	say.fill = 0x5a;
	TASK_INIT(e, &t, 0x28, 0, 0, 0, 0, 7, 0, 0, 1, 0);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(got.cdb_len, 10);
	assert_int_equal(got.cdb[5], 7);
	assert_int_equal(got.dir, BE_SCSI_IN);
	assert_int_equal(got.len, 512);
	assert_int_equal(t.sc.data_len, 512);
	assert_int_equal(t.sc.wanted, 512);
	assert_int_equal(t.in[511], 0x5a);
	task_free(&t);
}

static void test_data_out(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x2a, 0, 0, 0, 0, 7, 0, 0, 1, 0);
	task_out(&t, NULL, 512);
	t.out[0] = 0x77;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(got.dir, BE_SCSI_OUT);
	assert_int_equal(got.data[0], 0x77);
	assert_int_equal(t.sc.moved_out, 512);
	assert_true(t.sc.wants_out);
	task_free(&t);
}

/* A tape block of another length: CHECK CONDITION, sense, data and residual at once. */
static void test_sense_with_data(void **state)
{
	struct env *e = *state;
	struct task t;

	say_sense(0x20, 0, 0); /* ILI */
	say.resid = 400;
	say.fill = 0x11;
	TASK_INIT(e, &t, 0x08, 0, 0, 2, 0);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_int_equal(t.sc.status, SCSI_CHECK_CONDITION);
	assert_int_equal(t.sc.sense_len, 18);
	assert_memory_equal(t.sc.sense, say.sense, 18);
	assert_int_equal(t.sc.data_len, 112);
	assert_int_equal(t.sc.wanted, 112);
	assert_int_equal(t.in[111], 0x11);
	task_free(&t);
}

static void test_sense_is_lost(void **state)
{
	struct env *e = *state;
	struct task t;

	say.status = SCSI_CHECK_CONDITION;
	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_sense(&t, SENSE_ABORTED);
}

static void test_out_residual(void **state)
{
	struct env *e = *state;
	struct task t;

	say.resid = 12;
	TASK_INIT(e, &t, 0x0a, 0, 0, 2, 0);
	task_out(&t, NULL, 512);
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.sc.moved_out, 500);
	assert_int_equal(t.sc.wanted, 500);
	task_free(&t);
}

static void test_status_as_it_is(void **state)
{
	static const uint8_t statuses[] = { SCSI_BUSY, SCSI_TASK_SET_FULL,
					    SCSI_RESERVATION_CONFLICT, 0x04 };
	struct env *e = *state;
	struct task t;

	for (size_t i = 0; i < sizeof(statuses); i++) {
		say.status = statuses[i];
		TASK_INIT(e, &t, 0x00);
		task_run(e, &t);
		assert_int_equal(t.sc.status, statuses[i]);
		assert_int_equal(t.sc.sense_len, 0);
		assert_int_equal(got.dir, BE_SCSI_NONE);
	}
}

static void test_device_does_not_answer(void **state)
{
	static const struct {
		int result;
		enum scsi_sense sense;
	} rows[] = {
		{ -ENODEV, SENSE_LU_COMMUNICATION }, { -ENXIO, SENSE_LU_COMMUNICATION },
		{ -ETIMEDOUT, SENSE_INTERNAL_RETRY }, { -ECANCELED, SENSE_INTERNAL_RETRY },
		{ -EBUSY, SENSE_BUSY }, { -EINVAL, SENSE_INVALID_FIELD_IN_CDB },
		{ -EPERM, SENSE_INTERNAL_FAILURE },
	};
	struct env *e = *state;
	struct task t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		say.result = rows[i].result;
		TASK_INIT(e, &t, 0x28, 0, 0, 0, 0, 7, 0, 0, 1, 0);
		t.sc.data_in_len = 512;
		task_run(e, &t);
		if (rows[i].sense == SENSE_BUSY)
			assert_int_equal(t.sc.status, SCSI_BUSY);
		else
			assert_sense(&t, rows[i].sense);
		assert_int_equal(t.sc.data_len, 0);
		task_free(&t);
	}
}

/* ---- the CDB ---- */

static void test_cdb_length(void **state)
{
	static const struct {
		uint8_t opcode, len;
	} rows[] = { { 0x00, 6 }, { 0x1a, 6 }, { 0x28, 10 }, { 0x5a, 10 }, { 0x88, 16 },
		     { 0xa3, 12 }, { 0xb8, 12 }, { 0xc1, 16 }, { 0xe7, 16 } };
	struct env *e = *state;
	struct task t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		TASK_INIT(e, &t, rows[i].opcode);
		task_run(e, &t);
		assert_good(&t);
		assert_int_equal(got.cdb_len, rows[i].len);
	}
}

static void test_variable_length_cdb(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 9);
	t.sc.cdb_len = 32;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(got.cdb_len, 32);
	TASK_INIT(e, &t, 0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 9);
	task_run(e, &t);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	TASK_INIT(e, &t, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0, 9);
	t.sc.cdb_len = 32;
	task_run(e, &t);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_int_equal(got.commands, 1);
}

/* NACA would make the device keep all others out. */
static void test_naca(void **state)
{
	static const uint8_t cdbs[][16] = {
		{ 0x00, 0, 0, 0, 0, 0x04 }, { 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0x04 },
		{ 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x04 },
	};
	struct env *e = *state;
	struct task t;

	for (size_t i = 0; i < ARRAY_SIZE(cdbs); i++) {
		task_init(e, &t, cdbs[i], 16);
		task_run(e, &t);
		assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	}
	assert_int_equal(got.commands, 0);
	TASK_INIT(e, &t, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x04);
	task_run(e, &t);
	assert_good(&t);
}

static void test_timeouts(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_int_equal(got.timeout_ms, 900000);
	TASK_INIT(e, &t, 0x01); /* REWIND */
	task_run(e, &t);
	assert_int_equal(got.timeout_ms, 14400000);
}

static void test_too_much_data(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x28, 0, 0, 0, 0, 7, 0, 0xff, 0xff, 0);
	t.sc.data_in_len = IOBUF_MAX_SIZE + 1;
	task_run(e, &t);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_int_equal(got.commands, 0);
}

static void test_both_directions(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x53, 0, 0, 0, 0, 0, 0, 0, 1, 0);
	task_out(&t, NULL, 512);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_sense(&t, SENSE_BAD_COMMAND_IU);
	assert_int_equal(got.commands, 0);
	task_free(&t);
}

/* ---- who may do what ---- */

static void test_report_luns_is_ours(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0);
	t.sc.data_in_len = 256;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(get_be32(t.in), 8);
	assert_int_equal(got.commands, 0);
	task_free(&t);
}

static void test_reservations_do_not_reach_the_device(void **state)
{
	static const uint8_t ours[] = { 0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f };
	struct env *e = *state;
	struct task t;

	for (size_t i = 0; i < sizeof(ours); i++) {
		TASK_INIT(e, &t, ours[i]);
		task_run(e, &t);
	}
	assert_int_equal(got.commands, 0);
}

/* What a nexus may do under a gate, by opcode: GOOD or a conflict. */
struct gate_row {
	uint8_t opcode;
	bool we, ea;
};

static void gates_check(struct env *e, const struct gate_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (unsigned ea = 0; ea < 2; ea++) {
			bool may = ea ? rows[i].ea : rows[i].we;
			struct task t;

			atomic_store(&itl_of(e->a)->gate, ea ? GATE_EA : GATE_WE);
			TASK_INIT(e, &t, rows[i].opcode, 0);
			task_run(e, &t);
			assert_int_equal(t.sc.status, may ? SCSI_GOOD : SCSI_RESERVATION_CONFLICT);
		}
	}
	atomic_store(&itl_of(e->a)->gate, 0);
}

static void test_gates_of_a_disk(void **state)
{
	static const struct gate_row rows[] = {
		{ 0x00, true, true }, { 0x12, true, true }, { 0x28, true, false },
		{ 0x2a, false, false }, { 0x93, false, false }, { 0x37, true, true },
		{ 0x85, false, false }, { 0xc3, false, false },
	};

	gates_check(*state, rows, ARRAY_SIZE(rows));
}

/* 91h is SPACE here, no SYNCHRONIZE CACHE; 34h is READ POSITION. */
static void test_gates_of_a_tape(void **state)
{
	static const struct gate_row rows[] = {
		{ 0x05, true, true }, { 0x08, true, false }, { 0x0a, false, false },
		{ 0x01, false, false }, { 0x34, true, true }, { 0x91, false, false },
		{ 0x28, false, false }, { 0x44, true, true }, { 0x12, true, true },
	};

	gates_check(*state, rows, ARRAY_SIZE(rows));
}

static void test_gates_of_a_changer(void **state)
{
	static const struct gate_row rows[] = {
		{ 0xb8, true, false }, { 0xa5, false, false }, { 0x07, false, false },
	};

	gates_check(*state, rows, ARRAY_SIZE(rows));
}

static void read_only_check(struct env *e, uint8_t opcode, bool refused)
{
	struct task t;

	TASK_INIT(e, &t, opcode);
	task_run(e, &t);
	if (refused)
		assert_sense(&t, SENSE_WRITE_PROTECTED);
	else
		assert_good(&t);
}

static void test_read_only(void **state)
{
	struct env *e = *state;

	env_map_lun0(e, e->a, true);
	env_clear_ua(e->a);
	read_only_check(e, 0x08, false); /* READ(6) */
	read_only_check(e, 0x01, false); /* REWIND */
	read_only_check(e, 0x11, false); /* SPACE(6) */
	read_only_check(e, 0x0a, true);  /* WRITE(6) */
	read_only_check(e, 0x10, true);  /* WRITE FILEMARKS(6) */
	read_only_check(e, 0x19, true);  /* ERASE(6) */
	read_only_check(e, 0xd0, true);
}

/* ---- unit attentions ---- */

static void test_our_unit_attention_first(void **state)
{
	struct env *e = *state;
	struct task t;

	ua_post(&itl_of(e->a)->ua, UA_LU_RESET);
	TASK_INIT(e, &t, 0x12, 0, 0, 0, 36, 0);
	t.sc.data_in_len = 36;
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_sense(&t, SENSE_UA_LU_RESET);
	assert_int_equal(got.commands, 1);
	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_good(&t);
}

static void test_request_sense(void **state)
{
	struct env *e = *state;
	struct task t;

	ua_post(&itl_of(e->a)->ua, UA_CAPACITY_CHANGED);
	TASK_INIT(e, &t, 0x03, 0, 0, 0, 18, 0);
	t.sc.data_in_len = 18;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.in[2], 6);
	assert_int_equal(got.commands, 0);
	task_free(&t);
	TASK_INIT(e, &t, 0x03, 0, 0, 0, 18, 0);
	t.sc.data_in_len = 18;
	task_run(e, &t);
	assert_int_equal(got.commands, 1);
	task_free(&t);
}

static void test_attention_of_the_device_is_for_all(void **state)
{
	static const struct {
		uint8_t asc, ascq;
		enum scsi_sense sense; /* of the others */
	} rows[] = {
		{ 0x29, 0x00, SENSE_UA_POWER_ON }, { 0x29, 0x02, SENSE_UA_LU_RESET },
		{ 0x28, 0x00, SENSE_UA_MEDIUM_CHANGED }, { 0x2a, 0x01, SENSE_UA_MODE_CHANGED },
		{ 0x2a, 0x09, SENSE_UA_CAPACITY_CHANGED }, { 0x3f, 0x0e, SENSE_UA_LUNS_CHANGED },
		{ 0x5d, 0x00, SENSE_OK },
	};
	struct env *e = *state;
	struct task t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		say_sense(6, rows[i].asc, rows[i].ascq);
		TASK_INIT(e, &t, 0x00);
		task_run(e, &t);
		assert_int_equal(t.sc.status, SCSI_CHECK_CONDITION);
		assert_memory_equal(t.sc.sense, say.sense, 18);
		assert_false(ua_pending(&itl_of(e->a)->ua));
		assert_int_equal(ua_take(&itl_of(e->b)->ua, UA_ANY), rows[i].sense);
	}
}

static void test_attention_in_descriptor_format(void **state)
{
	struct env *e = *state;
	struct task t;

	say.status = SCSI_CHECK_CONDITION;
	memcpy(say.sense, ((uint8_t[]){ 0x72, 6, 0x28, 0, 0, 0, 0, 0 }), 8);
	say.sense_len = 8;
	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_int_equal(ua_take(&itl_of(e->b)->ua, UA_ANY), SENSE_UA_MEDIUM_CHANGED);
	say.sense_len = 7;
	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_false(ua_pending(&itl_of(e->b)->ua));
}

static void test_mode_select_tells_the_others(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x15, 0x10, 0, 0, 12, 0);
	task_out(&t, NULL, 12);
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(got.len, 12);
	assert_false(ua_pending(&itl_of(e->a)->ua));
	assert_int_equal(ua_take(&itl_of(e->b)->ua, UA_ANY), SENSE_UA_MODE_CHANGED);
	task_free(&t);
}

/* ---- aborts ---- */

static void test_aborted_write_holds_the_next(void **state)
{
	struct env *e = *state;
	struct task first, next;

	e->be.hold = true;
	TASK_INIT(e, &first, 0x2a, 0, 0, 0, 0, 7, 0, 0, 1, 0);
	task_out(&first, NULL, 512);
	scsi_submit(&first.sc);
	env_pump(e);
	scsi_cmd_abort(&first.sc);
	TASK_INIT(e, &next, 0x2a, 0, 0, 0, 0, 7, 0, 0, 1, 0);
	task_out(&next, NULL, 512);
	scsi_submit(&next.sc);
	env_pump(e);
	assert_int_equal(e->be.requests, 1);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(first.drops, 1);
	assert_int_equal(first.responds, 0);
	assert_int_equal(next.responds, 1);
	assert_int_equal(e->be.requests, 2);
	task_free(&first);
	task_free(&next);
}

#define TEST_DISK(fn) cmocka_unit_test_setup_teardown(fn, setup_disk, env_teardown)
#define TEST_TAPE(fn) cmocka_unit_test_setup_teardown(fn, setup_tape, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_DISK(test_data_in),
		TEST_DISK(test_data_out),
		TEST_TAPE(test_sense_with_data),
		TEST_DISK(test_sense_is_lost),
		TEST_TAPE(test_out_residual),
		TEST_DISK(test_status_as_it_is),
		TEST_DISK(test_device_does_not_answer),
		TEST_DISK(test_cdb_length),
		TEST_DISK(test_variable_length_cdb),
		TEST_DISK(test_naca),
		TEST_TAPE(test_timeouts),
		TEST_DISK(test_too_much_data),
		TEST_DISK(test_both_directions),
		TEST_TAPE(test_report_luns_is_ours),
		TEST_DISK(test_reservations_do_not_reach_the_device),
		TEST_DISK(test_gates_of_a_disk),
		TEST_TAPE(test_gates_of_a_tape),
		cmocka_unit_test_setup_teardown(test_gates_of_a_changer, setup_changer,
						env_teardown),
		TEST_TAPE(test_read_only),
		TEST_DISK(test_our_unit_attention_first),
		TEST_DISK(test_request_sense),
		TEST_TAPE(test_attention_of_the_device_is_for_all),
		TEST_TAPE(test_attention_in_descriptor_format),
		TEST_DISK(test_mode_select_tells_the_others),
		TEST_DISK(test_aborted_write_holds_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
