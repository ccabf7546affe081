/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The in-memory transport keeps the contract of transport.h, and is strict. */
#include "transport/mem.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEPTH 4
#define IMM 68
#define SLAB (4u << 20)

/* What the upcalls saw. */
static struct {
	struct mailbox control;
	struct reactor_group group;
	struct transport *t;
	struct conn *conn;
	char order[64]; /* one letter per upcall */
	struct rx *rx[16];
	unsigned nrx;
	int status;
	void *gone_context;
	bool put_at_once;
	uint8_t pd[64];
	size_t pd_len;
} w;

static int channel; /* a context */

static void note(char c)
{
	size_t n = strlen(w.order);

	assert_true(n + 1 < sizeof(w.order));
	w.order[n] = c;
}

static void up_request(struct conn *c, const struct conn_info *info, const uint8_t *pd,
		       size_t len, void *ctx)
{
	assert_ptr_equal(ctx, &w);
	assert_string_equal(info->peer, "peer");
	w.conn = c;
	w.pd_len = len;
	memcpy(w.pd, pd, len);
	note('q');
}

static void up_request_gone(struct conn *c, void *context)
{
	assert_ptr_equal(c, w.conn);
	w.gone_context = context;
	note('g');
}

static void up_recv(struct conn *c, struct rx *rx)
{
	w.rx[w.nrx++] = rx;
	note('r');
	if (w.put_at_once)
		transport_rx_put(c, rx);
}

static void up_live(struct conn *c)
{
	assert_ptr_equal(c, w.conn);
	note('l');
}

static void up_pulled(struct xfer *x, int status)
{
	(void)x;
	w.status = status;
	note('p');
}

static void up_sent(struct xfer *x, int status)
{
	(void)x;
	w.status = status;
	note('s');
}

static void up_dying(struct conn *c, const char *why)
{
	assert_ptr_equal(c, w.conn);
	assert_non_null(why);
	note('d');
}

static void up_closed(struct conn *c, void *context)
{
	assert_ptr_equal(c, w.conn);
	assert_ptr_equal(context, &channel);
	note('c');
}

static const struct transport_upcalls upcalls = {
	.request = up_request, .request_gone = up_request_gone, .recv = up_recv, .live = up_live,
	.pulled = up_pulled, .sent = up_sent, .dying = up_dying, .closed = up_closed,
};

static int setup(void **state)
{
	const struct reactor_params rp = { .buffer_size = SLAB, .cpu = -1 };
	const struct transport_params tp = { .max_recv = 8260, .max_send = 256,
					     .imm_offset = IMM };

	(void)state;
	memset(&w, 0, sizeof(w));
	w.put_at_once = true;
	assert_int_equal(mailbox_init(&w.control), 0);
	w.group.control = &w.control;
	w.group.n = 1;
	assert_int_equal(reactor_create(0, &rp, &w.group.r[0]), 0);
	w.t = mem_create(&upcalls, &tp, &w.group);
	assert_non_null(w.t);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mem_destroy(w.t);
	reactor_destroy(w.group.r[0]);
	mailbox_destroy(&w.control);
	return 0;
}

static void run(void)
{
	for (int i = 0; i < 5; i++) {
		mailbox_drain(&w.control);
		reactor_round(w.group.r[0]);
	}
}

static struct mem_peer *connect_peer(void)
{
	const struct conn_info info = { .peer = "peer" };

	return mem_connect(w.t, &info, "hello", 5, &w);
}

static void accept_conn(void)
{
	const struct accept_params p = { .reactor = w.group.r[0], .context = &channel,
					 .recv_depth = DEPTH, .max_xfers = 8,
					 .private_data = "welcome", .private_len = 7 };

	assert_int_equal(transport_accept(w.conn, &p), 0);
}

static struct mem_peer *live_peer(void)
{
	struct mem_peer *p = connect_peer();

	accept_conn();
	mem_establish(p);
	run();
	assert_string_equal(w.order, "ql");
	memset(w.order, 0, sizeof(w.order));
	return p;
}

static void end(struct mem_peer *p)
{
	mem_hang_up(p);
	run();
	assert_int_equal(p->state, MEM_DEAD);
	mem_peer_free(p);
}

static struct iobuf slab_buf(uint32_t len)
{
	struct iobuf b;

	assert_int_equal(iobuf_get(&w.group.r[0]->bufs, len, &b), 0);
	return b;
}

static void test_request_and_accept(void **state)
{
	struct mem_peer *p = connect_peer();

	(void)state;
	assert_int_equal(w.pd_len, 5);
	assert_memory_equal(w.pd, "hello", 5);
	accept_conn();
	assert_int_equal(p->state, MEM_ACCEPTED);
	assert_int_equal(p->private_len, 7);
	assert_memory_equal(p->private_data, "welcome", 7);
	assert_ptr_equal(w.conn->context, &channel);
	mem_establish(p);
	run();
	assert_int_equal(p->state, MEM_LIVE);
	end(p);
	assert_string_equal(w.order, "qldc");
}

static void test_reject(void **state)
{
	struct mem_peer *p = connect_peer();

	(void)state;
	transport_reject(w.conn, "no", 2);
	assert_int_equal(p->state, MEM_REJECTED);
	assert_memory_equal(p->private_data, "no", 2);
	assert_string_equal(w.order, "q");
	mem_peer_free(p);
}

static void test_failed_accept_leaves_the_request_open(void **state)
{
	const struct accept_params ap = { .reactor = w.group.r[0], .recv_depth = 1 };
	struct mem_peer *p = connect_peer();

	(void)state;
	mem_fail_accept(w.t, -ENOMEM);
	assert_int_equal(transport_accept(w.conn, &ap), -ENOMEM);
	assert_int_equal(p->state, MEM_REQUESTED);
	transport_reject(w.conn, "", 0);
	mem_peer_free(p);
}

static void test_request_gone_before_and_after_accept(void **state)
{
	struct mem_peer *p = connect_peer();

	(void)state;
	mem_hang_up(p);
	assert_string_equal(w.order, "qg");
	assert_null(w.gone_context);
	mem_peer_free(p);
	p = connect_peer();
	accept_conn();
	end(p);
	assert_string_equal(w.order, "qgqg");
	assert_ptr_equal(w.gone_context, &channel);
}

static void test_messages_arrive_in_order_and_whole(void **state)
{
	struct mem_peer *p = live_peer();

	(void)state;
	w.put_at_once = false;
	mem_send(p, "one", 3);
	mem_send(p, "three", 5);
	run();
	assert_int_equal(w.nrx, 2);
	assert_int_equal(w.rx[0]->len, 3);
	assert_memory_equal(w.rx[0]->data, "one", 3);
	assert_memory_equal(w.rx[1]->data, "three", 5);
	assert_int_equal((uintptr_t)(w.rx[0]->data + IMM) % 4096, 0);
	transport_rx_put(w.conn, w.rx[0]);
	transport_rx_put(w.conn, w.rx[1]);
	end(p);
}

static void test_messages_may_come_before_live(void **state)
{
	struct mem_peer *p = connect_peer();

	(void)state;
	accept_conn();
	mem_send(p, "x", 1);
	run();
	mem_establish(p);
	run();
	assert_string_equal(w.order, "qrl");
	end(p);
}

static void test_no_receive_left(void **state)
{
	struct mem_peer *p = live_peer();

	(void)state;
	w.put_at_once = false;
	for (int i = 0; i <= DEPTH; i++)
		mem_send(p, "x", 1);
	run();
	assert_int_equal(w.nrx, DEPTH);
	assert_true(p->rnr > 0);
	transport_rx_put(w.conn, w.rx[0]);
	run();
	assert_int_equal(w.nrx, DEPTH + 1);
	for (int i = 1; i <= DEPTH; i++)
		transport_rx_put(w.conn, w.rx[i]);
	end(p);
}

static void test_pull(void **state)
{
	struct mem_peer *p = live_peer();
	uint8_t remote[100] = "abcdefghijklmnopqrstuvwxyz";
	const struct xfer_seg segs[] = { { 0x1002, 9, 3 }, { 0x1000, 9, 2 }, { 0x1010, 9, 50 } };
	struct xfer x = { .segs = segs, .nsegs = 3, .local = slab_buf(8) };

	(void)state;
	mem_map(p, 0x1000, 9, remote, sizeof(remote), MEM_READ);
	transport_pull(w.conn, &x);
	assert_string_equal(w.order, "");
	run();
	assert_string_equal(w.order, "p");
	assert_int_equal(w.status, 0);
	assert_memory_equal(x.local.addr, "cdeabqrs", 8);
	assert_int_equal(p->pulled_bytes, 8);
	assert_int_equal(p->violations, 0);
	end(p);
}

static void test_push_writes_data_then_message(void **state)
{
	struct mem_peer *p = live_peer();
	uint8_t remote[16] = { 0 };
	const struct xfer_seg seg = { 0x1004, 9, 12 };
	struct xfer x = { .segs = &seg, .nsegs = 1, .local = slab_buf(4) };
	struct iobuf msg = slab_buf(64);
	struct mem_msg *m;

	(void)state;
	memcpy(x.local.addr, "data", 4);
	memcpy(msg.addr, "message", 7);
	x.msg = msg.addr;
	x.msg_len = 7;
	mem_map(p, 0x1000, 9, remote, sizeof(remote), MEM_WRITE);
	transport_push(w.conn, &x);
	run();
	assert_string_equal(w.order, "s");
	assert_memory_equal(remote, "\0\0\0\0data\0\0\0\0\0\0\0\0", 16);
	m = mem_take(p);
	assert_non_null(m);
	assert_int_equal(m->len, 7);
	assert_memory_equal(m->data, "message", 7);
	mem_msg_free(m);
	assert_null(mem_take(p));
	end(p);
}

/* Each ends the connection, and what was asked comes back. */
static void test_accesses_outside_of_memory(void **state)
{
	static const struct {
		struct xfer_seg seg;
		unsigned access;
		bool foreign; /* our side is no registered memory */
	} cases[] = {
		{ { 0x1000, 8, 16 }, MEM_READ, false },  /* key */
		{ { 0x0fff, 9, 16 }, MEM_READ, false },  /* before */
		{ { 0x1001, 9, 16 }, MEM_READ, false },  /* behind */
		{ { UINT64_MAX, 9, 16 }, MEM_READ, false },
		{ { 0x1000, 9, 16 }, MEM_WRITE, false }, /* right */
		{ { 0x1000, 9, 15 }, MEM_READ, false },  /* too few */
		{ { 0x1000, 9, 16 }, MEM_READ, true },
	};
	static uint8_t elsewhere[16], remote[16];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mem_peer *p;
		struct xfer x = { .segs = &cases[i].seg, .nsegs = 1, .local = slab_buf(16) };

		memset(w.order, 0, sizeof(w.order));
		p = live_peer();
		if (cases[i].foreign)
			x.local.addr = elsewhere;
		mem_map(p, 0x1000, 9, remote, sizeof(remote), cases[i].access);
		transport_pull(w.conn, &x);
		run();
		assert_string_equal(w.order, "pdc");
		assert_int_equal(w.status, -ECONNRESET);
		assert_int_equal(p->violations, 1);
		mem_peer_free(p);
	}
}

static void test_unmapped_memory_is_gone(void **state)
{
	struct mem_peer *p = live_peer();
	static uint8_t remote[16];
	const struct xfer_seg seg = { 0x1000, 9, 16 };
	struct xfer x = { .segs = &seg, .nsegs = 1, .local = slab_buf(16) };

	(void)state;
	mem_map(p, 0x1000, 9, remote, sizeof(remote), MEM_READ);
	mem_unmap(p, 9);
	transport_pull(w.conn, &x);
	run();
	assert_int_equal(p->violations, 1);
	mem_peer_free(p);
}

static void test_scripted_failure_of_a_pull(void **state)
{
	struct mem_peer *p = live_peer();
	struct xfer x = { .local = slab_buf(16) };

	(void)state;
	p->fail_pull = -ECONNRESET;
	transport_pull(w.conn, &x);
	run();
	assert_string_equal(w.order, "pdc");
	assert_int_equal(w.status, -ECONNRESET);
	assert_int_equal(p->violations, 0);
	mem_peer_free(p);
}

static void test_held_transfers_come_back_when_it_dies(void **state)
{
	struct mem_peer *p = live_peer();
	struct xfer pull = { .local = slab_buf(16) }, push = { .msg = pull.local.addr };

	(void)state;
	p->hold_pulls = p->hold_pushes = p->hold_flush = true;
	transport_pull(w.conn, &pull);
	transport_push(w.conn, &push);
	transport_disconnect(w.conn);
	transport_disconnect(w.conn);
	run();
	assert_string_equal(w.order, "d");
	p->hold_flush = false;
	run();
	assert_string_equal(w.order, "dpsc");
	assert_int_equal(w.status, -ECONNRESET);
	mem_peer_free(p);
}

static void test_closed_waits_for_every_receive(void **state)
{
	struct mem_peer *p = live_peer();

	(void)state;
	w.put_at_once = false;
	mem_send(p, "x", 1);
	run();
	mem_hang_up(p);
	run();
	assert_string_equal(w.order, "rd");
	transport_rx_put(w.conn, w.rx[0]);
	run();
	assert_string_equal(w.order, "rdc");
	mem_peer_free(p);
}

#define MEM_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MEM_TEST(test_request_and_accept),
		MEM_TEST(test_reject),
		MEM_TEST(test_failed_accept_leaves_the_request_open),
		MEM_TEST(test_request_gone_before_and_after_accept),
		MEM_TEST(test_messages_arrive_in_order_and_whole),
		MEM_TEST(test_messages_may_come_before_live),
		MEM_TEST(test_no_receive_left),
		MEM_TEST(test_pull),
		MEM_TEST(test_push_writes_data_then_message),
		MEM_TEST(test_accesses_outside_of_memory),
		MEM_TEST(test_unmapped_memory_is_gone),
		MEM_TEST(test_scripted_failure_of_a_pull),
		MEM_TEST(test_held_transfers_come_back_when_it_dies),
		MEM_TEST(test_closed_waits_for_every_receive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
