/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of ranges and task attributes share: commands on blocks of 512 bytes,
 * and a device server whose LU is at home on either reactor, or has only one.
 */
#ifndef TESTS_UNIT_RANGE_UTIL_H
#define TESTS_UNIT_RANGE_UTIL_H

#include "tmf_util.h"

#include <stdlib.h>
#include <string.h>

static inline void start_blocks(struct env *e, struct task *t, uint8_t opcode, unsigned reactor,
				uint32_t lba, uint8_t n)
{
	uint8_t cdb[16] = { opcode };

	put_be32(cdb + (opcode & 0x80 ? 6 : 2), lba);
	cdb[opcode & 0x80 ? 13 : 8] = n;
	task_init(e, t, cdb, 16);
	t->sc.reactor = e->group.r[reactor];
	t->sc.tag = 100 * opcode + lba;
}

static inline void init_write(struct env *e, struct task *t, unsigned reactor, uint32_t lba,
			      uint8_t n, uint8_t fill)
{
	start_blocks(e, t, 0x2a, reactor, lba, n);
	task_out(t, NULL, n * 512u);
	memset(t->out, fill, n * 512u);
}

static inline void init_read(struct env *e, struct task *t, unsigned reactor, uint32_t lba,
			     uint8_t n)
{
	start_blocks(e, t, 0x28, reactor, lba, n);
	t->sc.data_in_len = n * 512u;
}

/* COMPARE AND WRITE of one block. */
static inline void init_caw(struct env *e, struct task *t, unsigned reactor, uint32_t lba,
			    uint8_t old, uint8_t new)
{
	start_blocks(e, t, 0x89, reactor, lba, 1);
	task_out(t, NULL, 1024);
	memset(t->out, old, 512);
	memset(t->out + 512, new, 512);
}

static inline void submit(struct env *e, struct task *t)
{
	scsi_submit(&t->sc);
	env_pump(e);
}

static inline void finish(struct env *e)
{
	fake_backend_finish(&e->be, 0);
	env_pump(e);
}

static inline void finish_all(struct env *e)
{
	e->be.hold = false;
	env_pump(e);
	e->be.hold = true;
}

static inline void end_good(struct task *t)
{
	assert_ended(t, 1, 0);
	assert_good(t);
	task_free(t);
}

static inline int setup_home(void **state, unsigned home)
{
	struct env *e;

	env_setup(state);
	e = *state;
	e->lu->home = e->group.r[home];
	e->be.hold = true;
	return 0;
}

static inline int setup_home_0(void **state)
{
	return setup_home(state, 0);
}

static inline int setup_home_1(void **state)
{
	return setup_home(state, 1);
}

/* As with one reactor; the second is not used. */
static inline int setup_one(void **state)
{
	struct env *e;

	setup_home(state, 0);
	e = *state;
	e->lu->nshards = 1;
	return 0;
}

/* Nothing is left of ranges. */
static inline void assert_no_ranges(const struct lu *lu)
{
	for (unsigned i = 0; i < lu->nshards; i++) {
		assert_int_equal(lu->shards[i].barriers, 0);
		assert_int_equal(lu->shards[i].ranges_out, 0);
		assert_true(list_empty(&lu->shards[i].held));
	}
	assert_true(list_empty(&lu->ranges));
}

static inline int teardown_range(void **state)
{
	struct env *e = *state;

	e->be.hold = false;
	env_pump(e);
	e->lu->nshards = ENV_REACTORS;
	assert_no_ranges(e->lu);
	return env_teardown(state);
}

#endif
