/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets: where the standard has each field, and what is refused of those that come. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "fence/smp.h"

static struct smp question(void)
{
	struct smp s = { .route = { .root = 0, .hops = 2, .port = { 0, 1, 7 } }, .method = SMP_GET,
			 .attribute = SMP_PORT_INFO, .modifier = 0x01020304,
			 .m_key = 0x1122334455667788, .id = 0xa1b2c3d4 };

	return s;
}

static void answer_make(uint8_t mad[SMP_SIZE], const struct smp *s)
{
	smp_encode(s, mad);
	mad[3] = SMP_GET_RESP;
	mad[4] = 0x80; /* direction */
	mad[6] = 0;
	put_be32(mad + 8, 0x55555555); /* the kernel's half */
	for (int i = 0; i < SMP_DATA; i++)
		mad[64 + i] = (uint8_t)i;
}

static void test_question(void **state)
{
	struct smp s = question();
	uint8_t mad[SMP_SIZE];

	(void)state;
	s.data[5] = 9;
	smp_encode(&s, mad);
	assert_int_equal(get_be32(mad), 0x01810101); /* versions, class, Get */
	assert_int_equal(get_be16(mad + 4), 0);      /* outwards */
	assert_int_equal(mad[6], 0);		     /* hop pointer */
	assert_int_equal(mad[7], 2);
	assert_int_equal(get_be64(mad + 8), 0xa1b2c3d4);
	assert_int_equal(get_be16(mad + 16), 0x15);
	assert_int_equal(get_be32(mad + 20), 0x01020304);
	assert_int_equal(get_be64(mad + 24), 0x1122334455667788);
	assert_int_equal(get_be32(mad + 32), 0xffffffff); /* permissive LIDs */
	assert_int_equal(mad[64 + 5], 9);
	assert_memory_equal(mad + 128, ((uint8_t[]){ 0, 1, 7, 0 }), 4);
}

static void test_answer(void **state)
{
	struct smp s = question();
	uint8_t mad[SMP_SIZE];

	(void)state;
	answer_make(mad, &s);
	assert_true(smp_is_about(&s, mad, 24));
	assert_int_equal(smp_decode(&s, mad, SMP_SIZE), 0);
	assert_int_equal(s.data[63], 63);
	answer_make(mad, &s);
	mad[5] = 0x1c;
	assert_int_equal(smp_decode(&s, mad, SMP_SIZE), -EIO);
	mad[4] = 0;
	mad[5] = 0x04;
	assert_int_equal(smp_decode(&s, mad, SMP_SIZE), -EIO);
}

/* Each byte of these has to be what it is. */
static void test_no_answer(void **state)
{
	static const int bytes[] = { 1, 3, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23 };
	struct smp s = question();
	uint8_t mad[SMP_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		answer_make(mad, &s);
		mad[bytes[i]] ^= 0x40;
		assert_int_equal(smp_decode(&s, mad, SMP_SIZE), -EAGAIN);
	}
	answer_make(mad, &s);
	for (size_t len = 0; len < 128; len++)
		assert_int_equal(smp_decode(&s, mad, len), -EAGAIN);
	assert_false(smp_is_about(&s, mad, 15));
	mad[15] ^= 1;
	assert_false(smp_is_about(&s, mad, SMP_SIZE));
	assert_int_equal(s.data[63], 0);
}

static void test_route(void **state)
{
	struct smp_route r = { 0 };

	(void)state;
	for (int i = 1; i <= SMP_HOPS_MAX; i++)
		assert_true(smp_route_add(&r, (uint8_t)i));
	assert_int_equal(r.port[1], 1);
	assert_int_equal(r.port[63], 63);
	assert_false(smp_route_add(&r, 64));
	assert_int_equal(r.hops, 63);
}

static void node_make(uint8_t data[SMP_DATA], uint8_t type, uint8_t n_ports, uint8_t port)
{
	memset(data, 0, SMP_DATA);
	data[2] = type;
	data[3] = n_ports;
	put_be64(data + 12, 0x0002c90300a1b2c0);
	put_be64(data + 20, 0x0002c90300a1b2c1);
	data[36] = port;
}

static void test_node(void **state)
{
	struct node_info n;
	uint8_t data[SMP_DATA];

	(void)state;
	node_make(data, NODE_SWITCH, 254, 254);
	assert_true(node_info_decode(&n, data));
	assert_int_equal(n.type, NODE_SWITCH);
	assert_int_equal(n.n_ports, 254);
	assert_int_equal(n.port, 254);
	assert_true(n.node_guid == 0x0002c90300a1b2c0 && n.port_guid == 0x0002c90300a1b2c1);
	node_make(data, NODE_SWITCH, 36, 0);
	assert_true(node_info_decode(&n, data));
	node_make(data, NODE_CA, 2, 2);
	assert_true(node_info_decode(&n, data));
}

static void test_bad_node(void **state)
{
	static const uint8_t bad[][3] = {
		{ 0, 2, 1 }, { 4, 2, 1 }, { 0x81, 2, 1 }, /* type */
		{ NODE_SWITCH, 0, 0 }, { NODE_SWITCH, 255, 1 }, { NODE_CA, 0, 0 }, /* ports */
		{ NODE_SWITCH, 36, 37 }, { NODE_CA, 2, 3 }, { NODE_CA, 2, 0 }, /* this port */
	};
	struct node_info n;
	uint8_t data[SMP_DATA];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		node_make(data, bad[i][0], bad[i][1], bad[i][2]);
		assert_false(node_info_decode(&n, data));
	}
	node_make(data, NODE_CA, 2, 1);
	put_be64(data + 12, 0);
	assert_false(node_info_decode(&n, data));
	node_make(data, NODE_CA, 2, 1);
	put_be64(data + 20, 0);
	assert_false(node_info_decode(&n, data));
}

static void test_port_state(void **state)
{
	uint8_t data[SMP_DATA];

	(void)state;
	for (int logical = 0; logical < 16; logical++)
		for (int physical = 0; physical < 16; physical++) {
			memset(data, 0xff, sizeof(data));
			data[32] = (uint8_t)(0xf0 | logical);
			data[33] = (uint8_t)(physical << 4 | 0xf);
			assert_int_equal(port_info_is_down(data),
					 physical == 3 || (logical == 1 && physical != 0 &&
							   physical != 5 && physical != 6));
			assert_int_equal(port_info_is_off(data), physical == 3 && logical == 1);
			assert_int_equal(port_info_is_disabled(data), physical == 3);
		}
}

/* Whatever 0 means "no change" for is 0, all else is as it was. */
static void test_port_set(void **state)
{
	uint8_t data[SMP_DATA], want[SMP_DATA];

	(void)state;
	memset(data, 0x5a, sizeof(data));
	memset(want, 0x5a, sizeof(want));
	want[29] = 0;
	want[32] = 0x50;
	want[33] = 0x30;
	want[35] = 0x50;
	want[63] = 0x40;
	port_info_to_set(data, PHYSICAL_DISABLED);
	assert_memory_equal(data, want, SMP_DATA);
	port_info_to_set(data, PHYSICAL_POLLING);
	want[33] = 0x20;
	assert_memory_equal(data, want, SMP_DATA);
}

static void test_port_lid(void **state)
{
	uint8_t data[SMP_DATA] = { 0 };

	(void)state;
	data[18] = data[19] = 0xff;
	port_info_to_set(data, PHYSICAL_DISABLED);
	assert_int_equal(get_be16(data + 16), 0x1234);
	assert_int_equal(get_be16(data + 18), 0x1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),   cmocka_unit_test(test_answer),
		cmocka_unit_test(test_no_answer),  cmocka_unit_test(test_route),
		cmocka_unit_test(test_node),	   cmocka_unit_test(test_bad_node),
		cmocka_unit_test(test_port_state), cmocka_unit_test(test_port_set),
		cmocka_unit_test(test_port_lid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
