/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the daemon listens: what the configuration wants, on transports that are fakes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "ctl/listeners.h"
#include "transport/iwarp.h"

#include <errno.h>
#include <string.h>

static qb_loop_t *loop;
static struct listeners l;

static int setup(void **state)
{
	static const struct transport_upcalls up;
	static const struct transport_params params;

	(void)state;
	fake_reset();
	loop = qb_loop_create();
	listeners_init(&l, &up, &params, NULL, loop, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	listeners_close(&l);
	listeners_destroy(&l, LISTENER_RDMA);
	listeners_destroy(&l, LISTENER_IWARP);
	assert_int_equal(fake_transports, 0);
	qb_loop_destroy(loop);
	return 0;
}

#define DRIVER(keys) "HANDLER vdisk_nullio { DEVICE n }\nTARGET_DRIVER ib_srpt {\n" keys \
	"\nTARGET t { LUN 0 n } }"

/* What changes in listening when @text comes into force. */
static const char *update(const char *text)
{
	struct conf *conf = fake_conf(text);

	fake_listens[0] = 0;
	listeners_update(&l, conf);
	conf_free(conf);
	return fake_listens;
}

static const struct listener *listener_find(const char *name)
{
	const struct listener *li;

	list_for_each(li, &l.list, link)
		if (!strcmp(li->name, name))
			return li;
	return NULL;
}

static void lone_port_is_loopback(void **state)
{
	(void)state;
	assert_string_equal(update(DRIVER("iwarp_port 5000")), "+127.0.0.1/5000 +::1/5000");
	assert_non_null(listener_find("[::1]:5000")->tl);
	assert_int_equal(listener_find("[::1]:5000")->kind, LISTENER_IWARP);
}

static void addresses_are_as_given(void **state)
{
	(void)state;
	assert_string_equal(update(DRIVER("iwarp_port 192.0.2.1:5000\niwarp_port [::]:5001\n"
					  "iwarp_port 0.0.0.0:5001")),
			    "+192.0.2.1/5000 +::/5001 +0.0.0.0/5001");
}

/* The RDMA connection manager would be missed every two seconds. */
static void rdma_is_left_alone_unless_wanted(void **state)
{
	(void)state;
	update(DRIVER("iwarp_port 5000"));
	assert_int_equal(fake_verbs_opens, 0);
	assert_int_equal(fake_transports, 1);
	assert_false(l.retrying);
}

static void iwarp_is_not_opened_unless_wanted(void **state)
{
	(void)state;
	assert_string_equal(update(DRIVER("")), "");
	assert_int_equal(fake_transports, 0);
	assert_string_equal(update(DRIVER("rdma_cm_port 5000")), "");
	assert_int_equal(fake_transports, 0);
	assert_int_equal(fake_verbs_opens, 1);
}

static void same_address_for_both(void **state)
{
	(void)state;
	update("HANDLER vdisk_nullio { DEVICE n }\nTARGET_DRIVER ib_srpt {\n"
	       "iwarp_port 192.0.2.1:5000\nTARGET t { LUN 0 n\nportal 192.0.2.1:5000 } }");
	assert_string_equal(fake_listens, "+192.0.2.1/5000");
	assert_int_equal(listener_find("192.0.2.1:5000")->kind, LISTENER_RDMA);
	assert_true(l.retrying); /* for RDMA, which this host does not have */
	assert_string_equal(l.transports[LISTENER_RDMA].error, "no RDMA connection manager");
	assert_string_equal(l.transports[LISTENER_IWARP].error, "");
}

static void reload_changes_what_differs(void **state)
{
	(void)state;
	update(DRIVER("iwarp_port 5000\niwarp_port 192.0.2.1:5000"));
	assert_string_equal(update(DRIVER("iwarp_port 192.0.2.1:5000\niwarp_port 5001")),
			    "-127.0.0.1/5000 -::1/5000 +127.0.0.1/5001 +::1/5001");
	assert_string_equal(update(DRIVER("")), "-192.0.2.1/5000 -127.0.0.1/5001 -::1/5001");
	assert_true(list_empty(&l.list));
}

static void without_target_nobody_listens(void **state)
{
	(void)state;
	assert_string_equal(update("TARGET_DRIVER ib_srpt { iwarp_port 5000\n}"), "");
}

static void crc_changes_while_listening(void **state)
{
	(void)state;
	update(DRIVER("iwarp_port 5000\niwarp_crc on"));
	assert_int_equal(fake_crc, IWARP_CRC_ON);
	assert_string_equal(update(DRIVER("iwarp_port 5000\niwarp_crc off")), "");
	assert_int_equal(fake_crc, IWARP_CRC_OFF);
	update(DRIVER("iwarp_port 5000"));
	assert_int_equal(fake_crc, IWARP_CRC_AUTO);
}

static void host_without_a_loopback_is_all_right(void **state)
{
	(void)state;
	fake_listen_status = -EADDRNOTAVAIL;
	update(DRIVER("iwarp_port 5000"));
	assert_false(l.retrying);
	assert_non_null(strstr(listener_find("[::1]:5000")->error, "Cannot assign"));
	fake_listen_status = 0;
	assert_string_equal(update(DRIVER("iwarp_port 5000")), "+127.0.0.1/5000 +::1/5000");
	assert_string_equal(listener_find("[::1]:5000")->error, "");
}

static void what_fails_is_tried_again(void **state)
{
	(void)state;
	fake_listen_status = -EADDRINUSE;
	update(DRIVER("iwarp_port 5000"));
	assert_true(l.retrying);
	assert_non_null(strstr(listener_find("127.0.0.1:5000")->error, "in use"));
	fake_listen_status = -EADDRNOTAVAIL;
	update(DRIVER("iwarp_port 192.0.2.1:5000"));
	assert_true(l.retrying);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(lone_port_is_loopback),
		T(addresses_are_as_given),
		T(rdma_is_left_alone_unless_wanted),
		T(iwarp_is_not_opened_unless_wanted),
		T(same_address_for_both),
		T(reload_changes_what_differs),
		T(without_target_nobody_listens),
		T(crc_changes_while_listening),
		T(host_without_a_loopback_is_all_right),
		T(what_fails_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
