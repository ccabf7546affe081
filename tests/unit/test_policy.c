/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy by golden files: policy/NAME.events must give exactly NAME.actions. After a change
 * that is meant to be seen: `test_policy --update`, and read the difference.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "policy_run.h"

enum { AT_LEAST = 40 };

static bool update;

static const char *golden_dir(void)
{
	static char dir[4096];
	const char *top = getenv("top_srcdir");

	snprintf(dir, sizeof(dir), "%s/tests/unit/policy", top ? top : ".");
	return dir;
}

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "r"), *mem;
	char *text = NULL;
	size_t n;
	int c;

	mem = open_memstream(&text, &n);
	assert_non_null(mem);
	while (f && (c = getc(f)) != EOF)
		putc(c, mem);
	if (f)
		fclose(f);
	fclose(mem);
	return text;
}

static char *actions_of(const char *name)
{
	char path[8192], *text = NULL;
	size_t n;
	FILE *mem = open_memstream(&text, &n);
	struct policy_run *r = policy_run_new(golden_dir(), mem);

	snprintf(path, sizeof(path), "%s/%s.events", golden_dir(), name);
	if (!policy_run_file(r, path))
		fail_msg("%s cannot be run", path);
	policy_run_free(r);
	fclose(mem);
	return text;
}

static bool golden_agrees(const char *name)
{
	char path[8192], *expected, *got = actions_of(name);
	bool same;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.actions", golden_dir(), name);
	if (update) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(got, f);
		fclose(f);
	}
	expected = file_text(path);
	same = !strcmp(expected, got);
	if (!same)
		print_error("%s.actions should be:\n%s\n", name, got);
	free(expected);
	free(got);
	return same;
}

static int is_events(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 7 && !strcmp(d->d_name + n - 7, ".events");
}

static void test_golden(void **state)
{
	struct dirent **names;
	int n = scandir(golden_dir(), &names, is_events, alphasort), wrong = 0;

	(void)state;
	assert_true(n >= AT_LEAST);
	for (int i = 0; i < n; i++) {
		names[i]->d_name[strlen(names[i]->d_name) - 7] = '\0';
		wrong += !golden_agrees(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden) };

	update = argc > 1 && !strcmp(argv[1], "--update");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
