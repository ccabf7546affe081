/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Portals of native InfiniBand: one id of the RDMA CM for each service id, and who comes. */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <infiniband/ib.h>
#include <string.h>

#define OURS "fe80::2:c903:a1:b2c3"
#define PEER "fe80::2:c903:a1:b2c9"

static struct transport_listener *listen_ib(uint16_t port, uint16_t pkey, const char *gid)
{
	struct ib_portal p = { .family = AF_IB, .port = port, .pkey = pkey };
	struct transport_listener *l = NULL;
	char err[256] = "";

	if (gid)
		inet_pton(AF_INET6, gid, p.gid);
	if (fake_t->ops->listen(fake_t, (struct sockaddr *)&p, sizeof(p), &fake_group, &l, err,
				sizeof(err)))
		assert_true(err[0] != 0);
	return l;
}

static void unlisten(struct transport_listener *l)
{
	fake_t->ops->unlisten(l);
}

/* Bound to a GID it would miss those that come later, and soft-RoCE does not take one. */
static void kernel_gets_a_wildcard(void **state)
{
	struct transport_listener *l = listen_ib(5000, 0x8001, OURS);
	const struct sockaddr_ib *sib = (void *)rdma_get_local_addr(fake_listener_id(l));

	(void)state;
	assert_int_equal(be64toh(sib->sib_sid), 0x00000000013f0000ull + 5000);
	assert_int_equal(sib->sib_sid_mask, UINT64_MAX);
	assert_true(ib_gid_is_any((const uint8_t *)&sib->sib_addr));
	assert_int_equal(fake.afonly, 0);
}

static void portals_with_one_service_id_share(void **state)
{
	struct transport_listener *a = listen_ib(5000, 0, NULL), *b = listen_ib(5000, 0x8001, NULL);
	struct transport_listener *c = listen_ib(5001, 0, NULL);
	struct rdma_cm_id *id = fake_listener_id(a);

	(void)state;
	assert_non_null(b);
	assert_int_equal(fake.ids, 2);
	unlisten(a);
	assert_int_equal(fake.ids, 2);
	assert_ptr_equal(fake_listener_id(b), id);
	assert_non_null(fake_connect_ib(id, OURS, PEER, 0xffff));
	transport_reject(fake_request, NULL, 0);
	unlisten(b);
	assert_int_equal(fake.ids, 2); /* one is the device's, since somebody came */
	unlisten(c);
	assert_int_equal(fake.ids, 1);
}

static void who_shares_may_go_first(void **state)
{
	struct transport_listener *a = listen_ib(5000, 0, NULL), *b = listen_ib(5000, 0x8001, NULL);

	(void)state;
	unlisten(b);
	assert_int_equal(fake.ids, 1);
	assert_non_null(fake_listener_id(a));
}

static void service_id_in_use_is_said(void **state)
{
	struct ib_portal p = { .family = AF_IB, .port = 5000 };
	struct transport_listener *l;
	char err[256] = "";

	(void)state;
	fake.bind_error = EADDRNOTAVAIL;
	assert_int_equal(fake_t->ops->listen(fake_t, (struct sockaddr *)&p, sizeof(p), NULL, &l,
					     err, sizeof(err)), -EADDRNOTAVAIL);
	assert_non_null(strstr(err, "another RDMA listener has this port"));
	assert_int_equal(fake.ids, 0);
}

static void session_is_named_by_the_gid_of_the_peer(void **state)
{
	struct transport_listener *l = listen_ib(5000, 0, NULL);

	(void)state;
	fake_connect_ib(fake_listener_id(l), OURS, PEER, 0x8001);
	assert_string_equal(fake_info.peer, "fe80:0000:0000:0000:0002:c903:00a1:b2c9");
	assert_string_equal(fake_info.local, "ib:[" OURS "]:5000,pkey=8001");
	assert_string_equal(fake_info.device, "fake0/1");
}

static void request_says_where_it_came_in(void **state)
{
	struct transport_listener *l = listen_ib(5000, 0, NULL);
	uint8_t gid[16];

	(void)state;
	inet_pton(AF_INET6, OURS, gid);
	fake_connect_ib(fake_listener_id(l), OURS, PEER, 0x8001);
	assert_int_equal(fake_info.layout, LOGIN_LAYOUT_IB_CM);
	assert_int_equal(fake_pd_len, 92);
	assert_string_equal(fake_info.ib.device, "fake0");
	assert_int_equal(fake_info.ib.port_num, 1);
	assert_int_equal(fake_info.ib.port, 5000);
	assert_int_equal(fake_info.ib.pkey, 0x8001);
	assert_int_equal(fake_info.ib.pkey0, 0xffff);
	assert_memory_equal(fake_info.ib.gid, gid, 16);
}

/* Nobody is taken for a member of a partition that cannot be looked up. */
static void unknown_first_partition_is_none(void **state)
{
	struct transport_listener *l = listen_ib(5000, 0, NULL);

	(void)state;
	fake.pkey_error = EIO;
	fake_connect_ib(fake_listener_id(l), OURS, PEER, 0xffff);
	assert_int_equal(fake_info.ib.pkey0, 0);
}

/* Its anchor is bound as the connection is: fake_rdma.c checks family and port space. */
static void connection_lives_as_any(void **state)
{
	struct transport_listener *l = listen_ib(5000, 0, NULL);
	struct fake_chan ch;
	struct conn *c = fake_connect_ib(fake_listener_id(l), OURS, PEER, 0xffff);

	(void)state;
	assert_int_equal(fake_accept(c, &ch, 16), 0);
	fake_settle();
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_ESTABLISHED);
	fake_settle();
	assert_non_null(strstr(fake.trace, "request"));
	assert_non_null(strstr(fake.trace, "live"));
	fake_end(c);
	assert_null(ch.c);
}

/* ---- from the other end ---- */

static struct ib_portal peer(void)
{
	struct ib_portal p = { .family = AF_IB, .port = 5000, .pkey = 0x8001 };

	inet_pton(AF_INET6, OURS, p.gid);
	fake_cp.addr_len = sizeof(p);
	return p;
}

static void connects_to_gid_partition_and_service(void **state)
{
	struct ib_portal p = peer();
	const struct sockaddr_ib *sib;
	struct fake_chan ch;

	(void)state;
	fake_cp.addr = (struct sockaddr *)&p;
	fake_asked(&ch);
	sib = (void *)rdma_get_peer_addr(fake_id(ch.c));
	assert_int_equal(sib->sib_family, AF_IB);
	assert_int_equal(be16toh(sib->sib_pkey), 0x8001);
	assert_int_equal(be64toh(sib->sib_sid), 0x00000000013f0000ull + 5000);
	assert_memory_equal(&sib->sib_addr, p.gid, 16);
	assert_string_equal(ch.c->info.peer, "fe80:0000:0000:0000:0002:c903:00a1:b2c3");
	fake_end(ch.c);
}

/* The whole private data is ours, not only what the RDMA CM leaves. */
static void request_has_room_for_92_bytes(void **state)
{
	static const uint8_t pd[93];
	struct ib_portal p = peer();
	struct fake_chan ch;
	char err[256];

	(void)state;
	fake_cp.addr = (struct sockaddr *)&p;
	fake_cp.private_data = pd;
	fake_cp.private_len = 93;
	assert_int_equal(fake_open(&ch, err), -EINVAL);
	fake_cp.private_len = 92;
	fake_asked(&ch);
	assert_int_equal(fake.private_len, 92);
	fake_end(ch.c);
}

int main(void)
{
#define A(fn) cmocka_unit_test_setup_teardown(fn, fake_setup_alone, fake_teardown)
#define T(fn) cmocka_unit_test_setup_teardown(fn, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		T(kernel_gets_a_wildcard),
		T(portals_with_one_service_id_share),
		T(who_shares_may_go_first),
		T(service_id_in_use_is_said),
		T(session_is_named_by_the_gid_of_the_peer),
		T(request_says_where_it_came_in),
		T(unknown_first_partition_is_none),
		T(connection_lives_as_any),
		A(connects_to_gid_partition_and_service),
		A(request_has_room_for_92_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
