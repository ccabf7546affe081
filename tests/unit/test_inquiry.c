/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <stdlib.h>
#include <string.h>

static void inquiry(struct env *e, struct task *t)
{
	TASK_INIT(e, t, 0x12, 0, 0, 0, 255);
	t->sc.data_in_len = 255;
	task_run(e, t);
	assert_good(t);
}

static void test_standard_data(void **state)
{
	static const uint8_t versions[] = { 0x00, 0xa0, 0x09, 0x40, 0x04, 0x60, 0x04, 0xc0 };
	struct env *e = *state;
	struct task t;

	inquiry(e, &t);
	assert_int_equal(t.sc.data_len, 96);
	assert_int_equal(t.in[0], 0x00);
	assert_int_equal(t.in[1], 0x00);
	assert_int_equal(t.in[2], 6);
	assert_int_equal(t.in[3], 0x12);
	assert_int_equal(t.in[4], 91);
	assert_int_equal(t.in[6], 0x10);
	assert_int_equal(t.in[7], 0x02);
	assert_memory_equal(t.in + 8, "SCST_FIOdisk1            370", 28);
	assert_memory_equal(t.in + 58, versions, sizeof(versions));
	task_free(&t);
}

static void test_evpd_0_wants_page_0(void **state)
{
	static const struct task_row rows[] = {
		{ "page", { 0x12, 0, 0x83, 0, 96 }, 0, 96, SENSE_INVALID_FIELD_IN_CDB, 2 },
		{ "CMDDT", { 0x12, 2, 0, 0, 96 }, 0, 96, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "unknown page", { 0x12, 1, 0x84, 0, 96 }, 0, 96, SENSE_INVALID_FIELD_IN_CDB, 2 },
		{ "page C0", { 0x12, 1, 0xc0, 0, 96 }, 0, 96, SENSE_INVALID_FIELD_IN_CDB, 2 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

/* Initiators of SCSI-2 times put the LUN there while they do not know us. */
static void test_scsi2_lun_bits_are_ignored(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x12, 0x20, 0, 0, 36);
	t.sc.data_in_len = 36;
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
}

static struct env *open_with(const char *handler, const struct lu_params *p)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->be.handler = handler;
	if (p)
		e->params = *p;
	env_open(e);
	return e;
}

static void test_vendor_follows_the_backend(void **state)
{
	struct env *e = open_with("vdisk_blockio", NULL);
	struct task t;

	(void)state;
	inquiry(e, &t);
	assert_memory_equal(t.in + 8, "SCST_BIO", 8);
	task_free(&t);
	env_close(e);
	free(e);
}

static void test_texts_given_are_cut_and_blank_filled(void **state)
{
	const struct lu_params p = {
		.name = "a-name-longer-than-sixteen", .vendor = "ME", .revision = "12345",
		.serial = "s",
	};
	const struct lu_params q = { .name = "n", .product = "product", .serial = "s" };
	struct env *e = open_with("vdisk_fileio", &p);
	struct task t;

	(void)state;
	inquiry(e, &t);
	assert_memory_equal(t.in + 8, "ME      a-name-longer-th1234", 28);
	task_free(&t);
	env_close(e);
	free(e);
	e = open_with("vdisk_fileio", &q);
	inquiry(e, &t);
	assert_memory_equal(t.in + 16, "product             ", 20);
	task_free(&t);
	env_close(e);
	free(e);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_standard_data),
		T(test_evpd_0_wants_page_0),
		T(test_scsi2_lun_bits_are_ignored),
		cmocka_unit_test(test_vendor_follows_the_backend),
		cmocka_unit_test(test_texts_given_are_cut_and_blank_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
