/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/pr_change.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the parameter list, SPC-4 6.16.3. */
#define LIST_SA_KEY 8
#define LIST_MOVE_FLAGS 17
#define LIST_MOVE_PORT 18
#define LIST_FLAGS 20
#define LIST_MOVE_ID 24
#define LIST_IDS 28
#define CDB_SCOPE_TYPE 2

static enum scsi_sense bad_list(struct pr_change *c, int byte)
{
	c->field = byte;
	return SENSE_INVALID_FIELD_IN_LIST;
}

static enum scsi_sense bad_cdb(struct pr_change *c, int byte)
{
	c->field = byte;
	return SENSE_INVALID_FIELD_IN_CDB;
}

/* ---- changing ---- */

/* From here on @c->next may be changed; room for @more registrants. */
static bool change_begin(struct pr_change *c, unsigned more)
{
	unsigned room = c->old->count + more;

	c->next = pr_copy(c->old, room < PR_MAX ? room : PR_MAX);
	c->tell = calloc(c->old->count + 1, 1);
	return c->next && c->tell;
}

/* Every old registrant that is still registered, but @me. */
static void tell_others(struct pr_change *c, int me, uint8_t what)
{
	for (unsigned i = 0; i < c->old->count; i++)
		if ((int)i != me && pr_find(c->next, &c->old->r[i].nexus) >= 0)
			c->tell[i] |= what;
}

static void remove_nexus(struct pr_change *c, const struct pr_nexus *n)
{
	int i = pr_find(c->next, n);

	if (i >= 0)
		pr_remove(c->next, (unsigned)i);
}

static void hold(struct pr *pr, const struct pr_nexus *n, uint8_t type)
{
	pr->type = type;
	pr->holder = pr_type_is(type, PR_TYPES_AR) ? 0 : (unsigned)pr_find(pr, n);
}

static bool scope_type_valid(const struct pr_request *q)
{
	return !q->scope && pr_type_is(q->type, PR_TYPES);
}

/* ---- REGISTER, REGISTER AND IGNORE EXISTING KEY: SPC-4 5.13.7 ---- */

/* The ports a registration is for: 1 or all. */
static unsigned ports_of(const struct pr_request *q)
{
	return q->all_tg_pt ? q->nports : 1;
}

static struct pr_nexus nexus_at(const struct pr_request *q, const uint8_t *id, unsigned port)
{
	struct pr_nexus n = { .port = q->all_tg_pt ? q->ports[port] : q->from.port };

	memcpy(n.id, id, PR_ID_SIZE);
	return n;
}

/* Register @id at the ports. */
static bool register_id(struct pr_change *c, const struct pr_request *q, const uint8_t *id)
{
	for (unsigned p = 0; p < ports_of(q); p++) {
		struct pr_nexus n = nexus_at(q, id, p);

		if (!pr_set_key(c->next, &n, q->sa_key))
			return false;
	}
	return true;
}

/* SPC-4 table 59: who is named in the list must not be registered. */
static enum scsi_sense check_ids(struct pr_change *c, const struct pr_request *q)
{
	uint8_t id[PR_ID_SIZE];

	for (unsigned i = 0; i < q->nids; i++) {
		if (!transport_id_decode(q->ids + i * TRANSPORT_ID_SIZE, id))
			return bad_list(c, (int)(LIST_IDS + i * TRANSPORT_ID_SIZE));
		if (!memcmp(id, q->from.id, PR_ID_SIZE))
			continue;
		for (unsigned p = 0; p < ports_of(q); p++) {
			struct pr_nexus n = nexus_at(q, id, p);

			if (pr_find(c->old, &n) >= 0)
				return bad_list(c, (int)(LIST_IDS + i * TRANSPORT_ID_SIZE));
		}
	}
	return SENSE_OK;
}

static enum scsi_sense register_all(struct pr_change *c, const struct pr_request *q)
{
	enum scsi_sense s = check_ids(c, q);
	uint8_t id[PR_ID_SIZE];

	if (s)
		return s;
	if (!change_begin(c, (1 + q->nids) * ports_of(q)))
		return SENSE_BUSY;
	if (!register_id(c, q, q->from.id))
		return SENSE_REGISTRATION_RESOURCES;
	for (unsigned i = 0; i < q->nids; i++) {
		transport_id_decode(q->ids + i * TRANSPORT_ID_SIZE, id);
		if (!register_id(c, q, id))
			return SENSE_REGISTRATION_RESOURCES;
	}
	return SENSE_OK;
}

/* SPC-4 5.13.11.2: only a reservation for registrants leaves somebody who hears of it. */
static enum scsi_sense unregister(struct pr_change *c, const struct pr_request *q, int me)
{
	if (!change_begin(c, 0))
		return SENSE_BUSY;
	for (unsigned p = 0; p < ports_of(q); p++) {
		struct pr_nexus n = nexus_at(q, q->from.id, p);

		remove_nexus(c, &n);
	}
	if (!c->next->type && pr_type_is(c->old->type, PR_TYPES_RO))
		tell_others(c, me, PR_TELL_RELEASED);
	return SENSE_OK;
}

static enum scsi_sense apply_register(struct pr_change *c, const struct pr_request *q, int me)
{
	enum scsi_sense s;

	if (q->action == PR_REGISTER && q->key != (me < 0 ? 0 : c->old->r[me].key))
		return SENSE_RESERVATION_CONFLICT;
	if (q->spec_i_pt && q->action != PR_REGISTER)
		return bad_list(c, LIST_FLAGS);
	if (q->aptpl && !q->can_keep)
		return bad_list(c, LIST_FLAGS);
	if (me < 0 && !q->sa_key)
		return SENSE_OK;
	if (me >= 0 && q->spec_i_pt)
		return bad_cdb(c, PR_NO_FIELD);
	s = q->sa_key ? register_all(c, q) : unregister(c, q, me);
	if (s)
		return s;
	c->next->aptpl = q->aptpl;
	c->next->generation++;
	return SENSE_OK;
}

/* ---- RESERVE, RELEASE, CLEAR ---- */

static enum scsi_sense apply_reserve(struct pr_change *c, const struct pr_request *q, int me)
{
	if (!scope_type_valid(q))
		return bad_cdb(c, CDB_SCOPE_TYPE);
	if (c->old->type)
		return pr_is_holder(c->old, me) && c->old->type == q->type ?
			       SENSE_OK : SENSE_RESERVATION_CONFLICT;
	if (!change_begin(c, 0))
		return SENSE_BUSY;
	hold(c->next, &q->from, q->type);
	return SENSE_OK;
}

static enum scsi_sense apply_release(struct pr_change *c, const struct pr_request *q, int me)
{
	if (!scope_type_valid(q))
		return bad_cdb(c, CDB_SCOPE_TYPE);
	if (!pr_is_holder(c->old, me))
		return SENSE_OK;
	if (c->old->type != q->type)
		return SENSE_INVALID_RELEASE;
	if (!change_begin(c, 0))
		return SENSE_BUSY;
	c->next->type = PR_NONE;
	c->next->holder = 0;
	if (pr_type_is(c->old->type, PR_TYPES_RO | PR_TYPES_AR))
		tell_others(c, me, PR_TELL_RELEASED);
	return SENSE_OK;
}

static enum scsi_sense apply_clear(struct pr_change *c, const struct pr_request *q, int me)
{
	(void)q;
	if (!change_begin(c, 0))
		return SENSE_BUSY;
	tell_others(c, me, PR_TELL_PREEMPTED);
	c->next->type = PR_NONE;
	c->next->holder = 0;
	c->next->count = 0;
	c->next->generation++;
	return SENSE_OK;
}

/* ---- PREEMPT, PREEMPT AND ABORT: SPC-4 5.13.11.4 ---- */

/* What a preempting command removes: those with @key (0: all), @keep stays (−1: nobody does). */
static unsigned preempt_remove(struct pr_change *c, const struct pr_request *q, uint64_t key,
			       int me, int keep)
{
	unsigned removed = 0;

	for (unsigned i = 0; i < c->old->count; i++) {
		if (key && c->old->r[i].key != key)
			continue;
		removed++;
		if ((int)i == keep)
			continue;
		remove_nexus(c, &c->old->r[i].nexus);
		if ((int)i != me)
			c->tell[i] |= PR_TELL_REGISTRATIONS;
		if (q->action == PR_PREEMPT_AND_ABORT)
			c->tell[i] |= PR_ABORT;
	}
	return removed;
}

/* Does it take the reservation away, or registrations only? */
static bool preempts_reservation(const struct pr *pr, const struct pr_request *q)
{
	if (pr_type_is(pr->type, PR_TYPES_AR))
		return !q->sa_key;
	return pr->type && pr->r[pr->holder].key == q->sa_key;
}

static enum scsi_sense apply_preempt(struct pr_change *c, const struct pr_request *q, int me)
{
	bool all = preempts_reservation(c->old, q);

	if (all && !scope_type_valid(q))
		return bad_cdb(c, CDB_SCOPE_TYPE);
	if (!all && !q->sa_key)
		return c->old->type ? bad_list(c, LIST_SA_KEY) : SENSE_RESERVATION_CONFLICT;
	if (!change_begin(c, 0))
		return SENSE_BUSY;
	if (!preempt_remove(c, q, q->sa_key, me, all ? me : -1))
		return SENSE_RESERVATION_CONFLICT;
	if (all) {
		hold(c->next, &q->from, q->type);
		if (c->old->type != q->type)
			tell_others(c, me, PR_TELL_RELEASED);
	}
	c->next->generation++;
	return SENSE_OK;
}

/* ---- REGISTER AND MOVE: SPC-4 5.13.8 ---- */

static bool port_known(const struct pr_request *q)
{
	for (unsigned i = 0; i < q->nports; i++)
		if (q->ports[i] == q->move_port)
			return true;
	return false;
}

static enum scsi_sense move_check(struct pr_change *c, const struct pr_request *q, int me,
				  struct pr_nexus *to)
{
	if (!c->old->type)
		return bad_cdb(c, PR_NO_FIELD);
	if (pr_type_is(c->old->type, PR_TYPES_AR) || !pr_is_holder(c->old, me))
		return SENSE_RESERVATION_CONFLICT;
	if (!q->sa_key)
		return bad_list(c, LIST_SA_KEY);
	if (q->aptpl && !q->can_keep)
		return bad_list(c, LIST_MOVE_FLAGS);
	if (!port_known(q))
		return bad_list(c, LIST_MOVE_PORT);
	if (!transport_id_decode(q->ids, to->id) || !memcmp(to->id, q->from.id, PR_ID_SIZE))
		return bad_list(c, LIST_MOVE_ID);
	to->port = q->move_port;
	return SENSE_OK;
}

static enum scsi_sense apply_move(struct pr_change *c, const struct pr_request *q, int me)
{
	struct pr_nexus to;
	enum scsi_sense s = move_check(c, q, me, &to);

	if (s)
		return s;
	if (!change_begin(c, 1))
		return SENSE_BUSY;
	if (!pr_set_key(c->next, &to, q->sa_key))
		return SENSE_REGISTRATION_RESOURCES;
	hold(c->next, &to, c->old->type);
	if (q->unreg)
		remove_nexus(c, &q->from);
	c->next->aptpl = q->aptpl;
	c->next->generation++;
	return SENSE_OK;
}

/* ---- any ---- */

/* @registered: only for who is, and names its key. @flags: SPEC_I_PT and ALL_TG_PT may be set. */
static const struct {
	enum scsi_sense (*apply)(struct pr_change *c, const struct pr_request *q, int me);
	bool registered, flags;
} actions[PR_ACTIONS] = {
	[PR_REGISTER] = { apply_register, false, true },
	[PR_RESERVE] = { apply_reserve, true, false },
	[PR_RELEASE] = { apply_release, true, false },
	[PR_CLEAR] = { apply_clear, true, false },
	[PR_PREEMPT] = { apply_preempt, true, false },
	[PR_PREEMPT_AND_ABORT] = { apply_preempt, true, false },
	[PR_REGISTER_AND_IGNORE] = { apply_register, false, true },
	[PR_REGISTER_AND_MOVE] = { apply_move, true, false },
};

enum scsi_sense pr_apply(struct pr_change *c, const struct pr *old, const struct pr_request *q)
{
	int me = pr_find(old, &q->from);

	*c = (struct pr_change){ .old = old, .field = PR_NO_FIELD };
	if (actions[q->action].registered && (me < 0 || old->r[me].key != q->key))
		return SENSE_RESERVATION_CONFLICT;
	if (!actions[q->action].flags && (q->spec_i_pt || q->all_tg_pt))
		return bad_list(c, LIST_FLAGS);
	return actions[q->action].apply(c, q, me);
}

void pr_change_free(struct pr_change *c)
{
	pr_free(c->next);
	free(c->tell);
	c->next = NULL;
	c->tell = NULL;
}
