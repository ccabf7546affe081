/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of mode pages, parameter lists of MODE SELECT, what is kept. */
#include "scsi_env.h"

#include "scsi/mode.h"

#include <errno.h>
#include <string.h>

#define CONTROL 0x0a, 10
#define CACHING 0x08, 18
/* Control page with bytes 2 to 5 as given, and caching page with byte 2. */
#define CONTROL_PAGE(b2, b3, b4, b5) CONTROL, b2, b3, b4, b5, 0, 0, 0xff, 0xff, 0, 0
#define CACHING_PAGE(b2) CACHING, b2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

static void test_pages_are_sound(void **state)
{
	struct env *e = *state;
	uint8_t page[MODE_PAGE_MAX], mask[MODE_PAGE_MAX];

	for (unsigned i = 0; i < mode_pages_len; i++) {
		const struct mode_page *p = &mode_pages[i];
		unsigned header = mode_page_header(p);

		assert_ptr_equal(mode_page_find(p->code, p->subpage), p);
		assert_int_equal(p->bytes[0], p->code | (p->subpage ? MODE_SPF : 0));
		assert_int_equal(header + (header == 4 ? get_be16(p->bytes + 2) : p->bytes[1]),
				 p->len);
		if (i)
			assert_true((p->code << 8 | p->subpage) >
				    (p[-1].code << 8 | p[-1].subpage));
		/* All ones in what can change, nothing else touched. */
		mode_page_build(e->lu, p, UINT32_MAX & 0x31111, page);
		mode_page_mask(e->lu, p, mask);
		for (unsigned b = header; b < p->len; b++)
			assert_int_equal(page[b], p->bytes[b] | mask[b]);
	}
}

static void test_reset_goes_back_to_what_is_saved(void **state)
{
	struct env *e = *state;
	mode_values was = mode_current(e->lu);

	assert_int_equal(was, mode_default(e->lu));
	mode_publish(e->lu, mode_set(mode_set(was, MODE_SWP, 1), MODE_QERR, 3));
	assert_true(atomic_load(&e->lu->modes.swp));
	assert_int_equal(atomic_load(&e->lu->modes.qerr), 3);
	mode_reset(e->lu);
	assert_int_equal(mode_current(e->lu), was);
}

/* ---- parameter lists ---- */

struct list_row {
	const char *what;
	bool ten;
	uint8_t len;
	uint8_t list[48];
	enum scsi_sense sense; /* SENSE_OK: taken */
	int byte, bit;
};

static void rows_run(struct env *e, const struct list_row *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct list_row *r = &rows[i];
		mode_values v = mode_default(e->lu);
		struct mode_fault f = { SENSE_OK, 0, 0 };

		print_message("           %s\n", r->what);
		assert_int_equal(mode_list_apply(e->lu, r->list, r->len, r->ten, &v, &f),
				 r->sense == SENSE_OK);
		assert_int_equal(f.sense, r->sense);
		if (r->sense != SENSE_INVALID_FIELD_IN_LIST)
			continue;
		assert_int_equal(f.byte, r->byte);
		assert_int_equal(f.bit, r->bit);
	}
}

#define LENGTH SENSE_PARAMETER_LIST_LENGTH
#define FIELD SENSE_INVALID_FIELD_IN_LIST

/* The fake disk has 8192 (2000h) blocks of 512 bytes. */
static void test_headers_and_descriptors(void **state)
{
	static const struct list_row rows[] = {
		{ "header alone", false, 4, { 0 }, SENSE_OK, 0, 0 },
		{ "header alone, 10", true, 8, { 0 }, SENSE_OK, 0, 0 },
		{ "data length, WP and DPOFUA are ignored", false, 4, { 23, 0, 0x90 }, SENSE_OK,
		  0, 0 },
		{ "3 bytes", false, 3, { 0 }, LENGTH, 0, 0 },
		{ "7 bytes, 10", true, 7, { 0 }, LENGTH, 0, 0 },
		{ "medium type", false, 4, { 0, 1 }, FIELD, 1, -1 },
		{ "medium type, 10", true, 8, { 0, 0, 1 }, FIELD, 2, -1 },
		{ "as it is", false, 12, { 0, 0, 0, 8, 0, 0, 0x20, 0, 0, 0, 2, 0 }, SENSE_OK, 0,
		  0 },
		{ "0 blocks: as it is", false, 12, { 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 2, 0 },
		  SENSE_OK, 0, 0 },
		{ "all blocks", false, 12, { 0, 0, 0, 8, 255, 255, 255, 255, 0, 0, 2, 0 },
		  SENSE_OK, 0, 0 },
		{ "fewer blocks", false, 12, { 0, 0, 0, 8, 0, 0, 0x1f, 0xff, 0, 0, 2, 0 }, FIELD,
		  4, -1 },
		{ "4096-byte blocks", false, 12, { 0, 0, 0, 8, 0, 0, 0x20, 0, 0, 0, 16, 0 },
		  FIELD, 9, -1 },
		{ "descriptor cut off", false, 11, { 0, 0, 0, 8, 0, 0, 0x20, 0, 0, 0, 2 }, LENGTH,
		  0, 0 },
		{ "descriptor of 7", false, 12, { 0, 0, 0, 7 }, FIELD, 3, -1 },
		{ "descriptor of 16 in (6)", false, 20, { 0, 0, 0, 16 }, FIELD, 3, -1 },
		{ "long descriptor", true, 24,
		  { 0, 0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 2, 0 },
		  SENSE_OK, 0, 0 },
		{ "short one with LONGLBA", true, 16,
		  { 0, 0, 0, 0, 1, 0, 0, 8, 0, 0, 0x20, 0, 0, 0, 2, 0 }, FIELD, 6, -1 },
		{ "long one without LONGLBA", true, 24,
		  { 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 2, 0 },
		  FIELD, 6, -1 },
		{ "long one, more blocks", true, 24,
		  { 0, 0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0x20, 1, 0, 0, 0, 0, 0, 0, 2, 0 },
		  FIELD, 8, -1 },
		{ "long one, other blocks", true, 24,
		  { 0, 0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 4, 0 },
		  FIELD, 20, -1 },
	};

	rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_pages(void **state)
{
	static const struct list_row rows[] = {
		{ "control as it is", false, 16, { 0, 0, 0, 0, CONTROL_PAGE(2, 0x10, 0, 0x40) },
		  SENSE_OK, 0, 0 },
		{ "with PS, as it was told", false, 16,
		  { 0, 0, 0, 0, 0x8a, 10, 2, 0x10, 0, 0x40, 0, 0, 0xff, 0xff, 0, 0 }, SENSE_OK, 0,
		  0 },
		{ "page cut off", false, 15, { 0, 0, 0, 0, CONTROL_PAGE(2, 0x10, 0, 0x40) },
		  LENGTH, 0, 0 },
		{ "page of one byte", false, 5, { 0, 0, 0, 0, 0x0a }, LENGTH, 0, 0 },
		{ "too short for a subpage", false, 7, { 0, 0, 0, 0, 0x4a, 1, 0 }, LENGTH, 0, 0 },
		{ "page length too small", false, 15, { 0, 0, 0, 0, 0x0a, 9, 2, 0x10 }, FIELD, 5,
		  -1 },
		{ "page length too big", false, 17, { 0, 0, 0, 0, 0x0a, 11, 2, 0x10 }, FIELD, 5,
		  -1 },
		{ "unknown page", false, 16, { 0, 0, 0, 0, 0x03, 10 }, FIELD, 4, 5 },
		{ "page 3F", false, 16, { 0, 0, 0, 0, 0x3f, 10 }, FIELD, 4, 5 },
		{ "unknown subpage", false, 16, { 0, 0, 0, 0, 0x4a, 2, 0, 8 }, FIELD, 5, -1 },
		{ "subpage 0 with SPF", false, 16, { 0, 0, 0, 0, 0x4a, 0, 0, 8 }, FIELD, 4, 6 },
		{ "control extension as it is", false, 36,
		  { 0, 0, 0, 0, 0x4a, 1, 0, 28, 0x01, 0, 252 }, SENSE_OK, 0, 0 },
		{ "IALUAE", false, 36, { 0, 0, 0, 0, 0x4a, 1, 0, 28, 0x00, 0, 252 }, FIELD, 8,
		  0 },
		{ "subpage length", false, 36, { 0, 0, 0, 0, 0x4a, 1, 0, 27, 0x00, 0, 252 },
		  FIELD, 6, -1 },
		{ "TST", false, 16, { 0, 0, 0, 0, CONTROL_PAGE(0x22, 0x10, 0, 0x40) }, FIELD, 6,
		  5 },
		{ "QERR 2", false, 16, { 0, 0, 0, 0, CONTROL_PAGE(2, 0x14, 0, 0x40) }, FIELD, 7,
		  2 },
		{ "busy timeout", false, 16,
		  { 0, 0, 0, 0, CONTROL, 2, 0x10, 0, 0x40, 0, 0, 0, 0xff, 0, 0 }, FIELD, 12, 7 },
		{ "RCD", false, 24, { 0, 0, 0, 0, CACHING_PAGE(0x05) }, FIELD, 6, 0 },
		{ "a bad page behind a good one", false, 36,
		  { 0, 0, 0, 0, CONTROL_PAGE(6, 0x10, 0, 0x40), CACHING_PAGE(0x01) }, FIELD, 18,
		  0 },
		{ "10, behind a descriptor", true, 28,
		  { 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0x20, 0, 0, 0, 2, 0,
		    CONTROL_PAGE(2, 0x10, 0x80, 0x40) }, FIELD, 20, 7 },
	};

	rows_run(*state, rows, ARRAY_SIZE(rows));
}

static void test_values_are_taken(void **state)
{
	static const uint8_t list[] = { 0, 0, 0, 0, CONTROL_PAGE(6, 0x16, 8, 0), CACHING_PAGE(0) };
	struct env *e = *state;
	mode_values v = mode_default(e->lu);
	struct mode_fault f;

	assert_true(mode_list_apply(e->lu, list, sizeof(list), false, &v, &f));
	assert_int_equal(mode_get(v, MODE_D_SENSE), 1);
	assert_int_equal(mode_get(v, MODE_QERR), 3);
	assert_int_equal(mode_get(v, MODE_SWP), 1);
	assert_int_equal(mode_get(v, MODE_TAS), 0);
	assert_int_equal(mode_get(v, MODE_WCE), 0);
	assert_int_equal(mode_current(e->lu), mode_default(e->lu));
}

/* ---- what is kept ---- */

static void test_state_round_trip(void **state)
{
	struct env *e = *state;
	uint8_t p[64];
	size_t n;

	assert_int_equal(mode_state_encode(e->lu, p, sizeof(p)), 0);
	e->lu->modes.keep = mode_set(mode_set(mode_default(e->lu), MODE_QERR, 1), MODE_WCE, 0);
	n = mode_state_encode(e->lu, p, sizeof(p));
	assert_int_equal(n, 4);
	assert_memory_equal(p, ((const uint8_t[]){ 3, 0, 4, 1 }), 4);
	mode_init(e->lu);
	assert_int_equal(mode_state_decode(e->lu, p, n), 0);
	assert_int_equal(mode_get(mode_saved(e->lu), MODE_QERR), 1);
	assert_false(atomic_load(&e->lu->modes.wce));
	assert_int_equal(mode_current(e->lu), mode_saved(e->lu));
}

static void test_state_of_another_disk(void **state)
{
	static const struct {
		uint8_t len, p[8];
	} bad[] = {
		{ 0, { 0 } },          { 1, { 0 } },          { 3, { 0, 0, 1 } },
		{ 2, { 5, 0 } },       { 2, { 0, 2 } },       { 2, { 4, 2 } },
		{ 2, { 4, 4 } },       { 4, { 1, 1, 1, 1 } }, { 4, { 1, 1, 255, 0 } },
	};
	struct env *e = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(mode_state_decode(e->lu, bad[i].p, bad[i].len), -EINVAL);
		assert_int_equal(mode_saved(e->lu), mode_default(e->lu));
	}
	/* It had a cache then, and has none now. */
	e->be.info.write_cache = false;
	mode_init(e->lu);
	assert_int_equal(mode_state_decode(e->lu, (const uint8_t[]){ 3, 1, 1, 1 }, 4), 0);
	assert_false(atomic_load(&e->lu->modes.wce));
	assert_true(atomic_load(&e->lu->modes.swp));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_pages_are_sound),
		T(test_reset_goes_back_to_what_is_saved),
		T(test_headers_and_descriptors),
		T(test_pages),
		T(test_values_are_taken),
		T(test_state_round_trip),
		T(test_state_of_another_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
