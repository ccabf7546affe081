/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SRP_TSK_MGMT: to the device server's functions and back. Reactor. */
#include "srp/channel.h"

#include <string.h>

static struct log_limit tmf_limit;

/* log: the device server tells of the others itself. */
static const struct tmf_row {
	uint8_t code; /* enum srp_tsk_mgmt_func */
	enum scsi_tmf_function function;
	const char *log;
} tmf_table[] = {
	{ SRP_TSK_ABORT_TASK, SCSI_ABORT_TASK, "ABORT TASK" },
	{ SRP_TSK_ABORT_TASK_SET, SCSI_ABORT_TASK_SET, "ABORT TASK SET" },
	{ SRP_TSK_CLEAR_TASK_SET, SCSI_CLEAR_TASK_SET, NULL },
	{ SRP_TSK_LUN_RESET, SCSI_LU_RESET, NULL },
};

static const enum srp_rsp_code rsp_codes[] = {
	[SCSI_TMF_COMPLETE] = SRP_RSP_CODE_COMPLETE,
	[SCSI_TMF_REJECTED] = SRP_RSP_CODE_NOT_SUPPORTED,
	[SCSI_TMF_BAD_LUN] = SRP_RSP_CODE_FIELDS_INVALID,
	[SCSI_TMF_FAILED] = SRP_RSP_CODE_FAILED,
};

/* NULL: not supported, CLEAR ACA among them. */
static const struct tmf_row *tmf_row_find(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(tmf_table); i++)
		if (tmf_table[i].code == code)
			return &tmf_table[i];
	return NULL;
}

static void tmf_answer(struct srp_cmd *c, enum srp_rsp_code code)
{
	struct srp_channel *ch = c->ch;

	ch->unanswered--;
	ch->owed++;
	if (!channel_sends(ch)) {
		command_free(c);
		return;
	}
	c->io.x.nsegs = 0;
	c->io.x.local.addr = NULL;
	c->io.x.local.len = 0;
	command_push(c, iu_encode_tmf_rsp(c->rsp, c->tag, channel_grant(ch), code));
}

static void tmf_done(struct scsi_tmf *tmf, enum scsi_tmf_response r)
{
	tmf_answer(container_of(tmf, struct srp_cmd, tmf), rsp_codes[r]);
}

static void tmf_log(const struct srp_channel *ch, const struct srp_req *req,
		    const struct tmf_row *row)
{
	if (!row->log)
		return;
	log_warn_limited(&tmf_limit,
			 "target %s: session %s: channel %u: %s of tag %016llx, LUN %016llx",
			 ch->target_name, ch->info.peer, ch->number, row->log,
			 (unsigned long long)req->task_tag,
			 (unsigned long long)get_be64(req->lun));
}

void tmf_begin(struct srp_channel *ch, struct rx *rx, const struct srp_req *req,
	       enum iu_result result)
{
	struct srp_cmd *c = command_get(ch, req->tag);
	const struct tmf_row *row = tmf_row_find(req->function);

	c->phase = COMMAND_TMF;
	c->rx = NULL;
	if (result != IU_OK || !row) {
		channel_rx_put(ch, rx);
		tmf_answer(c, result != IU_OK ? SRP_RSP_CODE_FIELDS_INVALID :
						SRP_RSP_CODE_NOT_SUPPORTED);
		return;
	}
	tmf_log(ch, req, row);
	c->tmf.function = row->function;
	c->tmf.reactor = ch->reactor;
	c->tmf.nexus = ch->nexus;
	c->tmf.task_tag = req->task_tag;
	memcpy(c->tmf.lun, req->lun, sizeof(c->tmf.lun));
	c->tmf.done = tmf_done;
	channel_rx_put(ch, rx);
	scsi_tmf_submit(&c->tmf);
}
