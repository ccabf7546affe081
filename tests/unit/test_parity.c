/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the nodes of a cluster must agree on: no more than that, and each difference by its key. */
#include "ctl/parity.h"
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One file for both nodes; disk3 is in a group that no cluster moves. */
static const char text[] =
	"setup_id 7\n"
	"DAEMON {\n threads_num 2\n}\n"
	"HANDLER vdisk_blockio {\n"
	" DEVICE disk1 {\n  filename /dev/drbd0\n  blocksize 4096\n }\n"
	" DEVICE disk2 {\n  filename /dev/drbd1\n  usn S2\n }\n"
	" DEVICE disk3 {\n  filename /dev/vg0/disk3\n }\n"
	"}\n"
	"TARGET_DRIVER ib_srpt {\n rdma_cm_port 5000\n"
	" TARGET one {\n  node n1\n  rel_tgt_id 1\n  enabled 1\n  LUN 0 disk1\n"
	"  LUN 1 disk2 {\n   read_only 1\n  }\n  LUN 2 disk3\n"
	"  GROUP a {\n   LUN 0 disk2\n   INITIATOR host1\n   INITIATOR host2\n  }\n"
	"  GROUP b {\n   LUN 0 disk1\n   INITIATOR host*\n  }\n }\n"
	" TARGET one_more {\n  node n1\n  rel_tgt_id 3\n  LUN 0 disk1\n }\n"
	" TARGET two {\n  node n2\n  rel_tgt_id 2\n  enabled 1\n  LUN 0 disk1\n"
	"  LUN 1 disk2 {\n   read_only 1\n  }\n  LUN 7 disk3\n"
	"  GROUP a {\n   LUN 0 disk2\n   INITIATOR host2\n   INITIATOR host1\n  }\n"
	"  GROUP b {\n   LUN 0 disk1\n   INITIATOR host*\n  }\n }\n"
	" TARGET two_more {\n  node n2\n  rel_tgt_id 4\n  LUN 0 disk1\n }\n"
	"}\n"
	"DEVICE_GROUP dg {\n drbd_resource r0\n state_volume /dev/drbd9\n lu_group_id 5\n"
	" DEVICE disk1\n DEVICE disk2\n"
	" TARGET_GROUP left {\n  group_id 1\n  TARGET one\n  TARGET one_more\n }\n"
	" TARGET_GROUP right {\n  group_id 2\n  TARGET two\n  TARGET two_more\n }\n"
	"}\n"
	"DEVICE_GROUP other {\n DEVICE disk3\n"
	" TARGET_GROUP left {\n  group_id 1\n  TARGET one\n }\n"
	" TARGET_GROUP right {\n  group_id 2\n  TARGET two\n }\n"
	"}\n";

static struct parity make(const char *what, const char *node)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf = NULL;
	struct parity p;

	if (!conf_parse("test", what, strlen(what), &conf, &diags))
		assert_int_equal(conf_localize(conf, node, &diags), 0);
	if (diags.errors)
		conf_diag_print(&diags, stderr);
	assert_int_equal(diags.errors, 0);
	assert_int_equal(parity_make(conf, &p), 0);
	conf_diag_free(&diags);
	conf_free(conf);
	return p;
}

static const char *value_of(const struct parity *p, const char *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->items[i].key, key))
			return p->items[i].value;
	return NULL;
}

/* The text of @at with the first @from behind @behind replaced by @to. */
static char *edited(const char *at, const char *behind, const char *from, const char *to)
{
	const char *start = strstr(at, behind), *where = start ? strstr(start, from) : NULL;
	size_t room = strlen(at) + strlen(to) + 1;
	char *out = malloc(room);

	if (!where)
		fail_msg("no %s behind %s", from, behind);
	assert_non_null(out);
	snprintf(out, room, "%.*s%s%s", (int)(where - at), at, to, where + strlen(from));
	return out;
}

static void list_is_sorted_and_complete(void **state)
{
	static const char *const rows[][2] = {
		{ "DEVICE_GROUP dg/drbd_resource", "r0" },
		{ "DEVICE_GROUP dg/lu_group_id", "5" },
		{ "DEVICE_GROUP dg/state_volume", "1" },
		{ "DEVICE_GROUP dg/transition_time", "60" },
		{ "DEVICE_GROUP dg/DEVICE disk1/handler", "vdisk_blockio" },
		{ "DEVICE_GROUP dg/DEVICE disk1/blocksize", "4096" },
		{ "DEVICE_GROUP dg/DEVICE disk1/t10_vend_id", "SCST_BIO" },
		{ "DEVICE_GROUP dg/DEVICE disk2/usn", "S2" },
		{ "DEVICE_GROUP dg/TARGET_GROUP 1/rel_tgt_ids", "1,3" },
		{ "DEVICE_GROUP dg/TARGET_GROUP 2/rel_tgt_ids", "2,4" },
		{ "DEVICE_GROUP dg/TARGET_GROUP 2/preferred", "0" },
		{ "DEVICE_GROUP dg/TARGET_GROUP 2/floating", "0" },
		{ "DEVICE_GROUP dg/target 1/LUN 0", "disk1" },
		{ "DEVICE_GROUP dg/target 1/LUN 1", "disk2 read_only" },
		{ "DEVICE_GROUP dg/target 1/GROUP a/LUN 0", "disk2" },
		{ "DEVICE_GROUP dg/target 1/GROUP a/INITIATOR host2", "1" },
		{ "DEVICE_GROUP dg/target 1/GROUP b/position", "2" },
		{ "DEVICE_GROUP dg/target 2/LUN 0", "disk1" },
		{ "srp_max_rsp_size", "256" },
	};
	struct parity p = make(text, "n1");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!value_of(&p, rows[i][0]))
			fail_msg("no %s", rows[i][0]);
		assert_string_equal(value_of(&p, rows[i][0]), rows[i][1]);
	}
	for (size_t i = 1; i < p.n; i++)
		assert_true(strcmp(p.items[i - 1].key, p.items[i].key) < 0);
	for (size_t i = 0; i < p.n; i++)
		assert_null(strstr(p.items[i].key, "disk3"));
	assert_null(value_of(&p, "DEVICE_GROUP dg/target 1/LUN 2"));
	assert_null(value_of(&p, "DEVICE_GROUP dg/DEVICE disk1/size"));
	parity_free(&p);
	assert_int_equal(p.n, 0);
}

/* A node whose target moves and one whose does not would both be right about where it is. */
static void who_floats_is_agreed_on(void **state)
{
	static const char floating[] =
		"HANDLER vdisk_blockio {\n DEVICE d {\n  filename /dev/drbd0\n }\n}\n"
		"TARGET_DRIVER ib_srpt {\n rdma_cm_port 5000\n TARGET t {\n  floating 1\n"
		"  rel_tgt_id 1\n  LUN 0 d\n }\n}\nDEVICE_GROUP dg {\n drbd_resource r0\n"
		" DEVICE d\n TARGET_GROUP g {\n  group_id 1\n  TARGET t\n }\n}\n";
	char *fixed = edited(floating, "TARGET t", "floating 1", "floating 0");
	struct parity a = make(floating, "n1"), b = make(fixed, "n1");

	(void)state;
	assert_string_equal(value_of(&a, "DEVICE_GROUP dg/TARGET_GROUP 1/floating"), "1");
	assert_string_equal(value_of(&b, "DEVICE_GROUP dg/TARGET_GROUP 1/floating"), "0");
	assert_true(a.hash != b.hash);
	parity_free(&a);
	parity_free(&b);
	free(fixed);
}

static void assert_same(const struct parity *a, const struct parity *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		assert_string_equal(a->items[i].key, b->items[i].key);
		assert_string_equal(a->items[i].value, b->items[i].value);
	}
	assert_int_equal(a->n, b->n);
	assert_true(a->hash == b->hash);
}

static void both_nodes_agree(void **state)
{
	struct parity a = make(text, "n1"), b = make(text, "n2");

	(void)state;
	assert_true(a.n > 50);
	assert_same(&a, &b);
	parity_free(&a);
	parity_free(&b);
}

/* Edits on one node that an initiator does not notice. */
static void own_business_makes_no_difference(void **state)
{
	static const char *const edits[][3] = {
		{ "setup_id", "threads_num 2", "threads_num 3 # more" },
		{ "DEVICE disk1", "/dev/drbd0", "/dev/drbd/by-res/r0/0" },
		{ "DEVICE disk3", "/dev/vg0/disk3", "/dev/sdz" },
		{ "drbd_resource", "/dev/drbd9", "/dev/drbd/by-res/r0/1" },
		{ "DEVICE_GROUP dg", " DEVICE disk1\n DEVICE disk2\n",
		  " DEVICE disk2\n DEVICE disk1\n" },
		{ "TARGET one", "enabled 1", "enabled 0" },
		{ "TARGET one", "enabled 1", "portal 192.0.2.1\n enabled 1\n comment x" },
		{ "TARGET one", "LUN 2 disk3", "LUN 9 disk3" },
		{ "TARGET one", "INITIATOR host1\n   INITIATOR host2",
		  "INITIATOR host2\n   INITIATOR host1" },
		{ "DEVICE_GROUP dg", "TARGET_GROUP left", "TARGET_GROUP links" },
		{ "DEVICE_GROUP other", "group_id 2", "group_id 3\n  state standby" },
		{ "TARGET_DRIVER", "rdma_cm_port 5000", "rdma_cm_port 5001" },
	};
	struct parity p = make(text, "n1");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		char *other = edited(text, edits[i][0], edits[i][1], edits[i][2]);
		struct parity q = make(other, "n1");

		print_message("%s\n", edits[i][2]);
		assert_same(&p, &q);
		parity_free(&q);
		free(other);
	}
	parity_free(&p);
}

static void names_of_targets_may_differ(void **state)
{
	char *a = edited(text, "TARGET one {", "TARGET one", "TARGET fe80::1"), *b;
	struct parity p = make(text, "n1"), q;

	(void)state;
	b = edited(a, "DEVICE_GROUP dg", "TARGET one\n", "TARGET fe80::1\n");
	free(a);
	a = edited(b, "DEVICE_GROUP other", "TARGET one\n", "TARGET fe80::1\n");
	q = make(a, "n1");
	assert_same(&p, &q);
	parity_free(&p);
	parity_free(&q);
	free(a);
	free(b);
}

/* One edit and the only key that differs by it. */
static const char *const differences[][4] = {
	{ "DEVICE disk1", "blocksize 4096", "blocksize 512", "DEVICE disk1/blocksize" },
	{ "DEVICE disk2", "usn S2", "usn S3", "DEVICE disk2/usn" },
	{ "DEVICE disk1", "blocksize", "active 0\n blocksize", "DEVICE disk1/active" },
	{ "DEVICE disk1", "blocksize", "lb_per_pb_exp 0\n blocksize",
	  "DEVICE disk1/lb_per_pb_exp" },
	{ "DEVICE disk1", "blocksize", "naa_id 60000000000000000000000000000001\n blocksize",
	  "DEVICE disk1/naa_id" },
	{ "DEVICE disk1", "blocksize", "nv_cache 1\n blocksize", "DEVICE disk1/nv_cache" },
	{ "DEVICE disk1", "blocksize", "prod_id X\n blocksize", "DEVICE disk1/prod_id" },
	{ "DEVICE disk1", "blocksize", "prod_rev_lvl 2\n blocksize", "DEVICE disk1/prod_rev_lvl" },
	{ "DEVICE disk1", "blocksize", "read_only 1\n blocksize", "DEVICE disk1/read_only" },
	{ "DEVICE disk1", "blocksize", "rotational 0\n blocksize", "DEVICE disk1/rotational" },
	{ "DEVICE disk1", "blocksize", "t10_dev_id X\n blocksize", "DEVICE disk1/t10_dev_id" },
	{ "DEVICE disk1", "blocksize", "t10_vend_id X\n blocksize", "DEVICE disk1/t10_vend_id" },
	{ "DEVICE disk1", "blocksize", "thin_provisioned 1\n blocksize",
	  "DEVICE disk1/thin_provisioned" },
	{ "DEVICE disk1", "blocksize", "write_through 1\n blocksize",
	  "DEVICE disk1/write_through" },
	{ "DEVICE_GROUP dg", "drbd_resource r0", "drbd_resource r1", "drbd_resource" },
	{ "DEVICE_GROUP dg", "lu_group_id 5", "lu_group_id 6", "lu_group_id" },
	{ "DEVICE_GROUP dg", "lu_group_id 5", "lu_group_id 5\n transition_time 9",
	  "transition_time" },
	{ "DEVICE_GROUP dg", "state_volume /dev/drbd9\n", "", "state_volume" },
	{ "DEVICE_GROUP dg", "group_id 1", "group_id 1\n  preferred 1",
	  "TARGET_GROUP 1/preferred" },
	{ "TARGET one_more", "rel_tgt_id 3", "rel_tgt_id 9", "TARGET_GROUP 1/rel_tgt_ids" },
	{ "TARGET one", "LUN 0 disk1", "LUN 0 disk1 {\n read_only 1\n }", "target 1/LUN 0" },
	{ "TARGET one", "LUN 2 disk3", "LUN 2 disk1", "target 1/LUN 2" },
	{ "TARGET one_more", "LUN 0 disk1", "LUN 0 disk2", "target 2/LUN 0" },
	{ "GROUP a", "LUN 0 disk2", "LUN 0 disk1", "target 1/GROUP a/LUN 0" },
	{ "GROUP b", "INITIATOR host*", "INITIATOR host*\n INITIATOR x",
	  "target 1/GROUP b/INITIATOR x" },
	{ "TARGET_DRIVER", "rdma_cm_port", "srp_max_req_size 16384\n rdma_cm_port",
	  "/srp_max_req_size" },
	{ "TARGET_DRIVER", "rdma_cm_port", "srp_max_rsp_size 128\n rdma_cm_port",
	  "/srp_max_rsp_size" },
	{ "TARGET_DRIVER", "rdma_cm_port", "srp_max_rdma_size 131072\n rdma_cm_port",
	  "/srp_max_rdma_size" },
};

/* Of the keys in one list only, or with another value, the number; @key: the last. */
static unsigned differing(const struct parity *a, const struct parity *b, const char **key)
{
	unsigned n = 0;

	for (size_t i = 0; i < a->n; i++) {
		const char *other = value_of(b, a->items[i].key);

		if (other && !strcmp(other, a->items[i].value))
			continue;
		*key = a->items[i].key;
		n++;
	}
	for (size_t i = 0; i < b->n; i++)
		if (!value_of(a, b->items[i].key)) {
			*key = b->items[i].key;
			n++;
		}
	return n;
}

static void each_difference_is_named_by_its_key(void **state)
{
	struct parity p = make(text, "n2");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(differences); i++) {
		const char *const *d = differences[i];
		char *other = edited(text, d[0], d[1], d[2]), want[128];
		struct parity q = make(other, "n1");
		const char *key = "";
		unsigned n = differing(&p, &q, &key);

		snprintf(want, sizeof(want), "%s%s", d[3][0] == '/' ? "" : "DEVICE_GROUP dg/",
			 d[3] + (d[3][0] == '/'));
		if (n != 1 || strcmp(key, want) || p.hash == q.hash)
			fail_msg("%s: %u keys differ, such as %s", d[2], n, key);
		parity_free(&q);
		free(other);
	}
	parity_free(&p);
}

static void size_counts_where_it_is_given(void **state)
{
	static const char ram[] =
		"HANDLER vdisk_ram {\n DEVICE d {\n  size 1M\n }\n}\n"
		"TARGET_DRIVER ib_srpt {\n rdma_cm_port 1\n TARGET t {\n  LUN 0 d\n }\n}\n"
		"DEVICE_GROUP dg {\n drbd_resource r0\n DEVICE d\n TARGET_GROUP g {\n"
		"  group_id 1\n  TARGET t\n }\n}\n";
	char *other = edited(ram, "HANDLER", "size 1M", "size 2M");
	struct parity p = make(ram, "n1"), q = make(other, "n1");
	const char *key = "";

	(void)state;
	assert_int_equal(differing(&p, &q, &key), 1);
	assert_string_equal(key, "DEVICE_GROUP dg/DEVICE d/size");
	parity_free(&p);
	parity_free(&q);
	free(other);
}

static void without_a_cluster_the_list_is_empty(void **state)
{
	char *other = edited(text, "DEVICE_GROUP dg", "drbd_resource r0\n state_volume /dev/drbd9",
			     "");
	struct parity p = make(other, "n1"), q = make("", "n1");

	(void)state;
	assert_int_equal(p.n, 0);
	assert_same(&p, &q);
	parity_free(&p);
	parity_free(&q);
	free(other);
}

/* Both nodes compute it, maybe by different versions of this program: FNV-1a and splitmix64. */
static void hash_never_changes(void **state)
{
	struct parity p = make("", "n1");

	(void)state;
	assert_true(p.hash == 0xf52a15e9a9b5e89bull);
	parity_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_is_sorted_and_complete),
		cmocka_unit_test(who_floats_is_agreed_on),
		cmocka_unit_test(both_nodes_agree),
		cmocka_unit_test(own_business_makes_no_difference),
		cmocka_unit_test(names_of_targets_may_differ),
		cmocka_unit_test(each_difference_is_named_by_its_key),
		cmocka_unit_test(size_counts_where_it_is_given),
		cmocka_unit_test(without_a_cluster_the_list_is_empty),
		cmocka_unit_test(hash_never_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
