/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every row of the opcode table in every access state. What may pass is written down here
 * once more, from SPC-4 5.15.2.4 and what SCST and LIO allow beyond it, and not taken from
 * the table under test.
 */
#include "alua_util.h"

#include "scsi/optable.h"

#include <string.h>

#define ANY (-1)

/* S: runs in standby, U: in unavailable and offline, T: in transitioning. */
static const struct rule {
	uint8_t opcode;
	int sa;
	const char *states;
} rules[] = {
	{ 0x00, ANY, "" },      /* TEST UNIT READY */
	{ 0x03, ANY, "SUT" },   /* REQUEST SENSE */
	{ 0x04, ANY, "" },      /* FORMAT UNIT */
	{ 0x08, ANY, "" },      /* READ(6) */
	{ 0x0a, ANY, "" },      /* WRITE(6) */
	{ 0x12, ANY, "SUT" },   /* INQUIRY */
	{ 0x15, ANY, "S" },     /* MODE SELECT(6) */
	{ 0x16, ANY, "S" },     /* RESERVE(6) */
	{ 0x17, ANY, "S" },     /* RELEASE(6) */
	{ 0x1a, ANY, "S" },     /* MODE SENSE(6) */
	{ 0x1b, ANY, "" },      /* START STOP UNIT */
	{ 0x1c, ANY, "S" },     /* RECEIVE DIAGNOSTIC RESULTS */
	{ 0x1d, ANY, "S" },     /* SEND DIAGNOSTIC */
	{ 0x1e, ANY, "" },      /* PREVENT ALLOW MEDIUM REMOVAL */
	{ 0x25, ANY, "SUT" },   /* READ CAPACITY(10) */
	{ 0x28, ANY, "" },      /* READ(10) */
	{ 0x2a, ANY, "" },      /* WRITE(10) */
	{ 0x2e, ANY, "" },      /* WRITE AND VERIFY(10) */
	{ 0x2f, ANY, "" },      /* VERIFY(10) */
	{ 0x34, ANY, "" },      /* PRE-FETCH(10) */
	{ 0x35, ANY, "" },      /* SYNCHRONIZE CACHE(10) */
	{ 0x37, ANY, "" },      /* READ DEFECT DATA(10) */
	{ 0x3b, ANY, "SUT" },   /* WRITE BUFFER */
	{ 0x3c, ANY, "SUT" },   /* READ BUFFER */
	{ 0x41, ANY, "" },      /* WRITE SAME(10) */
	{ 0x42, ANY, "" },      /* UNMAP */
	{ 0x48, ANY, "" },      /* SANITIZE */
	{ 0x4c, ANY, "S" },     /* LOG SELECT */
	{ 0x4d, ANY, "S" },     /* LOG SENSE */
	{ 0x55, ANY, "S" },     /* MODE SELECT(10) */
	{ 0x56, ANY, "S" },     /* RESERVE(10) */
	{ 0x57, ANY, "S" },     /* RELEASE(10) */
	{ 0x5a, ANY, "S" },     /* MODE SENSE(10) */
	{ 0x5e, ANY, "S" },     /* PERSISTENT RESERVE IN */
	{ 0x5f, ANY, "S" },     /* PERSISTENT RESERVE OUT */
	{ 0x83, ANY, "" },      /* EXTENDED COPY */
	{ 0x84, ANY, "" },      /* RECEIVE COPY RESULTS */
	{ 0x88, ANY, "" },      /* READ(16) */
	{ 0x89, ANY, "" },      /* COMPARE AND WRITE */
	{ 0x8a, ANY, "" },      /* WRITE(16) */
	{ 0x8b, ANY, "" },      /* ORWRITE(16) */
	{ 0x8e, ANY, "" },      /* WRITE AND VERIFY(16) */
	{ 0x8f, ANY, "" },      /* VERIFY(16) */
	{ 0x90, ANY, "" },      /* PRE-FETCH(16) */
	{ 0x91, ANY, "" },      /* SYNCHRONIZE CACHE(16) */
	{ 0x93, ANY, "" },      /* WRITE SAME(16) */
	{ 0x9c, ANY, "" },      /* WRITE ATOMIC(16) */
	{ 0x9e, 0x10, "SUT" },  /* READ CAPACITY(16) */
	{ 0x9e, 0x12, "" },     /* GET LBA STATUS */
	{ 0xa0, ANY, "SUT" },   /* REPORT LUNS */
	{ 0xa3, 0x0a, "SUT" },  /* REPORT TARGET PORT GROUPS */
	{ 0xa3, 0x0c, "" },     /* REPORT SUPPORTED OPERATION CODES */
	{ 0xa3, 0x0d, "" },     /* REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS */
	{ 0xa8, ANY, "" },      /* READ(12) */
	{ 0xaa, ANY, "" },      /* WRITE(12) */
	{ 0xae, ANY, "" },      /* WRITE AND VERIFY(12) */
	{ 0xaf, ANY, "" },      /* VERIFY(12) */
	{ 0xb7, ANY, "" },      /* READ DEFECT DATA(12) */
};

static const struct column {
	enum alua_state state;
	char letter;
	uint8_t ascq;
} columns[] = {
	{ ALUA_STANDBY, 'S', 0x0b },
	{ ALUA_UNAVAILABLE, 'U', 0x0c },
	{ ALUA_OFFLINE, 'U', 0x12 },
	{ ALUA_TRANSITIONING, 'T', 0x0a },
	{ ALUA_VACANT, 'S', 0x0a },
};

static const struct rule *rule_of(const struct scsi_op *op)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].opcode == op->opcode &&
		    (rules[i].sa == ANY || rules[i].sa == op->sa))
			return &rules[i];
	fail_msg("%s has no rule", op->name);
	return NULL;
}

static bool refused_by_state(const struct task *t, uint8_t ascq)
{
	return t->sc.status == SCSI_CHECK_CONDITION && (t->sc.sense[2] & 0x0f) == 0x02 &&
	       t->sc.sense[12] == 0x04 && t->sc.sense[13] == ascq;
}

static void check(struct groups *g, const struct scsi_op *op, const struct column *c)
{
	const uint8_t cdb[16] = { op->opcode, op->flags & OP_SA ? op->sa : 0 };
	bool passes = strchr(rule_of(op)->states, c->letter);
	uint8_t ascq = c->state == ALUA_VACANT && !op->opcode ? 0x0b : c->ascq;
	struct task t;

	task_init(&g->e, &t, cdb, sizeof(cdb));
	t.sc.data_in_len = 512;
	task_run(&g->e, &t);
	if (refused_by_state(&t, ascq) == passes)
		fail_msg("%s %s in state %x", op->name, passes ? "is refused" : "runs", c->state);
	if (!passes)
		assert_int_equal(t.sc.data_len, 0);
	task_free(&t);
	env_clear_ua(g->e.a);
}

static void test_every_command_in_every_state(void **state)
{
	struct groups *g = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(columns); i++) {
		local_state(g, columns[i].state);
		env_clear_ua(g->e.a);
		for (unsigned row = 0; row < optable_len; row++)
			check(g, &optable[row], &columns[i]);
	}
}

/* Nothing is closed in these: no command need be tried. */
static void test_active_states_forbid_nothing(void **state)
{
	struct groups *g = *state;
	struct itl *itl = lun_map_find(nexus_map(g->e.a), 0);

	assert_int_equal(atomic_load(&itl->gate), 0);
	local_state(g, ALUA_NONOPTIMIZED);
	assert_int_equal(atomic_load(&itl->gate), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, groups_setup, groups_teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_command_in_every_state),
		T(test_active_states_forbid_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
