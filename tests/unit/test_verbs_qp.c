/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void hang_up(struct conn *c)
{
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
}

static void test_message_comes_as_it_was_sent(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	assert_true(fake_recv(c, "hello", 6));
	fake_reactor();
	assert_int_equal(ch.nheld, 1);
	assert_int_equal(ch.held[0]->len, 6);
	assert_string_equal((char *)ch.held[0]->data, "hello");
	transport_rx_put(c, ch.held[0]);
	hang_up(c);
}

static void test_immediate_data_are_page_aligned_in_a_region(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct iobuf_region *r;

		assert_true(fake_recv(c, "x", 2));
		fake_reactor();
		assert_int_equal(((uintptr_t)ch.held[i]->data + 68) % 4096, 0);
		r = &fake_r->regions[ch.held[i]->region];
		assert_true(ch.held[i]->data >= r->base);
		assert_true(ch.held[i]->data + 8260 <= r->base + r->len);
	}
	for (int i = 0; i < 5; i++)
		transport_rx_put(c, ch.held[i]);
	hang_up(c);
}

static void test_responses_of_a_round_leave_by_one_doorbell(void **state)
{
	struct xfer x[20];
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	for (int i = 0; i < 20; i++)
		fake_push(c, &x[i], i % 2 ? 512 : 0);
	assert_int_equal(fake.post_sends, 0); /* not before the end of the round */
	fake_reactor();
	assert_int_equal(fake.post_sends, 1);
	assert_int_equal(fake.last_chain, 30);
	fake_complete(c, 30);
	fake_reactor();
	assert_int_equal(ch.sent, 20);
	assert_int_equal(ch.reset, 0);
	assert_int_equal(fake.post_sends, 1);
	hang_up(c);
}

/* A response gives the credit for the receive it frees. */
static void test_receives_are_posted_before_the_responses(void **state)
{
	struct xfer x;
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	assert_true(fake_recv(c, "x", 2));
	fake_reactor();
	fake.trace[0] = 0;
	fake_push(c, &x, 0);
	transport_rx_put(c, ch.held[0]);
	fake_reactor();
	assert_string_equal(fake.trace, "refill post");
	hang_up(c);
}

static void test_pull_ends_with_its_completion(void **state)
{
	struct xfer x;
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	fake_pull(c, &x, 4096);
	fake_reactor();
	assert_int_equal(ch.pulled, 0);
	fake_complete(c, 1);
	fake_reactor();
	assert_int_equal(ch.pulled, 1);
	assert_int_equal(ch.reset, 0);
	hang_up(c);
}

static void test_waiting_pull_is_posted_when_one_completes(void **state)
{
	struct xfer x[5];
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	for (int i = 0; i < 5; i++)
		fake_pull(c, &x[i], 4096);
	fake_reactor();
	assert_int_equal(fake.last_chain, 4);
	fake_complete(c, 1);
	fake_reactor();
	assert_int_equal(fake.post_sends, 2);
	assert_int_equal(fake.last_chain, 1);
	fake_complete(c, 4);
	fake_reactor();
	assert_int_equal(ch.pulled, 5);
	hang_up(c);
}

static void test_unknown_memory_kills_the_connection_not_more(void **state)
{
	struct xfer x;
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	fake_push(c, &x, 0);
	x.msg_region = 9;
	fake_settle();
	assert_int_equal(fake.last_chain, 1); /* the marker only */
	assert_int_equal(ch.reset, 1);
	assert_null(ch.c);
}

static void test_busy_only_while_something_is_posted(void **state)
{
	struct xfer x;
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);
	struct reactor_source *s = &verbs_conn_of(c)->p->source;

	(void)state;
	assert_false(s->busy(s));
	fake_push(c, &x, 512);
	fake_reactor();
	assert_true(s->busy(s));
	fake_complete(c, 2);
	fake_reactor();
	assert_false(s->busy(s));
	hang_up(c);
}

/* Arming is a system call: once is enough until an event has come. */
static void test_queue_is_armed_once_per_event(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);
	struct reactor_source *s = &verbs_conn_of(c)->p->source;
	struct fake_cq *cq = fake_cq(c);
	unsigned before = cq->armed;

	(void)state;
	assert_false(s->arm(s));
	assert_false(s->arm(s));
	assert_int_equal(cq->armed, before + 1);
	s->wake(s); /* without an event */
	assert_false(s->arm(s));
	assert_int_equal(cq->armed, before + 1);
	assert_int_equal(write(s->fd, &(uint64_t){ 1 }, 8), 8);
	s->wake(s);
	assert_true(fake_recv(c, "x", 2));
	assert_true(s->arm(s)); /* it came before the arming: poll again */
	assert_int_equal(cq->armed, before + 2);
	fake_reactor();
	transport_rx_put(c, ch.held[0]);
	hang_up(c);
}

static void test_connections_do_not_mix(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan a, b;
	struct conn *ca = fake_live(l, &a), *cb = fake_live(l, &b);
	struct xfer x;

	(void)state;
	assert_true(fake_recv(cb, "b", 2));
	assert_true(fake_recv(ca, "a", 2));
	fake_push(cb, &x, 0);
	fake_reactor();
	assert_string_equal((char *)a.held[0]->data, "a");
	assert_string_equal((char *)b.held[0]->data, "b");
	fake_complete(cb, 1);
	fake_reactor();
	assert_int_equal(a.sent, 0);
	assert_int_equal(b.sent, 1);
	transport_rx_put(ca, a.held[0]);
	transport_rx_put(cb, b.held[0]);
	hang_up(ca);
	assert_null(a.c);
	assert_non_null(b.c);
	hang_up(cb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_message_comes_as_it_was_sent, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_immediate_data_are_page_aligned_in_a_region,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_responses_of_a_round_leave_by_one_doorbell, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_receives_are_posted_before_the_responses, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_pull_ends_with_its_completion, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_waiting_pull_is_posted_when_one_completes, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_unknown_memory_kills_the_connection_not_more,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_busy_only_while_something_is_posted, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_queue_is_armed_once_per_event, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_connections_do_not_mix, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
