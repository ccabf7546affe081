/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Epochs of device groups in files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/epoch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char found[1024]; /* "group=epoch " of each */

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_epoch.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void take(void *arg, const char *group, uint64_t epoch)
{
	size_t len = strlen(found);

	(void)arg;
	snprintf(found + len, sizeof(found) - len, "%s=%llu ", group, (unsigned long long)epoch);
}

static const char *load(void)
{
	found[0] = 0;
	assert_int_equal(epoch_load(dir, take, NULL), 0);
	return found;
}

static void put(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void what_was_stored_is_loaded(void **state)
{
	(void)state;
	assert_string_equal(load(), "");
	assert_int_equal(epoch_store(dir, "dg", 7), 0);
	assert_string_equal(load(), "dg=7 ");
	assert_int_equal(epoch_store(dir, "dg", UINT64_MAX), 0);
	assert_string_equal(load(), "dg=18446744073709551615 ");
}

static void any_name_is_a_file_of_its_own(void **state)
{
	static const char *const names[] = { "a/b", "../x", ".new", "%41", "\xc3\xa4 b", "A" };
	char expect[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(epoch_store(dir, names[i], i + 1), 0);
	load();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(expect, sizeof(expect), "%s=%zu ", names[i], i + 1);
		assert_non_null(strstr(found, expect));
	}
}

static void impossible_names_are_refused(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	assert_int_equal(epoch_store(dir, name, 1), -ENAMETOOLONG);
	assert_int_equal(epoch_store(dir, "", 1), -EINVAL);
	assert_string_equal(load(), "");
}

static void what_is_no_epoch_is_left_out(void **state)
{
	static const char *const texts[] = {
		"", "7", "-7\n", " 7\n", "7\n\n", "7 \n", "0x7\n", "18446744073709551616\n",
		"99999999999999999999999999999999999\n", "seven\n",
	};
	char name[16];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(name, sizeof(name), "bad%zu", i);
		put(name, texts[i]);
	}
	put("%4", "1\n");
	put("%", "1\n");
	put("%zz", "1\n");
	put("%61", "1\n"); /* not as we would write it */
	put(".hidden", "1\n");
	put("good", "5\n");
	assert_string_equal(load(), "good=5 ");
}

static void the_directory_is_made(void **state)
{
	(void)state;
	strcat(dir, "/new");
	assert_string_equal(load(), "");
	assert_int_equal(epoch_store(dir, "dg", 3), 0);
	assert_string_equal(load(), "dg=3 ");
	*strrchr(dir, '/') = 0;
}

static void a_full_or_missing_disk_is_told(void **state)
{
	(void)state;
	assert_int_equal(epoch_store("/nonexistent/dir", "dg", 1), -ENOENT);
	assert_int_equal(epoch_load("/nonexistent/dir", take, NULL), -ENOENT);
	assert_int_equal(epoch_store("/proc/self/status", "dg", 1), -ENOTDIR);
}

/* What is in the way of the new file does not harm the old one. */
static void a_failure_leaves_the_old_one(void **state)
{
	char path[128];

	(void)state;
	assert_int_equal(epoch_store(dir, "dg", 3), 0);
	snprintf(path, sizeof(path), "%s/.new", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(epoch_store(dir, "dg", 4), -EISDIR);
	assert_string_equal(load(), "dg=3 ");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_was_stored_is_loaded),
		T(any_name_is_a_file_of_its_own),
		T(impossible_names_are_refused),
		T(what_is_no_epoch_is_left_out),
		T(the_directory_is_made),
		T(a_full_or_missing_disk_is_told),
		T(a_failure_leaves_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
