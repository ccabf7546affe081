/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of a command from its reactor to the control thread and back. */
#include "scsi/cmd.h"
#include "scsi/device.h"
#include "scsi/nexus.h"
#include "scsi/task.h"

static void cmd_control_back(struct msg *m)
{
	struct scsi_cmd *cmd = container_of(m, struct scsi_cmd, msg);

	cmd->in_control = false;
	if (cmd->aborted)
		task_end_aborted(cmd);
	else
		cmd->step(cmd);
}

void cmd_control_return(struct scsi_cmd *cmd, void (*step)(struct scsi_cmd *cmd))
{
	cmd->step = step;
	cmd->msg.fn = cmd_control_back;
	reactor_send(cmd->reactor, &cmd->msg);
}

static void cmd_control_failed(struct scsi_cmd *cmd)
{
	cmd_fail(cmd, (enum scsi_sense)cmd->arg);
}

void cmd_control_fail(struct scsi_cmd *cmd, enum scsi_sense s)
{
	cmd->arg = s;
	cmd_control_return(cmd, cmd_control_failed);
}

static void cmd_control_received(struct msg *m)
{
	struct scsi_cmd *cmd = container_of(m, struct scsi_cmd, msg);

	cmd->step(cmd);
}

void cmd_control(struct scsi_cmd *cmd, void (*fn)(struct scsi_cmd *cmd))
{
	cmd->in_control = true;
	cmd->step = fn;
	cmd->msg.fn = cmd_control_received;
	mailbox_post(cmd->lu->device->group->control, &cmd->msg);
}

struct itl *cmd_control_itl(const struct scsi_cmd *cmd)
{
	int lun = lun_decode(cmd->lun);
	struct itl *itl = lun < 0 ? NULL : lun_map_find(nexus_map(cmd->nexus), (unsigned)lun);

	return itl && itl->lu == cmd->lu ? itl : NULL;
}
