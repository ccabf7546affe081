/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reactors on threads of their own: connections are opened, talk and end at both
 * sides at once. Made for the thread sanitizer.
 */
#include "iwarp_env.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALLERS 24
#define CALLS 20 /* of each */
#define HANG_MS 120000 /* only a test that fails waits as long */

/* A connection of the target. Its reactor's, but for its making. */
struct callee {
	struct xfer x;
	bool close_first;
	uint8_t answer[16];
};

/* One after the other it opens connections. Its reactor's. */
struct caller {
	struct msg start;
	struct reactor *r;
	struct conn *c;
	struct xfer x;
	unsigned calls;
};

static struct transport *target, *initiator;
static struct reactor *reactors[4]; /* 0, 1: target; 2, 3: initiator */
static struct caller callers[CALLERS];
static atomic_uint answered, closed_here, closed_there, failed, finished;
static unsigned accepted; /* control thread */

/* ---- target ---- */

static void callee_request(struct conn *c, const struct conn_info *info, const uint8_t *pd,
			   size_t len, void *ctx)
{
	struct callee *e = calloc(1, sizeof(*e));
	struct accept_params p = { .reactor = reactors[accepted++ % 2], .context = e,
				   .recv_depth = 4, .max_xfers = 4 };

	(void)info;
	(void)ctx;
	e->close_first = len && pd[0] % 2;
	if (transport_accept(c, &p))
		abort();
}

static void callee_gone(struct conn *c, void *context)
{
	(void)c;
	free(context);
	atomic_fetch_add(&closed_there, 1);
}

static void callee_live(struct conn *c)
{
	(void)c;
}

static void callee_recv(struct conn *c, struct rx *rx)
{
	struct callee *e = c->context;

	memcpy(e->answer, rx->data, rx->len < sizeof(e->answer) ? rx->len : sizeof(e->answer));
	e->x = (struct xfer){ .msg = e->answer, .msg_len = rx->len };
	transport_push(c, &e->x);
	transport_rx_put(c, rx);
}

static void callee_sent(struct xfer *x, int status)
{
	struct callee *e = x->conn->context;

	if (!status && e->close_first)
		transport_disconnect(x->conn);
}

static void callee_closed(struct conn *c, void *context)
{
	(void)c;
	free(context);
	atomic_fetch_add(&closed_there, 1);
}

static void no_pull(struct xfer *x, int status)
{
	(void)x;
	(void)status;
	abort();
}

static void any_dying(struct conn *c, const char *why)
{
	(void)c;
	(void)why;
}

static const struct transport_upcalls target_upcalls = {
	.request = callee_request,
	.request_gone = callee_gone,
	.recv = callee_recv,
	.live = callee_live,
	.pulled = no_pull,
	.sent = callee_sent,
	.dying = any_dying,
	.closed = callee_closed,
};

/* ---- initiator ---- */

static void caller_call(struct caller *k)
{
	uint8_t number = (uint8_t)k->calls;
	struct connect_params p = { .addr = (struct sockaddr *)&env_addr,
				    .addr_len = sizeof(env_addr), .context = k,
				    .recv_depth = 4, .max_xfers = 4, .max_rd_atomic = 1,
				    .timeout_ms = HANG_MS, .private_data = &number,
				    .private_len = 1 };
	char err[80];

	if (k->calls++ == CALLS)
		atomic_fetch_add(&finished, 1);
	else if (transport_connect(initiator, k->r, &p, &k->c, err, sizeof(err)))
		abort();
}

static void caller_start(struct msg *m)
{
	caller_call(container_of(m, struct caller, start));
}

static void caller_connected(struct conn *c, int status, const uint8_t *pd, size_t len)
{
	struct caller *k = c->context;

	(void)pd;
	(void)len;
	if (status) {
		atomic_fetch_add(&failed, 1);
		caller_call(k);
		return;
	}
	k->x = (struct xfer){ .msg = (const uint8_t *)"who is there", .msg_len = 12 };
	transport_push(c, &k->x);
}

static void caller_recv(struct conn *c, struct rx *rx)
{
	if (rx->len == 12 && !memcmp(rx->data, "who is there", 12))
		atomic_fetch_add(&answered, 1);
	transport_rx_put(c, rx);
	transport_disconnect(c);
}

static void caller_sent(struct xfer *x, int status)
{
	(void)x;
	(void)status;
}

static void caller_closed(struct conn *c, void *context)
{
	(void)c;
	atomic_fetch_add(&closed_here, 1);
	caller_call(context);
}

static const struct transport_upcalls initiator_upcalls = {
	.recv = caller_recv,
	.live = callee_live,
	.pulled = no_pull,
	.sent = caller_sent,
	.connected = caller_connected,
	.dying = any_dying,
	.closed = caller_closed,
};

/* ---- both ---- */

static struct transport *transport_new(const struct transport_upcalls *up, void *loop)
{
	const struct transport_params tp = { .max_recv = 8260, .max_send = 1024,
					     .imm_offset = 68, .sq_size = 64 };
	const struct iwarp_params ip = { .crc = IWARP_CRC_ON, .revision = 2 };
	struct transport *t;
	char err[80];

	assert_int_equal(iwarp_create(up, &tp, &ip, &env_group, loop, &t, err, sizeof(err)), 0);
	return t;
}

static void start(void)
{
	const struct reactor_params rp = { .buffer_size = 4u << 20, .cpu = -1,
					   .poll_budget_us = 20 };
	char err[80];

	env_start(IWARP_CRC_ON, IWARP_CRC_ON, 2);
	iwarp_unlisten(env_listener);
	for (unsigned n = 0; n < ARRAY_SIZE(reactors); n++)
		assert_int_equal(reactor_create(n, &rp, &reactors[n]), 0);
	target = transport_new(&target_upcalls, &env_group);
	initiator = transport_new(&initiator_upcalls, NULL);
	assert_int_equal(target->ops->listen(target, (struct sockaddr *)&env_addr,
					     sizeof(env_addr), &env_group, &env_listener, err,
					     sizeof(err)), 0);
	for (unsigned n = 0; n < ARRAY_SIZE(reactors); n++)
		assert_int_equal(reactor_start(reactors[n]), 0);
}

static void stop(void)
{
	for (unsigned n = 0; n < ARRAY_SIZE(reactors); n++)
		reactor_stop(reactors[n]);
	iwarp_destroy(initiator);
	iwarp_destroy(target);
	for (unsigned n = 0; n < ARRAY_SIZE(reactors); n++)
		reactor_destroy(reactors[n]);
	env_stop();
}

static void test_connections_on_many_threads(void **state)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	(void)state;
	start();
	for (unsigned n = 0; n < CALLERS; n++) {
		callers[n] = (struct caller){ .start.fn = caller_start, .r = reactors[2 + n % 2] };
		reactor_send(callers[n].r, &callers[n].start);
	}
	for (unsigned n = 0; n < HANG_MS * 10; n++) {
		env_control_turn();
		if (atomic_load(&finished) == CALLERS && atomic_load(&closed_there) == accepted)
			break;
		nanosleep(&pause, NULL);
	}
	assert_int_equal(atomic_load(&finished), CALLERS);
	assert_int_equal(atomic_load(&failed), 0);
	assert_int_equal(atomic_load(&closed_here), CALLERS * CALLS);
	assert_int_equal(atomic_load(&closed_there), CALLERS * CALLS);
	assert_int_equal(atomic_load(&answered), CALLERS * CALLS);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_on_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
