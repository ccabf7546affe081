/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of Pacemaker's resources, kept in a file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/resources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static struct resources r;

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/test_resources.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || close(fd) || unlink(path))
		return -1;
	return resources_load(&r, path);
}

static int teardown(void **state)
{
	(void)state;
	resources_free(&r);
	unlink(path);
	return 0;
}

static void again(void)
{
	resources_free(&r);
	assert_int_equal(resources_load(&r, path), 0);
}

static void they_outlive_the_daemon(void **state)
{
	(void)state;
	assert_int_equal(r.n, 0);
	assert_int_equal(resources_add(&r, "srpt", ""), 0);
	assert_int_equal(resources_add(&r, "p_srpt-2", "disk group"), 0);
	again();
	assert_int_equal(r.n, 2);
	assert_string_equal(r.all[0].name, "srpt");
	assert_string_equal(r.all[0].group, "");
	assert_string_equal(r.all[1].name, "p_srpt-2");
	assert_string_equal(r.all[1].group, "disk group");
}

static void the_last_word_counts(void **state)
{
	(void)state;
	assert_int_equal(resources_add(&r, "srpt", "a"), 0);
	assert_int_equal(resources_add(&r, "srpt", "b"), 0);
	again();
	assert_int_equal(r.n, 1);
	assert_string_equal(r.all[0].group, "b");
}

static void one_is_forgotten(void **state)
{
	(void)state;
	assert_int_equal(resources_add(&r, "a", ""), 0);
	assert_int_equal(resources_add(&r, "b", ""), 0);
	assert_int_equal(resources_add(&r, "c", ""), 0);
	assert_int_equal(resources_remove(&r, "b"), 0);
	assert_int_equal(resources_remove(&r, "b"), -ENOENT);
	again();
	assert_int_equal(r.n, 2);
	assert_string_equal(r.all[0].name, "a");
	assert_string_equal(r.all[1].name, "c");
}

static void no_names(void **state)
{
	static const char *const names[] = { "", "a b", "a\tb", "a\n", "a/b", "-n\xff" };
	char big[RESOURCE_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(resources_add(&r, names[i], ""), -EINVAL);
	memset(big, 'x', sizeof(big));
	big[RESOURCE_NAME_MAX + 1] = 0;
	assert_int_equal(resources_add(&r, big, ""), -EINVAL);
	big[RESOURCE_NAME_MAX] = 0;
	assert_int_equal(resources_add(&r, big, "a\tb"), -EINVAL);
	assert_int_equal(resources_add(&r, big, "a\nb"), -EINVAL);
	assert_int_equal(resources_add(&r, big, ""), 0);
	again();
	assert_int_equal(r.n, 1);
}

static void there_are_not_too_many(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < RESOURCES_MAX; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		assert_int_equal(resources_add(&r, name, ""), 0);
	}
	assert_int_equal(resources_add(&r, "more", ""), -ENOSPC);
	assert_int_equal(resources_add(&r, "r5", "dg"), 0);
}

static void other_lines_are_left_out(void **state)
{
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fputs("none\n\n\t\na b\tc\ngood\tdg\nlast\t", f);
	fclose(f);
	again();
	assert_int_equal(r.n, 2);
	assert_string_equal(r.all[0].name, "good");
	assert_string_equal(r.all[1].name, "last");
}

static void it_is_known_even_if_it_cannot_be_kept(void **state)
{
	(void)state;
	r.path = "/nonexistent/resources";
	assert_int_equal(resources_add(&r, "srpt", ""), -ENOENT);
	assert_int_equal(r.n, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(they_outlive_the_daemon),
		T(the_last_word_counts),
		T(one_is_forgotten),
		T(no_names),
		T(there_are_not_too_many),
		T(other_lines_are_left_out),
		T(it_is_known_even_if_it_cannot_be_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
