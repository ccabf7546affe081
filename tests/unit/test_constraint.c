/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The constraint is what crm-fence-peer.sh gives to cibadmin, but for white space. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "fence/constraint.h"

static struct ask a = { .resource = "r0", .peer = "node2", .node = "node1" };

static void assert_made(const char *clone, const char *want)
{
	xmlNode *node = constraint_make(&a, clone);
	xmlBuffer *text = xmlBufferCreate();

	assert_non_null(node);
	xmlNodeDump(text, NULL, node, 0, 0);
	assert_string_equal((const char *)xmlBufferContent(text), want);
	xmlBufferFree(text);
	xmlFreeDoc(node->doc);
}

static void test_shape(void **state)
{
	(void)state;
	assert_made("drbd-clone",
		    "<rsc_location rsc=\"drbd-clone\" id=\"drbd-fence-by-handler-r0-drbd-clone\">"
		    "<rule role=\"Master\" score=\"-INFINITY\""
		    " id=\"drbd-fence-by-handler-r0-rule-drbd-clone\">"
		    "<expression attribute=\"#uname\" operation=\"ne\" value=\"node1\""
		    " id=\"drbd-fence-by-handler-r0-expr-drbd-clone\"/></rule></rsc_location>");
}

static void assert_id(const char *resource, const char *want)
{
	char id[CONSTRAINT_ID_MAX];

	strcpy(a.resource, resource);
	constraint_id(id, &a, "", "ms");
	assert_string_equal(id, want);
	strcpy(a.resource, "r0");
}

/* Of a resource that the prefix happens to end with it does not add the name. */
static void test_id(void **state)
{
	(void)state;
	assert_id("r0", "drbd-fence-by-handler-r0-ms");
	assert_id("handler", "drbd-fence-by-handler-ms");
	assert_id("by-handler", "drbd-fence-by-handler-ms");
	assert_id("fence-by-handler", "drbd-fence-by-handler-ms");
	assert_id("andler", "drbd-fence-by-handler-andler-ms");
	assert_id("drbd-fence-by-handler", "drbd-fence-by-handler-drbd-fence-by-handler-ms");
}

static void test_longest(void **state)
{
	char id[CONSTRAINT_ID_MAX], clone[FENCE_NAME_MAX + 1];

	(void)state;
	memset(a.resource, 'r', FENCE_NAME_MAX);
	memset(clone, 'c', sizeof(clone) - 1);
	clone[sizeof(clone) - 1] = '\0';
	constraint_id(id, &a, "rule-", clone);
	assert_int_equal(strlen(id), strlen("drbd-fence-by-handler--rule-") + 2 * FENCE_NAME_MAX);
	strcpy(a.resource, "r0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
