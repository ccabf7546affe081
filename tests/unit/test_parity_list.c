/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "replicator/parity_list.h"

/* "k=v k=v", in this order. */
static void list_fill(struct parity_list *l, const char *items)
{
	char *copy = strdup(items), *rest = copy, *item;

	assert_non_null(copy);
	parity_list_begin(l);
	while ((item = strsep(&rest, " "))) {
		char *value = strchr(item, '=');

		if (!value)
			continue;
		*value++ = '\0';
		parity_list_add(l, item, value);
	}
	parity_list_end(l);
	free(copy);
}

static void expect(const char *own, const char *peer, const char *key, const char *here,
		   const char *there)
{
	struct parity_list a = { .text = NULL }, b = { .text = NULL };
	const char *x = NULL, *y = NULL, *got;

	list_fill(&a, own);
	list_fill(&b, peer);
	got = parity_first_difference(&a, &b, &x, &y);
	if (key) {
		assert_string_equal(got, key);
		assert_string_equal(x ? x : "-", here ? here : "-");
		assert_string_equal(y ? y : "-", there ? there : "-");
	} else {
		assert_null(got);
	}
	parity_list_free(&a);
	parity_list_free(&b);
}

static void test_equal(void **state)
{
	(void)state;
	expect("", "", NULL, NULL, NULL);
	expect("a=1", "a=1", NULL, NULL, NULL);
	expect("a=1 b=2 c=3", "c=3 a=1 b=2", NULL, NULL, NULL);
	expect("a= b=", "b= a=", NULL, NULL, NULL);
}

static void test_first_key(void **state)
{
	(void)state;
	expect("a=1 b=2 c=3", "a=1 b=X c=Y", "b", "2", "X");
	expect("c=3 b=2 a=1", "c=Y a=1 b=X", "b", "2", "X");
	expect("a=1 c=3", "a=1 b=2 c=3", "b", NULL, "2");
	expect("a=1 b=2 c=3", "a=1 c=3", "b", "2", NULL);
	expect("", "a=1", "a", NULL, "1");
	expect("a=1", "", "a", "1", NULL);
	expect("a=1", "a=", "a", "1", "");
}

/* A key that is there twice, as no srptd says. */
static void test_twice(void **state)
{
	(void)state;
	expect("a=1 a=2", "a=2 a=1", NULL, NULL, NULL);
	expect("a=1 a=1", "a=1", "a", "1", NULL);
}

static void test_only_between_begin_and_end(void **state)
{
	struct parity_list l = { .text = NULL };

	(void)state;
	parity_list_add(&l, "a", "1");
	parity_list_end(&l);
	assert_false(l.complete);
	assert_int_equal(l.n, 0);
	parity_list_begin(&l);
	parity_list_add(&l, "a", "1");
	assert_false(l.complete);
	parity_list_end(&l);
	assert_true(l.complete);
	assert_int_equal(l.n, 1);
	parity_list_begin(&l);
	assert_false(l.complete);
	assert_int_equal(l.n, 0);
	parity_list_free(&l);
}

static void test_bounded(void **state)
{
	struct parity_list l = { .text = NULL };
	char *big = malloc(8001);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 8000);
	big[8000] = '\0';
	parity_list_begin(&l);
	for (unsigned i = 0; i < 1000; i++)
		parity_list_add(&l, "k", big);
	assert_true(l.overflow);
	assert_true(l.len <= PARITY_BYTES_MAX && l.room <= PARITY_BYTES_MAX);
	parity_list_begin(&l);
	assert_false(l.overflow);
	for (unsigned i = 0; i <= PARITY_ITEMS_MAX; i++)
		parity_list_add(&l, "", "");
	assert_true(l.overflow);
	assert_int_equal(l.n, PARITY_ITEMS_MAX);
	parity_list_free(&l);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_first_key),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_only_between_begin_and_end),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
