/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static int open_again(struct transport **t, char err[256])
{
	err[0] = 0;
	return verbs_create(fake_t->up, &fake_params, &fake_group, fake_loop(), t, err, 256);
}

static void test_missing_kernel_module_is_named(void **state)
{
	struct transport *t;
	char err[256];

	(void)state;
	fake.channel_error = ENOENT;
	assert_int_equal(open_again(&t, err), -ENOENT);
	assert_non_null(strstr(err, "modprobe rdma_ucm"));
}

/* The library opens no event channel as long as there is no device. */
static void test_host_without_device_waits_for_one(void **state)
{
	struct transport *t, *saved = fake_t;
	struct transport_listener *l;
	char err[256];

	(void)state;
	fake.channel_error = ENODEV;
	assert_int_equal(open_again(&t, err), 0);
	fake_t = t;
	assert_null(fake_listen("10.99.0.1"));
	l = fake_listen("0.0.0.0");
	assert_non_null(l);
	assert_int_equal(fake.cm_channels, 1); /* of the other one */
	fake_tick();
	fake.channel_error = 0;
	fake_tick();
	assert_int_equal(fake.cm_channels, 2);
	assert_non_null(fake_connect(l));
	verbs_destroy(t);
	fake_t = saved;
}

static void test_destroy_frees_devices_in_use(void **state)
{
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	transport_disconnect(c);
	fake_settle();
	assert_null(ch.c);
	assert_int_equal(fake.ids, 3); /* the goodbye is not answered: the teardown counts */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_missing_kernel_module_is_named, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_host_without_device_waits_for_one, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			test_destroy_frees_devices_in_use, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
