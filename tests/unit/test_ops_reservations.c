/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srptctl reservations as the daemon carries it out, on fakes of the layers below. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "ctl/apply.h"
#include "ctl/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char config[] =
	"HANDLER vdisk_fileio {\n"
	"	DEVICE a { filename /a }\n"
	"	DEVICE b { filename /b }\n"
	"	DEVICE gone { filename /gone }\n"
	"}\n"
	"TARGET_DRIVER ib_srpt {\n"
	"	rdma_cm_port 5555\n"
	"	TARGET t { LUN 0 a\n LUN 1 b\n LUN 2 gone }\n"
	"}\n";

static struct daemon d;
static char out[4096], err[1024];
static int status;

static void answered(void *arg, struct ops_reply *reply)
{
	(void)arg;
	snprintf(out, sizeof(out), "%s", text_string(&reply->out));
	snprintf(err, sizeof(err), "%s", text_string(&reply->err));
	status = (int)reply->status;
}

static int run(bool json, const char *device)
{
	const char *const argv[] = { "reservations", device };
	struct ipc_request req;
	struct ipc_call call;
	int size = ipc_call_encode(&req, json, device ? 2 : 1, argv);

	assert_int_equal(ipc_call_decode(&req, (size_t)size, &call), 0);
	status = -1;
	out[0] = err[0] = 0;
	ops_run(&d, &call, answered, NULL);
	return status;
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	fake_missing = "/gone";
	memset(&d, 0, sizeof(d));
	live_init(&d.live);
	d.live.ioc_guid = 1;
	list_init(&d.listeners.list);
	list_init(&d.listeners.watches);
	assert_int_equal(apply_submit(&d.live, fake_conf(config), NULL, NULL), 0);
	fake_run();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(apply_submit(&d.live, fake_conf(""), NULL, NULL), 0);
	fake_run();
	conf_free(d.live.conf);
	free(d.live.device_of);
	fake_reset();
	return 0;
}

static void all_devices(void **state)
{
	(void)state;
	assert_int_equal(run(true, NULL), OPS_DONE);
	assert_string_equal(
		out, "{\n"
		     "  \"reservations\": ["
		     "{\"device\": \"a\", \"type\": \"Write Exclusive\", \"registrants\": 2, "
		     "\"generation\": 5, \"kept\": true, \"reserved_by\": null}, "
		     "{\"device\": \"b\", \"type\": null, \"registrants\": 0, "
		     "\"generation\": 0, \"kept\": false, \"reserved_by\": \"host-b\"}],\n"
		     "  \"registrants\": ["
		     "{\"device\": \"a\", "
		     "\"initiator_port_id\": \"fe000000000000000000000000000000\", "
		     "\"rel_tgt_id\": 3, \"session_name\": \"host-a\", "
		     "\"key\": \"0xa0\", \"holder\": false}, "
		     "{\"device\": \"a\", "
		     "\"initiator_port_id\": \"fe000000000000000000000000000001\", "
		     "\"rel_tgt_id\": 4, \"session_name\": null, "
		     "\"key\": \"0xa1\", \"holder\": true}]\n"
		     "}\n");
}

static void one_device(void **state)
{
	(void)state;
	assert_int_equal(run(false, "b"), OPS_DONE);
	assert_non_null(strstr(out, "host-b"));
	assert_null(strstr(out, "host-a"));
	assert_int_equal(run(false, "a"), OPS_DONE);
	assert_null(strstr(out, "host-b"));
	assert_non_null(strstr(out, "Write Exclusive"));
	assert_non_null(strstr(out, "fe000000000000000000000000000001"));
	assert_non_null(strstr(out, "0xa1"));
}

static void what_there_is_not(void **state)
{
	(void)state;
	assert_int_equal(run(false, "c"), OPS_FAILED);
	assert_string_equal(err, "there is no device c\n");
	assert_int_equal(run(false, "gone"), OPS_FAILED);
	assert_string_equal(err, "device gone is not ready\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(one_device, setup, teardown),
		cmocka_unit_test_setup_teardown(what_there_is_not, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
