/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ10 0x28, 0, 0, 0, 0, 0, 0, 0, 1
#define WRITE10 0x2a, 0, 0, 0, 0, 0, 0, 0, 1

static void set_lun(struct task *t, uint8_t b0, uint8_t b1)
{
	t->sc.lun[0] = b0;
	t->sc.lun[1] = b1;
}

/* ---- routing ---- */

static void test_absent_lun(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x12, 0, 0, 0, 96);
	set_lun(&t, 0, 3);
	t.sc.data_in_len = 96;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.in[0], 0x7f);
	task_free(&t);

	TASK_INIT(e, &t, 0x03, 0, 0, 0, 18);
	set_lun(&t, 0, 3);
	t.sc.data_in_len = 18;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.in[2], 5);
	assert_int_equal(t.in[12], 0x25);
	task_free(&t);

	TASK_INIT(e, &t, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16);
	set_lun(&t, 0, 3);
	t.sc.data_in_len = 16;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 16);
	task_free(&t);
}

static void test_absent_lun_refuses_all_else(void **state)
{
	static const uint8_t luns[][2] = { { 0, 3 }, { 0x41, 0 }, { 0x80, 0 }, { 0xc1, 2 } };
	static const uint8_t cdbs[][16] = {
		{ 0x00 }, { READ10 }, { WRITE10 }, { 0x25 }, { 0x9e, 0x10 }, { 0x1a, 0, 0x3f, 0,
		  4 },
		{ 0xff }, { 0x12, 1, 0, 0, 96 }, { 0x42 },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned l = 0; l < ARRAY_SIZE(luns); l++) {
		for (unsigned c = 0; c < ARRAY_SIZE(cdbs); c++) {
			task_init(e, &t, cdbs[c], 16);
			set_lun(&t, luns[l][0], luns[l][1]);
			t.sc.data_in_len = 512;
			task_run(e, &t);
			assert_sense(&t, SENSE_LUN_NOT_SUPPORTED);
			task_free(&t);
		}
	}
	assert_int_equal(e->be.requests, 0);
}

static void test_well_known_lun(void **state)
{
	static const struct {
		uint8_t cdb[16];
		enum scsi_sense s;
	} rows[] = {
		{ { 0x00 }, SENSE_OK },
		{ { 0x12, 0, 0, 0, 96 }, SENSE_OK },
		{ { 0x03, 0, 0, 0, 18 }, SENSE_OK },
		{ { 0xa0, 0, 1, 0, 0, 0, 0, 0, 0, 16 }, SENSE_OK },
		{ { 0x12, 1, 0x83, 0, 96 }, SENSE_OK },
		{ { 0x12, 1, 0x80, 0, 96 }, SENSE_INVALID_FIELD_IN_CDB },
		{ { READ10 }, SENSE_INVALID_OPCODE },
		{ { 0xff }, SENSE_INVALID_OPCODE },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		task_init(e, &t, rows[i].cdb, 16);
		set_lun(&t, 0xc1, 0x01);
		t.sc.data_in_len = 512;
		task_run(e, &t);
		rows[i].s ? assert_sense(&t, rows[i].s) : assert_good(&t);
		if (rows[i].cdb[0] == 0x12 && !rows[i].s)
			assert_int_equal(t.in[0], 0x1e);
		if (rows[i].cdb[0] == 0xa0)
			assert_int_equal(get_be16(t.in + 8), 0xc101);
		task_free(&t);
	}
}

static void test_opcodes(void **state)
{
	static const struct task_row rows[] = {
		{ "unknown opcode", { 0x7f }, 0, 0, SENSE_INVALID_OPCODE, -1 },
		{ "vendor opcode", { 0xc0 }, 0, 0, SENSE_INVALID_OPCODE, -1 },
		{ "unknown service action", { 0x9e, 0x1f }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "unknown management action", { 0xa3, 0 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "NACA", { 0x00, 0, 0, 0, 0, 0x04 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 5 },
		{ "reserved byte", { 0x00, 0, 0, 1 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 3 },
		{ "SCSI-2 LUN bits", { 0x00, 0xe0 }, 0, 0, SENSE_OK, -1 },
		{ "RDPROTECT", { 0x28, 0x20, 0, 0, 0, 0, 0, 0, 1 }, 0, 512,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "WRPROTECT", { 0x8a, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "group number", { 0x28, 0, 0, 0, 0, 0, 0x1f, 0, 1 }, 0, 512, SENSE_OK, -1 },
		{ "UNMAP without thin provisioning", { 0x42 }, 0, 0, SENSE_INVALID_OPCODE, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

/* ---- admission ---- */

static void test_unit_attention_order(void **state)
{
	struct env *e = *state;
	struct ua_set *ua = &lun_map_find(nexus_map(e->a), 0)->ua;
	static const enum scsi_sense want[] = {
		SENSE_UA_LU_RESET, SENSE_UA_CAPACITY_CHANGED, SENSE_UA_LUNS_CHANGED,
	};
	struct task t;

	ua_post(ua, UA_LUNS_CHANGED);
	ua_post(ua, UA_CAPACITY_CHANGED);
	ua_post(ua, UA_LU_RESET);
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		/* One per command, before the CDB is looked at. */
		TASK_INIT(e, &t, 0x28, 0x20);
		task_run(e, &t);
		assert_sense(&t, want[i]);
	}
	TASK_INIT(e, &t, 0x28, 0x20);
	task_run(e, &t);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
}

static void test_unit_attention_lets_some_pass(void **state)
{
	static const struct task_row rows[] = {
		{ "INQUIRY", { 0x12, 0, 0, 0, 36 }, 0, 36, SENSE_OK, -1 },
		{ "REPORT LUNS", { 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16 }, 0, 16, SENSE_OK, -1 },
		{ "unknown opcode", { 0xff }, 0, 0, SENSE_INVALID_OPCODE, -1 },
		{ "TEST UNIT READY", { 0x00 }, 0, 0, SENSE_UA_POWER_ON, -1 },
		{ "again", { 0x00 }, 0, 0, SENSE_OK, -1 },
	};
	struct env *e = *state;

	ua_post(&lun_map_find(nexus_map(e->a), 0)->ua, UA_POWER_ON);
	task_rows_run(e, rows, ARRAY_SIZE(rows));
}

static void test_unit_attention_is_per_nexus(void **state)
{
	struct env *e = *state;
	struct task t;

	ua_post(&lun_map_find(nexus_map(e->b), 0)->ua, UA_POWER_ON);
	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_good(&t);
	TASK_INIT(e, &t, 0x00);
	t.sc.nexus = e->b;
	task_run(e, &t);
	assert_sense(&t, SENSE_UA_POWER_ON);
}

static void test_read_only_lun(void **state)
{
	static const struct task_row rows[] = {
		{ "READ", { READ10 }, 0, 512, SENSE_OK, -1 },
		{ "WRITE", { WRITE10 }, 512, 0, SENSE_WRITE_PROTECTED, -1 },
		/* Whatever else is wrong with it, to unmap a thick disk for instance. */
		{ "WRITE SAME with UNMAP", { 0x41, 8, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_WRITE_PROTECTED, -1 },
		{ "WRITE SAME", { 0x41, 0, 0, 0, 0, 0, 0, 0, 1 }, 512, 0, SENSE_WRITE_PROTECTED,
		  -1 },
		{ "CDB first", { 0x2a, 0x20, 0, 0, 0, 0, 0, 0, 1 }, 512, 0,
		  SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "SYNCHRONIZE CACHE", { 0x35 }, 0, 0, SENSE_OK, -1 },
	};
	struct env *e = *state;

	env_map_lun0(e, e->a, true);
	task_rows_run(e, rows, ARRAY_SIZE(rows));
}

/* ---- residuals ---- */

static void check_moved(const struct task *t, uint32_t data_len, uint32_t moved_out,
			uint32_t wanted, bool wants_out)
{
	assert_int_equal(t->sc.data_len, data_len);
	assert_int_equal(t->sc.moved_out, moved_out);
	assert_int_equal(t->sc.wanted, wanted);
	assert_int_equal(t->sc.wants_out, wants_out);
}

static void test_read_residuals(void **state)
{
	static const struct {
		uint32_t in, data, backend;
	} rows[] = {
		{ 1024, 1024, 1024 }, { 4096, 1024, 1024 }, { 1000, 1000, 1024 }, { 512, 512, 512 },
		{ 1, 1, 512 }, { 0, 0, 0 },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		e->be.requests = 0;
		TASK_INIT(e, &t, 0x28, 0, 0, 0, 0, 0, 0, 0, 2);
		t.sc.data_in_len = rows[i].in;
		task_run(e, &t);
		assert_good(&t);
		check_moved(&t, rows[i].data, 0, 1024, false);
		assert_int_equal(e->be.requests, rows[i].backend ? 1 : 0);
		if (rows[i].backend)
			assert_int_equal(e->be.log[0].len, rows[i].backend);
		task_free(&t);
	}
}

static void test_write_residuals(void **state)
{
	struct env *e = *state;
	struct task t;

	/* More offered than needed: only what the CDB says is fetched. */
	TASK_INIT(e, &t, WRITE10);
	task_out(&t, NULL, 4096);
	task_run(e, &t);
	assert_good(&t);
	check_moved(&t, 0, 512, 512, true);
	task_free(&t);

	/* Less: nothing is written. */
	e->be.requests = 0;
	TASK_INIT(e, &t, 0x2a, 0, 0, 0, 0, 0, 0, 0, 2);
	task_out(&t, NULL, 1023);
	task_run(e, &t);
	assert_sense(&t, SENSE_BAD_COMMAND_IU);
	check_moved(&t, 0, 0, 1024, true);
	assert_int_equal(t.pulls, 0);
	assert_int_equal(e->be.requests, 0);
	task_free(&t);

	/* Wrong direction altogether. */
	TASK_INIT(e, &t, WRITE10);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_sense(&t, SENSE_BAD_COMMAND_IU);
	check_moved(&t, 0, 0, 512, true);
}

static void test_error_moves_nothing(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	TASK_INIT(e, &t, READ10);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_sense(&t, SENSE_READ_ERROR);
	check_moved(&t, 0, 0, 0, false);

	TASK_INIT(e, &t, WRITE10);
	task_out(&t, NULL, 512);
	task_run(e, &t);
	assert_sense(&t, SENSE_WRITE_ERROR);
	check_moved(&t, 0, 512, 0, true);
	task_free(&t);
}

static void test_parameter_data_residuals(void **state)
{
	static const struct {
		uint8_t alloc;
		uint32_t in, data, wanted;
	} rows[] = {
		{ 96, 96, 96, 96 }, { 36, 96, 36, 36 }, { 96, 36, 36, 96 }, { 255, 255, 96, 96 },
		{ 5, 255, 5, 5 }, { 0, 255, 0, 0 },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		TASK_INIT(e, &t, 0x12, 0, 0, 0, rows[i].alloc);
		t.sc.data_in_len = rows[i].in;
		task_run(e, &t);
		assert_good(&t);
		check_moved(&t, rows[i].data, 0, rows[i].wanted, false);
		task_free(&t);
	}
}

/* ---- DATA-OUT ---- */

static void test_immediate_data_is_used_in_place(void **state)
{
	struct env *e = *state;
	static _Alignas(4096) uint8_t imm[8192];
	struct task t;

	memset(imm, 0x5a, sizeof(imm));
	TASK_INIT(e, &t, WRITE10);
	t.sc.data_out_len = 512;
	t.sc.imm = (struct iobuf){ imm, 512, 3, 0 };
	e->be.hold = true;
	scsi_submit(&t.sc);
	assert_ptr_equal(t.sc.io.buf.addr, imm);
	assert_int_equal(t.sc.io.buf.region, 3);
	e->be.hold = false;
	env_pump(e);
	assert_good(&t);
	assert_int_equal(t.pulls, 0);
	check_moved(&t, 0, 512, 512, true);
	assert_memory_equal(e->be.bytes, imm, 512);
}

static void test_unaligned_immediate_data_is_copied(void **state)
{
	struct env *e = *state;
	static _Alignas(4096) uint8_t imm[8192];
	struct task t;

	e->be.info.buf_align = 512;
	memset(imm, 0x77, sizeof(imm));
	TASK_INIT(e, &t, WRITE10);
	t.sc.data_out_len = 512;
	t.sc.imm = (struct iobuf){ imm + 68, 512, 3, 0 };
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.pulls, 0);
	assert_memory_equal(e->be.bytes, imm, 512);
}

static void test_immediate_data_too_short(void **state)
{
	struct env *e = *state;
	uint8_t imm[512];
	struct task t;

	TASK_INIT(e, &t, 0x2a, 0, 0, 0, 0, 0, 0, 0, 2);
	t.sc.data_out_len = 1024;
	t.sc.imm = (struct iobuf){ imm, 512, 3, 0 };
	task_run(e, &t);
	assert_sense(&t, SENSE_BAD_COMMAND_IU);
}

static void test_pull_fails(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, WRITE10);
	task_out(&t, NULL, 512);
	t.manual_pull = true;
	scsi_submit(&t.sc);
	assert_int_equal(t.pulls, 1);
	scsi_pulled(&t.sc, -EIO);
	assert_int_equal(t.responds, 1);
	assert_sense(&t, SENSE_DATA_OUT_FAILED);
	check_moved(&t, 0, 0, 0, false);
	task_free(&t);

	TASK_INIT(e, &t, WRITE10);
	task_out(&t, NULL, 512);
	t.manual_pull = true;
	scsi_submit(&t.sc);
	scsi_pulled(&t.sc, -ECONNRESET);
	assert_int_equal(t.responds, 0);
	assert_int_equal(t.drops, 1);
	assert_int_equal(e->be.requests, 0);
	task_free(&t);
}

/* ---- waiting for buffers ---- */

static void hog(struct env *e, struct iobuf *bufs)
{
	for (unsigned i = 0; i < ENV_SLAB / IOBUF_MAX_SIZE; i++)
		assert_int_equal(iobuf_get(&e->group.r[0]->bufs, IOBUF_MAX_SIZE, &bufs[i]), 0);
}

static void unhog(struct env *e, struct iobuf *bufs)
{
	for (unsigned i = 0; i < ENV_SLAB / IOBUF_MAX_SIZE; i++)
		iobuf_put(&e->group.r[0]->bufs, &bufs[i]);
}

static void test_commands_wait_for_buffers_in_order(void **state)
{
	struct env *e = *state;
	struct iobuf bufs[ENV_SLAB / IOBUF_MAX_SIZE];
	struct task t[4];

	hog(e, bufs);
	TASK_INIT(e, &t[0], READ10);
	TASK_INIT(e, &t[1], 0x12, 0, 0, 0, 96);
	TASK_INIT(e, &t[2], WRITE10);
	TASK_INIT(e, &t[3], 0x2f, 2, 0, 0, 0, 0, 0, 0, 1); /* two buffers */
	for (unsigned i = 0; i < 4; i++) {
		if (i < 2)
			t[i].sc.data_in_len = 512;
		else
			task_out(&t[i], NULL, 512);
		scsi_submit(&t[i].sc);
	}
	env_pump(e);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(t[i].responds, 0);
	unhog(e, bufs);
	env_pump(e);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(t[i].responds, 1);
		assert_good(&t[i]);
		task_free(&t[i]);
	}
}

/* One small block free: VERIFY gets its first buffer, not its second, and keeps neither. */
static void test_two_buffers_or_none(void **state)
{
	struct env *e = *state;
	struct iobuf_pool *p = &e->group.r[0]->bufs;
	struct iobuf bufs[ENV_SLAB / IOBUF_MAX_SIZE], small[2];
	struct task v, r;
	size_t used;

	hog(e, bufs);
	iobuf_put(p, &bufs[0]);
	for (unsigned left = IOBUF_MAX_SIZE / 2; left >= IOBUF_MIN_SIZE; left /= 2)
		assert_int_equal(iobuf_get(p, left, left == IOBUF_MIN_SIZE ? &small[0] : &small[1]),
				 0);
	used = p->used;
	TASK_INIT(e, &v, 0x2f, 2, 0, 0, 0, 0, 0, 0, 1);
	task_out(&v, NULL, 512);
	scsi_submit(&v.sc);
	assert_int_equal(p->used, used);
	assert_int_equal(v.pulls, 0);
	/* It is in front: a later command may not overtake it for ever. */
	TASK_INIT(e, &r, READ10);
	r.sc.data_in_len = 512;
	scsi_submit(&r.sc);
	env_pump(e);
	assert_int_equal(r.responds, 0);
	iobuf_put(p, &small[0]);
	env_pump(e);
	assert_int_equal(v.responds, 1);
	assert_int_equal(r.responds, 1);
	task_free(&v);
	task_free(&r);
	for (unsigned i = 1; i < ENV_SLAB / IOBUF_MAX_SIZE; i++)
		iobuf_put(p, &bufs[i]);
	/* The blocks between were taken on purpose and forgotten: give all back at once. */
	iobuf_pool_destroy(p);
	assert_int_equal(iobuf_pool_init(p, ENV_SLAB), 0);
}

/* ---- ends ---- */

static void test_reject(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, READ10);
	t.sc.data_in_len = 512;
	scsi_reject(&t.sc, SENSE_OVERLAPPED_COMMANDS);
	assert_int_equal(t.responds, 1);
	assert_sense(&t, SENSE_OVERLAPPED_COMMANDS);
	check_moved(&t, 0, 0, 0, false);
	assert_int_equal(t.sc.state, SCSI_CMD_DONE);
}

static void test_release_twice_is_harmless(void **state)
{
	struct env *e = *state;
	struct lu_stats s;
	struct task t;

	TASK_INIT(e, &t, READ10);
	t.sc.data_in_len = 512;
	t.manual_release = true;
	task_run(e, &t);
	lu_stats(e->lu, &s);
	assert_int_equal(s.in_flight, 1);
	assert_int_equal(e->group.r[0]->bufs.used, IOBUF_MIN_SIZE);
	scsi_cmd_release(&t.sc);
	scsi_cmd_release(&t.sc);
	lu_stats(e->lu, &s);
	assert_int_equal(s.in_flight, 0);
	assert_int_equal(e->group.r[0]->bufs.used, 0);
	task_free(&t);
}

static void test_statistics(void **state)
{
	static const struct task_row rows[] = {
		{ "READ", { 0x28, 0, 0, 0, 0, 0, 0, 0, 4 }, 0, 2048, SENSE_OK, -1 },
		{ "WRITE", { WRITE10 }, 512, 0, SENSE_OK, -1 },
		{ "WRITE", { WRITE10 }, 512, 0, SENSE_OK, -1 },
		{ "error", { 0xff }, 0, 0, SENSE_INVALID_OPCODE, -1 },
	};
	struct env *e = *state;
	struct lu_stats s;

	task_rows_run(e, rows, ARRAY_SIZE(rows));
	lu_stats(e->lu, &s);
	assert_int_equal(s.commands, 4);
	assert_int_equal(s.read_ops, 1);
	assert_int_equal(s.read_bytes, 2048);
	assert_int_equal(s.write_ops, 2);
	assert_int_equal(s.write_bytes, 1024);
	assert_int_equal(s.errors, 1);
	assert_int_equal(s.aborted, 0);
}

/* Parameter data is cut out of zeros, never out of what an earlier command left. */
static void test_no_stale_bytes(void **state)
{
	static const struct task_row rows[] = {
		{ "INQUIRY", { 0x12, 0, 0, 1, 0 }, 0, 256, SENSE_OK, -1 },
		{ "VPD B0", { 0x12, 1, 0xb0, 1, 0 }, 0, 256, SENSE_OK, -1 },
	};
	struct env *e = *state;
	struct iobuf b;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(iobuf_get(&e->group.r[0]->bufs, IOBUF_MIN_SIZE, &b), 0);
		memset(b.addr, 0xee, IOBUF_MIN_SIZE);
		iobuf_put(&e->group.r[0]->bufs, &b);
		task_init(e, &t, rows[i].cdb, 16);
		t.sc.data_in_len = 256;
		task_run(e, &t);
		assert_good(&t);
		for (uint32_t n = 0; n < t.sc.data_len; n++)
			assert_int_not_equal(t.in[n], 0xee);
		task_free(&t);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_absent_lun),
		T(test_absent_lun_refuses_all_else),
		T(test_well_known_lun),
		T(test_opcodes),
		T(test_unit_attention_order),
		T(test_unit_attention_lets_some_pass),
		T(test_unit_attention_is_per_nexus),
		T(test_read_only_lun),
		T(test_read_residuals),
		T(test_write_residuals),
		T(test_error_moves_nothing),
		T(test_parameter_data_residuals),
		T(test_immediate_data_is_used_in_place),
		T(test_unaligned_immediate_data_is_copied),
		T(test_immediate_data_too_short),
		T(test_pull_fails),
		T(test_commands_wait_for_buffers_in_order),
		T(test_two_buffers_or_none),
		T(test_reject),
		T(test_release_twice_is_harmless),
		T(test_statistics),
		T(test_no_stale_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
