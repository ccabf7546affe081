/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/modprobe.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char root[64];

static void put_in(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/modprobe.d/%s", root, dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void put(const char *name, const char *text)
{
	put_in("etc", name, text);
}

static int make_root(void **state)
{
	static const char *const dirs[] = { "etc", "etc/modprobe.d", "lib", "lib/modprobe.d" };
	char path[128];

	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_modprobe.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		if (mkdir(path, 0755))
			return -1;
	}
	return 0;
}

static int remove_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void test_options(void **state)
{
	const struct tree tree = { .root = root };
	struct timeouts to;

	(void)state;
	assert_false(modprobe_options(&tree, &to));
	put("a.conf", "options ib_srpt dev_loss_tmo=1\n# options ib_srp dev_loss_tmo=2\n"
		      "options\noptions ib_srp\nblacklist x\n");
	put("b.save", "options ib_srp dev_loss_tmo=3\n");
	assert_true(modprobe_options(&tree, &to));
	/* The kernel's, which nobody has set. */
	assert_int_equal(to.dev_loss, 600);
	assert_int_equal(to.fast_io_fail, 15);
	assert_int_equal(to.reconnect, 10);
	put("c.conf", "options  ib_srp\tdev_loss_tmo=off  ch_count=2 reconnect_delay=x");
	put("d.conf", "options ib_srp fast_io_fail_tmo=-1\noptions ib_srp fast_io_fail_tmo=4\n");
	assert_true(modprobe_options(&tree, &to));
	assert_int_equal(to.dev_loss, VALUE_OFF);
	assert_int_equal(to.fast_io_fail, 4);
	assert_int_equal(to.reconnect, VALUE_UNKNOWN);
}

/* modprobe.d(5): by name, whatever the directory; of two with one name that of /etc. */
static void test_order(void **state)
{
	const struct tree tree = { .root = root };
	struct timeouts to;

	(void)state;
	put("mine.conf", "options ib_srp dev_loss_tmo=1 fast_io_fail_tmo=1 reconnect_delay=1\n");
	put_in("lib", "mine.conf", "options ib_srp dev_loss_tmo=2\n");
	put_in("lib", "other.conf", "options ib_srp fast_io_fail_tmo=3\n");
	put_in("lib", "first.conf", "options ib_srp reconnect_delay=4\n");
	assert_true(modprobe_options(&tree, &to));
	assert_int_equal(to.dev_loss, 1);
	assert_int_equal(to.fast_io_fail, 3);
	assert_int_equal(to.reconnect, 1);
	/* One that is empty takes the place, too. */
	put("mine.conf", "");
	assert_true(modprobe_options(&tree, &to));
	assert_int_equal(to.dev_loss, 600);
	assert_int_equal(to.reconnect, 4);
}

static void test_lines(void **state)
{
	const struct tree tree = { .root = root };
	struct timeouts to;

	(void)state;
	put("a.conf", "\t options ib-srp dev_loss_tmo=5 \\\n fast_io_fail_tmo=6\n"
		      "options ib_srp reconnect_delay=\\\n7\\");
	assert_true(modprobe_options(&tree, &to));
	assert_int_equal(to.dev_loss, 5);
	assert_int_equal(to.fast_io_fail, 6);
	assert_int_equal(to.reconnect, VALUE_UNKNOWN);
	put("a.conf", "options ib_srp reconnect_delay=\\\n7");
	assert_true(modprobe_options(&tree, &to));
	assert_int_equal(to.reconnect, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_options, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_order, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_lines, make_root, remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
