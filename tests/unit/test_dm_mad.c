/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offsets as srp_daemon and ib_srpt have them, not by our names. */
#include "dm/dm_mad.h"
#include "dm_util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define DATA 64

static struct dm_port port;
static struct dm_table *table;
static uint8_t mad[DM_MAD_SIZE];

static int setup(void **state)
{
	struct dm_target targets[] = { dm_test_target("first", 0x1111, 5555),
				       dm_test_target("gone", 0x9999, 5555),
				       dm_test_target("other", 0x2222, 5556) };
	struct dm_table *before;
	size_t left_out;

	(void)state;
	port = dm_test_port();
	targets[2].portals[0].pkey = 0x8001;
	assert_int_equal(dm_table_make(targets, 3, &dm_test_profile, NULL, 41, &before,
				       &left_out), 0);
	targets[1].n_portals = 0;
	targets[0].n_portals = 2;
	targets[0].portals[1] = (struct ib_portal){ .family = AF_IB, .port = 5557 };
	assert_int_equal(dm_table_make(targets, 3, &dm_test_profile, before, 0, &table,
				       &left_out), 0);
	dm_table_free(before);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dm_table_free(table);
	return 0;
}

/* The rest of the MAD is rubbish, which must not come back. */
static void request(uint8_t method, uint16_t attribute, uint32_t modifier)
{
	memset(mad, 0xa5, sizeof(mad));
	mad[0] = 1;
	mad[1] = 6;
	mad[2] = 1;
	mad[3] = method;
	memset(mad + 4, 0, 4);
	memcpy(mad + 8, "transact", 8);
	put_be16(mad + 16, attribute);
	put_be32(mad + 20, modifier);
}

static uint16_t ask(uint16_t pkey, uint8_t method, uint16_t attribute, uint32_t modifier)
{
	enum dm_result result;
	uint16_t status;

	request(method, attribute, modifier);
	result = dm_mad_answer(table, &port, pkey, mad, sizeof(mad));
	status = get_be16(mad + 4);
	assert_int_equal(result, status ? DM_REFUSED : DM_ANSWERED);
	assert_int_equal(mad[0], 1);
	assert_int_equal(mad[1], 6);
	assert_int_equal(mad[2], 1);
	assert_int_equal(mad[3], method == 2 ? 0x81 : method | 0x80);
	assert_memory_equal(mad + 8, "transact", 8);
	assert_int_equal(get_be16(mad + 16), attribute);
	assert_int_equal(get_be32(mad + 20), modifier);
	for (unsigned i = 24; i < (status ? 256 : DATA); i++)
		assert_int_equal(mad[i], 0);
	return status;
}

static uint16_t get(uint16_t attribute, uint32_t modifier)
{
	return ask(0xffff, 1, attribute, modifier);
}

static void test_class_port_info(void **state)
{
	(void)state;
	assert_int_equal(get(0x01, 0), 0);
	assert_int_equal(mad[DATA], 1);
	assert_int_equal(mad[DATA + 1], 1);
	assert_int_equal(get_be32(mad + DATA + 4), 20);
	for (unsigned i = DATA + 8; i < 256; i++)
		assert_int_equal(mad[i], 0);
}

static void test_io_unit_info(void **state)
{
	(void)state;
	assert_int_equal(get(0x10, 0), 0);
	assert_int_equal(get_be16(mad + DATA), 42);
	assert_int_equal(mad[DATA + 2], 3);
	assert_int_equal(mad[DATA + 4], 0x10);
	assert_int_equal(mad[DATA + 5], 0x0f);
	assert_int_equal(mad[DATA + 6], 0xff);
	assert_int_equal(mad[DATA + 4 + 127], 0xff);
	assert_int_equal(ask(0x8001, 1, 0x10, 0), 0);
	assert_int_equal(mad[DATA + 4], 0x00);
	assert_int_equal(mad[DATA + 5], 0x1f);
	port.changes = 3;
	assert_int_equal(get(0x10, 0), 0);
	assert_int_equal(get_be16(mad + DATA), 45);
	port.changes = 0;
}

static void test_profile(void **state)
{
	const uint8_t *d = mad + DATA;

	(void)state;
	assert_int_equal(get(0x11, 1), 0);
	assert_int_equal(get_be64(d), 0x0002c90300a1b2c3);
	assert_int_equal(get_be32(d + 8), 0x0002c900);
	assert_int_equal(get_be16(d + 28), 0x0100);
	assert_int_equal(get_be16(d + 30), 0x609e);
	assert_int_equal(get_be16(d + 32), 0x0108);
	assert_int_equal(get_be16(d + 34), 1);
	assert_int_equal(get_be16(d + 40), 128);
	assert_int_equal(d[43], 4);
	assert_int_equal(get_be32(d + 44), 8260);
	assert_int_equal(get_be32(d + 48), 1 << 20);
	assert_int_equal(d[52], 0x2b);
	assert_int_equal(d[54], 2);
	assert_string_equal((const char *)d + 64, "first");
}

/* No slot of this number; nobody in it; nobody for this partition. */
static void test_no_profile(void **state)
{
	(void)state;
	assert_int_equal(get(0x11, 0), 0x1c);
	assert_int_equal(get(0x11, 256), 0x1c);
	assert_int_equal(get(0x11, 0xffffffff), 0x1c);
	assert_int_equal(get(0x11, 2), 0x100);
	assert_int_equal(get(0x11, 3), 0x100);
	assert_int_equal(get(0x11, 4), 0x100);
	assert_int_equal(ask(0x8001, 1, 0x11, 1), 0x100);
	assert_int_equal(ask(0x8001, 1, 0x11, 3), 0);
	assert_int_equal(ask(0, 1, 0x11, 1), 0x100);
}

static void test_services(void **state)
{
	const char *d = (const char *)mad + DATA;

	(void)state;
	assert_int_equal(get(0x12, 1 << 16 | 3 << 8), 0);
	assert_string_equal(d, "SRP.T10:0000000000001111");
	assert_int_equal(get_be64(d + 40), 0x00000000013f0000 | 5555);
	assert_string_equal(d + 48, "SRP.T10:0000000000001111");
	assert_int_equal(get_be64(d + 88), 0x00000000013f0000 | 5557);
	for (unsigned i = 96; i < 192; i++)
		assert_int_equal(d[i], 0);
	assert_int_equal(get(0x12, 1 << 16 | 1 << 8 | 1), 0);
	assert_int_equal(get_be64(d + 40), 0x00000000013f0000 | 5557);
	assert_int_equal(d[48], 0);
	assert_int_equal(ask(0x8001, 1, 0x12, 3 << 16), 0);
	assert_string_equal(d, "SRP.T10:0000000000002222");
}

static void test_no_services(void **state)
{
	(void)state;
	assert_int_equal(get(0x12, 0), 0x1c);
	assert_int_equal(get(0x12, 2 << 16), 0x100);
	assert_int_equal(get(0x12, 3 << 16), 0x100);
	assert_int_equal(get(0x12, 1 << 16 | 2 << 8 | 2), 0x1c);
	assert_int_equal(get(0x12, 1 << 16 | 0 << 8 | 1), 0x1c);
	assert_int_equal(get(0x12, 1 << 16 | 4 << 8), 0x1c);
	assert_int_equal(get(0x12, 1 << 16 | 255 << 8), 0x1c);
	assert_int_equal(get(0x12, 0xffffffff), 0x1c);
}

static void test_other_attributes(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 0x10000; a++)
		if (a != 0x01 && a != 0x10 && a != 0x11 && a != 0x12)
			assert_int_equal(get((uint16_t)a, 1), 0x0c);
}

static void test_set(void **state)
{
	(void)state;
	assert_int_equal(ask(0xffff, 2, 0x01, 0), 0x0c);
	assert_int_equal(ask(0xffff, 2, 0x10, 0), 0x0c);
}

static void test_methods(void **state)
{
	static const uint8_t known[] = { 0x12, 0x13, 0x14, 0x15 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		assert_int_equal(ask(0xffff, known[i], 0x10, 0), 0x08);
	for (unsigned m = 0; m < 256; m++) {
		if (m == 1 || m == 2 || (m >= 0x12 && m <= 0x15))
			continue;
		request((uint8_t)m, 0x10, 0);
		assert_int_equal(dm_mad_answer(table, &port, 0xffff, mad, 256), DM_UNASKED);
	}
}

static void test_version(void **state)
{
	(void)state;
	request(1, 0x10, 0);
	mad[2] = 2;
	assert_int_equal(dm_mad_answer(table, &port, 0xffff, mad, 256), DM_REFUSED);
	assert_int_equal(get_be16(mad + 4), 0x04);
	assert_int_equal(mad[2], 1);
}

static void test_malformed(void **state)
{
	uint8_t copy[DM_MAD_SIZE];

	(void)state;
	for (unsigned len = 0; len < 256; len++) {
		request(1, 0x10, 0);
		memcpy(copy, mad, sizeof(copy));
		assert_int_equal(dm_mad_answer(table, &port, 0xffff, mad, len), DM_MALFORMED);
		assert_memory_equal(mad, copy, sizeof(copy));
	}
	request(1, 0x10, 0);
	mad[0] = 0x80;
	assert_int_equal(dm_mad_answer(table, &port, 0xffff, mad, 256), DM_MALFORMED);
	request(1, 0x10, 0);
	mad[1] = 3;
	assert_int_equal(dm_mad_answer(table, &port, 0xffff, mad, 256), DM_MALFORMED);
}

static void test_no_table(void **state)
{
	struct dm_table *kept = table;

	(void)state;
	table = NULL;
	assert_int_equal(get(0x10, 0), 0);
	assert_int_equal(mad[DATA + 2], 0);
	assert_int_equal(mad[DATA + 4], 0xff);
	assert_int_equal(get(0x11, 1), 0x100);
	assert_int_equal(get(0x12, 1 << 16), 0x100);
	table = kept;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class_port_info),
		cmocka_unit_test(test_io_unit_info),
		cmocka_unit_test(test_profile),
		cmocka_unit_test(test_no_profile),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_no_services),
		cmocka_unit_test(test_other_attributes),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_no_table),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
