/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIB (1ull << 40)

/* A disk of @size bytes instead of the usual 4 MiB. */
static struct env *env_of_size(uint64_t size, uint32_t block)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->be.info.size = size;
	e->be.info.block_size = block;
	env_open(e);
	return e;
}

static void env_done(struct env *e)
{
	env_close(e);
	free(e);
}

/* ---- READ and WRITE ---- */

struct rw {
	uint8_t read, write;
	unsigned len; /* of the CDB */
};

static const struct rw forms[] = {
	{ 0x08, 0x0a, 6 }, { 0x28, 0x2a, 10 }, { 0xa8, 0xaa, 12 }, { 0x88, 0x8a, 16 },
};

static void put_rw(uint8_t cdb[16], uint8_t opcode, unsigned len, uint64_t lba, uint32_t n)
{
	memset(cdb, 0, 16);
	cdb[0] = opcode;
	if (len == 6) {
		put_be24(cdb + 1, (uint32_t)lba);
		cdb[4] = (uint8_t)n;
	} else if (len == 10) {
		put_be32(cdb + 2, (uint32_t)lba);
		put_be16(cdb + 7, (uint16_t)n);
	} else if (len == 12) {
		put_be32(cdb + 2, (uint32_t)lba);
		put_be32(cdb + 6, n);
	} else {
		put_be64(cdb + 2, lba);
		put_be32(cdb + 10, n);
	}
}

static enum scsi_sense sense_of(const struct task *t)
{
	const uint8_t *is = t->sc.sense;
	uint8_t p[SENSE_FIXED_LEN];

	for (unsigned s = 0; s < SENSE_COUNT; s++) {
		if (sense_status((enum scsi_sense)s) != t->sc.status)
			continue;
		sense_build(p, (enum scsi_sense)s, false);
		if (t->sc.status != SCSI_CHECK_CONDITION ||
		    (p[2] == is[2] && p[12] == is[12] && p[13] == is[13]))
			return (enum scsi_sense)s;
	}
	return SENSE_COUNT;
}

/* How a transfer of @n blocks at @lba ends. */
static enum scsi_sense rw_run(struct env *e, uint8_t opcode, unsigned len, uint64_t lba, uint32_t n)
{
	bool write = opcode & 2;
	uint64_t bytes = (uint64_t)(len == 6 && !(n & 0xff) ? 256 : n) * e->be.info.block_size;
	enum scsi_sense s;
	uint8_t cdb[16];
	struct task t;

	put_rw(cdb, opcode, len, lba, n);
	task_init(e, &t, cdb, 16);
	if (write)
		task_out(&t, NULL, (uint32_t)min_u64(bytes, 8u << 20));
	else
		t.sc.data_in_len = (uint32_t)min_u64(bytes, 8u << 20);
	task_run(e, &t);
	s = sense_of(&t);
	task_free(&t);
	return s;
}

static void test_written_data_is_read_back_in_every_form(void **state)
{
	struct env *e = *state;
	uint8_t data[1024], cdb[16];
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
		for (unsigned b = 0; b < sizeof(data); b++)
			data[b] = (uint8_t)(b * 7 + i);
		put_rw(cdb, forms[i].write, forms[i].len, 100 + i, 2);
		task_init(e, &t, cdb, 16);
		task_out(&t, data, sizeof(data));
		task_run(e, &t);
		assert_good(&t);
		task_free(&t);
		assert_memory_equal(e->be.bytes + (100 + i) * 512, data, sizeof(data));
		for (unsigned j = 0; j < ARRAY_SIZE(forms); j++) {
			put_rw(cdb, forms[j].read, forms[j].len, 100 + i, 2);
			task_init(e, &t, cdb, 16);
			t.sc.data_in_len = sizeof(data);
			task_run(e, &t);
			assert_good(&t);
			assert_int_equal(t.sc.data_len, sizeof(data));
			assert_memory_equal(t.in, data, sizeof(data));
			task_free(&t);
		}
	}
}

static void test_length_0_of_the_6_byte_forms_is_256(void **state)
{
	struct env *e = *state;

	assert_int_equal(rw_run(e, 0x08, 6, 5, 0), SENSE_OK);
	assert_int_equal(rw_run(e, 0x0a, 6, 6, 0), SENSE_OK);
	assert_int_equal(e->be.requests, 2);
	assert_int_equal(e->be.log[0].off, 5 * 512);
	assert_int_equal(e->be.log[0].len, 256 * 512);
	assert_int_equal(e->be.log[1].len, 256 * 512);
}

static void test_length_0_of_the_others_moves_nothing(void **state)
{
	struct env *e = *state;

	for (unsigned i = 1; i < ARRAY_SIZE(forms); i++) {
		assert_int_equal(rw_run(e, forms[i].read, forms[i].len, 0, 0), SENSE_OK);
		assert_int_equal(rw_run(e, forms[i].write, forms[i].len, 0, 0), SENSE_OK);
		assert_int_equal(rw_run(e, forms[i].read, forms[i].len, 8192, 0), SENSE_OK);
		assert_int_equal(rw_run(e, forms[i].read, forms[i].len, 8193, 0),
				 SENSE_LBA_OUT_OF_RANGE);
		assert_int_equal(rw_run(e, forms[i].write, forms[i].len, 8193, 0),
				 SENSE_LBA_OUT_OF_RANGE);
	}
	assert_int_equal(e->be.requests, 0);
}

static void test_edges_of_the_medium(void **state)
{
	struct env *e = *state;
	static const struct {
		unsigned form; /* the first that can say it */
		uint64_t lba;
		uint32_t n;
		enum scsi_sense s;
	} rows[] = {
		{ 0, 8191, 1, SENSE_OK },
		{ 0, 8192 - 255, 255, SENSE_OK },
		{ 0, 8192 - 254, 255, SENSE_LBA_OUT_OF_RANGE },
		{ 0, 8192, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 0, 0x1fffff, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 1, 0x7fffffff, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 1, 0x80000000, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 1, 0xffffffff, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 1, 0xffffffff, 0, SENSE_LBA_OUT_OF_RANGE },
		{ 1, 0, 0xffff, SENSE_LBA_OUT_OF_RANGE },
		{ 2, 0, 0xffffffff, SENSE_LBA_OUT_OF_RANGE },
		{ 2, 0xffffffff, 0xffffffff, SENSE_LBA_OUT_OF_RANGE },
		{ 3, 0x100000000ull, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 3, 0x7fffffffffffffffull, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 3, 0x8000000000000000ull, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 3, 0xffffffffffffffffull, 1, SENSE_LBA_OUT_OF_RANGE },
		{ 3, 0xffffffffffffffffull, 0, SENSE_LBA_OUT_OF_RANGE },
		{ 3, 0xffffffffffffffffull, 2, SENSE_LBA_OUT_OF_RANGE },
		{ 3, 0xffffffffffffffffull, 0xffffffff, SENSE_LBA_OUT_OF_RANGE },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned f = rows[i].form; f < ARRAY_SIZE(forms); f++) {
			uint8_t ops[] = { forms[f].read, forms[f].write };

			for (unsigned o = 0; o < 2; o++)
				assert_int_equal(rw_run(e, ops[o], forms[f].len, rows[i].lba,
							rows[i].n), rows[i].s);
		}
	}
}

static void test_more_than_2_tib(void **state)
{
	struct env *e = env_of_size(8 * TIB, 512);
	uint64_t last = 8 * TIB / 512 - 1;
	struct task t;

	(void)state;
	e->be.window = 8 * TIB - FAKE_WINDOW;
	assert_int_equal(rw_run(e, 0x8a, 16, last, 1), SENSE_OK);
	assert_int_equal(rw_run(e, 0x88, 16, last, 2), SENSE_LBA_OUT_OF_RANGE);
	assert_int_equal(rw_run(e, 0x88, 16, 0x100000000ull, 1), SENSE_OK);
	assert_int_equal(e->be.log[0].off, last * 512);
	assert_int_equal(e->be.log[1].off, 0x100000000ull * 512);
	TASK_INIT(e, &t, 0x25);
	t.sc.data_in_len = 8;
	task_run(e, &t);
	assert_int_equal(get_be32(t.in), 0xffffffff);
	task_free(&t);
	TASK_INIT(e, &t, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
	t.sc.data_in_len = 32;
	task_run(e, &t);
	assert_int_equal(get_be64(t.in), last);
	task_free(&t);
	env_done(e);
}

static void test_4096_byte_blocks(void **state)
{
	struct env *e = env_of_size(4u << 20, 4096);
	struct task t;

	(void)state;
	assert_int_equal(rw_run(e, 0x2a, 10, 3, 2), SENSE_OK);
	assert_int_equal(e->be.log[0].off, 3 * 4096);
	assert_int_equal(e->be.log[0].len, 2 * 4096);
	assert_int_equal(rw_run(e, 0x28, 10, 1023, 1), SENSE_OK);
	assert_int_equal(rw_run(e, 0x28, 10, 1023, 2), SENSE_LBA_OUT_OF_RANGE);
	TASK_INIT(e, &t, 0x25);
	t.sc.data_in_len = 8;
	task_run(e, &t);
	assert_int_equal(get_be32(t.in), 1023);
	assert_int_equal(get_be32(t.in + 4), 4096);
	task_free(&t);
	env_done(e);
}

static void test_transfer_limit(void **state)
{
	struct env *e = env_of_size(64u << 20, 512);
	uint32_t max = IOBUF_MAX_SIZE / 512;
	uint8_t cdb[16];
	struct task t;

	(void)state;
	assert_int_equal(rw_run(e, 0x28, 10, 0, max), SENSE_OK);
	assert_int_equal(rw_run(e, 0x2a, 10, 0, max), SENSE_OK);
	for (unsigned i = 1; i < ARRAY_SIZE(forms); i++) {
		static const uint8_t length_at[] = { 4, 7, 6, 10 };

		put_rw(cdb, forms[i].read, forms[i].len, 0, max + 1);
		task_init(e, &t, cdb, 16);
		t.sc.data_in_len = 8u << 20;
		task_run(e, &t);
		assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
		assert_field(&t, true, length_at[i], -1);
	}
	env_done(e);
}

static void test_fua_write_reaches_the_backend(void **state)
{
	struct env *e = *state;
	struct task t;

	for (unsigned b1 = 0; b1 < 4; b1++) {
		uint8_t flags = (uint8_t)(b1 << 3); /* FUA 08h, DPO 10h */

		e->be.requests = 0;
		TASK_INIT(e, &t, 0x2a, flags, 0, 0, 0, 0, 0, 0, 1);
		task_out(&t, NULL, 512);
		task_run(e, &t);
		assert_good(&t);
		task_free(&t);
		assert_int_equal(e->be.requests, 1);
		assert_int_equal(e->be.log[0].flags, flags & 0x08 ? BE_FUA : 0);
	}
}

/* Bits 4 and 3 of byte 1 are LBA in the 6-byte form. */
static void test_6_byte_forms_have_no_fua(void **state)
{
	struct env *e = env_of_size(1u << 30, 512);

	(void)state;
	assert_int_equal(rw_run(e, 0x0a, 6, 0x080000, 1), SENSE_OK);
	assert_int_equal(rw_run(e, 0x08, 6, 0x180000, 1), SENSE_OK);
	assert_int_equal(e->be.requests, 2);
	assert_int_equal(e->be.log[0].off, 0x080000 * 512);
	assert_int_equal(e->be.log[0].flags, 0);
	assert_int_equal(e->be.log[1].op, BE_READ);
	env_done(e);
}

static void test_fua_read_flushes_first(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x28, 0x08, 0, 0, 0, 0, 0, 0, 1);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_good(&t);
	task_free(&t);
	assert_int_equal(e->be.requests, 2);
	assert_int_equal(e->be.log[0].op, BE_FLUSH);
	assert_int_equal(e->be.log[1].op, BE_READ);
	e->be.fail = -EIO;
	e->be.fail_op = BE_FLUSH;
	TASK_INIT(e, &t, 0x28, 0x08, 0, 0, 0, 0, 0, 0, 1);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_sense(&t, SENSE_WRITE_ERROR);
	assert_int_equal(e->be.requests, 3);
}

static void test_backend_errors(void **state)
{
	static const struct {
		int err;
		enum scsi_sense read, write;
	} rows[] = {
		{ -EIO, SENSE_READ_ERROR, SENSE_WRITE_ERROR },
		{ -ENOSPC, SENSE_SPACE_ALLOCATION_FAILED, SENSE_SPACE_ALLOCATION_FAILED },
		{ -EROFS, SENSE_WRITE_PROTECTED, SENSE_WRITE_PROTECTED },
		{ -ENODEV, SENSE_LU_COMMUNICATION, SENSE_LU_COMMUNICATION },
		{ -ENOMEM, SENSE_BUSY, SENSE_BUSY },
	};
	struct env *e = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		e->be.fail = rows[i].err;
		assert_int_equal(rw_run(e, 0x28, 10, 9, 1), rows[i].read);
		assert_int_equal(rw_run(e, 0x2a, 10, 9, 1), rows[i].write);
	}
}

static void test_information_is_the_lba(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	TASK_INIT(e, &t, 0x28, 0, 0, 0, 0x12, 0x34, 0, 0, 1);
	t.sc.data_in_len = 512;
	task_run(e, &t);
	assert_sense(&t, SENSE_READ_ERROR);
	assert_int_equal(t.sc.sense[0], 0xf0);
	assert_int_equal(get_be32(t.sc.sense + 3), 0x1234);
}

/* ---- SYNCHRONIZE CACHE, START STOP UNIT ---- */

static void test_synchronize_cache(void **state)
{
	static const struct task_row rows[] = {
		{ "all", { 0x35 }, 0, 0, SENSE_OK, -1 },
		{ "range", { 0x35, 0, 0, 0, 0x1f, 0xff, 0, 0, 1 }, 0, 0, SENSE_OK, -1 },
		{ "16", { 0x91 }, 0, 0, SENSE_OK, -1 },
		{ "too far", { 0x35, 0, 0, 0, 0x1f, 0xff, 0, 0, 2 }, 0, 0, SENSE_LBA_OUT_OF_RANGE,
		  -1 },
		{ "LBA behind the end", { 0x35, 0, 0, 0, 0x20, 0x01 }, 0, 0, SENSE_LBA_OUT_OF_RANGE,
		  -1 },
		{ "16 far", { 0x91, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 0, 0,
		  SENSE_LBA_OUT_OF_RANGE, -1 },
		{ "SYNC_NV", { 0x35, 0x04 }, 0, 0, SENSE_INVALID_FIELD_IN_CDB, 1 },
	};
	struct env *e = *state;

	task_rows_run(e, rows, ARRAY_SIZE(rows));
	assert_int_equal(e->be.requests, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(e->be.log[i].op, BE_FLUSH);
}

static void test_synchronize_cache_waits_unless_immed(void **state)
{
	struct env *e = *state;
	struct task t, i[2];

	e->be.hold = true;
	TASK_INIT(e, &t, 0x35);
	scsi_submit(&t.sc);
	env_pump(e);
	assert_int_equal(t.responds, 0);
	fake_backend_finish(&e->be, 0);
	assert_int_equal(t.responds, 1);
	assert_good(&t);

	/* The second comes while the flush of the first runs: it needs one of its own. */
	for (unsigned n = 0; n < 2; n++) {
		TASK_INIT(e, &i[n], 0x35, 0x02);
		scsi_submit(&i[n].sc);
		assert_int_equal(i[n].responds, 1);
		assert_good(&i[n]);
	}
	assert_int_equal(e->be.requests, 2);
	fake_backend_finish(&e->be, 0);
	assert_int_equal(e->be.requests, 3);
	fake_backend_finish(&e->be, -EIO);
	assert_int_equal(e->be.requests, 3);
}

static uint8_t sync_status(struct env *e, struct nexus *n, uint8_t immed)
{
	struct task t;

	TASK_INIT(e, &t, 0x35, immed);
	t.sc.nexus = n;
	task_run(e, &t);
	if (t.sc.status)
		assert_sense(&t, SENSE_WRITE_ERROR);
	return t.sc.status;
}

/* The backend tells of lost writes once, whoever asked; each nexus hears of it once. */
static void test_a_flush_that_failed_is_told_to_all(void **state)
{
	struct lun_entry map = { 0, false, NULL };
	struct env *e = *state;
	struct task t;

	map.lu = e->lu;
	env_map(e, e->b, &map, 1);
	env_clear_ua(e->b);
	e->be.fail = -EIO;
	e->be.fail_op = BE_FLUSH;
	assert_int_equal(sync_status(e, e->a, 0x02), SCSI_GOOD);
	e->be.fail = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct nexus *n = i ? e->b : e->a;

		assert_int_equal(sync_status(e, n, 0x02), SCSI_GOOD);
		assert_int_equal(sync_status(e, n, 0), SCSI_CHECK_CONDITION);
		assert_int_equal(sync_status(e, n, 0), SCSI_GOOD);
	}
	/* Also of one whose command was aborted; who comes later has lost nothing. */
	e->be.hold = true;
	TASK_INIT(e, &t, 0x35);
	scsi_submit(&t.sc);
	scsi_cmd_abort(&t.sc);
	fake_backend_finish(&e->be, -EIO);
	e->be.hold = false;
	env_pump(e);
	assert_int_equal(t.drops, 1);
	env_map(e, e->b, &map, 0);
	env_map(e, e->b, &map, 1);
	env_clear_ua(e->b);
	assert_int_equal(sync_status(e, e->b, 0), SCSI_GOOD);
	assert_int_equal(sync_status(e, e->a, 0), SCSI_CHECK_CONDITION);
	env_map(e, e->b, &map, 0);
}

static void test_synchronize_cache_fails(void **state)
{
	struct env *e = *state;
	struct task t;

	e->be.fail = -EIO;
	TASK_INIT(e, &t, 0x35);
	task_run(e, &t);
	assert_sense(&t, SENSE_WRITE_ERROR);
	assert_int_equal(t.sc.sense[0], 0x70);
}

static void test_start_stop(void **state)
{
	static const struct {
		uint8_t b1, b4;
		unsigned flushes;
		enum scsi_sense s;
		uint8_t b3, field;
	} rows[] = {
		{ 0, 0x01, 0, SENSE_OK, 0, 0 },    /* start */
		{ 0, 0x00, 1, SENSE_OK, 0, 0 },    /* stop */
		{ 1, 0x00, 1, SENSE_OK, 0, 0 },    /* stop, IMMED */
		{ 0, 0x04, 0, SENSE_OK, 0, 0 },    /* stop, NO_FLUSH */
		{ 0, 0x10, 0, SENSE_OK, 0, 0 },    /* power condition active */
		{ 0, 0x20, 0, SENSE_OK, 0, 0 },    /* idle_a */
		{ 0, 0x20, 0, SENSE_OK, 2, 0 }, /* idle_c */
		{ 0, 0x20, 0, SENSE_INVALID_FIELD_IN_CDB, 3, 3 },
		{ 0, 0x30, 1, SENSE_OK, 0, 0 },    /* standby_z */
		{ 0, 0x30, 1, SENSE_OK, 1, 0 }, /* standby_y */
		{ 0, 0x30, 0, SENSE_INVALID_FIELD_IN_CDB, 2, 3 },
		{ 0, 0x34, 0, SENSE_OK, 0, 0 },    /* standby, NO_FLUSH */
		{ 0, 0x33, 1, SENSE_OK, 0, 0 },    /* standby: START and LOEJ are ignored */
		{ 0, 0x40, 0, SENSE_INVALID_FIELD_IN_CDB, 0, 4 },
		{ 0, 0x50, 0, SENSE_INVALID_FIELD_IN_CDB, 0, 4 }, /* sleep: obsolete */
		{ 0, 0x70, 0, SENSE_OK, 0, 0 },    /* LU_CONTROL */
		{ 0, 0xa0, 0, SENSE_OK, 1, 0 }, /* FORCE_IDLE_0 */
		{ 0, 0xb0, 1, SENSE_OK, 0, 0 },    /* FORCE_STANDBY_0 */
		{ 0, 0xc0, 0, SENSE_INVALID_FIELD_IN_CDB, 0, 4 },
		{ 0, 0x01, 0, SENSE_INVALID_FIELD_IN_CDB, 1, 3 },
		{ 0, 0x02, 0, SENSE_INVALID_FIELD_IN_CDB, 0, 4 }, /* eject */
		{ 0, 0x03, 0, SENSE_INVALID_FIELD_IN_CDB, 0, 4 }, /* load */
		{ 0, 0x08, 0, SENSE_INVALID_FIELD_IN_CDB, 0, 4 },
	};
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		e->be.requests = 0;
		TASK_INIT(e, &t, 0x1b, rows[i].b1, 0, rows[i].b3, rows[i].b4);
		task_run(e, &t);
		rows[i].s ? assert_sense(&t, rows[i].s) : assert_good(&t);
		if (rows[i].s)
			assert_field(&t, true, rows[i].field, -1);
		assert_int_equal(e->be.requests, rows[i].flushes);
	}
}

/* ---- READ CAPACITY ---- */

static void test_read_capacity_10(void **state)
{
	static const struct task_row rows[] = {
		{ "LBA without PMI", { 0x25, 0, 0, 0, 0, 1 }, 0, 8, SENSE_INVALID_FIELD_IN_CDB, 2 },
		{ "LBA with PMI", { 0x25, 0, 0, 0, 0, 1, 0, 0, 1 }, 0, 8, SENSE_OK, -1 },
	};
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x25);
	t.sc.data_in_len = 64;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 8);
	assert_int_equal(t.sc.wanted, 8);
	assert_int_equal(get_be32(t.in), 8191);
	assert_int_equal(get_be32(t.in + 4), 512);
	task_free(&t);
	task_rows_run(e, rows, ARRAY_SIZE(rows));
}

static void test_read_capacity_16(void **state)
{
	static const struct task_row rows[] = {
		{ "alloc 0", { 0x9e, 0x10 }, 0, 32, SENSE_OK, -1 },
		{ "alloc 16", { 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16 }, 0, 32, SENSE_OK,
		  -1 },
		{ "LBA without PMI", { 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 32 }, 0, 32,
		  SENSE_INVALID_FIELD_IN_CDB, 2 },
	};
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
	t.sc.data_in_len = 32;
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 32);
	assert_int_equal(get_be64(t.in), 8191);
	assert_int_equal(get_be32(t.in + 8), 512);
	assert_int_equal(t.in[12], 0);
	assert_int_equal(t.in[13], 3); /* 8 logical blocks in a physical one */
	assert_int_equal(t.in[14], 0);
	task_free(&t);
	task_rows_run(e, rows, ARRAY_SIZE(rows));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_written_data_is_read_back_in_every_form),
		T(test_length_0_of_the_6_byte_forms_is_256),
		T(test_length_0_of_the_others_moves_nothing),
		T(test_edges_of_the_medium),
		cmocka_unit_test(test_more_than_2_tib),
		cmocka_unit_test(test_4096_byte_blocks),
		cmocka_unit_test(test_transfer_limit),
		T(test_fua_write_reaches_the_backend),
		cmocka_unit_test(test_6_byte_forms_have_no_fua),
		T(test_fua_read_flushes_first),
		T(test_backend_errors),
		T(test_information_is_the_lba),
		T(test_synchronize_cache),
		T(test_synchronize_cache_waits_unless_immed),
		T(test_a_flush_that_failed_is_told_to_all),
		T(test_synchronize_cache_fails),
		T(test_start_stop),
		T(test_read_capacity_10),
		T(test_read_capacity_16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
