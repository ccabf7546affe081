/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which targets a login over native InfiniBand may be for: by the portals of each. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "ctl/live.h"

#include <arpa/inet.h>
#include <string.h>

#define DRIVER(portals) "HANDLER vdisk_nullio { DEVICE n }\nTARGET_DRIVER ib_srpt {\n" \
	"rdma_cm_port 5000\nTARGET t {\nLUN 0 n\n" portals "\n} }"

/* Came to port 1 of mlx5_0 in the partition @pkey, for service id @port. */
static bool reached(const char *text, enum login_layout layout, uint16_t pkey, uint16_t port)
{
	struct conn_info info = {
		.layout = layout,
		.ib = { .device = "mlx5_0", .port_num = 1, .pkey = pkey, .pkey0 = 0xffff,
			.port = port },
	};
	struct conf *conf = fake_conf(text);
	struct live live = { .conf = conf };
	struct target t = { .live = &live, .conf = &conf->targets[0] };
	bool is;

	inet_pton(AF_INET6, "fe80::1", info.ib.gid);
	is = live_reach(&t, &info);
	conf_free(conf);
	return is;
}

static bool reached_ib(const char *text, uint16_t pkey, uint16_t port)
{
	return reached(text, LOGIN_LAYOUT_IB_CM, pkey, port);
}

static void by_ip_addresses_as_ever(void **state)
{
	(void)state;
	assert_true(reached(DRIVER("portal ib:*"), LOGIN_LAYOUT_RDMA_CM, 0, 0));
	assert_true(reached(DRIVER(""), LOGIN_LAYOUT_RDMA_CM, 0, 0));
}

static void not_over_infiniband_without_a_portal_for_it(void **state)
{
	(void)state;
	assert_false(reached_ib(DRIVER(""), 0xffff, 5000));
	assert_false(reached_ib(DRIVER("portal 192.0.2.1"), 0xffff, 5000));
}

static void any_portal_that_fits_will_do(void **state)
{
	static const char text[] = DRIVER("portal 192.0.2.1\nportal ib:mlx5_0/2\n"
					  "portal ib:fe80::1,pkey=8001\nportal ib:*:5001");

	(void)state;
	assert_true(reached_ib(text, 0x8001, 5000));
	assert_true(reached_ib(text, 0xffff, 5001));
	assert_false(reached_ib(text, 0xffff, 5000));
	assert_false(reached_ib(text, 0x8001, 5001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_ip_addresses_as_ever),
		cmocka_unit_test(not_over_infiniband_without_a_portal_for_it),
		cmocka_unit_test(any_portal_that_fits_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
