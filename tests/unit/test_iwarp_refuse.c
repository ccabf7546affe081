/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What iWARP's parser refuses, and with which code of a TERMINATE. */
#include "iwarp_rx_env.h"

enum tag { T_NONE, T_WRITE, T_READ, T_GONE, T_SINK };

struct bad {
	const char *what;
	uint8_t control, rdmap;
	enum tag tag;
	uint64_t to; /* from the first byte of what the tag stands for */
	uint32_t qn, msn, mo, len;
	uint32_t read_len; /* of a READ request; @tag and @to are then its source */
	uint16_t code;
};

#define TAGGED(op) D_TAGGED, R_VERSION | (op)
#define UNTAGGED(op) D_UNTAGGED, R_VERSION | (op)
#define WRAP(left) (~0ull - (left) + 1)

static const struct bad bads[] = {
	{ "write: no such tag", TAGGED(RDMAP_WRITE), .len = 4,
	  .code = TERM_DDP_TAGGED_INVALID_STAG },
	{ "write: tag of the past", TAGGED(RDMAP_WRITE), .tag = T_GONE, .len = 4,
	  .code = TERM_DDP_TAGGED_INVALID_STAG },
	{ "write: to a sink", TAGGED(RDMAP_WRITE), .tag = T_SINK, .len = 4,
	  .code = TERM_DDP_TAGGED_INVALID_STAG },
	{ "write: may only be read", TAGGED(RDMAP_WRITE), .tag = T_READ, .len = 4,
	  .code = TERM_RDMAP_ACCESS },
	{ "write: one byte behind", TAGGED(RDMAP_WRITE), .tag = T_WRITE, .to = EXPOSED - 3,
	  .len = 4, .code = TERM_DDP_TAGGED_BOUNDS },
	{ "write: behind", TAGGED(RDMAP_WRITE), .tag = T_WRITE, .to = EXPOSED, .len = 1,
	  .code = TERM_DDP_TAGGED_BOUNDS },
	{ "write: one byte before", TAGGED(RDMAP_WRITE), .tag = T_WRITE, .to = (uint64_t)-1,
	  .len = 4, .code = TERM_DDP_TAGGED_BOUNDS },
	{ "write: longer than all", TAGGED(RDMAP_WRITE), .tag = T_WRITE, .len = EXPOSED + 1,
	  .code = TERM_DDP_TAGGED_BOUNDS },
	{ "read response: other tag", TAGGED(RDMAP_READ_RESPONSE), .tag = T_WRITE, .len = PULLED,
	  .code = TERM_DDP_TAGGED_INVALID_STAG },
	{ "read response: not the next byte", TAGGED(RDMAP_READ_RESPONSE), .tag = T_SINK, .to = 1,
	  .len = PULLED - 1, .code = TERM_DDP_TAGGED_BOUNDS },
	{ "read response: too long", TAGGED(RDMAP_READ_RESPONSE), .tag = T_SINK,
	  .len = PULLED + 1, .code = TERM_DDP_TAGGED_BOUNDS },
	{ "read response: too short", TAGGED(RDMAP_READ_RESPONSE), .tag = T_SINK,
	  .len = PULLED - 1, .code = TERM_DDP_TAGGED_BOUNDS },
	{ "read response: does not end", D_TAGGED & ~D_MORE, R_VERSION | RDMAP_READ_RESPONSE,
	  .tag = T_SINK, .len = PULLED, .code = TERM_DDP_TAGGED_BOUNDS },
	{ "send: message of the future", UNTAGGED(RDMAP_SEND), .msn = 2, .len = 4,
	  .code = TERM_DDP_UNTAGGED_MSN },
	{ "send: message of the past", UNTAGGED(RDMAP_SEND), .msn = 0, .len = 4,
	  .code = TERM_DDP_UNTAGGED_MSN },
	{ "send: does not begin", UNTAGGED(RDMAP_SEND), .msn = 1, .mo = 4, .len = 4,
	  .code = TERM_DDP_UNTAGGED_MO },
	{ "send: too long", UNTAGGED(RDMAP_SEND), .msn = 1, .len = FAKE_RECV + 1,
	  .code = TERM_DDP_UNTAGGED_TOO_LONG },
	{ "send: on the wrong queue", UNTAGGED(RDMAP_SEND), .qn = 1, .msn = 1, .len = 4,
	  .code = TERM_RDMAP_OPCODE },
	{ "send: no such queue", UNTAGGED(RDMAP_SEND), .qn = 3, .msn = 1, .len = 4,
	  .code = TERM_DDP_UNTAGGED_QN },
	{ "send: tagged", TAGGED(RDMAP_SEND), .tag = T_WRITE, .len = 4, .code = TERM_RDMAP_OPCODE },
	{ "write: untagged", UNTAGGED(RDMAP_WRITE), .msn = 1, .len = 4, .code = TERM_RDMAP_OPCODE },
	{ "opcode 8", TAGGED(8), .tag = T_WRITE, .len = 4, .code = TERM_RDMAP_OPCODE },
	{ "opcode 15", UNTAGGED(15), .msn = 1, .len = 4, .code = TERM_RDMAP_OPCODE },
	{ "DDP version, tagged", D_TAGGED ^ 3, R_VERSION | RDMAP_WRITE, .tag = T_WRITE, .len = 4,
	  .code = TERM_DDP_TAGGED_VERSION },
	{ "DDP version, untagged", D_UNTAGGED ^ 3, R_VERSION | RDMAP_SEND, .msn = 1, .len = 4,
	  .code = TERM_DDP_UNTAGGED_VERSION },
	{ "RDMAP version", D_TAGGED, 0x80 | RDMAP_WRITE, .tag = T_WRITE, .len = 4,
	  .code = TERM_RDMAP_VERSION },
	{ "invalidates no tag", UNTAGGED(RDMAP_SEND_INVALIDATE), .msn = 1, .len = 4,
	  .code = TERM_RDMAP_CANNOT_INVALIDATE },
	{ "invalidates a tag of the past", UNTAGGED(RDMAP_SEND_SOLICITED_INVALIDATE),
	  .tag = T_GONE, .msn = 1, .len = 4, .code = TERM_RDMAP_CANNOT_INVALIDATE },
	{ "read: no such tag", UNTAGGED(RDMAP_READ_REQUEST), .qn = 1, .msn = 1, .read_len = 4,
	  .code = TERM_RDMAP_INVALID_STAG },
	{ "read: may only be written", UNTAGGED(RDMAP_READ_REQUEST), .tag = T_WRITE, .qn = 1,
	  .msn = 1, .read_len = 4, .code = TERM_RDMAP_ACCESS },
	{ "read: one byte behind", UNTAGGED(RDMAP_READ_REQUEST), .tag = T_READ, .to = 1, .qn = 1,
	  .msn = 1, .read_len = EXPOSED, .code = TERM_RDMAP_BOUNDS },
	{ "read: message of the future", UNTAGGED(RDMAP_READ_REQUEST), .tag = T_READ, .qn = 1,
	  .msn = 2, .read_len = 4, .code = TERM_DDP_UNTAGGED_MSN },
	{ "read: does not begin", UNTAGGED(RDMAP_READ_REQUEST), .tag = T_READ, .qn = 1, .msn = 1,
	  .mo = 1, .read_len = 4, .code = TERM_DDP_UNTAGGED_MO },
	{ "read: too long a request", UNTAGGED(RDMAP_READ_REQUEST), .qn = 1, .msn = 1, .len = 29,
	  .code = TERM_DDP_UNTAGGED_TOO_LONG },
	{ "read: too short a request", UNTAGGED(RDMAP_READ_REQUEST), .qn = 1, .msn = 1, .len = 27,
	  .code = TERM_RDMAP_UNSPECIFIED },
	{ "read: an empty request", UNTAGGED(RDMAP_READ_REQUEST), .qn = 1, .msn = 1,
	  .code = TERM_RDMAP_UNSPECIFIED },
	{ "read: in pieces", D_UNTAGGED & ~D_MORE, R_VERSION | RDMAP_READ_REQUEST, .qn = 1,
	  .msn = 1, .len = 28, .code = TERM_RDMAP_UNSPECIFIED },
	{ "terminate: too long", UNTAGGED(RDMAP_TERMINATE), .qn = 2, .msn = 1, .len = 53,
	  .code = TERM_DDP_UNTAGGED_TOO_LONG },
	{ "terminate: message of the future", UNTAGGED(RDMAP_TERMINATE), .qn = 2, .msn = 2,
	  .len = 4, .code = TERM_DDP_UNTAGGED_MSN },
	{ "read response: wraps", TAGGED(RDMAP_READ_RESPONSE), .tag = T_SINK, .to = WRAP(8),
	  .len = 16, .code = TERM_DDP_TAGGED_TO_WRAP },
};

static void tag_find(const struct env *e, enum tag tag, uint32_t *key, uint64_t *to)
{
	const struct exposure *x = tag == T_WRITE ? &e->w : tag == T_READ ? &e->r : &e->gone;

	*key = tag == T_NONE ? 0xfff0123 : tag == T_SINK ? e->sink_stag : x->key;
	if (tag != T_SINK && tag != T_NONE)
		*to += x->addr;
}

static size_t bad_make(const struct env *e, const struct bad *b, uint8_t *p, bool crc)
{
	static const uint8_t zeros[2048];
	uint64_t to = b->to;
	uint32_t key;

	tag_find(e, b->tag, &key, &to);
	if (b->read_len) {
		uint8_t request[64];

		fake_read_request(request, 1, b->read_len, key, to, 0, false);
		return fake_untagged(p, b->control, b->rdmap & 0xf, 0, b->qn, b->msn, b->mo,
				     request + 20, 28, crc);
	}
	if (b->control & 0x80)
		return fake_tagged(p, b->control, b->rdmap ^ R_VERSION, key, to, zeros, b->len,
				   crc);
	return fake_untagged(p, b->control, b->rdmap ^ R_VERSION, key, b->qn, b->msn, b->mo, zeros,
			     b->len, crc);
}

/* Refused with the right code, and memory is as it was. */
static void bad_check(struct env *e, uint16_t code, const char *what)
{
	static const uint8_t zeros[EXPOSED];

	if (e->f.terminates != 1 || e->f.code != code)
		fail_msg("%s: %u, 0x%04x instead of 0x%04x", what, e->f.terminates, e->f.code,
			 code);
	assert_int_equal(e->f.messages, 0);
	assert_int_equal(e->f.pulled, 0);
	assert_int_equal(e->f.resets, 1);
	assert_int_equal(e->f.c.tx.nresponses, 0);
	assert_int_equal(e->f.c.rx_held, 0);
	assert_memory_equal(e->written, zeros, EXPOSED);
}

static void bad_run(const struct bad *b, bool crc, size_t step)
{
	uint8_t bytes[4096];
	struct env e;
	size_t n;

	env_open(&e, crc);
	n = bad_make(&e, b, bytes, crc);
	for (size_t i = 0; i < n && e.f.c.state == IWARP_LIVE; i += step)
		fake_feed(&e.f, bytes + i, n - i < step ? n - i : step);
	bad_check(&e, b->code, b->what);
	assert_true(e.f.quoted);
	assert_int_equal(e.f.quoted_len, get_be16(bytes));
	assert_int_equal(e.f.quoted_read, b->read_len && b->code <= TERM_RDMAP_PROTECTION);
	env_close(&e);
}

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++)
		for (int crc = 0; crc < 2; crc++) {
			bad_run(&bads[i], crc, 4096);
			bad_run(&bads[i], crc, 1);
		}
}

/* Tagged offsets that wrap are wrong whatever the tag allows: here it allows the end. */
static void offset_wraps(void **state)
{
	uint8_t bytes[128], data[16] = { 0 };
	struct env e;

	(void)state;
	for (int read = 0; read < 2; read++) {
		env_open(&e, false);
		if (read)
			fake_feed(&e.f, bytes, fake_read_request(bytes, 1, 16, e.r.key, WRAP(8),
								 0, false));
		else
			fake_feed(&e.f, bytes, fake_tagged(bytes, D_TAGGED, RDMAP_WRITE, e.w.key,
							   WRAP(8), data, 16, false));
		bad_check(&e, read ? TERM_RDMAP_TO_WRAP : TERM_DDP_TAGGED_TO_WRAP, "wrap");
		env_close(&e);
	}
}

static void crc_is_wrong(void **state)
{
	uint8_t bytes[4096], data[64] = { 0 };
	struct env e;
	size_t n;

	(void)state;
	/* Each byte of the FPDU in turn, but the length: it says where the CRC is. */
	for (size_t i = 2;; i++) {
		env_open(&e, true);
		n = fake_untagged(bytes, D_UNTAGGED, RDMAP_SEND, 0, 0, 1, 0, data, 61, true);
		bytes[i] ^= 0x10;
		/* A tagged header is shorter, which only moves the bounds inside the FPDU. */
		fake_feed(&e.f, bytes, n);
		bad_check(&e, TERM_MPA_CRC, "CRC");
		assert_false(e.f.quoted);
		env_close(&e);
		if (i == n - 1)
			break;
	}
}

static void no_room_for_a_header(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct env e;

	(void)state;
	for (int tagged = 0; tagged < 2; tagged++) {
		uint16_t limit = tagged ? 14 : 18;

		for (uint16_t len = 0; len < limit; len++) {
			env_open(&e, len & 1);
			put_be16(bytes, len);
			bytes[2] = tagged ? D_TAGGED : D_UNTAGGED;
			fake_feed(&e.f, bytes, sizeof(bytes));
			bad_check(&e, TERM_MPA_FRAME, "frame");
			assert_false(e.f.quoted);
			env_close(&e);
		}
	}
}

static void segments_of_a_message(void **state)
{
	static const struct {
		uint32_t mo, len;
		uint16_t code;
	} second[] = {
		{ 0, 10, TERM_DDP_UNTAGGED_MO }, { 99, 10, TERM_DDP_UNTAGGED_MO },
		{ 101, 10, TERM_DDP_UNTAGGED_MO }, { UINT32_MAX, 10, TERM_DDP_UNTAGGED_MO },
		{ 100, FAKE_RECV - 99, TERM_DDP_UNTAGGED_TOO_LONG },
	};
	uint8_t bytes[1024], data[FAKE_RECV] = { 0 };
	struct env e;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(second); i++) {
		env_open(&e, false);
		n = fake_untagged(bytes, D_UNTAGGED & ~D_MORE, RDMAP_SEND, 0, 0, 1, 0, data, 100,
				  false);
		n += fake_untagged(bytes + n, D_UNTAGGED, RDMAP_SEND, 0, 0, 1, second[i].mo, data,
				   second[i].len, false);
		fake_feed(&e.f, bytes, n);
		bad_check(&e, second[i].code, "segment");
		env_close(&e);
	}
}

static void no_slot(void **state)
{
	uint8_t bytes[256];
	struct env e;

	(void)state;
	env_open(&e, false);
	e.f.keep = true;
	for (uint32_t msn = 1; msn <= FAKE_SLOTS + 1; msn++) {
		assert_int_equal(e.f.terminates, 0);
		fake_feed(&e.f, bytes, fake_untagged(bytes, D_UNTAGGED, RDMAP_SEND, 0, 0, msn, 0,
						     bytes, 20, false));
	}
	assert_int_equal(e.f.messages, FAKE_SLOTS);
	assert_int_equal(e.f.code, TERM_DDP_UNTAGGED_NO_BUFFER);
	env_close(&e);
}

static void more_reads_than_agreed(void **state)
{
	uint8_t bytes[256];
	struct env e;

	(void)state;
	env_open(&e, false);
	for (uint32_t msn = 1; msn <= FAKE_READS + 1; msn++) {
		assert_int_equal(e.f.terminates, 0);
		fake_feed(&e.f, bytes, fake_read_request(bytes, msn, 10, e.r.key, e.r.addr, 0,
							 false));
	}
	assert_int_equal(e.f.code, TERM_DDP_UNTAGGED_NO_BUFFER);
	assert_true(e.f.quoted);
	env_close(&e);
}

static void response_nobody_asked_for(void **state)
{
	uint8_t bytes[256], data[PULLED] = { 0 };
	struct env e;

	(void)state;
	for (uint32_t len = 0; len < 2; len++) {
		env_open(&e, false);
		fake_feed(&e.f, bytes, fake_tagged(bytes, D_TAGGED, RDMAP_READ_RESPONSE,
						   e.sink_stag, 0, data, PULLED, false));
		assert_int_equal(e.f.pulled, 1);
		fake_feed(&e.f, bytes, fake_tagged(bytes, D_TAGGED, RDMAP_READ_RESPONSE,
						   e.sink_stag, 0, data, len, false));
		assert_int_equal(e.f.terminates, 1);
		assert_int_equal(e.f.code, TERM_RDMAP_OPCODE);
		env_close(&e);
	}
}

static void peer_terminates(void **state)
{
	static const uint8_t body[4] = { 0x11, 0x01, 0, 0 };
	uint8_t bytes[256];
	struct env e;

	(void)state;
	for (uint32_t len = 0; len <= 4; len += 4) {
		env_open(&e, false);
		fake_feed(&e.f, bytes, fake_untagged(bytes, D_UNTAGGED, RDMAP_TERMINATE, 0, 2, 1,
						     0, body, len, false));
		assert_int_equal(e.f.deaths, 1);
		assert_int_equal(e.f.terminates, 0);
		assert_string_equal(e.f.why, "terminated by the peer");
		env_close(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(offset_wraps),
		cmocka_unit_test(crc_is_wrong),
		cmocka_unit_test(no_room_for_a_header),
		cmocka_unit_test(segments_of_a_message),
		cmocka_unit_test(no_slot),
		cmocka_unit_test(more_reads_than_agreed),
		cmocka_unit_test(response_nobody_asked_for),
		cmocka_unit_test(peer_terminates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
