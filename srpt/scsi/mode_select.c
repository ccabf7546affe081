/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MODE SELECT, SPC-4 6.11: on the control thread the list is applied to a copy of the values;
 * when all of it is valid and, with SP, saved, the copy is published.
 */
#include "scsi/access.h"
#include "scsi/lu_state.h"
#include "scsi/mode.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"
#include "scsi/optable.h"

#define PF 0x10 /* CDB byte 1 */
#define SP 0x01

bool prep_mode_select(struct scsi_cmd *cmd)
{
	if (!(cmd->cdb[1] & PF))
		return cmd_bad_field(cmd, 1, 4);
	if ((cmd->cdb[1] & SP) && !lu_keeps(cmd->lu))
		return cmd_bad_field(cmd, 1, 0);
	return true;
}

/* ---- back on the reactor ---- */

/* cmd->arg while it goes back: sense, bit + 1, byte. */
static uint32_t fault_pack(const struct mode_fault *f)
{
	return (uint32_t)f->sense | (uint32_t)(f->bit + 1) << 8 | (uint32_t)f->byte << 16;
}

static void select_failed(struct scsi_cmd *cmd)
{
	enum scsi_sense s = (enum scsi_sense)(cmd->arg & 0xff);

	if (s == SENSE_INVALID_FIELD_IN_LIST)
		cmd_bad_param_bit(cmd, cmd->arg >> 16, (int)(cmd->arg >> 8 & 0xff) - 1);
	else
		cmd_fail(cmd, s);
}

/* What was answered from the cache before WCE went must not stay there (SBC-3 6.5.5). */
static void select_flush(struct scsi_cmd *cmd)
{
	cmd_io(cmd, BE_FLUSH, 0, 0, NULL, cmd_io_ends);
}

/* ---- control thread ---- */

static void select_end(struct scsi_cmd *cmd, void (*step)(struct scsi_cmd *cmd))
{
	struct lu *lu = cmd->lu;

	/* First: the command may be gone as soon as it is on its way back. */
	lu_change_end(lu, &cmd->change);
	cmd_control_return(cmd, step);
}

static void select_refuse(struct scsi_cmd *cmd, const struct mode_fault *fault)
{
	cmd->arg = fault_pack(fault);
	select_end(cmd, select_failed);
}

/* Only what the list changed: a reset may have changed the rest meanwhile. */
static mode_values values_merge(mode_values now, mode_values old, mode_values new)
{
	for (unsigned f = 0; f < MODE_FIELDS; f++)
		if (mode_get(old, f) != mode_get(new, f))
			now = mode_set(now, f, mode_get(new, f));
	return now;
}

/* cmd->progress: the values before and as they are to be. */
static void select_publish(struct scsi_cmd *cmd)
{
	mode_values old = (mode_values)(cmd->progress >> 32), new = (mode_values)cmd->progress;
	bool flush = mode_wce_goes(old, new);

	if (new != old) {
		mode_publish(cmd->lu, values_merge(mode_current(cmd->lu), old, new));
		lu_post_ua(cmd->lu, UA_MODE_CHANGED, cmd->nexus);
	}
	select_end(cmd, flush ? select_flush : cmd_good);
}

static void select_saved(void *arg, int status)
{
	static const struct mode_fault failed = { SENSE_INTERNAL_FAILURE, 0, -1 };
	struct scsi_cmd *cmd = arg;
	struct lu_modes *m = &cmd->lu->modes;

	if (status) {
		m->keep = mode_saved(cmd->lu);
		select_refuse(cmd, &failed);
		return;
	}
	atomic_store_explicit(&m->saved, m->keep, memory_order_relaxed);
	select_publish(cmd);
}

static void select_start(struct lu_change *c)
{
	struct scsi_cmd *cmd = container_of(c, struct scsi_cmd, change);
	mode_values old = mode_current(cmd->lu), new = old;
	enum scsi_sense s = access_check_control(cmd);
	struct mode_fault fault;

	if (s) {
		lu_change_end(cmd->lu, c);
		cmd_control_fail(cmd, s);
		return;
	}
	if (!mode_list_apply(cmd->lu, cmd->buf.addr, cmd->out_len, cmd->op->cdb_len == 10, &new,
			     &fault)) {
		select_refuse(cmd, &fault);
		return;
	}
	cmd->progress = (uint64_t)old << 32 | new;
	if (!(cmd->cdb[1] & SP) || new == mode_saved(cmd->lu)) {
		select_publish(cmd);
		return;
	}
	cmd->lu->modes.keep = new;
	lu_state_save(cmd->lu, select_saved, cmd);
}

static void select_begin(struct scsi_cmd *cmd)
{
	cmd->change.start = select_start;
	lu_change_begin(cmd->lu, &cmd->change);
}

void op_mode_select(struct scsi_cmd *cmd)
{
	if (cmd->out_len)
		cmd_control(cmd, select_begin);
	else
		cmd_good(cmd);
}
