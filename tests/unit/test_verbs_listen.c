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

static int listen_on(const char *addr, uint16_t port, char err[256])
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct transport_listener *l;

	err[0] = 0;
	assert_int_equal(inet_pton(AF_INET, addr, &sin.sin_addr), 1);
	return fake_t->ops->listen(fake_t, (struct sockaddr *)&sin, sizeof(sin), &fake_group, &l,
				   err, 256);
}

/* A dual-stack listener would lose IPv4 peers on iWARP. */
static void test_only_ipv6_listeners_are_ipv6_only(void **state)
{
	(void)state;
	assert_non_null(fake_listen("0.0.0.0"));
	assert_int_equal(fake.afonly, 0);
	assert_non_null(fake_listen("::"));
	assert_int_equal(fake.afonly, 1);
}

static void test_address_without_device_says_what_to_do(void **state)
{
	char err[256];

	(void)state;
	fake.bind_error = ENODEV;
	assert_int_equal(listen_on("10.1.2.3", 5555, err), -ENODEV);
	assert_non_null(strstr(err, "no RDMA device has this address"));
	assert_non_null(strstr(err, "rdma link add"));
	assert_int_equal(fake.ids, 0);
}

static void test_foreign_address_and_port_in_use_differ(void **state)
{
	char err[256];

	(void)state;
	fake.bind_error = EADDRNOTAVAIL;
	assert_int_equal(listen_on("10.1.2.3", 5555, err), -EADDRNOTAVAIL);
	assert_non_null(strstr(err, "not an address of this host"));
	assert_int_equal(listen_on("0.0.0.0", 5555, err), -EADDRNOTAVAIL);
	assert_non_null(strstr(err, "another RDMA listener"));
	fake.bind_error = EADDRINUSE;
	assert_int_equal(listen_on("10.1.2.3", 5555, err), -EADDRINUSE);
	assert_non_null(strstr(err, "another RDMA listener"));
}

static void test_unknown_family_is_refused(void **state)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };
	struct transport_listener *l;
	char err[256] = "";

	(void)state;
	assert_int_equal(fake_t->ops->listen(fake_t, &sa, sizeof(sa), NULL, &l, err, sizeof(err)),
			 -EAFNOSUPPORT);
	assert_true(err[0] != 0);
}

static void test_listener_waits_for_its_device_to_come_back(void **state)
{
	struct transport_listener *l = fake_listen("10.99.0.1");
	int ids = fake.ids;

	(void)state;
	fake_cm_event(fake_listener_id(l), RDMA_CM_EVENT_DEVICE_REMOVAL);
	assert_int_equal(fake.ids, ids - 1);
	fake.bind_error = ENODEV;
	fake_tick();
	fake_tick();
	assert_int_equal(fake.ids, ids - 1);
	fake.bind_error = 0;
	fake_tick();
	assert_int_equal(fake.ids, ids);
	assert_int_equal(fake.timers, 0);
	assert_non_null(fake_connect(l));
}

static void test_unlisten_works_in_both_states(void **state)
{
	struct transport_listener *a = fake_listen("10.99.0.1"), *b = fake_listen("::");

	(void)state;
	fake_cm_event(fake_listener_id(a), RDMA_CM_EVENT_DEVICE_REMOVAL);
	fake_t->ops->unlisten(a);
	fake_t->ops->unlisten(b);
	assert_int_equal(fake.ids, 1); /* the device's */
}

static void test_addresses_are_written_as_people_do(void **state)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(5555) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(80) };
	char buf[64];

	(void)state;
	inet_pton(AF_INET6, "fd00::1", &sin6.sin6_addr);
	inet_pton(AF_INET, "10.0.0.1", &sin.sin_addr);
	verbs_addr_text((struct sockaddr *)&sin6, true, buf, sizeof(buf));
	assert_string_equal(buf, "[fd00::1]:5555");
	verbs_addr_text((struct sockaddr *)&sin6, false, buf, sizeof(buf));
	assert_string_equal(buf, "fd00::1");
	verbs_addr_text((struct sockaddr *)&sin, true, buf, sizeof(buf));
	assert_string_equal(buf, "10.0.0.1:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_only_ipv6_listeners_are_ipv6_only, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_address_without_device_says_what_to_do, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_foreign_address_and_port_in_use_differ, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_unknown_family_is_refused, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_listener_waits_for_its_device_to_come_back, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_unlisten_works_in_both_states, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_addresses_are_written_as_people_do, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
