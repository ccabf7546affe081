/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections we open: TCP, MPA request and reply. Reactor. */
#include "transport/iwarp_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_MS 1000000ull

/* Any length that a caller can give fits. */
STATIC_ASSERT(UINT8_MAX <= MPA_PD_MAX - MPA_ENHANCED_LEN);

static struct log_limit connect_limit;

/* ---- the reply ---- */

static bool enhanced(const struct iwarp_conn *c)
{
	return c->revision == 2;
}

/* What speaks against going on with this reply; NULL: nothing. */
static const char *reply_refusal(const struct iwarp_conn *c, const struct mpa_frame *f)
{
	if (f->flags & MPA_MARKERS)
		return "it wants markers in the stream, which are not supported";
	if (enhanced(c) && !(f->flags & MPA_ENHANCED))
		return "it answers an enhanced request with a plain reply";
	if (!enhanced(c) && f->flags & MPA_ENHANCED)
		return "it answers a plain request with an enhanced reply";
	return NULL;
}

static void reply_rejects(struct iwarp_conn *c, const struct mpa_frame *f)
{
	if (f->pd_len) {
		c->pd_off = (uint16_t)(f->pd - c->frame);
		c->pd_len = f->pd_len;
	}
	iwarp_conn_abandon(c, -ECONNREFUSED);
}

/* @f and @rest point into c->frame. */
static void reply_taken(struct iwarp_conn *c, const struct mpa_frame *f, const uint8_t *rest,
			size_t rest_len)
{
	c->crc = c->crc || f->flags & MPA_CRC;
	iwarp_conn_enter_live(c);
	c->base.t->up->connected(&c->base, 0, f->pd, f->pd_len);
	if (rest_len)
		iwarp_rx_feed(c, rest, rest_len);
}

/* @n bytes of the frame are the reply, or it is wrong. */
static void reply_decoded(struct iwarp_conn *c, int n, const struct mpa_frame *f)
{
	const char *why = NULL;

	if (n > 0 && f->flags & MPA_REJECT) {
		reply_rejects(c, f);
		return;
	}
	if (n < 0)
		why = n == -EPROTONOSUPPORT ? "it answers with an unknown revision of MPA" :
					      "its answer is not an MPA reply";
	else
		why = reply_refusal(c, f);
	if (!why) {
		reply_taken(c, f, c->frame + n, (size_t)(c->frame_len - n));
		return;
	}
	log_warn_limited(&connect_limit, "%s: %s", c->base.info.peer, why);
	iwarp_conn_abandon(c, -EPROTO);
}

/* Errors of a stream that was up: the peer closed it before it answered. */
static int reply_error(int err)
{
	return err == ECONNRESET || err == EPIPE ? -ECONNREFUSED : -err;
}

/* 1: more came, 0: nothing yet, -errno. */
static int reply_recv(struct iwarp_conn *c)
{
	ssize_t n;

	do {
		n = recv(c->fd, c->frame + c->frame_len, sizeof(c->frame) - c->frame_len,
			 MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : reply_error(errno);
	c->frame_len = (uint16_t)(c->frame_len + n);
	return n ? 1 : -ECONNREFUSED;
}

static void reply_step(struct iwarp_conn *c)
{
	struct mpa_frame f;
	int n = 0, rc;

	while (!n) {
		rc = reply_recv(c);
		if (rc < 0)
			iwarp_conn_abandon(c, rc);
		if (rc <= 0)
			return;
		n = mpa_decode(c->frame, c->frame_len, true, &f);
	}
	reply_decoded(c, n, &f);
}

/* ---- the request ---- */

/* The source address is chosen when connecting begins. */
static void local_fill(struct iwarp_conn *c, const struct sockaddr *peer)
{
	struct sockaddr_storage ss;
	struct sockaddr *local = (struct sockaddr *)&ss;
	socklen_t len = sizeof(ss);

	if (getsockname(c->fd, local, &len))
		return;
	iwarp_addr_text(local, true, c->base.info.local, sizeof(c->base.info.local));
	if (atomic_load(&iwarp_of(c->base.t)->crc) == IWARP_CRC_AUTO)
		c->crc = !iwarp_addr_same_host(local, peer);
}

static void request_encode(struct iwarp_conn *c, const uint8_t *pd, uint16_t len)
{
	struct mpa_frame f = {
		.revision = c->revision,
		.flags = (uint8_t)((c->crc ? MPA_CRC : 0) | (enhanced(c) ? MPA_ENHANCED : 0)),
		.ird = c->ird,
		.ord = c->ord,
		.pd = pd,
		.pd_len = len,
	};

	c->frame_len = (uint16_t)mpa_encode(c->frame, &f);
}

/* An error of connect() comes with the first attempt to send; until then the socket is full. */
static void request_step(struct iwarp_conn *c)
{
	int rc = iwarp_conn_frame_send(c);

	if (rc < 0)
		iwarp_conn_abandon(c, rc);
	if (rc <= 0)
		return;
	c->asked = true;
	c->frame_len = 0;
	reply_step(c);
}

void iwarp_connect_step(struct iwarp_conn *c)
{
	if (c->asked)
		reply_step(c);
	else
		request_step(c);
}

/* ---- connecting ---- */

static int params_check(const struct connect_params *p)
{
	int family = p->addr_len >= sizeof(sa_family_t) ? p->addr->sa_family : AF_UNSPEC;

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	if (p->addr_len < (family == AF_INET ? sizeof(struct sockaddr_in) :
					       sizeof(struct sockaddr_in6)))
		return -EINVAL;
	return p->recv_depth && p->timeout_ms && p->max_rd_atomic ? 0 : -EINVAL;
}

static int socket_connect(struct iwarp_conn *c, const struct connect_params *p)
{
	c->fd = socket(p->addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	iwarp_socket_tune(c->fd);
	if (connect(c->fd, p->addr, p->addr_len) && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void conn_fill(struct iwarp_conn *c, const struct connect_params *p)
{
	const struct iwarp *t = iwarp_of(c->base.t);

	c->base.context = p->context;
	c->base.info.layout = LOGIN_LAYOUT_RDMA_CM;
	iwarp_addr_text(p->addr, false, c->base.info.peer, sizeof(c->base.info.peer));
	c->active = true;
	c->revision = t->revision;
	c->crc = atomic_load(&t->crc) == IWARP_CRC_ON;
	c->ird = (uint8_t)min_u32(p->max_rd_atomic, IWARP_READS_MAX);
	c->ord = 0;
}

/* The reactor's clock may have stood still since its last round. */
static uint64_t timeout_ns(const struct reactor *r, uint32_t ms)
{
	uint64_t now = clock_now_ns();

	return (now > r->now_ns ? now - r->now_ns : 0) + ms * NS_PER_MS;
}

static int conn_open(struct iwarp_conn *c, struct reactor *r, const struct connect_params *p)
{
	int rc = params_check(p);

	if (rc)
		return rc;
	conn_fill(c, p);
	rc = iwarp_conn_equip(c, r, p->recv_depth, p->max_xfers);
	if (rc)
		return rc;
	rc = socket_connect(c, p);
	if (rc)
		return rc;
	local_fill(c, p->addr);
	request_encode(c, p->private_data, p->private_len);
	return iwarp_conn_start(c, timeout_ns(r, p->timeout_ms));
}

int iwarp_connect(struct transport *t, struct reactor *r, const struct connect_params *p,
		  struct conn **out, char *err, size_t errlen)
{
	struct iwarp_conn *c = iwarp_conn_new(iwarp_of(t));
	int rc = c ? conn_open(c, r, p) : -ENOMEM;

	if (!rc) {
		*out = &c->base;
		return 0;
	}
	snprintf(err, errlen, "%s", strerror(-rc));
	if (c)
		iwarp_conn_free(c);
	return rc;
}
