/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The LU of the environment in a device group with a write gate. One translation unit a program. */
#ifndef TESTS_GATE_UTIL_H
#define TESTS_GATE_UTIL_H

#include "alua_util.h"

#include "scsi/gate.h"

#define FOR_EVER UINT64_MAX

static inline int gated_setup(void **state)
{
	struct groups *t;

	groups_setup(state);
	t = *state;
	alua_group_destroy(t->g);
	t->params.gated = true;
	assert_int_equal(alua_group_create(t->e.device, &t->params, &t->g), 0);
	lu_set_alua_group(t->e.lu, t->g);
	env_clear_ua(t->e.a);
	env_clear_ua(t->e.b);
	return 0;
}

static inline void write_one(struct groups *t, struct task *task)
{
	TASK_INIT(&t->e, task, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0);
	task_out(task, NULL, 512);
}

static inline void set_true(void *arg)
{
	*(bool *)arg = true;
}

#endif
