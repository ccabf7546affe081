/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The group of replicators. Corosync's libraries are made up here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/cluster.h"

#include "loop_util.h"

#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define HANDLE 7

/* What the libraries answer, and what was asked of them. */
static struct {
	cs_error_t connect, join, send, dispatch;
	unsigned connected, finalized;
	void *cpg_context;
	const void *quorum_context;
	cpg_callbacks_t cpg;
	quorum_callbacks_t quorum;
	int fd;
	void (*event)(void); /* what the next dispatch of the group brings */
	char sent[512];
} fake;

static qb_loop_t *loop;
static struct cluster *cluster;
static char heard[1024];

/* ---- libcpg ---- */

cs_error_t cpg_initialize(cpg_handle_t *handle, cpg_callbacks_t *callbacks)
{
	if (fake.connect != CS_OK)
		return fake.connect;
	fake.cpg = *callbacks;
	fake.connected++;
	*handle = HANDLE;
	return CS_OK;
}

cs_error_t cpg_finalize(cpg_handle_t handle)
{
	assert_int_equal(handle, HANDLE);
	fake.finalized++;
	return CS_OK;
}

cs_error_t cpg_fd_get(cpg_handle_t handle, int *fd)
{
	(void)handle;
	*fd = fake.fd;
	return CS_OK;
}

cs_error_t cpg_context_set(cpg_handle_t handle, void *context)
{
	(void)handle;
	fake.cpg_context = context;
	return CS_OK;
}

cs_error_t cpg_context_get(cpg_handle_t handle, void **context)
{
	(void)handle;
	*context = fake.cpg_context;
	return CS_OK;
}

cs_error_t cpg_local_get(cpg_handle_t handle, unsigned int *node)
{
	(void)handle;
	*node = 3;
	return CS_OK;
}

cs_error_t cpg_join(cpg_handle_t handle, const struct cpg_name *group)
{
	(void)handle;
	assert_int_equal(group->length, strlen("srpt-ha"));
	assert_memory_equal(group->value, "srpt-ha", group->length);
	return fake.join;
}

cs_error_t cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t types)
{
	void (*event)(void) = fake.event;

	(void)handle;
	assert_int_equal(types, CS_DISPATCH_ONE_NONBLOCKING);
	if (fake.dispatch != CS_OK)
		return fake.dispatch;
	fake.event = NULL;
	if (!event)
		return CS_ERR_TRY_AGAIN;
	event();
	return CS_OK;
}

cs_error_t cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
			    const struct iovec *iov, unsigned int n)
{
	size_t len = strlen(fake.sent);

	(void)handle;
	assert_int_equal(guarantee, CPG_TYPE_AGREED);
	assert_int_equal(n, 1);
	if (fake.send == CS_OK)
		snprintf(fake.sent + len, sizeof(fake.sent) - len, "%.*s;", (int)iov->iov_len,
			 (const char *)iov->iov_base);
	return fake.send;
}

/* ---- libquorum ---- */

cs_error_t quorum_initialize(quorum_handle_t *handle, quorum_callbacks_t *callbacks,
			     uint32_t *type)
{
	fake.quorum = *callbacks;
	*type = QUORUM_SET;
	*handle = HANDLE;
	return fake.connect;
}

cs_error_t quorum_finalize(quorum_handle_t handle)
{
	assert_int_equal(handle, HANDLE);
	return CS_OK;
}

/* Never readable: all is dispatched with what the group has. */
cs_error_t quorum_fd_get(quorum_handle_t handle, int *fd)
{
	static int quiet = -1;

	(void)handle;
	if (quiet < 0)
		quiet = eventfd(0, EFD_CLOEXEC);
	*fd = quiet;
	return CS_OK;
}

cs_error_t quorum_context_set(quorum_handle_t handle, const void *context)
{
	(void)handle;
	fake.quorum_context = context;
	return CS_OK;
}

cs_error_t quorum_context_get(quorum_handle_t handle, const void **context)
{
	(void)handle;
	*context = fake.quorum_context;
	return CS_OK;
}

cs_error_t quorum_trackstart(quorum_handle_t handle, unsigned int flags)
{
	(void)handle;
	assert_int_equal(flags, CS_TRACK_CURRENT | CS_TRACK_CHANGES);
	return CS_OK;
}

cs_error_t quorum_dispatch(quorum_handle_t handle, cs_dispatch_flags_t types)
{
	(void)handle;
	(void)types;
	return CS_ERR_TRY_AGAIN;
}

const char *cs_strerror(cs_error_t err)
{
	(void)err;
	return "made up";
}

/* ---- the listener ---- */

static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
	size_t len = strlen(heard);
	va_list ap;

	va_start(ap, format);
	vsnprintf(heard + len, sizeof(heard) - len, format, ap);
	va_end(ap);
}

static void on_quorum(void *arg, bool quorate, const uint32_t *nodes, size_t n)
{
	(void)arg;
	note("quorum %d", quorate);
	for (size_t i = 0; i < n; i++)
		note(" %u", (unsigned)nodes[i]);
	note(";");
}

static void on_members(void *arg, const struct cluster_address *m, size_t n,
		       const struct cluster_address *left, size_t n_left)
{
	(void)arg;
	note("members");
	for (size_t i = 0; i < n; i++)
		note(" %u/%u", m[i].node, m[i].pid);
	for (size_t i = 0; i < n_left; i++)
		note(" left %u/%u", left[i].node, left[i].pid);
	note(";");
}

static void on_message(void *arg, struct cluster_address from, const struct ha_msg *m)
{
	(void)arg;
	note("%u/%u says %s;", from.node, from.pid, m->verb);
}

static void on_lost(void *arg)
{
	(void)arg;
	note("lost;");
}

static const struct cluster_listener listener = {
	.quorum = on_quorum,
	.members = on_members,
	.message = on_message,
	.lost = on_lost,
};

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.connect = fake.join = fake.send = fake.dispatch = CS_OK;
	fake.fd = eventfd(0, EFD_CLOEXEC);
	heard[0] = 0;
	loop = qb_loop_create();
	return fake.fd < 0 || !loop;
}

static int teardown(void **state)
{
	(void)state;
	cluster_stop(cluster);
	qb_loop_destroy(loop);
	return close(fake.fd);
}

static void start(void)
{
	assert_int_equal(cluster_start(loop, &listener, NULL, &cluster), 0);
}

/* ---- what the group brings ---- */

static void two_members(void)
{
	static const struct cpg_address members[] = { { 3, 30, 0 }, { 4, 40, 0 } };

	fake.cpg.cpg_confchg_fn(HANDLE, NULL, members, 2, NULL, 0, members, 2);
}

static void one_leaves(void)
{
	static const struct cpg_address members[] = { { 3, 30, 0 }, { 4, 40, 0 } };

	fake.cpg.cpg_confchg_fn(HANDLE, NULL, members, 1, members + 1, 1, NULL, 0);
}

static void a_message(void)
{
	char text[] = "claim\tgroup=dg\tepoch=5";

	fake.cpg.cpg_deliver_fn(HANDLE, NULL, 4, 40, text, strlen(text));
}

static void a_bad_message(void)
{
	char text[] = "\x01";

	fake.cpg.cpg_deliver_fn(HANDLE, NULL, 4, 40, text, 1);
}

static void bring(void (*event)(void))
{
	fake.event = event;
	assert_true(cluster_drain(cluster));
}

static void send_verb(const char *verb)
{
	struct ha_out out;

	ha_out_begin(&out, verb);
	cluster_send(cluster, &out);
}

static bool is_sent(void *arg)
{
	return !strcmp(fake.sent, arg);
}

static bool is_heard(void *arg)
{
	return !strcmp(heard, arg);
}

/* ---- tests ---- */

static void what_happens_is_told(void **state)
{
	(void)state;
	start();
	assert_int_equal(cluster_self(cluster).node, 3);
	assert_false(cluster_is_up(cluster));
	fake.quorum.quorum_notify_fn(HANDLE, 1, 1, 2, (uint32_t[]){ 3, 4 });
	bring(two_members);
	assert_true(cluster_is_up(cluster));
	bring(a_message);
	bring(a_bad_message);
	bring(one_leaves);
	fake.quorum.quorum_notify_fn(HANDLE, 0, 2, 0, NULL);
	assert_string_equal(heard, "quorum 1 3 4;members 3/30 4/40;4/40 says claim;"
				   "members 3/30 left 4/40;quorum 0;");
}

static void nothing_is_sent_before_we_are_in(void **state)
{
	(void)state;
	start();
	send_verb("early");
	bring(two_members);
	send_verb("late");
	assert_string_equal(fake.sent, "late;");
}

/* While a membership is being formed. */
static void messages_wait_in_their_order(void **state)
{
	(void)state;
	start();
	bring(two_members);
	fake.send = CS_ERR_TRY_AGAIN;
	send_verb("a");
	send_verb("b");
	assert_string_equal(fake.sent, "");
	fake.send = CS_OK;
	send_verb("c");
	assert_true(loop_until(loop, is_sent, (void *)(uintptr_t)"a;b;c;"));
	assert_string_equal(heard, "members 3/30 4/40;");
}

static void too_many_wait(void **state)
{
	(void)state;
	start();
	bring(two_members);
	fake.send = CS_ERR_TRY_AGAIN;
	for (int i = 0; i < 300; i++)
		send_verb("a");
	assert_true(loop_until(loop, is_heard, (void *)(uintptr_t)"members 3/30 4/40;lost;"));
	assert_int_equal(fake.finalized, 1);
	fake.send = CS_OK;
	bring(two_members);
	send_verb("b");
	assert_string_equal(fake.sent, "b;");
}

static void corosync_goes_and_comes(void **state)
{
	(void)state;
	start();
	bring(two_members);
	fake.dispatch = CS_ERR_LIBRARY;
	fake.connect = CS_ERR_LIBRARY;
	assert_true(cluster_drain(cluster));
	assert_true(loop_until(loop, is_heard, (void *)(uintptr_t)"members 3/30 4/40;lost;"));
	assert_false(cluster_is_up(cluster));
	send_verb("nobody hears it");
	fake.dispatch = fake.connect = CS_OK;
	fake.event = two_members;
	assert_int_equal(eventfd_write(fake.fd, 1), 0);
	assert_true(loop_until(loop, is_heard, (void *)(uintptr_t)
			       "members 3/30 4/40;lost;members 3/30 4/40;"));
	assert_string_equal(fake.sent, "");
}

/* It is forming a membership: joined later, and nothing is left open of the first try. */
static void joining_takes_its_time(void **state)
{
	(void)state;
	fake.join = CS_ERR_TRY_AGAIN;
	start();
	assert_int_equal(fake.connected, 1);
	assert_int_equal(fake.finalized, 1);
	fake.join = CS_OK;
	fake.event = two_members;
	assert_int_equal(eventfd_write(fake.fd, 1), 0);
	assert_true(loop_until(loop, is_heard, (void *)(uintptr_t)"members 3/30 4/40;"));
	assert_int_equal(fake.connected, 2);
}

static void what_does_not_fit_is_left_out(void **state)
{
	static char big[HA_MSG_MAX + 1];
	struct ha_out out;

	(void)state;
	start();
	bring(two_members);
	memset(big, 'x', HA_MSG_MAX);
	ha_out_begin(&out, "state");
	ha_out_add(&out, "key", big);
	cluster_send(cluster, &out);
	send_verb("next");
	assert_string_equal(fake.sent, "next;");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_happens_is_told),
		T(nothing_is_sent_before_we_are_in),
		T(messages_wait_in_their_order),
		T(too_many_wait),
		T(corosync_goes_and_comes),
		T(joining_takes_its_time),
		T(what_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
