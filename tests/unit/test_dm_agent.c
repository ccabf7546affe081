/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent with its thread, over a fake of libibumad. */
#include "dm/dm_agent.h"
#include "base/bytes.h"
#include "dm_util.h"
#include "fake_umad.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct dm_agent *agent;
static struct fake_umad umad;

static struct dm_table *table_make(unsigned n)
{
	struct dm_target targets[] = { dm_test_target("a", 0x1111, 5555),
				       dm_test_target("b", 0x2222, 5556) };
	struct dm_table *t;
	size_t left_out;

	targets[1].portals[0].pkey = 0x8001;
	assert_int_equal(dm_table_make(targets, n, &dm_test_profile,
				       agent ? dm_agent_table(agent) : NULL, 7, &t, &left_out), 0);
	return t;
}

static int setup(void **state)
{
	(void)state;
	fake_umad_reset();
	umad = (struct fake_umad){ .is_dm = true, .lid = 3, .guid = 0x100003,
				   .pkeys = { 0xffff, 0x8001 } };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dm_agent_stop(agent);
	agent = NULL;
	assert_false(fake_umad_is_open());
	return 0;
}

static void port_copy(void *arg, const struct dm_port_info *port, const struct dm_table *table)
{
	struct dm_port_info *out = arg;

	assert_non_null(table);
	*out = *port;
}

/* Of the one port; zero while none was seen. */
static struct dm_port_info port_get(void)
{
	struct dm_port_info p = { 0 };

	dm_agent_for_each_port(agent, port_copy, &p);
	return p;
}

#define within(condition)                                       \
	do {                                                    \
		unsigned left_ = 2000;                          \
		while (!(condition) && --left_)                 \
			usleep(5000);                           \
		assert_true(left_);                             \
	} while (0)

static void agent_start(void)
{
	fake_umad_set(&umad);
	assert_int_equal(dm_agent_start(table_make(2), &agent), 0);
}

static void agent_answers(void)
{
	agent_start();
	within(port_get().answering);
}

static void ask(uint16_t attribute, uint16_t pkey_index)
{
	uint8_t mad[256] = { 1, 6, 1, 1 };

	put_be16(mad + 16, attribute);
	fake_umad_deliver(mad, 256, pkey_index, 0);
}

static void test_answers(void **state)
{
	uint32_t qpn, qkey;
	uint8_t mad[256];

	(void)state;
	agent_answers();
	assert_int_equal(fake_umad_methods(), 1 << 1 | 1 << 2 | 0xf << 0x12);
	ask(0x10, 0);
	assert_true(fake_umad_sent(mad, &qpn, &qkey));
	assert_int_equal(mad[3], 0x81);
	assert_int_equal(mad[68], 0x10);
	assert_int_equal(qpn, 0x17);
	assert_int_equal(qkey, 0x80010000);
	ask(0x10, 1);
	assert_true(fake_umad_sent(mad, &qpn, &qkey));
	assert_int_equal(mad[68], 0x01);
	ask(0x10, 9); /* there is no such P_Key */
	assert_true(fake_umad_sent(mad, &qpn, &qkey));
	assert_int_equal(mad[68], 0x00);
	ask(0x20, 0);
	assert_true(fake_umad_sent(mad, &qpn, &qkey));
	assert_int_equal(mad[5], 0x0c);
	within(port_get().counts[DM_ANSWERED] == 3 && port_get().counts[DM_REFUSED] == 1);
}

static void test_drops(void **state)
{
	uint8_t mad[256] = { 1, 6, 1, 1 };

	(void)state;
	agent_answers();
	fake_umad_deliver(mad, 255, 0, 0);
	fake_umad_deliver(mad, 24, 0, 0);
	mad[3] = 0x81;
	fake_umad_deliver(mad, 256, 0, 0);
	fake_umad_deliver(mad, 256, 0, 110);
	within(port_get().counts[DM_MALFORMED] == 2 && port_get().counts[DM_UNASKED] == 1 &&
	       port_get().counts[DM_UNSENT] == 1);
	assert_int_equal(port_get().counts[DM_ANSWERED], 0);
}

static void test_send_fails(void **state)
{
	(void)state;
	umad.send_fails = true;
	agent_answers();
	ask(0x10, 0);
	within(port_get().counts[DM_UNSENT] == 1);
	assert_true(port_get().answering);
}

static void test_publish(void **state)
{
	uint32_t qpn, qkey;
	uint8_t mad[256];

	(void)state;
	agent_answers();
	dm_agent_publish(agent, table_make(1));
	ask(0x10, 1);
	assert_true(fake_umad_sent(mad, &qpn, &qkey));
	assert_int_equal(get_be16(mad + 64), 8);
	assert_int_equal(mad[68], 0x0f);
	/* With nothing to tell it leaves the port to others. */
	dm_agent_publish(agent, table_make(0));
	within(!fake_umad_is_open());
	assert_false(port_get().wanted);
	dm_agent_publish(agent, table_make(2));
	within(port_get().answering);
	assert_int_equal(fake_umad_opened(), 2);
}

/* Another LID changes nothing; another GID or P_Key is another I/O unit. */
static void test_port_changes(void **state)
{
	uint32_t qpn, qkey;
	uint8_t mad[256];

	(void)state;
	agent_answers();
	umad.lid = 17;
	fake_umad_set(&umad);
	within(port_get().lid == 17);
	assert_int_equal(port_get().port.changes, 0);
	umad.pkeys[0] = 0x8001;
	umad.pkeys[1] = 0x8002;
	fake_umad_set(&umad);
	within(port_get().port.changes == 1);
	ask(0x10, 0);
	assert_true(fake_umad_sent(mad, &qpn, &qkey));
	assert_int_equal(get_be16(mad + 64), 8);
	assert_int_equal(mad[68], 0x11);
	assert_int_equal(fake_umad_opened(), 1);
}

static void test_device_goes(void **state)
{
	(void)state;
	agent_answers();
	umad.absent = true;
	fake_umad_set(&umad);
	within(!port_get().present);
	assert_false(fake_umad_is_open());
	umad.absent = false;
	fake_umad_set(&umad);
	within(port_get().answering);
	assert_int_equal(fake_umad_opened(), 2);
}

static unsigned now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned)(ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* It has just looked at the ports, and would do so again in a second. */
static void test_wakes(void **state)
{
	unsigned least_stop = 5000, least_publish = 5000, begin;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		agent_answers();
		begin = now_ms();
		dm_agent_publish(agent, table_make(0));
		within(!fake_umad_is_open());
		least_publish = min_u32(least_publish, now_ms() - begin);
		begin = now_ms();
		dm_agent_stop(agent);
		agent = NULL;
		least_stop = min_u32(least_stop, now_ms() - begin);
	}
	assert_in_range(least_publish, 0, 300);
	assert_in_range(least_stop, 0, 300);
}

/* Who ends it does not wait for an adapter that is slow. */
static void test_stuck(void **state)
{
	(void)state;
	agent_answers();
	umad.stuck = true;
	fake_umad_set(&umad);
	within(fake_umad_is_stuck());
	dm_agent_end(agent);
	dm_agent_publish(agent, table_make(1));
	assert_true(port_get().answering);
	assert_true(fake_umad_is_stuck());
	umad.stuck = false;
	fake_umad_set(&umad);
	within(!port_get().answering);
	assert_false(fake_umad_is_open());
}

static void test_device_breaks(void **state)
{
	(void)state;
	agent_answers();
	fake_umad_break();
	within(fake_umad_opened() == 2 && port_get().answering);
}

static void test_taken(void **state)
{
	(void)state;
	umad.taken = true;
	agent_start();
	within(strstr(port_get().error, "ib_srpt"));
	assert_false(port_get().answering);
	umad.taken = false;
	fake_umad_set(&umad);
	within(port_get().answering);
	assert_string_equal(port_get().error, "");
}

static void test_no_permission(void **state)
{
	(void)state;
	umad.open_errno = EACCES;
	agent_start();
	within(strstr(port_get().error, "permission"));
}

static void test_capability(void **state)
{
	(void)state;
	umad.is_dm = false;
	agent_answers();
	assert_false(port_get().is_dm);
	umad.is_dm = true;
	fake_umad_set(&umad);
	within(port_get().is_dm);
}

static void test_ethernet(void **state)
{
	(void)state;
	umad.layer = "Ethernet";
	agent_start();
	usleep(50000);
	assert_false(port_get().present);
	assert_int_equal(fake_umad_opened(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_publish, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_permission, setup, teardown),
		cmocka_unit_test_setup_teardown(test_capability, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ethernet, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
