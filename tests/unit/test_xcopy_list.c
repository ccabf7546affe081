/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameter lists of EXTENDED COPY, sound and not. */
#include "xcopy_util.h"

#define SEG0 (XCOPY_HEADER + XLUS * XCOPY_TARGET_LEN)

static struct xenv *x;
static uint8_t list[8192];
static uint32_t len;

static int setup(void **state)
{
	const struct xsegment s[2] = { { 0, 1, 5, 6, 8, false }, { XSELF, 2, 1, 2, 3, true } };

	(void)state;
	x = xenv_new();
	len = put_list(x, list, 3, LIST_ID_HOLD, s, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	xenv_free(x);
	return 0;
}

static void assert_refused(enum scsi_sense s, int byte)
{
	struct xcopy_list l;
	struct xcopy_refusal r = xcopy_list_parse(list, len, &l);

	assert_int_equal(r.sense, s);
	assert_int_equal(r.byte, byte);
}

static void test_sound_list(void **state)
{
	struct xcopy_list l;
	struct xcopy_segment s;

	(void)state;
	assert_int_equal(xcopy_list_parse(list, len, &l).sense, SENSE_OK);
	assert_int_equal(l.id, 3);
	assert_int_equal(l.usage, LIST_ID_HOLD);
	assert_int_equal(l.targets, XLUS);
	assert_int_equal(l.segments, 2);
	s = xcopy_segment(&l, 0);
	assert_int_equal(s.source, 0);
	assert_int_equal(s.dest, 1);
	assert_int_equal(s.source_lba, 5);
	assert_int_equal(s.dest_lba, 6);
	assert_int_equal(s.blocks, 8);
	assert_false(s.dest_count);
	s = xcopy_segment(&l, 1);
	assert_int_equal(s.source, XCOPY_SELF);
	assert_true(s.dest_count);
	/* What is behind the lists is not looked at. */
	len += 100;
	assert_int_equal(xcopy_list_parse(list, len, &l).sense, SENSE_OK);
}

/* Every prefix of a list is too short. */
static void test_truncated(void **state)
{
	uint32_t all = len;

	(void)state;
	for (len = 0; len < all; len++)
		assert_refused(SENSE_PARAMETER_LIST_LENGTH, -1);
}

static void test_header(void **state)
{
	static const struct {
		unsigned byte;
		uint8_t value;
		enum scsi_sense s;
		int field;
	} rows[] = {
		{ 1, 1 << 3, SENSE_INVALID_FIELD_IN_LIST, 1 },
		{ 1, 3 << 3, SENSE_INVALID_FIELD_IN_LIST, 0 }, /* an identifier that is not used */
		{ 1, 2 << 3 | 7, SENSE_OK, -1 },               /* priority */
		{ 3, XCOPY_TARGET_LEN - 1, SENSE_INVALID_FIELD_IN_LIST, 2 },
		{ 8, 0xff, SENSE_PARAMETER_LIST_LENGTH, -1 },
		{ 11, 2 * XCOPY_SEGMENT_LEN - 1, SENSE_INVALID_FIELD_IN_LIST, 8 },
		{ 15, 1, SENSE_INLINE_DATA_EXCEEDED, -1 },
	};
	uint8_t was;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		was = list[rows[i].byte];
		list[rows[i].byte] = rows[i].value;
		assert_refused(rows[i].s, rows[i].field);
		list[rows[i].byte] = was;
	}
}

static void test_descriptors(void **state)
{
	static const struct {
		unsigned byte;
		uint8_t value;
		enum scsi_sense s;
		int field;
	} rows[] = {
		{ XCOPY_HEADER, 0xe0, SENSE_TARGET_DESCRIPTOR_TYPE, -1 },
		{ XCOPY_HEADER + 32, 0xff, SENSE_TARGET_DESCRIPTOR_TYPE, -1 },
		{ XCOPY_HEADER + 33, 0xc0, SENSE_OK, -1 }, /* LU ID TYPE */
		{ XCOPY_HEADER + 7, 21, SENSE_INVALID_FIELD_IN_LIST, XCOPY_HEADER + 7 },
		{ SEG0, 0x03, SENSE_SEGMENT_DESCRIPTOR_TYPE, -1 },
		{ SEG0 + 28, 0x00, SENSE_SEGMENT_DESCRIPTOR_TYPE, -1 },
		{ SEG0 + 1, 0x04, SENSE_INVALID_FIELD_IN_LIST, SEG0 + 1 },
		{ SEG0 + 1, 0x01, SENSE_OK, -1 }, /* CAT */
		{ SEG0 + 3, 0x17, SENSE_INVALID_FIELD_IN_LIST, SEG0 + 2 },
		{ SEG0 + 30, 0x01, SENSE_INVALID_FIELD_IN_LIST, SEG0 + 30 },
	};
	uint8_t was;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		was = list[rows[i].byte];
		list[rows[i].byte] = rows[i].value;
		assert_refused(rows[i].s, rows[i].field);
		list[rows[i].byte] = was;
	}
}

/* A list of so many targets and segments. */
static void list_of(unsigned targets, unsigned segments)
{
	const struct xsegment s = { 0, 0, 0, 0, 1, false };

	memset(list, 0, XCOPY_HEADER);
	put_be16(list + 2, (uint16_t)(targets * XCOPY_TARGET_LEN));
	put_be32(list + 8, segments * XCOPY_SEGMENT_LEN);
	len = XCOPY_HEADER;
	for (unsigned i = 0; i < targets; i++, len += XCOPY_TARGET_LEN)
		put_target(list + len, x->e.lu);
	for (unsigned i = 0; i < segments; i++, len += XCOPY_SEGMENT_LEN)
		put_segment(list + len, &s);
}

static void test_limits(void **state)
{
	(void)state;
	list_of(XCOPY_TARGETS_MAX, XCOPY_SEGMENTS_MAX);
	assert_refused(SENSE_OK, -1);
	list_of(XCOPY_TARGETS_MAX + 1, 1);
	assert_refused(SENSE_TOO_MANY_TARGETS, -1);
	list_of(1, XCOPY_SEGMENTS_MAX + 1);
	assert_refused(SENSE_TOO_MANY_SEGMENTS, -1);
	list_of(XCOPY_TARGETS_MAX + 1, XCOPY_SEGMENTS_MAX + 1);
	assert_refused(SENSE_PARAMETER_LIST_LENGTH, -1);
}

/* ---- targets ---- */

static struct xcopy_target find(unsigned i)
{
	struct xcopy_list l;

	assert_int_equal(xcopy_list_parse(list, len, &l).sense, SENSE_OK);
	return xcopy_target_find(&l, i, nexus_map(x->e.a));
}

static void test_target_by_naa(void **state)
{
	(void)state;
	for (unsigned i = 0; i < XLUS; i++) {
		struct xcopy_target t = find(i);

		assert_int_equal(t.sense, SENSE_OK);
		assert_int_equal(t.lun, i);
		assert_ptr_equal(xcopy_target_itl(&t, nexus_map(x->e.a))->lu, x->lu[i]);
	}
}

static void test_target_by_t10_identifier(void **state)
{
	uint8_t *d = list + XCOPY_HEADER;

	(void)state;
	d[4] = 2;
	d[5] = 1;
	d[7] = 13;
	memcpy(d + 8, "SCST_FIOshort", 13);
	assert_int_equal(find(0).sense, SENSE_OK);
	assert_int_equal(find(0).lun, 1);
	d[7] = 12;
	assert_int_equal(find(0).sense, SENSE_COPY_UNREACHABLE);
	d[7] = 13;
	d[8] = 'T';
	assert_int_equal(find(0).sense, SENSE_COPY_UNREACHABLE);
}

static void test_target_that_is_not_there(void **state)
{
	uint8_t *d = list + XCOPY_HEADER;
	static const struct {
		unsigned byte;
		uint8_t value;
		enum scsi_sense s;
	} rows[] = {
		{ 1, 0x20, SENSE_COPY_UNREACHABLE }, /* NUL */
		{ 1, 0x01, SENSE_COPY_TARGET_TYPE }, /* a tape */
		{ 4, 2, SENSE_COPY_UNREACHABLE },
		{ 5, 0x13, SENSE_COPY_UNREACHABLE }, /* of a port */
		{ 7, 15, SENSE_COPY_UNREACHABLE },
		{ 23, 0x77, SENSE_COPY_UNREACHABLE },
		{ 30, 0x10, SENSE_COPY_TARGET_TYPE }, /* blocks of another size */
	};
	uint8_t was;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		was = d[rows[i].byte];
		d[rows[i].byte] = rows[i].value;
		assert_int_equal(find(0).sense, rows[i].s);
		d[rows[i].byte] = was;
	}
	/* Nothing said of the blocks is right. */
	d[30] = d[31] = 0;
	assert_int_equal(find(0).sense, SENSE_OK);
}

static void test_target_of_another_nexus(void **state)
{
	struct xcopy_list l;
	struct xcopy_target t = find(1);

	(void)state;
	assert_int_equal(xcopy_list_parse(list, len, &l).sense, SENSE_OK);
	assert_int_equal(xcopy_target_find(&l, 1, nexus_map(x->e.b)).sense, SENSE_COPY_UNREACHABLE);
	assert_null(xcopy_target_itl(&t, nexus_map(x->e.b)));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_sound_list),
		T(test_truncated),
		T(test_header),
		T(test_descriptors),
		T(test_limits),
		T(test_target_by_naa),
		T(test_target_by_t10_identifier),
		T(test_target_that_is_not_there),
		T(test_target_of_another_nexus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
