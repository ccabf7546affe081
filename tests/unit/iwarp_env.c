/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iwarp_env.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <qb/qbdefs.h>
#include <qb/qbloop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLAB (8u << 20)
#define WATCHES 600
#define HANG_MS 60000 /* only a test that fails waits as long */
#define SETTLE_TURNS 50

struct transport *env_target, *env_initiator;
struct reactor *env_tr, *env_ir;
struct reactor_group env_group;
struct transport_listener *env_listener;
struct sockaddr_in env_addr;
enum env_policy env_policy;
struct conn *env_request;
struct conn_info env_info;
uint8_t env_pd[MPA_PD_MAX];
size_t env_pd_len;
unsigned env_requests, env_gone, env_watches, env_timers;
struct env_end env_ends[ENV_ENDS];

static struct mailbox control;
static unsigned nends, upcalls;
static uint64_t clock_offset_ns;

/* ---- time: the machine's, put forward ---- */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, clock, ts);
	uint64_t ns = (uint64_t)ts->tv_nsec + clock_offset_ns;

	ts->tv_sec += (time_t)(ns / 1000000000);
	ts->tv_nsec = (long)(ns % 1000000000);
	return (int)rc;
}

void env_pass_time(uint64_t ns)
{
	clock_offset_ns += ns;
}

/* ---- libqb's loop ---- */

static struct watch {
	int fd;
	void *data;
	qb_loop_poll_dispatch_fn fn;
} watches[WATCHES];

static qb_loop_timer_dispatch_fn timer_fn;
static void *timer_data;
static uint64_t timer_at;

int32_t qb_loop_poll_add(qb_loop_t *l, enum qb_loop_priority p, int32_t fd, int32_t events,
			 void *data, qb_loop_poll_dispatch_fn fn)
{
	(void)l;
	(void)p;
	(void)events;
	assert_true(env_watches < WATCHES);
	watches[env_watches++] = (struct watch){ fd, data, fn };
	return 0;
}

int32_t qb_loop_poll_del(qb_loop_t *l, int32_t fd)
{
	(void)l;
	for (unsigned i = 0; i < env_watches; i++) {
		if (watches[i].fd != fd)
			continue;
		watches[i] = watches[--env_watches];
		return 0;
	}
	fail_msg("descriptor %d is not watched", fd);
	return -EBADF;
}

int32_t qb_loop_timer_add(qb_loop_t *l, enum qb_loop_priority p, uint64_t ns, void *data,
			  qb_loop_timer_dispatch_fn fn, qb_loop_timer_handle *h)
{
	(void)l;
	(void)p;
	assert_null(timer_fn);
	timer_fn = fn;
	timer_data = data;
	timer_at = clock_now_ns() + ns;
	*h = 1;
	env_timers++;
	return 0;
}

int32_t qb_loop_timer_del(qb_loop_t *l, qb_loop_timer_handle h)
{
	(void)l;
	assert_int_equal(h, 1);
	timer_fn = NULL;
	env_timers--;
	return 0;
}

static void timer_run(void)
{
	qb_loop_timer_dispatch_fn fn = timer_fn;

	if (!fn || clock_now_ns() < timer_at)
		return;
	timer_fn = NULL;
	env_timers--;
	fn(timer_data);
}

/* A watch may go while others run: it is looked up again before it is called. */
static void loop_run(void)
{
	struct pollfd p[WATCHES];
	unsigned n = env_watches;

	for (unsigned i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = watches[i].fd, .events = POLLIN };
	if (poll(p, n, 0) <= 0)
		return;
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; p[i].revents && j < env_watches; j++)
			if (watches[j].fd == p[i].fd) {
				watches[j].fn(p[i].fd, p[i].revents, watches[j].data);
				break;
			}
}

/* ---- SRP's part ---- */

static void end_note(struct env_end *e)
{
	e->order = ++upcalls;
}

static struct env_end *end_new(void)
{
	assert_true(nends < ENV_ENDS);
	env_ends[nends].used = true;
	return &env_ends[nends++];
}

static void on_request(struct conn *c, const struct conn_info *info, const uint8_t *pd, size_t len,
		       void *listener_ctx)
{
	assert_ptr_equal(listener_ctx, &env_group);
	env_requests++;
	env_request = c;
	env_info = *info;
	env_pd_len = len;
	memcpy(env_pd, pd, len);
	if (env_policy == ENV_ACCEPT)
		env_accept("welcome", 7);
	if (env_policy != ENV_REJECT)
		return;
	env_request = NULL;
	transport_reject(c, "go away", 7);
}

static void on_gone(struct conn *c, void *context)
{
	struct env_end *e = context;

	if (!e) {
		assert_ptr_equal(c, env_request);
		env_request = NULL;
		env_gone++;
		return;
	}
	assert_int_equal(e->live, 0);
	e->gone++;
	e->c = NULL;
	end_note(e);
}

static void on_recv(struct conn *c, struct rx *rx)
{
	struct env_end *e = c->context;

	assert_true(e->live == 1 && !e->dying);
	e->received++;
	e->last_len = rx->len;
	memcpy(e->last, rx->data, rx->len < sizeof(e->last) ? rx->len : sizeof(e->last));
	end_note(e);
	if (e->put_at_once) {
		transport_rx_put(c, rx);
		return;
	}
	assert_true(e->nheld < ARRAY_SIZE(e->held));
	e->held[e->nheld++] = rx;
}

static void on_live(struct conn *c)
{
	struct env_end *e = c->context;

	assert_ptr_equal(e->c, c);
	e->live++;
	end_note(e);
}

static void xfer_ended(struct xfer *x, int status)
{
	struct env_end *e = x->conn->context;

	assert_false(e->closed);
	assert_true(!status || status == -ECONNRESET);
	e->reset += status != 0;
	x->status = status;
	end_note(e);
}

static void on_pulled(struct xfer *x, int status)
{
	((struct env_end *)x->conn->context)->pulled++;
	xfer_ended(x, status);
}

static void on_sent(struct xfer *x, int status)
{
	((struct env_end *)x->conn->context)->sent++;
	xfer_ended(x, status);
}

static void on_connected(struct conn *c, int status, const uint8_t *pd, size_t len)
{
	struct env_end *e = c->context;

	e->connected++;
	e->status = status;
	e->pd_len = len;
	memcpy(e->pd, pd, len);
	e->live = !status;
	if (status)
		e->c = NULL;
	end_note(e);
}

static void on_dying(struct conn *c, const char *why)
{
	struct env_end *e = c->context;

	assert_true(e->live == 1 && !e->dying);
	e->dying++;
	e->why = why;
	end_note(e);
}

static void on_closed(struct conn *c, void *context)
{
	struct env_end *e = context;

	assert_ptr_equal(e->c, c);
	assert_true(e->dying == 1 && !e->closed && !e->nheld);
	e->closed++;
	e->c = NULL;
	end_note(e);
}

static const struct transport_upcalls upcall_table = {
	.request = on_request,
	.request_gone = on_gone,
	.recv = on_recv,
	.live = on_live,
	.pulled = on_pulled,
	.sent = on_sent,
	.connected = on_connected,
	.dying = on_dying,
	.closed = on_closed,
};

struct env_end *env_accept(const void *pd, uint8_t len)
{
	struct env_end *e = end_new();
	struct accept_params p = {
		.reactor = env_tr,
		.context = e,
		.recv_depth = ENV_DEPTH,
		.max_xfers = ENV_DEPTH,
		.private_data = pd,
		.private_len = len,
	};

	assert_non_null(env_request);
	e->c = env_request;
	env_request = NULL;
	assert_int_equal(transport_accept(e->c, &p), 0);
	return e;
}

struct env_end *env_connect(const void *pd, uint8_t len)
{
	struct env_end *e = end_new();
	char err[128] = "";
	struct connect_params p = {
		.addr = (struct sockaddr *)&env_addr,
		.addr_len = sizeof(env_addr),
		.context = e,
		.recv_depth = ENV_DEPTH,
		.max_xfers = ENV_DEPTH,
		.max_rd_atomic = 4,
		.timeout_ms = 30000,
		.private_data = pd,
		.private_len = len,
	};

	assert_int_equal(transport_connect(env_initiator, env_ir, &p, &e->c, err, sizeof(err)), 0);
	assert_int_equal(e->connected, 0);
	return e;
}

void env_pair(struct env_end **target, struct env_end **initiator)
{
	struct env_end *t, *i;

	env_policy = ENV_ACCEPT;
	i = env_connect("hello", 5);
	env_until(i->connected);
	assert_int_equal(i->status, 0);
	t = &env_ends[nends - 1];
	assert_ptr_not_equal(t, i);
	env_until(t->live);
	*target = t;
	*initiator = i;
}

void env_put_all(struct env_end *e)
{
	while (e->nheld)
		transport_rx_put(e->c, e->held[--e->nheld]);
}

/* ---- turning ---- */

void env_control_turn(void)
{
	timer_run();
	loop_run();
	mailbox_drain(&control);
}

void env_turn(void)
{
	env_control_turn();
	reactor_round(env_tr);
	reactor_round(env_ir);
}

void env_settle(void)
{
	for (int i = 0; i < SETTLE_TURNS; i++)
		env_turn();
}

/* Loopback delivers at once, nearly always: sleep only when it did not. */
void env_wait_step(unsigned n, const char *what, const char *file, int line)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	env_turn();
	if (n < 1000)
		return;
	nanosleep(&ms, NULL);
	if (n > 1000 + HANG_MS)
		_fail(file, line);
	if (n == 1000 + HANG_MS)
		print_error("%s:%d: %s does not come\n", file, line, what);
}

/* ---- life ---- */

static struct transport *transport_new(enum iwarp_crc crc, uint8_t revision, void *loop)
{
	const struct transport_params tp = {
		.max_recv = ENV_MAX_RECV,
		.max_send = 1024,
		.imm_offset = ENV_IMM_OFFSET,
		.sq_size = 1024,
	};
	const struct iwarp_params ip = { .crc = crc, .revision = revision };
	struct transport *t;
	char err[128];

	assert_int_equal(iwarp_create(&upcall_table, &tp, &ip, &env_group, loop, &t, err,
				      sizeof(err)), 0);
	return t;
}

static void listen_start(void)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(env_addr);
	char err[128];

	assert_int_equal(env_target->ops->listen(env_target, (struct sockaddr *)&any, sizeof(any),
						 &env_group, &env_listener, err, sizeof(err)), 0);
	assert_int_equal(getsockname(container_of(env_listener, struct iwarp_listener,
						  listener)->fd,
				     (struct sockaddr *)&env_addr, &len), 0);
}

void env_start(enum iwarp_crc target, enum iwarp_crc initiator, uint8_t revision)
{
	const struct reactor_params rp = { .buffer_size = SLAB, .cpu = -1 };

	memset(env_ends, 0, sizeof(env_ends));
	nends = upcalls = 0;
	env_requests = env_gone = 0;
	env_request = NULL;
	env_policy = ENV_HOLD;
	assert_int_equal(mailbox_init(&control), 0);
	env_group = (struct reactor_group){ .n = 2, .control = &control };
	assert_int_equal(reactor_create(0, &rp, &env_tr), 0);
	assert_int_equal(reactor_create(1, &rp, &env_ir), 0);
	env_group.r[0] = env_tr;
	env_group.r[1] = env_ir;
	env_target = transport_new(target, 2, &env_group);
	env_initiator = transport_new(initiator, revision, NULL);
	listen_start();
}

void env_stop(void)
{
	iwarp_destroy(env_initiator);
	iwarp_destroy(env_target);
	assert_int_equal(env_watches, 0);
	assert_int_equal(env_timers, 0);
	reactor_destroy(env_tr);
	reactor_destroy(env_ir);
	mailbox_destroy(&control);
}

int env_setup(void **state)
{
	(void)state;
	env_start(IWARP_CRC_AUTO, IWARP_CRC_AUTO, 2);
	return 0;
}

int env_teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nends; i++) {
		struct env_end *e = &env_ends[i];

		if (e->c)
			env_put_all(e);
		if (e->c)
			transport_disconnect(e->c);
	}
	if (env_request)
		transport_reject(env_request, NULL, 0);
	env_request = NULL;
	for (unsigned i = 0; i < nends; i++) {
		env_settle();
		env_pass_time(2 * IWARP_LINGER_NS);
		env_until(!env_ends[i].c);
	}
	env_stop();
	return 0;
}

/* ---- a peer made by hand ---- */

int env_dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&env_addr, sizeof(env_addr)), 0);
	return fd;
}

void env_send(int fd, const void *p, size_t len)
{
	assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), (ssize_t)len);
}

void env_recv(int fd, void *p, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = -1;

		env_until((n = recv(fd, (uint8_t *)p + have, len - have, MSG_DONTWAIT)) >= 0 ||
			  errno != EAGAIN);
		assert_true(n > 0);
		have += (size_t)n;
	}
}

bool env_eof(int fd)
{
	uint8_t byte;
	ssize_t n = -1;

	env_until((n = recv(fd, &byte, 1, MSG_DONTWAIT)) >= 0 || errno != EAGAIN);
	assert_true(n <= 0);
	return !n;
}

size_t env_frame(uint8_t *buf, const char *key, uint8_t flags, uint8_t revision, const void *pd,
		 uint16_t len)
{
	memcpy(buf, "MPA ID ", 7);
	memcpy(buf + 7, key, 3);
	memcpy(buf + 10, " Frame", 6);
	buf[16] = flags;
	buf[17] = revision;
	buf[18] = (uint8_t)(len >> 8);
	buf[19] = (uint8_t)len;
	if (len)
		memcpy(buf + 20, pd, len);
	return 20u + len;
}

size_t env_fpdu(uint8_t *buf, uint8_t opcode, uint32_t qn, uint32_t msn, const void *p,
		uint16_t len)
{
	uint32_t ulpdu = 18u + len, all = (2 + ulpdu + 3) / 4 * 4 + 4;

	memset(buf, 0, all);
	put_be16(buf, (uint16_t)ulpdu);
	buf[2] = 0x41;
	buf[3] = 0x40 | opcode;
	put_be32(buf + 8, qn);
	put_be32(buf + 12, msn);
	if (len)
		memcpy(buf + 20, p, len);
	return all;
}
