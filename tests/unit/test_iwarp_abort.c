/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the stream iWARP sends ends: whole FPDUs, a TERMINATE, every xfer handed back. */
#include "iwarp_tx_env.h"

#include <unistd.h>

/* Memory that is taken back while it is read: gone at once, and the stream ends clean. */
static void unexposed_while_read(void **state)
{
	static uint8_t shadow[200000];
	uint8_t bytes[256], *memory = malloc(sizeof(shadow));
	struct iobuf b = { .addr = memory, .len = sizeof(shadow) };
	struct fake_fpdu out;
	struct exposure x;

	(void)state;
	assert_non_null(memory);
	fake_pattern(memory, sizeof(shadow), 6);
	fake_pattern(shadow, sizeof(shadow), 6);
	env_open(LOOPBACK_MSS);
	small_buffers();
	assert_int_equal(iwarp_expose(&e.f.c.base, &b, EXPOSE_READ, &x), 0);
	fake_feed(&e.f, bytes, fake_read_request(bytes, 1, sizeof(shadow), x.key, x.addr, 0,
						 false));
	fake_run(&e.f);
	assert_true(e.f.want_write);
	iwarp_unexpose(&e.f.c.base, &x);
	free(memory);
	for (int i = 0; i < 1000 && !e.f.flushes; i++) {
		fake_run(&e.f);
		peer_reads(SEEN_MAX);
	}
	assert_int_equal(e.f.code, TERM_RDMAP_INVALID_STAG);
	out = expect(RDMAP_READ_RESPONSE, false);
	assert_memory_equal(out.payload, shadow, out.len);
	out = expect(RDMAP_TERMINATE, true);
	assert_int_equal(get_be16(out.payload), TERM_RDMAP_INVALID_STAG);
	expect_nothing();
	env_close();
}

/* Everything comes back; on the wire an FPDU that is half out is whole, then TERMINATE. */
static void abort_in_an_fpdu(void **state)
{
	static const struct xfer_seg segs[] = { { 0, 0xa, 200000 }, { 0, 0xb, 16 } };
	static uint8_t shadow[200000], sink[16];
	uint8_t *data = malloc(sizeof(shadow));
	struct fake_fpdu out;
	struct xfer x[3];

	(void)state;
	assert_non_null(data);
	fake_pattern(data, sizeof(shadow), 3);
	fake_pattern(shadow, sizeof(shadow), 3);
	env_open(LOOPBACK_MSS);
	e.f.c.crc = true;
	small_buffers();
	pull(&x[0], segs + 1, 1, sink, sizeof(sink));
	push(&x[1], segs, 1, data, sizeof(shadow), "one", 3);
	push(&x[2], segs, 1, data, sizeof(shadow), "two", 3);
	fake_run(&e.f);
	assert_true(e.f.want_write);
	iwarp_conn_terminate(&e.f.c, TERM_MPA_CRC, 0, NULL, NULL);
	assert_int_equal(e.f.resets, 3);
	free(data);
	for (int i = 0; i < 1000 && !e.f.flushes; i++) {
		fake_run(&e.f);
		peer_reads(SEEN_MAX);
	}
	expect(RDMAP_READ_REQUEST, true);
	out = expect(RDMAP_WRITE, false);
	assert_memory_equal(out.payload, shadow, out.len);
	out = expect(RDMAP_TERMINATE, true);
	assert_int_equal(out.qn, 2);
	assert_int_equal(out.msn, 1);
	assert_int_equal(get_be16(out.payload), TERM_MPA_CRC);
	expect_nothing();
	assert_false(iwarp_tx_pending(&e.f.c));
	env_close();
}

/* Between two FPDUs: what is queued is never seen. A passive side not yet heard says nothing. */
static void abort_between_fpdus(void **state)
{
	struct xfer x;

	(void)state;
	for (int silent = 0; silent < 2; silent++) {
		env_open(LOOPBACK_MSS);
		e.f.c.active = !silent;
		push(&x, NULL, 0, NULL, 0, "response", 8);
		iwarp_conn_terminate(&e.f.c, TERM_MPA_FRAME, 0, NULL, NULL);
		assert_int_equal(e.f.resets, 1);
		fake_run(&e.f);
		assert_true(e.f.flushes > 0);
		peer_reads(SEEN_MAX);
		if (!silent)
			expect(RDMAP_TERMINATE, true);
		expect_nothing();
		env_close();
	}
}

static void too_late(void **state)
{
	struct xfer x[2];
	uint8_t sink[8];
	static const struct xfer_seg seg = { 0, 1, 8 };

	(void)state;
	for (int state_then = IWARP_CLOSING; state_then <= IWARP_CLOSED; state_then++) {
		env_open(LOOPBACK_MSS);
		iwarp_conn_die(&e.f.c, "the test wants it");
		e.f.c.state = (uint8_t)state_then;
		push(&x[0], NULL, 0, NULL, 0, "response", 8);
		pull(&x[1], &seg, 1, sink, 8);
		assert_int_equal(e.f.resets, 0);
		fake_run(&e.f);
		assert_int_equal(e.f.resets, 2);
		peer_reads(SEEN_MAX);
		expect_nothing();
		env_close();
	}
}

static void peer_is_gone(void **state)
{
	struct xfer x;

	(void)state;
	env_open(LOOPBACK_MSS);
	shutdown(e.f.peer, SHUT_RDWR);
	push(&x, NULL, 0, NULL, 0, "response", 8);
	fake_run(&e.f);
	assert_int_equal(e.f.deaths, 1);
	assert_string_equal(e.f.why, "closed by the peer");
	assert_int_equal(e.f.resets, 1);
	env_close();
}

/* What it said before is not lost because there is no sending any more. */
static void peer_terminated_and_is_gone(void **state)
{
	static const uint8_t crc_error[4] = { 0x20, 0x02, 0, 0 };
	struct xfer x;
	uint8_t fpdu[64];
	size_t len = fake_untagged(fpdu, 0x41, 0x47, 0, 2, 1, 0, crc_error, sizeof(crc_error),
				   false);

	(void)state;
	env_open(LOOPBACK_MSS);
	assert_int_equal(write(e.f.peer, fpdu, len), len);
	shutdown(e.f.peer, SHUT_RDWR);
	push(&x, NULL, 0, NULL, 0, "response", 8);
	fake_run(&e.f);
	assert_int_equal(e.f.deaths, 1);
	assert_string_equal(e.f.why, "terminated by the peer");
	assert_int_equal(e.f.resets, 1);
	env_close();
}

static void end_now(struct fake *f)
{
	f->on_end = NULL;
	iwarp_conn_die(&f->c, "the upcall wants it");
}

/* The others come back. */
static void ends_in_an_upcall(void **state)
{
	static struct xfer x[FAKE_MESSAGES];
	struct fake_fpdu out;

	(void)state;
	env_open(LOOPBACK_MSS);
	for (unsigned i = 0; i < FAKE_MESSAGES; i++)
		push(&x[i], NULL, 0, NULL, 0, "response", 8);
	e.f.on_end = end_now;
	fake_run(&e.f);
	assert_int_equal(e.f.deaths, 1);
	assert_int_equal(e.f.ended, FAKE_MESSAGES);
	peer_reads(SEEN_MAX);
	while (next_fpdu(&out))
		assert_int_equal(out.opcode, RDMAP_SEND);
	expect_nothing();
	env_close();
}

/* More bytes than the peer's segments have: no stream goes on from there. */
static void segments_too_short(void **state)
{
	static const struct xfer_seg seg = { 0, 1, 8 };
	uint8_t data[16] = { 0 };
	struct xfer x;

	(void)state;
	for (int is_pull = 0; is_pull < 2; is_pull++) {
		env_open(LOOPBACK_MSS);
		if (is_pull)
			pull(&x, &seg, 1, data, 16);
		else
			push(&x, &seg, 1, data, 16, "response", 8);
		fake_run(&e.f);
		assert_int_equal(e.f.code, TERM_RDMAP_LOCAL);
		assert_int_equal(e.f.terminates, 1);
		assert_int_equal(e.f.resets, 1);
		env_close();
	}
}

static void peer_serves_no_reads(void **state)
{
	static const struct xfer_seg seg = { 0, 1, 8 };
	uint8_t sink[8];
	struct xfer x;

	(void)state;
	env_open(LOOPBACK_MSS);
	e.f.c.ord = 0;
	pull(&x, &seg, 1, sink, 8);
	fake_run(&e.f);
	assert_int_equal(e.f.terminates, 1);
	assert_int_equal(e.f.resets, 1);
	env_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unexposed_while_read),
		cmocka_unit_test(abort_in_an_fpdu),
		cmocka_unit_test(abort_between_fpdus),
		cmocka_unit_test(too_late),
		cmocka_unit_test(peer_is_gone),
		cmocka_unit_test(peer_terminated_and_is_gone),
		cmocka_unit_test(ends_in_an_upcall),
		cmocka_unit_test(segments_too_short),
		cmocka_unit_test(peer_serves_no_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
