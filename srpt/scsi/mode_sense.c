/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MODE SENSE, SPC-4 6.13, SBC-3 6.5. */
#include "scsi/mode.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"

#define DBD 0x08        /* CDB byte 1 */
#define LLBAA 0x10
#define WP 0x80         /* device specific parameter */
#define DPOFUA 0x10
#define LONGLBA 0x01    /* header of MODE SENSE(10), byte 4 */

/* Page control, CDB byte 2 bits 7:6. */
enum { PC_CURRENT, PC_CHANGEABLE, PC_DEFAULT, PC_SAVED };

static bool page_wanted(const struct mode_page *page, uint8_t code, uint8_t subpage)
{
	return (code == MODE_ALL_PAGES || code == page->code) &&
	       (subpage == MODE_ALL_SUBPAGES || subpage == page->subpage);
}

static bool code_known(uint8_t code)
{
	return code == MODE_ALL_PAGES || mode_page_find(code, 0);
}

static bool subpage_known(uint8_t code, uint8_t subpage)
{
	return !subpage || subpage == MODE_ALL_SUBPAGES || mode_page_find(code, subpage);
}

bool prep_mode_sense(struct scsi_cmd *cmd)
{
	uint8_t code = cmd->cdb[2] & 0x3f, subpage = cmd->cdb[3];

	if (!code_known(code))
		return cmd_bad_field(cmd, 2, 5);
	if (!subpage_known(code, subpage))
		return cmd_bad_field(cmd, 3, -1);
	if (cmd->cdb[2] >> 6 == PC_SAVED && !lu_keeps(cmd->lu))
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

static void put_page(const struct lu *lu, const struct mode_page *page, unsigned pc, uint8_t *p)
{
	switch (pc) {
	case PC_CHANGEABLE:
		mode_page_mask(lu, page, p);
		break;
	case PC_DEFAULT:
		mode_page_build(lu, page, mode_default(lu), p);
		break;
	case PC_SAVED:
		mode_page_build(lu, page, mode_saved(lu), p);
		break;
	default:
		mode_page_build(lu, page, mode_current(lu), p);
	}
}

static unsigned put_pages(const struct scsi_cmd *cmd, uint8_t *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < mode_pages_len; i++) {
		if (!page_wanted(&mode_pages[i], cmd->cdb[2] & 0x3f, cmd->cdb[3]))
			continue;
		put_page(cmd->lu, &mode_pages[i], cmd->cdb[2] >> 6, p + n);
		n += mode_pages[i].len;
	}
	return n;
}

static uint8_t device_specific(const struct scsi_cmd *cmd)
{
	bool wp = atomic_load_explicit(&cmd->lu->modes.swp, memory_order_relaxed) ||
		  (cmd->itl && atomic_load_explicit(&cmd->itl->read_only, memory_order_relaxed));

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
