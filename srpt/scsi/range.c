/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/range.h"

#include "scsi/device.h"
#include "scsi/lu.h"
#include "scsi/ops.h"
#include "scsi/optable.h"

#include <errno.h>
#include <stdlib.h>

/* A range on one reactor. */
struct range_part {
	struct list_node link;    /* on lu_shard.ranges */
	struct msg msg;           /* to this reactor: take it, let it go */
	struct range *range;
	struct scsi_cmd *blocker; /* in execution: the first it waits for */
};

/*
 * A slot of the shard whose command has it. The fields are the command's reactor's,
 * constant while others know them, unless noted.
 */
struct range {
	struct list_node link; /* on lu_shard.free_ranges; at home: on lu.ranges */
	struct lu_shard *owner;
	struct scsi_cmd *cmd;  /* NULL: it has ended */
	uint64_t first, end;   /* blocks it writes; end is behind the last */
	bool atomic;           /* no other command may write there */
	bool ordered;          /* keeps all out but HEAD OF QUEUE */
	bool head;             /* of a HEAD OF QUEUE command: passes ordered ones */
	bool owned;            /* the command may run */
	bool granted;          /* at home */
	atomic_uint left;      /* reactors (and home) that have not answered */
	struct msg home;       /* to home: grant it, let it go */
	struct msg back;       /* to the command's reactor */
	struct range_part parts[];
};

/* ---- memory; control thread ---- */

int range_lu_init(struct lu *lu)
{
	size_t size = sizeof(struct range) + lu->nshards * sizeof(struct range_part);

	lu->home = lu->device->group->r[lu->device->homes++ % lu->nshards];
	list_init(&lu->ranges);
	lu->range_slots = calloc((size_t)lu->nshards * RANGE_SLOTS, size);
	if (!lu->range_slots)
		return -ENOMEM;
	for (unsigned i = 0; i < lu->nshards * RANGE_SLOTS; i++) {
		struct range *rg = (void *)(lu->range_slots + i * size);

		rg->owner = &lu->shards[i / RANGE_SLOTS];
		for (unsigned p = 0; p < lu->nshards; p++)
			rg->parts[p].range = rg;
		list_add_tail(&rg->owner->free_ranges, &rg->link);
	}
	return 0;
}

void range_lu_fini(struct lu *lu)
{
	free(lu->range_slots);
}

/* ---- who excludes whom ---- */

static bool overlaps(const struct range *rg, uint64_t first, uint64_t n)
{
	return n && rg->first < rg->end && first < rg->end && rg->first < first + n;
}

/* Does @cmd, whose data is there when @fetched, write where @rg must be alone? */
static bool intrudes(const struct range *rg, const struct scsi_cmd *cmd, bool fetched)
{
	if (!rg->atomic || !(cmd->op->flags & OP_WRITES))
		return false;
	/* FORMAT UNIT and SANITIZE themselves wait for those that have begun. */
	if (cmd->in_control)
		return false;
	if (cmd->op->flags & OP_RANGE)
		return overlaps(rg, cmd->lba, cmd->nblocks);
	if (cmd->op->exec == op_unmap && fetched)
		return unmap_touches(cmd, rg->first, rg->end - rg->first);
	return true;
}

/* Neither waits for an ORDERED command nor is it one. */
static bool passes_ordered(const struct scsi_cmd *cmd)
{
	return cmd->task_attr == SCSI_HEAD_OF_QUEUE || (cmd->op->flags & OP_UA_PASSES);
}

static bool collides(const struct range *a, const struct range *b)
{
	return (a->atomic || b->atomic) && overlaps(a, b->first, b->end - b->first);
}

/* Of two that came home, @before first: HEAD OF QUEUE passes what has not begun. */
static bool excludes(const struct range *before, const struct range *rg)
{
	if (rg->head)
		return collides(before, rg) && (before->granted || !before->ordered);
	return before->ordered || rg->ordered || collides(before, rg);
}

/* Must @cmd, which has no range of its own, wait for those on its shard? */
static bool ranges_bar(const struct lu_shard *sh, const struct scsi_cmd *cmd, bool fetched)
{
	const struct range_part *p;

	list_for_each(p, &sh->ranges, link)
		if ((p->range->ordered && !passes_ordered(cmd)) ||
		    intrudes(p->range, cmd, fetched))
			return true;
	return false;
}

/* An ORDERED command of this reactor that came before it, and has not ended. */
static bool ordered_bars(const struct lu_shard *sh, const struct scsi_cmd *cmd)
{
	return !list_empty(&sh->ordered) && !passes_ordered(cmd) &&
	       list_first(&sh->ordered, struct scsi_cmd, order_link)->number < cmd->number;
}

/* ---- on every reactor ---- */

static void range_acquired(struct msg *m);
static void range_returned(struct msg *m);

/* True: it was the last. Others may have the slot from now on. */
static bool range_answer(struct range *rg)
{
	return atomic_fetch_sub(&rg->left, 1) == 1;
}

static void range_answer_post(struct range *rg, msg_fn fn)
{
	struct reactor *r = rg->owner->reactor;

	if (!range_answer(rg))
		return;
	rg->back.fn = fn;
	reactor_send(r, &rg->back);
}

static bool part_waits_for(const struct range_part *p, const struct scsi_cmd *cmd)
{
	if (cmd->state != SCSI_CMD_EXECUTING || cmd->range)
		return false;
	/* It waits for others itself, on any LU: what it has submitted is waited for instead. */
	if (cmd->op->exec == op_extended_copy)
		return false;
	return p->range->ordered || intrudes(p->range, cmd, true);
}

/* The first command behind @n in execution that it waits for. */
static struct scsi_cmd *part_blocker(const struct lu_shard *sh, const struct range_part *p,
				     const struct list_node *n)
{
	for (n = n->next; n != &sh->live; n = n->next) {
		struct scsi_cmd *cmd = container_of(n, struct scsi_cmd, link);

		if (part_waits_for(p, cmd))
			return cmd;
	}
	return NULL;
}

/* True: nothing to wait for. From now on no other begins. */
static bool part_add(struct lu_shard *sh, struct range_part *p)
{
	list_add_tail(&sh->ranges, &p->link);
	sh->barriers++;
	p->blocker = part_blocker(sh, p, &sh->live);
	return !p->blocker;
}

static struct lu_shard *part_shard(const struct range_part *p)
{
	return &p->range->owner->lu->shards[p - p->range->parts];
}

static void part_add_received(struct msg *m)
{
	struct range_part *p = container_of(m, struct range_part, msg);

	if (part_add(part_shard(p), p))
		range_answer_post(p->range, range_acquired);
}

static void part_del_received(struct msg *m)
{
	struct range_part *p = container_of(m, struct range_part, msg);
	struct lu_shard *sh = part_shard(p);

	list_del(&p->link);
	sh->barriers--;
	if (!list_empty(&sh->held))
		lu_shard_post_resume(sh);
	range_answer_post(p->range, range_returned);
}

/* ---- at home ---- */

/* To every reactor, here at once. True: all have answered; the caller tells the command. */
static bool range_spread(struct range *rg)
{
	struct lu *lu = rg->owner->lu;

	rg->granted = true;
	for (unsigned i = 0; i < lu->nshards; i++) {
		if (lu->shards[i].reactor == lu->home)
			continue;
		rg->parts[i].msg.fn = part_add_received;
		reactor_send(lu->shards[i].reactor, &rg->parts[i].msg);
	}
	return part_add(lu_shard(lu, lu->home), &rg->parts[lu->home->id]) && range_answer(rg);
}

/* Of those that came later, only some that passed it are in its way. */
static bool range_may_go(const struct lu *lu, const struct range *rg)
{
	const struct range *other;
	bool later = false;

	list_for_each(other, &lu->ranges, link) {
		if (other == rg)
			later = true;
		else if (later ? other->granted && excludes(other, rg) : excludes(other, rg))
			return false;
	}
	return true;
}

static bool range_arrive(struct range *rg)
{
	struct lu *lu = rg->owner->lu;

	list_add_tail(&lu->ranges, &rg->link);
	return range_may_go(lu, rg) && range_spread(rg);
}

static void range_post_acquired(struct range *rg)
{
	rg->back.fn = range_acquired;
	reactor_send(rg->owner->reactor, &rg->back);
}

static void range_home_received(struct msg *m)
{
	struct range *rg = container_of(m, struct range, home);

	if (range_arrive(rg))
		range_post_acquired(rg);
}

/* Its end is what others may have waited for. */
static void range_leave_received(struct msg *m)
{
	struct range *gone = container_of(m, struct range, home), *rg;
	struct lu *lu = gone->owner->lu;

	list_del(&gone->link);
	list_for_each(rg, &lu->ranges, link)
		if (!rg->granted && range_may_go(lu, rg) && range_spread(rg))
			range_post_acquired(rg);
	range_answer_post(gone, range_returned);
}

/* ---- on the command's reactor ---- */

static void range_set_blocks(struct range *rg, const struct scsi_cmd *cmd)
{
	rg->first = rg->end = 0;
	if (!(cmd->op->flags & OP_WRITES))
		return;
	rg->end = UINT64_MAX;
	if (!(cmd->op->flags & OP_RANGE))
		return;
	rg->first = cmd->lba;
	rg->end = cmd->lba + cmd->nblocks;
}

static void range_set(struct range *rg, struct scsi_cmd *cmd)
{
	rg->cmd = cmd;
	range_set_blocks(rg, cmd);
	rg->atomic = cmd->op->flags & OP_ATOMIC;
	rg->ordered = cmd->ordered;
	rg->head = cmd->task_attr == SCSI_HEAD_OF_QUEUE;
	rg->owned = rg->granted = false;
	atomic_store_explicit(&rg->left, rg->owner->lu->nshards, memory_order_relaxed);
	cmd->range = rg;
}

/* True: the command has it at once. */
static bool range_request(struct range *rg)
{
	struct lu *lu = rg->owner->lu;

	if (lu->home == rg->owner->reactor)
		return rg->owned = range_arrive(rg);
	rg->home.fn = range_home_received;
	reactor_send(lu->home, &rg->home);
	return false;
}

static bool range_take(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;
	struct range *rg;

	cmd->state = SCSI_CMD_FETCHED;
	if (cmd->mark)
		task_changed(cmd, false);
	if (list_empty(&sh->free_ranges)) {
		list_add_tail(&sh->range_waiters, &cmd->waiter.link);
		return false;
	}
	rg = list_first(&sh->free_ranges, struct range, link);
	list_del(&rg->link);
	sh->ranges_out++;
	sh->barriers++;
	range_set(rg, cmd);
	return range_request(rg);
}

/* Home and every reactor forget it, then the slot is free. By messages: others go on there. */
static void range_let_go(struct range *rg)
{
	struct lu *lu = rg->owner->lu;

	atomic_store(&rg->left, lu->nshards + 1);
	for (unsigned i = 0; i < lu->nshards; i++) {
		rg->parts[i].msg.fn = part_del_received;
		reactor_send(lu->shards[i].reactor, &rg->parts[i].msg);
	}
	rg->home.fn = range_leave_received;
	reactor_send(lu->home, &rg->home);
}

static void range_acquired(struct msg *m)
{
	struct range *rg = container_of(m, struct range, back);

	rg->owned = true;
	if (rg->cmd)
		cmd_go_on(rg->cmd);
	else
		range_let_go(rg);
}

static void range_returned(struct msg *m)
{
	struct range *rg = container_of(m, struct range, back);
	struct lu_shard *sh = rg->owner;
	struct scsi_cmd *cmd;

	list_add_tail(&sh->free_ranges, &rg->link);
	sh->ranges_out--;
	sh->barriers--;
	while (!list_empty(&sh->range_waiters) && !list_empty(&sh->free_ranges)) {
		cmd = list_first(&sh->range_waiters, struct scsi_cmd, waiter.link);
		list_del(&cmd->waiter.link);
		cmd_go_on(cmd);
	}
	lu_shard_check_drained(sh);
}

/* ---- ORDERED ---- */

/*
 * All that came before, and HEAD OF QUEUE whenever it came; not for what was aborted and has
 * only its data to come, maybe from a host that is dead.
 */
static bool ordered_waits_for(const struct scsi_cmd *o, const struct scsi_cmd *cmd)
{
	if (cmd->aborted && cmd->state == SCSI_CMD_PULLING)
		return false;
	return cmd != o && cmd->state < SCSI_CMD_RESPONDING &&
	       (cmd->number < o->number || cmd->task_attr == SCSI_HEAD_OF_QUEUE);
}

static bool ordered_may_go(const struct lu_shard *sh, const struct scsi_cmd *o)
{
	const struct scsi_cmd *cmd;

	list_for_each(cmd, &sh->live, link)
		if (ordered_waits_for(o, cmd))
			return false;
	return true;
}

static void ordered_begin(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;

	cmd->ordered = true;
	list_add_tail(&sh->ordered, &cmd->order_link);
	sh->barriers++;
}

static void ordered_end(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;

	cmd->ordered = false;
	list_del(&cmd->order_link);
	sh->barriers--;
	if (!list_empty(&sh->held))
		lu_shard_post_resume(sh);
}

/* Those that wait have no buffer yet: see the top of range.h. */
void range_shard_resume(struct lu_shard *sh)
{
	struct scsi_cmd *o;

	if (list_empty(&sh->ordered))
		return;
	o = list_first(&sh->ordered, struct scsi_cmd, order_link);
	if (o->ordering && ordered_may_go(sh, o)) {
		o->ordering = false;
		cmd_go_on(o);
	}
}

/* ---- for the dispatcher ---- */

static bool hold(struct scsi_cmd *cmd, enum scsi_cmd_state state)
{
	cmd->state = state;
	if (cmd->mark)
		task_changed(cmd, false);
	list_add_tail(&cmd->shard->held, &cmd->waiter.link);
	return false;
}

bool range_turn(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;

	if (cmd->task_attr == SCSI_ORDERED && !cmd->ordered && !passes_ordered(cmd))
		ordered_begin(cmd);
	if (cmd->ordered) {
		cmd->ordering = !ordered_may_go(sh, cmd);
		if (cmd->ordering)
			cmd->state = SCSI_CMD_HELD;
		return !cmd->ordering;
	}
	if (ordered_bars(sh, cmd))
		return hold(cmd, SCSI_CMD_HELD);
	/* Those that take a range themselves wait for it at home. */
	if (!(cmd->op->flags & OP_ATOMIC) && ranges_bar(sh, cmd, false))
		return hold(cmd, SCSI_CMD_HELD);
	return true;
}

bool range_enter(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;
	bool others = cmd->ordered && cmd->lu->nshards > 1;

	if (cmd->range)
		return cmd->range->owned;
	if (others || ((cmd->op->flags & OP_ATOMIC) && cmd->nblocks))
		return range_take(cmd);
	if (ranges_bar(sh, cmd, true))
		return hold(cmd, SCSI_CMD_FETCHED);
	return true;
}

void range_left(struct scsi_cmd *cmd)
{
	struct lu_shard *sh = cmd->shard;
	struct range *rg = cmd->range;
	struct range_part *p;

	if (rg) {
		cmd->range = NULL;
		rg->cmd = NULL;
		if (rg->owned)
			range_let_go(rg);
	}
	if (cmd->ordered)
		ordered_end(cmd);
	list_for_each(p, &sh->ranges, link) {
		if (p->blocker != cmd)
			continue;
		p->blocker = part_blocker(sh, p, &cmd->link);
		if (!p->blocker)
			range_answer_post(p->range, range_acquired);
	}
	if (!list_empty(&sh->ordered) &&
	    list_first(&sh->ordered, struct scsi_cmd, order_link)->ordering)
		lu_shard_post_resume(sh);
}
