/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MODE SENSE, SPC-4 6.11 and 7.5, SBC-3 6.5. Nothing is changeable or saved. */
#include "scsi/nexus.h"
#include "scsi/ops.h"

#include <string.h>

#define DBD 0x08        /* CDB byte 1 */
#define LLBAA 0x10
#define PAGE_ALL 0x3f   /* CDB byte 2 bits 5:0 */
#define SUBPAGE_ALL 0xff
#define WP 0x80         /* device specific parameter */
#define DPOFUA 0x10
#define LONGLBA 0x01    /* header of MODE SENSE(10), byte 4 */

/* Page control, CDB byte 2 bits 7:6. */
enum { PC_CURRENT, PC_CHANGEABLE, PC_DEFAULT, PC_SAVED };

/* @fill writes the current values, which are the defaults, into a zeroed page. */
struct mode_page {
	uint8_t code, len; /* len: with the two header bytes */
	void (*fill)(const struct lu *lu, uint8_t *p);
};

static void fill_caching(const struct lu *lu, uint8_t *p)
{
	if (lu->info->write_cache)
		p[2] = 0x04; /* WCE: SYNCHRONIZE CACHE and FUA matter */
}

static void fill_control(const struct lu *lu, uint8_t *p)
{
	p[2] = 0x02; /* TST 0: one task set; GLTSD */
	p[3] = 0x10; /* QAM 1: unrestricted reordering; QERR 0 */
	p[5] = atomic_load_explicit(&lu->modes.tas, memory_order_relaxed) ? 0x40 : 0;
	put_be16(p + 8, 0xffff); /* busy timeout: unlimited */
}

static void fill_exceptions(const struct lu *lu, uint8_t *p)
{
	(void)lu;
	p[2] = 0x08; /* DEXCPT: none are reported */
}

/* Ascending by code. */
static const struct mode_page pages[] = {
	{ 0x08, 20, fill_caching },
	{ 0x0a, 12, fill_control },
	{ 0x1c, 12, fill_exceptions },
};

static bool page_wanted(const struct mode_page *page, uint8_t code)
{
	return code == PAGE_ALL || code == page->code;
}

bool prep_mode_sense(struct scsi_cmd *cmd)
{
	uint8_t code = cmd->cdb[2] & 0x3f, subpage = cmd->cdb[3];
	bool known = false;

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		known |= page_wanted(&pages[i], code);
	if (!known)
		return cmd_bad_field(cmd, 2, 5);
	if (subpage && subpage != SUBPAGE_ALL)
		return cmd_bad_field(cmd, 3, -1);
	if (cmd->cdb[2] >> 6 == PC_SAVED)
		return cmd_fail(cmd, SENSE_SAVING_NOT_SUPPORTED);
	return true;
}

static unsigned put_short_descriptor(const struct lu *lu, uint8_t *p)
{
	put_be32(p, (uint32_t)min_u64(lu_nblocks(lu), UINT32_MAX));
	put_be24(p + 5, 1u << lu->block_shift);
	return 8;
}

static unsigned put_long_descriptor(const struct lu *lu, uint8_t *p)
{
	put_be64(p, lu_nblocks(lu));
	put_be32(p + 12, 1u << lu->block_shift);
	return 16;
}

static unsigned put_pages(const struct scsi_cmd *cmd, uint8_t *p)
{
	uint8_t code = cmd->cdb[2] & 0x3f;
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		if (!page_wanted(&pages[i], code))
			continue;
		p[n] = pages[i].code;
		p[n + 1] = (uint8_t)(pages[i].len - 2);
		if (cmd->cdb[2] >> 6 != PC_CHANGEABLE)
			pages[i].fill(cmd->lu, p + n);
		n += pages[i].len;
	}
	return n;
}

static uint8_t device_specific(const struct scsi_cmd *cmd)
{
	bool wp = cmd->itl && atomic_load_explicit(&cmd->itl->read_only, memory_order_relaxed);

	return (uint8_t)(DPOFUA | (wp ? WP : 0));
}

void op_mode_sense_6(struct scsi_cmd *cmd)
{
	uint8_t *p = cmd->buf.addr;
	unsigned n = 4;

	p[2] = device_specific(cmd);
	if (!(cmd->cdb[1] & DBD))
		n += p[3] = (uint8_t)put_short_descriptor(cmd->lu, p + n);
	n += put_pages(cmd, p + n);
	p[0] = (uint8_t)(n - 1);
	cmd_reply(cmd, n);
}

void op_mode_sense_10(struct scsi_cmd *cmd)
{
	uint8_t *p = cmd->buf.addr;
	unsigned n = 8, descriptor = 0;

	p[3] = device_specific(cmd);
	if (!(cmd->cdb[1] & DBD)) {
		if (cmd->cdb[1] & LLBAA) {
			p[4] = LONGLBA;
			descriptor = put_long_descriptor(cmd->lu, p + n);
		} else {
			descriptor = put_short_descriptor(cmd->lu, p + n);
		}
	}
	put_be16(p + 6, (uint16_t)descriptor);
	n += descriptor;
	n += put_pages(cmd, p + n);
	put_be16(p, (uint16_t)(n - 2));
	cmd_reply(cmd, n);
}
