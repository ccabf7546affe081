/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/dm_table.h"
#include "dm_util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct dm_table *table_of(const struct dm_target *targets, size_t n,
				 struct dm_table *before)
{
	struct dm_table *t;
	size_t left_out;

	assert_int_equal(dm_table_make(targets, n, &dm_test_profile, before, 7, &t, &left_out), 0);
	assert_int_equal(left_out, 0);
	dm_table_free(before);
	return t;
}

static void test_slots_stay(void **state)
{
	struct dm_target abc[] = { dm_test_target("a", 1, 5555), dm_test_target("b", 2, 5555),
				   dm_test_target("c", 3, 5555) };
	struct dm_target dc[] = { dm_test_target("d", 4, 5555), abc[2] };
	struct dm_table *t = table_of(abc, 3, NULL);

	(void)state;
	assert_int_equal(t->n_slots, 3);
	assert_string_equal(t->slots[1].name, "b");
	t = table_of(&abc[2], 1, t);
	assert_int_equal(t->n_slots, 3);
	assert_string_equal(t->slots[0].name, "");
	assert_string_equal(t->slots[2].name, "c");
	t = table_of(dc, 2, t);
	assert_string_equal(t->slots[0].name, "d");
	assert_string_equal(t->slots[2].name, "c");
	dm_table_free(t);
}

static void test_change_id(void **state)
{
	struct dm_target a = dm_test_target("a", 1, 5555);
	struct dm_table *t = table_of(&a, 1, NULL);

	(void)state;
	assert_int_equal(t->change_id, 7);
	t = table_of(&a, 1, t);
	assert_int_equal(t->change_id, 7);
	a.portals[0].pkey = 0x8001;
	t = table_of(&a, 1, t);
	assert_int_equal(t->change_id, 8);
	a.id_ext++;
	t = table_of(&a, 1, t);
	assert_int_equal(t->change_id, 9);
	t = table_of(&a, 0, t);
	assert_int_equal(t->change_id, 10);
	assert_int_equal(t->n_slots, 0);
	t->change_id = 0xffff;
	t = table_of(&a, 1, t);
	assert_int_equal(t->change_id, 0);
	dm_table_free(t);
}

static void test_full(void **state)
{
	struct dm_target *many = calloc(DM_SLOTS_MAX + 3, sizeof(*many));
	struct dm_table *t;
	char name[16];
	size_t left_out;

	(void)state;
	for (unsigned i = 0; i < DM_SLOTS_MAX + 3; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		many[i] = dm_test_target(name, i + 1, 5555);
	}
	assert_int_equal(dm_table_make(many, DM_SLOTS_MAX + 3, &dm_test_profile, NULL, 0, &t,
				       &left_out), 0);
	assert_int_equal(left_out, 3);
	assert_int_equal(t->n_slots, DM_SLOTS_MAX);
	dm_table_free(t);
	free(many);
}

static void test_nowhere(void **state)
{
	struct dm_target a = dm_test_target("a", 1, 5555);
	struct dm_table *t;

	(void)state;
	a.n_portals = 0;
	t = table_of(&a, 1, NULL);
	assert_int_equal(t->n_slots, 0);
	dm_table_free(t);
}

/* A portal belongs to a partition, a GID, a port; the membership bit says nothing. */
static void test_visible(void **state)
{
	const struct ib_portal *list[DM_PORTALS_MAX];
	struct dm_target a = dm_test_target("a", 1, 5555);
	struct dm_port port = dm_test_port();

	(void)state;
	assert_int_equal(dm_target_visible(&a, &port, 0xffff, list), 1);
	assert_int_equal(dm_target_visible(&a, &port, 0x7fff, list), 1);
	assert_int_equal(dm_target_visible(&a, &port, 0x8001, list), 0);
	assert_int_equal(dm_target_visible(&a, &port, 0, list), 0);
	a.portals[0].pkey = 0x8001;
	assert_int_equal(dm_target_visible(&a, &port, 0xffff, list), 0);
	assert_int_equal(dm_target_visible(&a, &port, 0x0001, list), 1);
	memcpy(a.portals[0].gid, port.gid, 16);
	assert_int_equal(dm_target_visible(&a, &port, 0x8001, list), 1);
	port.gid[15]++;
	assert_int_equal(dm_target_visible(&a, &port, 0x8001, list), 0);
	memset(a.portals[0].gid, 0, 16);
	strcpy(a.portals[0].device, "mlx5_0");
	a.portals[0].port_num = 2;
	assert_int_equal(dm_target_visible(&a, &port, 0x8001, list), 0);
	port.num = 2;
	assert_int_equal(dm_target_visible(&a, &port, 0x8001, list), 1);
}

static void test_service_once(void **state)
{
	const struct ib_portal *list[DM_PORTALS_MAX];
	struct dm_target a = dm_test_target("a", 1, 5555);
	struct dm_port port = dm_test_port();

	(void)state;
	a.n_portals = 3;
	a.portals[1] = a.portals[2] = a.portals[0];
	memcpy(a.portals[1].gid, port.gid, 16);
	a.portals[2].port = 5556;
	assert_int_equal(dm_target_visible(&a, &port, 0xffff, list), 2);
	assert_int_equal(list[0]->port, 5555);
	assert_int_equal(list[1]->port, 5556);
}

struct logins {
	char text[8][DM_LOGIN_MAX];
	const struct dm_port *port;
	unsigned n;
};

static void login_add(void *arg, const struct dm_target *target, const struct ib_portal *portal,
		      uint16_t pkey)
{
	struct logins *l = arg;

	assert_true(l->n < 8);
	dm_login_text(target, portal, l->port, pkey, l->text[l->n++]);
}

static void test_logins(void **state)
{
	struct dm_target two[] = { dm_test_target("a", 0x1111, 0x15b3),
				   dm_test_target("b", 0x2222, 5555) };
	struct dm_port port = dm_test_port();
	struct logins l = { .port = &port };
	struct dm_table *t;

	(void)state;
	two[1].portals[0].pkey = 0x0001;
	t = table_of(two, 2, NULL);
	dm_port_for_each_login(t, &port, login_add, &l);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.text[0], "id_ext=0000000000001111,ioc_guid=0002c90300a1b2c3,"
			    "dgid=fe800000000000000002c90300a1b2c4,pkey=ffff,"
			    "service_id=00000000013f15b3");
	assert_string_equal(l.text[1], "id_ext=0000000000002222,ioc_guid=0002c90300a1b2c3,"
			    "dgid=fe800000000000000002c90300a1b2c4,pkey=8001,"
			    "service_id=00000000013f15b3");
	dm_port_for_each_login(NULL, &port, login_add, &l);
	assert_int_equal(l.n, 2);
	dm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_stay),
		cmocka_unit_test(test_change_id),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_service_once),
		cmocka_unit_test(test_logins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
