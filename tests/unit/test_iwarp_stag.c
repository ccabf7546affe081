/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steering tags: only what is exposed, only as it is allowed, only as long as it is. */
#include "iwarp_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#define LEN 5000u

static struct fake f;
static uint8_t memory[LEN];

static int setup(void **state)
{
	(void)state;
	fake_open(&f, 65483);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_close(&f);
	return 0;
}

static struct exposure expose(unsigned access)
{
	struct iobuf b = { .addr = memory, .len = LEN };
	struct exposure x;

	assert_int_equal(iwarp_expose(&f.c.base, &b, access, &x), 0);
	return x;
}

static enum iwarp_stag_error check(uint32_t key, uint64_t to, uint32_t len, unsigned access)
{
	uint8_t *mem = NULL;
	enum iwarp_stag_error rc = iwarp_stag_check(&f.c.stags, key, to, len, access, &mem);

	assert_int_equal(!rc, mem != NULL);
	if (!rc)
		assert_true(mem >= memory && mem + len <= memory + LEN);
	return rc;
}

static void bounds(void **state)
{
	struct exposure x = expose(EXPOSE_READ);
	uint8_t *mem;

	(void)state;
	assert_int_equal(check(x.key, x.addr, LEN, EXPOSE_READ), IWARP_STAG_OK);
	assert_int_equal(check(x.key, x.addr + LEN - 1, 1, EXPOSE_READ), IWARP_STAG_OK);
	assert_int_equal(iwarp_stag_check(&f.c.stags, x.key, x.addr + 7, 1, EXPOSE_READ, &mem),
			 IWARP_STAG_OK);
	assert_ptr_equal(mem, memory + 7);
	assert_int_equal(check(x.key, x.addr, LEN + 1, EXPOSE_READ), IWARP_STAG_BOUNDS);
	assert_int_equal(check(x.key, x.addr + 1, LEN, EXPOSE_READ), IWARP_STAG_BOUNDS);
	assert_int_equal(check(x.key, x.addr - 1, 1, EXPOSE_READ), IWARP_STAG_BOUNDS);
	assert_int_equal(check(x.key, x.addr + LEN, 1, EXPOSE_READ), IWARP_STAG_BOUNDS);
	assert_int_equal(check(x.key, x.addr + LEN, UINT32_MAX, EXPOSE_READ), IWARP_STAG_BOUNDS);
	assert_int_equal(check(x.key, 0, 1, EXPOSE_READ), IWARP_STAG_BOUNDS);
	assert_int_equal(check(x.key, UINT64_MAX, 1, EXPOSE_READ), IWARP_STAG_BOUNDS);
	assert_int_equal(check(x.key, UINT64_MAX, 2, EXPOSE_READ), IWARP_STAG_TO_WRAP);
}

static void access_rights(void **state)
{
	struct exposure r = expose(EXPOSE_READ), w = expose(EXPOSE_WRITE);
	struct exposure both = expose(EXPOSE_READ | EXPOSE_WRITE);

	(void)state;
	assert_int_equal(check(r.key, r.addr, 1, EXPOSE_WRITE), IWARP_STAG_ACCESS);
	assert_int_equal(check(w.key, w.addr, 1, EXPOSE_READ), IWARP_STAG_ACCESS);
	assert_int_equal(check(w.key, w.addr, 1, EXPOSE_WRITE), IWARP_STAG_OK);
	assert_int_equal(check(both.key, both.addr, 1, EXPOSE_READ), IWARP_STAG_OK);
	assert_int_equal(check(both.key, both.addr, 1, EXPOSE_WRITE), IWARP_STAG_OK);
	/* The offsets of one are of no use with the tag of another. */
	assert_int_equal(check(r.key, both.addr, 1, EXPOSE_READ), IWARP_STAG_BOUNDS);
}

static void invalid_at_once(void **state)
{
	struct exposure x = expose(EXPOSE_READ), again;
	uint32_t seen[100];

	(void)state;
	iwarp_unexpose(&f.c.base, &x);
	assert_int_equal(check(x.key, x.addr, 1, EXPOSE_READ), IWARP_STAG_INVALID);
	/* Nor does the next user of the entry bring it back. */
	for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
		again = expose(EXPOSE_READ);
		seen[i] = again.key;
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(seen[k], again.key);
		assert_int_equal(check(x.key, x.addr, 1, EXPOSE_READ), IWARP_STAG_INVALID);
		iwarp_unexpose(&f.c.base, &again);
	}
	/* Twice is once. */
	iwarp_unexpose(&f.c.base, &x);
	again = expose(EXPOSE_READ);
	iwarp_unexpose(&f.c.base, &x);
	assert_int_equal(check(again.key, again.addr, 1, EXPOSE_READ), IWARP_STAG_OK);
}

static void tags_nobody_gave(void **state)
{
	struct exposure x = expose(EXPOSE_READ);

	(void)state;
	assert_int_equal(check(x.key + 1, x.addr, 1, EXPOSE_READ), IWARP_STAG_INVALID);
	assert_int_equal(check(x.key + 0x10000, x.addr, 1, EXPOSE_READ), IWARP_STAG_INVALID);
	assert_int_equal(check(FAKE_EXPOSED << 16, 0, 1, EXPOSE_READ), IWARP_STAG_INVALID);
	assert_int_equal(check(0, 0, 1, EXPOSE_READ), IWARP_STAG_INVALID);
	assert_int_equal(check(UINT32_MAX, 0, 1, EXPOSE_READ), IWARP_STAG_INVALID);
}

static void as_many_as_agreed(void **state)
{
	struct iobuf b = { .addr = memory, .len = LEN };
	struct exposure x[FAKE_EXPOSED + 1];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < FAKE_EXPOSED; i++)
			x[i] = expose(EXPOSE_WRITE);
		assert_int_equal(iwarp_expose(&f.c.base, &b, EXPOSE_WRITE, &x[FAKE_EXPOSED]),
				 -ENOSPC);
		for (unsigned i = 0; i < FAKE_EXPOSED; i++)
			iwarp_unexpose(&f.c.base, &x[i]);
	}
	assert_int_equal(iwarp_expose(&f.c.base, &b, 0, &x[0]), -EINVAL);
}

static void peer_invalidates(void **state)
{
	struct exposure x = expose(EXPOSE_READ), other = expose(EXPOSE_READ);

	(void)state;
	assert_true(iwarp_stag_invalidate(&f.c.stags, x.key));
	assert_int_equal(check(x.key, x.addr, 1, EXPOSE_READ), IWARP_STAG_INVALID);
	assert_int_equal(check(other.key, other.addr, 1, EXPOSE_READ), IWARP_STAG_OK);
	assert_false(iwarp_stag_invalidate(&f.c.stags, x.key));
	assert_false(iwarp_stag_invalidate(&f.c.stags, 0));
	/* Its entry is free only when the owner takes it back. */
	for (unsigned i = 0; i < FAKE_EXPOSED - 2; i++)
		assert_int_not_equal(expose(EXPOSE_READ).index, x.index);
	iwarp_unexpose(&f.c.base, &x);
	assert_int_equal(expose(EXPOSE_READ).index, x.index);
}

/* The generation starts anywhere: what one connection's tags are tells nothing of another's. */
static void start_is_random(void **state)
{
	uint32_t first = expose(EXPOSE_READ).key, different = 0;

	(void)state;
	for (int i = 0; i < 16; i++) {
		iwarp_stags_free(&f.c.stags);
		assert_int_equal(iwarp_stags_init(&f.c.stags, FAKE_EXPOSED), 0);
		different += expose(EXPOSE_READ).key != first;
	}
	assert_true(different > 8);
}

/* Memory is taken when something is exposed, and whatever comes before that is refused. */
static void sizes(void **state)
{
	struct exposure x = { .key = 1 };

	(void)state;
	iwarp_stags_free(&f.c.stags);
	assert_int_equal(iwarp_stags_init(&f.c.stags, IWARP_STAGS_MAX + 1), -EINVAL);
	assert_int_equal(iwarp_stags_init(&f.c.stags, IWARP_STAGS_MAX), 0);
	assert_null(f.c.stags.entry);
	assert_int_equal(check(1, 0, 1, EXPOSE_READ), IWARP_STAG_INVALID);
	assert_false(iwarp_stag_invalidate(&f.c.stags, 1));
	iwarp_unexpose(&f.c.base, &x);
	expose(EXPOSE_READ);
	assert_int_equal(check(IWARP_STAG_INDEX_SINK << 16, 0, 1, EXPOSE_READ),
			 IWARP_STAG_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(access_rights, setup, teardown),
		cmocka_unit_test_setup_teardown(invalid_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(tags_nobody_gave, setup, teardown),
		cmocka_unit_test_setup_teardown(as_many_as_agreed, setup, teardown),
		cmocka_unit_test_setup_teardown(peer_invalidates, setup, teardown),
		cmocka_unit_test_setup_teardown(start_is_random, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
