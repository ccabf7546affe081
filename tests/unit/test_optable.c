/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include "scsi/optable.h"

#include <string.h>

static int setup(void **state)
{
	(void)state;
	optable_init();
	return 0;
}

/* What find, next and REPORT SUPPORTED OPERATION CODES rely on. */
static void test_rows_are_sound(void **state)
{
	(void)state;
	assert_in_range(optable_len, 1, 254);
	for (unsigned i = 0; i < optable_len; i++) {
		const struct scsi_op *op = &optable[i];
		bool sa = op->flags & OP_SA;

		assert_int_equal(op->usage[0], op->opcode);
		assert_true(op->cdb_len == 6 || op->cdb_len == 10 || op->cdb_len == 12 ||
			    op->cdb_len == 16);
		for (unsigned b = op->cdb_len; b < 16; b++)
			assert_int_equal(op->usage[b], 0);
		assert_int_equal(op->usage[op->cdb_len - 1], 0);
		assert_int_equal(sa ? op->usage[1] & 0x1f : 0, sa ? op->sa : 0);
		assert_non_null(op->exec);
		assert_non_null(op->name);
		if (i)
			assert_true(op->opcode > op[-1].opcode ||
				    (op->opcode == op[-1].opcode && sa && op->sa > op[-1].sa));
		/* Blocks need a range; what writes is not allowed past a missing LUN. */
		if (op->flags & OP_BLOCKS)
			assert_true(op->flags & OP_RANGE);
		if (op->flags & (OP_WRITES | OP_RANGE | OP_THIN))
			assert_false(op->flags & (OP_NO_LUN | OP_WELL_KNOWN));
	}
}

static void test_find(void **state)
{
	bool known;

	(void)state;
	for (unsigned i = 0; i < optable_len; i++) {
		uint8_t cdb[16] = { optable[i].opcode, optable[i].sa };

		assert_ptr_equal(optable_find(cdb, &known), &optable[i]);
		assert_true(known);
	}
	assert_null(optable_find((const uint8_t[16]){ 0x9e, 0x1f }, &known));
	assert_true(known);
	assert_null(optable_find((const uint8_t[16]){ 0x7f }, &known));
	assert_false(known);
}

/* Protection fields have three bits; of all others refused each bit is named by itself. */
static int field_begins(const struct scsi_op *op, int byte, int bit)
{
	return (op->flags & OP_RANGE) && byte == 1 && bit >= 5 ? 7 : bit;
}

/* Every single bit of the CDB that no map knows is refused, and named. */
static void test_every_reserved_bit_is_refused(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < optable_len; i++) {
		const struct scsi_op *op = &optable[i];

		for (int byte = 1; byte < op->cdb_len; byte++) {
			for (int bit = 0; bit < 8; bit++) {
				bool scsi2_lun = op->cdb_len == 6 && byte == 1 && bit >= 5;
				bool control = byte == op->cdb_len - 1;
				bool old_control = control && (0xc3 >> bit & 1);
				bool used = op->usage[byte] >> bit & 1;
				uint8_t cdb[16] = { op->opcode };
				int at = -1;

				cdb[byte] = (uint8_t)(1 << bit);
				if (used || scsi2_lun || old_control) {
					assert_int_equal(optable_refused(op, cdb, &at), -1);
				} else {
					assert_int_equal(optable_refused(op, cdb, &at), byte);
					assert_int_equal(at, field_begins(op, byte, bit));
					refused++;
				}
			}
		}
	}
	assert_true(refused > 300);
}

static void test_bytes_after_the_cdb_do_not_matter(void **state)
{
	uint8_t cdb[16] = { 0x00 };
	bool known;
	int bit;

	(void)state;
	memset(cdb + 6, 0xff, 10);
	assert_int_equal(optable_refused(optable_find(cdb, &known), cdb, &bit), -1);
}

static void test_naca_is_refused(void **state)
{
	uint8_t cdb[16] = { 0x28 };
	bool known;
	int bit;

	(void)state;
	cdb[9] = 0x04;
	assert_int_equal(optable_refused(optable_find(cdb, &known), cdb, &bit), 9);
	assert_int_equal(bit, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_sound),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_every_reserved_bit_is_refused),
		cmocka_unit_test(test_bytes_after_the_cdb_do_not_matter),
		cmocka_unit_test(test_naca_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
