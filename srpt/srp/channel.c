/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A channel on its reactor: receives, credit, and its end. The invariant of the
 * credit: req_lim + owed + unanswered is the queue depth, and the receives posted
 * (recv_depth - rx_held) are never fewer than req_lim + CHANNEL_RX_RESERVE.
 */
#include "srp/channel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NS_PER_S 1000000000ull
#define LOGOUT_WAIT_NS (1 * NS_PER_S)    /* for T_LOGOUT to leave, then without it */
#define CRED_RSP_WAIT_NS (10 * NS_PER_S) /* initiators may lose a CRED_RSP */
#define RSP_ALIGN 64

/* A tag nobody else uses: initiators choose theirs, these are only echoed. */
#define CTL_TAG_BASE 0x7372707400000000ull

/* Of what initiators can provoke by logging in again and again. */
static struct log_limit wire_limit;

uint32_t channel_rsp_stride(uint32_t rsp_size)
{
	return (rsp_size + RSP_ALIGN - 1) & ~(RSP_ALIGN - 1u);
}

static uint32_t commands_of(uint32_t queue_depth)
{
	return queue_depth + CHANNEL_CMD_SPARE;
}

size_t channel_rsp_bytes(uint32_t queue_depth, uint32_t rsp_size)
{
	return (size_t)commands_of(queue_depth) * channel_rsp_stride(rsp_size) +
	       2 * CHANNEL_CTL_SIZE;
}

uint32_t channel_recv_depth(uint32_t queue_depth)
{
	return queue_depth + CHANNEL_RX_RESERVE + CHANNEL_RX_SPARE;
}

uint32_t channel_max_xfers(uint32_t queue_depth)
{
	return commands_of(queue_depth) + 2; /* CRED_REQ and T_LOGOUT */
}

static const char *const state_names[] = {
	[CHANNEL_ACCEPTED] = "accepted", [CHANNEL_LIVE] = "live",
	[CHANNEL_DRAINING] = "draining", [CHANNEL_CLOSING] = "closing",
	[CHANNEL_DYING] = "dying",       [CHANNEL_CLOSED] = "closed",
	[CHANNEL_GONE] = "gone",
};

const char *channel_state_name(enum channel_state s)
{
	return state_names[s];
}

/* The setter says who won: true if @s is news. */
static bool channel_set_state(struct srp_channel *ch, enum channel_state s)
{
	if (s <= ch->state)
		return false;
	__atomic_store_n(&ch->state, s, __ATOMIC_RELAXED);
	return true;
}

/* ---- receives and credit ---- */

void channel_rx_put(struct srp_channel *ch, struct rx *rx)
{
	ch->rx_held--;
	transport_rx_put(ch->conn, rx);
}

static void waiting_drop(struct srp_channel *ch)
{
	struct rx *rx, *tmp;

	list_for_each_safe(rx, tmp, &ch->wait, link) {
		list_del(&rx->link);
		channel_rx_put(ch, rx);
	}
	ch->nwait = 0;
}

int32_t channel_grant(struct srp_channel *ch)
{
	int32_t posted = (int32_t)(ch->recv_depth - ch->rx_held);
	int32_t delta = posted - CHANNEL_RX_RESERVE - ch->req_lim;

	if (delta > (int32_t)ch->owed)
		delta = (int32_t)ch->owed;
	if (delta < 0)
		delta = 0;
	ch->owed -= (uint32_t)delta;
	counter_add(&ch->req_lim, delta);
	return delta;
}

/* Is an answer to an earlier SRP_CRED_REQ still to be expected? */
static bool cred_rsp_pending(const struct srp_channel *ch)
{
	return ch->cred_rsp_due && ch->reactor->now_ns - ch->cred_req_ns < CRED_RSP_WAIT_NS;
}

/* As long as something will be answered, the credit goes with that. */
void channel_repay(struct srp_channel *ch)
{
	if (ch->owed && !ch->unanswered && ch->state == CHANNEL_LIVE)
		channel_defer(ch);
}

/* At the end of the round: one request for all that has gathered. */
static void cred_req_send(struct srp_channel *ch)
{
	int32_t delta;

	if (!ch->owed || ch->unanswered || ch->state != CHANNEL_LIVE || ch->cred_req_busy ||
	    cred_rsp_pending(ch))
		return;
	delta = channel_grant(ch);
	if (!delta)
		return;
	ch->cred_req.x.msg_len = iu_encode_cred_req(ch->ctl_mem, ch->ctl_tag++, delta);
	ch->cred_req_busy = true;
	ch->cred_rsp_due++;
	ch->cred_req_ns = ch->reactor->now_ns;
	channel_push(ch, &ch->cred_req);
}

/* ---- transfers ---- */

void channel_push(struct srp_channel *ch, struct channel_io *io)
{
	ch->xfers++;
	transport_push(ch->conn, &io->x);
}

void channel_pull(struct srp_channel *ch, struct channel_io *io)
{
	ch->xfers++;
	transport_pull(ch->conn, &io->x);
}

void channel_defer(struct srp_channel *ch)
{
	reactor_defer(ch->reactor, &ch->work);
}

/* ---- the end ---- */

static void channel_close(struct srp_channel *ch, const char *why)
{
	if (!channel_set_state(ch, CHANNEL_CLOSING))
		return;
	ch->why = why;
	waiting_drop(ch);
	transport_disconnect(ch->conn);
}

void channel_logout(struct srp_channel *ch, enum srp_t_logout_reason reason, const char *why)
{
	if (!channel_set_state(ch, CHANNEL_CLOSING))
		return;
	ch->why = why;
	log_warn_limited(&wire_limit, "target %s: session %s: channel %u: %s", ch->target_name,
			 ch->info.peer, ch->number, why);
	waiting_drop(ch);
	ch->t_logout.x.msg_len =
		iu_encode_t_logout(ch->ctl_mem + CHANNEL_CTL_SIZE, ch->ctl_tag++, reason);
	channel_push(ch, &ch->t_logout);
	reactor_timer_start(ch->reactor, &ch->timer, LOGOUT_WAIT_NS);
}

static void channel_timeout(struct reactor_timer *t)
{
	struct srp_channel *ch = container_of(t, struct srp_channel, timer);

	if (ch->state == CHANNEL_DRAINING)
		channel_close(ch, "commands did not end in time");
	else if (ch->state == CHANNEL_CLOSING)
		transport_disconnect(ch->conn);
}

/* The control thread learns in this order: quiet, then gone. */
void channel_check_end(struct srp_channel *ch)
{
	if (ch->state == CHANNEL_DRAINING && !ch->unanswered && !ch->xfers)
		channel_close(ch, "closed by the target");
	if (ch->state < CHANNEL_DYING || !ch->swept || ch->xfers)
		return;
	if (!ch->quiet) {
		ch->quiet = true;
		mailbox_post(ch->control, &ch->quiet_msg);
	}
	if (ch->state != CHANNEL_CLOSED || ch->in_flight || !list_empty(&ch->work.link))
		return;
	reactor_timer_stop(&ch->timer);
	channel_set_state(ch, CHANNEL_GONE);
	mailbox_post(ch->control, &ch->gone_msg);
}

static void commands_kill(struct srp_channel *ch)
{
	for (uint32_t i = 0; i < ch->nmade; i++)
		if (ch->cmds[i].phase != COMMAND_FREE)
			command_kill(&ch->cmds[i]);
}

static void channel_violated(struct srp_channel *ch)
{
	log_warn_limited(&wire_limit,
			 "target %s: session %s: channel %u: more requests than granted",
			 ch->target_name, ch->info.peer, ch->number);
	channel_close(ch, "more requests than granted");
}

/* ---- receiving ---- */

static void cred_rsp_received(struct srp_channel *ch, struct rx *rx, const struct srp_req *req,
			      enum iu_result result)
{
	(void)req;
	(void)result;
	channel_rx_put(ch, rx);
	if (!ch->cred_rsp_due) {
		channel_logout(ch, SRP_TLO_RSP_WITHOUT_REQ, "SRP_CRED_RSP without a request");
		return;
	}
	ch->cred_rsp_due--;
	channel_repay(ch);
}

/* We send no SRP_AER_REQ. */
static void aer_rsp_received(struct srp_channel *ch, struct rx *rx, const struct srp_req *req,
			     enum iu_result result)
{
	(void)req;
	(void)result;
	channel_rx_put(ch, rx);
	channel_logout(ch, SRP_TLO_RSP_WITHOUT_REQ, "SRP_AER_RSP without a request");
}

static void i_logout_received(struct srp_channel *ch, struct rx *rx, const struct srp_req *req,
			      enum iu_result result)
{
	(void)req;
	(void)result;
	channel_rx_put(ch, rx);
	channel_close(ch, "logout by the initiator");
}

static const struct {
	uint8_t opcode;
	void (*fn)(struct srp_channel *ch, struct rx *rx, const struct srp_req *req,
		   enum iu_result result);
} receivers[] = {
	{ SRP_CMD, command_begin },
	{ SRP_TSK_MGMT, tmf_begin },
	{ SRP_CRED_RSP, cred_rsp_received },
	{ SRP_AER_RSP, aer_rsp_received },
	{ SRP_I_LOGOUT, i_logout_received },
};

/* There is a free command. */
static void channel_dispatch(struct srp_channel *ch, struct rx *rx)
{
	struct srp_req req;
	enum iu_result result = iu_decode(rx->data, rx->len, ch->imm_offset, &req);

	if (result == IU_TOO_SHORT) {
		channel_rx_put(ch, rx);
		channel_logout(ch, SRP_TLO_NO_REASON, "message shorter than any SRP IU");
		return;
	}
	for (size_t i = 0; result != IU_BAD_TYPE && i < ARRAY_SIZE(receivers); i++) {
		if (receivers[i].opcode == req.opcode) {
			receivers[i].fn(ch, rx, &req, result);
			return;
		}
	}
	channel_rx_put(ch, rx);
	channel_logout(ch, SRP_TLO_INVALID_IU, "IU of a type that is not an initiator's");
}

static void channel_hold(struct srp_channel *ch, struct rx *rx)
{
	if (ch->state >= CHANNEL_CLOSING) {
		channel_rx_put(ch, rx);
		return;
	}
	list_add_tail(&ch->wait, &rx->link);
	ch->nwait++;
	if (ch->state != CHANNEL_DRAINING &&
	    (int32_t)ch->nwait > ch->req_lim + CHANNEL_RX_RESERVE)
		channel_violated(ch);
}

void channel_recv(struct conn *c, struct rx *rx)
{
	struct srp_channel *ch = c->context;

	ch->rx_held++;
	if (ch->state == CHANNEL_LIVE && channel_has_command(ch) && list_empty(&ch->wait))
		channel_dispatch(ch, rx);
	else
		channel_hold(ch, rx);
}

static void waiting_run(struct srp_channel *ch)
{
	while (ch->state == CHANNEL_LIVE && channel_has_command(ch) && !list_empty(&ch->wait)) {
		struct rx *rx = list_first(&ch->wait, struct rx, link);

		list_del(&rx->link);
		ch->nwait--;
		channel_dispatch(ch, rx);
	}
}

/* What must not be done inside an upcall, at the end of the round. */
static void channel_work(struct reactor_deferred *d)
{
	struct srp_channel *ch = container_of(d, struct srp_channel, work);

	waiting_run(ch);
	cred_req_send(ch);
	if (ch->state >= CHANNEL_DYING) {
		ch->swept = true;
		commands_kill(ch);
	}
	channel_check_end(ch);
}

/* ---- the other upcalls ---- */

void channel_live(struct conn *c)
{
	struct srp_channel *ch = c->context;

	channel_set_state(ch, CHANNEL_LIVE);
	waiting_run(ch);
}

void channel_pulled(struct xfer *x, int status)
{
	struct channel_io *io = container_of(x, struct channel_io, x);
	struct srp_cmd *c = container_of(io, struct srp_cmd, io);
	struct srp_channel *ch = c->ch;

	ch->xfers--;
	command_pulled(c, status);
	channel_check_end(ch);
}

static void ctl_sent(struct channel_io *io)
{
	struct srp_channel *ch;

	if (io->kind == IO_CRED_REQ) {
		ch = container_of(io, struct srp_channel, cred_req);
		ch->xfers--;
		ch->cred_req_busy = false;
		channel_repay(ch);
	} else {
		ch = container_of(io, struct srp_channel, t_logout);
		ch->xfers--;
		if (ch->state == CHANNEL_CLOSING)
			transport_disconnect(ch->conn);
	}
	channel_check_end(ch);
}

void channel_sent(struct xfer *x, int status)
{
	struct channel_io *io = container_of(x, struct channel_io, x);
	struct srp_cmd *c;
	struct srp_channel *ch;

	(void)status; /* a failed one is followed by dying() */
	if (io->kind != IO_COMMAND) {
		ctl_sent(io);
		return;
	}
	c = container_of(io, struct srp_cmd, io);
	ch = c->ch;
	ch->xfers--;
	command_sent(c);
	if (ch->state != CHANNEL_LIVE)
		channel_check_end(ch);
}

void channel_dying(struct conn *c, const char *why)
{
	struct srp_channel *ch = c->context;

	if (!channel_set_state(ch, CHANNEL_DYING))
		return;
	log_info("target %s: session %s: channel %u closed: %s", ch->target_name, ch->info.peer,
		 ch->number, ch->why ? ch->why : why);
	waiting_drop(ch);
	channel_defer(ch);
}

void channel_closed(struct conn *c, void *context)
{
	struct srp_channel *ch = context;

	channel_dying(c, "connection lost");
	channel_set_state(ch, CHANNEL_CLOSED);
	ch->conn = NULL;
	channel_check_end(ch);
}

/* ---- asked by the control thread ---- */

static void stop_acked(struct msg *m);

/* On the reactor; the message then returns, so that it can be sent again. */
static void stop_received(struct msg *m)
{
	struct srp_channel *ch = container_of(m, struct srp_channel, stop_msg);

	if (ch->stop == STOP_DRAIN && ch->state == CHANNEL_LIVE) {
		channel_set_state(ch, CHANNEL_DRAINING);
		reactor_timer_start(ch->reactor, &ch->timer, ch->stop_deadline_ns);
		channel_check_end(ch);
	} else if (ch->state < CHANNEL_CLOSING &&
		   !(ch->stop == STOP_DRAIN && ch->state == CHANNEL_DRAINING)) {
		channel_close(ch, "closed by the target");
	}
	m->fn = stop_acked;
	mailbox_post(ch->control, m);
}

static void stop_send(struct srp_channel *ch)
{
	ch->stop = ch->stop_wanted;
	ch->stop_sent = true;
	ch->stop_msg.fn = stop_received;
	reactor_send(ch->reactor, &ch->stop_msg);
}

static void gone_check(struct srp_channel *ch)
{
	if (ch->told_gone && !ch->stop_sent)
		session_channel_gone(ch);
}

static void stop_acked(struct msg *m)
{
	struct srp_channel *ch = container_of(m, struct srp_channel, stop_msg);

	ch->stop_sent = false;
	if (!ch->told_gone && ch->stop_wanted > ch->stop)
		stop_send(ch);
	gone_check(ch);
}

void channel_stop(struct srp_channel *ch, enum channel_stop how, uint64_t deadline_ns)
{
	if (how <= ch->stop_wanted)
		return;
	ch->stop_wanted = how;
	if (ch->stop_sent)
		return;
	ch->stop_deadline_ns = deadline_ns;
	stop_send(ch);
}

static void gone_received(struct msg *m);

/* On the reactor. There is no connection whose upcalls could follow. */
static void forget_received(struct msg *m)
{
	struct srp_channel *ch = container_of(m, struct srp_channel, gone_msg);

	m->fn = gone_received;
	channel_set_state(ch, CHANNEL_CLOSED);
	ch->conn = NULL;
	ch->swept = true;
	channel_check_end(ch);
}

void channel_forget(struct srp_channel *ch)
{
	log_info("target %s: session %s: channel %u: the login was not completed", ch->target_name,
		 ch->info.peer, ch->number);
	ch->gone_msg.fn = forget_received;
	reactor_send(ch->reactor, &ch->gone_msg);
}

static void quiet_received(struct msg *m)
{
	struct srp_channel *ch = container_of(m, struct srp_channel, quiet_msg);

	ch->told_quiet = true;
	session_channel_quiet(ch);
}

/* A stop message that is still on its way to the reactor holds the memory. */
static void gone_received(struct msg *m)
{
	struct srp_channel *ch = container_of(m, struct srp_channel, gone_msg);

	ch->told_gone = true;
	gone_check(ch);
}

/* ---- making one; control thread ---- */

static uint32_t hash_size(uint32_t commands)
{
	uint32_t n = 1;

	while (n < commands)
		n *= 2;
	return n;
}

static void *alloc_zeroed(size_t size)
{
	size_t all = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	void *p = aligned_alloc(CACHE_LINE, all);

	if (p)
		memset(p, 0, all);
	return p;
}

/* Zeroed when it is first touched. */
static struct srp_cmd *commands_map(uint32_t n)
{
	void *p = mmap(NULL, n * sizeof(struct srp_cmd), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void ctl_io_init(struct channel_io *io, enum channel_io_kind kind, const uint8_t *msg,
			uint16_t region)
{
	io->kind = kind;
	io->x.msg = msg;
	io->x.msg_region = region;
	list_init(&io->x.link);
}

static void channel_init(struct srp_channel *ch, const struct channel_params *p)
{
	ch->session = p->session;
	ch->nexus = p->nexus;
	ch->target_name = p->target_name;
	ch->reactor = p->reactor;
	ch->tables = p->tables;
	ch->control = p->control;
	ch->info = *p->info;
	ch->imm_offset = p->imm_offset;
	ch->rsp_size = p->rsp_size;
	ch->rsp_region = p->rsp_region;
	ch->chunk = p->chunk;
	ch->req_lim = (int32_t)p->queue_depth;
	ch->recv_depth = channel_recv_depth(p->queue_depth);
	ch->ctl_mem = p->rsp_mem;
	ch->ctl_tag = CTL_TAG_BASE;
	ctl_io_init(&ch->cred_req, IO_CRED_REQ, ch->ctl_mem, p->rsp_region);
	ctl_io_init(&ch->t_logout, IO_T_LOGOUT, ch->ctl_mem + CHANNEL_CTL_SIZE, p->rsp_region);
	list_init(&ch->wait);
	list_init(&ch->link);
	list_init(&ch->work.link);
	ch->work.fn = channel_work;
	ch->work.stage = STAGE_BACKEND;
	list_init(&ch->timer.link);
	ch->timer.fn = channel_timeout;
	ch->quiet_msg.fn = quiet_received;
	ch->gone_msg.fn = gone_received;
}

struct srp_channel *channel_create(const struct channel_params *p)
{
	uint32_t n = commands_of(p->queue_depth), buckets = hash_size(n);
	struct srp_channel *ch = alloc_zeroed(sizeof(*ch));

	if (!ch)
		return NULL;
	ch->ncmds = n;
	ch->cmds = commands_map(n);
	ch->hash = calloc(buckets, sizeof(struct srp_cmd *));
	if (!ch->cmds || !ch->hash) {
		channel_free(ch);
		return NULL;
	}
	ch->hash_mask = buckets - 1;
	channel_init(ch, p);
	return ch;
}

void channel_free(struct srp_channel *ch)
{
	if (ch->cmds)
		munmap(ch->cmds, ch->ncmds * sizeof(*ch->cmds));
	free(ch->hash);
	free(ch);
}
