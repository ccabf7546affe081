/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/lu.h"
#include "scsi/pr.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t bytes[PR_STATE_MAX];

/* One LU, with @count registrants at port 3. */
static struct lu *lu_of(unsigned count, uint8_t type, unsigned holder)
{
	struct lu *lu = aligned_alloc(CACHE_LINE, sizeof(*lu));
	struct pr *pr = pr_copy(&pr_none, count);

	memset(lu, 0, sizeof(*lu));
	for (unsigned i = 0; i < count; i++) {
		struct pr_nexus n = { .port = 3 };

		put_be32(n.id, i + 1);
		assert_true(pr_set_key(pr, &n, 100 + i));
	}
	pr->type = type;
	pr->holder = holder;
	pr->aptpl = true;
	pr->generation = 9;
	lu->pr = pr;
	return lu;
}

static void lu_forget(struct lu *lu)
{
	pr_free(lu->pr);
	free(lu);
}

static struct lu *lu_new(void)
{
	struct lu *lu = lu_of(0, 0, 0);

	pr_free(lu->pr);
	lu->pr = &pr_none;
	return lu;
}

static void test_back_as_it_was(unsigned count, uint8_t type, unsigned holder)
{
	struct lu *lu = lu_of(count, type, holder), *back = lu_new();
	size_t len = pr_state_encode(lu, bytes, sizeof(bytes));

	assert_int_equal(len, PR_STATE_HEADER + count * PR_STATE_ENTRY);
	assert_int_equal(pr_state_decode(back, bytes, len), 0);
	assert_int_equal(back->pr->count, count);
	assert_int_equal(back->pr->type, type);
	assert_int_equal(back->pr->holder, holder);
	assert_true(back->pr->aptpl);
	assert_int_equal(back->pr->generation, 0);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(pr_find(back->pr, &lu->pr->r[i].nexus), i);
		assert_int_equal(back->pr->r[i].key, lu->pr->r[i].key);
	}
	lu_forget(lu);
	lu_forget(back);
}

static void test_round_trips(void **state)
{
	static const uint8_t types[] = { 0, 1, 3, 5, 6, 7, 8 };

	(void)state;
	test_back_as_it_was(0, 0, 0);
	for (unsigned i = 0; i < sizeof(types); i++) {
		test_back_as_it_was(1, types[i], 0);
		test_back_as_it_was(5, types[i], types[i] % 2 && types[i] < 7 ? 4 : 0);
	}
	test_back_as_it_was(PR_MAX, PR_EXCLUSIVE_ACCESS_RO, PR_MAX - 1);
}

static void test_without_aptpl_nothing_is_kept(void **state)
{
	struct lu *lu = lu_of(2, 1, 0);

	(void)state;
	((struct pr *)lu->pr)->aptpl = false;
	assert_int_equal(pr_state_encode(lu, bytes, sizeof(bytes)), 0);
	lu_forget(lu);
}

static void test_a_change_on_its_way_is_what_is_kept(void **state)
{
	struct lu *lu = lu_of(2, 1, 0), *next = lu_of(3, 1, 0);

	(void)state;
	lu->pr_next = next->pr;
	assert_int_equal(pr_state_encode(lu, bytes, sizeof(bytes)),
			 PR_STATE_HEADER + 3 * PR_STATE_ENTRY);
	lu->pr_next = NULL;
	lu_forget(lu);
	lu_forget(next);
}

static void assert_bad(const uint8_t *p, size_t len)
{
	struct lu *lu = lu_of(1, 1, 0);
	const struct pr *before = lu->pr;

	assert_int_equal(pr_state_decode(lu, p, len), -EINVAL);
	assert_ptr_equal(lu->pr, before);
	lu_forget(lu);
}

static void test_every_length_but_the_right_one(void **state)
{
	struct lu *lu = lu_of(3, 1, 2);
	size_t right = pr_state_encode(lu, bytes, sizeof(bytes));

	(void)state;
	for (size_t len = 0; len < right + PR_STATE_ENTRY; len++) {
		uint8_t *exact = malloc(len ? len : 1); /* so that reading past it is seen */

		memcpy(exact, bytes, len);
		if (len != right)
			assert_bad(exact, len);
		free(exact);
	}
	lu_forget(lu);
}

/* Of three registrants with a Write Exclusive reservation of the third. */
static void test_fields_that_are_not_possible(void **state)
{
	static const struct {
		const char *what;
		uint8_t at, len;
		uint64_t value;
	} rows[] = {
		{ "version", 0, 1, 2 },
		{ "reserved", 2, 2, 1 },
		{ "type 2", 1, 1, 2 },
		{ "type 9", 1, 1, 9 },
		{ "type 255", 1, 1, 255 },
		{ "type 33", 1, 1, 33 },
		{ "holder of none", 8, 4, 3 },
		{ "holder -1", 8, 4, 0xffffffff },
		{ "a holder, and all registrants", 1, 1, 7 },
		{ "a holder, and no reservation", 1, 1, 0 },
		{ "a huge count", 4, 4, 0xffffffff },
		{ "a count too many", 4, 4, 4 },
		{ "a count that overflows", 4, 4, 0x9d89d8a },
		{ "key 0", 12, 8, 0 },
		{ "port 0", 12 + 24, 2, 0 },
		{ "out of order", 12 + 8, 4, 7 },
		{ "twice the same", 12 + 26 + 8, 4, 1 },
	};
	struct lu *lu = lu_of(3, 1, 2);
	size_t len;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		len = pr_state_encode(lu, bytes, sizeof(bytes));
		print_message("           %s\n", rows[i].what);
		for (unsigned b = 0; b < rows[i].len; b++)
			bytes[rows[i].at + b] =
				(uint8_t)(rows[i].value >> 8 * (rows[i].len - 1 - b));
		assert_bad(bytes, len);
	}
	lu_forget(lu);
}

static void test_a_reservation_of_nobody(void **state)
{
	struct lu *lu = lu_of(0, 0, 0);
	size_t len = pr_state_encode(lu, bytes, sizeof(bytes));

	(void)state;
	bytes[1] = PR_WRITE_EXCLUSIVE_AR;
	assert_bad(bytes, len);
	lu_forget(lu);
}

static void test_more_than_there_can_be(void **state)
{
	size_t len = PR_STATE_HEADER + (PR_MAX + 1) * PR_STATE_ENTRY;
	uint8_t *p = calloc(1, len);

	(void)state;
	p[0] = 1;
	put_be32(p + 4, PR_MAX + 1);
	for (unsigned i = 0; i <= PR_MAX; i++) {
		uint8_t *e = p + PR_STATE_HEADER + i * PR_STATE_ENTRY;

		put_be64(e, 1);
		put_be32(e + 8, i);
		put_be16(e + 24, 1);
	}
	assert_bad(p, len);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_without_aptpl_nothing_is_kept),
		cmocka_unit_test(test_a_change_on_its_way_is_what_is_kept),
		cmocka_unit_test(test_every_length_but_the_right_one),
		cmocka_unit_test(test_fields_that_are_not_possible),
		cmocka_unit_test(test_a_reservation_of_nobody),
		cmocka_unit_test(test_more_than_there_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
