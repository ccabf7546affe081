/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every step of a save fails, or is the last before the end: the old state or the new is found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "state_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "6002"

/* What is put before the case begins; each is a text, "" an erased one. */
#define OLDER "older than old"
#define OLD "what was kept before, which is a bit longer than one write can take at once"
#define NEW "new"

static struct state_copies c;

static void fresh(void)
{
	state_copies_init(&c, &disk_io, disk_dir, KEY);
}

static int put(const char *text)
{
	return *text ? state_copies_save(&c, text, strlen(text)) : state_copies_erase(&c);
}

/* As a new process finds it; "" for nothing, NULL: an error. */
static const char *found(int *rc)
{
	static char text[256];
	bool damaged;
	size_t len;
	void *data;

	fresh();
	*rc = state_copies_load(&c, &data, &len, &damaged);
	if (*rc)
		return NULL;
	if (len)
		memcpy(text, data, len);
	text[len] = 0;
	free(data);
	return text;
}

static void assert_found(const char *want)
{
	int rc;
	const char *text = found(&rc);

	assert_int_equal(rc, 0);
	assert_string_equal(text, want);
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
	return text && (!strcmp(text, a) || !strcmp(text, b));
}

/* ---- the cases: how the directory is when the save begins ---- */

static void one_copy(void)
{
	put(OLD);
}

static void two_copies(void)
{
	put(OLDER);
	put(OLD);
}

static void nothing(void)
{
}

static void damaged_current(void)
{
	put(OLD);
	put("this will be damaged");
	disk_damage(KEY);
}

/* Killed between the two renames. */
static void only_last(void)
{
	put(OLD);
	put("other");
	unlinkat(disk_dir, KEY, 0);
}

static const struct test_case {
	const char *what;
	void (*prepare)(void);
	const char *old, *new;
} cases[] = {
	{ "first save", nothing, "", NEW },
	{ "second save", one_copy, OLD, NEW },
	{ "third save", two_copies, OLD, NEW },
	{ "save over a damaged copy", damaged_current, OLD, NEW },
	{ "save where only the copy before is", only_last, OLD, NEW },
	{ "erase one copy", one_copy, OLD, "" },
	{ "erase two copies", two_copies, OLD, "" },
	{ "erase a damaged copy", damaged_current, OLD, "" },
	{ "erase where only the copy before is", only_last, OLD, "" },
	{ "erase nothing", nothing, "", "" },
};

static void begin(const struct test_case *t, enum disk_fault fault, unsigned nth, int err)
{
	disk_setup();
	fresh();
	t->prepare();
	assert_found(t->old);
	disk_fault_at(fault, nth, err);
}

/* Calls a case makes when all goes well. */
static unsigned calls(const struct test_case *t)
{
	unsigned n;

	begin(t, DISK_GOOD, 0, 0);
	assert_int_equal(put(t->new), 0);
	n = disk_call;
	assert_found(t->new);
	disk_teardown();
	return n;
}

static void for_each_step(void (*fn)(const struct test_case *t, unsigned nth))
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned n = calls(&cases[i]);

		print_message("           %s: %u calls\n", cases[i].what, n);
		for (unsigned nth = 1; nth <= n; nth++)
			fn(&cases[i], nth);
	}
}

/* ---- one call fails ---- */

static void fail_once(const struct test_case *t, unsigned nth)
{
	static const int errors[] = { ENOSPC, EIO, EROFS };

	for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
		int rc;

		begin(t, DISK_FAILS_ONCE, nth, errors[e]);
		rc = put(t->new);
		assert_true(rc == 0 || rc == -errors[e]);
		/* The same process goes on. */
		if (rc) {
			struct state_copies same = c;

			assert_found(t->old);
			c = same;
			assert_int_equal(put(t->new), 0);
		}
		assert_found(t->new);
		disk_teardown();
	}
}

static void a_call_that_fails_leaves_the_old_state(void **state)
{
	(void)state;
	for_each_step(fail_once);
}

/* ---- the file system goes away, and is back later ---- */

static void fail_on(const struct test_case *t, unsigned nth)
{
	struct state_copies same;
	int rc;

	begin(t, DISK_FAILS, nth, EIO);
	rc = put(t->new);
	same = c;
	disk_fault_at(DISK_GOOD, 0, 0);
	assert_true(is_one_of(found(&(int){ 0 }), rc ? t->old : t->new, t->new));
	c = same;
	assert_int_equal(put(t->new), 0);
	assert_found(t->new);
	disk_teardown();
}

static void a_disk_that_goes_away_can_come_back(void **state)
{
	(void)state;
	for_each_step(fail_on);
}

/* ---- the end of the process, or of the power, before a call ---- */

static void killed(const struct test_case *t, unsigned nth)
{
	int rc;

	begin(t, DISK_STOPS, nth, EIO);
	rc = put(t->new);
	disk_fault_at(DISK_GOOD, 0, 0);
	assert_true(is_one_of(found(&(int){ 0 }), rc ? t->old : t->new, t->new));
	/* And life goes on. */
	assert_int_equal(put("next"), 0);
	assert_found("next");
	disk_teardown();
}

static void killed_at_any_step(void **state)
{
	(void)state;
	for_each_step(killed);
}

static void power_lost(const struct test_case *t, unsigned nth)
{
	unsigned n = 1;

	for (unsigned outcome = 0; outcome < n; outcome++) {
		int rc;

		begin(t, DISK_STOPS, nth, EIO);
		rc = put(t->new);
		n = disk_outcomes();
		disk_become(outcome);
		disk_fault_at(DISK_GOOD, 0, 0);
		assert_true(is_one_of(found(&(int){ 0 }), rc ? t->old : t->new, t->new));
		assert_int_equal(put("next"), 0);
		assert_found("next");
		disk_teardown();
	}
}

static void power_lost_at_any_step(void **state)
{
	(void)state;
	for_each_step(power_lost);
}

/* What was answered with success is there, whatever the directory lost. */
static void power_lost_after_success(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned n = 1;

		for (unsigned outcome = 0; outcome < n; outcome++) {
			begin(&cases[i], DISK_GOOD, 0, 0);
			assert_int_equal(put(cases[i].new), 0);
			n = disk_outcomes();
			disk_become(outcome);
			assert_found(cases[i].new);
			disk_teardown();
		}
	}
}

/* ---- damage ---- */

static int load_error(void)
{
	int rc;

	assert_null(found(&rc));
	return rc;
}

static void damage_falls_back(void **state)
{
	bool damaged;
	size_t len;
	void *data;

	(void)state;
	disk_setup();
	fresh();
	two_copies();
	disk_damage(KEY);
	fresh();
	assert_int_equal(state_copies_load(&c, &data, &len, &damaged), 0);
	assert_true(damaged);
	assert_int_equal(len, strlen(OLDER));
	assert_memory_equal(data, OLDER, len);
	free(data);
	disk_damage(KEY ".last");
	assert_int_equal(load_error(), -EBADMSG);
	disk_teardown();
}

static void the_only_copy_is_damaged(void **state)
{
	(void)state;
	disk_setup();
	fresh();
	one_copy();
	disk_damage(KEY);
	assert_int_equal(load_error(), -EBADMSG);
	disk_put(KEY, "", 0);
	assert_int_equal(load_error(), -EBADMSG);
	/* Moved away. */
	unlinkat(disk_dir, KEY, 0);
	assert_found("");
	disk_teardown();
}

static void the_copy_before_alone_is_damaged(void **state)
{
	(void)state;
	disk_setup();
	fresh();
	only_last();
	disk_damage(KEY ".last");
	assert_int_equal(load_error(), -EBADMSG);
	disk_teardown();
}

/* An older daemon must not go back to an older state. */
static void later_version_is_no_damage(void **state)
{
	uint8_t file[STATE_FILE_HEADER];

	(void)state;
	disk_setup();
	fresh();
	two_copies();
	state_file_header(file, KEY, 7, NULL, 0);
	file[11]++;
	state_file_seal(file, sizeof(file));
	disk_put(KEY, file, sizeof(file));
	assert_int_equal(load_error(), -EPROTONOSUPPORT);
	disk_teardown();
}

static void no_regular_file(void **state)
{
	(void)state;
	disk_setup();
	assert_int_equal(symlinkat("/etc/passwd", disk_dir, KEY), 0);
	assert_int_equal(load_error(), -EBADMSG);
	disk_teardown();
}

static void unfinished_names(void **state)
{
	(void)state;
	assert_true(state_copies_unfinished(KEY ".new"));
	assert_false(state_copies_unfinished(KEY));
	assert_false(state_copies_unfinished(KEY ".last"));
	assert_false(state_copies_unfinished(".new"));
}

static void too_much_is_refused(void **state)
{
	(void)state;
	disk_setup();
	fresh();
	one_copy();
	assert_int_equal(state_copies_save(&c, OLD, STATE_FILE_MAX + 1u), -EFBIG);
	assert_found(OLD);
	disk_teardown();
}

/* Somebody moves the files away while the daemon runs. */
static void taken_away_behind_our_back(void **state)
{
	(void)state;
	disk_setup();
	fresh();
	one_copy();
	unlinkat(disk_dir, KEY, 0);
	assert_int_equal(put(NEW), 0);
	assert_found(NEW);
	unlinkat(disk_dir, KEY, 0);
	assert_int_equal(put(""), 0);
	assert_found("");
	disk_teardown();
}

static void files_are_private_and_few(void **state)
{
	struct stat st;

	(void)state;
	disk_setup();
	fresh();
	two_copies();
	put(NEW);
	assert_false(disk_has(KEY ".new"));
	assert_true(disk_has(KEY ".last"));
	assert_int_equal(fstatat(disk_dir, KEY, &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	put("");
	assert_false(disk_has(KEY) || disk_has(KEY ".last") || disk_has(KEY ".new"));
	disk_teardown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_fails_leaves_the_old_state),
		cmocka_unit_test(a_disk_that_goes_away_can_come_back),
		cmocka_unit_test(killed_at_any_step),
		cmocka_unit_test(power_lost_at_any_step),
		cmocka_unit_test(power_lost_after_success),
		cmocka_unit_test(damage_falls_back),
		cmocka_unit_test(the_only_copy_is_damaged),
		cmocka_unit_test(the_copy_before_alone_is_damaged),
		cmocka_unit_test(later_version_is_no_damage),
		cmocka_unit_test(no_regular_file),
		cmocka_unit_test(unfinished_names),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(taken_away_behind_our_back),
		cmocka_unit_test(files_are_private_and_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
