/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of events2: single ones, and what drbdsetup printed (events2/NAME.lines, with the
 * commands as comments): the kernel's DRBD 8.4 with drbd-utils 9.22, and DRBD 9 after the tests
 * of drbd-utils.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "replicator/events2.h"

static struct drbd_event e;

static int parse(const char *line)
{
	return events2_parse(line, strlen(line), &e);
}

static void test_resource(void **state)
{
	(void)state;
	assert_int_equal(parse("exists resource name:r0 role:Secondary suspended:no"), 0);
	assert_int_equal(e.action, DRBD_EXISTS);
	assert_int_equal(e.object, DRBD_RESOURCE);
	assert_string_equal(e.resource, "r0");
	assert_int_equal(e.role, DRBD_SECONDARY);
	assert_int_equal(e.suspended, DRBD_NO);
	assert_int_equal(parse("change resource name:r0 role:Primary"), 0);
	assert_int_equal(e.role, DRBD_PRIMARY);
	assert_int_equal(e.suspended, DRBD_FLAG_SAME);
	assert_int_equal(parse("change resource name:r0 may_promote:no promotion_score:0"), 0);
	assert_int_equal(e.role, DRBD_ROLE_SAME);
	assert_int_equal(parse("rename resource name:r0 new_name:r1"), 0);
	assert_string_equal(e.new_name, "r1");
	assert_int_equal(parse("destroy resource name:r0"), 0);
	assert_int_equal(e.action, DRBD_DESTROY);
}

static void test_suspended(void **state)
{
	static const char *const words[] = {
		"user", "no-data", "fencing", "quorum", "user,no-data,fencing,quorum", "", "No",
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		snprintf(line, sizeof(line), "change resource name:r0 suspended:%s", words[i]);
		assert_int_equal(parse(line), 0);
		assert_int_equal(e.suspended, DRBD_YES);
	}
}

static void test_device(void **state)
{
	(void)state;
	assert_int_equal(parse("change device name:r0 volume:3 minor:1000 backing_dev:/dev/sda "
			       "disk:UpToDate client:no open:no quorum:no"), 0);
	assert_int_equal(e.volume, 3);
	assert_int_equal(e.disk, DRBD_UPTODATE);
	assert_int_equal(e.quorum, DRBD_NO);
	assert_int_equal(parse("change device name:r0 volume:65535 minor:0 disk:Diskless"), 0);
	assert_int_equal(e.volume, 65535);
	assert_int_equal(e.disk, DRBD_DISKLESS);
	assert_int_equal(e.quorum, DRBD_FLAG_SAME);
}

static void test_peer(void **state)
{
	(void)state;
	assert_int_equal(parse("change connection name:r0 peer-node-id:1 conn-name:alice "
			       "connection:Connected role:Primary"), 0);
	assert_string_equal(e.conn, "alice");
	assert_int_equal(e.connection, DRBD_CONNECTED);
	assert_int_equal(e.role, DRBD_PRIMARY);
	assert_int_equal(parse("change connection name:r0 peer-node-id:1 conn-name:alice "
			       "connection:NetworkFailure"), 0);
	assert_int_equal(e.connection, DRBD_DISCONNECTED);
	assert_int_equal(parse("change peer-device name:r0 peer-node-id:1 conn-name:alice volume:2 "
			       "replication:PausedSyncT peer-disk:UpToDate peer-client:no"), 0);
	assert_int_equal(e.volume, 2);
	assert_int_equal(e.replication, DRBD_SYNC_TARGET);
	assert_int_equal(e.disk, DRBD_UPTODATE);
}

static void test_helper(void **state)
{
	(void)state;
	assert_int_equal(parse("call helper name:r0 peer-node-id:0 volume:0 minor:0 "
			       "helper:fence-peer"), 0);
	assert_string_equal(e.helper, "fence-peer");
	assert_int_equal(e.action, DRBD_CALL);
	assert_int_equal(parse("response helper name:r0 helper:fence-peer status:1792"), 0);
	assert_int_equal(e.status, 1792);
}

static void test_no_object(void **state)
{
	(void)state;
	assert_int_equal(parse("exists -"), 0);
	assert_int_equal(e.action, DRBD_READY);
	assert_int_equal(parse("- skipped 12"), 0);
	assert_int_equal(e.action, DRBD_LOST);
}

static void test_nothing(void **state)
{
	static const char *const lines[] = {
		"", "#", "exists", "exists new-object name:r0", "forget resource name:r0",
		"change -",
		"create path name:r0 peer-node-id:1 conn-name:a local:ipv4:1.2.3.4:7 peer:ipv4:5:7",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(parse(lines[i]), -ENOMSG);
}

static void test_malformed(void **state)
{
	static const char *const lines[] = {
		"change resource",
		"change resource name:",
		"change resource role:Primary",
		"change resource name:a name:b",
		"change resource name:a role:Primary role:Secondary",
		"rename resource name:a",
		"change device name:a disk:UpToDate",
		"change device name:a volume:-1",
		"change device name:a volume:65536",
		"change device name:a volume:99999999999999999999",
		"change device name:a volume:0x1",
		"change connection name:a",
		"change peer-device name:a conn-name:b",
		"change peer-device name:a volume:1",
		"change resource name:a\trole:Primary",
		"change resource name:a\n",
		"call helper name:a",
	};
	char *line = malloc(DRBD_LINE_MAX + 2);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (parse(lines[i]) != -EINVAL)
			fail_msg("taken: %s", lines[i]);
	assert_non_null(line);
	memset(line, ' ', DRBD_LINE_MAX + 1);
	line[DRBD_LINE_MAX + 1] = '\0';
	assert_int_equal(parse(line), -EINVAL);
	snprintf(line, DRBD_LINE_MAX, "change resource name:%0127d", 0);
	assert_int_equal(parse(line), 0);
	snprintf(line, DRBD_LINE_MAX, "change resource name:%0128d", 0);
	assert_int_equal(parse(line), -EINVAL);
	free(line);
}

/* A later DRBD may have other words: they promise nothing. */
static void test_unknown_words(void **state)
{
	(void)state;
	assert_int_equal(parse("change device name:a volume:0 disk:Better quorum:maybe"), 0);
	assert_int_equal(e.disk, DRBD_DISK_UNKNOWN);
	assert_int_equal(e.quorum, DRBD_NO);
	assert_int_equal(parse("change resource name:a role:Both"), 0);
	assert_int_equal(e.role, DRBD_ROLE_UNKNOWN);
	assert_int_equal(parse("change connection name:a conn-name:b connection:Half"), 0);
	assert_int_equal(e.connection, DRBD_DISCONNECTED);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(drbd_disk_name(DRBD_UPTODATE), "UpToDate");
	assert_string_equal(drbd_disk_name(DRBD_DISK_UNKNOWN), "DUnknown");
	assert_string_equal(drbd_role_name(DRBD_PRIMARY), "Primary");
	assert_string_equal(drbd_role_name(DRBD_ROLE_UNKNOWN), "Unknown");
}

/* All lines are understood; and where they end the resources are gone. */
static void recorded(const char *name, unsigned at_least, int ends)
{
	const char *top = getenv("top_srcdir");
	unsigned n = 0, left = 0;
	char path[4096], line[DRBD_LINE_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/events2/%s.lines", top ? top : ".", name);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		int rc;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		rc = parse(line);
		if (rc && !(rc == -ENOMSG && strstr(line, " path ")))
			fail_msg("%s: %s: %d", name, line, rc);
		n++;
		if (!rc && e.object == DRBD_RESOURCE && e.action == DRBD_CREATE)
			left++;
		if (!rc && e.object == DRBD_RESOURCE && e.action == DRBD_DESTROY)
			left--;
	}
	fclose(f);
	assert_true(n >= at_least);
	assert_int_equal(left, ends);
}

static void test_recorded(void **state)
{
	(void)state;
	recorded("drbd-8.4", 80, 0);
	recorded("drbd-8.4-handlers", 80, 0);
	recorded("drbd-8.4-no-disk", 60, 0);
	recorded("drbd-9", 20, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resource),
		cmocka_unit_test(test_suspended),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_helper),
		cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_unknown_words),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
