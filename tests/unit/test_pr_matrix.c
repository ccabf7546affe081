/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every command against every reservation and everybody. What is expected is written down
 * here anew, from SPC-4 tables 66 and 67, SBC-3 table 13 and SPC-2 tables 9 and 10; a
 * command of the opcode table that is missing here is an error.
 */
#include "pr_env.h"
#include "scsi/optable.h"

#define ANY_SA 0xff
#define ROOM (256u * 512u) /* the longest transfer that a CDB of zeros asks for */

/* May it run: Y or n, for who has no part in a Write Exclusive, an Exclusive Access, a RESERVE. */
static const struct expected {
	uint8_t opcode, sa;
	char we, ea, reserved;
	uint8_t byte4;
} commands[] = {
	{ 0x00, 0, 'Y', 'Y', 'n', 0 },    /* TEST UNIT READY */
	{ 0x03, 0, 'Y', 'Y', 'Y', 0 },    /* REQUEST SENSE */
	{ 0x04, 0, 'n', 'n', 'n', 0 },    /* FORMAT UNIT */
	{ 0x08, 0, 'Y', 'n', 'n', 0 },    /* READ(6) */
	{ 0x0a, 0, 'n', 'n', 'n', 0 },    /* WRITE(6) */
	{ 0x12, 0, 'Y', 'Y', 'Y', 0 },    /* INQUIRY */
	{ 0x15, 0, 'n', 'n', 'n', 0 },    /* MODE SELECT(6) */
	{ 0x1a, 0, 'Y', 'n', 'n', 0 },    /* MODE SENSE(6) */
	{ 0x1b, 0, 'n', 'n', 'n', 0x00 }, /* START STOP UNIT: stop */
	{ 0x1b, 0, 'n', 'n', 'n', 0x11 }, /* a power condition */
	{ 0x1b, 0, 'Y', 'Y', 'Y', 0x01 }, /* start */
	{ 0x1c, 0, 'Y', 'n', 'n', 0 },    /* RECEIVE DIAGNOSTIC RESULTS */
	{ 0x1d, 0, 'n', 'n', 'n', 0 },    /* SEND DIAGNOSTIC */
	{ 0x25, 0, 'Y', 'Y', 'Y', 0 },    /* READ CAPACITY(10) */
	{ 0x28, 0, 'Y', 'n', 'n', 0 },    /* READ(10) */
	{ 0x2a, 0, 'n', 'n', 'n', 0 },    /* WRITE(10) */
	{ 0x2e, 0, 'n', 'n', 'n', 0 },    /* WRITE AND VERIFY(10) */
	{ 0x2f, 0, 'Y', 'n', 'n', 0 },    /* VERIFY(10) */
	{ 0x34, 0, 'Y', 'n', 'n', 0 },    /* PRE-FETCH(10) */
	{ 0x35, 0, 'n', 'n', 'n', 0 },    /* SYNCHRONIZE CACHE(10) */
	{ 0x37, 0, 'Y', 'n', 'n', 0 },    /* READ DEFECT DATA(10) */
	{ 0x41, 0, 'n', 'n', 'n', 0 },    /* WRITE SAME(10) */
	{ 0x42, 0, 'n', 'n', 'n', 0 },    /* UNMAP */
	{ 0x48, ANY_SA, 'n', 'n', 'n', 0 }, /* SANITIZE */
	{ 0x4c, 0, 'n', 'n', 'n', 0 },    /* LOG SELECT */
	{ 0x4d, 0, 'Y', 'Y', 'Y', 0 },    /* LOG SENSE */
	{ 0x55, 0, 'n', 'n', 'n', 0 },    /* MODE SELECT(10) */
	{ 0x5a, 0, 'Y', 'n', 'n', 0 },    /* MODE SENSE(10) */
	{ 0x5e, ANY_SA, 'Y', 'Y', 'n', 0 }, /* PERSISTENT RESERVE IN */
	{ 0x83, ANY_SA, 'n', 'n', 'n', 0 }, /* EXTENDED COPY */
	{ 0x84, ANY_SA, 'Y', 'n', 'n', 0 }, /* RECEIVE COPY RESULTS */
	{ 0x88, 0, 'Y', 'n', 'n', 0 },    /* READ(16) */
	{ 0x89, 0, 'n', 'n', 'n', 0 },    /* COMPARE AND WRITE */
	{ 0x8a, 0, 'n', 'n', 'n', 0 },    /* WRITE(16) */
	{ 0x8b, 0, 'n', 'n', 'n', 0 },    /* ORWRITE(16) */
	{ 0x8e, 0, 'n', 'n', 'n', 0 },    /* WRITE AND VERIFY(16) */
	{ 0x8f, 0, 'Y', 'n', 'n', 0 },    /* VERIFY(16) */
	{ 0x90, 0, 'Y', 'n', 'n', 0 },    /* PRE-FETCH(16) */
	{ 0x91, 0, 'n', 'n', 'n', 0 },    /* SYNCHRONIZE CACHE(16) */
	{ 0x93, 0, 'n', 'n', 'n', 0 },    /* WRITE SAME(16) */
	{ 0x9e, 0x10, 'Y', 'Y', 'Y', 0 }, /* READ CAPACITY(16) */
	{ 0x9e, 0x12, 'Y', 'n', 'n', 0 }, /* GET LBA STATUS */
	{ 0xa0, 0, 'Y', 'Y', 'Y', 0 },    /* REPORT LUNS */
	{ 0xa3, 0x0a, 'Y', 'Y', 'Y', 0 }, /* REPORT TARGET PORT GROUPS */
	{ 0xa3, 0x0c, 'Y', 'n', 'n', 0 }, /* REPORT SUPPORTED OPERATION CODES */
	{ 0xa3, 0x0d, 'Y', 'n', 'n', 0 }, /* REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS */
	{ 0xa8, 0, 'Y', 'n', 'n', 0 },    /* READ(12) */
	{ 0xaa, 0, 'n', 'n', 'n', 0 },    /* WRITE(12) */
	{ 0xae, 0, 'n', 'n', 'n', 0 },    /* WRITE AND VERIFY(12) */
	{ 0xaf, 0, 'Y', 'n', 'n', 0 },    /* VERIFY(12) */
	{ 0xb7, 0, 'Y', 'n', 'n', 0 },    /* READ DEFECT DATA(12) */
};

/* Not in the table: what depends on more than being privileged. See below. */
static bool is_reservation(uint8_t opcode)
{
	return opcode == 0x5f || opcode == 0x16 || opcode == 0x17 || opcode == 0x56 ||
	       opcode == 0x57;
}

static bool expects(const struct expected *x, const struct scsi_op *op)
{
	return x->opcode == op->opcode && (x->sa == ANY_SA || x->sa == op->sa);
}

static const struct {
	uint8_t type;
	bool write_exclusive, registrants; /* may do as the holder */
} types[] = {
	{ PR_WRITE_EXCLUSIVE, true, false },
	{ PR_EXCLUSIVE_ACCESS, false, false },
	{ PR_WRITE_EXCLUSIVE_RO, true, true },
	{ PR_EXCLUSIVE_ACCESS_RO, false, true },
	{ PR_WRITE_EXCLUSIVE_AR, true, true },
	{ PR_EXCLUSIVE_ACCESS_AR, false, true },
};

enum { HOLDER, REGISTRANT, NOT_REGISTERED };

static void assert_may(struct env *e, struct nexus *n, const struct scsi_op *op,
		       const struct expected *x, bool may)
{
	struct task t;

	TASK_INIT(e, &t, op->opcode, op->flags & OP_SA ? op->sa : 0, 0, 0, x->byte4);
	t.sc.nexus = n;
	t.sc.data_in_len = ROOM;
	task_out(&t, NULL, ROOM);
	env_clear_ua(n);
	task_run(e, &t);
	if ((t.sc.status != SCSI_RESERVATION_CONFLICT) != may)
		fail_msg("%s: status %02x", op->name, t.sc.status);
	task_free(&t);
}

/* All commands of @n, which is privileged or not under Write Exclusive or Exclusive Access. */
static void run_commands(struct env *e, struct nexus *n, bool privileged, char column)
{
	for (unsigned row = 0; row < optable_len; row++) {
		const struct scsi_op *op = &optable[row];

		for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
			const struct expected *x = &commands[i];
			char may = column == 'w' ? x->we : column == 'e' ? x->ea : x->reserved;

			if (expects(x, op))
				assert_may(e, n, op, x, privileged || may == 'Y');
		}
	}
}

static void test_every_command_is_in_the_table(void **state)
{
	(void)state;
	for (unsigned row = 0; row < optable_len; row++) {
		bool found = is_reservation(optable[row].opcode);

		for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
			found |= expects(&commands[i], &optable[row]);
		if (!found)
			fail_msg("%s: nobody said what may be expected", optable[row].name);
	}
}

static void reserved_with(struct env *e, uint8_t type)
{
	pr_register(e, e->a, KEY_A);
	pr_register(e, e->b, KEY_B);
	pr_good(e, e->a, PR_RESERVE, type, KEY_A, 0);
}

static void not_reserved(struct env *e)
{
	pr_good(e, e->a, PR_CLEAR, 0, KEY_A, 0);
	env_clear_ua(e->a);
	env_clear_ua(e->b);
}

static void test_persistent_reservations(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct nexus *n[] = { [HOLDER] = e->a, [REGISTRANT] = e->b, [NOT_REGISTERED] = pe->c };

	for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
		reserved_with(e, types[t].type);
		for (int who = HOLDER; who <= NOT_REGISTERED; who++) {
			bool privileged = who == HOLDER ||
					  (who == REGISTRANT && types[t].registrants);

			run_commands(e, n[who], privileged,
				     types[t].write_exclusive ? 'w' : 'e');
		}
		not_reserved(e);
	}
}

/* Registrations alone keep nobody out. */
static void test_registrations_without_a_reservation(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;

	pr_register(e, e->a, KEY_A);
	run_commands(e, e->a, true, 'w');
	run_commands(e, pe->c, true, 'w');
}

static void test_reserve(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;

	assert_int_equal(status_of(e, e->a, (const uint8_t[16]){ 0x16 }), SCSI_GOOD);
	run_commands(e, e->b, false, 'r');
	/* PERSISTENT RESERVE IN conflicts for the holder, too. */
	for (unsigned row = 0; row < optable_len; row++)
		for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
			if (expects(&commands[i], &optable[row]))
				assert_may(e, e->a, &optable[row], &commands[i],
					   optable[row].opcode != 0x5e);
}

/* ---- PERSISTENT RESERVE OUT: SPC-4 table 67 ---- */

#define G SCSI_GOOD
#define C SCSI_RESERVATION_CONFLICT

static const struct {
	enum pr_action action;
	uint64_t sa_key;
	int status[3];    /* holder, registrant, not registered; of types with one holder */
	int status_ar[3]; /* all registrants */
} outs[] = {
	{ PR_REGISTER, 5, { G, G, G }, { G, G, G } },
	{ PR_REGISTER_AND_IGNORE, 5, { G, G, G }, { G, G, G } },
	{ PR_RESERVE, 0, { G, C, C }, { G, G, C } },
	{ PR_RELEASE, 0, { G, G, C }, { G, G, C } },
	{ PR_CLEAR, 0, { G, G, C }, { G, G, C } },
	{ PR_PREEMPT, KEY_A, { G, G, C }, { G, G, C } },
	{ PR_PREEMPT_AND_ABORT, KEY_A, { G, G, C }, { G, G, C } },
	{ PR_REGISTER_AND_MOVE, 5, { G, C, C }, { C, C, C } },
};

static uint8_t out_status(struct env *e, struct nexus *n, enum pr_action action, uint8_t type,
			  uint64_t key, uint64_t sa_key)
{
	static const uint8_t other[PR_ID_SIZE] = { 7, 7 };
	uint8_t list[LIST + TRANSPORT_ID_SIZE];
	uint32_t len = action == PR_REGISTER_AND_MOVE ? sizeof(list) : LIST;
	struct task t;

	list_fill(list, sizeof(list), key, sa_key, 0);
	if (action == PR_REGISTER_AND_MOVE) {
		put_be16(list + 18, 8);
		put_be32(list + 20, TRANSPORT_ID_SIZE);
		transport_id_encode(list + LIST, other);
	}
	pr_out_init(e, &t, n, (uint8_t)action, type, list, len);
	task_run(e, &t);
	task_free(&t);
	return t.sc.status;
}

static void test_persistent_reserve_out(void **state)
{
	struct pr_env *pe = *state;
	struct env *e = &pe->e;
	struct nexus *n[] = { [HOLDER] = e->a, [REGISTRANT] = e->b, [NOT_REGISTERED] = pe->c };
	const uint64_t keys[] = { KEY_A, KEY_B, 0 };

	for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
		bool ar = pr_type_is(types[t].type, PR_TYPES_AR);

		for (unsigned i = 0; i < ARRAY_SIZE(outs); i++) {
			for (int who = HOLDER; who <= NOT_REGISTERED; who++) {
				const int *want = ar ? outs[i].status_ar : outs[i].status;

				reserved_with(e, types[t].type);
				assert_int_equal(out_status(e, n[who], outs[i].action,
							    types[t].type, keys[who],
							    outs[i].sa_key), want[who]);
				for (unsigned c = 0; c < 3; c++)
					env_clear_ua(n[c]);
				pr_good(e, e->a, PR_REGISTER_AND_IGNORE, 0, 0, KEY_A);
				not_reserved(e);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_command_is_in_the_table),
		PR_TEST(test_persistent_reservations),
		PR_TEST(test_registrations_without_a_reservation),
		PR_TEST(test_reserve),
		PR_TEST(test_persistent_reserve_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
