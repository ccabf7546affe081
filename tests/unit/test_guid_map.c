/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map of nodes and GUIDs as an administrator writes it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "fence/guid_map.h"

static struct guid_map m;
static struct guid_node n;

static void test_good(void **state)
{
	const struct guid_node *b;

	(void)state;
	assert_null(guid_map_parse(&m, "a:1;node-b.example:0x0002C90300a1b2c1,"
				       "2c90300a1b2c2@0X500/254,ffffffffffffffff;"));
	assert_int_equal(m.n, 2);
	assert_int_equal(m.node[0].n, 1);
	assert_true(m.node[0].place[0].guid == 1 && !m.node[0].place[0].switch_guid);
	b = guid_map_find(&m, "node-b.example");
	assert_ptr_equal(b, &m.node[1]);
	assert_int_equal(b->n, 3);
	assert_true(b->place[0].guid == 0x0002c90300a1b2c1);
	assert_true(b->place[1].guid == 0x0002c90300a1b2c2 && b->place[1].switch_guid == 0x500);
	assert_int_equal(b->place[1].port, 254);
	assert_true(b->place[2].guid == UINT64_MAX);
	assert_null(guid_map_find(&m, "node-b"));
	assert_null(guid_map_find(&m, ""));
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"", ";", ":", "a", "a:", "a:;", ":1", "a:0", "a:0x", "a:0x0", "a:g", "a:1,", "a:,1",
		"a:1 ", "a: 1", " a:1", "a:-1", "a:+1", "a:1:2", "a:12345678901234567",
		"a:0x00000000000000001", "a:1;;b:2", "a:1;b", "a:1;a:2", "a:1;b:1", "a:1,1",
		"a:1,0x01", "a:1@", "a:1@2", "a:1@2/", "a:1@2/0", "a:1@2/255", "a:1@2/-1",
		"a:1@2/1x", "a:1@0/1", "a:1@/1", "a:1@2/99999999999", "a:1@2/1@3/1", "../a:1",
		"a/b:1", "a\n:1", "a:1\n", "-a:1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!guid_map_parse(&m, bad[i]))
			fail_msg("'%s' is taken", bad[i]);
}

/* 1, 2, …, alone or one for each node. */
static void numbers(char *text, size_t size, unsigned count, bool nodes)
{
	size_t len = 0;

	for (unsigned i = 1; i <= count; i++)
		len += (size_t)(nodes ? snprintf(text + len, size - len, "n%u:%x;", i, i) :
					snprintf(text + len, size - len, i > 1 ? ",%x" : "%x", i));
}

static void test_many(void **state)
{
	char text[4096] = "a:";

	(void)state;
	numbers(text + 2, sizeof(text) - 2, 16, false);
	assert_null(guid_map_parse(&m, text));
	assert_int_equal(m.node[0].n, 16);
	strcat(text, ",ff");
	assert_non_null(guid_map_parse(&m, text));

	numbers(text, sizeof(text), 64, true);
	assert_null(guid_map_parse(&m, text));
	assert_int_equal(m.n, 64);
	strcat(text, "z:fff");
	assert_non_null(guid_map_parse(&m, text));

	memset(text, 'a', 200);
	strcpy(text + 128, ":1");
	assert_non_null(guid_map_parse(&m, text));
	assert_null(guid_map_parse(&m, text + 1));
}

static void test_node(void **state)
{
	char text[200];

	(void)state;
	assert_null(guid_node_parse(&n, "0x1,2@3/4"));
	assert_string_equal(n.name, "0x1,2@3/4");
	assert_int_equal(n.n, 2);
	assert_int_equal(n.place[1].port, 4);
	assert_non_null(guid_node_parse(&n, ""));
	assert_non_null(guid_node_parse(&n, "node1"));
	assert_non_null(guid_node_parse(&n, "1;2"));
	assert_non_null(guid_node_parse(&n, "a:1"));
	numbers(text, sizeof(text), 16, false);
	assert_null(guid_node_parse(&n, text));
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_non_null(guid_node_parse(&n, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
