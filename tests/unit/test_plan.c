/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which ports of switches a node is on, what of that is unknown, and what must not be disabled. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "fabric_fake.h"
#include "fence/plan.h"

static struct fake_fabric fake;
static struct fabric f;
static struct fabric_io io = { fake_ask, &fake, 1 };
static struct places places;
static struct guid_node node;
static struct plan p;
static const struct plan_point *which;

static int setup(void **state)
{
	(void)state;
	fake_make(&fake);
	io.n_roots = 1;
	places.n = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fabric_free(&f);
	return 0;
}

static void plan(const char *text)
{
	fabric_free(&f);
	assert_int_equal(fabric_discover(&f, &io), 0);
	assert_null(guid_node_parse(&node, text));
	plan_make(&p, &f, &node, &places);
}

static const char *objection(void)
{
	which = NULL;
	return plan_objection(&p, &f, NULL, 0, &which);
}

/* There is one, and it says this. */
static void objects(const char *words)
{
	const char *why = objection();

	assert_non_null(why);
	if (!strstr(why, words))
		fail_msg("not '%s': %s", words, why);
	assert_non_null(which);
}

static void remember(uint64_t guid, uint64_t switch_guid, uint8_t port)
{
	places_put(&places, &(struct guid_place){ guid, switch_guid, port });
}

static void test_seen(void **state)
{
	(void)state;
	plan("201,301");
	assert_int_equal(p.n, 2);
	assert_int_equal(plan_state(&p), PLAN_ON);
	assert_null(objection());
	assert_true(p.point[0].seen && p.point[0].switch_guid == 0x500 && p.point[0].port == 2);
	assert_int_equal(p.point[0].route.hops, 1);
	assert_true(p.point[1].seen && p.point[1].switch_guid == 0x600 && p.point[1].port == 1);
	assert_int_equal(p.point[1].route.hops, 2);
}

/* What is seen counts, not what was. */
static void test_moved(void **state)
{
	(void)state;
	remember(0x201, 0x600, 4);
	plan("201@600/5");
	assert_true(p.point[0].seen && p.point[0].switch_guid == 0x500 && p.point[0].port == 2);
	assert_null(objection());
}

static void test_never_seen(void **state)
{
	(void)state;
	plan("201,901");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	objects("where it was is not known");
	assert_true(which->guid == 0x901);
}

static void test_disabled(void **state)
{
	(void)state;
	fake.node[1].port[1].disabled = true;
	remember(0x301, 0x600, 1);
	plan("301");
	assert_int_equal(plan_state(&p), PLAN_OFF);
	assert_null(objection());
	assert_int_equal(p.point[0].route.hops, 2);
	/* One of two is not isolated. */
	plan("301,201");
	assert_int_equal(plan_state(&p), PLAN_ON);
	/* As the map has it, where nothing is remembered; what is remembered is newer. */
	places.n = 0;
	plan("301@600/1");
	assert_int_equal(plan_state(&p), PLAN_OFF);
	remember(0x301, 0x600, 1);
	plan("301@600/3");
	assert_int_equal(plan_state(&p), PLAN_OFF);
}

/* Disabled, but the link is not seen to have ended. */
static void test_lingering(void **state)
{
	(void)state;
	fake.node[1].port[1].disabled = true;
	fake.node[1].port[1].lingers = true;
	plan("301@600/1");
	assert_int_equal(plan_state(&p), PLAN_ON);
	assert_null(objection());
}

/* Without power, or without cable: it can come back, until its port is disabled. */
static void test_down(void **state)
{
	(void)state;
	fake_unlink(&fake, 4, 1);
	plan("301@600/1");
	assert_int_equal(plan_state(&p), PLAN_ON);
	assert_false(p.point[0].seen);
	assert_null(objection());
}

static void test_other_there(void **state)
{
	(void)state;
	fake_unlink(&fake, 4, 1);
	plan("301@500/2");
	objects("another adapter");
	plan("301@500/8");
	objects("a switch is where it was");
	plan("301@500/1");
	objects("another adapter");
	plan("301@600/9");
	objects("no such port");
	plan("301@700/1");
	objects("nor the switch");
	plan("301@600/5,302@600/5");
	objects("another one of its ports");
}

/* One that was there after it is down now: it need not be there again. */
static void test_superseded(void **state)
{
	(void)state;
	remember(0x201, 0x600, 1);
	remember(0x301, 0x600, 1);
	fake_unlink(&fake, 3, 1);
	fake_unlink(&fake, 4, 1);
	plan("201");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	objects("where it was is not known");
	plan("201@600/1");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	objects("another adapter was seen where it was");
	plan("301");
	assert_int_equal(plan_state(&p), PLAN_ON);
	assert_null(objection());
}

static void test_switch_gone(void **state)
{
	(void)state;
	remember(0x301, 0x600, 1);
	fake_unlink(&fake, 0, 8);
	plan("301,201");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	objects("nor the switch");
}

/* A GUID that is there twice is nobody's. */
static void test_twice(void **state)
{
	(void)state;
	fake_link(&fake, 0, 5, fake_node_add(&fake, NODE_CA, 0x300, 1), 1);
	plan("301");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	objects("twice");
}

/* A machine that hangs may have a port that is up and silent: it is where it was. */
static void test_silent(void **state)
{
	(void)state;
	fake.node[4].silent = true;
	remember(0x301, 0x600, 1);
	plan("301");
	assert_int_equal(plan_state(&p), PLAN_ON);
	assert_null(objection());
	/* Somewhere else it could be what is looked for. */
	fake.node[5].silent = true;
	plan("301");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	objects("the part of the fabric that answers");
	/* What is seen needs nothing else. */
	plan("201");
	assert_null(objection());
}

/* What is behind a link with errors is there again in a moment, maybe with what is looked for. */
static void test_recovering(void **state)
{
	(void)state;
	remember(0x301, 0x500, 3);
	fake.node[0].port[8].recovers = true;
	fake.node[0].port[3].disabled = true;
	plan("301");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	objects("the part of the fabric that answers");
	/* Its own link is where it was. */
	fake.node[0].port[8].recovers = false;
	fake.node[1].port[1].recovers = true;
	remember(0x301, 0x600, 1);
	plan("301");
	assert_int_equal(plan_state(&p), PLAN_ON);
	assert_null(objection());
}

/* A switch that is up and silent may be anything. */
static void test_silent_switch(void **state)
{
	(void)state;
	fake_unlink(&fake, 3, 1);
	fake.node[1].silent = true;
	plan("201@500/2");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	plan("301@600/1");
	objects("nor the switch");
}

/* However much was seen before the time was over, nothing is taken for isolated that is not. */
static void test_no_time(void **state)
{
	unsigned n;

	(void)state;
	fake.node[1].port[1].disabled = true;
	plan("301@600/1");
	n = fake.n_asked;
	for (unsigned i = 1; i < n; i++) {
		fake.n_asked = 0;
		fake.end_at = i;
		plan("301@600/1");
		assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
		assert_non_null(objection());
	}
	fake.n_asked = 0;
	fake.end_at = n;
	plan("301@600/1");
	assert_int_equal(plan_state(&p), PLAN_OFF);
}

static void test_own(void **state)
{
	static const uint64_t own[] = { 0x777, 0x301 };

	(void)state;
	plan("201,101");
	objects("one of this machine's");
	assert_true(which->guid == 0x101);
	/* Also one that it does not speak through, and one that is not there. */
	plan("201,301");
	assert_non_null(plan_objection(&p, &f, own, ARRAY_SIZE(own), &which));
	plan("777@600/5");
	assert_non_null(plan_objection(&p, &f, own, ARRAY_SIZE(own), &which));
	plan("201");
	assert_null(plan_objection(&p, &f, own, ARRAY_SIZE(own), &which));
}

/* A node that is cut off at one of two ports is not isolated: all have to be told. */
static void test_port_forgotten(void **state)
{
	int node2;

	(void)state;
	node2 = fake_node_add(&fake, NODE_CA, 0x700, 2);
	fake_link(&fake, 0, 3, node2, 1);
	fake_link(&fake, 1, 3, node2, 2);
	plan("701");
	assert_int_equal(plan_state(&p), PLAN_UNKNOWN);
	assert_true(p.lacks_port);
	objects("another port");
	plan("702,701");
	assert_int_equal(plan_state(&p), PLAN_ON);
	assert_false(p.lacks_port);
	assert_null(objection());
	fake_unlink(&fake, node2, 2);
	plan("701");
	assert_null(objection());
}

/* The way to the fabric leads through the port where it is said to be. */
static void test_uplink(void **state)
{
	(void)state;
	plan("901@500/1");
	objects("another adapter");
	/* A root that did not say who it is, and is silent now. */
	fabric_free(&f);
	assert_int_equal(fabric_discover(&f, &io), 0);
	f.root[0].guid = 0;
	f.sw[0].peer[1].kind = PEER_SILENT;
	f.n_blind++;
	plan_make(&p, &f, &node, &places);
	assert_int_equal(plan_state(&p), PLAN_ON);
	objects("speaks through");
}

static void test_two_fabrics(void **state)
{
	int sw, own, other;

	(void)state;
	sw = fake_node_add(&fake, NODE_SWITCH, 0x700, 8);
	own = fake_node_add(&fake, NODE_CA, 0x110, 1);
	other = fake_node_add(&fake, NODE_CA, 0x210, 1);
	fake_link(&fake, sw, 1, own, 1);
	fake_link(&fake, sw, 2, other, 1);
	fake.root[1] = own;
	plan("201,211");
	objects("where it was is not known");
	io.n_roots = 2;
	plan("201,211");
	assert_null(objection());
	assert_int_equal(p.point[0].route.root, 0);
	assert_int_equal(p.point[1].route.root, 1);
	/* This machine's link to the second one is gone. */
	fake_unlink(&fake, own, 1);
	plan("201,211@700/2");
	objects("nor the switch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disabled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lingering, setup, teardown),
		cmocka_unit_test_setup_teardown(test_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_superseded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_switch_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recovering, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uplink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_fabrics, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
