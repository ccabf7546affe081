/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Portals of native InfiniBand: which request is for which, and how they are written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/ib_portal.h"

#include <string.h>

#define GID_A { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x02, 0xc9, 0x03, 0, 0xa1, 0xb2, 0xc3 }
#define GID_B { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x02, 0xc9, 0x03, 0, 0xa1, 0xb2, 0xc4 }

/* At port 2 of mlx5_0, in the partition of index 0. */
static const struct ib_arrival at = {
	.device = "mlx5_0", .port_num = 2, .gid = GID_A, .pkey = 0xffff, .pkey0 = 0x7fff,
	.port = 5000,
};

static void service_id_is_base_and_port(void **state)
{
	const struct ib_portal p = { .port = 0x1234 };

	(void)state;
	assert_int_equal(ib_portal_service_id(&p), 0x00000000013f1234ull);
}

static void each_part_must_fit_unless_it_is_any(void **state)
{
	static const struct {
		struct ib_portal p;
		bool takes;
	} rows[] = {
		{ { .port = 5000 }, true },
		{ { .port = 5001 }, false },
		{ { .port = 5000, .gid = GID_A }, true },
		{ { .port = 5000, .gid = GID_B }, false },
		{ { .port = 5000, .device = "mlx5_0" }, true },
		{ { .port = 5000, .device = "mlx5_1" }, false },
		{ { .port = 5000, .device = "mlx5_0", .port_num = 2 }, true },
		{ { .port = 5000, .device = "mlx5_0", .port_num = 1 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(ib_portal_takes(&rows[i].p, &at), rows[i].takes);
}

/* The top bit is the membership: full and limited members of a partition belong together. */
static void partition_is_that_of_index_0_or_the_given(void **state)
{
	static const struct {
		uint16_t pkey, asked, pkey0;
		bool takes;
	} rows[] = {
		{ 0, 0xffff, 0xffff, true }, { 0, 0x7fff, 0xffff, true },
		{ 0, 0x8001, 0xffff, false }, { 0, 0x8001, 0x8001, true },
		{ 0x8001, 0x8001, 0xffff, true }, { 0x8001, 0x0001, 0xffff, true },
		{ 0x0001, 0x8001, 0xffff, true }, { 0x8001, 0xffff, 0xffff, false },
		{ 0, 0x8000, 0, false }, { 0, 0, 0, false }, { 0x8000, 0x8000, 0xffff, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ib_portal p = { .port = 5000, .pkey = rows[i].pkey };
		struct ib_arrival a = at;

		a.pkey = rows[i].asked;
		a.pkey0 = rows[i].pkey0;
		assert_int_equal(ib_portal_takes(&p, &a), rows[i].takes);
	}
}

static void gid_has_eight_groups(void **state)
{
	char buf[IB_GID_TEXT_MAX];

	(void)state;
	assert_string_equal(ib_gid_text(at.gid, buf), "fe80:0000:0000:0000:0002:c903:00a1:b2c3");
}

static void text_is_that_of_the_configuration(void **state)
{
	static const struct {
		struct ib_portal p;
		const char *text;
	} rows[] = {
		{ { .port = 5000 }, "ib:*:5000" },
		{ { .port = 0 }, "ib:*" },
		{ { .port = 1, .gid = GID_A }, "ib:[fe80::2:c903:a1:b2c3]:1" },
		{ { .gid = GID_A, .pkey = 1 }, "ib:fe80::2:c903:a1:b2c3,pkey=0001" },
		{ { .port = 65535, .device = "mlx5_0", .pkey = 0x8001 },
		  "ib:mlx5_0:65535,pkey=8001" },
		{ { .port = 5000, .device = "mlx5_0", .port_num = 255 }, "ib:mlx5_0/255:5000" },
	};
	char buf[IB_PORTAL_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(ib_portal_text(&rows[i].p, buf), rows[i].text);
}

static void longest_text_has_room(void **state)
{
	struct ib_portal p = { .port = 65535, .pkey = 0xffff, .port_num = 255 };
	char buf[IB_PORTAL_TEXT_MAX];

	(void)state;
	memset(p.device, 'd', sizeof(p.device) - 1);
	assert_non_null(strstr(ib_portal_text(&p, buf), "/255:65535,pkey=ffff"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_id_is_base_and_port),
		cmocka_unit_test(each_part_must_fit_unless_it_is_any),
		cmocka_unit_test(partition_is_that_of_index_0_or_the_given),
		cmocka_unit_test(gid_has_eight_groups),
		cmocka_unit_test(text_is_that_of_the_configuration),
		cmocka_unit_test(longest_text_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
