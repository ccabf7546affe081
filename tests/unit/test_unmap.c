/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LAST 131071ull /* of 64 MiB */

static int setup_thin(void **state)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->params.thin_provisioned = true;
	e->be.info.unmap_granularity = 4096;
	e->be.info.size = 64u << 20;
	env_open(e);
	*state = e;
	return 0;
}

struct range {
	uint64_t lba;
	uint32_t n;
};

/* UNMAP of @n ranges with @extra bytes claimed in the block descriptor length. */
static void unmap(struct env *e, struct task *t, const struct range *r, unsigned n, int extra)
{
	static uint8_t list[8 + 16 * 300];
	uint32_t len = 8 + 16 * n;
	uint8_t cdb[16] = { 0x42 };

	memset(list, 0, sizeof(list));
	put_be16(list, (uint16_t)(len - 2));
	put_be16(list + 2, (uint16_t)(16 * n + (unsigned)extra));
	for (unsigned i = 0; i < n; i++) {
		put_be64(list + 8 + 16 * i, r[i].lba);
		put_be32(list + 16 + 16 * i, r[i].n);
	}
	put_be16(cdb + 7, (uint16_t)len);
	task_init(e, t, cdb, 16);
	task_out(t, list, len);
	e->be.requests = 0;
	task_run(e, t);
	task_free(t);
}

static void test_ranges_are_unmapped(void **state)
{
	static const struct range r[] = { { 8, 16 }, { 100, 0 }, { LAST, 1 }, { 0, 1 } };
	struct env *e = *state;
	struct task t;

	memset(e->be.bytes, 0x11, FAKE_WINDOW);
	unmap(e, &t, r, 4, 0);
	assert_good(&t);
	assert_int_equal(e->be.requests, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(e->be.log[i].op, BE_UNMAP);
	assert_int_equal(e->be.log[0].off, 8 * 512);
	assert_int_equal(e->be.log[0].len, 16 * 512);
	assert_int_equal(e->be.log[1].off, LAST * 512);
	assert_int_equal(e->be.log[2].off, 0);
	assert_int_equal(e->be.bytes[511], 0);
	assert_int_equal(e->be.bytes[512], 0x11);
}

static void test_nothing_to_do(void **state)
{
	static const struct range r[] = { { LAST + 1, 0 }, { 0, 0 } };
	static const struct task_row rows[] = {
		{ "no list", { 0x42 }, 0, 0, SENSE_OK, -1 },
		{ "header only", { 0x42, 0, 0, 0, 0, 0, 0, 0, 8 }, 8, 0, SENSE_OK, -1 },
		{ "short header", { 0x42, 0, 0, 0, 0, 0, 0, 0, 7 }, 7, 0,
		  SENSE_PARAMETER_LIST_LENGTH, -1 },
		{ "less data than the CDB says", { 0x42, 0, 0, 0, 0, 0, 0, 0, 24 }, 23, 0,
		  SENSE_BAD_COMMAND_IU, -1 },
		{ "ANCHOR", { 0x42, 1, 0, 0, 0, 0, 0, 0, 8 }, 8, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
	};
	struct env *e = *state;
	struct task t;

	unmap(e, &t, r, 2, 0);
	assert_good(&t);
	assert_int_equal(e->be.requests, 0);
	task_rows_run(e, rows, ARRAY_SIZE(rows));
	assert_int_equal(e->be.requests, 0);
}

/* All is checked before anything is done. */
static void test_bad_ranges(void **state)
{
	static const struct range bad[] = {
		{ LAST, 2 }, { LAST + 1, 1 }, { LAST + 2, 0 }, { UINT64_MAX, 1 },
		{ UINT64_MAX, UINT32_MAX }, { 1ull << 63, 1 }, { 0, UINT32_MAX },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct range r[2] = { { 0, 8 }, bad[i] };

		unmap(e, &t, r, 2, 0);
		assert_sense(&t, SENSE_LBA_OUT_OF_RANGE);
		assert_int_equal(e->be.requests, 0);
	}
}

static void test_limits(void **state)
{
	static struct range r[256];
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < 256; i++)
		r[i] = (struct range){ i, 1 };
	unmap(e, &t, r, 255, 0);
	assert_good(&t);
	assert_int_equal(e->be.requests, 255);
	unmap(e, &t, r, 256, 0);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_LIST);
	assert_field(&t, false, 2, -1);
	assert_int_equal(e->be.requests, 0);
	/* 524288 blocks over all: five times the whole disk is too much. */
	for (unsigned i = 0; i < 5; i++)
		r[i] = (struct range){ 0, LAST + 1 };
	unmap(e, &t, r, 4, 0);
	assert_good(&t);
	unmap(e, &t, r, 5, 0);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_LIST);
	assert_field(&t, false, 8 + 4 * 16 + 8, -1);
}

static void test_descriptor_length(void **state)
{
	static const struct range r[] = { { 0, 8 }, { 8, 8 } };
	struct env *e = *state;
	struct task t;

	unmap(e, &t, r, 2, 1);
	assert_sense(&t, SENSE_PARAMETER_LIST_LENGTH);
	assert_int_equal(e->be.requests, 0);
	/* An incomplete one at the end is ignored. */
	unmap(e, &t, r, 2, -1);
	assert_good(&t);
	assert_int_equal(e->be.requests, 1);
}

static void test_error_stops(void **state)
{
	static const struct range r[] = { { 0, 8 }, { 8, 8 } };
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	unmap(e, &t, r, 2, 0);
	assert_sense(&t, SENSE_WRITE_ERROR);
	assert_int_equal(e->be.requests, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_thin, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_ranges_are_unmapped),
		T(test_nothing_to_do),
		T(test_bad_ranges),
		T(test_limits),
		T(test_descriptor_length),
		T(test_error_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
