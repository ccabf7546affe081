/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "srp/table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

static struct table_ref *order[2 * TABLE_COUNT];
static unsigned woken;

static void ready(struct table_ref *t)
{
	assert_non_null(t->mem);
	order[woken++] = t;
}

struct fixture {
	uint8_t *mem;
	struct table_pool pool;
	struct table_ref ref[TABLE_COUNT + 3];
};

static void fixture_init(struct fixture *f)
{
	f->mem = malloc(TABLE_COUNT * TABLE_BYTES);
	assert_non_null(f->mem);
	table_pool_init(&f->pool, f->mem, 3);
	woken = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(f->ref); i++) {
		f->ref[i] = (struct table_ref){ .ready = ready };
		list_init(&f->ref[i].link);
	}
}

static void test_buffers_do_not_overlap(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		assert_true(table_get(&f.pool, &f.ref[i]));
		assert_in_range(f.ref[i].mem - f.mem, 0, (TABLE_COUNT - 1) * TABLE_BYTES);
		assert_int_equal((size_t)(f.ref[i].mem - f.mem) % TABLE_BYTES, 0);
		for (unsigned k = 0; k < i; k++)
			assert_ptr_not_equal(f.ref[i].mem, f.ref[k].mem);
	}
	assert_int_equal(f.pool.region, 3);
	free(f.mem);
}

static void test_waiters_are_served_in_order(void **state)
{
	struct fixture f;
	uint8_t *mem;

	(void)state;
	fixture_init(&f);
	for (unsigned i = 0; i < ARRAY_SIZE(f.ref); i++)
		assert_int_equal(table_get(&f.pool, &f.ref[i]), i < TABLE_COUNT);
	mem = f.ref[5].mem;
	table_put(&f.pool, &f.ref[5]);
	assert_int_equal(woken, 1);
	assert_ptr_equal(order[0], &f.ref[TABLE_COUNT]);
	assert_ptr_equal(order[0]->mem, mem);
	assert_null(f.ref[5].mem);
	table_put(&f.pool, &f.ref[1]);
	assert_ptr_equal(order[1], &f.ref[TABLE_COUNT + 1]);
	free(f.mem);
}

static void test_who_stops_waiting_is_not_served(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (unsigned i = 0; i < ARRAY_SIZE(f.ref); i++)
		table_get(&f.pool, &f.ref[i]);
	table_put(&f.pool, &f.ref[TABLE_COUNT]);
	table_put(&f.pool, &f.ref[TABLE_COUNT]);
	table_put(&f.pool, &f.ref[0]);
	assert_int_equal(woken, 1);
	assert_ptr_equal(order[0], &f.ref[TABLE_COUNT + 1]);
	free(f.mem);
}

static void test_all_come_back(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (unsigned i = 0; i < ARRAY_SIZE(f.ref); i++)
		table_get(&f.pool, &f.ref[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(f.ref); i++)
		table_put(&f.pool, &f.ref[i]);
	assert_int_equal(f.pool.nfree, TABLE_COUNT);
	free(f.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffers_do_not_overlap),
		cmocka_unit_test(test_waiters_are_served_in_order),
		cmocka_unit_test(test_who_stops_waiting_is_not_served),
		cmocka_unit_test(test_all_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
