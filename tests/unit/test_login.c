/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "srp/login.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t ini[16] = "initiator-port-i";
static const uint8_t tgt[16] = "target-port-id-t";

static void assert_decoded(const struct login_req *req)
{
	assert_memory_equal(&req->tag, "thetag!!", 8);
	assert_int_equal(req->it_iu_len, 8260);
	assert_int_equal(req->buf_fmt, 6);
	assert_int_equal(req->flags, 0x81);
	assert_int_equal(req->imm_offset, 68);
	assert_memory_equal(req->initiator_port_id, ini, 16);
	assert_memory_equal(req->target_port_id, tgt, 16);
	assert_true(login_is_multi(req));
}

/* Offsets as the initiator's kernel puts them, not by our struct. */
static void rdma_fill(uint8_t pd[56])
{
	memset(pd, 0, 56);
	memcpy(pd, "thetag!!", 8);
	put_be16(pd + 8, 6);
	pd[10] = 0x81;
	pd[11] = 0x00;
	put_be32(pd + 12, 8260);
	memcpy(pd + 16, ini, 16);
	memcpy(pd + 32, tgt, 16);
	put_be16(pd + 48, 68);
}

static void ib_fill(uint8_t pd[64])
{
	memset(pd, 0, 64);
	memcpy(pd + 8, "thetag!!", 8);
	put_be32(pd + 16, 8260);
	put_be16(pd + 24, 6);
	pd[26] = 0x81;
	put_be16(pd + 28, 68);
	memcpy(pd + 32, ini, 16);
	memcpy(pd + 48, tgt, 16);
}

static void test_rdma_cm_layout(void **state)
{
	struct login_req req;
	uint8_t pd[56];

	(void)state;
	rdma_fill(pd);
	assert_int_equal(login_decode(LOGIN_LAYOUT_RDMA_CM, pd, sizeof(pd), &req), 0);
	assert_decoded(&req);
}

static void test_ib_cm_layout(void **state)
{
	struct login_req req;
	uint8_t pd[92] = { 0 }; /* the CM reports its maximum */

	(void)state;
	ib_fill(pd);
	assert_int_equal(login_decode(LOGIN_LAYOUT_IB_CM, pd, sizeof(pd), &req), 0);
	assert_decoded(&req);
}

static int decode_cut(enum login_layout layout, const uint8_t *pd, size_t len,
		      struct login_req *req)
{
	uint8_t *exact = malloc(len ? len : 1);
	int rc;

	assert_non_null(exact);
	memcpy(exact, pd, len);
	rc = login_decode(layout, exact, len, req);
	free(exact);
	return rc;
}

static void test_short_private_data_is_malformed(void **state)
{
	struct login_req req;
	uint8_t rdma[56], ib[64];

	(void)state;
	rdma_fill(rdma);
	ib_fill(ib);
	for (size_t len = 0; len < 56; len++)
		assert_int_equal(decode_cut(LOGIN_LAYOUT_RDMA_CM, rdma, len, &req),
				 SRP_REJ_UNABLE_ESTABLISH_CHANNEL);
	for (size_t len = 0; len < 64; len++)
		assert_int_equal(decode_cut(LOGIN_LAYOUT_IB_CM, ib, len, &req),
				 SRP_REJ_UNABLE_ESTABLISH_CHANNEL);
}

static void test_wrong_opcode_is_malformed_but_has_a_tag(void **state)
{
	struct login_req req;
	uint8_t rdma[56], ib[64];

	(void)state;
	rdma_fill(rdma);
	rdma[11] = 2;
	assert_int_equal(decode_cut(LOGIN_LAYOUT_RDMA_CM, rdma, 56, &req),
			 SRP_REJ_UNABLE_ESTABLISH_CHANNEL);
	assert_memory_equal(&req.tag, "thetag!!", 8);
	ib_fill(ib);
	ib[0] = 2;
	assert_int_equal(decode_cut(LOGIN_LAYOUT_IB_CM, ib, 64, &req),
			 SRP_REJ_UNABLE_ESTABLISH_CHANNEL);
	assert_memory_equal(&req.tag, "thetag!!", 8);
}

static void test_iu_length_limits(void **state)
{
	static const struct {
		uint32_t len;
		int reason;
	} cases[] = {
		{ 0, SRP_REJ_REQ_IT_IU_LENGTH_TOO_LARGE },
		{ 63, SRP_REJ_REQ_IT_IU_LENGTH_TOO_LARGE },
		{ 64, 0 },
		{ 8260, 0 },
		{ 8261, SRP_REJ_REQ_IT_IU_LENGTH_TOO_LARGE },
		{ 0xffffffff, SRP_REJ_REQ_IT_IU_LENGTH_TOO_LARGE },
	};
	struct login_req req = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		req.it_iu_len = cases[i].len;
		assert_int_equal(login_check_length(&req, 8260), cases[i].reason);
	}
}

static void test_formats(void **state)
{
	struct login_req req = { .buf_fmt = 6 };

	(void)state;
	assert_int_equal(login_check_formats(&req), 0);
	req.buf_fmt = 2;
	assert_int_equal(login_check_formats(&req), 0);
	req.buf_fmt = 0x0e;
	assert_int_equal(login_check_formats(&req), SRP_REJ_UNSUPPORTED_DESCRIPTOR_FMT);
	req.buf_fmt = 6;
	req.flags = 2;
	assert_int_equal(login_check_formats(&req), SRP_REJ_MULTI_CHANNEL_UNSUPPORTED);
	req.flags = 0xf1; /* MULTI, notifications and immediate data wanted */
	assert_int_equal(login_check_formats(&req), 0);
}

static void test_immediate_data_needs_request_and_our_offset(void **state)
{
	struct login_req req = { .flags = 0x80, .imm_offset = 68 };

	(void)state;
	assert_true(login_grants_imm(&req, 68));
	assert_false(login_grants_imm(&req, 0));
	assert_false(login_grants_imm(&req, 80));
	req.flags = 0;
	assert_false(login_grants_imm(&req, 68));
	req = (struct login_req){ .flags = 0x80, .imm_offset = 0 };
	assert_false(login_grants_imm(&req, 0));
}

static void test_response_layout(void **state)
{
	struct login_answer a = { .tag = 0x1122334455667788, .req_lim = 64,
				  .max_it_iu_len = 8260, .result = 1, .imm_data = true };
	uint8_t buf[52];

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(login_encode_rsp(buf, &a), 52);
	assert_int_equal(get_be32(buf), 0xc0000000);
	assert_int_equal(get_be32(buf + 4), 64);
	assert_memory_equal(buf + 8, &a.tag, 8);
	assert_int_equal(get_be32(buf + 16), 8260);
	assert_int_equal(get_be32(buf + 20), 512);
	assert_int_equal(get_be16(buf + 24), 6);
	assert_int_equal(buf[26], 0x81);
	for (int i = 27; i < 52; i++)
		assert_int_equal(buf[i], 0);
	a.imm_data = false;
	login_encode_rsp(buf, &a);
	assert_int_equal(buf[26], 0x01);
}

static void test_reject_layout(void **state)
{
	uint64_t tag = 0x1122334455667788;
	uint8_t buf[32];

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(login_encode_rej(buf, tag, SRP_REJ_UNABLE_ASSOCIATE_CHANNEL), 32);
	assert_int_equal(get_be32(buf), 0xc2000000);
	assert_int_equal(get_be32(buf + 4), 0x00010003);
	assert_memory_equal(buf + 8, &tag, 8);
	assert_int_equal(get_be16(buf + 24), 6);
	for (int i = 26; i < 32; i++)
		assert_int_equal(buf[i], 0);
}

static void test_reason_names(void **state)
{
	(void)state;
	assert_string_equal(login_reason_name(SRP_REJ_INSUFFICIENT_RESOURCES),
			    "insufficient RDMA channel resources");
	assert_string_equal(login_reason_name(SRP_REJ_CHANNEL_LIMIT_REACHED),
			    "RDMA channel limit reached");
	assert_string_equal(login_reason_name((enum srp_login_rej_reason)0x10007),
			    "unknown reason");
	assert_string_equal(login_reason_name((enum srp_login_rej_reason)0), "unknown reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rdma_cm_layout),
		cmocka_unit_test(test_ib_cm_layout),
		cmocka_unit_test(test_short_private_data_is_malformed),
		cmocka_unit_test(test_wrong_opcode_is_malformed_but_has_a_tag),
		cmocka_unit_test(test_iu_length_limits),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_immediate_data_needs_request_and_our_offset),
		cmocka_unit_test(test_response_layout),
		cmocka_unit_test(test_reject_layout),
		cmocka_unit_test(test_reason_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
