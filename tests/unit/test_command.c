/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SRP_CMD: data and answers; the device server is a fake. */
#include "command_util.h"
#include "scsi/sense.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *table_make(uint32_t entries, uint32_t len)
{
	uint8_t *t = malloc(entries * 16);

	assert_non_null(t);
	for (uint32_t n = 0; n < entries; n++) {
		put_be64(t + n * 16, DATA + n * len);
		put_be32(t + n * 16 + 8, KEY);
		put_be32(t + n * 16 + 12, len);
	}
	return t;
}

/* ---- what the device server sees ---- */

static void test_fields_of_the_command(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(0x1122334455667788, cdb, 0x01);
	const struct scsi_cmd *c;

	iu.buf[21] = 9;
	iu.buf[29] = 2;
	ini_desc(&iu, DATA, KEY, 4096);
	ini_send(i, &iu);
	c = last();
	assert_true(c->tag == 0x1122334455667788);
	assert_int_equal(c->lun[1], 9);
	assert_memory_equal(c->cdb, cdb, 16);
	assert_int_equal(c->cdb_len, 16);
	assert_int_equal(c->task_attr, SCSI_ORDERED);
	assert_int_equal(c->data_in_len, 4096);
	assert_int_equal(c->data_out_len, 0);
	assert_null(c->imm.addr);
	assert_ptr_equal(c->nexus, fake_scsi.last_nexus);
	assert_ptr_equal(c->reactor, ((struct srp_env *)*state)->group.r[0]);
	logout(i);
}

static void test_long_cdb_is_cut(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0);

	iu.buf[31] = 0xfc;
	memset(iu.buf + 48, 0x77, 252);
	iu.len = 48 + 252;
	ini_send(i, &iu);
	assert_int_equal(last()->cdb_len, SCSI_MAX_CDB);
	assert_int_equal(last()->cdb[31], 0x77);
	logout(i);
}

/* ---- DATA-IN ---- */

static void test_direct_data_in(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(7, cdb, 0x01);
	struct ini_rsp r;

	ini_desc(&iu, DATA, KEY, 4096);
	ini_send(i, &iu);
	fake_reply(last(), pattern, 4096);
	srp_env_run(*state);
	ini_rsp(i, 7, &r);
	assert_int_equal(r.status, SCSI_GOOD);
	assert_int_equal(r.flags, 0);
	assert_int_equal(r.len, 36);
	assert_memory_equal(memory, pattern, 4096);
	assert_int_equal(memory[4096], 0);
	logout(i);
}

static void test_indirect_data_in(void **state)
{
	static const uint8_t counts[] = { 1, CHANNEL_INLINE_SEGS, CHANNEL_INLINE_SEGS + 1, 31 };
	struct ini *i = login(state);
	struct ini_rsp r;

	for (size_t n = 0; n < sizeof(counts); n++) {
		uint32_t bytes = counts[n] * 512u;
		struct ini_iu iu = indirect(n, 0x02, counts[n], counts[n], 512);

		memset(memory, 0, sizeof(memory));
		ini_send(i, &iu);
		assert_int_equal(last()->data_in_len, bytes);
		fake_reply(last(), pattern, bytes);
		srp_env_run(*state);
		ini_rsp(i, n, &r);
		assert_memory_equal(memory, pattern, bytes);
		assert_int_equal(memory[bytes], 0);
	}
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	logout(i);
}

/* The descriptors are not aligned then. */
static void test_indirect_data_in_after_a_long_cdb(void **state)
{
	struct ini *i = login(state);
	struct ini_iu plain = indirect(1, 0x02, 8, 8, 512), iu = plain;
	struct ini_rsp r;

	iu.buf[31] = 1 << 2;
	memcpy(iu.buf + 52, plain.buf + 48, plain.len - 48);
	iu.len += 4;
	ini_send(i, &iu);
	fake_reply(last(), pattern, 4096);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_memory_equal(memory, pattern, 4096);
	logout(i);
}

static void test_descriptors_out_of_order(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x02);
	struct ini_rsp r;

	iu.buf[7] = 2;
	ini_desc(&iu, TABLE, KEY + 1, 2 * 16);
	ini_be32(&iu, 1024);
	ini_desc(&iu, DATA + 512, KEY, 512);
	ini_desc(&iu, DATA, KEY, 512);
	ini_send(i, &iu);
	fake_reply(last(), pattern, 1024);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_memory_equal(memory + 512, pattern, 512);
	assert_memory_equal(memory, pattern + 512, 512);
	logout(i);
}

static void test_fetched_table(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = indirect(1, 0x02, 300, 2, 16);
	uint8_t *table = table_make(300, 16);
	struct ini_rsp r;

	mem_map(i->p, TABLE, KEY + 1, table, 300 * 16, MEM_READ);
	ini_send(i, &iu);
	assert_int_equal(i->p->pulls, 0);
	fake_reply(last(), pattern, 4800);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(i->p->pulls, 1);
	assert_int_equal(r.status, SCSI_GOOD);
	assert_memory_equal(memory, pattern, 4800);
	logout(i);
	free(table);
}

/* The objects are used again, the last one first. */
static void test_nothing_is_left_of_the_command_before(void **state)
{
	struct ini *i = login(state);
	struct ini_iu table_iu = indirect(1, 0x02, 300, 2, 16), iu = ini_cmd(2, cdb, 0x01);
	uint8_t *table = table_make(300, 16);
	const struct scsi_cmd *first;
	struct ini_rsp r;

	mem_map(i->p, TABLE, KEY + 1, table, 300 * 16, MEM_READ);
	ini_send(i, &table_iu);
	first = last();
	fake_reply(last(), pattern, 4800);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	mem_unmap(i->p, KEY + 1);
	memset(memory, 0, sizeof(memory));
	ini_desc(&iu, DATA, KEY, 512);
	ini_send(i, &iu);
	assert_ptr_equal(last(), first);
	fake_reply(last(), pattern, 512);
	srp_env_run(*state);
	ini_rsp(i, 2, &r);
	assert_int_equal(i->p->pulls, 1);
	assert_memory_equal(memory, pattern, 512);
	logout(i);
	free(table);
}

static void test_fetched_table_for_data_out(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = indirect(1, 0x20, 300, 0, 16);
	uint8_t *table = table_make(300, 16);
	struct ini_rsp r;

	memcpy(memory, pattern, sizeof(memory));
	mem_map(i->p, TABLE, KEY + 1, table, 300 * 16, MEM_READ);
	ini_send(i, &iu);
	fake_pull(last(), 4800);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.pulled, 0);
	assert_memory_equal(last()->buf.addr, pattern, 4800);
	fake_good(last());
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	logout(i);
	free(table);
}

/* More tables wanted than there is memory for: they take turns. */
static void test_fetched_tables_take_turns(void **state)
{
	uint8_t *table = table_make(4096, 4);
	struct srp_env *e = *state;
	struct ini *i[2];
	struct ini_rsp r;

	for (unsigned n = 0; n < 2; n++) {
		i[n] = ini_login(e, &(struct ini_login){ .initiator = (uint8_t)(n + 1) });
		mem_map(i[n]->p, DATA, KEY, memory, sizeof(memory), MEM_WRITE);
		mem_map(i[n]->p, TABLE, KEY + 1, table, 4096 * 16, MEM_READ);
		for (uint64_t tag = 0; tag < SRP_ENV_QUEUE; tag++) {
			struct ini_iu iu = indirect(tag, 0x02, 4096, 0, 4);

			ini_send(i[n], &iu);
		}
		i[n]->p->hold_pulls = true;
	}
	for (unsigned n = 0; n < 2 * SRP_ENV_QUEUE; n++)
		fake_reply(fake_scsi.cmds[n], pattern, 16384);
	srp_env_run(e);
	assert_int_equal(e->server->per[0].tables.nfree, 0);
	i[0]->p->hold_pulls = i[1]->p->hold_pulls = false;
	srp_env_run(e);
	for (unsigned n = 0; n < 2; n++) {
		for (uint64_t tag = 0; tag < SRP_ENV_QUEUE; tag++)
			ini_rsp(i[n], tag, &r);
		logout(i[n]);
	}
	assert_int_equal(e->server->per[0].tables.nfree, TABLE_COUNT);
	assert_memory_equal(memory, pattern, 16384);
	free(table);
}

static void test_commands_that_wait_for_a_table_die(void **state)
{
	struct srp_env *e = *state;
	struct ini *i[2];

	for (unsigned n = 0; n < 2; n++) {
		i[n] = ini_login(e, &(struct ini_login){ .initiator = (uint8_t)(n + 1) });
		i[n]->p->hold_pulls = true;
		for (uint64_t tag = 0; tag < SRP_ENV_QUEUE; tag++) {
			struct ini_iu iu = indirect(tag, n ? 0x02 : 0x20, 300, 0, 16);

			ini_send(i[n], &iu);
			if (n)
				fake_reply(last(), pattern, 4800);
			else
				fake_pull(last(), 4800);
		}
	}
	srp_env_run(e);
	ini_free(i[1]);
	assert_int_equal(e->server->per[0].tables.nfree, 0);
	ini_free(i[0]);
	assert_int_equal(e->server->per[0].tables.nfree, TABLE_COUNT);
}

static void test_fetched_table_too_short(void **state)
{
	struct ini *i = login(state);
	struct ini_iu in = indirect(1, 0x02, 300, 0, 16), out = indirect(2, 0x20, 300, 0, 16);
	uint8_t *table = table_make(300, 16);
	struct ini_rsp r;

	put_be32(table + 299 * 16 + 12, 15);
	mem_map(i->p, TABLE, KEY + 1, table, 300 * 16, MEM_READ);
	ini_send(i, &in);
	fake_reply(last(), pattern, 4800);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_sense_is(&r, 0x05, 0x0e, 0x03);
	assert_int_equal(r.in_res, 4800);
	assert_true(r.flags & SRP_RSP_FLAG_DIUNDER);
	ini_send(i, &out);
	fake_pull(last(), 4800);
	srp_env_run(*state);
	ini_rsp(i, 2, &r);
	assert_sense_is(&r, 0x05, 0x0e, 0x03);
	assert_int_equal(i->p->pushed_bytes, 0);
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	logout(i);
	free(table);
}

/* ---- DATA-OUT ---- */

static void test_direct_data_out(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x10);
	struct ini_rsp r;

	memcpy(memory, pattern, sizeof(memory));
	ini_desc(&iu, DATA, KEY, 8192);
	ini_send(i, &iu);
	assert_int_equal(last()->data_out_len, 8192);
	fake_pull(last(), 8192);
	srp_env_run(*state);
	assert_memory_equal(last()->buf.addr, pattern, 8192);
	fake_good(last());
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.flags, 0);
	logout(i);
}

static void test_only_what_is_wanted_is_pulled(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = indirect(1, 0x20, 8, 8, 512);
	struct ini_rsp r;

	ini_send(i, &iu);
	fake_pull(last(), 700);
	srp_env_run(*state);
	assert_int_equal(i->p->pulled_bytes, 700);
	fake_good(last());
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.flags, SRP_RSP_FLAG_DOUNDER);
	assert_int_equal(r.out_res, 4096 - 700);
	logout(i);
}

static void test_failed_pull_ends_the_command(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x10);

	ini_desc(&iu, DATA, KEY, 512);
	ini_send(i, &iu);
	i->p->fail_pull = -ECONNRESET;
	fake_pull(last(), 512);
	srp_env_run(*state);
	assert_int_equal(fake_scsi.pulled, -ECONNRESET);
	assert_int_equal(i->p->state, MEM_DEAD);
	logout(i);
}

/* ---- immediate data ---- */

static void test_immediate_data_stays_where_it_is(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x30);
	struct ini_rsp r;

	assert_true(i->imm);
	ini_imm(&iu, pattern, 512);
	ini_send(i, &iu);
	assert_int_equal(last()->imm.len, 512);
	assert_int_equal(last()->data_out_len, 512);
	assert_int_equal((uintptr_t)last()->imm.addr % 4096, 0);
	assert_memory_equal(last()->imm.addr, pattern, 512);
	assert_int_equal(srp_env_channel(*state, 0)->rx_held, 1);
	fake_pull(last(), 512);
	fake_good(last());
	assert_int_equal(srp_env_channel(*state, 0)->rx_held, 0);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.delta, 1);
	assert_int_equal(i->p->pulls, 0);
	logout(i);
}

static void test_receive_goes_back_at_once_without_immediate_data(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x10);

	ini_desc(&iu, DATA, KEY, 512);
	ini_send(i, &iu);
	assert_int_equal(srp_env_channel(*state, 0)->rx_held, 0);
	logout(i);
}

static void test_immediate_data_of_an_aborted_command(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x30);

	fake_scsi.detach = true;
	ini_imm(&iu, pattern, 512);
	ini_send(i, &iu);
	fake_abort(last());
	srp_env_run(*state);
	assert_int_equal(srp_env_channel(*state, 0)->rx_held, 1);
	fake_finish_aborted(last());
	assert_int_equal(srp_env_channel(*state, 0)->rx_held, 0);
	srp_env_run(*state);
	logout(i);
}

/*
 * A receive that is kept for its descriptors until the data has left: the credit
 * stays within the receives that are posted, and nothing is lost in the end.
 */
static void test_credit_of_late_receives(void **state)
{
	struct srp_env *e = *state;
	struct ini *i = login(state);
	unsigned rounds = 3, tag = 0;
	struct ini_rsp r;

	i->p->hold_sent = true;
	for (unsigned n = 0; n < rounds * SRP_ENV_QUEUE && i->req_lim > 0; n++) {
		struct ini_iu iu = indirect(++tag, 0x02, 8, 8, 512);
		struct srp_channel *ch = srp_env_channel(e, 0);

		ini_send(i, &iu);
		fake_reply(last(), pattern, 4096);
		srp_env_run(e);
		ini_rsp(i, tag, &r);
		assert_true((int)(ch->recv_depth - ch->rx_held) >=
			    ch->req_lim + CHANNEL_RX_RESERVE);
	}
	assert_true(i->req_lim < SRP_ENV_QUEUE);
	i->p->hold_sent = false;
	srp_env_run(e);
	while (ini_poll(i, &r)) {
		const uint8_t rsp[16] = { SRP_CRED_RSP };

		assert_int_equal(r.opcode, SRP_CRED_REQ);
		ini_post(i, rsp, sizeof(rsp));
		srp_env_run(e);
	}
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	logout(i);
}

/* ---- residuals ---- */

static void test_short_data_in_is_an_underflow(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x01);
	struct ini_rsp r;

	ini_desc(&iu, DATA, KEY, 4096);
	ini_send(i, &iu);
	fake_reply(last(), pattern, 36);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.flags, SRP_RSP_FLAG_DIUNDER);
	assert_int_equal(r.in_res, 4060);
	assert_int_equal(r.out_res, 0);
	assert_memory_equal(memory, pattern, 36);
	assert_int_equal(memory[36], 0);
	logout(i);
}

static void test_long_data_in_is_an_overflow(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x01);
	struct ini_rsp r;

	ini_desc(&iu, DATA, KEY, 100);
	ini_send(i, &iu);
	fake_reply(last(), pattern, 512);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.flags, SRP_RSP_FLAG_DIOVER);
	assert_int_equal(r.in_res, 412);
	assert_memory_equal(memory, pattern, 100);
	assert_int_equal(memory[100], 0);
	logout(i);
}

/* Not even if the device server says so. */
static void test_never_more_data_in_than_there_is_room_for(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x01);
	struct ini_rsp r;

	ini_desc(&iu, DATA, KEY, 100);
	ini_send(i, &iu);
	assert_int_equal(iobuf_get(&last()->reactor->bufs, 512, &last()->buf), 0);
	memcpy(last()->buf.addr, pattern, 512);
	last()->data_len = 512;
	fake_good(last());
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_memory_equal(memory, pattern, 100);
	assert_int_equal(memory[100], 0);
	logout(i);
}

static void test_error_moves_nothing(void **state)
{
	struct ini *i = login(state);
	struct ini_iu in = ini_cmd(1, cdb, 0x01), out = ini_cmd(2, cdb, 0x10);
	struct ini_rsp r;

	ini_desc(&in, DATA, KEY, 4096);
	ini_send(i, &in);
	fake_check(last(), SENSE_LBA_OUT_OF_RANGE);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_sense_is(&r, 0x05, 0x21, 0x00);
	assert_int_equal(r.in_res, 4096);
	assert_true(r.flags & SRP_RSP_FLAG_DIUNDER);
	ini_desc(&out, DATA, KEY, 512);
	ini_send(i, &out);
	fake_check(last(), SENSE_WRITE_PROTECTED);
	srp_env_run(*state);
	ini_rsp(i, 2, &r);
	assert_sense_is(&r, 0x07, 0x27, 0x00);
	assert_int_equal(r.out_res, 512);
	assert_true(r.flags & SRP_RSP_FLAG_DOUNDER);
	logout(i);
}

static void test_too_little_data_out_is_an_overflow(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, cdb, 0x10);
	struct ini_rsp r;

	ini_desc(&iu, DATA, KEY, 512);
	ini_send(i, &iu);
	last()->wants_out = true;
	last()->wanted = 4096;
	fake_check(last(), SENSE_BAD_COMMAND_IU);
	srp_env_run(*state);
	ini_rsp(i, 1, &r);
	assert_true(r.flags & SRP_RSP_FLAG_DOOVER);
	assert_false(r.flags & SRP_RSP_FLAG_DOUNDER);
	assert_int_equal(r.out_res, 3584);
	logout(i);
}

#define COMMAND_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		COMMAND_TEST(test_fields_of_the_command),
		COMMAND_TEST(test_long_cdb_is_cut),
		COMMAND_TEST(test_direct_data_in),
		COMMAND_TEST(test_indirect_data_in),
		COMMAND_TEST(test_indirect_data_in_after_a_long_cdb),
		COMMAND_TEST(test_descriptors_out_of_order),
		COMMAND_TEST(test_fetched_table),
		COMMAND_TEST(test_nothing_is_left_of_the_command_before),
		COMMAND_TEST(test_fetched_table_for_data_out),
		COMMAND_TEST(test_fetched_tables_take_turns),
		COMMAND_TEST(test_commands_that_wait_for_a_table_die),
		COMMAND_TEST(test_fetched_table_too_short),
		COMMAND_TEST(test_direct_data_out),
		COMMAND_TEST(test_only_what_is_wanted_is_pulled),
		COMMAND_TEST(test_failed_pull_ends_the_command),
		COMMAND_TEST(test_immediate_data_stays_where_it_is),
		COMMAND_TEST(test_receive_goes_back_at_once_without_immediate_data),
		COMMAND_TEST(test_immediate_data_of_an_aborted_command),
		COMMAND_TEST(test_credit_of_late_receives),
		COMMAND_TEST(test_short_data_in_is_an_underflow),
		COMMAND_TEST(test_long_data_in_is_an_overflow),
		COMMAND_TEST(test_never_more_data_in_than_there_is_room_for),
		COMMAND_TEST(test_error_moves_nothing),
		COMMAND_TEST(test_too_little_data_out_is_an_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
