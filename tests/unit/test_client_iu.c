/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The initiator's codec against bytes made by hand from SRP r16a. */
#include "client/client_iu.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAG_BYTES 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7

static const uint8_t tag_bytes[8] = { TAG_BYTES };

static uint64_t tag(void)
{
	uint64_t t;

	memcpy(&t, tag_bytes, sizeof(t));
	return t;
}

/* ---- login ---- */

static const uint8_t port_id[16] = { 0xfe, 0x80, [15] = 0x0a };

static struct client_login login_to(sa_family_t family)
{
	struct client_login l = {
		.addr.ss_family = family, .id_ext = 0x1122334455667788,
		.ioc_guid = 0x99aabbccddeeff00, .multi = true, .imm_data = true,
		.it_iu_len = 8260,
	};

	memcpy(l.initiator_port_id, port_id, sizeof(port_id));
	return l;
}

#define TARGET_ID 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, \
	0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00
#define PORT_ID 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a

static void test_login_by_rdma_cm(void **state)
{
	static const uint8_t want[56] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0x06, 0x81, 0x00, 0, 0, 0x20, 0x44, PORT_ID, TARGET_ID,
		0, 68,
	};
	const struct client_login l = login_to(AF_INET);
	union client_login_req req;

	(void)state;
	memset(&req, 0xee, sizeof(req));
	assert_int_equal(client_iu_login_req(&req, &l), sizeof(want));
	assert_memory_equal(&req, want, sizeof(want));
}

static void test_login_by_ib_cm(void **state)
{
	static const uint8_t want[64] = {
		0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0x44, 0, 0, 0, 0,
		0, 0x06, 0x81, 0, 0, 68, 0, 0, PORT_ID, TARGET_ID,
	};
	const struct client_login l = login_to(AF_IB);
	union client_login_req req;

	(void)state;
	memset(&req, 0xee, sizeof(req));
	assert_int_equal(client_iu_login_req(&req, &l), sizeof(want));
	assert_memory_equal(&req, want, sizeof(want));
}

/* ---- requests ---- */

static const uint8_t cdb_data[16] = { 0x28, 0, 0, 0, 0, 9, 0, 0, 1 };
static uint8_t payload[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

/* The head of SRP_CMD up to the CDB: formats and counts differ. */
#define CMD_HEAD(fmt, out, in)                                                 \
	0x02, 0, 0, 0, 0, (fmt), (out), (in), TAG_BYTES, 0, 0, 0, 0,           \
	0x00, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                              \
	0x28, 0, 0, 0, 0, 9, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0

static const struct {
	enum client_dir dir;
	uint32_t data_len, size;
	struct client_iu_data d;
	uint32_t want_len;
	uint8_t want[120];
} cmds[] = {
	{ CLIENT_NONE, 0, 64, { 0 }, 48, { CMD_HEAD(0x00, 0, 0) } },
	{ CLIENT_READ, 0x200, 64,
	  { .desc = CLIENT_DIRECT, .addr = 0x1122334455667788, .key = 0x99aabbcc }, 64,
	  { CMD_HEAD(0x01, 0, 0), 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	    0x99, 0xaa, 0xbb, 0xcc, 0, 0, 0x02, 0 } },
	{ CLIENT_WRITE, 0x200, 64,
	  { .desc = CLIENT_DIRECT, .addr = 0x10, .key = 0x20 }, 64,
	  { CMD_HEAD(0x10, 0, 0), 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x20, 0, 0, 0x02, 0 } },
	/* Three bytes in two pieces. */
	{ CLIENT_READ, 3, 100,
	  { .desc = CLIENT_INDIRECT, .pieces = 2, .addr = 0x1000, .key = 0x20 }, 100,
	  { CMD_HEAD(0x02, 0, 2), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 3,
	    0, 0, 0, 0, 0, 0, 0x10, 0x00, 0, 0, 0, 0x20, 0, 0, 0, 1,
	    0, 0, 0, 0, 0, 0, 0x10, 0x01, 0, 0, 0, 0x20, 0, 0, 0, 2 } },
	/* Of these two one fits: the table is elsewhere. */
	{ CLIENT_WRITE, 3, 99,
	  { .desc = CLIENT_INDIRECT, .pieces = 2, .addr = 0x1000, .key = 0x20,
	    .table_addr = 0x3000, .table_key = 0x40 }, 84,
	  { CMD_HEAD(0x20, 1, 0), 0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0x40, 0, 0, 0, 32, 0, 0, 0, 3,
	    0, 0, 0, 0, 0, 0, 0x10, 0x00, 0, 0, 0, 0x20, 0, 0, 0, 1 } },
	{ CLIENT_WRITE, 8, 76, { .desc = CLIENT_IMMEDIATE }, 76,
	  { CMD_HEAD(0x30, 0, 0), 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    1, 2, 3, 4, 5, 6, 7, 8 } },
};

static void test_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		struct client_cmd cmd = { .lun = { 0, 7 }, .dir = cmds[i].dir };
		uint8_t *buf = malloc(cmds[i].size); /* not a byte more may be written */
		uint32_t len;

		assert_non_null(buf);
		memset(buf, 0xee, cmds[i].size);
		memcpy(cmd.cdb, cdb_data, sizeof(cmd.cdb));
		cmd.data.addr = payload;
		cmd.data.len = cmds[i].data_len;
		len = client_iu_cmd(buf, cmds[i].size, tag(), &cmd, &cmds[i].d);
		assert_int_equal(len, cmds[i].want_len);
		assert_memory_equal(buf, cmds[i].want, len);
		free(buf);
	}
}

static void test_task_management(void **state)
{
	static const uint8_t want[48] = {
		0x01, 0, 0, 0, 0, 0, 0, 0, TAG_BYTES, 0, 0, 0, 0, 0x00, 0x07, 0, 0, 0, 0, 0, 0,
		0, 0, 0x08, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};
	const struct client_tmf tmf = { .lun = { 0, 7 }, .function = SRP_TSK_LUN_RESET };
	uint8_t buf[48];

	(void)state;
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(client_iu_tsk_mgmt(buf, tag(), &tmf, UINT64_MAX), 48);
	assert_memory_equal(buf, want, sizeof(want));
}

static void test_control_messages(void **state)
{
	static const uint8_t want[16] = { 0x41, 0, 0, 0, 0, 0, 0, 0, TAG_BYTES };
	uint8_t buf[16];

	(void)state;
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(client_iu_ctl(buf, SRP_CRED_RSP, tag()), 16);
	assert_memory_equal(buf, want, sizeof(want));
}

static void test_pieces_that_fit(void **state)
{
	static const struct {
		uint32_t size, pieces, fit;
	} rows[] = {
		{ 67, 5, 0 }, { 68, 5, 0 }, { 83, 5, 0 }, { 84, 5, 1 }, { 8260, 5, 5 },
		{ 4147, 255, 254 }, { 4148, 255, 255 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(client_iu_pieces_fit(rows[i].size, rows[i].pieces), rows[i].fit);
}

static void test_even_pieces_of_much_data(void **state)
{
	const struct client_iu_data d = { .pieces = 255, .addr = 0 };
	uint8_t table[CLIENT_IU_TABLE_LEN];
	uint64_t sum = 0;

	(void)state;
	client_iu_table(table, 255, 0xffffffffu, &d);
	for (unsigned i = 0; i < 255; i++) {
		assert_int_equal(get_be64(table + 16 * i), sum);
		sum += get_be32(table + 16 * i + 12);
	}
	assert_int_equal(sum, 0xffffffffu);
}

/* ---- what targets send ---- */

#define RSP(flags, status) 0xc1, 0, 0, 0, 0, 0, 0, 3, TAG_BYTES, 0, 0, (flags), (status)

static const struct {
	const char *wrong;
	uint32_t len;
	uint8_t iu[64];
	struct client_iu want;
} ius[] = {
	{ NULL, 36, { RSP(0, 0) }, { .opcode = SRP_RSP, .delta = 3 } },
	{ NULL, 36, { RSP(0x20, 0), 0, 0, 0, 9, 0, 0, 1, 2 },
	  { .opcode = SRP_RSP, .delta = 3, .residual = 0x102 } },
	{ NULL, 36, { RSP(0x04, 8), 0, 0, 0, 9, 0, 0, 1, 2 },
	  { .opcode = SRP_RSP, .delta = 3, .status = 8, .residual = 9, .overflow = true } },
	{ NULL, 40, { RSP(1, 0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5 },
	  { .opcode = SRP_RSP, .delta = 3, .has_code = true, .code = 5 } },
	/* Lengths count only with their flags. */
	{ NULL, 36, { RSP(0, 0), 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0xff, 0, 0, 0 },
	  { .opcode = SRP_RSP, .delta = 3 } },
	{ NULL, 16, { 0x81, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe, TAG_BYTES },
	  { .opcode = SRP_CRED_REQ, .delta = -2 } },
	{ NULL, 36, { 0x82, 0, 0, 0, 0, 0, 0, 1, TAG_BYTES },
	  { .opcode = SRP_AER_REQ, .delta = 1 } },
	{ NULL, 16, { 0x80, 0, 0, 0, 0, 0, 0, 4, TAG_BYTES },
	  { .opcode = SRP_T_LOGOUT, .reason = 4 } },
	{ "a message too short for SRP", 0, { 0 }, { 0 } },
	{ "a message too short for SRP", 15, { RSP(0, 0) }, { 0 } },
	{ "SRP_RSP is too short", 35, { RSP(0, 0) }, { .opcode = SRP_RSP } },
	{ "SRP_AER_REQ is too short", 35, { 0x82, [8] = TAG_BYTES }, { .opcode = SRP_AER_REQ } },
	{ "a message that no target may send", 64, { 0x02, [8] = TAG_BYTES },
	  { .opcode = SRP_CMD } },
};

static void test_messages_of_targets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ius); i++) {
		uint8_t *exact = malloc(ius[i].len ? ius[i].len : 1);
		struct client_iu got;
		const char *wrong;

		assert_non_null(exact);
		memcpy(exact, ius[i].iu, ius[i].len);
		wrong = client_iu_decode(exact, ius[i].len, &got);
		assert_int_equal(!wrong, !ius[i].wrong);
		if (wrong)
			assert_string_equal(wrong, ius[i].wrong);
		assert_int_equal(got.opcode, ius[i].want.opcode);
		if (ius[i].len >= 16)
			assert_memory_equal(&got.tag, tag_bytes, 8);
		free(exact);
		if (wrong)
			continue;
		assert_int_equal(got.delta, ius[i].want.delta);
		assert_int_equal(got.reason, ius[i].want.reason);
		assert_int_equal(got.status, ius[i].want.status);
		assert_int_equal(got.has_code, ius[i].want.has_code);
		assert_int_equal(got.code, ius[i].want.code);
		assert_int_equal(got.residual, ius[i].want.residual);
		assert_int_equal(got.overflow, ius[i].want.overflow);
		assert_int_equal(got.sense_len, 0);
	}
}

static void test_sense_is_behind_the_response_data(void **state)
{
	static const uint8_t iu[43] = {
		RSP(3, 2), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0x70, 0, 5,
	};
	struct client_iu got;

	(void)state;
	assert_null(client_iu_decode(iu, sizeof(iu), &got));
	assert_int_equal(got.sense_len, 3);
	assert_ptr_equal(got.sense, iu + 40);
	assert_int_equal(got.code, 2);
}

static void test_reasons_have_names(void **state)
{
	(void)state;
	assert_string_equal(client_iu_rej_name(SRP_REJ_CHANNEL_LIMIT_REACHED),
			    "channel limit reached");
	assert_string_equal(client_iu_rej_name(0x00010007), "unknown reason");
	assert_string_equal(client_iu_rej_name(0), "unknown reason");
	assert_string_equal(client_iu_logout_name(99), "the target logged us out");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_by_rdma_cm),
		cmocka_unit_test(test_login_by_ib_cm),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_task_management),
		cmocka_unit_test(test_control_messages),
		cmocka_unit_test(test_pieces_that_fit),
		cmocka_unit_test(test_even_pieces_of_much_data),
		cmocka_unit_test(test_messages_of_targets),
		cmocka_unit_test(test_sense_is_behind_the_response_data),
		cmocka_unit_test(test_reasons_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
