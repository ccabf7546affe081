/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/alua.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"

#include <string.h>

#define INQUIRY_LEN 96u      /* standard data, SPC-4 6.6.2 */
#define INQUIRY_SHORT_LEN 36u
#define PERIPHERAL_DISK 0x00
#define PERIPHERAL_UNAVAILABLE 0x20 /* qualifier 001b: not accessible through this port now */
#define PERIPHERAL_WELL_KNOWN 0x1e
#define PERIPHERAL_ABSENT 0x7f /* qualifier 011b, type 1Fh */
#define VERSION_SPC4 6
#define HISUP_FORMAT_2 0x12
#define THIRD_PARTY_COPY 0x08 /* standard INQUIRY data, byte 5 */
#define TPGS_IMPLICIT 0x10 /* byte 5 */
#define MULTIP 0x10 /* byte 6: may be reached through several ports */
#define CMDQUE 0x02 /* byte 7 */

/* ASCII fields are filled up with blanks and not terminated. */
static void put_text(uint8_t *p, unsigned len, const char *text)
{
	size_t n = strlen(text);

	memset(p, ' ', len);
	memcpy(p, text, n < len ? n : len);
}

static void put_common(uint8_t *p, uint8_t peripheral, unsigned len)
{
	p[0] = peripheral;
	p[2] = VERSION_SPC4;
	p[3] = HISUP_FORMAT_2;
	p[4] = (uint8_t)(len - 5);
}

uint8_t inquiry_peripheral(const struct scsi_cmd *cmd)
{
	const struct alua_entry *e;
	bool away;

	if (!cmd->lu)
		return PERIPHERAL_WELL_KNOWN;
	e = alua_find_port(alua_table(cmd->lu), cmd->nexus->port.rel_tgt_id);
	away = e && (e->state == ALUA_UNAVAILABLE || e->state == ALUA_OFFLINE);
	return PERIPHERAL_DISK | (away ? PERIPHERAL_UNAVAILABLE : 0);
}

static void inquiry_lu(struct scsi_cmd *cmd)
{
	static const uint16_t versions[] = {
		0x00a0, /* SAM-5 */
		0x0940, /* SRP */
		0x0460, /* SPC-4 */
		0x04c0, /* SBC-3 */
	};
	uint8_t *p = cmd->buf.addr;

	put_common(p, inquiry_peripheral(cmd), INQUIRY_LEN);
	if (alua_find_port(alua_table(cmd->lu), cmd->nexus->port.rel_tgt_id))
		p[5] = TPGS_IMPLICIT;
	p[5] |= THIRD_PARTY_COPY;
	p[6] = MULTIP;
	p[7] = CMDQUE;
	put_text(p + 8, 8, cmd->lu->vendor);
	put_text(p + 16, 16, cmd->lu->product);
	put_text(p + 32, 4, cmd->lu->revision);
	for (unsigned i = 0; i < ARRAY_SIZE(versions); i++)
		put_be16(p + 58 + 2 * i, versions[i]);
	cmd_reply(cmd, INQUIRY_LEN);
}

/* A LUN without an LU, or the well-known one. */
static void inquiry_other(struct scsi_cmd *cmd, uint8_t peripheral)
{
	uint8_t *p = cmd->buf.addr;

	put_common(p, peripheral, INQUIRY_SHORT_LEN);
	put_text(p + 8, 8, "SRPT");
	put_text(p + 16, 16, peripheral == PERIPHERAL_ABSENT ? "NO LUN" : "REPORT LUNS");
	put_text(p + 32, 4, "");
	cmd_reply(cmd, INQUIRY_SHORT_LEN);
}

void op_inquiry(struct scsi_cmd *cmd)
{
	bool evpd = cmd->cdb[1] & 0x01;
	bool well_known = !cmd->lu && lun_decode(cmd->lun) == LUN_REPORT_LUNS;

	if (!evpd && cmd->cdb[2])
		cmd_bad_field(cmd, 2, -1);
	else if (evpd && (cmd->lu || well_known))
		inquiry_vpd(cmd);
	else if (evpd)
		cmd_fail(cmd, SENSE_LUN_NOT_SUPPORTED);
	else if (cmd->lu)
		inquiry_lu(cmd);
	else
		inquiry_other(cmd, well_known ? PERIPHERAL_WELL_KNOWN : PERIPHERAL_ABSENT);
}
