/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an idle and a busy socket cost, and the memory for what they receive. */
#include "iwarp_env.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct env_end *t, *i; /* target, initiator */
static struct iwarp_poller *p; /* the target's */

static int setup(void **state)
{
	env_setup(state);
	env_pair(&t, &i);
	t->put_at_once = i->put_at_once = true;
	p = atomic_load(&iwarp_of(env_target)->pollers[0]);
	return 0;
}

static void message(void)
{
	struct xfer x = { .msg = (const uint8_t *)"request", .msg_len = 8 };
	unsigned received = t->received, sent = i->sent;

	transport_push(i->c, &x);
	env_until(i->sent > sent && t->received > received);
}

/* Turn the target's reactor alone until nothing happens any more. */
static void calm_down(void)
{
	for (int n = 0; n < 200; n++)
		reactor_round(env_tr);
	assert_false(p->source.arm(&p->source));
}

static bool busy(void)
{
	return p->source.busy(&p->source);
}

/* ---- sockets ---- */

static void test_poller_is_a_source_of_its_reactor(void **state)
{
	(void)state;
	assert_true(p->started);
	assert_ptr_equal(list_first(&env_tr->sources, struct reactor_source, link), &p->source);
	assert_int_equal(p->source.fd, p->epoll_fd);
}

static void test_idle_connection_is_not_read(void **state)
{
	(void)state;
	message();
	calm_down();
	assert_int_equal(p->nhot, 0);
	assert_true(list_empty(&p->hot));
}

static void test_busy_connection_is_read_without_asking_epoll(void **state)
{
	unsigned asked = 0, rounds = 0;

	(void)state;
	message();
	while (p->nhot && rounds < 1000) {
		uint32_t before = p->unasked;

		rounds++;
		reactor_round(env_tr);
		asked += p->unasked <= before;
	}
	assert_in_range(rounds, 16, 100); /* it stays hot for a while … */
	assert_true(asked * 4 <= rounds); /* … in which epoll is asked now and then */
}

/* After data came it pays to poll; a reactor that sleeps is woken by the descriptor. */
static void test_polling_pays_after_data_until_the_next_sleep(void **state)
{
	(void)state;
	message();
	assert_true(busy());
	calm_down();
	assert_false(busy());
	reactor_round(env_tr);
	assert_false(busy());
	message();
	assert_true(busy());
}

static void test_arming_finds_data_that_slipped_in(void **state)
{
	struct xfer x = { .msg = (const uint8_t *)"request", .msg_len = 8 };

	(void)state;
	message();
	assert_int_equal(p->nhot, 1);
	transport_push(i->c, &x);
	env_until((reactor_round(env_ir), i->sent == 2));
	while (t->received == 1)
		assert_true(p->source.arm(&p->source));
	assert_int_equal(t->received, 2);
}

static void test_turn_wakes_for_data(void **state)
{
	struct xfer x = { .msg = (const uint8_t *)"request", .msg_len = 8 };

	(void)state;
	calm_down();
	transport_push(i->c, &x);
	reactor_round(env_ir);
	for (int n = 0; n < 100 && !t->received; n++)
		reactor_turn(env_tr, 60000); /* only a lost wake-up sleeps as long */
	assert_int_equal(t->received, 1);
}

static void test_end_found_while_arming_is_work(void **state)
{
	(void)state;
	message();
	assert_int_equal(p->nhot, 1);
	transport_disconnect(i->c);
	env_until((reactor_round(env_ir), i->dying == 1));
	while (!t->dying)
		assert_true(p->source.arm(&p->source));
	assert_false(list_empty(&iwarp_conn_of(t->c)->run.link));
}

static void test_many_hot_connections_cool_down_at_once(void **state)
{
	struct env_end *a[6], *b[6];

	(void)state;
	for (int n = 0; n < 6; n++)
		env_pair(&a[n], &b[n]);
	calm_down();
	for (int n = 0; n < 6; n++)
		iwarp_poller_heat(iwarp_conn_of(a[n]->c));
	assert_int_equal(p->nhot, 6);
	reactor_round(env_tr);
	assert_in_range(p->nhot, 0, 4);
	calm_down();
	assert_int_equal(p->nhot, 0);
}

/* ---- slots ---- */

static void test_slots_are_used_again_last_in_first_out(void **state)
{
	struct iwarp_conn *c = iwarp_conn_of(t->c);
	struct iwarp_slot *a = iwarp_slot_get(c), *b = iwarp_slot_get(c);

	(void)state;
	assert_true(a && b && a != b);
	iwarp_slot_put(c, a);
	iwarp_slot_put(c, b);
	assert_ptr_equal(iwarp_slot_get(c), b);
	assert_ptr_equal(iwarp_slot_get(c), a);
	iwarp_slot_put(c, a);
	iwarp_slot_put(c, b);
}

static void test_slots_end_at_what_was_promised(void **state)
{
	struct iwarp_conn *c = iwarp_conn_of(t->c);
	struct iwarp_slot *s[ENV_DEPTH];

	(void)state;
	for (unsigned n = 0; n < ENV_DEPTH; n++) {
		s[n] = iwarp_slot_get(c);
		assert_non_null(s[n]);
		memset(s[n]->rx.data, 0xa5, ENV_MAX_RECV);
		assert_int_equal(((uintptr_t)s[n]->rx.data + ENV_IMM_OFFSET) % 4096, 0);
	}
	assert_null(iwarp_slot_get(c));
	for (unsigned n = 0; n < ENV_DEPTH; n++)
		iwarp_slot_put(c, s[n]);
	assert_int_equal(c->rx_held, 0);
}

static void test_memory_grows_with_promises_and_stays(void **state)
{
	struct iwarp_conn other = { .p = p, .rx_depth = 1000 };
	struct iwarp_slot *first, *s;
	unsigned all;

	(void)state;
	assert_int_equal(iwarp_slots_promise(p, &other), 0);
	all = atomic_load(&p->slots_all);
	assert_true(all >= 1000 + ENV_DEPTH);
	for (unsigned n = 0; n < 1000; n++) {
		s = iwarp_slot_get(&other);
		assert_non_null(s);
		s->next = n ? first : NULL;
		first = s;
	}
	while (first) {
		s = first;
		first = s->next;
		iwarp_slot_put(&other, s);
	}
	iwarp_slots_release(&other);
	assert_int_equal(iwarp_slots_promise(p, &other), 0);
	assert_int_equal(atomic_load(&p->slots_all), all);
	iwarp_slots_release(&other);
}

static void test_promise_beyond_memory_is_refused(void **state)
{
	struct iwarp_conn greedy = { .p = p, .rx_depth = 65536 };
	struct transport_params *tp = &env_target->params;
	uint32_t max_recv = tp->max_recv;

	(void)state;
	tp->max_recv = UINT32_MAX; /* 256 TiB: more than there are addresses */
	assert_int_equal(iwarp_slots_promise(p, &greedy), -ENOMEM);
	tp->max_recv = max_recv;
	assert_int_equal(atomic_load(&p->slots_promised), ENV_DEPTH);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_poller_is_a_source_of_its_reactor),
		T(test_idle_connection_is_not_read),
		T(test_busy_connection_is_read_without_asking_epoll),
		T(test_polling_pays_after_data_until_the_next_sleep),
		T(test_arming_finds_data_that_slipped_in),
		T(test_turn_wakes_for_data),
		T(test_end_found_while_arming_is_work),
		T(test_many_hot_connections_cool_down_at_once),
		T(test_slots_are_used_again_last_in_first_out),
		T(test_slots_end_at_what_was_promised),
		T(test_memory_grows_with_promises_and_stays),
		T(test_promise_beyond_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
