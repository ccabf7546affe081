/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device-management MAD of arbitrary bytes behind two of the P_Key, and what becomes of it. */
#include "fuzz.h"
#include "base/bytes.h"
#include "dm/dm_mad.h"
#include "dm_util.h"

#include <stdlib.h>
#include <string.h>

static void check(int condition)
{
	if (!condition)
		abort();
}

static struct dm_table *table_get(void)
{
	struct dm_target targets[] = { dm_test_target("a", 0x1111, 5555),
				       dm_test_target("b", 0x2222, 5556),
				       dm_test_target("c", 0x3333, 5557) };
	static struct dm_table *table;
	size_t left_out;

	if (table)
		return table;
	targets[1].portals[0].pkey = 0x8001;
	for (unsigned i = 0; i < DM_PORTALS_MAX; i++) {
		targets[2].portals[i] = targets[0].portals[0];
		targets[2].portals[i].port = (uint16_t)(6000 + i);
	}
	targets[2].n_portals = DM_PORTALS_MAX;
	check(!dm_table_make(targets, 3, &dm_test_profile, NULL, 1, &table, &left_out));
	return table;
}

/* What it was is in the answer; the rest of the header is ours. */
static void answer_check(const uint8_t *mad, const uint8_t *was, enum dm_result result)
{
	check(mad[0] == 1 && mad[1] == 6 && mad[2] == 1 && mad[3] & 0x80);
	check(!memcmp(mad + 8, was + 8, 10) && !memcmp(mad + 20, was + 20, 4));
	check((result == DM_ANSWERED) == !get_be16(mad + 4));
	for (unsigned i = 24; i < (result == DM_ANSWERED ? 64 : 256); i++)
		check(!mad[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dm_port port = dm_test_port();
	enum dm_result result;
	uint8_t *mad;

	if (size < 3)
		return 0;
	mad = malloc(size - 2); /* so all behind the last byte is out of bounds */
	check(mad != NULL);
	memcpy(mad, data + 2, size - 2);
	result = dm_mad_answer(table_get(), &port, get_be16(data), mad, size - 2);
	if (result == DM_ANSWERED || result == DM_REFUSED)
		answer_check(mad, data + 2, result);
	else
		check(!memcmp(mad, data + 2, size - 2));
	free(mad);
	return 0;
}
