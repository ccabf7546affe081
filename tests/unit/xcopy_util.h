/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of EXTENDED COPY share: three LUs of nexus a, and parameter lists. */
#ifndef TESTS_UNIT_XCOPY_UTIL_H
#define TESTS_UNIT_XCOPY_UTIL_H

#include "scsi_env.h"

#include "scsi/xcopy.h"

#include <stdlib.h>
#include <string.h>

#define XLUS 3
#define XSELF XCOPY_SELF

struct xenv {
	struct env e; /* its LU is number 0 */
	struct backend be[XLUS];
	struct lu *lu[XLUS];
};

struct xsegment {
	uint16_t source, dest;
	uint64_t source_lba, dest_lba;
	uint16_t blocks;
	bool dest_count;
};

/* All that can happen with every backend. */
static inline void xenv_pump(struct xenv *x)
{
	int work;

	do {
		env_pump(&x->e);
		work = 0;
		for (unsigned i = 1; i < XLUS; i++)
			work += fake_backend_run(&x->be[i]);
	} while (work);
}

static inline void xenv_map(struct xenv *x, bool read_only)
{
	struct lun_entry map[XLUS] = {
		{ 0, false, x->e.lu }, { 1, read_only, x->lu[1] }, { 2, false, x->lu[2] },
	};

	env_map(&x->e, x->e.a, map, XLUS);
	env_clear_ua(x->e.a);
}

static inline struct xenv *xenv_new(void)
{
	struct xenv *x = calloc(1, sizeof(*x));
	struct lu_params p;

	env_init(&x->e);
	env_open(&x->e);
	x->lu[0] = x->e.lu;
	p = x->e.params;
	for (unsigned i = 1; i < XLUS; i++) {
		fake_backend_init(&x->be[i]);
		p.naa[15] = (uint8_t)i;
		p.t10_id = i == 1 ? "short" : NULL;
		if (i == 2)
			x->be[i].info.block_size = 4096;
		x->lu[i] = env_add_lu(&x->e, &x->be[i], &p);
	}
	xenv_map(x, false);
	return x;
}

static inline void xenv_free(struct xenv *x)
{
	xenv_pump(x);
	env_map_lun0(&x->e, x->e.a, false);
	for (unsigned i = 1; i < XLUS; i++) {
		env_destroy_lu(&x->e, x->lu[i]);
		fake_backend_fini(&x->be[i]);
	}
	env_close(&x->e);
	free(x);
}

/* The identification descriptor of @lu. */
static inline void put_target(uint8_t *p, const struct lu *lu)
{
	memset(p, 0, XCOPY_TARGET_LEN);
	p[0] = XCOPY_IDENTIFICATION;
	p[4] = 1;
	p[5] = 3;
	p[7] = 16;
	memcpy(p + 8, lu->naa, 16);
	put_be24(p + 29, 1u << lu->block_shift);
}

static inline void put_segment(uint8_t *p, const struct xsegment *s)
{
	memset(p, 0, XCOPY_SEGMENT_LEN);
	p[0] = XCOPY_BLOCK_TO_BLOCK;
	p[1] = s->dest_count ? 0x02 : 0;
	p[3] = 0x18;
	put_be16(p + 4, s->source);
	put_be16(p + 6, s->dest);
	put_be16(p + 10, s->blocks);
	put_be64(p + 12, s->source_lba);
	put_be64(p + 20, s->dest_lba);
}

/* A list with all LUs as targets; its length. */
static inline uint32_t put_list(const struct xenv *x, uint8_t *p, uint8_t id, uint8_t usage,
				const struct xsegment *s, unsigned n)
{
	memset(p, 0, XCOPY_HEADER);
	p[0] = id;
	p[1] = (uint8_t)(usage << 3);
	put_be16(p + 2, XLUS * XCOPY_TARGET_LEN);
	put_be32(p + 8, n * XCOPY_SEGMENT_LEN);
	for (unsigned i = 0; i < XLUS; i++)
		put_target(p + XCOPY_HEADER + i * XCOPY_TARGET_LEN, x->lu[i]);
	p += XCOPY_HEADER + XLUS * XCOPY_TARGET_LEN;
	for (unsigned i = 0; i < n; i++)
		put_segment(p + i * XCOPY_SEGMENT_LEN, &s[i]);
	return XCOPY_HEADER + XLUS * XCOPY_TARGET_LEN + n * XCOPY_SEGMENT_LEN;
}

/* EXTENDED COPY with the @len bytes at @list. */
static inline void xcopy_list_task(struct xenv *x, struct task *t, const uint8_t *list,
				   uint32_t len)
{
	uint8_t cdb[16] = { 0x83 };

	put_be32(cdb + 10, len);
	task_init(&x->e, t, cdb, 16);
	task_out(t, list, len);
}

static inline void xcopy_task(struct xenv *x, struct task *t, uint8_t id, uint8_t usage,
			      const struct xsegment *s, unsigned n)
{
	uint8_t list[4096];

	xcopy_list_task(x, t, list, put_list(x, list, id, usage, s, n));
}

/* Submitted, and answered once. */
static inline void xcopy_task_run(struct xenv *x, struct task *t)
{
	scsi_submit(&t->sc);
	xenv_pump(x);
	assert_int_equal(t->responds, 1);
	assert_int_equal(t->drops, 0);
	task_free(t);
}

static inline void xcopy_run(struct xenv *x, struct task *t, uint8_t id, const struct xsegment *s,
			     unsigned n)
{
	xcopy_task(x, t, id, LIST_ID_HOLD, s, n);
	xcopy_task_run(x, t);
}

#endif
