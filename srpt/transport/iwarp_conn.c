/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a connection on its reactor. See iwarp.c for the whole story. */
#include "transport/iwarp_priv.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES 3
#define USER_TIMEOUT_MS 30000 /* for what was sent to be acknowledged */
#define DRAIN_READS 8         /* of a connection that ends, per round */
/*
 * READ requests of ours are looked at that often; when not a byte has come for so many looks, the
 * connection ends. TCP acknowledges for a peer that sleeps, and what waits for its data has
 * buffers and keeps ORDERED commands and FORMAT UNIT of others waiting. InfiniBand gives up
 * sooner. Looks are counted, not time: none may pass when it is this machine that slept.
 */
#define READ_LOOK_NS 5000000000ull
#define READ_LOOKS 5

static struct log_limit terminate_limit;

/* ---- making and freeing ---- */

struct iwarp_conn *iwarp_conn_new(struct iwarp *t)
{
	struct iwarp_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->base.t = &t->base;
	c->fd = -1;
	c->state = IWARP_OPENING;
	list_init(&c->link);
	list_init(&c->hot);
	list_init(&c->timer.link);
	list_init(&c->run.link);
	c->run.fn = iwarp_conn_run;
	c->run.stage = STAGE_TRANSPORT;
	return c;
}

int iwarp_conn_equip(struct iwarp_conn *c, struct reactor *r, uint32_t depth, uint32_t max_xfers)
{
	struct iwarp_poller *p = iwarp_poller_get(iwarp_of(c->base.t), r);
	int rc;

	if (!p)
		return -ENOMEM;
	/* Only who opens connections exposes memory. */
	rc = iwarp_stags_init(&c->stags, c->active ? max_xfers : 0);
	if (rc)
		return rc;
	c->p = p;
	c->rx_depth = depth;
	rc = iwarp_slots_promise(p, c);
	if (rc) {
		iwarp_stags_free(&c->stags);
		c->p = NULL;
		return rc;
	}
	c->base.reactor = r;
	return 0;
}

void iwarp_conn_free(struct iwarp_conn *c)
{
	iwarp_poller_close(c);
	list_del(&c->link);
	list_del(&c->run.link);
	reactor_timer_stop(&c->timer);
	iwarp_tx_free(c);
	if (c->p) {
		iwarp_slots_release(c);
		iwarp_stags_free(&c->stags);
	}
	free(c);
}

void iwarp_socket_tune(int fd)
{
	static const struct { int level, name, value; } opt[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(opt); i++)
		setsockopt(fd, opt[i].level, opt[i].name, &opt[i].value, sizeof(opt[i].value));
}

/* ---- opening ---- */

/* The socket is done with; iwarp_conn_run() does the rest. */
static void conn_close(struct iwarp_conn *c)
{
	c->state = IWARP_CLOSED;
	reactor_timer_stop(&c->timer);
	iwarp_poller_close(c);
	reactor_defer(c->base.reactor, &c->run);
}

void iwarp_conn_abandon(struct iwarp_conn *c, int status)
{
	c->status = status;
	conn_close(c);
}

void iwarp_conn_watch(struct iwarp_conn *c)
{
	if (!list_empty(&c->timer.link))
		return;
	c->looks = 0;
	c->watched = iwarp_tx_reads_progress(c);
	reactor_timer_start(c->base.reactor, &c->timer, READ_LOOK_NS);
}

static void conn_look(struct iwarp_conn *c)
{
	if (!c->tx.nreads)
		return;
	if (c->watched != iwarp_tx_reads_progress(c))
		iwarp_conn_watch(c);
	else if (++c->looks == READ_LOOKS)
		iwarp_conn_die(c, "RDMA READ not answered");
	else
		reactor_timer_start(c->base.reactor, &c->timer, READ_LOOK_NS);
}

/* The handshake, an answer or the peer's end of the stream took too long. */
static void conn_timed_out(struct reactor_timer *t)
{
	struct iwarp_conn *c = container_of(t, struct iwarp_conn, timer);

	if (c->state == IWARP_OPENING)
		iwarp_conn_abandon(c, -ETIMEDOUT);
	else if (c->state == IWARP_LIVE)
		conn_look(c);
	else
		conn_close(c);
}

int iwarp_conn_start(struct iwarp_conn *c, uint64_t timeout_ns)
{
	int rc = iwarp_poller_add(c);

	if (rc)
		return rc;
	c->timer.fn = conn_timed_out;
	reactor_timer_start(c->base.reactor, &c->timer, timeout_ns);
	return 0;
}

int iwarp_conn_frame_send(struct iwarp_conn *c)
{
	while (c->frame_off < c->frame_len) {
		ssize_t n = send(c->fd, c->frame + c->frame_off,
				 (size_t)(c->frame_len - c->frame_off),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		c->frame_off = (uint16_t)(c->frame_off + n);
	}
	return 1;
}

/* Bytes of TCP's segments, as TCP knows it now. */
static uint32_t socket_mss(int fd)
{
	int mss = 0;
	socklen_t len = sizeof(mss);

	if (getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &len) || mss < 0)
		return 0;
	return (uint32_t)mss;
}

/* What came meanwhile raised its edge already: the connection starts hot. */
void iwarp_conn_enter_live(struct iwarp_conn *c)
{
	reactor_timer_stop(&c->timer);
	iwarp_rx_init(c);
	iwarp_tx_init(c, socket_mss(c->fd));
	c->state = IWARP_LIVE;
	iwarp_poller_heat(c);
}

static void reply_step(struct iwarp_conn *c)
{
	int rc = iwarp_conn_frame_send(c);

	if (rc < 0)
		iwarp_conn_abandon(c, rc);
	if (rc <= 0)
		return;
	iwarp_conn_enter_live(c);
	c->base.t->up->live(&c->base);
}

void iwarp_conn_attach(struct msg *m)
{
	struct iwarp_conn *c = container_of(m, struct iwarp_conn, msg);
	int rc = iwarp_conn_start(c, IWARP_REQUEST_NS);

	if (rc)
		iwarp_conn_abandon(c, rc);
	else
		reply_step(c);
}

void iwarp_conn_opening(struct iwarp_conn *c)
{
	if (c->active)
		iwarp_connect_step(c);
	else
		reply_step(c);
}

/* ---- closing ---- */

/*
 * The first reason wins. Nothing of what comes in is placed from here on; what
 * goes out is the rest of an FPDU and the TERMINATE.
 */
static void closing_begin(struct iwarp_conn *c, const char *why, const uint8_t *body, uint32_t len)
{
	c->state = IWARP_CLOSING;
	iwarp_poller_cool(c);
	iwarp_rx_stop(c);
	c->base.t->up->dying(&c->base, why);
	iwarp_tx_abort(c, body, len);
	reactor_timer_start(c->base.reactor, &c->timer, IWARP_LINGER_NS);
	reactor_defer(c->base.reactor, &c->run);
}

void iwarp_conn_terminate(struct iwarp_conn *c, uint16_t code, uint16_t ulpdu_len,
			  const uint8_t *head, const uint8_t *read)
{
	uint8_t body[RDMAP_TERMINATE_MAX];

	if (c->state != IWARP_LIVE)
		return;
	log_warn_limited(&terminate_limit, "%s: protocol error 0x%04x: %s", c->base.info.peer,
			 code, term_name(code));
	closing_begin(c, term_name(code), body,
		      rdmap_terminate_encode(body, code, ulpdu_len, head, read));
}

void iwarp_conn_die(struct iwarp_conn *c, const char *why)
{
	if (c->state == IWARP_LIVE)
		closing_begin(c, why, NULL, 0);
	else if (c->state == IWARP_CLOSING)
		conn_close(c);
}

void iwarp_conn_flushed(struct iwarp_conn *c)
{
	if (c->state != IWARP_CLOSING || c->fin_sent)
		return;
	c->fin_sent = true;
	shutdown(c->fd, SHUT_WR);
	reactor_defer(c->base.reactor, &c->run);
}

/*
 * What the peer still sends is read, so that our end of the stream reaches it and
 * no reset overtakes what we sent last.
 */
static void closing_drain(struct iwarp_conn *c)
{
	ssize_t n = 1;

	for (int i = 0; n > 0 && !c->fin_seen; i++) {
		if (i == DRAIN_READS) {
			reactor_defer(c->base.reactor, &c->run);
			return;
		}
		n = recv(c->fd, c->p->stage, IWARP_STAGE, MSG_DONTWAIT | MSG_TRUNC);
		c->fin_seen = !n;
	}
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || (c->fin_seen && c->fin_sent))
		conn_close(c);
}

static void closing_step(struct iwarp_conn *c)
{
	if (!iwarp_tx_pending(c))
		iwarp_conn_flushed(c);
	if (c->state == IWARP_CLOSING)
		closing_drain(c);
}

/* ---- closed ---- */

static void gone_received(struct msg *m)
{
	struct iwarp_conn *c = container_of(m, struct iwarp_conn, msg);

	c->base.t->up->request_gone(&c->base, c->base.context);
	iwarp_conn_free(c);
}

/* Accepted, but never live: SRP knows it on the control thread only. */
static void request_gone_post(struct iwarp_conn *c)
{
	list_del(&c->link);
	list_del(&c->run.link);
	c->msg.fn = gone_received;
	mailbox_post(c->base.t->group->control, &c->msg);
}

/* Nothing refers to the connection any more. */
static void conn_finish(struct iwarp_conn *c)
{
	const struct transport_upcalls *up = c->base.t->up;

	if (c->status && !c->active) {
		request_gone_post(c);
		return;
	}
	if (c->status)
		up->connected(&c->base, c->status, c->frame + c->pd_off, c->pd_len);
	else
		up->closed(&c->base, c->base.context);
	iwarp_conn_free(c);
}

/* ---- the end of a round ---- */

static void conn_end_wanted(struct iwarp_conn *c)
{
	if (c->state == IWARP_OPENING)
		iwarp_conn_abandon(c, -ECANCELED);
	else if (c->state == IWARP_LIVE)
		iwarp_conn_die(c, c->active ? "closed by the initiator" : "closed by the target");
}

void iwarp_conn_run(struct reactor_deferred *d)
{
	struct iwarp_conn *c = container_of(d, struct iwarp_conn, run);

	if (c->want_close)
		conn_end_wanted(c);
	/* Whatever its state: what SRP still hands over must come back. */
	if (c->state != IWARP_OPENING && !c->status)
		iwarp_tx_run(c);
	if (c->state == IWARP_CLOSING)
		closing_step(c);
	if (c->state == IWARP_CLOSED && !c->rx_held)
		conn_finish(c);
}

void iwarp_rx_put(struct conn *base, struct rx *rx)
{
	struct iwarp_conn *c = iwarp_conn_of(base);

	iwarp_slot_put(c, container_of(rx, struct iwarp_slot, rx));
	if (c->state == IWARP_CLOSED && !c->rx_held)
		reactor_defer(base->reactor, &c->run);
}

void iwarp_disconnect(struct conn *base)
{
	struct iwarp_conn *c = iwarp_conn_of(base);

	c->want_close = true;
	reactor_defer(base->reactor, &c->run);
}
