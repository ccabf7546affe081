/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stream iWARP sends: cut into FPDUs, in order, at the right pace, resumed exactly. */
#include "iwarp_tx_env.h"

#include <netinet/in.h>
#include <unistd.h>

/* ---- pushes ---- */

static void push_writes_then_sends(void **state)
{
	static const struct xfer_seg segs[] = {
		{ 0x100000000ull, 0xa, 3000 }, { 0x77, 0xb, 0 }, { 0x2003, 0xc, 1096 },
		{ 0x9000, 0xd, 4096 },
	};
	uint8_t data[4100], msg[36];
	struct fake_fpdu out;
	struct xfer x;

	(void)state;
	fake_pattern(data, sizeof(data), 3);
	fake_pattern(msg, sizeof(msg), 4);
	for (int crc = 0; crc < 2; crc++) {
		env_open(LOOPBACK_MSS);
		e.f.c.crc = crc;
		push(&x, segs, 4, data, 4100, msg, sizeof(msg));
		assert_int_equal(e.f.sent, 0);
		assert_false(list_empty(&e.f.c.run.link));
		fake_run(&e.f);
		assert_int_equal(e.f.sent, 1);
		peer_reads(SEEN_MAX);
		out = expect(RDMAP_WRITE, true);
		assert_int_equal(out.stag, 0xa);
		assert_int_equal(out.to, 0x100000000ull);
		assert_int_equal(out.len, 3000);
		assert_memory_equal(out.payload, data, 3000);
		out = expect(RDMAP_WRITE, true);
		assert_int_equal(out.stag, 0xc);
		assert_int_equal(out.to, 0x2003);
		assert_int_equal(out.len, 1096);
		assert_memory_equal(out.payload, data + 3000, 1096);
		out = expect(RDMAP_WRITE, true);
		assert_int_equal(out.stag, 0xd);
		assert_int_equal(out.len, 4);
		assert_memory_equal(out.payload, data + 4096, 4);
		out = expect(RDMAP_SEND, true);
		assert_int_equal(out.qn, 0);
		assert_int_equal(out.msn, 1);
		assert_int_equal(out.mo, 0);
		assert_int_equal(out.len, sizeof(msg));
		assert_memory_equal(out.payload, msg, sizeof(msg));
		expect_nothing();
		env_close();
	}
}

static void push_without_data(void **state)
{
	struct fake_fpdu out;
	struct xfer x[2];

	(void)state;
	env_open(LOOPBACK_MSS);
	push(&x[0], NULL, 0, NULL, 0, "response", 8);
	push(&x[1], NULL, 0, NULL, 0, NULL, 0);
	fake_run(&e.f);
	peer_reads(SEEN_MAX);
	out = expect(RDMAP_SEND, true);
	assert_int_equal(out.len, 8);
	out = expect(RDMAP_SEND, true);
	assert_int_equal(out.msn, 2);
	assert_int_equal(out.len, 0);
	expect_nothing();
	assert_int_equal(e.f.sent, 2);
	env_close();
}

/* No FPDU is longer than a TCP segment; the rest of a message says where it belongs. */
static void segments_fit_the_path(void **state)
{
	static const struct xfer_seg seg = { 0x4000, 0xa, 1u << 16 };
	static uint8_t data[1u << 16], msg[4000];
	uint32_t off = 0, room = mpa_ulpdu_max(ETHERNET_MSS);
	struct fake_fpdu out;
	struct xfer x;

	(void)state;
	fake_pattern(data, sizeof(data), 3);
	fake_pattern(msg, sizeof(msg), 4);
	env_open(ETHERNET_MSS);
	e.f.c.crc = true;
	push(&x, &seg, 1, data, sizeof(data), msg, sizeof(msg));
	fake_run(&e.f);
	peer_reads(SEEN_MAX);
	while (off < sizeof(data)) {
		uint32_t n = min_u32(room - DDP_TAGGED_HEAD, (uint32_t)sizeof(data) - off);

		out = expect(RDMAP_WRITE, off + n == sizeof(data));
		assert_int_equal(out.to, 0x4000 + off);
		assert_int_equal(out.len, n);
		assert_memory_equal(out.payload, data + off, n);
		off += n;
	}
	for (off = 0; off < sizeof(msg); off += out.len) {
		out = expect(RDMAP_SEND, off + room - DDP_UNTAGGED_HEAD >= sizeof(msg));
		assert_int_equal(out.mo, off);
		assert_int_equal(out.msn, 1);
		assert_true(mpa_fpdu_len(DDP_UNTAGGED_HEAD + out.len) <= ETHERNET_MSS);
		assert_memory_equal(out.payload, msg + off, out.len);
	}
	expect_nothing();
	env_close();
}

/* More than fits one batch, short and long. */
static void pushes_leave_in_order(void **state)
{
	static struct xfer x[FAKE_MESSAGES];
	static uint8_t data[FAKE_MESSAGES][512], msg[FAKE_MESSAGES][100];
	struct xfer_seg segs[FAKE_MESSAGES];
	struct fake_fpdu out;

	(void)state;
	env_open(LOOPBACK_MSS);
	for (unsigned i = 0; i < FAKE_MESSAGES; i++) {
		segs[i] = (struct xfer_seg){ i, i, 512 };
		fake_pattern(data[i], 512, i);
		fake_pattern(msg[i], 100, i);
		push(&x[i], &segs[i], 1, data[i], i * 8, msg[i], i + 1);
	}
	assert_int_equal(e.f.ended, 0);
	fake_run(&e.f);
	peer_reads(SEEN_MAX);
	for (unsigned i = 0; i < FAKE_MESSAGES; i++) {
		if (i) {
			out = expect(RDMAP_WRITE, true);
			assert_int_equal(out.stag, i);
			assert_memory_equal(out.payload, data[i], i * 8);
		}
		out = expect(RDMAP_SEND, true);
		assert_int_equal(out.msn, i + 1);
		assert_memory_equal(out.payload, msg[i], i + 1);
		assert_ptr_equal(e.f.order[i], &x[i]);
	}
	expect_nothing();
	assert_int_equal(e.f.sent, FAKE_MESSAGES);
	env_close();
}

/* TCP is asked for its segments again now and then. */
static void path_changes(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(sa);
	struct xfer x;

	(void)state;
	env_open(ETHERNET_MSS);
	assert_int_equal(bind(l, (struct sockaddr *)&sa, len) | listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(connect(s, (struct sockaddr *)&sa, len), 0);
	dup2(s, e.f.c.fd);
	close(s);
	s = accept(l, NULL, NULL);
	dup2(s, e.f.peer);
	close(s);
	close(l);
	for (int i = 0; i < 300; i++) {
		push(&x, NULL, 0, NULL, 0, "response", 8);
		fake_run(&e.f);
		peer_reads(SEEN_MAX);
	}
	assert_int_equal(e.f.sent, 300);
	assert_true(e.f.c.tx.ulpdu_max > mpa_ulpdu_max(ETHERNET_MSS));
	env_close();
}

static void passive_side_waits(void **state)
{
	uint8_t bytes[64];
	struct xfer x;

	(void)state;
	env_open(LOOPBACK_MSS);
	e.f.c.active = false;
	push(&x, NULL, 0, NULL, 0, "response", 8);
	fake_run(&e.f);
	peer_reads(SEEN_MAX);
	assert_int_equal(e.have + e.f.sent, 0);
	fake_feed(&e.f, bytes, fake_untagged(bytes, D_UNTAGGED, RDMAP_SEND, 0, 0, 1, 0, NULL, 0,
					     false));
	assert_false(list_empty(&e.f.c.run.link));
	fake_run(&e.f);
	peer_reads(SEEN_MAX);
	expect(RDMAP_SEND, true);
	assert_int_equal(e.f.sent, 1);
	env_close();
}

/* What the socket does not take at once follows byte for byte, however it is read. */
static void resumed_exactly(void **state)
{
	static const struct xfer_seg seg = { 0, 0xa, 300000 };
	static uint8_t data[300000], got[300000], msg[700];
	struct fake_fpdu out;
	struct xfer x[3];

	(void)state;
	fake_pattern(data, sizeof(data), 3);
	fake_pattern(msg, sizeof(msg), 4);
	for (size_t step = 1500; step < 70000; step = step * 3 + 1) {
		env_open(LOOPBACK_MSS);
		e.f.c.crc = step & 1;
		small_buffers();
		for (int i = 0; i < 3; i++)
			push(&x[i], &seg, 1, data, sizeof(data), msg, sizeof(msg));
		fake_run(&e.f);
		assert_true(e.f.want_write);
		assert_int_equal(e.f.sent, 0);
		for (int i = 0; i < 20000 && e.f.sent < 3; i++) {
			peer_reads(step);
			fake_run(&e.f);
		}
		peer_reads(SEEN_MAX);
		assert_false(e.f.want_write);
		assert_false(iwarp_tx_pending(&e.f.c));
		for (int i = 0; i < 3; i++) {
			for (uint32_t off = 0; off < sizeof(data); off += out.len) {
				assert_true(next_fpdu(&out));
				assert_int_equal(out.to, off);
				memcpy(got + off, out.payload, out.len);
			}
			assert_memory_equal(got, data, sizeof(data));
			out = expect(RDMAP_SEND, true);
			assert_memory_equal(out.payload, msg, sizeof(msg));
		}
		expect_nothing();
		env_close();
	}
}

/* Who asks for much gets it before the next requests are read; never at the other end. */
static void much_data_sets_the_pace(void **state)
{
	static uint8_t data[1u << 20], sink[8];
	static const struct xfer_seg seg = { 0, 0xa, 1u << 20 };
	struct xfer x[3], read;

	(void)state;
	for (int active = 0; active < 2; active++) {
		env_open(LOOPBACK_MSS);
		e.f.c.active = active;
		e.f.c.heard = true;
		small_buffers();
		assert_int_equal(iwarp_tx_pace(&e.f.c), IWARP_STAGE);
		push(&x[0], &seg, 1, data, 4096, "small", 5);
		assert_int_equal(iwarp_tx_pace(&e.f.c), IWARP_STAGE);
		push(&x[1], &seg, 1, data, sizeof(data), "one", 3);
		assert_int_equal(iwarp_tx_pace(&e.f.c) < IWARP_STAGE, !active);
		push(&x[2], &seg, 1, data, sizeof(data), "two", 3);
		assert_int_equal(iwarp_tx_pace(&e.f.c) == 0, !active);
		e.f.hot = true;
		assert_int_equal(iwarp_rx_ready(&e.f.c), 0);
		assert_int_equal(e.f.hot, active);
		e.f.hot = false;
		for (int i = 0; i < 20000 && e.f.sent < 2; i++) {
			assert_false(e.f.hot);
			fake_run(&e.f);
			peer_reads(65536);
		}
		assert_int_equal(e.f.hot, !active);
		assert_true(iwarp_tx_pace(&e.f.c) > 0);
		/* What we asked for ourselves is read at any pace. */
		pull(&read, &seg, 1, sink, sizeof(sink));
		for (int i = 0; i < 20000 && iwarp_tx_pending(&e.f.c); i++) {
			fake_run(&e.f);
			peer_reads(65536);
		}
		assert_int_equal(iwarp_tx_pace(&e.f.c), IWARP_STAGE);
		env_close();
	}
}

/* ---- pulls ---- */

static void pull_reads(void **state)
{
	static const struct xfer_seg segs[] = { { 0x1000, 0xa, 60 }, { 0x2000, 0xb, 100 } };
	uint8_t sink[100], data[100];
	struct fake_fpdu out[2];
	struct xfer x;

	(void)state;
	fake_pattern(data, sizeof(data), 8);
	env_open(LOOPBACK_MSS);
	pull(&x, segs, 2, sink, sizeof(sink));
	fake_run(&e.f);
	peer_reads(SEEN_MAX);
	for (unsigned i = 0; i < 2; i++) {
		out[i] = expect(RDMAP_READ_REQUEST, true);
		assert_int_equal(out[i].qn, 1);
		assert_int_equal(out[i].msn, i + 1);
		assert_int_equal(out[i].mo, 0);
		assert_int_equal(out[i].len, 28);
		assert_int_equal(get_be32(out[i].payload + 12), i ? 40 : 60);
		assert_int_equal(get_be32(out[i].payload + 16), segs[i].key);
		assert_int_equal(get_be64(out[i].payload + 20), segs[i].addr);
	}
	assert_int_not_equal(get_be32(out[0].payload), get_be32(out[1].payload));
	answer(&out[0], data, 60);
	assert_int_equal(e.f.pulled, 0);
	answer(&out[1], data + 60, 40);
	assert_int_equal(e.f.pulled, 1);
	assert_memory_equal(sink, data, sizeof(sink));
	env_close();
}

static void pull_of_nothing(void **state)
{
	struct xfer x;

	(void)state;
	env_open(LOOPBACK_MSS);
	pull(&x, NULL, 0, NULL, 0);
	assert_int_equal(e.f.pulled, 0);
	fake_run(&e.f);
	assert_int_equal(e.f.pulled, 1);
	env_close();
}

/* Never more READ requests outstanding than the peer serves; the others follow. */
static void reads_are_limited(void **state)
{
	static const struct xfer_seg seg = { 0x1000, 0xa, 16 };
	uint8_t sinks[7][16], data[16];
	struct fake_fpdu out[8];
	struct xfer x[7];
	unsigned asked = 0;

	(void)state;
	env_open(LOOPBACK_MSS);
	for (unsigned i = 0; i < 7; i++)
		pull(&x[i], &seg, 1, sinks[i], 16);
	for (unsigned i = 0; i < 7; i++) {
		fake_run(&e.f);
		peer_reads(SEEN_MAX);
		while (next_fpdu(&out[asked]))
			asked++;
		assert_int_equal(asked, min_u32(7, i + FAKE_READS));
		fake_pattern(data, 16, i);
		answer(&out[i], data, 16);
		assert_int_equal(e.f.pulled, i + 1);
		assert_ptr_equal(e.f.order[i], &x[i]);
		assert_memory_equal(sinks[i], data, 16);
	}
	env_close();
}

/* A READ request goes ahead of what waits, but not into the middle of a message. */
static void reads_go_first(void **state)
{
	static const struct xfer_seg seg = { 0, 0xa, 1500000 };
	static uint8_t data[1500000], sink[16];
	struct xfer write, read[2];
	struct fake_fpdu out;

	(void)state;
	env_open(LOOPBACK_MSS);
	small_buffers();
	push(&write, &seg, 1, data, sizeof(data), "done", 4);
	pull(&read[0], &seg, 1, sink, sizeof(sink));
	fake_run(&e.f);
	pull(&read[1], &seg, 1, sink, sizeof(sink));
	for (int i = 0; i < 1000 && !e.f.sent; i++) {
		peer_reads(SEEN_MAX);
		fake_run(&e.f);
	}
	peer_reads(SEEN_MAX);
	expect(RDMAP_READ_REQUEST, true);
	do {
		assert_true(next_fpdu(&out));
		assert_int_equal(out.opcode, RDMAP_WRITE);
	} while (!(out.control & D_MORE));
	expect(RDMAP_READ_REQUEST, true);
	expect(RDMAP_SEND, true);
	expect_nothing();
	env_close();
}

/* ---- what the peer reads ---- */

static void responses_are_served(void **state)
{
	static uint8_t memory[100000];
	struct iobuf b = { .addr = memory, .len = sizeof(memory) };
	uint8_t bytes[256];
	struct fake_fpdu out;
	struct exposure x;
	size_t n;

	(void)state;
	fake_pattern(memory, sizeof(memory), 6);
	env_open(LOOPBACK_MSS);
	assert_int_equal(iwarp_expose(&e.f.c.base, &b, EXPOSE_READ, &x), 0);
	for (uint32_t round = 0; round < 20; round++) {
		n = fake_read_request(bytes, 2 * round + 1, 70000, x.key, x.addr + 5, 0x123,
				      false);
		n += fake_read_request(bytes + n, 2 * round + 2, 0, 0, 0, 0x456, false);
		fake_feed(&e.f, bytes, n);
		fake_run(&e.f);
		peer_reads(SEEN_MAX);
		out = expect(RDMAP_READ_RESPONSE, false);
		assert_int_equal(out.stag, 0x5151);
		assert_int_equal(out.to, 0x123);
		assert_memory_equal(out.payload, memory + 5, out.len);
		n = out.len;
		out = expect(RDMAP_READ_RESPONSE, true);
		assert_int_equal(out.to, 0x123 + n);
		assert_int_equal(out.len, 70000 - n);
		assert_memory_equal(out.payload, memory + 5 + n, out.len);
		out = expect(RDMAP_READ_RESPONSE, true);
		assert_int_equal(out.to, 0x456);
		assert_int_equal(out.len, 0);
		expect_nothing();
		e.have = e.at = 0;
	}
	assert_int_equal(e.f.terminates, 0);
	env_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(push_writes_then_sends),
		cmocka_unit_test(push_without_data),
		cmocka_unit_test(segments_fit_the_path),
		cmocka_unit_test(pushes_leave_in_order),
		cmocka_unit_test(path_changes),
		cmocka_unit_test(passive_side_waits),
		cmocka_unit_test(resumed_exactly),
		cmocka_unit_test(much_data_sets_the_pace),
		cmocka_unit_test(pull_reads),
		cmocka_unit_test(pull_of_nothing),
		cmocka_unit_test(reads_are_limited),
		cmocka_unit_test(reads_go_first),
		cmocka_unit_test(responses_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
