/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser of iWARP's stream: what is placed and delivered, in whatever pieces it comes. */
#include "iwarp_rx_env.h"

#include <sys/socket.h>
#include <unistd.h>

#define WHOLE ((size_t)-1)

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

static void connection_is_reset(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, 65483);
	/* What it never read makes its end a reset. */
	assert_int_equal(send(f.c.fd, "unread", 6, 0), 6);
	shutdown(f.peer, SHUT_WR);
	close(f.peer);
	fake_read(&f);
	assert_int_equal(f.deaths, 1);
	assert_string_equal(f.why, "connection lost");
	fake_close(&f);
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
		cmocka_unit_test(peer_closes),
		cmocka_unit_test(connection_is_reset),
		cmocka_unit_test(ends_in_an_upcall),
		cmocka_unit_test(unexposed_while_written),
		cmocka_unit_test(tells_when_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
