/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include "fake_store.h"
#include "scsi/lu_state.h"
#include "scsi/pr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	struct env e; /* first */
	struct fake_store store;
	int n_done, status;
};

static int setup(void **state)
{
	struct kept *k = calloc(1, sizeof(*k));

	fake_store_init(&k->store);
	env_init(&k->e);
	k->e.params.store = &k->store.store;
	env_open(&k->e);
	*state = k;
	return 0;
}

static void register_with_aptpl(struct lu *lu)
{
	const struct pr_nexus n = { .id = { 1, 2, 3 }, .port = 7 };
	struct pr *pr = pr_copy(&pr_none, 1);

	assert_true(pr_set_key(pr, &n, 0x1234));
	pr->aptpl = true;
	pr_free(lu->pr);
	lu->pr = pr;
}

static void saved(void *arg, int status)
{
	struct kept *k = arg;

	k->n_done++;
	k->status = status;
}

static void save(struct kept *k)
{
	k->n_done = 0;
	lu_state_save(k->e.lu, saved, k);
	assert_int_equal(k->n_done, 0);
}

/* A second LU made of what @p, @len; NULL: refused with -EINVAL. */
static struct lu *load(struct kept *k, struct backend *be, const void *p, size_t len)
{
	struct lu_params params = k->e.params;

	params.state = p;
	params.state_len = len;
	fake_backend_init(be);
	return env_add_lu(&k->e, be, &params);
}

static int try_load(struct kept *k, const void *p, size_t len)
{
	return lu_state_load(k->e.lu, p, len);
}

static void test_nothing_to_keep_is_nothing(void **state)
{
	struct kept *k = *state;

	save(k);
	assert_int_equal(k->store.len, 0);
	fake_store_finish(&k->store, 0);
	assert_int_equal(k->n_done, 1);
	assert_int_equal(k->status, 0);
	assert_int_equal(try_load(k, NULL, 0), 0);
}

static void test_what_was_kept_is_back(void **state)
{
	struct kept *k = *state;
	struct backend be;
	struct lu *lu;

	register_with_aptpl(k->e.lu);
	save(k);
	/* Type 1: reservations; these numbers are on disks. */
	assert_int_equal(get_be16(k->store.data), 1);
	assert_int_equal(get_be32((const uint8_t *)k->store.data + 2), k->store.len - 6);
	fake_store_finish(&k->store, 0);
	lu = load(k, &be, k->store.kept, k->store.kept_len);
	assert_int_equal(lu->pr->count, 1);
	assert_int_equal(lu->pr->r[0].key, 0x1234);
	env_destroy_lu(&k->e, lu);
	fake_backend_fini(&be);
}

static void test_failure_is_told(void **state)
{
	struct kept *k = *state;

	save(k);
	fake_store_finish(&k->store, -ENOSPC);
	assert_int_equal(k->status, -ENOSPC);
}

static void test_without_a_store_it_is_refused_later(void **state)
{
	struct kept *k = *state;

	k->e.lu->store = NULL;
	save(k);
	env_pump(&k->e);
	assert_int_equal(k->n_done, 1);
	assert_int_equal(k->status, -EOPNOTSUPP);
}

static void test_what_is_not_understood_is_refused(void **state)
{
	static const struct {
		uint8_t p[16];
		size_t len;
	} rows[] = {
		{ { 0, 99, 0, 0, 0, 1, 0 }, 7 },                   /* unknown type */
		{ { 0, 0, 0, 0, 0, 1, 0 }, 7 },                    /* the end of the table */
		{ { 0, 2, 0, 0, 0 }, 5 },                          /* half a header */
		{ { 0, 2, 0, 0, 0, 0 }, 6 },                       /* nothing in it */
		{ { 0, 2, 0, 0, 0, 3, 0, 0 }, 8 },                 /* cut */
		{ { 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0 }, 8 },     /* longer than there is */
		{ { 0, 2, 0, 0, 0, 2, 0xff, 0xff }, 8 },           /* its part refuses it */
	};
	struct kept *k = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(try_load(k, rows[i].p, rows[i].len), -EINVAL);
}

/* The second would take the place of the first. */
static void test_no_section_comes_twice(void **state)
{
	struct kept *k = *state;
	uint8_t twice[128];
	size_t len;

	register_with_aptpl(k->e.lu);
	save(k);
	fake_store_finish(&k->store, 0);
	len = k->store.kept_len;
	memcpy(twice, k->store.kept, len);
	memcpy(twice + len, k->store.kept, len);
	assert_int_equal(try_load(k, twice, len), 0);
	assert_int_equal(try_load(k, twice, 2 * len), -EINVAL);
}

static void unexpected(void *arg, struct lu *lu, int status)
{
	(void)arg;
	(void)lu;
	fail_msg("made with status %d", status);
}

static void test_an_lu_is_not_made_without_its_state(void **state)
{
	struct kept *k = *state;
	struct lu_params p = k->e.params;
	struct backend be;

	p.state = "unknown";
	p.state_len = 7;
	fake_backend_init(&be);
	assert_int_equal(lu_create(k->e.device, &p, &be, unexpected, NULL), -EINVAL);
	assert_int_equal(be.closed, 0);
	fake_backend_fini(&be);
}

/* Of the designator, not of a name that may change: the other node must find it. */
static void test_key(void **state)
{
	static const uint8_t naa[16] = { 0x60, 2, 0x19, 0xb0, 0xab, [15] = 0xff };
	char key[LU_STATE_KEY_SIZE];

	(void)state;
	lu_state_key(naa, key);
	assert_string_equal(key, "600219b0ab00000000000000000000ff");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_nothing_to_keep_is_nothing),
		T(test_what_was_kept_is_back),
		T(test_failure_is_told),
		T(test_without_a_store_it_is_refused_later),
		T(test_what_is_not_understood_is_refused),
		T(test_no_section_comes_twice),
		T(test_an_lu_is_not_made_without_its_state),
		cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
