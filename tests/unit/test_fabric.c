/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is found in a fabric, and how much of it is known not to be seen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "fabric_fake.h"

static struct fake_fabric fake;
static struct fabric f;
static struct fabric_io io = { fake_ask, &fake, 1 };

static int setup(void **state)
{
	(void)state;
	fake_make(&fake);
	io.n_roots = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fabric_free(&f);
	return 0;
}

static void discover(void)
{
	fabric_free(&f);
	assert_int_equal(fabric_discover(&f, &io), 0);
}

static const struct fabric_peer *peer(uint64_t guid, int port)
{
	const struct fabric_switch *s = fabric_switch_find(&f, guid);

	assert_non_null(s);
	return &s->peer[port];
}

static void test_whole(void **state)
{
	(void)state;
	discover();
	assert_int_equal(f.n, 2);
	assert_int_equal(f.n_blind, 0);
	assert_int_equal(fake.n_set, 0);
	assert_true(f.root[0].guid == 0x101 && f.root[0].switch_guid == 0x500);
	assert_int_equal(f.root[0].port, 1);
	assert_int_equal(peer(0x500, 2)->kind, PEER_ADAPTER);
	assert_true(peer(0x500, 2)->guid == 0x201);
	assert_int_equal(peer(0x500, 3)->kind, PEER_NONE);
	assert_int_equal(peer(0x500, 8)->kind, PEER_SWITCH);
	assert_true(peer(0x600, 2)->guid == 0x401);
	assert_int_equal(fabric_switch_find(&f, 0x600)->route.hops, 2);
	assert_int_equal(fabric_switch_find(&f, 0x600)->route.port[2], 8);
	assert_null(fabric_switch_find(&f, 0x700));
}

/* Many ways lead to each of them, and it ends. */
static void test_ring(void **state)
{
	int a;

	(void)state;
	a = fake_node_add(&fake, NODE_SWITCH, 0x700, 8);
	fake_link(&fake, 0, 7, a, 1);
	fake_link(&fake, 1, 7, a, 2);
	fake_link(&fake, 0, 6, 1, 6);
	fake_link(&fake, 1, 4, 1, 5); /* to itself */
	discover();
	assert_int_equal(f.n, 3);
	assert_int_equal(f.n_blind, 0);
}

/* Up, and nobody says who is there. */
static void test_silent(void **state)
{
	(void)state;
	fake.node[4].silent = true;
	discover();
	assert_int_equal(peer(0x600, 1)->kind, PEER_SILENT);
	assert_int_equal(f.n_blind, 1);
	fake.node[1].silent = true;
	discover();
	assert_int_equal(f.n, 1);
	assert_int_equal(peer(0x500, 8)->kind, PEER_SILENT);
	assert_int_equal(f.n_blind, 1);
}

/* What is behind a link that is interrupted is not known to be gone. */
static void test_recovers(void **state)
{
	(void)state;
	fake.node[0].port[8].recovers = true;
	discover();
	assert_int_equal(f.n, 1);
	assert_int_equal(peer(0x500, 8)->kind, PEER_SILENT);
	assert_int_equal(f.n_blind, 1);
}

static void test_disabled(void **state)
{
	(void)state;
	fake.node[0].port[2].disabled = true;
	discover();
	assert_int_equal(peer(0x500, 2)->kind, PEER_NONE);
	assert_true(peer(0x500, 2)->off && peer(0x500, 2)->disabled);
	assert_false(peer(0x500, 3)->off);
	assert_int_equal(f.n_blind, 0);
	fake.node[0].port[2].lingers = true;
	discover();
	assert_true(!peer(0x500, 2)->off && peer(0x500, 2)->disabled);
}

/* Any question may be lost: then it is known that not all was seen, or all was. */
static void test_lost(void **state)
{
	unsigned n;

	(void)state;
	discover();
	n = fake.n_asked;
	for (unsigned i = 0; i < n; i++) {
		fake.n_asked = 0;
		fake.end_at = i;
		if (i)
			discover();
		assert_true(!i || f.n_blind);
	}
	fake.end_at = 0;
	fake.lose = 1;
	discover();
	assert_int_equal(f.n, 0);
	assert_int_equal(f.n_blind, 1);
	fake.node[0].silent = true;
	discover();
	assert_true(f.root[0].guid == 0x101 && !f.root[0].switch_guid);
	assert_int_equal(f.n_blind, 1);
}

static void test_back_to_back(void **state)
{
	(void)state;
	fake_unlink(&fake, 2, 1);
	fake_unlink(&fake, 3, 1);
	fake_link(&fake, 2, 1, 3, 1);
	discover();
	assert_int_equal(f.n, 0);
	assert_int_equal(f.n_blind, 0);
}

/* Two fabrics that do not touch, this machine has a port on each. */
static void test_two(void **state)
{
	int sw, own;

	(void)state;
	sw = fake_node_add(&fake, NODE_SWITCH, 0x700, 8);
	own = fake_node_add(&fake, NODE_CA, 0x110, 1);
	fake_link(&fake, sw, 5, own, 1);
	fake.root[1] = own;
	io.n_roots = 2;
	discover();
	assert_int_equal(f.n, 3);
	assert_int_equal(fabric_switch_find(&f, 0x700)->route.root, 1);
	assert_true(f.root[1].guid == 0x111 && f.root[1].switch_guid == 0x700);
	assert_int_equal(f.root[1].port, 5);
}

/* Behind each port there is another switch, without end. */
static int endless_ask(void *context, struct smp *s)
{
	uint64_t *guid = context;

	memset(s->data, 0, sizeof(s->data));
	if (s->attribute == SMP_NODE_INFO) {
		s->data[2] = s->route.hops ? NODE_SWITCH : NODE_CA;
		s->data[3] = 4;
		s->data[36] = 1;
		put_be64(s->data + 12, ++*guid);
		put_be64(s->data + 20, *guid);
	} else {
		s->data[32] = 4;
		s->data[33] = 5 << 4;
	}
	return 0;
}

static void test_endless(void **state)
{
	uint64_t guid = 0;
	struct fabric_io endless = { endless_ask, &guid, 1 };

	(void)state;
	fabric_free(&f);
	assert_int_equal(fabric_discover(&f, &endless), 0);
	assert_int_equal(f.n, FABRIC_SWITCHES_MAX);
	assert_true(f.n_blind > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disabled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_to_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endless, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
