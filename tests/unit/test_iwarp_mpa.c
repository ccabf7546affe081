/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport/iwarp_mpa.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REQ "MPA ID Req Frame"
#define REP "MPA ID Rep Frame"
#define P56 "0123456789abcdef0123456789ABCDEF0123456789abcdef01234567"
#define P52 "0123456789abcdef0123456789ABCDEF0123456789abcdef0123"

struct good {
	const char *what;
	const char *bytes;
	uint16_t len;
	struct mpa_frame f; /* pd: offset of the private data is told by pd_at */
	uint16_t pd_at;
};

#define BYTES(s) (s), sizeof(s) - 1

/* Bytes by hand; encoding the struct must give them again. */
static const struct good good[] = {
	{ "RFC 5044 7.1.1: plain request", BYTES(REQ "\x00\x01\x00\x00"),
	  { .revision = 1 }, 20 },
	{ "RFC 5044 7.1.1: request with markers, CRC and data", BYTES(REQ "\xc0\x01\x00\x03" "abc"),
	  { .revision = 1, .flags = MPA_MARKERS | MPA_CRC, .pd_len = 3 }, 20 },
	{ "RFC 5044 7.1.1: reply", BYTES(REP "\x40\x01\x00\x01" "x"),
	  { .reply = true, .revision = 1, .flags = MPA_CRC, .pd_len = 1 }, 20 },
	{ "RFC 5044 7.1.1: rejecting reply", BYTES(REP "\x20\x01\x00\x02" "no"),
	  { .reply = true, .revision = 1, .flags = MPA_REJECT, .pd_len = 2 }, 20 },
	{ "RFC 6581 6: revision 2 without the enhanced part", BYTES(REQ "\x40\x02\x00\x02" "pd"),
	  { .revision = 2, .flags = MPA_CRC, .pd_len = 2 }, 20 },
	{ "siw of Linux: request, IRD 4, ORD 0",
	  BYTES(REQ "\x10\x02\x00\x3c" "\x00\x04\x00\x00" P56),
	  { .revision = 2, .flags = MPA_ENHANCED, .ird = 4, .pd_len = 56 }, 24 },
	{ "siw of Linux: reply, IRD 0, ORD 4",
	  BYTES(REP "\x10\x02\x00\x38" "\x00\x00\x00\x04" P52),
	  { .reply = true, .revision = 2, .flags = MPA_ENHANCED, .ord = 4, .pd_len = 52 }, 24 },
	{ "siw of Linux: reject", BYTES(REP "\x30\x02\x00\x04" "\x00\x00\x00\x04"),
	  { .reply = true, .revision = 2, .flags = MPA_ENHANCED | MPA_REJECT, .ord = 4 }, 24 },
	{ "RFC 6581 9.1: A", BYTES(REQ "\x10\x02\x00\x04" "\x80\x00\x00\x00"),
	  { .revision = 2, .flags = MPA_ENHANCED, .rtr = MPA_PEER_TO_PEER }, 24 },
	{ "RFC 6581 9.1: B", BYTES(REQ "\x10\x02\x00\x04" "\x40\x00\x00\x00"),
	  { .revision = 2, .flags = MPA_ENHANCED, .rtr = MPA_RTR_SEND }, 24 },
	{ "RFC 6581 9.1: C", BYTES(REQ "\x10\x02\x00\x04" "\x00\x00\x80\x00"),
	  { .revision = 2, .flags = MPA_ENHANCED, .rtr = MPA_RTR_WRITE }, 24 },
	{ "RFC 6581 9.1: D", BYTES(REQ "\x10\x02\x00\x04" "\x00\x00\x40\x00"),
	  { .revision = 2, .flags = MPA_ENHANCED, .rtr = MPA_RTR_READ }, 24 },
	{ "RFC 6581 9.1: all bits, deepest queues",
	  BYTES(REQ "\x50\x02\x00\x04" "\xff\xfe\xff\xfe"),
	  { .revision = 2, .flags = MPA_ENHANCED | MPA_CRC, .ird = MPA_DEPTH_MAX,
	    .ord = MPA_DEPTH_MAX,
	    .rtr = MPA_PEER_TO_PEER | MPA_RTR_SEND | MPA_RTR_WRITE | MPA_RTR_READ }, 24 },
	{ "RFC 6581 9.1: no negotiation of depths",
	  BYTES(REP "\x10\x02\x00\x04" "\x3f\xff\x3f\xff"),
	  { .reply = true, .revision = 2, .flags = MPA_ENHANCED, .ird = MPA_DEPTH_NONE,
	    .ord = MPA_DEPTH_NONE }, 24 },
};

/* From memory of exactly that size, so that a look too far is seen. */
static int decode_exact(const void *bytes, size_t len, bool reply, struct mpa_frame *f)
{
	uint8_t *exact = malloc(len ? len : 1);
	int rc;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	rc = mpa_decode(exact, len, reply, f);
	if (rc > 0) {
		assert_true((size_t)rc <= len);
		assert_true(f->pd >= exact && f->pd + f->pd_len == exact + rc);
		f->pd = (const uint8_t *)bytes + (f->pd - exact);
	}
	free(exact);
	return rc;
}

static void assert_frame(const struct mpa_frame *f, const struct good *g)
{
	assert_int_equal(f->reply, g->f.reply);
	assert_int_equal(f->flags, g->f.flags);
	assert_int_equal(f->revision, g->f.revision);
	assert_int_equal(f->ird, g->f.ird);
	assert_int_equal(f->ord, g->f.ord);
	assert_int_equal(f->rtr, g->f.rtr);
	assert_int_equal(f->pd_len, g->f.pd_len);
	assert_ptr_equal(f->pd, (const uint8_t *)g->bytes + g->pd_at);
}

static void test_good_frames_are_decoded(void **state)
{
	struct mpa_frame f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		print_message("%s\n", good[i].what);
		assert_int_equal(decode_exact(good[i].bytes, good[i].len, good[i].f.reply, &f),
				 good[i].len);
		assert_frame(&f, &good[i]);
	}
}

static void test_good_frames_are_encoded(void **state)
{
	uint8_t buf[MPA_FRAME_MAX];
	struct mpa_frame f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		print_message("%s\n", good[i].what);
		f = good[i].f;
		f.pd = (const uint8_t *)good[i].bytes + good[i].pd_at;
		assert_int_equal(mpa_encode(buf, &f), good[i].len);
		assert_memory_equal(buf, good[i].bytes, good[i].len);
	}
}

static void test_every_truncation_asks_for_more(void **state)
{
	struct mpa_frame f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		for (size_t len = 0; len < good[i].len; len++)
			assert_int_equal(decode_exact(good[i].bytes, len, good[i].f.reply, &f), 0);
}

/* The stream goes on behind the frame. */
static void test_what_follows_is_left_alone(void **state)
{
	struct mpa_frame f;
	uint8_t buf[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		memset(buf, 0xff, sizeof(buf));
		memcpy(buf, good[i].bytes, good[i].len);
		assert_int_equal(decode_exact(buf, sizeof(buf), good[i].f.reply, &f),
				 good[i].len);
		assert_int_equal(f.pd_len, good[i].f.pd_len);
	}
}

struct bad {
	const char *what;
	const char *bytes;
	uint16_t len;
	bool reply;
	int rc;
	uint16_t at; /* bytes that must be enough to find it */
};

static const struct bad bad[] = {
	{ "RFC 5044 7.1.1: garbage", BYTES("GET / HTTP/1.1\r\n\r\n\r\n"), false, -EPROTO, 1 },
	{ "RFC 5044 7.1.1: last byte of the key", BYTES("MPA ID Req Framf\x00\x01\x00\x00"),
	  false, -EPROTO, 16 },
	{ "RFC 5044 7.1.1: reply instead of a request", BYTES(REP "\x00\x01\x00\x00"), false,
	  -EPROTO, 10 },
	{ "RFC 5044 7.1.1: request instead of a reply", BYTES(REQ "\x00\x01\x00\x00"), true,
	  -EPROTO, 10 },
	{ "RFC 5044 7.1.1: revision 0", BYTES(REQ "\x00\x00\x00\x00"), false,
	  -EPROTONOSUPPORT, 18 },
	{ "RFC 6581 6: revision 3", BYTES(REQ "\x00\x03\x00\x00"), false, -EPROTONOSUPPORT, 18 },
	{ "RFC 6581 6: revision 255 in a reply", BYTES(REP "\x00\xff\x00\x00"), true,
	  -EPROTONOSUPPORT, 18 },
	{ "RFC 5044 7.1.1: 513 bytes of private data", BYTES(REQ "\x00\x01\x02\x01"), false,
	  -EMSGSIZE, 20 },
	{ "RFC 5044 7.1.1: 65535 bytes of private data", BYTES(REQ "\x00\x01\xff\xff"), false,
	  -EMSGSIZE, 20 },
	{ "RFC 5044 7.1.1: 513 bytes in a reply", BYTES(REP "\x00\x01\x02\x01"), true,
	  -EMSGSIZE, 20 },
	{ "RFC 6581 9.1: no room for IRD and ORD", BYTES(REQ "\x10\x02\x00\x00"), false,
	  -EMSGSIZE, 20 },
	{ "RFC 6581 9.1: three bytes for IRD and ORD", BYTES(REQ "\x10\x02\x00\x03" "abc"), false,
	  -EMSGSIZE, 20 },
	{ "RFC 6581 9.1: 513 bytes with IRD and ORD", BYTES(REQ "\x10\x02\x02\x01"), false,
	  -EMSGSIZE, 20 },
};

static void test_bad_frames_are_found_as_early_as_can_be(void **state)
{
	struct mpa_frame f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct bad *b = &bad[i];

		print_message("%s\n", b->what);
		for (size_t len = 0; len <= b->len; len++)
			assert_int_equal(decode_exact(b->bytes, len, b->reply, &f),
					 len < b->at ? 0 : b->rc);
	}
}

static void test_longest_private_data(void **state)
{
	static const uint8_t pd[MPA_PD_MAX];
	struct mpa_frame f = { .revision = 1, .pd = pd, .pd_len = MPA_PD_MAX }, back;
	uint8_t buf[MPA_FRAME_MAX];

	(void)state;
	assert_int_equal(mpa_encode(buf, &f), MPA_FRAME_MAX);
	assert_int_equal(decode_exact(buf, sizeof(buf), false, &back), MPA_FRAME_MAX);
	assert_int_equal(back.pd_len, MPA_PD_MAX);
	f = (struct mpa_frame){ .revision = 2, .flags = MPA_ENHANCED, .pd = pd,
				.pd_len = MPA_PD_MAX - MPA_ENHANCED_LEN };
	assert_int_equal(mpa_encode(buf, &f), MPA_FRAME_MAX);
	assert_int_equal(decode_exact(buf, sizeof(buf), false, &back), MPA_FRAME_MAX);
	assert_int_equal(back.pd_len, MPA_PD_MAX - MPA_ENHANCED_LEN);
}

/* RFC 5044 7.1.1: reserved bits, and R of a request, are not checked by who receives. */
static void test_bits_without_meaning_are_not_told(void **state)
{
	static const struct {
		const char *bytes;
		uint8_t flags;
		uint16_t len;
	} cases[] = {
		{ REQ "\x0f\x01\x00\x04" "abcd", 0, 24 },
		{ REQ "\x20\x01\x00\x04" "abcd", 0, 24 },
		{ REQ "\x10\x01\x00\x04" "abcd", 0, 24 },
		{ REQ "\xff\x02\x00\x04" "\0\0\0\0", MPA_MARKERS | MPA_CRC | MPA_ENHANCED, 24 },
	};
	struct mpa_frame f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(decode_exact(cases[i].bytes, cases[i].len, false, &f), 24);
		assert_int_equal(f.flags, cases[i].flags);
		assert_int_equal(f.pd_len, cases[i].flags ? 0 : 4);
	}
}

/* RFC 5044 4.1: an FPDU is a multiple of four bytes; the CRC is behind the pad. */
static void test_length_of_an_fpdu(void **state)
{
	static const uint32_t cases[][3] = { /* ULPDU, pad, FPDU */
		{ 0, 2, 8 }, { 1, 1, 8 }, { 2, 0, 8 }, { 3, 3, 12 }, { 4, 2, 12 }, { 14, 0, 20 },
		{ 18, 0, 24 }, { 46, 0, 52 }, { 65535, 3, 65544 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(mpa_pad(cases[i][0]), cases[i][1]);
		assert_int_equal(mpa_fpdu_len(cases[i][0]), cases[i][2]);
	}
}

/* RFC 5044 5.1: MULPDU = EMSS - (6 + EMSS mod 4) without markers. */
static void test_longest_ulpdu_of_a_segment(void **state)
{
	static const uint32_t cases[][2] = { /* segment, ULPDU */
		{ 0, 128 }, { 3, 128 }, { 128, 128 }, { 135, 128 }, { 136, 130 }, { 536, 530 },
		{ 1448, 1442 }, { 1460, 1454 }, { 1461, 1454 }, { 1463, 1454 }, { 1464, 1458 },
		{ 8948, 8942 }, { 65483, 65474 }, { 65535, 65526 }, { 65540, 65532 },
		{ 0xffffffff, 65532 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(mpa_ulpdu_max(cases[i][0]), cases[i][1]);
	for (uint32_t mss = 140; mss < 66000; mss++)
		assert_true(mpa_fpdu_len(mpa_ulpdu_max(mss)) <= mss);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_frames_are_decoded),
		cmocka_unit_test(test_good_frames_are_encoded),
		cmocka_unit_test(test_every_truncation_asks_for_more),
		cmocka_unit_test(test_what_follows_is_left_alone),
		cmocka_unit_test(test_bad_frames_are_found_as_early_as_can_be),
		cmocka_unit_test(test_longest_private_data),
		cmocka_unit_test(test_bits_without_meaning_are_not_told),
		cmocka_unit_test(test_length_of_an_fpdu),
		cmocka_unit_test(test_longest_ulpdu_of_a_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
