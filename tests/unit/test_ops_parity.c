/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srptctl parity as the daemon carries it out: the list and its hash, empty without a cluster. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "ctl/ops.h"
#include "ctl/parity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char clustered[] =
	"HANDLER vdisk_ram {\n DEVICE a {\n  size 1M\n }\n}\n"
	"TARGET_DRIVER ib_srpt {\n rdma_cm_port 5000\n TARGET t {\n  LUN 0 a\n }\n}\n"
	"DEVICE_GROUP dg {\n drbd_resource r0\n DEVICE a\n TARGET_GROUP g {\n  group_id 1\n"
	"  TARGET t\n }\n TARGET_GROUP h {\n  group_id 2\n  TARGET u {\n   rel_tgt_id 2\n"
	"  }\n }\n}\n";

static struct daemon d;
static char out[16384];
static int status;

static void answered(void *arg, struct ops_reply *reply)
{
	(void)arg;
	snprintf(out, sizeof(out), "%s", text_string(&reply->out));
	status = (int)reply->status;
}

static void run(const char *config, bool json)
{
	const char *const argv[] = { "parity" };
	struct ipc_request req;
	struct ipc_call call;
	int size = ipc_call_encode(&req, json, 1, argv);

	memset(&d, 0, sizeof(d));
	live_init(&d.live);
	d.live.conf = fake_conf(config);
	assert_int_equal(ipc_call_decode(&req, (size_t)size, &call), 0);
	status = -1;
	ops_run(&d, &call, answered, NULL);
	assert_int_equal(status, OPS_DONE);
}

static void the_list_is_printed(void **state)
{
	struct parity p;
	char hash[32];

	(void)state;
	run(clustered, false);
	assert_int_equal(parity_make(d.live.conf, &p), 0);
	snprintf(hash, sizeof(hash), "%016" PRIx64, p.hash);
	assert_non_null(strstr(out, hash));
	for (size_t i = 0; i < p.n; i++)
		assert_non_null(strstr(out, p.items[i].key));
	parity_free(&p);
	conf_free(d.live.conf);
}

static void programs_get_json(void **state)
{
	(void)state;
	run(clustered, true);
	assert_non_null(strstr(out, "\"hash\""));
	assert_non_null(strstr(out, "\"DEVICE_GROUP dg/drbd_resource\""));
	assert_non_null(strstr(out, "\"r0\""));
	conf_free(d.live.conf);
}

static void without_a_cluster_there_is_nothing(void **state)
{
	(void)state;
	run("", true);
	assert_non_null(strstr(out, "\"keys\": 0"));
	assert_null(strstr(out, "\"key\""));
	conf_free(d.live.conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_printed),
		cmocka_unit_test(programs_get_json),
		cmocka_unit_test(without_a_cluster_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
