/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listeners of the RDMA CM. Control thread. */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG 1024

void verbs_addr_text(const struct sockaddr *sa, bool port, char *buf, size_t len)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
	bool v6 = sa->sa_family == AF_INET6;
	char text[INET6_ADDRSTRLEN] = "?", portal[IB_PORTAL_TEXT_MAX];

	if (sa->sa_family == AF_IB) {
		snprintf(buf, len, "%s", ib_portal_text((const void *)sa, portal));
		return;
	}
	if (v6)
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	else if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	if (!port)
		snprintf(buf, len, "%s", text);
	else
		snprintf(buf, len, v6 ? "[%s]:%u" : "%s:%u", text,
			 ntohs(v6 ? in6->sin6_port : in->sin_port));
}

static bool is_wildcard(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

	if (sa->sa_family == AF_IB)
		return true;
	return sa->sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) :
					   in->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* What an administrator can do about it. The kernel has two codes for a port in use. */
static const char *advice(int err, bool wildcard)
{
	if (err == EADDRNOTAVAIL && wildcard)
		err = EADDRINUSE;
	switch (err) {
	case ENODEV:
		return "no RDMA device has this address: load the driver of the adapter, or for "
		       "soft-RoCE: rdma link add rxe0 type rxe netdev INTERFACE";
	case EADDRNOTAVAIL:
		return "not an address of this host";
	case EADDRINUSE:
		return "another RDMA listener has this port (ib_srpt in the kernel?)";
	case EACCES:
	case EPERM:
		return "not permitted (ports below 1024 need CAP_NET_BIND_SERVICE)";
	default:
		return strerror(err);
	}
}

/*
 * IPv4 and IPv6 never share a listener: an iWARP device gives the peer's IPv4
 * address as a mapped IPv6 one there, and the kernel then refuses it.
 */
static int id_listen(struct verbs_id *l)
{
	struct sockaddr *sa = (struct sockaddr *)&l->sa;
	int one = 1, rc = verbs_channel_open(l->v);

	if (rc)
		return rc;
	if (verbs_ib_is(l))
		return verbs_ib_listen(l);
	if (rdma_create_id(l->v->ec, &l->cm, l, RDMA_PS_TCP))
		return -errno;
	if (sa->sa_family == AF_INET6)
		rdma_set_option(l->cm, RDMA_OPTION_ID, RDMA_OPTION_ID_AFONLY, &one, sizeof(one));
	if (!rdma_bind_addr(l->cm, sa) && !rdma_listen(l->cm, BACKLOG)) {
		if (l->cm->verbs) /* not of a wildcard */
			verbs_device_see(l->v, l->cm);
		return 0;
	}
	rc = -errno;
	rdma_destroy_id(l->cm);
	l->cm = NULL;
	return rc;
}

static bool family_known(sa_family_t family)
{
	return family == AF_INET || family == AF_INET6 || family == AF_IB;
}

static struct verbs_id *listener_new(struct transport *t, const struct sockaddr *sa, socklen_t len,
				     void *ctx)
{
	struct verbs_id *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->v = verbs_of(t);
	l->listener.t = t;
	l->listener.ctx = ctx;
	list_init(&l->listener.link);
	memcpy(&l->sa, sa, len);
	l->sa_len = len;
	return l;
}

static void listener_down(struct verbs_id *l)
{
	l->state = ID_LISTENER_DOWN;
	l->listener.down = true;
	verbs_tick_start(l->v);
}

int verbs_listen(struct transport *t, const struct sockaddr *sa, socklen_t len, void *ctx,
		 struct transport_listener **out, char *err, size_t errlen)
{
	char name[IB_PORTAL_TEXT_MAX];
	struct verbs_id *l;
	int rc;

	if (len > sizeof(l->sa) || !family_known(sa->sa_family)) {
		snprintf(err, errlen, "address family %d is not supported", sa->sa_family);
		return -EAFNOSUPPORT;
	}
	l = listener_new(t, sa, len, ctx);
	rc = l ? id_listen(l) : -ENOMEM;
	verbs_addr_text(sa, true, name, sizeof(name));
	if (rc == -ENODEV && is_wildcard(sa)) {
		log_warn("%s: no RDMA device on this host; waiting for one", name);
		listener_down(l);
	} else if (rc) {
		snprintf(err, errlen, "%s", advice(-rc, is_wildcard(sa)));
		free(l);
		return rc;
	} else {
		l->state = ID_LISTENING;
	}
	list_add_tail(&l->v->ids, &l->link);
	*out = &l->listener;
	return 0;
}

void verbs_unlisten(struct transport_listener *listener)
{
	struct verbs_id *l = container_of(listener, struct verbs_id, listener);

	if (verbs_ib_is(l))
		verbs_ib_hand_over(l);
	verbs_id_free(l);
}

void verbs_listener_lost(struct verbs_id *l, const char *why)
{
	char name[IB_PORTAL_TEXT_MAX];

	verbs_addr_text((struct sockaddr *)&l->sa, true, name, sizeof(name));
	log_warn("%s: %s; trying to listen again", name, why);
	rdma_destroy_id(l->cm);
	l->cm = NULL;
	listener_down(l);
}

void verbs_listener_retry(struct verbs_id *l)
{
	char name[IB_PORTAL_TEXT_MAX];

	if (id_listen(l))
		return;
	l->state = ID_LISTENING;
	l->listener.down = false;
	verbs_addr_text((struct sockaddr *)&l->sa, true, name, sizeof(name));
	log_notice("%s: listening", name);
	verbs_ports_tell(l->v);
}
