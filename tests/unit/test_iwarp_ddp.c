/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport/iwarp_ddp.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* Behind the two control bytes */
#define TAGGED "\xca\xfe\xba\xbe" "\x01\x02\x03\x04\x05\x06\x07\x08"
#define UNTAGGED(qn) "\xde\xad\xbe\xef" "\0\0\0" qn "\x12\x34\x56\x78" "\x9a\xbc\xde\xf0"
#define READ_BODY                                                                   \
	"\x11\x22\x33\x44" "\x01\x23\x45\x67\x89\xab\xcd\xef" "\x00\x10\x00\x00"    \
	"\x55\x66\x77\x88" "\xfe\xdc\xba\x98\x76\x54\x32\x10"

static uint16_t decode_exact(const void *bytes, size_t len, struct ddp_seg *s)
{
	uint8_t *exact = malloc(len);
	uint16_t code;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	assert_int_equal(ddp_head_len(exact[0]), len);
	code = ddp_decode(exact, s);
	free(exact);
	return code;
}

struct message {
	const char *what;
	const char *bytes;
	uint8_t opcode;
	uint32_t qn; /* untagged */
	bool tagged, last;
};

/* Control bytes: T L .... DV=1, RV=1 .. opcode; RFC 5041 4.1, RFC 5040 4.1 */
static const struct message messages[] = {
	{ "RFC 5040 4.3: RDMA WRITE", "\x81\x40" TAGGED, RDMAP_WRITE, 0, true, false },
	{ "RFC 5040 4.3: RDMA WRITE, last", "\xc1\x40" TAGGED, RDMAP_WRITE, 0, true, true },
	{ "RFC 5040 4.4: RDMA READ request", "\x41\x41" UNTAGGED("\1"), RDMAP_READ_REQUEST, 1,
	  false, true },
	{ "RFC 5040 4.5: RDMA READ response", "\xc1\x42" TAGGED, RDMAP_READ_RESPONSE, 0,
	  true, true },
	{ "RFC 5040 4.6: SEND", "\x01\x43" UNTAGGED("\0"), RDMAP_SEND, 0, false, false },
	{ "RFC 5040 4.6: SEND, last", "\x41\x43" UNTAGGED("\0"), RDMAP_SEND, 0, false, true },
	{ "RFC 5040 4.6: SEND with invalidate", "\x41\x44" UNTAGGED("\0"), RDMAP_SEND_INVALIDATE, 0,
	  false, true },
	{ "RFC 5040 4.6: SEND with solicited event", "\x41\x45" UNTAGGED("\0"),
	  RDMAP_SEND_SOLICITED, 0, false, true },
	{ "RFC 5040 4.6: SEND with both", "\x41\x46" UNTAGGED("\0"),
	  RDMAP_SEND_SOLICITED_INVALIDATE, 0, false, true },
	{ "RFC 5040 4.8: TERMINATE", "\x41\x47" UNTAGGED("\2"), RDMAP_TERMINATE, 2, false, true },
};

static void assert_fields(const struct ddp_seg *s, const struct message *m)
{
	assert_int_equal(s->tagged, m->tagged);
	assert_int_equal(s->last, m->last);
	assert_int_equal(s->opcode, m->opcode);
	assert_int_equal(s->head_len, m->tagged ? 14 : 18);
	if (m->tagged) {
		assert_int_equal(s->stag, 0xcafebabe);
		assert_true(s->to == 0x0102030405060708ull);
		return;
	}
	assert_int_equal(s->stag, 0xdeadbeef);
	assert_int_equal(s->qn, m->qn);
	assert_int_equal(s->msn, 0x12345678);
	assert_int_equal(s->mo, 0x9abcdef0);
}

static void test_every_message_is_decoded_and_encoded(void **state)
{
	uint8_t p[DDP_HEAD_MAX];
	struct ddp_seg s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		const struct message *m = &messages[i];
		uint32_t len = m->tagged ? 14 : 18;

		print_message("%s\n", m->what);
		assert_int_equal(decode_exact(m->bytes, len, &s), TERM_NONE);
		assert_fields(&s, m);
		assert_int_equal(ddp_encode(p, &s), len);
		assert_memory_equal(p, m->bytes, len);
	}
}

/* As captured from Linux: the first SEND of a session. */
static void test_first_send_of_siw(void **state)
{
	static const char bytes[] = "\x41\x43\0\0\0\0" "\0\0\0\0" "\0\0\0\1" "\0\0\0\0";
	struct ddp_seg s;

	(void)state;
	assert_int_equal(decode_exact(bytes, 18, &s), TERM_NONE);
	assert_int_equal(s.opcode, RDMAP_SEND);
	assert_int_equal(s.qn, RDMAP_QN_SEND);
	assert_int_equal(s.msn, 1);
	assert_int_equal(s.mo, 0);
	assert_true(s.last);
}

static const struct {
	const char *what;
	const char *bytes;
	uint16_t code;
} wrong[] = {
	{ "RFC 5041 8.2: tagged, DV 0", "\xc0\x40" TAGGED, TERM_DDP_TAGGED_VERSION },
	{ "RFC 5041 8.2: tagged, DV 2", "\xc2\x40" TAGGED, TERM_DDP_TAGGED_VERSION },
	{ "RFC 5041 8.2: tagged, DV 3", "\xc3\x40" TAGGED, TERM_DDP_TAGGED_VERSION },
	{ "RFC 5041 8.2: untagged, DV 0", "\x40\x43" UNTAGGED("\0"), TERM_DDP_UNTAGGED_VERSION },
	{ "RFC 5041 8.2: untagged, DV 2", "\x42\x43" UNTAGGED("\0"), TERM_DDP_UNTAGGED_VERSION },
	{ "RFC 5041 8.2: untagged, DV 3", "\x43\x43" UNTAGGED("\0"), TERM_DDP_UNTAGGED_VERSION },
	{ "RFC 5041 8.2: queue 3", "\x41\x43" UNTAGGED("\3"), TERM_DDP_UNTAGGED_QN },
	{ "RFC 5041 8.2: queue 255", "\x41\x47" UNTAGGED("\xff"), TERM_DDP_UNTAGGED_QN },
	{ "RFC 5041 8.2: DV before RV", "\x42\x83" UNTAGGED("\0"), TERM_DDP_UNTAGGED_VERSION },
	{ "RFC 5041 8.2: queue before RV", "\x41\x83" UNTAGGED("\3"), TERM_DDP_UNTAGGED_QN },
	{ "RFC 5040 4.8: RV 0, SEND", "\x41\x03" UNTAGGED("\0"), TERM_RDMAP_VERSION },
	{ "RFC 5040 4.8: RV 2, SEND", "\x41\x83" UNTAGGED("\0"), TERM_RDMAP_VERSION },
	{ "RFC 5040 4.8: RV 3, WRITE", "\xc1\xc0" TAGGED, TERM_RDMAP_VERSION },
	{ "RFC 5040 4.8: RV before opcode", "\xc1\x8f" TAGGED, TERM_RDMAP_VERSION },
};

static void test_versions_and_queues(void **state)
{
	struct ddp_seg s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		uint32_t len = wrong[i].bytes[0] & 0x80 ? 14 : 18;

		print_message("%s\n", wrong[i].what);
		assert_int_equal(decode_exact(wrong[i].bytes, len, &s), wrong[i].code);
		assert_int_equal(s.head_len, len);
		assert_int_equal(s.stag, len == 14 ? 0xcafebabe : 0xdeadbeef);
	}
}

static uint16_t expected_code(uint8_t opcode, bool tagged, uint32_t qn)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
		if (messages[i].opcode == opcode && messages[i].tagged == tagged &&
		    messages[i].qn == qn)
			return TERM_NONE;
	return TERM_RDMAP_OPCODE;
}

/* RFC 5040 5.1 and figure 4: each opcode on each queue, and tagged. */
static void test_opcodes_on_each_queue(void **state)
{
	uint8_t p[18] = { 0 };
	struct ddp_seg s;

	(void)state;
	for (uint8_t opcode = 0; opcode < 16; opcode++) {
		p[0] = 0xc1;
		p[1] = 0x40 | opcode;
		p[9] = 0;
		assert_int_equal(ddp_decode(p, &s), expected_code(opcode, true, 0));
		p[0] = 0x41;
		for (p[9] = 0; p[9] < 3; p[9]++)
			assert_int_equal(ddp_decode(p, &s), expected_code(opcode, false, p[9]));
	}
}

/* RFC 5041 4.1 and RFC 5040 4.1: reserved bits are not checked. */
static void test_reserved_bits_are_ignored(void **state)
{
	struct ddp_seg s;

	(void)state;
	assert_int_equal(decode_exact("\x7d\x73" UNTAGGED("\0"), 18, &s), TERM_NONE);
	assert_int_equal(s.opcode, RDMAP_SEND);
	assert_int_equal(decode_exact("\xfd\x70" TAGGED, 14, &s), TERM_NONE);
	assert_int_equal(s.opcode, RDMAP_WRITE);
}

/* RFC 5040 4.4 */
static void test_read_request(void **state)
{
	uint8_t p[RDMAP_READ_REQUEST_LEN];
	struct rdmap_read r;

	(void)state;
	rdmap_read_decode((const uint8_t *)READ_BODY, &r);
	assert_int_equal(r.sink_stag, 0x11223344);
	assert_true(r.sink_to == 0x0123456789abcdefull);
	assert_int_equal(r.len, 1 << 20);
	assert_int_equal(r.source_stag, 0x55667788);
	assert_true(r.source_to == 0xfedcba9876543210ull);
	rdmap_read_encode(p, &r);
	assert_memory_equal(p, READ_BODY, sizeof(p));
}

enum { M = 0x80, D = 0x40, R = 0x20 };

/* RFC 5040 4.8: what of the segment at fault is quoted, by code. */
static const struct {
	uint16_t code;
	uint8_t quotes;
	const char *name;
} codes[] = {
	{ 0x0000, 0, "RDMAP: local catastrophic error" },
	{ 0x0100, M | D | R, "RDMAP: invalid STag" },
	{ 0x0101, M | D | R, "RDMAP: base or bounds violation" },
	{ 0x0102, M | D | R, "RDMAP: access rights violation" },
	{ 0x0103, M | D | R, "RDMAP: STag not associated with the stream" },
	{ 0x0104, M | D | R, "RDMAP: tagged offset wraps" },
	{ 0x0109, M | D | R, "RDMAP: STag cannot be invalidated" },
	{ 0x01ff, M | D | R, "RDMAP: remote protection error" },
	{ 0x0205, 0, "RDMAP: invalid version" },
	{ 0x0206, 0, "RDMAP: unexpected opcode" },
	{ 0x0207, M | D, "RDMAP: catastrophic error of the stream" },
	{ 0x0208, M | D, "RDMAP: catastrophic error, global" },
	{ 0x0209, M | D, "RDMAP: STag cannot be invalidated" },
	{ 0x02ff, M | D, "RDMAP: remote operation error" },
	{ 0x1000, 0, "DDP: local catastrophic error" },
	{ 0x1100, M | D, "DDP: invalid STag" },
	{ 0x1101, M | D, "DDP: base or bounds violation" },
	{ 0x1102, M | D, "DDP: STag not associated with the stream" },
	{ 0x1103, M | D, "DDP: tagged offset wraps" },
	{ 0x1104, 0, "DDP: invalid version, tagged" },
	{ 0x1201, M | D, "DDP: invalid queue number" },
	{ 0x1202, M | D, "DDP: no buffer for the message" },
	{ 0x1203, M | D, "DDP: message number out of range" },
	{ 0x1204, M | D, "DDP: invalid message offset" },
	{ 0x1205, M | D, "DDP: message longer than the buffer" },
	{ 0x1206, 0, "DDP: invalid version, untagged" },
	{ 0x2001, 0, "MPA: TCP connection closed or lost" },
	{ 0x2002, 0, "MPA: CRC error" },
	{ 0x2003, 0, "MPA: marker and length do not match" },
	{ 0x2004, 0, "MPA: invalid frame" },
	{ 0x2005, 0, "MPA: local catastrophic error" },
	{ 0x2006, 0, "MPA: insufficient IRD" },
	{ 0x2007, 0, "MPA: no matching ready-to-receive message" },
	{ 0x3000, 0, "unknown error" },
	{ 0x0105, 0, "unknown error" },
	{ TERM_NONE, 0, "unknown error" },
};

/* @head of @head_len bytes, followed by a READ request or not. */
static void assert_terminate(uint16_t code, uint8_t bits, const char *head, uint32_t head_len,
			     const char *read)
{
	uint8_t p[RDMAP_TERMINATE_MAX], expected[RDMAP_TERMINATE_MAX] = { 0 };
	uint32_t len = 4;

	put_be16(expected, code);
	expected[2] = bits;
	if (bits & D) {
		put_be16(expected + 4, 0x1234);
		memcpy(expected + 6, head, head_len);
		len += 2 + head_len;
	}
	if (bits & R) {
		memcpy(expected + len, READ_BODY, 28);
		len += 28;
	}
	assert_int_equal(rdmap_terminate_encode(p, code, 0x1234, (const uint8_t *)head,
						(const uint8_t *)read), len);
	assert_memory_equal(p, expected, len);
	assert_int_equal(rdmap_terminate_decode(p, len), code);
}

static void test_terminate_quotes_what_the_code_wants(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		uint16_t code = codes[i].code;
		uint8_t bits = codes[i].quotes;

		print_message("%04x %s\n", code, codes[i].name);
		assert_string_equal(term_name(code), codes[i].name);
		assert_terminate(code, bits, "\x41\x41" UNTAGGED("\1"), 18, READ_BODY);
		assert_terminate(code, bits & ~R, "\x41\x43" UNTAGGED("\0"), 18, NULL);
		assert_terminate(code, bits & ~R, "\xc1\x40" TAGGED, 14, NULL);
		assert_terminate(code, 0, NULL, 0, NULL);
	}
}

/* One body by hand: a READ request whose source tag was never given out. */
static void test_terminate_in_full(void **state)
{
	static const char expected[] = "\x01\x00\xe0\x00" "\x00\x2e"
		"\x41\x41" UNTAGGED("\1") READ_BODY;
	uint8_t p[RDMAP_TERMINATE_MAX];

	(void)state;
	assert_int_equal(sizeof(expected) - 1, RDMAP_TERMINATE_MAX);
	assert_int_equal(rdmap_terminate_encode(p, TERM_RDMAP_INVALID_STAG, 46,
						(const uint8_t *)"\x41\x41" UNTAGGED("\1"),
						(const uint8_t *)READ_BODY), RDMAP_TERMINATE_MAX);
	assert_memory_equal(p, expected, RDMAP_TERMINATE_MAX);
}

static void test_short_terminate_has_no_code(void **state)
{
	uint8_t *exact;

	(void)state;
	for (size_t len = 0; len < 4; len++) {
		exact = calloc(1, len ? len : 1);
		assert_non_null(exact);
		assert_int_equal(rdmap_terminate_decode(exact, len), TERM_NONE);
		free(exact);
	}
	assert_int_equal(rdmap_terminate_decode((const uint8_t *)"\x12\x05\xc0\x00", 4),
			 TERM_DDP_UNTAGGED_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_message_is_decoded_and_encoded),
		cmocka_unit_test(test_first_send_of_siw),
		cmocka_unit_test(test_versions_and_queues),
		cmocka_unit_test(test_opcodes_on_each_queue),
		cmocka_unit_test(test_reserved_bits_are_ignored),
		cmocka_unit_test(test_read_request),
		cmocka_unit_test(test_terminate_quotes_what_the_code_wants),
		cmocka_unit_test(test_terminate_in_full),
		cmocka_unit_test(test_short_terminate_has_no_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
