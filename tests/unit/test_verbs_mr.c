/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void hang_up(struct conn *c)
{
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
}

static void test_shared_queue_is_never_promised_twice(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch[3];
	struct conn *c[3];

	(void)state;
	for (int i = 0; i < 2; i++) {
		c[i] = fake_connect(l);
		assert_int_equal(fake_accept(c[i], &ch[i], 80), 0);
		fake_settle();
	}
	c[2] = fake_connect(l);
	assert_int_equal(fake_accept(c[2], &ch[2], 41), -ENOMEM);
	assert_int_equal(fake_accept(c[2], &ch[2], 40), 0);
	fake_settle();
	assert_int_equal(fake_rq_len(&((struct fake_srq *)verbs_conn_of(c[0])->p->srq)->rq), 200);
	for (int i = 0; i < 3; i++)
		hang_up(c[i]);
}

static void test_closed_connection_gives_its_promise_back(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct conn *c = fake_connect(l);

		assert_int_equal(fake_accept(c, &ch, 200), 0);
		fake_settle();
		hang_up(c);
	}
}

static void test_completion_queue_holds_what_every_queue_pair_can_flush(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch[64];
	struct conn *c[64];
	unsigned cqe = 0;

	(void)state;
	for (int i = 0; i < 12; i++) {
		c[i] = fake_connect(l);
		assert_int_equal(fake_accept(c[i], &ch[i], 16), 0);
		fake_settle();
		cqe += verbs_conn_of(c[i])->sq.cap + 1;
		assert_true(fake_cq(c[0])->cq.cqe >= (int)cqe + 200);
	}
	for (int i = 0; i < 12; i++)
		hang_up(c[i]);
}

static void test_full_completion_queue_refuses(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch[40];
	struct conn *c[40];
	int n = 0;

	(void)state;
	fake_attr.max_cqe = 1000;
	for (;; n++) {
		assert_in_range(n, 0, 39);
		c[n] = fake_connect(l);
		if (fake_accept(c[n], &ch[n], 16))
			break;
		fake_settle();
	}
	assert_in_range(n, 1, 39);
	transport_reject(c[n], NULL, 0);
	hang_up(c[0]);
	c[0] = fake_connect(l);
	assert_int_equal(fake_accept(c[0], &ch[0], 16), 0);
	fake_settle();
	for (int i = 0; i < n; i++)
		hang_up(c[i]);
}

static void test_queue_grows_when_the_device_can(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch[3];
	struct conn *c[3];

	(void)state;
	for (int i = 0; i < 3; i++) { /* own receives: 4 * depth + depth entries each */
		c[i] = fake_connect(l);
		assert_int_equal(fake_accept(c[i], &ch[i], 800), 0);
	}
	assert_int_equal(verbs_conn_of(c[0])->p->cq->cqe, 2 * VERBS_CQ_INITIAL);
	fake_settle();
	for (int i = 0; i < 3; i++)
		hang_up(c[i]);
}

static int setup_no_srq(void **state)
{
	fake_params = (struct transport_params){
		.max_recv = 64, .max_send = 256, .imm_offset = 68, .sq_size = 8192,
	};
	return fake_setup(state);
}

static void test_device_without_shared_queue_is_served(void **state)
{
	struct fake_chan ch;
	struct conn *c;

	(void)state;
	fake_attr.max_srq = 0;
	c = fake_live(fake_listen("0.0.0.0"), &ch);
	assert_null(verbs_conn_of(c)->p->srq);
	assert_int_equal(fake_rq_len(&fake_qp(c)->rq), 16);
	assert_true(fake_recv(c, "x", 2));
	fake_reactor();
	assert_int_equal(ch.nheld, 1);
	transport_rx_put(c, ch.held[0]);
	hang_up(c);
}

static void test_refused_shared_queue_is_done_without(void **state)
{
	struct fake_chan ch;
	struct conn *c;

	(void)state;
	fake.srq_error = EINVAL;
	c = fake_live(fake_listen("0.0.0.0"), &ch);
	assert_null(verbs_conn_of(c)->p->srq);
	assert_int_equal(fake_rq_len(&fake_qp(c)->rq), 16);
	hang_up(c);
}

static void test_unregistered_memory_ends_the_login(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch;
	struct conn *c = fake_connect(l);

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake.mr_error = ENOMEM; /* the receives are registered, the slab is not */
	fake_settle();
	assert_int_equal(fake.accepts, 0);
	assert_non_null(strstr(fake.trace, "gone"));
	fake.mr_error = 0;
	c = fake_live(l, &ch); /* the next one tries again */
	assert_int_equal(fake.accepts, 1);
	hang_up(c);
}

static void test_region_added_later_is_registered_by_the_next_login(void **state)
{
	static uint8_t mem[4096] __attribute__((aligned(4096)));
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan a, b;
	struct conn *ca = fake_live(l, &a), *cb;
	int region = reactor_region_add(fake_r, mem, sizeof(mem));
	struct xfer x;

	(void)state;
	cb = fake_live(l, &b);
	fake_push(ca, &x, 0);
	x.msg = mem;
	x.msg_region = (uint16_t)region;
	fake_reactor();
	assert_int_equal(fake.last_chain, 1);
	fake_complete(ca, 1);
	fake_reactor();
	assert_int_equal(a.sent, 1);
	assert_int_equal(a.reset, 0);
	hang_up(ca);
	hang_up(cb);
	reactor_region_del(fake_r, region);
}

static void test_peer_may_write_no_memory_by_itself(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	assert_int_equal(fake.last_access, IBV_ACCESS_LOCAL_WRITE);
	hang_up(c);
}

static void test_iwarp_read_sink_may_be_written_by_the_peer(void **state)
{
	struct fake_chan ch;
	struct conn *c;

	(void)state;
	fake_device.transport_type = IBV_TRANSPORT_IWARP;
	c = fake_live(fake_listen("0.0.0.0"), &ch);
	fake_device.transport_type = IBV_TRANSPORT_IB;
	assert_int_equal(fake.last_access, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
	hang_up(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_shared_queue_is_never_promised_twice, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_closed_connection_gives_its_promise_back, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_completion_queue_holds_what_every_queue_pair_can_flush,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_full_completion_queue_refuses, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_queue_grows_when_the_device_can, setup_no_srq, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_device_without_shared_queue_is_served, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_refused_shared_queue_is_done_without, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_unregistered_memory_ends_the_login, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_region_added_later_is_registered_by_the_next_login,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_peer_may_write_no_memory_by_itself, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_iwarp_read_sink_may_be_written_by_the_peer, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
