/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/reserve.h"

#include "scsi/access.h"
#include "scsi/gate.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"
#include "scsi/optable.h"
#include "scsi/pr.h"

#define RELEASE_6 0x17
#define RELEASE_10 0x57

static void set_reserver(struct lu *lu, const struct nexus *n)
{
	if (lu->reserver == n)
		return;
	lu->reserver = n;
	access_publish_lu(lu);
}

unsigned reserve_gate(const struct itl *itl)
{
	const struct nexus *holder = itl->lu->reserver;

	return holder && holder != itl->nexus ? GATE_RESERVED : 0;
}

void reserve_lost(const struct itl *itl)
{
	if (itl->lu->reserver == itl->nexus)
		set_reserver(itl->lu, NULL);
}

/*
 * Compatible reservation handling (SPC-4 5.13.3): who holds the persistent reservation, or
 * is registered where that is enough, has what it asks for. Others that come where keys are
 * registered conflict.
 */
static enum scsi_sense with_registrations(const struct scsi_cmd *cmd)
{
	const struct pr *pr = cmd->lu->pr;
	struct pr_nexus id;
	int i;

	pr_identify(cmd->nexus, &id);
	i = pr_find(pr, &id);
	return pr->type && !pr_conflict(pr, i) ? SENSE_OK : SENSE_RESERVATION_CONFLICT;
}

static enum scsi_sense reserve(struct scsi_cmd *cmd)
{
	struct lu *lu = cmd->lu;

	if (lu->reserver && lu->reserver != cmd->nexus)
		return SENSE_RESERVATION_CONFLICT;
	/* Without its LUN it would not be noticed when the nexus is lost. */
	if (!cmd_control_itl(cmd))
		return SENSE_LUN_NOT_SUPPORTED;
	set_reserver(lu, cmd->nexus);
	return SENSE_OK;
}

/* What another nexus has reserved stays (SPC-2 7.16.2.2). */
static enum scsi_sense release(struct scsi_cmd *cmd)
{
	if (cmd->lu->reserver == cmd->nexus)
		set_reserver(cmd->lu, NULL);
	return SENSE_OK;
}

static void reserve_start(struct lu_change *c)
{
	struct scsi_cmd *cmd = container_of(c, struct scsi_cmd, change);
	bool releases = cmd->op->opcode == RELEASE_6 || cmd->op->opcode == RELEASE_10;
	enum scsi_sense s;

	if (gate_lost_control(cmd))
		s = SENSE_ALUA_TRANSITION;
	else if (cmd->lu->pr->count)
		s = with_registrations(cmd);
	else
		s = releases ? release(cmd) : reserve(cmd);
	lu_change_end(cmd->lu, c);
	if (s)
		cmd_control_fail(cmd, s);
	else
		cmd_control_return(cmd, cmd_good);
}

static void reserve_too_late(struct lu_change *c)
{
	struct scsi_cmd *cmd = container_of(c, struct scsi_cmd, change);

	lu_change_end(cmd->lu, c);
	cmd_control_fail(cmd, SENSE_BUSY);
}

/*
 * A RESERVE that waits for its turn is found by the reset as the other commands are, and
 * most likely aborted: it must not take the LU when nobody knows of it any more.
 */
void reserve_reset(struct lu *lu)
{
	struct lu_change *c;

	list_for_each(c, &lu->changes, link)
		if (c->start == reserve_start)
			c->start = reserve_too_late;
	set_reserver(lu, NULL);
}

static void reserve_received(struct scsi_cmd *cmd)
{
	cmd->change.start = reserve_start;
	lu_change_begin(cmd->lu, &cmd->change);
}

void op_reserve(struct scsi_cmd *cmd)
{
	cmd_control(cmd, reserve_received);
}
