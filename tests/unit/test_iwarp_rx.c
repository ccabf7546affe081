/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser of iWARP's stream: what is placed and delivered, and what is refused how. */
#include "iwarp_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define EXPOSED 1000u
#define PULLED 100u
#define WHOLE ((size_t)-1)

/* A connection with memory the peer may write, memory it may read, and a pull under way. */
struct env {
	struct fake f;
	struct exposure w, r, gone;
	uint8_t *written, *readable, *sink; /* own allocations */
	struct xfer x;
	struct xfer_seg seg;
	uint32_t sink_stag;
	uint8_t seen[4096]; /* by the peer */
};

static void env_expose(struct env *e, uint8_t *p, unsigned access, struct exposure *x)
{
	struct iobuf b = { .addr = p, .len = EXPOSED, .region = IOBUF_UNREGISTERED };

	assert_int_equal(iwarp_expose(&e->f.c.base, &b, access, x), 0);
}

static void env_open(struct env *e, bool crc)
{
	struct fake_fpdu out;

	fake_open(&e->f, 65483);
	e->f.c.crc = crc;
	e->written = calloc(1, EXPOSED);
	e->readable = calloc(1, EXPOSED);
	e->sink = calloc(1, PULLED);
	assert_true(e->written && e->readable && e->sink);
	fake_pattern(e->readable, EXPOSED, 1);
	env_expose(e, e->written, EXPOSE_WRITE, &e->w);
	env_expose(e, e->readable, EXPOSE_READ, &e->r);
	env_expose(e, e->readable, EXPOSE_READ | EXPOSE_WRITE, &e->gone);
	iwarp_unexpose(&e->f.c.base, &e->gone);
	e->seg = (struct xfer_seg){ 0x1000, 0x77, PULLED };
	e->x = (struct xfer){ .segs = &e->seg, .nsegs = 1,
			      .local = { .addr = e->sink, .len = PULLED } };
	iwarp_pull(&e->f.c.base, &e->x);
	fake_run(&e->f);
	assert_int_not_equal(
		fake_parse(e->seen, fake_peer_read(&e->f, e->seen, sizeof(e->seen)), &out), 0);
	assert_int_equal(out.opcode, RDMAP_READ_REQUEST);
	e->sink_stag = get_be32(out.payload);
}

static void env_close(struct env *e)
{
	fake_close(&e->f);
	free(e->written);
	free(e->readable);
	free(e->sink);
}

/* ---- what is right ---- */

/* Every kind of message, twice the bytes of everything that is placed. */
static size_t stream_make(struct env *e, uint8_t *p, bool crc)
{
	uint8_t data[EXPOSED];
	size_t n = 0;

	fake_pattern(data, sizeof(data), 5);
	n += fake_tagged(p + n, D_TAGGED & ~D_MORE, RDMAP_WRITE, e->w.key, e->w.addr, data, 501,
			 crc);
	n += fake_untagged(p + n, D_UNTAGGED & ~D_MORE, RDMAP_SEND, 0, 0, 1, 0, data, 37, crc);
	n += fake_tagged(p + n, D_TAGGED, RDMAP_WRITE, e->w.key, e->w.addr + 501, data + 501, 499,
			 crc);
	n += fake_tagged(p + n, D_TAGGED & ~D_MORE, RDMAP_READ_RESPONSE, e->sink_stag, 0, data, 33,
			 crc);
	n += fake_untagged(p + n, D_UNTAGGED, RDMAP_SEND, 0, 0, 1, 37, data + 37, 27, crc);
	n += fake_tagged(p + n, D_TAGGED, RDMAP_READ_RESPONSE, e->sink_stag, 33, data + 33, 67,
			 crc);
	n += fake_tagged(p + n, D_TAGGED, RDMAP_WRITE, 0xdead, ~0ull, NULL, 0, crc);
	n += fake_read_request(p + n, 1, 90, e->r.key, e->r.addr + 910, 0x99, crc);
	n += fake_untagged(p + n, D_UNTAGGED, RDMAP_SEND_SOLICITED, 0, 0, 2, 0, NULL, 0, crc);
	n += fake_read_request(p + n, 2, 0, 0xbeef, ~0ull, 7, crc);
	n += fake_untagged(p + n, D_UNTAGGED, RDMAP_SEND_INVALIDATE, e->r.key, 0, 3, 0, data, 5,
			   crc);
	return n;
}

static void stream_check(struct env *e)
{
	struct fake *f = &e->f;
	uint8_t data[EXPOSED];

	fake_pattern(data, sizeof(data), 5);
	assert_int_equal(f->terminates + f->deaths, 0);
	assert_int_equal(f->messages, 3);
	assert_int_equal(f->held[0]->len, 64);
	assert_int_equal(f->message_len, 5);
	assert_memory_equal(f->message, data, 5);
	assert_memory_equal(e->written, data, EXPOSED);
	assert_memory_equal(e->sink, data, PULLED);
	assert_int_equal(f->pulled, 1);
	assert_int_equal(f->c.tx.nresponses, 2);
	assert_int_equal(f->c.rx_held, 0);
}

static void message_check(struct fake *f)
{
	uint8_t data[64];

	fake_pattern(data, sizeof(data), 5);
	if (f->messages == 1)
		assert_memory_equal(f->message, data, 64);
}

/* Cut once at @at; WHOLE: not. @step > 0: pieces of so many bytes. */
static void stream_run(bool crc, size_t at, size_t step)
{
	uint8_t bytes[4096];
	struct env e;
	size_t n;

	env_open(&e, crc);
	e.f.on_recv = message_check;
	e.f.keep = true;
	n = stream_make(&e, bytes, crc);
	if (step) {
		for (size_t i = 0; i < n; i += step)
			fake_feed(&e.f, bytes + i, n - i < step ? n - i : step);
	} else {
		at = at < n ? at : n;
		fake_feed(&e.f, bytes, at);
		fake_feed(&e.f, bytes + at, n - at);
	}
	e.f.c.rx_held -= e.f.messages;
	stream_check(&e);
	env_close(&e);
}

static void whole_stream(void **state)
{
	(void)state;
	stream_run(false, WHOLE, 0);
	stream_run(true, WHOLE, 0);
}

static void byte_by_byte(void **state)
{
	(void)state;
	for (size_t step = 1; step < 8; step++)
		stream_run(step & 1, WHOLE, step);
}

static void cut_at_every_place(void **state)
{
	(void)state;
	for (size_t at = 1; at < 1600; at++)
		stream_run(at & 1, at, 0);
}

static void handshake_leaves_bytes(void **state)
{
	uint8_t bytes[4096];
	struct env e;
	size_t n;

	(void)state;
	env_open(&e, false);
	e.f.keep = true;
	n = stream_make(&e, bytes, false);
	iwarp_rx_feed(&e.f.c, bytes, 700);
	fake_feed(&e.f, bytes + 700, n - 700);
	e.f.c.rx_held -= e.f.messages;
	stream_check(&e);
	env_close(&e);
}

/* 64 KiB FPDUs, longer than what is peeked at, and many that are short. */
static void bulk_is_placed(void **state)
{
	uint32_t len = 1u << 20, chunk = 65460;
	uint8_t *memory = malloc(len), *data = malloc(len), *fpdu = malloc(FAKE_FPDU_MAX);
	struct exposure x;
	struct fake f;

	(void)state;
	assert_true(memory && data && fpdu);
	fake_pattern(data, len, 9);
	for (int crc = 0; crc < 2; crc++) {
		struct iobuf b = { .addr = memory, .len = len };

		memset(memory, 0, len);
		fake_open(&f, 65483);
		f.c.crc = crc;
		assert_int_equal(iwarp_expose(&f.c.base, &b, EXPOSE_WRITE, &x), 0);
		for (uint32_t off = 0, n; off < len; off += n) {
			n = min_u32(chunk, len - off);
			fake_feed(&f, fpdu, fake_tagged(fpdu, D_TAGGED, RDMAP_WRITE, x.key,
							x.addr + off, data + off, n, crc));
			chunk = chunk == 65460 ? 3000 : 65460;
		}
		assert_int_equal(f.terminates, 0);
		assert_memory_equal(memory, data, len);
		fake_close(&f);
	}
	free(memory);
	free(data);
	free(fpdu);
}

static void passive_side_hears(void **state)
{
	uint8_t bytes[64];
	struct env e;
	size_t n;

	(void)state;
	env_open(&e, false);
	list_del(&e.f.c.run.link);
	n = fake_untagged(bytes, D_UNTAGGED, RDMAP_SEND, 0, 0, 1, 0, NULL, 0, false);
	fake_feed(&e.f, bytes, n - 1);
	assert_false(e.f.c.heard);
	fake_feed(&e.f, bytes + n - 1, 1);
	assert_true(e.f.c.heard);
	assert_false(list_empty(&e.f.c.run.link));
	env_close(&e);
}

/* The empty SEND that says "ready to receive" is not delivered, if that was agreed on. */
static void ready_to_receive(void **state)
{
	uint8_t bytes[64];
	struct env e;

	(void)state;
	for (int agreed = 0; agreed < 2; agreed++) {
		env_open(&e, false);
		e.f.c.rtr_send = agreed;
		for (uint32_t msn = 1; msn <= 2; msn++)
			fake_feed(&e.f, bytes, fake_untagged(bytes, D_UNTAGGED, RDMAP_SEND, 0, 0,
							     msn, 0, NULL, 0, false));
		assert_int_equal(e.f.messages, agreed ? 1 : 2);
		assert_int_equal(e.f.c.rx_held, 0);
		env_close(&e);
	}
}

/* ---- what is wrong ---- */

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
	{ "send: tagged", TAGGED(RDMAP_SEND), .tag = T_WRITE, .len = 4,
	  .code = TERM_RDMAP_OPCODE },
	{ "write: untagged", UNTAGGED(RDMAP_WRITE), .msn = 1, .len = 4,
	  .code = TERM_RDMAP_OPCODE },
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

/* ---- the end ---- */

static void peer_closes(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct env e;

	(void)state;
	env_open(&e, false);
	fake_untagged(bytes, D_UNTAGGED, RDMAP_SEND, 0, 0, 1, 0, bytes, 20, false);
	fake_feed(&e.f, bytes, 30);
	shutdown(e.f.peer, SHUT_WR);
	fake_read(&e.f);
	assert_int_equal(e.f.deaths, 1);
	assert_string_equal(e.f.why, "closed by the peer");
	assert_int_equal(e.f.c.rx_held, 0);
	env_close(&e);
}

static void end_now(struct fake *f)
{
	iwarp_conn_die(&f->c, "the upcall wants it");
}

/* What follows in the same read is not looked at. */
static void ends_in_an_upcall(void **state)
{
	uint8_t bytes[4096];
	struct env e;
	size_t n;

	(void)state;
	env_open(&e, false);
	e.f.on_recv = end_now;
	n = stream_make(&e, bytes, false);
	fake_feed(&e.f, bytes, n);
	assert_int_equal(e.f.messages, 1);
	assert_int_equal(e.f.terminates, 0);
	assert_int_equal(e.f.c.tx.nresponses, 0);
	env_close(&e);
}

/* Taken back while the peer writes: not a byte more, then the stream ends. */
static void unexposed_while_written(void **state)
{
	uint8_t bytes[2048], data[EXPOSED];
	struct env e;
	size_t n;

	(void)state;
	memset(data, 0xee, sizeof(data));
	for (int crc = 0; crc < 2; crc++) {
		env_open(&e, crc);
		n = fake_tagged(bytes, D_TAGGED, RDMAP_WRITE, e.w.key, e.w.addr, data, EXPOSED,
				crc);
		fake_feed(&e.f, bytes, 16 + 200);
		iwarp_unexpose(&e.f.c.base, &e.w);
		fake_feed(&e.f, bytes + 216, n - 216);
		assert_int_equal(e.written[199], 0xee);
		assert_int_equal(e.written[200], 0);
		assert_int_equal(e.written[EXPOSED - 1], 0);
		assert_int_equal(e.f.code, TERM_DDP_TAGGED_INVALID_STAG);
		env_close(&e);
	}
}

/* Less than there was room for: there is no need to ask again. */
static void tells_when_drained(void **state)
{
	uint8_t bytes[64];
	struct env e;
	size_t n;

	(void)state;
	env_open(&e, false);
	n = fake_untagged(bytes, D_UNTAGGED, RDMAP_SEND, 0, 0, 1, 0, "SRP", 4, false);
	assert_int_equal(send(e.f.peer, bytes, n, 0), n);
	assert_int_equal(iwarp_rx_ready(&e.f.c), 1);
	assert_true(e.f.c.rx.drained);
	assert_int_equal(iwarp_rx_ready(&e.f.c), 0);
	assert_true(e.f.c.rx.drained);
	env_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_stream),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(cut_at_every_place),
		cmocka_unit_test(handshake_leaves_bytes),
		cmocka_unit_test(bulk_is_placed),
		cmocka_unit_test(passive_side_hears),
		cmocka_unit_test(ready_to_receive),
		cmocka_unit_test(refused),
		cmocka_unit_test(offset_wraps),
		cmocka_unit_test(crc_is_wrong),
		cmocka_unit_test(no_room_for_a_header),
		cmocka_unit_test(segments_of_a_message),
		cmocka_unit_test(no_slot),
		cmocka_unit_test(more_reads_than_agreed),
		cmocka_unit_test(response_nobody_asked_for),
		cmocka_unit_test(peer_terminates),
		cmocka_unit_test(peer_closes),
		cmocka_unit_test(ends_in_an_upcall),
		cmocka_unit_test(unexposed_while_written),
		cmocka_unit_test(tells_when_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
