/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Life of a channel. What ends it may come from anywhere, also from a callback in
 * the middle of a message, so its end is told and its memory freed at the end of a
 * round only, by client_channel_run().
 */
#include "client/client_priv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Target sends beyond the answers to requests: CRED_REQ, AER_REQ, T_LOGOUT. */
#define RECV_SPARE 4u
#define READS_SERVED 16u /* at most; ib_srp offers 4, which halves the speed of 16 KiB writes */

void client_channel_free(struct client_channel *ch)
{
	list_del(&ch->link);
	free(ch);
}

static void channel_release(struct client_channel *ch)
{
	list_del(&ch->run.link);
	reactor_timer_stop(&ch->timer);
	client_slots_fini(ch);
	list_del(&ch->link);
	ch->c->nchannels--;
	ch->gone = true;
	/* Who waits for it still asks why it ended. */
	if (ch->kept)
		list_add_tail(&ch->c->dead, &ch->link);
}

static void channel_over(struct client_channel *ch)
{
	channel_release(ch);
	if (ch->logged_in)
		ch->ev->closed(ch, ch->why);
	else
		ch->ev->login(ch, &ch->result);
	if (!ch->kept)
		client_channel_free(ch);
}

static void client_channel_run(struct reactor_deferred *d)
{
	struct client_channel *ch = container_of(d, struct client_channel, run);

	client_ended_run(ch);
	/* A callback may have submitted more, in vain: that is called back before the end. */
	if (ch->state == CHANNEL_OVER && list_empty(&ch->ended) && list_empty(&ch->tmfs_ended))
		channel_over(ch);
}

void client_channel_end(struct client_channel *ch, const char *why)
{
	if (!ch->why)
		ch->why = why;
	if (ch->state >= CHANNEL_ENDING)
		return;
	ch->state = CHANNEL_ENDING;
	reactor_timer_stop(&ch->timer);
	transport_disconnect(ch->conn);
}

/* ---- login ---- */

/* Is what the target answered something we can work with? */
static const char *login_check(struct client_channel *ch)
{
	const struct client_login_result *r = &ch->result;

	if (r->req_lim > CLIENT_CREDIT_MAX)
		return "the target grants a credit beyond reason";
	/* One that may send longer ones than we take has no reason to. */
	if (r->max_ti_iu_len < CLIENT_MIN_TI_IU_LEN)
		return "the target's messages have an impossible length";
	if (r->max_it_iu_len < SRP_MIN_IT_IU_LEN)
		return "the target takes no request of a useful length";
	return NULL;
}

static void login_accepted(struct client_channel *ch, const uint8_t *pd, size_t len)
{
	const char *wrong = "what answered is no SRP target";

	if (!client_iu_login_rsp(pd, len, &ch->result))
		wrong = login_check(ch);
	if (wrong) {
		ch->result = (struct client_login_result){
			.status = CLIENT_PROTOCOL, .err = -EPROTO,
		};
		client_channel_end(ch, wrong);
		return;
	}
	ch->result.imm_data = ch->result.imm_data && ch->asked_imm;
	ch->result.status = CLIENT_LOGGED_IN;
	ch->result.err = 0;
	ch->imm_data = ch->result.imm_data;
	ch->req_lim = (int32_t)ch->result.req_lim;
	ch->reserve = ch->req_lim > 1;
	ch->iu_size = min_u32(ch->iu_size, ch->result.max_it_iu_len);
	ch->state = CHANNEL_OPEN;
	ch->logged_in = true;
	ch->ev->login(ch, &ch->result);
	client_kick(ch);
}

static enum client_login_status status_of(int err)
{
	static const struct {
		int err;
		enum client_login_status status;
	} rows[] = {
		{ -ECONNREFUSED, CLIENT_REFUSED },
		{ -ECONNRESET, CLIENT_REFUSED },
		{ -EPIPE, CLIENT_REFUSED },
		{ -ETIMEDOUT, CLIENT_TIMED_OUT },
		{ -EPROTO, CLIENT_PROTOCOL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].err == err)
			return rows[i].status;
	return CLIENT_UNREACHABLE;
}

static void login_failed(struct client_channel *ch, int err, const uint8_t *pd, size_t len)
{
	ch->result = (struct client_login_result){ .status = status_of(err), .err = err };
	if (err == -ECONNREFUSED && !client_iu_login_rej(pd, len, &ch->result.reason))
		ch->result.status = CLIENT_REJECTED;
	client_fail_all(ch);
	ch->state = CHANNEL_OVER;
	ch->conn = NULL;
	reactor_defer(ch->c->r, &ch->run);
}

/* ---- upcalls ---- */

static void up_connected(struct conn *conn, int status, const uint8_t *pd, size_t len)
{
	struct client_channel *ch = conn->context;

	if (status)
		login_failed(ch, status, pd, len);
	else if (ch->state == CHANNEL_OPENING)
		login_accepted(ch, pd, len);
	else
		transport_disconnect(conn); /* dropped meanwhile */
}

static void up_recv(struct conn *conn, struct rx *rx)
{
	struct client_channel *ch = conn->context;

	if (ch->state == CHANNEL_OPEN)
		client_received(ch, rx->data, rx->len);
	transport_rx_put(conn, rx);
}

static void up_sent(struct xfer *x, int status)
{
	(void)status; /* if it is not sent the connection dies, and says so */
	client_sent(container_of(x, struct client_slot, x));
}

static void up_dying(struct conn *conn, const char *why)
{
	struct client_channel *ch = conn->context;

	if (!ch->why)
		ch->why = why;
	if (ch->state < CHANNEL_ENDING)
		ch->state = CHANNEL_ENDING;
	client_fail_all(ch);
}

static void up_closed(struct conn *conn, void *context)
{
	struct client_channel *ch = context;

	(void)conn;
	client_fail_all(ch);
	ch->state = CHANNEL_OVER;
	ch->conn = NULL;
	reactor_defer(ch->c->r, &ch->run);
}

/* Nobody connects to us, and we pull nothing. */
const struct transport_upcalls client_upcalls = {
	.recv = up_recv,
	.sent = up_sent,
	.connected = up_connected,
	.dying = up_dying,
	.closed = up_closed,
};

/* ---- what users call ---- */

static void logout_overdue(struct reactor_timer *t)
{
	client_channel_end(container_of(t, struct client_channel, timer), NULL);
}

static int login_check_params(const struct client *c, const struct client_login *l, char *err,
			      size_t errlen)
{
	const char *wrong = NULL;

	if (!l->queue_depth || l->queue_depth > CLIENT_QUEUE_MAX)
		wrong = "the queue depth must be 1 … 4096";
	else if (l->it_iu_len && (l->it_iu_len < SRP_MIN_IT_IU_LEN ||
				  l->it_iu_len > CLIENT_IT_IU_MAX))
		wrong = "the length of requests must be 64 … 131072";
	else if (!l->timeout_ms)
		wrong = "the timeout must not be 0";
	if (wrong) {
		snprintf(err, errlen, "%s", wrong);
		return -EINVAL;
	}
	if (c->nchannels < c->p.max_channels)
		return 0;
	snprintf(err, errlen, "more than %u channels", c->p.max_channels);
	return -EMFILE;
}

static struct client_channel *channel_new(struct client *c, const struct client_login *l)
{
	static atomic_uint last_id;
	struct client_channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->c = c;
	ch->id = (uint16_t)atomic_fetch_add(&last_id, 1);
	ch->queue_depth = l->queue_depth;
	ch->iu_room = l->it_iu_len ? l->it_iu_len : CLIENT_IT_IU_LEN;
	ch->iu_size = ch->iu_room;
	list_init(&ch->link);
	list_init(&ch->free_cmds);
	list_init(&ch->free_ctls);
	list_init(&ch->flight);
	list_init(&ch->waiting);
	list_init(&ch->tmfs_waiting);
	list_init(&ch->ended);
	list_init(&ch->tmfs_ended);
	list_init(&ch->run.link);
	list_init(&ch->timer.link);
	ch->run.fn = client_channel_run;
	ch->run.stage = STAGE_TRANSPORT;
	ch->timer.fn = logout_overdue;
	/* Unless somebody says otherwise it is the user who gave up. */
	ch->result = (struct client_login_result){
		.status = CLIENT_UNREACHABLE, .err = -ECANCELED,
	};
	return ch;
}

static socklen_t addr_len(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_IB ? sizeof(struct ib_portal) :
	       sa->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					   sizeof(struct sockaddr_in);
}

static int channel_connect(struct client_channel *ch, const struct client_login *l, char *err,
			   size_t errlen)
{
	struct client_login asked = *l;
	struct connect_params p = {
		.addr = (const struct sockaddr *)&l->addr,
		.addr_len = addr_len(&l->addr),
		.context = ch,
		.recv_depth = ch->queue_depth + CLIENT_TMFS + RECV_SPARE,
		/* A command exposes its data and, indirect, its table. */
		.max_xfers = 2 * ch->nslots,
		.max_rd_atomic = READS_SERVED,
		.timeout_ms = l->timeout_ms,
		.private_data = &ch->req,
	};

	asked.it_iu_len = ch->iu_size;
	ch->asked_imm = asked.imm_data;
	p.private_len = client_iu_login_req(&ch->req, &asked);
	return transport_connect(ch->c->t, ch->c->r, &p, &ch->conn, err, errlen);
}

int client_login(struct client *c, const struct client_login *l, const struct client_events *ev,
		 void *context, struct client_channel **out, char *err, size_t errlen)
{
	struct client_channel *ch;
	int rc = login_check_params(c, l, err, errlen);

	if (rc)
		return rc;
	ch = channel_new(c, l);
	rc = ch ? client_slots_init(ch) : -ENOMEM;
	if (rc)
		snprintf(err, errlen, "no memory for %u requests", l->queue_depth);
	else
		rc = channel_connect(ch, l, err, errlen);
	if (rc) {
		if (ch)
			client_slots_fini(ch);
		free(ch);
		return rc;
	}
	ch->ev = ev;
	ch->context = context;
	list_add_tail(&c->channels, &ch->link);
	c->nchannels++;
	*out = ch;
	return 0;
}

void *client_context(const struct client_channel *ch)
{
	return ch->context;
}

struct client *client_of(const struct client_channel *ch)
{
	return ch->c;
}

void client_logout(struct client_channel *ch)
{
	if (ch->why)
		return;
	ch->why = "logged out";
	if (ch->state == CHANNEL_OPEN && client_send_logout(ch))
		reactor_timer_start(ch->c->r, &ch->timer, CLIENT_CLOSE_NS);
	else
		client_channel_end(ch, NULL);
}

void client_drop(struct client_channel *ch)
{
	client_channel_end(ch, "dropped");
}
