/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An EXTENDED COPY on reactor 0 and ORDERED COMPARE AND WRITE commands on reactor 1: the copy's
 * WRITE waits for the range that they have, so they must not wait for the copy.
 */
#include "range_util.h"
#include "xcopy_util.h"

#define LIST_ID 7
#define BLOCK 5
#define COPIED 0xcc

/* Who is stuck in a test that fails stays here until its environment has gone. */
struct race {
	struct xenv *x;
	struct env *e; /* of @x */
	struct task copy[2], caw[2];
};

/* LU 0 is all zero, LU 1 is what is copied. The backends do nothing unless told. */
static int setup(void **state, unsigned home)
{
	struct race *r = calloc(1, sizeof(*r));

	r->x = xenv_new();
	r->e = &r->x->e;
	r->x->lu[0]->home = r->x->lu[1]->home = r->e->group.r[home];
	r->e->be.hold = r->x->be[1].hold = true;
	memset(r->x->be[1].bytes, COPIED, FAKE_WINDOW);
	*state = r;
	return 0;
}

static int setup_0(void **state)
{
	return setup(state, 0);
}

static int setup_1(void **state)
{
	return setup(state, 1);
}

static int teardown(void **state)
{
	struct race *r = *state;

	r->e->be.hold = r->x->be[1].hold = false;
	xenv_pump(r->x);
	assert_no_ranges(r->x->lu[0]);
	assert_no_ranges(r->x->lu[1]);
	xenv_free(r->x);
	free(r);
	return 0;
}

static void copy_submit(struct race *r, unsigned i, unsigned lun, const struct xsegment *s)
{
	struct task *t = &r->copy[i];

	xcopy_task(r->x, t, (uint8_t)(LIST_ID + i), LIST_ID_HOLD, s, 1);
	t->sc.lun[1] = (uint8_t)lun;
	t->sc.tag = 1 + i;
	submit(r->e, t);
}

static void caw_submit(struct race *r, unsigned lun, uint32_t lba, uint8_t old, uint8_t new)
{
	struct task *t = &r->caw[lun];

	init_caw(r->e, t, 1, lba, old, new);
	t->sc.lun[1] = (uint8_t)lun;
	t->sc.task_attr = SCSI_ORDERED;
	submit(r->e, t);
}

/* The backend of LU 1 does what it has, and what comes. */
static void source_goes_on(struct race *r)
{
	r->x->be[1].hold = false;
	xenv_pump(r->x);
}

/* LU 0 has got so many requests, of which the last is this. */
static void assert_request(const struct race *r, unsigned n, enum be_op op, uint32_t lba,
			   uint32_t blocks)
{
	const struct fake_request *q = &r->e->be.log[n - 1];

	assert_int_equal(r->e->be.requests, n);
	assert_int_equal(q->op, op);
	assert_int_equal(q->off, lba * 512u);
	assert_int_equal(q->len, blocks * 512u);
}

/* The copy's READ, in the backend, is waited for; its WRITE comes later, and waits. */
static void test_while_it_reads_the_same_lu(void **state)
{
	const struct xsegment s = { 0, 0, 100, BLOCK - 1, 8, false };
	struct race *r = *state;

	memset(r->e->be.bytes + 100 * 512, COPIED, 8 * 512);
	copy_submit(r, 0, 0, &s);
	caw_submit(r, 0, BLOCK, 0, 0x11);
	assert_request(r, 1, BE_READ, 100, 8);
	finish(r->e);
	assert_request(r, 2, BE_READ, BLOCK, 1);
	finish(r->e);
	assert_request(r, 3, BE_WRITE, BLOCK, 1);
	finish(r->e);
	end_good(&r->caw[0]);
	assert_request(r, 4, BE_WRITE, BLOCK - 1, 8);
	finish(r->e);
	end_good(&r->copy[0]);
	assert_int_equal(r->e->be.bytes[BLOCK * 512], COPIED);
}

/* However long that takes. */
static void test_while_it_reads_another_lu(void **state)
{
	const struct xsegment s = { 1, 0, 0, BLOCK - 1, 8, false };
	struct race *r = *state;

	copy_submit(r, 0, 0, &s);
	caw_submit(r, 0, BLOCK, 0, 0x11);
	finish_all(r->e);
	end_good(&r->caw[0]);
	assert_int_equal(r->e->be.bytes[BLOCK * 512], 0x11);
	source_goes_on(r);
	assert_request(r, 3, BE_WRITE, BLOCK - 1, 8);
	finish(r->e);
	end_good(&r->copy[0]);
	assert_int_equal(r->e->be.bytes[BLOCK * 512], COPIED);
}

/* The copy's WRITE comes when the blocks are compared: not before they have been written. */
static void test_its_write_waits(void **state)
{
	const struct xsegment s = { 1, 0, 0, BLOCK - 1, 8, false };
	struct race *r = *state;

	copy_submit(r, 0, 0, &s);
	caw_submit(r, 0, BLOCK, 0, 0x11);
	source_goes_on(r);
	assert_request(r, 1, BE_READ, BLOCK, 1);
	finish(r->e);
	assert_request(r, 2, BE_WRITE, BLOCK, 1);
	finish(r->e);
	end_good(&r->caw[0]);
	assert_request(r, 3, BE_WRITE, BLOCK - 1, 8);
	finish(r->e);
	end_good(&r->copy[0]);
	assert_int_equal(r->e->be.bytes[BLOCK * 512], COPIED);
}

/* A WRITE of the copy that is in the backend is waited for: what it writes is compared. */
static void test_waits_for_its_write(void **state)
{
	const struct xsegment s = { 1, 0, 0, 0, 2048, false };
	struct race *r = *state;

	copy_submit(r, 0, 0, &s);
	source_goes_on(r);
	assert_request(r, 1, BE_WRITE, 0, 1024);
	caw_submit(r, 0, BLOCK, COPIED, 0x11);
	assert_int_equal(r->e->be.requests, 1);
	finish_all(r->e);
	end_good(&r->caw[0]);
	r->e->be.hold = false;
	xenv_pump(r->x);
	end_good(&r->copy[0]);
	assert_int_equal(r->e->be.bytes[BLOCK * 512], 0x11);
}

/* It goes between two of the copy's WRITEs, of which the second is of its block. */
static void test_between_two_pieces(void **state)
{
	const struct xsegment s = { 1, 0, 0, 0, 2048, false };
	struct race *r = *state;

	copy_submit(r, 0, 0, &s);
	source_goes_on(r);
	caw_submit(r, 0, 1024 + BLOCK, 0, 0x11);
	assert_request(r, 1, BE_WRITE, 0, 1024);
	finish(r->e);
	xenv_pump(r->x);
	assert_request(r, 2, BE_READ, 1024 + BLOCK, 1);
	finish(r->e);
	assert_request(r, 3, BE_WRITE, 1024 + BLOCK, 1);
	finish(r->e);
	end_good(&r->caw[0]);
	assert_request(r, 4, BE_WRITE, 1024, 1024);
	finish(r->e);
	end_good(&r->copy[0]);
	assert_int_equal(r->e->be.bytes[(1024 + BLOCK) * 512], COPIED);
}

/* A circle through two LUs: each copy writes to the LU that the other is a command of. */
static void test_two_copies_across(void **state)
{
	const struct xsegment to_1 = { 0, 1, 100, BLOCK, 1, false };
	const struct xsegment to_0 = { 1, 0, 100, BLOCK, 1, false };
	struct race *r = *state;

	memset(r->e->be.bytes + 100 * 512, 0x22, 512);
	copy_submit(r, 0, 0, &to_1);
	copy_submit(r, 1, 1, &to_0);
	caw_submit(r, 0, BLOCK, 0, 0x11);
	caw_submit(r, 1, BLOCK, COPIED, 0x11);
	r->e->be.hold = false;
	source_goes_on(r);
	for (unsigned i = 0; i < 2; i++) {
		end_good(&r->caw[i]);
		end_good(&r->copy[i]);
	}
	assert_int_equal(r->e->be.bytes[BLOCK * 512], COPIED);
	assert_int_equal(r->x->be[1].bytes[BLOCK * 512], 0x22);
}

int main(void)
{
#define S(name, setup) { #name, name, setup, teardown, NULL }
#define T(name) S(name, setup_0), S(name, setup_1)
	const struct CMUnitTest tests[] = {
		T(test_while_it_reads_the_same_lu),
		T(test_while_it_reads_another_lu),
		T(test_its_write_waits),
		T(test_waits_for_its_write),
		T(test_between_two_pieces),
		T(test_two_copies_across),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
