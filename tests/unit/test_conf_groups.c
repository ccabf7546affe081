/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What device groups become; their messages are in conf/err-device-groups and warn-. */
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
#include "ctl/conf.h"

static const char text[] =
	"HANDLER vdisk_ram {\n DEVICE a {\n size 1M\n }\n DEVICE b {\n size 1M\n }\n"
	" DEVICE c {\n size 1M\n }\n}\n"
	"TARGET_DRIVER ib_srpt {\n rdma_cm_port 5000\n"
	" TARGET one {\n LUN 0 a\n }\n TARGET two {\n rel_tgt_id 4\n LUN 0 a\n }\n}\n"
	"DEVICE_GROUP g {\n lu_group_id 6\n DEVICE b\n DEVICE a\n"
	" TARGET_GROUP near {\n group_id 10\n TARGET ONE\n TARGET two\n }\n"
	" TARGET_GROUP far {\n group_id 11\n state standby\n preferred 1\n"
	"  TARGET away {\n rel_tgt_id 1\n }\n }\n}\n";

static struct conf *parse(const char *what)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf = NULL;

	conf_parse("test", what, strlen(what), &conf, &diags);
	conf_diag_print(&diags, stderr);
	assert_int_equal(diags.errors, 0);
	conf_diag_free(&diags);
	return conf;
}

static void test_names_are_resolved(void **state)
{
	struct conf *conf = parse(text);
	const struct conf_device_group *g = conf_device_group_find(conf, "G");
	const struct conf_target_group *near = conf_target_group_find(g, "near");
	const struct conf_target_group *far = conf_target_group_find(g, "FAR");

	(void)state;
	assert_int_equal(g->lu_group_id, 6);
	assert_int_equal(g->transition_time, 60);
	assert_int_equal(g->n_devices, 2);
	assert_ptr_equal(g->devices[0].dev, conf_device_find(conf, "b"));
	assert_ptr_equal(conf_device_find(conf, "a")->group, g);
	assert_null(conf_device_find(conf, "c")->group);
	assert_int_equal(near->state, CONF_ALUA_ACTIVE);
	assert_ptr_equal(near->targets[0].target, conf_target_find(conf, "one"));
	assert_int_equal(near->targets[0].rel_tgt_id, near->targets[0].target->rel_tgt_id);
	assert_int_equal(near->targets[1].rel_tgt_id, 4);
	assert_int_equal(far->state, CONF_ALUA_STANDBY);
	assert_true(far->preferred);
	assert_null(far->targets[0].target);
	assert_null(conf_device_group_find(conf, "h"));
	assert_null(conf_target_group_find(g, "g"));
	conf_free(conf);
}

/* Number 1 is a port of the other node: no target here gets it. */
static void test_numbers_of_other_nodes_are_taken(void **state)
{
	struct conf *conf = parse(text);

	(void)state;
	assert_int_equal(conf_target_find(conf, "one")->rel_tgt_id, 2);
	conf_free(conf);
}

/* The text with @from replaced, parsed. */
static struct conf *changed(const char *from, const char *to)
{
	char other[sizeof(text) + 64];
	const char *at = strstr(text, from);

	assert_non_null(at);
	snprintf(other, sizeof(other), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return parse(other);
}

static void test_every_difference_is_seen(void **state)
{
	static const char *const edits[][2] = {
		{ "lu_group_id 6", "lu_group_id 7" }, { "lu_group_id 6", "transition_time 5" },
		{ " DEVICE b\n DEVICE a\n", " DEVICE a\n DEVICE b\n" },
		{ " DEVICE a\n TARGET_GROUP", " TARGET_GROUP" },
		{ "TARGET_GROUP near", "TARGET_GROUP Near" }, { "group_id 10", "group_id 12" },
		{ "state standby", "state offline" }, { "preferred 1", "preferred 0" },
		{ "  TARGET away", "  TARGET astray" }, { "rel_tgt_id 1\n", "rel_tgt_id 9\n" },
		{ " TARGET two\n }", " }" }, { "DEVICE_GROUP g", "DEVICE_GROUP h" },
	};
	struct conf *conf = parse(text), *same = parse(text);

	(void)state;
	assert_true(conf_equal(conf, same));
	for (unsigned i = 0; i < ARRAY_SIZE(edits); i++) {
		struct conf *other = changed(edits[i][0], edits[i][1]);

		if (conf_equal(conf, other))
			fail_msg("%s is not seen", edits[i][1]);
		conf_free(other);
	}
	conf_free(same);
	conf_free(conf);
}

/* One more than a table of target port groups has room for. */
static void test_limits(void **state)
{
	static const struct {
		int groups, targets, errors;
	} rows[] = {
		{ CONF_TARGET_GROUPS_MAX, 1, 0 }, { CONF_TARGET_GROUPS_MAX + 1, 1, 1 },
		{ 1, CONF_GROUP_TARGETS_MAX, 0 }, { 1, CONF_GROUP_TARGETS_MAX + 1, 1 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct conf_diag_list diags = { 0 };
		struct conf *conf = NULL;
		char *buf = NULL;
		size_t size = 0;
		FILE *f = open_memstream(&buf, &size);

		fprintf(f, "DEVICE_GROUP g {\n");
		for (int g = 0; g < rows[i].groups; g++) {
			fprintf(f, "TARGET_GROUP t%d {\n group_id %d\n", g, g + 1);
			for (int t = 0; t < rows[i].targets; t++)
				fprintf(f, "TARGET t%d-%d {\n rel_tgt_id %d\n}\n", g, t,
					g * rows[i].targets + t + 1);
			fprintf(f, "}\n");
		}
		fprintf(f, "}\n");
		fclose(f);
		assert_int_equal(conf_parse("test", buf, size, &conf, &diags),
				 rows[i].errors ? -EINVAL : 0);
		assert_int_equal(diags.errors, rows[i].errors);
		conf_free(conf);
		conf_diag_free(&diags);
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_resolved),
		cmocka_unit_test(test_numbers_of_other_nodes_are_taken),
		cmocka_unit_test(test_every_difference_is_seen),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
