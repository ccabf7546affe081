/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole transport: two ends over a socket. */
#include "iwarp_env.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BIG (4u << 20)

static struct env_end *t, *i; /* target, initiator */

static int setup_pair(void **state)
{
	env_setup(state);
	env_pair(&t, &i);
	return 0;
}

static struct iobuf buffer(struct reactor *r, uint32_t len, uint8_t seed)
{
	struct iobuf b;

	assert_int_equal(iobuf_get(&r->bufs, len, &b), 0);
	b.len = len;
	for (uint32_t n = 0; n < len; n++)
		b.addr[n] = (uint8_t)(n * 7 + n / 4096 + seed);
	return b;
}

static void message_send(struct env_end *e, const void *msg, uint32_t len)
{
	struct xfer x = { .msg = msg, .msg_len = len, .status = 1 };
	unsigned sent = e->sent;

	transport_push(e->c, &x);
	env_until(e->sent > sent);
	assert_int_equal(x.status, 0);
}

/* The initiator speaks first; the target may only then. */
static void greet(void)
{
	message_send(i, "request", 8);
	env_until(t->received == 1);
	env_put_all(t);
}

/* ---- connecting ---- */

static void test_request_tells_who_calls_and_answer_arrives(void **state)
{
	struct env_end *e;

	env_setup(state);
	e = env_connect("hello", 5);
	env_until(env_request);
	assert_int_equal(env_pd_len, 5);
	assert_memory_equal(env_pd, "hello", 5);
	assert_string_equal(env_info.peer, "127.0.0.1");
	assert_int_equal(env_info.layout, LOGIN_LAYOUT_RDMA_CM);
	assert_int_equal(env_info.max_rd_atomic, 4);
	assert_int_equal(e->connected, 0);
	t = env_accept("welcome", 7);
	env_until(e->connected && t->live);
	assert_int_equal(e->status, 0);
	assert_int_equal(e->pd_len, 7);
	assert_memory_equal(e->pd, "welcome", 7);
}

static void test_reject_carries_private_data(void **state)
{
	struct env_end *e;

	env_setup(state);
	env_policy = ENV_REJECT;
	e = env_connect("hello", 5);
	env_until(e->connected);
	assert_int_equal(e->status, -ECONNREFUSED);
	assert_int_equal(e->pd_len, 7);
	assert_memory_equal(e->pd, "go away", 7);
}

static void crc_case(enum iwarp_crc target, enum iwarp_crc initiator, uint8_t revision, bool used)
{
	env_start(target, initiator, revision);
	env_pair(&t, &i);
	assert_int_equal(iwarp_conn_of(t->c)->crc, used);
	assert_int_equal(iwarp_conn_of(i->c)->crc, used);
	greet();
	message_send(t, "response", 9);
	env_until(i->received == 1);
	assert_memory_equal(i->last, "response", 9);
	env_teardown(NULL);
}

static void test_crc_is_used_when_one_side_asks(void **state)
{
	(void)state;
	crc_case(IWARP_CRC_AUTO, IWARP_CRC_AUTO, 2, false);
	crc_case(IWARP_CRC_OFF, IWARP_CRC_OFF, 2, false);
	crc_case(IWARP_CRC_ON, IWARP_CRC_OFF, 2, true);
	crc_case(IWARP_CRC_OFF, IWARP_CRC_ON, 2, true);
	crc_case(IWARP_CRC_ON, IWARP_CRC_ON, 1, true);
	crc_case(IWARP_CRC_OFF, IWARP_CRC_OFF, 1, false);
}

static void test_crc_setting_counts_for_new_connections(void **state)
{
	struct env_end *t2, *i2;

	setup_pair(state);
	iwarp_set_crc(env_target, IWARP_CRC_ON);
	env_pair(&t2, &i2);
	assert_false(iwarp_conn_of(t->c)->crc);
	assert_true(iwarp_conn_of(t2->c)->crc);
}

static void test_unknown_revision_cannot_be_configured(void **state)
{
	const struct transport_params tp = { .max_recv = 64 };
	const struct iwarp_params ip = { .revision = 3 };
	struct transport *none;
	char err[80] = "";

	(void)state;
	assert_int_equal(iwarp_create(NULL, &tp, &ip, NULL, NULL, &none, err, sizeof(err)),
			 -EINVAL);
	assert_string_equal(err, "MPA revision 3 is not known: 1 or 2");
}

/* ---- messages ---- */

static void test_messages_of_all_sizes_both_ways(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 3, 63, 64, 65, 1460, 4096, ENV_MAX_RECV };
	static uint8_t msg[ENV_MAX_RECV];

	(void)state;
	memset(msg, 0x5a, sizeof(msg));
	greet();
	t->put_at_once = i->put_at_once = true;
	for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
		message_send(i, msg, sizes[n]);
		env_until(t->received == n + 2);
		assert_int_equal(t->last_len, sizes[n]);
		message_send(t, msg, sizes[n]);
		env_until(i->received == n + 1);
		assert_int_equal(i->last_len, sizes[n]);
	}
}

static void test_target_sends_nothing_before_it_was_spoken_to(void **state)
{
	struct xfer x = { .msg = (const uint8_t *)"early", .msg_len = 5 };

	(void)state;
	transport_push(t->c, &x);
	env_settle();
	assert_int_equal(t->sent, 0);
	assert_int_equal(i->received, 0);
	message_send(i, "request", 8);
	env_until(t->sent == 1 && i->received == 1);
}

static void test_message_lies_with_its_data_page_aligned(void **state)
{
	uintptr_t data;

	(void)state;
	message_send(i, "request", 8);
	env_until(t->nheld == 1);
	data = (uintptr_t)t->held[0]->data + ENV_IMM_OFFSET;
	assert_int_equal(data % 4096, 0);
	assert_int_equal(t->held[0]->region, IOBUF_UNREGISTERED);
}

static void test_more_messages_than_promised_end_the_connection(void **state)
{
	struct xfer x[ENV_DEPTH + 1];

	(void)state;
	for (unsigned n = 0; n <= ENV_DEPTH; n++) {
		x[n] = (struct xfer){ .msg = (const uint8_t *)"request", .msg_len = 8 };
		transport_push(i->c, &x[n]);
	}
	env_until(t->dying);
	assert_int_equal(t->received, ENV_DEPTH);
	assert_string_equal(t->why, term_name(TERM_DDP_UNTAGGED_NO_BUFFER));
	env_until(i->dying);
	assert_string_equal(i->why, "terminated by the peer");
}

/* ---- data ---- */

static void pull_case(uint32_t len)
{
	struct iobuf from = buffer(env_ir, len, 1), to = buffer(env_tr, len, 2);
	struct exposure e;
	struct xfer_seg seg;
	struct xfer x = { .segs = &seg, .nsegs = 1, .local = to };
	unsigned pulled = t->pulled;

	assert_int_equal(transport_expose(i->c, &from, EXPOSE_READ, &e), 0);
	seg = (struct xfer_seg){ e.addr, e.key, len };
	transport_pull(t->c, &x);
	env_until(t->pulled > pulled);
	assert_int_equal(x.status, 0);
	assert_memory_equal(from.addr, to.addr, len);
	transport_unexpose(i->c, &e);
	iobuf_put(&env_ir->bufs, &from);
	iobuf_put(&env_tr->bufs, &to);
}

static void push_case(uint32_t len)
{
	struct iobuf to = buffer(env_ir, len, 1), from = buffer(env_tr, len, 2);
	struct exposure e;
	struct xfer_seg seg[2];
	struct xfer x = { .segs = seg, .nsegs = 2, .local = from,
			  .msg = (const uint8_t *)"done", .msg_len = 4 };
	unsigned received = i->received, sent = t->sent;

	assert_int_equal(transport_expose(i->c, &to, EXPOSE_WRITE, &e), 0);
	seg[0] = (struct xfer_seg){ e.addr, e.key, len / 3 };
	seg[1] = (struct xfer_seg){ e.addr + len / 3, e.key, len - len / 3 };
	transport_push(t->c, &x);
	env_until(i->received > received);
	assert_memory_equal(from.addr, to.addr, len);
	env_until(t->sent > sent);
	assert_int_equal(x.status, 0);
	transport_unexpose(i->c, &e);
	iobuf_put(&env_tr->bufs, &from);
	iobuf_put(&env_ir->bufs, &to);
}

static const uint32_t data_sizes[] = { 1, 512, 4095, 4096, 65536, 1u << 20, BIG };

static void data_cases(enum iwarp_crc crc)
{
	env_start(crc, crc, 2);
	env_pair(&t, &i);
	greet();
	i->put_at_once = true;
	for (size_t n = 0; n < ARRAY_SIZE(data_sizes); n++) {
		pull_case(data_sizes[n]);
		push_case(data_sizes[n]);
	}
	env_teardown(NULL);
}

static void test_data_of_all_sizes_both_ways(void **state)
{
	(void)state;
	data_cases(IWARP_CRC_OFF);
	data_cases(IWARP_CRC_ON);
}

static void test_many_pulls_at_once_keep_to_the_peers_depth(void **state)
{
	struct iobuf from = buffer(env_ir, 65536, 1), to = buffer(env_tr, 65536, 2);
	struct exposure e;
	struct xfer_seg seg[32];
	struct xfer x[32];

	(void)state;
	greet();
	assert_int_equal(transport_expose(i->c, &from, EXPOSE_READ, &e), 0);
	for (unsigned n = 0; n < 32; n++) {
		seg[n] = (struct xfer_seg){ e.addr + n * 2048, e.key, 2048 };
		x[n] = (struct xfer){ .segs = &seg[n], .nsegs = 1, .local = to };
		x[n].local.addr += n * 2048;
		x[n].local.len = 2048;
		transport_pull(t->c, &x[n]);
	}
	env_until(t->pulled == 32);
	assert_int_equal(t->reset, 0);
	assert_memory_equal(from.addr, to.addr, 65536);
}

/* ---- exposures ---- */

static void test_what_was_taken_back_cannot_be_touched(void **state)
{
	struct iobuf b = buffer(env_ir, 4096, 1), to = buffer(env_tr, 4096, 2);
	struct exposure e;
	struct xfer_seg seg;
	struct xfer x = { .segs = &seg, .nsegs = 1, .local = to };

	(void)state;
	greet();
	assert_int_equal(transport_expose(i->c, &b, EXPOSE_READ, &e), 0);
	seg = (struct xfer_seg){ e.addr, e.key, 4096 };
	transport_unexpose(i->c, &e);
	transport_pull(t->c, &x);
	env_until(t->pulled == 1);
	assert_int_equal(x.status, -ECONNRESET);
	env_until(t->dying && i->dying);
}

static void test_no_more_exposures_than_promised(void **state)
{
	struct iobuf b = buffer(env_ir, 4096, 1);
	struct exposure e[ENV_DEPTH + 1];

	(void)state;
	for (unsigned n = 0; n < ENV_DEPTH; n++)
		assert_int_equal(transport_expose(i->c, &b, EXPOSE_READ, &e[n]), 0);
	assert_int_equal(transport_expose(i->c, &b, EXPOSE_READ, &e[ENV_DEPTH]), -ENOSPC);
	transport_unexpose(i->c, &e[0]);
	assert_int_equal(transport_expose(i->c, &b, EXPOSE_READ, &e[ENV_DEPTH]), 0);
}

/* ---- the end ---- */

static void test_target_disconnects(void **state)
{
	(void)state;
	transport_disconnect(t->c);
	assert_int_equal(t->dying, 0); /* never within the call */
	env_until(t->closed && i->closed);
	assert_string_equal(t->why, "closed by the target");
	assert_string_equal(i->why, "closed by the peer");
}

static void test_initiator_disconnects(void **state)
{
	(void)state;
	transport_disconnect(i->c);
	env_until(t->closed && i->closed);
	assert_string_equal(i->why, "closed by the initiator");
	assert_string_equal(t->why, "closed by the peer");
}

static void test_what_was_sent_arrives_before_the_end(void **state)
{
	struct xfer x = { .msg = (const uint8_t *)"logout", .msg_len = 6 };

	(void)state;
	greet();
	transport_push(t->c, &x);
	env_until(t->sent == 1);
	transport_disconnect(t->c);
	env_until(t->closed && i->dying);
	assert_int_equal(i->received, 1);
	assert_memory_equal(i->last, "logout", 6);
}

static void test_closed_waits_for_messages_that_are_held(void **state)
{
	(void)state;
	message_send(i, "request", 8);
	env_until(t->nheld == 1);
	transport_disconnect(t->c);
	env_until(i->closed);
	env_pass_time(2 * IWARP_LINGER_NS);
	env_settle();
	assert_int_equal(t->dying, 1);
	assert_int_equal(t->closed, 0);
	assert_memory_equal(t->held[0]->data, "request", 8);
	env_put_all(t);
	assert_int_equal(t->closed, 0); /* never within the call */
	env_until(t->closed);
}

static void test_xfers_come_back_when_it_ends(void **state)
{
	struct iobuf b = buffer(env_tr, BIG, 1);
	struct xfer_seg seg = { 0x1000, 1, BIG };
	struct xfer pull = { .segs = &seg, .nsegs = 1, .local = b };
	struct xfer push = { .segs = &seg, .nsegs = 1, .local = b,
			     .msg = (const uint8_t *)"x", .msg_len = 1 };

	(void)state;
	greet();
	transport_pull(t->c, &pull);
	transport_push(t->c, &push);
	transport_disconnect(t->c);
	env_until(t->dying);
	assert_true(t->pulled == 1 && t->sent == 1 && t->reset == 2);
	env_until(t->closed);
}

/* SRP finishes commands of a connection that has ended. */
static void test_xfers_after_the_end_come_back(void **state)
{
	struct xfer x[2] = { { .msg = (const uint8_t *)"late", .msg_len = 4 },
			     { .msg = (const uint8_t *)"late", .msg_len = 4 } };

	(void)state;
	message_send(i, "request", 8);
	env_until(t->nheld == 1);
	transport_disconnect(t->c);
	env_until(t->dying);
	transport_push(t->c, &x[0]);
	env_until(t->sent == 1);
	assert_int_equal(x[0].status, -ECONNRESET);
	env_until(i->closed);
	env_settle();
	transport_push(t->c, &x[1]);
	env_until(t->sent == 2);
	assert_int_equal(x[1].status, -ECONNRESET);
	assert_int_equal(t->closed, 0);
}

static void test_many_connections_come_and_go(void **state)
{
	struct iwarp_poller *p;
	unsigned slots = 0;

	(void)state;
	for (int n = 0; n < 20; n++) {
		struct env_end *a, *b;

		env_pair(&a, &b);
		message_send(b, "request", 8);
		env_until(a->received);
		env_put_all(a);
		transport_disconnect(n % 2 ? a->c : b->c);
		env_until(a->closed && b->closed);
		p = atomic_load(&iwarp_of(env_target)->pollers[0]);
		if (slots)
			assert_int_equal(atomic_load(&p->slots_all), slots);
		slots = atomic_load(&p->slots_all);
	}
	/* Only the first pair's are promised. */
	assert_int_equal(atomic_load(&p->slots_promised), ENV_DEPTH);
}

int main(void)
{
#define PAIR(f) cmocka_unit_test_setup_teardown(f, setup_pair, env_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_request_tells_who_calls_and_answer_arrives,
					  env_teardown),
		cmocka_unit_test_teardown(test_reject_carries_private_data, env_teardown),
		cmocka_unit_test(test_crc_is_used_when_one_side_asks),
		cmocka_unit_test_teardown(test_crc_setting_counts_for_new_connections,
					  env_teardown),
		cmocka_unit_test(test_unknown_revision_cannot_be_configured),
		PAIR(test_messages_of_all_sizes_both_ways),
		PAIR(test_target_sends_nothing_before_it_was_spoken_to),
		PAIR(test_message_lies_with_its_data_page_aligned),
		PAIR(test_more_messages_than_promised_end_the_connection),
		cmocka_unit_test(test_data_of_all_sizes_both_ways),
		PAIR(test_many_pulls_at_once_keep_to_the_peers_depth),
		PAIR(test_what_was_taken_back_cannot_be_touched),
		PAIR(test_no_more_exposures_than_promised),
		PAIR(test_target_disconnects),
		PAIR(test_initiator_disconnects),
		PAIR(test_what_was_sent_arrives_before_the_end),
		PAIR(test_closed_waits_for_messages_that_are_held),
		PAIR(test_xfers_come_back_when_it_ends),
		PAIR(test_xfers_after_the_end_come_back),
		PAIR(test_many_connections_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
