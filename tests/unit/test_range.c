/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks that a command has for itself, on all reactors. */
#include "range_util.h"

#include "scsi/access.h"
#include "scsi/range.h"

/* ---- ordinary writes and one that is atomic ---- */

/* The second reactor of a test, which is the first when there is only one. */
static unsigned other(const struct env *e)
{
	return e->lu->nshards - 1;
}

static void test_writes_wait_for_it(void **state)
{
	struct env *e = *state;
	struct task caw, w[2], beside;

	init_caw(e, &caw, 0, 5, 0, 0x11);
	submit(e, &caw);
	assert_int_equal(e->be.requests, 1);
	for (unsigned i = 0; i < 2; i++) {
		init_write(e, &w[i], i ? other(e) : 0, 4, 2, (uint8_t)(0x22 + i));
		submit(e, &w[i]);
		/* Not even their data is fetched. */
		assert_int_equal(w[i].pulls, 0);
	}
	init_write(e, &beside, other(e), 6, 1, 0x33);
	submit(e, &beside);
	assert_int_equal(e->be.requests, 2);
	finish(e);
	assert_int_equal(e->be.requests, 3);
	assert_int_equal(w[0].pulls + w[1].pulls, 0);
	finish_all(e);
	end_good(&caw);
	end_good(&beside);
	end_good(&w[0]);
	end_good(&w[1]);
	assert_int_not_equal(e->be.bytes[5 * 512], 0x11);
}

static void test_it_waits_for_writes(void **state)
{
	struct env *e = *state;
	struct task caw, w, beside;

	init_write(e, &w, other(e), 4, 2, 0x22);
	submit(e, &w);
	init_write(e, &beside, other(e), 6, 1, 0x22);
	submit(e, &beside);
	init_caw(e, &caw, 0, 5, 0x22, 0x11);
	submit(e, &caw);
	assert_int_equal(caw.pulls, 1);
	assert_int_equal(e->be.requests, 2);
	finish(e);
	/* The one beside is still there. */
	end_good(&w);
	assert_int_equal(e->be.requests, 3);
	finish_all(e);
	end_good(&caw);
	end_good(&beside);
	assert_int_equal(e->be.bytes[5 * 512], 0x11);
}

/* Several in its way: they end in any order. */
static void test_it_waits_for_all_of_them(void **state)
{
	struct env *e = *state;
	struct task caw, w[4];

	for (unsigned i = 0; i < 4; i++) {
		init_write(e, &w[i], i & other(e), 5, 1, (uint8_t)i);
		submit(e, &w[i]);
	}
	init_caw(e, &caw, 0, 5, 3, 0x11);
	submit(e, &caw);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(e->be.requests, 4);
		finish(e);
		end_good(&w[i]);
	}
	assert_int_equal(e->be.requests, 5);
	finish_all(e);
	end_good(&caw);
}

/* Whoever is slow to send its data is in nobody's way, and waits with it. */
static void test_writes_that_are_fetching(void **state)
{
	struct env *e = *state;
	struct task caw, w;

	init_write(e, &w, other(e), 5, 1, 0x22);
	w.manual_pull = true;
	submit(e, &w);
	init_caw(e, &caw, 0, 5, 0, 0x11);
	submit(e, &caw);
	assert_int_equal(e->be.requests, 1);
	task_fetch(&w);
	scsi_pulled(&w.sc, 0);
	env_pump(e);
	assert_int_equal(e->be.requests, 1);
	finish_all(e);
	end_good(&caw);
	end_good(&w);
	assert_int_equal(e->be.bytes[5 * 512], 0x22);
}

static void test_reads_pass(void **state)
{
	struct env *e = *state;
	struct task caw, r;

	init_caw(e, &caw, 0, 5, 0, 0x11);
	submit(e, &caw);
	init_read(e, &r, other(e), 5, 1);
	submit(e, &r);
	assert_int_equal(e->be.requests, 2);
	finish_all(e);
	end_good(&caw);
	end_good(&r);
}

static void test_zero_blocks_wait_for_nobody(void **state)
{
	struct env *e = *state;
	struct task caw, none[2];

	init_caw(e, &caw, 0, 5, 0, 0x11);
	submit(e, &caw);
	start_blocks(e, &none[0], 0x89, 0, 5, 0);
	start_blocks(e, &none[1], 0x2a, 0, 5, 0);
	for (unsigned i = 0; i < 2; i++) {
		submit(e, &none[i]);
		end_good(&none[i]);
	}
	finish_all(e);
	end_good(&caw);
}

/* ---- atomic ones among themselves ---- */

static void test_one_after_the_other(void **state)
{
	struct env *e = *state;
	struct task caw[4];

	for (unsigned i = 0; i < 4; i++) {
		init_caw(e, &caw[i], i & other(e), 5, (uint8_t)i, (uint8_t)(i + 1));
		submit(e, &caw[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(e->be.requests, 2 * i + 1);
		finish(e);
		assert_int_equal(e->be.requests, 2 * i + 2);
		finish(e);
		end_good(&caw[i]);
	}
	assert_int_equal(e->be.bytes[5 * 512], 4);
}

static void test_of_other_blocks_at_the_same_time(void **state)
{
	struct env *e = *state;
	struct task caw[3];

	for (unsigned i = 0; i < 3; i++) {
		init_caw(e, &caw[i], i & other(e), 5 + i, 0, 1);
		submit(e, &caw[i]);
	}
	assert_int_equal(e->be.requests, 3);
	finish_all(e);
	for (unsigned i = 0; i < 3; i++)
		end_good(&caw[i]);
}

/* In the order they came: one that overlaps two is not passed by later ones of each. */
static void test_fifo(void **state)
{
	struct env *e = *state;
	struct task first, wide, last;

	init_caw(e, &first, 0, 5, 0, 1);
	submit(e, &first);
	start_blocks(e, &wide, 0x89, other(e), 5, 2);
	task_out(&wide, NULL, 2048);
	memset(wide.out, 1, 512);
	submit(e, &wide);
	init_caw(e, &last, 0, 6, 0, 7);
	submit(e, &last);
	assert_int_equal(e->be.requests, 1);
	finish(e);
	finish(e);
	end_good(&first);
	assert_int_equal(e->be.requests, 3);
	finish(e);
	finish(e);
	end_good(&wide);
	finish_all(e);
	end_good(&last);
}

static void test_more_than_there_are_slots(void **state)
{
	struct env *e = *state;
	struct task caw[RANGE_SLOTS * 3];

	for (unsigned i = 0; i < ARRAY_SIZE(caw); i++) {
		init_caw(e, &caw[i], 0, i, 0, 1);
		submit(e, &caw[i]);
	}
	assert_int_equal(e->be.requests, RANGE_SLOTS);
	/* One that waits for a slot goes away. */
	scsi_cmd_abort(&caw[RANGE_SLOTS].sc);
	assert_ended(&caw[RANGE_SLOTS], 0, 1);
	task_free(&caw[RANGE_SLOTS]);
	finish_all(e);
	for (unsigned i = 0; i < ARRAY_SIZE(caw); i++)
		if (i != RANGE_SLOTS)
			end_good(&caw[i]);
}

/* ---- other kinds of writes ---- */

static void init_unmap(struct env *e, struct task *t, unsigned reactor, uint32_t lba, uint32_t n)
{
	uint8_t list[8 + 2 * 16] = { 0, 38, 0, 32 };

	put_be32(list + 8 + 4, 100);
	put_be32(list + 8 + 8, 1);
	put_be32(list + 24 + 4, lba);
	put_be32(list + 24 + 8, n);
	TASK_INIT(e, t, 0x42, 0, 0, 0, 0, 0, 0, 0, sizeof(list), 0);
	t->sc.reactor = e->group.r[reactor];
	task_out(t, list, sizeof(list));
}

/* What it will write is in its list, which has to be fetched. */
static void test_unmap(void **state)
{
	struct env *e = *state;
	struct task caw, um[2];

	e->lu->thin = true;
	init_caw(e, &caw, 0, 5, 0, 1);
	submit(e, &caw);
	for (unsigned i = 0; i < 2; i++) {
		init_unmap(e, &um[i], other(e), i ? 4 : 6, 2);
		um[i].manual_pull = true;
		submit(e, &um[i]);
	}
	/* Held as long as nobody knows. */
	assert_int_equal(um[0].pulls + um[1].pulls, 0);
	finish(e);
	finish(e);
	end_good(&caw);
	init_caw(e, &caw, 0, 5, 1, 2);
	submit(e, &caw);
	assert_int_equal(um[0].pulls + um[1].pulls, 2);
	assert_int_equal(e->be.requests, 3);
	for (unsigned i = 0; i < 2; i++) {
		task_fetch(&um[i]);
		scsi_pulled(&um[i].sc, 0);
	}
	env_pump(e);
	/* The first names other blocks. */
	assert_int_equal(e->be.requests, 4);
	finish_all(e);
	end_good(&caw);
	end_good(&um[0]);
	end_good(&um[1]);
}

static void test_waits_for_an_unmap_of_its_blocks(void **state)
{
	struct env *e = *state;
	struct task caw[2], um;

	e->lu->thin = true;
	init_unmap(e, &um, other(e), 4, 2);
	submit(e, &um);
	init_caw(e, &caw[0], 0, 5, 0, 1);
	init_caw(e, &caw[1], 0, 6, 0, 1);
	submit(e, &caw[0]);
	submit(e, &caw[1]);
	/* The unmap and the one beside it. */
	assert_int_equal(e->be.requests, 2);
	finish_all(e);
	end_good(&um);
	end_good(&caw[0]);
	end_good(&caw[1]);
}

static void test_write_same_and_or(void **state)
{
	struct env *e = *state;
	struct task caw, same, orw;

	init_caw(e, &caw, 0, 5, 0, 1);
	submit(e, &caw);
	start_blocks(e, &same, 0x93, other(e), 0, 6);
	task_out(&same, NULL, 512);
	memset(same.out, 0x10, 512);
	submit(e, &same);
	start_blocks(e, &orw, 0x8b, other(e), 5, 1);
	task_out(&orw, NULL, 512);
	memset(orw.out, 2, 512);
	submit(e, &orw);
	assert_int_equal(e->be.requests, 1);
	finish_all(e);
	end_good(&caw);
	end_good(&same);
	end_good(&orw);
	/* OR came last or before the other: never in the middle. */
	assert_true(e->be.bytes[5 * 512] == 0x12 || e->be.bytes[5 * 512] == 0x10);
}

/* ---- aborts ---- */

static void test_abort_of_one_that_waits(void **state)
{
	struct env *e = *state;
	struct task caw[3], w;

	for (unsigned i = 0; i < 3; i++) {
		init_caw(e, &caw[i], i & other(e), 5, i == 2, (uint8_t)(i + 1));
		submit(e, &caw[i]);
	}
	init_write(e, &w, other(e), 5, 1, 9);
	submit(e, &w);
	scsi_cmd_abort(&caw[1].sc);
	assert_ended(&caw[1], 0, 1);
	task_free(&caw[1]);
	assert_int_equal(detached(e), 0);
	finish_all(e);
	end_good(&caw[0]);
	end_good(&caw[2]);
	end_good(&w);
}

/* The slot comes home after the command has gone, and the LU waits for it. */
static void test_abort_before_it_is_granted(void **state)
{
	struct env *e = *state;
	struct task caw;

	init_caw(e, &caw, 0, 5, 0, 1);
	scsi_submit(&caw.sc);
	if (e->lu->nshards > 1) {
		scsi_cmd_abort(&caw.sc);
		assert_ended(&caw, 0, 1);
		env_pump(e);
		assert_int_equal(e->be.requests, 0);
		task_free(&caw);
	} else {
		finish_all(e);
		end_good(&caw);
	}
}

/* What is in the backend keeps its blocks until it is out. */
static void test_abort_in_the_backend(void **state)
{
	struct env *e = *state;
	struct task caw[2];

	for (unsigned in_write = 0; in_write < 2; in_write++) {
		init_caw(e, &caw[0], 0, 5, 0, in_write ? 1 : 9);
		submit(e, &caw[0]);
		init_caw(e, &caw[1], other(e), 5, (uint8_t)in_write, 0);
		submit(e, &caw[1]);
		if (in_write)
			finish(e);
		scsi_cmd_abort(&caw[0].sc);
		env_pump(e);
		assert_int_equal(detached(e), 1);
		assert_ended(&caw[0], 0, 0);
		assert_ended(&caw[1], 0, 0);
		finish_all(e);
		assert_ended(&caw[0], 0, 1);
		task_free(&caw[0]);
		end_good(&caw[1]);
		assert_int_equal(e->be.bytes[5 * 512], 0);
	}
}

static void test_abort_of_a_held_write(void **state)
{
	struct env *e = *state;
	struct task caw, w[2];

	for (unsigned i = 0; i < 2; i++) {
		init_write(e, &w[i], other(e), 5, 1, 0x22);
		w[i].manual_pull = i;
	}
	/* One held with its data, the other before. */
	submit(e, &w[1]);
	init_caw(e, &caw, 0, 5, 0, 1);
	submit(e, &caw);
	submit(e, &w[0]);
	task_fetch(&w[1]);
	scsi_pulled(&w[1].sc, 0);
	for (unsigned i = 0; i < 2; i++) {
		scsi_cmd_abort(&w[i].sc);
		assert_ended(&w[i], 0, 1);
		task_free(&w[i]);
	}
	finish_all(e);
	end_good(&caw);
	assert_int_equal(e->be.bytes[5 * 512], 1);
}

/* An aborted write that is still in the backend is waited for. */
static void test_detached_write(void **state)
{
	struct env *e = *state;
	struct task caw, w;

	init_caw(e, &caw, 0, 5, 0x22, 1);
	caw.manual_pull = true;
	submit(e, &caw);
	init_write(e, &w, other(e), 5, 1, 0x22);
	submit(e, &w);
	scsi_cmd_abort(&w.sc);
	task_fetch(&caw);
	scsi_pulled(&caw.sc, 0);
	env_pump(e);
	assert_int_equal(e->be.requests, 1);
	finish_all(e);
	assert_ended(&w, 0, 1);
	task_free(&w);
	end_good(&caw);
	assert_int_equal(e->be.bytes[5 * 512], 1);
}

static void test_reset(void **state)
{
	struct env *e = *state;
	struct task caw[2], w;
	struct request q;

	for (unsigned i = 0; i < 2; i++) {
		init_caw(e, &caw[i], i & other(e), 5, 0, 1);
		submit(e, &caw[i]);
	}
	init_write(e, &w, other(e), 5, 1, 9);
	submit(e, &w);
	request_run(e, &q, SCSI_ABORT_TASK_SET, 0);
	assert_ended(&caw[0], 0, 0);
	assert_ended(&caw[1], 0, 1);
	assert_ended(&w, 0, 1);
	assert_int_equal(detached(e), 1);
	finish_all(e);
	assert_ended(&caw[0], 0, 1);
	assert_int_equal(e->be.requests, 1);
	task_free(&caw[0]);
	task_free(&caw[1]);
	task_free(&w);
}

/* ---- what else happens meanwhile ---- */

static struct itl *itl_of(struct nexus *n)
{
	return lun_map_find(nexus_map(n), 0);
}

/* A reservation came while they were held. */
static void test_held_commands_are_admitted_anew(void **state)
{
	struct env *e = *state;
	struct task caw[2], w;

	init_caw(e, &caw[0], 0, 5, 0, 1);
	init_caw(e, &caw[1], other(e), 5, 1, 2);
	init_write(e, &w, other(e), 5, 1, 9);
	caw[1].sc.nexus = w.sc.nexus = e->b;
	submit(e, &caw[0]);
	submit(e, &caw[1]);
	submit(e, &w);
	atomic_store(&itl_of(e->b)->gate, GATE_WE);
	finish_all(e);
	end_good(&caw[0]);
	for (unsigned i = 0; i < 2; i++) {
		struct task *t = i ? &w : &caw[1];

		assert_ended(t, 1, 0);
		assert_int_equal(t->sc.status, SCSI_RESERVATION_CONFLICT);
		task_free(t);
	}
	assert_int_equal(e->be.bytes[5 * 512], 1);
	atomic_store(&itl_of(e->b)->gate, 0);
}

/* A unit attention that came later is for later commands. */
static void test_unit_attention_meanwhile(void **state)
{
	struct env *e = *state;
	struct task caw, w;

	init_caw(e, &caw, 0, 5, 0, 1);
	submit(e, &caw);
	init_write(e, &w, 0, 5, 1, 9);
	submit(e, &w);
	ua_post(&itl_of(e->a)->ua, UA_CAPACITY_CHANGED);
	finish_all(e);
	end_good(&caw);
	end_good(&w);
	assert_int_equal(pending(e->a), SENSE_UA_CAPACITY_CHANGED);
}

static void test_lun_taken_away_meanwhile(void **state)
{
	struct env *e = *state;
	struct task caw, w;

	init_caw(e, &caw, 0, 5, 0, 1);
	submit(e, &caw);
	init_write(e, &w, other(e), 5, 1, 9);
	w.sc.nexus = e->b;
	submit(e, &w);
	env_map(e, e->b, NULL, 0);
	finish_all(e);
	end_good(&caw);
	end_good(&w);
}

/* Those that wait with their buffers must not keep them from who is to run. */
static void test_no_circle_through_buffers(void **state)
{
	struct env *e = *state;
	struct task caw[RANGE_SLOTS + 4], w[16];
	const uint8_t n = 255;

	/* A write of another block, in the backend, that the first waits for. */
	init_write(e, &w[0], other(e), 5, 1, 0);
	submit(e, &w[0]);
	for (unsigned i = 0; i < ARRAY_SIZE(caw); i++) {
		start_blocks(e, &caw[i], 0x89, other(e), 5, n);
		task_out(&caw[i], NULL, 2u * n * 512);
		submit(e, &caw[i]);
	}
	for (unsigned i = 1; i < ARRAY_SIZE(w); i++) {
		start_blocks(e, &w[i], 0x8a, other(e), 0, 0);
		put_be32(w[i].sc.cdb + 10, 8192 - 8);
		put_be32(w[i].sc.cdb + 6, 8);
		task_out(&w[i], NULL, (8192 - 8) * 512);
		submit(e, &w[i]);
	}
	finish_all(e);
	for (unsigned i = 0; i < ARRAY_SIZE(caw); i++)
		end_good(&caw[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++)
		end_good(&w[i]);
}

int main(void)
{
#define S(name, setup) { #name, name, setup, teardown_range, NULL }
#define T(name) S(name, setup_home_0), S(name, setup_home_1), S(name, setup_one)
	const struct CMUnitTest tests[] = {
		T(test_writes_wait_for_it),
		T(test_it_waits_for_writes),
		T(test_it_waits_for_all_of_them),
		T(test_writes_that_are_fetching),
		T(test_reads_pass),
		T(test_zero_blocks_wait_for_nobody),
		T(test_one_after_the_other),
		T(test_of_other_blocks_at_the_same_time),
		T(test_fifo),
		T(test_more_than_there_are_slots),
		T(test_unmap),
		T(test_waits_for_an_unmap_of_its_blocks),
		T(test_write_same_and_or),
		T(test_abort_of_one_that_waits),
		T(test_abort_before_it_is_granted),
		T(test_abort_in_the_backend),
		T(test_abort_of_a_held_write),
		T(test_detached_write),
		T(test_reset),
		T(test_held_commands_are_admitted_anew),
		T(test_unit_attention_meanwhile),
		T(test_lun_taken_away_meanwhile),
		T(test_no_circle_through_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
