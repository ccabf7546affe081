/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of devices: who ends, who is told, and what goes on as if nothing had been. */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OURS "fe80::2:c903:a1:b2c3"
#define PEER "fe80::2:c903:a1:b2c9"

static unsigned told;

static void count_told(void *arg)
{
	assert_ptr_equal(arg, &told);
	told++;
}

static int setup(void **state)
{
	int rc = fake_setup(state);

	told = 0;
	fake_t->ports_changed = count_told;
	fake_t->ports_arg = &told;
	return rc;
}

static struct transport_listener *listener; /* of native InfiniBand */

static int setup_infiniband(void **state)
{
	struct ib_portal p = { .family = AF_IB, .port = 5000 };
	int rc = setup(state);
	char err[256];

	fake.lid = 7;
	return rc ? rc : fake_t->ops->listen(fake_t, (struct sockaddr *)&p, sizeof(p), &fake_group,
					     &listener, err, sizeof(err));
}

/* A live connection in a partition. */
static struct conn *live_ib(struct fake_chan *ch, uint16_t pkey)
{
	struct conn *c = fake_connect_ib(fake_listener_id(listener), OURS, PEER, pkey);

	assert_int_equal(fake_accept(c, ch, 16), 0);
	fake_settle();
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_ESTABLISHED);
	fake_settle();
	return c;
}

/* ---- each event of verbs ---- */

static void every_event_is_handled(void **state)
{
	static const struct {
		enum ibv_event_type type;
		bool of_qp, ends, tells;
	} rows[] = {
		{ IBV_EVENT_CQ_ERR, false, true, false },
		{ IBV_EVENT_QP_FATAL, true, true, false },
		{ IBV_EVENT_QP_REQ_ERR, true, true, false },
		{ IBV_EVENT_QP_ACCESS_ERR, true, true, false },
		{ IBV_EVENT_COMM_EST, true, false, false },
		{ IBV_EVENT_SQ_DRAINED, true, false, false },
		{ IBV_EVENT_PATH_MIG, true, false, false },
		{ IBV_EVENT_PATH_MIG_ERR, true, false, false },
		{ IBV_EVENT_DEVICE_FATAL, false, true, true },
		{ IBV_EVENT_PORT_ACTIVE, false, false, true },
		{ IBV_EVENT_PORT_ERR, false, false, true },
		{ IBV_EVENT_LID_CHANGE, false, false, true },
		{ IBV_EVENT_PKEY_CHANGE, false, false, true },
		{ IBV_EVENT_SM_CHANGE, false, false, false },
		{ IBV_EVENT_SRQ_ERR, false, true, false },
		{ IBV_EVENT_SRQ_LIMIT_REACHED, false, false, false },
		{ IBV_EVENT_QP_LAST_WQE_REACHED, true, false, false },
		{ IBV_EVENT_CLIENT_REREGISTER, false, false, true },
		{ IBV_EVENT_GID_CHANGE, false, false, true },
		{ IBV_EVENT_WQ_FATAL, false, false, false },
		{ (enum ibv_event_type)99, false, false, false },
	};
	struct transport_listener *l = fake_listen("0.0.0.0");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_chan ch;
		struct conn *c = fake_live(l, &ch);

		told = 0;
		fake_async_event(rows[i].type, rows[i].of_qp ? c : NULL);
		fake_settle();
		assert_int_equal(ch.c == NULL, rows[i].ends);
		assert_int_equal(told, rows[i].tells);
		if (ch.c) {
			fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
			fake_settle();
		}
	}
}

/* ---- the connections of a port ---- */

static void another_lid_ends_connections(void **state)
{
	struct fake_chan ch;

	(void)state;
	live_ib(&ch, 0xffff);
	fake.lid = 8;
	fake_async_event(IBV_EVENT_LID_CHANGE, NULL);
	fake_settle();
	assert_null(ch.c);
}

/* Some devices say so whenever the subnet manager writes to the port. */
static void the_same_lid_does_not(void **state)
{
	struct fake_chan ch;
	struct conn *c = live_ib(&ch, 0xffff);

	(void)state;
	fake_async_event(IBV_EVENT_LID_CHANGE, NULL);
	fake_settle();
	assert_ptr_equal(ch.c, c);
	fake_end(c);
}

static void a_partition_that_is_left_ends_its_connections(void **state)
{
	struct fake_chan a, b;
	struct conn *stays;

	(void)state;
	fake.pkeys[2] = 0x8001;
	live_ib(&a, 0x8001);
	stays = live_ib(&b, 0xffff);
	fake_async_event(IBV_EVENT_PKEY_CHANGE, NULL);
	fake_settle();
	assert_non_null(a.c);
	fake.pkeys[2] = 0;
	fake_async_event(IBV_EVENT_PKEY_CHANGE, NULL);
	fake_settle();
	assert_null(a.c);
	assert_ptr_equal(b.c, stays);
	fake_end(stays);
}

static void a_table_that_cannot_be_read_ends_nothing(void **state)
{
	struct fake_chan ch;
	struct conn *c = live_ib(&ch, 0x8001);

	(void)state;
	fake.pkey_error = EIO;
	fake_async_event(IBV_EVENT_PKEY_CHANGE, NULL);
	fake_settle();
	assert_ptr_equal(ch.c, c);
	fake_end(c);
}

/* ---- devices that fail, go and come back ---- */

static void after_a_failure_the_device_is_used_anew(void **state)
{
	struct transport_listener *l = fake_listen("0.0.0.0");
	struct fake_chan ch;
	struct conn *c;

	(void)state;
	fake_live(l, &ch);
	fake_async_event(IBV_EVENT_DEVICE_FATAL, NULL);
	fake_settle();
	assert_null(ch.c);
	c = fake_live(l, &ch);
	assert_ptr_equal(ch.c, c);
	fake_end(c);
}

/* The kernel waits for us, and the RDMA CM has not been asked yet. */
static void a_device_that_sysfs_no_longer_has_is_removed(void **state)
{
	struct transport_listener *l;
	struct verbs *v = verbs_of(fake_t);
	struct fake_chan ch;
	struct conn *c;
	int fd;

	(void)state;
	if (!v->uevents.v)
		skip(); /* no netlink here */
	strcpy(fake_device.dev_path, "/tmp/test-verbs-event.XXXXXX");
	fd = mkstemp(fake_device.dev_path);
	assert_true(fd >= 0);
	close(fd);
	l = fake_listen("10.99.0.1");
	c = fake_live(l, &ch);
	fake_readable(v->uevents.source.fd);
	fake_settle();
	assert_ptr_equal(ch.c, c);
	assert_int_equal(told, 0);
	unlink(fake_device.dev_path);
	fake_readable(v->uevents.source.fd);
	assert_int_equal(told, 1);
	fake_settle();
	assert_null(ch.c);
	assert_int_equal(fake.pds, 0);
	assert_int_equal(fake.ids, 1); /* the listener, which the RDMA CM tells later */
	fake_readable(v->uevents.source.fd);
	assert_int_equal(told, 1);
	fake_device.dev_path[0] = 0;
}

static void removal_and_return_are_told(void **state)
{
	struct transport_listener *l = fake_listen("10.99.0.1");

	(void)state;
	fake_cm_event(fake_listener_id(l), RDMA_CM_EVENT_DEVICE_REMOVAL);
	assert_int_equal(told, 1);
	assert_true(l->down);
	fake_tick();
	assert_false(l->down);
	assert_int_equal(told, 2);
}

static void listener_follows_its_address_to_another_port(void **state)
{
	struct transport_listener *l = fake_listen("10.99.0.1");
	int binds = fake.binds, ids = fake.ids;

	(void)state;
	fake_cm_event(fake_listener_id(l), RDMA_CM_EVENT_ADDR_CHANGE);
	assert_int_equal(fake.binds, binds + 1);
	assert_int_equal(fake.ids, ids);
	assert_false(l->down);
	assert_int_equal(told, 1);
	fake_tick();
}

static void connection_outlives_a_move_of_its_address(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("10.99.0.1"), &ch);

	(void)state;
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_ADDR_CHANGE);
	fake_settle();
	assert_ptr_equal(ch.c, c);
	fake_end(c);
}

static void nobody_needs_to_be_told(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("10.99.0.1"), &ch);

	(void)state;
	fake_t->ports_changed = NULL;
	fake_async_event(IBV_EVENT_PORT_ERR, NULL);
	fake_end(c);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, fake_teardown)
#define I(fn) cmocka_unit_test_setup_teardown(fn, setup_infiniband, fake_teardown)
	const struct CMUnitTest tests[] = {
		T(every_event_is_handled),
		I(another_lid_ends_connections),
		I(the_same_lid_does_not),
		I(a_partition_that_is_left_ends_its_connections),
		I(a_table_that_cannot_be_read_ends_nothing),
		T(after_a_failure_the_device_is_used_anew),
		T(a_device_that_sysfs_no_longer_has_is_removed),
		T(removal_and_return_are_told),
		T(listener_follows_its_address_to_another_port),
		T(connection_outlives_a_move_of_its_address),
		T(nobody_needs_to_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
