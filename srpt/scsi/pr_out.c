/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PERSISTENT RESERVE OUT, SPC-4 6.16: reactor (list fetched) → control thread (turn to
 * change the LU, rules, store, new gates, unit attentions, aborts) → reactor (status).
 */
#include "base/log.h"
#include "scsi/access.h"
#include "scsi/alua.h"
#include "scsi/device.h"
#include "scsi/gate.h"
#include "scsi/lu_state.h"
#include "scsi/nexus.h"
#include "scsi/ops.h"
#include "scsi/optable.h"
#include "scsi/pr_change.h"
#include "scsi/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_SIZE 24u
#define LIST_IDS 28u /* with SPEC_I_PT: length at 24, TransportIDs from here */
#define LIST_MOVE_ID 24u
#define FLAG_SPEC_I_PT 0x08
#define FLAG_ALL_TG_PT 0x04
#define FLAG_APTPL 0x01
#define FLAG_UNREG 0x02
#define NO_FIELD 0xffffu

/* One command on the control thread. */
struct pr_out {
	struct scsi_cmd *cmd;
	struct pr_request q;
	struct pr_change change;
	struct task_purge purge;
	bool changed; /* change.old is not the LU's state any more */
	bool turn;    /* to change the LU */
	uint16_t ports[];
};

bool prep_pr_out(struct scsi_cmd *cmd)
{
	bool more = cmd->op->sa == PR_REGISTER || cmd->op->sa == PR_REGISTER_AND_MOVE;

	if (cmd->alloc < LIST_SIZE || (cmd->alloc > LIST_SIZE && !more))
		return cmd_fail(cmd, SENSE_PARAMETER_LIST_LENGTH);
	return true;
}

/* ---- back on the reactor ---- */

/* arg: enum scsi_sense, byte of the field in error. */
static void pr_out_answer(struct scsi_cmd *cmd)
{
	enum scsi_sense s = (enum scsi_sense)(cmd->arg >> 16);
	unsigned field = cmd->arg & NO_FIELD;

	if (!s)
		cmd_good(cmd);
	else if (s == SENSE_INVALID_FIELD_IN_LIST && field != NO_FIELD)
		cmd_bad_param(cmd, field);
	else if (s == SENSE_INVALID_FIELD_IN_CDB && field != NO_FIELD)
		cmd_bad_field(cmd, field, -1);
	else
		cmd_fail(cmd, s);
}

/* ---- the control thread ---- */

static void cmd_answer(struct scsi_cmd *cmd, enum scsi_sense s, int field)
{
	cmd->arg = (uint32_t)s << 16 | ((unsigned)field & NO_FIELD);
	cmd_control_return(cmd, pr_out_answer);
}

static void pr_out_end_turn(struct pr_out *o)
{
	if (o->turn)
		lu_change_end(o->cmd->lu, &o->cmd->change);
	o->turn = false;
}

static void pr_out_end(struct pr_out *o, enum scsi_sense s)
{
	struct scsi_cmd *cmd = o->cmd;
	int field = o->change.field;

	pr_out_end_turn(o);
	pr_change_free(&o->change);
	if (o->changed)
		pr_free(o->change.old);
	free(o);
	cmd_answer(cmd, s, field);
}

/* Whose commands are aborted; any reactor. */
static bool pr_purge_match(const struct task_purge *p, const struct nexus *n)
{
	const struct pr_out *o = container_of(p, struct pr_out, purge);
	struct pr_nexus id;
	int i;

	pr_identify(n, &id);
	i = pr_find(o->change.old, &id);
	return i >= 0 && (o->change.tell[i] & PR_ABORT);
}

static void pr_purged(struct task_purge *p)
{
	pr_out_end(container_of(p, struct pr_out, purge), SENSE_OK);
}

static const struct {
	uint8_t tell;
	enum ua ua;
} tells[] = {
	{ PR_TELL_PREEMPTED, UA_PREEMPTED },
	{ PR_TELL_RELEASED, UA_RELEASED },
	{ PR_TELL_REGISTRATIONS, UA_REGISTRATIONS_PREEMPTED },
};

/* What the nexus of @itl hears of the change: UA_BIT()s. */
static unsigned pr_out_news(const struct pr_out *o, const struct itl *itl)
{
	struct pr_nexus id;
	unsigned news = 0;
	int i;

	pr_identify(itl->nexus, &id);
	i = pr_find(o->change.old, &id);
	for (unsigned t = 0; i >= 0 && t < ARRAY_SIZE(tells); t++)
		if (o->change.tell[i] & tells[t].tell)
			news |= UA_BIT(tells[t].ua);
	return news;
}

static void pr_out_publish(const struct pr_out *o)
{
	struct itl *itl;

	list_for_each(itl, &o->cmd->lu->itls, lu_link)
		access_publish_news(itl, pr_out_news(o, itl));
}

/* What takes something away from others leaves a line in the log. */
static void pr_out_log(struct pr_out *o)
{
	struct nexus *n = o->cmd->nexus;
	unsigned lost = 0;
	uint32_t missed;

	for (unsigned i = 0; i < o->change.old->count; i++)
		lost += o->change.tell[i] & (PR_TELL_PREEMPTED | PR_TELL_REGISTRATIONS) ? 1 : 0;
	if (!lost || !log_allowed(&n->limit, 5, 10, &missed))
		return;
	log_notice("device %s: %s by session %s: registrations lost: %u", o->cmd->lu->name,
		   o->cmd->op->name, n->name, lost);
}

/* Nobody is admitted any more who is not allowed to: now the others' commands may go. */
static void pr_out_commit(struct pr_out *o)
{
	struct lu *lu = o->cmd->lu;
	bool aborts = false;

	lu->pr = o->change.next;
	o->change.next = NULL;
	o->changed = true;
	pr_out_publish(o);
	pr_out_log(o);
	for (unsigned i = 0; i < o->change.old->count; i++)
		aborts |= !!(o->change.tell[i] & PR_ABORT);
	if (!aborts) {
		pr_out_end(o, SENSE_OK);
		return;
	}
	/* A disk that hangs must not hold up who comes next. */
	pr_out_end_turn(o);
	o->purge = (struct task_purge){ .lu = lu, .but = o->cmd, .match = pr_purge_match,
					.backend = true, .done = pr_purged };
	task_purge_run(&o->purge);
}

static void pr_out_saved(void *arg, int status)
{
	struct pr_out *o = arg;
	struct lu *lu = o->cmd->lu;

	lu->pr_next = NULL;
	if (!status) {
		pr_out_commit(o);
		return;
	}
	log_err("device %s: its persistent reservations were not kept: %s", lu->name,
		strerror(-status));
	pr_out_end(o, status == -ENOSPC || status == -EDQUOT ? SENSE_REGISTRATION_RESOURCES :
							       SENSE_INTERNAL_FAILURE);
}

/* ---- the parameter list ---- */

/* Lengths first; @bad: byte of the field in error. */
static enum scsi_sense list_ids(const uint8_t *p, uint32_t len, struct pr_request *q, int *bad)
{
	uint32_t ids;

	if (len < LIST_IDS)
		return SENSE_PARAMETER_LIST_LENGTH;
	ids = get_be32(p + LIST_SIZE);
	if (ids != len - LIST_IDS)
		return SENSE_PARAMETER_LIST_LENGTH;
	if (ids % TRANSPORT_ID_SIZE) {
		*bad = (int)LIST_SIZE;
		return SENSE_INVALID_FIELD_IN_LIST;
	}
	q->ids = p + LIST_IDS;
	q->nids = ids / TRANSPORT_ID_SIZE;
	return SENSE_OK;
}

static enum scsi_sense list_move(const uint8_t *p, uint32_t len, struct pr_request *q, int *bad)
{
	uint32_t id = get_be32(p + 20);

	q->unreg = p[17] & FLAG_UNREG;
	q->aptpl = p[17] & FLAG_APTPL;
	q->move_port = get_be16(p + 18);
	if (id != len - LIST_MOVE_ID)
		return SENSE_PARAMETER_LIST_LENGTH;
	if (id != TRANSPORT_ID_SIZE) {
		*bad = 20;
		return SENSE_INVALID_FIELD_IN_LIST;
	}
	q->ids = p + LIST_MOVE_ID;
	q->nids = 1;
	return SENSE_OK;
}

static enum scsi_sense list_decode(const uint8_t *p, uint32_t len, struct pr_request *q, int *bad)
{
	q->key = get_be64(p);
	q->sa_key = get_be64(p + 8);
	if (q->action == PR_REGISTER_AND_MOVE)
		return list_move(p, len, q, bad);
	q->spec_i_pt = p[20] & FLAG_SPEC_I_PT;
	q->all_tg_pt = p[20] & FLAG_ALL_TG_PT;
	q->aptpl = p[20] & FLAG_APTPL;
	if (q->spec_i_pt && q->action == PR_REGISTER)
		return list_ids(p, len, q, bad);
	return len == LIST_SIZE ? SENSE_OK : SENSE_PARAMETER_LIST_LENGTH;
}

/* ---- the change ---- */

/*
 * The ports through which the LU is reached: ours, and those of other nodes that its device
 * group knows. Into @ports, unless it is NULL; some maybe twice. How many.
 */
static unsigned ports_list(const struct lu *lu, uint16_t *ports)
{
	const struct alua_table *t = alua_table(lu);
	const struct scsi_port *port;
	unsigned n = 0;

	list_for_each(port, &lu->device->ports, link) {
		if (ports)
			ports[n] = port->rel_tgt_id;
		n++;
	}
	for (unsigned i = 0; t && i < t->n_groups; i++) {
		if (ports)
			memcpy(ports + n, t->groups[i].ports,
			       t->groups[i].n_ports * sizeof(ports[0]));
		n += t->groups[i].n_ports;
	}
	return n;
}

static struct pr_out *pr_out_alloc(struct scsi_cmd *cmd)
{
	unsigned n = 1 + ports_list(cmd->lu, NULL);
	struct pr_out *o;

	o = calloc(1, sizeof(*o) + n * sizeof(o->ports[0]));
	if (!o)
		return NULL;
	o->cmd = cmd;
	o->turn = true;
	o->change.field = PR_NO_FIELD;
	o->change.old = cmd->lu->pr;
	pr_identify(cmd->nexus, &o->q.from);
	o->ports[0] = o->q.from.port;
	ports_list(cmd->lu, o->ports + 1);
	o->q.ports = o->ports;
	o->q.nports = n;
	o->q.action = (enum pr_action)cmd->op->sa;
	o->q.scope = cmd->cdb[2] >> 4;
	o->q.type = cmd->cdb[2] & 0x0f;
	o->q.can_keep = lu_keeps(cmd->lu);
	return o;
}

static void pr_out_run(struct pr_out *o)
{
	struct lu *lu = o->cmd->lu;
	enum scsi_sense s;

	s = list_decode(o->cmd->buf.addr, o->cmd->out_len, &o->q, &o->change.field);
	if (!s)
		s = pr_apply(&o->change, lu->pr, &o->q);
	if (s || !o->change.next) {
		pr_out_end(o, s);
	} else if (lu->pr->aptpl || o->change.next->aptpl || pr_always_kept(lu)) {
		lu->pr_next = o->change.next;
		lu_state_save(lu, pr_out_saved, o);
	} else {
		pr_out_commit(o);
	}
}

/* While it is reserved by RESERVE nobody uses persistent reservations (SPC-2 5.5.1). */
static enum scsi_sense pr_out_refusal(const struct scsi_cmd *cmd)
{
	if (gate_lost_control(cmd))
		return SENSE_ALUA_TRANSITION;
	return cmd->lu->reserver ? SENSE_RESERVATION_CONFLICT : SENSE_OK;
}

static void pr_out_start(struct lu_change *c)
{
	struct scsi_cmd *cmd = container_of(c, struct scsi_cmd, change);
	enum scsi_sense s = pr_out_refusal(cmd);
	struct pr_out *o = s ? NULL : pr_out_alloc(cmd);

	if (o) {
		pr_out_run(o);
		return;
	}
	lu_change_end(cmd->lu, c);
	cmd_answer(cmd, s ? s : SENSE_BUSY, PR_NO_FIELD);
}

static void pr_out_received(struct scsi_cmd *cmd)
{
	cmd->change.start = pr_out_start;
	lu_change_begin(cmd->lu, &cmd->change);
}

void op_pr_out(struct scsi_cmd *cmd)
{
	cmd_control(cmd, pr_out_received);
}
