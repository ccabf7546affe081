/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "srp/iu.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define IMM_OFFSET 68

/* An IU of exactly its length, so that a checker sees what is read beyond. */
struct iu {
	uint8_t buf[512];
	uint32_t len;
};

static struct iu cmd_new(uint8_t buf_fmt)
{
	struct iu iu = { .len = 48 };

	iu.buf[0] = SRP_CMD;
	iu.buf[5] = buf_fmt;
	memcpy(iu.buf + 8, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
	iu.buf[21] = 3;
	iu.buf[32] = 0x28;
	return iu;
}

static void desc_add(struct iu *iu, uint64_t va, uint32_t key, uint32_t len)
{
	put_be64(iu->buf + iu->len, va);
	put_be32(iu->buf + iu->len + 8, key);
	put_be32(iu->buf + iu->len + 12, len);
	iu->len += 16;
}

static void be32_add(struct iu *iu, uint32_t v)
{
	put_be32(iu->buf + iu->len, v);
	iu->len += 4;
}

/* An indirect DATA-IN descriptor with a table of @entries, @here of them 512 bytes long each. */
static struct iu indirect_new(uint32_t table_len, uint8_t here, uint32_t total)
{
	struct iu iu = cmd_new(0x02);

	iu.buf[7] = here;
	desc_add(&iu, 0x9000, 77, table_len);
	be32_add(&iu, total);
	for (uint8_t i = 0; i < here; i++)
		desc_add(&iu, 0x1000u * (i + 1u), i, 512);
	return iu;
}

/* The IU decoded is kept until the next call. */
static enum iu_result decode_imm(const struct iu *iu, uint32_t imm_offset, struct srp_req *req)
{
	static uint8_t *exact;

	free(exact);
	exact = malloc(iu->len ? iu->len : 1);
	assert_non_null(exact);
	memcpy(exact, iu->buf, iu->len);
	return iu_decode(exact, iu->len, imm_offset, req);
}

static enum iu_result decode(const struct iu *iu, struct srp_req *req)
{
	return decode_imm(iu, IMM_OFFSET, req);
}

static void assert_refused(const struct iu *iu)
{
	struct srp_req req;

	assert_int_equal(decode(iu, &req), IU_BAD_FIELDS);
	assert_int_equal(req.opcode, SRP_CMD);
	assert_memory_equal(&req.tag, iu->buf + 8, 8);
	assert_int_equal(req.data_in_len, 0);
	assert_int_equal(req.data_out_len, 0);
	assert_int_equal(req.ndescs, 0);
}

static void test_command_without_data(void **state)
{
	struct iu iu = cmd_new(0);
	struct srp_req req;

	(void)state;
	iu.buf[29] = 1;
	assert_int_equal(decode(&iu, &req), IU_OK);
	assert_memory_equal(&req.tag, iu.buf + 8, 8);
	assert_memory_equal(req.lun, iu.buf + 20, 8);
	assert_int_equal(req.cdb_len, 16);
	assert_int_equal(req.cdb[0], 0x28);
	assert_int_equal(req.task_attr, 1);
	assert_int_equal(req.data_in_len + req.data_out_len, 0);
	assert_null(req.imm);
}

static void test_unknown_task_attributes_are_ordered(void **state)
{
	static const uint8_t want[8] = { 0, 1, 2, 2, 4, 2, 2, 2 };
	struct iu iu = cmd_new(0);
	struct srp_req req;

	(void)state;
	for (uint8_t attr = 0; attr < 8; attr++) {
		iu.buf[29] = 0xf8 | attr;
		assert_int_equal(decode(&iu, &req), IU_OK);
		assert_int_equal(req.task_attr, want[attr]);
	}
}

static void test_additional_cdb_comes_before_descriptors(void **state)
{
	struct iu iu = cmd_new(0x01);
	struct srp_req req;

	(void)state;
	iu.buf[31] = 2 << 2 | 3; /* the low bits are reserved */
	memset(iu.buf + 48, 0xee, 8);
	iu.len += 8;
	desc_add(&iu, 0x1234, 9, 100);
	assert_int_equal(decode(&iu, &req), IU_OK);
	assert_int_equal(req.cdb_len, 24);
	assert_int_equal(req.cdb[23], 0xee);
	assert_int_equal(req.data_in_len, 100);
}

static void test_additional_cdb_beyond_the_iu_is_refused(void **state)
{
	struct iu iu = cmd_new(0);

	(void)state;
	iu.buf[31] = 0xfc;
	iu.len += 248;
	assert_refused(&iu);
}

static void test_direct_descriptor_of_each_direction(void **state)
{
	struct iu in = cmd_new(0x01), out = cmd_new(0x10);
	struct xfer_seg seg;
	struct srp_req req;

	(void)state;
	desc_add(&in, 0x123456789abcdef0, 0xcafe, 4096);
	assert_int_equal(decode(&in, &req), IU_OK);
	assert_int_equal(req.data_in_len, 4096);
	assert_int_equal(req.data_out_len, 0);
	assert_int_equal(iu_descs_convert(req.descs, req.ndescs, &seg), 1);
	assert_true(seg.addr == 0x123456789abcdef0);
	assert_int_equal(seg.key, 0xcafe);
	assert_int_equal(seg.len, 4096);
	desc_add(&out, 0x10, 1, 512);
	assert_int_equal(decode(&out, &req), IU_OK);
	assert_int_equal(req.data_in_len, 0);
	assert_int_equal(req.data_out_len, 512);
}

/* ib_srp leaves the counts zero for direct descriptors, others need not. */
static void test_direct_descriptor_does_not_look_at_the_count(void **state)
{
	struct iu iu = cmd_new(0x01);
	struct srp_req req;

	(void)state;
	iu.buf[7] = 1;
	desc_add(&iu, 0x1000, 1, 512);
	assert_int_equal(decode(&iu, &req), IU_OK);
	assert_int_equal(req.ndescs, 1);
}

static void test_indirect_table_in_the_iu(void **state)
{
	struct iu iu = indirect_new(3 * 16, 3, 1500);
	struct xfer_seg seg[3];
	struct srp_req req;

	(void)state;
	assert_int_equal(decode(&iu, &req), IU_OK);
	assert_int_equal(req.data_in_len, 1500);
	assert_int_equal(req.table.len, 0);
	assert_int_equal(iu_descs_convert(req.descs, req.ndescs, seg), 3);
	assert_int_equal(seg[2].addr, 0x3000);
	assert_int_equal(seg[2].key, 2);
}

static void test_partial_table_is_to_be_fetched(void **state)
{
	struct iu iu = indirect_new(5 * 16, 2, 100000);
	struct srp_req req;

	(void)state;
	assert_int_equal(decode(&iu, &req), IU_OK);
	assert_int_equal(req.data_in_len, 100000);
	assert_int_equal(req.table.addr, 0x9000);
	assert_int_equal(req.table.key, 77);
	assert_int_equal(req.table.len, 80);
}

static void test_immediate_data(void **state)
{
	struct iu iu = cmd_new(0x30);
	struct srp_req req;

	(void)state;
	be32_add(&iu, 100);
	iu.len = IMM_OFFSET + 100;
	assert_int_equal(decode(&iu, &req), IU_OK);
	assert_int_equal(req.data_out_len, 100);
	assert_int_equal(req.imm - (const uint8_t *)req.cdb, IMM_OFFSET - 32);
	assert_int_equal(req.ndescs, 0);
}

/* ---- what must be refused: srp-protocol 2.6 ---- */

static void test_too_short_for_a_tag(void **state)
{
	struct iu iu = cmd_new(0);
	struct srp_req req;

	(void)state;
	for (iu.len = 0; iu.len < 16; iu.len++)
		assert_int_equal(decode(&iu, &req), IU_TOO_SHORT);
}

static void test_types_an_initiator_may_not_send(void **state)
{
	static const uint8_t bad[] = { SRP_LOGIN_REQ, SRP_T_LOGOUT, SRP_CRED_REQ, SRP_AER_REQ,
				       SRP_LOGIN_RSP, SRP_RSP, SRP_LOGIN_REJ, 0x04, 0x40, 0xff };
	struct iu iu = cmd_new(0);
	struct srp_req req;

	(void)state;
	for (size_t i = 0; i < sizeof(bad); i++) {
		iu.buf[0] = bad[i];
		assert_int_equal(decode(&iu, &req), IU_BAD_TYPE);
	}
}

static void test_truncated_command(void **state)
{
	struct iu iu = cmd_new(0x01);

	(void)state;
	desc_add(&iu, 0x1000, 1, 512);
	for (iu.len = 16; iu.len < 64; iu.len++)
		assert_refused(&iu);
}

static void test_truncated_indirect_table(void **state)
{
	struct iu iu = indirect_new(3 * 16, 3, 1536);

	(void)state;
	for (uint32_t cut = 1; cut <= 3 * 16 + 20; cut++) {
		struct iu part = iu;

		part.len -= cut;
		assert_refused(&part);
	}
}

static void test_unknown_descriptor_formats(void **state)
{
	(void)state;
	for (uint8_t fmt = 4; fmt < 16; fmt++) {
		struct iu in = cmd_new(fmt), out = cmd_new((uint8_t)(fmt << 4));

		in.len = out.len = 200;
		assert_refused(&in);
		assert_refused(&out);
	}
}

static void test_data_both_ways(void **state)
{
	struct iu iu = cmd_new(0x11);

	(void)state;
	desc_add(&iu, 0x1000, 1, 512);
	desc_add(&iu, 0x2000, 1, 512);
	assert_refused(&iu);
}

static void test_immediate_data_not_agreed_on(void **state)
{
	struct iu iu = cmd_new(0x30);
	struct srp_req req;

	(void)state;
	be32_add(&iu, 4);
	iu.len = IMM_OFFSET + 4;
	assert_int_equal(decode_imm(&iu, 0, &req), IU_BAD_FIELDS);
}

static void test_immediate_data_is_for_data_out_only(void **state)
{
	struct iu iu = cmd_new(0x03);

	(void)state;
	be32_add(&iu, 4);
	iu.len = IMM_OFFSET + 4;
	assert_refused(&iu);
}

static void test_immediate_data_longer_than_received(void **state)
{
	struct iu iu = cmd_new(0x30);

	(void)state;
	be32_add(&iu, 101);
	iu.len = IMM_OFFSET + 100;
	assert_refused(&iu);
	put_be32(iu.buf + 48, 0xffffffff);
	assert_refused(&iu);
	iu.len = IMM_OFFSET - 1;
	put_be32(iu.buf + 48, 0);
	assert_refused(&iu);
}

static void test_immediate_descriptor_within_the_data(void **state)
{
	struct iu iu = cmd_new(0x30);

	(void)state;
	iu.buf[31] = 20; /* the descriptor would be at 68 */
	iu.len = 68;
	be32_add(&iu, 4);
	iu.len = 100;
	assert_refused(&iu);
}

static void test_table_length_not_of_whole_entries(void **state)
{
	struct iu iu = indirect_new(3 * 16 + 8, 3, 512);

	(void)state;
	assert_refused(&iu);
}

static void test_more_descriptors_than_the_table_has(void **state)
{
	struct iu iu = indirect_new(2 * 16, 3, 512);

	(void)state;
	assert_refused(&iu);
}

static void test_table_too_long_to_fetch(void **state)
{
	struct iu most = indirect_new(IU_TABLE_MAX * 16, 1, 512);
	struct iu more = indirect_new((IU_TABLE_MAX + 1) * 16, 1, 512);
	struct iu huge = indirect_new(0xfffffff0, 1, 512);
	struct srp_req req;

	(void)state;
	assert_int_equal(decode(&most, &req), IU_OK);
	assert_refused(&more);
	assert_refused(&huge);
}

static void test_total_above_the_sum_of_descriptors(void **state)
{
	struct iu exact = indirect_new(3 * 16, 3, 1536), more = indirect_new(3 * 16, 3, 1537);
	struct iu none = indirect_new(0, 0, 1);
	struct srp_req req;

	(void)state;
	assert_int_equal(decode(&exact, &req), IU_OK);
	assert_refused(&more);
	assert_refused(&none);
}

/* The sum of lengths does not fit 32 bits: it must not wrap to a small one. */
static void test_sum_of_lengths_does_not_wrap(void **state)
{
	uint8_t descs[2 * 16] = { 0 };

	(void)state;
	put_be32(descs + 12, 0x80000000);
	put_be32(descs + 28, 0x80000001);
	assert_int_equal(iu_descs_check(descs, 2, 2), 0);
	assert_int_equal(iu_descs_check(descs, 2, 0xffffffff), 0);
}

static void test_descriptor_around_the_end_of_memory(void **state)
{
	struct iu last = cmd_new(0x01), wraps = cmd_new(0x01);
	struct srp_req req;

	(void)state;
	desc_add(&last, UINT64_MAX - 511, 1, 512);
	desc_add(&wraps, UINT64_MAX - 510, 1, 512);
	assert_int_equal(decode(&last, &req), IU_OK);
	assert_refused(&wraps);
}

static void test_table_around_the_end_of_memory(void **state)
{
	struct iu iu = indirect_new(4 * 16, 1, 512);
	struct srp_req req;

	(void)state;
	put_be64(iu.buf + 48, UINT64_MAX - 63);
	assert_int_equal(decode(&iu, &req), IU_OK);
	put_be64(iu.buf + 48, UINT64_MAX - 62);
	assert_refused(&iu);
}

/* ---- other IUs ---- */

static void test_task_management(void **state)
{
	struct iu iu = { .len = 48 };
	struct srp_req req;

	(void)state;
	iu.buf[0] = SRP_TSK_MGMT;
	iu.buf[21] = 5;
	iu.buf[30] = SRP_TSK_LUN_RESET;
	memcpy(iu.buf + 32, "abcdefgh", 8);
	assert_int_equal(decode(&iu, &req), IU_OK);
	assert_int_equal(req.function, SRP_TSK_LUN_RESET);
	assert_memory_equal(&req.task_tag, "abcdefgh", 8);
	assert_int_equal(req.lun[1], 5);
	iu.len = 47;
	assert_int_equal(decode(&iu, &req), IU_BAD_FIELDS);
	assert_int_equal(req.opcode, SRP_TSK_MGMT);
}

static void test_responses_and_logout_are_just_heads(void **state)
{
	static const uint8_t opcodes[] = { SRP_I_LOGOUT, SRP_CRED_RSP, SRP_AER_RSP };
	struct iu iu = { .len = 16 };
	struct srp_req req;

	(void)state;
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		iu.buf[0] = opcodes[i];
		assert_int_equal(decode(&iu, &req), IU_OK);
		assert_int_equal(req.opcode, opcodes[i]);
	}
}

/* ---- descriptors ---- */

static void test_empty_descriptors_are_left_out(void **state)
{
	struct iu iu = indirect_new(3 * 16, 3, 1024);
	struct xfer_seg seg[3];
	struct srp_req req;

	(void)state;
	put_be32(iu.buf + 68 + 16 + 12, 0);
	assert_int_equal(decode(&iu, &req), IU_OK);
	assert_int_equal(iu_descs_convert(req.descs, req.ndescs, seg), 2);
	assert_int_equal(seg[1].addr, 0x3000);
}

static void test_conversion_in_place(void **state)
{
	struct iu iu = indirect_new(20 * 16, 20, 512);
	union {
		struct xfer_seg seg[21];
		uint8_t bytes[21 * 16];
	} mem;

	(void)state;
	for (unsigned shift = 0; shift < 8; shift++) {
		memcpy(mem.bytes + shift, iu.buf + 68, 20 * 16);
		assert_int_equal(iu_descs_convert(mem.bytes + shift, 20, mem.seg), 20);
		for (uint32_t i = 0; i < 20; i++) {
			assert_int_equal(mem.seg[i].addr, 0x1000 * (i + 1));
			assert_int_equal(mem.seg[i].key, i);
			assert_int_equal(mem.seg[i].len, 512);
		}
	}
}

/* ---- encoding ---- */

static void test_response_layout(void **state)
{
	uint8_t sense[18] = { 0x70, 0, 5 }, buf[256];
	struct iu_cmd_rsp r = {
		.tag = 0x0102030405060708,
		.req_lim_delta = 3,
		.flags = SRP_RSP_FLAG_DIUNDER,
		.status = 2,
		.data_out_res = 0x11223344,
		.data_in_res = 0x55667788,
		.sense = sense,
		.sense_len = sizeof(sense),
	};

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(iu_encode_cmd_rsp(buf, sizeof(buf), &r), 36 + 18);
	assert_int_equal(buf[0], 0xc1);
	assert_int_equal(buf[1], 0);
	assert_int_equal(get_be32(buf + 4), 3);
	assert_memory_equal(buf + 8, &r.tag, 8);
	assert_int_equal(buf[18], SRP_RSP_FLAG_DIUNDER | SRP_RSP_FLAG_SNSVALID);
	assert_int_equal(buf[19], 2);
	assert_int_equal(get_be32(buf + 20), 0x11223344);
	assert_int_equal(get_be32(buf + 24), 0x55667788);
	assert_int_equal(get_be32(buf + 28), 18);
	assert_int_equal(get_be32(buf + 32), 0);
	assert_memory_equal(buf + 36, sense, 18);
}

static void test_sense_is_cut_to_the_room(void **state)
{
	uint8_t sense[252] = { 0x70 }, buf[56 + 1];
	struct iu_cmd_rsp r = { .status = 2, .sense = sense, .sense_len = sizeof(sense) };

	(void)state;
	buf[56] = 0x5a;
	assert_int_equal(iu_encode_cmd_rsp(buf, 56, &r), 56);
	assert_int_equal(get_be32(buf + 28), 20);
	assert_int_equal(buf[56], 0x5a);
}

static void test_response_without_sense(void **state)
{
	struct iu_cmd_rsp r = { .req_lim_delta = -2 };
	uint8_t buf[64];

	(void)state;
	assert_int_equal(iu_encode_cmd_rsp(buf, sizeof(buf), &r), 36);
	assert_int_equal(buf[18], 0);
	assert_int_equal((int32_t)get_be32(buf + 4), -2);
}

/* Initiators read a shorter answer, or one without four bytes of response data, as failure. */
static void test_task_management_response_layout(void **state)
{
	uint8_t buf[64];
	uint64_t tag = 0x8000000000000001;

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(iu_encode_tmf_rsp(buf, tag, 2, SRP_RSP_CODE_FAILED), 40);
	assert_int_equal(buf[0], 0xc1);
	assert_int_equal(get_be32(buf + 4), 2);
	assert_memory_equal(buf + 8, &tag, 8);
	assert_int_equal(buf[18], SRP_RSP_FLAG_RSPVALID);
	assert_int_equal(buf[19], 0);
	assert_int_equal(get_be32(buf + 28), 0);
	assert_int_equal(get_be32(buf + 32), 4);
	assert_int_equal(get_be32(buf + 36), 5);
}

static void test_control_iu_layout(void **state)
{
	uint8_t buf[16];
	uint64_t tag = 42;

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(iu_encode_cred_req(buf, tag, 7), 16);
	assert_int_equal(get_be32(buf), 0x81000000);
	assert_int_equal(get_be32(buf + 4), 7);
	assert_memory_equal(buf + 8, &tag, 8);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(iu_encode_t_logout(buf, tag, SRP_TLO_INVALID_IU), 16);
	assert_int_equal(get_be32(buf), 0x80000000);
	assert_int_equal(get_be32(buf + 4), 2);
	assert_memory_equal(buf + 8, &tag, 8);
}

static void test_opcode_names(void **state)
{
	(void)state;
	assert_string_equal(iu_opcode_name(0x02), "SRP_CMD");
	assert_string_equal(iu_opcode_name(0xc2), "SRP_LOGIN_REJ");
	assert_string_equal(iu_opcode_name(0x77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_without_data),
		cmocka_unit_test(test_unknown_task_attributes_are_ordered),
		cmocka_unit_test(test_additional_cdb_comes_before_descriptors),
		cmocka_unit_test(test_additional_cdb_beyond_the_iu_is_refused),
		cmocka_unit_test(test_direct_descriptor_of_each_direction),
		cmocka_unit_test(test_direct_descriptor_does_not_look_at_the_count),
		cmocka_unit_test(test_indirect_table_in_the_iu),
		cmocka_unit_test(test_partial_table_is_to_be_fetched),
		cmocka_unit_test(test_immediate_data),
		cmocka_unit_test(test_too_short_for_a_tag),
		cmocka_unit_test(test_types_an_initiator_may_not_send),
		cmocka_unit_test(test_truncated_command),
		cmocka_unit_test(test_truncated_indirect_table),
		cmocka_unit_test(test_unknown_descriptor_formats),
		cmocka_unit_test(test_data_both_ways),
		cmocka_unit_test(test_immediate_data_not_agreed_on),
		cmocka_unit_test(test_immediate_data_is_for_data_out_only),
		cmocka_unit_test(test_immediate_data_longer_than_received),
		cmocka_unit_test(test_immediate_descriptor_within_the_data),
		cmocka_unit_test(test_table_length_not_of_whole_entries),
		cmocka_unit_test(test_more_descriptors_than_the_table_has),
		cmocka_unit_test(test_table_too_long_to_fetch),
		cmocka_unit_test(test_total_above_the_sum_of_descriptors),
		cmocka_unit_test(test_sum_of_lengths_does_not_wrap),
		cmocka_unit_test(test_descriptor_around_the_end_of_memory),
		cmocka_unit_test(test_table_around_the_end_of_memory),
		cmocka_unit_test(test_task_management),
		cmocka_unit_test(test_responses_and_logout_are_just_heads),
		cmocka_unit_test(test_empty_descriptors_are_left_out),
		cmocka_unit_test(test_conversion_in_place),
		cmocka_unit_test(test_response_layout),
		cmocka_unit_test(test_sense_is_cut_to_the_room),
		cmocka_unit_test(test_response_without_sense),
		cmocka_unit_test(test_task_management_response_layout),
		cmocka_unit_test(test_control_iu_layout),
		cmocka_unit_test(test_opcode_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
