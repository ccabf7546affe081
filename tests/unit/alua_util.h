/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device group with the LU of the environment in it: target port group 1 has the port
 * of nexuses a and b, group 2 a port of another node. One translation unit is one program.
 */
#ifndef TESTS_ALUA_UTIL_H
#define TESTS_ALUA_UTIL_H

#include "scsi_env.h"

#include "scsi/alua.h"

#include <stdlib.h>

#define LOCAL 1u
#define REMOTE 2u
#define LOCAL_PORT 7u /* of scsi_env.c */
#define REMOTE_PORT 300u

static const uint16_t local_ports[] = { LOCAL_PORT };
static const uint16_t remote_ports[] = { REMOTE_PORT, REMOTE_PORT + 1 };

struct groups {
	struct env e; /* first */
	struct alua_target_group groups[2];
	struct alua_params params;
	struct alua_group *g;
};

static inline int groups_setup(void **state)
{
	struct groups *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	env_init(&t->e);
	t->e.be.info.unmap_granularity = 4096;
	t->e.params.thin_provisioned = true;
	env_open(&t->e);
	t->groups[0] = (struct alua_target_group){ LOCAL, false, ALUA_OPTIMIZED, local_ports, 1 };
	t->groups[1] = (struct alua_target_group){ REMOTE, false, ALUA_STANDBY, remote_ports, 2 };
	t->params = (struct alua_params){ 0, 60, t->groups, 2, false };
	assert_int_equal(alua_group_create(t->e.device, &t->params, &t->g), 0);
	lu_set_alua_group(t->e.lu, t->g);
	env_clear_ua(t->e.a);
	env_clear_ua(t->e.b);
	*state = t;
	return 0;
}

static inline int groups_teardown(void **state)
{
	struct groups *t = *state;

	alua_group_destroy(t->g);
	env_close(&t->e);
	free(t);
	return 0;
}

/* TEST UNIT READY of @n: what it ends with. */
static inline void ready(struct groups *t, struct nexus *n, enum scsi_sense want)
{
	struct task task;

	TASK_INIT(&t->e, &task, 0x00, 0, 0, 0, 0, 0);
	task.sc.nexus = n;
	task_run(&t->e, &task);
	if (want == SENSE_OK)
		assert_good(&task);
	else
		assert_sense(&task, want);
	task_free(&task);
}

static inline void local_state(struct groups *t, enum alua_state s)
{
	assert_int_equal(alua_group_set_state(t->g, LOCAL, s, false), 0);
}

#endif
