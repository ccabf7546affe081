/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the daemon listens: what the configuration wants, on transports that are fakes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ha_fake.h"

#include "ctl/addresses.h"
#include "ctl/listeners.h"
#include "transport/iwarp.h"

#include <errno.h>
#include <string.h>

static qb_loop_t *loop;
static struct listeners l;
static const char *away; /* name of a target that is on another node */

static int setup(void **state)
{
	static const struct transport_upcalls up;
	static const struct transport_params params;

	(void)state;
	fake_ha_reset();
	away = NULL;
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

static bool here(const struct live *live, const struct conf_target *target)
{
	(void)live;
	return !away || strcmp(target->name, away) != 0;
}

/* ---- news of addresses ---- */

static void (*address_fn)(void *arg);
static void *address_arg;

struct addresses *addresses_watch(qb_loop_t *lp, void (*fn)(void *arg), void *arg)
{
	(void)lp;
	address_fn = fn;
	address_arg = arg;
	return NULL;
}

void addresses_unwatch(struct addresses *a)
{
	(void)a;
}

/* What changes in listening when @text comes into force. */
static const char *update(const char *text)
{
	struct conf *conf = fake_conf(text);

	fake_listens[0] = 0;
	listeners_update(&l, conf, here, NULL);
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

#define TWO_TARGETS \
	"HANDLER vdisk_nullio { DEVICE n }\nTARGET_DRIVER ib_srpt {\nrdma_cm_port 5000\n" \
	"TARGET fixed { LUN 0 n\nportal 192.0.2.1\nportal 192.0.2.3 }\n" \
	"TARGET moved { LUN 0 n\nportal 192.0.2.2\nportal 192.0.2.3 } }"

/* The transport is opened, so that it takes no time when the target comes. */
static void nobody_listens_for_a_target_elsewhere(void **state)
{
	(void)state;
	fake_rdma = true;
	away = "moved";
	assert_string_equal(update(TWO_TARGETS), "+192.0.2.1/5000 +192.0.2.3/5000");
	assert_false(l.retrying);
	assert_true(listener_find("192.0.2.2:5000")->away);
	away = NULL;
	assert_string_equal(update(TWO_TARGETS), "+192.0.2.2/5000");
	away = "moved";
	assert_string_equal(update(TWO_TARGETS), "-192.0.2.2/5000");
	away = "fixed";
	assert_string_equal(update(TWO_TARGETS), "-192.0.2.1/5000 +192.0.2.2/5000");
	assert_non_null(listener_find("192.0.2.3:5000")->tl);
	assert_int_equal(fake_verbs_opens, 1);
}

static void opened_for_a_target_elsewhere(void **state)
{
	(void)state;
	away = "t";
	update(DRIVER("rdma_cm_port 5000"));
	assert_true(l.retrying);
	assert_int_equal(fake_verbs_opens, 1);
}

/* Attempts to listen in so many milliseconds. */
static unsigned tries(unsigned ms)
{
	unsigned n = 0;

	fake_listens[0] = 0;
	fake_sleep(ms);
	for (const char *at = fake_listens; (at = strchr(at, '!')); at++)
		n++;
	return n;
}

/* An address is often there a moment after who wants to listen on it. */
static void first_tries_come_soon(void **state)
{
	(void)state;
	fake_listen_status = -EADDRNOTAVAIL;
	update(DRIVER("iwarp_port 192.0.2.1:5000"));
	assert_int_equal(tries(350), 3);
	assert_int_equal(tries(3000), 3);
	assert_int_equal(tries(20000), 10);
	update(DRIVER("iwarp_port 192.0.2.1:5000"));
	assert_int_equal(tries(350), 3);
	fake_listen_status = 0;
	fake_sleep(2000);
	assert_false(l.retrying);
	assert_non_null(listener_find("192.0.2.1:5000")->tl);
}

static void a_new_address_is_tried_at_once(void **state)
{
	(void)state;
	fake_listen_status = -EADDRNOTAVAIL;
	update(DRIVER("iwarp_port 192.0.2.1:5000"));
	tries(10000);
	fake_listen_status = 0;
	fake_listens[0] = 0;
	address_fn(address_arg);
	assert_string_equal(fake_listens, "+192.0.2.1/5000");
	address_fn(address_arg);
	assert_string_equal(fake_listens, "+192.0.2.1/5000");
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
		T(nobody_listens_for_a_target_elsewhere),
		T(opened_for_a_target_elsewhere),
		T(first_tries_come_soon),
		T(a_new_address_is_tried_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
