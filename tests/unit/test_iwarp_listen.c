/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Those who call, byte by byte. */
#include "iwarp_env.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CRC 0x40
#define MARKERS 0x80
#define REJECT 0x20
#define ENHANCED 0x10
#define HANG_MS 60000 /* only a test that fails waits as long */

/* "hello" behind IRD and ORD. */
static const uint8_t ird4_ord0[] = "\x00\x04\x00\x00hello";

static int dial_request(uint8_t flags, uint8_t revision, const void *pd, uint16_t len)
{
	uint8_t buf[MPA_FRAME_MAX];
	int fd = env_dial();

	env_send(fd, buf, env_frame(buf, "Req", flags, revision, pd, len));
	return fd;
}

static void reply_expect(int fd, uint8_t flags, uint8_t revision, const void *pd, uint16_t len)
{
	uint8_t want[MPA_FRAME_MAX], got[MPA_FRAME_MAX];
	size_t n = env_frame(want, "Rep", flags, revision, pd, len);

	env_recv(fd, got, n);
	assert_memory_equal(got, want, n);
}

/* ---- requests and replies ---- */

static void test_request_of_revision_1(void **state)
{
	int fd = dial_request(0, 1, "hello", 5);

	(void)state;
	env_until(env_request);
	assert_int_equal(env_pd_len, 5);
	assert_memory_equal(env_pd, "hello", 5);
	assert_int_equal(env_info.max_rd_atomic, 1);
	env_accept("welcome", 7);
	reply_expect(fd, 0, 1, "welcome", 7);
	close(fd);
}

static void test_enhanced_request_of_the_kernel(void **state)
{
	int fd = dial_request(ENHANCED, 2, ird4_ord0, 9);

	(void)state;
	env_until(env_request);
	assert_int_equal(env_pd_len, 5);
	assert_memory_equal(env_pd, "hello", 5);
	assert_int_equal(env_info.max_rd_atomic, 4);
	env_accept("welcome", 7);
	reply_expect(fd, ENHANCED, 2, "\x00\x00\x00\x04welcome", 11);
	close(fd);
}

static void test_revision_2_without_enhanced_part(void **state)
{
	int fd = dial_request(0, 2, "hello", 5);

	(void)state;
	env_until(env_request);
	assert_int_equal(env_pd_len, 5);
	env_accept("welcome", 7);
	reply_expect(fd, 0, 2, "welcome", 7);
	close(fd);
}

static const struct depth_case {
	uint8_t ird[2], ord[2], reply[4];
	uint8_t reads;
} depths[] = {
	/* more than we have */
	{ { 0x01, 0x00 }, { 0x00, 0x80 }, { 0, 16, 0, 16 }, 16 },
	/* less */
	{ { 0x00, 0x01 }, { 0x00, 0x02 }, { 0, 2, 0, 1 }, 1 },
	/* serves no READs */
	{ { 0x00, 0x00 }, { 0x00, 0x00 }, { 0, 0, 0, 0 }, 0 },
	/* does not tell */
	{ { 0x3f, 0xff }, { 0x3f, 0xff }, { 0, 16, 0, 1 }, 1 },
	/* peer-to-peer, first message: any; WRITE is taken */
	{ { 0xc0, 0x04 }, { 0xc0, 0x04 }, { 0x80, 4, 0x80, 4 }, 4 },
	/* READ or SEND; a READ must be served then */
	{ { 0xc0, 0x04 }, { 0x40, 0x00 }, { 0x80, 1, 0x40, 4 }, 4 },
	/* SEND only */
	{ { 0xc0, 0x04 }, { 0x00, 0x00 }, { 0xc0, 0, 0x00, 4 }, 4 },
};

static void test_depths_and_first_message_are_negotiated(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(depths); n++) {
		const struct depth_case *d = &depths[n];
		uint8_t pd[4] = { d->ird[0], d->ird[1], d->ord[0], d->ord[1] };
		int fd = dial_request(ENHANCED, 2, pd, 4);

		env_until(env_request);
		assert_int_equal(env_info.max_rd_atomic, d->reads);
		env_accept(NULL, 0);
		reply_expect(fd, ENHANCED, 2, d->reply, 4);
		close(fd);
	}
}

static void test_crc_is_answered_with_crc(void **state)
{
	int fd = dial_request(CRC, 1, "hello", 5);

	(void)state;
	env_until(env_request);
	env_accept(NULL, 0);
	reply_expect(fd, CRC, 1, NULL, 0);
	close(fd);
}

static void test_configured_crc_is_asked_for(void **state)
{
	int fd;

	(void)state;
	iwarp_set_crc(env_target, IWARP_CRC_ON);
	fd = dial_request(ENHANCED, 2, ird4_ord0, 9);
	env_until(env_request);
	env_accept(NULL, 0);
	reply_expect(fd, ENHANCED | CRC, 2, "\x00\x00\x00\x04", 4);
	close(fd);
}

static void test_request_in_single_bytes(void **state)
{
	uint8_t buf[MPA_FRAME_MAX];
	size_t len = env_frame(buf, "Req", 0, 1, "hello", 5);
	int fd = env_dial();

	(void)state;
	for (size_t n = 0; n < len; n++) {
		assert_null(env_request);
		env_send(fd, buf + n, 1);
		env_turn();
	}
	env_until(env_request);
	assert_memory_equal(env_pd, "hello", 5);
	close(fd);
}

/* ---- refused ---- */

static void test_reject_has_the_enhanced_part_too(void **state)
{
	int fd;

	(void)state;
	env_policy = ENV_REJECT;
	fd = dial_request(ENHANCED, 2, ird4_ord0, 9);
	reply_expect(fd, ENHANCED | REJECT, 2, "\x00\x00\x00\x04go away", 11);
	assert_true(env_eof(fd));
	close(fd);
}

static void test_markers_are_refused(void **state)
{
	int fd = dial_request(MARKERS, 1, "hello", 5);

	(void)state;
	reply_expect(fd, REJECT, 1, NULL, 0);
	assert_true(env_eof(fd));
	assert_int_equal(env_requests, 0);
	close(fd);
}

static void test_peer_to_peer_without_first_message_is_refused(void **state)
{
	int fd = dial_request(ENHANCED, 2, "\x80\x04\x00\x00", 4);

	(void)state;
	reply_expect(fd, ENHANCED | REJECT, 2, "\x00\x00\x00\x04", 4);
	assert_true(env_eof(fd));
	close(fd);
}

static void test_unknown_revision_is_told_ours(void **state)
{
	int fd = dial_request(0, 3, NULL, 0);

	(void)state;
	reply_expect(fd, REJECT, 2, NULL, 0);
	env_eof(fd);
	assert_int_equal(env_requests, 0);
	close(fd);
}

/* What is no request gets no answer. */
static void test_malformed_requests_are_closed(void **state)
{
	static const struct { const char *bytes; size_t len; } cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "MPA ID Rep Frame\x00\x01\x00\x00", 20 },
		{ "MPA ID Req Frame\x00\x01\x02\x01", 20 }, /* 513 bytes */
		{ "MPA ID Req Frame\x10\x02\x00\x03", 20 }, /* no room for IRD, ORD */
		{ "MPA ID Req Frame\x00\x01\x00\x00X", 21 }, /* does not wait for us */
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		int fd = env_dial();

		env_send(fd, cases[n].bytes, cases[n].len);
		env_eof(fd);
		close(fd);
	}
	assert_int_equal(env_requests, 0);
	assert_int_equal(iwarp_of(env_target)->nrequests, 0);
}

/* ---- time and giving up ---- */

static void test_silence_is_not_waited_for(void **state)
{
	int fd = env_dial();

	(void)state;
	env_until(iwarp_of(env_target)->nrequests == 1);
	env_pass_time(IWARP_REQUEST_NS / 2);
	env_settle();
	assert_int_equal(iwarp_of(env_target)->nrequests, 1);
	env_pass_time(IWARP_REQUEST_NS);
	assert_true(env_eof(fd));
	assert_int_equal(iwarp_of(env_target)->nrequests, 0);
	assert_int_equal(env_requests, 0);
	close(fd);
}

static void test_request_that_is_not_answered_is_gone(void **state)
{
	int fd = dial_request(0, 1, NULL, 0);

	(void)state;
	env_until(env_request);
	env_pass_time(2 * IWARP_REQUEST_NS);
	env_until(env_gone == 1);
	assert_true(env_eof(fd));
	close(fd);
}

static void test_peer_that_gives_up_is_gone(void **state)
{
	int fd = dial_request(0, 1, NULL, 0);

	(void)state;
	env_until(env_request);
	close(fd);
	env_until(env_gone == 1);
	assert_int_equal(iwarp_of(env_target)->nrequests, 0);
}

static void test_data_before_the_reply_is_an_error(void **state)
{
	int fd = dial_request(0, 1, NULL, 0);

	(void)state;
	env_until(env_request);
	env_send(fd, "early", 5);
	env_until(env_gone == 1);
	close(fd);
}

/* Accepted, but it was gone when the reactor came to it. */
static void test_accepted_request_that_is_gone(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd = dial_request(0, 1, NULL, 0);
	struct pollfd p = { .events = 0 }; /* for its error only */
	struct env_end *e;

	(void)state;
	env_until(env_request);
	e = env_accept(NULL, 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	p.fd = iwarp_conn_of(e->c)->fd;
	assert_int_equal(poll(&p, 1, HANG_MS), 1);
	env_until(e->gone == 1);
	assert_int_equal(e->live + e->closed, 0);
}

static void test_port_that_is_only_looked_at(void **state)
{
	int fd = env_dial();

	(void)state;
	env_until(iwarp_of(env_target)->nrequests == 1);
	close(fd);
	env_until(iwarp_of(env_target)->nrequests == 0);
}

/* ---- many ---- */

static void test_silent_peers_make_room_for_others(void **state)
{
	static int fd[IWARP_REQUESTS_MAX];
	int late;

	(void)state;
	for (unsigned n = 0; n < IWARP_REQUESTS_MAX; n++)
		fd[n] = env_dial();
	env_until(iwarp_of(env_target)->nrequests == IWARP_REQUESTS_MAX);
	late = dial_request(0, 1, "hello", 5);
	env_settle();
	assert_int_equal(env_requests, 0);
	env_pass_time(IWARP_REQUEST_NS / 5);
	env_until(env_request);
	assert_memory_equal(env_pd, "hello", 5);
	assert_true(iwarp_of(env_target)->nrequests <= IWARP_REQUESTS_MAX);
	for (unsigned n = 0; n < IWARP_REQUESTS_MAX; n++)
		close(fd[n]);
	close(late);
}

static void test_without_descriptors_it_waits_for_better_times(void **state)
{
	struct rlimit old, none;
	int fd = dial_request(0, 1, "hello", 5), later;
	int lowest = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	(void)state;
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ (rlim_t)lowest, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	env_until(container_of(env_listener, struct iwarp_listener, listener)->paused);
	env_settle();
	assert_int_equal(env_watches, 0); /* nothing that wakes us again and again */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	later = dial_request(0, 1, "hello", 5); /* valgrind has lost the first one */
	env_pass_time(1000000000);
	env_until(env_request);
	close(fd);
	close(later);
}

/* ---- listeners ---- */

static int listen_at(const void *sa, socklen_t len, char *err)
{
	struct transport_listener *l;

	return env_target->ops->listen(env_target, sa, len, &env_group, &l, err, 128);
}

static void test_port_in_use(void **state)
{
	char err[128] = "";

	(void)state;
	assert_int_equal(listen_at(&env_addr, sizeof(env_addr), err), -EADDRINUSE);
	assert_string_equal(err, "another program has this port");
}

static void test_foreign_address(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(1) };
	char err[128] = "";

	(void)state;
	inet_pton(AF_INET, "203.0.113.1", &sa.sin_addr);
	sa.sin_port = env_addr.sin_port;
	assert_int_equal(listen_at(&sa, sizeof(sa), err), -EADDRNOTAVAIL);
	assert_string_equal(err, "not an address of this host");
}

static void test_foreign_family(void **state)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };
	char err[128] = "";

	(void)state;
	assert_int_equal(listen_at(&sa, sizeof(sa), err), -EAFNOSUPPORT);
	assert_non_null(strstr(err, "not supported"));
}

static void test_ipv6_beside_ipv4_at_one_port(void **state)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = env_addr.sin_port };
	char err[128] = "";
	uint8_t buf[MPA_FRAME_MAX];
	int fd, rc = listen_at(&sa, sizeof(sa), err);

	(void)state;
	if (rc == -EAFNOSUPPORT || rc == -EADDRINUSE)
		skip();
	assert_int_equal(rc, 0);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	sa.sin6_addr = in6addr_loopback;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		skip();
	env_send(fd, buf, env_frame(buf, "Req", 0, 1, "six", 3));
	env_until(env_request);
	assert_string_equal(env_info.peer, "::1");
	assert_int_equal(strncmp(env_info.local, "[::1]:", 6), 0);
	close(fd);
}

static void test_unlisten_ends_those_who_said_nothing(void **state)
{
	int silent = env_dial(), fd = dial_request(0, 1, "hello", 5);

	(void)state;
	env_until(env_request && iwarp_of(env_target)->nrequests == 2);
	iwarp_unlisten(env_listener);
	assert_true(env_eof(silent));
	assert_int_equal(iwarp_of(env_target)->nrequests, 1);
	env_accept("welcome", 7);
	reply_expect(fd, 0, 1, "welcome", 7);
	close(fd);
	close(silent);
}

static void test_addresses_as_text(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(5555) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(5555) };
	char text[TRANSPORT_NAME_MAX];

	(void)state;
	inet_pton(AF_INET, "10.0.0.1", &in.sin_addr);
	iwarp_addr_text((struct sockaddr *)&in, true, text, sizeof(text));
	assert_string_equal(text, "10.0.0.1:5555");
	inet_pton(AF_INET6, "fd00::1", &in6.sin6_addr);
	iwarp_addr_text((struct sockaddr *)&in6, true, text, sizeof(text));
	assert_string_equal(text, "[fd00::1]:5555");
	assert_false(iwarp_addr_same_host((struct sockaddr *)&in, (struct sockaddr *)&in6));
	inet_pton(AF_INET6, "::ffff:10.0.0.1", &in6.sin6_addr);
	iwarp_addr_text((struct sockaddr *)&in6, false, text, sizeof(text));
	assert_string_equal(text, "10.0.0.1");
	assert_true(iwarp_addr_same_host((struct sockaddr *)&in, (struct sockaddr *)&in6));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_request_of_revision_1),
		T(test_enhanced_request_of_the_kernel),
		T(test_revision_2_without_enhanced_part),
		T(test_depths_and_first_message_are_negotiated),
		T(test_crc_is_answered_with_crc),
		T(test_configured_crc_is_asked_for),
		T(test_request_in_single_bytes),
		T(test_reject_has_the_enhanced_part_too),
		T(test_markers_are_refused),
		T(test_peer_to_peer_without_first_message_is_refused),
		T(test_unknown_revision_is_told_ours),
		T(test_malformed_requests_are_closed),
		T(test_silence_is_not_waited_for),
		T(test_request_that_is_not_answered_is_gone),
		T(test_peer_that_gives_up_is_gone),
		T(test_data_before_the_reply_is_an_error),
		T(test_accepted_request_that_is_gone),
		T(test_port_that_is_only_looked_at),
		T(test_silent_peers_make_room_for_others),
		T(test_without_descriptors_it_waits_for_better_times),
		T(test_port_in_use),
		T(test_foreign_address),
		T(test_foreign_family),
		T(test_ipv6_beside_ipv4_at_one_port),
		T(test_unlisten_ends_those_who_said_nothing),
		cmocka_unit_test(test_addresses_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
