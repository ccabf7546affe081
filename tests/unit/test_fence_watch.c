/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for changes of the CIB. The connection of libcib is made up here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <crm/cib.h>
#include <errno.h>
#include <string.h>

#include "fence/lock.h"
#include "fence/watch.h"

#define LONG_MS 20000 /* never reached */

/* What the library answers, and what was asked of it. */
static struct {
	cib_t cib;
	cib_api_operations_t operations;
	int signon, notify, query, create, signoff; /* answers */
	void (*changed)(const char *event, xmlNode *msg);
	void (*lost)(gpointer arg);
	unsigned deleted, closed, left; /* left: changes that are still to come */
	char created[64];
} fake;

static int fake_signon(cib_t *cib, const char *name, enum cib_conn_type type)
{
	assert_string_equal(name, "test");
	assert_int_equal(type, cib_command);
	cib->call_timeout = 120; /* as the library does */
	return fake.signon;
}

static int fake_signoff(cib_t *cib)
{
	(void)cib;
	fake.closed++;
	return fake.signoff;
}

static int fake_dnotify(cib_t *cib, void (*lost)(gpointer arg))
{
	(void)cib;
	fake.lost = lost;
	return 0;
}

static int fake_notify(cib_t *cib, const char *event, void (*changed)(const char *, xmlNode *))
{
	(void)cib;
	assert_string_equal(event, T_CIB_DIFF_NOTIFY);
	fake.changed = changed;
	return fake.notify;
}

/* Pacemaker's elements are always in a document, and are freed with it. */
static xmlNode *root_make(const char *name)
{
	xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
	xmlNode *node = xmlNewDocNode(doc, NULL, BAD_CAST name, NULL);

	xmlDocSetRootElement(doc, node);
	return node;
}

static int fake_query(cib_t *cib, const char *section, xmlNode **out, int options)
{
	assert_true(options & cib_sync_call);
	if (section) {
		assert_string_equal(section, "/cib/status/node_state[@uname='node2']");
		assert_int_equal(options, cib_sync_call | cib_xpath | cib_no_children);
	}
	assert_true(cib->call_timeout <= 10);
	if (!fake.query)
		*out = root_make(section ? "node_state" : "cib");
	return fake.query;
}

/* Without cib_quorum_override: where there is no quorum nothing is placed. */
static int fake_create(cib_t *cib, const char *section, xmlNode *data, int options)
{
	(void)cib;
	assert_string_equal(section, "constraints");
	assert_int_equal(options, cib_sync_call);
	strcpy(fake.created, (const char *)data->name);
	return fake.create;
}

cib_t *cib_new(void)
{
	fake.operations = (cib_api_operations_t){
		.signon = fake_signon, .signoff = fake_signoff, .query = fake_query,
		.create = fake_create, .set_connection_dnotify = fake_dnotify,
		.add_notify_callback = fake_notify,
	};
	fake.cib.cmds = &fake.operations;
	return &fake.cib;
}

void cib_delete(cib_t *cib)
{
	assert_ptr_equal(cib, &fake.cib);
	fake.deleted++;
}

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return watch_open("test", true);
}

static int teardown(void **state)
{
	(void)state;
	return watch_close();
}

/* ---- events from the main context ---- */

static gboolean change(gpointer arg)
{
	(void)arg;
	fake.changed(T_CIB_DIFF_NOTIFY, NULL);
	return --fake.left > 0;
}

static gboolean lose(gpointer arg)
{
	(void)arg;
	fake.lost(&fake.cib);
	return G_SOURCE_REMOVE;
}

static void test_refused(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.signon = -ENOTCONN;
	assert_int_equal(watch_open("test", true), -ENOTCONN);
	assert_int_equal(fake.deleted, 1);
	assert_int_equal(watch_close(), 0);
	assert_int_equal(fake.closed, 0);
}

static void test_read(void **state)
{
	xmlNode *cib = watch_read();

	(void)state;
	assert_non_null(cib);
	watch_free(cib);
	fake.query = -ETIME;
	assert_null(watch_read());
	watch_free(NULL);
}

/* Of one node, and a change that came before is known. */
static void test_read_state(void **state)
{
	xmlNode *node;

	(void)state;
	fake.changed(T_CIB_DIFF_NOTIFY, NULL);
	node = watch_read_state("node2");
	assert_string_equal((const char *)node->name, "node_state");
	watch_free(node);
	assert_int_equal(watch_wait(now_ms() + 20), -ETIMEDOUT);
	fake.query = -ENXIO;
	assert_null(watch_read_state("node2"));
}

static void test_no_changes(void **state)
{
	(void)state;
	assert_int_equal(watch_close(), 0);
	fake.changed = NULL;
	assert_int_equal(watch_open("test", false), 0);
	assert_null(fake.changed);
	assert_int_equal(watch_wait(now_ms() + LONG_MS), -ENOTSUP);
}

/* Three changes within the same 50 ms are one. */
static void test_burst(void **state)
{
	(void)state;
	watch_free(watch_read());
	fake.left = 3;
	g_timeout_add(1, change, NULL);
	assert_int_equal(watch_wait(now_ms() + LONG_MS), 0);
	assert_int_equal(fake.left, 0);
	watch_free(watch_read());
	assert_int_equal(watch_wait(now_ms() + 20), -ETIMEDOUT);
}

/* One that came before it waits, after it has read. */
static void test_changed_before(void **state)
{
	(void)state;
	watch_free(watch_read());
	fake.changed(T_CIB_DIFF_NOTIFY, NULL);
	assert_int_equal(watch_wait(now_ms() + LONG_MS), 0);
}

static void test_timeout(void **state)
{
	uint64_t start = now_ms();

	(void)state;
	watch_free(watch_read());
	assert_int_equal(watch_wait(start + 30), -ETIMEDOUT);
	assert_true(now_ms() >= start + 29);
	assert_int_equal(watch_wait(start), -ETIMEDOUT);
	assert_int_equal(watch_wait(0), -ETIMEDOUT);
}

static void test_lost(void **state)
{
	(void)state;
	g_timeout_add(1, lose, NULL);
	assert_int_equal(watch_wait(now_ms() + LONG_MS), -ENOTCONN);
	assert_int_equal(watch_wait(now_ms() + LONG_MS), -ENOTCONN);
}

static void test_lost_in_burst(void **state)
{
	(void)state;
	fake.changed(T_CIB_DIFF_NOTIFY, NULL);
	g_timeout_add(1, lose, NULL);
	assert_int_equal(watch_wait(now_ms() + LONG_MS), -ENOTCONN);
}

static void test_not_told(void **state)
{
	(void)state;
	assert_int_equal(watch_close(), 0);
	fake.notify = -EPROTONOSUPPORT;
	assert_int_equal(watch_open("test", true), 0);
	assert_int_equal(watch_wait(now_ms() + LONG_MS), -ENOTSUP);
}

static void test_constrain(void **state)
{
	xmlNode *node = root_make("rsc_location");

	(void)state;
	assert_int_equal(watch_constrain(node), 0);
	assert_string_equal(fake.created, "rsc_location");
	fake.create = -EEXIST;
	assert_int_equal(watch_constrain(node), -EEXIST);
	watch_free(node);
}

static void test_close(void **state)
{
	(void)state;
	fake.signoff = -EIO;
	assert_int_equal(watch_close(), -EIO);
	assert_null(fake.lost);
	assert_int_equal(fake.deleted, 1);
	assert_int_equal(watch_close(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		TEST(test_read),
		TEST(test_read_state),
		TEST(test_no_changes),
		TEST(test_burst),
		TEST(test_changed_before),
		TEST(test_timeout),
		TEST(test_lost),
		TEST(test_lost_in_burst),
		TEST(test_not_told),
		TEST(test_constrain),
		TEST(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
