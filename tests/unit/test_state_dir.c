/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store on a real directory, with its thread. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/test_state_dir.XXXXXX";
static struct mailbox control;
static struct state_store *store;
static struct state_io io; /* the kernel's, unless a test changes it */
static int n_done, status;

static void saved(void *arg, int rc)
{
	assert_ptr_equal(arg, &n_done);
	status = rc;
	n_done++;
}

static void wait_done(int n)
{
	struct pollfd p = { .fd = control.fd, .events = POLLIN };

	while (n_done < n) {
		if (mailbox_drain(&control) || !mailbox_prepare_sleep(&control))
			continue;
		assert_int_equal(poll(&p, 1, 60000), 1);
		mailbox_awake(&control);
	}
}

static const char *in_dir(const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/state/lu/%s", path, name);
	return text;
}

static int open_store(void)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "%s/state", path);
	return state_dir_open(dir, &io, &control, &store);
}

static void reopen_store(void)
{
	state_close(store);
	assert_int_equal(open_store(), 0);
}

static int load(const char *key, char text[256])
{
	void *data;
	size_t len;
	int rc = state_load(store, key, &data, &len, text, 256);

	if (rc)
		return rc;
	snprintf(text, 256, "%.*s", (int)len, data ? (char *)data : "");
	free(data);
	return 0;
}

static void assert_kept(const char *key, const char *want)
{
	char text[256];

	assert_int_equal(load(key, text), 0);
	assert_string_equal(text, want);
}

static int save(const char *key, const char *text)
{
	int n = n_done;

	store->lu.save(&store->lu, key, text, strlen(text), saved, &n_done);
	assert_int_equal(n_done, n);
	wait_done(n + 1);
	return status;
}

static int setup(void **state)
{
	(void)state;
	strcpy(path + strlen(path) - 6, "XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_int_equal(mailbox_init(&control), 0);
	io = state_io_kernel;
	n_done = 0;
	assert_int_equal(open_store(), 0);
	assert_non_null(store);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	state_close(store);
	mailbox_destroy(&control);
	snprintf(command, sizeof(command), "rm -rf %s", path);
	return system(command);
}

static void saved_and_found_again(void **state)
{
	(void)state;
	assert_kept("a", "");
	assert_int_equal(save("a", "first"), 0);
	reopen_store();
	assert_kept("a", "first");
	assert_int_equal(save("a", "second"), 0);
	assert_int_equal(save("a", "third"), 0);
	reopen_store();
	assert_kept("a", "third");
	assert_int_equal(save("a", ""), 0);
	reopen_store();
	assert_kept("a", "");
}

static void assert_owner(const char *name, uid_t want)
{
	struct stat st;

	assert_int_equal(stat(in_dir(name), &st), 0);
	assert_int_equal(st.st_uid, want);
}

/* Who is not root can test with the own user only. */
static void all_belongs_to_the_owner_of_the_directory(void **state)
{
	uid_t owner = geteuid() ? geteuid() : 65534;

	(void)state;
	assert_int_equal(chown(in_dir(".."), owner, (gid_t)-1), 0);
	reopen_store();
	assert_owner(".", owner);
	assert_owner(".lock", owner);
	assert_kept("a", "");
	assert_int_equal(save("a", "first"), 0);
	assert_int_equal(save("a", "second"), 0);
	assert_owner("a", owner);
	assert_owner("a.last", owner);
}

static void keys_do_not_mix(void **state)
{
	(void)state;
	assert_kept("a", "");
	assert_kept("b", "");
	store->lu.save(&store->lu, "a", "of a", 4, saved, &n_done);
	store->lu.save(&store->lu, "b", "of b", 4, saved, &n_done);
	wait_done(2);
	reopen_store();
	assert_kept("a", "of a");
	assert_kept("b", "of b");
	assert_kept("c", "");
}

static void close_ends_what_was_begun(void **state)
{
	(void)state;
	assert_kept("a", "");
	store->lu.save(&store->lu, "a", "begun", 5, saved, &n_done);
	reopen_store();
	assert_kept("a", "begun");
}

static int no_space(int fd)
{
	(void)fd;
	errno = ENOSPC;
	return -1;
}

static void failure_is_told_and_the_old_state_stays(void **state)
{
	(void)state;
	assert_kept("a", "");
	assert_int_equal(save("a", "old"), 0);
	io.fsync = no_space;
	assert_int_equal(save("a", "new"), -ENOSPC);
	io.fsync = fsync;
	reopen_store();
	assert_kept("a", "old");
	assert_int_equal(save("a", "new"), 0);
	assert_kept("a", "new");
}

static void put_file(const char *name, const char *text)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void unfinished_files_are_removed(void **state)
{
	(void)state;
	assert_kept("a", "");
	assert_int_equal(save("a", "kept"), 0);
	put_file("a.new", "half");
	put_file("b.new", "");
	put_file("README", "not ours");
	reopen_store();
	assert_int_equal(access(in_dir("a.new"), F_OK), -1);
	assert_int_equal(access(in_dir("b.new"), F_OK), -1);
	assert_int_equal(access(in_dir("README"), F_OK), 0);
	assert_kept("a", "kept");
}

/* Of a daemon that has the directory open, they are not leftovers. */
static void unfinished_files_of_another_daemon_stay(void **state)
{
	struct state_store *first = store;

	(void)state;
	put_file("a.new", "being written");
	assert_int_equal(open_store(), 0);
	assert_int_equal(access(in_dir("a.new"), F_OK), 0);
	state_close(first);
}

static void a_key_is_of_one_daemon(void **state)
{
	struct state_store *first = store;
	char text[256];

	(void)state;
	assert_kept("a", "");
	assert_kept("a", "");
	assert_int_equal(open_store(), 0);
	assert_int_equal(load("a", text), -EBUSY);
	assert_non_null(strstr(text, "lu/a is in use by another srptd"));
	assert_kept("b", "");
	state_close(first);
	assert_kept("a", "");
}

static void damage_names_the_file(void **state)
{
	char text[256];

	(void)state;
	put_file("a", "damaged");
	assert_int_equal(load("a", text), -EBADMSG);
	assert_non_null(strstr(text, in_dir("a")));
	assert_non_null(strstr(text, "move it away"));
	unlink(in_dir("a"));
	assert_kept("a", "");
}

static void damage_with_a_good_copy(void **state)
{
	(void)state;
	assert_kept("a", "");
	assert_int_equal(save("a", "before"), 0);
	assert_int_equal(save("a", "latest"), 0);
	put_file("a", "damaged");
	reopen_store();
	assert_kept("a", "before");
	assert_int_equal(save("a", "after"), 0);
	reopen_store();
	assert_kept("a", "after");
}

static void directories_are_private(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(in_dir(""), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void no_place_is_no_store(void **state)
{
	struct state_store *none = store;

	(void)state;
	assert_int_equal(state_dir_open("/dev/null/nowhere", &io, &control, &none), -ENOTDIR);
	assert_null(none);
	assert_int_equal(state_dir_open("/nonexistent/nowhere", &io, &control, &none), 0);
	assert_null(none);
	state_close(none);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(saved_and_found_again),
		T(keys_do_not_mix),
		T(all_belongs_to_the_owner_of_the_directory),
		T(close_ends_what_was_begun),
		T(failure_is_told_and_the_old_state_stays),
		T(unfinished_files_are_removed),
		T(unfinished_files_of_another_daemon_stay),
		T(a_key_is_of_one_daemon),
		T(damage_names_the_file),
		T(damage_with_a_good_copy),
		T(directories_are_private),
		T(no_place_is_no_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
