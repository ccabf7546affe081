/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that listen, and those who call until they are accepted. Control thread. */
#include "transport/iwarp_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <qb/qbdefs.h>
#include <qb/qbloop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define ACCEPTS_PER_WAKE 64
#define TICK_NS 200000000ull
/* When there are IWARP_REQUESTS_MAX, the oldest who kept silent as long makes room. */
#define SILENCE_NS 1000000000ull
#define READS_UNKNOWN 1u /* that a peer serves at once who does not tell */

/* A connection before it is accepted. */
struct iwarp_request {
	struct list_node link; /* iwarp.requests */
	struct iwarp *t;
	struct iwarp_listener *l;
	int fd;
	uint64_t since_ns;
	char peer[TRANSPORT_NAME_MAX];
	struct iwarp_conn *conn; /* NULL until the MPA request is complete */
	struct mpa_frame reply;  /* without the private data */
	uint16_t len;
	uint8_t frame[MPA_FRAME_MAX];
};

static struct log_limit request_limit, accept_limit;

/* ---- addresses ---- */

static const struct sockaddr_in *in_of(const struct sockaddr *sa)
{
	return (const struct sockaddr_in *)(const void *)sa;
}

static const struct sockaddr_in6 *in6_of(const struct sockaddr *sa)
{
	return (const struct sockaddr_in6 *)(const void *)sa;
}

/* The IPv4 address in @sa, bare or mapped; NULL: there is none. */
static const void *addr4_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return &in_of(sa)->sin_addr;
	if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6_of(sa)->sin6_addr))
		return in6_of(sa)->sin6_addr.s6_addr + 12;
	return NULL;
}

void iwarp_addr_text(const struct sockaddr *sa, bool port, char *buf, size_t len)
{
	const void *v4 = addr4_of(sa);
	char text[INET6_ADDRSTRLEN] = "?";

	if (v4)
		inet_ntop(AF_INET, v4, text, sizeof(text));
	else if (sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &in6_of(sa)->sin6_addr, text, sizeof(text));
	if (!port)
		snprintf(buf, len, "%s", text);
	else
		snprintf(buf, len, v4 ? "%s:%u" : "[%s]:%u", text,
			 ntohs(sa->sa_family == AF_INET6 ? in6_of(sa)->sin6_port :
							   in_of(sa)->sin_port));
}

bool iwarp_addr_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	const void *a4 = addr4_of(a), *b4 = addr4_of(b);

	if (a4 || b4)
		return a4 && b4 && !memcmp(a4, b4, sizeof(struct in_addr));
	return !memcmp(&in6_of(a)->sin6_addr, &in6_of(b)->sin6_addr, sizeof(struct in6_addr));
}

/* ---- requests ---- */

static void tick_start(struct iwarp *t);

/* Forget it; the connection and the socket are somebody else's, or gone. */
static void request_free(struct iwarp_request *req)
{
	list_del(&req->link);
	req->t->nrequests--;
	free(req);
}

static void request_unwatch(struct iwarp_request *req)
{
	qb_loop_poll_del(req->t->base.loop, req->fd);
}

static void request_close(struct iwarp_request *req)
{
	request_unwatch(req);
	close(req->fd);
	if (req->conn)
		iwarp_conn_free(req->conn);
	request_free(req);
}

/* It ends before an answer. SRP hears of it if it heard of the request. */
static void request_drop(struct iwarp_request *req, const char *why)
{
	if (req->conn)
		req->t->base.up->request_gone(&req->conn->base, NULL);
	if (req->conn)
		log_info("%s: %s", req->peer, why);
	else
		log_warn_limited(&request_limit, "%s: %s", req->peer, why);
	request_close(req);
}

/* A reply is small and the first on its socket: it fits, or the peer does not get it. */
static void reject_send(struct iwarp_request *req, const void *pd, uint8_t len)
{
	uint8_t frame[MPA_FRAME_MAX];

	req->reply.flags |= MPA_REJECT;
	req->reply.pd = pd;
	req->reply.pd_len = len;
	if (send(req->fd, frame, mpa_encode(frame, &req->reply), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("%s: reject: %s", req->peer, strerror(errno));
}

static void request_refuse(struct iwarp_request *req, const char *why)
{
	reject_send(req, NULL, 0);
	request_drop(req, why);
}

/* RFC 6581 9.2: the peer offers kinds of a first message; the simplest is taken. */
static bool rtr_choose(struct iwarp_request *req, uint8_t offered)
{
	static const uint8_t liked[] = { MPA_RTR_WRITE, MPA_RTR_READ, MPA_RTR_SEND };
	struct iwarp_conn *c = req->conn;

	if (!(offered & MPA_PEER_TO_PEER))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(liked); i++) {
		if (!(offered & liked[i]))
			continue;
		req->reply.rtr = MPA_PEER_TO_PEER | liked[i];
		c->rtr_send = liked[i] == MPA_RTR_SEND;
		if (liked[i] == MPA_RTR_READ && !c->ird)
			c->ird = 1;
		return true;
	}
	return false;
}

/* Find out what both sides can do. NULL, or why there can be no connection. */
static const char *negotiate(struct iwarp_request *req, const struct mpa_frame *f)
{
	struct iwarp_conn *c = req->conn;
	const char *why = NULL;

	c->crc = f->flags & MPA_CRC || atomic_load(&req->t->crc) == IWARP_CRC_ON;
	c->ird = IWARP_READS_MAX;
	c->ord = READS_UNKNOWN;
	req->reply.revision = f->revision;
	req->reply.flags = (uint8_t)((c->crc ? MPA_CRC : 0) | (f->flags & MPA_ENHANCED));
	if (f->flags & MPA_ENHANCED) {
		c->ird = (uint8_t)min_u32(f->ord, IWARP_READS_MAX);
		if (f->ird != MPA_DEPTH_NONE)
			c->ord = (uint8_t)min_u32(f->ird, IWARP_READS_MAX);
		if (!rtr_choose(req, f->rtr))
			why = "peer-to-peer mode asked for without a first message";
		req->reply.ird = c->ird;
		req->reply.ord = c->ord;
	}
	return f->flags & MPA_MARKERS ? "wants markers in the stream, which are not supported" :
					why;
}

static void conn_info_fill(struct iwarp_request *req)
{
	struct conn_info *info = &req->conn->base.info;
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);

	info->layout = LOGIN_LAYOUT_RDMA_CM;
	snprintf(info->device, sizeof(info->device), "iWARP");
	memcpy(info->peer, req->peer, sizeof(info->peer));
	getsockname(req->fd, (struct sockaddr *)&ss, &len);
	iwarp_addr_text((struct sockaddr *)&ss, true, info->local, sizeof(info->local));
	info->max_rd_atomic = req->conn->ord;
}

/* SRP may answer within the upcall: @req may be no more then. */
static void request_complete(struct iwarp_request *req, const struct mpa_frame *f)
{
	const char *why;

	req->conn = iwarp_conn_new(req->t);
	if (!req->conn) {
		request_drop(req, "no memory for a connection");
		return;
	}
	why = negotiate(req, f);
	if (why) {
		iwarp_conn_free(req->conn);
		req->conn = NULL;
		request_refuse(req, why);
		return;
	}
	req->conn->req = req;
	conn_info_fill(req);
	req->t->base.up->request(&req->conn->base, &req->conn->base.info, f->pd, f->pd_len,
				 req->l->listener.ctx);
}

/* RFC 5044 7.1.1: what is not a request is not answered; an unknown revision is told ours. */
static void request_malformed(struct iwarp_request *req, int rc)
{
	if (rc == -EPROTONOSUPPORT) {
		req->reply.revision = 2;
		request_refuse(req, "unknown revision of MPA");
	} else {
		request_drop(req, rc == -EMSGSIZE ? "private data of a wrong length" :
						    "not an MPA request");
	}
}

static void request_decode(struct iwarp_request *req)
{
	struct mpa_frame f;
	int n = mpa_decode(req->frame, req->len, false, &f);

	if (n < 0)
		request_malformed(req, n);
	else if (n && n < req->len)
		request_drop(req, "data behind the MPA request, before it is answered");
	else if (n)
		request_complete(req, &f);
}

/* Of a request SRP thinks about only the end can come. */
static void request_read(struct iwarp_request *req)
{
	ssize_t n = recv(req->fd, req->frame + req->len, sizeof(req->frame) - req->len,
			 MSG_DONTWAIT | (req->conn ? MSG_PEEK : 0));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && !req->conn) {
		req->len = (uint16_t)(req->len + n);
		request_decode(req);
	} else if (n <= 0 && !req->len) {
		request_close(req); /* somebody looked whether the port is open */
	} else {
		request_drop(req, n > 0 ? "data behind the MPA request, before it is answered" :
					  "the peer gave up");
	}
}

static int request_ready(int fd, int revents, void *data)
{
	(void)fd;
	(void)revents;
	request_read(data);
	return 0;
}

static bool request_new(struct iwarp_listener *l, int fd, const struct sockaddr *sa)
{
	struct iwarp_request *req = calloc(1, sizeof(*req));

	if (!req)
		return false;
	req->t = l->t;
	req->l = l;
	req->fd = fd;
	req->since_ns = clock_now_ns();
	req->reply.reply = true;
	iwarp_addr_text(sa, false, req->peer, sizeof(req->peer));
	if (qb_loop_poll_add(l->t->base.loop, QB_LOOP_MED, fd, POLLIN, req, request_ready)) {
		free(req);
		return false;
	}
	list_add_tail(&l->t->requests, &req->link);
	l->t->nrequests++;
	tick_start(l->t);
	return true;
}

/* ---- answers ---- */

void iwarp_reject(struct conn *base, const void *pd, uint8_t len)
{
	struct iwarp_request *req = iwarp_conn_of(base)->req;

	reject_send(req, pd, len);
	request_close(req);
}

int iwarp_accept(struct conn *base, const struct accept_params *p)
{
	struct iwarp_conn *c = iwarp_conn_of(base);
	struct iwarp_request *req = c->req;
	int rc;

	if (!req || !p->recv_depth)
		return -EINVAL;
	rc = iwarp_conn_equip(c, p->reactor, p->recv_depth, p->max_xfers);
	if (rc)
		return rc;
	req->reply.pd = p->private_data;
	req->reply.pd_len = p->private_len;
	c->frame_len = (uint16_t)mpa_encode(c->frame, &req->reply);
	request_unwatch(req);
	c->fd = req->fd;
	c->req = NULL;
	request_free(req);
	base->context = p->context;
	c->msg.fn = iwarp_conn_attach;
	reactor_send(p->reactor, &c->msg);
	return 0;
}

/* ---- time ---- */

static void listeners_resume(struct iwarp *t);

static bool listeners_paused(struct iwarp *t)
{
	struct iwarp_listener *l;

	list_for_each(l, &t->listeners, link)
		if (l->paused)
			return true;
	return false;
}

/* The oldest comes first. One that is dropped may make SRP answer others. */
static struct iwarp_request *request_expired(struct iwarp *t, uint64_t now)
{
	struct iwarp_request *req = list_first(&t->requests, struct iwarp_request, link);

	if (list_empty(&t->requests) || now - req->since_ns < IWARP_REQUEST_NS)
		return NULL;
	return req;
}

static void tick(void *data)
{
	struct iwarp *t = data;
	struct iwarp_request *req;

	t->ticking = false;
	while ((req = request_expired(t, clock_now_ns())))
		request_drop(req, req->conn ? "not answered in time" : "no MPA request in time");
	listeners_resume(t);
	if (!list_empty(&t->requests) || listeners_paused(t))
		tick_start(t);
}

static void tick_start(struct iwarp *t)
{
	if (t->ticking)
		return;
	t->ticking = !qb_loop_timer_add(t->base.loop, QB_LOOP_LOW, TICK_NS, t, tick, &t->tick);
}

/* ---- listeners ---- */

/* Who waits in the backlog stays there; the tick looks again. */
static void listener_pause(struct iwarp_listener *l)
{
	if (l->paused)
		return;
	l->paused = true;
	qb_loop_poll_del(l->t->base.loop, l->fd);
	tick_start(l->t);
}

/* Make room for one more. False: all who are there came just now, or SRP has them. */
static bool request_evict(struct iwarp *t)
{
	uint64_t now = clock_now_ns();
	struct iwarp_request *req;

	list_for_each(req, &t->requests, link) {
		if (req->conn)
			continue;
		if (now - req->since_ns < SILENCE_NS)
			return false;
		request_drop(req, "no MPA request, and others wait");
		return true;
	}
	return false;
}

static bool accept_failed(struct iwarp_listener *l, int err)
{
	switch (err) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		if (!l->starved)
			log_warn_limited(&accept_limit, "cannot take connections: %s",
					 strerror(err));
		l->starved = true;
		listener_pause(l);
		return false;
	default:
		return true; /* the connection is gone already */
	}
}

/* False: enough for now. */
static bool listener_accept(struct iwarp_listener *l)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	int fd;

	if (l->t->nrequests >= IWARP_REQUESTS_MAX && !request_evict(l->t)) {
		listener_pause(l);
		return false;
	}
	fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return accept_failed(l, errno);
	l->starved = false;
	iwarp_socket_tune(fd);
	if (!request_new(l, fd, (struct sockaddr *)&ss))
		close(fd);
	return true;
}

static int listener_ready(int fd, int revents, void *data)
{
	(void)fd;
	(void)revents;
	for (int i = 0; i < ACCEPTS_PER_WAKE && listener_accept(data); i++)
		;
	return 0;
}

static int listener_watch(struct iwarp_listener *l)
{
	return qb_loop_poll_add(l->t->base.loop, QB_LOOP_LOW, l->fd, POLLIN, l, listener_ready);
}

static void listeners_resume(struct iwarp *t)
{
	struct iwarp_listener *l;

	list_for_each(l, &t->listeners, link)
		if (l->paused && !listener_watch(l))
			l->paused = false;
}

/* What an administrator can do about it. */
static const char *advice(int err)
{
	switch (err) {
	case EADDRNOTAVAIL:
		return "not an address of this host";
	case EADDRINUSE:
		return "another program has this port";
	case EACCES:
	case EPERM:
		return "not permitted (ports below 1024 need CAP_NET_BIND_SERVICE)";
	case EAFNOSUPPORT:
		return "this host has no such addresses (is IPv6 switched off?)";
	default:
		return strerror(err);
	}
}

/* IPv4 and IPv6 never share a socket: who wants both listens twice. */
static int socket_listen(int fd, const struct sockaddr *sa, socklen_t len)
{
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		return -errno;
	if (sa->sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		return -errno;
	return bind(fd, sa, len) || listen(fd, BACKLOG) ? -errno : 0;
}

static int listener_open(struct iwarp_listener *l, const struct sockaddr *sa, socklen_t len)
{
	int rc;

	l->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	rc = socket_listen(l->fd, sa, len);
	if (!rc)
		rc = listener_watch(l);
	if (rc)
		close(l->fd);
	return rc;
}

static int family_check(const struct sockaddr *sa, socklen_t len, char *err, size_t errlen)
{
	socklen_t need = sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
						     sizeof(struct sockaddr_in);

	if ((sa->sa_family == AF_INET || sa->sa_family == AF_INET6) && len >= need)
		return 0;
	snprintf(err, errlen, "address family %d is not supported", sa->sa_family);
	return -EAFNOSUPPORT;
}

int iwarp_listen(struct transport *t, const struct sockaddr *sa, socklen_t len, void *ctx,
		 struct transport_listener **out, char *err, size_t errlen)
{
	struct iwarp_listener *l;
	int rc = family_check(sa, len, err, errlen);

	if (rc)
		return rc;
	l = calloc(1, sizeof(*l));
	rc = -ENOMEM;
	if (l) {
		l->t = iwarp_of(t);
		l->listener = (struct transport_listener){ .t = t, .ctx = ctx };
		list_init(&l->listener.link);
		rc = listener_open(l, sa, len);
	}
	if (rc) {
		snprintf(err, errlen, "%s", advice(-rc));
		free(l);
		return rc;
	}
	list_add_tail(&l->t->listeners, &l->link);
	*out = &l->listener;
	return 0;
}

/* Who has not yet said what he wants goes with it; SRP's requests stay. */
void iwarp_unlisten(struct transport_listener *listener)
{
	struct iwarp_listener *l = container_of(listener, struct iwarp_listener, listener);
	struct iwarp_request *req, *next;

	list_for_each_safe(req, next, &l->t->requests, link)
		if (req->l == l && !req->conn)
			request_close(req);
	if (!l->paused)
		qb_loop_poll_del(l->t->base.loop, l->fd);
	close(l->fd);
	list_del(&l->link);
	free(l);
}

void iwarp_listen_end(struct iwarp *t)
{
	while (!list_empty(&t->listeners))
		iwarp_unlisten(&list_first(&t->listeners, struct iwarp_listener, link)->listener);
	while (!list_empty(&t->requests))
		request_close(list_first(&t->requests, struct iwarp_request, link));
	if (t->ticking)
		qb_loop_timer_del(t->base.loop, t->tick);
	t->ticking = false;
}
