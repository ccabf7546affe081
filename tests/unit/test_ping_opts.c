/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of srp-ping, login strings and addresses. */
#include "ping.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <getopt.h>
#include <string.h>

#define ARGS_MAX 16
#define TARGET "id_ext=0002c90300a1b2c0,ioc_guid=0002c90300a1b2c3,dest=192.0.2.1:5000"

static int parse(struct ping_opts *o, const char *const *args)
{
	char *argv[ARGS_MAX + 1] = { NULL };
	char words[ARGS_MAX][128];
	int n = 1;

	argv[0] = words[0];
	strcpy(words[0], "srp-ping");
	for (; args[n - 1]; n++) {
		assert_true(n < ARGS_MAX);
		snprintf(words[n], sizeof(words[n]), "%s", args[n - 1]);
		argv[n] = words[n];
	}
	optind = 0; /* from the beginning */
	return ping_opts_parse(n, argv, o);
}

#define PARSE(o, ...) parse((o), (const char *const[]){ __VA_ARGS__, NULL })

static void test_defaults(void **state)
{
	struct ping_opts o;

	(void)state;
	assert_int_equal(PARSE(&o, "host"), -1);
	assert_string_equal(o.host, "host");
	assert_string_equal(o.port, "5000");
	assert_int_equal(o.transport, CLIENT_IWARP);
	assert_int_equal(o.crc, IWARP_CRC_AUTO);
	assert_int_equal(o.mpa_revision, 2);
	assert_int_equal(o.channels, 1);
	assert_int_equal(o.lun, -1);
	assert_int_equal(o.block_size, 65536);
	assert_int_equal(o.timeout_ms, 10000);
	assert_false(o.read || o.write || o.verify || o.check || o.abort || o.lun_reset);
}

static void test_every_value(void **state)
{
	struct ping_opts o;

	(void)state;
	assert_int_equal(PARSE(&o, "-t", TARGET, "--lun", "3", "--size", "4M", "-b", "4k",
			       "--iodepth=7", "--timeout", "0.5", "--desc", "indirect"), -1);
	assert_int_equal(o.lun, 3);
	assert_int_equal(o.size, 4 << 20);
	assert_int_equal(o.block_size, 4096);
	assert_int_equal(o.queue_depth, 7);
	assert_int_equal(o.timeout_ms, 500);
	assert_int_equal(o.desc, CLIENT_INDIRECT);
	assert_int_equal(PARSE(&o, "--transport=verbs", "--crc=off", "--mpa-revision=1",
			       "--channels=4", "--initiator-ext=abc", "--id-ext=12", "h"), -1);
	assert_int_equal(o.transport, CLIENT_VERBS);
	assert_int_equal(o.crc, IWARP_CRC_OFF);
	assert_int_equal(o.mpa_revision, 1);
	assert_int_equal(o.channels, 4);
	assert_int_equal(get_be64(o.initiator), 0xabc);
	assert_int_equal(o.id_ext, 0x12);
	assert_int_equal(o.ioc_guid, 0x12);
	assert_int_equal(PARSE(&o, "--random", "--sequential", "--read", "--check", "--pattern",
			       "99", "--histogram", "-j", "--quiet", "h"), -1);
	assert_true(o.read && o.check && o.histogram && o.json && o.quiet && !o.random);
	assert_int_equal(o.seed, 99);
}

static void test_wrong_usage(void **state)
{
	static const char *const rows[][3] = {
		{ NULL },
		{ "--write", "h" },
		{ "--verify", "h" },
		{ "--lun-reset", "h" },
		{ "a", "b" },
		{ "h", "-t", TARGET },
		{ "--frobnicate", "h" },
		{ "--lun=16384", "h" },
		{ "--lun=-1", "h" },
		{ "--size=0", "h" },
		{ "--size=x", "h" },
		{ "--block-size=5M", "h" },
		{ "--queue-depth=0", "h" },
		{ "--queue-depth=1025", "h" },
		{ "--channels=65", "h" },
		{ "--transport=tcp", "h" },
		{ "--crc=maybe", "h" },
		{ "--mpa-revision=3", "h" },
		{ "--desc=none", "h" },
		{ "--pieces=256", "h" },
		{ "--timeout=0", "h" },
		{ "--timeout=nan", "h" },
		{ "--id-ext=12345678123456781", "h" },
		{ "--id-ext=xyz", "h" },
		{ "--initiator-id=12", "h" },
		{ "--sessions=2", "--read", "h" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *args[4] = { rows[i][0], rows[i][1], rows[i][2], NULL };
		struct ping_opts o;

		assert_int_equal(parse(&o, args), PING_USAGE);
	}
}

static void test_addresses(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", "5000" },
		{ "192.0.2.1:77", "192.0.2.1", "77" },
		{ "storage.example:77", "storage.example", "77" },
		{ "2001:db8::1", "2001:db8::1", "5000" },
		{ "[2001:db8::1]", "2001:db8::1", "5000" },
		{ "[fe80::1%eth0]:77", "fe80::1%eth0", "77" },
		{ "", NULL, NULL },
		{ ":77", NULL, NULL },
		{ "host:", NULL, NULL },
		{ "[::1", NULL, NULL },
		{ "[::1]77", NULL, NULL },
		{ "[]:77", NULL, NULL },
	};
	char err[PING_ERR_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ping_opts o = { 0 };
		int rc = ping_parse_address(rows[i].text, &o, err, sizeof(err));

		assert_int_equal(rc, rows[i].host ? 0 : -EINVAL);
		if (!rows[i].host)
			continue;
		assert_string_equal(o.host, rows[i].host);
		assert_string_equal(o.port, rows[i].port);
	}
}

static void test_login_string(void **state)
{
	struct ping_opts o = { .channels = 1 };
	char err[PING_ERR_MAX];

	(void)state;
	assert_int_equal(ping_parse_login("id_ext=0x0002c90300a1b2c0,ioc_guid=0002c90300a1b2c3,"
					  "dest=[2001:db8::1]:5000,initiator_ext=00000000000000ff,"
					  "queue_size=99,ch_count=3,max_it_iu_size=2116,"
					  "tl_retry_count=6,cmd_sg_entries=255\n",
					  &o, err, sizeof(err)), 0);
	assert_int_equal(o.id_ext, 0x0002c90300a1b2c0);
	assert_int_equal(o.ioc_guid, 0x0002c90300a1b2c3);
	assert_string_equal(o.host, "2001:db8::1");
	assert_string_equal(o.port, "5000");
	assert_int_equal(get_be64(o.initiator), 0xff);
	assert_int_equal(o.queue_depth, 99);
	assert_int_equal(o.channels, 3);
	assert_int_equal(o.iu_len, 2116);
}

static void test_login_string_of_infiniband(void **state)
{
	static const uint8_t gid[16] = { 0xfe, 0x80, [15] = 0x0a };
	struct ping_opts o = { .id_ext = 0 };
	char err[PING_ERR_MAX];

	(void)state;
	assert_int_equal(ping_parse_login("id_ext=1,ioc_guid=2,"
					  "dgid=fe80000000000000000000000000000a,pkey=8001,"
					  "service_id=00000000013f1388", &o, err, sizeof(err)), 0);
	assert_int_equal(o.ib.family, AF_IB);
	assert_memory_equal(o.ib.gid, gid, 16);
	assert_int_equal(o.ib.pkey, 0x8001);
	assert_int_equal(o.ib.port, 5000);
	assert_string_equal(o.host, "fe80::a");
	assert_string_equal(o.port, "5000");
}

static void test_infiniband_is_verbs_whatever_else_is_said(void **state)
{
	const char *login = "id_ext=1,ioc_guid=2,service_id=00000000013f1388,"
			    "dgid=fe80000000000000000000000000000a";
	struct ping_opts o;

	(void)state;
	assert_int_equal(PARSE(&o, "-t", login), -1);
	assert_int_equal(o.transport, CLIENT_VERBS);
	assert_int_equal(PARSE(&o, "-t", login, "--transport", "iwarp"), -1);
	assert_int_equal(o.transport, CLIENT_VERBS);
	assert_int_equal(PARSE(&o, "--transport", "iwarp", "-t", login), -1);
	assert_int_equal(o.transport, CLIENT_VERBS);
}

static void test_login_strings_that_make_no_sense(void **state)
{
	static const struct {
		const char *text, *err;
	} rows[] = {
		{ "", "login string: empty or too long" },
		{ "id_ext", "login string: 'id_ext' has no value" },
		{ "id_ext=1,ioc_guid=2",
		  "login string: dest= (or dgid= and service_id=) is missing" },
		{ "id_ext=1,ioc_guid=2,dgid=fe80000000000000000000000000000a",
		  "login string: service_id= is missing" },
		{ "id_ext=1,ioc_guid=2,service_id=13f0001", "login string: dgid= is missing" },
		{ "id_ext=1,ioc_guid=2,service_id=0002c90300a1b2c3",
		  "login string: '0002c90300a1b2c3' is no value of service_id" },
		{ "id_ext=1,ioc_guid=2,pkey=8000", "login string: '8000' is no value of pkey" },
		{ "id_ext=1,ioc_guid=2,dgid=fe80", "login string: 'fe80' is no value of dgid" },
		{ "id_ext=1,dest=h", "login string: ioc_guid= is missing" },
		{ "ioc_guid=1,dest=h", "login string: id_ext= is missing" },
		{ "id_ext=g,ioc_guid=1,dest=h", "login string: 'g' is no value of id_ext" },
		{ "id_ext=1,ioc_guid=1,dest=[", "'[' is no address" },
		{ "id_ext=1,ioc_guid=1,dest=h,ch_count=0",
		  "login string: '0' is no value of ch_count" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ping_opts o = { 0 };
		char err[PING_ERR_MAX];

		assert_int_equal(ping_parse_login(rows[i].text, &o, err, sizeof(err)), -EINVAL);
		assert_string_equal(err, rows[i].err);
	}
}

static void test_port_ids(void **state)
{
	static const uint8_t want[16] = { 0xfe, 0x80, [8] = 0x00, 0x02, 0xc9, [15] = 0x0A };
	uint8_t id[16];

	(void)state;
	assert_int_equal(ping_parse_port_id("0xfe800000000000000002C9000000000a", id), 0);
	assert_memory_equal(id, want, 16);
	assert_int_equal(ping_parse_port_id("fe80:0000:0000:0000:0002:c900:0000:000a", id), 0);
	assert_memory_equal(id, want, 16);
	assert_int_equal(ping_parse_port_id("fe8", id), -EINVAL);
	assert_int_equal(ping_parse_port_id("fe800000000000000002C9000000000a0", id), -EINVAL);
	assert_int_equal(ping_parse_port_id("ge800000000000000002C9000000000a", id), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_value),
		cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_login_string),
		cmocka_unit_test(test_login_string_of_infiniband),
		cmocka_unit_test(test_infiniband_is_verbs_whatever_else_is_said),
		cmocka_unit_test(test_login_strings_that_make_no_sense),
		cmocka_unit_test(test_port_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
