/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/access.h"

#include "scsi/alua.h"
#include "scsi/gate.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"
#include "scsi/optable.h"
#include "scsi/pr.h"
#include "scsi/reserve.h"

/* START STOP UNIT, byte 4. */
#define START 0x01
#define POWER_CONDITION 0xf0

/* In the order of precedence; the first two columns are one bit each. */
static const struct {
	unsigned gate;
	uint8_t access;
	enum scsi_sense sense;
} gates[] = {
	{ GATE_WE, ACCESS_WE, SENSE_RESERVATION_CONFLICT },
	{ GATE_EA, ACCESS_EA, SENSE_RESERVATION_CONFLICT },
	{ GATE_RESERVED, ACCESS_RESERVED, SENSE_RESERVATION_CONFLICT },
	{ GATE_STANDBY, ACCESS_STANDBY, SENSE_ALUA_STANDBY },
	{ GATE_UNAVAILABLE, ACCESS_UNAVAILABLE, SENSE_ALUA_UNAVAILABLE },
	{ GATE_TRANSITION, ACCESS_TRANSITION, SENSE_ALUA_TRANSITION },
	{ GATE_VACANT, ACCESS_STANDBY, SENSE_ALUA_TRANSITION },
	{ GATE_OFFLINE, ACCESS_UNAVAILABLE, SENSE_ALUA_OFFLINE },
};

static enum scsi_sense gate_check(unsigned gate, uint8_t access)
{
	gate &= ~GATE_GUARDED;
	for (unsigned i = 0; gate && i < ARRAY_SIZE(gates); i++)
		if ((gate & gates[i].gate) && !(access & gates[i].access))
			return gates[i].sense;
	return SENSE_OK;
}

static enum scsi_sense not_ready(const struct scsi_cmd *cmd)
{
	if (cmd->op->access & ACCESS_NOT_READY)
		return SENSE_OK;
	return (enum scsi_sense)atomic_load_explicit(&cmd->lu->not_ready, memory_order_relaxed);
}

/* Its row's, and to start an LU that runs disturbs nobody (SBC-3 table 13). */
static uint8_t access_of(const struct scsi_cmd *cmd)
{
	uint8_t access = cmd->op->access;

	if (cmd->op->exec == op_start_stop && (cmd->cdb[4] & (POWER_CONDITION | START)) == START)
		access |= ACCESS_WE | ACCESS_EA | ACCESS_RESERVED;
	return access;
}

/*
 * To a path checker (multipath-tools 0.9.4) a path in transition is broken, one in standby is not.
 * In a cluster a transition lasts for seconds, so it is told of standby.
 */
static unsigned gate_of_cmd(const struct scsi_cmd *cmd)
{
	unsigned gate = atomic_load_explicit(&cmd->itl->gate, memory_order_acquire);

	if (gate & (GATE_GUARDED | GATE_VACANT) && gate & (GATE_VACANT | GATE_TRANSITION) &&
	    cmd->op->exec == op_test_unit_ready)
		gate = (gate & ~(GATE_VACANT | GATE_TRANSITION)) | GATE_STANDBY;
	return gate;
}

enum scsi_sense access_check(struct scsi_cmd *cmd)
{
	struct itl *itl = cmd->itl;
	unsigned gate = gate_of_cmd(cmd);
	bool ua = ua_pending(&itl->ua) && !(cmd->op->flags & OP_UA_PASSES) && !cmd->internal;
	enum scsi_sense s = SENSE_OK, closed = SENSE_OK;

	if (gate & GATE_GUARDED)
		closed = gate_admit(cmd, gate);
	if (ua)
		s = ua_take(&itl->ua, UA_RESET_CLASS);
	if (!s && !closed)
		s = gate_check(gate & GATE_CONFLICT, access_of(cmd));
	if (!s && ua)
		s = ua_take(&itl->ua, UA_ANY);
	if (!s)
		s = gate_check(gate & ~GATE_CONFLICT, cmd->op->access);
	if (!s)
		s = closed;
	return s ? s : not_ready(cmd);
}

/* It may have been admitted before the LU had a gate. */
static enum scsi_sense guard_again(struct scsi_cmd *cmd, unsigned gate)
{
	if (!cmd->epoch)
		return gate_admit(cmd, gate);
	return gate_lost(cmd) ? SENSE_ALUA_TRANSITION : SENSE_OK;
}

enum scsi_sense access_check_again(struct scsi_cmd *cmd)
{
	unsigned gate = gate_of_cmd(cmd);
	enum scsi_sense s = SENSE_OK;

	if (gate & GATE_GUARDED)
		s = guard_again(cmd, gate);
	if (!s)
		s = gate_check(gate, access_of(cmd));
	return s ? s : not_ready(cmd);
}

enum scsi_sense access_check_control(const struct scsi_cmd *cmd)
{
	const struct itl *itl = cmd_control_itl(cmd);

	if (!itl)
		return SENSE_LUN_NOT_SUPPORTED;
	if (gate_lost_control(cmd))
		return SENSE_ALUA_TRANSITION;
	return gate_check(atomic_load_explicit(&itl->gate, memory_order_relaxed), access_of(cmd));
}

/* What each part of the LU's state forbids @itl. */
static unsigned gate_of(const struct itl *itl)
{
	bool guarded = atomic_load_explicit(&itl->lu->gate, memory_order_relaxed);

	return pr_gate(itl) | reserve_gate(itl) | alua_gate(itl) | (guarded ? GATE_GUARDED : 0);
}

static void gate_store(struct itl *itl, unsigned gate)
{
	atomic_store_explicit(&itl->gate, gate, memory_order_release);
}

void access_publish(struct itl *itl)
{
	gate_store(itl, gate_of(itl));
}

void access_publish_news(struct itl *itl, unsigned news)
{
	unsigned gate = gate_of(itl);

	gate_store(itl, gate | atomic_load_explicit(&itl->gate, memory_order_relaxed));
	for (int ua = 0; ua < UA_COUNT; ua++)
		if (news & UA_BIT(ua))
			ua_post(&itl->ua, (enum ua)ua);
	gate_store(itl, gate);
}

void access_publish_lu(struct lu *lu)
{
	struct itl *itl;

	list_for_each(itl, &lu->itls, lu_link)
		access_publish(itl);
}
