/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/list.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
	int value;
	struct list_node link;
};

static void items_init(struct item *it, int n)
{
	for (int i = 0; i < n; i++) {
		it[i].value = i;
		list_init(&it[i].link);
	}
}

/* The values on the list as decimal digits, and the same read backwards. */
static void assert_list(struct list_node *head, int forward)
{
	struct item *it;
	int seen = 0, back = 0, scale = 1;

	list_for_each(it, head, link)
		seen = seen * 10 + it->value;
	for (struct list_node *n = head->prev; n != head; n = n->prev) {
		back += container_of(n, struct item, link)->value * scale;
		scale *= 10;
	}
	assert_int_equal(seen, forward);
	assert_int_equal(back, forward);
}

static void test_add_keeps_order(void **state)
{
	struct list_node head = LIST_INIT(head);
	struct item it[4];

	(void)state;
	items_init(it, 4);
	assert_true(list_empty(&head));
	list_add_tail(&head, &it[2].link);
	list_add_tail(&head, &it[3].link);
	list_add_head(&head, &it[1].link);
	assert_list(&head, 123);
	assert_ptr_equal(list_first(&head, struct item, link), &it[1]);
}

static void test_del_twice_is_harmless(void **state)
{
	struct list_node head = LIST_INIT(head);
	struct item it[4];

	(void)state;
	items_init(it, 4);
	for (int i = 1; i < 4; i++)
		list_add_tail(&head, &it[i].link);
	list_del(&it[2].link);
	list_del(&it[2].link);
	assert_true(list_empty(&it[2].link));
	assert_list(&head, 13);
}

static void test_splice_moves_all_to_the_tail(void **state)
{
	struct list_node to = LIST_INIT(to), from = LIST_INIT(from);
	struct item it[5];

	(void)state;
	items_init(it, 5);
	list_splice_tail(&to, &from);
	assert_true(list_empty(&to));
	list_add_tail(&to, &it[1].link);
	list_add_tail(&from, &it[2].link);
	list_add_tail(&from, &it[3].link);
	list_splice_tail(&to, &from);
	assert_list(&to, 123);
	assert_true(list_empty(&from));
	list_add_tail(&from, &it[4].link);
	assert_list(&from, 4);
}

static void test_for_each_safe_allows_delete(void **state)
{
	struct list_node head = LIST_INIT(head);
	struct item it[6], *pos, *tmp;

	(void)state;
	items_init(it, 6);
	for (int i = 1; i < 6; i++)
		list_add_tail(&head, &it[i].link);
	list_for_each_safe(pos, tmp, &head, link)
		if (pos->value % 2)
			list_del(&pos->link);
	assert_list(&head, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_keeps_order),
		cmocka_unit_test(test_del_twice_is_harmless),
		cmocka_unit_test(test_splice_moves_all_to_the_tail),
		cmocka_unit_test(test_for_each_safe_allows_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
