/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FPDUs as vectors: the right bytes, however they are sent. */
#include "iwarp_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct iwarp_batch b;
static uint8_t data[4096], expected[1u << 18], got[1u << 18];

static int setup(void **state)
{
	(void)state;
	iwarp_batch_init(&b);
	fake_pattern(data, sizeof(data), 1);
	return 0;
}

/* The same FPDU into the batch and, made by hand, behind @at of expected[]; where that ends. */
static size_t add(size_t at, uint32_t len, bool tagged, bool crc)
{
	struct ddp_seg seg = { .tagged = tagged, .last = true,
			       .opcode = tagged ? RDMAP_WRITE : RDMAP_SEND,
			       .stag = tagged ? 0x11223344 : 0, .to = 0x5566778899aabbccull,
			       .msn = 0x0badcafe, .mo = 3 };

	iwarp_batch_add(&b, &seg, data, len, crc);
	if (tagged)
		return at + fake_tagged(expected + at, D_TAGGED, seg.opcode, seg.stag, seg.to,
					data, len, crc);
	return at + fake_untagged(expected + at, D_UNTAGGED, seg.opcode, 0, 0, seg.msn, seg.mo,
				  data, len, crc);
}

/* Every length around what is copied and what is not, so every pad too. */
static void bytes_are_right(void **state)
{
	size_t n;

	for (int crc = 0; crc < 2; crc++)
		for (uint32_t len = 0; len < 2 * IWARP_INLINE; len++) {
			setup(state);
			n = add(0, len, true, crc);
			n = add(n, len + 1, false, crc);
			assert_int_equal(b.queued, n);
			iwarp_batch_copy(&b, got, (uint32_t)n);
			assert_memory_equal(got, expected, n);
		}
}

static size_t fill(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < IWARP_BATCH; i++)
		n = add(n, i * 61, i & 1, i & 2);
	assert_int_equal(b.fpdus, IWARP_BATCH);
	assert_true(b.n <= ARRAY_SIZE(b.iov));
	assert_true(b.used <= sizeof(b.bytes));
	return n;
}

/* A trailer and the header behind it are one vector. */
static void few_vectors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < IWARP_BATCH / 2; i++) {
		add(0, 4096, true, true);
		add(0, 36, false, true);
	}
	assert_int_equal(b.n, IWARP_BATCH + 1);
	setup(NULL);
	for (unsigned i = 0; i < IWARP_BATCH; i++)
		add(0, IWARP_INLINE, false, true);
	assert_int_equal(b.n, 1);
	assert_true(b.used <= sizeof(b.bytes));
}

static uint32_t half_by_hand(uint32_t sent)
{
	struct fake_fpdu out;
	size_t at = 0;

	while (at < sent)
		at += fake_parse(expected + at, sizeof(expected) - at, &out);
	return (uint32_t)at - sent;
}

/* A socket that is always full but for what was just read. */
static void sent_in_pieces(void **state)
{
	size_t n = fill(), have = 0;
	int fds[2], one = 1;
	ssize_t got_now;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &one, sizeof(one));
	for (int i = 0; i < 1000000 && !iwarp_batch_empty(&b); i++) {
		int rc = iwarp_batch_send(&b, fds[0]);

		if (rc) {
			assert_int_equal(rc, -EAGAIN);
			assert_int_equal(iwarp_batch_half(&b), half_by_hand(b.sent));
		}
		got_now = recv(fds[1], got + have, 777, MSG_DONTWAIT);
		have += got_now > 0 ? (size_t)got_now : 0;
	}
	while ((got_now = recv(fds[1], got + have, 777, MSG_DONTWAIT)) > 0)
		have += (size_t)got_now;
	assert_int_equal(have, n);
	assert_memory_equal(got, expected, n);
	assert_int_equal(iwarp_batch_half(&b), 0);
	assert_true(iwarp_batch_is_sent(&b, b.queued));
	close(fds[1]);
	add(0, 10, true, false);
	assert_int_equal(iwarp_batch_send(&b, fds[0]), -EPIPE);
	close(fds[0]);
}

static void positions_wrap(void **state)
{
	(void)state;
	b.sent = UINT32_MAX - 20;
	iwarp_batch_drop(&b);
	add(0, 100, true, false);
	assert_true(b.queued < 200);
	assert_false(iwarp_batch_empty(&b));
	assert_false(iwarp_batch_is_sent(&b, b.queued));
	assert_int_equal(iwarp_batch_half(&b), 0);
	iwarp_batch_drop(&b);
	assert_true(iwarp_batch_empty(&b));
	assert_int_equal(b.queued, UINT32_MAX - 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bytes_are_right, setup),
		cmocka_unit_test_setup(few_vectors, setup),
		cmocka_unit_test_setup(sent_in_pieces, setup),
		cmocka_unit_test_setup(positions_wrap, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
