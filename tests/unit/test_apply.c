/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "base/log.h"
#include "ctl/apply.h"
#include "ctl/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISK(name, more) \
	"HANDLER vdisk_fileio { DEVICE " name " { filename /" name "\n" more "} }\n"
#define DRIVER(targets) "TARGET_DRIVER ib_srpt { ioc_guid 0002c90300a1b2c3\n" targets "}\n"
#define TARGET(name, more) "TARGET " name " { enabled 1\n" more "}\n"

static struct live live;
static struct apply_result last;
static char last_errors[512];
static int n_done;

static void done(void *arg, const struct apply_result *result)
{
	(void)arg;
	last = *result;
	snprintf(last_errors, sizeof(last_errors), "%s", text_string(&result->errors));
	n_done++;
}

static void submit(const char *text)
{
	fake_events[0] = 0;
	assert_int_equal(apply_submit(&live, fake_conf(text), done, NULL), 0);
}

static void apply(const char *text)
{
	int before = n_done;

	submit(text);
	fake_run();
	assert_int_equal(n_done, before + 1);
}

#define assert_events(want) assert_string_equal(fake_events, (want))
/* Up to the parameters that are handed on whatever changed. */
#define assert_rights(want) assert_rights_((want), strlen(want))
#define assert_rights_(want, len)                                               \
	do {                                                                    \
		assert_memory_equal(fake_events, (want), (len));                \
		assert_memory_equal(fake_events + (len), " change:255,0,1", 15); \
	} while (0)

static int setup(void **state)
{
	(void)state;
	fake_reset();
	live_init(&live);
	live.ioc_guid = 1;
	n_done = 0;
	return 0;
}

/* Whatever the test did: an empty configuration takes all of it away. */
static int teardown(void **state)
{
	(void)state;
	fake_missing = "";
	fake_attach_status = 0;
	apply("");
	assert_int_equal(fake_backends, 0);
	assert_int_equal(fake_lus, 0);
	assert_int_equal(fake_targets, 0);
	assert_int_equal(fake_groups, 0);
	assert_true(list_empty(&live.devices));
	assert_true(list_empty(&live.targets));
	conf_free(live.conf);
	free(live.device_of);
	fake_reset();
	return 0;
}

static void devices_come_before_targets(void **state)
{
	(void)state;
	submit(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n")));
	assert_events("open:a lu:a");
	fake_run();
	assert_events("open:a lu:a target:t enable:t");
	assert_string_equal(fake_map("t", "any"), "0:a");
	assert_int_equal(last.devices_opened, 1);
	assert_int_equal(last.targets_added, 1);
	assert_string_equal(last_errors, "");
}

static void equal_configuration_does_nothing(void **state)
{
	const char *text = DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n"));

	(void)state;
	apply(text);
	apply(text);
	assert_events("");
	assert_string_equal(fake_map("t", "any"), "0:a");
}

static void added_lun_is_opened_then_mapped(void **state)
{
	(void)state;
	apply(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n")));
	submit(DISK("a", "") DISK("b", "") DRIVER(TARGET("t", "LUN 0 a\nLUN 1 b\n")));
	assert_events("open:b lu:b");
	fake_run();
	assert_events("open:b lu:b remap:t(0:a 1:b)");
}

static void removed_lun_is_unmapped_then_closed(void **state)
{
	(void)state;
	apply(DISK("a", "") DISK("b", "") DRIVER(TARGET("t", "LUN 0 a\nLUN 1 b\n")));
	submit(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n")));
	assert_events("remap:t(0:a)");
	fake_run();
	assert_events("remap:t(0:a) gone:b");
	assert_int_equal(last.devices_closed, 1);
	assert_int_equal(last.targets_remapped, 1);
}

static void changed_device_is_replaced(void **state)
{
	(void)state;
	apply(DISK("a", "") DISK("b", "") DRIVER(TARGET("t", "LUN 0 a\nLUN 1 b\n")));
	apply(DISK("a", "") DISK("b", "blocksize 4096\n")
	      DRIVER(TARGET("t", "LUN 0 a\nLUN 1 b\n")));
	assert_events("remap:t(0:a) gone:b open:b lu:b remap:t(0:a 1:b)");
}

static void read_only_comes_at_once_and_goes_when_it_can(void **state)
{
	const char *ro = DISK("a", "read_only 1\n") DRIVER(TARGET("t", "LUN 0 a\n"));
	const char *rw = DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n"));

	(void)state;
	apply(rw);
	apply(ro);
	assert_rights("ro:a open:a exchange:a");
	submit(rw);
	assert_rights("open:a exchange:a");
	fake_run();
	assert_non_null(strstr(fake_events, " rw:a"));
	assert_string_equal(last_errors, "");
	assert_int_equal(fake_backends, 1);
}

static void read_only_stays_where_the_file_cannot_be_written(void **state)
{
	const char *rw = DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n"));

	(void)state;
	apply(DISK("a", "read_only 1\n") DRIVER(TARGET("t", "LUN 0 a\n")));
	fake_missing = "a";
	apply(rw);
	assert_rights("open:a");
	assert_non_null(strstr(last_errors, "device a stays read-only: /a: No such file"));
	fake_missing = "";
	/* Tried again, though the configuration is the same. */
	apply(rw);
	assert_events("open:a exchange:a rw:a");
	fake_exchange_status = -EEXIST;
	apply(DISK("a", "read_only 1\n") DRIVER(TARGET("t", "LUN 0 a\n")));
	assert_rights("ro:a open:a exchange:a");
	assert_string_equal(last_errors, "");
	assert_int_equal(fake_backends, 1);
}

static void read_only_without_a_file(void **state)
{
	(void)state;
	apply("HANDLER vdisk_nullio { DEVICE n { size 1G } }");
	apply("HANDLER vdisk_nullio { DEVICE n { size 1G\nread_only 1\n } }");
	assert_non_null(strstr(fake_events, "ro:n"));
}

/* ---- what is kept of devices ---- */

static int store_status;
static char store_keys[64];

static int store_load(struct state_store *s, const char *key, void **data, size_t *len, char *err,
		      size_t errlen)
{
	(void)s;
	snprintf(store_keys, sizeof(store_keys), "%s", key);
	snprintf(err, errlen, "/state/lu/%s is damaged", key);
	*data = store_status ? NULL : strdup("kept");
	*len = store_status ? 0 : 4;
	return store_status;
}

static const struct state_ops store_ops = { .load = store_load };
static struct state_store store = { .ops = &store_ops };

static void what_was_kept_comes_with_the_device(void **state)
{
	(void)state;
	live.store = &store;
	store_status = 0;
	apply("HANDLER vdisk_fileio { DEVICE a { filename /a\n"
	      " naa_id 6020000123456789abcdef0123456789\n } }");
	assert_events("open:a lu:a kept:kept");
	assert_string_equal(store_keys, "naa-89");
}

static void a_device_whose_state_is_damaged_is_not_served(void **state)
{
	(void)state;
	live.store = &store;
	store_status = -EBADMSG;
	apply(DISK("a", ""));
	assert_events("open:a");
	assert_non_null(strstr(last_errors, "device a: /state/lu/naa-"));
	assert_int_equal(fake_backends, 0);
	assert_int_equal(live_device_find(&live, "a")->state, DEVICE_FAILED);
}

static void a_device_whose_state_is_not_understood_is_not_served(void **state)
{
	(void)state;
	live.store = &store;
	store_status = 0;
	fake_create_status = -EINVAL;
	apply(DISK("a", ""));
	assert_non_null(strstr(last_errors, "move away lu/naa-"));
	assert_int_equal(fake_backends, 0);
}

static struct device *recovered;

static void recover(void)
{
	char err[64];
	struct backend_params p = { .filename = "/a", .block_size = 512 };
	struct backend *be;

	fake_missing = "";
	assert_int_equal(backend_open(&p, &be, err, sizeof(err)), 0);
	fake_events[0] = 0;
	assert_int_equal(apply_recover(&live, &recovered, be, done, NULL), 0);
	fake_run();
}

static void a_device_that_failed_comes_later(void **state)
{
	(void)state;
	fake_missing = "a";
	apply(DISK("a", "") DISK("b", "")
	      DRIVER(TARGET("t", "LUN 0 a\n") TARGET("u", "LUN 0 b\n")));
	recovered = live_device_find(&live, "a");
	recover();
	assert_events("lu:a remap:t(0:a)");
	assert_int_equal(recovered->state, DEVICE_READY);
	assert_string_equal(recovered->error, "");
	/* It is there already. */
	recover();
	assert_events("");
}

static void a_device_that_left_does_not_come(void **state)
{
	(void)state;
	recovered = NULL;
	recover();
	assert_events("");
	assert_int_equal(fake_backends, 0);
}

static void a_device_that_fails_again_says_so_once(void **state)
{
	(void)state;
	fake_missing = "a";
	fake_attach_status = -EIO;
	apply(DISK("a", ""));
	recovered = live_device_find(&live, "a");
	recover();
	assert_events("lu:a");
	assert_non_null(strstr(last_errors, "cannot be attached"));
	recover();
	assert_string_equal(last_errors, "");
	assert_int_equal(last.devices_failed, 1);
	assert_int_equal(recovered->state, DEVICE_FAILED);
}

static void other_targets_notice_nothing(void **state)
{
	(void)state;
	apply(DISK("a", "") DISK("b", "")
	      DRIVER(TARGET("t", "LUN 0 a\n") TARGET("u", "LUN 0 b\n")));
	apply(DISK("a", "") DISK("b", "")
	      DRIVER(TARGET("t", "LUN 0 a\n") TARGET("u", "LUN 0 a\nLUN 5 b\n")));
	assert_events("remap:u(0:a 5:b)");
}

static void changed_group_remaps(void **state)
{
	(void)state;
	apply(DISK("a", "") DRIVER(TARGET("t", "GROUP g { LUN 0 a\nINITIATOR 10.0.0.1 }\n")));
	assert_string_equal(fake_map("t", "10.0.0.1"), "0:a");
	assert_string_equal(fake_map("t", "10.0.0.2"), "refused");
	apply(DISK("a", "") DRIVER(TARGET("t", "GROUP g { LUN 0 a\nINITIATOR 10.0.0.2 }\n")));
	assert_events("remap:t(refused)");
	assert_string_equal(fake_map("t", "10.0.0.1"), "refused");
	assert_string_equal(fake_map("t", "10.0.0.2"), "0:a");
}

static void removed_target_is_disabled_before_it_goes(void **state)
{
	(void)state;
	apply(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n") TARGET("u", "LUN 0 a\n")));
	submit(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n")));
	assert_events("disable:u");
	fake_run();
	assert_events("disable:u destroy:u");
	assert_int_equal(last.targets_removed, 1);
}

static void changed_port_identifier_makes_a_new_target(void **state)
{
	(void)state;
	apply(DISK("a", "") DRIVER(TARGET("t", "id_ext 0000000000000001\nLUN 0 a\n")));
	apply(DISK("a", "") DRIVER(TARGET("t", "id_ext 0000000000000002\nLUN 0 a\n")));
	assert_events("disable:t destroy:t target:t enable:t");
}

static void driver_guid_counts_as_port_identifier(void **state)
{
	(void)state;
	apply("TARGET_DRIVER ib_srpt { ioc_guid 1111111111111111\nTARGET t { enabled 1 } }");
	apply("TARGET_DRIVER ib_srpt { ioc_guid 2222222222222222\nTARGET t { enabled 1 } }");
	assert_events("disable:t destroy:t target:t enable:t");
}

static void enabled_follows_the_configuration(void **state)
{
	(void)state;
	apply(DRIVER("TARGET t { enabled 1 }\n"));
	apply(DRIVER("TARGET t { enabled 0 }\n"));
	assert_events("disable:t");
	apply(DRIVER("TARGET t { enabled 1 }\n"));
	assert_events("enable:t");
}

static void missing_file_fails_alone_and_is_tried_again(void **state)
{
	const char *text = DISK("a", "") DISK("b", "") DRIVER(TARGET("t", "LUN 0 a\nLUN 1 b\n"));

	(void)state;
	fake_missing = "/b";
	apply(text);
	assert_string_equal(fake_map("t", "any"), "0:a");
	assert_int_equal(last.devices_failed, 1);
	assert_string_equal(last_errors, "device b: /b: No such file\n");
	assert_int_equal(live_device_find(&live, "b")->state, DEVICE_FAILED);
	assert_string_equal(live_device_find(&live, "b")->error, "/b: No such file");
	/* Still missing: tried, but no session is disturbed. */
	apply(text);
	assert_events("open:b");
	fake_missing = "";
	apply(text);
	assert_events("open:b lu:b remap:t(0:a 1:b)");
	assert_string_equal(last_errors, "");
}

static void failed_attach_closes_the_backend(void **state)
{
	(void)state;
	fake_attach_status = -ENOMEM;
	apply(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n")));
	assert_int_equal(fake_backends, 0);
	assert_int_equal(live_device_find(&live, "a")->state, DEVICE_FAILED);
	assert_string_equal(fake_map("t", "any"), "");
}

static void inactive_device_is_not_opened(void **state)
{
	(void)state;
	apply(DISK("a", "active 0\n") DRIVER(TARGET("t", "LUN 0 a\n")));
	assert_events("target:t enable:t");
	assert_int_equal(live_device_find(&live, "a")->state, DEVICE_INACTIVE);
	apply(DISK("a", "active 1\n") DRIVER(TARGET("t", "LUN 0 a\n")));
	assert_events("open:a lu:a remap:t(0:a)");
}

static void read_only_of_a_lun_is_in_its_map(void **state)
{
	(void)state;
	apply(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\nLUN 3 a { read_only 1 }\n")));
	assert_string_equal(fake_map("t", "any"), "0:a 3:aro");
}

static void second_change_waits_for_the_first(void **state)
{
	(void)state;
	submit(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n")));
	submit(DISK("b", "") DRIVER(TARGET("t", "LUN 0 b\n")));
	assert_events("");
	assert_true(fake_step());
	assert_int_equal(n_done, 1);
	fake_run();
	assert_int_equal(n_done, 2);
	assert_string_equal(fake_map("t", "any"), "0:b");
}

/* The order in a real system: everything a device was used by is gone before it. */
static void empty_configuration_takes_all_away(void **state)
{
	(void)state;
	apply(DISK("a", "") DRIVER(TARGET("t", "LUN 0 a\n")));
	submit("");
	assert_events("disable:t");
	assert_true(fake_step());
	assert_events("disable:t destroy:t gone:a");
	fake_run();
	assert_true(list_empty(&live.devices));
}

/* As many LUNs as the protocol has: found by index and by bisection, not pairwise. */
static void all_luns_of_a_target(void **state)
{
	struct text text = { 0 };
	struct lun_entry *map = calloc(SCSI_MAX_LUN + 1, sizeof(*map));
	struct srp_target *t;

	(void)state;
	assert_non_null(map);
	text_puts(&text, "HANDLER vdisk_nullio {\n");
	for (int i = 0; i <= SCSI_MAX_LUN; i++)
		text_printf(&text, "DEVICE d%d\n", i);
	text_puts(&text, "}\nTARGET_DRIVER ib_srpt { TARGET t { enabled 1\n");
	for (int i = 0; i <= SCSI_MAX_LUN; i++)
		text_printf(&text, "LUN %d d%d\n", i, i);
	text_puts(&text, "} }\n");
	apply(text_string(&text));
	t = fake_target("t");
	assert_int_equal(t->map(t->map_arg, "any", map, SCSI_MAX_LUN + 1), SCSI_MAX_LUN + 1);
	assert_int_equal(map[SCSI_MAX_LUN].lun, SCSI_MAX_LUN);
	assert_int_equal(t->map(t->map_arg, "any", map, 10), 10);
	apply(text_string(&text));
	assert_events("");
	text_free(&text);
	free(map);
}

#define FAULT(more) "HANDLER vdisk_fault { DEVICE f { size 1M\n" more "} }\n"

/* What is in its memory must stay. */
static void faults_change_without_a_new_device(void **state)
{
	(void)state;
	apply(FAULT("") DRIVER(TARGET("t", "LUN 0 f\n")));
	apply(FAULT("fault_ops read\nfault_errno EIO\nfault_every 2\nfault_lba 8\n"
		    "fault_blocks 2\nfault_delay_ms 5\nfault_hang 1\n")
	      DRIVER(TARGET("t", "LUN 0 f\n")));
	assert_events("change:1,5,2,4096+1024,5,1");
	assert_int_equal(last.devices_opened + last.devices_closed, 0);
	apply(FAULT("fault_lba 8\nfault_ops write\n") DRIVER(TARGET("t", "LUN 0 f\n")));
	/* Once when it is asked for, as what hangs ends, once with the configuration. */
	assert_events("change:18,0,1,4096+18446744073709551615,0,0 "
		      "change:18,0,1,4096+18446744073709551615,0,0");
	apply(FAULT("fault_blocks 0xfffffffffffffff\n") DRIVER(TARGET("t", "LUN 0 f\n")));
	assert_events("change:255,0,1,0+18446744073709551615,0,0");
	assert_int_equal(fake_released, 0);
	apply(FAULT("blocksize 4096\n") DRIVER(TARGET("t", "LUN 0 f\n")));
	assert_int_equal(last.devices_opened, 1);
	assert_int_equal(last.devices_closed, 1);
}

/* Sessions that end, and the LU, wait for every request. */
static void leaving_device_lets_its_requests_go_first(void **state)
{
	(void)state;
	apply(FAULT("") DISK("a", "") DRIVER(TARGET("t", "LUN 0 f\nLUN 1 a\n")));
	submit(DISK("a", "") DRIVER(TARGET("t", "LUN 1 a\n")));
	assert_int_equal(fake_released, 1);
	assert_events("remap:t(1:a)");
	fake_run();
}

/* It may be what the first change waits for. */
static void hang_ends_while_another_change_is_made(void **state)
{
	(void)state;
	apply(FAULT("fault_hang 1\n") DRIVER(TARGET("t", "LUN 0 f\n")));
	submit(FAULT("fault_hang 1\n") DRIVER(""));
	assert_events("disable:t");
	submit(FAULT("") DRIVER(""));
	assert_events("change:255,0,1,0+0,0,0");
	fake_run();
	assert_int_equal(n_done, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(devices_come_before_targets),
		T(equal_configuration_does_nothing),
		T(added_lun_is_opened_then_mapped),
		T(removed_lun_is_unmapped_then_closed),
		T(changed_device_is_replaced),
		T(other_targets_notice_nothing),
		T(what_was_kept_comes_with_the_device),
		T(a_device_whose_state_is_damaged_is_not_served),
		T(a_device_whose_state_is_not_understood_is_not_served),
		T(read_only_comes_at_once_and_goes_when_it_can),
		T(read_only_stays_where_the_file_cannot_be_written),
		T(read_only_without_a_file),
		T(a_device_that_failed_comes_later),
		T(a_device_that_left_does_not_come),
		T(a_device_that_fails_again_says_so_once),
		T(changed_group_remaps),
		T(removed_target_is_disabled_before_it_goes),
		T(changed_port_identifier_makes_a_new_target),
		T(driver_guid_counts_as_port_identifier),
		T(enabled_follows_the_configuration),
		T(missing_file_fails_alone_and_is_tried_again),
		T(failed_attach_closes_the_backend),
		T(inactive_device_is_not_opened),
		T(read_only_of_a_lun_is_in_its_map),
		T(second_change_waits_for_the_first),
		T(empty_configuration_takes_all_away),
		T(all_luns_of_a_target),
		T(faults_change_without_a_new_device),
		T(leaving_device_lets_its_requests_go_first),
		T(hang_ends_while_another_change_is_made),
	};

	log_set_level(2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
