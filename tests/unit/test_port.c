/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port of a switch is off when that is read back, and not before. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fabric_fake.h"
#include "fence/lock.h"
#include "fence/port.h"

static struct fake_fabric fake;
static struct fabric_io io = { fake_ask, &fake, 1 };
static struct plan plan;
static struct plan_point *const point = &plan.point[0];
static int rc[GUID_PLACES_MAX];

static int setup(void **state)
{
	(void)state;
	fake_make(&fake);
	plan.n = 1;
	plan.point[0] = (struct plan_point){ .guid = 0x301, .switch_guid = 0x600, .port = 1,
					     .route = { .hops = 2, .port = { 0, 1, 8 } } };
	plan.point[1] = (struct plan_point){ .guid = 0x201, .switch_guid = 0x500, .port = 2,
					     .route = { .hops = 1, .port = { 0, 1 } } };
	return 0;
}

/* What must come to pass, however slow the machine is. */
static bool port_do(bool off)
{
	return ports_switch(&io, &plan, off, now_ms() + 600000, rc);
}

/* What will not. */
static bool port_try(bool off)
{
	return ports_switch(&io, &plan, off, now_ms() + 120, rc);
}

static void test_off_and_on(void **state)
{
	(void)state;
	assert_true(port_do(true));
	assert_true(fake.node[1].port[1].disabled);
	assert_int_equal(fake.n_set, 1);
	assert_true(port_do(true));
	assert_int_equal(fake.n_set, 1);
	assert_true(port_do(false));
	assert_false(fake.node[1].port[1].disabled);
	assert_true(port_do(false));
	assert_int_equal(fake.n_set, 2);
}

/* The switch says yes, and does nothing. */
static void test_stuck(void **state)
{
	uint64_t start = now_ms();

	(void)state;
	fake.node[1].port[1].stuck = true;
	assert_false(port_try(true));
	assert_true(now_ms() >= start + 120);
	assert_true(fake.n_set > 1);
}

/* The link does not end. */
static void test_lingering(void **state)
{
	(void)state;
	fake.node[1].port[1].lingers = true;
	assert_false(port_try(true));
	assert_int_equal(fake.n_set, 1);
	assert_true(port_do(false));
}

/* Whichever answer is lost. */
static void test_lost(void **state)
{
	(void)state;
	for (unsigned i = 1; i < 5; i++) {
		setup(NULL);
		fake.lose = i;
		assert_true(port_do(true));
		assert_true(fake.node[1].port[1].disabled);
	}
	setup(NULL);
	fake.lose = 1000000;
	assert_false(port_try(true));
}

static void set_is_lost(struct fake_fabric *f)
{
	f->lose = 1;
	f->before_set = NULL;
}

static void test_set_lost(void **state)
{
	(void)state;
	fake.before_set = set_is_lost;
	assert_true(port_do(true));
	assert_true(fake.node[1].port[1].disabled);
}

/* Done, then the switch is gone: nobody knows. */
static void switch_dies(struct fake_fabric *f)
{
	fake_unlink(f, 0, 8);
}

static void test_switch_gone(void **state)
{
	(void)state;
	fake.before_set = switch_dies;
	assert_false(port_try(true));
	setup(NULL);
	fake.node[1].silent = true;
	assert_false(port_try(true));
	assert_int_equal(fake.n_set, 0);
}

/* Another one is at the end of the way. */
static void test_other_switch(void **state)
{
	(void)state;
	fake.node[1].guid = 0x700;
	assert_false(port_try(true));
	assert_int_equal(rc[0], -ENODEV);
	assert_int_equal(fake.n_set, 0);
	setup(NULL);
	point->route.port[2] = 2;
	assert_false(port_try(true));
	assert_int_equal(rc[0], -ENODEV);
	assert_int_equal(fake.n_set, 0);
}

/* The one that does not go well is no reason not to try the other one. */
static void test_two(void **state)
{
	(void)state;
	plan.n = 2;
	assert_true(port_do(true));
	assert_true(fake.node[1].port[1].disabled && fake.node[0].port[2].disabled);
	assert_true(port_do(false));
	fake.node[1].port[1].stuck = true;
	assert_false(port_try(true));
	assert_int_equal(rc[0], -EAGAIN);
	assert_int_equal(rc[1], 0);
	assert_true(fake.node[0].port[2].disabled);
	fake.node[1].port[1].stuck = false;
	assert_true(port_do(false));
	fake.node[0].port[2].stuck = true;
	assert_false(port_try(true));
	assert_int_equal(rc[0], 0);
	assert_int_equal(rc[1], -EAGAIN);
}

/* While the second one is disabled somebody enables the first one. */
static unsigned n_before;

static void first_enabled(struct fake_fabric *f)
{
	if (++n_before == 2)
		f->node[1].port[1].disabled = false;
}

static void test_enabled_again(void **state)
{
	(void)state;
	plan.n = 2;
	n_before = 0;
	fake.before_set = first_enabled;
	assert_true(port_do(true));
	assert_true(fake.node[1].port[1].disabled && fake.node[0].port[2].disabled);
	assert_int_equal(n_before, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_off_and_on, setup),
		cmocka_unit_test_setup(test_stuck, setup),
		cmocka_unit_test_setup(test_lingering, setup),
		cmocka_unit_test_setup(test_lost, setup),
		cmocka_unit_test_setup(test_set_lost, setup),
		cmocka_unit_test_setup(test_switch_gone, setup),
		cmocka_unit_test_setup(test_other_switch, setup),
		cmocka_unit_test_setup(test_two, setup),
		cmocka_unit_test_setup(test_enabled_again, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
