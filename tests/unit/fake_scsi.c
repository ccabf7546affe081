/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_scsi.h"

#include "base/bytes.h"
#include "scsi/sense.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_scsi fake_scsi;
static struct mailbox *control_mailbox;

void fake_scsi_init(struct mailbox *control)
{
	memset(&fake_scsi, 0, sizeof(fake_scsi));
	fake_scsi.pulled = 1;
	control_mailbox = control;
}

/* ---- commands ---- */

static void cmd_start(struct scsi_cmd *cmd)
{
	assert_true(fake_scsi.ncmds < FAKE_COMMANDS);
	assert_non_null(cmd->fabric);
	assert_non_null(cmd->reactor);
	assert_non_null(cmd->nexus);
	assert_true(cmd->cdb_len >= 16 && cmd->cdb_len <= SCSI_MAX_CDB);
	fake_scsi.cmds[fake_scsi.ncmds++] = cmd;
	cmd->buf.addr = NULL;
	cmd->data_len = 0;
	cmd->wanted = 0;
	cmd->moved_out = 0;
	cmd->wants_out = false;
	cmd->status = SCSI_GOOD;
	cmd->sense_len = 0;
	cmd->aborted = false;
	cmd->abort_status = false;
	cmd->detached = false;
	cmd->state = SCSI_CMD_EXECUTING;
}

void scsi_submit(struct scsi_cmd *cmd)
{
	cmd_start(cmd);
}

static void cmd_respond(struct scsi_cmd *cmd)
{
	cmd->state = SCSI_CMD_RESPONDING;
	cmd->fabric->respond(cmd);
}

void scsi_reject(struct scsi_cmd *cmd, int sense)
{
	cmd_start(cmd);
	fake_scsi.rejects++;
	sense_set(cmd, (enum scsi_sense)sense);
	cmd_respond(cmd);
}

void scsi_cmd_release(struct scsi_cmd *cmd)
{
	if (cmd->state == SCSI_CMD_DONE)
		return;
	cmd->state = SCSI_CMD_DONE;
	if (cmd->buf.addr && cmd->buf.addr != cmd->imm.addr)
		iobuf_put(&cmd->reactor->bufs, &cmd->buf);
}

static void cmd_drop(struct scsi_cmd *cmd)
{
	scsi_cmd_release(cmd);
	cmd->fabric->dropped(cmd);
}

void fake_abort(struct scsi_cmd *cmd)
{
	cmd->aborted = true;
	if (cmd->state != SCSI_CMD_EXECUTING)
		return;
	if (fake_scsi.detach)
		cmd->detached = true;
	else
		cmd_drop(cmd);
}

void scsi_cmd_abort(struct scsi_cmd *cmd)
{
	fake_scsi.aborts++;
	if (fake_scsi.on_abort)
		fake_scsi.on_abort();
	if (!cmd->aborted)
		fake_abort(cmd);
}

void fake_finish_aborted(struct scsi_cmd *cmd)
{
	assert_true(cmd->detached);
	cmd_drop(cmd);
}

void scsi_pulled(struct scsi_cmd *cmd, int status)
{
	assert_int_equal(cmd->state, SCSI_CMD_PULLING);
	fake_scsi.pulled = status;
	cmd->state = SCSI_CMD_EXECUTING;
	if (cmd->aborted || status == -ECONNRESET) {
		cmd_drop(cmd);
	} else if (status) {
		sense_set(cmd, SENSE_DATA_OUT_FAILED);
		cmd_respond(cmd);
	} else {
		cmd->moved_out = cmd->buf.len;
		cmd->wanted = cmd->buf.len;
		cmd->wants_out = true;
	}
}

void fake_pull(struct scsi_cmd *cmd, uint32_t len)
{
	if (cmd->imm.addr) {
		cmd->buf = cmd->imm;
		cmd->buf.len = len;
		cmd->moved_out = len;
		return;
	}
	assert_int_equal(iobuf_get(&cmd->reactor->bufs, len, &cmd->buf), 0);
	cmd->state = SCSI_CMD_PULLING;
	cmd->fabric->pull(cmd);
}

void fake_good(struct scsi_cmd *cmd)
{
	cmd_respond(cmd);
}

void fake_reply(struct scsi_cmd *cmd, const void *data, uint32_t len)
{
	assert_int_equal(iobuf_get(&cmd->reactor->bufs, len, &cmd->buf), 0);
	memcpy(cmd->buf.addr, data, len);
	cmd->wanted = len;
	cmd->data_len = min_u32(len, cmd->data_in_len);
	cmd_respond(cmd);
}

void fake_check(struct scsi_cmd *cmd, int sense)
{
	sense_set(cmd, (enum scsi_sense)sense);
	cmd_respond(cmd);
}

void scsi_tmf_submit(struct scsi_tmf *tmf)
{
	assert_true(fake_scsi.ntmfs < ARRAY_SIZE(fake_scsi.tmfs));
	assert_non_null(tmf->reactor);
	fake_scsi.tmfs[fake_scsi.ntmfs++] = tmf;
}

/* ---- nexuses ---- */

struct nexus *nexus_create(struct scsi_device *d, const struct scsi_port *port,
			   const uint8_t initiator_port_id[16], const char *name)
{
	struct nexus *n = fake_scsi.fail_nexus ? NULL : calloc(1, sizeof(*n));

	(void)d;
	if (!n)
		return NULL;
	snprintf(n->name, sizeof(n->name), "%s", name);
	memcpy(n->initiator_port_id, initiator_port_id, 16);
	n->port = *port;
	fake_scsi.nexuses++;
	fake_scsi.nexuses_made++;
	fake_scsi.last_nexus = n;
	return n;
}

struct map_told {
	struct msg msg;
	void (*done)(void *arg);
	void *arg;
};

static struct map_told *held_map;

static void map_told(struct msg *m)
{
	struct map_told *t = container_of(m, struct map_told, msg);

	if (fake_scsi.hold_maps) {
		assert_null(held_map);
		held_map = t;
		return;
	}
	t->done(t->arg);
	free(t);
}

void fake_map_release(void)
{
	fake_scsi.hold_maps = false;
	assert_non_null(held_map);
	mailbox_post(control_mailbox, &held_map->msg);
	held_map = NULL;
}

int nexus_set_map(struct nexus *n, const struct lun_entry *map, unsigned count,
		  void (*done)(void *arg), void *arg)
{
	struct map_told *t = calloc(1, sizeof(*t));

	(void)map;
	assert_non_null(t);
	n->luns = count;
	n->maps++;
	*t = (struct map_told){ { NULL, map_told }, done, arg };
	mailbox_post(control_mailbox, &t->msg);
	return 0;
}

void scsi_port_add(struct scsi_device *d, struct scsi_port *p)
{
	(void)d;
	list_init(&p->link);
}

void scsi_port_remove(struct scsi_port *p)
{
	list_del(&p->link);
}

void nexus_leave(struct nexus *n)
{
	n->leaves = true;
}

void nexus_destroy(struct nexus *n)
{
	fake_scsi.nexuses--;
	free(n);
}
