/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/list.h"
#include "ctl/offload.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

static struct mailbox control;
static struct offload *offload;

struct work {
	struct offload_job job;
	unsigned number;
	unsigned ran_as, over_as; /* how many were before, from 1 */
	pthread_t ran_on;
	unsigned again;           /* times it is still to be run */
};

static unsigned n_run, n_over;

static void work_run(struct offload_job *j)
{
	struct work *w = container_of(j, struct work, job);

	w->ran_as = ++n_run;
	w->ran_on = pthread_self();
}

static void work_over(struct offload_job *j)
{
	struct work *w = container_of(j, struct work, job);

	w->over_as = ++n_over;
	if (w->again) {
		w->again--;
		offload_run(offload, j);
	}
}

static void wait_over(unsigned n)
{
	struct pollfd p = { .fd = control.fd, .events = POLLIN };

	while (n_over < n) {
		if (mailbox_drain(&control) || !mailbox_prepare_sleep(&control))
			continue;
		assert_int_equal(poll(&p, 1, 60000), 1);
		mailbox_awake(&control);
	}
	assert_int_equal(n_over, n);
}

static int setup(void **state)
{
	(void)state;
	n_run = n_over = 0;
	assert_int_equal(mailbox_init(&control), 0);
	assert_int_equal(offload_create("test", &control, &offload), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (offload)
		offload_destroy(offload);
	mailbox_destroy(&control);
	return 0;
}

static void runs_elsewhere_in_order(void **state)
{
	struct work w[100];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		w[i] = (struct work){ .job = { .run = work_run, .done = work_over } };
		offload_run(offload, &w[i].job);
	}
	wait_over(100);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(w[i].ran_as, i + 1);
		assert_int_equal(w[i].over_as, i + 1);
		assert_false(pthread_equal(w[i].ran_on, pthread_self()));
	}
}

/* The thread sleeps in between. */
static void one_after_the_other(void **state)
{
	struct work w = { .job = { .run = work_run, .done = work_over }, .again = 50 };

	(void)state;
	offload_run(offload, &w.job);
	wait_over(51);
	assert_int_equal(n_run, 51);
}

static void destroy_ends_what_was_handed_over(void **state)
{
	struct work w[10];

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		w[i] = (struct work){ .job = { .run = work_run, .done = work_over } };
		offload_run(offload, &w[i].job);
	}
	offload_destroy(offload);
	offload = NULL;
	assert_int_equal(n_run, 10);
	assert_int_equal(n_over, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(runs_elsewhere_in_order),
		T(one_after_the_other),
		T(destroy_ends_what_was_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
