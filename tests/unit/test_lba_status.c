/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS (1ull << 34) /* more than one descriptor can say */

static int setup_thin(void **state)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->params.thin_provisioned = true;
	e->be.info.unmap_granularity = 4096;
	e->be.info.size = BLOCKS * 512;
	env_open(e);
	*state = e;
	return 0;
}

static void lba_status(struct env *e, struct task *t, uint64_t lba, uint32_t alloc)
{
	uint8_t cdb[16] = { 0x9e, 0x12 };

	put_be64(cdb + 2, lba);
	put_be32(cdb + 10, alloc);
	task_init(e, t, cdb, 16);
	t->sc.data_in_len = alloc;
	e->be.requests = 0;
	task_run(e, t);
}

/* The status of descriptor @i; its LBA and number of blocks are looked at. */
static unsigned descriptor(const struct task *t, unsigned i, uint64_t lba, uint32_t n)
{
	const uint8_t *p = t->in + 8 + 16 * i;

	assert_int_equal(get_be64(p), lba);
	assert_int_equal(get_be32(p + 8), n);
	return p[12];
}

static void test_extents_become_descriptors(void **state)
{
	static const struct be_extent found[] = {
		{ 8 * 512, true }, { 100 * 512, false }, { 512, true },
	};
	struct env *e = *state;
	struct task t;

	e->be.extents = found;
	e->be.nextents = 3;
	lba_status(e, &t, 1000, 256);
	assert_good(&t);
	assert_int_equal(e->be.log[0].op, BE_EXTENTS);
	assert_int_equal(e->be.log[0].off, 1000 * 512);
	assert_int_equal(e->be.log[0].len, (BLOCKS - 1000) * 512);
	assert_int_equal(t.sc.data_len, 8 + 3 * 16);
	assert_int_equal(get_be32(t.in), 4 + 3 * 16);
	assert_int_equal(descriptor(&t, 0, 1000, 8), 0);
	assert_int_equal(descriptor(&t, 1, 1008, 100), 1);
	assert_int_equal(descriptor(&t, 2, 1108, 1), 0);
	task_free(&t);
}

static void test_more_blocks_than_a_descriptor_can_say(void **state)
{
	struct env *e = *state;
	struct task t;

	lba_status(e, &t, 0, 1024);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 8 + 5 * 16);
	assert_int_equal(descriptor(&t, 0, 0, UINT32_MAX), 0);
	assert_int_equal(descriptor(&t, 3, 3ull * UINT32_MAX, UINT32_MAX), 0);
	assert_int_equal(descriptor(&t, 4, 4ull * UINT32_MAX, 4), 0);
	task_free(&t);
	lba_status(e, &t, 0, 8 + 2 * 16);
	assert_int_equal(get_be32(t.in), 4 + 2 * 16);
	assert_int_equal(descriptor(&t, 1, UINT32_MAX, UINT32_MAX), 0);
	task_free(&t);
}

/* There is always one, of which the initiator takes what it has room for. */
static void test_allocation_length(void **state)
{
	static const uint32_t allocs[] = { 0, 1, 7, 8, 23, 24, 39 };
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(allocs); i++) {
		lba_status(e, &t, 5, allocs[i]);
		assert_good(&t);
		assert_int_equal(t.sc.data_len, min_u32(allocs[i], 24));
		if (allocs[i] >= 24) {
			assert_int_equal(get_be32(t.in), 20);
			assert_int_equal(descriptor(&t, 0, 5, UINT32_MAX), 0);
		}
		task_free(&t);
	}
}

static void test_number_of_descriptors_is_bounded(void **state)
{
	static struct be_extent found[1000];
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(found); i++)
		found[i] = (struct be_extent){ 512, i & 1 };
	e->be.extents = found;
	e->be.nextents = ARRAY_SIZE(found);
	lba_status(e, &t, 0, 65536);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 8 + 64 * 16);
	assert_int_equal(descriptor(&t, 63, 63, 1), 0);
	task_free(&t);
}

static void test_last_block(void **state)
{
	struct env *e = *state;
	struct task t;

	lba_status(e, &t, BLOCKS - 1, 24);
	assert_good(&t);
	assert_int_equal(descriptor(&t, 0, BLOCKS - 1, 1), 0);
	task_free(&t);
}

static void test_starting_lba_out_of_range(void **state)
{
	static const uint64_t lbas[] = { BLOCKS, BLOCKS + 1, 1ull << 63, UINT64_MAX };
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(lbas); i++) {
		lba_status(e, &t, lbas[i], 24);
		assert_sense(&t, SENSE_LBA_OUT_OF_RANGE);
		assert_int_equal(e->be.requests, 0);
	}
}

static void test_error_of_the_backend(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	lba_status(e, &t, 0, 24);
	assert_sense(&t, SENSE_READ_ERROR);
}

/* SBC-3 4.7: the command goes with logical block provisioning management. */
static void test_fully_provisioned(void **state)
{
	struct env *e = *state;
	struct task t;

	lba_status(e, &t, 0, 24);
	assert_sense(&t, SENSE_INVALID_OPCODE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_thin, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_extents_become_descriptors),
		T(test_more_blocks_than_a_descriptor_can_say),
		T(test_allocation_length),
		T(test_number_of_descriptors_is_bounded),
		T(test_last_block),
		T(test_starting_lba_out_of_range),
		T(test_error_of_the_backend),
		cmocka_unit_test_setup_teardown(test_fully_provisioned, env_setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
