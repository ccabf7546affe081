/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include "scsi/call.h"

struct seen {
	unsigned reactors; /* bits */
	struct countdown *later;
	unsigned done;
	struct scsi_call *call;
};

static void visit(struct reactor *r, void *arg, struct countdown *c)
{
	struct seen *s = arg;

	assert_ptr_equal(reactor_self(), r);
	assert_false(s->reactors & 1u << r->id);
	s->reactors |= 1u << r->id;
	if (r->id)
		countdown_put(c);
	else
		s->later = c;
}

static void visited(void *arg)
{
	struct seen *s = arg;

	s->done++;
	scsi_call_free(s->call);
}

static void test_every_reactor_then_done(void **state)
{
	struct env *e = *state;
	struct seen s = { .call = scsi_call_alloc(&e->group) };

	assert_non_null(s.call);
	scsi_call_run(s.call, visit, visited, &s);
	env_pump(e);
	assert_int_equal(s.reactors, (1u << ENV_REACTORS) - 1);
	assert_int_equal(s.done, 0);
	countdown_put(s.later);
	env_pump(e);
	assert_int_equal(s.done, 1);
}

static void again(void *arg)
{
	struct seen *s = arg;

	s->done++;
	if (s->done == 1) {
		s->reactors = 0;
		scsi_call_run(s->call, visit, again, s);
	} else {
		scsi_call_free(s->call);
	}
}

static void test_runs_again_from_done(void **state)
{
	struct env *e = *state;
	struct seen s = { .call = scsi_call_alloc(&e->group) };

	scsi_call_run(s.call, visit, again, &s);
	for (unsigned i = 1; i <= 2; i++) {
		env_pump(e);
		countdown_put(s.later);
		env_pump(e);
		assert_int_equal(s.done, i);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_reactor_then_done),
		T(test_runs_again_from_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
