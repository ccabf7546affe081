/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/thread.h"

#include <signal.h>
#include <stdbool.h>

struct seen {
	sigset_t mask;
	bool ran;
};

static void *look(void *arg)
{
	struct seen *s = arg;

	s->ran = true;
	pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
	return s;
}

static void the_thread_gets_no_signals(void **state)
{
	struct seen s = { .ran = false };
	pthread_t t;
	void *result;

	(void)state;
	assert_int_equal(thread_start(&t, look, &s), 0);
	assert_int_equal(pthread_join(t, &result), 0);
	assert_ptr_equal(result, &s);
	assert_true(s.ran);
	assert_true(sigismember(&s.mask, SIGTERM) && sigismember(&s.mask, SIGHUP) &&
		    sigismember(&s.mask, SIGINT));
}

static void who_starts_it_keeps_his_own(void **state)
{
	struct seen s;
	sigset_t before, after;
	pthread_t t;

	(void)state;
	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(thread_start(&t, look, &s), 0);
	pthread_join(t, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_true(sigismember(&after, SIGUSR1));
	assert_false(sigismember(&after, SIGTERM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_thread_gets_no_signals),
		cmocka_unit_test(who_starts_it_keeps_his_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
