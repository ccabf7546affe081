/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies between the LUs 0 (512-byte blocks), 1 (512) and 2 (4096) of nexus a. */
#include "xcopy_util.h"

#include <errno.h>

#define LIST_ID 7

static struct xenv *x;

static int setup(void **state)
{
	x = xenv_new();
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	xenv_free(x);
	return 0;
}

static void fill(struct backend *be)
{
	for (unsigned i = 0; i < FAKE_WINDOW; i++)
		be->bytes[i] = (uint8_t)(i / 512 * 7 + i);
}

static void copy_ends(const struct xsegment *s, unsigned n, enum scsi_sense sense)
{
	struct task t;

	xcopy_run(x, &t, LIST_ID, s, n);
	if (!sense)
		assert_good(&t);
	else
		assert_sense(&t, sense);
}

static void test_one_lu_to_another(void **state)
{
	const struct xsegment s = { 0, 1, 16, 8, 1000, false };

	(void)state;
	fill(&x->e.be);
	memset(x->be[1].bytes, 0x11, FAKE_WINDOW);
	copy_ends(&s, 1, SENSE_OK);
	assert_memory_equal(x->be[1].bytes + 8 * 512, x->e.be.bytes + 16 * 512, 1000 * 512);
	assert_int_equal(x->be[1].bytes[8 * 512 - 1], 0x11);
	assert_int_equal(x->be[1].bytes[1008 * 512], 0x11);
}

/* In pieces of which each is read, then written. */
static void test_large_segment(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 2048, false };

	(void)state;
	fill(&x->e.be);
	copy_ends(&s, 1, SENSE_OK);
	assert_memory_equal(x->be[1].bytes, x->e.be.bytes, FAKE_WINDOW);
	assert_int_equal(x->e.be.requests, 2);
	assert_int_equal(x->be[1].requests, 2);
	assert_int_equal(x->be[1].log[1].off, 512 << 10);
}

static void test_within_one_lu(void **state)
{
	const struct xsegment s[2] = {
		{ 0, 0, 0, 1024, 512, false }, { XSELF, 0, 0, 1536, 512, false },
	};

	(void)state;
	fill(&x->e.be);
	copy_ends(s, 2, SENSE_OK);
	assert_memory_equal(x->e.be.bytes + 1024 * 512, x->e.be.bytes, 512 * 512);
	assert_memory_equal(x->e.be.bytes + 1536 * 512, x->e.be.bytes, 512 * 512);
}

static void test_blocks_of_different_sizes(void **state)
{
	struct xsegment s = { 0, 2, 8, 1, 16, false };

	(void)state;
	fill(&x->e.be);
	copy_ends(&s, 1, SENSE_OK);
	assert_memory_equal(x->be[2].bytes + 4096, x->e.be.bytes + 8 * 512, 16 * 512);
	/* DC: counted in blocks of the destination. */
	s = (struct xsegment){ 0, 2, 0, 4, 2, true };
	copy_ends(&s, 1, SENSE_OK);
	assert_memory_equal(x->be[2].bytes + 4 * 4096, x->e.be.bytes, 2 * 4096);
	s = (struct xsegment){ 0, 2, 0, 0, 9, false };
	copy_ends(&s, 1, SENSE_COPY_INEXACT);
}

static void test_nothing_to_copy(void **state)
{
	const struct xsegment s[2] = { { 0, 1, 0, 0, 0, false }, { 0, 1, 8192, 8192, 0, false } };
	struct task t;

	(void)state;
	copy_ends(s, 2, SENSE_OK);
	copy_ends(NULL, 0, SENSE_OK);
	TASK_INIT(&x->e, &t, 0x83);
	task_run(&x->e, &t);
	assert_good(&t);
	assert_int_equal(x->e.be.requests + x->be[1].requests, 0);
}

static void test_out_of_range(void **state)
{
	static const struct xsegment bad[] = {
		{ 0, 1, 8191, 0, 2, false },
		{ 0, 1, 0, 8191, 2, false },
		{ 0, 1, UINT64_MAX, 0, 1, false },
		{ 0, 1, 0, 1ull << 63, 1, false }, { 0, 1, 8193, 0, 0, false },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		copy_ends(&bad[i], 1, SENSE_COPY_ABORTED);
	assert_int_equal(x->e.be.requests + x->be[1].requests, 0);
}

/* The segment that failed is told; those before have been carried out. */
static void test_segment_number(void **state)
{
	const struct xsegment s[3] = {
		{ 0, 1, 0, 0, 8, false }, { 0, 1, 0, 8, 8, false }, { 0, 5, 0, 0, 8, false },
	};
	struct task t;

	(void)state;
	xcopy_run(x, &t, LIST_ID, s, 3);
	assert_sense(&t, SENSE_COPY_UNREACHABLE);
	assert_int_equal(get_be32(t.sc.sense + 8), 2);
	assert_int_equal(x->be[1].requests, 2);
}

/* Whatever the nexus may not do itself it may not have done. */
static void test_targets_the_nexus_does_not_see(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 8, false };

	(void)state;
	env_map_lun0(&x->e, x->e.a, false);
	env_clear_ua(x->e.a);
	copy_ends(&s, 1, SENSE_COPY_UNREACHABLE);
	assert_int_equal(x->be[1].requests, 0);
}

static void test_destination_is_write_protected(void **state)
{
	const struct xsegment to = { 0, 1, 0, 0, 8, false }, from = { 1, 0, 0, 0, 8, false };

	(void)state;
	xenv_map(x, true);
	copy_ends(&to, 1, SENSE_COPY_FAILED);
	copy_ends(&from, 1, SENSE_OK);
	assert_int_equal(x->be[1].log[0].op, BE_READ);
	assert_int_equal(x->be[1].requests, 1);
}

static void test_lu_that_is_formatted(void **state)
{
	const struct xsegment to = { 0, 1, 0, 0, 8, false };

	(void)state;
	atomic_store(&x->lu[1]->not_ready, SENSE_FORMAT_IN_PROGRESS);
	copy_ends(&to, 1, SENSE_COPY_FAILED);
	assert_int_equal(x->be[1].requests, 0);
	atomic_store(&x->lu[1]->not_ready, SENSE_OK);
}

/* They are for the initiator's own commands. */
static void test_unit_attentions_stay(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 8, false };
	struct itl *itl = lun_map_find(nexus_map(x->e.a), 1);

	(void)state;
	ua_post(&itl->ua, UA_MODE_CHANGED);
	copy_ends(&s, 1, SENSE_OK);
	assert_int_equal(ua_take(&itl->ua, UA_ANY), SENSE_UA_MODE_CHANGED);
}

static void test_errors_of_the_backends(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 8, false };

	(void)state;
	x->e.be.fail = -EIO;
	copy_ends(&s, 1, SENSE_COPY_FAILED);
	x->e.be.fail = 0;
	x->be[1].fail = -ENOSPC;
	copy_ends(&s, 1, SENSE_COPY_FAILED);
	x->be[1].fail = -EBUSY;
	copy_ends(&s, 1, SENSE_BUSY);
	x->be[1].fail = 0;
}

/* QERR is about commands of the initiator: the copy is not aborted by its own READ. */
static void test_error_with_qerr(void **state)
{
	const struct xsegment s = { 0, 0, 0, 100, 8, false };

	(void)state;
	atomic_store(&x->e.lu->modes.qerr, 1);
	x->e.be.fail = -EIO;
	copy_ends(&s, 1, SENSE_COPY_FAILED);
	x->e.be.fail = 0;
}

/* A path that is changing is for multipath, not for the application. */
static void test_access_states_are_passed_on(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 8, false };

	(void)state;
	atomic_store(&x->lu[1]->not_ready, SENSE_ALUA_TRANSITION);
	copy_ends(&s, 1, SENSE_ALUA_TRANSITION);
	atomic_store(&x->lu[1]->not_ready, SENSE_OK);
}

static void copy_submit(struct task *t, const struct xsegment *s)
{
	xcopy_task(x, t, LIST_ID, LIST_ID_HOLD, s, 1);
	scsi_submit(&t->sc);
	xenv_pump(x);
}

static void test_abort_while_it_reads(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 2048, false };
	struct task t;

	(void)state;
	x->e.be.hold = true;
	copy_submit(&t, &s);
	scsi_cmd_abort(&t.sc);
	assert_int_equal(t.drops, 0);
	x->e.be.hold = false;
	xenv_pump(x);
	assert_int_equal(t.drops, 1);
	assert_int_equal(x->be[1].requests, 0);
	task_free(&t);
}

/* The write that is in the backend holds up later ones until it has ended. */
static void test_abort_while_it_writes(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 2048, false };
	struct task t, w;

	(void)state;
	x->be[1].hold = true;
	copy_submit(&t, &s);
	assert_int_equal(x->be[1].requests, 1);
	scsi_cmd_abort(&t.sc);
	assert_int_equal(atomic_load(&x->lu[1]->detached), 1);
	TASK_INIT(&x->e, &w, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	w.sc.lun[1] = 1;
	task_out(&w, NULL, 512);
	scsi_submit(&w.sc);
	xenv_pump(x);
	assert_int_equal(x->be[1].requests, 1);
	x->be[1].hold = false;
	xenv_pump(x);
	assert_int_equal(t.drops, 1);
	assert_int_equal(t.responds, 0);
	assert_good(&w);
	assert_int_equal(x->be[1].requests, 2);
	task_free(&t);
	task_free(&w);
}

/* A write that waits for its turn never has it. */
static void test_abort_while_the_write_waits(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 8, false };
	struct task t;

	(void)state;
	atomic_fetch_add(&x->lu[1]->detached, 1);
	copy_submit(&t, &s);
	scsi_cmd_abort(&t.sc);
	assert_int_equal(t.drops, 0);
	lu_detached_put(x->lu[1]);
	xenv_pump(x);
	assert_int_equal(t.drops, 1);
	assert_int_equal(x->be[1].requests, 0);
	task_free(&t);
}

/* Aborted on the destination, by whoever may. */
static void test_write_is_aborted(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 8, false };
	struct task t;

	(void)state;
	x->be[1].hold = true;
	copy_submit(&t, &s);
	scsi_cmd_abort(list_first(&lu_shard(x->lu[1], x->e.group.r[0])->live, struct scsi_cmd,
				  link));
	x->be[1].hold = false;
	xenv_pump(x);
	assert_int_equal(t.responds, 1);
	assert_sense(&t, SENSE_COPY_FAILED);
	task_free(&t);
}

/* The LUN is another LU's now: nothing is written there. */
/* The device was made anew with other blocks, under the name that it had. */
static void test_blocks_are_of_another_size_meanwhile(void **state)
{
	const struct xsegment s = { 0, 1, 0, 8, 2048, false };
	struct lun_entry map[2] = { { 0, false, x->e.lu }, { 1, false, x->lu[2] } };
	struct task t;

	(void)state;
	x->be[1].hold = true;
	copy_submit(&t, &s);
	memcpy(x->lu[2]->naa, x->lu[1]->naa, sizeof(x->lu[2]->naa));
	env_map(&x->e, x->e.a, map, 2);
	x->be[1].hold = false;
	xenv_pump(x);
	assert_int_equal(t.responds, 1);
	assert_sense(&t, SENSE_COPY_UNREACHABLE);
	assert_int_equal(x->be[2].requests, 0);
	task_free(&t);
}

static void test_lun_is_replaced_meanwhile(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 2048, false };
	struct lun_entry map[2] = { { 0, false, x->e.lu }, { 1, false, x->lu[2] } };
	struct task t;

	(void)state;
	x->be[1].hold = true;
	copy_submit(&t, &s);
	env_map(&x->e, x->e.a, map, 2);
	x->be[1].hold = false;
	xenv_pump(x);
	assert_int_equal(t.responds, 1);
	assert_sense(&t, SENSE_COPY_UNREACHABLE);
	assert_int_equal(x->be[1].requests, 1);
	assert_int_equal(x->be[2].requests, 0);
	task_free(&t);
}

/* The ORDERED command waits for the copy, the copy does not wait for it. */
static void test_ordered_command_behind_it(void **state)
{
	const struct xsegment s = { 0, 0, 0, 1024, 1024, false };
	struct task t, o;

	(void)state;
	x->e.be.hold = true;
	copy_submit(&t, &s);
	TASK_INIT(&x->e, &o, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	o.sc.task_attr = SCSI_ORDERED;
	task_out(&o, NULL, 512);
	scsi_submit(&o.sc);
	x->e.be.hold = false;
	xenv_pump(x);
	assert_good(&t);
	assert_good(&o);
	assert_int_equal(x->e.be.log[x->e.be.requests - 1].len, 512);
	task_free(&t);
	task_free(&o);
}

static void test_only_so_many_at_a_time(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 8, false };
	struct task t[XCOPY_CONCURRENT + 1];

	(void)state;
	x->e.be.hold = true;
	for (unsigned i = 0; i <= XCOPY_CONCURRENT; i++) {
		xcopy_task(x, &t[i], (uint8_t)i, LIST_ID_HOLD, &s, 1);
		scsi_submit(&t[i].sc);
	}
	xenv_pump(x);
	assert_int_equal(t[XCOPY_CONCURRENT].responds, 1);
	assert_int_equal(t[XCOPY_CONCURRENT].sc.status, SCSI_BUSY);
	x->e.be.hold = false;
	xenv_pump(x);
	for (unsigned i = 0; i < XCOPY_CONCURRENT; i++)
		assert_good(&t[i]);
	for (unsigned i = 0; i <= XCOPY_CONCURRENT; i++)
		task_free(&t[i]);
	copy_ends(&s, 1, SENSE_OK);
}

/* Who waits for a large buffer may wait for the memory of the copy: that goes on before. */
static void test_buffers_are_short(void **state)
{
	const struct xsegment s = { 0, 1, 0, 0, 2048, false };
	struct iobuf_pool *p;
	struct iobuf taken[ENV_SLAB / IOBUF_MAX_SIZE];
	struct task t, large;
	unsigned n = 0;

	(void)state;
	x->e.be.hold = true;
	copy_submit(&t, &s);
	p = &t.sc.reactor->bufs;
	while (!iobuf_get(p, IOBUF_MAX_SIZE, &taken[n]))
		n++;
	TASK_INIT(&x->e, &large, 0x2a, 0, 0, 0, 0, 0, 0, 0x20, 0);
	task_out(&large, NULL, IOBUF_MAX_SIZE);
	scsi_submit(&large.sc);
	x->e.be.hold = false;
	xenv_pump(x);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	task_free(&t);
	assert_int_equal(large.responds, 1);
	assert_good(&large);
	while (n)
		iobuf_put(p, &taken[--n]);
	task_free(&large);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one_lu_to_another),
		T(test_large_segment),
		T(test_within_one_lu),
		T(test_blocks_of_different_sizes),
		T(test_nothing_to_copy),
		T(test_out_of_range),
		T(test_segment_number),
		T(test_targets_the_nexus_does_not_see),
		T(test_destination_is_write_protected),
		T(test_lu_that_is_formatted),
		T(test_unit_attentions_stay),
		T(test_errors_of_the_backends),
		T(test_error_with_qerr),
		T(test_access_states_are_passed_on),
		T(test_abort_while_it_reads),
		T(test_abort_while_it_writes),
		T(test_abort_while_the_write_waits),
		T(test_write_is_aborted),
		T(test_lun_is_replaced_meanwhile),
		T(test_blocks_are_of_another_size_meanwhile),
		T(test_ordered_command_behind_it),
		T(test_only_so_many_at_a_time),
		T(test_buffers_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
