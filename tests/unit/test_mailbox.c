/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mailbox.h"
#include "base/list.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define SENDERS 4
#define PER_SENDER 20000
#define HANG_MS 20000 /* only a lost wake-up waits as long */

struct numbered {
	struct msg m;
	int sender, seq;
};

static int order[16], ran;

static void record(struct msg *m)
{
	order[ran++] = container_of(m, struct numbered, m)->seq;
}

static bool fd_readable(struct mailbox *mb)
{
	struct pollfd p = { .fd = mb->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static int setup(void **state)
{
	static struct mailbox mb;

	ran = 0;
	*state = &mb;
	return mailbox_init(&mb);
}

static int teardown(void **state)
{
	mailbox_destroy(*state);
	return 0;
}

static void test_drain_runs_in_posted_order(void **state)
{
	struct numbered n[5];

	for (int i = 0; i < 5; i++) {
		n[i] = (struct numbered){ .m.fn = record, .seq = i };
		mailbox_post(*state, &n[i].m);
	}
	assert_int_equal(mailbox_drain(*state), 5);
	assert_int_equal(ran, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(order[i], i);
	assert_int_equal(mailbox_drain(*state), 0);
}

static struct mailbox *again_to;

static void post_again(struct msg *m)
{
	ran++;
	mailbox_post(again_to, m);
}

static void test_message_posted_while_draining_runs_in_the_next_drain(void **state)
{
	struct msg m = { .fn = post_again };

	again_to = *state;
	mailbox_post(*state, &m);
	assert_int_equal(mailbox_drain(*state), 1);
	assert_int_equal(ran, 1);
	assert_int_equal(mailbox_drain(*state), 1);
	assert_int_equal(ran, 2);
}

static void test_descriptor_is_written_only_when_asleep(void **state)
{
	struct mailbox *mb = *state;
	struct numbered a = { .m.fn = record }, b = { .m.fn = record };

	mailbox_post(mb, &a.m);
	assert_false(fd_readable(mb));
	mailbox_drain(mb);
	assert_true(mailbox_prepare_sleep(mb));
	assert_false(fd_readable(mb));
	mailbox_post(mb, &b.m);
	assert_true(fd_readable(mb));
	mailbox_awake(mb);
	assert_false(fd_readable(mb));
	assert_int_equal(mailbox_drain(mb), 1);
}

static void test_prepare_sleep_refuses_with_mail(void **state)
{
	struct mailbox *mb = *state;
	struct numbered a = { .m.fn = record }, b = { .m.fn = record };

	mailbox_post(mb, &a.m);
	assert_false(mailbox_prepare_sleep(mb));
	/* And it counts as awake: no write. */
	mailbox_post(mb, &b.m);
	assert_false(fd_readable(mb));
}

/* A sender was seen to clear the flag but wrote the descriptor only later. */
static void test_late_wake_up_is_consumed_next_time(void **state)
{
	struct mailbox *mb = *state;

	assert_true(mailbox_prepare_sleep(mb));
	atomic_store(&mb->sleeping, false);
	mailbox_awake(mb);
	assert_int_equal(write(mb->fd, &(uint64_t){ 1 }, 8), 8);
	assert_true(mailbox_prepare_sleep(mb));
	assert_true(fd_readable(mb));
	mailbox_awake(mb);
	assert_false(fd_readable(mb));
}

static struct numbered many[SENDERS][PER_SENDER];
static int next_seq[SENDERS];
static bool out_of_order;

static void count(struct msg *m)
{
	struct numbered *n = container_of(m, struct numbered, m);

	if (next_seq[n->sender]++ != n->seq)
		out_of_order = true;
}

struct sender {
	pthread_t thread;
	struct mailbox *mb;
	int id;
};

static void *send_many(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < PER_SENDER; i++) {
		many[s->id][i] = (struct numbered){ .m.fn = count, .sender = s->id, .seq = i };
		mailbox_post(s->mb, &many[s->id][i].m);
	}
	return NULL;
}

/* Receive everything, asleep whenever possible; false: a wake-up was lost. */
static bool receive_many(struct mailbox *mb)
{
	struct pollfd p = { .fd = mb->fd, .events = POLLIN };
	int left = SENDERS * PER_SENDER;

	while ((left -= mailbox_drain(mb)) > 0) {
		if (!mailbox_prepare_sleep(mb))
			continue;
		if (poll(&p, 1, HANG_MS) != 1)
			return false;
		mailbox_awake(mb);
	}
	return true;
}

static void test_no_message_or_wake_up_is_lost_among_threads(void **state)
{
	struct sender s[SENDERS];
	bool ok;

	for (int i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){ .mb = *state, .id = i };
		assert_int_equal(pthread_create(&s[i].thread, NULL, send_many, &s[i]), 0);
	}
	ok = receive_many(*state);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(s[i].thread, NULL);
	assert_true(ok);
	assert_false(out_of_order);
	for (int i = 0; i < SENDERS; i++)
		assert_int_equal(next_seq[i], PER_SENDER);
}

static void counted_down(struct msg *m)
{
	(void)m;
	ran++;
}

static void test_countdown_posts_once_at_zero(void **state)
{
	struct countdown c;

	countdown_init(&c, 2, *state, counted_down);
	countdown_put(&c);
	assert_int_equal(mailbox_drain(*state), 0);
	countdown_put(&c);
	assert_int_equal(mailbox_drain(*state), 1);
	assert_int_equal(ran, 1);
}

static void test_countdown_of_none_is_done_at_once(void **state)
{
	struct countdown c;

	countdown_init(&c, 0, *state, counted_down);
	assert_int_equal(mailbox_drain(*state), 1);
	assert_int_equal(ran, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_drain_runs_in_posted_order),
		TEST(test_message_posted_while_draining_runs_in_the_next_drain),
		TEST(test_descriptor_is_written_only_when_asleep),
		TEST(test_prepare_sleep_refuses_with_mail),
		TEST(test_late_wake_up_is_consumed_next_time),
		TEST(test_no_message_or_wake_up_is_lost_among_threads),
		TEST(test_countdown_posts_once_at_zero),
		TEST(test_countdown_of_none_is_done_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
