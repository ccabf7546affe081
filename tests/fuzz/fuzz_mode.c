/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parameter lists of MODE SELECT, and kept values of mode pages, against arbitrary bytes:
 * nothing is read beyond them, no value comes out that the LU cannot have, and a refused
 * list says where.
 *
 * The first byte: bit 0 MODE SELECT(10), bit 1 no volatile cache, bit 2 kept values, bit 3 the
 * LU is large.
 */
#include "fuzz.h"

#include "scsi/mode.h"

#include <stdlib.h>

static struct backend_info info;
static struct lu_store store;
static struct lu lu = { .info = &info, .store = &store };

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_values(mode_values v)
{
	check(!(v >> 4 * MODE_FIELDS));
	check(mode_get(v, MODE_TAS) <= 1 && mode_get(v, MODE_SWP) <= 1);
	check(mode_get(v, MODE_D_SENSE) <= 1 && mode_get(v, MODE_WCE) <= info.write_cache);
	check(mode_get(v, MODE_QERR) <= 3 && mode_get(v, MODE_QERR) != 2);
}

/* What is taken is told, and telling it changes nothing. */
static void check_told(mode_values v)
{
	uint8_t list[4 + MODE_PAGE_MAX] = { 0 };
	struct mode_fault fault;

	for (unsigned i = 0; i < mode_pages_len; i++) {
		mode_values same = v;

		mode_page_build(&lu, &mode_pages[i], v, list + 4);
		check(mode_list_apply(&lu, list, 4u + mode_pages[i].len, false, &same, &fault));
		check(same == v);
	}
}

static void fuzz_list(const uint8_t *data, size_t size, bool ten)
{
	struct mode_fault fault = { SENSE_OK, 0, 0 };
	mode_values v = mode_current(&lu);

	if (mode_list_apply(&lu, data, size, ten, &v, &fault)) {
		check_values(v);
		check_told(v);
		return;
	}
	check(fault.sense == SENSE_PARAMETER_LIST_LENGTH ||
	      fault.sense == SENSE_INVALID_FIELD_IN_LIST);
	check(fault.byte < size && fault.bit >= -1 && fault.bit <= 7);
}

static void fuzz_kept(const uint8_t *data, size_t size)
{
	uint8_t p[64];
	size_t n;
	mode_values v;

	if (mode_state_decode(&lu, data, size)) {
		check(mode_saved(&lu) == mode_default(&lu));
		return;
	}
	v = mode_saved(&lu);
	check_values(v);
	check(v == mode_current(&lu));
	n = mode_state_encode(&lu, p, sizeof(p));
	mode_init(&lu);
	check(!n || !mode_state_decode(&lu, p, n));
	check(mode_saved(&lu) == v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? data[0] : 0;

	if (size < 2)
		return 0;
	info.write_cache = !(how & 2);
	lu.block_shift = 9;
	lu.nblocks = how & 8 ? 1ull << 36 : 1u << 13;
	mode_init(&lu);
	if (how & 4)
		fuzz_kept(data + 1, size - 1);
	else
		fuzz_list(data + 1, size - 1, how & 1);
	return 0;
}
