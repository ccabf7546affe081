/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parameter lists of EXTENDED COPY against arbitrary bytes: nothing is read beyond them, and what
 * a sound list holds lies within it.
 */
#include "fuzz.h"

#include "scsi/xcopy.h"

#include <stdlib.h>
#include <string.h>

static struct backend_info info;
static struct lu lu = {
	.info = &info, .block_shift = 9, .vendor = "SCST_FIO", .t10_id = "0",
	.naa = { 0x60, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
};
static struct itl itl = { .lu = &lu, .lun = 3 };

static void check(int condition)
{
	if (!condition)
		abort();
}

static struct lun_map *map_new(void)
{
	struct lun_map *m = calloc(1, sizeof(*m) + sizeof(m->itls[0]));

	check(!!m);
	m->count = 1;
	m->itls[0] = m->direct[3] = &itl;
	return m;
}

static void check_list(const struct xcopy_list *l, const uint8_t *p, size_t size,
		       const struct lun_map *m)
{
	check(l->usage != 1 && l->targets <= XCOPY_TARGETS_MAX);
	check(l->segments <= XCOPY_SEGMENTS_MAX && l->target == p + XCOPY_HEADER);
	check(l->segment + l->segments * XCOPY_SEGMENT_LEN <= p + size);
	for (unsigned i = 0; i < l->targets; i++) {
		struct xcopy_target t = xcopy_target_find(l, i, m);

		check(t.sense || xcopy_target_itl(&t, m) == &itl);
	}
	for (unsigned i = 0; i < l->segments; i++)
		check(xcopy_segment(l, i).blocks <= 0xffff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lun_map *m;
	struct xcopy_list l;
	uint8_t *copy = malloc(size ? size : 1); /* so that a read beyond it is found */
	struct xcopy_refusal r;

	if (!m)
		m = map_new();
	check(!!copy);
	memcpy(copy, data, size);
	r = xcopy_list_parse(copy, (uint32_t)size, &l);
	if (r.sense)
		check(r.byte < (int)size && (r.byte < 0 || r.sense == SENSE_INVALID_FIELD_IN_LIST));
	else
		check_list(&l, copy, size, m);
	free(copy);
	return 0;
}
