/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vital product data, SPC-4 7.8 and SBC-3 6.6: one builder per page. */
#include "scsi/alua.h"
#include "scsi/mode.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"

#include <string.h>

#define VPD_HEADER 4

/* Designators, SPC-4 7.8.6.1: code set, then association and type, then length. */
#define CODE_SET_BINARY 0x01
#define CODE_SET_ASCII 0x02
#define PROTOCOL_SRP 0x40
#define PIV_PORT 0x90 /* protocol identifier valid, association: target port */
#define CODE_SET_UTF8 0x03
#define TYPE_T10 0x01
#define TYPE_EUI64 0x02
#define TYPE_NAA 0x03
#define TYPE_RELATIVE_PORT 0x04
#define TYPE_PORT_GROUP 0x05
#define TYPE_LU_GROUP 0x06
#define TYPE_NAME 0x08

/* Writes the page after its header; returns the length written. */
struct vpd_page {
	uint8_t code;
	bool well_known; /* the REPORT LUNS well-known LU, which is none of ours, has it, too */
	unsigned (*build)(const struct scsi_cmd *cmd, uint8_t *p);
};

static unsigned build_supported(const struct scsi_cmd *cmd, uint8_t *p);

static unsigned build_serial(const struct scsi_cmd *cmd, uint8_t *p)
{
	size_t n = strlen(cmd->lu->serial);

	memcpy(p, cmd->lu->serial, n);
	return (unsigned)n;
}

static unsigned put_designator(uint8_t *p, uint8_t code_set, uint8_t type, const void *id,
			       size_t len)
{
	p[0] = code_set;
	p[1] = type;
	p[3] = (uint8_t)len;
	memcpy(p + 4, id, len);
	return 4 + (unsigned)len;
}

static unsigned put_t10(uint8_t *p, const struct lu *lu)
{
	uint8_t id[8 + sizeof(lu->t10_id)];
	size_t n = strlen(lu->t10_id);

	memset(id, ' ', 8);
	memcpy(id, lu->vendor, strlen(lu->vendor));
	memcpy(id + 8, lu->t10_id, n);
	return put_designator(p, CODE_SET_ASCII, TYPE_T10, id, 8 + n);
}

static unsigned put_port(uint8_t *p, uint8_t type, uint16_t number)
{
	uint8_t id[4] = { 0 };

	put_be16(id + 2, number);
	return put_designator(p, PROTOCOL_SRP | CODE_SET_BINARY, PIV_PORT | type, id, sizeof(id));
}

static unsigned put_lu_group(uint8_t *p, uint16_t number)
{
	uint8_t id[4] = { 0 };

	put_be16(id + 2, number);
	return put_designator(p, CODE_SET_BINARY, TYPE_LU_GROUP, id, sizeof(id));
}

#define NAME_PREFIX 4u /* "naa." or "eui." */
#define NAME_LEN 40u   /* with 32 digits, a NUL and padding to a multiple of four */

/* SCSI name string of the 16 bytes @id, SPC-4 7.8.6.11. */
static unsigned put_name(uint8_t *p, uint8_t protocol, uint8_t type, const char *prefix,
			 const uint8_t id[16])
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t name[NAME_LEN] = { 0 };

	memcpy(name, prefix, NAME_PREFIX);
	for (unsigned i = 0; i < 16; i++) {
		name[NAME_PREFIX + 2 * i] = (uint8_t)digits[id[i] >> 4];
		name[NAME_PREFIX + 2 * i + 1] = (uint8_t)digits[id[i] & 0xf];
	}
	return put_designator(p, protocol | CODE_SET_UTF8, type | TYPE_NAME, name, NAME_LEN);
}

/* The SRP target port identifier is an EUI-64 based 16-byte designator (SPC-4 7.8.6.5.4). */
static unsigned put_port_names(uint8_t *p, const struct scsi_port *port)
{
	unsigned n = put_designator(p, PROTOCOL_SRP | CODE_SET_BINARY, PIV_PORT | TYPE_EUI64,
				    port->id, sizeof(port->id));

	return n + put_name(p + n, PROTOCOL_SRP, PIV_PORT, "eui.", port->id);
}

/* The NAA first: that is what initiators make the WWID of. */
static unsigned put_lu(uint8_t *p, const struct lu *lu, const struct alua_table *table)
{
	unsigned n = put_designator(p, CODE_SET_BINARY, TYPE_NAA, lu->naa, sizeof(lu->naa));

	n += put_t10(p + n, lu);
	n += put_name(p + n, 0, 0, "naa.", lu->naa);
	if (table && table->lu_group)
		n += put_lu_group(p + n, table->lu_group);
	return n;
}

/* A well-known LU has no name of its own (SPC-4 7.8.6.2.4): that of the port is left. */
static unsigned build_identification(const struct scsi_cmd *cmd, uint8_t *p)
{
	const struct scsi_port *port = &cmd->nexus->port;
	const struct alua_table *table = cmd->lu ? alua_table(cmd->lu) : NULL;
	const struct alua_entry *group = alua_find_port(table, port->rel_tgt_id);
	unsigned n = cmd->lu ? put_lu(p, cmd->lu, table) : 0;

	n += put_port(p + n, TYPE_RELATIVE_PORT, port->rel_tgt_id);
	if (group)
		n += put_port(p + n, TYPE_PORT_GROUP, group->id);
	return n + put_port_names(p + n, port);
}

static unsigned build_extended(const struct scsi_cmd *cmd, uint8_t *p)
{
	p[1] = 0x07; /* HEADSUP, ORDSUP, SIMPSUP */
	p[2] = cmd->lu->info->write_cache ? 0x01 : 0; /* V_SUP */
	p[3] = 0x01; /* LUICLR: REPORT LUNS clears 3F/0E on every LU */
	/* Extended self-test completion minutes stay 0: there is no such test. */
	p[9] = SCSI_MAX_SENSE;
	return 0x3c;
}

/* One descriptor for all: what one nexus changes changes for all of them. */
static unsigned build_mode_policy(const struct scsi_cmd *cmd, uint8_t *p)
{
	(void)cmd;
	p[0] = MODE_ALL_PAGES;
	p[1] = MODE_ALL_SUBPAGES;
	p[2] = 0x00; /* shared; not by several LUs */
	return 4;
}

/* Offsets are those of the page less VPD_HEADER; SBC-3 table 187. */
static unsigned build_block_limits(const struct scsi_cmd *cmd, uint8_t *p)
{
	const struct lu *lu = cmd->lu;
	const struct backend_info *info = lu->info;
	unsigned shift = lu->block_shift;

	p[0] = 0x01; /* WSNZ */
	p[1] = COMPARE_MAX_BLOCKS;
	put_be16(p + 2, (uint16_t)(info->physical_block >> shift));
	put_be32(p + 4, IOBUF_MAX_SIZE >> shift);
	put_be32(p + 8, min_u32(info->optimal_io, IOBUF_MAX_SIZE) >> shift);
	if (lu->thin) {
		put_be32(p + 16, UNMAP_MAX_BLOCKS);
		put_be32(p + 20, UNMAP_MAX_DESCRIPTORS);
		put_be32(p + 24, info->unmap_granularity >> shift);
		put_be32(p + 28, 0x80000000u | info->unmap_alignment >> shift); /* UGAVALID */
	}
	put_be64(p + 32, WRITE_SAME_MAX_BYTES >> shift);
	return 0x3c;
}

static unsigned build_characteristics(const struct scsi_cmd *cmd, uint8_t *p)
{
	/* Rotation rate 1: does not rotate; 0: not reported. */
	put_be16(p, cmd->lu->info->rotational ? 0 : 1);
	/* FUAB: a non-volatile cache will do; VBULS: unmapped blocks compare as zeros. */
	p[4] = 0x03;
	return 0x3c;
}

/* Must agree with byte 14 of READ CAPACITY(16). */
static unsigned build_provisioning(const struct scsi_cmd *cmd, uint8_t *p)
{
	if (cmd->lu->thin) {
		p[1] = 0xe4; /* LBPU, LBPWS, LBPWS10, LBPRZ */
		p[2] = 0x02; /* thin provisioned */
	}
	return 4;
}

/* Ascending: page 00h lists them in this order. */
static const struct vpd_page pages[] = {
	{ 0x00, true, build_supported },
	{ 0x80, false, build_serial },
	{ 0x83, true, build_identification },
	{ 0x86, false, build_extended },
	{ 0x87, false, build_mode_policy },
	{ 0xb0, false, build_block_limits },
	{ 0xb1, false, build_characteristics },
	{ 0xb2, false, build_provisioning },
};

static bool page_offered(const struct scsi_cmd *cmd, const struct vpd_page *page)
{
	return cmd->lu || page->well_known;
}

static unsigned build_supported(const struct scsi_cmd *cmd, uint8_t *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		if (page_offered(cmd, &pages[i]))
			p[n++] = pages[i].code;
	return n;
}

void inquiry_vpd(struct scsi_cmd *cmd)
{
	uint8_t *p = cmd->buf.addr;
	unsigned len;

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i].code != cmd->cdb[2] || !page_offered(cmd, &pages[i]))
			continue;
		len = pages[i].build(cmd, p + VPD_HEADER);
		p[0] = inquiry_peripheral(cmd);
		p[1] = pages[i].code;
		put_be16(p + 2, (uint16_t)len);
		cmd_reply(cmd, VPD_HEADER + len);
		return;
	}
	cmd_bad_field(cmd, 2, -1);
}
