/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests and their answers. A request holds a slot until it is answered and its
 * message has left. The tag says slot and generation, so an answer that comes twice,
 * late or from nowhere is known as such: no target may send it, the channel ends.
 *
 * Credit: a request costs one, each answer returns what it says. The last one is
 * kept for task management, as ib_srp does.
 */
#include "client/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MSG_ALIGN 64u
#define TASK_NONE UINT64_MAX

/* ---- slots ---- */

/* Behind the IU there is room for a table that does not fit in it. */
static uint32_t slot_table_offset(const struct client_channel *ch)
{
	return (ch->iu_room + MSG_ALIGN - 1) & ~(MSG_ALIGN - 1);
}

static uint32_t slot_stride(const struct client_channel *ch)
{
	uint32_t size = slot_table_offset(ch) + (uint32_t)CLIENT_IU_TABLE_LEN;

	return (size + MSG_ALIGN - 1) & ~(MSG_ALIGN - 1);
}

static void slot_release(struct client_slot *s)
{
	struct client_channel *ch = s->ch;

	s->kind = SLOT_FREE;
	s->generation++;
	list_add_head(s->index < ch->queue_depth ? &ch->free_cmds : &ch->free_ctls, &s->link);
}

static void slot_init(struct client_channel *ch, uint32_t index, uint8_t *msg, uint16_t region)
{
	struct client_slot *s = &ch->slots[index];

	s->ch = ch;
	s->index = index;
	s->msg = msg;
	s->region = region;
	list_init(&s->link);
	slot_release(s);
}

int client_slots_init(struct client_channel *ch)
{
	uint32_t stride = slot_stride(ch), per_block = IOBUF_MAX_SIZE / stride, n = 0;
	int rc;

	ch->nslots = ch->queue_depth + CLIENT_TMFS + CLIENT_CTLS;
	ch->slots = calloc(ch->nslots, sizeof(*ch->slots));
	ch->blocks = calloc((ch->nslots + per_block - 1) / per_block, sizeof(*ch->blocks));
	if (!ch->slots || !ch->blocks)
		return -ENOMEM;
	while (n < ch->nslots) {
		uint32_t count = min_u32(per_block, ch->nslots - n);
		struct client_block *b = &ch->blocks[ch->nblocks];

		rc = client_block_get(ch->c, count * stride, b);
		if (rc)
			return rc;
		ch->nblocks++;
		for (uint32_t i = 0; i < count; i++, n++)
			slot_init(ch, n, b->buf.addr + (size_t)i * stride,
				  (uint16_t)b->pool->region);
	}
	return 0;
}

void client_slots_fini(struct client_channel *ch)
{
	for (uint32_t i = 0; i < ch->nblocks; i++)
		client_block_put(&ch->blocks[i]);
	free(ch->blocks);
	free(ch->slots);
	ch->blocks = NULL;
	ch->slots = NULL;
	ch->nblocks = 0;
}

/* There is one. */
static struct client_slot *slot_take(struct list_node *from, enum client_slot_kind kind,
				     void *owner)
{
	struct client_slot *s = list_first(from, struct client_slot, link);

	list_del(&s->link);
	s->kind = (uint8_t)kind;
	s->owner = owner;
	s->opcode = 0;
	s->tag = (uint64_t)s->ch->id << 48 | (uint64_t)s->generation << 16 | s->index;
	return s;
}

static void slot_send(struct client_slot *s, uint32_t len)
{
	struct client_channel *ch = s->ch;

	s->x = (struct xfer){
		.conn = ch->conn, .msg = s->msg, .msg_len = len, .msg_region = s->region,
	};
	list_init(&s->x.link);
	s->sending = true;
	if (s->owner)
		list_add_tail(&ch->flight, &s->link);
	transport_push(ch->conn, &s->x);
}

static void slot_unexpose(struct client_slot *s)
{
	if (s->nexposed > 1)
		transport_unexpose(s->ch->conn, &s->table);
	if (s->nexposed)
		transport_unexpose(s->ch->conn, &s->data);
	s->nexposed = 0;
}

/* Nobody waits for it any more; its memory is ours again. Returns who waited. */
static void *slot_detach(struct client_slot *s)
{
	struct client_channel *ch = s->ch;
	void *owner = s->owner;

	slot_unexpose(s);
	list_del(&s->link);
	s->owner = NULL;
	if (s->kind == SLOT_CMD) {
		((struct client_cmd *)owner)->slot = NULL;
		ch->cmds--;
	} else {
		((struct client_tmf *)owner)->slot = NULL;
		ch->tmfs--;
	}
	if (!s->sending)
		slot_release(s);
	return owner;
}

/* The request that @tag names, while it awaits its answer; else NULL. */
static struct client_slot *slot_find(struct client_channel *ch, uint64_t tag)
{
	uint32_t index = (uint32_t)(tag & 0xffff);
	struct client_slot *s;

	if (index >= ch->nslots)
		return NULL;
	s = &ch->slots[index];
	return s->owner && s->tag == tag ? s : NULL;
}

/* ---- what ends without an answer ---- */

static void cmd_end(struct client_channel *ch, struct client_cmd *cmd, int result)
{
	cmd->result = result;
	cmd->end_ns = clock_now_ns();
	list_add_tail(&ch->ended, &cmd->link);
	reactor_defer(ch->c->r, &ch->run);
}

static void tmf_end(struct client_channel *ch, struct client_tmf *tmf)
{
	tmf->result = -ECONNRESET;
	list_add_tail(&ch->tmfs_ended, &tmf->link);
	reactor_defer(ch->c->r, &ch->run);
}

static struct client_cmd *cmd_take(struct list_node *list)
{
	struct client_cmd *cmd = list_first(list, struct client_cmd, link);

	list_del(&cmd->link);
	return cmd;
}

static struct client_tmf *tmf_take(struct list_node *list)
{
	struct client_tmf *tmf = list_first(list, struct client_tmf, link);

	list_del(&tmf->link);
	return tmf;
}

/* What is submitted from a callback and fails at once waits for the next run. */
void client_ended_run(struct client_channel *ch)
{
	struct list_node cmds = LIST_INIT(cmds), tmfs = LIST_INIT(tmfs);

	list_splice_tail(&cmds, &ch->ended);
	list_splice_tail(&tmfs, &ch->tmfs_ended);
	while (!list_empty(&cmds)) {
		struct client_cmd *cmd = cmd_take(&cmds);

		cmd->done(cmd);
	}
	while (!list_empty(&tmfs)) {
		struct client_tmf *tmf = tmf_take(&tmfs);

		tmf->done(tmf);
	}
}

void client_fail_all(struct client_channel *ch)
{
	while (!list_empty(&ch->flight)) {
		struct client_slot *s = list_first(&ch->flight, struct client_slot, link);

		if (s->kind == SLOT_CMD)
			cmd_end(ch, slot_detach(s), -ECONNRESET);
		else
			tmf_end(ch, slot_detach(s));
	}
	while (!list_empty(&ch->waiting))
		cmd_end(ch, cmd_take(&ch->waiting), -ECONNRESET);
	while (!list_empty(&ch->tmfs_waiting))
		tmf_end(ch, tmf_take(&ch->tmfs_waiting));
}

/* ---- commands ---- */

/* What was asked for, if it is possible; else a direct descriptor. */
static enum client_desc desc_choose(const struct client_channel *ch, const struct client_cmd *cmd)
{
	if (cmd->desc == CLIENT_IMMEDIATE && ch->imm_data && client_iu_imm_fits(cmd, ch->iu_size))
		return CLIENT_IMMEDIATE;
	if (cmd->desc == CLIENT_INDIRECT &&
	    ch->iu_size >= sizeof(struct srp_cmd_iu) + sizeof(struct srp_indirect_desc))
		return CLIENT_INDIRECT;
	return CLIENT_DIRECT;
}

/* Expose the table of an indirect command unless the IU holds all of it. */
static int table_expose(struct client_slot *s, const struct client_cmd *cmd,
			struct client_iu_data *d)
{
	struct client_channel *ch = s->ch;
	struct iobuf table = {
		.addr = s->msg + slot_table_offset(ch),
		.len = d->pieces * (uint32_t)sizeof(struct srp_direct_desc),
		.region = s->region,
	};
	int rc;

	if (client_iu_pieces_fit(ch->iu_size, d->pieces) == d->pieces)
		return 0;
	client_iu_table(table.addr, d->pieces, cmd->data.len, d);
	rc = transport_expose(ch->conn, &table, EXPOSE_READ, &s->table);
	if (rc)
		return rc;
	s->nexposed = 2;
	d->table_addr = s->table.addr;
	d->table_key = s->table.key;
	return 0;
}

static int data_describe(struct client_slot *s, const struct client_cmd *cmd,
			 struct client_iu_data *d)
{
	unsigned access = cmd->dir == CLIENT_WRITE ? EXPOSE_READ : EXPOSE_WRITE;
	int rc;

	if (cmd->dir == CLIENT_NONE || !cmd->data.len)
		return 0;
	d->desc = desc_choose(s->ch, cmd);
	if (d->desc == CLIENT_IMMEDIATE)
		return 0;
	rc = transport_expose(s->ch->conn, &cmd->data, access, &s->data);
	if (rc)
		return rc;
	s->nexposed = 1;
	d->addr = s->data.addr;
	d->key = s->data.key;
	if (d->desc != CLIENT_INDIRECT)
		return 0;
	d->pieces = min_u32(cmd->pieces ? cmd->pieces : 1, CLIENT_IU_PIECES_MAX);
	d->pieces = min_u32(d->pieces, cmd->data.len);
	return table_expose(s, cmd, d);
}

static void cmd_send(struct client_channel *ch, struct client_cmd *cmd)
{
	struct client_slot *s = slot_take(&ch->free_cmds, SLOT_CMD, cmd);
	struct client_iu_data d = { .desc = CLIENT_DIRECT };
	int rc;

	ch->cmds++;
	cmd->slot = s;
	rc = data_describe(s, cmd, &d);
	cmd->start_ns = clock_now_ns();
	if (rc) {
		cmd_end(ch, slot_detach(s), rc);
		return;
	}
	ch->req_lim--;
	slot_send(s, client_iu_cmd(s->msg, ch->iu_size, s->tag, cmd, &d));
}

static bool cmd_may_go(const struct client_channel *ch)
{
	return ch->state == CHANNEL_OPEN && ch->req_lim > ch->reserve &&
	       !list_empty(&ch->free_cmds);
}

void client_submit(struct client_channel *ch, struct client_cmd *cmd)
{
	cmd->ch = ch;
	cmd->slot = NULL;
	cmd->result = 0;
	cmd->status = 0;
	cmd->residual = 0;
	cmd->overflow = false;
	cmd->sense_len = 0;
	cmd->start_ns = 0;
	list_init(&cmd->link);
	if (ch->state >= CHANNEL_ENDING)
		cmd_end(ch, cmd, -ECONNRESET);
	else if (list_empty(&ch->waiting) && cmd_may_go(ch))
		cmd_send(ch, cmd);
	else
		list_add_tail(&ch->waiting, &cmd->link);
}

/* ---- task management ---- */

/* The tag of the task; one that still waits here is over with. */
static uint64_t task_tag(struct client_channel *ch, const struct client_cmd *task)
{
	struct client_cmd *cmd, *tmp;

	if (task && task->slot)
		return ((const struct client_slot *)task->slot)->tag;
	list_for_each_safe(cmd, tmp, &ch->waiting, link) {
		if (cmd != task)
			continue;
		list_del(&cmd->link);
		cmd_end(ch, cmd, -ECANCELED);
	}
	return TASK_NONE;
}

static void tmf_send(struct client_channel *ch, struct client_tmf *tmf)
{
	struct client_slot *s = slot_take(&ch->free_ctls, SLOT_TMF, tmf);

	ch->tmfs++;
	ch->req_lim--;
	tmf->slot = s;
	s->task_tag = task_tag(ch, tmf->task);
	slot_send(s, client_iu_tsk_mgmt(s->msg, s->tag, tmf, s->task_tag));
}

static bool tmf_may_go(const struct client_channel *ch)
{
	return ch->state == CHANNEL_OPEN && ch->req_lim > 0 && ch->tmfs < CLIENT_TMFS &&
	       !list_empty(&ch->free_ctls);
}

void client_task_mgmt(struct client_channel *ch, struct client_tmf *tmf)
{
	tmf->ch = ch;
	tmf->slot = NULL;
	tmf->result = 0;
	tmf->response = 0;
	list_init(&tmf->link);
	if (ch->state >= CHANNEL_ENDING)
		tmf_end(ch, tmf);
	else if (list_empty(&ch->tmfs_waiting) && tmf_may_go(ch))
		tmf_send(ch, tmf);
	else
		list_add_tail(&ch->tmfs_waiting, &tmf->link);
}

void client_kick(struct client_channel *ch)
{
	while (!list_empty(&ch->tmfs_waiting) && tmf_may_go(ch))
		tmf_send(ch, tmf_take(&ch->tmfs_waiting));
	while (!list_empty(&ch->waiting) && cmd_may_go(ch))
		cmd_send(ch, cmd_take(&ch->waiting));
}

/* ---- messages beside requests ---- */

/* NULL: all are on their way. */
static struct client_slot *ctl_take(struct client_channel *ch)
{
	if (ch->state != CHANNEL_OPEN || list_empty(&ch->free_ctls))
		return NULL;
	return slot_take(&ch->free_ctls, SLOT_CTL, NULL);
}

static void ctl_answer(struct client_channel *ch, enum srp_opcode opcode, uint64_t tag)
{
	struct client_slot *s = ctl_take(ch);

	if (s)
		slot_send(s, client_iu_ctl(s->msg, opcode, tag));
	else
		client_channel_end(ch, "the target asks faster than it listens");
}

bool client_send_logout(struct client_channel *ch)
{
	struct client_slot *s = ctl_take(ch);

	if (!s)
		return false;
	s->opcode = SRP_I_LOGOUT;
	slot_send(s, client_iu_ctl(s->msg, SRP_I_LOGOUT, s->tag));
	return true;
}

int client_send_raw(struct client_channel *ch, const void *iu, uint32_t len)
{
	struct client_slot *s;

	if (ch->state != CHANNEL_OPEN)
		return -ENOTCONN;
	if (!len || len > ch->iu_room)
		return -EMSGSIZE;
	s = ctl_take(ch);
	if (!s)
		return -EAGAIN;
	memcpy(s->msg, iu, len);
	slot_send(s, len);
	return 0;
}

void client_sent(struct client_slot *s)
{
	struct client_channel *ch = s->ch;

	s->sending = false;
	if (s->owner)
		return;
	if (s->opcode == SRP_I_LOGOUT)
		client_channel_end(ch, NULL);
	slot_release(s);
	client_kick(ch);
}

/* ---- answers ---- */

/* Tasks the target has ended without an answer, as it says with that to @tmf. */
static void tasks_cancel(struct client_channel *ch, const struct client_slot *tmf_slot,
			 const struct client_tmf *tmf)
{
	struct client_slot *s, *tmp;
	bool one = tmf->function == SRP_TSK_ABORT_TASK;

	list_for_each_safe(s, tmp, &ch->flight, link) {
		const struct client_cmd *cmd = s->owner;

		if (s == tmf_slot)
			break; /* what was sent later is not meant */
		if (s->kind != SLOT_CMD)
			continue;
		if (one ? s->tag == tmf_slot->task_tag :
			  client_lun_decode(cmd->lun) == client_lun_decode(tmf->lun))
			cmd_end(ch, slot_detach(s), -ECANCELED);
	}
}

static const char *tmf_answered(struct client_channel *ch, struct client_slot *s,
				const struct client_iu *iu)
{
	struct client_tmf *tmf = s->owner;

	if (!iu->has_code)
		return "task management was answered without a code";
	tmf->response = iu->code;
	if (iu->code == SRP_RSP_CODE_COMPLETE && tmf->function != SRP_TSK_CLEAR_ACA)
		tasks_cancel(ch, s, tmf);
	slot_detach(s);
	client_kick(ch);
	client_ended_run(ch);
	tmf->done(tmf);
	return NULL;
}

static const char *cmd_answered(struct client_channel *ch, struct client_slot *s,
				const struct client_iu *iu)
{
	struct client_cmd *cmd = s->owner;
	uint32_t len = cmd->dir == CLIENT_NONE ? 0 : cmd->data.len;

	if (!iu->overflow && iu->residual > len)
		return "residual count beyond the data of the command";
	cmd->end_ns = clock_now_ns();
	/* A code instead of a status: it did not understand the request. */
	cmd->result = iu->has_code && iu->code ? -EPROTO : 0;
	cmd->status = iu->status;
	cmd->residual = iu->residual;
	cmd->overflow = iu->overflow;
	cmd->sense_len = min_u32(iu->sense_len, CLIENT_SENSE_MAX);
	if (cmd->sense_len)
		memcpy(cmd->sense, iu->sense, cmd->sense_len);
	slot_detach(s);
	client_kick(ch);
	cmd->done(cmd);
	return NULL;
}

static const char *rsp_received(struct client_channel *ch, const struct client_iu *iu)
{
	struct client_slot *s = slot_find(ch, iu->tag);

	if (!s)
		return "response to a request that is not there";
	return s->kind == SLOT_CMD ? cmd_answered(ch, s, iu) : tmf_answered(ch, s, iu);
}

static bool credit_take(struct client_channel *ch, int32_t delta)
{
	int64_t sum = (int64_t)ch->req_lim + delta;

	if (sum > CLIENT_CREDIT_MAX || sum < -CLIENT_CREDIT_MAX)
		return false;
	ch->req_lim = (int32_t)sum;
	return true;
}

static const char *iu_dispatch(struct client_channel *ch, const struct client_iu *iu)
{
	switch (iu->opcode) {
	case SRP_RSP:
		return rsp_received(ch, iu);
	case SRP_CRED_REQ:
		ctl_answer(ch, SRP_CRED_RSP, iu->tag);
		break;
	case SRP_AER_REQ:
		ctl_answer(ch, SRP_AER_RSP, iu->tag);
		break;
	case SRP_T_LOGOUT:
		return client_iu_logout_name(iu->reason);
	}
	client_kick(ch);
	return NULL;
}

void client_received(struct client_channel *ch, const uint8_t *bytes, uint32_t len)
{
	struct client_iu iu;
	const char *wrong = client_iu_decode(bytes, len, &iu);

	if (!wrong && !credit_take(ch, iu.delta))
		wrong = "the target grants a credit beyond reason";
	if (!wrong)
		wrong = iu_dispatch(ch, &iu);
	if (wrong)
		client_channel_end(ch, wrong);
}

/* ---- LUNs ---- */

void client_lun_encode(uint8_t lun[8], uint16_t number)
{
	memset(lun, 0, 8);
	/* Flat addressing from 256 on. */
	put_be16(lun, number < 256 ? number : (uint16_t)(0x4000 | number));
}

uint16_t client_lun_decode(const uint8_t lun[8])
{
	return get_be16(lun) & 0x3fff;
}
