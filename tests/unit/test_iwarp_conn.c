/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a connection ends, against a peer made by hand. */
#include "iwarp_env.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FPDU_MAX 2048

static struct env_end *e; /* ours, live */
static int fd;            /* the peer's socket */
static uint32_t msn;      /* of its next SEND */

static int setup(void **state)
{
	uint8_t buf[MPA_FRAME_MAX];

	env_setup(state);
	fd = env_dial();
	msn = 1;
	env_send(fd, buf, env_frame(buf, "Req", 0, 1, NULL, 0));
	env_until(env_request);
	e = env_accept(NULL, 0);
	env_recv(fd, buf, MPA_FRAME_HEAD);
	env_until(e->live);
	return 0;
}

static int teardown(void **state)
{
	if (fd >= 0)
		close(fd);
	return env_teardown(state);
}

static void message(const char *text)
{
	uint8_t buf[FPDU_MAX];

	env_send(fd, buf, env_fpdu(buf, RDMAP_SEND, RDMAP_QN_SEND, msn++, text,
				   (uint16_t)strlen(text)));
}

/* The peer spoke, so we may answer. */
static void greet(void)
{
	unsigned received = e->received;

	message("request");
	env_until(e->received > received);
	env_put_all(e);
}

static void reset(void)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	fd = -1;
}

static void terminate_expect(uint16_t code)
{
	uint8_t head[MPA_HEAD], ulpdu[256];
	struct ddp_seg seg;
	uint32_t len;

	env_recv(fd, head, sizeof(head));
	len = get_be16(head);
	assert_in_range(len, DDP_UNTAGGED_HEAD + 4, sizeof(ulpdu) - 8);
	env_recv(fd, ulpdu, mpa_fpdu_len(len) - MPA_HEAD);
	assert_int_equal(ddp_decode(ulpdu, &seg), TERM_NONE);
	assert_int_equal(seg.opcode, RDMAP_TERMINATE);
	assert_int_equal(seg.msn, 1);
	assert_int_equal(rdmap_terminate_decode(ulpdu + seg.head_len, len - seg.head_len), code);
}

/* ---- live ---- */

static void test_socket_options(void **state)
{
	static const struct { int level, name, value; } want[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 15 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 },
	};
	int value;
	socklen_t len = sizeof(value);

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(want); n++) {
		assert_int_equal(getsockopt(iwarp_conn_of(e->c)->fd, want[n].level, want[n].name,
					    &value, &len), 0);
		assert_int_equal(value, want[n].value);
	}
}

static void test_what_came_with_the_reply_under_way_is_read(void **state)
{
	(void)state;
	/* The edge of these bytes may have been seen before it was live. */
	message("first");
	message("second");
	env_until(e->received == 2);
}

/* ---- the peer ends it ---- */

static void test_peer_closes(void **state)
{
	(void)state;
	greet();
	shutdown(fd, SHUT_WR);
	env_until(e->closed);
	assert_string_equal(e->why, "closed by the peer");
	assert_true(env_eof(fd));
}

static void test_peer_vanishes(void **state)
{
	(void)state;
	greet();
	reset();
	env_until(e->closed);
	assert_string_equal(e->why, "connection lost");
}

static void test_peer_closes_in_the_middle_of_an_fpdu(void **state)
{
	uint8_t buf[FPDU_MAX];
	size_t len = env_fpdu(buf, RDMAP_SEND, RDMAP_QN_SEND, msn, "request", 7);

	(void)state;
	env_send(fd, buf, len - 1);
	env_until(iwarp_conn_of(e->c)->rx_held == 1);
	shutdown(fd, SHUT_WR);
	env_until(e->closed);
	assert_int_equal(e->received, 0);
}

static void test_peer_terminates(void **state)
{
	uint8_t buf[FPDU_MAX], body[RDMAP_TERMINATE_MAX];
	uint32_t len = rdmap_terminate_encode(body, TERM_RDMAP_BOUNDS, 0, NULL, NULL);

	(void)state;
	greet();
	env_send(fd, buf, env_fpdu(buf, RDMAP_TERMINATE, RDMAP_QN_TERMINATE, 1, body,
				   (uint16_t)len));
	env_until(e->dying);
	assert_string_equal(e->why, "terminated by the peer");
	assert_true(env_eof(fd)); /* no TERMINATE in answer */
}

/* ---- we end it ---- */

static void test_error_is_told_with_a_terminate(void **state)
{
	(void)state;
	greet();
	msn += 5;
	message("out of order");
	env_until(e->dying);
	assert_string_equal(e->why, term_name(TERM_DDP_UNTAGGED_MSN));
	terminate_expect(TERM_DDP_UNTAGGED_MSN);
	assert_true(env_eof(fd));
	close(fd);
	fd = -1;
	env_until(e->closed);
}

static void test_nothing_is_delivered_after_an_error(void **state)
{
	(void)state;
	greet();
	msn += 5;
	message("out of order");
	env_until(e->dying);
	msn = 2;
	message("late");
	env_settle();
	assert_int_equal(e->received, 1);
}

static void test_our_end_is_not_waited_for_longer_than_a_while(void **state)
{
	(void)state;
	transport_disconnect(e->c);
	env_until(e->dying);
	assert_true(env_eof(fd));
	env_settle();
	assert_int_equal(e->closed, 0);
	env_pass_time(IWARP_LINGER_NS + 10000000);
	env_until(e->closed);
}

/* So no reset overtakes what was sent last. */
static void test_what_still_comes_is_read_and_thrown_away(void **state)
{
	static const uint8_t bulk[4096];
	ssize_t n = 0;

	(void)state;
	transport_disconnect(e->c);
	env_until(e->dying);
	for (int k = 0; k < 2048; k++) {
		env_until((n = send(fd, bulk, sizeof(bulk), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0 ||
			  errno != EAGAIN);
		assert_true(n > 0);
	}
	assert_int_equal(e->closed, 0);
	assert_true(env_eof(fd));
	close(fd);
	fd = -1;
	env_until(e->closed);
}

/* The peer reads nothing: what is half out can only be given up. */
static void test_peer_that_does_not_read(void **state)
{
	const uint32_t len = 4u << 20;
	struct xfer_seg seg = { 0x1000, 1, len };
	struct xfer x = { .segs = &seg, .nsegs = 1, .msg = (const uint8_t *)"done", .msg_len = 4 };
	bool full = false;

	(void)state;
	greet();
	assert_int_equal(iobuf_get(&env_tr->bufs, len, &x.local), 0);
	x.local.len = len;
	for (int n = 0; n < 64 && !full; n++) {
		transport_push(e->c, &x);
		env_settle();
		full = !e->sent;
		e->sent = 0;
	}
	assert_true(full);
	assert_true(iwarp_conn_of(e->c)->want_write);
	transport_disconnect(e->c);
	env_until(e->sent == 1);
	assert_int_equal(x.status, -ECONNRESET);
	env_settle();
	assert_int_equal(e->closed, 0);
	env_pass_time(IWARP_LINGER_NS + 10000000);
	env_until(e->closed);
}

/* ---- READ requests ---- */

/* The peer reads our request; the STag its answer goes to. */
static uint32_t read_expect(void)
{
	uint8_t buf[FPDU_MAX];

	env_recv(fd, buf, 2 + DDP_UNTAGGED_HEAD + RDMAP_READ_REQUEST_LEN + 4);
	assert_int_equal(buf[3] & 0x0f, RDMAP_READ_REQUEST);
	return get_be32(buf + 2 + DDP_UNTAGGED_HEAD);
}

/* Four bytes of the answer, the @part of two. */
static void read_answer(uint32_t stag, unsigned part)
{
	uint8_t buf[2 + DDP_TAGGED_HEAD + 8] = { 0, DDP_TAGGED_HEAD + 4, part ? 0xc1 : 0x81,
						 0x40 | RDMAP_READ_RESPONSE };

	put_be32(buf + 4, stag);
	put_be64(buf + 8, 4 * part);
	memcpy(buf + 16, "data", 4);
	env_send(fd, buf, sizeof(buf));
}

static void looks(unsigned n)
{
	while (n--) {
		env_pass_time(5010000000);
		env_settle();
	}
}

static void test_read_that_is_not_answered(void **state)
{
	static uint8_t data[8];
	struct xfer_seg seg = { 0, 1, sizeof(data) };
	struct xfer x = { .segs = &seg, .nsegs = 1,
			  .local = { .addr = data, .len = sizeof(data) } };
	uint32_t stag;

	(void)state;
	greet();
	transport_pull(e->c, &x);
	env_settle();
	stag = read_expect();
	looks(4);
	assert_int_equal(e->dying, 0);
	/* Slow is not dead. */
	read_answer(stag, 0);
	env_until(iwarp_tx_oldest_read(iwarp_conn_of(e->c))->got == 4);
	looks(5);
	assert_int_equal(e->dying, 0);
	looks(1);
	assert_int_equal(e->dying, 1);
	assert_string_equal(e->why, "RDMA READ not answered");
	assert_int_equal(e->reset, 1);
	assert_int_equal(x.status, -ECONNRESET);
}

static void test_read_that_is_answered_late(void **state)
{
	static uint8_t data[8];
	struct xfer_seg seg = { 0, 1, sizeof(data) };
	struct xfer x = { .segs = &seg, .nsegs = 1,
			  .local = { .addr = data, .len = sizeof(data) } };

	(void)state;
	greet();
	for (unsigned i = 1; i < 4; i++) {
		uint32_t stag;

		transport_pull(e->c, &x);
		env_settle();
		stag = read_expect();
		looks(4);
		read_answer(stag, 0);
		read_answer(stag, 1);
		env_until(e->pulled == i);
	}
	assert_memory_equal(data, "datadata", 8);
	/* Nobody waits for anything. */
	looks(7);
	assert_int_equal(e->dying, 0);
	assert_true(list_empty(&iwarp_conn_of(e->c)->timer.link));
}

static void sink(void)
{
	static uint8_t bytes[65536];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* What the kernel did not take is sent when there is room again. */
static void test_peer_that_reads_late(void **state)
{
	const uint32_t len = 4u << 20;
	struct xfer_seg seg = { 0x1000, 1, len };
	struct xfer x[4];
	struct iobuf b;

	(void)state;
	greet();
	assert_int_equal(iobuf_get(&env_tr->bufs, len, &b), 0);
	b.len = len;
	for (int n = 0; n < 4; n++) {
		x[n] = (struct xfer){ .segs = &seg, .nsegs = 1, .local = b,
				      .msg = (const uint8_t *)"done", .msg_len = 4 };
		transport_push(e->c, &x[n]);
	}
	env_settle();
	assert_true(e->sent < 4);
	env_until((sink(), e->sent == 4));
	assert_int_equal(e->reset, 0);
}

static void test_disconnect_twice_and_after_the_end(void **state)
{
	(void)state;
	greet();
	message("held");
	env_until(e->nheld == 1);
	transport_disconnect(e->c);
	transport_disconnect(e->c);
	env_until(e->dying);
	transport_disconnect(e->c);
	shutdown(fd, SHUT_WR);
	env_settle();
	transport_disconnect(e->c);
	env_settle();
	assert_int_equal(e->dying, 1);
	env_put_all(e);
	env_until(e->closed == 1);
}

/* SRP ended it before the reactor came to it. */
static void test_disconnect_right_after_accept(void **state)
{
	uint8_t buf[MPA_FRAME_MAX];
	int second = env_dial();
	struct env_end *s;

	(void)state;
	env_send(second, buf, env_frame(buf, "Req", 0, 1, NULL, 0));
	env_until(env_request);
	s = env_accept(NULL, 0);
	transport_disconnect(s->c);
	env_until(s->dying);
	close(second);
	env_until(s->closed);
}

static void test_transport_goes_with_connections_that_linger(void **state)
{
	greet();
	transport_disconnect(e->c);
	env_until(e->dying);
	e->c = NULL;
	env_stop();
	env_setup(state);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_socket_options),
		T(test_what_came_with_the_reply_under_way_is_read),
		T(test_peer_closes),
		T(test_peer_vanishes),
		T(test_peer_closes_in_the_middle_of_an_fpdu),
		T(test_peer_terminates),
		T(test_error_is_told_with_a_terminate),
		T(test_nothing_is_delivered_after_an_error),
		T(test_our_end_is_not_waited_for_longer_than_a_while),
		T(test_what_still_comes_is_read_and_thrown_away),
		T(test_peer_that_does_not_read),
		T(test_read_that_is_not_answered),
		T(test_read_that_is_answered_late),
		T(test_peer_that_reads_late),
		T(test_disconnect_twice_and_after_the_end),
		T(test_disconnect_right_after_accept),
		T(test_transport_goes_with_connections_that_linger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
