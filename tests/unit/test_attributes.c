/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What attrd_updater is called with. A script writes it down, and fails while a file is there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/attributes.h"

#include "loop_util.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static qb_loop_t *loop;
static struct attributes *a;
static char dir[64], program[96], calls_path[96], fails_path[96];
static char calls[4096];

static int setup(void **state)
{
	FILE *f;

	(void)state;
	strcpy(dir, "/tmp/test_attributes.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(program, sizeof(program), "%s/attrd_updater", dir);
	snprintf(calls_path, sizeof(calls_path), "%s/calls", dir);
	snprintf(fails_path, sizeof(fails_path), "%s/fails", dir);
	f = fopen(program, "we");
	if (!f)
		return -1;
	fprintf(f, "#!/bin/sh\n[ ! -e %s ] || exit 102\necho \"$*\" >> %s\n", fails_path,
		calls_path);
	fclose(f);
	loop = qb_loop_create();
	a = attributes_start(loop, program);
	return a ? chmod(program, 0755) : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	attributes_stop(a);
	qb_loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const char *called(void)
{
	FILE *f = fopen(calls_path, "r");
	size_t n = f ? fread(calls, 1, sizeof(calls) - 1, f) : 0;

	calls[n] = 0;
	if (f)
		fclose(f);
	return calls;
}

static bool was_called(void *arg)
{
	return !strcmp(called(), arg);
}

static void calls_become(const char *expect)
{
	if (!loop_until(loop, was_called, (void *)(uintptr_t)expect))
		assert_string_equal(calls, expect);
}

static unsigned unsent;

static void count_unsent(void *arg, const char *name, const char *value, bool sent)
{
	(void)arg;
	(void)name;
	(void)value;
	unsent += !sent;
}

static bool all_sent(void *arg)
{
	(void)arg;
	unsent = 0;
	attributes_list(a, count_unsent, NULL);
	return !unsent;
}

static void set_changed_and_taken_away(void **state)
{
	(void)state;
	attributes_set(a, "srpt-dg", "ok");
	calls_become("-n srpt-dg -U ok\n");
	assert_true(loop_until(loop, all_sent, NULL));
	attributes_set(a, "srpt-dg", "ok"); /* as before: nothing is done */
	attributes_set(a, "master-x", "100");
	calls_become("-n srpt-dg -U ok\n-n master-x -U 100\n");
	attributes_set(a, "srpt-dg", NULL);
	calls_become("-n srpt-dg -U ok\n-n master-x -U 100\n-n srpt-dg -D\n");
}

static void only_the_last_value_is_sent(void **state)
{
	(void)state;
	attributes_set(a, "x", "1");
	attributes_set(a, "x", "2");
	attributes_set(a, "y", "1");
	attributes_set(a, "x", "3");
	calls_become("-n x -U 3\n-n y -U 1\n");
	assert_true(loop_until(loop, all_sent, NULL));
	assert_string_equal(called(), "-n x -U 3\n-n y -U 1\n");
}

static void no_shell_sees_a_value(void **state)
{
	(void)state;
	attributes_set(a, "srpt-$(id)", "a b;c'\"");
	calls_become("-n srpt-$(id) -U a b;c'\"\n");
}

static void failures_are_tried_again(void **state)
{
	(void)state;
	assert_int_equal(close(creat(fails_path, 0600)), 0);
	attributes_set(a, "x", "1");
	attributes_set(a, "y", "1");
	for (int i = 0; i < 3; i++)
		assert_false(all_sent(NULL));
	assert_int_equal(unlink(fails_path), 0);
	calls_become("-n x -U 1\n-n y -U 1\n");
}

static void all_is_sent_again(void **state)
{
	(void)state;
	attributes_set(a, "x", "1");
	attributes_set(a, "y", NULL);
	calls_become("-n x -U 1\n-n y -D\n");
	assert_true(loop_until(loop, all_sent, NULL));
	attributes_again(a);
	calls_become("-n x -U 1\n-n y -D\n-n x -U 1\n-n y -D\n");
}

static void without_pacemaker(void **state)
{
	struct attributes *none = attributes_start(loop, "/nonexistent/attrd_updater");

	(void)state;
	assert_non_null(none);
	attributes_set(none, "x", "1");
	attributes_set(a, "y", "1");
	calls_become("-n y -U 1\n"); /* time for the other one to fail */
	attributes_stop(none);
}

static void there_are_not_too_many(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i <= ATTRIBUTES_MAX; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		attributes_set(a, name, "1");
	}
	unsent = 0;
	attributes_list(a, count_unsent, NULL);
	assert_int_equal(unsent, ATTRIBUTES_MAX);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(set_changed_and_taken_away),
		T(only_the_last_value_is_sent),
		T(no_shell_sees_a_value),
		T(failures_are_tried_again),
		T(all_is_sent_again),
		T(without_pacemaker),
		T(there_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
