/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static bool told(const char *what)
{
	return strstr(fake.trace, what) != NULL;
}

static bool told_once(const char *what)
{
	const char *at = strstr(fake.trace, what);

	return at && !strstr(at + 1, what);
}

static void test_first_message_proves_the_handshake(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_settle();
	assert_true(fake_recv(c, "early", 5));
	fake_reactor();
	assert_non_null(strstr(fake.trace, "live recv"));
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_ESTABLISHED);
	fake_settle();
	assert_true(told_once("live"));
	transport_rx_put(c, ch.held[0]);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
	assert_true(told("closed"));
}

static void test_failed_completion_kills_the_connection_once(void **state)
{
	struct xfer x[3];
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	for (int i = 0; i < 3; i++)
		fake_push(c, &x[i], 512);
	fake_reactor();
	fake_fail(c, IBV_WC_REM_ACCESS_ERR);
	fake_settle();
	assert_true(told_once("dying"));
	assert_true(told_once("closed"));
	assert_true(strstr(fake.trace, "dying") < strstr(fake.trace, "send_reset"));
	assert_true(strstr(fake.trace, "destroy_qp") < strstr(fake.trace, "closed"));
	assert_int_equal(ch.sent, 3);
	assert_int_equal(ch.reset, 3);
	assert_int_equal(fake.disconnects, 1);
}

static void test_every_xfer_comes_back_when_the_peer_leaves(void **state)
{
	struct xfer push[4], pull[8];
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	for (int i = 0; i < 8; i++)
		fake_pull(c, &pull[i], 4096); /* more than may be outstanding */
	for (int i = 0; i < 4; i++)
		fake_push(c, &push[i], 512);
	fake_reactor();
	assert_int_equal(fake.last_chain, 4 + 8);
	fake_complete(c, 1);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
	assert_int_equal(ch.pulled, 8);
	assert_int_equal(ch.sent, 4);
	assert_int_equal(ch.reset, 11);
	assert_true(told_once("closed"));
}

/* Until the QP is destroyed the device may write to the memory of what was posted. */
static void test_device_that_does_not_flush_is_waited_for_in_vain(void **state)
{
	struct xfer x;
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	fake.never_flushes = true;
	fake_push(c, &x, 512);
	fake_reactor();
	fake_qp(c)->tail = fake_qp(c)->head; /* lost */
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_reactor();
	fake_control();
	assert_int_equal(fake.qps, 1);
	assert_int_equal(ch.sent, 0);
	fake_settle(); /* time passes */
	assert_true(strstr(fake.trace, "destroy_qp") < strstr(fake.trace, "send_reset"));
	assert_int_equal(ch.reset, 1);
	assert_true(told_once("closed"));
}

static void test_xfer_given_while_dying_comes_back(void **state)
{
	struct xfer x;
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	transport_disconnect(c);
	reactor_round(fake_r);
	assert_true(told("dying"));
	fake_push(c, &x, 512);
	assert_int_equal(ch.sent, 0); /* never inside the call */
	fake_reactor();
	assert_int_equal(ch.reset, 1);
	assert_int_equal(fake.post_sends, 0);
	fake_settle();
	assert_true(told_once("closed"));
}

static void test_closed_waits_for_messages_still_held(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	assert_true(fake_recv(c, "one", 4));
	assert_true(fake_recv(c, "two", 4));
	fake_reactor();
	assert_int_equal(ch.nheld, 2);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
	assert_int_equal(fake.qps, 0);
	assert_false(told("closed"));
	assert_string_equal((char *)ch.held[0]->data, "one");
	transport_rx_put(c, ch.held[0]);
	fake_settle();
	assert_false(told("closed"));
	transport_rx_put(c, ch.held[1]);
	assert_false(told("closed")); /* never inside the call */
	fake_settle();
	assert_true(told_once("closed"));
}

static void test_message_after_the_end_began_is_dropped(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);
	unsigned posted = fake_rq_len(&((struct fake_srq *)verbs_conn_of(c)->p->srq)->rq);
	struct fake_rq *rq = &((struct fake_srq *)verbs_conn_of(c)->p->srq)->rq;

	(void)state;
	transport_disconnect(c);
	reactor_round(fake_r);
	assert_true(fake_recv(c, "late", 5));
	fake_settle();
	assert_int_equal(ch.nheld, 0);
	assert_int_equal(fake_rq_len(rq), posted); /* the slot is back */
}

static void test_last_wqe_event_ends_the_wait_for_receives(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	fake_async_event(IBV_EVENT_QP_LAST_WQE_REACHED, c);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	for (int i = 0; i < 5; i++) { /* no timer ripens here */
		fake_reactor();
		fake_control();
	}
	assert_true(told_once("closed"));
}

static void test_own_receives_are_reused_by_the_next_connection(void **state)
{
	struct fake_chan ch;
	struct transport_listener *l = fake_listen("0.0.0.0");
	int mrs = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct conn *c = fake_live(l, &ch);

		assert_null(verbs_conn_of(c)->p->srq);
		assert_int_equal(fake_rq_len(&fake_qp(c)->rq), 16);
		assert_true(fake_recv(c, "x", 2));
		fake_reactor();
		transport_rx_put(c, ch.held[0]);
		fake_reactor();
		assert_int_equal(fake_rq_len(&fake_qp(c)->rq), 16);
		fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
		fake_settle();
		assert_null(ch.c);
		mrs = i ? mrs : fake.mrs;
		assert_int_equal(fake.mrs, mrs);
	}
}

static int setup_no_srq(void **state)
{
	fake_params = (struct transport_params){
		.max_recv = 8260, .max_send = 256, .imm_offset = 68, .sq_size = 1024,
	};
	return fake_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_first_message_proves_the_handshake, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_failed_completion_kills_the_connection_once,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_every_xfer_comes_back_when_the_peer_leaves, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_device_that_does_not_flush_is_waited_for_in_vain,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_xfer_given_while_dying_comes_back, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_closed_waits_for_messages_still_held, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_message_after_the_end_began_is_dropped, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_last_wqe_event_ends_the_wait_for_receives, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_own_receives_are_reused_by_the_next_connection,
			setup_no_srq, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
