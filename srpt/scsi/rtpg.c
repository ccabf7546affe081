/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * REPORT TARGET PORT GROUPS, SPC-4 6.36. There is no SET TARGET PORT GROUPS: who serves
 * is decided by the cluster, which knows where the data is, and not by an initiator.
 */
#include "scsi/alua.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"

#define FORMAT_SHIFT 5
enum { FORMAT_LENGTH_ONLY, FORMAT_EXTENDED }; /* PARAMETER DATA FORMAT */

#define HEADER_LENGTH_ONLY 4u
#define HEADER_EXTENDED 8u
#define GROUP_LEN 8u
#define PORT_LEN 4u
#define RETURN_EXTENDED 0x10 /* extended header, byte 4 */
#define PREF 0x80
#define STATE_MASK 0x0f /* of ALUA_VACANT, too */
/* T_SUP, O_SUP, U_SUP, S_SUP, AN_SUP, AO_SUP: every state but LBA dependent. */
#define STATES_SUPPORTED 0xcf

/* Of an LU in no device group: one group with the port the command came through. */
#define IMPLICIT_GROUP 1

bool prep_report_target_port_groups(struct scsi_cmd *cmd)
{
	const struct alua_table *t = alua_table(cmd->lu);
	uint32_t len = HEADER_EXTENDED;

	if (cmd->cdb[1] >> FORMAT_SHIFT > FORMAT_EXTENDED)
		return cmd_bad_field(cmd, 1, 7);
	for (unsigned i = 0; t && i < t->n_groups; i++)
		len += GROUP_LEN + PORT_LEN * t->groups[i].n_ports;
	if (len > cmd->buf_len)
		cmd->buf_len = len;
	return true;
}

static uint8_t *put_group(uint8_t *p, const struct alua_entry *e)
{
	p[0] = (uint8_t)((e->preferred ? PREF : 0) | (e->state & STATE_MASK));
	p[1] = STATES_SUPPORTED;
	put_be16(p + 2, e->id);
	p[5] = (uint8_t)e->status;
	p[7] = (uint8_t)e->n_ports;
	p += GROUP_LEN;
	for (unsigned i = 0; i < e->n_ports; i++, p += PORT_LEN)
		put_be16(p + 2, e->ports[i]);
	return p;
}

/* The table may have grown while the command waited for its buffer. */
static uint8_t *put_groups(uint8_t *p, const uint8_t *end, const struct alua_table *t)
{
	for (unsigned i = 0; i < t->n_groups; i++) {
		const struct alua_entry *e = &t->groups[i];

		if ((size_t)(end - p) < GROUP_LEN + PORT_LEN * e->n_ports)
			break;
		p = put_group(p, e);
	}
	return p;
}

void op_report_target_port_groups(struct scsi_cmd *cmd)
{
	const struct alua_table *t = alua_table(cmd->lu);
	uint16_t port = cmd->nexus->port.rel_tgt_id;
	const struct alua_entry alone = { .id = IMPLICIT_GROUP, .n_ports = 1, .ports = &port };
	uint8_t *start = cmd->buf.addr, *p = start + HEADER_LENGTH_ONLY;

	if (cmd->cdb[1] >> FORMAT_SHIFT == FORMAT_EXTENDED) {
		p[0] = RETURN_EXTENDED;
		p[1] = t ? t->transition_time : 0;
		p = start + HEADER_EXTENDED;
	}
	p = t ? put_groups(p, start + cmd->buf_len, t) : put_group(p, &alone);
	put_be32(start, (uint32_t)(p - start) - HEADER_LENGTH_ONLY);
	cmd_reply(cmd, (uint32_t)(p - start));
}
