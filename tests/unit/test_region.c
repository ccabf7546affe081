/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The numbers under which a reactor knows memory. */
#include "base/reactor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

static int setup(void **state)
{
	const struct reactor_params p = { .buffer_size = 1, .poll_budget_us = 0, .cpu = -1 };
	struct reactor *r;
	int rc = reactor_create(0, &p, &r);

	*state = r;
	return rc;
}

static int teardown(void **state)
{
	reactor_destroy(*state);
	return 0;
}

static void test_regions_are_numbered_after_the_slab(void **state)
{
	struct reactor *r = *state;
	uint8_t mem[16];
	unsigned gen = r->regions_gen;

	assert_ptr_equal(r->regions[IOBUF_REGION_SLAB].base, r->bufs.slab.base);
	for (int i = 1; i < IOBUF_REGIONS; i++)
		assert_int_equal(reactor_region_add(r, mem, sizeof(mem)), i);
	assert_int_equal(reactor_region_add(r, mem, sizeof(mem)), -ENOSPC);
	reactor_region_del(r, 5);
	assert_int_equal(r->regions[5].len, 0);
	assert_int_equal(reactor_region_add(r, mem, sizeof(mem)), 5);
	assert_int_equal(r->regions_gen, gen + IOBUF_REGIONS + 1);
}

static void test_reserved_region_is_opened_later(void **state)
{
	struct reactor *r = *state;
	uint8_t mem[16];
	int region = reactor_region_reserve(r, mem);
	unsigned gen = r->regions_gen;

	assert_int_equal(region, 1);
	assert_int_equal(r->regions[1].len, 0);
	assert_true(r->regions[1].messages);
	assert_int_equal(reactor_region_add(r, mem, sizeof(mem)), 2);
	assert_false(r->regions[2].messages);
	reactor_region_open(r, region, sizeof(mem));
	assert_int_equal(r->regions[1].len, sizeof(mem));
	assert_int_equal(r->regions_gen, gen + 2);
	reactor_region_del(r, region);
	assert_int_equal(reactor_region_reserve(r, mem), region);
}

/* The kernel gives the same address again for what was just unmapped. */
static void test_memory_at_the_same_address_is_other_memory(void **state)
{
	struct reactor *r = *state;
	uint8_t mem[16];
	int region = reactor_region_add(r, mem, sizeof(mem));
	struct iobuf_region old = r->regions[region];

	assert_true(iobuf_region_same(&old, &r->regions[region]));
	reactor_region_del(r, region);
	assert_int_equal(reactor_region_add(r, mem, sizeof(mem)), region);
	assert_false(iobuf_region_same(&old, &r->regions[region]));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_regions_are_numbered_after_the_slab),
		T(test_reserved_region_is_opened_later),
		T(test_memory_at_the_same_address_is_other_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
