/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Login lines, and which interfaces belong to RDMA devices. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/login_info.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GUID 0x0002c90300a1b2c3ull

static char notes[256];

/* What is printed for targets of the given text, on a host with two RDMA addresses and two more. */
static const char *printed(const char *text, uint64_t ioc_guid, bool json)
{
	static char buf[2048];
	struct rdma_addr list[2] = {
		{ .family = AF_INET, .netdev = "eth0" },
		{ .family = AF_INET6, .netdev = "eth0" },
	};
	struct rdma_addr more[2] = {
		{ .family = AF_INET, .netdev = "eth1" },
		{ .family = AF_INET6, .netdev = "eth1" },
	};
	struct ib_arrival ports[2] = {
		{ .device = "mlx5_0", .port_num = 1, .pkey0 = 0x7fff },
		{ .device = "mlx5_0", .port_num = 2, .pkey0 = 0x8005 },
	};
	const struct login_addrs addrs = { { list, 2 }, { more, 2 }, { ports, 2 } };
	struct conf_diag_list diags = { 0 };
	struct text out = { 0 }, told = { 0 };
	struct report r = { 0 };
	struct conf *conf;

	inet_pton(AF_INET, "10.99.0.1", list[0].addr);
	inet_pton(AF_INET6, "fd00::1", list[1].addr);
	inet_pton(AF_INET, "198.51.100.1", more[0].addr);
	inet_pton(AF_INET6, "2001:db8::1", more[1].addr);
	inet_pton(AF_INET6, "fe80::2:c903:a1:b2c4", ports[0].gid);
	inet_pton(AF_INET6, "fe80::2:c903:a1:b2c5", ports[1].gid);
	assert_int_equal(conf_parse("test", text, strlen(text), &conf, &diags), 0);
	login_info_report(&r, conf, ioc_guid, &addrs, &told);
	snprintf(notes, sizeof(notes), "%s", text_string(&told));
	text_free(&told);
	assert_true(report_print(&r, json, &out));
	snprintf(buf, sizeof(buf), "%s", text_string(&out));
	text_free(&out);
	report_free(&r);
	conf_free(conf);
	conf_diag_free(&diags);
	return buf;
}

#define DRIVER(port, more) "TARGET_DRIVER ib_srpt { rdma_cm_port " port "\n" more "}"
#define LOGIN "id_ext=0000000000000005,ioc_guid=0002c90300a1b2c3,dest="

static void without_portals_every_address(void **state)
{
	(void)state;
	assert_string_equal(printed(DRIVER("5555", "TARGET t { id_ext 0000000000000005 }"), GUID,
				    false),
			    LOGIN "10.99.0.1:5555\n" LOGIN "[fd00::1]:5555\n");
}

static void portals_as_given(void **state)
{
	(void)state;
	assert_string_equal(printed(DRIVER("5555", "TARGET t { id_ext 0000000000000005\n"
					   "portal 192.0.2.7\nportal [2001:db8::1]:6666\n}"),
				    GUID, false),
			    LOGIN "192.0.2.7:5555\n" LOGIN "[2001:db8::1]:6666\n");
}

static void wildcard_portal_is_its_family(void **state)
{
	(void)state;
	assert_string_equal(printed(DRIVER("0", "TARGET t { id_ext 0000000000000005\n"
					   "portal [::]:7777\n}"), GUID, false),
			    LOGIN "[fd00::1]:7777\n");
}

#define IB_LOGIN(gid, pkey, sid) "id_ext=0000000000000005,ioc_guid=0002c90300a1b2c3," \
	"dgid=fe800000000000000002c90300a1b2" gid ",pkey=" pkey ",service_id=00000000013f" sid "\n"
#define IB_TARGET(portals) "TARGET t { id_ext 0000000000000005\n" portals "\n}"

static void infiniband_is_told_as_srp_daemon_finds_it(void **state)
{
	(void)state;
	assert_string_equal(printed(DRIVER("5555", IB_TARGET("portal ib:*")), GUID, false),
			    IB_LOGIN("c4", "7fff", "15b3") IB_LOGIN("c5", "8005", "15b3"));
	assert_string_equal(printed(DRIVER("0", IB_TARGET("portal ib:*:256,pkey=8001")), GUID,
				    false),
			    IB_LOGIN("c4", "8001", "0100") IB_LOGIN("c5", "8001", "0100"));
}

static void infiniband_portal_is_where_it_says(void **state)
{
	(void)state;
	assert_string_equal(printed(DRIVER("1", IB_TARGET("portal ib:mlx5_0/2")), GUID, false),
			    IB_LOGIN("c5", "8005", "0001"));
	assert_string_equal(printed(DRIVER("1", IB_TARGET("portal ib:fe80::2:c903:a1:b2c5")),
				    GUID, false), IB_LOGIN("c5", "8005", "0001"));
	/* on the other node, or not there yet */
	assert_string_equal(printed(DRIVER("1", IB_TARGET("portal ib:fe80::2:c903:a1:b2c6")),
				    GUID, false), IB_LOGIN("c6", "ffff", "0001"));
	assert_string_equal(printed(DRIVER("1", IB_TARGET("portal ib:mlx5_1")), GUID, false), "");
}

static void without_port_nothing(void **state)
{
	(void)state;
	assert_string_equal(printed(DRIVER("0", "TARGET t { id_ext 0000000000000005 }"), GUID,
				    false), "");
}

static const char *why_empty(struct conf *conf)
{
	const struct login_addrs none = { 0 };
	struct report r = { 0 };
	struct text told = { 0 };

	login_info_report(&r, conf, GUID, &none, &told);
	snprintf(notes, sizeof(notes), "%s", text_string(&told));
	text_free(&told);
	report_free(&r);
	return notes;
}

static void why_there_is_no_line(void **state)
{
	struct conf_target target = { .enabled = true };
	struct conf_portal any = { .family = AF_INET, .port = 5000 };
	struct conf conf = { .n_targets = 0, .targets = &target };

	(void)state;
	assert_non_null(strstr(why_empty(&conf), "no target"));
	conf.n_targets = 1;
	assert_non_null(strstr(why_empty(&conf), "rdma_cm_port"));
	conf.driver.rdma_cm_port = 5555;
	assert_non_null(strstr(why_empty(&conf), "RDMA device"));
	conf.driver.iwarp_ports = &any;
	conf.driver.n_iwarp_ports = 1;
	assert_non_null(strstr(why_empty(&conf), "iwarp_port"));
}

#define TARGET5 "TARGET t { id_ext 0000000000000005 }"

static void iwarp_port_alone_is_loopback(void **state)
{
	(void)state;
	assert_string_equal(printed(DRIVER("0", "iwarp_port 5000\n" TARGET5), GUID, false),
			    LOGIN "127.0.0.1:5000\n" LOGIN "[::1]:5000\n");
	assert_string_equal(notes, "");
}

static void iwarp_listens_without_rdma_device(void **state)
{
	(void)state;
	assert_string_equal(printed(DRIVER("0", "iwarp_port 0.0.0.0:5000\niwarp_port [::]:5001\n"
					   TARGET5), GUID, false),
			    LOGIN "198.51.100.1:5000\n" LOGIN "[2001:db8::1]:5001\n");
}

/* All hosts would be one initiator without it. */
static void iwarp_from_elsewhere_needs_initiator_ext(void **state)
{
	(void)state;
	printed(DRIVER("0", "iwarp_port 192.0.2.7:5000\n" TARGET5), GUID, false);
	assert_non_null(strstr(notes, "initiator_ext="));
	printed(DRIVER("5555", TARGET5), GUID, false);
	assert_string_equal(notes, "");
}

static void guid_of_target_before_driver_before_daemon(void **state)
{
	(void)state;
	assert_non_null(strstr(printed(DRIVER("5555", "ioc_guid 00000000000000aa\nTARGET t { }"),
				       GUID, false), "ioc_guid=00000000000000aa"));
	assert_non_null(strstr(printed(DRIVER("5555", "ioc_guid 00000000000000aa\n"
					      "TARGET t { ioc_guid 00000000000000bb }"),
				       GUID, false), "ioc_guid=00000000000000bb"));
	assert_non_null(strstr(printed(DRIVER("5555", "TARGET t { }"), GUID, false),
			       "ioc_guid=0002c90300a1b2c3"));
}

/* ib_srp takes a second path with the same id_ext and ioc_guid for the first one. */
static void targets_have_different_id_ext(void **state)
{
	char first[17], second[17];
	const char *p = printed(DRIVER("5555", "TARGET a { portal 192.0.2.1 }\n"
				       "TARGET b { portal 192.0.2.2 }"), GUID, false);

	(void)state;
	assert_int_equal(sscanf(p, "id_ext=%16[0-9a-f]", first), 1);
	assert_int_equal(sscanf(strchr(p, '\n') + 1, "id_ext=%16[0-9a-f]", second), 1);
	assert_string_not_equal(first, second);
}

static void json_has_the_parts(void **state)
{
	const char *p = printed(DRIVER("5555", "TARGET t { id_ext 0000000000000005\nenabled 1\n"
				       "portal 192.0.2.7\n}"), GUID, true);

	(void)state;
	assert_non_null(strstr(p, "\"target\": \"t\", \"enabled\": true, "
			       "\"awaited\": false, \"transport\": \"RDMA\", "
			       "\"id_ext\": \"0000000000000005\", "
			       "\"ioc_guid\": \"0002c90300a1b2c3\", "
			       "\"dest\": \"192.0.2.7:5555\", "
			       "\"login\": \"" LOGIN "192.0.2.7:5555\""));
}

/* An address that moves; one that is not this host's for another reason is a fault. */
static void an_address_that_moves_is_awaited(void **state)
{
	static const char group[] =
		"DEVICE_GROUP dg {\n drbd_resource r\n"
		" TARGET_GROUP g {\n group_id 1\n TARGET t\n }\n}";
	static const struct {
		const char *keys;
		bool awaited;
	} rows[] = {
		{ "portal 192.0.2.7\nfloating 1", true },
		{ "portal 198.51.100.1\nfloating 1", false },
		{ "portal [2001:db8::1]\nfloating 1", false },
		{ "portal [2001:db8::2]\nfloating 1", true },
		{ "portal 192.0.2.7", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[512];

		snprintf(text, sizeof(text), DRIVER("5555", "TARGET t { enabled 1\n%s\n}") "\n%s",
			 rows[i].keys, group);
		assert_int_equal(strstr(printed(text, GUID, true), "\"awaited\": true") != NULL,
				 rows[i].awaited);
	}
}

/* ---- interfaces of RDMA devices ---- */

static char sysfs[] = "/tmp/test_login_info.XXXXXX";

static void sysfs_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", sysfs, name);
	for (char *p = strchr(path + strlen(sysfs) + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int sysfs_make(void **state)
{
	(void)state;
	strcpy(sysfs + strlen(sysfs) - 6, "XXXXXX");
	return mkdtemp(sysfs) ? 0 : -1;
}

static int sysfs_remove(void **state)
{
	(void)state;
	return nftw(sysfs, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_netdevs(const char *want)
{
	char text[256] = "";
	char **names = rdma_netdevs_get(sysfs);

	assert_non_null(names);
	for (char **n = names; *n; n++) {
		strcat(text, *n);
		strcat(text, " ");
	}
	assert_string_equal(text, want);
	rdma_netdevs_free(names);
}

static void roce_names_its_interfaces(void **state)
{
	(void)state;
	sysfs_file("class/infiniband/rxe0/ports/1/gid_attrs/ndevs/0", "eth0\n");
	sysfs_file("class/infiniband/rxe0/ports/1/gid_attrs/ndevs/1", "eth0\n");
	sysfs_file("class/infiniband/rxe0/ports/1/gid_attrs/ndevs/2", "eth0.7\n");
	sysfs_file("class/infiniband/rxe0/ports/1/gid_attrs/ndevs/3", "");
	sysfs_file("class/net/eth1/address", "52:54:00:12:34:56\n");
	assert_netdevs("eth0 eth0.7 ");
}

static void ipoib_is_found_by_its_gid(void **state)
{
	(void)state;
	sysfs_file("class/infiniband/mlx4_0/ports/1/gids/0",
		   "fe80:0000:0000:0000:0002:c903:00a1:b2c3\n");
	sysfs_file("class/net/ib0/address",
		   "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:a1:b2:c3\n");
	sysfs_file("class/net/ib1/address",
		   "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:a1:b2:c4\n");
	assert_netdevs("ib0 ");
}

static void iwarp_is_found_by_its_mac(void **state)
{
	(void)state;
	sysfs_file("class/infiniband/siw0/ports/1/gids/0",
		   "5254:0012:3456:0000:0000:0000:0000:0000\n");
	sysfs_file("class/net/eth0/address", "52:54:00:12:34:56\n");
	sysfs_file("class/net/eth1/address", "52:54:00:12:34:57\n");
	sysfs_file("class/net/lo/address", "00:00:00:00:00:00\n");
	assert_netdevs("eth0 ");
}

static void no_device_no_interface(void **state)
{
	(void)state;
	sysfs_file("class/net/eth0/address", "52:54:00:12:34:56\n");
	assert_netdevs("");
}

/* Loopback is no address for others. */
static void addresses_of_the_host(void **state)
{
	struct rdma_addrs addrs;

	(void)state;
	assert_int_equal(host_addrs_get(&addrs), 0);
	for (size_t i = 0; i < addrs.count; i++) {
		assert_string_not_equal(addrs.list[i].netdev, "lo");
		if (addrs.list[i].family == AF_INET)
			assert_int_not_equal(addrs.list[i].addr[0], 127);
	}
	rdma_addrs_free(&addrs);
}

int main(void)
{
#define S(name) cmocka_unit_test_setup_teardown(name, sysfs_make, sysfs_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_portals_every_address),
		cmocka_unit_test(portals_as_given),
		cmocka_unit_test(wildcard_portal_is_its_family),
		cmocka_unit_test(infiniband_is_told_as_srp_daemon_finds_it),
		cmocka_unit_test(infiniband_portal_is_where_it_says),
		cmocka_unit_test(without_port_nothing),
		cmocka_unit_test(why_there_is_no_line),
		cmocka_unit_test(iwarp_port_alone_is_loopback),
		cmocka_unit_test(iwarp_listens_without_rdma_device),
		cmocka_unit_test(iwarp_from_elsewhere_needs_initiator_ext),
		cmocka_unit_test(guid_of_target_before_driver_before_daemon),
		cmocka_unit_test(targets_have_different_id_ext),
		cmocka_unit_test(json_has_the_parts),
		cmocka_unit_test(an_address_that_moves_is_awaited),
		S(roce_names_its_interfaces),
		S(ipoib_is_found_by_its_gid),
		S(iwarp_is_found_by_its_mac),
		S(no_device_no_interface),
		cmocka_unit_test(addresses_of_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
