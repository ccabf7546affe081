/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/pr.h"

#include "scsi/access.h"
#include "scsi/nexus.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct pr_nexus nexus(uint8_t last, uint16_t port)
{
	struct pr_nexus n = { .port = port };

	n.id[15] = last;
	return n;
}

static bool set(struct pr *pr, uint8_t last, uint16_t port, uint64_t key)
{
	struct pr_nexus n = nexus(last, port);

	return pr_set_key(pr, &n, key);
}

static int find(const struct pr *pr, uint8_t last, uint16_t port)
{
	struct pr_nexus n = nexus(last, port);

	return pr_find(pr, &n);
}

static void test_registrations_are_by_initiator_and_port(void **state)
{
	struct pr *pr = pr_copy(&pr_none, 4);

	(void)state;
	assert_true(set(pr, 2, 1, 21));
	assert_true(set(pr, 1, 300, 13));
	assert_true(set(pr, 1, 2, 12));
	assert_true(set(pr, 1, 2, 99));
	assert_int_equal(pr->count, 3);
	assert_int_equal(pr->r[find(pr, 1, 2)].key, 99);
	assert_int_equal(pr->r[find(pr, 1, 300)].key, 13);
	assert_int_equal(pr->r[find(pr, 2, 1)].key, 21);
	assert_int_equal(find(pr, 2, 2), -1);
	assert_int_equal(find(pr, 3, 1), -1);
	pr_free(pr);
}

static void test_they_are_in_order(void **state)
{
	static const uint8_t ids[] = { 5, 3, 9, 1, 7 };
	struct pr *pr = pr_copy(&pr_none, 5);

	(void)state;
	for (unsigned i = 0; i < sizeof(ids); i++)
		assert_true(set(pr, ids[i], 1, ids[i]));
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(pr->r[i].key, 2 * i + 1);
	pr_free(pr);
}

static void test_no_more_than_there_is_room(void **state)
{
	struct pr *pr = pr_copy(&pr_none, 1);

	(void)state;
	assert_true(set(pr, 1, 1, 1));
	assert_false(set(pr, 2, 1, 2));
	assert_true(set(pr, 1, 1, 3));
	assert_int_equal(pr->count, 1);
	pr_free(pr);
}

static void test_a_copy_has_everything(void **state)
{
	struct pr *pr = pr_copy(&pr_none, 2), *copy;

	(void)state;
	set(pr, 1, 1, 11);
	set(pr, 2, 1, 22);
	pr->type = PR_WRITE_EXCLUSIVE;
	pr->holder = 1;
	pr->aptpl = true;
	pr->generation = 7;
	copy = pr_copy(pr, 5);
	assert_int_equal(copy->room, 5);
	assert_int_equal(copy->count, 2);
	assert_int_equal(copy->r[find(copy, 1, 1)].key, 11);
	assert_int_equal(copy->r[find(copy, 2, 1)].key, 22);
	assert_true(copy->aptpl && copy->generation == 7 && pr_is_holder(copy, 1));
	pr_free(copy);
	pr_free(pr);
	pr_free(&pr_none);
}

static void test_the_holder_stays_the_holder(void **state)
{
	struct pr *pr = pr_copy(&pr_none, 4);

	(void)state;
	set(pr, 5, 1, 5);
	pr->type = PR_EXCLUSIVE_ACCESS_RO;
	set(pr, 3, 1, 3);
	set(pr, 7, 1, 7);
	assert_true(pr_is_holder(pr, find(pr, 5, 1)));
	pr_remove(pr, (unsigned)find(pr, 7, 1));
	pr_remove(pr, (unsigned)find(pr, 3, 1));
	assert_int_equal(pr->type, PR_EXCLUSIVE_ACCESS_RO);
	assert_true(pr_is_holder(pr, find(pr, 5, 1)));
	assert_false(pr_is_holder(pr, -1));
	pr_free(pr);
}

static void test_a_reservation_goes_with_its_holder(void **state)
{
	static const uint8_t types[] = { PR_WRITE_EXCLUSIVE, PR_EXCLUSIVE_ACCESS,
					 PR_WRITE_EXCLUSIVE_RO, PR_EXCLUSIVE_ACCESS_RO };

	(void)state;
	for (unsigned t = 0; t < sizeof(types); t++) {
		struct pr *pr = pr_copy(&pr_none, 2);

		set(pr, 1, 1, 1);
		set(pr, 2, 1, 2);
		pr->type = types[t];
		pr->holder = 1;
		pr_remove(pr, 1);
		assert_int_equal(pr->type, PR_NONE);
		assert_int_equal(pr->holder, 0);
		pr_free(pr);
	}
}

static void test_all_registrants_hold_until_the_last(void **state)
{
	struct pr *pr = pr_copy(&pr_none, 2);

	(void)state;
	set(pr, 1, 1, 1);
	set(pr, 2, 1, 2);
	pr->type = PR_WRITE_EXCLUSIVE_AR;
	assert_true(pr_is_holder(pr, 0) && pr_is_holder(pr, 1) && !pr_is_holder(pr, -1));
	pr_remove(pr, 0);
	assert_int_equal(pr->type, PR_WRITE_EXCLUSIVE_AR);
	pr_remove(pr, 0);
	assert_int_equal(pr->type, PR_NONE);
	pr_free(pr);
}

static void test_who_conflicts(void **state)
{
	/* Holder, registrant, somebody else. */
	static const struct {
		uint8_t type;
		unsigned gates[3];
	} rows[] = {
		{ PR_NONE, { 0, 0, 0 } },
		{ PR_WRITE_EXCLUSIVE, { 0, GATE_WE, GATE_WE } },
		{ PR_EXCLUSIVE_ACCESS, { 0, GATE_EA, GATE_EA } },
		{ PR_WRITE_EXCLUSIVE_RO, { 0, 0, GATE_WE } },
		{ PR_EXCLUSIVE_ACCESS_RO, { 0, 0, GATE_EA } },
		{ PR_WRITE_EXCLUSIVE_AR, { 0, 0, GATE_WE } },
		{ PR_EXCLUSIVE_ACCESS_AR, { 0, 0, GATE_EA } },
	};
	struct pr *pr = pr_copy(&pr_none, 2);

	(void)state;
	set(pr, 1, 1, 1);
	set(pr, 2, 1, 2);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		pr->type = rows[i].type;
		assert_int_equal(pr_conflict(pr, 0), rows[i].gates[0]);
		assert_int_equal(pr_conflict(pr, 1), rows[i].gates[1]);
		assert_int_equal(pr_conflict(pr, -1), rows[i].gates[2]);
	}
	pr_free(pr);
}

static void test_initiators_without_an_id_go_by_name(void **state)
{
	struct nexus n = { .port = { .rel_tgt_id = 3 }, .name = "192.0.2.1" };
	struct pr_nexus one, two, three;

	(void)state;
	pr_identify(&n, &one);
	strcpy(n.name, "192.0.2.2");
	pr_identify(&n, &two);
	assert_memory_not_equal(one.id, two.id, PR_ID_SIZE);
	assert_memory_not_equal(one.id, n.initiator_port_id, PR_ID_SIZE);
	strcpy(n.name, "192.0.2.1");
	pr_identify(&n, &three);
	assert_memory_equal(one.id, three.id, PR_ID_SIZE);
	assert_int_equal(one.port, 3);
	/* With one, the name says nothing. */
	n.initiator_port_id[9] = 1;
	pr_identify(&n, &one);
	assert_memory_equal(one.id, n.initiator_port_id, PR_ID_SIZE);
}

static void test_transport_ids(void **state)
{
	uint8_t id[PR_ID_SIZE] = { 0xfe, 0x80, 3 }, p[TRANSPORT_ID_SIZE], back[PR_ID_SIZE];

	(void)state;
	transport_id_encode(p, id);
	assert_int_equal(p[0], 0x04);
	for (unsigned i = 1; i < 8; i++)
		assert_int_equal(p[i], 0);
	assert_memory_equal(p + 8, id, PR_ID_SIZE);
	assert_true(transport_id_decode(p, back));
	assert_memory_equal(back, id, PR_ID_SIZE);
	p[0] = 0x05; /* iSCSI */
	assert_false(transport_id_decode(p, back));
	p[0] = 0x44; /* another format */
	assert_false(transport_id_decode(p, back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registrations_are_by_initiator_and_port),
		cmocka_unit_test(test_they_are_in_order),
		cmocka_unit_test(test_no_more_than_there_is_room),
		cmocka_unit_test(test_a_copy_has_everything),
		cmocka_unit_test(test_the_holder_stays_the_holder),
		cmocka_unit_test(test_a_reservation_goes_with_its_holder),
		cmocka_unit_test(test_all_registrants_hold_until_the_last),
		cmocka_unit_test(test_who_conflicts),
		cmocka_unit_test(test_initiators_without_an_id_go_by_name),
		cmocka_unit_test(test_transport_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
