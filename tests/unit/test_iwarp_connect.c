/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calling somebody who answers byte by byte. */
#include "iwarp_env.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CRC 0x40
#define MARKERS 0x80
#define REJECT 0x20
#define ENHANCED 0x10

static int door; /* listens */

static int setup(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(env_addr);

	env_setup(state);
	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(door, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(door, 4), 0);
	assert_int_equal(getsockname(door, (struct sockaddr *)&env_addr, &len), 0);
	return 0;
}

static int teardown(void **state)
{
	close(door);
	return env_teardown(state);
}

static struct env_end *call(int *fd)
{
	struct env_end *e = env_connect("hello", 5);

	*fd = accept(door, NULL, NULL);
	assert_true(*fd >= 0);
	return e;
}

static void request_expect(int fd, uint8_t flags, uint8_t revision, const void *pd, uint16_t len)
{
	uint8_t want[MPA_FRAME_MAX], got[MPA_FRAME_MAX];
	size_t n = env_frame(want, "Req", flags, revision, pd, len);

	env_recv(fd, got, n);
	assert_memory_equal(got, want, n);
}

static void reply(int fd, uint8_t flags, uint8_t revision, const void *pd, uint16_t len)
{
	uint8_t buf[MPA_FRAME_MAX];

	env_send(fd, buf, env_frame(buf, "Rep", flags, revision, pd, len));
}

static void revision_set(uint8_t revision, enum iwarp_crc crc)
{
	iwarp_of(env_initiator)->revision = revision;
	iwarp_set_crc(env_initiator, crc);
}

/* ---- what is asked ---- */

static void test_request_is_enhanced(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	e = call(&fd);
	request_expect(fd, ENHANCED, 2, "\x00\x04\x00\x00hello", 9);
	assert_int_equal(e->connected, 0);
	reply(fd, ENHANCED, 2, "\x00\x00\x00\x04welcome", 11);
	env_until(e->connected);
	assert_int_equal(e->status, 0);
	assert_int_equal(e->pd_len, 7);
	assert_memory_equal(e->pd, "welcome", 7);
	assert_string_equal(e->c->info.peer, "127.0.0.1");
	close(fd);
}

static void test_request_of_revision_1(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	revision_set(1, IWARP_CRC_ON);
	e = call(&fd);
	request_expect(fd, CRC, 1, "hello", 5);
	reply(fd, 0, 1, "welcome", 7);
	env_until(e->connected);
	assert_int_equal(e->status, 0);
	assert_memory_equal(e->pd, "welcome", 7);
	assert_true(iwarp_conn_of(e->c)->crc);
	close(fd);
}

static void test_peer_wants_the_crc(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	revision_set(2, IWARP_CRC_OFF);
	e = call(&fd);
	reply(fd, ENHANCED | CRC, 2, "\x00\x00\x00\x04", 4);
	env_until(e->connected);
	assert_int_equal(e->status, 0);
	assert_true(iwarp_conn_of(e->c)->crc);
	close(fd);
}

static void test_what_follows_the_reply_is_data(void **state)
{
	uint8_t buf[256];
	struct env_end *e;
	size_t len;
	int fd;

	(void)state;
	e = call(&fd);
	e->put_at_once = true;
	len = env_frame(buf, "Rep", ENHANCED, 2, "\x00\x00\x00\x04", 4);
	len += env_fpdu(buf + len, RDMAP_SEND, 0, 1, "response", 8);
	len += env_fpdu(buf + len, RDMAP_SEND, 0, 2, "another", 7);
	env_send(fd, buf, len - 3);
	env_until(e->received == 1);
	assert_memory_equal(e->last, "response", 8);
	env_send(fd, buf + len - 3, 3);
	env_until(e->received == 2);
	close(fd);
}

static void test_reply_in_single_bytes(void **state)
{
	uint8_t buf[MPA_FRAME_MAX];
	size_t len = env_frame(buf, "Rep", ENHANCED, 2, "\x00\x00\x00\x04welcome", 11);
	struct env_end *e;
	int fd;

	(void)state;
	e = call(&fd);
	for (size_t n = 0; n < len; n++) {
		assert_int_equal(e->connected, 0);
		env_send(fd, buf + n, 1);
		env_turn();
	}
	env_until(e->connected);
	assert_int_equal(e->status, 0);
	close(fd);
}

/* ---- refused ---- */

static const struct answer_case {
	uint8_t flags, revision;
	const char *pd;
	uint16_t len;
	int status;
	const char *told; /* NULL: nothing */
} answers[] = {
	{ ENHANCED | REJECT, 2, "\x00\x00\x00\x04go away", 11, -ECONNREFUSED, "go away" },
	{ ENHANCED | REJECT, 2, "\x00\x00\x00\x04", 4, -ECONNREFUSED, NULL },
	{ REJECT, 2, NULL, 0, -ECONNREFUSED, NULL },
	{ REJECT, 1, "go away", 7, -ECONNREFUSED, "go away" },
	{ ENHANCED | MARKERS, 2, "\x00\x00\x00\x04", 4, -EPROTO, NULL },
	{ 0, 2, NULL, 0, -EPROTO, NULL }, /* the enhanced part is missing */
	{ 0, 1, NULL, 0, -EPROTO, NULL },
	{ 0, 3, NULL, 0, -EPROTO, NULL },
};

static void test_answers_that_are_no_connection(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(answers); n++) {
		const struct answer_case *a = &answers[n];
		struct env_end *e;
		int fd;

		e = call(&fd);
		reply(fd, a->flags, a->revision, a->pd, a->len);
		env_until(e->connected);
		assert_int_equal(e->status, a->status);
		assert_int_equal(e->pd_len, a->told ? strlen(a->told) : 0);
		if (a->told)
			assert_memory_equal(e->pd, a->told, e->pd_len);
		close(fd);
	}
}

static void test_enhanced_reply_to_a_plain_request(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	revision_set(1, IWARP_CRC_OFF);
	e = call(&fd);
	reply(fd, ENHANCED, 2, "\x00\x00\x00\x04", 4);
	env_until(e->connected);
	assert_int_equal(e->status, -EPROTO);
	close(fd);
}

static void test_garbage(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	e = call(&fd);
	env_send(fd, "SSH-2.0-OpenSSH", 15);
	env_until(e->connected);
	assert_int_equal(e->status, -EPROTO);
	close(fd);
}

static void test_closed_before_the_reply(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	e = call(&fd);
	request_expect(fd, ENHANCED, 2, "\x00\x04\x00\x00hello", 9);
	close(fd);
	env_until(e->connected);
	assert_int_equal(e->status, -ECONNREFUSED);
	assert_int_equal(e->pd_len, 0);
}

static void test_reset_before_the_reply(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	struct env_end *e;
	int fd;

	(void)state;
	e = call(&fd);
	request_expect(fd, ENHANCED, 2, "\x00\x04\x00\x00hello", 9);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	env_until(e->connected);
	assert_int_equal(e->status, -ECONNREFUSED);
}

static void test_nobody_listens(void **state)
{
	struct env_end *e;

	(void)state;
	close(door);
	e = env_connect("hello", 5);
	env_until(e->connected);
	assert_int_equal(e->status, -ECONNREFUSED);
	assert_int_equal(e->pd_len, 0);
	door = -1;
}

static void test_no_answer_in_time(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	e = call(&fd);
	env_pass_time(29000000000);
	env_settle();
	assert_int_equal(e->connected, 0);
	env_pass_time(2000000000);
	env_until(e->connected);
	assert_int_equal(e->status, -ETIMEDOUT);
	close(fd);
}

/* A reactor that was not turned for long does not know the time. */
static void test_time_starts_when_connecting(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	env_pass_time(60000000000);
	e = call(&fd);
	env_settle();
	assert_int_equal(e->connected, 0);
	reply(fd, ENHANCED, 2, "\x00\x00\x00\x04", 4);
	env_until(e->connected);
	assert_int_equal(e->status, 0);
	close(fd);
}

static void test_disconnected_while_connecting(void **state)
{
	struct env_end *e;
	int fd;

	(void)state;
	e = call(&fd);
	transport_disconnect(e->c);
	assert_int_equal(e->connected, 0);
	env_until(e->connected);
	assert_int_equal(e->status, -ECANCELED);
	assert_int_equal(e->dying + e->closed, 0);
	close(fd);
}

/* ---- errors of the call itself ---- */

static int connect_rc(const void *sa, socklen_t len, uint32_t timeout_ms, char *err)
{
	struct connect_params p = {
		.addr = sa,
		.addr_len = len,
		.recv_depth = 1,
		.max_xfers = 1,
		.max_rd_atomic = 1,
		.timeout_ms = timeout_ms,
	};
	struct conn *c;

	return transport_connect(env_initiator, env_ir, &p, &c, err, 128);
}

static void test_calls_that_cannot_work(void **state)
{
	struct sockaddr un = { .sa_family = AF_UNIX };
	struct sockaddr_in everybody = { .sin_family = AF_INET, .sin_port = htons(5555),
					 .sin_addr.s_addr = htonl(INADDR_BROADCAST) };
	char err[128] = "";

	(void)state;
	assert_int_equal(connect_rc(&un, sizeof(un), 1000, err), -EAFNOSUPPORT);
	assert_int_equal(connect_rc(&env_addr, 4, 1000, err), -EINVAL);
	assert_int_equal(connect_rc(&env_addr, sizeof(env_addr), 0, err), -EINVAL);
	assert_string_equal(err, strerror(EINVAL));
	assert_true(connect_rc(&everybody, sizeof(everybody), 1000, err) < 0);
	assert_true(err[0]);
}

static void test_unfinished_connections_go_with_the_transport(void **state)
{
	int fd;

	env_policy = ENV_HOLD;
	call(&fd);
	env_settle();
	env_stop();
	assert_int_equal(read(fd, &(char){ 0 }, 1), 1); /* of the request */
	close(fd);
	env_setup(state);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_request_is_enhanced),
		T(test_request_of_revision_1),
		T(test_peer_wants_the_crc),
		T(test_what_follows_the_reply_is_data),
		T(test_reply_in_single_bytes),
		T(test_answers_that_are_no_connection),
		T(test_enhanced_reply_to_a_plain_request),
		T(test_garbage),
		T(test_closed_before_the_reply),
		T(test_reset_before_the_reply),
		T(test_nobody_listens),
		T(test_no_answer_in_time),
		T(test_time_starts_when_connecting),
		T(test_disconnected_while_connecting),
		T(test_calls_that_cannot_work),
		T(test_unfinished_connections_go_with_the_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
