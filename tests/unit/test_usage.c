/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every bit of every CDB: looked at, tolerated or refused. What is expected is written down here
 * anew, from the tables of the CDBs in SPC-4 and SBC-3, less what this device server does not do
 * (protection information, ANCHOR, obsolete bits); the maps initiators are told must be the same.
 */
#include "fake_store.h"
#include "scsi_env.h"

#include "scsi/optable.h"

#include <stdlib.h>
#include <string.h>

/* Bytes 1 and up, by field; of service actions without bits 4:0 of byte 1. */
#define LBA4 0xff, 0xff, 0xff, 0xff
#define LBA8 LBA4, LBA4
#define LEN1 0xff
#define LEN2 0xff, 0xff
#define LEN4 0xff, 0xff, 0xff, 0xff
#define GROUP 0x1f
#define PAD2 0, 0
#define PAD4 0, 0, 0, 0
#define DPO_FUA 0x18
#define NO_SA 0xff

static const struct map {
	uint8_t opcode, sa, len;
	uint8_t bits[15]; /* of bytes 1 to 15 */
} maps[] = {
	{ 0x00, NO_SA, 6, { 0 } },
	{ 0x03, NO_SA, 6, { 0x01, 0, 0, LEN1 } },               /* DESC */
	{ 0x04, NO_SA, 6, { 0x3f } },               /* LONGLIST, FMTDATA, CMPLST, format */
	{ 0x08, NO_SA, 6, { 0x1f, 0xff, 0xff, LEN1 } },
	{ 0x0a, NO_SA, 6, { 0x1f, 0xff, 0xff, LEN1 } },
	{ 0x12, NO_SA, 6, { 0x01, 0xff, LEN2 } },               /* EVPD, page */
	{ 0x15, NO_SA, 6, { 0x11, 0, 0, LEN1 } },               /* PF, SP */
	{ 0x16, NO_SA, 6, { 0, 0xff } },                        /* reservation identification */
	{ 0x17, NO_SA, 6, { 0, 0xff } },
	{ 0x1a, NO_SA, 6, { 0x08, 0xff, 0xff, LEN1 } },         /* DBD, PC and page, subpage */
	{ 0x1b, NO_SA, 6, { 0x01, 0, 0x0f, 0xf7 } },            /* IMMED, modifier, condition */
	{ 0x1c, NO_SA, 6, { 0x01, 0xff, LEN2 } },               /* PCV, page */
	{ 0x1d, NO_SA, 6, { 0xf7, 0, LEN2 } },                  /* code, PF, SELFTEST, offline */
	{ 0x25, NO_SA, 10, { 0, LBA4, PAD2, 0x01 } },           /* PMI */
	{ 0x28, NO_SA, 10, { DPO_FUA, LBA4, GROUP, LEN2 } },
	{ 0x2a, NO_SA, 10, { DPO_FUA, LBA4, GROUP, LEN2 } },
	{ 0x2e, NO_SA, 10, { 0x12, LBA4, GROUP, LEN2 } },       /* DPO, BYTCHK 0 and 1 */
	{ 0x2f, NO_SA, 10, { 0x16, LBA4, GROUP, LEN2 } },       /* DPO, BYTCHK */
	{ 0x34, NO_SA, 10, { 0x02, LBA4, GROUP, LEN2 } },       /* IMMED */
	{ 0x35, NO_SA, 10, { 0x02, LBA4, GROUP, LEN2 } },       /* IMMED */
	{ 0x37, NO_SA, 10, { 0, 0x1f, PAD4, LEN2 } },           /* lists, format */
	{ 0x41, NO_SA, 10, { 0x08, LBA4, GROUP, LEN2 } },       /* UNMAP */
	{ 0x42, NO_SA, 10, { 0, PAD4, GROUP, LEN2 } },
	{ 0x48, 0x01, 10, { 0xa0, PAD4, 0, LEN2 } },            /* IMMED, AUSE */
	{ 0x48, 0x1f, 10, { 0, PAD4, 0, LEN2 } },
	{ 0x4d, NO_SA, 10, { 0, 0xff, 0xff, 0, LEN2, LEN2 } },  /* page, subpage, parameter */
	{ 0x55, NO_SA, 10, { 0x11, PAD4, 0, LEN2 } },
	{ 0x56, NO_SA, 10, { 0, 0xff } },
	{ 0x57, NO_SA, 10, { 0, 0xff } },
	{ 0x5a, NO_SA, 10, { 0x18, 0xff, 0xff, PAD2, 0, LEN2 } }, /* LLBAA, DBD */
	{ 0x5e, 0, 10, { 0, PAD4, 0, LEN2 } },
	{ 0x5e, 1, 10, { 0, PAD4, 0, LEN2 } },
	{ 0x5e, 2, 10, { 0, PAD4, 0, LEN2 } },
	{ 0x5e, 3, 10, { 0, PAD4, 0, LEN2 } },
	{ 0x5f, 0, 10, { 0, 0xff, PAD2, LEN4 } },               /* scope and type */
	{ 0x5f, 1, 10, { 0, 0xff, PAD2, LEN4 } },
	{ 0x5f, 2, 10, { 0, 0xff, PAD2, LEN4 } },
	{ 0x5f, 3, 10, { 0, 0xff, PAD2, LEN4 } },
	{ 0x5f, 4, 10, { 0, 0xff, PAD2, LEN4 } },
	{ 0x5f, 5, 10, { 0, 0xff, PAD2, LEN4 } },
	{ 0x5f, 6, 10, { 0, 0xff, PAD2, LEN4 } },
	{ 0x5f, 7, 10, { 0, 0xff, PAD2, LEN4 } },
	{ 0x83, 0x00, 16, { 0, PAD4, PAD4, LEN4 } },
	{ 0x84, 0x00, 16, { 0, 0xff, PAD4, PAD2, 0, LEN4 } },   /* list identifier */
	{ 0x84, 0x03, 16, { 0, PAD4, PAD4, LEN4 } },
	{ 0x84, 0x04, 16, { 0, 0xff, PAD4, PAD2, 0, LEN4 } },
	{ 0x88, NO_SA, 16, { DPO_FUA, LBA8, LEN4, GROUP } },
	{ 0x89, NO_SA, 16, { DPO_FUA, LBA8, PAD2, 0, LEN1, GROUP } },
	{ 0x8a, NO_SA, 16, { DPO_FUA, LBA8, LEN4, GROUP } },
	{ 0x8b, NO_SA, 16, { DPO_FUA, LBA8, LEN4, GROUP } },
	{ 0x8e, NO_SA, 16, { 0x12, LBA8, LEN4, GROUP } },
	{ 0x8f, NO_SA, 16, { 0x16, LBA8, LEN4, GROUP } },
	{ 0x90, NO_SA, 16, { 0x02, LBA8, LEN4, GROUP } },
	{ 0x91, NO_SA, 16, { 0x02, LBA8, LEN4, GROUP } },
	{ 0x93, NO_SA, 16, { 0x09, LBA8, LEN4, GROUP } },       /* UNMAP, NDOB */
	{ 0x9e, 0x10, 16, { 0, LBA8, LEN4, 0x01 } },            /* PMI */
	{ 0x9e, 0x12, 16, { 0, LBA8, LEN4 } },
	{ 0xa0, NO_SA, 12, { 0, 0xff, PAD2, 0, LEN4 } },        /* SELECT REPORT */
	{ 0xa3, 0x0a, 12, { 0xe0, PAD4, LEN4 } },               /* parameter data format */
	{ 0xa3, 0x0c, 12, { 0, 0x87, 0xff, LEN2, LEN4 } }, /* RCTD, option, what is asked for */
	{ 0xa3, 0x0d, 12, { 0, 0x80, PAD2, 0, LEN4 } },         /* REPD */
	{ 0xa8, NO_SA, 12, { DPO_FUA, LBA4, LEN4, GROUP } },
	{ 0xaa, NO_SA, 12, { DPO_FUA, LBA4, LEN4, GROUP } },
	{ 0xae, NO_SA, 12, { 0x12, LBA4, LEN4, GROUP } },
	{ 0xaf, NO_SA, 12, { 0x16, LBA4, LEN4, GROUP } },
	{ 0xb7, NO_SA, 12, { 0x1f, LBA4, LEN4 } },              /* lists, format; index */
};

static bool has_sa(const struct map *m)
{
	return m->sa != NO_SA;
}

static struct fake_store store;

/* An LU that takes all: it is thin, and its mode pages are kept. */
static int setup_thin(void **state)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	fake_store_init(&store);
	e->params.store = &store.store;
	e->params.thin_provisioned = true;
	e->be.info.unmap_granularity = 4096;
	env_open(e);
	*state = e;
	return 0;
}

/* What initiators are told of @m; they know the command by option 3. */
static void assert_told(struct env *e, const struct map *m)
{
	uint8_t want[16] = { m->opcode };
	struct task t;

	memcpy(want + 1, m->bits, sizeof(m->bits));
	if (has_sa(m))
		want[1] |= m->sa;
	TASK_INIT(e, &t, 0xa3, 0x0c, 3, m->opcode, 0, has_sa(m) ? m->sa : 0, 0, 0, 0, 255);
	t.sc.data_in_len = 255;
	task_run(e, &t);
	assert_good(&t);
	if (t.in[1] != 3 || get_be16(t.in + 2) != m->len || memcmp(t.in + 4, want, m->len))
		fail_msg("%02x/%02x: not as in the standard", m->opcode, m->sa);
	task_free(&t);
}

static void test_initiators_are_told(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(maps); i++)
		assert_told(*state, &maps[i]);
	assert_int_equal(ARRAY_SIZE(maps), optable_len);
}

/* The LUN of SCSI-2, what is vendor specific or obsolete in the control byte; not NACA. */
static bool tolerated(const struct map *m, unsigned byte, unsigned bit)
{
	if (byte == m->len - 1u)
		return 0xc3 >> bit & 1;
	return m->len == 6 && byte == 1 && bit >= 5;
}

/* RDPROTECT and its like: the field begins at bit 7. */
static int field_begins(const struct map *m, unsigned byte, unsigned bit)
{
	static const uint8_t blocks[] = {
		0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x41, 0x88, 0x89, 0x8a, 0x8b, 0x8e, 0x8f, 0x90,
		0x91, 0x93, 0xa8, 0xaa, 0xae, 0xaf,
	};

	return byte == 1 && bit >= 5 && memchr(blocks, m->opcode, sizeof(blocks)) ? 7 : (int)bit;
}

static void assert_refused(struct env *e, const struct map *m, unsigned byte, unsigned bit)
{
	uint8_t cdb[16] = { m->opcode, has_sa(m) ? m->sa : 0 };
	struct task t;

	cdb[byte] |= (uint8_t)(1u << bit);
	task_init(e, &t, cdb, sizeof(cdb));
	t.sc.data_in_len = 4096;
	task_run(e, &t);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, (uint16_t)byte, field_begins(m, byte, bit));
	task_free(&t);
}

static void test_all_others_are_refused(void **state)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(maps); i++) {
		const struct map *m = &maps[i];

		for (unsigned at = has_sa(m) ? 13 : 8; at < m->len * 8u; at++) {
			if (m->bits[at / 8 - 1] >> at % 8 & 1 || tolerated(m, at / 8, at % 8))
				continue;
			assert_refused(*state, m, at / 8, at % 8);
			refused++;
		}
	}
	assert_true(refused > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_initiators_are_told, setup_thin, env_teardown),
		cmocka_unit_test_setup_teardown(test_all_others_are_refused, setup_thin,
						env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
