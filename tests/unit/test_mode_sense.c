/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <stdlib.h>
#include <string.h>

static void sense6(struct env *e, struct task *t, uint8_t b1, uint8_t page)
{
	TASK_INIT(e, t, 0x1a, b1, page, 0, 255);
	t->sc.data_in_len = 255;
	task_run(e, t);
}

static void sense10(struct env *e, struct task *t, uint8_t b1, uint8_t page)
{
	TASK_INIT(e, t, 0x5a, b1, page, 0, 0, 0, 0, 1, 0);
	t->sc.data_in_len = 256;
	task_run(e, t);
}

static void test_headers(void **state)
{
	static const uint8_t bd[8] = { 0, 0, 0x20, 0, 0, 0, 0x02, 0 };
	static const uint8_t long_bd[16] = { 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x02, 0 };
	struct env *e = *state;
	struct task t;

	sense6(e, &t, 0, 0x08);
	assert_good(&t);
	assert_int_equal(t.in[0], t.sc.data_len - 1);
	assert_int_equal(t.in[1], 0);
	assert_int_equal(t.in[2], 0x10); /* DPOFUA */
	assert_int_equal(t.in[3], 8);
	assert_memory_equal(t.in + 4, bd, 8);
	assert_int_equal(t.in[12], 0x08);
	assert_int_equal(t.sc.data_len, 4 + 8 + 20);
	task_free(&t);

	sense6(e, &t, 0x08, 0x08); /* DBD */
	assert_int_equal(t.in[3], 0);
	assert_int_equal(t.in[4], 0x08);
	task_free(&t);

	sense10(e, &t, 0, 0x0a);
	assert_int_equal(get_be16(t.in), t.sc.data_len - 2);
	assert_int_equal(t.in[3], 0x10);
	assert_int_equal(t.in[4], 0);
	assert_int_equal(get_be16(t.in + 6), 8);
	assert_memory_equal(t.in + 8, bd, 8);
	assert_int_equal(t.in[16], 0x0a);
	task_free(&t);

	sense10(e, &t, 0x10, 0x0a); /* LLBAA */
	assert_int_equal(t.in[4], 1);
	assert_int_equal(get_be16(t.in + 6), 16);
	assert_memory_equal(t.in + 8, long_bd, 16);
	task_free(&t);
}

static void test_write_protect_bit(void **state)
{
	struct env *e = *state;
	struct task t;

	env_map_lun0(e, e->a, true);
	sense6(e, &t, 0, 0x3f);
	assert_int_equal(t.in[2], 0x90);
	task_free(&t);
	sense10(e, &t, 0, 0x3f);
	assert_int_equal(t.in[3], 0x90);
	task_free(&t);
	/* The other nexus may write. */
	TASK_INIT(e, &t, 0x1a, 0, 0x3f, 0, 255);
	t.sc.nexus = e->b;
	t.sc.data_in_len = 255;
	task_run(e, &t);
	assert_int_equal(t.in[2], 0x10);
	task_free(&t);
}

/* Each page alone is the same as in the list of all, and the list ascends. */
static void test_all_pages(void **state)
{
	static const uint8_t codes[] = { 0x01, 0x02, 0x08, 0x0a, 0x1c };
	struct env *e = *state;
	struct task all, one;
	unsigned at = 4;

	sense6(e, &all, 0x08, 0x3f);
	assert_good(&all);
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		sense6(e, &one, 0x08, codes[i]);
		assert_good(&one);
		assert_int_equal(all.in[at], codes[i]);
		assert_int_equal(one.sc.data_len, 4 + 2 + all.in[at + 1]);
		assert_memory_equal(one.in + 4, all.in + at, one.sc.data_len - 4);
		at += 2 + all.in[at + 1];
		task_free(&one);
	}
	assert_int_equal(at, all.sc.data_len);
	task_free(&all);
}

/* With subpages: the control extension page behind the control page. */
static void test_all_pages_and_subpages(void **state)
{
	static const uint8_t want[] = { 0x01, 0x02, 0x08, 0x0a, 0x4a, 0x1c };
	struct env *e = *state;
	struct task t;
	unsigned at = 4, i;

	TASK_INIT(e, &t, 0x1a, 0x08, 0x3f, 0xff, 255);
	t.sc.data_in_len = 255;
	task_run(e, &t);
	assert_good(&t);
	for (i = 0; at < t.sc.data_len; i++) {
		assert_int_equal(t.in[at], want[i]);
		at += t.in[at] & 0x40 ? 4u + get_be16(t.in + at + 2) : 2u + t.in[at + 1];
	}
	assert_int_equal(i, sizeof(want));
	assert_int_equal(at, t.sc.data_len);
	task_free(&t);

	TASK_INIT(e, &t, 0x1a, 0x08, 0x0a, 0x01, 255);
	t.sc.data_in_len = 255;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 4 + 32);
	assert_int_equal(get_be32(t.in + 4), 0x4a01001c);
	assert_int_equal(t.in[4 + 4] & 0x07, 0x01);
	task_free(&t);
	TASK_INIT(e, &t, 0x1a, 0x08, 0x0a, 0xff, 255);
	t.sc.data_in_len = 255;
	task_run(e, &t);
	assert_int_equal(t.sc.data_len, 4 + 12 + 32);
	task_free(&t);
}

static struct env *open_without_cache(void)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->be.info.write_cache = false;
	env_open(e);
	return e;
}

static void test_caching_page_tells_the_truth(void **state)
{
	struct env *e = *state, *none = open_without_cache();
	struct task t;

	sense6(e, &t, 0x08, 0x08);
	assert_int_equal(t.in[5], 0x12);
	assert_int_equal(t.in[6], 0x04);
	task_free(&t);
	sense6(e, &t, 0x08, 0x48);
	assert_int_equal(t.in[6], 0x04);
	task_free(&t);
	/* No volatile cache: nothing to switch on. */
	for (unsigned pc = 0; pc < 3; pc++) {
		sense6(none, &t, 0x08, (uint8_t)(pc << 6 | 0x08));
		assert_int_equal(t.in[6], 0);
		task_free(&t);
	}
	env_close(none);
	free(none);
}

static void test_control_page(void **state)
{
	struct env *e = *state;
	struct task t;

	sense6(e, &t, 0x08, 0x0a);
	assert_int_equal(t.in[4 + 1], 0x0a);
	assert_int_equal(t.in[4 + 2], 0x02); /* D_SENSE: fixed format is what we send */
	assert_int_equal(t.in[4 + 3], 0x10);
	assert_int_equal(t.in[4 + 4], 0);
	assert_int_equal(t.in[4 + 5], 0x40);     /* TAS: as task management does */
	task_free(&t);
	sense6(e, &t, 0x08, 0x4a);
	assert_int_equal(t.in[4 + 2], 0x04); /* D_SENSE */
	assert_int_equal(t.in[4 + 3], 0x06); /* QERR */
	assert_int_equal(t.in[4 + 4], 0x08); /* SWP */
	assert_int_equal(t.in[4 + 5], 0x40); /* TAS */
	task_free(&t);
}

static void test_page_control(void **state)
{
	struct env *e = *state;
	struct task cur, def, chg;
	unsigned bits = 0;

	sense6(e, &cur, 0, 0x3f);
	sense6(e, &chg, 0, 0x7f);
	sense6(e, &def, 0, 0xbf);
	assert_int_equal(cur.sc.data_len, def.sc.data_len);
	assert_memory_equal(cur.in, def.in, cur.sc.data_len);
	assert_int_equal(chg.sc.data_len, cur.sc.data_len);
	for (unsigned at = 12; at < chg.sc.data_len; at += 2 + chg.in[at + 1])
		for (unsigned i = 2; i < 2u + chg.in[at + 1]; i++)
			bits += (unsigned)__builtin_popcount(chg.in[at + i]);
	assert_int_equal(bits, 6); /* WCE, D_SENSE, QERR, SWP, TAS */
	task_free(&cur);
	task_free(&chg);
	task_free(&def);
	/* Nothing is kept of this LU. */
	sense6(e, &cur, 0, 0xff);
	assert_sense(&cur, SENSE_SAVING_NOT_SUPPORTED);
	sense10(e, &cur, 0, 0xc8);
	assert_sense(&cur, SENSE_SAVING_NOT_SUPPORTED);
}

static void test_pages_and_subpages(void **state)
{
	static const struct task_row rows[] = {
		{ "unknown page", { 0x1a, 0, 0x03, 0, 255 }, 0, 255, SENSE_INVALID_FIELD_IN_CDB,
		  2 },
		{ "page 0", { 0x1a, 0, 0x00, 0, 255 }, 0, 255, SENSE_INVALID_FIELD_IN_CDB, 2 },
		{ "subpage FF", { 0x1a, 0, 0x3f, 0xff, 255 }, 0, 255, SENSE_OK, -1 },
		{ "subpage FF of one", { 0x1a, 0, 0x0a, 0xff, 255 }, 0, 255, SENSE_OK, -1 },
		{ "subpage FF of one without", { 0x1a, 0, 0x08, 0xff, 255 }, 0, 255, SENSE_OK,
		  -1 },
		{ "subpage 2", { 0x1a, 0, 0x0a, 0x02, 255 }, 0, 255, SENSE_INVALID_FIELD_IN_CDB,
		  3 },
		{ "10: subpage 1", { 0x5a, 0, 0x3f, 1, 0, 0, 0, 0, 255 }, 0, 255,
		  SENSE_INVALID_FIELD_IN_CDB, 3 },
		{ "6: LLBAA", { 0x1a, 0x10, 0x3f, 0, 255 }, 0, 255, SENSE_INVALID_FIELD_IN_CDB, 1 },
		{ "4 bytes", { 0x1a, 0, 0x3f, 0, 4 }, 0, 4, SENSE_OK, -1 },
		{ "0 bytes", { 0x1a, 0, 0x3f, 0, 0 }, 0, 0, SENSE_OK, -1 },
	};

	task_rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_descriptor_of_a_large_disk(void **state)
{
	struct env *e = malloc(sizeof(*e));
	struct task t;

	(void)state;
	env_init(e);
	e->be.info.size = 4ull << 40;
	env_open(e);
	sense6(e, &t, 0, 0x08);
	assert_int_equal(get_be32(t.in + 4), 0xffffffff);
	task_free(&t);
	sense10(e, &t, 0x10, 0x08);
	assert_int_equal(get_be64(t.in + 8), (4ull << 40) / 512);
	task_free(&t);
	env_close(e);
	free(e);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_headers),
		T(test_write_protect_bit),
		T(test_all_pages),
		T(test_all_pages_and_subpages),
		T(test_caching_page_tells_the_truth),
		T(test_control_page),
		T(test_page_control),
		T(test_pages_and_subpages),
		cmocka_unit_test(test_descriptor_of_a_large_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
