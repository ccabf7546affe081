/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of an SRP_CMD: received → device server → data → response. The fabric
 * side of scsi.h. Reactor.
 */
#include "scsi/sense.h"
#include "srp/channel.h"

#include <errno.h>
#include <string.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static const struct scsi_fabric_ops command_ops;

/* ---- live tags ---- */

/* Initiators number their tags, or use addresses: mix all bits into the low ones. */
static struct srp_cmd **tag_bucket(struct srp_channel *ch, uint64_t tag)
{
	return &ch->hash[(tag * 0x9e3779b97f4a7c15ull) >> 32 & ch->hash_mask];
}

/* A silently aborted command is over for the initiator, who may use its tag again. */
static bool tag_live(struct srp_channel *ch, uint64_t tag)
{
	for (struct srp_cmd *c = *tag_bucket(ch, tag); c; c = c->next)
		if (c->tag == tag && !(c->scsi.aborted && !c->scsi.abort_status))
			return true;
	return false;
}

static void tag_add(struct srp_cmd *c)
{
	struct srp_cmd **head = tag_bucket(c->ch, c->tag);

	c->next = *head;
	*head = c;
	c->hashed = true;
}

static void tag_del(struct srp_cmd *c)
{
	struct srp_cmd **p;

	if (unlikely(!c->hashed))
		return;
	c->hashed = false;
	for (p = tag_bucket(c->ch, c->tag); *p != c; p = &(*p)->next)
		;
	*p = c->next;
}

/* ---- objects ---- */

static void table_ready(struct table_ref *t);

/* One that was never used before; its memory is zeros. */
static struct srp_cmd *command_make(struct srp_channel *ch)
{
	uint32_t i = ch->nmade++;
	struct srp_cmd *c = &ch->cmds[i];

	c->ch = ch;
	c->rsp = ch->ctl_mem + 2 * CHANNEL_CTL_SIZE + (size_t)i * channel_rsp_stride(ch->rsp_size);
	c->io.kind = IO_COMMAND;
	c->io.x.msg = c->rsp;
	c->io.x.msg_region = ch->rsp_region;
	list_init(&c->io.x.link);
	list_init(&c->table.link);
	c->table.ready = table_ready;
	c->scsi.fabric = &command_ops;
	c->scsi.reactor = ch->reactor;
	c->scsi.nexus = ch->nexus;
	return c;
}

struct srp_cmd *command_get(struct srp_channel *ch, uint64_t tag)
{
	struct srp_cmd *c = ch->free;

	if (likely(c))
		ch->free = c->next;
	else
		c = command_make(ch);
	counter_add(&ch->in_flight, 1);
	ch->unanswered++;
	counter_add(&ch->req_lim, -1);
	c->tag = tag;
	c->phase = COMMAND_SCSI;
	c->table.where.len = 0;
	return c;
}

static void command_rx_put(struct srp_cmd *c)
{
	if (!c->rx)
		return;
	channel_rx_put(c->ch, c->rx);
	c->rx = NULL;
}

void command_free(struct srp_cmd *c)
{
	struct srp_channel *ch = c->ch;

	if (unlikely(c->table.where.len))
		table_put(ch->tables, &c->table);
	c->phase = COMMAND_FREE;
	c->next = ch->free;
	ch->free = c;
	counter_add(&ch->in_flight, -1u);
	if (unlikely(!list_empty(&ch->wait) || ch->state != CHANNEL_LIVE))
		channel_defer(ch);
}

/* ---- receiving ---- */

/*
 * Many descriptors are converted where they are: they take the same room in
 * memory, and the command keeps its receive.
 */
static void command_take_descs(struct srp_cmd *c, struct rx *rx, const struct srp_req *req)
{
	size_t align = _Alignof(struct xfer_seg);
	uint8_t *in_place = rx->data + (req->descs - rx->data);
	struct xfer_seg *segs = c->seg;

	if (unlikely(req->ndescs > CHANNEL_INLINE_SEGS)) {
		in_place -= (uintptr_t)in_place % align;
		segs = (struct xfer_seg *)(void *)in_place;
		c->rx = rx;
	}
	c->io.x.segs = segs;
	c->io.x.nsegs = iu_descs_convert(req->descs, req->ndescs, segs);
}

static void command_take_imm(struct srp_cmd *c, struct rx *rx, const struct srp_req *req)
{
	c->rx = rx;
	c->scsi.imm.addr = rx->data + (req->imm - rx->data);
	c->scsi.imm.len = req->data_out_len;
	c->scsi.imm.region = rx->region;
}

/* All data the command needs later is copied, or c->rx is set. */
static void command_take_data(struct srp_cmd *c, struct rx *rx, const struct srp_req *req)
{
	c->data_len = req->data_out_len + req->data_in_len;
	if (req->imm)
		command_take_imm(c, rx, req);
	else if (unlikely(req->table.len))
		c->table.where = req->table;
	else if (req->ndescs)
		command_take_descs(c, rx, req);
}

static void command_take_cdb(struct scsi_cmd *sc, const struct srp_req *req)
{
	static const uint8_t none[SCSI_MAX_CDB];

	sc->cdb_len = (uint16_t)min_u32(req->cdb ? req->cdb_len : 16, SCSI_MAX_CDB);
	memcpy(sc->cdb, req->cdb ? req->cdb : none, 16);
	if (unlikely(sc->cdb_len > 16))
		memcpy(sc->cdb + 16, req->cdb + 16, sc->cdb_len - 16u);
	memcpy(sc->lun, req->lun ? req->lun : none, sizeof(sc->lun));
}

static void command_fill(struct srp_cmd *c, const struct srp_req *req)
{
	struct scsi_cmd *sc = &c->scsi;

	c->rx = NULL;
	c->responding = false;
	c->bad_table = false;
	c->table.mem = NULL;
	command_take_cdb(sc, req);
	sc->tag = req->tag;
	sc->task_attr = req->task_attr;
	sc->data_out_len = req->data_out_len;
	sc->data_in_len = req->data_in_len;
	sc->imm.addr = NULL;
}

static void command_refuse(struct srp_cmd *c, enum scsi_sense sense, const char *why)
{
	struct srp_channel *ch = c->ch;

	log_warn_limited(&ch->limit, "target %s: session %s: channel %u: %s", ch->target_name,
			 ch->info.peer, ch->number, why);
	scsi_reject(&c->scsi, sense);
}

void command_begin(struct srp_channel *ch, struct rx *rx, const struct srp_req *req,
		   enum iu_result result)
{
	struct srp_cmd *c = command_get(ch, req->tag);

	command_fill(c, req);
	counter_add(&ch->commands, 1);
	if (unlikely(result != IU_OK)) {
		channel_rx_put(ch, rx);
		command_refuse(c, SENSE_BAD_COMMAND_IU, "malformed SRP_CMD");
		return;
	}
	if (unlikely(tag_live(ch, req->tag))) {
		channel_rx_put(ch, rx);
		command_refuse(c, SENSE_OVERLAPPED_COMMANDS, "tag in use already");
		return;
	}
	tag_add(c);
	command_take_data(c, rx, req);
	if (!c->rx)
		channel_rx_put(ch, rx);
	scsi_submit(&c->scsi);
}

/* ---- answering ---- */

/*
 * Over: the command would move more than there is room for; under: it moved
 * less (SRP r16a 6.9). In a direction it does not use nothing is moved.
 */
static void residual_set(const struct scsi_cmd *sc, uint32_t data_len, struct iu_cmd_rsp *r)
{
	uint32_t out = sc->data_out_len, in = sc->data_in_len;
	uint32_t out_wanted = sc->wants_out ? sc->wanted : 0;
	uint32_t in_wanted = sc->wants_out ? 0 : sc->wanted;

	if (out_wanted > out) {
		r->flags |= SRP_RSP_FLAG_DOOVER;
		r->data_out_res = out_wanted - out;
	} else if (sc->moved_out < out) {
		r->flags |= SRP_RSP_FLAG_DOUNDER;
		r->data_out_res = out - sc->moved_out;
	}
	if (in_wanted > in) {
		r->flags |= SRP_RSP_FLAG_DIOVER;
		r->data_in_res = in_wanted - in;
	} else if (data_len < in) {
		r->flags |= SRP_RSP_FLAG_DIUNDER;
		r->data_in_res = in - data_len;
	}
}

static uint32_t command_encode(struct srp_cmd *c, uint32_t data_len)
{
	const struct scsi_cmd *sc = &c->scsi;
	struct iu_cmd_rsp r = {
		.tag = c->tag,
		.req_lim_delta = channel_grant(c->ch),
		.status = sc->status,
		.sense = sc->sense,
		.sense_len = sc->sense_len,
	};

	residual_set(sc, data_len, &r);
	return iu_encode_cmd_rsp(c->rsp, c->ch->rsp_size, &r);
}

void command_push(struct srp_cmd *c, uint32_t msg_len)
{
	c->phase = COMMAND_PUSH;
	c->io.x.msg_len = msg_len;
	channel_push(c->ch, &c->io);
}

/* The tag is free for the initiator as soon as it sees the response. */
static void command_over(struct srp_cmd *c)
{
	tag_del(c);
	c->ch->unanswered--;
	c->ch->owed++;
}

/* No response: the channel does not send any more. */
static void command_discard(struct srp_cmd *c)
{
	scsi_cmd_release(&c->scsi);
	command_rx_put(c);
	command_over(c);
	command_free(c);
}

static void command_answer(struct srp_cmd *c)
{
	struct scsi_cmd *sc = &c->scsi;
	struct srp_channel *ch = c->ch;
	uint32_t data_len = min_u32(sc->data_len, sc->data_in_len);

	if (unlikely(!channel_sends(ch))) {
		command_discard(c);
		return;
	}
	c->io.x.local = sc->buf;
	c->io.x.local.len = data_len;
	counter_add(&ch->read_bytes, data_len);
	counter_add(&ch->write_bytes, sc->moved_out);
	command_over(c);
	if (!data_len) {
		/* The receive goes back before the credit does. */
		c->io.x.nsegs = 0;
		scsi_cmd_release(sc);
		command_rx_put(c);
	}
	command_push(c, command_encode(c, data_len));
}

void command_sent(struct srp_cmd *c)
{
	struct srp_channel *ch = c->ch;

	if (c->io.x.local.len)
		scsi_cmd_release(&c->scsi);
	if (unlikely(c->rx)) {
		command_rx_put(c);
		channel_repay(ch);
	}
	command_free(c);
}

/* ---- data ---- */

static void data_pull(struct srp_cmd *c)
{
	c->phase = COMMAND_PULL;
	c->io.x.local = c->scsi.buf;
	channel_pull(c->ch, &c->io);
}

static void table_pull(struct srp_cmd *c)
{
	c->phase = COMMAND_TABLE_PULL;
	c->io.x.segs = &c->table.where;
	c->io.x.nsegs = 1;
	c->io.x.local = (struct iobuf){ .addr = c->table.mem, .len = c->table.where.len,
					.region = c->ch->tables->region };
	channel_pull(c->ch, &c->io);
}

static void table_ready(struct table_ref *t)
{
	table_pull(container_of(t, struct srp_cmd, table));
}

/* The descriptors are in the initiator's memory: get them first. */
static void table_fetch(struct srp_cmd *c)
{
	c->phase = COMMAND_TABLE_WAIT;
	if (table_get(c->ch->tables, &c->table))
		table_pull(c);
}

static void table_failed(struct srp_cmd *c, int status)
{
	c->phase = COMMAND_SCSI;
	if (!c->responding) {
		scsi_pulled(&c->scsi, status);
		return;
	}
	c->scsi.data_len = 0;
	command_answer(c);
}

static void table_pulled(struct srp_cmd *c, int status)
{
	struct xfer_seg *segs = (struct xfer_seg *)(void *)c->table.mem;
	uint32_t n = c->table.where.len / sizeof(*segs);

	if (status) {
		if (c->responding)
			sense_set(&c->scsi, SENSE_ABORTED);
		table_failed(c, status);
		return;
	}
	if (iu_descs_check(c->table.mem, n, c->data_len)) {
		c->bad_table = true;
		if (c->responding)
			sense_set(&c->scsi, SENSE_BAD_COMMAND_IU);
		table_failed(c, -EPROTO);
		return;
	}
	c->io.x.segs = segs;
	c->io.x.nsegs = iu_descs_convert(c->table.mem, n, segs);
	if (c->responding)
		command_answer(c);
	else
		data_pull(c);
}

void command_pulled(struct srp_cmd *c, int status)
{
	if (unlikely(c->phase == COMMAND_TABLE_PULL)) {
		table_pulled(c, status);
		return;
	}
	c->phase = COMMAND_SCSI;
	/* Nothing of a dead channel starts to execute once it is said to be quiet. */
	if (unlikely(c->ch->state >= CHANNEL_DYING))
		status = -ECONNRESET;
	scsi_pulled(&c->scsi, status);
}

/* ---- what the device server asks for ---- */

static void command_pull(struct scsi_cmd *sc)
{
	struct srp_cmd *c = container_of(sc, struct srp_cmd, scsi);

	if (unlikely(c->ch->state >= CHANNEL_DYING)) {
		c->phase = COMMAND_PULL_DEAD;
		channel_defer(c->ch);
	} else if (unlikely(c->table.where.len)) {
		table_fetch(c);
	} else {
		data_pull(c);
	}
}

static void command_respond(struct scsi_cmd *sc)
{
	struct srp_cmd *c = container_of(sc, struct srp_cmd, scsi);

	if (unlikely(c->bad_table))
		sense_set(sc, SENSE_BAD_COMMAND_IU);
	if (unlikely(c->table.where.len && sc->data_len && channel_sends(c->ch))) {
		c->responding = true;
		table_fetch(c);
	} else {
		command_answer(c);
	}
}

static void command_dropped(struct scsi_cmd *sc)
{
	struct srp_cmd *c = container_of(sc, struct srp_cmd, scsi);
	struct srp_channel *ch = c->ch;

	command_rx_put(c);
	command_over(c);
	command_free(c);
	channel_repay(ch);
}

static const struct scsi_fabric_ops command_ops = {
	.pull = command_pull,
	.respond = command_respond,
	.dropped = command_dropped,
};

/* ---- dying ---- */

void command_kill(struct srp_cmd *c)
{
	switch ((enum command_phase)c->phase) {
	case COMMAND_SCSI:
		scsi_cmd_abort(&c->scsi);
		break;
	case COMMAND_TABLE_WAIT:
		table_failed(c, -ECONNRESET); /* which ends its wait, too */
		break;
	case COMMAND_PULL_DEAD:
		c->phase = COMMAND_SCSI;
		scsi_pulled(&c->scsi, -ECONNRESET);
		break;
	case COMMAND_FREE:
	case COMMAND_TABLE_PULL: /* the transport gives these back */
	case COMMAND_PULL:
	case COMMAND_PUSH:
	case COMMAND_TMF: /* ends by itself */
		break;
	}
}
