/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

static void test_taken_by_rank(void **state)
{
	struct ua_set s = { 0 };

	(void)state;
	assert_false(ua_pending(&s));
	ua_post(&s, UA_LUNS_CHANGED);
	ua_post(&s, UA_CAPACITY_CHANGED);
	ua_post(&s, UA_NEXUS_LOSS);
	assert_true(ua_pending(&s));
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_NEXUS_LOSS);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_CAPACITY_CHANGED);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_LUNS_CHANGED);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_OK);
	assert_false(ua_pending(&s));
}

static void test_one_copy_of_each(void **state)
{
	struct ua_set s = { 0 };

	(void)state;
	ua_post(&s, UA_CAPACITY_CHANGED);
	ua_post(&s, UA_CAPACITY_CHANGED);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_CAPACITY_CHANGED);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_OK);
}

static void test_mask_leaves_the_others(void **state)
{
	struct ua_set s = { 0 };

	(void)state;
	ua_post(&s, UA_LUNS_CHANGED);
	assert_int_equal(ua_take(&s, UA_RESET_CLASS), SENSE_OK);
	ua_post(&s, UA_LU_RESET);
	assert_int_equal(ua_take(&s, UA_RESET_CLASS), SENSE_UA_LU_RESET);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_LUNS_CHANGED);
}

static void test_power_on_covers_lesser_resets(void **state)
{
	struct ua_set s = { 0 };

	(void)state;
	ua_post(&s, UA_POWER_ON);
	ua_post(&s, UA_LU_RESET);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_POWER_ON);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_OK);
	/* but not the other way round */
	ua_post(&s, UA_NEXUS_LOSS);
	ua_post(&s, UA_LU_RESET);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_LU_RESET);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_NEXUS_LOSS);
}

static void test_clear(void **state)
{
	struct ua_set s = { 0 };

	(void)state;
	ua_post(&s, UA_LUNS_CHANGED);
	ua_post(&s, UA_CAPACITY_CHANGED);
	ua_clear(&s, UA_LUNS_CHANGED);
	assert_int_equal(ua_take(&s, UA_ANY), SENSE_UA_CAPACITY_CHANGED);
	assert_false(ua_pending(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_by_rank),
		cmocka_unit_test(test_one_copy_of_each),
		cmocka_unit_test(test_mask_leaves_the_others),
		cmocka_unit_test(test_power_on_covers_lesser_resets),
		cmocka_unit_test(test_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
