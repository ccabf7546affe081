/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void test_request_tells_who_asks(void **state)
{
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_string_equal(fake_info.peer, "10.99.0.2");
	assert_string_equal(fake_info.local, "10.99.0.1:5555");
	assert_string_equal(fake_info.device, "fake0/1");
	assert_int_equal(fake_info.layout, LOGIN_LAYOUT_RDMA_CM);
	assert_int_equal(fake_info.max_rd_atomic, 4);
	assert_int_equal(fake_pd_len, 56);
	assert_string_equal((char *)fake_pd, "login");
	assert_memory_equal(&c->info, &fake_info, sizeof(fake_info));
}

static void test_reject_sends_the_reason_and_forgets(void **state)
{
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_int_equal(fake.ids, 3); /* its own, the listener's, the device's */
	transport_reject(c, "why", 3);
	assert_int_equal(fake.rejects, 1);
	assert_int_equal(fake.private_len, 3);
	assert_memory_equal(fake.private_data, "why", 3);
	assert_int_equal(fake.ids, 2);
	assert_string_equal(fake.trace, "request");
}

/* Trap: what the peer must serve is in initiator_depth, what we serve is nothing. */
static void test_accept_asks_for_the_reads_offered(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_settle();
	assert_int_equal(fake.accepts, 1);
	assert_int_equal(fake.accepted.initiator_depth, 4);
	assert_int_equal(fake.accepted.responder_resources, 0);
	assert_int_equal(fake.accepted.rnr_retry_count, 7);
	assert_int_equal(fake.accepted.flow_control, 1);
	assert_int_equal(fake.private_len, 7);
	assert_memory_equal(fake.private_data, "welcome", 7);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_CONNECT_ERROR);
}

static void test_accept_never_asks_for_more_than_the_device_does(void **state)
{
	struct fake_chan ch;
	struct conn *c;

	(void)state;
	fake_attr.max_qp_init_rd_atom = 2;
	c = fake_connect(fake_listen("0.0.0.0"));
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_settle();
	assert_int_equal(fake.accepted.initiator_depth, 2);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_CONNECT_ERROR);
}

static void test_receives_are_posted_before_the_reply(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	assert_int_equal(fake.accepts, 0);
	fake_settle();
	assert_ptr_not_equal(strstr(fake.trace, "refill"), NULL);
	assert_true(strstr(fake.trace, "refill") < strstr(fake.trace, "accept"));
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_CONNECT_ERROR);
}

static void test_second_accept_is_refused(void **state)
{
	struct fake_chan ch, other;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	assert_int_equal(fake_accept(c, &other, 16), -EINVAL);
	c->context = &ch;
	fake_settle();
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_CONNECT_ERROR);
}

static void test_failed_queue_pair_leaves_the_request_open(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	fake.qp_error = ENOMEM;
	assert_int_equal(fake_accept(c, &ch, 16), -ENOMEM);
	fake.qp_error = 0;
	assert_int_equal(fake_accept(c, &ch, 200), 0); /* nothing is still promised */
	fake_settle();
	assert_int_equal(fake.accepts, 1);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_CONNECT_ERROR);
}

static void test_failed_accept_ends_the_request(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	fake.accept_error = EINVAL;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_settle();
	assert_non_null(strstr(fake.trace, "gone"));
	assert_null(strstr(fake.trace, "unaccepted"));
	assert_null(strstr(fake.trace, "live"));
	assert_null(strstr(fake.trace, "closed"));
	assert_int_equal(fake.qps, 0);
}

static void test_peer_that_leaves_before_the_answer_is_gone(void **state)
{
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_REJECTED);
	assert_string_equal(fake.trace, "request gone_unaccepted");
	assert_int_equal(fake.ids, 2);
}

static void test_peer_that_leaves_while_attaching_is_not_accepted(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_REJECTED);
	fake_settle();
	assert_int_equal(fake.accepts, 0);
	assert_non_null(strstr(fake.trace, "gone"));
	assert_int_equal(fake.qps, 0);
}

static void test_connect_error_after_accept_is_gone(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_settle();
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_CONNECT_ERROR);
	fake_settle();
	assert_non_null(strstr(fake.trace, "gone"));
	assert_null(strstr(fake.trace, "live"));
	assert_int_equal(fake.qps, 0);
}

static void test_established_goes_live_once(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_ESTABLISHED);
	fake_settle();
	assert_non_null(strstr(fake.trace, "live"));
	assert_null(strstr(strstr(fake.trace, "live") + 1, "live"));
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
}

static void test_goodbye_of_the_peer_ends_all_at_once(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
	assert_non_null(strstr(fake.trace, "dying"));
	assert_non_null(strstr(fake.trace, "closed"));
	assert_int_equal(fake.disconnects, 1); /* our answer */
	assert_int_equal(fake.qps, 0);
	assert_int_equal(fake.ids, 2); /* listener and anchor */
}

/* Our goodbye is repeated by the CM only while the id exists. */
static void test_own_goodbye_keeps_the_id_until_it_is_answered(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);
	struct rdma_cm_id *id = fake_id(c);

	(void)state;
	transport_disconnect(c);
	fake_settle();
	assert_null(ch.c);
	assert_int_equal(fake.disconnects, 1);
	assert_int_equal(fake.ids, 3);
	fake_cm_event(id, RDMA_CM_EVENT_DISCONNECTED);
	assert_int_equal(fake.ids, 2);
}

static void test_unanswered_goodbye_is_given_up(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	transport_disconnect(c);
	fake_settle();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fake.ids, 3);
		fake_tick();
	}
	assert_int_equal(fake.ids, 2);
	assert_int_equal(fake.timers, 0);
}

static void test_disconnect_from_both_sides_ends_once(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);
	struct rdma_cm_id *id = fake_id(c);

	(void)state;
	transport_disconnect(c);
	transport_disconnect(c);
	fake_reactor(); /* its message is on the way */
	fake_cm_event(id, RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
	assert_int_equal(fake.disconnects, 1);
	assert_null(strstr(strstr(fake.trace, "dying") + 1, "dying"));
	assert_null(strstr(strstr(fake.trace, "closed") + 1, "closed"));
	assert_int_equal(fake.ids, 2);
}

static void test_waiting_requests_end_with_the_transport(void **state)
{
	(void)state;
	fake_connect(fake_listen("0.0.0.0")); /* the teardown finds what is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_request_tells_who_asks, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_reject_sends_the_reason_and_forgets, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_accept_asks_for_the_reads_offered, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_accept_never_asks_for_more_than_the_device_does,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_receives_are_posted_before_the_reply, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_second_accept_is_refused, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_failed_queue_pair_leaves_the_request_open, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_failed_accept_ends_the_request, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_peer_that_leaves_before_the_answer_is_gone, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_peer_that_leaves_while_attaching_is_not_accepted,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_connect_error_after_accept_is_gone, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_established_goes_live_once, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_goodbye_of_the_peer_ends_all_at_once, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_own_goodbye_keeps_the_id_until_it_is_answered,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_unanswered_goodbye_is_given_up, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_disconnect_from_both_sides_ends_once, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_waiting_requests_end_with_the_transport, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
