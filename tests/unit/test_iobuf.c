/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/iobuf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POOL_SIZE (2 * (size_t)IOBUF_MAX_SIZE)
#define HELD 64
#define STEPS 50000

static int setup(void **state)
{
	static struct iobuf_pool p;

	*state = &p;
	return iobuf_pool_init(&p, POOL_SIZE);
}

static int teardown(void **state)
{
	iobuf_pool_destroy(*state);
	return 0;
}

/* Nothing is in use and all of it can be had again in the largest pieces. */
static void assert_whole(struct iobuf_pool *p)
{
	struct iobuf b[POOL_SIZE / IOBUF_MAX_SIZE];

	assert_int_equal(p->used, 0);
	for (size_t i = 0; i < POOL_SIZE / IOBUF_MAX_SIZE; i++)
		assert_int_equal(iobuf_get(p, IOBUF_MAX_SIZE, &b[i]), 0);
	for (size_t i = 0; i < POOL_SIZE / IOBUF_MAX_SIZE; i++)
		iobuf_put(p, &b[i]);
}

static void test_size_is_rounded_up(void **state)
{
	struct iobuf_pool p;

	(void)state;
	assert_int_equal(iobuf_pool_init(&p, 1), 0);
	assert_int_equal(p.slab.len, IOBUF_MAX_SIZE);
	iobuf_pool_destroy(&p);
	assert_int_equal(iobuf_pool_init(&p, 0), -EINVAL);
	assert_int_equal(iobuf_pool_init(&p, SIZE_MAX), -EINVAL);
}

static void test_bad_length_is_refused(void **state)
{
	struct iobuf b;

	assert_int_equal(iobuf_get(*state, 0, &b), -EINVAL);
	assert_int_equal(iobuf_get(*state, IOBUF_MAX_SIZE + 1, &b), -EINVAL);
}

static void test_buffer_is_described(void **state)
{
	struct iobuf_pool *p = *state;
	struct iobuf b;

	assert_int_equal(iobuf_get(p, 5000, &b), 0);
	assert_int_equal(b.len, 5000);
	assert_int_equal(b.region, IOBUF_REGION_SLAB);
	assert_int_equal((uintptr_t)b.addr % 8192, 0);
	assert_int_equal(p->used, 8192);
	b.len = 100;
	iobuf_put(p, &b);
	assert_null(b.addr);
	iobuf_put(p, &b);
	assert_whole(p);
}

static void test_foreign_region_is_ignored(void **state)
{
	struct iobuf_pool *p = *state;
	uint8_t plain[16];
	struct iobuf b = { plain, sizeof(plain), IOBUF_UNREGISTERED, 0 };

	iobuf_put(p, &b);
	assert_ptr_equal(b.addr, plain);
	assert_whole(p);
}

static void test_every_block_is_used_before_eagain(void **state)
{
	static struct iobuf b[POOL_SIZE / IOBUF_MIN_SIZE];
	struct iobuf_pool *p = *state;
	struct iobuf more;

	for (size_t i = 0; i < POOL_SIZE / IOBUF_MIN_SIZE; i++) {
		assert_int_equal(iobuf_get(p, 1, &b[i]), 0);
		memset(b[i].addr, 0xa5, IOBUF_MIN_SIZE);
	}
	assert_int_equal(iobuf_get(p, 1, &more), -EAGAIN);
	for (size_t i = 0; i < POOL_SIZE / IOBUF_MIN_SIZE; i += 2)
		iobuf_put(p, &b[i]);
	assert_int_equal(iobuf_get(p, IOBUF_MIN_SIZE + 1, &more), -EAGAIN);
	for (size_t i = 1; i < POOL_SIZE / IOBUF_MIN_SIZE; i += 2)
		iobuf_put(p, &b[i]);
	assert_whole(p);
}

/* The same size again costs no splitting: the block last given back comes first. */
static void test_a_block_given_back_is_the_next_of_its_size(void **state)
{
	struct iobuf_pool *p = *state;
	struct iobuf a, b, c;
	uint8_t *first, *second;

	assert_int_equal(iobuf_get(p, 4096, &a), 0);
	assert_int_equal(iobuf_get(p, 4096, &b), 0);
	first = a.addr;
	second = b.addr;
	iobuf_put(p, &a);
	iobuf_put(p, &b);
	assert_int_equal(iobuf_get(p, 8192, &c), 0);
	assert_true(c.addr != first && c.addr != second);
	assert_int_equal(iobuf_get(p, 4096, &a), 0);
	assert_ptr_equal(a.addr, second);
	iobuf_put(p, &a);
	iobuf_put(p, &c);
	assert_whole(p);
}

static void buf_mark(struct iobuf *b, int mark)
{
	memset(b->addr, mark, b->len);
}

static void assert_marked(const struct iobuf *b, int mark)
{
	assert_int_equal(b->addr[0], mark);
	assert_int_equal(b->addr[b->len / 2], mark);
	assert_int_equal(b->addr[b->len - 1], mark);
}

/* Random sizes and lifetimes: no two buffers overlap, and all merges again. */
static void test_random_use_never_overlaps(void **state)
{
	struct iobuf_pool *p = *state;
	struct iobuf b[HELD] = { 0 };
	int got = 0;

	srandom(1);
	for (int i = 0; i < STEPS; i++) {
		int slot = (int)(random() % HELD);
		uint32_t len = (uint32_t)random() % (IOBUF_MIN_SIZE << random() % 6) + 1;

		if (b[slot].addr) {
			assert_marked(&b[slot], slot);
			iobuf_put(p, &b[slot]);
		} else if (!iobuf_get(p, len, &b[slot])) {
			buf_mark(&b[slot], slot);
			got++;
		}
	}
	assert_true(got > STEPS / 4);
	for (int i = 0; i < HELD; i++)
		iobuf_put(p, &b[i]);
	assert_whole(p);
}

/* Someone who waits for @len bytes and then holds them. */
struct holder {
	struct iobuf_waiter w;
	struct iobuf_pool *p;
	struct iobuf b;
	uint32_t len;
	int woken, turn;
};

static int turns;

static void holder_ready(struct iobuf_waiter *w)
{
	struct holder *h = container_of(w, struct holder, w);

	h->woken++;
	if (iobuf_get(h->p, h->len, &h->b))
		iobuf_wait(h->p, w);
	else
		h->turn = ++turns;
}

static void holder_wait(struct holder *h, struct iobuf_pool *p, uint32_t len)
{
	*h = (struct holder){ .w.ready = holder_ready, .p = p, .len = len };
	list_init(&h->w.link);
	iobuf_wait(p, &h->w);
}

/* The whole pool in buffers of the largest size. */
static void pool_fill(struct iobuf_pool *p, struct iobuf b[2])
{
	turns = 0;
	assert_int_equal(iobuf_get(p, IOBUF_MAX_SIZE, &b[0]), 0);
	assert_int_equal(iobuf_get(p, IOBUF_MAX_SIZE, &b[1]), 0);
}

static void test_waiters_are_served_in_order(void **state)
{
	struct iobuf_pool *p = *state;
	struct holder h[3];
	struct iobuf all[2];

	pool_fill(p, all);
	for (int i = 0; i < 3; i++)
		holder_wait(&h[i], p, IOBUF_MIN_SIZE);
	iobuf_put(p, &all[0]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(h[i].turn, i + 1);
		assert_int_equal(h[i].woken, 1);
		iobuf_put(p, &h[i].b);
	}
	iobuf_put(p, &all[1]);
	assert_whole(p);
}

static void test_nobody_overtakes_a_waiter(void **state)
{
	struct iobuf_pool *p = *state;
	struct holder big, small;
	struct iobuf all[2], b;

	pool_fill(p, all);
	iobuf_put(p, &all[0]);
	assert_int_equal(iobuf_get(p, 1, &b), 0);
	holder_wait(&big, p, IOBUF_MAX_SIZE);
	/* Half of the pool is free, but its turn is not yet. */
	assert_int_equal(iobuf_get(p, 1, &all[0]), -EAGAIN);
	holder_wait(&small, p, 1);
	iobuf_put(p, &b);
	assert_int_equal(big.turn, 1);
	assert_int_equal(small.turn, 0);
	iobuf_put(p, &big.b);
	assert_int_equal(small.turn, 2);
	iobuf_put(p, &small.b);
	iobuf_put(p, &all[1]);
	assert_whole(p);
}

/* Unless it keeps from the waiter what that waits for. */
static void test_who_must_overtakes_all_waiters(void **state)
{
	struct iobuf_pool *p = *state;
	struct holder big, must;
	struct iobuf all[2], b;

	pool_fill(p, all);
	iobuf_put(p, &all[0]);
	assert_int_equal(iobuf_get_first(p, IOBUF_MAX_SIZE / 2, &b), 0);
	holder_wait(&big, p, IOBUF_MAX_SIZE);
	assert_int_equal(iobuf_get_first(p, IOBUF_MAX_SIZE / 2, &all[0]), 0);
	assert_int_equal(iobuf_get_first(p, 1, &all[0]), -EAGAIN);
	must = (struct holder){ .w.ready = holder_ready, .p = p, .len = 1 };
	list_init(&must.w.link);
	iobuf_wait_first(p, &must.w);
	iobuf_put(p, &b);
	assert_int_equal(must.turn, 1);
	assert_int_equal(big.turn, 0);
	iobuf_put(p, &must.b);
	assert_int_equal(big.turn, 0);
	iobuf_put(p, &all[0]);
	assert_int_equal(big.turn, 2);
	iobuf_put(p, &big.b);
	iobuf_put(p, &all[1]);
	assert_whole(p);
}

static void test_waiter_that_waits_again_keeps_its_place(void **state)
{
	struct iobuf_pool *p = *state;
	struct holder big, small;
	struct iobuf part[2], all;

	turns = 0;
	assert_int_equal(iobuf_get(p, IOBUF_MAX_SIZE, &all), 0);
	assert_int_equal(iobuf_get(p, IOBUF_MAX_SIZE / 2, &part[0]), 0);
	assert_int_equal(iobuf_get(p, IOBUF_MAX_SIZE / 2, &part[1]), 0);
	holder_wait(&big, p, IOBUF_MAX_SIZE);
	holder_wait(&small, p, 1);
	iobuf_put(p, &part[0]);
	assert_int_equal(big.woken, 1);
	assert_int_equal(small.woken, 0);
	iobuf_put(p, &part[1]);
	assert_int_equal(big.turn, 1);
	iobuf_put(p, &all);
	assert_int_equal(small.turn, 2);
	iobuf_put(p, &big.b);
	iobuf_put(p, &small.b);
	assert_whole(p);
}

/* The first wants more than there is, those behind it do not. */
static void test_first_leaves_the_queue(void **state)
{
	struct iobuf_pool *p = *state;
	struct holder gone, next[2];
	struct iobuf all[2];

	turns = 0;
	pool_fill(p, all);
	iobuf_put(p, &all[0]);
	assert_int_equal(iobuf_get(p, IOBUF_MIN_SIZE, &all[0]), 0);
	holder_wait(&gone, p, IOBUF_MAX_SIZE);
	for (unsigned i = 0; i < 2; i++)
		holder_wait(&next[i], p, 1);
	list_del(&gone.w.link);
	iobuf_wake(p);
	assert_int_equal(gone.woken, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(next[i].turn, (int)i + 1);
		iobuf_put(p, &next[i].b);
		iobuf_put(p, &all[i]);
	}
	assert_whole(p);
}

/* Wants two buffers; gives back the first when there is no second. */
static void pair_ready(struct iobuf_waiter *w)
{
	struct holder *h = container_of(w, struct holder, w);
	struct iobuf first;

	h->woken++;
	if (iobuf_get(h->p, IOBUF_MAX_SIZE, &first)) {
		iobuf_wait(h->p, w);
	} else if (iobuf_get(h->p, IOBUF_MAX_SIZE, &h->b)) {
		iobuf_put(h->p, &first);
		iobuf_wait(h->p, w);
	} else {
		iobuf_put(h->p, &first);
	}
}

static void test_partial_success_does_not_spin(void **state)
{
	struct iobuf_pool *p = *state;
	struct iobuf all[2];
	struct holder h;

	pool_fill(p, all);
	holder_wait(&h, p, 0);
	h.w.ready = pair_ready;
	iobuf_put(p, &all[0]);
	assert_int_equal(h.woken, 1);
	iobuf_put(p, &all[1]);
	assert_int_equal(h.woken, 2);
	assert_non_null(h.b.addr);
	iobuf_put(p, &h.b);
	assert_whole(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_is_rounded_up),
		TEST(test_bad_length_is_refused),
		TEST(test_buffer_is_described),
		TEST(test_foreign_region_is_ignored),
		TEST(test_every_block_is_used_before_eagain),
		TEST(test_a_block_given_back_is_the_next_of_its_size),
		TEST(test_random_use_never_overlaps),
		TEST(test_waiters_are_served_in_order),
		TEST(test_nobody_overtakes_a_waiter),
		TEST(test_who_must_overtakes_all_waiters),
		TEST(test_waiter_that_waits_again_keeps_its_place),
		TEST(test_first_leaves_the_queue),
		TEST(test_partial_success_does_not_spin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
