/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/modprobe.h"

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

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/etc/modprobe.d/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_root(void **state)
{
	char path[128];

	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_modprobe.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/etc", root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/etc/modprobe.d", root);
	return mkdir(path, 0755);
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

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_options) };

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
