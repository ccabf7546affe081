/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * srptd's end of the connection with the replicator, on a socket and an event loop of its own: what
 * is told, what comes in, and a peer that is malformed, silent, replaced or does not read. The
 * device groups are the test's.
 */
#include "ctl/ha_link.h"
#include "base/bytes.h"
#include "ctl/daemon.h"
#include "ctl/ha_msg.h"
#include "ctl/parity.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000 /* of what always comes; else the test fails */

static struct daemon d;
static char name[64];
static char events[65536]; /* what came to ha.h */
static bool in_call;       /* ha.h must not be called from a call of its own */
static struct ha_group_info group;

/* ---- the device groups ---- */

__attribute__((format(printf, 1, 2)))
static void event(const char *fmt, ...)
{
	size_t len = strlen(events);
	va_list ap;

	assert_false(in_call);
	va_start(ap, fmt);
	vsnprintf(events + len, sizeof(events) - len, fmt, ap);
	va_end(ap);
	strncat(events, ";", sizeof(events) - strlen(events) - 1);
}

void ha_link_is_up(struct daemon *dd)
{
	assert_ptr_equal(dd, &d);
	event("up");
}

void ha_link_is_down(struct daemon *dd)
{
	(void)dd;
	event("down");
}

void ha_leased(struct daemon *dd, const char *g, uint64_t epoch, uint64_t until_ns)
{
	(void)dd;
	event("leased %s %" PRIu64 " %" PRIu64, g, epoch, until_ns);
}

void ha_closed(struct daemon *dd, const char *g, const char *reason)
{
	(void)dd;
	event("closed %s %s", g, reason);
}

void ha_refused(struct daemon *dd, const char *g, enum ha_result why, const char *reason)
{
	(void)dd;
	event("refused %s %d %s", g, (int)why, reason);
}

void ha_table(struct daemon *dd, const char *g, uint64_t epoch, const struct ha_state *states,
	      unsigned n)
{
	char text[512] = "";

	(void)dd;
	for (unsigned i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %u=%d",
			 states[i].id, (int)states[i].state);
	event("table %s %" PRIu64 "%s", g, epoch, text);
}

void ha_resume(struct daemon *dd, const char *g)
{
	(void)dd;
	event("resume %s", g);
}

void ha_for_each_group(const struct daemon *dd,
		       void (*fn)(void *arg, const struct ha_group_info *i), void *arg)
{
	(void)dd;
	fn(arg, &group);
}

const char *ha_role_name(enum ha_role role)
{
	static const char *const names[HA_ROLES] = {
		"standby", "promoting", "promoted", "demoting",
	};

	return names[role];
}

/* ---- the event loop ---- */

static void loop_end(void *arg)
{
	(void)arg;
	qb_loop_stop(d.loop);
}

/* What is ready, and a little more. */
static void turn(void)
{
	qb_loop_timer_handle timer;

	assert_int_equal(qb_loop_timer_add(d.loop, QB_LOOP_LOW, 1000000, NULL, loop_end, &timer),
			 0);
	qb_loop_run(d.loop);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void wait_for(const char *what)
{
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ull;

	while (!strstr(events, what)) {
		if (now_ns() > end)
			fail_msg("no \"%s\" in \"%s\"", what, events);
		turn();
	}
}

/* ---- the replicator ---- */

static struct ha_msg msg;

static int peer_connect(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s-ha", name);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&un,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n))) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* The next message, into msg; false at the end of the connection. */
static bool peer_read(int fd)
{
	static char data[HA_MSG_MAX + 1];
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ull;
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), MSG_DONTWAIT)) < 0 && errno == EAGAIN) {
		assert_true(now_ns() < end);
		turn();
	}
	if (n <= 0)
		return false;
	assert_int_equal(ha_msg_decode(&msg, data, (size_t)n), 0);
	return true;
}

/* As it would be written. */
static const char *peer_text(int fd)
{
	static struct ha_out out;

	assert_true(peer_read(fd));
	ha_out_begin(&out, msg.verb);
	for (unsigned i = 0; i < msg.n; i++)
		ha_out_add(&out, msg.fields[i].key, msg.fields[i].value);
	for (char *p = out.text; *p; p++)
		if (*p == '\t')
			*p = ' ';
	return out.text;
}

static void peer_skip_hello(int fd)
{
	do
		assert_true(peer_read(fd));
	while (strcmp(msg.verb, "ready"));
}

static int peer_up(void)
{
	int fd = peer_connect();

	assert_true(fd >= 0);
	peer_skip_hello(fd);
	wait_for("up;");
	events[0] = 0;
	return fd;
}

/* Blanks stand for tabs. */
static void peer_send(int fd, const char *text)
{
	char data[1024];
	size_t len = strlen(text);

	for (size_t i = 0; i <= len; i++)
		data[i] = text[i] == ' ' ? '\t' : text[i];
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* ---- the configuration ---- */

static const char clustered[] =
	"DAEMON {\n write_gate_grace 5\n fence_delay 2\n}\n"
	"HANDLER vdisk_ram {\n DEVICE a {\n  size 1M\n }\n}\n"
	"TARGET_DRIVER ib_srpt {\n rdma_cm_port 5000\n TARGET t1 {\n  LUN 0 a\n }\n}\n"
	"DEVICE_GROUP dg {\n drbd_resource r0\n DEVICE a\n TARGET_GROUP g1 {\n  group_id 1\n"
	"  TARGET t1\n }\n TARGET_GROUP g2 {\n  group_id 2\n  TARGET t2 {\n   rel_tgt_id 2\n  }\n"
	" }\n}\n";

static void conf_use(const char *text)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf = NULL;

	if (!conf_parse("test", text, strlen(text), &conf, &diags))
		conf_localize(conf, "n1", &diags);
	assert_int_equal(diags.errors, 0);
	conf_diag_free(&diags);
	snprintf(conf->daemon.control_socket, sizeof(conf->daemon.control_socket), "%s", name);
	conf_free(d.live.conf);
	d.live.conf = conf;
	ha_link_update(&d);
}

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	snprintf(name, sizeof(name), "test-ha-link-%d", (int)getpid());
	d.node = "n1";
	d.loop = qb_loop_create();
	list_init(&d.listeners.list);
	list_init(&d.listeners.watches);
	if (!d.loop || mailbox_init(&d.mailbox))
		return -1;
	events[0] = 0;
	in_call = false;
	group = (struct ha_group_info){
		.name = "dg", .resource = "r0", .role = HA_STANDBY, .epoch = 4, .local = 1, .n = 2,
		.states = { { 1, ALUA_TRANSITIONING }, { 2, ALUA_TRANSITIONING } },
		.own = ALUA_STANDBY, .transition_time = 60,
	};
	conf_use(clustered);
	return d.ha_link ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ha_link_stop(d.ha_link);
	conf_free(d.live.conf);
	mailbox_destroy(&d.mailbox);
	qb_loop_destroy(d.loop);
	return 0;
}

/* ---- tests ---- */

static void all_is_told_after_a_connection(void **state)
{
	int fd = peer_connect();
	struct parity p;
	char want[256];

	(void)state;
	assert_false(ha_link_connected(d.ha_link));
	group.floating = true;
	group.waiting = true;
	group.wants = 9;
	snprintf(want, sizeof(want), "hello version=1 node=n1 pid=%d grace_ms=5000 fence_delay_s=2",
		 (int)getpid());
	assert_string_equal(peer_text(fd), want);
	assert_string_equal(peer_text(fd), "group group=dg drbd=r0 local=1 "
			    "floating=1 states=1:standby,2:transitioning role=standby epoch=4 "
			    "transition_s=60");
	assert_string_equal(peer_text(fd), "want group=dg above=9");
	assert_int_equal(parity_make(d.live.conf, &p), 0);
	snprintf(want, sizeof(want), "parity hash=%016" PRIx64 " keys=%zu", p.hash, p.n);
	assert_string_equal(peer_text(fd), want);
	parity_free(&p);
	assert_true(peer_read(fd));
	assert_string_equal(msg.verb, "ports");
	assert_string_equal(peer_text(fd), "ready");
	wait_for("up;");
	assert_true(ha_link_connected(d.ha_link));
	close(fd);
	wait_for("down;");
	assert_string_equal(events, "up;down;");
	assert_false(ha_link_connected(d.ha_link));
}

static void changes_are_told(void **state)
{
	int fd = peer_up();

	(void)state;
	ha_link_role(d.ha_link, "dg", HA_PROMOTING, 0);
	ha_link_want(d.ha_link, "dg", 4, true);
	ha_link_unwant(d.ha_link, "d g");
	ha_link_announce(d.ha_link, "dg", ALUA_OPTIMIZED, 5);
	assert_string_equal(peer_text(fd), "role group=dg role=promoting epoch=0");
	assert_string_equal(peer_text(fd), "want group=dg above=4 primary=1");
	assert_string_equal(peer_text(fd), "unwant group=d g");
	assert_string_equal(peer_text(fd), "announce group=dg state=active epoch=5");
	close(fd);
	wait_for("down;");
	/* Without a connection, or a link, nothing is kept. */
	ha_link_role(d.ha_link, "dg", HA_PROMOTED, 1);
	ha_link_want(NULL, "dg", 1, false);
	ha_link_announce(NULL, "dg", ALUA_STANDBY, 1);
	fd = peer_connect();
	assert_true(peer_read(fd));
	assert_string_equal(msg.verb, "hello");
	close(fd);
}

static void what_it_says_arrives(void **state)
{
	int fd = peer_up();
	uint64_t at = now_ns();
	char lease[128], want[512];

	(void)state;
	snprintf(lease, sizeof(lease), "lease group=dg epoch=7 at_ns=%" PRIu64 " ms=3000 more=x",
		 at);
	peer_send(fd, lease);
	peer_send(fd, "close group=dg reason=no%20quorum");
	peer_send(fd, "close group=");
	peer_send(fd, "refuse group=dg code=gate reason=r");
	peer_send(fd, "refuse group=dg code=secondary");
	peer_send(fd, "refuse group=dg code=parity reason=usn");
	peer_send(fd, "table group=dg seq=1 epoch=8 states=1:active,65535:unavailable,7:standby");
	peer_send(fd, "table group=dg seq=2 epoch=9 states=0:active,1:standby,0:standby");
	peer_send(fd, "table group=dg seq=2 epoch=9 states=");
	peer_send(fd, "what-is-this group=dg");
	peer_send(fd, "resume group=dg");
	wait_for("resume");
	snprintf(want, sizeof(want), "leased dg 7 %" PRIu64 ";closed dg no quorum;closed  ;"
		 "refused dg 4 r;refused dg 5 ;refused dg 6 usn;table dg 8 1=%d 65535=%d 7=%d;"
		 "table dg 9 0=%d 1=%d 0=%d;table dg 9;resume dg;", at + 3000000000u,
		 ALUA_OPTIMIZED, ALUA_UNAVAILABLE, ALUA_STANDBY, ALUA_OPTIMIZED, ALUA_STANDBY,
		 ALUA_STANDBY);
	assert_string_equal(events, want);
	close(fd);
}

static void malformed_ends_the_connection(void **state)
{
	static const char *const rows[] = {
		"Lease", "lease", "close", "resume", "table group=dg",
		"lease group=dg epoch=0 at_ns=1 ms=1", "lease group=dg epoch=1 at_ns=1",
		"lease group=dg epoch=1 at_ns=1 ms=30001", "lease group=dg epoch=-1 at_ns=1 ms=1",
		/* of the future */
		"lease group=dg epoch=1 at_ns=18446744073709551615 ms=1",
		"refuse group=dg", "refuse group=dg code=other",
		"table group=dg seq=1 epoch=1", "table group=dg seq=1 states=1:active",
		"table group=dg seq=1 epoch=1 states=1",
		"table group=dg seq=1 epoch=1 states=:active",
		"table group=dg seq=1 epoch=1 states=65536:active",
		"table group=dg seq=1 epoch=1 states=100000:active",
		"table group=dg seq=1 epoch=1 states=1:active,",
		"table group=dg seq=1 epoch=1 states=1:active,1:standby",
		"table group=dg seq=1 epoch=1 states=1:nonoptimized",
		"table group=dg seq=1 epoch=1 states=1:activer",
		"table group=dg seq=1 epoch=1 states=,1:active",
		/* 33 groups */
		"table group=dg seq=1 epoch=1 states=1:active,2:active,3:active,4:active,5:active,"
		"6:active,7:active,8:active,9:active,10:active,11:active,12:active,13:active,"
		"14:active,15:active,16:active,17:active,18:active,19:active,20:active,21:active,"
		"22:active,23:active,24:active,25:active,26:active,27:active,28:active,29:active,"
		"30:active,31:active,32:active,33:active",
	};
	char big[HA_MSG_MAX + 1];

	(void)state;
	memset(big, 'x', sizeof(big));
	for (size_t i = 0; i <= ARRAY_SIZE(rows); i++) {
		int fd = peer_up();

		if (i < ARRAY_SIZE(rows))
			peer_send(fd, rows[i]);
		else
			assert_int_equal(send(fd, big, sizeof(big), MSG_NOSIGNAL), sizeof(big));
		assert_false(peer_read(fd));
		if (strcmp(events, "down;"))
			fail_msg("%s: %s", i < ARRAY_SIZE(rows) ? rows[i] : "long", events);
		close(fd);
	}
}

static void the_newest_connection_counts(void **state)
{
	int first = peer_up(), second = peer_connect();

	(void)state;
	peer_skip_hello(second);
	wait_for("up;");
	assert_string_equal(events, "down;up;");
	assert_false(peer_read(first));
	peer_send(second, "resume group=dg");
	wait_for("resume dg;");
	close(first);
	close(second);
}

/* It loses the connection; who tells it of something neither waits nor is called back. */
static void who_does_not_read_is_given_up(void **state)
{
	int fd = peer_up(), told = 0;

	(void)state;
	in_call = true;
	while (ha_link_connected(d.ha_link) && told < 1000000) {
		ha_link_want(d.ha_link, "dg", (uint64_t)told, false);
		told++;
	}
	in_call = false;
	assert_in_range(told, 100, 999999);
	/* Nothing of it is heard any more. */
	send(fd, "resume\tgroup=dg", 15, MSG_NOSIGNAL);
	wait_for("down;");
	assert_string_equal(events, "down;");
	close(fd);
	close(peer_up());
}

/* Slow, but it reads: all arrives in order, beyond what the socket holds. */
static void who_reads_slowly_gets_all(void **state)
{
	int fd = peer_up(), size = 4096;

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (uint64_t i = 0; i < 3000; i++)
		ha_link_want(d.ha_link, "dg", i, false);
	assert_true(ha_link_connected(d.ha_link));
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t above;

		assert_true(peer_read(fd));
		assert_true(ha_msg_get_u64(&msg, "above", UINT64_MAX, &above) && above == i);
	}
	close(fd);
}

/* A configuration whose list does not fit into any buffer. */
static char *conf_big(unsigned n)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	fputs("HANDLER vdisk_ram {\n", f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, " DEVICE d%u {\n  size 1M\n }\n", i);
	fputs("}\nTARGET_DRIVER ib_srpt {\n rdma_cm_port 5000\n TARGET t1 {\n", f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "  LUN %u d%u\n", i, i);
	fputs(" }\n}\nDEVICE_GROUP dg {\n drbd_resource r0\n", f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, " DEVICE d%u\n", i);
	fputs(" TARGET_GROUP g1 {\n  group_id 1\n  TARGET t1\n }\n}\n", f);
	fclose(f);
	return text;
}

/* The next line of @rest, of the next message if there is none left in this. */
static const char *line_next(int fd, char *buf, char **rest, unsigned *messages)
{
	if (!*rest || !**rest) {
		assert_true(peer_read(fd));
		assert_string_equal(msg.verb, "parity-items");
		*rest = strcpy(buf, ha_msg_get(&msg, "list"));
		++*messages;
	}
	return strsep(rest, "\n");
}

/* Several to a message: each costs all nodes of the cluster something. */
static void the_list_is_given_on_request(void **state)
{
	static char buf[HA_MSG_MAX + 1];
	char *text = conf_big(400), *rest = NULL;
	unsigned messages = 0;
	struct parity p;
	int fd;

	(void)state;
	conf_use(text);
	free(text);
	fd = peer_up();
	assert_int_equal(parity_make(d.live.conf, &p), 0);
	assert_true(p.n > 5000);
	peer_send(fd, "parity-request");
	for (size_t i = 0; i < p.n; i++) {
		assert_string_equal(line_next(fd, buf, &rest, &messages), p.items[i].key);
		assert_string_equal(line_next(fd, buf, &rest, &messages), p.items[i].value);
	}
	assert_true(messages < p.n / 20);
	assert_string_equal(peer_text(fd), "parity-end");
	parity_free(&p);
	close(fd);
}

static void another_configuration_is_told(void **state)
{
	int fd = peer_up();
	char *text = conf_big(2);

	(void)state;
	conf_use(text);
	free(text);
	assert_true(peer_read(fd));
	assert_string_equal(msg.verb, "hello");
	peer_skip_hello(fd);
	assert_string_equal(events, "");
	/* There is no link without a cluster's group. */
	conf_use("");
	assert_null(d.ha_link);
	assert_false(peer_read(fd));
	close(fd);
	assert_int_equal(peer_connect(), -ECONNREFUSED);
	conf_use(clustered);
	assert_non_null(d.ha_link);
	close(peer_up());
}

static void the_name_has_one_owner(void **state)
{
	struct ha_link *other = NULL;

	(void)state;
	assert_int_equal(ha_link_start(&d, name, &other), -EADDRINUSE);
	assert_null(other);
	ha_link_stop(NULL);
	assert_false(ha_link_connected(NULL));
}

#define link_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		link_test(all_is_told_after_a_connection),
		link_test(changes_are_told),
		link_test(what_it_says_arrives),
		link_test(malformed_ends_the_connection),
		link_test(the_newest_connection_counts),
		link_test(who_does_not_read_is_given_up),
		link_test(who_reads_slowly_gets_all),
		link_test(the_list_is_given_on_request),
		link_test(another_configuration_is_told),
		link_test(the_name_has_one_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
