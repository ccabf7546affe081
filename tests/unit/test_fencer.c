/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection to Pacemaker's fencer, which is held for long before it is used. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <crm/crm.h>
#include <crm/stonith-ng.h>

#include "fence/fencer.h"

static struct {
	stonith_t st;
	stonith_api_operations_t operations;
	int connect, tries;         /* result; as asked */
	int fence[2];               /* results, one after the other */
	unsigned made, connected, disconnected, deleted, fenced;
} fake;

static int fake_fence(stonith_t *st, int options, const char *node, const char *action,
		      int timeout, int tolerance, int delay)
{
	assert_ptr_equal(st, &fake.st);
	assert_true(options & st_opt_sync_call);
	assert_string_equal(node, "node2");
	assert_string_equal(action, "reboot");
	assert_int_equal(timeout, 60);
	assert_int_equal(tolerance, 0);
	assert_int_equal(delay, 7);
	return fake.fence[fake.fenced++];
}

static int fake_disconnect(stonith_t *st)
{
	assert_ptr_equal(st, &fake.st);
	fake.disconnected++;
	return 0;
}

stonith_t *stonith_api_new(void)
{
	fake.made++;
	fake.operations = (stonith_api_operations_t){ .fence_with_delay = fake_fence,
						      .disconnect = fake_disconnect };
	fake.st.cmds = &fake.operations;
	return &fake.st;
}

void stonith_api_delete(stonith_t *st)
{
	assert_ptr_equal(st, &fake.st);
	fake.deleted++;
}

int stonith_api_connect_retry(stonith_t *st, const char *name, int tries)
{
	assert_ptr_equal(st, &fake.st);
	assert_string_equal(name, "test");
	fake.connected++;
	fake.tries = tries;
	return fake.connect;
}

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fencer_close();
	assert_int_equal(fake.made, fake.deleted);
	return 0;
}

/* Open once, however often it is asked for. */
static void test_open(void **state)
{
	(void)state;
	assert_null(fencer_open("test", 3));
	assert_null(fencer_open("test", 1));
	assert_int_equal(fake.connected, 1);
	assert_int_equal(fake.tries, 3);
	assert_null(fencer_reboot("node2", 7));
	assert_int_equal(fake.fenced, 1);
}

static void test_refused(void **state)
{
	(void)state;
	fake.connect = -ECONNREFUSED;
	assert_non_null(fencer_open("test", 1));
	fake.connect = 0;
	assert_null(fencer_open("test", 1));
	assert_int_equal(fake.connected, 2);
}

/* The fencer was started anew: once more, on a connection of its own. */
static void test_started_anew(void **state)
{
	(void)state;
	fake.fence[0] = -ENOTCONN;
	assert_null(fencer_open("test", 3));
	assert_null(fencer_reboot("node2", 7));
	assert_int_equal(fake.fenced, 2);
	assert_int_equal(fake.connected, 2);
	assert_int_equal(fake.disconnected, 1);
}

static void test_gone(void **state)
{
	(void)state;
	fake.fence[0] = -ENOTCONN;
	assert_null(fencer_open("test", 3));
	fake.connect = -ECONNREFUSED;
	assert_non_null(fencer_reboot("node2", 7));
	assert_int_equal(fake.fenced, 1);
}

/* What the fencer could not do is not asked for twice. */
static void test_failed(void **state)
{
	(void)state;
	fake.fence[0] = -ETIME;
	assert_null(fencer_open("test", 3));
	assert_non_null(fencer_reboot("node2", 7));
	assert_int_equal(fake.fenced, 1);
	assert_int_equal(fake.connected, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open), TEST(test_refused), TEST(test_started_anew), TEST(test_gone),
		TEST(test_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
