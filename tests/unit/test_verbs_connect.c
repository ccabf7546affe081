/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define REJ_BY_CONSUMER 28
#define REJ_NO_SERVICE 8

static const uint8_t no_words[148];

/* ---- it comes to be ---- */

static void test_nothing_is_opened_before_it_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(fake.cm_channels, 0);
}

static void test_login_travels_in_the_request(void **state)
{
	struct fake_chan ch;

	(void)state;
	fake_asked(&ch);
	assert_int_equal(fake.connects, 1);
	assert_int_equal(fake.private_len, 5);
	assert_memory_equal(fake.private_data, "hello", 5);
	assert_int_equal(fake.connecting.responder_resources, 4);
	assert_int_equal(fake.connecting.initiator_depth, 0);
	assert_int_equal(fake.connecting.retry_count, 7);
	assert_int_equal(fake.connecting.rnr_retry_count, 7);
	fake_end(ch.c);
}

static void test_device_serves_no_more_reads_than_it_can(void **state)
{
	struct fake_chan ch;

	(void)state;
	fake_attr.max_qp_rd_atom = 2;
	fake_asked(&ch);
	assert_int_equal(fake.connecting.responder_resources, 2);
	fake_end(ch.c);
}

static void test_answer_of_the_peer_arrives(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_opened(&ch);

	(void)state;
	assert_int_equal(ch.status, 0);
	assert_int_equal(ch.pd_len, 7);
	assert_memory_equal(ch.pd, "welcome", 7);
	assert_ptr_equal(c->reactor, fake_r);
	assert_string_equal(c->info.peer, "10.99.0.1");
	assert_string_equal(c->info.device, "fake0/1");
	assert_null(strstr(fake.trace, "live"));
	fake_end(c);
}

static void test_receives_are_posted_before_the_request(void **state)
{
	struct fake_chan ch;

	(void)state;
	fake_asked(&ch);
	assert_non_null(strstr(fake.trace, "refill"));
	assert_true(strstr(fake.trace, "refill") < strstr(fake.trace, "connect"));
	fake_end(ch.c);
}

static void test_messages_go_both_ways(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_opened(&ch);
	struct xfer x;

	(void)state;
	fake_push(c, &x, 0);
	fake_work();
	fake_complete(c, 1);
	assert_true(fake_recv(c, "answer", 7));
	fake_work();
	assert_int_equal(ch.sent, 1);
	assert_int_equal(ch.nheld, 1);
	assert_string_equal((char *)ch.held[0]->data, "answer");
	transport_rx_put(c, ch.held[0]);
	transport_disconnect(c);
	fake_settle();
	assert_null(ch.c);
	assert_non_null(strstr(fake.trace, "closed"));
}

/* The peer may have sent before we saw the end of the handshake. */
static void test_early_message_waits_for_the_answer(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_asked(&ch);

	(void)state;
	assert_true(fake_recv(c, "a", 2));
	assert_true(fake_recv(c, "b", 2));
	fake_work();
	assert_int_equal(ch.nheld, 0);
	fake_cm_answer(fake_id(c), RDMA_CM_EVENT_ESTABLISHED, 0, "welcome", 7);
	assert_int_equal(ch.nheld, 2);
	assert_string_equal((char *)ch.held[0]->data, "a");
	assert_int_equal(ch.held[0]->len, 2);
	assert_string_equal((char *)ch.held[1]->data, "b");
	assert_true(strstr(fake.trace, "connected") < strstr(fake.trace, "recv"));
	transport_rx_put(c, ch.held[0]);
	transport_rx_put(c, ch.held[1]);
	fake_end(c);
}

static void test_goodbye_of_the_peer_ends_it(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_opened(&ch);

	(void)state;
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
	assert_null(ch.c);
	assert_true(strstr(fake.trace, "dying") < strstr(fake.trace, "closed"));
	assert_int_equal(fake.qps, 0);
	assert_int_equal(fake.ids, 1); /* the anchor */
}

static void test_several_at_once_share_the_device(void **state)
{
	struct fake_chan a, b;

	(void)state;
	fake_opened(&a);
	fake_opened(&b);
	assert_int_equal(fake.pds, 1);
	assert_int_equal(fake.cqs, 1);
	transport_disconnect(a.c);
	fake_settle();
	assert_null(a.c);
	assert_non_null(b.c);
	fake_end(b.c);
}

/* ---- it does not ---- */

/* connected() came with @status, and nothing of it is left but the device in use. */
static void assert_failed(const struct fake_chan *ch, int status)
{
	assert_null(ch->c);
	assert_int_equal(ch->status, status);
	assert_non_null(strstr(fake.trace, "failed"));
	assert_null(strstr(strstr(fake.trace, "failed") + 1, "failed"));
	assert_null(strstr(fake.trace, "connected"));
	assert_null(strstr(fake.trace, "closed"));
	assert_null(strstr(fake.trace, "gone"));
	assert_int_equal(fake.qps, 0);
	assert_int_equal(fake.ids, fake.pds); /* an anchor per device */
}

static void test_reason_of_a_rejection_arrives(void **state)
{
	uint8_t pd[148] = { 0xc2, 0, 0, 0, 0, 1, 0, 1 };
	struct fake_chan ch;
	struct conn *c = fake_asked(&ch);

	(void)state;
	fake_cm_answer(fake_id(c), RDMA_CM_EVENT_REJECTED, REJ_BY_CONSUMER, pd, sizeof(pd));
	fake_settle();
	assert_failed(&ch, -ECONNREFUSED);
	assert_int_equal(ch.pd_len, sizeof(pd));
	assert_memory_equal(ch.pd, pd, sizeof(pd));
}

static void test_iwarp_rejects_with_an_errno(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_asked(&ch);

	(void)state;
	fake_cm_answer(fake_id(c), RDMA_CM_EVENT_REJECTED, -ECONNRESET, "\xc2why", 4);
	fake_settle();
	assert_failed(&ch, -ECONNREFUSED);
	assert_int_equal(ch.pd_len, 4);
}

static void test_nobody_listens(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_asked(&ch);

	(void)state;
	fake_cm_answer(fake_id(c), RDMA_CM_EVENT_REJECTED, REJ_NO_SERVICE, "\1rest", 5);
	fake_settle();
	assert_failed(&ch, -ECONNREFUSED);
	assert_int_equal(ch.pd_len, 0);
}

static void test_rejection_without_words_has_no_data(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_asked(&ch);

	(void)state;
	fake_cm_answer(fake_id(c), RDMA_CM_EVENT_REJECTED, REJ_BY_CONSUMER, no_words,
		       sizeof(no_words));
	fake_settle();
	assert_failed(&ch, -ECONNREFUSED);
	assert_int_equal(ch.pd_len, 0);
}

static const struct {
	enum rdma_cm_event_type event;
	int status, want;
} failures[] = {
	{ RDMA_CM_EVENT_UNREACHABLE, -ETIMEDOUT, -ETIMEDOUT },
	{ RDMA_CM_EVENT_UNREACHABLE, 0, -EHOSTUNREACH },
	{ RDMA_CM_EVENT_CONNECT_ERROR, 0, -EPROTO },
	{ RDMA_CM_EVENT_CONNECT_ERROR, -ENOMEM, -ENOMEM },
	{ RDMA_CM_EVENT_DISCONNECTED, 0, -ECONNRESET },
};

static void test_failed_handshake_is_told(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(failures); i++) {
		struct fake_chan ch;
		struct conn *c = fake_asked(&ch);

		fake_cm_answer(fake_id(c), failures[i].event, failures[i].status, NULL, 0);
		assert_non_null(ch.c); /* not before its queue pair is gone */
		fake_settle();
		assert_failed(&ch, failures[i].want);
		assert_int_equal(ch.pd_len, 0);
		fake.trace[0] = 0;
	}
}

static void test_unreachable_address_is_told(void **state)
{
	struct fake_chan ch;
	char err[256];

	(void)state;
	assert_int_equal(fake_open(&ch, err), 0);
	fake_cm_answer(fake_id(ch.c), RDMA_CM_EVENT_ADDR_ERROR, -ENODEV, NULL, 0);
	assert_failed(&ch, -ENODEV);
	assert_int_equal(ch.pd_len, 0);
	assert_int_equal(fake.routes, 0);
}

/* The kernel may have missed that the neighbour is known by now. */
static void test_address_is_asked_for_again(void **state)
{
	struct fake_chan ch;
	char err[256];
	unsigned asked;

	(void)state;
	assert_int_equal(fake_open(&ch, err), 0);
	asked = fake.resolves;
	fake_cm_answer(fake_id(ch.c), RDMA_CM_EVENT_ADDR_ERROR, -ETIMEDOUT, NULL, 0);
	assert_int_equal(fake.resolves, asked + 1);
	assert_int_equal(fake.routes, 0);
	fake_cm_event(fake_id(ch.c), RDMA_CM_EVENT_ADDR_RESOLVED);
	assert_int_equal(fake.routes, 1);
	fake.resolve_error = EADDRNOTAVAIL;
	fake_cm_answer(fake_id(ch.c), RDMA_CM_EVENT_ADDR_ERROR, -ETIMEDOUT, NULL, 0);
	assert_failed(&ch, -EADDRNOTAVAIL);
}

static void test_missing_route_is_told(void **state)
{
	struct fake_chan ch;
	char err[256];

	(void)state;
	assert_int_equal(fake_open(&ch, err), 0);
	fake_cm_event(fake_id(ch.c), RDMA_CM_EVENT_ADDR_RESOLVED);
	fake_cm_event(fake_id(ch.c), RDMA_CM_EVENT_ROUTE_ERROR);
	assert_failed(&ch, -EHOSTUNREACH);
}

static void test_failing_steps_are_told(void **state)
{
	int *const error[] = { &fake.route_error, &fake.qp_error, &fake.mr_error,
			       &fake.connect_error };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(error); i++) {
		struct fake_chan ch;
		struct rdma_cm_id *id;
		char err[256];

		*error[i] = ENOMEM;
		assert_int_equal(fake_open(&ch, err), 0);
		id = fake_id(ch.c);
		fake_cm_event(id, RDMA_CM_EVENT_ADDR_RESOLVED);
		if (ch.c)
			fake_cm_event(id, RDMA_CM_EVENT_ROUTE_RESOLVED);
		fake_settle();
		assert_failed(&ch, -ENOMEM);
		*error[i] = 0;
		fake.trace[0] = 0;
	}
}

static void test_time_is_up_at_every_step(void **state)
{
	struct fake_chan ch;
	char err[256];

	(void)state;
	assert_int_equal(fake_open(&ch, err), 0);
	fake_settle();
	assert_failed(&ch, -ETIMEDOUT);
	fake.trace[0] = 0;
	fake_asked(&ch);
	fake_settle();
	assert_failed(&ch, -ETIMEDOUT);
}

static void test_answer_after_the_time_is_ignored(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_asked(&ch);
	struct verbs_conn *vc = verbs_conn_of(c);

	(void)state;
	vc->timer.fn(&vc->timer);
	fake_cm_answer(fake_id(c), RDMA_CM_EVENT_ESTABLISHED, 0, "welcome", 7);
	fake_settle();
	assert_failed(&ch, -ETIMEDOUT);
}

static void test_disconnect_cancels_at_every_step(void **state)
{
	struct fake_chan ch;
	char err[256];

	(void)state;
	assert_int_equal(fake_open(&ch, err), 0);
	transport_disconnect(ch.c);
	assert_non_null(ch.c);
	fake_work();
	assert_failed(&ch, -ECANCELED);
	fake.trace[0] = 0;
	fake_asked(&ch);
	transport_disconnect(ch.c);
	fake_cm_answer(fake_id(ch.c), RDMA_CM_EVENT_ESTABLISHED, 0, "welcome", 7);
	fake_settle();
	assert_failed(&ch, -ECANCELED);
}

static void test_early_message_of_a_failure_is_put_back(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_asked(&ch);

	(void)state;
	assert_true(fake_recv(c, "a", 2));
	fake_work();
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_CONNECT_ERROR);
	fake_settle();
	assert_failed(&ch, -EPROTO);
	assert_int_equal(ch.nheld, 0);
}

/* An iWARP device fails the queue pair before we read why. */
static void test_flushed_receives_do_not_hide_the_reason(void **state)
{
	struct fake_chan ch;
	struct conn *c;
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };

	(void)state;
	fake_params.srq_size = 0;
	verbs_of(fake_t)->base.params.srq_size = 0;
	c = fake_asked(&ch);
	ibv_modify_qp(verbs_conn_of(c)->qp, &attr, IBV_QP_STATE);
	fake_work();
	assert_non_null(ch.c);
	fake_cm_answer(fake_id(c), RDMA_CM_EVENT_REJECTED, -ECONNREFUSED, "\xc2why", 4);
	fake_settle();
	assert_failed(&ch, -ECONNREFUSED);
	assert_int_equal(ch.pd_len, 4);
}

static void test_removed_device_ends_the_attempt(void **state)
{
	struct fake_chan ch;
	char err[256];

	(void)state;
	assert_int_equal(fake_open(&ch, err), 0);
	fake_cm_event(fake_id(ch.c), RDMA_CM_EVENT_ADDR_RESOLVED);
	fake_cm_event(fake_id(ch.c), RDMA_CM_EVENT_DEVICE_REMOVAL);
	assert_failed(&ch, -ENODEV);
	fake.trace[0] = 0;
	fake_asked(&ch);
	fake_cm_event(fake_id(ch.c), RDMA_CM_EVENT_DEVICE_REMOVAL);
	fake_settle();
	assert_failed(&ch, -ECONNRESET);
	assert_int_equal(fake.pds, 0);
}

static void test_attempt_under_way_ends_with_the_transport(void **state)
{
	const struct transport_upcalls *up = fake_t->up;
	struct fake_chan ch;
	char err[256];

	(void)state;
	assert_int_equal(fake_open(&ch, err), 0);
	verbs_destroy(fake_t);
	assert_int_equal(fake.ids, 0);
	fake_settle(); /* the time of the attempt does not run on */
	assert_string_equal(fake.trace, "");
	verbs_create(up, &fake_params, &fake_group, NULL, &fake_t, err, sizeof(err));
}

/* ---- nothing happens ---- */

static void test_host_without_device_is_told_what_to_do(void **state)
{
	struct fake_chan ch;
	char err[256];

	(void)state;
	fake.channel_error = ENODEV;
	assert_int_equal(fake_open(&ch, err), -ENODEV);
	assert_non_null(strstr(err, "no RDMA device on this host; is the module loaded?"));
	fake.channel_error = ENOENT;
	assert_int_equal(fake_open(&ch, err), -ENOENT);
	assert_non_null(strstr(err, "modprobe rdma_ucm"));
	fake.channel_error = 0;
	fake_opened(&ch);
	assert_int_equal(ch.status, 0);
	fake_end(ch.c);
}

static void test_address_refused_at_once(void **state)
{
	struct fake_chan ch;
	char err[256];

	(void)state;
	fake.resolve_error = ENETUNREACH;
	assert_int_equal(fake_open(&ch, err), -ENETUNREACH);
	assert_string_equal(err, "Network is unreachable");
	assert_int_equal(fake.ids, 0);
	fake_settle();
	assert_string_equal(fake.trace, "");
}

static void test_impossible_parameters_are_refused(void **state)
{
	static const struct sockaddr unknown = { .sa_family = AF_UNIX };
	struct connect_params good = fake_cp;
	struct fake_chan ch;
	char err[256];

	(void)state;
	fake_cp.private_len = 57;
	assert_int_equal(fake_open(&ch, err), -EINVAL);
	fake_cp = good;
	fake_cp.recv_depth = 0;
	assert_int_equal(fake_open(&ch, err), -EINVAL);
	fake_cp = good;
	fake_cp.timeout_ms = 0;
	assert_int_equal(fake_open(&ch, err), -EINVAL);
	fake_cp = good;
	fake_cp.addr = &unknown;
	assert_int_equal(fake_open(&ch, err), -EAFNOSUPPORT);
	assert_int_equal(fake.ids, 0);
}

/* With a loop the control thread is not that of a reactor. */
static void test_target_does_not_connect(void **state)
{
	struct fake_chan ch;
	char err[256];

	(void)state;
	assert_int_equal(fake_open(&ch, err), -EOPNOTSUPP);
}

#define alone(t) cmocka_unit_test_setup_teardown(t, fake_setup_alone, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		alone(test_nothing_is_opened_before_it_is_wanted),
		alone(test_login_travels_in_the_request),
		alone(test_device_serves_no_more_reads_than_it_can),
		alone(test_answer_of_the_peer_arrives),
		alone(test_receives_are_posted_before_the_request),
		alone(test_messages_go_both_ways),
		alone(test_early_message_waits_for_the_answer),
		alone(test_goodbye_of_the_peer_ends_it),
		alone(test_several_at_once_share_the_device),
		alone(test_reason_of_a_rejection_arrives),
		alone(test_iwarp_rejects_with_an_errno),
		alone(test_nobody_listens),
		alone(test_rejection_without_words_has_no_data),
		alone(test_failed_handshake_is_told),
		alone(test_unreachable_address_is_told),
		alone(test_address_is_asked_for_again),
		alone(test_missing_route_is_told),
		alone(test_failing_steps_are_told),
		alone(test_time_is_up_at_every_step),
		alone(test_answer_after_the_time_is_ignored),
		alone(test_disconnect_cancels_at_every_step),
		alone(test_early_message_of_a_failure_is_put_back),
		alone(test_flushed_receives_do_not_hide_the_reason),
		alone(test_removed_device_ends_the_attempt),
		alone(test_attempt_under_way_ends_with_the_transport),
		alone(test_host_without_device_is_told_what_to_do),
		alone(test_address_refused_at_once),
		alone(test_impossible_parameters_are_refused),
		cmocka_unit_test_setup_teardown(
			test_target_does_not_connect, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
