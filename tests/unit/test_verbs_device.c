/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void test_removed_device_ends_connections_and_is_freed(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan a, b;
	struct conn *ca = fake_live(l, &a), *cb = fake_live(l, &b);

	(void)state;
	(void)cb;
	fake_cm_event(fake_id(ca), RDMA_CM_EVENT_DEVICE_REMOVAL);
	fake_settle();
	assert_null(a.c);
	assert_null(b.c);
	assert_int_equal(fake.pds, 0);
	assert_int_equal(fake.cqs, 0);
	assert_int_equal(fake.mrs, 0);
	assert_int_equal(fake.ids, 1); /* the listener */
}

/* No connection is on it: the anchor hears of it. The listener is left. */
static void device_removed(void)
{
	struct verbs_id *id, *anchor = NULL;

	list_for_each(id, &verbs_of(fake_t)->ids, link)
		if (id->state == ID_ANCHOR)
			anchor = id;
	assert_non_null(anchor);
	assert_int_equal(fake.pds, 1);
	fake_cm_event(anchor->cm, RDMA_CM_EVENT_DEVICE_REMOVAL);
	fake_settle();
	assert_int_equal(fake.pds, 0);
	assert_int_equal(fake.ids, 1);
}

static void test_removal_without_connection_is_learned_by_the_anchor(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
	fake_settle();
	device_removed();
}

/* The RDMA CM library opened the device for them; soft-RoCE waits until it is let go. */
static void test_removal_is_learned_when_nobody_was_let_in(void **state)
{
	(void)state;
	transport_reject(fake_connect(fake_listen("0.0.0.0")), NULL, 0);
	device_removed();
}

static void test_removal_is_learned_when_only_a_portal_is_on_it(void **state)
{
	(void)state;
	fake_listen("10.99.0.1");
	device_removed();
}

static void test_device_that_came_back_is_a_new_one(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch;
	struct conn *c = fake_live(l, &ch);

	(void)state;
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DEVICE_REMOVAL);
	fake_settle();
	c = fake_live(l, &ch);
	assert_ptr_equal(ch.c, c);
	assert_int_equal(fake.pds, 1);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
}

static void test_dying_device_takes_no_login(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch, other;
	struct conn *c = fake_live(l, &ch), *late;

	(void)state;
	fake_async_event(IBV_EVENT_DEVICE_FATAL, NULL);
	late = fake_connect(l);
	assert_int_equal(fake_accept(late, &other, 16), -ENODEV);
	transport_reject(late, NULL, 0);
	(void)c;
	fake_settle();
	assert_null(ch.c);
	assert_int_equal(fake.pds, 0);
}

static void test_removal_while_attaching_ends_the_login(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch;
	struct conn *c = fake_connect(l);

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DEVICE_REMOVAL);
	fake_settle();
	assert_int_equal(fake.accepts, 0);
	assert_non_null(strstr(fake.trace, "gone"));
	assert_int_equal(fake.pds, 0);
}

static void test_held_message_keeps_its_memory(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	assert_true(fake_recv(c, "kept", 5));
	fake_reactor();
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DEVICE_REMOVAL);
	fake_settle();
	assert_int_equal(fake.qps, 0);
	assert_string_equal((char *)ch.held[0]->data, "kept");
	transport_rx_put(c, ch.held[0]);
	fake_settle();
	assert_null(ch.c);
	assert_int_equal(fake.pds, 0);
}

static void test_failed_queue_pair_ends_its_connection_only(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan a, b;
	struct conn *ca = fake_live(l, &a), *cb = fake_live(l, &b);

	(void)state;
	fake_async_event(IBV_EVENT_QP_FATAL, ca);
	fake_settle();
	assert_null(a.c);
	assert_ptr_equal(b.c, cb);
	fake_cm_event(fake_id(cb), RDMA_CM_EVENT_DISCONNECTED);
}

static void test_early_message_is_passed_to_the_cm(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_connect(fake_listen("0.0.0.0"));

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_settle();
	fake_async_event(IBV_EVENT_COMM_EST, c);
	assert_int_equal(fake.notifies, 1);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_CONNECT_ERROR);
}

/* siw sends the pages of a long WRITE after it said done, unless it was asked to say so. */
static void test_siw_is_asked_about_every_long_entry(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch;
	struct conn *c;

	(void)state;
	for (int iwarp = 0; iwarp < 2; iwarp++) {
		for (int siw = 0; siw < 2; siw++) {
			fake_device.transport_type = iwarp ? IBV_TRANSPORT_IWARP : IBV_TRANSPORT_IB;
			fake_attr.vendor_id = siw ? 0x626d74 : 0x1425;
			c = fake_live(l, &ch);
			assert_int_equal(verbs_conn_of(c)->sq.max_silent,
					 iwarp && siw ? 4095 : UINT32_MAX);
			fake_cm_event(fake_id(c), RDMA_CM_EVENT_DEVICE_REMOVAL);
			fake_settle();
		}
	}
	fake_device.transport_type = IBV_TRANSPORT_IB;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_removed_device_ends_connections_and_is_freed,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_removal_without_connection_is_learned_by_the_anchor,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_removal_is_learned_when_nobody_was_let_in, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_removal_is_learned_when_only_a_portal_is_on_it,
			fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_device_that_came_back_is_a_new_one, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_dying_device_takes_no_login, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_removal_while_attaching_ends_the_login, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_held_message_keeps_its_memory, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_failed_queue_pair_ends_its_connection_only, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_early_message_is_passed_to_the_cm, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_siw_is_asked_about_every_long_entry, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
