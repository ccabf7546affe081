/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A login that came where its target has no portal is refused, whatever else it may. */
#include "srp_util.h"

#include <string.h>

static int setup(void **state)
{
	return srp_setup(state, 1, SRP_ENV_IMM_OFFSET);
}

static bool only_infiniband(void *arg, const struct conn_info *info)
{
	++*(unsigned *)arg;
	return info->layout == LOGIN_LAYOUT_IB_CM;
}

static void refused_with_a_reason(void **state)
{
	struct srp_env *e = *state;
	unsigned asked = 0;
	struct ini *i;

	srp_target_set_reach(e->target, only_infiniband, &asked);
	i = ini_connect(e, &(struct ini_login){ .initiator = 1 });
	assert_int_equal(i->p->state, MEM_REJECTED);
	assert_int_equal(i->reject, SRP_REJ_UNABLE_ASSOCIATE_CHANNEL);
	assert_int_equal(asked, 1);
	assert_int_equal(e->map_calls, 0);
	ini_free(i);
}

static void let_in_otherwise(void **state)
{
	struct srp_env *e = *state;
	unsigned asked = 0;

	srp_target_set_reach(e->target, only_infiniband, &asked);
	ini_free(ini_login(e, &(struct ini_login){ .initiator = 1, .ib = true }));
	assert_int_equal(asked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refused_with_a_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(let_in_otherwise, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
