/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing configurations, and portals as text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "ctl/conf.h"

#define DEVICES "HANDLER vdisk_nullio {\n DEVICE a\n DEVICE b\n}\n"
#define TARGETS(inner) \
	"TARGET_DRIVER ib_srpt {\n rdma_cm_port 1\n TARGET t {\n LUN 0 a\n" inner "\n}\n}\n"

static struct conf *parse(const char *text)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf;

	if (conf_parse("t", text, strlen(text), &conf, &diags))
		conf_diag_print(&diags, stderr);
	conf_diag_free(&diags);
	assert_non_null(conf);
	return conf;
}

static void assert_compare(const char *a, const char *b, bool equal)
{
	struct conf *ca = parse(a), *cb = parse(b);

	if (conf_equal(ca, cb) != equal || conf_equal(cb, ca) != equal)
		fail_msg("equal should be %d:\n%s---\n%s", equal, a, b);
	conf_free(ca);
	conf_free(cb);
}

static void test_same_meaning_is_equal(void **state)
{
	(void)state;
	assert_compare("", "\n# nothing\n", true);
	assert_compare("", "DAEMON {\n threads_num 0\n}\n", true);
	assert_compare(DEVICES, "HANDLER vdisk_nullio {\n DEVICE b\n DEVICE a { size 1T }\n}\n",
		       true);
	assert_compare(DEVICES TARGETS("LUN 1 b"), DEVICES TARGETS("rel_tgt_id 1\nLUN 1 b\n"),
		       true);
	assert_compare(DEVICES TARGETS("LUN 1 b\nLUN 2 a"), DEVICES TARGETS("LUN 2 a\nLUN 1 b"),
		       true);
	assert_compare(DEVICES TARGETS("portal fd00::1"), DEVICES TARGETS("portal FD00:0::1"),
		       true);
}

static void test_differences_are_seen(void **state)
{
	static const char *const variants[] = {
		"",
		"setup_id 1\n",
		"DAEMON {\n threads_num 1\n}\n",
		DEVICES,
		"HANDLER vdisk_nullio {\n DEVICE a\n DEVICE c\n}\n",
		"HANDLER vdisk_nullio {\n DEVICE a\n DEVICE b { read_only 1 }\n}\n",
		"HANDLER vdisk_nullio {\n DEVICE a\n}\n"
		"HANDLER vdisk_fileio {\n DEVICE b { filename /b }\n}\n",
		DEVICES "TARGET_DRIVER ib_srpt {\n rdma_cm_port 2\n}\n",
		DEVICES "TARGET_DRIVER ib_srpt {\n iwarp_port 2\n}\n",
		DEVICES "TARGET_DRIVER ib_srpt {\n iwarp_port 3\n}\n",
		DEVICES "TARGET_DRIVER ib_srpt {\n iwarp_port 127.0.0.1:2\n}\n",
		DEVICES "TARGET_DRIVER ib_srpt {\n iwarp_port 2\niwarp_port 3\n}\n",
		DEVICES "TARGET_DRIVER ib_srpt {\n iwarp_crc on\n}\n",
		DEVICES TARGETS(""),
		DEVICES TARGETS("enabled 1"),
		DEVICES TARGETS("rel_tgt_id 2"),
		DEVICES TARGETS("comment x"),
		DEVICES TARGETS("LUN 1 b"),
		DEVICES TARGETS("LUN 1 b { read_only 1 }"),
		DEVICES TARGETS("LUN 2 b"),
		DEVICES TARGETS("LUN 2 a"),
		DEVICES TARGETS("portal 10.0.0.1"),
		DEVICES TARGETS("portal 10.0.0.1:2"),
		DEVICES TARGETS("portal 10.0.0.2"),
		DEVICES TARGETS("portal fe80::1%a"),
		DEVICES TARGETS("portal fe80::1%b"),
		DEVICES TARGETS("portal ib:*"),
		DEVICES TARGETS("portal ib:*,pkey=8001"),
		DEVICES TARGETS("portal ib:a"),
		DEVICES TARGETS("portal ib:a/1"),
		DEVICES TARGETS("portal 10.0.0.1\nportal 10.0.0.2"),
		DEVICES TARGETS("GROUP g {\n LUN 0 a\n}"),
		DEVICES TARGETS("GROUP h {\n LUN 0 a\n}"),
		DEVICES TARGETS("GROUP g {\n LUN 0 b\n}"),
		DEVICES TARGETS("GROUP g {\n LUN 0 a\n INITIATOR x\n}"),
		DEVICES TARGETS("GROUP g {\n LUN 0 a\n INITIATOR y\n}"),
		/* the order of groups decides who matches first */
		DEVICES TARGETS("GROUP g {\n LUN 0 a\n}\nGROUP h {\n LUN 0 b\n}"),
		DEVICES TARGETS("GROUP h {\n LUN 0 b\n}\nGROUP g {\n LUN 0 a\n}"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		for (size_t j = 0; j <= i; j++)
			assert_compare(variants[i], variants[j], i == j);
}

static void test_parts(void **state)
{
	struct conf *a = parse(DEVICES TARGETS("LUN 1 b"));
	struct conf *b = parse(DEVICES TARGETS("LUN 1 b { read_only 1 }"));

	(void)state;
	assert_true(conf_target_attrs_equal(&a->targets[0], &b->targets[0]));
	assert_false(conf_target_equal(&a->targets[0], &b->targets[0]));
	assert_true(conf_lun_equal(&a->targets[0].map.luns[0], &b->targets[0].map.luns[0]));
	assert_false(conf_lun_equal(&a->targets[0].map.luns[1], &b->targets[0].map.luns[1]));
	assert_null(conf_device_find(a, "A"));
	assert_null(conf_target_find(a, "u"));
	assert_ptr_equal(conf_target_find(a, "T"), &a->targets[0]);
	conf_free(a);
	conf_free(b);
	conf_free(NULL);
}

static void test_portals(void **state)
{
	static const struct {
		const char *in, *out, *with_default;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.1", "10.0.0.1:77" },
		{ "10.0.0.1:1", "10.0.0.1:1", "10.0.0.1:1" },
		{ "0.0.0.0:65535", "0.0.0.0:65535", "0.0.0.0:65535" },
		{ "FD00:0::1", "fd00::1", "[fd00::1]:77" },
		{ "[fd00::1]", "fd00::1", "[fd00::1]:77" },
		{ "[::]:5", "[::]:5", "[::]:5" },
		{ "fe80::1%eth0", "fe80::1%eth0", "[fe80::1%eth0]:77" },
		{ "[febf::1%ib0.8001]:9", "[febf::1%ib0.8001]:9", "[febf::1%ib0.8001]:9" },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
	};
	struct conf_portal p;
	const char *why;
	char buf[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(conf_portal_parse(rows[i].in, &p, &why));
		assert_string_equal(conf_portal_format(&p, 0, buf, sizeof(buf)), rows[i].out);
		assert_string_equal(conf_portal_format(&p, 77, buf, sizeof(buf)),
				    rows[i].with_default);
		assert_int_equal(p.family, strchr(rows[i].out, '.') && !strchr(rows[i].out, '%') ?
				 AF_INET : AF_INET6);
	}
}

static void test_ib_portals(void **state)
{
	static const struct {
		const char *in, *out, *with_default;
	} rows[] = {
		{ "ib:*", "ib:*", "ib:*:77" },
		{ "ib:*:5000", "ib:*:5000", "ib:*:5000" },
		{ "ib:*,pkey=8001", "ib:*,pkey=8001", "ib:*:77,pkey=8001" },
		{ "ib:*:1,pkey=0x1", "ib:*:1,pkey=0001", "ib:*:1,pkey=0001" },
		{ "ib:mlx5_0", "ib:mlx5_0", "ib:mlx5_0:77" },
		{ "ib:mlx5_0/2:9,pkey=FFFF", "ib:mlx5_0/2:9,pkey=ffff", "ib:mlx5_0/2:9,pkey=ffff" },
		{ "ib:fe80:0000:0000:0000:0002:C903:00A1:B2C3", "ib:fe80::2:c903:a1:b2c3",
		  "ib:[fe80::2:c903:a1:b2c3]:77" },
		{ "ib:[fe80::1]:2,pkey=8001", "ib:[fe80::1]:2,pkey=8001",
		  "ib:[fe80::1]:2,pkey=8001" },
		{ "ib:*:0x00000000013f1234", "ib:*:4660", "ib:*:4660" },
		{ "ib:*:0x13f0001", "ib:*:1", "ib:*:1" },
		{ "ib:*:00000000013FFFFF", "ib:*:65535", "ib:*:65535" },
	};
	struct conf_portal p;
	const char *why;
	char buf[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(conf_portal_parse(rows[i].in, &p, &why));
		assert_int_equal(p.family, AF_IB);
		assert_string_equal(conf_portal_format(&p, 0, buf, sizeof(buf)), rows[i].out);
		assert_string_equal(conf_portal_format(&p, 77, buf, sizeof(buf)),
				    rows[i].with_default);
	}
}

static void test_iwarp_ports(void **state)
{
	static const struct {
		const char *in, *out;
		size_t addresses;
	} rows[] = {
		{ "5000", "5000", 2 },
		{ "00001", "1", 2 },
		{ "127.0.0.1:5000", "127.0.0.1:5000", 1 },
		{ "[::]:65535", "[::]:65535", 1 },
		{ "[fe80::1%eth0]:7", "[fe80::1%eth0]:7", 1 },
	};
	struct conf_portal p, at[2];
	const char *why;
	char buf[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(conf_iwarp_port_parse(rows[i].in, &p, &why));
		assert_string_equal(conf_portal_format(&p, 0, buf, sizeof(buf)), rows[i].out);
		assert_int_equal(conf_iwarp_port_expand(&p, at), rows[i].addresses);
	}
	assert_true(conf_iwarp_port_parse("5000", &p, &why));
	conf_iwarp_port_expand(&p, at);
	assert_string_equal(conf_portal_format(&at[0], 0, buf, sizeof(buf)), "127.0.0.1:5000");
	assert_string_equal(conf_portal_format(&at[1], 0, buf, sizeof(buf)), "[::1]:5000");
}

static void test_bad_portals(void **state)
{
	static const char *const rows[] = {
		"", ":", ":1", "[", "[]", "[]:1", "]", "[fd00::1", "fd00::1]", "[fd00::1]x",
		"10.0.0.1:", "10.0.0.1:x", "10.0.0.1:1x", "10.0.0.1:000001", "10.0.0.1:-1",
		"10.0.0.256", "10.0.0", "1", "fd00:::1", "fd00::1:2:3:4:5:6:7:8:9", "%eth0",
		"fe80::1%a/b", "10.0.0.1%eth0", "localhost", "10.0.0.1 ",
		"ib", "ib:", "ib::", "ib::5000", "ib:*:", "ib:*:0", "ib:*:65536", "ib:**",
		"ib:*:5000x", "ib:[]:1", "ib:[::]:1", "ib:::", "ib:[fe80::1", "ib:10.0.0.1:1:2",
		"ib:a/0", "ib:a/256", "ib:a/", "ib:/1", "ib:a/1/1", "ib:a b", "ib:*,", "ib:*,pkey=",
		"ib:*,pkey=0", "ib:*,pkey=8000", "ib:*,pkey=10001", "ib:*,pkey=xyz", "ib:*,sl=1",
		"ib:*,pkey=1,pkey=2", "ib:*:0x", "ib:*:0x13f0000", "ib:*:0x1061234",
		"ib:*:0x00000000013f12345", "ib:*:0002c90300a1b2c3", "ib:*:0xffffffff013f0001",
	};
	struct conf_portal p;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		why = NULL;
		if (conf_portal_parse(rows[i], &p, &why))
			fail_msg("accepted: \"%s\"", rows[i]);
		assert_non_null(why);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_meaning_is_equal),
		cmocka_unit_test(test_differences_are_seen),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_portals),
		cmocka_unit_test(test_ib_portals),
		cmocka_unit_test(test_iwarp_ports),
		cmocka_unit_test(test_bad_portals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
