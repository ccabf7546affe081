/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of the control socket, and who may connect. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/ipc.h"
#include "ctl/ipc_proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const size_t head = offsetof(struct ipc_request, args);
static struct ipc_call call;

/*
 * The message in memory of just its size, so that a sanitizer sees what is read beyond, and
 * unaligned as libqb hands it over behind one of odd size.
 */
static int decode(const struct ipc_request *req, size_t size)
{
	char *copy = malloc(size + 4);
	int rc;

	assert_non_null(copy);
	memcpy(copy + 4, req, size);
	rc = ipc_call_decode(copy + 4, size, &call);
	free(copy);
	return rc;
}

static void request(struct ipc_request *req, uint32_t args_len, const char *args, size_t len)
{
	memset(req, 0, sizeof(*req));
	req->hdr.id = IPC_CALL;
	req->hdr.size = (int32_t)(head + len);
	req->version = IPC_VERSION;
	req->args_len = args_len;
	memcpy(req->args, args, len);
}

static void words_arrive_as_sent(void **state)
{
	const char *const argv[] = { "disable", "", "fe80:0000:0000:0001" };
	struct ipc_request req;
	int size = ipc_call_encode(&req, true, 3, argv);

	(void)state;
	assert_int_equal(size, head + strlen("disable") + strlen(argv[2]) + 3);
	assert_int_equal(decode(&req, (size_t)size), 0);
	assert_true(call.json);
	assert_int_equal(call.argc, 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(call.argv[i], argv[i]);
}

static void too_much_is_not_sent(void **state)
{
	const char *argv[IPC_ARGS_MAX + 1];
	char big[IPC_ARGS_BYTES + 1];
	struct ipc_request req;

	(void)state;
	for (int i = 0; i <= IPC_ARGS_MAX; i++)
		argv[i] = "x";
	assert_int_equal(ipc_call_encode(&req, false, IPC_ARGS_MAX + 1, argv), -E2BIG);
	assert_int_equal(ipc_call_encode(&req, false, 0, argv), -E2BIG);
	memset(big, 'x', sizeof(big));
	big[IPC_ARGS_BYTES] = 0;
	argv[0] = big;
	assert_int_equal(ipc_call_encode(&req, false, 1, argv), -E2BIG);
	big[IPC_ARGS_BYTES - 1] = 0;
	assert_true(ipc_call_encode(&req, false, 1, argv) > 0);
	assert_int_equal(decode(&req, sizeof(req)), 0);
}

static void short_message_is_refused(void **state)
{
	struct ipc_request req;

	(void)state;
	request(&req, 5, "luns", 5);
	for (size_t size = 0; size < head + 5; size++)
		assert_int_equal(decode(&req, size), -EINVAL);
	assert_int_equal(decode(&req, head + 5), 0);
}

static void long_message_is_refused(void **state)
{
	struct {
		struct ipc_request req;
		char more[8];
	} big;

	(void)state;
	memset(&big, 0, sizeof(big));
	request(&big.req, 5, "luns", 5);
	assert_int_equal(ipc_call_decode(&big, sizeof(big), &call), -EINVAL);
}

static void length_must_fit_the_message(void **state)
{
	static const uint32_t lens[] = { 0, 6, IPC_ARGS_BYTES, IPC_ARGS_BYTES + 1, UINT32_MAX,
					 INT32_MAX };
	struct ipc_request req;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		request(&req, lens[i], "luns", 5);
		assert_int_equal(decode(&req, head + 5), -EINVAL);
	}
}

static void last_word_must_end(void **state)
{
	struct ipc_request req;

	(void)state;
	request(&req, 4, "luns", 4);
	assert_int_equal(decode(&req, head + 4), -EINVAL);
}

static void number_of_words_has_a_limit(void **state)
{
	struct ipc_request req;
	char args[IPC_ARGS_BYTES] = { 0 };

	(void)state;
	request(&req, IPC_ARGS_MAX, args, IPC_ARGS_MAX);
	assert_int_equal(decode(&req, head + IPC_ARGS_MAX), 0);
	assert_int_equal(call.argc, IPC_ARGS_MAX);
	request(&req, IPC_ARGS_MAX + 1, args, IPC_ARGS_MAX + 1);
	assert_int_equal(decode(&req, head + IPC_ARGS_MAX + 1), -EINVAL);
	request(&req, sizeof(args), args, sizeof(args));
	assert_int_equal(decode(&req, sizeof(req)), -EINVAL);
}

static void other_version_is_told(void **state)
{
	struct ipc_request req;

	(void)state;
	request(&req, 5, "luns", 5);
	req.version = IPC_VERSION + 1;
	assert_int_equal(decode(&req, head + 5), -EPROTONOSUPPORT);
}

static void kind_of_request(void **state)
{
	struct ipc_request req;

	(void)state;
	request(&req, 5, "luns", 5);
	assert_int_equal(ipc_request_id(&req, head), IPC_CALL);
	req.hdr.id = IPC_MORE;
	assert_int_equal(ipc_request_id(&req, head), IPC_MORE);
	assert_int_equal(decode(&req, head + 5), -EINVAL);
	req.hdr.id = 3;
	assert_int_equal(ipc_request_id(&req, head), 0);
	req.hdr.id = -3;
	assert_int_equal(ipc_request_id(&req, head), 0);
}

/* Root, the daemon's own user, the group by primary or further membership; nobody else. */
static void who_may_connect(void **state)
{
	const uid_t own = 990;
	const gid_t group = 980, none = (gid_t)-1;

	(void)state;
	assert_true(ipc_peer_allowed(0, 0, own, group, false));
	assert_true(ipc_peer_allowed(own, 5, own, group, false));
	assert_true(ipc_peer_allowed(1000, group, own, group, false));
	assert_true(ipc_peer_allowed(1000, 1000, own, group, true));
	assert_false(ipc_peer_allowed(1000, 1000, own, group, false));
	assert_false(ipc_peer_allowed(1000, 0, own, group, false));
	/* Without such a group nobody is in it. */
	assert_false(ipc_peer_allowed(1000, none, own, none, false));
	assert_false(ipc_peer_allowed(1000, 1000, own, none, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_arrive_as_sent),
		cmocka_unit_test(too_much_is_not_sent),
		cmocka_unit_test(short_message_is_refused),
		cmocka_unit_test(long_message_is_refused),
		cmocka_unit_test(length_must_fit_the_message),
		cmocka_unit_test(last_word_must_end),
		cmocka_unit_test(number_of_words_has_a_limit),
		cmocka_unit_test(other_version_is_told),
		cmocka_unit_test(kind_of_request),
		cmocka_unit_test(who_may_connect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
